#include "datasets/etude/etude_cues.h"

#include "datasets/etude/etude_maths.h"
#include "datasets/etude/etude_parts.h"

struct distribution {
    double mean, deviation;
};

/* One row a cue, one column a mood, in the order of leit_etude_moods. */
static const struct distribution CUES[LEIT_ETUDE_N_CUES][LEIT_ETUDE_N_MOODS] = {
    /* clang-format off */
    /*                                  angry         exciting      funny         happy         sad           scary         tender */
    [LEIT_ETUDE_CUE_tempo_bpm]      = {{140, 20},    {146, 18},    {122, 20},    {126, 18},    {64, 10},     {80, 20},     {82, 12}},
    [LEIT_ETUDE_CUE_majorness]      = {{0.12, 0},    {0.70, 0},    {0.85, 0},    {0.93, 0},    {0.08, 0},    {0.05, 0},    {0.90, 0}},
    [LEIT_ETUDE_CUE_register_pitch] = {{61, 5},      {69, 5},      {76, 5},      {72, 4},      {60, 4},      {53, 6},      {70, 4}},
    [LEIT_ETUDE_CUE_loudness_db]    = {{-14, 2},     {-15, 2},     {-20.5, 2},   {-16.5, 2},   {-24, 2.5},   {-21, 3},     {-25, 2.5}},
    [LEIT_ETUDE_CUE_articulation]   = {{0.65, 0.15}, {0.70, 0.15}, {0.34, 0.10}, {0.68, 0.12}, {0.98, 0.08}, {0.85, 0.22}, {0.95, 0.08}},
    [LEIT_ETUDE_CUE_density]        = {{2.1, 0.5},   {2.6, 0.5},   {1.6, 0.4},   {2.0, 0.4},   {1.0, 0.25},  {1.0, 0.5},   {1.3, 0.3}},
    [LEIT_ETUDE_CUE_leaps]          = {{0.30, 0.10}, {0.28, 0.10}, {0.46, 0.12}, {0.24, 0.10}, {0.12, 0.06}, {0.30, 0.15}, {0.14, 0.06}},
    [LEIT_ETUDE_CUE_dissonance]     = {{0.38, 0.12}, {0.14, 0.08}, {0.15, 0.08}, {0.05, 0.04}, {0.12, 0.06}, {0.55, 0.14}, {0.05, 0.04}},
    [LEIT_ETUDE_CUE_roughness]      = {{0.60, 0.20}, {0.28, 0.15}, {0.10, 0.08}, {0.08, 0.07}, {0.05, 0.05}, {0.42, 0.16}, {0.03, 0.03}},
    [LEIT_ETUDE_CUE_brightness]     = {{0.74, 0.13}, {0.74, 0.12}, {0.52, 0.13}, {0.64, 0.12}, {0.20, 0.10}, {0.34, 0.15}, {0.38, 0.11}},
    [LEIT_ETUDE_CUE_attack]         = {{0.08, 0.07}, {0.10, 0.08}, {0.10, 0.08}, {0.16, 0.08}, {0.66, 0.14}, {0.50, 0.20}, {0.45, 0.14}},
    [LEIT_ETUDE_CUE_vibrato]        = {{0.35, 0.15}, {0.20, 0.12}, {0.12, 0.10}, {0.20, 0.12}, {0.55, 0.15}, {0.60, 0.18}, {0.35, 0.15}},
    [LEIT_ETUDE_CUE_percussion]     = {{0.72, 0.18}, {0.82, 0.14}, {0.32, 0.16}, {0.55, 0.16}, {0.05, 0.08}, {0.20, 0.20}, {0.04, 0.06}},
    [LEIT_ETUDE_CUE_irregularity]   = {{0.35, 0.15}, {0.25, 0.12}, {0.50, 0.15}, {0.15, 0.10}, {0.15, 0.10}, {0.60, 0.20}, {0.10, 0.08}},
    [LEIT_ETUDE_CUE_dynamics]       = {{0.35, 0.15}, {0.35, 0.15}, {0.42, 0.15}, {0.25, 0.12}, {0.20, 0.10}, {0.65, 0.20}, {0.15, 0.08}},
    [LEIT_ETUDE_CUE_rubato]         = {{0.05, 0.03}, {0.03, 0.02}, {0.08, 0.04}, {0.03, 0.02}, {0.09, 0.04}, {0.14, 0.06}, {0.09, 0.04}},
    /* clang-format on */
};

static double draw(int cue, int mood, double mixing, double lowest, double highest, leit_rng *rng)
{
    int other = (int)leit_rng_below(rng, LEIT_ETUDE_N_MOODS);
    if ((double)leit_rng_uniform(rng) < mixing) mood = other;
    const struct distribution *from = &CUES[cue][mood];
    double value = from->mean + from->deviation * leit_etude_normal(rng);
    return value < lowest ? lowest : value > highest ? highest : value;
}

struct leit_etude_cues leit_etude_draw_cues(int mood, double mixing, leit_rng *rng)
{
    struct leit_etude_cues cues;
#define DRAW(name, lowest, highest)                                                                \
    cues.name = draw(LEIT_ETUDE_CUE_##name, mood, mixing, lowest, highest, rng);
    LEIT_ETUDE_CUE_LIST(DRAW)
#undef DRAW
    return cues;
}
