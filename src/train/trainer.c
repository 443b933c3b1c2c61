/* The one training loop. It runs the phases of whatever strategy the recipe names and knows nothing
 * of their losses.
 *
 * State that a checkpoint keeps: parameters, moments, the phase, the step in it, the best value so
 * far. Batches, crops, dropout and negatives are functions of (seed, step), so nothing else is
 * needed to go on bit for bit. The best parameters of a phase lie in a checkpoint of their own,
 * best-<phase>; when the last phase is done they are joined in `best`.
 *
 * Every rank runs the whole loop, with its shards of each step, and is where the others are: what
 * the loop turns on (losses, norms, validation) is the same everywhere, and what is not (a signal, a
 * clock) is agreed upon. The first rank alone writes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/stop.h"
#include "cuda/cuda_loader.h"
#include "dist/launch.h"
#include "dist/mpi_loader.h"
#include "leitmotif/train.h"
#include "model/import.h"
#include "strategy/matcher_file.h"
#include "train/clip_store.h"
#include "train/earlier_run.h"
#include "train/journal.h"
#include "train/monitor.h"
#include "train/plan_report.h"
#include "train/schedule.h"
#include "train/step_queue.h"
#include "train/trainer.h"

enum { MAX_PHASES = 2, PROGRESS_MS = 500, NAME_BYTES = 256 };

typedef struct trainer {
    const leit_recipe *recipe;
    leit_dist *dist;
    leit_device_sums sums;
    const leit_backend *backend; /* borrowed */
    int64_t room_bytes;          /* of its memory, at the beginning; 0: nobody knows */
    leit_arena arena;
    const char *folder; /* <run>/checkpoints */
    leit_dataset data;
    leit_threads *threads;
    leit_matcher *matcher;
    leit_shards steps[MAX_PHASES];
    leit_tower text_tower, music_tower; /* for validation */
    leit_clip_store clips;              /* of a phase with music */
    leit_batch_source source;           /* of a phase whose batches a GPU draws */
    leit_journal *journal;
    int64_t start_ns, saved_ns, shown_ns;
    int64_t n_steps_done; /* of this call */
    bool is_taken;        /* this phase's tower, from train.reuse */
    double last_loss;

    /* What a checkpoint keeps beside the parameters. */
    struct {
        int64_t phase, step; /* step: done in this phase */
        int64_t epochs_since_best, is_complete;
        leit_journal_place journal;
        double best_value;
    } state;
} trainer;

static bool is_first(const trainer *t)
{
    return leit_dist_rank(t->dist) == 0;
}

static const leit_phase *phase_of(const trainer *t)
{
    return &t->matcher->strategy->phases[t->state.phase];
}

static int64_t epochs_of(const leit_recipe *recipe, const leit_phase *phase)
{
    const struct leit_recipe_train *train = &recipe->train;
    if (phase->trains_text && phase->trains_music) return train->epochs;
    const int own = phase->trains_text ? train->text_epochs : train->music_epochs;
    return own > 0 ? own : train->epochs;
}

/* ---- checkpoints ---- */

/* Moment m or v of a parameter under its name in a checkpoint; `name` holds NAME_BYTES. */
static leit_tensor moment_tensor(const leit_parameter *parameter, char kind, char *name)
{
    snprintf(name, NAME_BYTES, "optimizer/%c/%s", kind, parameter->name);
    leit_tensor tensor = {.name = name,
                          .dtype = LEIT_F32,
                          .rank = parameter->rank,
                          .data = kind == 'm' ? parameter->moment1 : parameter->moment2};
    memcpy(tensor.shape, parameter->shape, sizeof tensor.shape);
    return tensor;
}

/* Writes the moments when there is a writer, reads them otherwise. */
static leit_status pass_moments(const trainer *t, leit_checkpoint_writer *writer,
                                const leit_checkpoint *checkpoint)
{
    const leit_parameters *parameters = &t->matcher->parameters;
    char name[NAME_BYTES];
    if (writer != NULL) LEIT_TRY(leit_parameters_download_moments(parameters));
    for (size_t i = 0; i < parameters->count; i++) {
        if (parameters->list[i].moment1 == NULL) continue;
        for (const char *kind = "mv"; *kind != '\0'; kind++) {
            const leit_tensor tensor = moment_tensor(&parameters->list[i], *kind, name);
            LEIT_TRY(writer != NULL ? leit_checkpoint_add(writer, &tensor)
                                    : leit_checkpoint_read(checkpoint, &tensor));
        }
    }
    return writer == NULL ? leit_parameters_upload_moments(parameters) : LEIT_OK;
}

static leit_status add_state(const trainer *t, leit_checkpoint_writer *writer)
{
    LEIT_TRY(leit_checkpoint_add_i64(writer, "state/phase", t->state.phase));
    LEIT_TRY(leit_checkpoint_add_i64(writer, "state/step", t->state.step));
    LEIT_TRY(
        leit_checkpoint_add_i64(writer, "state/epochs_since_best", t->state.epochs_since_best));
    LEIT_TRY(leit_checkpoint_add_i64(writer, "state/is_complete", t->state.is_complete));
    const leit_journal_place *journal = &t->state.journal;
    LEIT_TRY(leit_checkpoint_add_i64(writer, "state/metrics_bytes", journal->metrics_bytes));
    LEIT_TRY(leit_checkpoint_add_i64(writer, "state/events_bytes", journal->events_bytes));
    return leit_checkpoint_add_f64(writer, "state/best_value", t->state.best_value);
}

static leit_status read_state(trainer *t, const leit_checkpoint *checkpoint)
{
    LEIT_TRY(leit_checkpoint_i64(checkpoint, "state/phase", &t->state.phase));
    LEIT_TRY(leit_checkpoint_i64(checkpoint, "state/step", &t->state.step));
    LEIT_TRY(
        leit_checkpoint_i64(checkpoint, "state/epochs_since_best", &t->state.epochs_since_best));
    LEIT_TRY(leit_checkpoint_i64(checkpoint, "state/is_complete", &t->state.is_complete));
    leit_journal_place *journal = &t->state.journal;
    LEIT_TRY(leit_checkpoint_i64(checkpoint, "state/metrics_bytes", &journal->metrics_bytes));
    /* Checkpoints from before this number was kept: their events stay whole. */
    if (leit_checkpoint_i64(checkpoint, "state/events_bytes", &journal->events_bytes) != LEIT_OK)
        journal->events_bytes = INT64_MAX;
    LEIT_TRY(leit_checkpoint_f64(checkpoint, "state/best_value", &t->state.best_value));
    LEIT_FAIL_IF(t->state.phase < 0 || t->state.phase >= t->matcher->strategy->n_phases ||
                     t->state.step < 0 || journal->metrics_bytes < 0 || journal->events_bytes < 0,
                 LEIT_CHECKPOINT, "%s: phase %" PRId64 ", step %" PRId64 " cannot be",
                 leit_checkpoint_path(checkpoint), t->state.phase, t->state.step);
    return LEIT_OK;
}

static const char *vocabulary_of(const trainer *t)
{
    return t->data.text == NULL ? "" : t->data.text->vocabulary;
}

/* Everything that is needed to go on, as checkpoints/step-<phase>-<step>. */
static leit_status write_progress(trainer *t)
{
    LEIT_TRY(leit_journal_sync(t->journal, &t->state.journal));
    char name[64];
    snprintf(name, sizeof name, "step-%" PRId64 "-%09" PRId64, t->state.phase, t->state.step);
    leit_checkpoint_writer *writer = NULL;
    LEIT_TRY(leit_checkpoint_create(t->folder, name, &writer));
    leit_status status = leit_matcher_save(t->matcher, vocabulary_of(t), writer);
    if (status == LEIT_OK) status = pass_moments(t, writer, NULL);
    if (status == LEIT_OK) status = add_state(t, writer);
    if (status != LEIT_OK) {
        leit_checkpoint_abort(writer);
        return status;
    }
    LEIT_TRY(leit_checkpoint_commit(writer, true));
    t->saved_ns = leit_clock_ns();
    return leit_checkpoint_prune(t->folder, "step-", t->recipe->run.keep_checkpoints);
}

static leit_status save_progress(trainer *t)
{
    return leit_dist_join(t->dist, is_first(t) ? write_progress(t) : LEIT_OK);
}

static leit_status write_matcher(trainer *t, const char *name)
{
    leit_checkpoint_writer *writer = NULL;
    LEIT_TRY(leit_checkpoint_create(t->folder, name, &writer));
    leit_status status = leit_matcher_save(t->matcher, vocabulary_of(t), writer);
    if (status != LEIT_OK) {
        leit_checkpoint_abort(writer);
        return status;
    }
    return leit_checkpoint_commit(writer, false);
}

/* The matcher as it is, as checkpoints/<name>. */
static leit_status save_matcher(trainer *t, const char *name)
{
    return leit_dist_join(t->dist, is_first(t) ? write_matcher(t, name) : LEIT_OK);
}

/* Takes back the best of the phase that has ended. */
static leit_status read_best(void *context)
{
    trainer *t = context;
    const leit_phase *phase = phase_of(t);
    const char *best = leit_arena_printf(&t->arena, "%s/best-%s", t->folder, phase->name);
    if (best == NULL) return LEIT_INTERNAL;
    return leit_earlier_read(t->matcher, best, leit_phase_prefixes(phase));
}

/* *resumed says whether there was anything to go on with. */
static leit_status resume(trainer *t, bool *resumed)
{
    static const char *const everything[] = {"", NULL};
    leit_checkpoint *checkpoint = NULL;
    *resumed = false;
    if (t->recipe->run.resume == LEIT_RESUME_NEVER) return LEIT_OK;
    LEIT_TRY(leit_checkpoint_open_newest(t->folder, "step-", &checkpoint));
    if (checkpoint == NULL) return LEIT_OK;
    leit_status status = leit_earlier_check_recipe(t->recipe, checkpoint);
    if (status == LEIT_OK) status = leit_matcher_check_data(checkpoint, &t->data);
    if (status == LEIT_OK) status = leit_matcher_read(t->matcher, checkpoint, everything, NULL);
    if (status == LEIT_OK) status = pass_moments(t, NULL, checkpoint);
    if (status == LEIT_OK) status = read_state(t, checkpoint);
    if (status == LEIT_OK && is_first(t))
        leit_log(LEIT_LOG_INFO, "going on from %s", leit_checkpoint_path(checkpoint));
    leit_checkpoint_close(checkpoint);
    *resumed = status == LEIT_OK;
    return status;
}

/* ---- building ---- */

/* Validation selects: without a row of its split every epoch would look alike. */
static leit_status check_validation(const trainer *t)
{
    const leit_text_corpus *text = t->data.text;
    const leit_music_corpus *music = t->data.music;
    const bool has_text =
        text == NULL || leit_split_rows(text->split, text->n_texts, LEIT_SPLIT_VALID, NULL) > 0;
    const bool has_music =
        leit_split_rows(music->split, music->n_clips, LEIT_SPLIT_VALID, NULL) > 0;
    LEIT_FAIL_IF(!has_text || !has_music, LEIT_DATA,
                 "%s has nothing in its validation split, which selects the best epoch; give it "
                 "some and build it again",
                 has_text ? t->recipe->data.music : t->recipe->data.text);
    return LEIT_OK;
}

static leit_status check_accumulation(const trainer *t, const leit_step *step)
{
    const struct leit_recipe_train *train = &t->recipe->train;
    leit_sampler *sampler = NULL;
    LEIT_TRY(leit_sampler_create(&t->data, step->phase->sampling, step->whole,
                                 train->steps_per_epoch, (uint64_t)t->recipe->seed, &sampler));
    const int64_t batches =
        epochs_of(t->recipe, step->phase) * leit_sampler_steps_per_epoch(sampler);
    leit_sampler_free(sampler);
    LEIT_FAIL_IF(train->accumulate > batches, LEIT_USAGE,
                 "train.accumulate is %d, and all epochs of phase %s have %" PRId64
                 " batches; take at most that many, a larger train.batch, or more epochs",
                 train->accumulate, step->phase->name, batches);
    return LEIT_OK;
}

static leit_status build(trainer *t)
{
    const leit_recipe *recipe = t->recipe;
    LEIT_TRY(leit_threads_create(recipe->run.threads, &t->threads));
    LEIT_TRY(leit_dataset_open(recipe, &t->data));
    LEIT_TRY(leit_dataset_verify(&t->data));
    LEIT_TRY(check_validation(t));
    const leit_mood_names names = leit_mood_names_of(&t->data);
    LEIT_TRY(leit_matcher_create(recipe, &names, t->backend, t->threads, &t->matcher));
    const leit_strategy *strategy = t->matcher->strategy;
    const leit_plan_options options = {.backend = t->backend,
                                       .threads = t->threads,
                                       .training = true,
                                       .seed = (uint64_t)recipe->seed};
    leit_plan_memory memory;
    for (int phase = 0; phase < strategy->n_phases; phase++) {
        leit_shards *step = &t->steps[phase];
        LEIT_TRY(leit_shards_create(t->dist, t->sums, strategy, &strategy->phases[phase],
                                    &t->matcher->space, &t->data, &t->matcher->front, &options,
                                    &t->matcher->parameters, step));
        LEIT_TRY(leit_plan_measure(step->plans[0], &memory));
        LEIT_TRY(check_accumulation(t, &step->steps[0]));
    }
    if (t->data.text != NULL)
        LEIT_TRY(leit_tower_create(t->matcher, LEIT_MODALITY_TEXT, &t->text_tower));
    LEIT_TRY(leit_tower_create(t->matcher, LEIT_MODALITY_MUSIC, &t->music_tower));
    LEIT_TRY(leit_matcher_allocate(t->matcher, true));
    if (t->data.text != NULL) LEIT_TRY(leit_plan_finish(t->text_tower.plan));
    return leit_plan_finish(t->music_tower.plan);
}

/* Initial weights of encoders that the recipe takes from elsewhere. */
static leit_status import_weights(trainer *t)
{
    static const char *const music_encoder[] = {"music.spec_bn.", "music.layer", NULL};
    const struct leit_recipe_model *model = &t->recipe->model;
    if (model->text.weights[0] != '\0' && t->data.text != NULL)
        LEIT_TRY(leit_import_text_encoder(model->text.weights, &t->matcher->parameters));
    if (model->music.weights[0] == '\0') return LEIT_OK;
    return leit_earlier_import(t->matcher, model->music.weights, "model.music.weights",
                               music_encoder);
}

static leit_status write_about(trainer *t)
{
    const char *path = leit_path_join(&t->arena, t->recipe->run.directory, "recipe.yaml");
    char *yaml = NULL;
    LEIT_TRY(leit_recipe_resolved_yaml(t->recipe, &yaml));
    leit_status status = path == NULL ? LEIT_INTERNAL : leit_file_write(path, yaml, strlen(yaml));
    leit_recipe_text_free(yaml);
    return status;
}

/* ---- the loop ---- */

static leit_status fail_nonfinite(const trainer *t, leit_step_queue *queue, int64_t number)
{
    const char *tensor = "";
    LEIT_TRY(leit_step_queue_find_nonfinite(queue, number, &tensor));
    LEIT_FAIL(LEIT_NUMERICAL,
              "phase %s, step %" PRId64
              ": %s is not finite; the checkpoints in %s are as they were",
              phase_of(t)->name, number, tensor[0] == '\0' ? "a gradient" : tensor, t->folder);
}

static leit_status validate(trainer *t, const leit_phase *phase, int64_t epoch)
{
    double value = 0.0;
    LEIT_TRY(leit_monitor_run(t->dist, t->matcher, phase, &t->text_tower, &t->music_tower, &t->data,
                              &value));
    /* The first figure is the best so far, even one that compares with nothing. */
    const bool is_best = !isfinite(t->state.best_value) ||
                         leit_monitor_is_better(phase->monitor, value, t->state.best_value);
    if (is_first(t))
        LEIT_TRY(leit_journal_validation(t->journal, phase->name, t->state.step, epoch,
                                         leit_monitor_name(phase->monitor), value, is_best));
    t->state.epochs_since_best++;
    if (is_best) {
        char name[64];
        snprintf(name, sizeof name, "best-%s", phase->name);
        LEIT_TRY(save_matcher(t, name));
        t->state.best_value = value;
        t->state.epochs_since_best = 0;
    }
    if (is_first(t))
        leit_log(LEIT_LOG_INFO, "phase %s, epoch %" PRId64 ": %s %.4f%s", phase->name, epoch,
                 leit_monitor_name(phase->monitor), value, is_best ? " (best)" : "");
    return LEIT_OK;
}

static void show_progress(trainer *t, const leit_phase *phase, int64_t n_steps)
{
    const int64_t now = leit_clock_ns();
    if (now - t->shown_ns < (int64_t)PROGRESS_MS * 1000000) return;
    t->shown_ns = now;
    const double rate = (double)t->n_steps_done / leit_clock_seconds_since(t->start_ns);
    const double left = (double)(n_steps - t->state.step) / rate;
    leit_log(LEIT_LOG_PROGRESS,
             "phase %s: step %" PRId64 " of %" PRId64 ", loss %.4f, %.2f steps/s, %d:%02d left",
             phase->name, t->state.step, n_steps, t->last_loss, rate, (int)left / 60,
             (int)left % 60);
}

static bool wants_checkpoint(const trainer *t)
{
    const struct leit_recipe_run *run = &t->recipe->run;
    if (run->checkpoint_every_steps > 0 && t->state.step % run->checkpoint_every_steps == 0)
        return true;
    return run->checkpoint_every_seconds > 0 &&
           leit_clock_seconds_since(t->saved_ns) >= run->checkpoint_every_seconds;
}

static bool has_stalled(const trainer *t)
{
    const int patience = t->recipe->train.early_stop_epochs;
    return patience > 0 && t->state.epochs_since_best >= patience;
}

/* Whole passes over the data after so many steps. With accumulation one may end within a step. */
static int64_t epochs_done(int64_t n_steps, int accumulate, int64_t batches_per_epoch)
{
    return n_steps * accumulate / batches_per_epoch;
}

/* What the ranks agree upon after each step. */
enum { WISH_STOP = 1, WISH_SAVE = 2 };

static uint32_t wishes_of(const trainer *t)
{
    const uint32_t stop = leit_stop_wanted() ? WISH_STOP : 0;
    return is_first(t) && wants_checkpoint(t) ? stop | WISH_SAVE : stop;
}

/* A device that fails in the middle of a step: what it was doing is lost, and nothing else. */
static leit_status name_step(const trainer *t, int64_t number, leit_status status)
{
    if (status != LEIT_DEVICE) return status;
    return leit_fail_context(LEIT_NUMERICAL,
                             "phase %s, step %" PRId64
                             ": the device failed, and the checkpoints in %s are as they were",
                             phase_of(t)->name, number, t->folder);
}

/* Takes down what the steps have left that are done. If `all` of those on their way are, parameters
 * can be read afterwards. */
static leit_status look_at_steps(trainer *t, leit_step_queue *queue, bool all, int64_t n_steps)
{
    const leit_phase *phase = phase_of(t);
    for (;;) {
        const leit_queued_step *step = NULL;
        LEIT_TRY(name_step(t, t->state.step, leit_step_queue_pop(queue, all, &step)));
        if (step == NULL) break;
        t->last_loss = step->loss;
        if (!isfinite(step->loss) || !isfinite(step->norm))
            return fail_nonfinite(t, queue, step->number);
        t->n_steps_done++;
        if (!is_first(t)) continue;
        LEIT_TRY(leit_journal_step(t->journal, phase->name, step->number, step->loss,
                                   (double)step->learning_rate, (double)step->norm));
        show_progress(t, phase, n_steps);
    }
    if (!all) return LEIT_OK;
    return name_step(t, t->state.step, leit_optimizer_flush(queue->optimizer));
}

/* Passes the learning rates of the phase's steps that are left to the optimizer. */
static leit_status schedule_steps(const trainer *t, leit_optimizer *optimizer, int64_t n_steps)
{
    const int64_t first = t->state.step + 1, n = n_steps - t->state.step;
    float *rates = NULL;
    if (n < 1) return LEIT_OK;
    LEIT_TRY(LEIT_ALLOC(rates, n));
    for (int64_t i = 0; i < n; i++)
        rates[i] = leit_schedule_rate(&t->recipe->train, first + i, n_steps);
    const leit_status status = leit_optimizer_schedule(optimizer, first, rates, n);
    leit_free(rates);
    return status;
}

static leit_status run_steps(trainer *t, leit_step_queue *queue)
{
    const leit_phase *phase = phase_of(t);
    const struct leit_recipe_train *train = &t->recipe->train;
    const int accumulate = train->accumulate;
    const int64_t per_epoch = leit_sampler_steps_per_epoch(queue->sampler); /* batches */
    int64_t n_steps = (epochs_of(t->recipe, phase) * per_epoch + accumulate - 1) / accumulate;
    if (train->max_steps > 0 && train->max_steps < n_steps) n_steps = train->max_steps;
    LEIT_TRY(schedule_steps(t, queue->optimizer, n_steps));
    while (t->state.step < n_steps && !has_stalled(t)) {
        const int64_t number = t->state.step + 1;
        const float rate = leit_schedule_rate(train, number, n_steps);
        LEIT_TRY(name_step(t, number, leit_step_queue_push(queue, number, rate)));
        t->state.step = number;
        const int64_t done = epochs_done(number, accumulate, per_epoch);
        const bool ends_epoch = done > epochs_done(number - 1, accumulate, per_epoch);
        const bool validates = ends_epoch || number == n_steps;
        LEIT_TRY(look_at_steps(t, queue, validates, n_steps));
        if (validates) LEIT_TRY(validate(t, phase, done + !ends_epoch));
        uint32_t wishes = 0;
        LEIT_TRY(leit_dist_agree(t->dist, wishes_of(t), &wishes));
        if (wishes != 0) LEIT_TRY(look_at_steps(t, queue, true, n_steps));
        if (wishes & WISH_STOP) {
            LEIT_TRY(save_progress(t));
            LEIT_FAIL(LEIT_AGAIN, "stopped after step %" PRId64 " of phase %s; saved in %s", number,
                      phase->name, t->folder);
        }
        if (wishes & WISH_SAVE) LEIT_TRY(save_progress(t));
    }
    return LEIT_OK;
}

/* A GPU draws the batches of a step that is whole. */
static leit_status open_source(trainer *t, const leit_shards *step, leit_sampler *sampler,
                               leit_step_queue *queue)
{
    if (t->backend->memory.is_host || step->n_shards > 1) return LEIT_OK;
    queue->source = &t->source;
    return leit_batch_source_open(t->backend, &step->steps[0], &t->data, sampler, &t->source);
}

/* The music takes what the plans, the optimizer and the batches leave. */
static leit_status open_music(trainer *t, const leit_shards *step)
{
    if (!step->steps[0].has_music) return LEIT_OK;
    LEIT_TRY(leit_clip_store_open(&t->backend->memory, t->data.music, &t->clips));
    t->data.clips = t->clips.source;
    return LEIT_OK;
}

static void close_phase(trainer *t, leit_shards *step)
{
    leit_batch_source_close(&t->source);
    leit_clip_store_close(&t->clips);
    leit_shards_clear(step); /* its arenas make room for the next phase */
}

static leit_status train_phase(trainer *t, leit_shards *step)
{
    const leit_phase *phase = phase_of(t);
    const leit_recipe *recipe = t->recipe;
    const struct leit_recipe_train *train = &recipe->train;
    const leit_optimizer_options options = {.beta1 = (float)train->beta1,
                                            .beta2 = (float)train->beta2,
                                            .epsilon = (float)train->epsilon,
                                            .weight_decay = (float)train->weight_decay,
                                            .clip_norm = (float)train->clip_norm,
                                            /* every rank looks up rows of its own */
                                            .lookups = step->n_shards == 1 ? step->plans[0] : NULL};
    leit_optimizer *optimizer = NULL;
    leit_sampler *sampler = NULL;
    leit_status status = leit_shards_finish(step);
    if (status == LEIT_OK)
        status = leit_optimizer_create(&options, t->backend, t->threads, &t->matcher->parameters,
                                       leit_phase_prefixes(phase), &optimizer);
    if (status == LEIT_OK)
        status = leit_sampler_create(&t->data, phase->sampling, step->steps[0].whole,
                                     train->steps_per_epoch, (uint64_t)recipe->seed, &sampler);
    leit_step_queue queue = {.backend = t->backend,
                             .shards = step,
                             .data = &t->data,
                             .parameters = &t->matcher->parameters,
                             .sampler = sampler,
                             .optimizer = optimizer,
                             .accumulate = train->accumulate};
    if (status == LEIT_OK) status = open_source(t, step, sampler, &queue);
    if (status == LEIT_OK) status = open_music(t, step);
    if (status == LEIT_OK) status = run_steps(t, &queue);
    leit_step_queue_clear(&queue);
    leit_sampler_free(sampler);
    leit_optimizer_free(optimizer);
    close_phase(t, step);
    return status;
}

static leit_status take_reused(void *context)
{
    trainer *t = context;
    return leit_reuse_take(t->matcher, phase_of(t), &t->is_taken);
}

static leit_status run_phases(trainer *t)
{
    const int n_phases = t->matcher->strategy->n_phases;
    while (!t->state.is_complete) {
        const leit_phase *phase = phase_of(t);
        t->is_taken = false;
        if (t->state.step == 0) {
            t->state.best_value = leit_monitor_worst(phase->monitor);
            t->state.epochs_since_best = 0;
            LEIT_TRY(leit_dist_in_turn(t->dist, take_reused, t));
        }
        if (t->is_taken) { /* its figure, and the places of its moods, belong to this run too */
            LEIT_TRY(validate(t, phase, 0));
        } else {
            LEIT_TRY(train_phase(t, &t->steps[t->state.phase]));
            LEIT_TRY(leit_dist_in_turn(t->dist, read_best, t));
        }
        if (t->state.phase + 1 < n_phases) {
            t->state.phase++;
            t->state.step = 0;
        } else {
            LEIT_TRY(save_matcher(t, "best"));
            t->state.is_complete = 1;
        }
        LEIT_TRY(save_progress(t));
    }
    return LEIT_OK;
}

/* Where nothing is resumed, nothing of an earlier run may be taken for this one's. */
static leit_status make_folder(trainer *t)
{
    if (t->recipe->run.resume == LEIT_RESUME_NEVER) LEIT_TRY(leit_file_remove(t->folder));
    return leit_file_make_directory(t->folder);
}

/* Everything that is read before the first step. */
static leit_status prepare(void *context)
{
    trainer *t = context;
    LEIT_TRY(build(t));
    bool resumed = false;
    LEIT_TRY(resume(t, &resumed));
    if (t->state.is_complete) return LEIT_OK;
    if (!resumed) LEIT_TRY(import_weights(t));
    return leit_reuse_check(t->matcher, (int)t->state.phase + (t->state.step > 0));
}

/* Ranks on several machines go on from one step only if they see one folder. */
static leit_status check_same_start(trainer *t)
{
    const int64_t own[2] = {t->state.phase, t->state.step};
    int64_t first[2] = {own[0], own[1]};
    LEIT_TRY(leit_dist_broadcast(t->dist, 0, first, sizeof first));
    leit_status status = LEIT_OK;
    if (own[0] != first[0] || own[1] != first[1])
        status = leit_fail(LEIT_CHECKPOINT, __func__,
                           "rank %d goes on from step %" PRId64 " of phase %" PRId64
                           ", rank 0 from step %" PRId64 " of phase %" PRId64
                           ": they see different folders as %s",
                           leit_dist_rank(t->dist), own[1], own[0], first[1], first[0], t->folder);
    return leit_dist_join(t->dist, status);
}

/* From here on something is written. */
static leit_status open_folder(trainer *t)
{
    LEIT_TRY(make_folder(t));
    LEIT_TRY(write_about(t));
    return leit_journal_open(t->recipe->run.directory, t->state.journal, &t->journal);
}

static leit_status run(trainer *t)
{
    t->folder = leit_path_join(&t->arena, t->recipe->run.directory, "checkpoints");
    if (t->folder == NULL) return LEIT_INTERNAL;
    LEIT_TRY(leit_dist_in_turn(t->dist, prepare, t));
    LEIT_TRY(check_same_start(t));
    if (t->state.is_complete) return LEIT_OK;
    LEIT_TRY(leit_dist_join(t->dist, is_first(t) ? open_folder(t) : LEIT_OK));
    return run_phases(t);
}

static void close_trainer(trainer *t)
{
    for (int phase = 0; phase < MAX_PHASES; phase++) leit_shards_clear(&t->steps[phase]);
    leit_device_sums_close(&t->sums);
    leit_batch_source_close(&t->source);
    leit_clip_store_close(&t->clips);
    leit_tower_clear(&t->text_tower);
    leit_tower_clear(&t->music_tower);
    leit_journal_close(t->journal);
    leit_matcher_free(t->matcher);
    leit_dataset_close(&t->data);
    leit_threads_free(t->threads);
    leit_arena_clear(&t->arena);
}

/* For a device without the memory, what would do with what was free at the beginning. */
static void say_what_fits(const trainer *t)
{
    char sentence[1024];
    int batch = 0;
    snprintf(sentence, sizeof sentence, "%s", leit_error_message());
    const leit_status status = leit_plan_report_batch(
        t->recipe, t->backend, leit_dist_size(t->dist), t->room_bytes, &batch);
    leit_fail(LEIT_DEVICE, __func__, "%s", sentence);
    if (status != LEIT_OK || batch == t->recipe->train.batch) return; /* it is something else */
    const double mib = (double)t->room_bytes / (1 << 20);
    if (batch == 0)
        leit_fail_context(LEIT_DEVICE, "no train.batch fits into the %.1f MiB that were free", mib);
    else
        leit_fail_context(
            LEIT_DEVICE, "train.batch=%d%s would fit into the %.1f MiB that were free", batch,
            t->recipe->train.music_batch > batch ? " (train.music_batch no more)" : "", mib);
}

leit_status leit_train_rank(const leit_backend *backend, const leit_nccl_table *nccl,
                            leit_dist *dist, const leit_recipe *recipe, leit_train_summary *summary)
{
    trainer t = {.recipe = recipe,
                 .dist = dist,
                 .backend = backend,
                 .start_ns = leit_clock_ns(),
                 .saved_ns = leit_clock_ns()};
    const leit_device_memory *memory = &backend->memory;
    t.room_bytes = memory->free_bytes == NULL ? 0 : (int64_t)memory->free_bytes();
    leit_status status = leit_device_sums_open(nccl, dist, &recipe->run, &t.sums);
    if (status == LEIT_OK) status = run(&t);
    if (status == LEIT_DEVICE && memory->free_bytes != NULL) say_what_fits(&t);
    if (summary != NULL && status == LEIT_OK)
        *summary = (leit_train_summary){
            .n_steps = t.n_steps_done,
            .seconds = leit_clock_seconds_since(t.start_ns),
            .last_loss = t.last_loss,
            .best_value = t.state.best_value,
            .monitor = leit_monitor_name(phase_of(&t)->monitor),
            .rank = leit_dist_rank(dist),
            .was_complete = t.state.is_complete && t.n_steps_done == 0,
        };
    close_trainer(&t);
    return status;
}

leit_status leit_train_on(const leit_backend *backend, const leit_recipe *recipe,
                          leit_train_summary *summary)
{
    leit_dist *dist = NULL;
    LEIT_TRY(leit_dist_create_self(&dist));
    const leit_status status = leit_train_rank(backend, NULL, dist, recipe, summary);
    leit_dist_close(dist);
    return status;
}

/* The processes that a launcher has started are the ranks of one run. */
static leit_status open_ranks(const struct leit_recipe_run *run, leit_launch *launch,
                              leit_dist **dist)
{
    LEIT_TRY(leit_launch_read(getenv, launch));
    return leit_dist_create_launched(launch, (int64_t)run->rank_deadline_seconds * 1000, dist);
}

/* `auto` takes the CPU where there is no GPU, unless the recipe wants what only a GPU has. */
static leit_status open_device(const struct leit_recipe_run *run, const leit_launch *launch,
                               leit_cuda **cuda)
{
    *cuda = NULL;
    if (run->device == LEIT_DEVICE_CHOICE_CPU) return LEIT_OK;
    const leit_status status = leit_cuda_open(cuda);
    if (status == LEIT_OK) {
        const leit_cuda_table *table = leit_cuda_table_of(*cuda);
        LEIT_TRY(leit_cuda_check_kernels(*cuda, run->kernels));
        return table->use_device(launch->local_rank % table->n_devices);
    }
    if (run->device == LEIT_DEVICE_CHOICE_CUDA)
        return leit_fail_context(status, "run.device is cuda");
    if (run->precision != LEIT_PRECISION_FP32)
        return leit_fail_context(status, "run.precision is %s, and the CPU computes in fp32",
                                 run->precision == LEIT_PRECISION_BF16 ? "bf16" : "tf32");
    if (launch->rank == 0) leit_log(LEIT_LOG_INFO, "training on the CPU: %s", leit_error_message());
    return LEIT_OK;
}

leit_status leit_train(const leit_recipe *recipe, leit_train_summary *summary)
{
    const struct leit_recipe_run *run = &recipe->run;
    leit_launch launch;
    leit_dist *dist = NULL;
    leit_cuda *cuda = NULL;
    LEIT_TRY(open_ranks(run, &launch, &dist));
    leit_status status = leit_dist_join(dist, open_device(run, &launch, &cuda));
    if (status == LEIT_OK) {
        const leit_cuda_table *table = cuda == NULL ? NULL : leit_cuda_table_of(cuda);
        status = leit_train_rank(table == NULL ? leit_backend_cpu()
                                               : table->backend(run->kernels, run->precision),
                                 table == NULL ? NULL : table->nccl, dist, recipe, summary);
    }
    leit_cuda_close(cuda);
    leit_dist_close(dist);
    return status;
}

void leit_request_stop(void)
{
    leit_stop_set(true);
}
