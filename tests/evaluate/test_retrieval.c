/* Retrieval figures against tests/oracle/retrieval.py, which sorts every text in full. Sums of at
 * most 60 terms near 1 in another order: 1e-12 is far above 60 * 2^-53 and far below 1 / 60. */
#include "evaluate/retrieval.h"

#include <math.h>

#include "support/numbers.h"

static const double TOLERANCE = 1e-12;

static leit_retrieval_task read_task(leit_numbers *golden, int number)
{
    const int32_t *sizes =
        leit_numbers_i32(golden, leit_numbers_name("case%d.sizes", number), NULL);
    return (leit_retrieval_task){
        .n_texts = sizes[0],
        .n_clips = sizes[1],
        .K_text = sizes[2],
        .K_music = sizes[3],
        .depth = sizes[4],
        .text_mood = leit_numbers_i32(golden, leit_numbers_name("case%d.text_mood", number), NULL),
        .clip_mood = leit_numbers_i32(golden, leit_numbers_name("case%d.clip_mood", number), NULL),
        .mapping = leit_numbers_u8(golden, leit_numbers_name("case%d.mapping", number), NULL),
    };
}

static void compare_figures(leit_numbers *golden, const char *name,
                            const leit_retrieval_figures *figures, int n_groups, int depth)
{
    size_t count;
    const double *expected = leit_numbers_f64(golden, name, &count);
    assert_int_equal(count, (size_t)(n_groups * (depth + 1)));
    for (int g = 0; g < n_groups; g++) {
        const double *row = expected + g * (depth + 1);
        leit_numbers_compare(name, figures[g].precision, row, (size_t)depth, TOLERANCE);
        leit_numbers_compare(name, &figures[g].mrr, row + depth, 1, TOLERANCE);
    }
}

static void compare_summary(leit_numbers *golden, const char *prefix,
                            leit_retrieval_summary *summary)
{
    compare_figures(golden, leit_numbers_name("%s.moods", prefix), summary->moods, summary->K_text,
                    summary->depth);
    compare_figures(golden, leit_numbers_name("%s.macro", prefix), &summary->macro, 1,
                    summary->depth);
    compare_figures(golden, leit_numbers_name("%s.micro", prefix), &summary->micro, 1,
                    summary->depth);
    leit_retrieval_summary_clear(summary);
}

static void compare_texts(leit_numbers *golden, int number, const leit_retrieval *retrieval)
{
    const int depth = retrieval->task.depth;
    const double *expected =
        leit_numbers_f64(golden, leit_numbers_name("case%d.values", number), NULL);
    double *values = test_calloc((size_t)retrieval->task.n_texts, sizeof *values);
    for (int column = 0; column <= depth; column++) {
        if (column < depth)
            leit_retrieval_precision(retrieval, column + 1, values);
        else
            leit_retrieval_reciprocal_rank(retrieval, values);
        for (int64_t t = 0; t < retrieval->task.n_texts; t++)
            leit_numbers_compare("value of a text", &values[t], &expected[t * (depth + 1) + column],
                                 1, TOLERANCE);
    }
    test_free(values);
}

static void compare_confusion(leit_numbers *golden, int number, const leit_retrieval *retrieval)
{
    size_t count;
    const double *expected =
        leit_numbers_f64(golden, leit_numbers_name("case%d.confusion", number), &count);
    double *share = test_calloc(count, sizeof *share);
    leit_retrieval_confusion(retrieval, 5, share);
    leit_numbers_compare("confusion", share, expected, count, TOLERANCE);
    test_free(share);
}

/* Ranks in blocks of 4 texts, so that borders between blocks are crossed. */
static void rank_all(leit_retrieval *retrieval, leit_threads *threads, const float *scores)
{
    const leit_retrieval_task *task = &retrieval->task;
    for (int64_t first = 0; first < task->n_texts; first += 4) {
        int64_t n = task->n_texts - first < 4 ? task->n_texts - first : 4;
        assert_ok(
            leit_retrieval_rank(retrieval, threads, first, n, scores + first * task->n_clips));
    }
}

static void agrees_with_brute_force(void **state)
{
    (void)state;
    leit_numbers golden;
    leit_numbers_open("tests/golden/retrieval.txt", &golden);
    const int n_cases = *leit_numbers_i32(&golden, "cases", NULL);
    assert_true(n_cases >= 5);
    leit_threads *threads = NULL;
    assert_ok(leit_threads_create(3, &threads));
    for (int number = 0; number < n_cases; number++) {
        leit_retrieval_task task = read_task(&golden, number);
        leit_retrieval *retrieval = NULL;
        leit_retrieval_summary summary;
        assert_ok(leit_retrieval_create(&task, &retrieval));
        rank_all(retrieval, number % 2 ? threads : NULL,
                 leit_numbers_f32(&golden, leit_numbers_name("case%d.scores", number), NULL));
        compare_texts(&golden, number, retrieval);
        compare_confusion(&golden, number, retrieval);
        assert_ok(leit_retrieval_summarize(retrieval, &summary));
        compare_summary(&golden, leit_numbers_name("case%d", number), &summary);
        assert_ok(leit_retrieval_random(&task, &summary));
        compare_summary(&golden, leit_numbers_name("case%d.random", number), &summary);
        assert_ok(leit_retrieval_oracle(&task, &summary));
        compare_summary(&golden, leit_numbers_name("case%d.oracle", number), &summary);
        leit_retrieval_free(retrieval);
    }
    leit_threads_free(threads);
    leit_numbers_close(&golden);
}

/* Two text moods, two music moods, four clips; mood 0 wants music 0. */
static const int32_t TEXT_MOOD[2] = {0, 0}, CLIP_MOOD[4] = {1, 0, 0, 1};
static const uint8_t MAPPING[4] = {1, 0, 0, 1};

static leit_retrieval_task small_task(void)
{
    return (leit_retrieval_task){.n_texts = 2,
                                 .n_clips = 4,
                                 .K_text = 2,
                                 .K_music = 2,
                                 .text_mood = TEXT_MOOD,
                                 .clip_mood = CLIP_MOOD,
                                 .mapping = MAPPING,
                                 .depth = 5};
}

static void ties_missing_clips_and_moods(void **state)
{
    (void)state;
    leit_retrieval_task task = small_task();
    leit_retrieval *retrieval = NULL;
    assert_ok(leit_retrieval_create(&task, &retrieval));
    /* Text 0: all equal, so clips 0, 1, 2, 3: wrong, right, right, wrong. Text 1: nothing. */
    const float none = -INFINITY, scores[8] = {1, 1, 1, 1, none, none, none, none};
    assert_ok(leit_retrieval_rank(retrieval, NULL, 0, 2, scores));
    const int32_t top[10] = {0, 1, 2, 3, -1, -1, -1, -1, -1, -1};
    assert_memory_equal(retrieval->top_clip, top, sizeof top);
    leit_retrieval_summary summary;
    assert_ok(leit_retrieval_summarize(retrieval, &summary));
    assert_true(summary.macro.mrr == 0.25);
    assert_true(summary.macro.precision[4] == 0.2); /* (2 / 5 + 0) / 2 */
    assert_int_equal(summary.n_empty_texts, 1);
    assert_int_equal(summary.n_moods, 1);
    leit_retrieval_summary_clear(&summary);
    leit_retrieval_free(retrieval);
}

static void lists_are_counted(void **state)
{
    (void)state;
    leit_retrieval_task task = small_task();
    leit_retrieval *retrieval = NULL;
    int64_t n_lists = -1;
    const float none = -INFINITY;
    const struct {
        float scores[8];
        int64_t of_two, of_five; /* lists of the first two, of the first five */
    } cases[] = {{{4, 3, 2, 1, 8, 6, 4, 2}, 1, 1},
                 {{4, 3, 2, 1, 4, 3, 1, 2}, 1, 2}, /* they part at the third clip */
                 {{4, 3, 2, 1, none, none, none, none}, 1, 1},
                 {{none, none, none, none, none, none, none, none}, 0, 0}};
    for (int i = 0; i < 4; i++) {
        assert_ok(leit_retrieval_create(&task, &retrieval));
        assert_ok(leit_retrieval_rank(retrieval, NULL, 0, 2, cases[i].scores));
        assert_ok(leit_retrieval_count_lists(retrieval, 2, &n_lists));
        assert_int_equal(n_lists, cases[i].of_two);
        assert_ok(leit_retrieval_count_lists(retrieval, 5, &n_lists));
        assert_int_equal(n_lists, cases[i].of_five);
        leit_retrieval_free(retrieval);
    }
}

static void bad_input_is_named(void **state)
{
    (void)state;
    leit_retrieval_task task = small_task();
    leit_retrieval *retrieval = NULL;
    const int32_t bad_mood[4] = {0, 0, 2, 0};
    const uint8_t bad_mapping[4] = {1, 0, 7, 1};
    task.clip_mood = bad_mood;
    assert_fails(leit_retrieval_create(&task, &retrieval), LEIT_DATA, "clip 2 has mood 2");
    task = small_task();
    task.mapping = bad_mapping;
    assert_fails(leit_retrieval_create(&task, &retrieval), LEIT_DATA,
                 "mood 1 to music mood 0 is 7");
    task = small_task();
    task.depth = LEIT_RETRIEVAL_MAX_DEPTH + 1;
    assert_fails(leit_retrieval_create(&task, &retrieval), LEIT_USAGE, "depth is 65");
    task = small_task();
    task.n_clips = 0;
    assert_fails(leit_retrieval_create(&task, &retrieval), LEIT_USAGE, "0 clips");

    task = small_task();
    leit_retrieval_summary summary;
    const float scores[4] = {0, 1, NAN, NAN};
    assert_ok(leit_retrieval_create(&task, &retrieval));
    assert_fails(leit_retrieval_rank(retrieval, NULL, 1, 1, scores), LEIT_NUMERICAL,
                 "text 1 and clip 2 is NaN");
    assert_fails(leit_retrieval_rank(retrieval, NULL, 1, 2, scores), LEIT_USAGE, "texts 1 to 3");
    assert_fails(leit_retrieval_summarize(retrieval, &summary), LEIT_USAGE, "text 0 of 2");
    leit_retrieval_free(retrieval);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_brute_force),
        cmocka_unit_test(ties_missing_clips_and_moods),
        cmocka_unit_test(lists_are_counted),
        cmocka_unit_test(bad_input_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
