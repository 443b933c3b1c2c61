#include <math.h>

#include "core/memory.h"
#include "kernels/backend.h"
#include "kernels/mel_spectrogram.h"

static const double PI = 3.14159265358979323846;

static double mel_from_hz(double hz)
{
    return 2595.0 * log10(1.0 + hz / 700.0);
}

static double hz_from_mel(double mel)
{
    return 700.0 * (pow(10.0, mel / 2595.0) - 1.0);
}

/* Filter m rises from corner m to corner m + 1 and falls to corner m + 2; corners are evenly spaced
 * in mel. Only the bins strictly inside have weight. Fills `first` and `offset`, and `weight`
 * unless it is NULL; returns the number of nonzeros. */
static int32_t filter_bank(leit_mel_tables *tables, float *weight)
{
    const double nyquist_hz = floor(0.5 * tables->sample_rate_hz); /* whole, as torchaudio has it */
    const double step_mel = mel_from_hz(nyquist_hz) / (tables->n_mels + 1);
    const double bin_hz = nyquist_hz / (tables->n_bins - 1);
    int32_t n = 0;
    for (int32_t m = 0; m < tables->n_mels; m++) {
        const double low = hz_from_mel(m * step_mel), centre = hz_from_mel((m + 1) * step_mel);
        const double high = hz_from_mel((m + 2) * step_mel);
        tables->first[m] = 0;
        tables->offset[m] = n;
        for (int32_t k = 0; k < tables->n_bins; k++) {
            const double hz = k * bin_hz;
            const double w = fmin((hz - low) / (centre - low), (high - hz) / (high - centre));
            if (!(w > 0.0)) continue;
            if (n == tables->offset[m]) tables->first[m] = k;
            if (weight != NULL) weight[n] = (float)w;
            n++;
        }
    }
    tables->offset[tables->n_mels] = n;
    return n;
}

/* A decimation in frequency by 4 puts the frequencies with k % 4 == r into quarter r, and so on
 * inside the quarters; a last factor of 2 leaves two frequencies in order. */
static int32_t place_of_frequency(int32_t k, int32_t size)
{
    int32_t place = 0;
    for (; size > 2; k /= 4) {
        size /= 4;
        place += k % 4 * size;
    }
    return place + (size == 2 ? k : 0);
}

static leit_status fill(leit_mel_tables *tables)
{
    const int32_t n_fft = tables->n_fft;
    LEIT_TRY(LEIT_ALLOC(tables->window, n_fft));
    LEIT_TRY(LEIT_ALLOC(tables->twiddle, 2 * n_fft));
    LEIT_TRY(LEIT_ALLOC(tables->order, n_fft / 2));
    LEIT_TRY(LEIT_ALLOC(tables->first, tables->n_mels));
    LEIT_TRY(LEIT_ALLOC(tables->offset, tables->n_mels + 1));
    for (int32_t k = 0; k < n_fft; k++) {
        const double angle = 2.0 * PI * k / n_fft;
        tables->window[k] = (float)(0.5 - 0.5 * cos(angle));
        tables->twiddle[2 * k] = (float)cos(angle);
        tables->twiddle[2 * k + 1] = (float)-sin(angle);
    }
    for (int32_t k = 0; k < n_fft / 2; k++) tables->order[k] = place_of_frequency(k, n_fft / 2);
    tables->n_weights = filter_bank(tables, NULL);
    LEIT_TRY(LEIT_ALLOC(tables->weight, tables->n_weights));
    filter_bank(tables, tables->weight);
    return LEIT_OK;
}

leit_status leit_mel_tables_create(int n_fft, int hop_length, int n_mels, int sample_rate_hz,
                                   leit_mel_tables **tables)
{
    *tables = NULL;
    LEIT_FAIL_IF(n_fft < 64 || n_fft > 4096 || (n_fft & (n_fft - 1)) != 0, LEIT_USAGE,
                 "n_fft is %d, expected a power of two from 64 to 4096", n_fft);
    LEIT_FAIL_IF(hop_length < 1 || hop_length > n_fft, LEIT_USAGE,
                 "hop_length is %d, expected 1 to n_fft (%d)", hop_length, n_fft);
    LEIT_FAIL_IF(n_mels < 1 || n_mels > 1024, LEIT_USAGE, "n_mels is %d, expected 1 to 1024",
                 n_mels);
    LEIT_FAIL_IF(sample_rate_hz < 1000 || sample_rate_hz > 768000, LEIT_USAGE,
                 "sample_rate_hz is %d, expected 1000 to 768000", sample_rate_hz);
    leit_mel_tables *made = NULL;
    LEIT_TRY(LEIT_ALLOC(made, 1));
    made->n_fft = n_fft;
    made->hop_length = hop_length;
    made->n_mels = n_mels;
    made->sample_rate_hz = sample_rate_hz;
    made->n_bins = n_fft / 2 + 1;
    leit_status status = fill(made);
    if (status != LEIT_OK) {
        leit_mel_tables_free(made);
        return status;
    }
    *tables = made;
    return LEIT_OK;
}

static void release(const leit_mel_tables *tables, void *array)
{
    if (tables->memory == NULL)
        leit_free(array);
    else
        tables->memory->release(array);
}

void leit_mel_tables_free(leit_mel_tables *tables)
{
    if (tables == NULL) return;
    release(tables, tables->window);
    release(tables, tables->twiddle);
    release(tables, tables->order);
    release(tables, tables->first);
    release(tables, tables->offset);
    release(tables, tables->weight);
    leit_free(tables);
}

/* Replaces an array by its copy on the device; after a failure it is gone. */
static leit_status move(const leit_device_memory *memory, size_t bytes, void *array, void **moved)
{
    *moved = memory->allocate(bytes, true);
    leit_status status = *moved == NULL ? LEIT_DEVICE : LEIT_OK;
    if (status == LEIT_OK) status = memory->write(*moved, array, bytes, NULL);
    leit_free(array);
    return status;
}

leit_status leit_mel_tables_move(leit_mel_tables *tables, const leit_device_memory *memory)
{
    if (memory->is_host) return LEIT_OK;
    const leit_mel_tables old = *tables;
    const size_t n = (size_t)old.n_fft, n_mels = (size_t)old.n_mels;
    void *moved[6];
    const leit_status statuses[6] = {
        move(memory, n * sizeof *old.window, old.window, &moved[0]),
        move(memory, 2 * n * sizeof *old.twiddle, old.twiddle, &moved[1]),
        move(memory, n / 2 * sizeof *old.order, old.order, &moved[2]),
        move(memory, n_mels * sizeof *old.first, old.first, &moved[3]),
        move(memory, (n_mels + 1) * sizeof *old.offset, old.offset, &moved[4]),
        move(memory, (size_t)old.n_weights * sizeof *old.weight, old.weight, &moved[5]),
    };
    tables->memory = memory;
    tables->window = moved[0];
    tables->twiddle = moved[1];
    tables->order = moved[2];
    tables->first = moved[3];
    tables->offset = moved[4];
    tables->weight = moved[5];
    for (int i = 0; i < 6; i++) LEIT_TRY(statuses[i]);
    return LEIT_OK;
}
