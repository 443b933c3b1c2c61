/* A run's folder of checkpoints: the newest that is whole, and which are kept. Pruned ones lose
 * their name first, so that a kill in between leaves a leftover and never half a checkpoint. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/prefix.h"

/* ---- names ---- */

typedef struct entries {
    leit_arena strings;
    const char **names;
    size_t count, capacity;
} entries;

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static leit_status list_folder(const char *folder, entries *found)
{
    DIR *directory = opendir(folder);
    LEIT_FAIL_IF(directory == NULL, LEIT_DATA, "cannot open it: %s", leit_error_reason(errno));
    leit_status status = LEIT_OK;
    for (struct dirent *entry; status == LEIT_OK && (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        status = LEIT_GROW(found->names, found->count, found->capacity);
        if (status != LEIT_OK) break;
        found->names[found->count] = leit_arena_strdup(&found->strings, entry->d_name);
        status = found->names[found->count++] == NULL ? LEIT_INTERNAL : LEIT_OK;
    }
    closedir(directory);
    if (status == LEIT_OK && found->count > 0)
        qsort(found->names, found->count, sizeof *found->names, compare_names);
    return status;
}

static bool is_checkpoint(const char *folder, const char *name, leit_arena *arena)
{
    struct stat about;
    char *path = leit_path_join(arena, folder, name);
    return name[0] != '.' && path != NULL && lstat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* The name `latest` points to, "" when there is none. */
static const char *latest_name(const char *folder, leit_arena *arena)
{
    enum { TARGET_BYTES = 1024 };
    char *link = leit_path_join(arena, folder, "latest");
    char *target = leit_arena_allocate(arena, TARGET_BYTES);
    if (link == NULL || target == NULL) return NULL;
    ssize_t length = readlink(link, target, TARGET_BYTES - 1);
    if (length < 0) return "";
    target[length] = '\0';
    return leit_path_name(target);
}

/* ---- pruning ---- */

/* A save whose writer lives holds a lock on its folder. */
static bool is_under_way(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return false;
    bool locked = flock(folder, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(folder);
    return locked;
}

/* What a killed save or prune has left. A checkpoint that was moved aside for one that never came
 * gets its name back. */
static leit_status clean_leftover(const char *folder, const char *name, leit_arena *arena)
{
    static const char replaced[] = ".replaced-";
    char *path = leit_path_join(arena, folder, name);
    if (path == NULL) return LEIT_INTERNAL;
    if (leit_starts_with(name, ".saving-"))
        return is_under_way(path) ? LEIT_OK : leit_file_remove(path);
    if (leit_starts_with(name, ".removing-") || leit_starts_with(name, ".latest-"))
        return leit_file_remove(path);
    if (!leit_starts_with(name, replaced)) return LEIT_OK;
    char *original = leit_path_join(arena, folder, name + strlen(replaced));
    if (original == NULL) return LEIT_INTERNAL;
    if (leit_file_exists(original)) return leit_file_remove(path);
    LEIT_FAIL_IF(rename(path, original) != 0, LEIT_DATA, "cannot rename %s to %s: %s", path,
                 original, leit_error_reason(errno));
    return LEIT_OK;
}

static leit_status remove_checkpoint(const char *folder, const char *name, leit_arena *arena)
{
    char *path = leit_path_join(arena, folder, name);
    char *aside = leit_arena_printf(arena, "%s/.removing-%s", folder, name);
    if (path == NULL || aside == NULL) return LEIT_INTERNAL;
    LEIT_FAIL_IF(rename(path, aside) != 0, LEIT_DATA, "cannot rename %s to %s: %s", path, aside,
                 leit_error_reason(errno));
    return leit_file_remove(aside);
}

static leit_status prune(const char *folder, const char *prefix, int keep, entries *found)
{
    LEIT_TRY(list_folder(folder, found));
    leit_arena *arena = &found->strings;
    for (size_t i = 0; i < found->count; i++)
        if (found->names[i][0] == '.') LEIT_TRY(clean_leftover(folder, found->names[i], arena));

    const char *latest = latest_name(folder, arena);
    if (latest == NULL) return LEIT_INTERNAL;
    int kept = 0;
    for (size_t i = found->count; i-- > 0;) {
        const char *name = found->names[i];
        if (!leit_starts_with(name, prefix) || !is_checkpoint(folder, name, arena)) continue;
        if (kept++ < keep || strcmp(name, latest) == 0) continue;
        LEIT_TRY(remove_checkpoint(folder, name, arena));
    }
    return LEIT_OK;
}

leit_status leit_checkpoint_prune(const char *folder, const char *prefix, int keep)
{
    entries found = {0};
    leit_status status = prune(folder, prefix, keep, &found);
    leit_free(found.names);
    leit_arena_clear(&found.strings);
    if (status != LEIT_DATA) return status;
    return leit_fail(LEIT_CHECKPOINT, __func__,
                     "cannot prune the checkpoints in %s: %s; make the folder writable or remove "
                     "the old ones by hand",
                     folder, leit_error_message());
}

/* ---- the newest ---- */

/* Why those were passed over that cannot be used, newest first: damaged, or of another version. */
typedef struct reasons {
    const char **sentences;
    size_t count, capacity;
} reasons;

/* Opens a checkpoint when this program reads it and every sum in it is right; notes why not
 * otherwise. */
static leit_status open_whole(const char *folder, const char *name, leit_arena *arena,
                              reasons *passed, leit_checkpoint **checkpoint)
{
    const char *path = leit_path_join(arena, folder, name);
    if (path == NULL) return LEIT_INTERNAL;
    leit_status status = leit_checkpoint_verify(path);
    if (status == LEIT_OK) return leit_checkpoint_open(path, checkpoint);
    if (status != LEIT_CHECKPOINT) return status;
    const char *sentence = leit_arena_strdup(arena, leit_error_message());
    if (sentence == NULL) return LEIT_INTERNAL;
    LEIT_TRY(LEIT_GROW(passed->sentences, passed->count, passed->capacity));
    passed->sentences[passed->count++] = sentence;
    return LEIT_OK;
}

static leit_status open_newest(const char *folder, const char *prefix, entries *found,
                               reasons *passed, leit_checkpoint **checkpoint)
{
    leit_arena *arena = &found->strings;
    if (!leit_file_is_directory(folder)) return LEIT_OK;
    LEIT_TRY(list_folder(folder, found));
    const char *latest = latest_name(folder, arena);
    if (latest == NULL) return LEIT_INTERNAL;
    if (latest[0] != '\0') LEIT_TRY(open_whole(folder, "latest", arena, passed, checkpoint));
    for (size_t i = found->count; *checkpoint == NULL && i-- > 0;) {
        const char *name = found->names[i];
        if (leit_starts_with(name, prefix) && strcmp(name, latest) != 0 &&
            is_checkpoint(folder, name, arena))
            LEIT_TRY(open_whole(folder, name, arena, passed, checkpoint));
    }
    LEIT_FAIL_IF(*checkpoint == NULL && passed->count > 0, LEIT_CHECKPOINT,
                 "no checkpoint in %s can be used (the newest of %zu: %s), or start anew with "
                 "run.resume=never",
                 folder, passed->count, passed->sentences[0]);
    for (size_t i = 0; i < passed->count; i++)
        leit_log(LEIT_LOG_WARNING, "an older checkpoint has to do: %s", passed->sentences[i]);
    return LEIT_OK;
}

leit_status leit_checkpoint_open_newest(const char *folder, const char *prefix,
                                        leit_checkpoint **checkpoint)
{
    entries found = {0};
    reasons passed = {0};
    *checkpoint = NULL;
    leit_status status = open_newest(folder, prefix, &found, &passed, checkpoint);
    leit_free(passed.sentences);
    leit_free(found.names);
    leit_arena_clear(&found.strings);
    return status == LEIT_DATA ? leit_fail_context(LEIT_CHECKPOINT, "%s", folder) : status;
}
