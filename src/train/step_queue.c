#include "train/step_queue.h"

#include <math.h>

static bool is_whole(const leit_step_queue *queue)
{
    return queue->shards->n_shards == 1;
}

/* Whether steps are looked at later than they are queued. */
static bool is_late(const leit_step_queue *queue)
{
    return !queue->backend->memory.is_host && is_whole(queue) && queue->accumulate == 1;
}

/* ---- a batch ---- */

struct part {
    leit_step_queue *queue;
    bool is_first, is_last;
};

/* What is the same for every such batch of a whole plan. */
static leit_status run_part(void *context)
{
    const struct part *part = context;
    leit_step_queue *queue = part->queue;
    if (queue->source != NULL) LEIT_TRY(leit_batch_source_enqueue(queue->source));
    if (part->is_first) LEIT_TRY(leit_shards_begin(queue->shards));
    LEIT_TRY(leit_optimizer_fetch(queue->optimizer, queue->shards->plans[0]));
    LEIT_TRY(leit_plan_enqueue(queue->shards->plans[0]));
    return part->is_last ? leit_optimizer_enqueue(queue->optimizer) : LEIT_OK;
}

static float scale_of(const leit_step_queue *queue)
{
    return 1.0f / (float)queue->accumulate;
}

/* What stays on the device as it is while batches are drawn there, the next of which is `batch`. */
static leit_status begin_drawing(leit_step_queue *queue, int64_t batch)
{
    leit_step_fill_constants(&queue->shards->steps[0], queue->data);
    LEIT_TRY(leit_plan_begin(queue->shards->plans[0], scale_of(queue)));
    queue->is_drawing = true;
    return leit_batch_source_seek(queue->source, batch);
}

static leit_status fill(leit_step_queue *queue, int64_t number, int part)
{
    const int64_t number_of_batch = (number - 1) * queue->accumulate + part;
    const leit_batch *batch = NULL;
    if (queue->source != NULL) {
        if (!queue->is_drawing) LEIT_TRY(begin_drawing(queue, number_of_batch));
        return leit_batch_source_prepare(queue->source, number_of_batch);
    }
    LEIT_TRY(leit_sampler_batch(queue->sampler, number_of_batch, &batch));
    LEIT_TRY(leit_step_fill(&queue->shards->steps[0], queue->data, batch));
    return leit_plan_begin(queue->shards->plans[0], scale_of(queue));
}

static leit_status run_whole(leit_step_queue *queue, leit_queued_step *step)
{
    leit_plan *plan = queue->shards->plans[0];
    for (int i = 0; i < queue->accumulate; i++) {
        struct part part = {queue, i == 0, i + 1 == queue->accumulate};
        LEIT_TRY(fill(queue, step->number, i));
        LEIT_TRY(leit_recorded_run(&queue->recorded[part.is_first][part.is_last], queue->backend,
                                   run_part, &part));
        if (is_late(queue)) continue;
        LEIT_TRY(leit_mirror_download(leit_plan_results(plan)));
        step->loss += leit_plan_loss_value(plan) / queue->accumulate;
        if (!isfinite(step->loss)) return LEIT_OK; /* with this batch in the plan */
    }
    return LEIT_OK;
}

static leit_status run_shards(leit_step_queue *queue, leit_queued_step *step)
{
    LEIT_TRY(leit_shards_begin(queue->shards));
    for (int i = 0; i < queue->accumulate; i++) {
        const leit_batch *batch = NULL;
        double loss = 0.0;
        LEIT_TRY(
            leit_sampler_batch(queue->sampler, (step->number - 1) * queue->accumulate + i, &batch));
        LEIT_TRY(leit_shards_batch(queue->shards, queue->data, batch, scale_of(queue),
                                   i + 1 == queue->accumulate, &loss));
        step->loss += loss / queue->accumulate;
        if (!isfinite(step->loss)) return LEIT_OK;
    }
    LEIT_TRY(leit_shards_end(queue->shards));
    return leit_optimizer_enqueue(queue->optimizer);
}

/* ---- the queue ---- */

leit_status leit_step_queue_push(leit_step_queue *queue, int64_t number, float learning_rate)
{
    LEIT_FAIL_IF(queue->n == LEIT_STEPS_AHEAD, LEIT_INTERNAL, "the queue is full");
    leit_queued_step *step = &queue->steps[(queue->first + queue->n) % LEIT_STEPS_AHEAD];
    step->number = number;
    step->learning_rate = learning_rate;
    step->loss = 0.0;
    leit_range_begin(queue->backend, "step");
    const leit_status status = is_whole(queue) ? run_whole(queue, step) : run_shards(queue, step);
    leit_range_end(queue->backend);
    LEIT_TRY(status);
    queue->n++;
    if (!is_late(queue)) return leit_mirror_download(leit_optimizer_results(queue->optimizer));
    LEIT_TRY(
        leit_mirror_fetch_begin(leit_plan_results(queue->shards->plans[0]), &step->plan_results));
    return leit_mirror_fetch_begin(leit_optimizer_results(queue->optimizer),
                                   &step->optimizer_results);
}

leit_status leit_step_queue_pop(leit_step_queue *queue, bool all, const leit_queued_step **result)
{
    *result = NULL;
    if (queue->n == 0 || (!all && is_late(queue) && queue->n < LEIT_STEPS_AHEAD)) return LEIT_OK;
    leit_queued_step *step = &queue->steps[queue->first];
    const leit_mirror *optimizer_results = leit_optimizer_results(queue->optimizer);
    queue->first = (queue->first + 1) % LEIT_STEPS_AHEAD;
    queue->n--;
    if (is_late(queue)) {
        leit_plan *plan = queue->shards->plans[0];
        LEIT_TRY(leit_mirror_fetch_end(leit_plan_results(plan), step->plan_results));
        LEIT_TRY(leit_mirror_fetch_end(optimizer_results, step->optimizer_results));
        step->loss = leit_plan_loss_value(plan);
    }
    step->norm = ((const leit_optimizer_result *)optimizer_results->host)->norm;
    *result = step;
    return LEIT_OK;
}

/* The steps queued behind a bad one have changed nothing that is learnt: it can be run again. */
leit_status leit_step_queue_find_nonfinite(leit_step_queue *queue, int64_t number,
                                           const char **name)
{
    struct part part = {queue, true, false};
    *name = "";
    if (is_late(queue)) {
        queue->is_drawing = false; /* the source is some batches ahead */
        LEIT_TRY(fill(queue, number, 0));
        LEIT_TRY(run_part(&part));
    }
    for (int p = 0; p < queue->shards->n && *name[0] == '\0'; p++)
        LEIT_TRY(leit_plan_find_nonfinite(queue->shards->plans[p], name));
    return LEIT_OK;
}

void leit_step_queue_clear(leit_step_queue *queue)
{
    for (int i = 0; i < 4; i++) leit_recorded_clear(&queue->recorded[i / 2][i % 2], queue->backend);
    for (int i = 0; i < LEIT_STEPS_AHEAD; i++) {
        queue->backend->memory.fetch_free(queue->steps[i].plan_results);
        queue->backend->memory.fetch_free(queue->steps[i].optimizer_results);
    }
}
