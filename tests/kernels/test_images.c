/* What the case tables of the image ops cannot say: limits and their sentences, NaN, NULL. */
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "kernels/ops.h"
#include "support/testing.h"

static leit_exec exec_of(size_t workspace_bytes)
{
    leit_exec exec = {.workspace = leit_allocate(workspace_bytes, 1),
                      .workspace_bytes = workspace_bytes};
    assert_non_null(exec.workspace);
    return exec;
}

static void one_value_has_no_variance(void **state)
{
    (void)state;
    float x[4] = {1, 2, 3, 4}, w[2] = {1, 1}, b[2] = {0}, mean[2], rstd[2], y[4];
    float running_mean[2] = {5, 6}, running_var[2] = {7, 8};
    const int32_t one = 1;
    struct leit_batchnorm1d args = {.N = 2,
                                    .C = 2,
                                    .training = 1,
                                    .n_rows = &one,
                                    .epsilon = 1e-5f,
                                    .momentum = 0.1f,
                                    .x = x,
                                    .w = w,
                                    .b = b,
                                    .running_mean = running_mean,
                                    .running_var = running_var,
                                    .mean = mean,
                                    .rstd = rstd,
                                    .y = y};
    leit_exec exec = exec_of(leit_batchnorm1d_workspace_cpu(&args, 1));
    assert_fails(leit_batchnorm1d_forward_cpu(&exec, &args), LEIT_DATA, "at least two");
    assert_true(running_mean[0] == 5 && running_var[1] == 8);
    args.n_rows = NULL;
    assert_ok(leit_batchnorm1d_forward_cpu(&exec, &args));
    leit_free(exec.workspace);
}

static void nan_goes_through_relu_and_pooling(void **state)
{
    (void)state;
    float x[8] = {1, NAN, 2, 3, 4, 5, 6, 7}, w = 1, b = 0, mean, rstd, y[2];
    float running_mean = 0, running_var = 1;
    uint8_t argmax[2];
    const struct leit_batchnorm2d norm = {.N = 1,
                                          .H = 2,
                                          .W = 4,
                                          .C = 1,
                                          .relu = 1,
                                          .pool_height = 2,
                                          .pool_width = 2,
                                          .x = x,
                                          .w = &w,
                                          .b = &b,
                                          .running_mean = &running_mean,
                                          .running_var = &running_var,
                                          .mean = &mean,
                                          .rstd = &rstd,
                                          .y = y,
                                          .argmax = argmax};
    leit_exec exec = exec_of(leit_batchnorm2d_workspace_cpu(&norm, 1));
    assert_ok(leit_batchnorm2d_forward_cpu(&exec, &norm));
    assert_true(isnan(y[0]) && argmax[0] == 1 && y[1] == 7 && argmax[1] == 3);
    leit_free(exec.workspace);

    const struct leit_maxpool2d pool = {.N = 1,
                                        .H = 2,
                                        .W = 4,
                                        .C = 1,
                                        .pool_height = 2,
                                        .pool_width = 2,
                                        .x = x,
                                        .y = y,
                                        .argmax = argmax};
    leit_exec none = {0};
    assert_ok(leit_maxpool2d_forward_cpu(&none, &pool));
    assert_true(isnan(y[0]) && argmax[0] == 1 && y[1] == 7 && argmax[1] == 3);

    int32_t place = 0;
    const struct leit_global_max_pool all = {
        .N = 1, .H = 2, .W = 4, .C = 1, .x = x, .y = y, .argmax = &place};
    assert_ok(leit_global_max_pool_forward_cpu(&none, &all));
    assert_true(isnan(y[0]) && place == 1);
}

static void broken_limits_have_a_sentence(void **state)
{
    (void)state;
    const leit_exec exec = {0};
    struct leit_conv2d conv = {.N = 1, .H = 1, .W = 1, .C = 1, .K = 1, .kernel_size = 5};
    assert_fails(leit_conv2d_forward_cpu(&exec, &conv), LEIT_INTERNAL, "kernel_size is 5");
    conv.kernel_size = 3, conv.C = 0;
    assert_fails(leit_conv2d_backward_cpu(&exec, &conv), LEIT_INTERNAL, "0 to 1 channels");
    conv.C = 1, conv.W = 0;
    assert_fails(leit_conv2d_forward_cpu(&exec, &conv), LEIT_INTERNAL, "1 x 0");

    float values[16] = {0};
    struct leit_batchnorm2d norm = {
        .N = 1, .H = 2, .W = 2, .C = 4, .pool_height = 3, .pool_width = 1, .x = values};
    assert_fails(leit_batchnorm2d_forward_cpu(&exec, &norm), LEIT_INTERNAL, "fit the image");
    norm.pool_height = 2;
    assert_fails(leit_batchnorm2d_forward_cpu(&exec, &norm), LEIT_INTERNAL, "argmax");
    const struct leit_maxpool2d pool = {
        .N = 1, .H = 20, .W = 2, .C = 4, .pool_height = 16, .pool_width = 1};
    assert_fails(leit_maxpool2d_forward_cpu(&exec, &pool), LEIT_INTERNAL, "16 x 1");
    const struct leit_global_max_pool all = {.N = 1, .H = 65536, .W = 65536, .C = 4};
    assert_fails(leit_global_max_pool_forward_cpu(&exec, &all), LEIT_INTERNAL, "2^31");
}

/* Every gradient may be NULL; those that are wanted stay the same. */
static void null_gradients_are_not_wanted(void **state)
{
    (void)state;
    enum { H = 3, W = 4, C = 8, K = 8, PIXELS = H * W };
    float x[PIXELS * C], w[K * 9 * C], dy[PIXELS * K], dx[2][PIXELS * C] = {{0}};
    float dw[2][K * 9 * C] = {{0}}, db[2][K] = {{0}};
    for (int i = 0; i < PIXELS * C; i++) x[i] = sinf((float)i), dy[i] = cosf((float)i);
    for (int i = 0; i < K * 9 * C; i++) w[i] = sinf(0.7f * (float)i);
    struct leit_conv2d args = {
        .N = 1, .H = H, .W = W, .C = C, .K = K, .kernel_size = 3, .x = x, .w = w, .dy = dy};
    args.dx = dx[0], args.dw = dw[0], args.db = db[0];
    leit_exec exec = exec_of(leit_conv2d_workspace_cpu(&args, 1));
    assert_ok(leit_conv2d_backward_cpu(&exec, &args));
    args.dx = dx[1], args.dw = NULL, args.db = NULL;
    assert_ok(leit_conv2d_backward_cpu(&exec, &args));
    args.dx = NULL, args.dw = dw[1];
    assert_ok(leit_conv2d_backward_cpu(&exec, &args));
    args.dw = NULL, args.db = db[1];
    assert_ok(leit_conv2d_backward_cpu(&exec, &args));
    assert_memory_equal(dx[0], dx[1], sizeof dx[0]);
    assert_memory_equal(dw[0], dw[1], sizeof dw[0]);
    assert_memory_equal(db[0], db[1], sizeof db[0]);
    leit_free(exec.workspace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_has_no_variance),
        cmocka_unit_test(nan_goes_through_relu_and_pooling),
        cmocka_unit_test(broken_limits_have_a_sentence),
        cmocka_unit_test(null_gradients_are_not_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
