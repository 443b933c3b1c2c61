/* What training will take: the plans of all phases are built and measured, but no memory is taken.
 */
#include <inttypes.h>
#include <stdio.h>

#include "core/file.h"
#include "core/memory.h"
#include "leitmotif/train.h"
#include "strategy/matcher.h"
#include "strategy/step.h"

enum { MAX_PHASES = 2 };

/* The paper's sizes, for corpora that are not there. */
enum { BERT_VOCABULARY = 30522, ALM_LABELS = 5, MOOD_LABELS = 7, TAG_LABELS = 50, WORD2VEC = 300 };

#define ASSUMED_5 "assumed", "assumed", "assumed", "assumed", "assumed"
#define ASSUMED_10 ASSUMED_5, ASSUMED_5

typedef struct report {
    const leit_recipe *recipe;
    bool has_data;
    leit_dataset data;
    leit_threads *threads;
    leit_matcher *matcher;
    leit_plan_memory phases[MAX_PHASES], text_tower, music_tower;
    int64_t parameter_bytes, learnt_bytes; /* learnt: of gradients, and of each moment */
    int64_t n_parameters;
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

static leit_status measure(report *r)
{
    const leit_strategy *strategy = r->matcher->strategy;
    const leit_plan_options options = {
        .backend = leit_backend_cpu(), .threads = r->threads, .training = true};
    for (int phase = 0; phase < strategy->n_phases; phase++) {
        leit_step step;
        LEIT_TRY(leit_step_create(strategy, &strategy->phases[phase], &r->matcher->space,
                                  r->has_data ? &r->data : NULL, &r->matcher->front, &options,
                                  &r->matcher->parameters, &step));
        leit_status status = leit_plan_measure(step.plan, &r->phases[phase]);
        leit_step_clear(&step);
        LEIT_TRY(status);
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
    return LEIT_OK;
}

static int64_t total_of(const leit_plan_memory *memory)
{
    return (int64_t)(memory->input_bytes + memory->activation_bytes + memory->workspace_bytes);
}

static int64_t peak_of(const report *r)
{
    int64_t largest = 0;
    for (int phase = 0; phase < MAX_PHASES; phase++)
        if (total_of(&r->phases[phase]) > largest) largest = total_of(&r->phases[phase]);
    return r->program_bytes + r->parameter_bytes + 3 * r->learnt_bytes + total_of(&r->text_tower) +
           total_of(&r->music_tower) + largest;
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

static leit_status print_table(const report *r, leit_buffer *text)
{
    const leit_strategy *strategy = r->matcher->strategy;
    LEIT_TRY(leit_buffer_printf(text, "%s: %s, %" PRId64 " parameters, device cpu, fp32, MiB\n",
                                r->recipe->name, leit_strategy_name(r->recipe->strategy),
                                r->n_parameters));
    if (!r->has_data)
        LEIT_TRY(leit_buffer_puts(text, "(a corpus of this recipe is not there: the paper's sizes "
                                        "stand in for it)\n"));
    LEIT_TRY(leit_buffer_printf(
        text, "\n%-18s %10.1f\n%-18s %10.1f\n%-18s %10.1f\n%-18s %10.1f\n\n", "program, corpora",
        mib(r->program_bytes), "parameters", mib(r->parameter_bytes), "gradients",
        mib(r->learnt_bytes), "moments of Adam", mib(2 * r->learnt_bytes)));
    LEIT_TRY(leit_buffer_printf(text, "%-18s %6s %10s %12s %10s %14s\n", "plan", "nodes", "inputs",
                                "activations", "workspace", "(if unshared)"));
    for (int phase = 0; phase < strategy->n_phases; phase++) {
        char name[32];
        snprintf(name, sizeof name, "phase %s", strategy->phases[phase].name);
        LEIT_TRY(print_plan_row(text, name, &r->phases[phase]));
    }
    if (r->matcher->names.n_text_labels > 0)
        LEIT_TRY(print_plan_row(text, "text tower", &r->text_tower));
    LEIT_TRY(print_plan_row(text, "music tower", &r->music_tower));
    return leit_buffer_printf(text, "\n%-18s %10.1f   music is read in its file, beside this\n",
                              "peak", mib(peak_of(r)));
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
        "{\"strategy\": \"%s\", \"device\": \"cpu\", \"is_assumed\": %s, \"n_parameters\": %" PRId64
        ", \"program_bytes\": %" PRId64 ", \"parameter_bytes\": %" PRId64
        ", \"gradient_bytes\": %" PRId64 ", \"moment_bytes\": %" PRId64 ", \"peak_bytes\": %" PRId64
        ", \"plans\": [",
        leit_strategy_name(r->recipe->strategy), r->has_data ? "false" : "true", r->n_parameters,
        r->program_bytes, r->parameter_bytes, r->learnt_bytes, 2 * r->learnt_bytes, peak_of(r)));
    for (int phase = 0; phase < strategy->n_phases; phase++)
        LEIT_TRY(print_json_plan(text, strategy->phases[phase].name, &r->phases[phase], ", "));
    if (r->matcher->names.n_text_labels > 0)
        LEIT_TRY(print_json_plan(text, "text tower", &r->text_tower, ", "));
    return print_json_plan(text, "music tower", &r->music_tower, "]}\n");
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
    if (r->has_data) LEIT_TRY(leit_dataset_open(recipe, &r->data));
    const leit_mood_names names =
        r->has_data ? leit_mood_names_of(&r->data) : assumed_names(recipe);
    LEIT_TRY(leit_matcher_create(recipe, &names, leit_backend_cpu(), r->threads, &r->matcher));
    LEIT_TRY(measure(r));
    r->program_bytes = leit_memory_held_bytes();
    return LEIT_OK;
}

leit_status leit_train_plan(const leit_recipe *recipe, int as_json, char **text)
{
    report r = {.recipe = recipe};
    leit_buffer buffer = {0};
    leit_status status = build_report(&r);
    if (status == LEIT_OK) status = as_json ? print_json(&r, &buffer) : print_table(&r, &buffer);
    leit_matcher_free(r.matcher);
    leit_dataset_close(&r.data);
    leit_threads_free(r.threads);
    if (status == LEIT_OK)
        *text = buffer.data;
    else
        leit_buffer_clear(&buffer);
    return status;
}

void leit_train_text_free(char *text)
{
    leit_free(text);
}
