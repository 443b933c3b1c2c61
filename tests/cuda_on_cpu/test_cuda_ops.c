/* Every op of ops_cuda.def, run on the CPU by the emulator in several orders of threads, against
 * the judges that its CPU kernel answers to: all cases of its table and all of its goldens.
 *
 *     test_cuda_ops                       what is not of one op, of both kinds of kernels
 *     test_cuda_ops OP plain              this op's plain kernel
 *     test_cuda_ops OP fast PRECISION     its fast one, with products in that precision
 *
 * The check build (emulator.h) needs one order and one run of each case: it sees the mistakes that
 * other orders would show. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_on_cpu/emulator.h"
#include "kernels/adam_rows_check.h"
#include "kernels/embedding.h"
#include "kernels/grad_norm.h"
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
static const leit_backend *backend;
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

static void check_cases_once(const leit_op_cases *cases)
{
    static const leit_memory_watcher watcher = {leit_emulator_memory_add,
                                                leit_emulator_memory_forget};
    leit_harness_watch(&watcher);
    leit_emulator_schedule(LEIT_EMULATOR_FORWARD, 0);
    leit_buffer findings = {0};
    const bool is_good = leit_cases_check_once(cases, &backend->ops[cases->op], &findings);
    if (!is_good) print_error("%s", leit_buffer_text(&findings));
    leit_buffer_clear(&findings);
    assert_true(is_good);
}

static void check_op_once(void **state)
{
    const leit_op_cases kept = emulated(*state);
    check_cases_once(&kept);
}

/* A block of compute capability 8.6, 8.9 or 12 can have 99 KiB of shared memory, less than half of what
 * one of 9.0 has: convolutions do with it, over more tiles and channels than they have stages. */
static void smaller_gpus_have_enough_shared_memory(void **state)
{
    (void)state;
    static const char *const convolutions[] = {"N=1 H=9 W=9 C=34 K=8", NULL};
    leit_op_cases conv2d = leit_cases_conv2d;
    conv2d.params = convolutions;
    leit_emulator_shared_limit(99 * 1024);
    for (int p = LEIT_PRECISION_FP32; p < LEIT_N_PRECISIONS; p++) {
        backend = leit_backend_cuda(LEIT_KERNELS_FAST, (enum leit_precision)p);
        leit_harness_precision((enum leit_precision)p);
        check_cases_once(&conv2d);
    }
    leit_emulator_shared_limit(0);
}

static void check_op(void **state)
{
    const leit_op_cases kept = emulated(*state), *cases = &kept;
    leit_op kernel = backend->ops[cases->op];
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
        assert_ok(backend->ops[LEIT_OP_layernorm].forward(&exec, &args));
        leit_emulator_memory_forget();
        assert_true((rstd[0] > 0) == (count > 0) && (rstd[1] > 0) == (count > 0));
        assert_true(rstd[2] == 0 && y[2 * D] == 0);
    }
}

/* A kernel cannot refuse an index either: what it makes of it is NaN, and no gradient goes anywhere. */
static void an_index_that_leads_nowhere_makes_nan(void **state)
{
    (void)state;
    enum { N = 3, V = 2, D = 4 };
    const int32_t ids[N] = {1, V, -1};
    _Alignas(16) const float words[V * D] = {1, 1, 1, 1, 2, 2, 2, 2};
    _Alignas(16) const float dy[N * D] = {1, 1, 1, 1, 8, 8, 8, 8, 8};
    _Alignas(16) float y[N * D] = {0}, dwords[V * D] = {0};
    int64_t sorted[N];
    const struct leit_embedding args = {
        .N = N, .D = D, .V = V, .ids = ids, .words = words, .y = y, .dy = dy, .dwords = dwords};
    const leit_exec exec = {.workspace = sorted, .workspace_bytes = sizeof sorted};
    leit_emulator_memory_add("ids", ids, sizeof ids, sizeof ids);
    leit_emulator_memory_add("words", words, sizeof words, sizeof words);
    leit_emulator_memory_add("y", y, sizeof y, 0);
    leit_emulator_memory_add("dy", dy, sizeof dy, sizeof dy);
    leit_emulator_memory_add("dwords", dwords, sizeof dwords, sizeof dwords);
    leit_emulator_memory_add("sorted", sorted, sizeof sorted, 0);
    assert_ok(backend->ops[LEIT_OP_embedding].forward(&exec, &args));
    assert_ok(backend->ops[LEIT_OP_embedding].backward(&exec, &args));
    leit_emulator_memory_forget();
    for (int i = 0; i < N * D; i++) assert_true(i < D ? y[i] == 2 : isnan(y[i]));
    for (int i = 0; i < V * D; i++) assert_true(dwords[i] == (i < D ? 0 : 1));
}

/* From the first norm that is not finite Adam stands still, whatever comes behind it in the queue. */
static void adam_stands_still_after_a_bad_norm(void **state)
{
    (void)state;
    enum { N = 3 };
    float p[N] = {1, 1, 1}, g[N] = {3, 4, 0}, m[N] = {0}, v[N] = {0}, norm = 0, squares[1];
    int32_t n_bad = 0;
    const leit_adam_tensor tensor = {.p = p, .g = g, .m = m, .v = v, .count = N};
    const leit_adam_now now = {1, 0.125f};
    const struct leit_grad_norm norm_args = {
        .n_tensors = 1, .n_blocks = 1, .tensors = &tensor, .norm = &norm, .n_bad = &n_bad};
    const struct leit_adam args = {.n_tensors = 1,
                                   .n_blocks = 1,
                                   .tensors = &tensor,
                                   .beta1 = 0.9f,
                                   .beta2 = 0.999f,
                                   .epsilon = 1e-8f,
                                   .now = &now,
                                   .norm = &norm,
                                   .clip_norm = 2.5f,
                                   .n_bad = &n_bad};
    unsigned ticket = 0;
    const leit_exec exec = {
        .workspace = squares, .workspace_bytes = sizeof squares, .tickets = &ticket};
    const float gradients[3] = {0, NAN, 0}, moved[3] = {0.875f, 0.875f, 0.875f};
    for (int step = 0; step < 3; step++) {
        g[2] = gradients[step];
        leit_emulator_memory_add("tensor", &tensor, sizeof tensor, sizeof tensor);
        leit_emulator_memory_add("p", p, sizeof p, sizeof p);
        leit_emulator_memory_add("g", g, sizeof g, sizeof g);
        leit_emulator_memory_add("m", m, sizeof m, sizeof m);
        leit_emulator_memory_add("v", v, sizeof v, sizeof v);
        leit_emulator_memory_add("now", &now, sizeof now, sizeof now);
        leit_emulator_memory_add("norm", &norm, sizeof norm, sizeof norm);
        leit_emulator_memory_add("n_bad", &n_bad, sizeof n_bad, sizeof n_bad);
        leit_emulator_memory_add("squares", squares, sizeof squares, 0);
        leit_emulator_memory_add("ticket", &ticket, sizeof ticket, sizeof ticket);
        assert_ok(backend->ops[LEIT_OP_grad_norm].forward(&exec, &norm_args));
        assert_ok(backend->ops[LEIT_OP_adam].forward(&exec, &args));
        leit_emulator_memory_forget();
        assert_int_equal(n_bad, step > 0);
        assert_true(fabsf(p[0] - moved[step]) <= 1e-6f && p[2] == 1.0f);
        assert_true(fabsf(m[0] - 0.15f) <= 1e-6f); /* 0.1 of a gradient that clipping halved */
    }
}

static leit_status adam_in_next_order(const leit_exec *exec, const void *args)
{
    if (!leit_emulator_checks()) next_order();
    return backend->ops[LEIT_OP_adam].forward(exec, args);
}

static void rows_that_wait_get_the_same_bits(void **state)
{
    (void)state;
    const leit_op op = {.forward = adam_in_next_order};
    leit_emulator_memory_add("adam_twins", &adam_twins, sizeof adam_twins, sizeof adam_twins);
    if (backend == leit_backend_cuda(LEIT_KERNELS_PLAIN, LEIT_PRECISION_FP32))
        adam_rows_hold(&op);
    else
        adam_rows_hold_in_short_runs(&op); /* of rates the kernels know the same */
    leit_emulator_memory_forget();
}

static const char *const kernels_words[] = {
#define WORD(constant, word) #word,
    LEIT_KERNELS_LIST(WORD) NULL};
static const char *const precision_words[] = {LEIT_PRECISION_LIST(WORD) NULL};
#undef WORD

/* The place of a word in its list, 0 where it is left out. */
static int place_of(const char *const *list, int n_words, char **words, int i)
{
    if (i >= n_words) return 0;
    for (int k = 0; list[k] != NULL; k++)
        if (strcmp(list[k], words[i]) == 0) return k;
    print_error("%s is none of the words that can stand there\n", words[i]);
    exit(2);
}

int main(int n_words, char **words)
{
    const enum leit_kernels kernels = (enum leit_kernels)place_of(kernels_words, n_words, words, 2);
    const enum leit_precision precision =
        (enum leit_precision)place_of(precision_words, n_words, words, 3);
    backend = leit_backend_cuda(kernels, precision);
    leit_harness_precision(precision);
    leit_harness_memory(&backend->memory);
    const struct CMUnitTest common[] = {
        cmocka_unit_test(counts_are_cut_to_the_capacity),
        cmocka_unit_test(an_index_that_leads_nowhere_makes_nan),
        cmocka_unit_test(adam_stands_still_after_a_bad_norm),
        cmocka_unit_test(rows_that_wait_get_the_same_bits),
    };
    const struct CMUnitTest smaller[] = {cmocka_unit_test(smaller_gpus_have_enough_shared_memory)};
    if (n_words < 2) {
        int n_failed = cmocka_run_group_tests_name("plain", common, NULL, NULL);
        backend = leit_backend_cuda(LEIT_KERNELS_FAST, LEIT_PRECISION_FP32);
        n_failed += cmocka_run_group_tests_name("fast", common, NULL, NULL);
        return n_failed + cmocka_run_group_tests_name("smaller GPUs", smaller, NULL, NULL);
    }
    for (int i = 0; i < N_CUDA_OPS; i++) {
        const char *name = backend->ops[all_cases[i]->op].name;
        if (strcmp(name, words[1]) != 0) continue;
        const struct CMUnitTest of_op[] = {{.name = name,
                                            .test_func = is_watched() ? check_op_once : check_op,
                                            .initial_state = (void *)(uintptr_t)all_cases[i]}};
        return cmocka_run_group_tests(of_op, NULL, NULL);
    }
    print_error("%s is not in ops_cuda.def\n", words[1]);
    return 1;
}
