/* Melodic instruments are a wavetable of harmonics (strings, winds, organ), two-operator FM
 * (electric piano, bell) or a plucked string (Karplus and Strong 1983); drums are a swept sine and
 * noise. The room is Schroeder's: four combs and two all-passes.
 *
 * Everything is additions, multiplications and tables (etude_maths.h), one thread a piece, so the
 * samples are the same everywhere.
 */
#include "datasets/etude/etude_synth.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/memory.h"
#include "datasets/etude/etude_maths.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
    SINE_BITS = 12,
    SINE_SIZE = 1 << SINE_BITS,
    WAVE_SIZE = 1024,
    MAX_HARMONICS = 20,
    MAX_STRING = 4096,
    BLOCK_SAMPLES = 32
};

static const double PEAK_DB = -1.6, LOW_CUT_HZ = 25;

/* The spectrum of a sustaining instrument. */
struct spectrum {
    double even;  /* strength of even harmonics */
    double slope; /* harmonic h has h^-slope at brightness 0.5; 1.2 less at full brightness */
    double breath;
};
static const struct spectrum SPECTRA[] = {[LEIT_ETUDE_STRINGS] = {1.0, 1.5, 0.004},
                                          [LEIT_ETUDE_FLUTE] = {0.5, 2.6, 0.03},
                                          [LEIT_ETUDE_CLARINET] = {0.12, 1.6, 0.006},
                                          [LEIT_ETUDE_BRASS] = {1.0, 1.1, 0.004},
                                          [LEIT_ETUDE_ORGAN] = {0.9, 2.0, 0.0}};

struct synth {
    const struct leit_etude_cues *cues;
    const struct leit_etude_ensemble *ensemble;
    enum leit_etude_timbre lead;
    int rate_hz;
    double turns_per_hz; /* of a 32-bit phase: 2^32 / rate */
    uint32_t noise;      /* state of the noise generator */
    float *sine;         /* (SINE_SIZE) */
    float *wave;         /* (2, WAVE_SIZE + 1): dull and bright period of the note being played */
    float *string;       /* (MAX_STRING) */
    float *samples;
    int n_samples;
};

/* Where a note sounds and how its loudness goes. */
struct envelope {
    int start, n_held, n_total; /* samples; released after n_held */
    float rise, fall, release;  /* per sample: linear rise, exponential decay, linear release */
    float floor;                /* the decay goes down to this */
};

/* White noise in -1 to 1 (xorshift): one stream per piece, seeded from its draws. */
static float white(struct synth *s)
{
    s->noise ^= s->noise << 13;
    s->noise ^= s->noise >> 17;
    s->noise ^= s->noise << 5;
    return (float)(int32_t)s->noise * 0x1p-31f;
}

static float sine_at(const struct synth *s, uint32_t phase)
{
    return s->sine[phase >> (32 - SINE_BITS)];
}

static uint32_t phase_step(const struct synth *s, double hz)
{
    return (uint32_t)(uint64_t)(hz * s->turns_per_hz); /* from one turn on it wraps */
}

/* Factor per sample for a decay to one half in `seconds`. */
static float half_life(const struct synth *s, double seconds)
{
    return (float)leit_etude_exp2(-1 / (seconds * s->rate_hz));
}

static struct envelope make_envelope(const struct synth *s, const struct leit_etude_note *note,
                                     double attack_seconds, double half_life_seconds, double floor,
                                     double release_seconds)
{
    double held = (double)note->duration_seconds;
    if (held < 0.04) held = 0.04;
    if (attack_seconds > 0.7 * held) attack_seconds = 0.7 * held;
    struct envelope e = {.start = (int)(note->start_seconds * s->rate_hz),
                         .n_held = (int)(held * s->rate_hz),
                         .rise = (float)(1 / (attack_seconds * s->rate_hz)),
                         .fall = half_life(s, half_life_seconds),
                         .floor = (float)floor,
                         .release = (float)(1 / (release_seconds * s->rate_hz))};
    e.n_total = e.n_held + (int)(release_seconds * s->rate_hz);
    if (e.start + e.n_total > s->n_samples) e.n_total = s->n_samples - e.start;
    return e;
}

static float envelope_at(const struct envelope *e, int i, float *decay)
{
    float value = (float)i * e->rise;
    if (value > 1) value = 1;
    *decay = e->floor + (*decay - e->floor) * e->fall;
    value *= *decay;
    if (i > e->n_held) {
        float left = 1 - (float)(i - e->n_held) * e->release;
        value *= left > 0 ? left : 0;
    }
    return value;
}

/* Logarithms of the numbers of the harmonics. */
static const double LOG2[MAX_HARMONICS + 1] = {0,
                                               0,
                                               1,
                                               1.58496250072116,
                                               2,
                                               2.32192809488736,
                                               2.58496250072116,
                                               2.8073549220576,
                                               3,
                                               3.16992500144231,
                                               3.32192809488736,
                                               3.4594316186373,
                                               3.58496250072116,
                                               3.70043971814109,
                                               3.8073549220576,
                                               3.90689059560852,
                                               4,
                                               4.08746284125034,
                                               4.16992500144231,
                                               4.24792751344359,
                                               4.32192809488736};

/* Fills one period with harmonics up to 0.45 of the sample rate. */
static void fill_wave(const struct synth *s, float *wave, const struct spectrum *spectrum,
                      double slope, double hz)
{
    memset(wave, 0, (WAVE_SIZE + 1) * sizeof *wave);
    double power = 0;
    for (int h = 1; h <= MAX_HARMONICS && h * hz < 0.45 * s->rate_hz; h++) {
        double amplitude = leit_etude_exp2(-slope * LOG2[h]) * (h % 2 == 0 ? spectrum->even : 1);
        power += amplitude * amplitude;
        for (uint32_t i = 0; i < WAVE_SIZE; i++)
            wave[i] += (float)amplitude * sine_at(s, i * (uint32_t)h * (1u << 22));
    }
    float scale = power > 0 ? (float)(1 / sqrt(power)) : 0;
    for (int i = 0; i < WAVE_SIZE; i++) wave[i] *= scale;
    wave[WAVE_SIZE] = wave[0];
}

static void play_sustained(struct synth *s, const struct leit_etude_note *note,
                           enum leit_etude_timbre timbre, double gain)
{
    const struct leit_etude_cues *cues = s->cues;
    const struct spectrum *spectrum = &SPECTRA[timbre];
    double hz = leit_etude_hz((double)note->pitch + s->ensemble->tuning);
    double slope = spectrum->slope - 1.2 * (cues->brightness - 0.5);
    float *dull = s->wave, *bright = s->wave + WAVE_SIZE + 1;
    fill_wave(s, dull, spectrum, slope + 1.0, hz);
    fill_wave(s, bright, spectrum, slope, hz);

    double attack = 0.008 + 0.22 * cues->attack * cues->attack;
    struct envelope e = make_envelope(s, note, attack, 1.5, 0.7, 0.04 + 0.25 * cues->attack);
    float beating = (float)(0.8 * cues->roughness), breath = (float)spectrum->breath;
    uint32_t beat_step = phase_step(s, 38 + 20 * cues->roughness), beat = 0;
    uint32_t vibrato_step = phase_step(s, 5.2) * BLOCK_SAMPLES, vibrato = 0;
    double depth = timbre == LEIT_ETUDE_ORGAN ? 0 : 0.02 * cues->vibrato;
    uint32_t phase = 0, step = phase_step(s, hz);
    float decay = 1, volume = (float)gain * note->velocity;
    for (int i = 0; i < e.n_total; i++) {
        if (i % BLOCK_SAMPLES == 0) {
            vibrato += vibrato_step;
            const int quarter_second = s->rate_hz / 4;
            double onset = i < quarter_second ? (double)i / quarter_second : 1;
            step = phase_step(s, hz * (1 + depth * onset * (double)sine_at(s, vibrato)));
        }
        float level = envelope_at(&e, i, &decay);
        uint32_t cell = phase >> 22;
        float between = (float)(phase & 0x3fffffu) * 0x1p-22f;
        float low = dull[cell] + between * (dull[cell + 1] - dull[cell]);
        float high = bright[cell] + between * (bright[cell + 1] - bright[cell]);
        float tone = low + level * (high - low);
        tone *= 1 - beating * (0.5f + 0.5f * sine_at(s, beat));
        s->samples[e.start + i] += volume * level * (tone + breath * white(s));
        phase += step;
        beat += beat_step;
    }
}

static void play_fm(struct synth *s, const struct leit_etude_note *note, bool bell, double gain)
{
    const struct leit_etude_cues *cues = s->cues;
    double hz = leit_etude_hz((double)note->pitch + s->ensemble->tuning);
    double ratio = bell ? 3.52 : 1.0 + 6.0 * (cues->roughness > 0.5);
    double depth = (bell ? 0.9 : 0.4) + 2.2 * cues->brightness + 1.5 * cues->roughness;
    if (hz * (1 + ratio * 2) > 0.45 * s->rate_hz) depth *= 0.2;
    double attack = 0.004 + 0.12 * cues->attack * cues->attack;
    struct envelope e = make_envelope(s, note, attack, bell ? 0.5 : 0.45, 0.05, bell ? 0.5 : 0.15);
    uint32_t carrier = 0, modulator = 0;
    uint32_t carrier_step = phase_step(s, hz), modulator_step = phase_step(s, hz * ratio);
    float decay = 1, volume = (float)gain * 1.4f * note->velocity;
    float index = (float)(depth * 0.159154943 * 4294967296.0); /* radians to 32-bit turns */
    for (int i = 0; i < e.n_total; i++) {
        float level = envelope_at(&e, i, &decay);
        int64_t shift = (int64_t)(index * level * sine_at(s, modulator));
        s->samples[e.start + i] += volume * level * sine_at(s, carrier + (uint32_t)shift);
        carrier += carrier_step;
        modulator += modulator_step;
    }
}

static void play_pluck(struct synth *s, const struct leit_etude_note *note, double gain)
{
    const struct leit_etude_cues *cues = s->cues;
    double hz = leit_etude_hz((double)note->pitch + s->ensemble->tuning);
    double period = s->rate_hz / hz - 0.5;
    int n = (int)period;
    if (n < 2 || n >= MAX_STRING) return;
    float share = (float)(period - n);
    float pass = (float)(0.15 + 0.8 * cues->brightness), held = 0;
    for (int i = 0; i <= n; i++) {
        held += pass * (white(s) - held);
        s->string[i] = held;
    }
    struct envelope e = make_envelope(s, note, 0.002 + 0.04 * cues->attack, 1.2, 0.2, 0.12);
    float loss = half_life(s, 0.35 + 60 / hz), decay = 1;
    float volume = (float)gain * 1.8f * note->velocity;
    float before = s->string[n];
    for (int i = 0, at = 0; i < e.n_total; i++) {
        /* The delay of n + share samples: read between the two oldest values, average, feed back.
         */
        int next = at == n ? 0 : at + 1;
        float oldest = s->string[at] * share + s->string[next] * (1 - share);
        float value = 0.5f * (oldest + before) * loss;
        before = oldest;
        s->string[at] = value;
        at = next;
        s->samples[e.start + i] += volume * envelope_at(&e, i, &decay) * value;
    }
}

static void play_drum(struct synth *s, const struct leit_etude_note *note)
{
    bool kick = note->voice == LEIT_ETUDE_KICK, snare = note->voice == LEIT_ETUDE_SNARE;
    double length = kick ? 0.06 : snare ? 0.045 : 0.012;
    struct leit_etude_note stroke = *note;
    stroke.duration_seconds = (float)(5 * length);
    struct envelope e = make_envelope(s, &stroke, 0.001, length, 0, 0.01);
    float decay = 1, before = 0, volume = (kick ? 1.3f : snare ? 0.8f : 0.45f) * note->velocity;
    uint32_t phase = 0;
    for (int i = 0; i < e.n_total; i++) {
        float level = envelope_at(&e, i, &decay), hiss = white(s);
        float tone = sine_at(s, phase);
        float high = 0.5f * (hiss - before);
        before = hiss;
        float value = kick ? tone + 0.05f * hiss : snare ? 0.5f * tone + 0.6f * hiss : high;
        s->samples[e.start + i] += volume * level * value;
        phase += phase_step(s, kick ? 48 + 110 * (double)(level * level) : 185);
    }
}

static void play(struct synth *s, const struct leit_etude_note *note)
{
    if (note->start_seconds * s->rate_hz >= s->n_samples) return;
    if (note->voice >= LEIT_ETUDE_KICK) {
        play_drum(s, note);
        return;
    }
    enum leit_etude_timbre timbre = note->voice == LEIT_ETUDE_MELODY  ? s->lead
                                    : note->voice == LEIT_ETUDE_CHORD ? s->ensemble->chord
                                                                      : s->ensemble->bass;
    double gain = note->voice == LEIT_ETUDE_MELODY ? 0.5
                  : note->voice == LEIT_ETUDE_BASS ? 0.5
                                                   : 0.22;
    switch (timbre) {
    case LEIT_ETUDE_EPIANO: play_fm(s, note, false, gain); break;
    case LEIT_ETUDE_BELL: play_fm(s, note, true, gain); break;
    case LEIT_ETUDE_PLUCK: play_pluck(s, note, gain); break;
    default: play_sustained(s, note, timbre, gain); break;
    }
}

/* One delay line of the room: a comb, or an all-pass. */
static leit_status run_delay(const float *input, float *output, int n, int length, float feedback,
                             bool all_pass)
{
    float *line = NULL;
    LEIT_TRY(LEIT_ALLOC(line, length));
    for (int i = 0, at = 0; i < n; i++, at = at + 1 == length ? 0 : at + 1) {
        float delayed = line[at], in = input[i];
        if (all_pass) {
            line[at] = in + feedback * delayed;
            output[i] = delayed - feedback * line[at];
        } else {
            line[at] = in + feedback * delayed;
            output[i] += 0.25f * delayed;
        }
    }
    leit_free(line);
    return LEIT_OK;
}

static leit_status add_room(struct synth *s)
{
    static const double COMB_MS[] = {29.7, 37.1, 41.1, 43.7}, ALL_PASS_MS[] = {5.0, 1.7};
    float *wet = NULL;
    LEIT_TRY(LEIT_ALLOC(wet, s->n_samples));
    leit_status status = LEIT_OK;
    for (int i = 0; i < 4 && status == LEIT_OK; i++)
        status = run_delay(s->samples, wet, s->n_samples, (int)(COMB_MS[i] * s->rate_hz / 1000),
                           0.74f, false);
    for (int i = 0; i < 2 && status == LEIT_OK; i++)
        status = run_delay(wet, wet, s->n_samples, (int)(ALL_PASS_MS[i] * s->rate_hz / 1000), 0.6f,
                           true);
    float share = (float)s->ensemble->room;
    for (int i = 0; i < s->n_samples; i++) s->samples[i] += share * wet[i];
    leit_free(wet);
    return status;
}

static double root_mean_square(const float *samples, int n)
{
    double sum = 1e-12;
    for (int i = 0; i < n; i++) sum += (double)samples[i] * (double)samples[i];
    return sqrt(sum / n);
}

static void scale(float *samples, int n, double factor)
{
    for (int i = 0; i < n; i++) samples[i] *= (float)factor;
}

float leit_etude_true_peak(const float *samples, int n_samples)
{
    /* Three sets of a Hann-windowed sinc, 12 samples wide, between each pair of samples. */
    enum { HALF = 6, PHASES = 3 };
    float kernel[PHASES][2 * HALF];
    for (int p = 0; p < PHASES; p++)
        for (int k = 0; k < 2 * HALF; k++) {
            double x = (p + 1) / 4.0 - (k - HALF + 1);
            double sinc = leit_etude_sine(x / 2) / (3.141592653589793 * x);
            double window = 0.5 + 0.5 * leit_etude_sine(x / (2 * HALF) + 0.25);
            kernel[p][k] = (float)(sinc * window);
        }
    float peak = 0;
    for (int i = 0; i < n_samples; i++) {
        if (fabsf(samples[i]) > peak) peak = fabsf(samples[i]);
        if (i < HALF - 1 || i + HALF >= n_samples) continue;
        for (int p = 0; p < PHASES; p++) {
            float sum = 0;
            for (int k = 0; k < 2 * HALF; k++) sum += kernel[p][k] * samples[i + k - HALF + 1];
            if (fabsf(sum) > peak) peak = fabsf(sum);
        }
    }
    return peak;
}

/* Recording and mastering: noise, low-pass, low cut, overdrive, loudness, fades, peak. */
static void master(struct synth *s)
{
    int n = s->n_samples;
    scale(s->samples, n, 1 / root_mean_square(s->samples, n));
    float hiss = (float)leit_etude_gain(s->ensemble->noise_db);
    double cut = s->ensemble->tilt_hz / s->rate_hz;
    float pass = (float)(cut < 0.4 ? 1 - leit_etude_exp2(-9.06 * cut) : 1), held = 0;
    float slow = (float)(6.283185307 * LOW_CUT_HZ / s->rate_hz), mean = 0;
    /* x / (1 + drive |x|) bends the peaks; a rough piece is driven harder. */
    float drive = (float)(0.06 + 0.5 * s->cues->roughness * s->cues->roughness);
    for (int i = 0; i < n; i++) {
        held += pass * (s->samples[i] + hiss * white(s) - held);
        mean += slow * (held - mean);
        float value = held - mean;
        s->samples[i] = value / (1 + drive * fabsf(value));
    }
    int fade = s->rate_hz / 100, end = s->rate_hz / 8;
    for (int i = 0; i < fade && i < n; i++) s->samples[i] *= (float)i / (float)fade;
    for (int i = 0; i < end && i < n; i++) s->samples[n - 1 - i] *= (float)i / (float)end;
    double level = leit_etude_gain(s->cues->loudness_db) / root_mean_square(s->samples, n);
    double peak = (double)leit_etude_true_peak(s->samples, n), highest = leit_etude_gain(PEAK_DB);
    scale(s->samples, n, level * peak > highest ? highest / peak : level);
}

leit_status leit_etude_render(const struct leit_etude_score *score,
                              const struct leit_etude_cues *cues,
                              const struct leit_etude_ensemble *ensemble, int sample_rate_hz,
                              leit_rng *rng, float *samples, int n_samples)
{
    struct synth s = {.cues = cues,
                      .ensemble = ensemble,
                      .lead = ensemble->lead[leit_rng_below(rng, 2)],
                      .rate_hz = sample_rate_hz,
                      .turns_per_hz = 4294967296.0 / sample_rate_hz,
                      .noise = leit_rng_next(rng) | 1,
                      .samples = samples,
                      .n_samples = n_samples};
    leit_status status = LEIT_OK;
    LEIT_TRY_GOTO(LEIT_ALLOC(s.sine, SINE_SIZE), done);
    LEIT_TRY_GOTO(LEIT_ALLOC(s.wave, 2 * (WAVE_SIZE + 1)), done);
    LEIT_TRY_GOTO(LEIT_ALLOC(s.string, MAX_STRING), done);
    for (int i = 0; i < SINE_SIZE; i++) s.sine[i] = (float)leit_etude_sine((double)i / SINE_SIZE);
    for (size_t i = 0; i < score->count; i++) play(&s, &score->notes[i]);
    LEIT_TRY_GOTO(add_room(&s), done);
    master(&s);
done:
    leit_free(s.sine);
    leit_free(s.wave);
    leit_free(s.string);
    return status;
}
