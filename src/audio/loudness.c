#include "audio/loudness.h"

#include <math.h>

#include "core/memory.h"

static const double PI = 3.14159265358979323846;
static const double ABSOLUTE_GATE_LKFS = -70.0, RELATIVE_GATE_LU = -10.0, SILENCE_DB = -70.0;

/* -0.691 dB makes up for the K-weighting's gain at 997 Hz. */
static double lkfs_from_power(double power)
{
    return -0.691 + 10.0 * log10(power);
}

/* Bilinear transform of the two analogue filters whose 48 kHz form is the standard's tables 1
 * and 2. Corner frequency, Q and gain are those tables solved for them. */
void leit_k_weighting(int sample_rate_hz, leit_biquad stages[2])
{
    const double shelf_gain = pow(10.0, 3.999843853973347 / 20.0);
    const double shelf_middle = pow(shelf_gain, 0.4996667741545416);
    const double shelf_q = 0.7071752369554196;
    double k = tan(PI * 1681.974450955533 / sample_rate_hz);
    double scale = 1.0 + k / shelf_q + k * k;
    stages[0] = (leit_biquad){
        .b = {(shelf_gain + shelf_middle * k / shelf_q + k * k) / scale,
              2.0 * (k * k - shelf_gain) / scale,
              (shelf_gain - shelf_middle * k / shelf_q + k * k) / scale},
        .a = {1.0, 2.0 * (k * k - 1.0) / scale, (1.0 - k / shelf_q + k * k) / scale},
    };
    const double pass_q = 0.5003270373238773;
    k = tan(PI * 38.13547087602444 / sample_rate_hz);
    scale = 1.0 + k / pass_q + k * k;
    stages[1] = (leit_biquad){
        .b = {1.0, -2.0, 1.0},
        .a = {1.0, 2.0 * (k * k - 1.0) / scale, (1.0 - k / pass_q + k * k) / scale},
    };
}

double leit_rms_db(const float *samples, int64_t n_samples)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n_samples; i++) sum += (double)samples[i] * (double)samples[i];
    return sum > 0.0 ? 10.0 * log10(sum / (double)n_samples) : -INFINITY;
}

bool leit_is_silent(const float *samples, int64_t n_samples)
{
    return leit_rms_db(samples, n_samples) < SILENCE_DB;
}

/* One step of a filter in transposed direct form II. */
static double step(const leit_biquad *stage, double state[2], double x)
{
    const double y = stage->b[0] * x + state[0];
    state[0] = stage->b[1] * x - stage->a[1] * y + state[1];
    state[1] = stage->b[2] * x - stage->a[2] * y;
    return y;
}

/* The energy of the weighted signal in each hop of 100 ms; a last part of a hop is left out. */
static void hop_energies(const float *samples, int64_t hop, int64_t n_hops, int sample_rate_hz,
                         double *energy)
{
    leit_biquad stages[2];
    double state[2][2] = {{0}};
    leit_k_weighting(sample_rate_hz, stages);
    for (int64_t h = 0; h < n_hops; h++) {
        for (int64_t i = h * hop; i < (h + 1) * hop; i++) {
            const double shelved = step(&stages[0], state[0], (double)samples[i]);
            const double weighted = step(&stages[1], state[1], shelved);
            energy[h] += weighted * weighted;
        }
    }
}

/* Mean power of the blocks above a gate; 0 when there is none. */
static double gated_power(const double *power, int64_t n_blocks, double gate_lkfs)
{
    double sum = 0.0;
    int64_t n = 0;
    for (int64_t block = 0; block < n_blocks; block++) {
        if (!(lkfs_from_power(power[block]) > gate_lkfs)) continue;
        sum += power[block];
        n++;
    }
    return n == 0 ? 0.0 : sum / (double)n;
}

leit_status leit_loudness_lkfs(const float *samples, int64_t n_samples, int sample_rate_hz,
                               double *lkfs)
{
    *lkfs = -INFINITY;
    LEIT_FAIL_IF(sample_rate_hz < 1000 || sample_rate_hz > 768000, LEIT_USAGE,
                 "sample_rate_hz is %d, expected 1000 to 768000", sample_rate_hz);
    if (n_samples < 1) return LEIT_OK;
    int64_t hop = (sample_rate_hz + 5) / 10, hops_per_block = 4, n_hops = n_samples / hop;
    if (n_hops < hops_per_block) { /* shorter than a block */
        hop = n_samples;
        hops_per_block = n_hops = 1;
    }
    double *power = NULL;
    LEIT_TRY(LEIT_ALLOC(power, n_hops));
    hop_energies(samples, hop, n_hops, sample_rate_hz, power);
    const int64_t n_blocks = n_hops - hops_per_block + 1;
    for (int64_t block = 0; block < n_blocks; block++) {
        double sum = 0.0;
        for (int64_t h = 0; h < hops_per_block; h++) sum += power[block + h];
        power[block] = sum / (double)(hop * hops_per_block);
    }
    const double absolute = gated_power(power, n_blocks, ABSOLUTE_GATE_LKFS);
    if (absolute > 0.0) {
        const double gate = lkfs_from_power(absolute) + RELATIVE_GATE_LU;
        *lkfs = lkfs_from_power(gated_power(power, n_blocks, fmax(gate, ABSOLUTE_GATE_LKFS)));
    }
    leit_free(power);
    return LEIT_OK;
}
