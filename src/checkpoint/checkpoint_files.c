#include "checkpoint/checkpoint_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "container/container.h"
#include "core/file.h"
#include "core/memory.h"

enum { MANIFEST_LIMIT_BYTES = 1 << 20, SUM_DIGITS = 16 };

leit_status leit_checkpoint_manifest_write(const char *folder,
                                           const leit_checkpoint_manifest *manifest)
{
    leit_arena arena = {0};
    leit_buffer text = {0};
    leit_status status = LEIT_INTERNAL;
    char *path = leit_path_join(&arena, folder, LEIT_CHECKPOINT_MANIFEST);
    if (path == NULL) goto done;
    LEIT_TRY_GOTO(leit_buffer_printf(&text,
                                     "{\"format\": \"%s\", \"version\": %d, \"files\": {\"%s\": "
                                     "{\"bytes\": %" PRId64 ", \"xxh3\": \"%016" PRIx64 "\"}}}\n",
                                     LEIT_CHECKPOINT_FORMAT, LEIT_CHECKPOINT_VERSION,
                                     LEIT_CHECKPOINT_TENSORS, manifest->bytes, manifest->sum),
                  done);
    status = leit_file_write(path, text.data, text.size_bytes);
done:
    leit_buffer_clear(&text);
    leit_arena_clear(&arena);
    return status;
}

/* The sum is written as 16 small hexadecimal digits and read as nothing else. */
static bool parse_sum(const char *text, uint64_t *sum)
{
    if (text == NULL || strlen(text) != SUM_DIGITS ||
        strspn(text, "0123456789abcdef") != SUM_DIGITS)
        return false;
    *sum = strtoull(text, NULL, 16);
    return true;
}

static leit_status take_manifest(const json_t *root, leit_checkpoint_manifest *manifest)
{
    const char *format = json_string_value(json_object_get(root, "format"));
    LEIT_FAIL_IF(format == NULL || strcmp(format, LEIT_CHECKPOINT_FORMAT) != 0, LEIT_DATA,
                 "%s names the format %s, expected %s", LEIT_CHECKPOINT_MANIFEST,
                 format == NULL ? "nowhere" : format, LEIT_CHECKPOINT_FORMAT);
    const json_t *version = json_object_get(root, "version");
    LEIT_FAIL_IF(!json_is_integer(version), LEIT_DATA, "%s has no whole number 'version'",
                 LEIT_CHECKPOINT_MANIFEST);
    LEIT_FAIL_IF(
        json_integer_value(version) != LEIT_CHECKPOINT_VERSION, LEIT_DATA,
        "%s has version %lld, this program reads version %d: use the program that wrote it",
        LEIT_CHECKPOINT_MANIFEST, (long long)json_integer_value(version), LEIT_CHECKPOINT_VERSION);
    const json_t *files = json_object_get(root, "files");
    const json_t *tensors = json_object_get(files, LEIT_CHECKPOINT_TENSORS);
    LEIT_FAIL_IF(!json_is_object(tensors) || json_object_size(files) != 1, LEIT_DATA,
                 "%s lists %zu files, expected %s alone", LEIT_CHECKPOINT_MANIFEST,
                 json_object_size(files), LEIT_CHECKPOINT_TENSORS);
    const json_t *bytes = json_object_get(tensors, "bytes");
    LEIT_FAIL_IF(!json_is_integer(bytes) || json_integer_value(bytes) < 0, LEIT_DATA,
                 "%s has no size of %s", LEIT_CHECKPOINT_MANIFEST, LEIT_CHECKPOINT_TENSORS);
    manifest->bytes = json_integer_value(bytes);
    LEIT_FAIL_IF(!parse_sum(json_string_value(json_object_get(tensors, "xxh3")), &manifest->sum),
                 LEIT_DATA, "%s has no XXH3 sum of %s", LEIT_CHECKPOINT_MANIFEST,
                 LEIT_CHECKPOINT_TENSORS);
    return LEIT_OK;
}

static leit_status parse_manifest(const leit_buffer *text, leit_checkpoint_manifest *manifest)
{
    json_error_t error;
    json_t *root =
        json_loadb(leit_buffer_text(text), text->size_bytes, JSON_REJECT_DUPLICATES, &error);
    LEIT_FAIL_IF(root == NULL, LEIT_DATA, "%s, line %d, column %d: %s", LEIT_CHECKPOINT_MANIFEST,
                 error.line, error.column, error.text);
    leit_status status = take_manifest(root, manifest);
    json_decref(root);
    return status;
}

leit_status leit_checkpoint_manifest_read(const char *folder, leit_checkpoint_manifest *manifest)
{
    leit_arena arena = {0};
    leit_buffer text = {0};
    leit_status status = LEIT_INTERNAL;
    char *path = leit_path_join(&arena, folder, LEIT_CHECKPOINT_MANIFEST);
    char *tensors = leit_path_join(&arena, folder, LEIT_CHECKPOINT_TENSORS);
    if (path == NULL || tensors == NULL) goto done;
    LEIT_TRY_GOTO(leit_file_read(path, MANIFEST_LIMIT_BYTES, &text), done);
    LEIT_TRY_GOTO(parse_manifest(&text, manifest), done);
    int64_t bytes = 0;
    LEIT_TRY_GOTO(leit_file_size(tensors, &bytes), done);
    LEIT_FAIL_GOTO_IF(bytes != manifest->bytes, done, LEIT_DATA,
                      "%s has %" PRId64 " bytes, the manifest says %" PRId64,
                      LEIT_CHECKPOINT_TENSORS, bytes, manifest->bytes);
done:
    leit_buffer_clear(&text);
    leit_arena_clear(&arena);
    return status;
}

/* Takes a file out of the page cache where the system does that: what is read then is the disk's.
 */
static void forget_pages(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
}

leit_status leit_checkpoint_measure(const char *folder, leit_checkpoint_manifest *manifest)
{
    leit_arena arena = {0};
    leit_status status = LEIT_INTERNAL;
    char *path = leit_path_join(&arena, folder, LEIT_CHECKPOINT_TENSORS);
    if (path != NULL) {
        forget_pages(path);
        status = leit_file_sum(path, &manifest->sum, &manifest->bytes);
    }
    leit_arena_clear(&arena);
    return status;
}

/* The sum of the whole file comes first: after it the library meets only bytes that were written.
 */
leit_status leit_checkpoint_check_folder(const char *folder)
{
    leit_checkpoint_manifest said = {0}, found = {0};
    LEIT_TRY(leit_checkpoint_manifest_read(folder, &said));
    LEIT_TRY(leit_checkpoint_measure(folder, &found));
    LEIT_FAIL_IF(found.bytes != said.bytes || found.sum != said.sum, LEIT_DATA,
                 "%s is damaged: its XXH3 sum is %016" PRIx64 ", the manifest says %016" PRIx64,
                 LEIT_CHECKPOINT_TENSORS, found.sum, said.sum);
    leit_arena arena = {0};
    leit_container *container = NULL;
    char *path = leit_path_join(&arena, folder, LEIT_CHECKPOINT_TENSORS);
    leit_status status = path == NULL ? LEIT_INTERNAL
                                      : leit_container_open(path, LEIT_CHECKPOINT_FORMAT,
                                                            LEIT_CHECKPOINT_VERSION, &container);
    if (status == LEIT_OK) status = leit_container_verify(container);
    leit_container_close(container);
    leit_arena_clear(&arena);
    return status;
}
