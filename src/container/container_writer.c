#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "container/container_hdf5.h"
#include "core/file.h"
#include "core/memory.h"

struct leit_container_writer {
    leit_arena arena;
    const char *path, *aside; /* final path and "<path>.writing" */
    hid_t file;
    bool aside_exists;
    bool broken; /* a write has failed: commit refuses */

    /* The array that is being appended to; H5I_INVALID_HID when none is. */
    hid_t dataset;
    const char *name;
    leit_dtype dtype;
    int rank;
    int64_t n_rows, n_written; /* of the outermost axis; a scalar is one row */
    int64_t row_bytes;
    XXH3_state_t *sum;
};

static leit_status broken(leit_container_writer *writer, leit_status status)
{
    writer->broken = true;
    return status;
}

#define BREAK_IF(condition, ...)                                                                   \
    do {                                                                                           \
        if (condition) return broken(writer, leit_fail(LEIT_DATA, __func__, __VA_ARGS__));         \
    } while (0)

static void close_and_free(leit_container_writer *writer)
{
    if (writer->dataset >= 0) H5Dclose(writer->dataset);
    if (writer->file >= 0) H5Fclose(writer->file);
    XXH3_freeState(writer->sum);
    leit_arena_clear(&writer->arena);
    leit_free(writer);
}

static hid_t create_file(const char *aside)
{
    hid_t access = leit_hdf5_access_properties();
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_obj_track_times(creation, false);
    hid_t file = H5Fcreate(aside, H5F_ACC_TRUNC, creation, access);
    H5Pclose(creation);
    H5Pclose(access);
    return file;
}

leit_status leit_container_create(const char *path, const char *format, int64_t version,
                                  leit_container_writer **writer)
{
    HDF5_ALONE;
    *writer = NULL;
    LEIT_TRY(leit_file_check_target(path));
    leit_container_writer *made = NULL;
    LEIT_TRY(LEIT_ALLOC(made, 1));
    made->file = made->dataset = H5I_INVALID_HID;
    leit_status status = LEIT_INTERNAL;
    made->path = leit_arena_strdup(&made->arena, path);
    made->aside = leit_arena_printf(&made->arena, "%s.writing", path);
    made->sum = XXH3_createState();
    if (made->path == NULL || made->aside == NULL || made->sum == NULL) goto failed;

    /* The library would follow a link: the name is taken first, then opened by it. */
    const int taken = leit_file_create_aside(made->aside);
    LEIT_FAIL_GOTO_IF(taken < 0, failed, LEIT_DATA, "cannot write %s: %s", path,
                      leit_error_reason(errno));
    close(taken);
    made->aside_exists = true; /* a full disk leaves an empty one behind even when this fails */
    made->file = create_file(made->aside);
    LEIT_FAIL_GOTO_IF(made->file < 0, failed, LEIT_DATA, "cannot write %s: %s", path,
                      leit_hdf5_reason());
    LEIT_TRY_GOTO(leit_container_set_text(made, "", "format", format), failed);
    LEIT_TRY_GOTO(leit_container_set_i64(made, "", "format_version", version), failed);
    *writer = made;
    return LEIT_OK;
failed:
    leit_container_abort(made);
    return status;
}

static hid_t link_properties(void)
{
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_char_encoding(links, H5T_CSET_UTF8);
    return links;
}

/* True when every part of the path exists; H5Lexists alone fails on a missing middle. */
static bool link_exists(hid_t file, const char *name)
{
    char partial[CONTAINER_MAX_NAME_BYTES + 1];
    size_t length = strlen(name);
    memcpy(partial, name, length + 1);
    for (char *slash = strchr(partial, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (H5Lexists(file, partial, H5P_DEFAULT) <= 0) return false;
        *slash = '/';
    }
    return H5Lexists(file, partial, H5P_DEFAULT) > 0;
}

/* A group without times; H5I_INVALID_HID when that fails. */
static hid_t make_group(hid_t file, const char *name)
{
    hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(creation, false);
    hid_t links = link_properties();
    hid_t group = H5Gcreate2(file, name, links, creation, H5P_DEFAULT);
    H5Pclose(links);
    H5Pclose(creation);
    return group;
}

/* Makes the missing groups above `name`: those that the library makes by itself carry times. What
 * fails here fails again where `name` is made. */
static void make_parents(hid_t file, const char *name)
{
    char partial[CONTAINER_MAX_NAME_BYTES + 1];
    memcpy(partial, name, strlen(name) + 1);
    for (char *slash = partial; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        if (!link_exists(file, partial)) {
            hid_t group = make_group(file, partial);
            if (group >= 0) H5Gclose(group);
        }
        *slash = '/';
    }
}

static leit_status write_attribute(leit_container_writer *writer, hid_t object, const char *name,
                                   hid_t type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool fine = attribute >= 0 && H5Awrite(attribute, type, value) >= 0;
    if (attribute >= 0) fine = H5Aclose(attribute) >= 0 && fine;
    H5Sclose(space);
    BREAK_IF(!fine, "cannot write the attribute %s in %s: %s", name, writer->path,
             leit_hdf5_reason());
    return LEIT_OK;
}

static leit_status write_text(leit_container_writer *writer, hid_t object, const char *name,
                              const char *text)
{
    size_t length = strlen(text);
    BREAK_IF(length > CONTAINER_MAX_TEXT_BYTES,
             "%s: the attribute %s has %zu bytes, expected at most %d", writer->path, name, length,
             CONTAINER_MAX_TEXT_BYTES);
    BREAK_IF(!leit_is_utf8(text, length), "%s: the attribute %s is not UTF-8", writer->path, name);
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, length > 0 ? length : 1);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    leit_status status = write_attribute(writer, object, name, type, text);
    H5Tclose(type);
    return status;
}

/* The object of an attribute; a missing group is made. */
static leit_status open_object(leit_container_writer *writer, const char *object, hid_t *opened)
{
    if (object[0] == '\0') {
        *opened = H5Oopen(writer->file, "/", H5P_DEFAULT);
    } else {
        leit_status status = leit_container_check_name(writer->path, object);
        if (status != LEIT_OK) return broken(writer, status);
        if (link_exists(writer->file, object)) {
            *opened = H5Oopen(writer->file, object, H5P_DEFAULT);
        } else {
            make_parents(writer->file, object);
            *opened = make_group(writer->file, object);
        }
    }
    BREAK_IF(*opened < 0, "cannot write %s in %s: %s", object, writer->path, leit_hdf5_reason());
    return LEIT_OK;
}

leit_status leit_container_set_text(leit_container_writer *writer, const char *object,
                                    const char *name, const char *text)
{
    HDF5_ALONE;
    hid_t opened;
    LEIT_TRY(open_object(writer, object, &opened));
    leit_status status = write_text(writer, opened, name, text);
    H5Oclose(opened);
    return status;
}

leit_status leit_container_set_i64(leit_container_writer *writer, const char *object,
                                   const char *name, int64_t value)
{
    HDF5_ALONE;
    hid_t opened;
    LEIT_TRY(open_object(writer, object, &opened));
    leit_status status = write_attribute(writer, opened, name, H5T_STD_I64LE, &value);
    H5Oclose(opened);
    return status;
}

leit_status leit_container_set_f64(leit_container_writer *writer, const char *object,
                                   const char *name, double value)
{
    HDF5_ALONE;
    hid_t opened;
    LEIT_TRY(open_object(writer, object, &opened));
    leit_status status = write_attribute(writer, opened, name, H5T_IEEE_F64LE, &value);
    H5Oclose(opened);
    return status;
}

/* Contiguous, space taken when the first byte is written, no fill: every element will be written.
 */
static hid_t create_dataset(hid_t file, const char *name, leit_dtype dtype, int rank,
                            const int64_t *shape)
{
    hsize_t dims[LEIT_MAX_RANK];
    for (int axis = 0; axis < rank; axis++) dims[axis] = (hsize_t)shape[axis];
    hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, dims, NULL);
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(creation, H5D_CONTIGUOUS);
    H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    H5Pset_obj_track_times(creation, false);
    make_parents(file, name);
    hid_t links = link_properties();
    hid_t dataset =
        H5Dcreate2(file, name, leit_hdf5_file_type(dtype), space, links, creation, H5P_DEFAULT);
    H5Pclose(links);
    H5Pclose(creation);
    H5Sclose(space);
    return dataset;
}

static leit_status finish_dataset(leit_container_writer *writer)
{
    char text[SUM_TEXT_BYTES];
    leit_container_sum_text(XXH3_64bits_digest(writer->sum), text);
    leit_status status = write_text(writer, writer->dataset, "xxh3", text);
    if (status == LEIT_OK && writer->dtype == LEIT_BF16)
        status = write_text(writer, writer->dataset, "dtype", "bf16");
    bool closed = H5Dclose(writer->dataset) >= 0;
    writer->dataset = H5I_INVALID_HID;
    LEIT_TRY(status);
    BREAK_IF(!closed, "cannot write %s in %s: %s", writer->name, writer->path, leit_hdf5_reason());
    return LEIT_OK;
}

leit_status leit_container_begin(leit_container_writer *writer, const char *name, leit_dtype dtype,
                                 int rank, const int64_t *shape)
{
    HDF5_ALONE;
    BREAK_IF(writer->dataset >= 0, "%s: %s has %lld of %lld rows, %s cannot begin yet",
             writer->path, writer->name, (long long)writer->n_written, (long long)writer->n_rows,
             name);
    leit_status status = leit_container_check_name(writer->path, name);
    if (status != LEIT_OK) return broken(writer, status);
    BREAK_IF(rank < 0 || rank > LEIT_MAX_RANK, "%s: %s has rank %d, expected 0 to %d", writer->path,
             name, rank, LEIT_MAX_RANK);
    int64_t n_rows = rank == 0 ? 1 : shape[0], row_bytes = (int64_t)leit_dtype_bytes(dtype), bytes;
    bool fits = n_rows >= 0;
    for (int axis = 1; axis < rank; axis++)
        fits =
            fits && shape[axis] >= 0 && !__builtin_mul_overflow(row_bytes, shape[axis], &row_bytes);
    fits = fits && !__builtin_mul_overflow(row_bytes, n_rows, &bytes);
    char text[96];
    BREAK_IF(!fits, "%s: %s has shape %s, expected sizes that fit in a file", writer->path, name,
             leit_shape_text(rank, shape, text, sizeof text));
    BREAK_IF(link_exists(writer->file, name), "%s: %s is there already", writer->path, name);

    writer->name = leit_arena_strdup(&writer->arena, name);
    if (writer->name == NULL) return broken(writer, LEIT_INTERNAL);
    writer->dataset = create_dataset(writer->file, name, dtype, rank, shape);
    BREAK_IF(writer->dataset < 0, "cannot write %s in %s: %s", name, writer->path,
             leit_hdf5_reason());
    writer->dtype = dtype;
    writer->rank = rank;
    writer->n_rows = n_rows;
    writer->row_bytes = row_bytes;
    writer->n_written = 0;
    XXH3_64bits_reset(writer->sum);
    return bytes == 0 ? finish_dataset(writer) : LEIT_OK;
}

/* Writes rows [n_written, n_written + n) of the open array. */
static bool write_rows(leit_container_writer *writer, const void *data, int64_t n)
{
    hid_t type = leit_hdf5_memory_type(writer->dtype);
    if (n == writer->n_rows)
        return H5Dwrite(writer->dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    hsize_t start[LEIT_MAX_RANK] = {0}, count[LEIT_MAX_RANK];
    hid_t space = H5Dget_space(writer->dataset);
    H5Sget_simple_extent_dims(space, count, NULL);
    start[0] = (hsize_t)writer->n_written;
    count[0] = (hsize_t)n;
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    hid_t rows = H5Screate_simple(writer->rank, count, NULL);
    bool fine = H5Dwrite(writer->dataset, type, rows, space, H5P_DEFAULT, data) >= 0;
    H5Sclose(rows);
    H5Sclose(space);
    return fine;
}

leit_status leit_container_append(leit_container_writer *writer, const void *data, int64_t n_rows)
{
    HDF5_ALONE;
    if (n_rows == 0) return LEIT_OK;
    BREAK_IF(writer->dataset < 0, "%s: append without an array that has begun", writer->path);
    BREAK_IF(n_rows < 0 || n_rows > writer->n_rows - writer->n_written,
             "%s: %s has room for %lld more rows, got %lld", writer->path, writer->name,
             (long long)(writer->n_rows - writer->n_written), (long long)n_rows);
    BREAK_IF(!write_rows(writer, data, n_rows), "cannot write %s in %s: %s", writer->name,
             writer->path, leit_hdf5_reason());
    XXH3_64bits_update(writer->sum, data, (size_t)(n_rows * writer->row_bytes));
    writer->n_written += n_rows;
    return writer->n_written == writer->n_rows ? finish_dataset(writer) : LEIT_OK;
}

leit_status leit_container_write(leit_container_writer *writer, const char *name, leit_dtype dtype,
                                 int rank, const int64_t *shape, const void *data)
{
    HDF5_ALONE;
    LEIT_TRY(leit_container_begin(writer, name, dtype, rank, shape));
    if (writer->dataset < 0) return LEIT_OK; /* empty */
    return leit_container_append(writer, data, writer->n_rows);
}

leit_status leit_container_write_strings(leit_container_writer *writer, const char *name, int64_t n,
                                         const char *const *strings)
{
    HDF5_ALONE;
    leit_status status;
    leit_arena names = {0};
    leit_buffer bytes = {0};
    int64_t *offsets = NULL;
    LEIT_TRY_GOTO(LEIT_ALLOC(offsets, n + 1), done);
    for (int64_t i = 0; i < n; i++) {
        LEIT_TRY_GOTO(leit_buffer_puts(&bytes, strings[i]), done);
        offsets[i + 1] = (int64_t)bytes.size_bytes;
        LEIT_FAIL_GOTO_IF(!leit_is_utf8(strings[i], strlen(strings[i])), done, LEIT_DATA,
                          "%s: string %lld of %s is not UTF-8", writer->path, (long long)i, name);
    }
    char *bytes_name = leit_arena_printf(&names, "%s/bytes", name);
    char *offsets_name = leit_arena_printf(&names, "%s/offsets", name);
    status = LEIT_INTERNAL;
    if (bytes_name == NULL || offsets_name == NULL) goto done;
    LEIT_TRY_GOTO(leit_container_write(writer, bytes_name, LEIT_U8, 1,
                                       &(int64_t){(int64_t)bytes.size_bytes}, bytes.data),
                  done);
    status = leit_container_write(writer, offsets_name, LEIT_I64, 1, &(int64_t){n + 1}, offsets);
done:
    leit_free(offsets);
    leit_buffer_clear(&bytes);
    leit_arena_clear(&names);
    return status == LEIT_OK ? LEIT_OK : broken(writer, status);
}

leit_status leit_container_commit(leit_container_writer *writer)
{
    HDF5_ALONE;
    leit_status status = LEIT_OK;
    leit_arena arena = {0};
    LEIT_FAIL_GOTO_IF(writer->broken, failed, LEIT_INTERNAL, "%s: commit after a write that failed",
                      writer->path);
    LEIT_FAIL_GOTO_IF(writer->dataset >= 0, failed, LEIT_DATA,
                      "%s: %s has %lld of %lld rows, the file cannot be finished", writer->path,
                      writer->name, (long long)writer->n_written, (long long)writer->n_rows);
    LEIT_FAIL_GOTO_IF(H5Fflush(writer->file, H5F_SCOPE_GLOBAL) < 0, failed, LEIT_DATA,
                      "cannot write %s: %s", writer->path, leit_hdf5_reason());
    herr_t closed = H5Fclose(writer->file);
    writer->file = H5I_INVALID_HID;
    LEIT_FAIL_GOTO_IF(closed < 0, failed, LEIT_DATA, "cannot write %s: %s", writer->path,
                      leit_hdf5_reason());
    LEIT_TRY_GOTO(leit_file_sync(writer->aside), failed);
    LEIT_FAIL_GOTO_IF(rename(writer->aside, writer->path) != 0, failed, LEIT_DATA,
                      "cannot rename %s to %s: %s", writer->aside, writer->path,
                      leit_error_reason(errno));
    char *folder = leit_path_directory(&arena, writer->path);
    status = folder == NULL ? LEIT_INTERNAL : leit_file_sync(folder);
    leit_arena_clear(&arena);
    close_and_free(writer);
    return status;
failed:
    leit_container_abort(writer);
    return status;
}

/* Unlinks first: on a full disk the close may fail, the name must go all the same. */
void leit_container_abort(leit_container_writer *writer)
{
    if (writer == NULL) return;
    HDF5_ALONE;
    if (writer->aside_exists) unlink(writer->aside);
    close_and_free(writer);
}
