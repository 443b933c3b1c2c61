#include "search/library.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/memory.h"
#include "text/unicode.h"

static bool is_audio(const char *path)
{
    static const char *const extensions[] = {"wav",  "flac", "ogg", "oga",
                                             "opus", "mp3",  "aif", "aiff"};
    const char *extension = leit_path_extension(path);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (strcasecmp(extension, extensions[i]) == 0) return true;
    return false;
}

/* The path with U+FFFD for every byte that is not UTF-8; *is_valid says whether there was one. */
static char *readable_path(leit_arena *arena, const char *path, bool *is_valid)
{
    enum { REPLACEMENT_BYTES = 3 };
    const size_t length = strlen(path);
    char *copy = leit_arena_allocate(arena, length * REPLACEMENT_BYTES + 1);
    *is_valid = true;
    size_t written = 0;
    for (const char *at = path, *end = path + length; copy != NULL && at < end;) {
        int32_t code_point = 0;
        const size_t taken = leit_utf8_decode(at, end, &code_point);
        if (code_point == LEIT_REPLACEMENT_CHARACTER && taken == 1) *is_valid = false;
        written += leit_utf8_encode(code_point, copy + written);
        at += taken;
    }
    return copy;
}

leit_status leit_skip_list_add(leit_skip_list *list, const char *path, const char *reason)
{
    bool is_valid;
    LEIT_TRY(LEIT_GROW(list->skips, list->count, list->capacity));
    leit_index_skip *skip = &list->skips[list->count];
    skip->path = readable_path(&list->arena, path, &is_valid);
    skip->reason = readable_path(&list->arena, reason, &is_valid);
    if (skip->path == NULL || skip->reason == NULL) return LEIT_INTERNAL;
    list->count++;
    return LEIT_OK;
}

void leit_skip_list_clear(leit_skip_list *list)
{
    leit_free(list->skips);
    leit_arena_clear(&list->arena);
    *list = (leit_skip_list){0};
}

static leit_status look_at(const char *folder, const char *path, leit_library *library,
                           leit_skip_list *skips)
{
    leit_arena scratch = {0};
    bool is_valid = false;
    struct stat about;
    const char *full = leit_path_join(&scratch, folder, path);
    if (full == NULL || readable_path(&scratch, path, &is_valid) == NULL) {
        leit_arena_clear(&scratch);
        return LEIT_INTERNAL;
    }
    const char *reason = NULL;
    if (!is_valid)
        reason = "its name is not UTF-8";
    else if (strpbrk(path, "\r\n") != NULL)
        reason = "its name holds a line break, which a playlist cannot say";
    else if (stat(full, &about) != 0)
        reason = leit_error_reason(errno);
    else if (!S_ISREG(about.st_mode))
        reason = "it is not a regular file";
    leit_arena_clear(&scratch);
    if (reason != NULL) return leit_skip_list_add(skips, path, reason);

    LEIT_TRY(LEIT_GROW(library->files, library->count, library->capacity));
    library->files[library->count++] = (leit_library_file){
        .path = path,
        .size_bytes = about.st_size,
        .mtime_ns = (int64_t)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec};
    return LEIT_OK;
}

leit_status leit_library_scan(const char *folder, leit_library *library, leit_skip_list *skips)
{
    *library = (leit_library){0};
    leit_status status = leit_file_list_tree(folder, &library->tree);
    for (size_t i = 0; status == LEIT_OK && i < library->tree.count; i++)
        if (is_audio(library->tree.paths[i]))
            status = look_at(folder, library->tree.paths[i], library, skips);
    if (status != LEIT_OK) leit_library_clear(library);
    return status;
}

void leit_library_clear(leit_library *library)
{
    leit_free(library->files);
    leit_file_list_clear(&library->tree);
    *library = (leit_library){0};
}
