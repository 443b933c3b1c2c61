#include "compare/runs.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/prefix.h"
#include "leitmotif/evaluate.h"
#include "leitmotif/train.h"
#include "strategy/matcher_file.h"

static const char figures_name[] = "evaluation-test.json";

/* ---- what tells runs apart ---- */

static bool same_strings(int64_t n, const char *const *a, const char *const *b)
{
    for (int64_t i = 0; i < n; i++)
        if (strcmp(a[i], b[i]) != 0) return false;
    return true;
}

bool leit_run_same_question(const leit_evaluation *a, const leit_evaluation *b)
{
    /* The sum decides; the rest is what tables and maps are laid out by, and a file may say
     * anything. */
    bool same = strcmp(a->corpora, b->corpora) == 0 &&
                strcmp(a->text_corpus, b->text_corpus) == 0 &&
                strcmp(a->music_corpus, b->music_corpus) == 0 && strcmp(a->split, b->split) == 0 &&
                strcmp(a->text_split, b->text_split) == 0 && a->n_texts == b->n_texts &&
                a->n_clips == b->n_clips && a->at_k == b->at_k && a->n_mappings == b->n_mappings &&
                a->n_text_labels == b->n_text_labels && a->n_music_labels == b->n_music_labels;
    same = same && same_strings(a->n_text_labels, a->text_labels, b->text_labels) &&
           same_strings(a->n_music_labels, a->music_labels, b->music_labels) &&
           memcmp(a->text_mood, b->text_mood, (size_t)a->n_texts * sizeof *a->text_mood) == 0;
    for (int m = 0; same && m < a->n_mappings; m++)
        same = strcmp(a->mappings[m].name, b->mappings[m].name) == 0;
    return same;
}

bool leit_run_same_settings(const leit_run *a, const leit_run *b)
{
    for (size_t i = 0; i < leit_recipe_n_settings(); i++) {
        const char *left = a->settings[i], *right = b->settings[i];
        if ((left == NULL) != (right == NULL)) return false;
        if (left != NULL && strcmp(left, right) != 0) return false;
    }
    return true;
}

/* The seed itself, where and how fast a run runs, and how its figures are looked at afterwards make
 * no other run; nor does what its strategy does not read. */
static bool tells_apart(const leit_recipe_setting *setting)
{
    static const char *const others[] = {"seed",        "evaluate.",          "run.directory",
                                         "run.threads", "run.resume",         "run.checkpoint_",
                                         "run.keep_",   "run.rank_deadline_", NULL};
    return setting->is_read && !leit_starts_with_any(setting->key, others);
}

static const char *without_seed(leit_arena *arena, const char *value, int64_t seed)
{
    char word[32];
    const size_t length = (size_t)snprintf(word, sizeof word, "seed%" PRId64, seed);
    char *copy = leit_arena_strdup(arena, value);
    for (char *at = copy; at != NULL && (at = strstr(at, word)) != NULL; at += strlen("seed"))
        if (!isdigit((unsigned char)at[length]))
            memmove(at + strlen("seed"), at + length, strlen(at + length) + 1);
    return copy;
}

/* The recipe as the evaluation asked it, but for the corpora it was asked about: they are compared
 * by their sum, and those it was trained on make it what it is. */
static leit_status read_settings(leit_arena *arena, leit_run *run)
{
    static const char *const kept[] = {"evaluate.", "data.eval_crops=", NULL};
    const leit_evaluation *e = &run->evaluation;
    const char **words = leit_arena_allocate(arena, (e->n_overrides + 1) * sizeof *words);
    const char **values = leit_arena_allocate(arena, leit_recipe_n_settings() * sizeof *values);
    const char *path = leit_path_join(arena, run->folder, figures_name);
    if (words == NULL || values == NULL || path == NULL) return LEIT_INTERNAL;
    size_t n = 0;
    for (size_t i = 0; i < e->n_overrides; i++)
        if (leit_starts_with_any(e->overrides[i], kept)) words[n++] = e->overrides[i];
    LEIT_TRY(leit_recipe_parse(path, e->settings, strlen(e->settings), words, n, &run->recipe));
    for (size_t i = 0; i < leit_recipe_n_settings(); i++) {
        leit_recipe_setting setting;
        LEIT_TRY(leit_recipe_setting_at(run->recipe, i, &setting));
        if (!tells_apart(&setting)) continue;
        values[i] = without_seed(arena, setting.value, run->recipe->seed);
        if (values[i] == NULL) return LEIT_INTERNAL;
    }
    run->settings = values;
    return LEIT_OK;
}

/* ---- evaluating ---- */

typedef struct word_list {
    const char **words;
    size_t n;
    bool has_changed;
} word_list;

/* The last word of a key wins, as everywhere. */
static void put_word(word_list *list, const char *word)
{
    const size_t length = strcspn(word, "=") + 1;
    for (size_t i = 0; i < list->n; i++) {
        if (strncmp(list->words[i], word, length) != 0) continue;
        list->has_changed = list->has_changed || strcmp(list->words[i], word) != 0;
        list->words[i] = word;
        return;
    }
    list->has_changed = true;
    list->words[list->n++] = word;
}

/* How figures were asked for; what is older than that record is asked by what it names. */
static leit_status read_words(leit_arena *arena, const leit_evaluation *e, word_list *list)
{
    for (size_t i = 0; i < e->n_overrides; i++) {
        const char *word = leit_arena_strdup(arena, e->overrides[i]);
        if (word == NULL) return LEIT_INTERNAL;
        put_word(list, word);
    }
    if (e->fingerprint[0] != '\0') return LEIT_OK;
    const char *mappings = "";
    for (int m = 0; mappings != NULL && m < e->n_mappings; m++)
        mappings =
            leit_arena_printf(arena, "%s%s%s", mappings, m == 0 ? "" : ", ", e->mappings[m].name);
    const char *words[2] = {leit_arena_printf(arena, "evaluate.mappings=[%s]", mappings),
                            leit_arena_printf(arena, "evaluate.at_k=%d", e->at_k)};
    if (mappings == NULL || words[0] == NULL || words[1] == NULL) return LEIT_INTERNAL;
    for (int i = 0; i < 2; i++) put_word(list, words[i]);
    return LEIT_OK;
}

/* Figures that were carried away from their checkpoints stand for themselves. */
static leit_status is_of_checkpoint(leit_arena *arena, const leit_run *run, bool *is)
{
    const char *checkpoints = leit_path_join(arena, run->folder, "checkpoints");
    if (checkpoints == NULL) return LEIT_INTERNAL;
    *is = run->evaluation.fingerprint[0] != '\0';
    if (!*is || !leit_file_exists(checkpoints)) return LEIT_OK;
    leit_checkpoint *checkpoint = NULL;
    uint64_t fingerprint = 0;
    char digits[17];
    LEIT_TRY(leit_checkpoint_open(run->folder, &checkpoint));
    leit_status status = leit_matcher_fingerprint(checkpoint, &fingerprint);
    leit_checkpoint_close(checkpoint);
    snprintf(digits, sizeof digits, "%016" PRIx64, fingerprint);
    *is = strcmp(digits, run->evaluation.fingerprint) == 0;
    return status;
}

static leit_status read_figures(leit_arena *arena, const leit_compare_options *options,
                                int n_threads, leit_run *run)
{
    const char *path = leit_path_join(arena, run->folder, figures_name);
    if (path == NULL) return LEIT_INTERNAL;
    bool is_made = leit_file_exists(path);
    if (is_made) LEIT_TRY(leit_evaluation_read(path, &run->evaluation));
    const size_t most = run->evaluation.n_overrides + options->n_overrides + 2;
    word_list list = {.words = leit_arena_allocate(arena, most * sizeof *list.words)};
    if (list.words == NULL) return LEIT_INTERNAL;
    if (is_made) LEIT_TRY(read_words(arena, &run->evaluation, &list));
    if (is_made) LEIT_TRY(is_of_checkpoint(arena, run, &is_made));
    list.has_changed = false;
    for (size_t i = 0; i < options->n_overrides; i++)
        if (leit_evaluation_takes(options->overrides[i])) put_word(&list, options->overrides[i]);
    if (is_made && !list.has_changed) return LEIT_OK;
    leit_evaluation_clear(&run->evaluation);
    const leit_evaluate_options evaluate = {
        .run = run->folder, .threads = n_threads, .n_overrides = list.n, .overrides = list.words};
    LEIT_TRY(leit_evaluate(&evaluate, NULL));
    return leit_evaluation_read(path, &run->evaluation);
}

/* ---- gathering ---- */

/* The same run under two names is one; two models of one recipe and seed cannot both be it. */
static leit_status find_twin(leit_runs *runs, const leit_run *run, bool *is_twin)
{
    *is_twin = false;
    for (size_t i = 0; i < runs->n; i++) {
        const leit_run *other = &runs->list[i];
        if (other->evaluation.seed != run->evaluation.seed ||
            !leit_run_same_question(&other->evaluation, &run->evaluation) ||
            !leit_run_same_settings(other, run))
            continue;
        LEIT_FAIL_IF(strcmp(other->evaluation.fingerprint, run->evaluation.fingerprint) != 0,
                     LEIT_USAGE,
                     "it has the recipe and the seed of %s and other parameters; name one of them",
                     other->folder);
        *is_twin = true;
        return leit_buffer_printf(&runs->notes, "%s is the same run as %s and counted once\n",
                                  run->folder, other->folder);
    }
    return LEIT_OK;
}

static void clear_run(leit_run *run)
{
    leit_evaluation_clear(&run->evaluation);
    leit_recipe_free(run->recipe);
}

static leit_status add_run(leit_runs *runs, const leit_compare_options *options, int n_threads,
                           const char *folder)
{
    leit_run run = {.folder = leit_arena_strdup(&runs->arena, folder)};
    bool is_twin = false;
    leit_status status = LEIT_GROW(runs->list, runs->n, runs->capacity);
    if (run.folder == NULL) status = LEIT_INTERNAL;
    if (status == LEIT_OK) status = read_figures(&runs->arena, options, n_threads, &run);
    if (status == LEIT_OK) status = read_settings(&runs->arena, &run);
    if (status == LEIT_OK) status = find_twin(runs, &run, &is_twin);
    if (status == LEIT_OK && !is_twin)
        runs->list[runs->n++] = run;
    else
        clear_run(&run);
    return status;
}

/* A source that fails is left out and named, unless work was interrupted. */
static leit_status forgive(leit_runs *runs, const char *source, leit_status status)
{
    if (status == LEIT_OK || status == LEIT_AGAIN || status == LEIT_INTERNAL) return status;
    if (runs->n_left_out++ == 0) runs->first_failure = status;
    leit_log(LEIT_LOG_WARNING, "%s is left out: %s", source, leit_error_message());
    return leit_buffer_printf(&runs->notes, "%s is left out: %s\n", source, leit_error_message());
}

static leit_status load_recipe(leit_arena *arena, const leit_compare_options *options,
                               const char *path, const int64_t *seed, leit_recipe **result)
{
    size_t n = options->n_overrides;
    const char **overrides = leit_arena_allocate(arena, (n + 2) * sizeof *overrides);
    if (overrides == NULL) return LEIT_INTERNAL;
    if (n > 0) memcpy(overrides, options->overrides, n * sizeof *overrides);
    leit_recipe *recipe = NULL;
    LEIT_TRY(leit_recipe_load(path, overrides, n, &recipe));
    leit_status status = LEIT_OK;
    if (seed != NULL) {
        overrides[n++] = leit_arena_printf(arena, "seed=%" PRId64, *seed);
        overrides[n++] =
            leit_arena_printf(arena, "run.directory=%s-seed%" PRId64, recipe->run.directory, *seed);
        leit_recipe_free(recipe);
        recipe = NULL;
        status = overrides[n - 2] == NULL || overrides[n - 1] == NULL
                     ? LEIT_INTERNAL
                     : leit_recipe_load(path, overrides, n, &recipe);
    }
    if (status == LEIT_OK && recipe->strategy == LEIT_STRATEGY_TAGGING)
        status =
            leit_fail(LEIT_USAGE, __func__,
                      "%s: tagging trains an encoder alone: there is nothing to compare", path);
    if (status == LEIT_OK)
        *result = recipe;
    else
        leit_recipe_free(recipe);
    return status;
}

/* One run to come: a folder, or a recipe that is trained into one. */
typedef struct job {
    const char *source;
    leit_recipe *recipe; /* NULL: source is the folder */
} job;

static leit_status make_jobs(leit_arena *arena, const leit_compare_options *options, job *jobs,
                             size_t *n_jobs)
{
    const size_t n_seeds = options->n_seeds == 0 ? 1 : options->n_seeds;
    bool has_recipe = false;
    for (size_t i = 0; i < options->n_sources; i++) {
        const char *source = options->sources[i];
        if (leit_file_is_directory(source)) {
            jobs[(*n_jobs)++] = (job){.source = source};
            continue;
        }
        has_recipe = true;
        for (size_t s = 0; s < n_seeds; s++) {
            const int64_t *seed = options->n_seeds == 0 ? NULL : &options->seeds[s];
            job *made = &jobs[*n_jobs];
            LEIT_TRY(load_recipe(arena, options, source, seed, &made->recipe));
            ++*n_jobs;
            made->source = seed == NULL
                               ? source
                               : leit_arena_printf(arena, "%s, seed %" PRId64, source, *seed);
            if (made->source == NULL) return LEIT_INTERNAL;
        }
    }
    if (has_recipe) return LEIT_OK; /* the other words are for it */
    LEIT_FAIL_IF(options->n_seeds > 0, LEIT_USAGE,
                 "seeds are for recipes, which are trained; these are run folders: name the folder "
                 "of each seed");
    return leit_evaluation_check_overrides(options->n_overrides, options->overrides);
}

static leit_status run_job(leit_runs *runs, const leit_compare_options *options, int n_threads,
                           const char *source, const leit_recipe *recipe)
{
    if (recipe == NULL) return add_run(runs, options, n_threads, source);
    leit_log(LEIT_LOG_INFO, "%s, seed %d", recipe->name, recipe->seed);
    LEIT_TRY(leit_train(recipe, NULL));
    return add_run(runs, options, n_threads, recipe->run.directory);
}

leit_status leit_runs_gather(const leit_compare_options *options, leit_threads *threads,
                             leit_runs *runs)
{
    *runs = (leit_runs){0};
    job *jobs = NULL;
    size_t n = 0;
    LEIT_TRY(LEIT_ALLOC(jobs, options->n_sources * (options->n_seeds + 1)));
    leit_status status = make_jobs(&runs->arena, options, jobs, &n);
    for (size_t i = 0; status == LEIT_OK && i < n; i++)
        status = forgive(
            runs, jobs[i].source,
            run_job(runs, options, leit_threads_count(threads), jobs[i].source, jobs[i].recipe));
    for (size_t i = 0; i < n; i++) leit_recipe_free(jobs[i].recipe);
    leit_free(jobs);
    return status;
}

void leit_runs_clear(leit_runs *runs)
{
    for (size_t i = 0; i < runs->n; i++) clear_run(&runs->list[i]);
    leit_free(runs->list);
    leit_buffer_clear(&runs->notes);
    leit_arena_clear(&runs->arena);
    *runs = (leit_runs){0};
}
