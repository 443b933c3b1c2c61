/* The music encoder's convolutions, forward and backward, layer by layer and as a whole:
 *
 *     bench_conv [threads] [B] [n] [runs]        2 32 64 5
 *
 * One JSON line per layer as it runs in the chain and one for the whole encoder, with the
 * floating-point operations per second of the convolutions as they are defined (engines may do
 * with fewer) and the processor time of forward and backward, which says more where machines are
 * busy. Times are the best of the runs: machines are shared. bench/peers/conv.py runs the same in
 * PyTorch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "core/memory.h"
#include "core/rng.h"
#include "kernels/ops.h"

enum { MAX_RUNS = 64, N_LAYERS = 12 };

/* Widths are multiples of n; `residual` adds what went into the layer before. */
static const struct layer {
    const char *name;
    int64_t C, K;
    int kernel_size, residual, pool_height, pool_width;
} layers[N_LAYERS] = {
    {"conv1", 0, 1, 3, 0, 2, 2}, {"res2a", 1, 1, 3, 0, 1, 1}, {"res2b", 1, 1, 3, 1, 2, 2},
    {"conv3", 1, 2, 3, 0, 2, 2}, {"res4a", 2, 2, 3, 0, 1, 1}, {"res4b", 2, 2, 3, 1, 2, 2},
    {"res5a", 2, 2, 3, 0, 1, 1}, {"res5b", 2, 2, 3, 1, 2, 2}, {"res6a", 2, 2, 3, 0, 1, 1},
    {"res6b", 2, 2, 3, 1, 2, 3}, {"conv7", 2, 4, 3, 0, 2, 3}, {"conv8", 4, 4, 1, 0, 1, 1},
};

enum part { CONV_FORWARD, NORM_FORWARD, CONV_BACKWARD, NORM_BACKWARD, N_PARTS };

struct unit {
    struct leit_conv2d conv;
    struct leit_batchnorm2d norm;
    double seconds[N_PARTS][MAX_RUNS];
};

static void must(leit_status status)
{
    if (status == LEIT_OK) return;
    fprintf(stderr, "bench_conv: %s\n", leit_error_message());
    exit(1);
}

static float *floats(int64_t count, float scale)
{
    float *values = NULL;
    must(LEIT_ALLOC(values, count));
    static uint32_t sample;
    leit_rng rng = leit_rng_start(1, 0, 0, sample++);
    for (int64_t i = 0; i < count; i++)
        values[i] = scale == 0.0f ? 0.0f : scale * (leit_rng_uniform(&rng) - 0.5f);
    return values;
}

static float *ones(int64_t count)
{
    float *values = floats(count, 0.0f);
    for (int64_t i = 0; i < count; i++) values[i] = 1.0f;
    return values;
}

static struct leit_batchnorm2d make_norm(int64_t N, int64_t H, int64_t W, int64_t C, int height,
                                         int width, int relu)
{
    const int64_t outputs = N * (H / height) * (W / width) * C;
    struct leit_batchnorm2d norm = {.N = N,
                                    .H = H,
                                    .W = W,
                                    .C = C,
                                    .training = 1,
                                    .relu = relu,
                                    .pool_height = height,
                                    .pool_width = width,
                                    .epsilon = 1e-5f,
                                    .momentum = 0.1f,
                                    .w = ones(C),
                                    .b = floats(C, 1.0f),
                                    .running_mean = floats(C, 0.0f),
                                    .running_var = ones(C),
                                    .mean = floats(C, 0.0f),
                                    .rstd = floats(C, 0.0f),
                                    .y = floats(outputs, 0.0f),
                                    .dy = floats(outputs, 1.0f),
                                    .dx = floats(N * H * W * C, 0.0f),
                                    .dw = floats(C, 0.0f),
                                    .db = floats(C, 0.0f)};
    if (height * width > 1) must(LEIT_ALLOC(norm.argmax, outputs));
    return norm;
}

/* Chains the layers: what comes out of one normalisation goes into the next convolution, and what
 * a convolution gives back is the dy of the normalisation before. */
static void build(struct unit *units, struct leit_batchnorm2d *spectrogram, int64_t N, int64_t n)
{
    *spectrogram = make_norm(N, 128, 313, 1, 1, 1, 0);
    spectrogram->x = floats(N * 128 * 313, 1.0f);
    const struct leit_batchnorm2d *before = spectrogram;
    int64_t H = 128, W = 313;
    for (int i = 0; i < N_LAYERS; i++) {
        const struct layer *layer = &layers[i];
        const int64_t C = i == 0 ? 1 : layer->C * n, K = layer->K * n;
        const int64_t weights = K * layer->kernel_size * layer->kernel_size * C;
        struct unit *unit = &units[i];
        unit->norm = make_norm(N, H, W, K, layer->pool_height, layer->pool_width, 1);
        unit->conv = (struct leit_conv2d){.N = N,
                                          .H = H,
                                          .W = W,
                                          .C = C,
                                          .K = K,
                                          .kernel_size = layer->kernel_size,
                                          .x = before->y,
                                          .w = floats(weights, 0.2f),
                                          .b = floats(K, 0.0f),
                                          .y = floats(N * H * W * K, 0.0f),
                                          .dy = unit->norm.dx,
                                          .dx = (float *)(uintptr_t)before->dy,
                                          .dw = floats(weights, 0.0f),
                                          .db = floats(K, 0.0f)};
        unit->norm.x = unit->conv.y;
        if (layer->residual) {
            unit->norm.residual = units[i - 1].conv.x;
            unit->norm.dresidual = floats(N * H * W * K, 0.0f);
        }
        before = &unit->norm;
        H /= layer->pool_height, W /= layer->pool_width;
    }
}

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double since(int64_t *start)
{
    const double seconds = leit_clock_seconds_since(*start);
    *start = leit_clock_ns();
    return seconds;
}

struct addition {
    float *to;
    const float *from;
    int64_t count;
};

static void add_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct addition *addition = context;
    const int64_t end = (block + 1) * 65536;
    for (int64_t i = block * 65536; i < (end < addition->count ? end : addition->count); i++)
        addition->to[i] += addition->from[i];
}

/* Forward and backward of everything; seconds of the whole go to total[0] and total[1]. */
static void run(const leit_exec *exec, struct unit *units,
                const struct leit_batchnorm2d *spectrogram, int index, double total[2])
{
    int64_t begin = leit_clock_ns(), start = begin;
    must(leit_batchnorm2d_forward_cpu(exec, spectrogram));
    start = leit_clock_ns();
    for (int i = 0; i < N_LAYERS; i++) {
        must(leit_conv2d_forward_cpu(exec, &units[i].conv));
        units[i].seconds[CONV_FORWARD][index] = since(&start);
        must(leit_batchnorm2d_forward_cpu(exec, &units[i].norm));
        units[i].seconds[NORM_FORWARD][index] = since(&start);
    }
    total[0] = leit_clock_seconds_since(begin);
    begin = leit_clock_ns();
    for (int i = N_LAYERS - 1; i >= 0; i--) {
        start = leit_clock_ns();
        must(leit_batchnorm2d_backward_cpu(exec, &units[i].norm));
        units[i].seconds[NORM_BACKWARD][index] = since(&start);
        must(leit_conv2d_backward_cpu(exec, &units[i].conv));
        units[i].seconds[CONV_BACKWARD][index] = since(&start);
        if (i + 1 < N_LAYERS && layers[i + 1].residual) {
            const struct leit_conv2d *conv = &units[i].conv;
            struct addition addition = {conv->dx, units[i + 1].norm.dresidual,
                                        conv->N * conv->H * conv->W * conv->C};
            leit_threads_run(exec->threads, (addition.count + 65535) / 65536, add_block, &addition);
        }
    }
    must(leit_batchnorm2d_backward_cpu(exec, spectrogram));
    total[1] = leit_clock_seconds_since(begin);
}

static double best_ms(const double *seconds, int runs)
{
    double best = seconds[0];
    for (int i = 1; i < runs; i++) best = seconds[i] < best ? seconds[i] : best;
    return 1e3 * best;
}

static double convolution_flops(const struct leit_conv2d *conv)
{
    return 2.0 * (double)(conv->N * conv->H * conv->W * conv->C * conv->K * conv->kernel_size *
                          conv->kernel_size);
}

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 2, N = argc > 2 ? atoi(argv[2]) : 32;
    const int n = argc > 3 ? atoi(argv[3]) : 64, runs = argc > 4 ? atoi(argv[4]) : 5;
    if (threads < 1 || N < 1 || n < 1 || runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr, "usage: bench_conv [threads] [B] [n] [runs, at most %d]\n", MAX_RUNS);
        return 2;
    }
    struct unit *units = NULL;
    struct leit_batchnorm2d spectrogram;
    must(LEIT_ALLOC(units, N_LAYERS));
    build(units, &spectrogram, N, n);

    size_t bytes = leit_batchnorm2d_workspace_cpu(&spectrogram, threads);
    for (int i = 0; i < N_LAYERS; i++) {
        const size_t conv = leit_conv2d_workspace_cpu(&units[i].conv, threads);
        const size_t norm = leit_batchnorm2d_workspace_cpu(&units[i].norm, threads);
        bytes = conv > bytes ? conv : bytes;
        bytes = norm > bytes ? norm : bytes;
    }
    leit_exec exec = {.workspace = leit_allocate(bytes, 1), .workspace_bytes = bytes};
    if (exec.workspace == NULL) must(LEIT_INTERNAL);
    must(leit_threads_create(threads, &exec.threads));

    double total[2][MAX_RUNS], both[2], processor[MAX_RUNS];
    for (int index = -1; index < runs; index++) { /* the first run warms up */
        const double begin = processor_seconds();
        run(&exec, units, &spectrogram, index < 0 ? 0 : index, both);
        processor[index < 0 ? 0 : index] = processor_seconds() - begin;
        for (int i = 0; i < 2 && index >= 0; i++) total[i][index] = both[i];
    }
    double flops = 0.0;
    for (int i = 0; i < N_LAYERS; i++) {
        const struct leit_conv2d *conv = &units[i].conv;
        double ms[N_PARTS];
        for (int part = 0; part < N_PARTS; part++) ms[part] = best_ms(units[i].seconds[part], runs);
        flops += convolution_flops(conv);
        printf("{\"bench\": \"conv\", \"layer\": \"%s\", \"threads\": %d, \"B\": %d, \"H\": %lld, "
               "\"W\": %lld, \"C\": %lld, \"K\": %lld, \"conv_forward_ms\": %.3f, "
               "\"conv_backward_ms\": %.3f, \"norm_forward_ms\": %.3f, \"norm_backward_ms\": %.3f, "
               "\"forward_gflops\": %.1f, \"backward_gflops\": %.1f}\n",
               layers[i].name, threads, N, (long long)conv->H, (long long)conv->W,
               (long long)conv->C, (long long)conv->K, ms[CONV_FORWARD], ms[CONV_BACKWARD],
               ms[NORM_FORWARD], ms[NORM_BACKWARD],
               1e-6 * convolution_flops(conv) / ms[CONV_FORWARD],
               2e-6 * convolution_flops(conv) / ms[CONV_BACKWARD]);
    }
    const double forward = best_ms(total[0], runs), backward = best_ms(total[1], runs);
    printf("{\"bench\": \"conv\", \"layer\": \"encoder\", \"threads\": %d, \"B\": %d, \"n\": %d, "
           "\"runs\": %d, \"forward_ms\": %.3f, \"backward_ms\": %.3f, \"processor_ms\": %.3f, "
           "\"gflops\": %.1f}\n",
           threads, N, n, runs, forward, backward, best_ms(processor, runs),
           3e-6 * flops / (forward + backward));
    return 0;
}
