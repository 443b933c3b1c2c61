/* What validation says after an epoch: one number that chooses the best epoch. */
#ifndef LEIT_TRAIN_MONITOR_H
#define LEIT_TRAIN_MONITOR_H

#include "evaluate/answers.h"

/* "accuracy", "r2", "mse", "p_at_5" or "roc_auc". */
const char *leit_monitor_name(leit_monitor monitor);

/* True when `value` is better than `best`. */
bool leit_monitor_is_better(leit_monitor monitor, double value, double best);
/* What every value is better than. */
double leit_monitor_worst(leit_monitor monitor);

/* The monitored value of a phase on the validation split, where the matcher learns its places too; the
 * same on all ranks, which share the work. Towers a phase does not train may be NULL. */
leit_status leit_monitor_run(leit_dist *dist, leit_matcher *matcher, const leit_phase *phase,
                             leit_tower *text_tower, leit_tower *music_tower,
                             const leit_dataset *data, double *value);

#endif
