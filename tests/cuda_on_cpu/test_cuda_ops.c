/* Every op of ops_cuda.def, run on the CPU by the emulator in several orders of threads, against
 * the judges that its CPU kernel answers to: all cases of its table and all of its goldens. */
#include "cuda_on_cpu/emulator.h"
#include "kernels/harness.h"
#include "kernels/layernorm.h"
#include "support/testing.h"

#define LEIT_OP(name) extern const leit_op_cases leit_cases_##name;
#define LEIT_OP_FORWARD(name) LEIT_OP(name)
#include "kernels/ops_cuda.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD

static const leit_op_cases *const all_cases[] = {
#define LEIT_OP(name) &leit_cases_##name,
#define LEIT_OP_FORWARD(name) LEIT_OP(name)
#include "kernels/ops_cuda.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
};
enum { N_CUDA_OPS = sizeof all_cases / sizeof *all_cases };

static void check_op(void **state)
{
    const leit_op_cases *cases = *state;
    const leit_op *kernel = &leit_backend_cuda()->ops[cases->op];
    leit_buffer findings = {0};
    bool good = true;
    for (int order = 0; order < LEIT_EMULATOR_N_ORDERS; order++) {
        leit_emulator_schedule((leit_emulator_order)order, 1 + (uint64_t)order);
        const bool is_good = leit_cases_check(cases, kernel, &findings);
        if (!(leit_goldens_check(cases, kernel, &findings) && is_good)) {
            print_error("order %s\n", leit_emulator_order_name((leit_emulator_order)order));
            good = false;
        }
    }
    if (!good) print_error("%s", leit_buffer_text(&findings));
    leit_buffer_clear(&findings);
    assert_true(good);
}

/* A kernel cannot refuse a count it finds on the device: it keeps inside the capacity. */
static void counts_are_cut_to_the_capacity(void **state)
{
    (void)state;
    enum { D = 4 };
    const float x[4 * D] = {1, 2, 3, 5, 8, 6, 4, 1}, w[D] = {1, 1, 1, 1}, b[D] = {0};
    for (int32_t count = -1; count <= 3; count += 4) {
        float y[4 * D] = {0}, mean[4] = {0}, rstd[4] = {0};
        const struct leit_layernorm args = {.N = 2,
                                            .D = D,
                                            .epsilon = 1e-5f,
                                            .n_rows = &count,
                                            .x = x,
                                            .w = w,
                                            .b = b,
                                            .y = y,
                                            .mean = mean,
                                            .rstd = rstd};
        const leit_exec exec = {0};
        assert_ok(leit_backend_cuda()->ops[LEIT_OP_layernorm].forward(&exec, &args));
        assert_true((rstd[0] > 0) == (count > 0) && (rstd[1] > 0) == (count > 0));
        assert_true(rstd[2] == 0 && y[2 * D] == 0);
    }
}

int main(void)
{
    struct CMUnitTest tests[N_CUDA_OPS + 1];
    for (int i = 0; i < N_CUDA_OPS; i++)
        tests[i] = (struct CMUnitTest){.name = leit_backend_cuda()->ops[all_cases[i]->op].name,
                                       .test_func = check_op,
                                       .initial_state = (void *)(uintptr_t)all_cases[i]};
    tests[N_CUDA_OPS] = (struct CMUnitTest)cmocka_unit_test(counts_are_cut_to_the_capacity);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
