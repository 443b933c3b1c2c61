/* The learning rate of a step. */
#ifndef LEIT_TRAIN_SCHEDULE_H
#define LEIT_TRAIN_SCHEDULE_H

#include <stdint.h>

#include "recipe/recipe.h"

/* Step t counts from 1 to n_steps. The rate rises linearly over warmup_steps, then stays, or falls
 * to 0 linearly or along half a cosine. */
float leit_schedule_rate(const struct leit_recipe_train *train, int64_t t, int64_t n_steps);

#endif
