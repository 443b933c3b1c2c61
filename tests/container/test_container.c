#include <hdf5.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container/container.h"
#include "core/file.h"
#include "core/memory.h"
#include "support/testing.h"

static const char format[] = "leitmotif test";
enum { VERSION = 3 };

static const float matrix[2][3] = {{0, 1, 2}, {3, 4, 5}};
static const char *const names[] = {"anger", "", "s\xc3\xbc\xc3\x9f"};

/* A small file with one of everything. */
static void write_sample(const char *path)
{
    leit_container_writer *writer = NULL;
    assert_ok(leit_container_create(path, format, VERSION, &writer));
    assert_ok(leit_container_write(writer, "group/matrix", LEIT_F32, 2, (int64_t[]){2, 3}, matrix));
    assert_ok(leit_container_write(writer, "half", LEIT_BF16, 1, (int64_t[]){2},
                                   (uint16_t[]){0x3f80, 0xc000}));
    assert_ok(leit_container_write(writer, "scalar", LEIT_F64, 0, NULL, &(double){2.5}));
    assert_ok(leit_container_write(writer, "empty", LEIT_I16, 2, (int64_t[]){0, 3}, NULL));
    assert_ok(leit_container_begin(writer, "pieces", LEIT_I32, 2, (int64_t[]){100, 2}));
    for (int32_t row = 0; row < 100; row += 20) {
        int32_t rows[20][2];
        for (int32_t i = 0; i < 20; i++) rows[i][0] = row + i, rows[i][1] = -row - i;
        assert_ok(leit_container_append(writer, rows, 20));
    }
    assert_ok(leit_container_write_strings(writer, "names", 3, names));
    assert_ok(leit_container_set_text(writer, "group/matrix", "unit", "dB"));
    assert_ok(leit_container_set_i64(writer, "made/by/hand", "count", -7));
    assert_ok(leit_container_set_f64(writer, "", "share", 0.25));
    assert_ok(leit_container_commit(writer));
}

static void round_trip(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("sample.h5");
    write_sample(path);
    assert_false(leit_file_exists(leit_test_scratch("sample.h5.writing")));

    leit_container *file = NULL;
    assert_ok(leit_container_open(path, format, VERSION, &file));
    float read[6];
    assert_ok(leit_container_read(file, "group/matrix", LEIT_F32, 2, (int64_t[]){2, -1}, read,
                                  sizeof read));
    assert_memory_equal(read, matrix, sizeof matrix);
    double scalar = 0;
    assert_ok(leit_container_read(file, "scalar", LEIT_F64, 0, NULL, &scalar, sizeof scalar));
    assert_true(scalar == 2.5);
    int64_t shape[2] = {-1, 2};
    int32_t *pieces = NULL;
    assert_ok(leit_container_load(file, "pieces", LEIT_I32, 2, shape, (void **)&pieces));
    assert_int_equal(shape[0], 100);
    for (int32_t i = 0; i < 100; i++) assert_int_equal(pieces[2 * i + 1], -i);
    leit_free(pieces);
    int32_t two[4];
    assert_ok(leit_container_read_rows(file, "pieces", LEIT_I32, 98, 2, two, sizeof two));
    assert_int_equal(two[2], 99);

    leit_tensor about;
    assert_ok(leit_container_describe(file, "empty", &about));
    assert_int_equal(about.rank, 2);
    assert_int_equal(about.shape[0], 0);
    assert_int_equal(about.dtype, LEIT_I16);
    assert_ok(leit_container_describe(file, "half", &about));
    assert_int_equal(about.dtype, LEIT_BF16);

    leit_arena arena = {0};
    int64_t n = 0;
    const char **strings = NULL, *text = NULL;
    assert_ok(leit_container_read_strings(file, "names", &arena, &n, &strings));
    assert_int_equal(n, 3);
    for (int i = 0; i < 3; i++) assert_string_equal(strings[i], names[i]);
    assert_ok(leit_container_text(file, "group/matrix", "unit", &arena, &text));
    assert_string_equal(text, "dB");
    int64_t count = 0;
    assert_ok(leit_container_i64(file, "made/by/hand", "count", &count));
    assert_int_equal(count, -7);
    double share = 0;
    assert_ok(leit_container_f64(file, "", "share", &share));
    assert_true(share == 0.25);
    assert_ok(leit_container_names(file, "", &arena, &n, &strings));
    assert_int_equal(n, 7);
    assert_string_equal(strings[0], "empty");
    assert_string_equal(strings[1], "group/matrix");
    assert_ok(leit_container_verify(file));
    leit_container_close(file);
    leit_arena_clear(&arena);
    assert_ok(leit_container_probe(path, 20));
    if (getenv("LEIT_KEEP") != NULL) print_message("kept: %s\n", path);
}

/* The offset is where the numbers are; the mapping shows them. */
static void mapped_in_place(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("mapped.h5");
    write_sample(path);
    leit_container *file = NULL;
    assert_ok(leit_container_open(path, format, VERSION, &file));
    int64_t offset_bytes = 0, shape[2] = {-1, -1};
    assert_ok(leit_container_dataset_offset(file, "pieces", &offset_bytes));
    assert_int_equal(offset_bytes % 64, 0);
    leit_buffer raw = {0};
    assert_ok(leit_file_read(path, 1 << 20, &raw));
    int32_t row[2];
    memcpy(row, raw.data + offset_bytes + 5 * (int64_t)sizeof row, sizeof row);
    assert_int_equal(row[0], 5);
    assert_int_equal(row[1], -5);
    const int32_t *pieces = NULL;
    assert_ok(leit_container_map(file, "pieces", LEIT_I32, 2, shape, LEIT_CHECK_SUM,
                                 (const void **)&pieces));
    assert_int_equal(shape[0], 100);
    assert_memory_equal(pieces, raw.data + offset_bytes, 800);
    const int16_t *empty = NULL;
    assert_ok(leit_container_map(file, "empty", LEIT_I16, 2, (int64_t[]){0, 3}, LEIT_CHECK_SUM,
                                 (const void **)&empty));
    assert_fails(leit_container_dataset_offset(file, "empty", &offset_bytes), LEIT_DATA,
                 "one plain piece");
    leit_container_close(file);
    leit_buffer_clear(&raw);
}

static void same_content_same_bytes(void **state)
{
    (void)state;
    const char *left = leit_test_scratch("left.h5"), *right = leit_test_scratch("right.h5");
    write_sample(left);
    sleep(1); /* times of objects count in seconds */
    write_sample(right);
    leit_buffer first = {0}, second = {0};
    assert_ok(leit_file_read(left, 1 << 20, &first));
    assert_ok(leit_file_read(right, 1 << 20, &second));
    assert_int_equal(first.size_bytes, second.size_bytes);
    assert_memory_equal(first.data, second.data, first.size_bytes);
    leit_buffer_clear(&first);
    leit_buffer_clear(&second);
}

static void wrong_requests_are_named(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("requests.h5");
    write_sample(path);
    leit_container *file = NULL, *other = NULL;
    assert_fails(leit_container_open("/nonexistent", format, VERSION, &other), LEIT_DATA,
                 "/nonexistent: No such file");
    assert_fails(leit_container_open(path, "leitmotif checkpoint", VERSION, &other), LEIT_DATA,
                 "holds a leitmotif test, expected a leitmotif checkpoint");
    assert_fails(leit_container_open(path, format, 4, &other), LEIT_DATA,
                 "a leitmotif test of version 3, this program reads version 4");
    assert_fails(leit_container_open(leit_test_directory(), format, VERSION, &other), LEIT_DATA,
                 "is a directory");
    assert_null(other);
    assert_ok(leit_container_open(path, format, VERSION, &file));
    float room[6];
    assert_fails(leit_container_read(file, "nothing", LEIT_F32, 1, (int64_t[]){-1}, room, 24),
                 LEIT_DATA, "has no nothing");
    assert_fails(leit_container_read(file, "group", LEIT_F32, 1, (int64_t[]){-1}, room, 24),
                 LEIT_DATA, "cannot open group as an array");
    assert_fails(
        leit_container_read(file, "group/matrix", LEIT_F64, 2, (int64_t[]){2, 3}, room, 24),
        LEIT_DATA, "group/matrix is f32, expected f64");
    assert_fails(
        leit_container_read(file, "group/matrix", LEIT_F32, 2, (int64_t[]){3, 2}, room, 24),
        LEIT_DATA, "has shape (2, 3), expected (3, 2)");
    assert_fails(leit_container_read(file, "group/matrix", LEIT_F32, 1, (int64_t[]){-1}, room, 24),
                 LEIT_DATA, "has shape (2, 3), expected (-1)");
    assert_fails(
        leit_container_read(file, "group/matrix", LEIT_F32, 2, (int64_t[]){2, 3}, room, 23),
        LEIT_DATA, "has 24 bytes, there is room for 23");
    assert_fails(leit_container_read_rows(file, "pieces", LEIT_I32, 99, 2, room, 24), LEIT_DATA,
                 "has 100 rows, 2 were asked for from row 99");
    int64_t value = 0;
    assert_fails(leit_container_i64(file, "", "share", &value), LEIT_DATA, "no whole number");
    assert_fails(leit_container_i64(file, "", "missing", &value), LEIT_DATA,
                 "has no attribute missing");
    assert_true(leit_container_has(file, "names"));
    assert_false(leit_container_has(file, "names/more/less"));
    leit_container_close(file);
}

static void wrong_writes_leave_nothing(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("broken.h5"),
               *aside = leit_test_scratch("broken.h5.writing");
    static const struct {
        const char *name, *fragment;
        int64_t length;
    } cases[] = {
        {"", "a name of 0 bytes", 1},
        {"a//b", "bad name", 1},
        {"/a", "bad name", 1},
        {"a/..", "bad name", 1},
        {"\xff", "not UTF-8", 1},
        {"there", "there is there already", 1},
        {"negative", "has shape (-1)", -1},
        {"huge", "expected sizes that fit", INT64_MAX / 2},
        {"there/below", "cannot write", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leit_container_writer *writer = NULL;
        assert_ok(leit_container_create(path, format, VERSION, &writer));
        assert_true(leit_file_exists(aside));
        int32_t one = 1;
        assert_ok(leit_container_write(writer, "there", LEIT_I32, 1, (int64_t[]){1}, &one));
        assert_fails(leit_container_write(writer, cases[i].name, LEIT_I32, 1,
                                          (int64_t[]){cases[i].length}, &one),
                     LEIT_DATA, cases[i].fragment);
        assert_fails(leit_container_commit(writer), LEIT_INTERNAL, "after a write that failed");
        assert_false(leit_file_exists(path));
        assert_false(leit_file_exists(aside));
    }
    leit_container_writer *writer = NULL;
    assert_ok(leit_container_create(path, format, VERSION, &writer));
    assert_ok(leit_container_begin(writer, "half", LEIT_I32, 1, (int64_t[]){4}));
    assert_ok(leit_container_append(writer, (int32_t[]){1, 2}, 2));
    assert_fails(leit_container_append(writer, (int32_t[]){1, 2, 3}, 3), LEIT_DATA,
                 "room for 2 more rows, got 3");
    leit_container_abort(writer);
    assert_ok(leit_container_create(path, format, VERSION, &writer));
    assert_ok(leit_container_begin(writer, "half", LEIT_I32, 1, (int64_t[]){4}));
    assert_fails(leit_container_commit(writer), LEIT_DATA, "half has 0 of 4 rows");
    assert_ok(leit_container_create(path, format, VERSION, &writer));
    assert_fails(leit_container_write_strings(writer, "bad", 1, (const char *[]){"\xc3("}),
                 LEIT_DATA, "string 0 of bad is not UTF-8");
    leit_container_abort(writer);
    assert_false(leit_file_exists(aside));
    assert_fails(leit_container_create("/nonexistent/x.h5", format, VERSION, &writer), LEIT_DATA,
                 "No such file or directory");
    assert_fails(leit_container_create(leit_test_directory(), format, VERSION, &writer), LEIT_DATA,
                 "is a directory");
}

/* Opens, reads all, compares with the sample: true when the content is the sample's. */
static leit_status read_all(const char *path)
{
    leit_container *file = NULL;
    leit_arena arena = {0};
    leit_status status = leit_container_open(path, format, VERSION, &file);
    float read[6];
    const char **strings = NULL, *text = NULL;
    int64_t n = 0, count = 0;
    if (status == LEIT_OK) status = leit_container_verify(file);
    if (status == LEIT_OK)
        status = leit_container_read(file, "group/matrix", LEIT_F32, 2, (int64_t[]){2, 3}, read,
                                     sizeof read);
    if (status == LEIT_OK)
        status = leit_container_read_strings(file, "names", &arena, &n, &strings);
    if (status == LEIT_OK)
        status = leit_container_text(file, "group/matrix", "unit", &arena, &text);
    if (status == LEIT_OK) status = leit_container_i64(file, "made/by/hand", "count", &count);
    if (status == LEIT_OK) {
        assert_memory_equal(read, matrix, sizeof matrix);
        assert_int_equal(n, 3);
        for (int i = 0; i < 3; i++) assert_string_equal(strings[i], names[i]);
        assert_string_equal(text, "dB");
        assert_int_equal(count, -7);
    }
    leit_container_close(file);
    leit_arena_clear(&arena);
    return status;
}

/* One flipped bit in every byte of the file: it is reported, or the byte is one of the gaps between
 * objects and everything reads as written. The gaps are few. */
static void every_bit_flip_is_found(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("whole.h5"), *flipped = leit_test_scratch("flipped.h5");
    write_sample(path);
    leit_buffer raw = {0};
    assert_ok(leit_file_read(path, 1 << 20, &raw));
    size_t unseen = 0;
    for (size_t i = 0; i < raw.size_bytes; i++) {
        raw.data[i] = (char)(raw.data[i] ^ (1 << (i % 8)));
        FILE *file = fopen(flipped, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(raw.data, 1, raw.size_bytes, file), raw.size_bytes);
        fclose(file);
        raw.data[i] = (char)(raw.data[i] ^ (1 << (i % 8)));
        leit_status status = read_all(flipped);
        if (status == LEIT_OK)
            unseen++;
        else
            assert_int_equal(status, LEIT_DATA);
    }
    print_message("%zu of %zu flips fell into gaps\n", unseen, raw.size_bytes);
    assert_true(unseen < raw.size_bytes / 2);
    leit_buffer_clear(&raw);
}

/* A flip inside an array is found at read, not only by verify, and names the array. */
static void a_flip_in_an_array_names_it(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("one.h5");
    write_sample(path);
    leit_container *file = NULL;
    int64_t offset_bytes = 0;
    assert_ok(leit_container_open(path, format, VERSION, &file));
    assert_ok(leit_container_dataset_offset(file, "group/matrix", &offset_bytes));
    leit_container_close(file);
    FILE *raw = fopen(path, "r+b");
    assert_int_equal(fseek(raw, (long)offset_bytes + 3, SEEK_SET), 0);
    fputc(0x41, raw);
    fclose(raw);
    assert_ok(leit_container_open(path, format, VERSION, &file));
    float read[6];
    assert_fails(leit_container_read(file, "group/matrix", LEIT_F32, 2, (int64_t[]){2, 3}, read,
                                     sizeof read),
                 LEIT_DATA, "group/matrix is damaged");
    assert_fails(leit_container_verify(file), LEIT_DATA, "group/matrix is damaged");
    leit_container_close(file);
    assert_fails(leit_container_probe(path, 20), LEIT_DATA, "group/matrix is damaged");
}

static void truncation_is_found(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("whole.h5"), *cut = leit_test_scratch("cut.h5");
    write_sample(path);
    leit_buffer raw = {0};
    assert_ok(leit_file_read(path, 1 << 20, &raw));
    for (size_t size = 0; size < raw.size_bytes; size += 97) {
        FILE *file = fopen(cut, "wb");
        assert_int_equal(fwrite(raw.data, 1, size, file), size);
        fclose(file);
        assert_int_equal(read_all(cut), LEIT_DATA);
    }
    leit_buffer_clear(&raw);
}

static void garbage_is_refused(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("garbage.h5");
    leit_container *file = NULL;
    assert_ok(leit_file_write(path, "this is no container", 20));
    assert_fails(leit_container_open(path, format, VERSION, &file), LEIT_DATA,
                 "is not an HDF5 file");
    assert_fails(leit_container_open(path, NULL, 0, &file), LEIT_DATA, "cannot open");
    assert_fails(leit_container_probe(path, 20), LEIT_DATA, "is not an HDF5 file");
    assert_fails(leit_container_probe("/nonexistent", 20), LEIT_DATA, "No such file");
}

/* A pipe that never speaks stalls the reader: the probe gives up in time. */
static void a_stalled_read_ends(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("stall.h5");
    char command[1100];
    snprintf(command, sizeof command, "mkfifo %s", path);
    assert_int_equal(system(command), 0);
    assert_fails(leit_container_probe(path, 1), LEIT_DATA, "longer than 1 s");
}

/* A file-size limit stands for a full disk; the library's own clean-up must not hang or crash, and
 * handles must not leak. */
static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("full.h5"), *aside = leit_test_scratch("full.h5.writing");
    write_sample(path);
    leit_buffer before = {0}, after = {0};
    assert_ok(leit_file_read(path, 1 << 20, &before));
    int handle = dup(0);
    close(handle);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    for (rlim_t limit = 0; limit <= 64 * 1024; limit += 16 * 1024) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = limit, .rlim_max = old.rlim_max});
        leit_container_writer *writer = NULL;
        leit_status status = leit_container_create(path, format, VERSION, &writer);
        static char large[100000];
        if (status == LEIT_OK)
            status = leit_container_write(writer, "large", LEIT_U8, 1, (int64_t[]){100000}, large);
        if (status == LEIT_OK)
            status = leit_container_commit(writer);
        else
            leit_container_abort(writer);
        setrlimit(RLIMIT_FSIZE, &old);
        assert_int_equal(status, LEIT_DATA);
        assert_non_null(strstr(leit_error_message(), "File too large"));
        assert_false(leit_file_exists(aside));
    }
    assert_ok(leit_file_read(path, 1 << 20, &after));
    assert_int_equal(before.size_bytes, after.size_bytes);
    assert_memory_equal(before.data, after.data, before.size_bytes);
    leit_buffer_clear(&before);
    leit_buffer_clear(&after);
    int next = dup(0);
    close(next);
    assert_int_equal(next, handle); /* no file is still open */
}

/* What h5py writes (tests/oracle/container_h5py.py) reads without sums and packed, links are not
 * followed. */
static void files_of_h5py(void **state)
{
    (void)state;
    const char *path = leit_test_source("tests/golden/container_h5py.h5");
    leit_container *file = NULL;
    assert_fails(leit_container_probe(path, 20), LEIT_DATA, "superblock 0");
    assert_fails(leit_container_open(path, format, VERSION, &file), LEIT_DATA, "superblock 0");
    assert_ok(leit_container_open(path, NULL, 0, &file));
    float plain[12];
    assert_ok(leit_container_read(file, "plain", LEIT_F32, 2, (int64_t[]){3, 4}, plain, 48));
    assert_true(plain[11] == 11);
    int32_t numbers[5];
    assert_ok(leit_container_read(file, "big_endian", LEIT_I32, 1, (int64_t[]){5}, numbers, 20));
    assert_int_equal(numbers[4], 4);
    int64_t shape = -1, offset_bytes;
    assert_fails(leit_container_dataset_offset(file, "big_endian", &offset_bytes), LEIT_DATA,
                 "one plain piece");
    const int64_t *packed = NULL;
    assert_ok(leit_container_map(file, "packed", LEIT_I64, 1, &shape, LEIT_CHECK_SUM,
                                 (const void **)&packed));
    assert_int_equal(shape, 1000);
    assert_int_equal(packed[999], 999);
    leit_tensor about;
    assert_fails(leit_container_describe(file, "words", &about), LEIT_DATA, "element type");
    assert_fails(leit_container_describe(file, "soft", &about), LEIT_DATA, "has no soft");
    assert_fails(leit_container_describe(file, "outside", &about), LEIT_DATA, "has no outside");
    int64_t n = 0;
    double half = 0;
    const char *text = NULL, **listed = NULL;
    leit_arena arena = {0};
    assert_fails(leit_container_names(file, "", &arena, &n, &listed), LEIT_DATA,
                 "soft or external link");
    assert_ok(leit_container_i64(file, "", "n", &n));
    assert_int_equal(n, 7);
    assert_ok(leit_container_f64(file, "", "half", &half));
    assert_true(half == 0.5);
    assert_ok(leit_container_text(file, "", "writer", &arena, &text));
    assert_memory_equal(text, "h5py ", 5);
    leit_container_close(file);
    leit_arena_clear(&arena);
}

static hid_t open_raw(const char *path)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

/* A file says it is ours and is not as ours are: a terabyte of zeros packed to a few bytes; groups
 * that hold each other under two names, 20 levels deep, a million paths. */
static void lies_under_our_name(void **state)
{
    (void)state;
    const char *path = leit_test_scratch("lies.h5");
    write_sample(path);
    hid_t raw = open_raw(path);
    const hid_t space = H5Screate_simple(1, (hsize_t[]){(hsize_t)1 << 40}, NULL);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 1, (hsize_t[]){1 << 20});
    H5Pset_deflate(creation, 9);
    H5Dclose(H5Dcreate2(raw, "packed", H5T_STD_U8LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Pclose(creation);
    H5Sclose(space);
    H5Fclose(raw);
    leit_container *file = NULL;
    assert_ok(leit_container_open(path, format, VERSION, &file));
    int64_t shape = -1;
    void *data = NULL;
    assert_fails(leit_container_load(file, "packed", LEIT_U8, 1, &shape, &data), LEIT_DATA,
                 "packed is packed by a filter, expected plain bytes");
    leit_container_close(file);

    write_sample(path);
    raw = open_raw(path);
    hid_t group = H5Gcreate2(raw, "level", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (int level = 0; level < 20; level++) {
        const hid_t inner = H5Gcreate2(group, "a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(inner >= 0 &&
                    H5Lcreate_hard(group, "a", group, "b", H5P_DEFAULT, H5P_DEFAULT) >= 0);
        H5Gclose(group);
        group = inner;
    }
    H5Gclose(group);
    H5Fclose(raw);
    assert_ok(leit_container_open(path, format, VERSION, &file));
    assert_fails(leit_container_verify(file), LEIT_DATA, "holds more than 65536 arrays and groups");
    leit_container_close(file);
}

/* Anybody's HDF5, also in the newest form of the file format, is not ours to overwrite. */
static void a_strangers_file_is_no_output(void **state)
{
    (void)state;
    static const H5F_libver_t oldest[] = {H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST};
    for (size_t i = 0; i < sizeof oldest / sizeof *oldest; i++) {
        const char *path = leit_test_scratch(i == 0 ? "early.h5" : "late.h5");
        const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
        H5Pset_libver_bounds(access, oldest[i], H5F_LIBVER_LATEST);
        const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
        assert_true(file >= 0);
        H5Gclose(H5Gcreate(file, "mine", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        H5Fclose(file);
        H5Pclose(access);
        assert_fails(leit_container_check_output(path, "leitmotif-index"), LEIT_USAGE,
                     "is there and no file of Leitmotif: it is not overwritten");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(mapped_in_place),
        cmocka_unit_test(same_content_same_bytes),
        cmocka_unit_test(wrong_requests_are_named),
        cmocka_unit_test(wrong_writes_leave_nothing),
        cmocka_unit_test(every_bit_flip_is_found),
        cmocka_unit_test(a_flip_in_an_array_names_it),
        cmocka_unit_test(truncation_is_found),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(a_stalled_read_ends),
        cmocka_unit_test(a_full_disk_leaves_nothing),
        cmocka_unit_test(files_of_h5py),
        cmocka_unit_test(lies_under_our_name),
        cmocka_unit_test(a_strangers_file_is_no_output), /* after ours has started HDF5 */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
