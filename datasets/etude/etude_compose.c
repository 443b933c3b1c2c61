/* Time is a grid of four slots a beat. A phrase has four bars over a chord progression; its melody
 * is a motif (rhythm and steps of one bar), the motif again, another, and the first once more: what
 * makes a listener hear a tune in random numbers is that they come back.
 *
 * Key, metre, progression, accompaniment and form are drawn without regard to the mood.
 */
#include "datasets/etude/etude_compose.h"

#include <stdbool.h>

#include "core/memory.h"
#include "datasets/etude/etude_maths.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { SLOTS_PER_BEAT = 4, MAX_SLOTS = 4 * SLOTS_PER_BEAT, PHRASE_BARS = 4, N_MOTIVES = 3 };

struct scale {
    int n_degrees, semitones[8];
};
static const struct scale MAJOR[] = {
    {7, {0, 2, 4, 5, 7, 9, 11}}, {7, {0, 2, 4, 5, 7, 9, 10}}, {7, {0, 2, 4, 6, 7, 9, 11}}};
static const struct scale MINOR[] = {
    {7, {0, 2, 3, 5, 7, 8, 10}}, {7, {0, 2, 3, 5, 7, 8, 11}}, {7, {0, 2, 3, 5, 7, 9, 10}}};
static const struct scale DARK[] = {
    {7, {0, 1, 3, 5, 7, 8, 10}}, {8, {0, 1, 3, 4, 6, 7, 9, 10}}, {7, {0, 2, 3, 5, 7, 8, 11}}};

static const int PROGRESSIONS[][PHRASE_BARS] = {{0, 4, 5, 3}, {0, 3, 4, 0}, {0, 5, 3, 4},
                                                {0, 3, 0, 4}, {0, 5, 2, 6}, {0, 1, 4, 0}};
enum { N_PROGRESSIONS = sizeof PROGRESSIONS / sizeof *PROGRESSIONS };

enum accompaniment { BLOCK, ARPEGGIO, OFFBEAT, PULSE, N_ACCOMPANIMENTS };

struct motif {
    bool onset[MAX_SLOTS];
    int step[MAX_SLOTS]; /* degrees from the note before */
};

struct composer {
    const struct leit_etude_cues *cues;
    leit_rng *rng;
    struct leit_etude_score *score;
    const struct scale *scale;
    int key; /* pitch class */
    int beats_per_bar, n_slots;
    int progression[2];
    enum accompaniment accompaniment;
    struct motif motives[N_MOTIVES];
    /* of the bar being written */
    double bar_seconds, slot_seconds; /* start of the bar, length of a slot */
    double level;                     /* of the phrase */
    int chord, degree;                /* root of the chord, last degree of the melody */
};

static bool chance(struct composer *c, double probability)
{
    return (double)leit_rng_uniform(c->rng) < probability;
}

static int below(struct composer *c, int n)
{
    return (int)leit_rng_below(c->rng, (uint32_t)n);
}

static leit_status add_note(struct composer *c, enum leit_etude_voice voice, double slot,
                            double slots, double pitch, double velocity)
{
    struct leit_etude_score *score = c->score;
    LEIT_TRY(LEIT_GROW(score->notes, score->count, score->capacity));
    double varied = 1 + 0.25 * c->cues->dynamics * leit_etude_normal(c->rng);
    score->notes[score->count++] = (struct leit_etude_note){
        .start_seconds = c->bar_seconds + slot * c->slot_seconds,
        .duration_seconds = (float)(slots * c->slot_seconds),
        .pitch = (float)pitch,
        .velocity = (float)(velocity * c->level * (varied < 0.2 ? 0.2 : varied)),
        .voice = voice};
    return LEIT_OK;
}

/* Pitch of a scale degree, octave by octave from the key note nearest below `base`. */
static double pitch_of(const struct composer *c, int degree, int base)
{
    int n = c->scale->n_degrees;
    int octave = degree >= 0 ? degree / n : -((-degree + n - 1) / n);
    return base + 12 * octave + c->scale->semitones[degree - octave * n];
}

static int base_below(const struct composer *c, int pitch)
{
    return pitch - ((pitch - c->key) % 12 + 12) % 12;
}

static void draw_motif(struct composer *c, struct motif *motif)
{
    static const double STRENGTH[SLOTS_PER_BEAT] = {1.0, 0.2, 0.6, 0.2};
    const struct leit_etude_cues *cues = c->cues;
    for (int slot = 0; slot < c->n_slots; slot++) {
        double weight = STRENGTH[slot % SLOTS_PER_BEAT];
        weight += cues->irregularity * (0.5 - weight);
        motif->onset[slot] = slot == 0 ? chance(c, 1 - 0.6 * cues->irregularity)
                                       : chance(c, cues->density * weight / 2.0);
        int size = chance(c, cues->leaps) ? 2 + below(c, 4) : below(c, 8) == 0 ? 0 : 1;
        motif->step[slot] = chance(c, 0.5) ? size : -size;
    }
}

/* The tone of the chord (root, third, fifth) nearest to a degree. */
static int nearest_chord_tone(const struct composer *c, int degree)
{
    int n = c->scale->n_degrees;
    for (int away = 0;; away++)
        for (int sign = -1; sign <= 1; sign += 2) {
            int from_root = (((degree + sign * away - c->chord) % n) + n) % n;
            if (from_root == 0 || from_root == 2 || from_root == 4) return degree + sign * away;
        }
}

static leit_status write_melody(struct composer *c, const struct motif *motif)
{
    const struct leit_etude_cues *cues = c->cues;
    int centre = (int)cues->register_pitch, base = base_below(c, centre);
    for (int slot = 0; slot < c->n_slots; slot++) {
        if (!motif->onset[slot]) continue;
        int end = slot + 1;
        while (end < c->n_slots && !motif->onset[end]) end++;
        c->degree += motif->step[slot];
        double pitch = pitch_of(c, c->degree, base);
        if (pitch > centre + 10) c->degree -= 4;
        if (pitch < centre - 10) c->degree += 4;
        if (slot % SLOTS_PER_BEAT == 0 && !chance(c, cues->dissonance))
            c->degree = nearest_chord_tone(c, c->degree);
        pitch = pitch_of(c, c->degree, base);
        if (chance(c, 0.4 * cues->dissonance)) pitch += chance(c, 0.5) ? 1 : -1;
        double accent = slot == 0 ? 1.15 : slot % SLOTS_PER_BEAT == 0 ? 1.0 : 0.85;
        if (chance(c, 0.12 * cues->dynamics)) accent *= 1.7;
        LEIT_TRY(add_note(c, LEIT_ETUDE_MELODY, slot, (end - slot) * cues->articulation, pitch,
                          0.9 * accent));
    }
    return LEIT_OK;
}

/* The chord from `slot` on for `slots`, its tones in the octave around middle C. */
static leit_status write_chord(struct composer *c, double slot, double slots, double velocity)
{
    static const int TONES[] = {0, 2, 4};
    int base = base_below(c, (int)(48 + 0.25 * (c->cues->register_pitch - 48)));
    for (int i = 0; i < 3; i++) {
        double pitch = pitch_of(c, c->chord + TONES[i], base);
        if (pitch > base + 14) pitch -= 12;
        LEIT_TRY(add_note(c, LEIT_ETUDE_CHORD, slot, slots, pitch, velocity));
        if (i > 0 && chance(c, 0.5 * c->cues->dissonance))
            LEIT_TRY(add_note(c, LEIT_ETUDE_CHORD, slot, slots, pitch + (chance(c, 0.5) ? 1 : 6),
                              0.8 * velocity));
    }
    return LEIT_OK;
}

static leit_status write_arpeggio(struct composer *c)
{
    static const int TONES[] = {0, 2, 4, 7, 4, 2};
    int base = base_below(c, 52);
    for (int slot = 0, i = 0; slot < c->n_slots; slot += 2, i++) {
        double pitch = pitch_of(c, c->chord + TONES[i % 6], base);
        if (pitch > base + 19) pitch -= 12;
        if (chance(c, 0.3 * c->cues->dissonance)) pitch += 1;
        LEIT_TRY(add_note(c, LEIT_ETUDE_CHORD, slot, 2.6 * c->cues->articulation, pitch, 0.6));
    }
    return LEIT_OK;
}

static leit_status write_accompaniment(struct composer *c)
{
    double articulation = c->cues->articulation;
    switch (c->accompaniment) {
    case ARPEGGIO: return write_arpeggio(c);
    case OFFBEAT:
        for (int slot = 2; slot < c->n_slots; slot += SLOTS_PER_BEAT)
            LEIT_TRY(write_chord(c, slot, 2 * articulation, 0.5));
        return LEIT_OK;
    case PULSE:
        for (int slot = 0; slot < c->n_slots; slot += SLOTS_PER_BEAT)
            LEIT_TRY(write_chord(c, slot, SLOTS_PER_BEAT * articulation, slot == 0 ? 0.55 : 0.42));
        return LEIT_OK;
    default: return write_chord(c, 0, c->n_slots * (0.5 + 0.5 * articulation), 0.5);
    }
}

static leit_status write_bass(struct composer *c)
{
    const struct leit_etude_cues *cues = c->cues;
    int base = base_below(c, 36 + (int)(0.2 * (cues->register_pitch - 46)));
    double root = pitch_of(c, c->chord, base);
    if (root > base + 9) root -= 12;
    int slots = cues->density > 1.5 ? SLOTS_PER_BEAT : c->n_slots;
    for (int slot = 0; slot < c->n_slots; slot += slots) {
        double pitch = slot > 0 && chance(c, 0.25) ? root + 7 : root;
        LEIT_TRY(add_note(c, LEIT_ETUDE_BASS, slot, slots * (0.3 + 0.7 * cues->articulation), pitch,
                          slot > 0 ? 0.65 : 0.8));
    }
    return LEIT_OK;
}

static leit_status write_percussion(struct composer *c)
{
    const struct leit_etude_cues *cues = c->cues;
    double level = cues->percussion;
    if (level < 0.12) return LEIT_OK;
    for (int slot = 0; slot < c->n_slots; slot++) {
        int beat = slot / SLOTS_PER_BEAT, inside = slot % SLOTS_PER_BEAT;
        bool down = inside == 0 && (beat == 0 || (c->beats_per_bar == 4 && beat == 2));
        bool back = inside == 0 && !down;
        if (chance(c, cues->irregularity * 0.12)) down = true;
        if (chance(c, cues->irregularity * 0.06)) back = true;
        if (down) LEIT_TRY(add_note(c, LEIT_ETUDE_KICK, slot, 1, 36, level));
        if (back && level > 0.25) LEIT_TRY(add_note(c, LEIT_ETUDE_SNARE, slot, 1, 38, 0.8 * level));
        if (inside % 2 == 0 || (level > 0.75 && chance(c, 0.6)))
            LEIT_TRY(add_note(c, LEIT_ETUDE_HAT, slot, 1, 42, (inside == 0 ? 0.5 : 0.35) * level));
    }
    return LEIT_OK;
}

static void start(struct composer *c)
{
    const struct leit_etude_cues *cues = c->cues;
    int which = below(c, 3);
    bool major = chance(c, cues->majorness), dark = chance(c, 1.6 * cues->dissonance);
    c->score->is_major = major;
    c->scale = major ? &MAJOR[which] : dark ? &DARK[which] : &MINOR[which];
    c->key = below(c, 12);
    c->beats_per_bar = chance(c, 0.3) ? 3 : 4;
    c->n_slots = c->beats_per_bar * SLOTS_PER_BEAT;
    c->progression[0] = below(c, N_PROGRESSIONS);
    c->progression[1] = below(c, N_PROGRESSIONS);
    c->accompaniment = (enum accompaniment)below(c, N_ACCOMPANIMENTS);
    for (int i = 0; i < N_MOTIVES; i++) draw_motif(c, &c->motives[i]);
}

leit_status leit_etude_compose(const struct leit_etude_cues *cues, double seconds, leit_rng *rng,
                               struct leit_etude_score *score)
{
    static const int FORM[2][PHRASE_BARS] = {{0, 0, 1, 0}, {2, 1, 2, 0}};
    struct composer c = {.cues = cues, .rng = rng, .score = score};
    start(&c);
    for (int bar = 0; c.bar_seconds < seconds; bar++) {
        int phrase = bar / PHRASE_BARS, inside = bar % PHRASE_BARS;
        int section = phrase % 3 == 1;
        double tempo = cues->tempo_bpm * (1 + cues->rubato * leit_etude_normal(rng));
        if (tempo < 0.5 * cues->tempo_bpm) tempo = 0.5 * cues->tempo_bpm;
        c.slot_seconds = 60 / tempo / SLOTS_PER_BEAT;
        c.chord = PROGRESSIONS[c.progression[section]][inside];
        c.level = 1 + cues->dynamics * (0.25 * (inside - 1.5) + (section ? 0.3 : 0));
        LEIT_TRY(write_melody(&c, &c.motives[FORM[section][inside]]));
        LEIT_TRY(write_accompaniment(&c));
        LEIT_TRY(write_bass(&c));
        LEIT_TRY(write_percussion(&c));
        c.bar_seconds += c.slot_seconds * c.n_slots;
    }
    return LEIT_OK;
}
