#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/checkpoint_files.h"
#include "container/container.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/prefix.h"

struct leit_checkpoint {
    leit_arena arena;
    const char *path;
    leit_container *tensors;
};

static const char cure[] = "use another checkpoint of the run, or train again";

static leit_status cannot_read(const char *path, leit_status status)
{
    if (status != LEIT_DATA) return status;
    return leit_fail(LEIT_CHECKPOINT, leit_error_function(), "checkpoint %s: %s; %s", path,
                     leit_error_message(), cure);
}

/* Follows `latest` by hand, so that one reader sees one checkpoint while the link moves, and finds
 * a checkpoint that a killed save has moved aside (see take_name in checkpoint_writer.c). */
static const char *settle(const char *path, leit_arena *arena)
{
    enum { TARGET_BYTES = 1024 };
    char *target = leit_arena_allocate(arena, TARGET_BYTES);
    char *folder = leit_path_directory(arena, path);
    if (target == NULL || folder == NULL) return NULL;
    ssize_t length = readlink(path, target, TARGET_BYTES - 1);
    if (length > 0) {
        target[length] = '\0';
        path = leit_path_join(arena, folder, target);
        folder = path == NULL ? NULL : leit_path_directory(arena, path);
        if (folder == NULL) return NULL;
    }
    if (leit_file_is_directory(path)) return path;
    char *replaced = leit_arena_printf(arena, "%s/.replaced-%s", folder, leit_path_name(path));
    if (replaced == NULL) return NULL;
    return leit_file_is_directory(replaced) ? replaced : path;
}

/* Trailing slashes would make a link look like its folder. */
static char *without_slashes(const char *path, leit_arena *arena)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    return leit_arena_strndup(arena, path, length);
}

static leit_status resolve(const char *path, leit_arena *arena, const char **folder)
{
    char *given = without_slashes(path, arena);
    char *of_run = given == NULL ? NULL : leit_path_join(arena, given, "checkpoints");
    if (of_run == NULL) return LEIT_INTERNAL;
    const char *found = NULL;
    if (leit_file_is_directory(of_run)) {
        char *best = leit_path_join(arena, of_run, "best");
        char *latest = leit_path_join(arena, of_run, "latest");
        if (best == NULL || latest == NULL) return LEIT_INTERNAL;
        found = settle(best, arena);
        if (found != NULL && !leit_file_is_directory(found)) found = settle(latest, arena);
        LEIT_FAIL_IF(found != NULL && !leit_file_is_directory(found), LEIT_CHECKPOINT,
                     "run %s has no checkpoint yet: %s has neither best nor latest; train it first",
                     path, of_run);
    } else {
        found = settle(given, arena);
    }
    if (found == NULL) return LEIT_INTERNAL;
    LEIT_FAIL_IF(!leit_file_is_directory(found), LEIT_CHECKPOINT,
                 "there is no checkpoint %s; expected a checkpoint or the folder of a run, which "
                 "leitmotif train makes",
                 path);
    *folder = found;
    return LEIT_OK;
}

leit_status leit_checkpoint_open(const char *path, leit_checkpoint **checkpoint)
{
    *checkpoint = NULL;
    leit_checkpoint *opened = NULL;
    LEIT_TRY(LEIT_ALLOC(opened, 1));
    leit_checkpoint_manifest manifest = {0};
    leit_status status = resolve(path, &opened->arena, &opened->path);
    if (status == LEIT_OK)
        status = cannot_read(opened->path, leit_checkpoint_manifest_read(opened->path, &manifest));
    if (status == LEIT_OK) {
        char *tensors = leit_path_join(&opened->arena, opened->path, LEIT_CHECKPOINT_TENSORS);
        status = tensors == NULL ? LEIT_INTERNAL
                                 : leit_container_open(tensors, LEIT_CHECKPOINT_FORMAT,
                                                       LEIT_CHECKPOINT_VERSION, &opened->tensors);
        status = cannot_read(opened->path, status);
    }
    if (status != LEIT_OK) {
        leit_checkpoint_close(opened);
        return status;
    }
    *checkpoint = opened;
    return LEIT_OK;
}

void leit_checkpoint_close(leit_checkpoint *checkpoint)
{
    if (checkpoint == NULL) return;
    leit_container_close(checkpoint->tensors);
    leit_arena_clear(&checkpoint->arena);
    leit_free(checkpoint);
}

const char *leit_checkpoint_path(const leit_checkpoint *checkpoint)
{
    return checkpoint->path;
}

bool leit_checkpoint_has(const leit_checkpoint *checkpoint, const char *name)
{
    leit_tensor about;
    return leit_container_has(checkpoint->tensors, name) &&
           leit_container_describe(checkpoint->tensors, name, &about) == LEIT_OK;
}

leit_status leit_checkpoint_read(const leit_checkpoint *checkpoint, const leit_tensor *tensor)
{
    return cannot_read(checkpoint->path,
                       leit_container_read(checkpoint->tensors, tensor->name, tensor->dtype,
                                           tensor->rank, tensor->shape, tensor->data,
                                           leit_tensor_bytes(tensor)));
}

leit_status leit_checkpoint_map(const leit_checkpoint *checkpoint, const leit_tensor *tensor,
                                const void **data)
{
    int64_t shape[LEIT_MAX_RANK];
    memcpy(shape, tensor->shape, sizeof shape);
    return cannot_read(checkpoint->path,
                       leit_container_map(checkpoint->tensors, tensor->name, tensor->dtype,
                                          tensor->rank, shape, LEIT_CHECK_SUM, data));
}

static leit_status list_tensors(const leit_checkpoint *checkpoint, leit_arena *arena,
                                leit_tensor **tensors, int64_t *n)
{
    const char **names = NULL;
    int64_t n_names = 0;
    LEIT_TRY(leit_container_names(checkpoint->tensors, "", arena, &n_names, &names));
    *tensors = leit_arena_allocate(arena, (size_t)n_names * sizeof **tensors);
    if (*tensors == NULL) return LEIT_INTERNAL;
    *n = 0;
    for (int64_t i = 0; i < n_names; i++) {
        if (leit_starts_with(names[i], LEIT_CHECKPOINT_ABOUT "/")) continue;
        LEIT_TRY(leit_container_describe(checkpoint->tensors, names[i], &(*tensors)[*n]));
        ++*n;
    }
    return LEIT_OK;
}

leit_status leit_checkpoint_list(const leit_checkpoint *checkpoint, leit_arena *arena,
                                 leit_tensor **tensors, int64_t *n)
{
    return cannot_read(checkpoint->path, list_tensors(checkpoint, arena, tensors, n));
}

leit_status leit_checkpoint_strings(const leit_checkpoint *checkpoint, const char *name,
                                    leit_arena *arena, int64_t *n, const char *const **strings)
{
    char *place = leit_arena_printf(arena, LEIT_CHECKPOINT_ABOUT "/%s", name);
    if (place == NULL) return LEIT_INTERNAL;
    const char **found = NULL;
    LEIT_TRY(cannot_read(checkpoint->path, leit_container_read_strings(checkpoint->tensors, place,
                                                                       arena, n, &found)));
    *strings = found;
    return LEIT_OK;
}

leit_status leit_checkpoint_text(const leit_checkpoint *checkpoint, const char *name,
                                 leit_arena *arena, const char **text)
{
    int64_t n = 0;
    const char *const *strings = NULL;
    LEIT_TRY(leit_checkpoint_strings(checkpoint, name, arena, &n, &strings));
    LEIT_FAIL_IF(n != 1, LEIT_CHECKPOINT,
                 "checkpoint %s: %s is a list of %lld strings, expected one "
                 "text; %s",
                 checkpoint->path, name, (long long)n, cure);
    *text = strings[0];
    return LEIT_OK;
}

leit_status leit_checkpoint_i64(const leit_checkpoint *checkpoint, const char *name, int64_t *value)
{
    return cannot_read(checkpoint->path,
                       leit_container_i64(checkpoint->tensors, LEIT_CHECKPOINT_ABOUT, name, value));
}

leit_status leit_checkpoint_f64(const leit_checkpoint *checkpoint, const char *name, double *value)
{
    return cannot_read(checkpoint->path,
                       leit_container_f64(checkpoint->tensors, LEIT_CHECKPOINT_ABOUT, name, value));
}

leit_status leit_checkpoint_verify(const char *path)
{
    leit_arena arena = {0};
    const char *folder = NULL;
    leit_status status = resolve(path, &arena, &folder);
    if (status == LEIT_OK) status = cannot_read(folder, leit_checkpoint_check_folder(folder));
    leit_arena_clear(&arena);
    return status;
}
