/* What a run takes from one that was there before it: its own, to go on with (run.resume), or
 * another recipe's, for a trained tower (train.reuse) or an encoder's weights. */
#ifndef LEIT_TRAIN_EARLIER_RUN_H
#define LEIT_TRAIN_EARLIER_RUN_H

#include "strategy/matcher_file.h"

/* LEIT_USAGE, naming the first key, unless this recipe made the checkpoint: going on with another
 * would be neither the old run nor the new one. Where it goes, how long, what is asked of
 * it afterwards, and what its strategy does not read may differ. */
leit_status leit_earlier_check_recipe(const leit_recipe *recipe, const leit_checkpoint *checkpoint);

/* Reads the parameters with these prefixes from a checkpoint of this run. */
leit_status leit_earlier_read(leit_matcher *matcher, const char *path, const char *const *prefixes);

/* The same from the folder of another run, which a key of the recipe names; LEIT_USAGE while that
 * run is not finished. */
leit_status leit_earlier_import(leit_matcher *matcher, const char *path, const char *key,
                                const char *const *prefixes);

/* LEIT_USAGE when train.reuse offers no tower at all or, for a phase from `first_phase` on, one
 * that is not what this recipe asks for, or none where the encoder is to stay frozen. Asked before
 * any phase is trained: the last may come hours later. */
leit_status leit_reuse_check(const leit_matcher *matcher, int first_phase);

/* Copies what train.reuse offers for a phase; *taken says whether it did. */
leit_status leit_reuse_take(leit_matcher *matcher, const leit_phase *phase, bool *taken);

#endif
