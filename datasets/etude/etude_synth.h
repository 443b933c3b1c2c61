/* From a score to samples: instruments, a room, and levels. Mono, -1 to 1. */
#ifndef LEIT_DATASETS_ETUDE_SYNTH_H
#define LEIT_DATASETS_ETUDE_SYNTH_H

#include "datasets/etude/etude_compose.h"

enum leit_etude_timbre {
    LEIT_ETUDE_STRINGS,
    LEIT_ETUDE_FLUTE,
    LEIT_ETUDE_CLARINET,
    LEIT_ETUDE_BRASS,
    LEIT_ETUDE_ORGAN,
    LEIT_ETUDE_EPIANO,
    LEIT_ETUDE_BELL,
    LEIT_ETUDE_PLUCK
};

/* Who plays, and where: drawn without regard to the mood. */
struct leit_etude_ensemble {
    const char *name;
    enum leit_etude_timbre lead[2]; /* one of them plays a piece */
    enum leit_etude_timbre chord, bass;
    double room;     /* share of reverberation, 0 to 0.5 */
    double tilt_hz;  /* the recording's low-pass */
    double noise_db; /* the recording's noise, relative to the music */
    double tuning;   /* semitones away from 440 Hz */
};

/* Renders a score into samples (S), which must be zeroed, and brings it to its loudness: root mean
 * square as the cue says where that leaves the true peak below -1.6 dBFS, else as loud as that
 * allows. LEIT_INTERNAL when memory is short. */
leit_status leit_etude_render(const struct leit_etude_score *score,
                              const struct leit_etude_cues *cues,
                              const struct leit_etude_ensemble *ensemble, int sample_rate_hz,
                              leit_rng *rng, float *samples, int n_samples);

/* The largest size of the signal between its samples as well, from 4-fold oversampling. */
float leit_etude_true_peak(const float *samples, int n_samples);

#endif
