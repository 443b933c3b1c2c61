/* Files: read whole with a limit, written whole or not at all, and the path arithmetic that goes
 * with them. Every failure names the path and the system's reason.
 */
#ifndef LEIT_CORE_FILE_H
#define LEIT_CORE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/buffer.h"

/* Reads a regular file into `content` (replaced). LEIT_DATA when it is missing, unreadable, a
 * directory, or larger than limit_bytes. */
leit_status leit_file_read(const char *path, size_t limit_bytes, leit_buffer *content);

/* XXH3-64 of a file's bytes, read in pieces, and how many there are. */
leit_status leit_file_sum(const char *path, uint64_t *sum, int64_t *size_bytes);

/* LEIT_DATA unless a file can take this place: nothing is there or a regular file, and the folder
 * exists. Renaming onto a device or a link would replace the device or link itself. */
leit_status leit_file_check_target(const char *path);

/* Creates the file that is written aside and renamed later, in the place of whatever has that name
 * but a directory; a link is not followed. The descriptor, or -1 and errno. */
int leit_file_create_aside(const char *aside);

/* Writes aside, flushes to the disk and renames: after a failure the old file is untouched and
 * nothing half-written is left. */
leit_status leit_file_write(const char *path, const void *bytes, size_t size_bytes);

bool leit_file_exists(const char *path);
bool leit_file_is_directory(const char *path);
leit_status leit_file_size(const char *path, int64_t *size_bytes);

/* Creates a directory and its missing parents. */
leit_status leit_file_make_directory(const char *path);

/* Flushes a file or directory to the disk. */
leit_status leit_file_sync(const char *path);

/* Removes a file or a whole directory tree; a missing one is fine. */
leit_status leit_file_remove(const char *path);

/* All regular files below a directory, sorted by path in byte order; paths are relative to it. */
typedef struct leit_file_list {
    char **paths;
    size_t count, capacity;
    leit_arena strings;
} leit_file_list;
leit_status leit_file_list_tree(const char *directory, leit_file_list *list);
void leit_file_list_clear(leit_file_list *list);

/* "directory/name", or `name` itself when it is absolute. NULL when memory is short. */
char *leit_path_join(leit_arena *arena, const char *directory, const char *name);
/* The part before the last '/', "." when there is none. */
char *leit_path_directory(leit_arena *arena, const char *path);
/* The part after the last '/'. */
const char *leit_path_name(const char *path);
/* The extension without its dot, "" when there is none. */
const char *leit_path_extension(const char *path);

#endif
