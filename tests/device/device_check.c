/* The case table and the goldens of every op on a GPU, against the judges of the CPU kernels.
 *
 *     device_check DEVICE KERNELS PRECISION [once] [OP ...]
 *
 * DEVICE is cuda or, in device_check_emulated, emulated. `once` runs each case a single time, for tools
 * that watch every access. One line per op on stdout: gpu,op,kernels,precision,result,finding. Ends
 * with 0 when all passed, 1 when one did not, and 77 with a sentence where there is no GPU. */
#include <stdio.h>
#include <string.h>

#include "kernels/harness.h"
#include "support/chosen_backend.h"

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

/* Ops whose fast kernels keep to a precision; the others are the same in each. */
static bool is_product(leit_op_id op)
{
#define LEIT_OP(name)
#define LEIT_OP_FORWARD(name)
#define LEIT_OP_PRODUCT(name)                                                                      \
    if (op == LEIT_OP_##name) return true;
#include "kernels/ops_cuda_fast.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
#undef LEIT_OP_PRODUCT
    return false;
}

/* Ops of a library; those that do not multiply have one precision. */
static bool is_of_library(leit_op_id op, const char *precision)
{
#define LEIT_OP_PRODUCT(name)                                                                      \
    if (op == LEIT_OP_##name) return true;
#define LEIT_OP_FORWARD(name)                                                                      \
    if (op == LEIT_OP_##name) return strcmp(precision, "fp32") == 0;
#include "kernels/ops_cuda_library.def"
#undef LEIT_OP_PRODUCT
#undef LEIT_OP_FORWARD
    return false;
}

static bool is_fast(leit_op_id op)
{
#define LEIT_OP(name)                                                                              \
    if (op == LEIT_OP_##name) return true;
#define LEIT_OP_FORWARD(name) LEIT_OP(name)
#define LEIT_OP_PRODUCT(name) LEIT_OP(name)
#include "kernels/ops_cuda_fast.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
#undef LEIT_OP_PRODUCT
    return false;
}

/* What a table has of its own: the rest is judged with the plain kernels. */
static bool belongs(leit_op_id op, const char *kernels, const char *precision)
{
    if (strcmp(kernels, "plain") == 0) return true;
    if (strcmp(kernels, "cudnn") == 0) return is_of_library(op, precision);
    return strcmp(precision, "fp32") == 0 ? is_fast(op) : is_product(op);
}

static bool is_asked_for(const char *op, char **words, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(words[i], op) == 0) return true;
    return n == 0;
}

/* The first finding, without what would end a field. */
static void print_finding(const char *text)
{
    for (; *text != '\0' && *text != '\n'; text++)
        if (*text != '"') putchar(*text);
}

static bool check(const leit_op_cases *cases, const leit_op *kernel, bool once, char **words)
{
    leit_buffer findings = {0};
    bool is_good = once ? leit_cases_check_once(cases, kernel, &findings)
                        : leit_cases_check(cases, kernel, &findings);
    if (!once) is_good = leit_goldens_check(cases, kernel, &findings) && is_good;
    printf("\"%s\",%s,%s,%s,%s,\"", leit_chosen_gpu(), kernel->name, words[2], words[3],
           is_good ? "passed" : "failed");
    print_finding(leit_buffer_text(&findings));
    printf("\"\n");
    fflush(stdout);
    leit_buffer_clear(&findings);
    return is_good;
}

int main(int n_words, char **words)
{
    const leit_backend *backend = NULL;
    if (n_words < 4) {
        fprintf(stderr, "usage: device_check DEVICE KERNELS PRECISION [once] [OP ...]\n");
        return 2;
    }
    const leit_status status = leit_choose_backend(words[1], words[2], words[3], &backend);
    if (status != LEIT_OK) {
        fprintf(stderr, "device_check: %s\n", leit_error_message());
        return status == LEIT_DEVICE ? 77 : 2;
    }
    const bool once = n_words > 4 && strcmp(words[4], "once") == 0;
    char **ops = words + 4 + once;
    const int n_ops = n_words - 4 - once;
    leit_harness_memory(&backend->memory);
    leit_harness_precision((enum leit_precision)leit_precision_of(words[3]));
    bool is_good = true;
    for (size_t i = 0; i < sizeof all_cases / sizeof *all_cases; i++) {
        const leit_op *kernel = &backend->ops[all_cases[i]->op];
        if (!belongs(all_cases[i]->op, words[2], words[3])) continue;
        if (is_asked_for(kernel->name, ops, n_ops))
            is_good = check(all_cases[i], kernel, once, words) && is_good;
    }
    return is_good ? 0 : 1;
}
