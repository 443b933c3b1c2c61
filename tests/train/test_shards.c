/* A step in four shards ends with the same bits on 1, 2 and 4 ranks, and computes what a whole step
 * computes where no batch statistics come between, or where they are those of all shards. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/stop.h"
#include "model/layers.h"
#include "strategy/matcher.h"
#include "strategy/metric.h"
#include "support/fenced_backend.h"
#include "support/same_runs.h"
#include "support/testing.h"
#include "support/toy.h"
#include "train/shards.h"
#include "train/trainer.h"

enum { MAX_RANKS = 4, DEADLINE_MS = 60000 };

/* ---- runs ---- */

typedef struct rank_run {
    const leit_backend *backend;
    const leit_nccl_table *nccl;
    leit_dist *dist;
    const leit_recipe *recipe;
    leit_status status;
    char sentence[1024];
    pthread_t thread;
} rank_run;

static bool behind_the_fence;              /* the next runs have a device's memory */
static const leit_nccl_table *device_sums; /* of the next runs */

static void *train_rank(void *context)
{
    rank_run *own = context;
    own->status = leit_train_rank(own->backend, own->nccl, own->dist, own->recipe, NULL);
    snprintf(own->sentence, sizeof own->sentence, "%s", leit_error_message());
    return NULL;
}

static leit_recipe *recipe_of(const char *strategy, const char *run, const char *const *more)
{
    char directory[1300];
    const char *overrides[16] = {directory,
                                 "model.text.layers=1",
                                 "train.epochs=1",
                                 "data.eval_crops=1",
                                 "model.text.dropout=0.1",
                                 "model.head.dropout=0.2",
                                 "augment.time_mask=0.1"};
    snprintf(directory, sizeof directory, "run.directory=%s", leit_test_scratch(run));
    for (int i = 0; more != NULL && more[i] != NULL; i++) overrides[i + 7] = more[i];
    return leit_toy_recipe(leit_test_directory(), strategy, overrides);
}

/* Trains on n ranks, of which the first n_present come; ranks[r] says how each ended. */
static void run_ranks(const char *strategy, const char *run, const char *const *more, int n,
                      int n_present, int64_t deadline_ms, rank_run *ranks)
{
    leit_dist *dist[MAX_RANKS];
    const leit_backend *backend = behind_the_fence ? leit_backend_fenced() : leit_backend_cpu();
    leit_recipe *recipe = recipe_of(strategy, run, more);
    assert_ok(leit_dist_create_threads(n, deadline_ms, dist));
    for (int r = 0; r < n_present; r++) {
        ranks[r] =
            (rank_run){.backend = backend, .nccl = device_sums, .dist = dist[r], .recipe = recipe};
        assert_int_equal(pthread_create(&ranks[r].thread, NULL, train_rank, &ranks[r]), 0);
    }
    for (int r = 0; r < n_present; r++) pthread_join(ranks[r].thread, NULL);
    for (int r = 0; r < n; r++) leit_dist_close(dist[r]);
    leit_recipe_free(recipe);
}

static void expect_ends(const char *strategy, const char *run, const char *const *more, int n,
                        leit_status status)
{
    rank_run ranks[MAX_RANKS];
    run_ranks(strategy, run, more, n, n, DEADLINE_MS, ranks);
    for (int r = 0; r < n; r++)
        if (ranks[r].status != status)
            fail_msg("%s, rank %d of %d: %d (%s)", run, r, n, (int)ranks[r].status,
                     ranks[r].sentence);
}

static const char *const ONE_STEP[] = {"run.shards=4", "train.max_steps=1", NULL};
static const char *const TWO_STEPS[] = {"run.shards=4", "train.max_steps=2", NULL};
static const char *const THREE_STEPS[] = {"run.shards=4", "train.max_steps=3", NULL};

static const char *run_name(const char *strategy, int n)
{
    static char names[8][64];
    static int next;
    char *name = names[next++ % 8];
    snprintf(name, sizeof names[0], "%s_%d", strategy, n);
    return name;
}

static void expect_same_bits(const char *strategy, const char *const *more)
{
    for (int n = 1; n <= 4; n *= 2) expect_ends(strategy, run_name(strategy, n), more, n, LEIT_OK);
    leit_test_same_run(run_name(strategy, 1), run_name(strategy, 2));
    leit_test_same_run(run_name(strategy, 1), run_name(strategy, 4));
}

/* The second batch of texts has 7 rows, the third of clips 5: not every shard gets some. */
static void test_towers_apart(void **state)
{
    (void)state;
    expect_same_bits("classification", THREE_STEPS);
    expect_same_bits("va_regression", ONE_STEP);
    expect_same_bits("w2v_regression", ONE_STEP);
}

static void test_towers_together(void **state)
{
    (void)state;
    expect_same_bits("multihead", ONE_STEP);
    expect_same_bits("metric2", TWO_STEPS);
    expect_same_bits("metric3", TWO_STEPS);
}

/* A run that was stopped goes on with another number of ranks. */
static void test_goes_on_with_other_ranks(void **state)
{
    (void)state;
    leit_request_stop();
    expect_ends("metric2", "moved", TWO_STEPS, 4, LEIT_AGAIN);
    expect_ends("metric2", "moved", TWO_STEPS, 1, LEIT_AGAIN);
    leit_stop_set(false);
    expect_ends("metric2", "moved", TWO_STEPS, 2, LEIT_OK);
    leit_test_same_run(run_name("metric2", 1), "moved");
    static const char *const two[] = {"run.shards=2", NULL};
    rank_run ranks[MAX_RANKS];
    run_ranks("metric2", "moved", two, 2, 2, DEADLINE_MS, ranks);
    assert_int_equal(ranks[0].status, LEIT_USAGE);
    assert_non_null(strstr(ranks[0].sentence, "(run.shards: 4 -> 2)"));
}

/* On a device whose memory the program cannot touch, all on one rank: the fence stands between its
 * threads and memory, and two ranks would open it for each other. */
static void test_on_a_device(void **state)
{
    (void)state;
    behind_the_fence = true;
    expect_ends("metric2", "fenced", TWO_STEPS, 1, LEIT_OK);
    behind_the_fence = false;
    assert_int_equal(leit_fence_allocations(), 0);
    leit_test_same_run(run_name("metric2", 1), "fenced");
}

/* Accumulated batches are summed shard by shard, and meet once. */
static void test_accumulation(void **state)
{
    (void)state;
    static const char *const more[] = {"run.shards=2", "train.accumulate=2", "train.batch=4",
                                       "train.max_steps=2", NULL};
    expect_ends("va_regression", "accumulated_1", more, 1, LEIT_OK);
    expect_ends("va_regression", "accumulated_2", more, 2, LEIT_OK);
    leit_test_same_run("accumulated_1", "accumulated_2");
}

/* ---- sums on the devices ---- */

/* Stands in for NCCL: ranks meet beside the run's own way, each array at once when it is asked for. What is
 * added to a gradient after its bucket was complete is missing in the sum. */
enum { BUCKET_BYTES = 4096, MAX_SUMS = 64 };
static leit_dist *beside[MAX_RANKS];
static int64_t sum_counts[MAX_RANKS][MAX_SUMS];
static int n_sums[MAX_RANKS];
static leit_status opening;

static leit_status sums_make_id(void *id)
{
    memset(id, 7, LEIT_NCCL_ID_BYTES);
    return LEIT_OK;
}

static leit_status sums_open(const void *id, int rank, int size, int64_t deadline_ms,
                             leit_nccl **nccl)
{
    assert_int_equal(((const unsigned char *)id)[LEIT_NCCL_ID_BYTES - 1], 7);
    assert_true(size <= MAX_RANKS && deadline_ms == 300000);
    LEIT_FAIL_IF(rank == 1 && opening != LEIT_OK, opening, "two ranks have one GPU");
    *nccl = (leit_nccl *)(void *)&beside[rank];
    n_sums[rank] = 0;
    return LEIT_OK;
}

static leit_status sums_fork(leit_nccl *nccl, void *stream, void **side)
{
    assert_null(stream);
    *side = nccl;
    return LEIT_OK;
}

static leit_status sums_sum(leit_nccl *nccl, const float *from, float *to, int64_t count,
                            void *stream)
{
    leit_dist **own = (leit_dist **)(void *)nccl;
    const int rank = leit_dist_rank(*own);
    float *part = NULL;
    assert_ptr_equal(stream, nccl); /* on the side */
    assert_true(n_sums[rank] < MAX_SUMS);
    sum_counts[rank][n_sums[rank]++] = count;
    LEIT_TRY(LEIT_ALLOC(part, count));
    memcpy(part, from, (size_t)count * sizeof *part);
    const leit_status status = leit_dist_sum(*own, &part, 1, count, to);
    leit_free(part);
    return status;
}

static leit_status sums_join(leit_nccl *nccl, void *stream)
{
    (void)nccl;
    assert_null(stream);
    return LEIT_OK;
}

static void sums_close(leit_nccl *nccl)
{
    (void)nccl;
}

static const leit_nccl_table sums_table = {.bucket_bytes = BUCKET_BYTES,
                                           .make_id = sums_make_id,
                                           .open = sums_open,
                                           .fork = sums_fork,
                                           .join = sums_join,
                                           .sum = sums_sum,
                                           .wait = sums_join,
                                           .close = sums_close};

/* Trains on n ranks that may sum on their devices; the counts of a step's sums on each rank. */
static void run_with_device_sums(const char *strategy, const char *run, const char *const *more,
                                 int n)
{
    memset(n_sums, 0, sizeof n_sums);
    assert_ok(leit_dist_create_threads(n, DEADLINE_MS, beside));
    device_sums = &sums_table;
    expect_ends(strategy, run, more, n, LEIT_OK);
    device_sums = NULL;
    for (int r = 0; r < n; r++) leit_dist_close(beside[r]);
}

static void test_device_sums(void **state)
{
    (void)state;
    static const char *const fast[] = {"run.shards=4", "train.max_steps=2",
                                       "run.deterministic=false", NULL};
    run_with_device_sums("metric2", "device_sums", fast, 4);
    leit_test_same_run(run_name("metric2", 4), "device_sums");
    for (int r = 0; r < 4; r++) {
        const int n = n_sums[r] / 2; /* of a step */
        assert_true(n > 2 && n_sums[r] == 2 * n);
        for (int i = 0; i < n; i++) {
            assert_int_equal(sum_counts[r][i], sum_counts[0][i]);
            assert_int_equal(sum_counts[r][i], sum_counts[r][n + i]);
        }
    }
}

/* Batches before a step's last add to gradients that nobody sums yet. */
static void test_device_sums_of_accumulated_batches(void **state)
{
    (void)state;
    static const char *const fast[] = {
        "run.shards=2",      "train.batch=4",      "run.deterministic=false",
        "train.max_steps=2", "train.accumulate=2", NULL};
    static const char *const single[] = {"run.shards=2", "train.batch=4", "run.deterministic=false",
                                         "train.max_steps=2", NULL};
    run_with_device_sums("va_regression", "not_accumulated", single, 2);
    const int n = n_sums[0];
    run_with_device_sums("va_regression", "accumulated_on_devices", fast, 2);
    assert_true(n > 0 && n_sums[0] == n);
    leit_test_same_run("accumulated_2", "accumulated_on_devices");
}

/* Asked for and not to be had: all go on without. */
static void test_no_device_sums(void **state)
{
    (void)state;
    static const char *const fast[] = {"run.shards=4", "train.max_steps=2",
                                       "run.deterministic=false", NULL};
    opening = LEIT_DEVICE;
    run_with_device_sums("metric2", "refused_sums", fast, 4);
    opening = LEIT_OK;
    assert_int_equal(n_sums[0], 0);
    leit_test_same_run(run_name("metric2", 4), "refused_sums");
    run_with_device_sums("metric2", "two_shards_a_rank", fast, 2);
    assert_int_equal(n_sums[0], 0);
    leit_test_same_run(run_name("metric2", 4), "two_shards_a_rank");
    static const char *const strict[] = {"run.shards=4", "train.max_steps=2", NULL};
    run_with_device_sums("metric2", "strict_sums", strict, 4);
    assert_int_equal(n_sums[0], 0);
}

/* ---- ranks that do not fit, do not come, or fail ---- */

static void test_ranks_divide_shards(void **state)
{
    (void)state;
    rank_run ranks[MAX_RANKS];
    run_ranks("metric2", "thirds", TWO_STEPS, 3, 3, DEADLINE_MS, ranks);
    assert_int_equal(ranks[0].status, LEIT_USAGE);
    assert_non_null(strstr(ranks[0].sentence, "run.shards is 4, and there are 3 ranks"));
}

static void test_a_missing_rank_is_named(void **state)
{
    (void)state;
    rank_run ranks[MAX_RANKS];
    run_ranks("metric2", "lost", TWO_STEPS, 4, 3, 2000, ranks);
    for (int r = 0; r < 3; r++) assert_int_equal(ranks[r].status, LEIT_RANK);
    assert_non_null(strstr(ranks[0].sentence, "for rank 3: see what was said there"));
}

/* ---- what shards compute ---- */

static void build_text(leit_step *step)
{
    leit_value answer = leit_layer_linear(step->plan, leit_step_texts(step), "text.end", 2);
    leit_value target = leit_step_target(step, LEIT_TARGET_TEXT_VA);
    leit_plan_loss(step->plan, leit_plan_mse(step->plan, answer, target), 1.0f);
}

/* Two answers for the texts of the second half pull at each other. */
static void build_triplet(leit_step *step)
{
    leit_plan *plan = step->plan;
    leit_value encoded = leit_step_texts(step);
    leit_value anchor = leit_layer_linear(plan, encoded, "text.anchor", 6);
    leit_value positive = leit_layer_linear(plan, encoded, "text.positive", 6);
    leit_value second = leit_step_target(step, LEIT_TARGET_SECOND_HALF);
    leit_metric_text_music_loss(step, leit_metric_rows(plan, anchor, second),
                                leit_metric_rows(plan, positive, second));
}

static const leit_strategy plain[] = {
    {.id = LEIT_STRATEGY_VA_REGRESSION,
     .n_phases = 1,
     .phases = {{"text", LEIT_SAMPLE_TEXTS, LEIT_MONITOR_R2, true, false, build_text}}},
    {.id = LEIT_STRATEGY_METRIC2,
     .n_phases = 1,
     .phases = {{"joint", LEIT_SAMPLE_PAIRS, LEIT_MONITOR_R2, true, false, build_triplet}}}};

/* What one batch leaves. */
typedef struct trace {
    double loss;
    float *gradient; /* (n_learnt) */
    int64_t n_learnt;
    float spectrum_mean; /* music.spec_bn.running_mean, 0 without music */
    float *statistics;   /* (n_statistics) all running ones */
    int64_t n_statistics;
} trace;

/* How a trace is made. */
typedef struct way {
    int n_shards;
    bool sync_batchnorm;
    int nudge; /* each weight by a unit in its last place: 1 up, 2 down, 3 either way; 0: not */
} way;

static void clear_trace(trace *left)
{
    leit_free(left->gradient);
    leit_free(left->statistics);
}

static void nudge_weights(leit_parameters *parameters, int nudge)
{
    for (size_t i = 0; i < parameters->count; i++)
        for (int64_t k = 0; !parameters->list[i].is_statistic && k < parameters->list[i].count;
             k++) {
            float *value = &parameters->list[i].data[k];
            const bool is_up = nudge == 3 ? (k * k + k / 3) % 2 == 0 : nudge == 1;
            *value = nextafterf(*value, is_up ? HUGE_VALF : -HUGE_VALF);
        }
}

static void take_statistics(const leit_parameters *parameters, trace *left)
{
    for (int pass = 0; pass < 2; pass++) {
        int64_t n = 0;
        for (size_t i = 0; i < parameters->count; i++) {
            const leit_parameter *own = &parameters->list[i];
            if (!own->is_statistic) continue;
            if (pass == 1)
                memcpy(left->statistics + n, own->data, (size_t)own->count * sizeof *own->data);
            n += own->count;
        }
        if (pass == 0) left->statistics = leit_allocate((size_t)n, sizeof *left->statistics);
        left->n_statistics = n;
    }
}

static void take_trace(leit_shards *shards, const leit_dataset *data, const leit_batch *batch,
                       leit_parameters *parameters, trace *left)
{
    assert_ok(leit_shards_begin(shards));
    assert_ok(leit_shards_batch(shards, data, batch, 1.0f, true, &left->loss));
    assert_ok(leit_shards_end(shards));
    const int mean = leit_parameters_find(parameters, "music.spec_bn.running_mean");
    left->spectrum_mean = mean < 0 ? 0.0f : parameters->list[mean].data[0];
    take_statistics(parameters, left);
    left->n_learnt = parameters->n_learnt;
    left->gradient = leit_allocate((size_t)left->n_learnt, sizeof *left->gradient);
    memcpy(left->gradient, parameters->gradient.host,
           (size_t)left->n_learnt * sizeof *left->gradient);
}

/* Batch `number` of a phase. */
static trace trace_of(const leit_strategy *strategy, int phase, way how, int64_t number)
{
    trace left = {0};
    char shards_word[32];
    const char *const overrides[] = {shards_word, "train.weight_decay_exclude=[]",
                                     how.sync_batchnorm ? "train.sync_batchnorm=true" : NULL, NULL};
    snprintf(shards_word, sizeof shards_word, "run.shards=%d", how.n_shards);
    leit_recipe *recipe =
        leit_toy_recipe(leit_test_directory(), leit_strategy_name(strategy->id), overrides);
    leit_dataset data;
    leit_matcher *matcher = NULL;
    leit_shards shards;
    leit_dist *dist = NULL;
    leit_sampler *sampler = NULL;
    const leit_batch *batch = NULL;
    assert_ok(leit_dataset_open(recipe, &data));
    const leit_mood_names names = leit_mood_names_of(&data);
    assert_ok(leit_matcher_create(recipe, &names, leit_backend_cpu(), NULL, &matcher));
    const leit_plan_options options = {
        .backend = leit_backend_cpu(), .training = true, .seed = (uint64_t)recipe->seed};
    assert_ok(leit_dist_create_self(&dist));
    assert_ok(leit_shards_create(dist, (leit_device_sums){0}, strategy, &strategy->phases[phase],
                                 &matcher->space, &data, &matcher->front, &options,
                                 &matcher->parameters, &shards));
    assert_ok(leit_matcher_allocate(matcher, true));
    assert_ok(leit_shards_finish(&shards));
    if (how.nudge) nudge_weights(&matcher->parameters, how.nudge);
    assert_ok(leit_sampler_create(&data, strategy->phases[phase].sampling, shards.steps[0].whole, 0,
                                  5, &sampler));
    assert_ok(leit_sampler_batch(sampler, number, &batch));
    take_trace(&shards, &data, batch, &matcher->parameters, &left);
    leit_sampler_free(sampler);
    leit_shards_clear(&shards);
    leit_dist_close(dist);
    leit_matcher_free(matcher);
    leit_dataset_close(&data);
    leit_recipe_free(recipe);
    return left;
}

/* Both ways add the same products in another order; the bound is that of test_accumulation.c, with
 * the gradient's largest element for all layers. */
static void expect_same_gradient(const leit_strategy *strategy, int64_t number)
{
    enum { TERMS = 8 * 12 };
    const double unit = TERMS * ldexp(1.0, -24);
    double largest = 0.0;
    int64_t n_moved = 0;
    trace whole = trace_of(strategy, 0, (way){.n_shards = 1}, number);
    assert_true(whole.loss > 0.0);
    for (int64_t i = 0; i < whole.n_learnt; i++) {
        largest = fmax(largest, fabs((double)whole.gradient[i]));
        n_moved += whole.gradient[i] != 0.0f;
    }
    assert_true(n_moved > 500);
    for (int n_shards = 2; n_shards <= 4; n_shards *= 2) {
        trace parts = trace_of(strategy, 0, (way){.n_shards = n_shards}, number);
        assert_true(fabs(parts.loss - whole.loss) <= unit * fmax(1.0, whole.loss));
        for (int64_t i = 0; i < whole.n_learnt; i++)
            if (!(fabs((double)parts.gradient[i] - (double)whole.gradient[i]) <=
                  4.0 * unit * largest))
                fail_msg("%d shards: element %lld is %.9g, %.9g at once", n_shards, (long long)i,
                         (double)parts.gradient[i], (double)whole.gradient[i]);
        clear_trace(&parts);
    }
    clear_trace(&whole);
}

static void test_shards_add_up(void **state)
{
    (void)state;
    expect_same_gradient(&plain[0], 0);
    expect_same_gradient(&plain[0], 1); /* seven texts: three shards of four have rows */
}

/* Every anchor has its negatives from all shards: a shard of the four has one anchor and no other
 * text of its own. */
static void test_negatives_come_from_all_shards(void **state)
{
    (void)state;
    expect_same_gradient(&plain[1], 0);
    expect_same_gradient(&plain[1], 3);
}

/* The first BatchNorm sees spectra, which no weight touches: the mean of the shards' means, weighed
 * by their rows, is the mean of the batch. Blocks of a channel's sum are added in another order: the
 * kernel's chains are a few thousand long at most. */
static void test_running_means_are_those_of_the_batch(void **state)
{
    (void)state;
    const leit_strategy *strategy = leit_strategy_find(LEIT_STRATEGY_CLASSIFICATION);
    for (int64_t number = 0; number < 3; number += 2) { /* 8 clips; 5: two shards of four */
        trace whole = trace_of(strategy, 1, (way){.n_shards = 1}, number);
        trace parts = trace_of(strategy, 1, (way){.n_shards = 4}, number);
        assert_true(fabsf(whole.spectrum_mean) > 0.1f);
        if (!(fabs((double)parts.spectrum_mean - (double)whole.spectrum_mean) <=
              4096.0 * ldexp(1.0, -24) * fabs((double)whole.spectrum_mean)))
            fail_msg("batch %d: %.9g in shards, %.9g at once", (int)number,
                     (double)parts.spectrum_mean, (double)whole.spectrum_mean);
        clear_trace(&whole);
        clear_trace(&parts);
    }
}

/* ---- BatchNorm over all shards ---- */

static double distance(const float *a, const float *b, int64_t n)
{
    double largest = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const double off = fabs((double)a[i] - (double)b[i]);
        if (!(off <= largest)) largest = off; /* NaN stays */
    }
    return largest;
}

/* How far a step is from the whole one, its loss, gradient and running statistics. */
typedef struct distances {
    double loss, gradient, statistics;
} distances;

static distances distances_of(const trace *whole, const leit_strategy *strategy, int phase, way how,
                              int64_t number)
{
    trace other = trace_of(strategy, phase, how, number);
    const distances off = {fabs(other.loss - whole->loss),
                           distance(other.gradient, whole->gradient, whole->n_learnt),
                           distance(other.statistics, whole->statistics, whole->n_statistics)};
    assert_int_equal(other.n_statistics, whole->n_statistics);
    clear_trace(&other);
    return off;
}

/* What rounding alone does to the step: three patterns of nudges, of which each rounds once in a
 * layer what the layer's matrix products, statistics and gradients round some times, eight at most
 * (x w, + b, mean, x - mean, rstd, their product, and likewise backward). The statistics of the
 * spectra, which no weight moves, are sums over blocks in another order and in double, of parts
 * that are rounded: two units of the largest one, the variance of decibels. */
static distances tolerance_of(const trace *whole, const leit_strategy *strategy, int phase,
                              int64_t number)
{
    distances most = {0};
    double largest = 0.0;
    for (int nudge = 1; nudge <= 3; nudge++) {
        const distances off =
            distances_of(whole, strategy, phase, (way){.n_shards = 1, .nudge = nudge}, number);
        most.loss = fmax(most.loss, 8.0 * off.loss);
        most.gradient = fmax(most.gradient, 8.0 * off.gradient);
        most.statistics = fmax(most.statistics, 8.0 * off.statistics);
    }
    for (int64_t i = 0; i < whole->n_statistics; i++)
        largest = fmax(largest, fabs((double)whole->statistics[i]));
    most.statistics += 2.0 * ldexp(largest, -23);
    return most;
}

/* In shards that share their statistics a step is the whole one, and is not when they do not. */
static void expect_whole_batch(enum leit_strategy_id id, int phase, int64_t number)
{
    const leit_strategy *strategy = leit_strategy_find(id);
    trace whole = trace_of(strategy, phase, (way){.n_shards = 1}, number);
    const distances most = tolerance_of(&whole, strategy, phase, number);
    const distances apart = distances_of(&whole, strategy, phase, (way){.n_shards = 4}, number);
    assert_true(apart.loss > 4.0 * most.loss && apart.gradient > 4.0 * most.gradient);
    for (int n_shards = 2; n_shards <= 4; n_shards *= 2) {
        const way how = {.n_shards = n_shards, .sync_batchnorm = true};
        const distances off = distances_of(&whole, strategy, phase, how, number);
        if (!(off.loss <= most.loss && off.gradient <= most.gradient &&
              off.statistics <= most.statistics))
            fail_msg("%s, phase %d, batch %d in %d shards: loss %.2g, gradient %.2g, statistics "
                     "%.2g from the whole batch, expected at most %.2g, %.2g, %.2g",
                     leit_strategy_name(id), phase, (int)number, n_shards, off.loss, off.gradient,
                     off.statistics, most.loss, most.gradient, most.statistics);
    }
    clear_trace(&whole);
}

static void test_synchronised_shards_are_the_whole_batch(void **state)
{
    (void)state;
    expect_whole_batch(LEIT_STRATEGY_CLASSIFICATION, 0, 0);
    expect_whole_batch(LEIT_STRATEGY_CLASSIFICATION, 0, 1); /* seven texts */
    expect_whole_batch(LEIT_STRATEGY_CLASSIFICATION, 1, 0);
    expect_whole_batch(LEIT_STRATEGY_CLASSIFICATION, 1, 2); /* five clips: two shards of four */
    expect_whole_batch(LEIT_STRATEGY_MULTIHEAD, 0, 0);
    expect_whole_batch(LEIT_STRATEGY_METRIC2, 0, 0);
    expect_whole_batch(LEIT_STRATEGY_METRIC3, 0, 0);
}

/* As without, on ranks and behind the fence; the third step has shards without clips. */
static void test_synchronised_ranks_end_with_the_same_bits(void **state)
{
    (void)state;
    static const char *const more[] = {"run.shards=4", "train.max_steps=3",
                                       "train.sync_batchnorm=true", NULL};
    static const char *const runs[] = {"synchronised_1", "synchronised_2", "synchronised_4"};
    for (int i = 0; i < 3; i++) expect_ends("classification", runs[i], more, 1 << i, LEIT_OK);
    behind_the_fence = true;
    expect_ends("classification", "synchronised_fenced", more, 1, LEIT_OK);
    behind_the_fence = false;
    leit_test_same_run(runs[0], runs[1]);
    leit_test_same_run(runs[0], runs[2]);
    leit_test_same_run(runs[0], "synchronised_fenced");
}

static int write_corpora(void **state)
{
    (void)state;
    const leit_toy_options options = {
        .n_texts_per_label = 5, .n_clips_per_label = 5, .n_samples = 12000};
    leit_toy_write(leit_test_directory(), &options);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_towers_apart),
        cmocka_unit_test(test_towers_together),
        cmocka_unit_test(test_goes_on_with_other_ranks),
        cmocka_unit_test(test_on_a_device),
        cmocka_unit_test(test_accumulation),
        cmocka_unit_test(test_device_sums),
        cmocka_unit_test(test_device_sums_of_accumulated_batches),
        cmocka_unit_test(test_no_device_sums),
        cmocka_unit_test(test_ranks_divide_shards),
        cmocka_unit_test(test_a_missing_rank_is_named),
        cmocka_unit_test(test_shards_add_up),
        cmocka_unit_test(test_negatives_come_from_all_shards),
        cmocka_unit_test(test_running_means_are_those_of_the_batch),
        cmocka_unit_test(test_synchronised_shards_are_the_whole_batch),
        cmocka_unit_test(test_synchronised_ranks_end_with_the_same_bits),
    };
    return cmocka_run_group_tests(tests, write_corpora, NULL);
}
