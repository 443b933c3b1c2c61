#include "datasets/etude/etude_clip_tags.h"

#include <stddef.h>

/* A tag holds at one end of a cue; what lies between has neither. The ends are set so that each tag
 * has a share of the clips large enough to be learned and the gap is wide enough to be heard. */
static const struct clip_tag {
    const char *tag;
    size_t cue; /* its offset */
    double from, to;
} TAGS[] = {
#define AT(name) offsetof(struct leit_etude_cues, name)
    /* clang-format off */
    {"slow",      AT(tempo_bpm),        0, 90},     {"fast",       AT(tempo_bpm),      120, 1e9},
    {"low",       AT(register_pitch),   0, 60},     {"high",       AT(register_pitch),  71, 1e9},
    {"soft",      AT(loudness_db),   -1e9, -22},    {"loud",       AT(loudness_db),    -17, 1e9},
    {"staccato",  AT(articulation),     0, 0.5},    {"legato",     AT(articulation),  0.85, 1e9},
    {"sparse",    AT(density),          0, 1.2},    {"busy",       AT(density),          2, 1e9},
    {"smooth",    AT(roughness),        0, 0.12},   {"rough",      AT(roughness),     0.35, 1e9},
    {"dark",      AT(brightness),       0, 0.35},   {"bright",     AT(brightness),    0.65, 1e9},
    {"percussive",AT(attack),           0, 0.15},   {"swelling",   AT(attack),        0.45, 1e9},
    {"drums",     AT(percussion),    0.45, 1e9},    {"vibrato",    AT(vibrato),        0.5, 1e9},
    {"uneven",    AT(irregularity),  0.45, 1e9},    {"dissonant",  AT(dissonance),    0.35, 1e9},
/* clang-format on */
#undef AT
};
enum { N_TAGS = sizeof TAGS / sizeof *TAGS };

static bool holds(const struct clip_tag *tag, const struct leit_etude_cues *cues)
{
    const double value = *(const double *)((const char *)cues + tag->cue);
    return value >= tag->from && value <= tag->to;
}

leit_status leit_etude_print_tags_of(const struct leit_etude_cues *cues, bool is_major,
                                     leit_buffer *text)
{
    LEIT_TRY(leit_buffer_puts(text, is_major ? "major" : "minor"));
    for (int i = 0; i < N_TAGS; i++)
        if (holds(&TAGS[i], cues)) LEIT_TRY(leit_buffer_printf(text, "|%s", TAGS[i].tag));
    return LEIT_OK;
}

leit_status leit_etude_print_tag_list(leit_buffer *text)
{
    LEIT_TRY(leit_buffer_puts(text, "major, minor"));
    for (int i = 0; i < N_TAGS; i++) LEIT_TRY(leit_buffer_printf(text, ", %s", TAGS[i].tag));
    return LEIT_OK;
}
