#include "train/device_sums.h"

#include "core/log.h"

/* Whether all ranks can; one that cannot has left its sentence. */
static leit_status agree(leit_dist *dist, leit_status own, bool *all_can)
{
    uint32_t any = 0;
    *all_can = false;
    if (own == LEIT_RANK) return own;
    if (own != LEIT_OK)
        leit_log(LEIT_LOG_WARNING, "rank %d: gradients go through the program's memory: %s",
                 leit_dist_rank(dist), leit_error_message());
    LEIT_TRY(leit_dist_agree(dist, own != LEIT_OK, &any));
    *all_can = any == 0;
    return LEIT_OK;
}

static leit_status check(const leit_nccl_table *table, int n_ranks,
                         const struct leit_recipe_run *run)
{
    LEIT_FAIL_IF(table == NULL, LEIT_DEVICE, "NCCL sums on GPUs, and this rank has none");
    LEIT_FAIL_IF(run->shards != n_ranks, LEIT_DEVICE,
                 "NCCL sums one shard of each rank, and there are %d in all for %d ranks: set "
                 "run.shards=%d for it",
                 run->shards, n_ranks, n_ranks);
    return LEIT_OK;
}

leit_status leit_device_sums_open(const leit_nccl_table *table, leit_dist *dist,
                                  const struct leit_recipe_run *run, leit_device_sums *sums)
{
    const int rank = leit_dist_rank(dist), size = leit_dist_size(dist);
    unsigned char id[LEIT_NCCL_ID_BYTES] = {0};
    uint32_t any_gpu = 0;
    bool all_can = false;
    *sums = (leit_device_sums){0};
    if (size == 1 || run->deterministic) return LEIT_OK;
    LEIT_TRY(leit_dist_agree(dist, table != NULL, &any_gpu));
    if (any_gpu == 0) return LEIT_OK;
    leit_status own = check(table, size, run);
    if (own == LEIT_OK && rank == 0) own = table->make_id(id);
    LEIT_TRY(agree(dist, own, &all_can));
    if (!all_can) return LEIT_OK;
    LEIT_TRY(leit_dist_broadcast(dist, 0, id, sizeof id));
    sums->table = table;
    own = table->open(id, rank, size, (int64_t)run->rank_deadline_seconds * 1000, &sums->nccl);
    const leit_status status = agree(dist, own, &all_can);
    if (!all_can) leit_device_sums_close(sums);
    return status;
}

void leit_device_sums_close(leit_device_sums *sums)
{
    if (sums->nccl != NULL) sums->table->close(sums->nccl);
    *sums = (leit_device_sums){0};
}
