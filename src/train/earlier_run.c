#include "train/earlier_run.h"

#include <string.h>

#include "core/log.h"
#include "core/prefix.h"
#include "recipe/schema.h"

/* ---- recipes ---- */

/* Whether the recipe's strategy looks at the key that a line of a difference begins with. */
static bool is_read(const leit_recipe *recipe, const char *line)
{
    const int key = leit_recipe_find_key(line, strcspn(line, ":"));
    return key < 0 || (leit_recipe_keys[key].readers >> recipe->strategy & 1) != 0;
}

/* The first difference of two recipes, "train.batch: 32 -> 16", whose key is one of `keys` (or is
 * none of them) and is read at all; "" when there is none. Free it with leit_recipe_text_free. */
static leit_status find_difference(const leit_recipe *theirs, const leit_recipe *ours,
                                   const char *const *keys, bool is_one, char **found)
{
    LEIT_TRY(leit_recipe_diff(theirs, ours, found));
    char *line = *found;
    while (*line != '\0' && (leit_starts_with_any(line, keys) != is_one || !is_read(ours, line))) {
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    const size_t length = strcspn(line, "\n");
    memmove(*found, line, length);
    (*found)[length] = '\0';
    return LEIT_OK;
}

leit_status leit_earlier_check_recipe(const leit_recipe *recipe, const leit_checkpoint *checkpoint)
{
    /* Where, how long and how it is asked afterwards, not what: shards are part of the sums. */
    static const char *const may_change[] = {"run.directory:",
                                             "run.device:",
                                             "run.threads:",
                                             "run.deterministic:",
                                             "run.precision:",
                                             "run.checkpoint_",
                                             "run.keep_checkpoints:",
                                             "run.resume:",
                                             "run.rank_deadline_seconds:",
                                             "evaluate.",
                                             "train.epochs:",
                                             "train.max_steps:",
                                             "train.text_epochs:",
                                             "train.music_epochs:",
                                             NULL};
    leit_recipe *saved = NULL;
    char *difference = NULL;
    LEIT_TRY(leit_matcher_recipe(checkpoint, NULL, 0, &saved));
    leit_status status = find_difference(saved, recipe, may_change, false, &difference);
    if (status == LEIT_OK && difference[0] != '\0')
        status = leit_fail(LEIT_USAGE, __func__,
                           "%s was made by another recipe (%s); set run.directory to a new folder "
                           "or run.resume=never",
                           leit_checkpoint_path(checkpoint), difference);
    leit_recipe_text_free(difference);
    leit_recipe_free(saved);
    return status;
}

/* ---- parameters ---- */

leit_status leit_earlier_read(leit_matcher *matcher, const char *path, const char *const *prefixes)
{
    leit_checkpoint *checkpoint = NULL;
    LEIT_TRY(leit_checkpoint_open(path, &checkpoint));
    leit_status status = leit_matcher_read(matcher, checkpoint, prefixes, NULL);
    leit_checkpoint_close(checkpoint);
    return status;
}

/* Opens what a key of the recipe names. Of a run that still trains there is only its progress, in
 * which towers of phases to come have their first random values. */
static leit_status open_finished(const char *path, const char *key, leit_checkpoint **checkpoint)
{
    int64_t is_complete = 1;
    leit_status status = leit_checkpoint_open(path, checkpoint);
    if (status == LEIT_OK &&
        leit_checkpoint_i64(*checkpoint, "state/is_complete", &is_complete) == LEIT_OK &&
        !is_complete) {
        leit_checkpoint_close(*checkpoint);
        status = leit_fail(LEIT_USAGE, __func__, "%s is not finished", path);
    }
    return status == LEIT_OK
               ? LEIT_OK
               : leit_fail_context(status, "%s (train that run first, or set it to nothing)", key);
}

leit_status leit_earlier_import(leit_matcher *matcher, const char *path, const char *key,
                                const char *const *prefixes)
{
    leit_checkpoint *checkpoint = NULL;
    LEIT_TRY(open_finished(path, key, &checkpoint));
    leit_status status = leit_matcher_read(matcher, checkpoint, prefixes, NULL);
    leit_checkpoint_close(checkpoint);
    return status == LEIT_OK ? LEIT_OK : leit_fail_context(status, "%s", key);
}

/* ---- towers ---- */

/* What train.reuse names. */
typedef struct earlier_run {
    leit_checkpoint *checkpoint;
    leit_recipe *recipe;
} earlier_run;

static leit_status open_reuse(const leit_recipe *recipe, earlier_run *run)
{
    *run = (earlier_run){0};
    LEIT_TRY(open_finished(recipe->train.reuse, "train.reuse", &run->checkpoint));
    leit_status status = leit_matcher_recipe(run->checkpoint, NULL, 0, &run->recipe);
    if (status != LEIT_OK) leit_checkpoint_close(run->checkpoint);
    return status;
}

static void close_reuse(earlier_run *run)
{
    leit_recipe_free(run->recipe);
    leit_checkpoint_close(run->checkpoint);
}

/* A phase can be taken over when the other run trained the same strategy's tower on the same
 * corpus. */
static bool offers(const leit_recipe *theirs, const leit_recipe *ours, const leit_phase *phase)
{
    if (ours->strategy != theirs->strategy || (phase->trains_text && phase->trains_music))
        return false;
    return phase->trains_text ? strcmp(ours->data.text, theirs->data.text) == 0
                              : strcmp(ours->data.music, theirs->data.music) == 0;
}

/* A tower that saw, computed or aimed at something else is not the one this recipe asks for. How
 * long and how fast it learned is its own affair. */
static leit_status check_same_tower(const leit_recipe *theirs, const leit_recipe *ours,
                                    const leit_phase *phase)
{
#define HEADS "data.tags:", "model.head.dropout:", "model.head.output_activation:"
    static const char *const text[] = {"data.max_tokens:", "model.text.",
                                       "model.head.text_hidden:", HEADS, NULL};
    static const char *const music[] = {
        "data.crop_samples:",      "mel.", "augment.", "model.music.", "model.head.music_hidden:",
        "loss.music_focal_gamma:", HEADS,  NULL};
#undef HEADS
    char *difference = NULL;
    LEIT_TRY(find_difference(theirs, ours, phase->trains_text ? text : music, true, &difference));
    leit_status status = LEIT_OK;
    if (difference[0] != '\0')
        status = leit_fail(LEIT_USAGE, __func__,
                           "train.reuse: the %s tower of %s was trained with another setting (%s); "
                           "give both recipes the same one, or train it here with train.reuse=",
                           phase->name, ours->train.reuse, difference);
    leit_recipe_text_free(difference);
    return status;
}

/* An encoder without weights may be frozen where its tower is taken over, and nowhere else. */
static leit_status check_frozen(const leit_recipe *ours, const leit_phase *phase)
{
    const struct leit_recipe_model *model = &ours->model;
    const bool is_text = phase->trains_text && model->text.frozen && model->text.weights[0] == '\0';
    const bool is_music =
        phase->trains_music && model->music.frozen && model->music.weights[0] == '\0';
    LEIT_FAIL_IF(is_text || is_music, LEIT_USAGE,
                 "model.%s.frozen is true and train.reuse, %s, has no such tower: a random encoder "
                 "would stay random",
                 is_text ? "text" : "music", ours->train.reuse);
    return LEIT_OK;
}

leit_status leit_reuse_check(const leit_matcher *matcher, int first_phase)
{
    const leit_strategy *strategy = matcher->strategy;
    const leit_recipe *ours = matcher->recipe;
    if (ours->train.reuse[0] == '\0' || first_phase >= strategy->n_phases) return LEIT_OK;
    earlier_run run;
    LEIT_TRY(open_reuse(ours, &run));
    leit_status status = LEIT_OK;
    int n_offers = 0;
    for (int i = 0; status == LEIT_OK && i < strategy->n_phases; i++) {
        const leit_phase *phase = &strategy->phases[i];
        const bool is_offered = offers(run.recipe, ours, phase);
        n_offers += is_offered;
        if (i >= first_phase)
            status =
                is_offered ? check_same_tower(run.recipe, ours, phase) : check_frozen(ours, phase);
    }
    if (status == LEIT_OK && n_offers == 0)
        status = leit_fail(LEIT_USAGE, __func__,
                           "train.reuse: %s has no tower for this recipe: it is a %s run on %s and "
                           "%s, this one is %s on %s and %s, and towers trained together stay "
                           "together; train without train.reuse, or name another run",
                           ours->train.reuse, leit_strategy_name(run.recipe->strategy),
                           run.recipe->data.text, run.recipe->data.music,
                           leit_strategy_name(ours->strategy), ours->data.text, ours->data.music);
    close_reuse(&run);
    return status;
}

leit_status leit_reuse_take(leit_matcher *matcher, const leit_phase *phase, bool *taken)
{
    const leit_recipe *ours = matcher->recipe;
    *taken = false;
    if (ours->train.reuse[0] == '\0') return LEIT_OK;
    earlier_run run;
    LEIT_TRY(open_reuse(ours, &run));
    leit_status status = LEIT_OK;
    if (offers(run.recipe, ours, phase)) {
        status = leit_matcher_read(matcher, run.checkpoint, leit_phase_prefixes(phase), NULL);
        *taken = status == LEIT_OK;
    }
    close_reuse(&run);
    if (*taken)
        leit_log(LEIT_LOG_INFO, "phase %s: taken over from %s", phase->name, ours->train.reuse);
    return status;
}
