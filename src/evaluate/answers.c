#include "evaluate/answers.h"

#include <string.h>

#include "core/memory.h"

/* ---- the part of a rank ---- */

static int64_t part_begin(const leit_dist *dist, int64_t n, int rank)
{
    return dist == NULL ? n * rank : n * rank / leit_dist_size(dist);
}

static int rank_of(const leit_dist *dist)
{
    return dist == NULL ? 0 : leit_dist_rank(dist);
}

/* Every rank's rows of (n, width) answers to all; `own` is how this rank fared with its own. */
static leit_status gather(leit_dist *dist, leit_status own, float *answers, int64_t n,
                          int64_t width)
{
    size_t *offsets = NULL;
    if (dist == NULL || leit_dist_size(dist) == 1) return own;
    LEIT_TRY(leit_dist_join(dist, own));
    LEIT_TRY(LEIT_ALLOC(offsets, leit_dist_size(dist) + 1));
    for (int r = 0; r <= leit_dist_size(dist); r++)
        offsets[r] = (size_t)(part_begin(dist, n, r) * width) * sizeof *answers;
    const leit_status status = leit_dist_gather(dist, answers, offsets);
    leit_free(offsets);
    return status;
}

/* ---- collecting ---- */

static leit_status collect_texts(leit_dist *dist, leit_tower *tower, const leit_text_corpus *corpus,
                                 int splits, leit_answers *answers)
{
    LEIT_TRY(leit_dataset_rows(corpus->split, corpus->n_texts, splits, &answers->text_rows,
                               &answers->n_texts));
    answers->text_width = tower->width;
    LEIT_TRY(LEIT_ALLOC(answers->text_label, answers->n_texts));
    LEIT_TRY(LEIT_ALLOC(answers->text, answers->n_texts * tower->width));
    leit_tokens *texts = NULL;
    LEIT_TRY(LEIT_ALLOC(texts, answers->n_texts));
    for (int64_t i = 0; i < answers->n_texts; i++) {
        const int64_t row = answers->text_rows[i], begin = corpus->offsets[row];
        texts[i] = (leit_tokens){corpus->tokens + begin, corpus->offsets[row + 1] - begin};
        answers->text_label[i] = corpus->label[row];
    }
    const int64_t first = part_begin(dist, answers->n_texts, rank_of(dist));
    const int64_t end = part_begin(dist, answers->n_texts, rank_of(dist) + 1);
    const leit_status status =
        leit_tower_texts(tower, texts + first, end - first, answers->text + first * tower->width);
    leit_free(texts);
    return gather(dist, status, answers->text, answers->n_texts, tower->width);
}

static leit_status collect_clips(leit_dist *dist, leit_tower *tower,
                                 const leit_music_corpus *corpus, int splits, leit_answers *answers)
{
    LEIT_TRY(leit_dataset_rows(corpus->split, corpus->n_clips, splits, &answers->clip_rows,
                               &answers->n_clips));
    answers->clip_width = tower->width;
    if (corpus->label != NULL) LEIT_TRY(LEIT_ALLOC(answers->clip_label, answers->n_clips));
    LEIT_TRY(LEIT_ALLOC(answers->clip, answers->n_clips * tower->width));
    leit_clip *clips = NULL;
    LEIT_TRY(LEIT_ALLOC(clips, answers->n_clips));
    for (int64_t i = 0; i < answers->n_clips; i++) {
        const int64_t row = answers->clip_rows[i], begin = corpus->offsets[row];
        clips[i] = (leit_clip){corpus->pcm + begin, corpus->offsets[row + 1] - begin};
        if (corpus->label != NULL) answers->clip_label[i] = corpus->label[row];
    }
    const int64_t first = part_begin(dist, answers->n_clips, rank_of(dist));
    const int64_t end = part_begin(dist, answers->n_clips, rank_of(dist) + 1);
    const leit_status status =
        leit_tower_clips(tower, clips + first, end - first, answers->clip + first * tower->width);
    leit_free(clips);
    return gather(dist, status, answers->clip, answers->n_clips, tower->width);
}

leit_status leit_answers_collect(leit_dist *dist, leit_tower *text_tower, leit_tower *music_tower,
                                 const leit_dataset *data, int splits, leit_answers *answers)
{
    *answers = (leit_answers){0};
    leit_status status = LEIT_OK;
    if (text_tower != NULL) status = collect_texts(dist, text_tower, data->text, splits, answers);
    if (status == LEIT_OK && music_tower != NULL)
        status = collect_clips(dist, music_tower, data->music, splits, answers);
    if (status != LEIT_OK) leit_answers_clear(answers);
    return status;
}

void leit_answers_clear(leit_answers *answers)
{
    leit_free(answers->text_rows);
    leit_free(answers->clip_rows);
    leit_free(answers->text_label);
    leit_free(answers->clip_label);
    leit_free(answers->text);
    leit_free(answers->clip);
    *answers = (leit_answers){0};
}

static leit_status rank_by_likelihood(const leit_matcher *matcher, const leit_answers *answers,
                                      int n_retrievals, leit_retrieval *const *retrievals)
{
    const int64_t K = answers->clip_width;
    int32_t *text_class = NULL;
    float *log_likelihood = NULL;
    leit_status status = LEIT_ALLOC(text_class, answers->n_texts);
    if (status == LEIT_OK) status = LEIT_ALLOC(log_likelihood, answers->n_clips * K);
    if (status == LEIT_OK) {
        leit_ranking_log_likelihood(answers->clip, answers->n_clips, K, log_likelihood);
        for (int64_t i = 0; i < answers->n_texts; i++)
            text_class[i] =
                leit_matcher_music_class(matcher, answers->text + i * answers->text_width);
        const leit_ranking ranking = {.kind = LEIT_RANKING_LIKELIHOOD,
                                      .n_texts = answers->n_texts,
                                      .n_clips = answers->n_clips,
                                      .width = K,
                                      .clip = log_likelihood,
                                      .text_class = text_class};
        status = leit_ranking_run(&ranking, matcher->threads, n_retrievals, retrievals);
    }
    leit_free(text_class);
    leit_free(log_likelihood);
    return status;
}

leit_status leit_answers_rank(const leit_matcher *matcher, const leit_answers *answers,
                              int n_retrievals, leit_retrieval *const *retrievals)
{
    const leit_match_rule rule = matcher->strategy->rule;
    LEIT_FAIL_IF(rule == LEIT_RULE_NONE, LEIT_USAGE,
                 "tagging trains an encoder alone: there is nothing to rank");
    if (rule == LEIT_RULE_SAME_MOOD || rule == LEIT_RULE_MUSIC_MOOD)
        return rank_by_likelihood(matcher, answers, n_retrievals, retrievals);
    const leit_ranking ranking = {.kind = rule == LEIT_RULE_EUCLIDEAN ? LEIT_RANKING_EUCLIDEAN
                                                                      : LEIT_RANKING_COSINE,
                                  .n_texts = answers->n_texts,
                                  .n_clips = answers->n_clips,
                                  .width = answers->clip_width,
                                  .text = answers->text,
                                  .clip = answers->clip};
    return leit_ranking_run(&ranking, matcher->threads, n_retrievals, retrievals);
}

leit_status leit_answers_mapping(const leit_dataset *data, enum leit_mapping mapping,
                                 uint8_t **matrix)
{
    const int32_t K_text = data->text->n_labels, K_music = data->music->n_labels;
    LEIT_TRY(LEIT_ALLOC(*matrix, (int64_t)K_text * K_music));
    return leit_mapping_build(mapping, K_text, data->text->labels, K_music, data->music->labels,
                              data->tags, *matrix);
}
