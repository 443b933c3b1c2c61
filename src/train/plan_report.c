#include "train/plan_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/file.h"
#include "core/memory.h"
#include "cuda/cuda_loader.h"
#include "leitmotif/train.h"
#include "strategy/matcher.h"
#include "strategy/step.h"
#include "train/batch_source.h"

enum { MAX_PHASES = 2 };

/* The paper's sizes, for corpora that are not there. */
enum { BERT_VOCABULARY = 30522, ALM_LABELS = 5, MOOD_LABELS = 7, TAG_LABELS = 50, WORD2VEC = 300 };

#define ASSUMED_5 "assumed", "assumed", "assumed", "assumed", "assumed"
#define ASSUMED_10 ASSUMED_5, ASSUMED_5

typedef struct report {
    const leit_recipe *recipe;
    leit_cuda *cuda;      /* of which plan has opened the table, NULL: the CPU's */
    leit_backend backend; /* measures, and has no memory but the program's */
    bool is_on_device;
    int n_ranks; /* that divide the shards among them */
    bool has_data;
    leit_dataset data;
    leit_threads *threads;
    leit_matcher *matcher;
    leit_plan_memory phases[MAX_PHASES], text_tower, music_tower;
    int64_t parameter_bytes, gradient_bytes;
    int64_t learnt_bytes; /* of each moment, and of the gradients of each shard */
    int64_t n_parameters;
    int64_t music_bytes;   /* the samples of the corpus, in a GPU's memory */
    int64_t batch_bytes;   /* what a GPU draws batches from, in the larger phase */
    int64_t program_bytes; /* held now: the program, the corpora that are read, the plans' nodes */
} report;

static leit_mood_names assumed_names(const leit_recipe *recipe)
{
    static const char *const labels[TAG_LABELS] = {ASSUMED_10, ASSUMED_10, ASSUMED_10, ASSUMED_10,
                                                   ASSUMED_10};
    const bool is_tagging = recipe->strategy == LEIT_STRATEGY_TAGGING;
    return (leit_mood_names){.n_text_labels = is_tagging ? 0 : ALM_LABELS,
                             .n_music_labels = is_tagging ? TAG_LABELS : MOOD_LABELS,
                             .text_labels = labels,
                             .music_labels = labels,
                             .vocabulary_size = is_tagging ? 0 : BERT_VOCABULARY,
                             .vector_width = WORD2VEC};
}

static leit_status measure_tower(report *r, enum leit_modality modality, leit_plan_memory *memory)
{
    leit_tower tower;
    LEIT_TRY(leit_tower_create(r->matcher, modality, &tower));
    leit_status status = leit_plan_measure(tower.plan, memory);
    leit_tower_clear(&tower);
    return status;
}

/* All shards of a step side by side, as one rank has them. */
static void multiply(leit_plan_memory *memory, int n_shards)
{
    memory->input_bytes *= (size_t)n_shards;
    memory->result_bytes *= (size_t)n_shards;
    memory->activation_bytes *= (size_t)n_shards;
    memory->activation_unshared_bytes *= (size_t)n_shards;
    memory->workspace_bytes *= (size_t)n_shards;
}

/* Steps in shards have their batches from the program. */
static leit_status measure_batches(report *r, const leit_step *step)
{
    int64_t bytes = 0;
    leit_sampler *sampler = NULL;
    if (!r->is_on_device || !r->has_data || r->recipe->run.shards > 1) return LEIT_OK;
    LEIT_TRY(leit_sampler_create(&r->data, step->phase->sampling, step->whole, 0, 0, &sampler));
    const leit_status status = leit_batch_source_measure(&r->data, sampler, &bytes);
    leit_sampler_free(sampler);
    if (bytes > r->batch_bytes) r->batch_bytes = bytes;
    return status;
}

static leit_status measure(report *r)
{
    const leit_strategy *strategy = r->matcher->strategy;
    const leit_plan_options options = {.backend = &r->backend,
                                       .threads = r->threads,
                                       .training = true,
                                       .n_shards = r->recipe->run.shards,
                                       .sync_batchnorm = r->recipe->train.sync_batchnorm};
    const int n_own = options.n_shards / r->n_ranks;
    for (int phase = 0; phase < strategy->n_phases; phase++) {
        leit_step step;
        LEIT_TRY(leit_step_create(strategy, &strategy->phases[phase], &r->matcher->space,
                                  r->has_data ? &r->data : NULL, &r->matcher->front, &options,
                                  &r->matcher->parameters, &step));
        leit_status status = leit_plan_measure(step.plan, &r->phases[phase]);
        if (status == LEIT_OK) status = measure_batches(r, &step);
        leit_step_clear(&step);
        LEIT_TRY(status);
        multiply(&r->phases[phase], n_own);
    }
    if (r->matcher->names.n_text_labels > 0)
        LEIT_TRY(measure_tower(r, LEIT_MODALITY_TEXT, &r->text_tower));
    LEIT_TRY(measure_tower(r, LEIT_MODALITY_MUSIC, &r->music_tower));
    for (size_t i = 0; i < r->matcher->parameters.count; i++) {
        const leit_parameter *parameter = &r->matcher->parameters.list[i];
        const int64_t bytes = parameter->count * (int64_t)sizeof(float);
        r->parameter_bytes += bytes;
        r->n_parameters += parameter->count;
        if (!parameter->is_statistic && !parameter->is_frozen) r->learnt_bytes += bytes;
    }
    r->gradient_bytes = r->learnt_bytes * (options.n_shards > 1 ? 1 + n_own : 1);
    return LEIT_OK;
}

static leit_status build_matcher(report *r)
{
    const leit_mood_names names =
        r->has_data ? leit_mood_names_of(&r->data) : assumed_names(r->recipe);
    LEIT_TRY(leit_matcher_create(r->recipe, &names, &r->backend, r->threads, &r->matcher));
    return measure(r);
}

static int64_t total_of(const leit_plan_memory *memory)
{
    return (int64_t)(memory->input_bytes + memory->result_bytes + memory->activation_bytes +
                     memory->workspace_bytes);
}

/* Without the music, which a GPU can also read over the bus. */
static int64_t device_bytes_of(const report *r)
{
    int64_t largest = 0;
    for (int phase = 0; phase < MAX_PHASES; phase++)
        if (total_of(&r->phases[phase]) > largest) largest = total_of(&r->phases[phase]);
    return r->parameter_bytes + r->gradient_bytes + 2 * r->learnt_bytes + total_of(&r->text_tower) +
           total_of(&r->music_tower) + largest + r->batch_bytes;
}

static int64_t peak_of(const report *r)
{
    return (r->is_on_device ? r->music_bytes : r->program_bytes) + device_bytes_of(r);
}

/* Memory of the device for another recipe, which differs in its batch. */
static leit_status measure_recipe(report *r, const leit_recipe *recipe, int64_t *bytes)
{
    report other = *r;
    other.recipe = recipe;
    other.matcher = NULL;
    other.parameter_bytes = other.learnt_bytes = other.n_parameters = other.batch_bytes = 0;
    const leit_status status = build_matcher(&other);
    *bytes = device_bytes_of(&other);
    leit_matcher_free(other.matcher);
    return status;
}

/* The largest train.batch, of train.music_batch too, that takes at most room_bytes, 0 for none; music is not reckoned with. */
static leit_status find_batch(report *r, int64_t room_bytes, int *batch)
{
    const int unit = leit_recipe_batch_unit(r->recipe);
    leit_recipe recipe = *r->recipe;
    *batch = r->recipe->train.batch;
    if (device_bytes_of(r) <= room_bytes) return LEIT_OK;
    int fits = 1, fails = *batch / unit; /* in units, of which a batch has at least two */
    while (fits + 1 < fails) {
        const int middle = (fits + fails) / 2;
        int64_t bytes = 0;
        recipe.train.batch = middle * unit;
        recipe.train.music_batch = r->recipe->train.music_batch < recipe.train.batch
                                       ? r->recipe->train.music_batch
                                       : recipe.train.batch;
        LEIT_TRY(measure_recipe(r, &recipe, &bytes));
        if (bytes <= room_bytes)
            fits = middle;
        else
            fails = middle;
    }
    *batch = fits > 1 ? fits * unit : 0;
    return LEIT_OK;
}

static double mib(int64_t bytes)
{
    return (double)bytes / (1 << 20);
}

static leit_status print_plan_row(leit_buffer *text, const char *name,
                                  const leit_plan_memory *memory)
{
    return leit_buffer_printf(
        text, "%-18s %6d %10.1f %12.1f %10.1f %14.1f\n", name, memory->n_nodes,
        mib((int64_t)memory->input_bytes), mib((int64_t)memory->activation_bytes),
        mib((int64_t)memory->workspace_bytes), mib((int64_t)memory->activation_unshared_bytes));
}

static leit_status print_peak(report *r, leit_buffer *text)
{
    LEIT_TRY(leit_buffer_printf(text, "\n%-18s %10.1f   ", "peak", mib(peak_of(r))));
    if (!r->is_on_device) return leit_buffer_puts(text, "music is read in its file, beside this\n");
    const leit_cuda_table *table = leit_cuda_table_of(r->cuda);
    if (table->n_devices == 0)
        return leit_buffer_puts(text, "of a GPU; there is none here to compare with\n");
    const int64_t room_bytes = (int64_t)table->devices[0].memory_bytes;
    LEIT_TRY(
        leit_buffer_printf(text, "of the %.1f of %s\n", mib(room_bytes), table->devices[0].name));
    int batch = 0;
    LEIT_TRY(find_batch(r, room_bytes, &batch));
    if (batch == r->recipe->train.batch) return LEIT_OK;
    if (batch == 0) return leit_buffer_puts(text, "no train.batch fits\n");
    return leit_buffer_printf(text, "train.batch=%d would fit\n", batch);
}

static leit_status print_table(report *r, leit_buffer *text)
{
    const leit_strategy *strategy = r->matcher->strategy;
    LEIT_TRY(leit_buffer_printf(text, "%s: %s, %" PRId64 " parameters, device %s, MiB\n",
                                r->recipe->name, leit_strategy_name(r->recipe->strategy),
                                r->n_parameters, r->is_on_device ? "cuda" : "cpu"));
    if (!r->has_data)
        LEIT_TRY(leit_buffer_puts(text, "(a corpus of this recipe is not there: the paper's sizes "
                                        "stand in for it)\n"));
    LEIT_TRY(leit_buffer_printf(text, "\n%-18s %10.1f\n%-18s %10.1f\n%-18s %10.1f\n%-18s %10.1f\n",
                                "program, corpora", mib(r->program_bytes), "parameters",
                                mib(r->parameter_bytes), "gradients", mib(r->gradient_bytes),
                                "moments of Adam", mib(2 * r->learnt_bytes)));
    if (r->is_on_device)
        LEIT_TRY(leit_buffer_printf(text, "%-18s %10.1f\n%-18s %10.1f\n", "music",
                                    mib(r->music_bytes), "batches", mib(r->batch_bytes)));
    LEIT_TRY(leit_buffer_printf(text, "\n%-18s %6s %10s %12s %10s %14s\n", "plan", "nodes",
                                "inputs", "activations", "workspace", "(if unshared)"));
    for (int phase = 0; phase < strategy->n_phases; phase++) {
        char name[32];
        snprintf(name, sizeof name, "phase %s", strategy->phases[phase].name);
        LEIT_TRY(print_plan_row(text, name, &r->phases[phase]));
    }
    if (r->matcher->names.n_text_labels > 0)
        LEIT_TRY(print_plan_row(text, "text tower", &r->text_tower));
    LEIT_TRY(print_plan_row(text, "music tower", &r->music_tower));
    return print_peak(r, text);
}

static leit_status print_json_plan(leit_buffer *text, const char *name,
                                   const leit_plan_memory *memory, const char *end)
{
    return leit_buffer_printf(
        text,
        "{\"name\": \"%s\", \"n_nodes\": %d, \"input_bytes\": %zu, \"activation_bytes\": %zu, "
        "\"activation_unshared_bytes\": %zu, \"workspace_bytes\": %zu}%s",
        name, memory->n_nodes, memory->input_bytes, memory->activation_bytes,
        memory->activation_unshared_bytes, memory->workspace_bytes, end);
}

static leit_status print_json(const report *r, leit_buffer *text)
{
    const leit_strategy *strategy = r->matcher->strategy;
    LEIT_TRY(leit_buffer_printf(
        text,
        "{\"strategy\": \"%s\", \"device\": \"%s\", \"is_assumed\": %s, \"n_parameters\": %" PRId64
        ", \"program_bytes\": %" PRId64 ", \"parameter_bytes\": %" PRId64
        ", \"gradient_bytes\": %" PRId64 ", \"moment_bytes\": %" PRId64
        ", \"music_bytes\": %" PRId64 ", \"batch_bytes\": %" PRId64 ", \"peak_bytes\": %" PRId64
        ", \"plans\": [",
        leit_strategy_name(r->recipe->strategy), r->is_on_device ? "cuda" : "cpu",
        r->has_data ? "false" : "true", r->n_parameters, r->program_bytes, r->parameter_bytes,
        r->gradient_bytes, 2 * r->learnt_bytes, r->is_on_device ? r->music_bytes : 0,
        r->batch_bytes, peak_of(r)));
    for (int phase = 0; phase < strategy->n_phases; phase++)
        LEIT_TRY(print_json_plan(text, strategy->phases[phase].name, &r->phases[phase], ", "));
    if (r->matcher->names.n_text_labels > 0)
        LEIT_TRY(print_json_plan(text, "text tower", &r->text_tower, ", "));
    return print_json_plan(text, "music tower", &r->music_tower, "]}\n");
}

/* Nothing runs, so that no GPU is needed: the table's kernels, the program's memory. */
static void take_backend(report *r, const leit_backend *backend)
{
    r->is_on_device = !backend->memory.is_host;
    r->backend = *backend;
    r->backend.memory = leit_backend_cpu()->memory;
}

/* Where the recipe would train: `auto` is a GPU where one can be used. */
static leit_status choose_backend(report *r)
{
    const struct leit_recipe_run *run = &r->recipe->run;
    take_backend(r, leit_backend_cpu());
    if (run->device == LEIT_DEVICE_CHOICE_CPU) return LEIT_OK;
    if (run->device == LEIT_DEVICE_CHOICE_CUDA)
        LEIT_TRY(leit_cuda_open_plugin(&r->cuda));
    else if (leit_cuda_open(&r->cuda) != LEIT_OK)
        return LEIT_OK;
    take_backend(r, leit_cuda_table_of(r->cuda)->backend(run->kernels, run->precision));
    return LEIT_OK;
}

static leit_status build_report(report *r)
{
    const leit_recipe *recipe = r->recipe;
    const bool is_tagging = recipe->strategy == LEIT_STRATEGY_TAGGING;
    r->has_data =
        leit_file_exists(recipe->data.music) &&
        (is_tagging || leit_file_exists(recipe->data.text)) &&
        (is_tagging || recipe->data.tags[0] == '\0' || leit_file_exists(recipe->data.tags));
    LEIT_TRY(leit_threads_create(recipe->run.threads, &r->threads));
    if (r->has_data) {
        LEIT_TRY(leit_dataset_open(recipe, &r->data));
        r->music_bytes = r->data.clips.offsets[r->data.clips.n_clips] * (int64_t)sizeof(int16_t);
    }
    LEIT_TRY(build_matcher(r));
    r->program_bytes = leit_memory_held_bytes();
    return LEIT_OK;
}

static void close_report(report *r)
{
    leit_matcher_free(r->matcher);
    leit_dataset_close(&r->data);
    leit_threads_free(r->threads);
    leit_cuda_close(r->cuda);
}

leit_status leit_train_plan(const leit_recipe *recipe, int as_json, char **text)
{
    report r = {.recipe = recipe, .n_ranks = 1};
    leit_buffer buffer = {0};
    leit_status status = choose_backend(&r);
    if (status == LEIT_OK) status = build_report(&r);
    if (status == LEIT_OK) status = as_json ? print_json(&r, &buffer) : print_table(&r, &buffer);
    close_report(&r);
    if (status == LEIT_OK)
        *text = buffer.data;
    else
        leit_buffer_clear(&buffer);
    return status;
}

leit_status leit_plan_report_batch(const leit_recipe *recipe, const leit_backend *backend,
                                   int n_ranks, int64_t room_bytes, int *batch)
{
    report r = {.recipe = recipe, .n_ranks = n_ranks};
    take_backend(&r, backend);
    leit_status status = build_report(&r);
    if (status == LEIT_OK) status = find_batch(&r, room_bytes, batch);
    close_report(&r);
    return status;
}

void leit_train_text_free(char *text)
{
    leit_free(text);
}
