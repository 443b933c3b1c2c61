/* Every op of ops_cuda.def, run on the CPU by the emulator in several orders of threads, against
 * the judges that its CPU kernel answers to: all cases of its table and all of its goldens.
 *
 *     test_cuda_ops OP     this op;     test_cuda_ops     what is not of one op
 *
 * The check build (emulator.h) needs one order and one run of each case: it sees the mistakes that
 * other orders would show. */
#include <string.h>

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

/* The harness runs each case seven times and wants the same bits: with another order of threads
 * for every run it asks for much more than a kernel repeating itself. */
static int n_runs;
static leit_status (*forward_of_op)(const leit_exec *exec, const void *args);

static leit_emulator_order next_order(void)
{
    const int run = n_runs++;
    const leit_emulator_order order = (leit_emulator_order)(run % LEIT_EMULATOR_N_ORDERS);
    leit_emulator_schedule(order, (uint64_t)run);
    return order;
}

static leit_status forward_in_next_order(const leit_exec *exec, const void *args)
{
    const leit_emulator_order order = next_order();
    const leit_status status = forward_of_op(exec, args);
    if (status != LEIT_OK)
        return leit_fail_context(status, "order %s", leit_emulator_order_name(order));
    return LEIT_OK;
}

/* Without the cases that say "emulated=0": they would take minutes here. */
static leit_op_cases emulated(const leit_op_cases *cases)
{
    enum { MAX_CASES = 64 };
    static const char *params[MAX_CASES];
    int n = 0;
    for (const char *const *p = cases->params; *p != NULL; p++) {
        assert_true(n < MAX_CASES - 1);
        if (strstr(*p, "emulated=0") == NULL) params[n++] = *p;
    }
    params[n] = NULL;
    leit_op_cases kept = *cases;
    kept.params = params;
    return kept;
}

/* The check build and the sanitizers look at every access, whatever the order of threads: once is
 * enough, and they are slow. */
static bool is_watched(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#endif
#endif
    return leit_emulator_checks();
}

static void check_op_once(void **state)
{
    const leit_op_cases kept = emulated(*state), *cases = &kept;
    static const leit_memory_watcher watcher = {leit_emulator_memory_add,
                                                leit_emulator_memory_forget};
    leit_harness_watch(&watcher);
    leit_emulator_schedule(LEIT_EMULATOR_FORWARD, 0);
    leit_buffer findings = {0};
    const bool is_good =
        leit_cases_check_once(cases, &leit_backend_cuda()->ops[cases->op], &findings);
    if (!is_good) print_error("%s", leit_buffer_text(&findings));
    leit_buffer_clear(&findings);
    assert_true(is_good);
}

static void check_op(void **state)
{
    const leit_op_cases kept = emulated(*state), *cases = &kept;
    leit_op kernel = leit_backend_cuda()->ops[cases->op];
    forward_of_op = kernel.forward;
    kernel.forward = forward_in_next_order;
    leit_buffer findings = {0};
    const bool is_good = leit_cases_check(cases, &kernel, &findings);
    const bool keeps_goldens = leit_goldens_check(cases, &kernel, &findings);
    if (!is_good || !keeps_goldens) print_error("%s", leit_buffer_text(&findings));
    leit_buffer_clear(&findings);
    assert_true(is_good && keeps_goldens);
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
        leit_emulator_memory_add("count", &count, sizeof count, sizeof count);
        leit_emulator_memory_add("x", x, sizeof x, sizeof x);
        leit_emulator_memory_add("w", w, sizeof w, sizeof w);
        leit_emulator_memory_add("b", b, sizeof b, sizeof b);
        leit_emulator_memory_add("y", y, sizeof y, 0);
        leit_emulator_memory_add("mean", mean, sizeof mean, 0);
        leit_emulator_memory_add("rstd", rstd, sizeof rstd, 0);
        assert_ok(leit_backend_cuda()->ops[LEIT_OP_layernorm].forward(&exec, &args));
        leit_emulator_memory_forget();
        assert_true((rstd[0] > 0) == (count > 0) && (rstd[1] > 0) == (count > 0));
        assert_true(rstd[2] == 0 && y[2 * D] == 0);
    }
}

int main(int n_words, char **words)
{
    const struct CMUnitTest common[] = {cmocka_unit_test(counts_are_cut_to_the_capacity)};
    if (n_words < 2) return cmocka_run_group_tests(common, NULL, NULL);
    for (int i = 0; i < N_CUDA_OPS; i++) {
        const char *name = leit_backend_cuda()->ops[all_cases[i]->op].name;
        if (strcmp(name, words[1]) != 0) continue;
        const struct CMUnitTest of_op[] = {{.name = name,
                                            .test_func = is_watched() ? check_op_once : check_op,
                                            .initial_state = (void *)(uintptr_t)all_cases[i]}};
        return cmocka_run_group_tests(of_op, NULL, NULL);
    }
    print_error("%s is not in ops_cuda.def\n", words[1]);
    return 1;
}
