/* Every op of ops.def on the CPU: all cases of its table, its limits and all of its goldens. An op
 * without a cases file does not link. */
#include "kernels/harness.h"
#include "support/testing.h"

#define LEIT_OP(name) extern const leit_op_cases leit_cases_##name;
#define LEIT_OP_FORWARD(name) LEIT_OP(name)
#include "kernels/ops.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD

static const leit_op_cases *const all_cases[] = {
#define LEIT_OP(name) &leit_cases_##name,
#define LEIT_OP_FORWARD(name) LEIT_OP(name)
#include "kernels/ops.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
};

static void check_op(void **state)
{
    const leit_op_cases *cases = *state;
    const leit_op *kernel = &leit_backend_cpu()->ops[cases->op];
    leit_buffer findings = {0};
    bool good = leit_cases_check(cases, kernel, &findings);
    good = leit_limits_check(cases, kernel, &findings) && good;
    good = leit_goldens_check(cases, kernel, &findings) && good;
    if (!good) print_error("%s", leit_buffer_text(&findings));
    leit_buffer_clear(&findings);
    assert_true(good);
}

int main(void)
{
    struct CMUnitTest tests[LEIT_N_OPS];
    for (int op = 0; op < LEIT_N_OPS; op++)
        tests[op] = (struct CMUnitTest){.name = leit_backend_cpu()->ops[op].name,
                                        .test_func = check_op,
                                        .initial_state = (void *)(uintptr_t)all_cases[op]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
