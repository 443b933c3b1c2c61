#include <string.h>
#include <sys/stat.h>

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

static void a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    /* /dev/full takes the rename aside, so the write itself is what must fail. */
    if (!leit_file_exists("/dev/full")) skip();
    assert_fails(leit_file_write("/dev/full/x", "text", 4), LEIT_DATA, "cannot write");
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
        cmocka_unit_test(failures_name_the_file),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
