#include "train/shards.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"

/* ---- how plans reach the other ranks ---- */

static void set_offsets(leit_shards *shards, size_t bytes)
{
    for (int r = 0; r <= leit_dist_size(shards->dist); r++)
        shards->offsets[r] = (size_t)r * (size_t)shards->n * bytes;
}

static leit_status gather(void *context, const float *const *parts, int n, int64_t count,
                          float *all)
{
    leit_shards *shards = context;
    const size_t bytes = (size_t)count * sizeof *all;
    float *own = all + leit_dist_rank(shards->dist) * n * count;
    for (int p = 0; p < n; p++) memcpy(own + p * count, parts[p], bytes);
    set_offsets(shards, bytes);
    return leit_dist_gather(shards->dist, all, shards->offsets);
}

/* The ranks' sums of a bucket run beside the rest of the backward. */
static leit_status complete(void *context, int64_t begin, int64_t end)
{
    leit_shards *shards = context;
    const leit_device_sums *sums = &shards->sums;
    const float *own = leit_plan_shard_gradients_on_device(shards->plans[0]);
    float *sum_of_all = shards->parameters->gradient.device;
    void *side = NULL;
    if (!shards->is_last) return LEIT_OK; /* the next batch adds to them */
    LEIT_TRY(sums->table->fork(sums->nccl, NULL, &side));
    return sums->table->sum(sums->nccl, own + begin, sum_of_all + begin, end - begin, side);
}

static leit_status sum(void *context, float *const *parts, int n, int64_t count, float *total)
{
    const leit_shards *shards = context;
    return leit_dist_sum(shards->dist, parts, n, count, total);
}

/* ---- life ---- */

static leit_status allocate(leit_shards *shards)
{
    LEIT_TRY(LEIT_ALLOC(shards->steps, shards->n));
    LEIT_TRY(LEIT_ALLOC(shards->plans, shards->n));
    LEIT_TRY(LEIT_ALLOC(shards->scale, shards->n));
    LEIT_TRY(LEIT_ALLOC(shards->parts, shards->n));
    LEIT_TRY(LEIT_ALLOC(shards->losses, shards->n_shards));
    return LEIT_ALLOC(shards->offsets, leit_dist_size(shards->dist) + 1);
}

leit_status leit_shards_create(leit_dist *dist, leit_device_sums sums,
                               const leit_strategy *strategy, const leit_phase *phase,
                               const leit_space *space, const leit_dataset *data,
                               const leit_music_front *front, const leit_plan_options *options,
                               leit_parameters *parameters, leit_shards *shards)
{
    const int n_shards = space->recipe->run.shards, n_ranks = leit_dist_size(dist);
    LEIT_FAIL_IF(n_shards % n_ranks != 0, LEIT_USAGE,
                 "run.shards is %d, and there are %d ranks: set run.shards to a multiple of them",
                 n_shards, n_ranks);
    *shards = (leit_shards){.dist = dist,
                            .sums = sums,
                            .parameters = parameters,
                            .n_shards = n_shards,
                            .n = n_shards / n_ranks};
    leit_status status = allocate(shards);
    leit_plan_options own = *options;
    own.n_shards = n_shards;
    own.sync_batchnorm = space->recipe->train.sync_batchnorm;
    if (sums.nccl != NULL) own.bucket_bytes = sums.table->bucket_bytes;
    for (int p = 0; status == LEIT_OK && p < shards->n; p++) {
        own.shard = leit_dist_rank(dist) * shards->n + p;
        status = leit_step_create(strategy, phase, space, data, front, &own, parameters,
                                  &shards->steps[p]);
        shards->plans[p] = shards->steps[p].plan;
    }
    if (status != LEIT_OK) leit_shards_clear(shards);
    return status;
}

leit_status leit_shards_finish(leit_shards *shards)
{
    for (int p = 0; p < shards->n; p++) LEIT_TRY(leit_plan_finish(shards->plans[p]));
    return LEIT_OK;
}

void leit_shards_clear(leit_shards *shards)
{
    for (int p = 0; shards->steps != NULL && p < shards->n; p++) leit_step_clear(&shards->steps[p]);
    leit_free(shards->steps);
    leit_free(shards->plans);
    leit_free(shards->scale);
    leit_free(shards->parts);
    leit_free(shards->losses);
    leit_free(shards->offsets);
    *shards = (leit_shards){0};
}

/* ---- a step ---- */

leit_status leit_shards_begin(leit_shards *shards)
{
    LEIT_TRY(leit_parameters_zero_gradients(shards->parameters));
    for (int p = 0; p < shards->n; p++) LEIT_TRY(leit_plan_clear_shard(shards->plans[p]));
    return LEIT_OK;
}

/* The loss of the batch, shard by shard in their order. */
static leit_status sum_losses(leit_shards *shards, const leit_batch *batch, double *loss)
{
    const int first = leit_dist_rank(shards->dist) * shards->n;
    for (int p = 0; p < shards->n; p++)
        shards->losses[first + p] =
            leit_step_share(&shards->steps[p], batch) * leit_plan_loss_value(shards->plans[p]);
    set_offsets(shards, sizeof *shards->losses);
    LEIT_TRY(leit_dist_gather(shards->dist, shards->losses, shards->offsets));
    *loss = 0.0;
    for (int v = 0; v < shards->n_shards; v++) *loss += shards->losses[v];
    return LEIT_OK;
}

/* Every shard moved the running statistics by its own rows: their mean, weighed by rows, is what
 * moves on. */
static leit_status sum_statistics(leit_shards *shards, const leit_batch *batch)
{
    int64_t count = 0;
    if (shards->n_shards == 1) return LEIT_OK;
    for (int p = 0; p < shards->n; p++) {
        const float share = (float)leit_step_share(&shards->steps[p], batch);
        LEIT_TRY(leit_plan_shard_statistics(shards->plans[p], &shards->parts[p], &count));
        for (int64_t i = 0; i < count; i++) shards->parts[p][i] *= share;
    }
    LEIT_TRY(leit_dist_sum(shards->dist, shards->parts, shards->n, count, shards->parts[0]));
    return leit_plan_store_statistics(shards->plans[0]);
}

leit_status leit_shards_batch(leit_shards *shards, const leit_dataset *data,
                              const leit_batch *batch, float scale, bool is_last, double *loss)
{
    const leit_exchange exchange = {.context = shards,
                                    .gather = gather,
                                    .sum = sum,
                                    .complete = shards->sums.nccl == NULL ? NULL : complete};
    shards->is_last = is_last;
    for (int p = 0; p < shards->n; p++) {
        LEIT_TRY(leit_step_fill(&shards->steps[p], data, batch));
        LEIT_TRY(leit_plan_load_statistics(shards->plans[p]));
        shards->scale[p] = scale * (float)leit_step_share(&shards->steps[p], batch);
    }
    LEIT_TRY(leit_plan_forward_shards(shards->plans, shards->n, &exchange));
    LEIT_TRY(sum_losses(shards, batch, loss));
    LEIT_TRY(sum_statistics(shards, batch));
    if (!isfinite(*loss)) return LEIT_OK;
    return leit_plan_backward_shards(shards->plans, shards->n, shards->scale, &exchange);
}

/* A wait of the program's own, so that a lost rank has a deadline. */
static leit_status end_device_sums(const leit_device_sums *sums)
{
    LEIT_TRY(sums->table->join(sums->nccl, NULL));
    return sums->table->wait(sums->nccl, NULL);
}

leit_status leit_shards_end(leit_shards *shards)
{
    int64_t count = 0;
    const leit_mirror *gradient = &shards->parameters->gradient;
    if (shards->n_shards == 1) return LEIT_OK;
    if (shards->sums.nccl != NULL) return end_device_sums(&shards->sums);
    for (int p = 0; p < shards->n; p++)
        LEIT_TRY(leit_plan_shard_gradients(shards->plans[p], &shards->parts[p], &count));
    LEIT_TRY(leit_dist_sum(shards->dist, shards->parts, shards->n, count, gradient->host));
    return leit_mirror_upload(gradient);
}
