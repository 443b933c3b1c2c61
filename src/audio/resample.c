#include "audio/resample.h"

#include <soxr.h>
#include <string.h>

#include "core/memory.h"

enum { CHUNK = 4096 };

struct leit_resampler {
    soxr_t soxr; /* NULL when the rates are equal */
};

leit_status leit_samples_append(leit_samples *samples, const float *data, int64_t count)
{
    if (count == 0) return LEIT_OK;
    if (samples->count + count > samples->capacity) {
        const int64_t capacity = 2 * (samples->count + count);
        float *grown =
            leit_reallocate(samples->data, (size_t)samples->count, (size_t)capacity, sizeof *grown);
        if (grown == NULL) return LEIT_INTERNAL;
        samples->data = grown;
        samples->capacity = capacity;
    }
    memcpy(samples->data + samples->count, data, (size_t)count * sizeof *data);
    samples->count += count;
    return LEIT_OK;
}

void leit_samples_clear(leit_samples *samples)
{
    leit_free(samples->data);
    *samples = (leit_samples){0};
}

leit_status leit_resampler_create(int from_hz, int to_hz, leit_resampler **resampler)
{
    *resampler = NULL;
    LEIT_FAIL_IF(from_hz < LEIT_MIN_RATE_HZ || from_hz > LEIT_MAX_RATE_HZ ||
                     to_hz < LEIT_MIN_RATE_HZ || to_hz > LEIT_MAX_RATE_HZ,
                 LEIT_USAGE, "cannot resample from %d Hz to %d Hz, expected rates of %d to %d Hz",
                 from_hz, to_hz, LEIT_MIN_RATE_HZ, LEIT_MAX_RATE_HZ);
    leit_resampler *made = NULL;
    LEIT_TRY(LEIT_ALLOC(made, 1));
    if (from_hz != to_hz) {
        soxr_error_t error = NULL;
        const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
        const soxr_io_spec_t format = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
        const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
        made->soxr = soxr_create(from_hz, to_hz, 1, &error, &format, &quality, &runtime);
        if (made->soxr == NULL || error != NULL) {
            leit_resampler_free(made);
            LEIT_FAIL(LEIT_INTERNAL, "libsoxr cannot convert %d Hz to %d Hz: %s", from_hz, to_hz,
                      error != NULL ? error : "no reason given");
        }
    }
    *resampler = made;
    return LEIT_OK;
}

void leit_resampler_free(leit_resampler *resampler)
{
    if (resampler == NULL) return;
    soxr_delete(resampler->soxr);
    leit_free(resampler);
}

/* `in` NULL ends the stream: then the filter's tail comes out until nothing is left. */
static leit_status process(leit_resampler *resampler, const float *in, size_t count,
                           leit_samples *out)
{
    float chunk[CHUNK];
    size_t taken = 0, given = 0;
    do {
        size_t used = 0;
        soxr_error_t error = soxr_process(resampler->soxr, in == NULL ? NULL : in + taken,
                                          count - taken, &used, chunk, CHUNK, &given);
        LEIT_FAIL_IF(error != NULL, LEIT_INTERNAL, "libsoxr failed: %s", error);
        taken += used;
        LEIT_TRY(leit_samples_append(out, chunk, (int64_t)given));
    } while (taken < count || given == CHUNK || (in == NULL && given > 0));
    return LEIT_OK;
}

leit_status leit_resampler_push(leit_resampler *resampler, const float *in, int64_t count,
                                leit_samples *out)
{
    if (count == 0) return LEIT_OK;
    if (resampler->soxr == NULL) return leit_samples_append(out, in, count);
    return process(resampler, in, (size_t)count, out);
}

leit_status leit_resampler_finish(leit_resampler *resampler, leit_samples *out)
{
    return resampler->soxr == NULL ? LEIT_OK : process(resampler, NULL, 0, out);
}
