#include "corpus/dataset.h"

#include <string.h>

#include "core/memory.h"
#include "corpus/corpus_file.h"

static leit_status find_tags(const leit_tag_corpus *tags, enum leit_modality modality,
                             const char *const *labels, int32_t n_labels, int32_t **result)
{
    LEIT_TRY(LEIT_ALLOC(*result, n_labels));
    for (int32_t k = 0; k < n_labels; k++) {
        (*result)[k] = (int32_t)leit_tag_corpus_find(tags, modality, labels[k]);
        LEIT_FAIL_IF((*result)[k] < 0, LEIT_DATA,
                     "the tag corpus '%s' has no %s tag '%s'; add it to the tags and build again",
                     tags->about.name, modality == LEIT_MODALITY_TEXT ? "text" : "music",
                     labels[k]);
    }
    return LEIT_OK;
}

static leit_status scale_va(const leit_tag_corpus *tags, const int32_t *tag, int32_t n_labels,
                            float **result)
{
    if (tags->valence == NULL) return LEIT_OK;
    LEIT_TRY(LEIT_ALLOC(*result, 2 * n_labels));
    const double width = tags->range_high - tags->range_low;
    for (int32_t k = 0; k < n_labels; k++) {
        (*result)[2 * k] = (float)((tags->valence[tag[k]] - tags->range_low) / width);
        (*result)[2 * k + 1] = (float)((tags->arousal[tag[k]] - tags->range_low) / width);
    }
    return LEIT_OK;
}

/* The one music label that each text label is mapped to when triplets are drawn. */
static leit_status map_labels(const leit_recipe *recipe, leit_dataset *data)
{
    const int32_t K_text = data->text->n_labels, K_music = data->music->n_labels;
    const enum leit_mapping mapping = leit_mapping_meant(recipe, "w2v");
    uint8_t *matrix = NULL;
    LEIT_TRY(LEIT_ALLOC(matrix, (int64_t)K_text * K_music));
    leit_status status = leit_mapping_build(mapping, K_text, data->text->labels, K_music,
                                            data->music->labels, data->tags, matrix);
    if (status == LEIT_OK) status = LEIT_ALLOC(data->mapped_label, K_text);
    for (int32_t k = 0; status == LEIT_OK && k < K_text; k++) {
        data->mapped_label[k] = -1;
        for (int32_t m = K_music - 1; m >= 0; m--)
            if (matrix[(int64_t)k * K_music + m]) data->mapped_label[k] = m;
        if (data->mapped_label[k] < 0)
            status = leit_fail(
                LEIT_DATA, __func__, "the mapping '%s' gives '%s' no mood of the music corpus '%s'",
                leit_mapping_name(mapping), data->text->labels[k], data->music->about.name);
    }
    leit_free(matrix);
    return status;
}

/* Figures of the two splits must not be taken for each other. */
static leit_status check_split(const leit_recipe *recipe, const leit_text_corpus *texts)
{
    const char *asked = recipe->data.text_split == LEIT_TEXT_SPLIT_PAPER ? "paper" : "strict";
    const char *built = texts->about.split;
    LEIT_FAIL_IF(strcmp(built, "given") != 0 && strcmp(built, asked) != 0, LEIT_DATA,
                 "%s was built with the split '%s', data.text_split is '%s'; set "
                 "data.text_split=%s or name a corpus of the other split",
                 recipe->data.text, built, asked, built);
    return LEIT_OK;
}

static leit_status open_all(const leit_recipe *recipe, leit_dataset *data)
{
    const bool is_tagging = recipe->strategy == LEIT_STRATEGY_TAGGING;
    const bool is_metric =
        recipe->strategy == LEIT_STRATEGY_METRIC2 || recipe->strategy == LEIT_STRATEGY_METRIC3;
    LEIT_TRY(leit_music_corpus_open(recipe->data.music, &data->music));
    LEIT_FAIL_IF(is_tagging && data->music->tags == NULL, LEIT_DATA,
                 "%s has one label per clip, expected a tagging corpus", recipe->data.music);
    LEIT_FAIL_IF(!is_tagging && data->music->label == NULL, LEIT_DATA,
                 "%s is a tagging corpus, expected one label per clip", recipe->data.music);
    data->clips = (leit_clip_source){data->music->pcm, data->music->offsets, data->music->n_clips};
    if (is_tagging) return LEIT_OK;

    LEIT_TRY(leit_text_corpus_open(recipe->data.text, &data->text));
    LEIT_FAIL_IF(data->text->max_tokens > recipe->data.max_tokens, LEIT_DATA,
                 "%s was built with max_tokens %d, more than the recipe's data.max_tokens %d",
                 recipe->data.text, data->text->max_tokens, recipe->data.max_tokens);
    LEIT_TRY(check_split(recipe, data->text));
    if (recipe->data.tags[0] != '\0') {
        LEIT_TRY(leit_tag_corpus_open(recipe->data.tags, &data->tags));
        LEIT_TRY(find_tags(data->tags, LEIT_MODALITY_TEXT, data->text->labels, data->text->n_labels,
                           &data->text_tag));
        LEIT_TRY(find_tags(data->tags, LEIT_MODALITY_MUSIC, data->music->labels,
                           data->music->n_labels, &data->music_tag));
        LEIT_TRY(scale_va(data->tags, data->text_tag, data->text->n_labels, &data->text_va));
        LEIT_TRY(scale_va(data->tags, data->music_tag, data->music->n_labels, &data->music_va));
    }
    LEIT_FAIL_IF(recipe->strategy == LEIT_STRATEGY_VA_REGRESSION && data->text_va == NULL,
                 LEIT_DATA, "va_regression needs tags with valence and arousal: set data.tags");
    const bool needs_vectors = recipe->strategy == LEIT_STRATEGY_W2V_REGRESSION ||
                               recipe->strategy == LEIT_STRATEGY_METRIC3;
    LEIT_FAIL_IF(needs_vectors && (data->tags == NULL || data->tags->vectors == NULL), LEIT_DATA,
                 "%s needs tags with word vectors: set data.tags",
                 leit_strategy_name(recipe->strategy));
    return is_metric ? map_labels(recipe, data) : LEIT_OK;
}

leit_status leit_dataset_open(const leit_recipe *recipe, leit_dataset *data)
{
    *data = (leit_dataset){0};
    leit_status status = open_all(recipe, data);
    if (status != LEIT_OK) leit_dataset_close(data);
    return status;
}

void leit_dataset_close(leit_dataset *data)
{
    leit_text_corpus_close(data->text);
    leit_music_corpus_close(data->music);
    leit_tag_corpus_close(data->tags);
    leit_free(data->text_tag);
    leit_free(data->music_tag);
    leit_free(data->text_va);
    leit_free(data->music_va);
    leit_free(data->mapped_label);
    *data = (leit_dataset){0};
}

leit_status leit_dataset_verify(const leit_dataset *data)
{
    return leit_music_corpus_verify(data->music);
}

leit_status leit_dataset_sum(const leit_dataset *data, uint64_t *sum)
{
    static const char *const of_text[] = {"labels/bytes", "labels/offsets", "label", "split",
                                          "offsets",      "tokens",         NULL};
    static const char *const of_music[] = {
        "labels/bytes", "labels/offsets", "label", "split", "offsets", "pcm", NULL};
    *sum = 0;
    LEIT_TRY(leit_corpus_fold_sums(data->text->memory, of_text, sum));
    return leit_corpus_fold_sums(data->music->memory, of_music, sum);
}

leit_status leit_dataset_rows(const uint8_t *split, int64_t n_rows, int splits, int64_t **rows,
                              int64_t *n)
{
    LEIT_TRY(LEIT_ALLOC(*rows, n_rows));
    *n = leit_split_rows(split, n_rows, splits, *rows);
    return LEIT_OK;
}
