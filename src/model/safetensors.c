#include "model/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/file.h"
#include "core/memory.h"

enum { LENGTH_BYTES = 8, HEADER_LIMIT_BYTES = 100 * 1000 * 1000 };

static const char metadata_key[] = "__metadata__";

struct leit_safetensors {
    leit_arena arena;
    const char *path;
    const unsigned char *mapping;
    size_t size_bytes;
    leit_safetensors_entry *entries;
    int64_t count;
    const leit_safetensors_entry **by_name;
};

static const char *const dtype_names[] = {
#define DTYPE_NAME(name, bytes) #name,
    LEIT_SAFETENSORS_DTYPE_LIST(DTYPE_NAME)
#undef DTYPE_NAME
};
static const int64_t dtype_bytes[] = {
#define DTYPE_BYTES(name, bytes) bytes,
    LEIT_SAFETENSORS_DTYPE_LIST(DTYPE_BYTES)
#undef DTYPE_BYTES
};
enum { N_DTYPES = sizeof dtype_bytes / sizeof *dtype_bytes };

/* ---- reading ---- */

static leit_status map_file(const char *path, leit_safetensors *file)
{
    const int opened = open(path, O_RDONLY | O_CLOEXEC);
    LEIT_FAIL_IF(opened < 0, LEIT_DATA, "cannot open %s: %s", path, leit_error_reason(errno));
    leit_status status = LEIT_OK;
    struct stat about;
    LEIT_FAIL_GOTO_IF(fstat(opened, &about) != 0, done, LEIT_DATA, "cannot read %s: %s", path,
                      leit_error_reason(errno));
    LEIT_FAIL_GOTO_IF(!S_ISREG(about.st_mode), done, LEIT_DATA,
                      "%s is no file, expected a safetensors file", path);
    LEIT_FAIL_GOTO_IF(about.st_size < LENGTH_BYTES, done, LEIT_DATA,
                      "%s has %lld bytes, too few for a safetensors file; fetch it again", path,
                      (long long)about.st_size);
    void *mapping = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, opened, 0);
    LEIT_FAIL_GOTO_IF(mapping == MAP_FAILED, done, LEIT_DATA, "cannot map %s: %s", path,
                      leit_error_reason(errno));
    file->mapping = mapping;
    file->size_bytes = (size_t)about.st_size;
done:
    close(opened);
    return status;
}

static leit_status take_dtype(const char *path, const json_t *about, leit_safetensors_entry *entry)
{
    const char *text = json_string_value(json_object_get(about, "dtype"));
    LEIT_FAIL_IF(text == NULL, LEIT_DATA, "%s: %s has no dtype", path, entry->name);
    for (int i = 0; i < N_DTYPES; i++) {
        if (strcmp(text, dtype_names[i]) != 0) continue;
        entry->dtype = (leit_safetensors_dtype)i;
        return LEIT_OK;
    }
    LEIT_FAIL(LEIT_DATA, "%s: %s has dtype %s, which this program does not read", path, entry->name,
              text);
}

static leit_status take_shape(const char *path, const json_t *about, leit_safetensors_entry *entry)
{
    const json_t *shape = json_object_get(about, "shape");
    const size_t rank = json_array_size(shape);
    LEIT_FAIL_IF(!json_is_array(shape) || rank > LEIT_MAX_RANK, LEIT_DATA,
                 "%s: %s has rank %zu, expected a shape of rank 0 to %d", path, entry->name, rank,
                 LEIT_MAX_RANK);
    entry->rank = (int)rank;
    entry->count = 1;
    for (int axis = 0; axis < entry->rank; axis++) {
        const json_t *length = json_array_get(shape, (size_t)axis);
        entry->shape[axis] = json_integer_value(length);
        LEIT_FAIL_IF(!json_is_integer(length) || entry->shape[axis] < 0 ||
                         __builtin_mul_overflow(entry->count, entry->shape[axis], &entry->count),
                     LEIT_DATA, "%s: %s has an impossible length on axis %d", path, entry->name,
                     axis);
    }
    return LEIT_OK;
}

static leit_status take_offsets(const char *path, const json_t *about, int64_t data_bytes,
                                leit_safetensors_entry *entry)
{
    const json_t *offsets = json_object_get(about, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    LEIT_FAIL_IF(json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end),
                 LEIT_DATA, "%s: %s has no two data_offsets", path, entry->name);
    entry->begin = json_integer_value(begin);
    entry->end = json_integer_value(end);
    LEIT_FAIL_IF(entry->begin < 0 || entry->end < entry->begin || entry->end > data_bytes,
                 LEIT_DATA, "%s: %s lies at %" PRId64 " to %" PRId64 " of %" PRId64 " bytes", path,
                 entry->name, entry->begin, entry->end, data_bytes);
    int64_t bytes;
    LEIT_FAIL_IF(__builtin_mul_overflow(entry->count, dtype_bytes[entry->dtype], &bytes) ||
                     bytes != entry->end - entry->begin,
                 LEIT_DATA, "%s: %s has %" PRId64 " bytes, not those of %" PRId64 " elements of %s",
                 path, entry->name, entry->end - entry->begin, entry->count,
                 dtype_names[entry->dtype]);
    return LEIT_OK;
}

static int compare_offsets(const void *left, const void *right)
{
    const leit_safetensors_entry *a = left, *b = right;
    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end) return a->end < b->end ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int compare_names(const void *left, const void *right)
{
    const leit_safetensors_entry *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

/* In order of their offsets, each tensor begins where the one before ends. */
static leit_status check_cover(const leit_safetensors *file, int64_t data_bytes)
{
    int64_t end = 0;
    for (int64_t i = 0; i < file->count; i++) {
        const leit_safetensors_entry *entry = &file->entries[i];
        LEIT_FAIL_IF(entry->begin < end, LEIT_DATA, "%s: %s overlaps %s", file->path, entry->name,
                     file->entries[i - 1].name);
        LEIT_FAIL_IF(entry->begin > end, LEIT_DATA,
                     "%s: %" PRId64 " bytes before %s belong to no tensor", file->path,
                     entry->begin - end, entry->name);
        end = entry->end;
    }
    LEIT_FAIL_IF(end != data_bytes, LEIT_DATA, "%s: the last %" PRId64 " bytes belong to no tensor",
                 file->path, data_bytes - end);
    return LEIT_OK;
}

static leit_status take_entries(leit_safetensors *file, json_t *header, const unsigned char *data,
                                int64_t data_bytes)
{
    LEIT_FAIL_IF(!json_is_object(header), LEIT_DATA, "%s: the header is no JSON object",
                 file->path);
    const size_t n = json_object_size(header);
    LEIT_TRY(LEIT_ALLOC(file->entries, n));
    LEIT_TRY(LEIT_ALLOC(file->by_name, n));
    const char *name;
    json_t *about;
    json_object_foreach(header, name, about)
    {
        if (strcmp(name, metadata_key) == 0) continue;
        leit_safetensors_entry *entry = &file->entries[file->count];
        entry->name = leit_arena_strdup(&file->arena, name);
        if (entry->name == NULL) return LEIT_INTERNAL;
        LEIT_TRY(take_dtype(file->path, about, entry));
        LEIT_TRY(take_shape(file->path, about, entry));
        LEIT_TRY(take_offsets(file->path, about, data_bytes, entry));
        entry->data = data + entry->begin;
        file->count++;
    }
    qsort(file->entries, (size_t)file->count, sizeof *file->entries, compare_offsets);
    for (int64_t i = 0; i < file->count; i++) file->by_name[i] = &file->entries[i];
    qsort(file->by_name, (size_t)file->count, sizeof(*file->by_name), compare_names);
    return check_cover(file, data_bytes);
}

static leit_status read_header(leit_safetensors *file)
{
    uint64_t header_bytes = 0;
    for (int i = LENGTH_BYTES; i-- > 0;) header_bytes = header_bytes << 8 | file->mapping[i];
    const uint64_t rest = file->size_bytes - LENGTH_BYTES;
    LEIT_FAIL_IF(header_bytes > HEADER_LIMIT_BYTES, LEIT_DATA,
                 "%s says its header has %" PRIu64 " bytes, expected at most %d; it is no "
                 "safetensors file",
                 file->path, header_bytes, HEADER_LIMIT_BYTES);
    LEIT_FAIL_IF(header_bytes > rest, LEIT_DATA,
                 "%s says its header has %" PRIu64 " bytes, the file has %" PRIu64
                 " more; it may be truncated, fetch it again",
                 file->path, header_bytes, rest);
    json_error_t error;
    json_t *header = json_loadb((const char *)file->mapping + LENGTH_BYTES, (size_t)header_bytes,
                                JSON_REJECT_DUPLICATES, &error);
    LEIT_FAIL_IF(header == NULL, LEIT_DATA, "%s: header, byte %d: %s; fetch the file again",
                 file->path, error.position, error.text);
    leit_status status = take_entries(file, header, file->mapping + LENGTH_BYTES + header_bytes,
                                      (int64_t)(rest - header_bytes));
    json_decref(header);
    if (status != LEIT_DATA) return status;
    return leit_fail(status, leit_error_function(),
                     "%s; the file may be truncated or its header lies, fetch it again",
                     leit_error_message());
}

leit_status leit_safetensors_open(const char *path, leit_safetensors **file)
{
    *file = NULL;
    leit_safetensors *opened = NULL;
    LEIT_TRY(LEIT_ALLOC(opened, 1));
    opened->path = leit_arena_strdup(&opened->arena, path);
    leit_status status = opened->path == NULL ? LEIT_INTERNAL : map_file(path, opened);
    if (status == LEIT_OK) status = read_header(opened);
    if (status != LEIT_OK) {
        leit_safetensors_close(opened);
        return status;
    }
    *file = opened;
    return LEIT_OK;
}

void leit_safetensors_close(leit_safetensors *file)
{
    if (file == NULL) return;
    if (file->mapping != NULL) munmap((void *)(uintptr_t)file->mapping, file->size_bytes);
    leit_free(file->entries);
    leit_free(file->by_name);
    leit_arena_clear(&file->arena);
    leit_free(file);
}

const char *leit_safetensors_path(const leit_safetensors *file)
{
    return file->path;
}

int64_t leit_safetensors_count(const leit_safetensors *file)
{
    return file->count;
}

const leit_safetensors_entry *leit_safetensors_at(const leit_safetensors *file, int64_t index)
{
    return &file->entries[index];
}

const leit_safetensors_entry *leit_safetensors_find(const leit_safetensors *file, const char *name)
{
    const leit_safetensors_entry key = {.name = name}, *wanted = &key;
    const leit_safetensors_entry **found =
        bsearch(&wanted, file->by_name, (size_t)file->count, sizeof(*file->by_name), compare_names);
    return found == NULL ? NULL : *found;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE half to single. A subnormal half is a multiple of 2^-24 and exact as a product. */
static float half_to_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31;
    const uint32_t mantissa = half & 0x3ff;
    if (exponent == 31) return float_of(sign | 0x7f800000 | mantissa << 13);
    if (exponent > 0) return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
    const float small = (float)mantissa * 0x1p-24f;
    return sign != 0 ? -small : small;
}

leit_status leit_safetensors_read_f32(const leit_safetensors *file,
                                      const leit_safetensors_entry *entry, int64_t first,
                                      int64_t count, float *values)
{
    LEIT_FAIL_IF(first < 0 || count < 0 || first > entry->count || count > entry->count - first,
                 LEIT_DATA,
                 "%s: %s has %" PRId64 " elements, %" PRId64 " were asked for from %" PRId64,
                 file->path, entry->name, entry->count, count, first);
    const unsigned char *data = entry->data + first * dtype_bytes[entry->dtype];
    switch (entry->dtype) {
    case LEIT_SAFETENSORS_F32:
        if (count > 0) memcpy(values, data, (size_t)count * sizeof *values);
        return LEIT_OK;
    case LEIT_SAFETENSORS_F16:
    case LEIT_SAFETENSORS_BF16:
        for (int64_t i = 0; i < count; i++) {
            const uint16_t bits = (uint16_t)(data[2 * i] | data[2 * i + 1] << 8);
            values[i] = entry->dtype == LEIT_SAFETENSORS_F16 ? half_to_float(bits)
                                                             : float_of((uint32_t)bits << 16);
        }
        return LEIT_OK;
    default:
        LEIT_FAIL(LEIT_DATA, "%s: %s is %s, expected F32, F16 or BF16", file->path, entry->name,
                  dtype_names[entry->dtype]);
    }
}

/* ---- writing ---- */

static const char *name_of_dtype(leit_dtype dtype)
{
    switch (dtype) {
    case LEIT_F32: return "F32";
    case LEIT_BF16: return "BF16";
    case LEIT_F64: return "F64";
    case LEIT_U8: return "U8";
    case LEIT_I16: return "I16";
    case LEIT_I32: return "I32";
    case LEIT_I64: return "I64";
    }
    return "";
}

static int compare_tensors(const void *left, const void *right)
{
    const leit_tensor *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* The header as jansson writes it, padded with spaces so that the data is aligned. `sorted` are the
 * tensors by name. transformers asks for the metadata. */
static leit_status make_header(const char *path, const leit_tensor *sorted, int64_t n,
                               leit_buffer *header)
{
    json_t *root = json_pack("{s:{s:s}}", metadata_key, "format", "pt");
    leit_status status = LEIT_OK;
    int64_t offset = 0;
    for (int64_t i = 0; i < n; i++) {
        const leit_tensor *tensor = &sorted[i];
        LEIT_FAIL_GOTO_IF(i > 0 && strcmp(sorted[i - 1].name, tensor->name) == 0, done, LEIT_DATA,
                          "cannot write %s: two tensors are named %s", path, tensor->name);
        const int64_t end = offset + (int64_t)leit_tensor_bytes(tensor);
        json_t *shape = json_array();
        for (int axis = 0; axis < tensor->rank; axis++)
            json_array_append_new(shape, json_integer(tensor->shape[axis]));
        json_t *about =
            json_pack("{s:s, s:o, s:[I, I]}", "dtype", name_of_dtype(tensor->dtype), "shape", shape,
                      "data_offsets", (json_int_t)offset, (json_int_t)end);
        LEIT_FAIL_GOTO_IF(about == NULL || json_object_set_new(root, tensor->name, about) != 0,
                          done, LEIT_DATA, "cannot write %s: %s is no UTF-8 name", path,
                          tensor->name);
        offset = end;
    }
    char *text = json_dumps(root, JSON_COMPACT);
    status = text == NULL ? leit_fail(LEIT_INTERNAL, __func__, "out of memory")
                          : leit_buffer_puts(header, text);
    free(text);
    while (status == LEIT_OK && header->size_bytes % LENGTH_BYTES != 0)
        status = leit_buffer_puts(header, " ");
done:
    json_decref(root);
    return status;
}

static leit_status write_sorted(const char *path, const leit_tensor *sorted, int64_t n)
{
    leit_buffer header = {0};
    unsigned char *bytes = NULL;
    leit_status status = make_header(path, sorted, n, &header);
    size_t size_bytes = LENGTH_BYTES + header.size_bytes, used = size_bytes;
    for (int64_t i = 0; i < n; i++) size_bytes += leit_tensor_bytes(&sorted[i]);
    if (status == LEIT_OK) status = LEIT_ALLOC(bytes, size_bytes);
    if (status == LEIT_OK) {
        for (int i = 0; i < LENGTH_BYTES; i++)
            bytes[i] = (unsigned char)(header.size_bytes >> 8 * i);
        memcpy(bytes + LENGTH_BYTES, header.data, header.size_bytes);
        for (int64_t i = 0; i < n; i++) {
            const size_t tensor_bytes = leit_tensor_bytes(&sorted[i]);
            if (tensor_bytes > 0) memcpy(bytes + used, sorted[i].data, tensor_bytes);
            used += tensor_bytes;
        }
        status = leit_file_write(path, bytes, size_bytes);
    }
    leit_free(bytes);
    leit_buffer_clear(&header);
    return status;
}

leit_status leit_safetensors_write(const char *path, const leit_tensor *tensors, int64_t n)
{
    leit_tensor *sorted = NULL;
    LEIT_TRY(LEIT_ALLOC(sorted, n));
    if (n > 0) memcpy(sorted, tensors, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_tensors);
    leit_status status = write_sorted(path, sorted, n);
    leit_free(sorted);
    return status;
}
