/* The ten best of a million items of width 64, for 1 and for 64 queries, on 1 and on 2 threads: the
 * peer is bench/peers/top_k.py. */
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/memory.h"
#include "kernels/top_k_similarity.h"

enum { M = 1000000, E = 64, K = 10, MAX_N = 64, RUNS = 9, WARM_UP = 2 };

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static leit_status measure(struct leit_top_k_similarity *args, int n_threads)
{
    leit_status status = LEIT_OK;
    leit_exec exec = {.workspace_bytes = leit_top_k_similarity_workspace_cpu(args, n_threads)};
    LEIT_TRY_GOTO(leit_threads_create(n_threads, &exec.threads), done);
    exec.workspace = leit_allocate(exec.workspace_bytes, 1);
    LEIT_FAIL_GOTO_IF(exec.workspace == NULL, done, LEIT_INTERNAL, "no memory for the workspace");
    double ms[RUNS], processor_ms[RUNS];
    for (int run = -WARM_UP; run < RUNS; run++) {
        const int64_t start_ns = leit_clock_ns(), processor_ns = leit_clock_processor_ns();
        LEIT_TRY_GOTO(leit_top_k_similarity_forward_cpu(&exec, args), done);
        if (run < 0) continue;
        ms[run] = 1e3 * leit_clock_seconds_since(start_ns);
        processor_ms[run] = 1e-6 * (double)(leit_clock_processor_ns() - processor_ns);
    }
    qsort(ms, RUNS, sizeof *ms, compare);
    qsort(processor_ms, RUNS, sizeof *processor_ms, compare);
    printf("{\"bench\": \"top_k\", \"items\": %d, \"width\": %d, \"k\": %d, \"queries\": %lld, "
           "\"threads\": %d, \"runs\": %d, \"median_ms\": %.3f, \"best_ms\": %.3f, "
           "\"processor_ms\": %.3f}\n",
           M, E, K, (long long)args->N, n_threads, RUNS, ms[RUNS / 2], ms[0],
           processor_ms[RUNS / 2]);
done:
    leit_free(exec.workspace);
    leit_threads_free(exec.threads);
    return status;
}

static void fill(float *x, int64_t n)
{
    uint32_t state = 1;
    for (int64_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) * 0x1p-24f - 0.5f;
    }
}

int main(void)
{
    leit_status status = LEIT_OK;
    float *queries = NULL, *items = NULL, scores[MAX_N * K];
    int32_t indices[MAX_N * K];
    LEIT_TRY_GOTO(LEIT_ALLOC(queries, MAX_N * E), done);
    LEIT_TRY_GOTO(LEIT_ALLOC(items, M * E), done);
    fill(queries, MAX_N * E);
    fill(items, M * E);
    struct leit_top_k_similarity args = {.M = M,
                                         .E = E,
                                         .k = K,
                                         .queries = queries,
                                         .items = items,
                                         .scores = scores,
                                         .indices = indices};
    for (args.N = 1; args.N <= MAX_N; args.N *= MAX_N)
        for (int n_threads = 1; n_threads <= 2; n_threads++)
            LEIT_TRY_GOTO(measure(&args, n_threads), done);
done:
    leit_free(queries);
    leit_free(items);
    if (status != LEIT_OK) fprintf(stderr, "%s\n", leit_error_message());
    return (int)status;
}
