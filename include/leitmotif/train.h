/* Training: one recipe, one run folder.
 *
 * A run folder holds recipe.yaml (resolved), metrics.jsonl (one object per line),
 * TensorBoard events under events/, and checkpoints/: `best` when training is complete, `latest` to
 * go on from. Running the same recipe again goes on bit for bit, in the middle of an epoch too
 * (run.resume: auto), or says that it is complete.
 */
#ifndef LEITMOTIF_TRAIN_H
#define LEITMOTIF_TRAIN_H

#include <stdint.h>

#include "leitmotif/recipe.h"
#include "leitmotif/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leit_train_summary {
    int64_t n_steps;     /* of this call, over all phases */
    double seconds;      /* of this call */
    double last_loss;    /* of the last step */
    double best_value;   /* of the last phase's monitor */
    const char *monitor; /* "accuracy", "r2", "mse", "p_at_5", "roc_auc" */
    int was_complete;    /* 1 when there was nothing left to do */
    int rank;            /* of this process; the first, 0, speaks for all */
} leit_train_summary;

/* Trains every tower the recipe's strategy needs, together with the other ranks that mpirun, srun or torchrun
 * has started (docs/cluster.md). LEIT_RANK names a rank that did not come within
 * run.rank_deadline_seconds. LEIT_AGAIN when it was asked to stop: everything
 * is saved, the same call goes on. LEIT_NUMERICAL names the step and tensor of the first value that
 * is not finite; checkpoints stay as they were. summary may be NULL. */
leit_status leit_train(const leit_recipe *recipe, leit_train_summary *summary);

/* What training will take where run.device says, before anything is taken; a GPU's table needs the plugin
 * and no GPU: parameters, gradients, moments, and for each
 * phase its inputs, activations and workspace, as a table or as JSON. Where a corpus of the recipe
 * is not there yet, the paper's sizes stand in for it and the text says so. Free it with
 * leit_train_text_free. */
leit_status leit_train_plan(const leit_recipe *recipe, int as_json, char **text);
void leit_train_text_free(char *text);

/* Asks all running work to return LEIT_AGAIN: leit_train saves after the step it is in (a
 * validation is finished first), leit_index_build saves what it has, leit_evaluate, leit_compare
 * and leit_match have written nothing. May be called from a signal handler. */
void leit_request_stop(void);

#ifdef __cplusplus
}
#endif

#endif
