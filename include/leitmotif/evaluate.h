/* Evaluation of a trained run: how well it ranks music for the texts of a split (paper section 4).
 */
#ifndef LEITMOTIF_EVALUATE_H
#define LEITMOTIF_EVALUATE_H

#include <stddef.h>

#include "leitmotif/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leit_evaluate_options {
    const char *run;   /* folder */
    const char *split; /* "test" or "valid"; NULL: test */
    int threads;       /* 0: all processors */
    int as_json;       /* the text is what was written */
    /* For the run's recipe: evaluate.*, data.text, data.text_split, data.music, data.tags,
     * data.eval_crops. */
    size_t n_overrides;
    const char *const *overrides;
} leit_evaluate_options;

/* Ranks all clips of the split for all its texts, under every mapping of the run's recipe, and
 * writes <run>/evaluation-<split>.json. `text` gets a table for people, or JSON; free it with
 * leit_evaluate_text_free; it may be NULL. The ranks that a launcher has started share the work; the
 * first alone writes, and has a text. LEIT_AGAIN, with nothing written, when it was asked to
 * stop. */
leit_status leit_evaluate(const leit_evaluate_options *options, char **text);
void leit_evaluate_text_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
