#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/memory.h"

enum { READ_BYTES = 1 << 16, MAX_DEPTH = 64 };

leit_status leit_file_read(const char *path, size_t limit_bytes, leit_buffer *content)
{
    leit_buffer_clear(content);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    LEIT_FAIL_IF(file < 0, LEIT_DATA, "cannot open %s: %s", path, leit_error_reason(errno));

    leit_status status = LEIT_OK;
    struct stat about;
    LEIT_FAIL_GOTO_IF(fstat(file, &about) != 0, done, LEIT_DATA, "cannot read %s: %s", path,
                      leit_error_reason(errno));
    LEIT_FAIL_GOTO_IF(S_ISDIR(about.st_mode), done, LEIT_DATA, "%s is a directory, expected a file",
                      path);
    char chunk[READ_BYTES];
    for (;;) {
        ssize_t got = read(file, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        LEIT_FAIL_GOTO_IF(got < 0, done, LEIT_DATA, "cannot read %s: %s", path,
                          leit_error_reason(errno));
        if (got == 0) break;
        LEIT_FAIL_GOTO_IF(content->size_bytes + (size_t)got > limit_bytes, done, LEIT_DATA,
                          "%s is larger than the limit of %zu bytes; is it the right file?", path,
                          limit_bytes);
        LEIT_TRY_GOTO(leit_buffer_append(content, chunk, (size_t)got), done);
    }
done:
    close(file);
    if (status != LEIT_OK) leit_buffer_clear(content);
    return status;
}

static leit_status sum_open_file(int file, const char *path, XXH3_state_t *state,
                                 int64_t *size_bytes)
{
    char chunk[READ_BYTES];
    *size_bytes = 0;
    for (;;) {
        ssize_t got = read(file, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        LEIT_FAIL_IF(got < 0, LEIT_DATA, "cannot read %s: %s", path, leit_error_reason(errno));
        if (got == 0) return LEIT_OK;
        XXH3_64bits_update(state, chunk, (size_t)got);
        *size_bytes += got;
    }
}

leit_status leit_file_sum(const char *path, uint64_t *sum, int64_t *size_bytes)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    LEIT_FAIL_IF(file < 0, LEIT_DATA, "cannot open %s: %s", path, leit_error_reason(errno));
    XXH3_state_t *state = XXH3_createState();
    if (state != NULL) XXH3_64bits_reset(state);
    leit_status status = state == NULL ? leit_fail(LEIT_INTERNAL, __func__, "out of memory")
                                       : sum_open_file(file, path, state, size_bytes);
    close(file);
    if (status == LEIT_OK) *sum = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return status;
}

static leit_status write_all(int file, const char *path, const char *bytes, size_t size_bytes)
{
    while (size_bytes > 0) {
        ssize_t put = write(file, bytes, size_bytes);
        if (put < 0 && errno == EINTR) continue;
        LEIT_FAIL_IF(put <= 0, LEIT_DATA, "cannot write %s: %s", path, leit_error_reason(errno));
        bytes += put;
        size_bytes -= (size_t)put;
    }
    return LEIT_OK;
}

leit_status leit_file_check_target(const char *path)
{
    leit_arena arena = {0};
    struct stat about;
    const char *folder = leit_path_directory(&arena, path);
    const bool has_folder = folder != NULL && stat(folder, &about) == 0;
    const int reason = errno;
    leit_arena_clear(&arena);
    LEIT_FAIL_IF(!has_folder, LEIT_DATA, "cannot write %s: %s", path, leit_error_reason(reason));
    LEIT_FAIL_IF(!S_ISDIR(about.st_mode), LEIT_DATA, "cannot write %s: %s", path,
                 leit_error_reason(ENOTDIR));
    if (lstat(path, &about) != 0) return LEIT_OK;
    LEIT_FAIL_IF(S_ISDIR(about.st_mode), LEIT_DATA, "%s is a directory, expected a file", path);
    LEIT_FAIL_IF(!S_ISREG(about.st_mode), LEIT_DATA,
                 "%s is a %s, expected a regular file; choose another name", path,
                 S_ISLNK(about.st_mode) ? "link" : "device or pipe");
    return LEIT_OK;
}

int leit_file_create_aside(const char *aside)
{
    unlink(aside); /* the leftover of a killed program, or a link that leads elsewhere */
    return open(aside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
}

leit_status leit_file_write(const char *path, const void *bytes, size_t size_bytes)
{
    LEIT_TRY(leit_file_check_target(path));
    leit_arena arena = {0};
    leit_status status = LEIT_OK;
    char *aside = leit_arena_printf(&arena, "%s.writing", path);
    if (aside == NULL) return LEIT_INTERNAL;

    int file = leit_file_create_aside(aside);
    LEIT_FAIL_GOTO_IF(file < 0, done, LEIT_DATA, "cannot write %s: %s", path,
                      leit_error_reason(errno));
    status = write_all(file, path, bytes, size_bytes);
    if (status == LEIT_OK && fsync(file) != 0)
        status =
            leit_fail(LEIT_DATA, __func__, "cannot write %s: %s", path, leit_error_reason(errno));
    close(file);
    if (status == LEIT_OK && rename(aside, path) != 0)
        status =
            leit_fail(LEIT_DATA, __func__, "cannot write %s: %s", path, leit_error_reason(errno));
    if (status != LEIT_OK) unlink(aside);
done:
    leit_arena_clear(&arena);
    return status;
}

bool leit_file_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

bool leit_file_is_directory(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

leit_status leit_file_size(const char *path, int64_t *size_bytes)
{
    struct stat about;
    LEIT_FAIL_IF(stat(path, &about) != 0, LEIT_DATA, "cannot read %s: %s", path,
                 leit_error_reason(errno));
    *size_bytes = about.st_size;
    return LEIT_OK;
}

leit_status leit_file_make_directory(const char *path)
{
    leit_arena arena = {0};
    char *partial = leit_arena_strdup(&arena, path);
    if (partial == NULL) return LEIT_INTERNAL;
    leit_status status = LEIT_OK;
    for (char *slash = partial + 1; status == LEIT_OK; slash++) {
        slash += strcspn(slash, "/");
        char end = *slash;
        *slash = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            status = leit_fail(LEIT_DATA, __func__, "cannot create directory %s: %s", partial,
                               leit_error_reason(errno));
        *slash = end;
        if (end == '\0') break;
    }
    if (status == LEIT_OK && !leit_file_is_directory(path))
        status = leit_fail(LEIT_DATA, __func__, "%s is a file, expected a directory", path);
    leit_arena_clear(&arena);
    return status;
}

leit_status leit_file_sync(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    LEIT_FAIL_IF(file < 0, LEIT_DATA, "cannot open %s: %s", path, leit_error_reason(errno));
    int result = fsync(file);
    int reason = errno;
    close(file);
    LEIT_FAIL_IF(result != 0, LEIT_DATA, "cannot flush %s: %s", path, leit_error_reason(reason));
    return LEIT_OK;
}

leit_status leit_file_remove(const char *path)
{
    struct stat about;
    const bool is_there = lstat(path, &about) == 0;
    if (!is_there && errno == ENOENT) return LEIT_OK;
    LEIT_FAIL_IF(!is_there, LEIT_DATA, "cannot remove %s: %s", path, leit_error_reason(errno));
    if (S_ISDIR(about.st_mode)) {
        DIR *directory = opendir(path);
        LEIT_FAIL_IF(directory == NULL, LEIT_DATA, "cannot open %s: %s", path,
                     leit_error_reason(errno));
        leit_arena arena = {0};
        leit_status status = LEIT_OK;
        for (struct dirent *entry; status == LEIT_OK && (entry = readdir(directory)) != NULL;) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
            char *inner = leit_path_join(&arena, path, entry->d_name);
            status = inner == NULL ? LEIT_INTERNAL : leit_file_remove(inner);
        }
        closedir(directory);
        leit_arena_clear(&arena);
        LEIT_TRY(status);
    }
    LEIT_FAIL_IF(remove(path) != 0, LEIT_DATA, "cannot remove %s: %s", path,
                 leit_error_reason(errno));
    return LEIT_OK;
}

/* The folder one is in and those above it: a link back to one of them is not followed again. */
typedef struct open_folder {
    dev_t device;
    ino_t inode;
    const struct open_folder *above;
} open_folder;

static bool is_above(const open_folder *folder, const struct stat *about)
{
    for (; folder != NULL; folder = folder->above)
        if (folder->device == about->st_dev && folder->inode == about->st_ino) return true;
    return false;
}

static leit_status list_below(const char *root, const char *relative, int depth,
                              const open_folder *above, leit_file_list *list)
{
    LEIT_FAIL_IF(depth > MAX_DEPTH, LEIT_DATA, "%s: folders nested deeper than %d at %s", root,
                 MAX_DEPTH, relative);
    leit_arena scratch = {0};
    struct stat about = {0};
    char *folder = leit_path_join(&scratch, root, relative);
    const bool is_there = folder != NULL && stat(folder, &about) == 0;
    if (is_there && is_above(above, &about)) {
        leit_arena_clear(&scratch);
        return LEIT_OK;
    }
    DIR *directory = is_there ? opendir(folder) : NULL;
    if (directory == NULL) {
        leit_status failed = leit_fail(LEIT_DATA, __func__, "cannot open %s: %s",
                                       folder == NULL ? root : folder, leit_error_reason(errno));
        leit_arena_clear(&scratch);
        return failed;
    }
    const open_folder here = {about.st_dev, about.st_ino, above};
    leit_status status = LEIT_OK;
    for (struct dirent *entry; status == LEIT_OK && (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *inner = *relative == '\0' ? leit_arena_strdup(&list->strings, entry->d_name)
                                        : leit_path_join(&list->strings, relative, entry->d_name);
        char *full = inner == NULL ? NULL : leit_path_join(&scratch, root, inner);
        if (full == NULL) {
            status = LEIT_INTERNAL;
        } else if (leit_file_is_directory(full)) {
            status = list_below(root, inner, depth + 1, &here, list);
        } else {
            status = LEIT_GROW(list->paths, list->count, list->capacity);
            if (status == LEIT_OK) list->paths[list->count++] = inner;
        }
    }
    closedir(directory);
    leit_arena_clear(&scratch);
    return status;
}

static int compare_paths(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

leit_status leit_file_list_tree(const char *directory, leit_file_list *list)
{
    leit_file_list_clear(list);
    LEIT_TRY(list_below(directory, "", 0, NULL, list));
    if (list->count > 0) qsort(list->paths, list->count, sizeof *list->paths, compare_paths);
    return LEIT_OK;
}

void leit_file_list_clear(leit_file_list *list)
{
    leit_free(list->paths);
    leit_arena_clear(&list->strings);
    *list = (leit_file_list){0};
}

char *leit_path_join(leit_arena *arena, const char *directory, const char *name)
{
    if (name[0] == '/' || directory[0] == '\0') return leit_arena_strdup(arena, name);
    if (name[0] == '\0') return leit_arena_strdup(arena, directory);
    size_t length = strlen(directory);
    const char *separator = directory[length - 1] == '/' ? "" : "/";
    return leit_arena_printf(arena, "%s%s%s", directory, separator, name);
}

char *leit_path_directory(leit_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return leit_arena_strdup(arena, ".");
    if (slash == path) return leit_arena_strdup(arena, "/");
    return leit_arena_strndup(arena, path, (size_t)(slash - path));
}

const char *leit_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

const char *leit_path_extension(const char *path)
{
    const char *name = leit_path_name(path);
    const char *dot = strrchr(name, '.');
    return dot == NULL || dot == name ? "" : dot + 1;
}
