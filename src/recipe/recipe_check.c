/* What must hold between keys, each with its reason. A check is skipped when one of its keys has a
 * value that did not parse: that mistake is noted already. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "recipe/recipe_yaml.h"

struct checker {
    const struct leit_recipe *recipe;
    struct leit_recipe_errors *errors;
    leit_status status;
};

static bool is_bad(const struct checker *checker, const void *field)
{
    return checker->recipe->origins[leit_recipe_key_of(checker->recipe, field)].is_bad;
}

/* Notes the sentence, "PLACE: KEY ...", unless `holds`. `field` is the key to blame and `other`
 * the one it clashes with, or NULL. */
static void expect(struct checker *checker, bool holds, const void *field, const void *other,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));
static void expect(struct checker *checker, bool holds, const void *field, const void *other,
                   const char *format, ...)
{
    if (holds || checker->status != LEIT_OK || is_bad(checker, field)) return;
    if (other && is_bad(checker, other)) return;
    char reason[700];
    va_list arguments;
    va_start(arguments, format);
    leit_vformat(reason, sizeof reason, format, arguments);
    va_end(arguments);

    const struct leit_recipe *recipe = checker->recipe;
    int key = leit_recipe_key_of(recipe, field),
        other_key = other ? leit_recipe_key_of(recipe, other) : key;
    /* The place to look at is one that somebody wrote. */
    bool other_wrote = recipe->origins[key].kind == LEIT_FROM_DEFAULT &&
                       recipe->origins[other_key].kind != LEIT_FROM_DEFAULT;
    const struct leit_recipe_origin *origin = &recipe->origins[other_wrote ? other_key : key];
    checker->status = leit_recipe_note(checker->errors, "%s: %s %s",
                                       leit_recipe_place(origin, &checker->errors->arena),
                                       leit_recipe_keys[key].path, reason);
}

/* strategies as a set */
static bool is_any(enum leit_strategy_id strategy, unsigned set)
{
    return set >> strategy & 1;
}
#define ONE(constant) (1U << LEIT_STRATEGY_##constant)

static bool has_item(const struct leit_recipe_strings *strings, const char *word)
{
    for (int i = 0; i < strings->count; i++)
        if (strcmp(strings->items[i], word) == 0) return true;
    return false;
}

static void check_name(struct checker *checker)
{
    const char *name = checker->recipe->name;
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    bool good = name[0] != '.' && name[0] != '-' && strlen(name) <= 100 &&
                strspn(name, allowed) == strlen(name);
    expect(checker, good, &checker->recipe->name, NULL,
           "is '%.60s': it names a folder, so at most 100 of letters, digits, '.', '_', '-', not "
           "beginning with "
           "'.' or '-'",
           name);
}

static void check_data(struct checker *checker)
{
    const struct leit_recipe *recipe = checker->recipe;
    const struct leit_recipe_data *data = &recipe->data;
    const enum leit_strategy_id *strategy = &recipe->strategy;
    const char *word = leit_strategy_name(*strategy);
    bool is_tagging = *strategy == LEIT_STRATEGY_TAGGING;
    expect(checker, data->music[0], &data->music, strategy, "is not set: %s trains a music encoder",
           word);
    if (is_tagging) return;
    expect(checker, data->text[0], &data->text, strategy, "is not set: %s trains a text encoder",
           word);

    const char *reason = NULL;
    if (is_any(*strategy, ONE(VA_REGRESSION)))
        reason = "its targets are the valence and arousal of tags";
    else if (is_any(*strategy, ONE(W2V_REGRESSION)))
        reason = "its targets are the word vectors of tags";
    else if (is_any(*strategy, ONE(METRIC3)))
        reason = "it embeds the word vectors of tags";
    else if (is_any(*strategy, ONE(METRIC2)))
        reason = "it is validated by the valence and arousal of tags";
    if (reason) {
        expect(checker, data->tags[0], &data->tags, strategy, "is not set: %s needs tags, %s", word,
               reason);
        return;
    }
    expect(checker, data->tags[0] || !has_item(&recipe->evaluate.mappings, "va"), &data->tags,
           &recipe->evaluate.mappings,
           "is not set: the mapping va is computed from the valence and arousal of tags");
    expect(checker, data->tags[0] || !has_item(&recipe->evaluate.mappings, "w2v_vectors"),
           &data->tags, &recipe->evaluate.mappings,
           "is not set: the mapping w2v_vectors is computed from the word vectors of tags");
    expect(checker, data->tags[0] || recipe->mapping.w2v != LEIT_W2V_MAPPING_VECTORS, &data->tags,
           &recipe->mapping.w2v,
           "is not set: mapping.w2v vectors is computed from the word vectors of tags");
}

/* The music encoder pools time by 2 five times and by 3 twice. */
static void check_front_end(struct checker *checker)
{
    enum { POOLED_FRAMES = 32 * 9 };
    const struct leit_recipe *recipe = checker->recipe;
    const struct leit_recipe_mel *mel = &recipe->mel;
    const int *crop = &recipe->data.crop_samples;
    int n_frames = *crop / mel->hop_length + 1;
    expect(checker, (mel->n_fft & (mel->n_fft - 1)) == 0, &mel->n_fft, NULL,
           "is %d, expected a power of two", mel->n_fft);
    expect(checker, mel->hop_length <= mel->n_fft, &mel->hop_length, &mel->n_fft,
           "is %d, more than mel.n_fft %d: samples between two frames would be lost",
           mel->hop_length, mel->n_fft);
    expect(checker, *crop > mel->n_fft / 2, crop, &mel->n_fft,
           "is %d, expected more than %d: a window of mel.n_fft %d reflects half of itself at the "
           "ends",
           *crop, mel->n_fft / 2, mel->n_fft);
    expect(checker, n_frames >= POOLED_FRAMES, crop, &mel->hop_length,
           "is %d, which is %d frames at mel.hop_length %d: the music encoder pools %d frames into "
           "one, so it needs at least %d samples",
           *crop, n_frames, mel->hop_length, POOLED_FRAMES, (POOLED_FRAMES - 1) * mel->hop_length);
}

static void check_model(struct checker *checker)
{
    const struct leit_recipe *recipe = checker->recipe;
    const struct leit_recipe_model_text *text = &recipe->model.text;
    const struct leit_recipe_model_music *music = &recipe->model.music;
    bool is_reused = recipe->train.reuse[0] != '\0';
    expect(checker, text->width % text->heads == 0, &text->width, &text->heads,
           "is %d, not a multiple of model.text.heads %d: every head gets the same part of it",
           text->width, text->heads);
    expect(checker, recipe->data.max_tokens <= text->max_positions, &recipe->data.max_tokens,
           &text->max_positions,
           "is %d, but model.text.max_positions is %d: a token needs a position",
           recipe->data.max_tokens, text->max_positions);
    expect(
        checker, !music->frozen || music->weights[0] || is_reused, &music->frozen, &music->weights,
        "is true without model.music.weights or train.reuse: a random encoder would stay random");
    if (recipe->strategy == LEIT_STRATEGY_TAGGING) return;
    expect(checker, !text->frozen || text->weights[0] || is_reused, &text->frozen, &text->weights,
           "is true without model.text.weights or train.reuse: a random encoder would stay random");
}

static void check_loss(struct checker *checker)
{
    const struct leit_recipe_loss *loss = &checker->recipe->loss;
    expect(checker, loss->distance_cutoff < loss->distance_nonzero_loss_cutoff,
           &loss->distance_cutoff, &loss->distance_nonzero_loss_cutoff,
           "is %g, expected less than loss.distance_nonzero_loss_cutoff %g: between them negatives "
           "are drawn",
           loss->distance_cutoff, loss->distance_nonzero_loss_cutoff);
    expect(checker, loss->weight_tag_text + loss->weight_tag_music + loss->weight_text_music > 0,
           &loss->weight_text_music, NULL,
           "and the other two weights are 0: nothing would be learnt");
}

int leit_recipe_batch_unit(const leit_recipe *recipe)
{
    return recipe->run.shards * (is_any(recipe->strategy, ONE(METRIC2) | ONE(METRIC3)) ? 2 : 1);
}

/* A shard has whole rows (of metric strategies: of both halves), and BatchNorm learns from two. */
static void check_shards(struct checker *checker, const int *batch, int unit)
{
    const int *shards = &checker->recipe->run.shards;
    if (*shards == 1 || *batch == 0) return;
    if (*batch % unit != 0)
        expect(checker, false, batch, shards, "is %d, not a multiple of %srun.shards %d", *batch,
               unit == *shards ? "" : "twice ", *shards);
    else
        expect(checker, *batch / *shards >= 2, batch, shards,
               "is %d, expected at least 2 for each of run.shards %d", *batch, *shards);
}

static void check_train(struct checker *checker)
{
    const struct leit_recipe *recipe = checker->recipe;
    const struct leit_recipe_train *train = &recipe->train;
    const int *shards = &recipe->run.shards;
    bool is_metric = is_any(recipe->strategy, ONE(METRIC2) | ONE(METRIC3));
    expect(checker, !is_metric || (train->batch >= 4 && train->batch % 2 == 0), &train->batch,
           &recipe->strategy,
           "is %d, expected an even number from 4: %s takes one half as tag pairs and one half as "
           "text-music pairs, and a pair's negatives from the others",
           train->batch, leit_strategy_name(recipe->strategy));
    check_shards(checker, &train->batch, leit_recipe_batch_unit(recipe));
    check_shards(checker, &train->music_batch, *shards);
    expect(checker, train->max_steps == 0 || train->warmup_steps < train->max_steps,
           &train->warmup_steps, &train->max_steps, "is %d, expected less than train.max_steps %d",
           train->warmup_steps, train->max_steps);
}

/* Fewer draws than these say nothing about 2.5 % at each end. */
static void check_samples(struct checker *checker, const int *samples)
{
    expect(checker, *samples == 0 || *samples >= 100, samples, NULL,
           "is %d, expected 0 or at least 100", *samples);
}

static void check_run(struct checker *checker)
{
    const struct leit_recipe *recipe = checker->recipe;
    const struct leit_recipe_run *run = &recipe->run;
    bool is_cpu = run->device == LEIT_DEVICE_CHOICE_CPU;
    expect(checker, !is_cpu || run->precision == LEIT_PRECISION_FP32, &run->precision, &run->device,
           "is %s, which needs run.device cuda: the CPU computes in fp32",
           run->precision == LEIT_PRECISION_BF16 ? "bf16" : "tf32");
    expect(checker, run->kernels != LEIT_KERNELS_PLAIN || run->precision == LEIT_PRECISION_FP32,
           &run->precision, &run->kernels,
           "is %s, which needs run.kernels fast or cudnn: the plain ones compute in fp32",
           run->precision == LEIT_PRECISION_BF16 ? "bf16" : "tf32");
    expect(checker,
           recipe->strategy == LEIT_STRATEGY_TAGGING || recipe->evaluate.mappings.count > 0,
           &recipe->evaluate.mappings, NULL,
           "is empty: without a mapping no clip is right for any text");
    const char *w2v = recipe->mapping.w2v == LEIT_W2V_MAPPING_PAPER ? "w2v_paper" : "w2v_vectors";
    const struct leit_recipe_strings *mappings = &recipe->evaluate.mappings;
    expect(checker, !has_item(mappings, "w2v") || !has_item(mappings, w2v), mappings, NULL,
           "names %s twice: w2v is what mapping.w2v says", w2v);
    check_samples(checker, &recipe->evaluate.bootstrap_samples);
    check_samples(checker, &recipe->evaluate.permutation_samples);
}

leit_status leit_recipe_check(const struct leit_recipe *recipe, struct leit_recipe_errors *errors)
{
    struct checker checker = {.recipe = recipe, .errors = errors};
    const struct leit_recipe_origin *strategy =
        &recipe->origins[leit_recipe_key_of(recipe, &recipe->strategy)];
    check_name(&checker);
    if (strategy->kind == LEIT_FROM_DEFAULT) {
        leit_buffer words = {0};
        LEIT_TRY(leit_recipe_expected(
            &leit_recipe_keys[leit_recipe_key_of(recipe, &recipe->strategy)], &words));
        expect(&checker, false, &recipe->strategy, NULL, "is not set, expected %s",
               leit_buffer_text(&words));
        leit_buffer_clear(&words);
    } else if (!strategy->is_bad) {
        check_data(&checker);
    }
    check_front_end(&checker);
    check_model(&checker);
    check_loss(&checker);
    check_train(&checker);
    check_run(&checker);
    return checker.status;
}
