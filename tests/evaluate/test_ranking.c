/* Scores against SciPy (tests/oracle/retrieval.py). Embeddings are fp32 with width 37: a dot
 * product of 37 terms near 1 is good to 37 * 2^-24 = 2.2e-6 of the sum of magnitudes, here below
 * 200. */
#include "evaluate/ranking.h"

#include <math.h>
#include <string.h>

#include "support/numbers.h"

enum { TEXTS = 5, CLIPS = 11, WIDTH = 37, CLASSES = 7 };

static void compare(const char *name, const float *scores, const double *expected, size_t n,
                    double tolerance, double sign)
{
    for (size_t i = 0; i < n; i++) {
        double actual = sign * (double)scores[i];
        leit_numbers_compare(name, &actual, &expected[i], 1, tolerance);
    }
}

static void distances_agree_with_scipy(void **state)
{
    (void)state;
    leit_numbers golden;
    leit_numbers_open("tests/golden/retrieval.txt", &golden);
    leit_ranking ranking = {.kind = LEIT_RANKING_EUCLIDEAN,
                            .n_texts = TEXTS,
                            .n_clips = CLIPS,
                            .width = WIDTH,
                            .text = leit_numbers_f32(&golden, "ranking.text", NULL),
                            .clip = leit_numbers_f32(&golden, "ranking.clip", NULL)};
    float scores[TEXTS * CLIPS];
    assert_ok(leit_ranking_scores(&ranking, NULL, 0, TEXTS, scores));
    compare("euclidean", scores, leit_numbers_f64(&golden, "ranking.squared_euclidean", NULL),
            TEXTS * CLIPS, 4e-6, -1.0);
    ranking.kind = LEIT_RANKING_COSINE;
    const double *cosine = leit_numbers_f64(&golden, "ranking.cosine", NULL);
    assert_ok(leit_ranking_scores(&ranking, NULL, 2, TEXTS - 2, scores));
    compare("cosine", scores, cosine + 2 * CLIPS, (TEXTS - 2) * CLIPS, 4e-6, 1.0);
    assert_true(scores[3] == 0.0f); /* a clip of zeros */
    leit_numbers_close(&golden);
}

static void likelihood_keeps_confident_clips_apart(void **state)
{
    (void)state;
    leit_numbers golden;
    leit_numbers_open("tests/golden/retrieval.txt", &golden);
    float likelihood[CLIPS * CLASSES];
    const float *logits = leit_numbers_f32(&golden, "ranking.logits", NULL);
    const double *expected = leit_numbers_f64(&golden, "ranking.log_likelihood", NULL);
    leit_ranking_log_likelihood(logits, CLIPS, CLASSES, likelihood);
    for (int i = 0; i < CLIPS * CLASSES; i++) {
        /* Rounded to fp32 once: relative 2^-24, wherever SciPy itself still sees a difference. */
        double error = fabs((double)likelihood[i] - expected[i]);
        assert_true(error <= 0x1p-23 * fabs(expected[i]) + 1e-15);
    }

    const float confident[6] = {40, 0, 0, 41, 0, 0};
    leit_ranking_log_likelihood(confident, 2, 3, likelihood);
    assert_true(likelihood[0] < 0.0f && likelihood[0] < likelihood[3] && likelihood[3] < 0.0f);

    const int32_t text_class[2] = {1, -1};
    leit_ranking ranking = {.kind = LEIT_RANKING_LIKELIHOOD,
                            .n_texts = 2,
                            .n_clips = 2,
                            .width = 3,
                            .clip = confident,
                            .text_class = text_class};
    float scores[4];
    assert_ok(leit_ranking_scores(&ranking, NULL, 0, 2, scores));
    const float wanted[4] = {0, 0, -INFINITY, -INFINITY};
    assert_memory_equal(scores, wanted, sizeof wanted);
    ranking.width = 1;
    assert_fails(leit_ranking_scores(&ranking, NULL, 0, 2, scores), LEIT_DATA, "class 1");
    leit_numbers_close(&golden);
}

/* 130 texts are three blocks, 600 clips three tasks. A clip is exactly the vector of its mood and a
 * text that of its own, so the ranking is perfect; the bits are the same for any number of threads.
 */
static void blocks_and_threads(void **state)
{
    (void)state;
    enum { N = 130, M = 600, K = 3 };
    static float text[N * K], clip[M * K];
    static int32_t text_mood[N], clip_mood[M];
    for (int i = 0; i < N; i++) text[i * K + (text_mood[i] = i * 7 % K)] = 2.0f;
    for (int i = 0; i < M; i++) clip[i * K + (clip_mood[i] = i * 5 % K)] = 0.5f;
    const uint8_t mapping[K * K] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    leit_retrieval_task task = {N, M, K, K, text_mood, clip_mood, mapping, 10};
    leit_ranking ranking = {LEIT_RANKING_COSINE, N, M, K, text, clip, NULL};
    leit_threads *threads = NULL;
    assert_ok(leit_threads_create(3, &threads));
    leit_retrieval *retrievals[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        assert_ok(leit_retrieval_create(&task, &retrievals[i]));
        assert_ok(leit_ranking_run(&ranking, i ? threads : NULL, 1, &retrievals[i]));
        leit_retrieval_summary summary;
        assert_ok(leit_retrieval_summarize(retrievals[i], &summary));
        assert_true(summary.macro.precision[9] == 1.0 && summary.macro.mrr == 1.0);
        leit_retrieval_summary_clear(&summary);
    }
    assert_memory_equal(retrievals[0]->top_clip, retrievals[1]->top_clip, N * 10 * sizeof(int32_t));
    ranking.n_clips = M - 1;
    assert_fails(leit_ranking_run(&ranking, NULL, 1, retrievals), LEIT_USAGE, "599");
    for (int i = 0; i < 2; i++) leit_retrieval_free(retrievals[i]);
    leit_threads_free(threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_agree_with_scipy),
        cmocka_unit_test(likelihood_keeps_confident_clips_apart),
        cmocka_unit_test(blocks_and_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
