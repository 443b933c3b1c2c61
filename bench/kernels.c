/* Times kernels on the case tables of the tests (tests/kernels/cases_<op>.c).
 *
 *     bench_kernels [WORD=...]                 the sizes below
 *     bench_kernels [WORD=...] OP [PARAMS]     one op, on other sizes if given
 *
 *     threads=1 runs=21, of the CPU; device=cuda kernels=fast precision=bf16, of a GPU
 *
 * One JSON line per op, size and direction: median milliseconds, GFLOP/s and GB/s of the work the
 * definition asks for. Ends with 77 where there is no GPU. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/harness.h"
#include "support/chosen_backend.h"

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

/* What a GPU is asked besides: the layers of the music encoder at 32 clips, its front end, Adam. */
static const char *const gpu_sizes[][2] = {
    {"mel_spectrogram", "B=32 S=80000"},
    {"conv2d", "N=32 H=128 W=313 C=1 K=64 dx=0"},
    {"conv2d", "N=32 H=64 W=156 C=64 K=64"},
    {"conv2d", "N=32 H=32 W=78 C=64 K=128"},
    {"conv2d", "N=32 H=16 W=39 C=128 K=128"},
    {"conv2d", "N=32 H=8 W=19 C=128 K=128"},
    {"conv2d", "N=32 H=4 W=9 C=128 K=128"},
    {"conv2d", "N=32 H=2 W=3 C=128 K=256"},
    {"conv2d", "N=32 H=1 W=1 C=256 K=256 kernel_size=1"},
    {"linear", "N=1024 D=768 K=768"},
    {"linear", "N=1024 D=3072 K=768"},
    {"layernorm", "N=1024 D=768 residual=1"},
    {"adam", "n_tensors=2 N=33200000"},
    {"grad_norm", "n_tensors=2 N=33200000"},
};

static int threads = 1, runs = 21;
static const char *device = "cpu", *kernels = "fast", *precision = "fp32";
static const leit_backend *backend;

static void print_line(const char *op, const char *params, const char *direction, double seconds,
                       double flops, double bytes)
{
    printf("{\"op\": \"%s\", \"params\": \"%s\", \"direction\": \"%s\", ", op, params, direction);
    if (backend->memory.is_host)
        printf("\"threads\": %d, ", threads);
    else
        printf("\"gpu\": \"%s\", \"kernels\": \"%s\", \"precision\": \"%s\", ", leit_chosen_gpu(),
               kernels, precision);
    printf("\"ms\": %.5f, \"gflops\": %.1f, \"gbytes_per_s\": %.2f}\n", seconds * 1e3,
           flops / seconds * 1e-9, bytes / seconds * 1e-9);
    fflush(stdout);
}

static int time_case(const char *name, const char *params)
{
    for (int op = 0; op < LEIT_N_OPS; op++) {
        const leit_op *kernel = &backend->ops[op];
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

/* All sizes of a list, or those of one op; counts them. */
static int time_list(const char *const (*list)[2], size_t n, const char *wanted, int *found)
{
    int status = 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        if (wanted != NULL && strcmp(list[i][0], wanted) != 0) continue;
        ++*found;
        status = time_case(list[i][0], list[i][1]);
    }
    return status;
}

/* The value of "name=value"; NULL where the word has another name. */
static const char *value_of(const char *word, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static void read_word(const char *word)
{
    if (value_of(word, "threads") != NULL) threads = atoi(value_of(word, "threads"));
    if (value_of(word, "runs") != NULL) runs = atoi(value_of(word, "runs"));
    if (value_of(word, "device") != NULL) device = value_of(word, "device");
    if (value_of(word, "kernels") != NULL) kernels = value_of(word, "kernels");
    if (value_of(word, "precision") != NULL) precision = value_of(word, "precision");
}

int main(int argc, char **argv)
{
    int at = 1;
    for (; at < argc && strchr(argv[at], '=') != NULL; at++) read_word(argv[at]);
    if (threads < 1 || runs < 1) {
        fprintf(stderr, "bench_kernels: threads and runs are at least 1\n");
        return 2;
    }
    const leit_status chosen = leit_choose_backend(device, kernels, precision, &backend);
    if (chosen != LEIT_OK) {
        fprintf(stderr, "bench_kernels: %s\n", leit_error_message());
        return chosen == LEIT_DEVICE ? 77 : 2;
    }
    leit_harness_memory(&backend->memory);
    if (at + 1 < argc) return time_case(argv[at], argv[at + 1]);
    const char *wanted = at < argc ? argv[at] : NULL;
    int found = 0;
    int status = time_list(sizes, sizeof sizes / sizeof *sizes, wanted, &found);
    if (status == 0 && !backend->memory.is_host)
        status = time_list(gpu_sizes, sizeof gpu_sizes / sizeof *gpu_sizes, wanted, &found);
    if (!found) fprintf(stderr, "bench_kernels: no sizes for '%s'; give some\n", argv[at]);
    return found ? status : 2;
}
