/* What the case tables of the losses cannot say: NaN comes through, bad labels and bad negatives
 * are refused, an unwanted gradient may be NULL. */
#include <math.h>

#include "kernels/ops.h"
#include "support/testing.h"

enum { N = 3, WIDTH = 4 };

/* One run of a loss whose buffers are all here. */
struct run {
    float x[N * WIDTH], target[N * WIDTH], dx[N * WIDTH], dtarget[N * WIDTH];
    float probabilities[N * WIDTH], losses[N], loss, dloss;
    int32_t labels[N];
};

static const leit_exec exec;

static struct run start(void)
{
    struct run run = {.dloss = 1.0f, .labels = {1, 0, 3}};
    for (int i = 0; i < N * WIDTH; i++) {
        run.x[i] = (float)(i % 5) - 2.0f;
        run.target[i] = (float)(i % 3) * 0.5f;
    }
    return run;
}

static void expect_nan(const struct run *run)
{
    assert_true(isnan(run->loss));
    assert_true(isnan(run->losses[1]));
    assert_true(!isnan(run->losses[0]));
    assert_true(isnan(run->dx[WIDTH + 2])); /* the row's gradient goes to the step's NaN guard */
}

#define CLASSES(op, run, ...)                                                                      \
    (struct leit_##op)                                                                             \
    {                                                                                              \
        .N = N, .K = WIDTH, .x = (run).x, .losses = (run).losses, .loss = &(run).loss,             \
        .dloss = &(run).dloss, .dx = (run).dx, __VA_ARGS__                                         \
    }

static void nan_comes_through(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) { /* NaN in the first place of a row, and in another */
        const int at = first ? WIDTH : WIDTH + 2;
        struct run run = start();
        run.x[at] = NAN;
        struct leit_softmax_cross_entropy softmax = CLASSES(
            softmax_cross_entropy, run, .labels = run.labels, .probabilities = run.probabilities);
        assert_ok(leit_softmax_cross_entropy_forward_cpu(&exec, &softmax));
        assert_ok(leit_softmax_cross_entropy_backward_cpu(&exec, &softmax));
        expect_nan(&run);
        for (int gamma = 0; gamma < 3; gamma++)
            for (int constant = 0; constant < 2; constant++) {
                struct run again = start();
                again.x[at] = NAN;
                struct leit_focal_loss focal = CLASSES(
                    focal_loss, again, .gamma = (float)gamma, .weight_is_constant = constant,
                    .labels = again.labels, .probabilities = again.probabilities);
                assert_ok(leit_focal_loss_forward_cpu(&exec, &focal));
                assert_ok(leit_focal_loss_backward_cpu(&exec, &focal));
                expect_nan(&again);
            }
    }
    struct run run = start();
    run.x[WIDTH + 2] = NAN;
    run.target[WIDTH + 2] = 0.0f;
    struct leit_bce_with_logits bce = CLASSES(bce_with_logits, run, .targets = run.target);
    assert_ok(leit_bce_with_logits_forward_cpu(&exec, &bce));
    assert_ok(leit_bce_with_logits_backward_cpu(&exec, &bce));
    expect_nan(&run);

    run = start();
    run.target[WIDTH + 2] = NAN;
    struct leit_mse mse = {.N = N,
                           .D = WIDTH,
                           .x = run.x,
                           .target = run.target,
                           .losses = run.losses,
                           .loss = &run.loss,
                           .dloss = &run.dloss,
                           .dx = run.dx};
    assert_ok(leit_mse_forward_cpu(&exec, &mse));
    assert_ok(leit_mse_backward_cpu(&exec, &mse));
    expect_nan(&run);

    run = start();
    run.x[WIDTH + 2] = NAN;
    struct leit_cosine_triplet triplet = {.N = N,
                                          .E = WIDTH,
                                          .margin = 0.2f,
                                          .n_pairs = 1,
                                          .pairs = {{.a = run.x,
                                                     .p = run.target,
                                                     .negative = (int32_t[]){-1, 0, 0},
                                                     .losses = run.losses,
                                                     .loss = &run.loss,
                                                     .dloss = &run.dloss,
                                                     .da = run.dx,
                                                     .dp = run.dtarget}}};
    assert_ok(leit_cosine_triplet_forward_cpu(&exec, &triplet));
    assert_ok(leit_cosine_triplet_backward_cpu(&exec, &triplet));
    expect_nan(&run);
    assert_true(isnan(run.dtarget[0]));
}

static void labels_outside_are_refused(void **state)
{
    (void)state;
    static const int32_t bad[] = {-1, WIDTH, INT32_MIN, INT32_MAX};
    for (int i = 0; i < 4; i++) {
        struct run run = start();
        run.labels[1] = bad[i];
        struct leit_softmax_cross_entropy softmax = CLASSES(
            softmax_cross_entropy, run, .labels = run.labels, .probabilities = run.probabilities);
        assert_fails(leit_softmax_cross_entropy_forward_cpu(&exec, &softmax), LEIT_INTERNAL,
                     "softmax_cross_entropy: label 1 is");
        softmax.n_rows = &(int32_t){1}; /* rows behind the count are not read */
        assert_ok(leit_softmax_cross_entropy_forward_cpu(&exec, &softmax));
        struct leit_focal_loss focal =
            CLASSES(focal_loss, run, .labels = run.labels, .probabilities = run.probabilities);
        assert_fails(leit_focal_loss_backward_cpu(&exec, &focal), LEIT_INTERNAL,
                     "focal_loss: label 1 is");
        if (bad[i] == -1) continue;
        struct leit_cosine_triplet triplet = {.N = N,
                                              .E = WIDTH,
                                              .n_pairs = 1,
                                              .pairs = {{.negative = run.labels,
                                                         .a = run.x,
                                                         .p = run.target,
                                                         .losses = run.losses,
                                                         .loss = &run.loss}}};
        assert_fails(leit_cosine_triplet_forward_cpu(&exec, &triplet), LEIT_INTERNAL,
                     "cosine_triplet: negative");
    }
    struct leit_focal_loss focal = {.N = 1, .K = 1, .gamma = NAN};
    assert_fails(leit_focal_loss_forward_cpu(&exec, &focal), LEIT_INTERNAL, "gamma");
    for (int n_pairs = 0; n_pairs < 6; n_pairs += LEIT_TRIPLET_PAIRS + 1) {
        const struct leit_cosine_triplet triplet = {.E = 1, .n_pairs = n_pairs};
        assert_fails(leit_cosine_triplet_forward_cpu(&exec, &triplet), LEIT_INTERNAL, "n_pairs");
    }
    struct leit_mse mse = {.N = 1, .D = 0};
    assert_fails(leit_mse_forward_cpu(&exec, &mse), LEIT_INTERNAL, "D is 0");
    struct leit_bce_with_logits bce = {.N = -1, .K = 1};
    assert_fails(leit_bce_with_logits_forward_cpu(&exec, &bce), LEIT_INTERNAL, "N is -1");
}

static void unwanted_gradients_may_be_null(void **state)
{
    (void)state;
    struct run run = start();
    struct leit_softmax_cross_entropy softmax = CLASSES(
        softmax_cross_entropy, run, .labels = run.labels, .probabilities = run.probabilities);
    assert_ok(leit_softmax_cross_entropy_forward_cpu(&exec, &softmax));
    softmax.dx = NULL;
    assert_ok(leit_softmax_cross_entropy_backward_cpu(&exec, &softmax));
    struct leit_cosine_triplet triplet = {.N = N,
                                          .E = WIDTH,
                                          .margin = 3.0f,
                                          .n_pairs = 1,
                                          .pairs = {{.a = run.x,
                                                     .p = run.target,
                                                     .negative = (int32_t[]){1, 2, 0},
                                                     .losses = run.losses,
                                                     .loss = &run.loss,
                                                     .dloss = &run.dloss,
                                                     .da = run.dx,
                                                     .dp = run.dtarget}}};
    assert_ok(leit_cosine_triplet_forward_cpu(&exec, &triplet));
    assert_ok(leit_cosine_triplet_backward_cpu(&exec, &triplet));
    struct run alone = start();
    for (int side = 0; side < 2; side++) {
        triplet.pairs[0].da = side == 0 ? alone.dx : NULL;
        triplet.pairs[0].dp = side == 1 ? alone.dtarget : NULL;
        assert_ok(leit_cosine_triplet_backward_cpu(&exec, &triplet));
    }
    assert_memory_equal(alone.dx, run.dx, sizeof run.dx);
    assert_memory_equal(alone.dtarget, run.dtarget, sizeof run.dtarget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nan_comes_through),
        cmocka_unit_test(labels_outside_are_refused),
        cmocka_unit_test(unwanted_gradients_may_be_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
