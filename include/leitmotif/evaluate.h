/* Evaluation of a trained run: how well it ranks music for the texts of a split (paper section 4).
 */
#ifndef LEITMOTIF_EVALUATE_H
#define LEITMOTIF_EVALUATE_H

#include "leitmotif/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ranks all clips of the split for all its texts, under every mapping of the run's recipe, and
 * writes <run>/evaluation-<split>.json. `split` is "test" or "valid"; the corpora are those of the
 * recipe. threads 0: all processors. `text` gets a table for people, or what was written (as_json);
 * free it with leit_evaluate_text_free; it may be NULL. */
leit_status leit_evaluate(const char *run, const char *split, int threads, int as_json,
                          char **text);
void leit_evaluate_text_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
