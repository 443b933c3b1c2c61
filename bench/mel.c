/* The mel spectrogram of 32 clips of five seconds on one thread: the peer is bench/peers/mel.py. */
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/memory.h"
#include "kernels/mel_spectrogram.h"

enum { B = 32, S = 80000, RUNS = 15, WARM_UP = 3 };

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static leit_status measure(const leit_mel_augment *augment, double *median_ms)
{
    leit_status status = LEIT_OK;
    leit_mel_tables *tables = NULL;
    int16_t *pcm = NULL;
    float *y = NULL;
    void *workspace = NULL;
    LEIT_TRY(leit_mel_tables_create(512, 256, 128, 16000, &tables));
    const leit_random random = {.seed = 1, .step = 1};
    struct leit_mel_spectrogram args = {
        .B = B, .S = S, .tables = tables, .augment = augment, .random = &random};
    leit_exec exec = {.workspace_bytes = leit_mel_spectrogram_workspace_cpu(&args, 1)};
    LEIT_TRY_GOTO(LEIT_ALLOC(pcm, B * S), done);
    LEIT_TRY_GOTO(LEIT_ALLOC(y, B * 128 * leit_mel_frames(S, 256)), done);
    workspace = leit_allocate(exec.workspace_bytes, 1);
    LEIT_FAIL_GOTO_IF(workspace == NULL, done, LEIT_INTERNAL, "no memory for the workspace");
    exec.workspace = workspace;
    args.pcm = pcm;
    args.y = y;
    uint32_t state = 1;
    for (int i = 0; i < B * S; i++) {
        state = state * 1664525u + 1013904223u;
        pcm[i] = (int16_t)((int32_t)(state >> 16) % 6554 - 3277);
    }
    double ms[RUNS];
    for (int run = -WARM_UP; run < RUNS; run++) {
        const int64_t start_ns = leit_clock_ns();
        LEIT_TRY_GOTO(leit_mel_spectrogram_forward_cpu(&exec, &args), done);
        if (run >= 0) ms[run] = 1e3 * leit_clock_seconds_since(start_ns);
    }
    qsort(ms, RUNS, sizeof *ms, compare);
    *median_ms = ms[RUNS / 2];
done:
    leit_free(workspace);
    leit_free(y);
    leit_free(pcm);
    leit_mel_tables_free(tables);
    return status;
}

int main(void)
{
    const leit_mel_augment augment = {.gain_db_min = -20.0f,
                                      .noise = true,
                                      .snr_db_min = 40.0f,
                                      .snr_db_max = 80.0f,
                                      .time_mask_ratio = 0.4f,
                                      .frequency_mask_ratio = 0.4f};
    double plain_ms = 0.0, augmented_ms = 0.0;
    leit_status status = measure(NULL, &plain_ms);
    if (status == LEIT_OK) status = measure(&augment, &augmented_ms);
    if (status != LEIT_OK) {
        fprintf(stderr, "%s\n", leit_error_message());
        return (int)status;
    }
    printf("{\"bench\": \"mel\", \"clips\": %d, \"samples\": %d, \"threads\": 1, \"runs\": %d, "
           "\"median_ms\": %.3f, \"augmented_median_ms\": %.3f}\n",
           B, S, RUNS, plain_ms, augmented_ms);
    return 0;
}
