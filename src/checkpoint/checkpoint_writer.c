/* Saving. The order is the point: everything is on the disk and read back before a name changes,
 * and every change of a name is one atomic call. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/checkpoint_files.h"
#include "container/container.h"
#include "core/file.h"
#include "core/memory.h"

struct leit_checkpoint_writer {
    leit_arena arena;
    const char *folder, *name;
    const char *path, *aside; /* <folder>/<name>, <folder>/.saving-<name>-<pid> */
    leit_container_writer *tensors;
    int lock;    /* the folder aside, open and locked as long as we live */
    bool broken; /* something could not be added: commit refuses */
};

/* Says where saving stopped; LEIT_INTERNAL (memory) keeps its sentence. */
static leit_status cannot_save(leit_checkpoint_writer *writer, leit_status status)
{
    writer->broken = writer->broken || status != LEIT_OK;
    if (status != LEIT_DATA) return status;
    return leit_fail(LEIT_CHECKPOINT, leit_error_function(),
                     "cannot save checkpoint %s: %s; the checkpoints before it are untouched",
                     writer->path, leit_error_message());
}

static leit_status check_name(const char *folder, const char *name)
{
    LEIT_FAIL_IF(name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL ||
                     strcmp(name, "latest") == 0,
                 LEIT_CHECKPOINT,
                 "cannot save a checkpoint named '%s' in %s: expected a name without '/', not "
                 "starting with '.', other than 'latest'",
                 name, folder);
    return LEIT_OK;
}

static leit_status open_aside(leit_checkpoint_writer *writer)
{
    LEIT_TRY(leit_file_make_directory(writer->folder));
    LEIT_TRY(leit_file_remove(writer->aside));
    LEIT_TRY(leit_file_make_directory(writer->aside));
    writer->lock = open(writer->aside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    LEIT_FAIL_IF(writer->lock < 0, LEIT_DATA, "cannot open %s: %s", writer->aside,
                 leit_error_reason(errno));
    /* Where the file system has no locks, one writer for each folder has to be enough. */
    (void)flock(writer->lock, LOCK_EX | LOCK_NB);
    const char *tensors = leit_path_join(&writer->arena, writer->aside, LEIT_CHECKPOINT_TENSORS);
    if (tensors == NULL) return LEIT_INTERNAL;
    return leit_container_create(tensors, LEIT_CHECKPOINT_FORMAT, LEIT_CHECKPOINT_VERSION,
                                 &writer->tensors);
}

leit_status leit_checkpoint_create(const char *folder, const char *name,
                                   leit_checkpoint_writer **writer)
{
    *writer = NULL;
    LEIT_TRY(check_name(folder, name));
    leit_checkpoint_writer *made = NULL;
    LEIT_TRY(LEIT_ALLOC(made, 1));
    made->lock = -1;
    made->folder = leit_arena_strdup(&made->arena, folder);
    made->name = leit_arena_strdup(&made->arena, name);
    made->path = leit_path_join(&made->arena, folder, name);
    made->aside =
        leit_arena_printf(&made->arena, "%s/.saving-%s-%ld", folder, name, (long)getpid());
    leit_status status = LEIT_INTERNAL;
    if (made->folder != NULL && made->name != NULL && made->path != NULL && made->aside != NULL)
        status = cannot_save(made, open_aside(made));
    if (status != LEIT_OK) {
        leit_checkpoint_abort(made);
        return status;
    }
    *writer = made;
    return LEIT_OK;
}

static bool is_about(const char *name)
{
    const size_t length = strlen(LEIT_CHECKPOINT_ABOUT);
    return strncmp(name, LEIT_CHECKPOINT_ABOUT, length) == 0 &&
           (name[length] == '\0' || name[length] == '/');
}

leit_status leit_checkpoint_add(leit_checkpoint_writer *writer, const leit_tensor *tensor)
{
    LEIT_FAIL_IF(is_about(tensor->name), LEIT_CHECKPOINT,
                 "cannot save checkpoint %s: a tensor named %s would lie among the texts; choose "
                 "another name",
                 writer->path, tensor->name);
    return cannot_save(writer, leit_container_write(writer->tensors, tensor->name, tensor->dtype,
                                                    tensor->rank, tensor->shape, tensor->data));
}

leit_status leit_checkpoint_add_strings(leit_checkpoint_writer *writer, const char *name, int64_t n,
                                        const char *const *strings)
{
    char *place = leit_arena_printf(&writer->arena, LEIT_CHECKPOINT_ABOUT "/%s", name);
    if (place == NULL) return LEIT_INTERNAL;
    return cannot_save(writer, leit_container_write_strings(writer->tensors, place, n, strings));
}

leit_status leit_checkpoint_add_text(leit_checkpoint_writer *writer, const char *name,
                                     const char *text)
{
    return leit_checkpoint_add_strings(writer, name, 1, &text);
}

leit_status leit_checkpoint_add_i64(leit_checkpoint_writer *writer, const char *name, int64_t value)
{
    return cannot_save(writer,
                       leit_container_set_i64(writer->tensors, LEIT_CHECKPOINT_ABOUT, name, value));
}

leit_status leit_checkpoint_add_f64(leit_checkpoint_writer *writer, const char *name, double value)
{
    return cannot_save(writer,
                       leit_container_set_f64(writer->tensors, LEIT_CHECKPOINT_ABOUT, name, value));
}

static leit_status rename_path(const char *from, const char *to)
{
    LEIT_FAIL_IF(rename(from, to) != 0, LEIT_DATA, "cannot rename %s to %s: %s", from, to,
                 leit_error_reason(errno));
    return LEIT_OK;
}

/* Gives the folder aside its name. An old checkpoint of that name changes places with it in one
 * call; a file system that cannot do that gets two, and leit_checkpoint_open knows where the old
 * one is in between. */
static leit_status take_name(leit_checkpoint_writer *writer)
{
    char *replaced =
        leit_arena_printf(&writer->arena, "%s/.replaced-%s", writer->folder, writer->name);
    if (replaced == NULL) return LEIT_INTERNAL;
    if (leit_file_exists(writer->path)) {
        LEIT_TRY(leit_file_remove(replaced));
        if (renameat2(AT_FDCWD, writer->aside, AT_FDCWD, writer->path, RENAME_EXCHANGE) == 0)
            return LEIT_OK; /* the old one is at `aside` now, and goes with it */
        LEIT_TRY(rename_path(writer->path, replaced));
        leit_status status = rename_path(writer->aside, writer->path);
        if (status != LEIT_OK) (void)rename(replaced, writer->path);
        return status;
    }
    return rename_path(writer->aside, writer->path);
}

static leit_status move_latest(leit_checkpoint_writer *writer)
{
    char *link = leit_path_join(&writer->arena, writer->folder, "latest");
    char *aside =
        leit_arena_printf(&writer->arena, "%s/.latest-%ld", writer->folder, (long)getpid());
    if (link == NULL || aside == NULL) return LEIT_INTERNAL;
    LEIT_TRY(leit_file_remove(aside));
    LEIT_FAIL_IF(symlink(writer->name, aside) != 0, LEIT_DATA, "cannot make the link %s: %s", aside,
                 leit_error_reason(errno));
    leit_status status = rename_path(aside, link);
    if (status != LEIT_OK) unlink(aside);
    return status;
}

static leit_status write_and_check(leit_checkpoint_writer *writer)
{
    LEIT_FAIL_IF(writer->broken, LEIT_DATA, "commit after an addition that failed");
    leit_container_writer *tensors = writer->tensors;
    writer->tensors = NULL;
    LEIT_TRY(leit_container_commit(tensors));
    leit_checkpoint_manifest manifest = {0};
    LEIT_TRY(leit_checkpoint_measure(writer->aside, &manifest));
    LEIT_TRY(leit_checkpoint_manifest_write(writer->aside, &manifest));
    LEIT_TRY(leit_file_sync(writer->aside));
    return leit_checkpoint_check_folder(writer->aside);
}

leit_status leit_checkpoint_commit(leit_checkpoint_writer *writer, bool moves_latest)
{
    leit_status status = write_and_check(writer);
    if (status == LEIT_OK) status = take_name(writer);
    if (status == LEIT_OK) status = leit_file_sync(writer->folder);
    if (status == LEIT_OK && moves_latest) {
        status = move_latest(writer);
        if (status == LEIT_OK) status = leit_file_sync(writer->folder);
    }
    status = cannot_save(writer, status);
    leit_checkpoint_abort(writer); /* also removes what was replaced */
    return status;
}

/* Removes what lies aside: after a commit that is the checkpoint that was replaced, if any. */
void leit_checkpoint_abort(leit_checkpoint_writer *writer)
{
    if (writer == NULL) return;
    leit_container_abort(writer->tensors);
    if (writer->lock >= 0) {
        /* A failed removal is the next prune's; the sentence of the first failure is kept. */
        leit_arena *arena = &writer->arena;
        const char *function = leit_error_function();
        const char *sentence = leit_arena_strdup(arena, leit_error_message());
        (void)leit_file_remove(writer->aside);
        char *replaced = leit_arena_printf(arena, "%s/.replaced-%s", writer->folder, writer->name);
        if (replaced != NULL && leit_file_exists(writer->path)) (void)leit_file_remove(replaced);
        if (sentence != NULL) (void)leit_fail(LEIT_OK, function, "%s", sentence);
        close(writer->lock);
    }
    leit_arena_clear(&writer->arena);
    leit_free(writer);
}
