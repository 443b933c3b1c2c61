#include "evaluate/evaluation.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/prefix.h"
#include "dist/mpi_loader.h"
#include "leitmotif/evaluate.h"
#include "strategy/matcher_file.h"

static void *take(leit_evaluation *evaluation, int64_t count, size_t bytes)
{
    return leit_arena_allocate(&evaluation->arena, (size_t)count * bytes);
}

/* ---- one mapping ---- */

static leit_status reserve(leit_evaluation *evaluation, leit_evaluation_mapping *mapping)
{
    const int64_t K = evaluation->n_text_labels, n = evaluation->n_texts;
    mapping->mood_precision = take(evaluation, K, sizeof(double));
    mapping->mood_mrr = take(evaluation, K, sizeof(double));
    mapping->precision = take(evaluation, n, sizeof(double));
    mapping->reciprocal_rank = take(evaluation, n, sizeof(double));
    mapping->confusion = take(evaluation, K * evaluation->n_music_labels, sizeof(double));
    return mapping->confusion == NULL || mapping->reciprocal_rank == NULL ||
                   mapping->precision == NULL || mapping->mood_mrr == NULL ||
                   mapping->mood_precision == NULL
               ? LEIT_INTERNAL
               : LEIT_OK;
}

static void copy_macro(const leit_retrieval_summary *summary, double *precision_at, double *mrr)
{
    memcpy(precision_at, summary->macro.precision, LEIT_EVALUATION_DEPTH * sizeof *precision_at);
    *mrr = summary->macro.mrr;
}

static leit_status read_figures(const leit_retrieval *retrieval, int at_k,
                                leit_evaluation_mapping *mapping)
{
    leit_retrieval_summary summary = {0};
    leit_status status = leit_retrieval_summarize(retrieval, &summary);
    if (status == LEIT_OK) {
        copy_macro(&summary, mapping->precision_at, &mapping->mrr);
        mapping->n_empty_texts = summary.n_empty_texts;
        for (int k = 0; k < summary.K_text; k++) {
            mapping->mood_precision[k] = summary.moods[k].precision[at_k - 1];
            mapping->mood_mrr[k] = summary.moods[k].mrr;
        }
        leit_retrieval_precision(retrieval, at_k, mapping->precision);
        leit_retrieval_reciprocal_rank(retrieval, mapping->reciprocal_rank);
        leit_retrieval_confusion(retrieval, at_k, mapping->confusion);
    }
    leit_retrieval_summary_clear(&summary);
    if (status == LEIT_OK) status = leit_retrieval_random(&retrieval->task, &summary);
    if (status == LEIT_OK) copy_macro(&summary, mapping->random_precision_at, &mapping->random_mrr);
    leit_retrieval_summary_clear(&summary);
    if (status == LEIT_OK) status = leit_retrieval_oracle(&retrieval->task, &summary);
    if (status == LEIT_OK) copy_macro(&summary, mapping->oracle_precision_at, &mapping->oracle_mrr);
    leit_retrieval_summary_clear(&summary);
    return status;
}

leit_status leit_evaluation_interval(const leit_evaluation *evaluation, int n_runs,
                                     const double *values, int n_samples, leit_threads *threads,
                                     leit_interval *interval)
{
    const double confidence = 0.95;
    const uint64_t seed = 1; /* intervals must not change with the runs' seeds */
    const leit_sample sample = {.n_texts = evaluation->n_texts,
                                .n_seeds = n_runs,
                                .n_moods = evaluation->n_text_labels,
                                .values = values,
                                .mood = evaluation->text_mood};
    *interval = (leit_interval){.low = (double)NAN, .high = (double)NAN};
    if (n_samples == 0) return leit_statistics_mean(&sample, &interval->mean);
    return leit_statistics_bootstrap(&sample, n_samples, confidence, seed, threads, interval);
}

static leit_status find_interval(const leit_matcher *matcher, const leit_evaluation *e,
                                 const double *values, double ends[2])
{
    leit_interval interval;
    LEIT_TRY(leit_evaluation_interval(e, 1, values, matcher->recipe->evaluate.bootstrap_samples,
                                      matcher->threads, &interval));
    ends[0] = interval.low;
    ends[1] = interval.high;
    return LEIT_OK;
}

/* ---- a run ---- */

static leit_status describe(const leit_matcher *matcher, const leit_dataset *data, int split,
                            const leit_answers *answers, leit_evaluation *e)
{
    const leit_recipe *recipe = matcher->recipe;
    leit_arena *arena = &e->arena;
    e->recipe_name = leit_arena_strdup(arena, recipe->name);
    e->strategy = leit_strategy_name(recipe->strategy);
    e->split = leit_split_name((enum leit_split)split);
    e->text_corpus = leit_arena_strdup(arena, data->text->about.name);
    e->music_corpus = leit_arena_strdup(arena, data->music->about.name);
    e->text_split = leit_arena_strdup(arena, data->text->about.split);
    e->seed = recipe->seed;
    e->at_k = recipe->evaluate.at_k;
    e->n_texts = answers->n_texts;
    e->n_clips = answers->n_clips;
    e->n_text_labels = data->text->n_labels;
    e->n_music_labels = data->music->n_labels;
    LEIT_FAIL_IF(e->n_texts == 0 || e->n_clips == 0, LEIT_DATA,
                 "the %s split has %lld texts and %lld clips, expected at least one of each",
                 e->split, (long long)e->n_texts, (long long)e->n_clips);
    LEIT_FAIL_IF(e->at_k > LEIT_EVALUATION_DEPTH, LEIT_USAGE,
                 "evaluate.at_k is %d, expected at most %d", e->at_k, LEIT_EVALUATION_DEPTH);
    e->text_mood = take(e, e->n_texts, sizeof *e->text_mood);
    const char **text_labels = take(e, e->n_text_labels, sizeof *text_labels);
    const char **music_labels = take(e, e->n_music_labels, sizeof *music_labels);
    if (e->text_mood == NULL || text_labels == NULL || music_labels == NULL) return LEIT_INTERNAL;
    memcpy(e->text_mood, answers->text_label, (size_t)e->n_texts * sizeof *e->text_mood);
    for (int32_t k = 0; k < e->n_text_labels; k++)
        text_labels[k] = leit_arena_strdup(arena, data->text->labels[k]);
    for (int32_t k = 0; k < e->n_music_labels; k++)
        music_labels[k] = leit_arena_strdup(arena, data->music->labels[k]);
    e->text_labels = text_labels;
    e->music_labels = music_labels;
    return LEIT_OK;
}

static leit_status rank_all(const leit_matcher *matcher, const leit_dataset *data,
                            const leit_answers *answers, leit_evaluation *e)
{
    const struct leit_recipe_strings *wanted = &matcher->recipe->evaluate.mappings;
    uint8_t *matrices[LEIT_EVALUATION_MAPPINGS] = {0};
    leit_retrieval *retrievals[LEIT_EVALUATION_MAPPINGS] = {0};
    uint64_t corpora = 0;
    leit_status status = leit_dataset_sum(data, &corpora);
    for (int m = 0; status == LEIT_OK && m < wanted->count && m < LEIT_EVALUATION_MAPPINGS; m++) {
        const enum leit_mapping mapping = leit_mapping_meant(matcher->recipe, wanted->items[m]);
        e->mappings[m].name = leit_mapping_name(mapping);
        status = leit_answers_mapping(data, mapping, &matrices[m]);
        const leit_retrieval_task task = {.n_texts = e->n_texts,
                                          .n_clips = e->n_clips,
                                          .K_text = e->n_text_labels,
                                          .K_music = e->n_music_labels,
                                          .text_mood = answers->text_label,
                                          .clip_mood = answers->clip_label,
                                          .mapping = matrices[m],
                                          .depth = LEIT_EVALUATION_DEPTH};
        if (status == LEIT_OK)
            corpora = XXH3_64bits_withSeed(
                matrices[m], (size_t)e->n_text_labels * (size_t)e->n_music_labels, corpora);
        if (status == LEIT_OK) status = leit_retrieval_create(&task, &retrievals[m]);
        if (status == LEIT_OK) status = reserve(e, &e->mappings[m]);
        e->n_mappings = m + 1;
    }
    e->corpora = leit_arena_printf(&e->arena, "%016" PRIx64, corpora);
    if (e->corpora == NULL) status = LEIT_INTERNAL;
    if (status == LEIT_OK) status = leit_answers_rank(matcher, answers, e->n_mappings, retrievals);
    for (int m = 0; status == LEIT_OK && m < e->n_mappings; m++) {
        leit_evaluation_mapping *mapping = &e->mappings[m];
        status = read_figures(retrievals[m], e->at_k, mapping);
        if (status == LEIT_OK && m == 0)
            status = leit_retrieval_count_lists(retrievals[m], e->at_k, &e->n_lists);
        if (status == LEIT_OK)
            status = find_interval(matcher, e, mapping->precision, mapping->precision_interval);
        if (status == LEIT_OK)
            status = find_interval(matcher, e, mapping->reciprocal_rank, mapping->mrr_interval);
    }
    for (int m = 0; m < LEIT_EVALUATION_MAPPINGS; m++) {
        leit_retrieval_free(retrievals[m]);
        leit_free(matrices[m]);
    }
    return status;
}

leit_status leit_evaluation_run(leit_dist *dist, leit_matcher *matcher, leit_tower *text_tower,
                                leit_tower *music_tower, const leit_dataset *data, int split,
                                leit_evaluation *evaluation)
{
    *evaluation = (leit_evaluation){0};
    LEIT_FAIL_IF(data->text == NULL, LEIT_USAGE,
                 "tagging trains an encoder alone: there is nothing to rank");
    leit_answers answers;
    LEIT_TRY(leit_answers_collect(dist, text_tower, music_tower, data, split, &answers));
    leit_status status = describe(matcher, data, split, &answers, evaluation);
    if (status == LEIT_OK) status = rank_all(matcher, data, &answers, evaluation);
    leit_answers_clear(&answers);
    if (status != LEIT_OK) leit_evaluation_clear(evaluation);
    return status;
}

void leit_evaluation_clear(leit_evaluation *evaluation)
{
    leit_arena_clear(&evaluation->arena);
    *evaluation = (leit_evaluation){0};
}

bool leit_evaluation_has_mood(const leit_evaluation *e, int32_t mood)
{
    for (int64_t i = 0; i < e->n_texts; i++)
        if (e->text_mood[i] == mood) return true;
    return false;
}

leit_status leit_evaluation_missing_moods(const leit_evaluation *e, leit_buffer *names)
{
    const char *separator = "";
    for (int32_t k = 0; k < e->n_text_labels; k++) {
        if (leit_evaluation_has_mood(e, k)) continue;
        LEIT_TRY(leit_buffer_printf(names, "%s%s", separator, e->text_labels[k]));
        separator = ", ";
    }
    return LEIT_OK;
}

/* What the averages do not show. */
static leit_status print_left_out(const leit_evaluation *e, leit_buffer *text)
{
    leit_buffer missing = {0};
    leit_status status = leit_evaluation_missing_moods(e, &missing);
    if (status == LEIT_OK && missing.size_bytes > 0)
        status = leit_buffer_printf(text, "no test text, left out of the averages: %s\n",
                                    leit_buffer_text(&missing));
    leit_buffer_clear(&missing);
    /* Retrieving is the matcher's doing: a mapping only says what of it is right. */
    if (status == LEIT_OK && e->n_mappings > 0 && e->mappings[0].n_empty_texts > 0)
        status =
            leit_buffer_printf(text, "nothing is retrieved for %lld of %lld texts; they score 0\n",
                               (long long)e->mappings[0].n_empty_texts, (long long)e->n_texts);
    if (status == LEIT_OK && e->n_lists == 1 && e->n_texts > 1)
        status = leit_buffer_printf(
            text,
            "every text gets the same %d clips: no text is told from another, and these "
            "figures say nothing of the strategy; train longer, or look at its losses\n",
            e->at_k);
    return status;
}

static leit_status print_figure(double value, const double interval[2], leit_buffer *text)
{
    if (isnan(interval[0])) return leit_buffer_printf(text, "%.4f%19s", value, "");
    return leit_buffer_printf(text, "%.4f [%.4f, %.4f]  ", value, interval[0], interval[1]);
}

leit_status leit_evaluation_print(const leit_evaluation *e, leit_buffer *text)
{
    LEIT_TRY(leit_buffer_printf(text,
                                "%s, seed %lld: %s split, %lld texts of %s, %lld clips of %s\n",
                                e->recipe_name, (long long)e->seed, e->split, (long long)e->n_texts,
                                e->text_corpus, (long long)e->n_clips, e->music_corpus));
    LEIT_TRY(leit_buffer_printf(text, "%-12s  P@%-23d%-25s%s\n", "mapping", e->at_k, "MRR",
                                "random P, MRR   oracle P, MRR"));
    for (int m = 0; m < e->n_mappings; m++) {
        const leit_evaluation_mapping *mapping = &e->mappings[m];
        const int k = e->at_k - 1;
        LEIT_TRY(leit_buffer_printf(text, "%-12s  ", mapping->name));
        LEIT_TRY(print_figure(mapping->precision_at[k], mapping->precision_interval, text));
        LEIT_TRY(print_figure(mapping->mrr, mapping->mrr_interval, text));
        LEIT_TRY(leit_buffer_printf(text, "%.4f  %.4f  %.4f  %.4f\n",
                                    mapping->random_precision_at[k], mapping->random_mrr,
                                    mapping->oracle_precision_at[k], mapping->oracle_mrr));
    }
    return print_left_out(e, text);
}

/* ---- public ---- */

/* Writes the file; the text is one of its two forms. */
static leit_status hand_over(const leit_evaluation *evaluation,
                             const leit_evaluate_options *options, leit_buffer *text)
{
    leit_arena arena = {0};
    const char *path =
        leit_arena_printf(&arena, "%s/evaluation-%s.json", options->run, evaluation->split);
    leit_status status = path == NULL ? LEIT_INTERNAL : leit_evaluation_write(evaluation, path);
    leit_arena_clear(&arena);
    if (status != LEIT_OK || text == NULL) return status;
    return options->as_json ? leit_evaluation_json(evaluation, text)
                            : leit_evaluation_print(evaluation, text);
}

/* What the file says of the matcher and of the question. */
static leit_status describe_run(const leit_loaded_matcher *loaded,
                                const leit_evaluate_options *options, leit_evaluation *e)
{
    const char **overrides =
        leit_arena_allocate(&e->arena, (options->n_overrides + 1) * sizeof *overrides);
    e->fingerprint = leit_arena_printf(&e->arena, "%016" PRIx64, loaded->fingerprint);
    if (overrides == NULL || e->fingerprint == NULL) return LEIT_INTERNAL;
    for (size_t i = 0; i < options->n_overrides; i++) {
        overrides[i] = leit_arena_strdup(&e->arena, options->overrides[i]);
        if (overrides[i] == NULL) return LEIT_INTERNAL;
    }
    e->n_overrides = options->n_overrides;
    e->overrides = overrides;
    return leit_checkpoint_text(loaded->checkpoint, "recipe", &e->arena, &e->settings);
}

static leit_status evaluate_loaded(leit_dist *dist, leit_loaded_matcher *loaded,
                                   const leit_evaluate_options *options, int split,
                                   leit_buffer *text)
{
    leit_dataset data;
    LEIT_TRY(leit_dataset_open(loaded->recipe, &data));
    leit_evaluation evaluation;
    loaded->text.heeds_stop = loaded->music.heeds_stop = true;
    leit_status status = leit_matcher_check_data(loaded->checkpoint, &data);
    if (status == LEIT_OK) status = leit_dataset_verify(&data);
    if (status == LEIT_OK)
        status = leit_evaluation_run(dist, loaded->matcher, &loaded->text, &loaded->music, &data,
                                     split, &evaluation);
    leit_dataset_close(&data);
    LEIT_TRY(status);
    status = describe_run(loaded, options, &evaluation);
    if (status == LEIT_OK && leit_dist_rank(dist) == 0)
        status = hand_over(&evaluation, options, text);
    leit_evaluation_clear(&evaluation);
    return status;
}

/* With the ranks that a launcher has started. */
static leit_status evaluate_with_ranks(leit_loaded_matcher *loaded,
                                       const leit_evaluate_options *options, int split,
                                       leit_buffer *text)
{
    leit_launch launch;
    leit_dist *dist = NULL;
    LEIT_TRY(leit_launch_read(getenv, &launch));
    LEIT_TRY(leit_dist_create_launched(
        &launch, (int64_t)loaded->recipe->run.rank_deadline_seconds * 1000, &dist));
    const leit_status status =
        leit_dist_join(dist, evaluate_loaded(dist, loaded, options, split, text));
    leit_dist_close(dist);
    return status;
}

/* What was trained stays as it is; how it is asked may change. */
bool leit_evaluation_takes(const char *override)
{
    static const char *const allowed[] = {
        "evaluate.",        "data.text=", "data.text_split=", "data.music=", "data.tags=",
        "data.eval_crops=", NULL};
    return leit_starts_with_any(override, allowed);
}

leit_status leit_evaluation_check_overrides(size_t n, const char *const overrides[])
{
    for (size_t i = 0; i < n; i++)
        LEIT_FAIL_IF(!leit_evaluation_takes(overrides[i]), LEIT_USAGE,
                     "override '%.80s': a trained run takes evaluate.*, data.text, "
                     "data.text_split, data.music, data.tags and data.eval_crops; train again for "
                     "another model",
                     overrides[i]);
    return LEIT_OK;
}

leit_status leit_evaluate(const leit_evaluate_options *options, char **text)
{
    const char *split = options->split == NULL ? "test" : options->split;
    const bool is_test = strcmp(split, "test") == 0;
    LEIT_FAIL_IF(!is_test && strcmp(split, "valid") != 0, LEIT_USAGE,
                 "the split is '%s', expected test or valid", split);
    LEIT_TRY(leit_evaluation_check_overrides(options->n_overrides, options->overrides));
    leit_threads *threads = NULL;
    LEIT_TRY(leit_threads_create(options->threads, &threads));
    leit_loaded_matcher loaded;
    leit_buffer buffer = {0};
    leit_status status = leit_matcher_open(options->run, leit_backend_cpu(), threads,
                                           options->overrides, options->n_overrides, &loaded);
    if (status == LEIT_OK) {
        status = evaluate_with_ranks(&loaded, options, is_test ? LEIT_SPLIT_TEST : LEIT_SPLIT_VALID,
                                     text == NULL ? NULL : &buffer);
        leit_matcher_close(&loaded);
    }
    leit_threads_free(threads);
    if (status == LEIT_OK && text != NULL && buffer.data == NULL)
        status = leit_buffer_puts(&buffer, ""); /* of a rank that has nothing to say */
    if (status == LEIT_OK && text != NULL)
        *text = buffer.data;
    else
        leit_buffer_clear(&buffer);
    return status;
}

void leit_evaluate_text_free(char *text)
{
    leit_free(text);
}
