/* The harness must go red: on a NaN, on one altered element, on an empty list, on a write past the
 * end, on bits that change from run to run, on a reference with a wrong gradient. A kernel of our
 * own breaks layernorm in each of these ways. */
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "kernels/harness.h"
#include "kernels/layernorm.h"
#include "kernels/linear.h"
#include "kernels/maxpool2d.h"
#include "support/testing.h"

extern const leit_op_cases leit_cases_layernorm, leit_cases_linear, leit_cases_maxpool2d;

enum sabotage {
    NONE,
    NAN_IN_Y,
    ONE_ELEMENT,
    PAST_THE_END,
    UNREPEATABLE,
    OVERWRITES_SUM,
    SKIPS_ROWS,
    CHANGES_COUNT,
    CHANGES_BEHIND_COUNT
};
static enum sabotage sabotage;

static leit_status forward(const leit_exec *exec, const void *untyped)
{
    const struct leit_layernorm *args = untyped;
    LEIT_TRY(leit_layernorm_forward_cpu(exec, args));
    static int runs;
    runs++;
    switch (sabotage) {
    case NAN_IN_Y: args->y[args->D / 2] = NAN; break;
    case ONE_ELEMENT: args->y[args->D / 2] += 1e-5f; break;
    case PAST_THE_END: args->y[args->N * args->D] = 0.0f; break;
    case UNREPEATABLE: args->mean[0] = nextafterf(args->mean[0], runs % 2 ? 9.0f : -9.0f); break;
    case SKIPS_ROWS: memset(args->y + (args->N - 1) * args->D, 0xFF, sizeof(float)); break;
    case CHANGES_COUNT: *(int32_t *)(uintptr_t)args->n_rows += 1; break;
    case CHANGES_BEHIND_COUNT: ((float *)(uintptr_t)args->x)[args->N * args->D - 1] = 0.0f; break;
    default: break;
    }
    return LEIT_OK;
}

static leit_status backward(const leit_exec *exec, const void *untyped)
{
    const struct leit_layernorm *args = untyped;
    if (sabotage == OVERWRITES_SUM) memset(args->dw, 0, (size_t)args->D * sizeof(float));
    return leit_layernorm_backward_cpu(exec, args);
}

static size_t workspace(const void *args, int n_workers)
{
    return leit_layernorm_workspace_cpu(args, n_workers);
}

static const leit_op kernel = {"layernorm", sizeof(struct leit_layernorm), workspace, forward,
                               backward};

static void expect_of(const char *params, enum sabotage kind, bool good, const char *fragment)
{
    sabotage = kind;
    leit_buffer findings = {0};
    if (leit_case_check(&leit_cases_layernorm, params, &kernel, &findings) != good)
        fail_msg("sabotage %d: found '%s'", (int)kind, leit_buffer_text(&findings));
    if (!good && strstr(leit_buffer_text(&findings), fragment) == NULL)
        fail_msg("findings '%s' lack '%s'", leit_buffer_text(&findings), fragment);
    leit_buffer_clear(&findings);
}

static void expect(enum sabotage kind, bool good, const char *fragment)
{
    expect_of("N=9 D=33", kind, good, fragment);
}

static void green_when_whole(void **state)
{
    (void)state;
    expect(NONE, true, "");
}

static void red_when_broken(void **state)
{
    (void)state;
    expect(NAN_IN_Y, false, "'y'[16] is nan");
    expect(ONE_ELEMENT, false, "'y'[16]");
    expect(PAST_THE_END, false, "wrote outside 'y'");
    expect(UNREPEATABLE, false, "other bits");
    expect(OVERWRITES_SUM, false, "'dw'");
    expect(SKIPS_ROWS, false, "'y'[264] is -nan");
}

static void red_when_an_input_is_changed(void **state)
{
    (void)state;
    expect_of("N=9 D=33 n_rows=4", NONE, true, "");
    expect_of("N=9 D=33 n_rows=4", CHANGES_COUNT, false, "changed its input 'n_rows' at 0");
    expect_of("N=9 D=33 n_rows=4", CHANGES_BEHIND_COUNT, false, "changed its input 'x' at 296");
}

static leit_status forward_of_all_rows(const leit_exec *exec, const void *untyped)
{
    struct leit_layernorm args = *(const struct leit_layernorm *)untyped;
    args.n_rows = NULL;
    return leit_layernorm_forward_cpu(exec, &args);
}

static void red_when_rows_behind_the_count_are_written(void **state)
{
    (void)state;
    leit_op all_rows = kernel;
    all_rows.forward = forward_of_all_rows;
    sabotage = NONE;
    leit_buffer findings = {0};
    assert_false(leit_case_check(&leit_cases_layernorm, "N=9 D=33 n_rows=4", &all_rows, &findings));
    assert_non_null(strstr(leit_buffer_text(&findings), "expected it untouched"));
    leit_buffer_clear(&findings);
}

static void red_when_empty(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    leit_op_cases empty = leit_cases_layernorm;
    empty.params = none;
    sabotage = NONE;
    leit_buffer findings = {0};
    assert_false(leit_cases_check(&empty, &kernel, &findings));
    leit_buffer_clear(&findings);
}

static void wrong_backward(leit_case *c)
{
    leit_cases_layernorm.backward_f64(c);
    leit_case_f64(c, "dx")[0] *= 1.01;
}

static void red_when_the_reference_gradient_is_wrong(void **state)
{
    (void)state;
    if (!leit_harness_takes_differences()) skip();
    leit_op_cases wrong = leit_cases_layernorm;
    wrong.backward_f64 = wrong_backward;
    sabotage = NONE;
    leit_buffer findings = {0};
    assert_false(leit_case_check(&wrong, "N=2 D=5", &kernel, &findings));
    assert_non_null(strstr(leit_buffer_text(&findings), "central difference"));
    leit_buffer_clear(&findings);
}

static void wrong_argmax(leit_case *c)
{
    leit_cases_maxpool2d.forward_f64(c);
    leit_case_u8(c, "argmax")[3] ^= 1;
}

static leit_status kernel_with_wrong_argmax(const leit_exec *exec, const void *untyped)
{
    const struct leit_maxpool2d *args = untyped;
    LEIT_TRY(leit_maxpool2d_forward_cpu(exec, args));
    args->argmax[3] ^= 1;
    return LEIT_OK;
}

/* Reference and kernel agree on a wrong integer: the golden alone can tell. */
static void red_when_an_integer_is_not_the_golden_one(void **state)
{
    (void)state;
    leit_op_cases cases = leit_cases_maxpool2d;
    cases.backward_f64 = NULL;
    cases.forward_f64 = wrong_argmax;
    leit_op wrong = leit_backend_cpu()->ops[LEIT_OP_maxpool2d];
    wrong.forward = kernel_with_wrong_argmax;
    leit_buffer findings = {0};
    assert_false(leit_goldens_check(&cases, &wrong, &findings));
    assert_non_null(
        strstr(leit_buffer_text(&findings), "reference 'argmax' differs from the golden"));
    leit_buffer_clear(&findings);
}

/* Linear whose products multiply numbers of so many significant bits. */
static int significant_bits;

static const float *rounded(const float *values, int64_t n)
{
    float *copies = NULL;
    assert_ok(LEIT_ALLOC(copies, n));
    for (int64_t i = 0; i < n; i++) {
        int exponent;
        const float fraction = frexpf(values[i], &exponent);
        copies[i] = ldexpf(rintf(ldexpf(fraction, significant_bits)), exponent - significant_bits);
    }
    return copies;
}

static leit_status run_rounded(const leit_exec *exec, const void *untyped,
                               leit_status (*run)(const leit_exec *, const struct leit_linear *))
{
    const struct leit_linear *own = untyped;
    struct leit_linear args = *own;
    args.x = rounded(own->x, own->N * own->D);
    args.w = rounded(own->w, own->K * own->D);
    args.dy = rounded(own->dy, own->N * own->K);
    const leit_status status = run(exec, &args);
    leit_free((void *)(uintptr_t)args.x);
    leit_free((void *)(uintptr_t)args.w);
    leit_free((void *)(uintptr_t)args.dy);
    return status;
}

static leit_status rounded_forward(const leit_exec *exec, const void *args)
{
    return run_rounded(exec, args, leit_linear_forward_cpu);
}

static leit_status rounded_backward(const leit_exec *exec, const void *args)
{
    return run_rounded(exec, args, leit_linear_backward_cpu);
}

static bool passes_with(int bits, enum leit_precision precision, const char *params)
{
    leit_op op = leit_backend_cpu()->ops[LEIT_OP_linear];
    op.forward = rounded_forward;
    op.backward = rounded_backward;
    significant_bits = bits;
    leit_harness_precision(precision);
    leit_buffer findings = {0};
    const bool is_good = leit_case_check(&leit_cases_linear, params, &op, &findings);
    leit_buffer_clear(&findings);
    leit_harness_precision(LEIT_PRECISION_FP32);
    return is_good;
}

/* As much as the precision's own rounding, and not eight times as much. */
static void a_precision_allows_its_rounding(void **state)
{
    (void)state;
    static const char *const params[] = {"N=1 D=1 K=1", "N=97 D=59 K=111", "N=5 D=1025 K=3"};
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        assert_true(passes_with(24, LEIT_PRECISION_FP32, params[i]));
        assert_false(passes_with(11, LEIT_PRECISION_FP32, params[i]));
        assert_true(passes_with(11, LEIT_PRECISION_TF32, params[i]));
        assert_true(passes_with(8, LEIT_PRECISION_BF16, params[i]));
        if (i == 0) continue; /* one product may be lucky */
        assert_false(passes_with(8, LEIT_PRECISION_TF32, params[i]));
        assert_false(passes_with(5, LEIT_PRECISION_BF16, params[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(green_when_whole),
        cmocka_unit_test(red_when_broken),
        cmocka_unit_test(red_when_an_input_is_changed),
        cmocka_unit_test(red_when_rows_behind_the_count_are_written),
        cmocka_unit_test(red_when_empty),
        cmocka_unit_test(red_when_the_reference_gradient_is_wrong),
        cmocka_unit_test(a_precision_allows_its_rounding),
        cmocka_unit_test(red_when_an_integer_is_not_the_golden_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
