/* A context-free grammar that tells stories.
 *
 * A rule has a name and alternatives. In an alternative
 *   <place>     is replaced by an expansion of the rule "place"
 *   <event@>    by one of "event.LABEL" of the story's label
 *   <not#>      by one of "not.LABEL" of some other label
 *   <hero>      by the hero of the story, who is drawn once; <he> <him> <his> follow
 *   ~...        a leading tilde marks a rare alternative: almost unseen in training, common in test
 * Sentences are capitalised afterwards. No alternative contains a word of the taxonomy's labels.
 */
#ifndef LEIT_DATASETS_ETUDE_GRAMMAR_H
#define LEIT_DATASETS_ETUDE_GRAMMAR_H

#include <stdbool.h>

#include "core/buffer.h"
#include "core/rng.h"

struct leit_etude_rule {
    const char *name;
    const char *const *alternatives; /* ends with NULL */
};

/* RULE("place", "at the mill", "in the forest") */
#define RULE(rule_name, ...)                                                                       \
    {                                                                                              \
        .name = (rule_name), .alternatives = (const char *const[])                                 \
        {                                                                                          \
            __VA_ARGS__, NULL                                                                      \
        }                                                                                          \
    }

/* The rules of one style of story; each list ends with a rule without a name. */
struct leit_etude_grammar {
    const struct leit_etude_rule *rules;
    const char *const *labels;
    int n_labels;
    const int *neighbours; /* for each label the one it is most easily taken for */
};

extern const struct leit_etude_grammar leit_etude_grammar_alm;   /* fairy tales */
extern const struct leit_etude_grammar leit_etude_grammar_isear; /* first-person reports */

/* Words beside those of the rules that the vocabulary shall know, separated by spaces. */
extern const char *const leit_etude_plain_words[]; /* ends with NULL */

struct leit_etude_telling {
    int label;
    bool unseen;    /* rare alternatives are as likely as the others: valid and test */
    bool ambiguous; /* half of the cues belong to the neighbouring label */
};

/* Appends one story. LEIT_INTERNAL when the grammar names a rule that it lacks. */
leit_status leit_etude_tell(const struct leit_etude_grammar *grammar,
                            const struct leit_etude_telling *telling, leit_rng *rng,
                            leit_buffer *story);

/* Calls `visit` with every run of letters in the terminals of the grammar, in lower case. */
leit_status leit_etude_visit_words(const struct leit_etude_grammar *grammar,
                                   leit_status (*visit)(void *context, const char *word),
                                   void *context);
/* The same for the words of one text. */
leit_status leit_etude_split_words(const char *text,
                                   leit_status (*visit)(void *context, const char *word),
                                   void *context);

#endif
