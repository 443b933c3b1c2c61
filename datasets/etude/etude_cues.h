/* The cues by which music expresses a mood, as music psychology reports them, and how they are
 * drawn. datasets/etude/README.md has the table with its sources. */
#ifndef LEIT_DATASETS_ETUDE_CUES_H
#define LEIT_DATASETS_ETUDE_CUES_H

#include "core/rng.h"

/* X(name, lowest, highest): the cues and the range in which each is kept. */
#define LEIT_ETUDE_CUE_LIST(X)                                                                     \
    X(tempo_bpm, 46, 190)                                                                          \
    X(majorness, 0, 1)        /* the chance of a major mode */                                     \
    X(register_pitch, 46, 86) /* centre of the melody, MIDI */                                     \
    X(loudness_db, -32, -11)  /* root mean square of the whole piece, dBFS */                      \
    X(articulation, 0.2, 1.1) /* sounding part of a note: staccato to legato */                    \
    X(density, 0.5, 3.5)      /* notes of the melody per beat */                                   \
    X(leaps, 0, 0.8)          /* the chance that the melody leaps */                               \
    X(dissonance, 0, 0.9)     /* foreign notes in melody and chords */                             \
    X(roughness, 0, 1)        /* amplitude beating at 30 to 70 Hz and overdrive */                 \
    X(brightness, 0, 1)       /* flat or steep spectrum */                                         \
    X(attack, 0, 1)           /* sharp to slow */                                                  \
    X(vibrato, 0, 1)                                                                               \
    X(percussion, 0, 1)                                                                            \
    X(irregularity, 0, 1) /* even or uneven rhythm */                                              \
    X(dynamics, 0, 1)     /* change of loudness inside the piece, accents */                       \
    X(rubato, 0, 0.3)     /* change of tempo from bar to bar */

enum leit_etude_cue {
#define LEIT_ETUDE_CUE_ENUM(name, lowest, highest) LEIT_ETUDE_CUE_##name,
    LEIT_ETUDE_CUE_LIST(LEIT_ETUDE_CUE_ENUM)
#undef LEIT_ETUDE_CUE_ENUM
        LEIT_ETUDE_N_CUES
};

struct leit_etude_cues {
#define LEIT_ETUDE_CUE_FIELD(name, lowest, highest) double name;
    LEIT_ETUDE_CUE_LIST(LEIT_ETUDE_CUE_FIELD)
#undef LEIT_ETUDE_CUE_FIELD
};

/* Draws the cues of one piece of a mood (its place in leit_etude_moods). `mixing` is the chance
 * that a cue is taken from another mood's distribution: real music is not of one piece either. */
struct leit_etude_cues leit_etude_draw_cues(int mood, double mixing, leit_rng *rng);

#endif
