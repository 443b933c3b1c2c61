/* From cues to a score: melody from repeated motives, chords, bass and simple percussion. */
#ifndef LEIT_DATASETS_ETUDE_COMPOSE_H
#define LEIT_DATASETS_ETUDE_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/check.h"
#include "datasets/etude/etude_cues.h"

enum leit_etude_voice {
    LEIT_ETUDE_MELODY,
    LEIT_ETUDE_CHORD,
    LEIT_ETUDE_BASS,
    LEIT_ETUDE_KICK,
    LEIT_ETUDE_SNARE,
    LEIT_ETUDE_HAT
};

struct leit_etude_note {
    double start_seconds;
    float duration_seconds, pitch /* MIDI */, velocity /* about 0 to 1.5 */;
    enum leit_etude_voice voice;
};

struct leit_etude_score {
    struct leit_etude_note *notes; /* (count), freed with leit_free */
    size_t count, capacity;
    bool is_major; /* the mode */
};

/* Appends a piece of at least `seconds` to an empty score; bars that begin later are left out. */
leit_status leit_etude_compose(const struct leit_etude_cues *cues, double seconds, leit_rng *rng,
                               struct leit_etude_score *score);

#endif
