#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/file.h"
#include "support/testing.h"

static void round_trip(void **state)
{
    (void)state;
    leit_arena arena = {0};
    char *path = leit_path_join(&arena, leit_test_directory(), "a/b/c.txt");
    assert_ok(leit_file_make_directory(leit_path_directory(&arena, path)));
    assert_ok(leit_file_write(path, "hello", 5));
    leit_buffer content = {0};
    assert_ok(leit_file_read(path, 5, &content));
    assert_string_equal(leit_buffer_text(&content), "hello");
    assert_fails(leit_file_read(path, 4, &content), LEIT_DATA, "larger than the limit of 4 bytes");
    assert_int_equal(content.size_bytes, 0);

    leit_file_list list = {0};
    assert_ok(leit_file_list_tree(leit_test_directory(), &list));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.paths[0], "a/b/c.txt");
    leit_file_list_clear(&list);
    leit_arena_clear(&arena);
}

/* Two links back up the tree: each file is listed once. */
static void links_in_a_circle(void **state)
{
    (void)state;
    leit_arena arena = {0};
    const char *folder = leit_test_scratch("circle");
    assert_ok(leit_file_make_directory(leit_path_join(&arena, folder, "deep/er")));
    assert_ok(leit_file_write(leit_path_join(&arena, folder, "deep/er/song"), "la", 2));
    assert_int_equal(symlink(".", leit_path_join(&arena, folder, "self")), 0);
    assert_int_equal(symlink("../..", leit_path_join(&arena, folder, "deep/er/up")), 0);
    leit_file_list list = {0};
    assert_ok(leit_file_list_tree(folder, &list));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.paths[0], "deep/er/song");
    leit_file_list_clear(&list);
    leit_arena_clear(&arena);
}

/* What lies below a file is not there to be removed, and that is said. */
static void removes_what_is_there(void **state)
{
    (void)state;
    leit_arena arena = {0};
    const char *file = leit_test_scratch("plain");
    assert_ok(leit_file_write(file, "", 0));
    assert_fails(leit_file_remove(leit_path_join(&arena, file, "below")), LEIT_DATA,
                 "plain/below: Not a directory");
    assert_ok(leit_file_remove(file));
    assert_ok(leit_file_remove(file));
    leit_arena_clear(&arena);
}

/* What is read in pieces sums to what the library makes of the whole; the sum of nothing is the
 * constant of the XXH3 specification. */
static void sums_are_xxh3(void **state)
{
    (void)state;
    enum { SIZE = 200001 }; /* pieces of 65,536 and a rest */
    leit_arena arena = {0};
    const char *path = leit_test_scratch("sum");
    unsigned char *bytes = leit_arena_allocate(&arena, SIZE);
    for (int i = 0; i < SIZE; i++) bytes[i] = (unsigned char)((unsigned)i * 2654435761u >> 24);
    uint64_t sum = 0;
    int64_t size_bytes = -1;
    assert_ok(leit_file_write(path, bytes, SIZE));
    assert_ok(leit_file_sum(path, &sum, &size_bytes));
    assert_int_equal(size_bytes, SIZE);
    assert_true(sum == XXH3_64bits(bytes, SIZE));
    assert_ok(leit_file_write(path, "", 0));
    assert_ok(leit_file_sum(path, &sum, &size_bytes));
    assert_int_equal(size_bytes, 0);
    assert_true(sum == UINT64_C(0x2D06800538D394C2));
    assert_fails(leit_file_sum(leit_test_scratch("none"), &sum, &size_bytes), LEIT_DATA,
                 "none: No such file");
    assert_fails(leit_file_sum(leit_test_directory(), &sum, &size_bytes), LEIT_DATA, "cannot read");
    leit_arena_clear(&arena);
}

static void failures_name_the_file(void **state)
{
    (void)state;
    leit_buffer content = {0};
    assert_fails(leit_file_read("/nonexistent/x", 10, &content), LEIT_DATA,
                 "/nonexistent/x: No such file");
    assert_fails(leit_file_read(leit_test_directory(), 10, &content), LEIT_DATA,
                 "is a directory, expected a file");
    assert_fails(leit_file_write("/nonexistent/x", "", 0), LEIT_DATA, "/nonexistent/x");
    assert_fails(leit_file_make_directory("/dev/null/x"), LEIT_DATA, "/dev/null");
}

/* The reason comes with what to do about it. Also root meets these: a path through a file, a file
 * that opens and cannot be read. */
static void failures_name_the_cure(void **state)
{
    (void)state;
    leit_buffer content = {0};
    assert_fails(leit_file_read("/nonexistent/x", 10, &content), LEIT_DATA, "; check the path");
    assert_fails(leit_file_read("/dev/null/x", 10, &content), LEIT_DATA,
                 "/dev/null/x: Not a directory; check the path");
    assert_fails(leit_file_read("/proc/self/mem", 10, &content), LEIT_DATA,
                 "/proc/self/mem: Input/output error; check the disk or take another copy");
    assert_string_equal(leit_error_reason(ENOSPC),
                        "No space left on device; make room and run the same command again");
    assert_string_equal(leit_error_reason(EACCES), "Permission denied; check the permissions");
    assert_string_equal(leit_error_reason(EPIPE), "Broken pipe");
}

/* A file takes the place of a regular file or of nothing: never that of a device or a link. */
static void devices_and_links_stay(void **state)
{
    (void)state;
    char pipe[1200], link[1200], file[1200];
    snprintf(file, sizeof file, "%s/file", leit_test_directory());
    snprintf(pipe, sizeof pipe, "%s/pipe", leit_test_directory());
    snprintf(link, sizeof link, "%s/link", leit_test_directory());
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_ok(leit_file_write(file, "old", 3));
    assert_int_equal(symlink(file, link), 0);
    assert_fails(leit_file_write(pipe, "new", 3), LEIT_DATA, "is a device or pipe");
    assert_fails(leit_file_write(link, "new", 3), LEIT_DATA, "is a link");
    assert_fails(leit_file_write(leit_test_directory(), "new", 3), LEIT_DATA, "is a directory");
    struct stat about;
    assert_int_equal(lstat(pipe, &about), 0);
    assert_true(S_ISFIFO(about.st_mode));
    assert_int_equal(lstat(link, &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    assert_ok(leit_file_write(file, "new", 3));
}

/* Nor through a link that has the name of what is written aside. */
static void links_are_not_followed(void **state)
{
    (void)state;
    leit_buffer content = {0};
    const char *precious = leit_test_scratch("precious"), *path = leit_test_scratch("plain");
    assert_ok(leit_file_write(precious, "old", 3));
    assert_int_equal(symlink(precious, leit_test_scratch("plain.writing")), 0);
    assert_ok(leit_file_write(path, "new", 3));
    assert_ok(leit_file_read(precious, 10, &content));
    assert_string_equal(leit_buffer_text(&content), "old");
    assert_ok(leit_file_read(path, 10, &content));
    assert_string_equal(leit_buffer_text(&content), "new");
    leit_buffer_clear(&content);
}

/* A limit on the size of files stands for a full disk: some bytes are written, then no more. */
static void a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    enum { LIMIT_BYTES = 1000, LARGE_BYTES = 5000 };
    const char *path = leit_test_scratch("full");
    static char large[LARGE_BYTES];
    leit_buffer content = {0};
    assert_ok(leit_file_write(path, "old", 3));
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit small = {.rlim_cur = LIMIT_BYTES, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const leit_status status = leit_file_write(path, large, LARGE_BYTES);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, LEIT_DATA);
    assert_non_null(strstr(leit_error_message(), "full: File too large"));
    assert_false(leit_file_exists(leit_test_scratch("full.writing")));
    assert_ok(leit_file_read(path, LARGE_BYTES, &content));
    assert_string_equal(leit_buffer_text(&content), "old");
    leit_buffer_clear(&content);
}

static void paths(void **state)
{
    (void)state;
    leit_arena arena = {0};
    assert_string_equal(leit_path_join(&arena, "a/", "b"), "a/b");
    assert_string_equal(leit_path_join(&arena, "a", "/b"), "/b");
    assert_string_equal(leit_path_directory(&arena, "/a"), "/");
    assert_string_equal(leit_path_directory(&arena, "a"), ".");
    assert_string_equal(leit_path_extension("x/y.tar.gz"), "gz");
    assert_string_equal(leit_path_extension("x.d/.hidden"), "");
    leit_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(links_in_a_circle),
        cmocka_unit_test(removes_what_is_there),
        cmocka_unit_test(sums_are_xxh3),
        cmocka_unit_test(failures_name_the_file),
        cmocka_unit_test(failures_name_the_cure),
        cmocka_unit_test(devices_and_links_stay),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
