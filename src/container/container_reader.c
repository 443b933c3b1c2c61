/* Everything that is read was checked first: element type, rank, shape, storage, and that the file
 * is large enough for it. The library is asked for sizes and places; data of contiguous arrays
 * could be read without it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "container/container_hdf5.h"
#include "core/file.h"
#include "core/memory.h"

typedef struct owned {
    struct owned *next;
    void *data;
} owned;

struct leit_container {
    leit_arena arena;
    const char *path;
    hid_t file;
    int64_t size_bytes;
    bool own_format;              /* opened by format name: every array must carry a sum */
    const unsigned char *mapping; /* the whole file, made by the first map */
    owned *owned;                 /* arrays that could not be mapped */
};

/* An open array and what is known about it. */
typedef struct array {
    hid_t dataset;
    leit_tensor about;
    int64_t bytes;
    bool contiguous, native; /* native: stored as the machine stores it */
    int64_t offset_bytes;    /* in the file; -1 when it has no one place */
} array;

/* Superblocks 0 and 1 have no checksum; this room has never written one. */
static leit_status check_superblock(const char *path)
{
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char head[9] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    LEIT_FAIL_IF(file < 0, LEIT_DATA, "cannot open %s: %s", path, strerror(errno));
    ssize_t got = read(file, head, sizeof head);
    int reason = errno;
    close(file);
    LEIT_FAIL_IF(got < 0, LEIT_DATA, "cannot read %s: %s", path, strerror(reason));
    LEIT_FAIL_IF(got < (ssize_t)sizeof head || memcmp(head, signature, sizeof signature) != 0,
                 LEIT_DATA, "%s is not an HDF5 file: it starts with other bytes", path);
    LEIT_FAIL_IF(head[8] != 2 && head[8] != 3, LEIT_DATA,
                 "%s: HDF5 superblock %d, expected 2 or 3; Leitmotif did not write it", path,
                 head[8]);
    return LEIT_OK;
}

static leit_status check_format(const leit_container *container, const char *format,
                                int64_t version)
{
    leit_arena arena = {0};
    const char *found = NULL;
    int64_t found_version = 0;
    leit_status status = leit_container_text(container, "", "format", &arena, &found);
    if (status == LEIT_OK)
        status = leit_container_i64(container, "", "format_version", &found_version);
    if (status == LEIT_OK && strcmp(found, format) != 0)
        status = leit_fail(LEIT_DATA, __func__, "%s holds a %s, expected a %s", container->path,
                           found, format);
    if (status == LEIT_OK && found_version != version)
        status = leit_fail(LEIT_DATA, __func__,
                           "%s is a %s of version %lld, this program reads version %lld; make it "
                           "again with this program",
                           container->path, format, (long long)found_version, (long long)version);
    leit_arena_clear(&arena);
    return status;
}

leit_status leit_container_open(const char *path, const char *format, int64_t version,
                                leit_container **container)
{
    HDF5_ALONE;
    *container = NULL;
    int64_t size_bytes = 0;
    LEIT_TRY(leit_file_size(path, &size_bytes));
    LEIT_FAIL_IF(leit_file_is_directory(path), LEIT_DATA, "%s is a directory, expected a file",
                 path);
    if (format != NULL) LEIT_TRY(check_superblock(path));

    leit_container *opened = NULL;
    LEIT_TRY(LEIT_ALLOC(opened, 1));
    opened->own_format = format != NULL;
    opened->size_bytes = size_bytes;
    hid_t access = leit_hdf5_access_properties();
    opened->file = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);

    leit_status status = LEIT_INTERNAL;
    opened->path = leit_arena_strdup(&opened->arena, path);
    if (opened->path == NULL) goto failed;
    LEIT_FAIL_GOTO_IF(opened->file < 0, failed, LEIT_DATA, "cannot open %s: %s", path,
                      leit_hdf5_reason());
    if (format != NULL) LEIT_TRY_GOTO(check_format(opened, format, version), failed);
    *container = opened;
    return LEIT_OK;
failed:
    leit_container_close(opened);
    return status;
}

void leit_container_close(leit_container *container)
{
    if (container == NULL) return;
    HDF5_ALONE;
    if (container->file >= 0) H5Fclose(container->file);
    if (container->mapping != NULL)
        munmap((void *)(uintptr_t)container->mapping, (size_t)container->size_bytes);
    for (owned *one = container->owned; one != NULL; one = one->next) leit_free(one->data);
    leit_arena_clear(&container->arena);
    leit_free(container);
}

const char *leit_container_path(const leit_container *container)
{
    return container->path;
}

/* Follows hard links only: soft and external links of a stranger's file may point anywhere. */
static bool object_exists(const leit_container *container, const char *name)
{
    char partial[CONTAINER_MAX_NAME_BYTES + 1];
    size_t length = strlen(name);
    if (length == 0 || length > CONTAINER_MAX_NAME_BYTES) return false;
    memcpy(partial, name, length + 1);
    for (char *slash = partial;; slash++) {
        slash += strcspn(slash, "/");
        char end = *slash;
        *slash = '\0';
        H5L_info_t link;
        if (H5Lget_info(container->file, partial, &link, H5P_DEFAULT) < 0) return false;
        if (link.type != H5L_TYPE_HARD) return false;
        *slash = end;
        if (end == '\0') return true;
    }
}

bool leit_container_has(const leit_container *container, const char *name)
{
    HDF5_ALONE;
    return object_exists(container, name);
}

/* ---- Attributes --------------------------------------------------------------------------- */

static leit_status open_attribute(const leit_container *container, const char *object,
                                  const char *name, hid_t *attribute)
{
    bool root = object[0] == '\0';
    const char *place = root ? "the root" : object;
    LEIT_FAIL_IF(!root && !object_exists(container, object), LEIT_DATA, "%s has no %s",
                 container->path, object);
    hid_t opened = H5Oopen(container->file, root ? "/" : object, H5P_DEFAULT);
    LEIT_FAIL_IF(opened < 0, LEIT_DATA, "%s: cannot open %s: %s", container->path, place,
                 leit_hdf5_reason());
    htri_t there = H5Aexists(opened, name);
    *attribute = there > 0 ? H5Aopen(opened, name, H5P_DEFAULT) : H5I_INVALID_HID;
    H5Oclose(opened);
    LEIT_FAIL_IF(there == 0, LEIT_DATA, "%s: %s has no attribute %s", container->path, place, name);
    LEIT_FAIL_IF(*attribute < 0, LEIT_DATA, "%s: cannot read the attribute %s of %s: %s",
                 container->path, name, place, leit_hdf5_reason());
    return LEIT_OK;
}

static bool is_scalar(hid_t attribute)
{
    hid_t space = H5Aget_space(attribute);
    bool scalar = space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
    H5Sclose(space);
    return scalar;
}

/* Strings of fixed length (ours) and of variable length (h5py's). */
static bool read_text(hid_t attribute, hid_t type, leit_arena *arena, const char **text)
{
    if (H5Tis_variable_str(type) > 0) {
        char *found = NULL;
        hid_t memory = H5Tcopy(H5T_C_S1);
        H5Tset_size(memory, H5T_VARIABLE);
        H5Tset_cset(memory, H5Tget_cset(type));
        if (H5Aread(attribute, memory, &found) >= 0 && found != NULL)
            *text = leit_arena_strdup(arena, found);
        H5free_memory(found);
        H5Tclose(memory);
        return *text != NULL;
    }
    size_t size_bytes = H5Tget_size(type);
    if (size_bytes == 0 || size_bytes > CONTAINER_MAX_TEXT_BYTES + 1) return false;
    char *found = leit_arena_allocate(arena, size_bytes + 1);
    if (found == NULL || H5Aread(attribute, type, found) < 0) return false;
    *text = found;
    return true;
}

/* Reads and closes an attribute. */
static leit_status take_text(const leit_container *container, hid_t attribute, const char *name,
                             leit_arena *arena, const char **text)
{
    *text = NULL;
    hid_t type = H5Aget_type(attribute);
    bool fine = H5Tget_class(type) == H5T_STRING && is_scalar(attribute) &&
                read_text(attribute, type, arena, text) &&
                leit_container_is_utf8(*text, strlen(*text));
    H5Tclose(type);
    H5Aclose(attribute);
    LEIT_FAIL_IF(!fine, LEIT_DATA, "%s: the attribute %s is no UTF-8 text", container->path, name);
    return LEIT_OK;
}

leit_status leit_container_text(const leit_container *container, const char *object,
                                const char *name, leit_arena *arena, const char **text)
{
    HDF5_ALONE;
    *text = NULL;
    hid_t attribute = H5I_INVALID_HID;
    LEIT_TRY(open_attribute(container, object, name, &attribute));
    return take_text(container, attribute, name, arena, text);
}

static leit_status read_number(const leit_container *container, const char *object,
                               const char *name, H5T_class_t class, hid_t memory, void *value)
{
    hid_t attribute;
    LEIT_TRY(open_attribute(container, object, name, &attribute));
    hid_t type = H5Aget_type(attribute);
    bool fine = H5Tget_class(type) == class && is_scalar(attribute) &&
                H5Aread(attribute, memory, value) >= 0;
    H5Tclose(type);
    H5Aclose(attribute);
    LEIT_FAIL_IF(!fine, LEIT_DATA, "%s: the attribute %s is no %s number", container->path, name,
                 class == H5T_INTEGER ? "whole" : "floating");
    return LEIT_OK;
}

leit_status leit_container_i64(const leit_container *container, const char *object,
                               const char *name, int64_t *value)
{
    HDF5_ALONE;
    return read_number(container, object, name, H5T_INTEGER, H5T_NATIVE_INT64, value);
}

leit_status leit_container_f64(const leit_container *container, const char *object,
                               const char *name, double *value)
{
    HDF5_ALONE;
    return read_number(container, object, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, value);
}

/* ---- Arrays ------------------------------------------------------------------------------- */

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

/* An array that claims more bytes than the file has is a lie unless a filter has packed it. */
static leit_status check_storage(const leit_container *container, const char *name, array *found)
{
    hid_t creation = H5Dget_create_plist(found->dataset);
    H5D_layout_t layout = H5Pget_layout(creation);
    int n_external = H5Pget_external_count(creation), n_filters = H5Pget_nfilters(creation);
    H5Pclose(creation);
    LEIT_FAIL_IF(n_external != 0 || layout == H5D_VIRTUAL, LEIT_DATA,
                 "%s: %s is stored in another file, expected all data in this one", container->path,
                 name);
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
    LEIT_FAIL_IF(!object_exists(container, name), LEIT_DATA, "%s has no %s", container->path, name);
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
        LEIT_FAIL_IF(container->own_format, LEIT_DATA, "%s: %s has no sum", container->path, name);
        return LEIT_OK;
    }
    leit_arena arena = {0};
    const char *stored = NULL;
    char text[SUM_TEXT_BYTES];
    leit_container_sum_text(sum, text);
    leit_status status = take_text(container, attribute, "xxh3", &arena, &stored);
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
    LEIT_FAIL_IF(file < 0, LEIT_DATA, "cannot open %s: %s", container->path, strerror(errno));
    void *mapping = mmap(NULL, (size_t)container->size_bytes, PROT_READ, MAP_SHARED, file, 0);
    int reason = errno;
    close(file);
    LEIT_FAIL_IF(mapping == MAP_FAILED, LEIT_DATA, "cannot map %s: %s", container->path,
                 strerror(reason));
    container->mapping = mapping;
    return LEIT_OK;
}

static leit_status read_owned(leit_container *container, const array *found, const void **data)
{
    owned *one = leit_arena_allocate(&container->arena, sizeof *one);
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
    for (int64_t i = 0; i < n; i++) {
        int64_t start = offsets[i], end = offsets[i + 1];
        LEIT_FAIL_IF(start < 0 || end < start || end > n_bytes, LEIT_DATA,
                     "%s: string %lld of %s lies at %lld to %lld of %lld bytes", container->path,
                     (long long)i, name, (long long)start, (long long)end, (long long)n_bytes);
        LEIT_FAIL_IF(!leit_container_is_utf8(bytes + start, (size_t)(end - start)), LEIT_DATA,
                     "%s: string %lld of %s is not UTF-8", container->path, (long long)i, name);
        strings[i] = leit_arena_strndup(arena, bytes + start, (size_t)(end - start));
        if (strings[i] == NULL) return LEIT_INTERNAL;
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

/* ---- All arrays --------------------------------------------------------------------------- */

typedef struct listing {
    const leit_container *container;
    leit_arena *arena;
    const char **names;
    size_t count, capacity;
    leit_status status;
} listing;

enum { MAX_GROUP_DEPTH = 32, MAX_OBJECTS = 1 << 20, VERIFY_BYTES = 16 << 20 };

typedef struct level {
    listing *listing;
    const char *group;
    int depth;
} level;

static void list_group(listing *listing, const char *group, int depth);

static herr_t list_link(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
    const level *here = context;
    listing *list = here->listing;
    const char *path = list->container->path;
    if (link->type != H5L_TYPE_HARD) {
        list->status =
            leit_fail(LEIT_DATA, __func__,
                      "%s: %s is a soft or external link, expected arrays and groups", path, name);
        return -1;
    }
    char *full = here->group[0] == '\0'
                     ? leit_arena_strdup(list->arena, name)
                     : leit_arena_printf(list->arena, "%s/%s", here->group, name);
    hid_t object = full == NULL ? H5I_INVALID_HID : H5Oopen(group, name, H5P_DEFAULT);
    H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
    if (object >= 0) H5Oclose(object);
    if (type == H5I_GROUP) {
        list_group(list, full, here->depth + 1);
    } else if (type == H5I_DATASET && list->count < MAX_OBJECTS) {
        list->status = LEIT_GROW(list->names, list->count, list->capacity);
        if (list->status == LEIT_OK) list->names[list->count++] = full;
    } else if (type != H5I_DATATYPE) {
        list->status = leit_fail(LEIT_DATA, __func__, "%s: cannot open %s, object %zu", path, name,
                                 list->count);
    }
    return list->status == LEIT_OK ? 0 : -1;
}

/* A damaged file may hold a group inside itself: depth and number are limited. */
static void list_group(listing *list, const char *group, int depth)
{
    const char *path = list->container->path;
    if (depth > MAX_GROUP_DEPTH) {
        list->status = leit_fail(LEIT_DATA, __func__, "%s: groups nested deeper than %d at %s",
                                 path, MAX_GROUP_DEPTH, group);
        return;
    }
    hid_t opened = H5Gopen2(list->container->file, group[0] == '\0' ? "/" : group, H5P_DEFAULT);
    level here = {.listing = list, .group = group, .depth = depth};
    herr_t result =
        opened < 0 ? -1 : H5Literate(opened, H5_INDEX_NAME, H5_ITER_INC, NULL, list_link, &here);
    if (result < 0 && list->status == LEIT_OK)
        list->status = leit_fail(LEIT_DATA, __func__, "%s: cannot list group '%s': %s", path, group,
                                 leit_hdf5_reason());
    if (opened >= 0) H5Gclose(opened);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

leit_status leit_container_names(const leit_container *container, const char *group,
                                 leit_arena *arena, int64_t *n, const char ***names)
{
    HDF5_ALONE;
    LEIT_FAIL_IF(group[0] != '\0' && !object_exists(container, group), LEIT_DATA,
                 "%s has no group %s", container->path, group);
    listing list = {.container = container, .arena = arena};
    list_group(&list, group, 0);
    if (list.status == LEIT_OK && list.count > 0)
        qsort(list.names, list.count, sizeof *list.names, compare_names);
    *names = leit_arena_allocate(arena, (list.count + 1) * sizeof **names);
    if (list.status == LEIT_OK && *names == NULL) list.status = LEIT_INTERNAL;
    if (list.status == LEIT_OK && list.count > 0)
        memcpy(*names, list.names, list.count * sizeof **names);
    leit_free(list.names);
    *n = (int64_t)list.count;
    return list.status;
}

/* Sums an array piece by piece, so that one larger than memory can be verified. */
static leit_status verify_array(const leit_container *container, const array *found,
                                XXH3_state_t *state)
{
    int64_t n_rows = found->about.rank == 0 ? 1 : found->about.shape[0];
    int64_t row_bytes = n_rows == 0 ? 0 : found->bytes / n_rows;
    int64_t step = row_bytes == 0 ? 1 : VERIFY_BYTES / row_bytes;
    if (step < 1) step = 1;
    if (step > n_rows) step = n_rows;
    XXH3_64bits_reset(state);
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
    LEIT_TRY(status);
    return check_sum(container, found, XXH3_64bits_digest(state));
}

leit_status leit_container_verify(const leit_container *container)
{
    HDF5_ALONE;
    leit_arena arena = {0};
    int64_t n = 0;
    const char **names = NULL;
    XXH3_state_t *state = XXH3_createState();
    leit_status status = state == NULL ? leit_fail(LEIT_INTERNAL, __func__, "out of memory")
                                       : leit_container_names(container, "", &arena, &n, &names);
    for (int64_t i = 0; status == LEIT_OK && i < n; i++) {
        array found;
        status = open_array(container, names[i], &found);
        if (status != LEIT_OK) break;
        status = verify_array(container, &found, state);
        H5Dclose(found.dataset);
    }
    XXH3_freeState(state);
    leit_arena_clear(&arena);
    return status;
}

/* The walk of the probe: like verify, but an array of a foreign element type is only passed by. */
leit_status leit_container_walk(const char *path)
{
    leit_container *container = NULL;
    leit_arena arena = {0};
    int64_t n = 0;
    const char **names = NULL;
    XXH3_state_t *state = XXH3_createState();
    leit_status status = state == NULL ? leit_fail(LEIT_INTERNAL, __func__, "out of memory")
                                       : leit_container_open(path, NULL, 0, &container);
    if (status == LEIT_OK) status = leit_container_names(container, "", &arena, &n, &names);
    for (int64_t i = 0; status == LEIT_OK && i < n; i++) {
        hid_t dataset = H5Dopen2(container->file, names[i], H5P_DEFAULT);
        hid_t type = dataset < 0 ? H5I_INVALID_HID : H5Dget_type(dataset);
        leit_dtype dtype;
        bool numeric = type >= 0 && classify(type, true, &dtype);
        if (type >= 0) H5Tclose(type);
        if (dataset >= 0) H5Dclose(dataset);
        if (dataset >= 0 && !numeric) continue;
        array found;
        status = open_array(container, names[i], &found);
        if (status != LEIT_OK) break;
        status = verify_array(container, &found, state);
        H5Dclose(found.dataset);
    }
    XXH3_freeState(state);
    leit_arena_clear(&arena);
    leit_container_close(container);
    return status;
}
