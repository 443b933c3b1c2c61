/* What a strategy is: a small table over the shared training loop. Reading the files of this folder
 * that carry the six names is reading section 3 of the paper.
 *
 * A strategy says how a tower ends (head), which phases train it, and how music is ranked for a
 * text. The loop does not know which strategy it runs; a strategy knows neither files nor devices.
 * To add one: one file here, one line in LEIT_STRATEGY_LIST, one recipe, one golden loss list.
 */
#ifndef LEIT_STRATEGY_STRATEGY_H
#define LEIT_STRATEGY_STRATEGY_H

#include "corpus/sampler.h"
#include "plan/plan.h"
#include "recipe/recipe.h"

/* What a strategy may ask about the data it is built for. */
typedef struct leit_space {
    const leit_recipe *recipe;
    int64_t n_text_labels, n_music_labels; /* K of each taxonomy */
    int64_t vocabulary_size;               /* V */
    int64_t vector_width;                  /* E_w; 0 without a tag corpus */
} leit_space;

/* What validation looks at to choose the best epoch. */
typedef enum leit_monitor {
    LEIT_MONITOR_ACCURACY,  /* higher is better; of the tower that the phase trains */
    LEIT_MONITOR_R2,        /* higher */
    LEIT_MONITOR_LOSS,      /* mean squared error; lower */
    LEIT_MONITOR_PRECISION, /* P@5 under the valence-arousal mapping; higher */
    LEIT_MONITOR_ROC_AUC    /* higher */
} leit_monitor;

typedef enum leit_match_rule {
    LEIT_RULE_SAME_MOOD,  /* likelihood of the text's mood, by name in the music taxonomy */
    LEIT_RULE_MUSIC_MOOD, /* likelihood of the music mood that the text tower answers with */
    LEIT_RULE_EUCLIDEAN,  /* nearest first */
    LEIT_RULE_COSINE,     /* most similar first */
    LEIT_RULE_NONE        /* tagging: nothing to rank */
} leit_match_rule;

/* Rules that answer with likelihoods have moods; those that answer in a space have places, see
 * places.h; tagging has neither. The name is that of files and messages: "same_mood". */
bool leit_rule_has_moods(leit_match_rule rule);
bool leit_rule_has_places(leit_match_rule rule);
const char *leit_rule_name(leit_match_rule rule);

struct leit_step;

typedef struct leit_phase {
    const char *name; /* "text", "music" or "joint": in logs, metrics and checkpoints */
    leit_sampling sampling;
    leit_monitor monitor;
    bool trains_text, trains_music;
    void (*build)(struct leit_step *step); /* emits the towers and losses of a training step */
} leit_phase;

/* The parameters a phase trains, as prefixes of their names; NULL-terminated. */
const char *const *leit_phase_prefixes(const leit_phase *phase);

typedef struct leit_strategy {
    enum leit_strategy_id id;
    const char *paper; /* section */
    leit_match_rule rule;
    /* encoded (N, D) -> the answer of the tower (N, width): embeddings or logits. */
    leit_value (*head)(leit_plan *plan, const leit_space *space, enum leit_modality modality,
                       leit_value encoded);
    int n_phases;
    leit_phase phases[2];
} leit_strategy;

extern const leit_strategy leit_classification, leit_multihead, leit_va_regression,
    leit_w2v_regression, leit_metric2, leit_metric3, leit_tagging;

/* The strategy of this name in the recipe's list; never NULL. */
const leit_strategy *leit_strategy_find(enum leit_strategy_id id);

#endif
