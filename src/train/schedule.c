#include "train/schedule.h"

#include <math.h>

float leit_schedule_rate(const struct leit_recipe_train *train, int64_t t, int64_t n_steps)
{
    const double peak = train->learning_rate;
    const int64_t warmup = train->warmup_steps;
    if (t <= warmup) return (float)(peak * (double)t / (double)warmup);
    const int64_t left = n_steps - warmup;
    const double done = left <= 0 ? 1.0 : (double)(t - warmup - 1) / (double)left;
    switch (train->schedule) {
    case LEIT_SCHEDULE_LINEAR: return (float)(peak * (1.0 - done));
    case LEIT_SCHEDULE_COSINE:
        return (float)(peak * 0.5 * (1.0 + cos(3.14159265358979323846 * done)));
    case LEIT_SCHEDULE_CONSTANT: break;
    }
    return (float)peak;
}
