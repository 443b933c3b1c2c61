/* Where moods lie: means and nearest places against worked numbers, through a checkpoint and back,
 * and checkpoints that know none. */
#include "strategy/places.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "support/testing.h"
#include "support/tiny_matcher.h"

enum { K = 3, E = 2, N = 5 };

static const float answers[N * E] = {3, 0, 0, 5, 2, 0, 0, 0, 0, 1};
static const int32_t label[N] = {0, 1, 0, 0, 0};

/* (3,0), (2,0), (0,0), (0,1) have the mean (1.25, 0.25), and without the one that has no direction
 * their directions have (2/3, 1/3). Label 2 has nothing and lies nowhere. */
static void learns_means(void **state)
{
    (void)state;
    leit_places places = {0};
    assert_ok(leit_places_learn(&places, LEIT_RULE_EUCLIDEAN, K, E, N, answers, label));
    assert_true(places.rows[0] == 1.25f && places.rows[1] == 0.25f);
    assert_true(places.rows[2] == 0 && places.rows[3] == 5);
    assert_true(isnan(places.rows[4]) && isnan(places.rows[5]));
    assert_ok(leit_places_learn(&places, LEIT_RULE_COSINE, K, E, N, answers, label));
    assert_true(places.rows[0] == (float)(2.0 / 3) && places.rows[1] == (float)(1.0 / 3));
    assert_true(places.rows[2] == 0 && places.rows[3] == 1);
    leit_places_clear(&places);
    assert_null(places.rows);
}

static void finds_the_nearest(void **state)
{
    (void)state;
    float rows[4 * E] = {4, 3, NAN, NAN, 0, 2, 0, 4};
    const leit_places places = {4, E, rows};
    double nearness = 0;
    assert_int_equal(leit_places_nearest(&places, LEIT_RULE_EUCLIDEAN, (float[]){0, 5}, &nearness),
                     3);
    assert_true(nearness == 1);
    assert_int_equal(leit_places_nearest(&places, LEIT_RULE_EUCLIDEAN, (float[]){7, 7}, &nearness),
                     0);
    assert_true(nearness == 5);
    /* (0, 2) and (0, 4) tie under the cosine: the first one. */
    assert_int_equal(leit_places_nearest(&places, LEIT_RULE_COSINE, (float[]){0, 9}, &nearness), 2);
    assert_true(nearness == 1);
    assert_int_equal(leit_places_nearest(&places, LEIT_RULE_COSINE, (float[]){1, 0}, &nearness), 0);
    assert_true(fabs(nearness - 0.8) <= 1e-15);
    assert_int_equal(leit_places_nearest(&places, LEIT_RULE_COSINE, (float[]){0, 0}, &nearness),
                     -1);
    const leit_places unknown = {0};
    assert_int_equal(leit_places_nearest(&unknown, LEIT_RULE_COSINE, (float[]){1, 0}, &nearness),
                     -1);
}

static void is_kept_in_checkpoints(void **state)
{
    (void)state;
    static const struct {
        const char *strategy;
        int64_t width; /* 0: likelihoods need no places */
    } cases[] = {{"metric2", 6},       {"metric3", 6},        {"w2v_regression", 5},
                 {"va_regression", 2}, {"classification", 0}, {"multihead", 0}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        leit_loaded_matcher loaded;
        double nearness;
        const float answer[6] = {1, 1, 1, 1, 1, 1};
        assert_ok(leit_matcher_open(leit_tiny_matcher(cases[c].strategy, cases[c].strategy, 3),
                                    leit_backend_cpu(), NULL, NULL, 0, &loaded));
        for (int modality = 0; modality < 2; modality++) {
            const leit_places *places = &loaded.matcher->places[modality];
            assert_int_equal(places->rows != NULL, cases[c].width > 0);
            assert_int_equal(places->width, cases[c].width);
            assert_int_equal(places->n_labels, cases[c].width > 0 ? 3 : 0);
            for (int64_t i = 0; i < 3 * places->width; i++)
                assert_true(places->rows[i] > 0 && places->rows[i] < 1);
        }
        const char *mood =
            leit_matcher_nearest_mood(loaded.matcher, LEIT_MODALITY_MUSIC, answer, &nearness);
        assert_int_equal(mood != NULL, cases[c].width > 0);
        leit_matcher_close(&loaded);
    }
}

static void opens_checkpoints_without_places(void **state)
{
    (void)state;
    leit_loaded_matcher loaded;
    double nearness;
    assert_ok(leit_matcher_open(leit_tiny_matcher("unplaced", "metric2", 3), leit_backend_cpu(),
                                NULL, NULL, 0, &loaded));
    assert_null(loaded.matcher->places[LEIT_MODALITY_TEXT].rows);
    assert_null(
        leit_matcher_nearest_mood(loaded.matcher, LEIT_MODALITY_TEXT, (float[6]){1}, &nearness));
    leit_matcher_close(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_means),
        cmocka_unit_test(finds_the_nearest),
        cmocka_unit_test(is_kept_in_checkpoints),
        cmocka_unit_test(opens_checkpoints_without_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
