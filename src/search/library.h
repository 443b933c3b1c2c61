/* The audio files of a folder as they are now. */
#ifndef LEIT_SEARCH_LIBRARY_H
#define LEIT_SEARCH_LIBRARY_H

#include "core/file.h"
#include "leitmotif/search.h"

typedef struct leit_library_file {
    const char *path; /* relative to the folder */
    int64_t size_bytes, mtime_ns;
} leit_library_file;

/* What cannot be used, with its reason. */
typedef struct leit_skip_list {
    leit_index_skip *skips;
    size_t count, capacity;
    leit_arena arena;
} leit_skip_list;

/* Copies both strings; bytes of the path that are not UTF-8 become U+FFFD. */
leit_status leit_skip_list_add(leit_skip_list *list, const char *path, const char *reason);
void leit_skip_list_clear(leit_skip_list *list);

typedef struct leit_library {
    leit_library_file *files; /* sorted by path in byte order */
    size_t count, capacity;
    leit_file_list tree; /* owns the paths */
} leit_library;

/* Lists what has the extension of an audio file, whatever its case. Files without a usable name
 * (not UTF-8, a line break) and links that lead nowhere go to `skips`. LEIT_DATA when the folder
 * is missing or cannot be read. */
leit_status leit_library_scan(const char *folder, leit_library *library, leit_skip_list *skips);
void leit_library_clear(leit_library *library);

#endif
