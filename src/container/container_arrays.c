/* Everything that is read was checked first: element type, rank, shape, storage, and that the file
 * is large enough for it. The library is asked for sizes and places; data of contiguous arrays
 * could be read without it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "container/container_reader.h"
#include "core/memory.h"

/* An open array and what is known about it. */
typedef struct array {
    hid_t dataset;
    leit_tensor about;
    int64_t bytes;
    bool contiguous, native; /* native: stored as the machine stores it */
    int64_t offset_bytes;    /* in the file; -1 when it has no one place */
} array;

static bool classify(hid_t type, bool bf16, leit_dtype *dtype)
{
    size_t size_bytes = H5Tget_size(type);
    H5T_class_t class = H5Tget_class(type);
    if (class == H5T_FLOAT && (size_bytes == 4 || size_bytes == 8)) {
        *dtype = size_bytes == 4 ? LEIT_F32 : LEIT_F64;
        return true;
    }
    if (class != H5T_INTEGER) return false;
    bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
    if (!is_signed && size_bytes == 1)
        *dtype = LEIT_U8;
    else if (!is_signed && size_bytes == 2 && bf16)
        *dtype = LEIT_BF16;
    else if (is_signed && size_bytes == 2)
        *dtype = LEIT_I16;
    else if (is_signed && size_bytes == 4)
        *dtype = LEIT_I32;
    else if (is_signed && size_bytes == 8)
        *dtype = LEIT_I64;
    else
        return false;
    return true;
}

static bool says_bf16(const leit_container *container, const char *name, hid_t dataset)
{
    if (H5Aexists(dataset, "dtype") <= 0) return false;
    leit_arena arena = {0};
    const char *text = NULL;
    bool says = leit_container_text(container, name, "dtype", &arena, &text) == LEIT_OK &&
                strcmp(text, "bf16") == 0;
    leit_arena_clear(&arena);
    return says;
}

static leit_status check_type(const leit_container *container, const char *name, array *found)
{
    hid_t type = H5Dget_type(found->dataset);
    bool known = classify(type, says_bf16(container, name, found->dataset), &found->about.dtype);
    found->native = known && H5Tequal(type, leit_hdf5_file_type(found->about.dtype)) > 0;
    H5Tclose(type);
    LEIT_FAIL_IF(!known, LEIT_DATA, "%s: %s has an element type this program does not read",
                 container->path, name);
    return LEIT_OK;
}

static leit_status check_space(const leit_container *container, const char *name, array *found)
{
    hid_t space = H5Dget_space(found->dataset);
    hsize_t dims[H5S_MAX_RANK] = {0};
    H5S_class_t class = H5Sget_simple_extent_type(space);
    int rank = class == H5S_NULL ? -1 : H5Sget_simple_extent_dims(space, dims, NULL);
    H5Sclose(space);
    LEIT_FAIL_IF(rank < 0 || rank > LEIT_MAX_RANK, LEIT_DATA,
                 "%s: %s has rank %d, expected 0 to %d", container->path, name, rank,
                 LEIT_MAX_RANK);
    found->about.rank = rank;
    found->bytes = (int64_t)leit_dtype_bytes(found->about.dtype);
    bool empty = false, fits = true;
    for (int axis = 0; axis < rank; axis++) {
        fits = fits && dims[axis] <= INT64_MAX;
        found->about.shape[axis] = (int64_t)dims[axis];
        empty = empty || dims[axis] == 0;
        fits = fits && (dims[axis] == 0 ||
                        !__builtin_mul_overflow(found->bytes, (int64_t)dims[axis], &found->bytes));
    }
    LEIT_FAIL_IF(!fits, LEIT_DATA, "%s: %s is too large for this machine", container->path, name);
    if (empty) found->bytes = 0;
    return LEIT_OK;
}

/* An array that claims more bytes than the file has is a lie unless a filter has packed it, and none
 * has packed ours. */
static leit_status check_storage(const leit_container *container, const char *name, array *found)
{
    hid_t creation = H5Dget_create_plist(found->dataset);
    H5D_layout_t layout = H5Pget_layout(creation);
    int n_external = H5Pget_external_count(creation), n_filters = H5Pget_nfilters(creation);
    H5Pclose(creation);
    LEIT_FAIL_IF(n_external != 0 || layout == H5D_VIRTUAL, LEIT_DATA,
                 "%s: %s is stored in another file, expected all data in this one", container->path,
                 name);
    LEIT_FAIL_IF(n_filters != 0 && container->is_ours, LEIT_DATA,
                 "%s: %s is packed by a filter, expected plain bytes; unpack it: h5repack -f NONE",
                 container->path, name);
    LEIT_FAIL_IF(n_filters == 0 && found->bytes > container->size_bytes, LEIT_DATA,
                 "%s: %s is said to have %lld bytes, the file has %lld", container->path, name,
                 (long long)found->bytes, (long long)container->size_bytes);
    found->contiguous = layout == H5D_CONTIGUOUS;
    found->offset_bytes = -1;
    if (!found->contiguous || found->bytes == 0) return LEIT_OK;
    haddr_t offset = H5Dget_offset(found->dataset);
    LEIT_FAIL_IF(offset == HADDR_UNDEF || offset > (haddr_t)container->size_bytes ||
                     found->bytes > container->size_bytes - (int64_t)offset,
                 LEIT_DATA, "%s: %s lies outside of the file", container->path, name);
    found->offset_bytes = (int64_t)offset;
    return LEIT_OK;
}

static leit_status open_array(const leit_container *container, const char *name, array *found)
{
    *found = (array){.dataset = H5I_INVALID_HID, .about.name = name};
    LEIT_FAIL_IF(!leit_container_object_exists(container, name), LEIT_DATA, "%s has no %s",
                 container->path, name);
    found->dataset = H5Dopen2(container->file, name, H5P_DEFAULT);
    LEIT_FAIL_IF(found->dataset < 0, LEIT_DATA, "%s: cannot open %s as an array: %s",
                 container->path, name, leit_hdf5_reason());
    leit_status status = check_type(container, name, found);
    if (status == LEIT_OK) status = check_space(container, name, found);
    if (status == LEIT_OK) status = check_storage(container, name, found);
    if (status != LEIT_OK) H5Dclose(found->dataset);
    return status;
}

leit_status leit_container_describe(const leit_container *container, const char *name,
                                    leit_tensor *about)
{
    HDF5_ALONE;
    array found;
    LEIT_TRY(open_array(container, name, &found));
    H5Dclose(found.dataset);
    *about = found.about;
    return LEIT_OK;
}

static leit_status check_expected(const leit_container *container, const array *found,
                                  leit_dtype dtype, int rank, const int64_t *shape)
{
    const leit_tensor *about = &found->about;
    LEIT_FAIL_IF(about->dtype != dtype, LEIT_DATA, "%s: %s is %s, expected %s", container->path,
                 about->name, leit_dtype_text(about->dtype), leit_dtype_text(dtype));
    bool same = about->rank == rank;
    for (int axis = 0; same && axis < rank; axis++)
        same = shape[axis] == -1 || shape[axis] == about->shape[axis];
    char is[96], expected[96];
    LEIT_FAIL_IF(!same, LEIT_DATA, "%s: %s has shape %s, expected %s", container->path, about->name,
                 leit_shape_text(about->rank, about->shape, is, sizeof is),
                 leit_shape_text(rank, shape, expected, sizeof expected));
    return LEIT_OK;
}

static leit_status read_array(const leit_container *container, const array *found, void *data)
{
    if (found->bytes == 0) return LEIT_OK;
    LEIT_FAIL_IF(H5Dread(found->dataset, leit_hdf5_memory_type(found->about.dtype), H5S_ALL,
                         H5S_ALL, H5P_DEFAULT, data) < 0,
                 LEIT_DATA, "%s: cannot read %s: %s", container->path, found->about.name,
                 leit_hdf5_reason());
    return LEIT_OK;
}

static leit_status check_sum(const leit_container *container, const array *found, uint64_t sum)
{
    const char *name = found->about.name;
    hid_t attribute = H5Aexists(found->dataset, "xxh3") > 0
                          ? H5Aopen(found->dataset, "xxh3", H5P_DEFAULT)
                          : H5I_INVALID_HID;
    if (attribute < 0) {
        LEIT_FAIL_IF(container->is_ours, LEIT_DATA, "%s: %s has no sum", container->path, name);
        return LEIT_OK;
    }
    leit_arena arena = {0};
    const char *stored = NULL;
    char text[SUM_TEXT_BYTES];
    leit_container_sum_text(sum, text);
    leit_status status = leit_container_take_text(container, attribute, "xxh3", &arena, &stored);
    if (status == LEIT_OK && strcmp(stored, text) != 0)
        status = leit_fail(LEIT_DATA, __func__,
                           "%s: %s is damaged: its XXH3 sum is %s, the file says %s",
                           container->path, name, text, stored);
    leit_arena_clear(&arena);
    return status;
}

static leit_status read_and_check(const leit_container *container, const array *found, void *data)
{
    LEIT_TRY(read_array(container, found, data));
    return check_sum(container, found, XXH3_64bits(data, (size_t)found->bytes));
}

leit_status leit_container_read(const leit_container *container, const char *name, leit_dtype dtype,
                                int rank, const int64_t *shape, void *data, size_t capacity_bytes)
{
    HDF5_ALONE;
    array found;
    LEIT_TRY(open_array(container, name, &found));
    leit_status status = check_expected(container, &found, dtype, rank, shape);
    if (status == LEIT_OK && (uint64_t)found.bytes > capacity_bytes)
        status = leit_fail(LEIT_DATA, __func__, "%s: %s has %lld bytes, there is room for %zu",
                           container->path, name, (long long)found.bytes, capacity_bytes);
    if (status == LEIT_OK) status = read_and_check(container, &found, data);
    H5Dclose(found.dataset);
    return status;
}

static void set_shape(int64_t *shape, const array *found)
{
    for (int axis = 0; axis < found->about.rank; axis++) shape[axis] = found->about.shape[axis];
}

leit_status leit_container_load(const leit_container *container, const char *name, leit_dtype dtype,
                                int rank, int64_t *shape, void **data)
{
    HDF5_ALONE;
    array found;
    LEIT_TRY(open_array(container, name, &found));
    void *memory = NULL;
    leit_status status = check_expected(container, &found, dtype, rank, shape);
    if (status == LEIT_OK) {
        memory = leit_allocate((size_t)found.bytes, 1);
        status = memory == NULL ? LEIT_INTERNAL : read_and_check(container, &found, memory);
    }
    H5Dclose(found.dataset);
    if (status != LEIT_OK) {
        leit_free(memory);
        return status;
    }
    set_shape(shape, &found);
    *data = memory;
    return LEIT_OK;
}

static leit_status read_rows(const leit_container *container, const array *found, int64_t first,
                             int64_t n, void *data)
{
    hsize_t start[LEIT_MAX_RANK] = {(hsize_t)first}, count[LEIT_MAX_RANK] = {(hsize_t)n};
    for (int axis = 1; axis < found->about.rank; axis++)
        count[axis] = (hsize_t)found->about.shape[axis];
    hid_t rows = H5Screate_simple(found->about.rank, count, NULL);
    hid_t space = H5Dget_space(found->dataset);
    bool fine = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                H5Dread(found->dataset, leit_hdf5_memory_type(found->about.dtype), rows, space,
                        H5P_DEFAULT, data) >= 0;
    H5Sclose(space);
    H5Sclose(rows);
    LEIT_FAIL_IF(!fine, LEIT_DATA, "%s: cannot read %s: %s", container->path, found->about.name,
                 leit_hdf5_reason());
    return LEIT_OK;
}

leit_status leit_container_read_rows(const leit_container *container, const char *name,
                                     leit_dtype dtype, int64_t first, int64_t n, void *data,
                                     size_t capacity_bytes)
{
    HDF5_ALONE;
    array found;
    LEIT_TRY(open_array(container, name, &found));
    leit_status status = LEIT_OK;
    int64_t n_rows = found.about.rank == 0 ? 0 : found.about.shape[0];
    LEIT_FAIL_GOTO_IF(found.about.dtype != dtype, done, LEIT_DATA, "%s: %s is %s, expected %s",
                      container->path, name, leit_dtype_text(found.about.dtype),
                      leit_dtype_text(dtype));
    LEIT_FAIL_GOTO_IF(first < 0 || n < 0 || first > n_rows || n > n_rows - first, done, LEIT_DATA,
                      "%s: %s has %lld rows, %lld were asked for from row %lld", container->path,
                      name, (long long)n_rows, (long long)n, (long long)first);
    int64_t bytes = n_rows == 0 ? 0 : found.bytes / n_rows * n;
    LEIT_FAIL_GOTO_IF((uint64_t)bytes > capacity_bytes, done, LEIT_DATA,
                      "%s: %lld rows of %s have %lld bytes, there is room for %zu", container->path,
                      (long long)n, name, (long long)bytes, capacity_bytes);
    if (bytes > 0) status = read_rows(container, &found, first, n, data);
done:
    H5Dclose(found.dataset);
    return status;
}

leit_status leit_container_dataset_offset(const leit_container *container, const char *name,
                                          int64_t *offset_bytes)
{
    HDF5_ALONE;
    array found;
    LEIT_TRY(open_array(container, name, &found));
    H5Dclose(found.dataset);
    LEIT_FAIL_IF(found.offset_bytes < 0 || !found.native, LEIT_DATA,
                 "%s: %s is not stored as one plain piece", container->path, name);
    *offset_bytes = found.offset_bytes;
    return LEIT_OK;
}

/* Maps the file, once. */
static leit_status map_file(leit_container *container)
{
    if (container->mapping != NULL) return LEIT_OK;
    int file = open(container->path, O_RDONLY | O_CLOEXEC);
    LEIT_FAIL_IF(file < 0, LEIT_DATA, "cannot open %s: %s", container->path,
                 leit_error_reason(errno));
    void *mapping = mmap(NULL, (size_t)container->size_bytes, PROT_READ, MAP_SHARED, file, 0);
    int reason = errno;
    close(file);
    LEIT_FAIL_IF(mapping == MAP_FAILED, LEIT_DATA, "cannot map %s: %s", container->path,
                 leit_error_reason(reason));
    container->mapping = mapping;
    return LEIT_OK;
}

static leit_status read_owned(leit_container *container, const array *found, const void **data)
{
    container_owned *one = leit_arena_allocate(&container->arena, sizeof *one);
    if (one == NULL) return LEIT_INTERNAL;
    one->data = leit_allocate((size_t)found->bytes, 1);
    if (one->data == NULL) return LEIT_INTERNAL;
    one->next = container->owned;
    container->owned = one;
    *data = one->data;
    return read_array(container, found, one->data);
}

leit_status leit_container_map(leit_container *container, const char *name, leit_dtype dtype,
                               int rank, int64_t *shape, leit_container_check check,
                               const void **data)
{
    HDF5_ALONE;
    array found;
    LEIT_TRY(open_array(container, name, &found));
    leit_status status = check_expected(container, &found, dtype, rank, shape);
    bool in_place = found.offset_bytes >= 0 && found.native &&
                    found.offset_bytes % (int64_t)leit_dtype_bytes(dtype) == 0;
    if (status == LEIT_OK && !in_place) status = read_owned(container, &found, data);
    if (status == LEIT_OK && in_place) {
        status = map_file(container);
        if (status == LEIT_OK) *data = container->mapping + found.offset_bytes;
    }
    if (status == LEIT_OK && check == LEIT_CHECK_SUM)
        status = check_sum(container, &found, XXH3_64bits(*data, (size_t)found.bytes));
    H5Dclose(found.dataset);
    if (status == LEIT_OK) set_shape(shape, &found);
    return status;
}

/* ---- Strings ------------------------------------------------------------------------------ */

static leit_status split_strings(const leit_container *container, const char *name,
                                 const char *bytes, int64_t n_bytes, const int64_t *offsets,
                                 int64_t n, leit_arena *arena, const char **strings)
{
    /* Offsets that only grow cut the bytes into pieces: all of them fit, each with a NUL. */
    char *at = leit_arena_allocate(arena, (size_t)(n_bytes + n));
    if (at == NULL) return LEIT_INTERNAL;
    for (int64_t i = 0; i < n; i++) {
        int64_t start = offsets[i], end = offsets[i + 1];
        LEIT_FAIL_IF(start < 0 || end < start || end > n_bytes, LEIT_DATA,
                     "%s: string %lld of %s lies at %lld to %lld of %lld bytes", container->path,
                     (long long)i, name, (long long)start, (long long)end, (long long)n_bytes);
        LEIT_FAIL_IF(!leit_is_utf8(bytes + start, (size_t)(end - start)), LEIT_DATA,
                     "%s: string %lld of %s is not UTF-8", container->path, (long long)i, name);
        strings[i] = memcpy(at, bytes + start, (size_t)(end - start));
        at += end - start + 1; /* the arena is zeroed */
    }
    return LEIT_OK;
}

leit_status leit_container_read_strings(const leit_container *container, const char *name,
                                        leit_arena *arena, int64_t *n, const char ***strings)
{
    HDF5_ALONE;
    leit_status status;
    leit_arena names = {0};
    char *bytes = NULL;
    int64_t *offsets = NULL, n_bytes = -1, n_offsets = -1;
    char *bytes_name = leit_arena_printf(&names, "%s/bytes", name);
    char *offsets_name = leit_arena_printf(&names, "%s/offsets", name);
    status = LEIT_INTERNAL;
    if (bytes_name == NULL || offsets_name == NULL) goto done;
    LEIT_TRY_GOTO(leit_container_load(container, bytes_name, LEIT_U8, 1, &n_bytes, (void **)&bytes),
                  done);
    LEIT_TRY_GOTO(
        leit_container_load(container, offsets_name, LEIT_I64, 1, &n_offsets, (void **)&offsets),
        done);
    LEIT_FAIL_GOTO_IF(n_offsets < 1, done, LEIT_DATA, "%s: %s has no offsets", container->path,
                      name);
    status = LEIT_INTERNAL;
    *strings = leit_arena_allocate(arena, (size_t)n_offsets * sizeof **strings);
    if (*strings == NULL) goto done;
    *n = n_offsets - 1;
    status = split_strings(container, name, bytes, n_bytes, offsets, *n, arena, *strings);
done:
    leit_free(bytes);
    leit_free(offsets);
    leit_arena_clear(&names);
    return status;
}

/* ---- Verification ------------------------------------------------------------------------- */

enum { VERIFY_BYTES = 16 << 20 };

static leit_status sum_array(const leit_container *container, const array *found,
                             XXH3_state_t *state)
{
    int64_t n_rows = found->about.rank == 0 ? 1 : found->about.shape[0];
    int64_t row_bytes = n_rows == 0 ? 0 : found->bytes / n_rows;
    int64_t step = row_bytes == 0 ? 1 : VERIFY_BYTES / row_bytes;
    if (step < 1) step = 1;
    if (step > n_rows) step = n_rows;
    unsigned char *rows = leit_allocate((size_t)step, (size_t)row_bytes);
    leit_status status = rows == NULL ? LEIT_INTERNAL : LEIT_OK;
    for (int64_t first = 0; status == LEIT_OK && found->bytes > 0 && first < n_rows;
         first += step) {
        int64_t n = step < n_rows - first ? step : n_rows - first;
        status = found->about.rank == 0 ? read_array(container, found, rows)
                                        : read_rows(container, found, first, n, rows);
        if (status == LEIT_OK) XXH3_64bits_update(state, rows, (size_t)(n * row_bytes));
    }
    leit_free(rows);
    return status;
}

leit_status leit_container_verify_array(const leit_container *container, const char *name)
{
    array found;
    LEIT_TRY(open_array(container, name, &found));
    XXH3_state_t *state = XXH3_createState();
    leit_status status = LEIT_OK;
    LEIT_FAIL_GOTO_IF(state == NULL, done, LEIT_INTERNAL, "out of memory");
    XXH3_64bits_reset(state);
    LEIT_TRY_GOTO(sum_array(container, &found, state), done);
    status = check_sum(container, &found, XXH3_64bits_digest(state));
done:
    XXH3_freeState(state);
    H5Dclose(found.dataset);
    return status;
}
