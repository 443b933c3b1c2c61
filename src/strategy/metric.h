/* What metric2 and metric3 share. */
#ifndef LEIT_STRATEGY_METRIC_H
#define LEIT_STRATEGY_METRIC_H

#include "strategy/step.h"

/* linear(2n)-BN-ReLU-dropout-linear(E) on either encoder. */
leit_value leit_metric_head(leit_plan *plan, const leit_space *space, enum leit_modality modality,
                            leit_value encoded);

/* The recipe's triplet settings. */
leit_plan_triplet leit_metric_settings(const leit_recipe *recipe);

/* The rows of x that `rows` names, of all shards of the step: anchors and their candidates come from
 * the whole batch. */
leit_value leit_metric_rows(leit_plan *plan, leit_value x, leit_value rows);

/* Half of the batch, of all shards of the step, where both halves are used: nothing is copied. */
leit_value leit_metric_half(leit_plan *plan, leit_value x, int half);

/* The triplets of these second halves of texts and clips. */
leit_triplet_branch leit_metric_text_music(leit_step *step, leit_value text, leit_value music);

/* Their losses alone. */
void leit_metric_text_music_loss(leit_step *step, leit_value text, leit_value music);

#endif
