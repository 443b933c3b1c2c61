/* Times the CPU kernels on the case tables of the tests (tests/kernels/cases_<op>.c).
 *
 *     bench_kernels [threads=N] [runs=N]                 the sizes below
 *     bench_kernels [threads=N] [runs=N] OP [PARAMS]     one op, on other sizes if given
 *
 * One JSON line per op, size and direction: median milliseconds, GFLOP/s and GB/s of the work the
 * definition asks for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/harness.h"

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

/* Sizes of a training step: 32 texts of 32 tokens through encoders of width 384 and 768. */
static const char *const sizes[][2] = {
    {"linear", "N=1024 D=384 K=384"},
    {"linear", "N=1024 D=384 K=1536 gelu=1"},
    {"linear", "N=1024 D=1536 K=384"},
    {"linear", "N=1024 D=768 K=3072 gelu=1"},
    {"linear", "N=32 D=384 K=384"},
    {"attention", "B=32 T=10 H=12 D=384 lengths=10 dropout=0.1"},
    {"attention", "B=32 T=32 H=12 D=384 lengths=32 dropout=0.1"},
    {"attention", "B=32 T=32 H=12 D=768 lengths=32 dropout=0.1"},
    {"attention", "B=8 T=128 H=12 D=768 lengths=128 dropout=0.1"},
    {"attention", "B=2 T=512 H=12 D=768 lengths=512 dropout=0.1"},
    {"layernorm", "N=1024 D=384 residual=1"},
    {"embedding", "N=1024 D=384 V=30522 P=512"},
    {"gather_rows", "N=32 M=1024 D=384"},
    {"concat_rows", "Na=32 Nb=32 D=64"},
    {"gelu", "N=1024 D=1536"},
    {"relu", "N=1024 D=1536"},
    {"sigmoid", "N=1024 D=1536"},
    {"dropout", "N=1024 D=384 p=0.1"},
    {"add", "N=1024 D=384"},
    {"l2_normalize", "N=64 E=64"},
};

static int threads = 1, runs = 21;

static void print_line(const char *op, const char *params, const char *direction, double seconds,
                       double flops, double bytes)
{
    printf("{\"op\": \"%s\", \"params\": \"%s\", \"direction\": \"%s\", \"threads\": %d, \"ms\": "
           "%.4f, "
           "\"gflops\": %.1f, \"gbytes_per_s\": %.2f}\n",
           op, params, direction, threads, seconds * 1e3, flops / seconds * 1e-9,
           bytes / seconds * 1e-9);
    fflush(stdout);
}

static int time_case(const char *name, const char *params)
{
    for (int op = 0; op < LEIT_N_OPS; op++) {
        const leit_op *kernel = &leit_backend_cpu()->ops[op];
        if (strcmp(kernel->name, name) != 0) continue;
        leit_case_timing timing;
        if (!leit_case_time(all_cases[op], params, kernel, threads, runs, &timing)) {
            fprintf(stderr, "bench_kernels: %s [%s]: %s\n", name, params, leit_error_message());
            return 1;
        }
        print_line(name, params, "forward", timing.forward_seconds, timing.forward_flops,
                   timing.forward_bytes);
        if (kernel->backward != NULL)
            print_line(name, params, "backward", timing.backward_seconds, timing.backward_flops,
                       timing.backward_bytes);
        return 0;
    }
    fprintf(stderr, "bench_kernels: no op is called '%s'\n", name);
    return 2;
}

int main(int argc, char **argv)
{
    int at = 1;
    for (; at < argc && strchr(argv[at], '=') != NULL; at++) {
        if (strncmp(argv[at], "threads=", 8) == 0)
            threads = atoi(argv[at] + 8);
        else if (strncmp(argv[at], "runs=", 5) == 0)
            runs = atoi(argv[at] + 5);
    }
    if (threads < 1 || runs < 1) {
        fprintf(stderr, "bench_kernels: threads and runs are at least 1\n");
        return 2;
    }
    if (at + 1 < argc) return time_case(argv[at], argv[at + 1]);
    int status = 0, found = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (at < argc && strcmp(sizes[i][0], argv[at]) != 0) continue;
        found = 1;
        if (status == 0) status = time_case(sizes[i][0], sizes[i][1]);
    }
    if (!found) fprintf(stderr, "bench_kernels: no sizes for '%s'; give some\n", argv[at]);
    return found ? status : 2;
}
