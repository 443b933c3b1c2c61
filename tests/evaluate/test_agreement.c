/* Against scikit-learn (tests/oracle/retrieval_statistics.py). At most 70 terms near 1: 1e-12. */
#include "evaluate/agreement.h"

#include <math.h>

#include "support/numbers.h"

static const double TOLERANCE = 1e-12;

static void classes_agree_with_sklearn(void **state)
{
    (void)state;
    enum { K = 7 };
    leit_numbers golden;
    leit_numbers_open("tests/golden/retrieval_statistics.txt", &golden);
    size_t n;
    const int32_t *label = leit_numbers_i32(&golden, "classes.label", &n);
    const int32_t *predicted = leit_numbers_i32(&golden, "classes.predicted", NULL);
    leit_class_agreement result;
    int64_t confusion[K * K];
    assert_ok(leit_agreement_classes(label, predicted, (int64_t)n, K, &result, confusion));
    const double actual[3] = {result.accuracy, result.macro_accuracy, result.macro_f1};
    leit_numbers_compare("classes", actual, leit_numbers_f64(&golden, "classes.result", NULL), 3,
                         TOLERANCE);
    const int32_t *expected = leit_numbers_i32(&golden, "classes.confusion", NULL);
    for (int i = 0; i < K * K; i++) assert_int_equal(confusion[i], expected[i]);
    assert_fails(leit_agreement_classes(label, predicted, (int64_t)n, 5, &result, NULL), LEIT_DATA,
                 "prediction 5");
    assert_fails(leit_agreement_classes(label, predicted, 0, K, &result, NULL), LEIT_USAGE,
                 "N is 0");
    leit_numbers_close(&golden);
}

static void r2_agrees_with_sklearn(void **state)
{
    (void)state;
    leit_numbers golden;
    leit_numbers_open("tests/golden/retrieval_statistics.txt", &golden);
    size_t n;
    const float *target = leit_numbers_f32(&golden, "r2.target", &n);
    const float *predicted = leit_numbers_f32(&golden, "r2.predicted", NULL);
    double r2;
    assert_ok(leit_agreement_r2(target, predicted, (int64_t)n / 4, 4, &r2));
    leit_numbers_compare("r2", &r2, leit_numbers_f64(&golden, "r2.result", NULL), 1, TOLERANCE);
    const float bad[2] = {1.0f, NAN};
    assert_fails(leit_agreement_r2(target, bad, 2, 1, &r2), LEIT_NUMERICAL, "not finite");
    assert_fails(leit_agreement_r2(target, bad, 1, 2, &r2), LEIT_USAGE, "N is 1");
    leit_numbers_close(&golden);
}

static void tags_agree_with_sklearn(void **state)
{
    (void)state;
    enum { K = 6, COUNTED = 4 };
    leit_numbers golden;
    leit_numbers_open("tests/golden/retrieval_statistics.txt", &golden);
    leit_threads *threads = NULL;
    assert_ok(leit_threads_create(2, &threads));
    size_t n;
    const uint8_t *label = leit_numbers_u8(&golden, "tags.label", &n);
    const float *score = leit_numbers_f32(&golden, "tags.score", NULL);
    double roc_auc[K], pr_auc[K];
    leit_tag_agreement result;
    const int64_t N = (int64_t)n / K;
    for (int i = 0; i < 2; i++) {
        assert_ok(
            leit_agreement_tags(label, score, N, K, i ? threads : NULL, roc_auc, pr_auc, &result));
        leit_numbers_compare("roc", roc_auc, leit_numbers_f64(&golden, "tags.roc_auc", NULL),
                             COUNTED, TOLERANCE);
        leit_numbers_compare("pr", pr_auc, leit_numbers_f64(&golden, "tags.pr_auc", NULL), COUNTED,
                             TOLERANCE);
        for (int tag = COUNTED; tag < K; tag++)
            assert_true(isnan(roc_auc[tag]) && isnan(pr_auc[tag]));
        assert_int_equal(result.n_tags, COUNTED);
        const double macro[2] = {result.roc_auc, result.pr_auc};
        leit_numbers_compare("macro", macro, leit_numbers_f64(&golden, "tags.macro", NULL), 2,
                             TOLERANCE);
    }
    const uint8_t all[2] = {1, 1}, wrong[2] = {0, 2};
    const float nan_score[2] = {0.0f, NAN};
    assert_fails(leit_agreement_tags(all, score, 2, 1, NULL, NULL, NULL, &result), LEIT_DATA,
                 "none of 1 tags");
    assert_fails(leit_agreement_tags(wrong, score, 2, 1, NULL, NULL, NULL, &result), LEIT_DATA,
                 "row 1, tag 0");
    assert_fails(leit_agreement_tags(all, nan_score, 2, 1, NULL, NULL, NULL, &result),
                 LEIT_NUMERICAL, "row 1, tag 0");
    leit_threads_free(threads);
    leit_numbers_close(&golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_agree_with_sklearn),
        cmocka_unit_test(r2_agrees_with_sklearn),
        cmocka_unit_test(tags_agree_with_sklearn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
