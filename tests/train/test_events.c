/* What stands in event files, and what stays of them when a run goes on.
 * tests/train/test_tensorboard.sh reads them with TensorBoard's package. */
#include "train/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/file.h"
#include "support/event_records.h"
#include "support/testing.h"
#include "train/events.h"

static void test_check_value(void **state)
{
    (void)state;
    assert_int_equal(leit_test_crc32c("123456789", 9), 0xE3069283u);
}

static void test_records(void **state)
{
    (void)state;
    leit_events *events = NULL;
    leit_file_list list = {0};
    leit_arena arena = {0};
    leit_buffer content = {0};
    int64_t n_bytes = 0;
    assert_ok(leit_events_open(leit_test_directory(), 0, &events));
    assert_ok(leit_events_scalar(events, "text/loss", 300, 1.5));
    assert_ok(leit_events_flush(events, &n_bytes));
    leit_events_close(events);
    assert_ok(leit_file_list_tree(leit_test_directory(), &list));
    assert_int_equal(list.count, 1);
    assert_non_null(strstr(list.paths[0], "tfevents"));
    assert_ok(leit_file_read(leit_path_join(&arena, leit_test_directory(), list.paths[0]), 4096,
                             &content));
    const unsigned char *at = (const unsigned char *)content.data, *end = at + content.size_bytes;
    const unsigned char *bytes;
    uint64_t n;
    assert_int_equal(n_bytes, content.size_bytes);
    at = leit_test_event_record(at, end, &bytes, &n);
    assert_int_equal(n, 9 + 2 + 13);
    assert_memory_equal(bytes + 9,
                        "\x1a\x0d"
                        "brain.Event:2",
                        15); /* field 3, 13 bytes */
    at = leit_test_event_record(at, end, &bytes, &n);
    assert_true(at == end);
    /* wall time; step 300 as a varint; summary { value { tag, simple_value 1.5 } } */
    static const unsigned char expected[] = {0x10, 0xAC, 0x02, 0x2A, 0x12, 0x0A, 0x10, 0x0A,
                                             9,    't',  'e',  'x',  't',  '/',  'l',  'o',
                                             's',  's',  0x15, 0x00, 0x00, 0xC0, 0x3F};
    assert_int_equal(bytes[0], 0x09);
    assert_int_equal(n, 9 + sizeof expected);
    assert_memory_equal(bytes + 9, expected, sizeof expected);
    leit_buffer_clear(&content);
    leit_arena_clear(&arena);
    leit_file_list_clear(&list);
}

/* Writes steps first to last - 1 into a file of its own behind the first keep_bytes; returns how
 * many bytes all files have after each step, from `first` on. */
static void write_run(const char *directory, int64_t keep_bytes, int first, int last,
                      int64_t *n_bytes)
{
    leit_events *events = NULL;
    assert_ok(leit_events_open(directory, keep_bytes, &events));
    for (int step = first; step < last; step++) {
        assert_ok(leit_events_scalar(events, "loss", step, 0.5 * step));
        assert_ok(leit_events_flush(events, &n_bytes[step]));
    }
    leit_events_close(events);
}

static void expect_scalars(const char *directory, const char *expected)
{
    leit_buffer lines = {0};
    leit_test_event_scalars(directory, &lines);
    assert_string_equal(leit_buffer_text(&lines), expected);
    leit_buffer_clear(&lines);
}

/* Three runs: the second goes on behind step 2 of the first, the third behind step 3 of the
 * second; every step stands there once. What others keep in the folder stays. */
static void test_goes_on(void **state)
{
    (void)state;
    leit_arena arena = {0};
    int64_t n_bytes[8];
    const char *directory = leit_path_join(&arena, leit_test_directory(), "goes_on");
    const char *foreign = leit_path_join(&arena, directory, "events.out.tfevents.1.theirs");
    write_run(directory, 0, 1, 5, n_bytes);
    write_run(directory, n_bytes[2], 3, 6, n_bytes);
    expect_scalars(directory, "loss 1 0.5\nloss 2 1\nloss 3 1.5\nloss 4 2\nloss 5 2.5\n");
    write_run(directory, n_bytes[3], 4, 5, n_bytes);
    expect_scalars(directory, "loss 1 0.5\nloss 2 1\nloss 3 1.5\nloss 4 2\n");
    write_run(directory, n_bytes[1], 2, 3, n_bytes); /* the second and the third go as a whole */
    expect_scalars(directory, "loss 1 0.5\nloss 2 1\n");
    assert_ok(leit_file_write(foreign, "", 0));
    write_run(directory, 0, 7, 8, n_bytes);
    expect_scalars(directory, "loss 7 3.5\n");
    assert_true(leit_file_exists(foreign));
    leit_arena_clear(&arena);
}

/* What a run writes: three steps, a save, two steps that are lost, and then what is done instead.
 */
static void write_journal(const char *directory)
{
    leit_journal *journal = NULL;
    leit_journal_place place = {0};
    assert_ok(leit_journal_open(directory, place, &journal));
    for (int step = 1; step <= 5; step++) {
        assert_ok(leit_journal_step(journal, "text", step, 1.0 / step, 1e-3, step > 3 ? 7 : 2));
        if (step == 3) assert_ok(leit_journal_sync(journal, &place));
    }
    leit_journal_close(journal);
    assert_ok(leit_journal_open(directory, place, &journal));
    assert_ok(leit_journal_step(journal, "text", 4, 0.25, 1e-3, 2));
    assert_ok(leit_journal_validation(journal, "text", 4, 1, "mse", 0.125, true));
    assert_ok(leit_journal_step(journal, "music", 1, 0.5, 1e-3, 3));
    leit_journal_close(journal);
}

static void test_journal(void **state)
{
    (void)state;
    leit_arena arena = {0};
    leit_buffer metrics = {0};
    const char *directory = leit_path_join(&arena, leit_test_directory(), "run");
    assert_ok(leit_file_make_directory(directory));
    write_journal(directory);
    expect_scalars(leit_path_join(&arena, directory, "events"),
                   "text/loss 1 1\ntext/gradient_norm 1 2\n"
                   "text/loss 2 0.5\ntext/gradient_norm 2 2\n"
                   "text/loss 3 0.333333343\ntext/gradient_norm 3 2\n"
                   "text/loss 4 0.25\ntext/gradient_norm 4 2\ntext/mse 4 0.125\n"
                   "music/loss 1 0.5\nmusic/gradient_norm 1 3\n");
    assert_ok(leit_file_read(leit_path_join(&arena, directory, "metrics.jsonl"), 4096, &metrics));
    assert_null(strstr(leit_buffer_text(&metrics), "\"gradient_norm\": 7"));
    if (getenv("LEIT_KEEP") != NULL) print_message("kept: %s\n", directory);
    leit_buffer_clear(&metrics);
    leit_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_value),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
