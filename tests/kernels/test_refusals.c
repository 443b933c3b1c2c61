/* What the case tables cannot say: ids out of range, draws without a seed, gradients that stop. */
#include <math.h>

#include "kernels/ops.h"
#include "support/testing.h"

static const leit_exec none = {0};

/* As in PyTorch: where x <= 0 the gradient is 0, whatever comes in from behind. */
static void relu_stops_infinities_and_nan(void **state)
{
    (void)state;
    const float x[4] = {-1, 0, 2, -3}, dy[4] = {NAN, INFINITY, 5, -INFINITY};
    float y[4], dx[4];
    const struct leit_relu args = {.N = 1, .D = 4, .x = x, .y = y, .dy = dy, .dx = dx};
    assert_ok(leit_relu_forward_cpu(&none, &args));
    assert_ok(leit_relu_backward_cpu(&none, &args));
    assert_true(dx[0] == 0 && dx[1] == 0 && dx[2] == 5 && dx[3] == 0);
}

static void embedding_refuses_ids_in_both_directions(void **state)
{
    (void)state;
    const int32_t below[2] = {0, -1}, above[2] = {0, 3}, fine[2] = {1, 2};
    const float words[6] = {1, 2, 3, 4, 5, 6}, dy[4] = {1, 1, 1, 1};
    float y[4] = {0}, dwords[6] = {0}, dpositions[6] = {0};
    struct leit_embedding args = {
        .N = 2, .D = 2, .V = 3, .P = 3, .words = words, .y = y, .dy = dy, .dwords = dwords};
    const int32_t *const wrong[] = {below, above};
    for (int i = 0; i < 2; i++) {
        args.ids = wrong[i], args.positions = NULL, args.position_table = NULL;
        args.dposition_table = NULL;
        assert_fails(leit_embedding_forward_cpu(&none, &args), LEIT_INTERNAL, "id");
        assert_fails(leit_embedding_backward_cpu(&none, &args), LEIT_INTERNAL, "id");
        args.ids = fine, args.positions = wrong[i], args.position_table = words;
        args.dposition_table = dpositions;
        assert_fails(leit_embedding_forward_cpu(&none, &args), LEIT_INTERNAL, "position");
        assert_fails(leit_embedding_backward_cpu(&none, &args), LEIT_INTERNAL, "position");
    }
    args.positions = fine, args.P = 0;
    assert_fails(leit_embedding_forward_cpu(&none, &args), LEIT_INTERNAL, "P is 0");
    for (int i = 0; i < 6; i++) assert_true(dwords[i] == 0 && dpositions[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relu_stops_infinities_and_nan),
        cmocka_unit_test(embedding_refuses_ids_in_both_directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
