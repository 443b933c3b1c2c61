/* The handle, the links and the attributes; container_arrays.c reads what lies in the file,
 * container_contents.c lists and verifies it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "container/container_reader.h"
#include "core/file.h"
#include "core/memory.h"

/* The first bytes of a file; how many there are, -1 when it cannot be read. */
enum { HEAD_BYTES = 48 };
static ssize_t read_head(const char *path, unsigned char head[HEAD_BYTES])
{
    memset(head, 0, HEAD_BYTES);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t got = read(file, head, HEAD_BYTES);
    int reason = errno;
    close(file);
    errno = reason;
    return got;
}

static bool has_signature(const unsigned char head[HEAD_BYTES])
{
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    return memcmp(head, signature, sizeof signature) == 0;
}

/* Superblocks 0 and 1 have no checksum; this room has never written one. */
static bool has_our_superblock(const unsigned char head[HEAD_BYTES])
{
    return head[8] == 2 || head[8] == 3;
}

/* Superblocks 2 and 3 hold the size of the whole file. */
static int64_t whole_bytes(const unsigned char head[HEAD_BYTES])
{
    enum { SIZE_AT = 28 };
    uint64_t bytes = 0;
    for (int i = 7; i >= 0; i--) bytes = bytes << 8 | head[SIZE_AT + i];
    return (int64_t)bytes;
}

static leit_status check_superblock(const char *path, int64_t size_bytes)
{
    unsigned char head[HEAD_BYTES];
    LEIT_FAIL_IF(read_head(path, head) < 0, LEIT_DATA, "cannot read %s: %s", path,
                 leit_error_reason(errno));
    LEIT_FAIL_IF(size_bytes == 0, LEIT_DATA, "%s is empty", path);
    LEIT_FAIL_IF(!has_signature(head), LEIT_DATA,
                 "%s is not an HDF5 file: it starts with other bytes", path);
    LEIT_FAIL_IF(!has_our_superblock(head), LEIT_DATA,
                 "%s: HDF5 superblock %d, expected 2 or 3; Leitmotif did not write it", path,
                 head[8]);
    LEIT_FAIL_IF(whole_bytes(head) > size_bytes, LEIT_DATA,
                 "%s breaks off after %lld of %lld bytes", path, (long long)size_bytes,
                 (long long)whole_bytes(head));
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
    const bool takes_any = strcmp(format, LEIT_CONTAINER_ANY) == 0;
    if (status == LEIT_OK && !takes_any && strcmp(found, format) != 0)
        status = leit_fail(LEIT_DATA, __func__, "%s holds a %s, expected a %s", container->path,
                           found, format);
    if (status == LEIT_OK && !takes_any && found_version != version)
        status = leit_fail(LEIT_DATA, __func__,
                           "%s is a %s of version %lld, this program reads version %lld; make it "
                           "again with this program",
                           container->path, format, (long long)found_version, (long long)version);
    leit_arena_clear(&arena);
    return status;
}

/* Opens without a look at what the root says; is_ours: the superblock is looked at first. */
static leit_status open_file(const char *path, bool is_ours, leit_container **container)
{
    *container = NULL;
    int64_t size_bytes = 0;
    LEIT_TRY(leit_file_size(path, &size_bytes));
    LEIT_FAIL_IF(leit_file_is_directory(path), LEIT_DATA, "%s is a directory, expected a file",
                 path);
    if (is_ours) LEIT_TRY(check_superblock(path, size_bytes));

    leit_container *opened = NULL;
    LEIT_TRY(LEIT_ALLOC(opened, 1));
    opened->is_ours = is_ours;
    opened->size_bytes = size_bytes;
    hid_t access = leit_hdf5_access_properties();
    opened->file = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);

    leit_status status = LEIT_INTERNAL;
    opened->path = leit_arena_strdup(&opened->arena, path);
    if (opened->path == NULL) goto failed;
    LEIT_FAIL_GOTO_IF(opened->file < 0, failed, LEIT_DATA, "cannot open %s: %s", path,
                      leit_hdf5_reason());
    *container = opened;
    return LEIT_OK;
failed:
    leit_container_close(opened);
    return status;
}

leit_status leit_container_open(const char *path, const char *format, int64_t version,
                                leit_container **container)
{
    HDF5_ALONE;
    LEIT_TRY(open_file(path, format != NULL, container));
    const leit_status status = format == NULL ? LEIT_OK : check_format(*container, format, version);
    if (status == LEIT_OK) return LEIT_OK;
    leit_container_close(*container);
    *container = NULL;
    return status;
}

void leit_container_close(leit_container *container)
{
    if (container == NULL) return;
    HDF5_ALONE;
    if (container->file >= 0) H5Fclose(container->file);
    if (container->mapping != NULL)
        munmap((void *)(uintptr_t)container->mapping, (size_t)container->size_bytes);
    for (container_owned *one = container->owned; one != NULL; one = one->next)
        leit_free(one->data);
    leit_arena_clear(&container->arena);
    leit_free(container);
}

/* What is empty or does not open is taken for a damaged container: nothing is lost with it. HDF5
 * that opens and says nothing of a format is somebody else's. */
leit_status leit_container_check_output(const char *path, const char *format)
{
    HDF5_ALONE;
    static const char strangers[] = "is there and no file of Leitmotif",
                      cure[] = "it is not overwritten; choose another name or remove it";
    unsigned char head[HEAD_BYTES];
    int64_t size_bytes = 0;
    LEIT_TRY(leit_file_check_target(path));
    if (!leit_file_exists(path) || leit_file_size(path, &size_bytes) != LEIT_OK || size_bytes == 0)
        return LEIT_OK;
    LEIT_FAIL_IF(read_head(path, head) < 0 || !has_signature(head) || !has_our_superblock(head),
                 LEIT_USAGE, "%s %s: %s", path, strangers, cure);
    leit_container *container = NULL;
    leit_status status = open_file(path, true, &container);
    if (status != LEIT_OK) return status == LEIT_DATA ? LEIT_OK : status;
    leit_arena arena = {0};
    const char *found = NULL;
    status = leit_container_text(container, "", "format", &arena, &found);
    if (status == LEIT_DATA)
        status = leit_fail(LEIT_USAGE, __func__, "%s %s: %s", path, strangers, cure);
    else if (status == LEIT_OK && strcmp(found, format) != 0)
        status = leit_fail(LEIT_USAGE, __func__, "%s is a %s: %s", path, found, cure);
    leit_arena_clear(&arena);
    leit_container_close(container);
    return status;
}

const char *leit_container_path(const leit_container *container)
{
    return container->path;
}

bool leit_container_object_exists(const leit_container *container, const char *name)
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
    return leit_container_object_exists(container, name);
}

/* ---- Attributes --------------------------------------------------------------------------- */

static leit_status open_attribute(const leit_container *container, const char *object,
                                  const char *name, hid_t *attribute)
{
    bool root = object[0] == '\0';
    const char *place = root ? "the root" : object;
    LEIT_FAIL_IF(!root && !leit_container_object_exists(container, object), LEIT_DATA,
                 "%s has no %s", container->path, object);
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

leit_status leit_container_take_text(const leit_container *container, hid_t attribute,
                                     const char *name, leit_arena *arena, const char **text)
{
    *text = NULL;
    hid_t type = H5Aget_type(attribute);
    bool fine = H5Tget_class(type) == H5T_STRING && is_scalar(attribute) &&
                read_text(attribute, type, arena, text) && leit_is_utf8(*text, strlen(*text));
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
    return leit_container_take_text(container, attribute, name, arena, text);
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
