#include "train/monitor.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "evaluate/agreement.h"

const char *leit_monitor_name(leit_monitor monitor)
{
    static const char *const names[] = {[LEIT_MONITOR_ACCURACY] = "accuracy",
                                        [LEIT_MONITOR_R2] = "r2",
                                        [LEIT_MONITOR_LOSS] = "mse",
                                        [LEIT_MONITOR_PRECISION] = "p_at_5",
                                        [LEIT_MONITOR_ROC_AUC] = "roc_auc"};
    return names[monitor];
}

bool leit_monitor_is_better(leit_monitor monitor, double value, double best)
{
    return monitor == LEIT_MONITOR_LOSS ? value < best : value > best;
}

double leit_monitor_worst(leit_monitor monitor)
{
    return monitor == LEIT_MONITOR_LOSS ? INFINITY : -INFINITY;
}

/* One modality's answers beside its labels. */
typedef struct answered_side {
    int64_t n, width;
    const float *answers;
    const int32_t *label;
    const float *va;      /* (K, 2) */
    const int32_t *tag;   /* (K) rows of the tag corpus */
    const float *vectors; /* of the tag corpus */
} answered_side;

static answered_side text_side(const leit_answers *answers, const leit_dataset *data)
{
    return (answered_side){answers->n_texts,
                           answers->text_width,
                           answers->text,
                           answers->text_label,
                           data->text_va,
                           data->text_tag,
                           data->tags == NULL ? NULL : data->tags->vectors};
}

static answered_side music_side(const leit_answers *answers, const leit_dataset *data)
{
    return (answered_side){answers->n_clips,
                           answers->clip_width,
                           answers->clip,
                           answers->clip_label,
                           data->music_va,
                           data->music_tag,
                           data->tags == NULL ? NULL : data->tags->vectors};
}

static leit_status accuracy(const answered_side *side, double *value)
{
    int64_t right = 0;
    for (int64_t i = 0; i < side->n; i++)
        right += leit_argmax(side->answers + i * side->width, side->width) == side->label[i];
    *value = side->n == 0 ? 0.0 : (double)right / (double)side->n;
    return LEIT_OK;
}

/* R2 against valence and arousal; mean squared error against the word vectors. */
static leit_status regression(const answered_side *side, leit_monitor monitor, double *value)
{
    const int64_t E = side->width;
    float *target = NULL;
    LEIT_TRY(LEIT_ALLOC(target, side->n * E));
    double squares = 0.0;
    for (int64_t i = 0; i < side->n; i++) {
        const int32_t label = side->label[i];
        const float *of_label = monitor == LEIT_MONITOR_R2 ? side->va + E * label
                                                           : side->vectors + E * side->tag[label];
        memcpy(target + i * E, of_label, (size_t)E * sizeof *target);
        for (int64_t e = 0; e < E; e++)
            squares += pow((double)side->answers[i * E + e] - (double)of_label[e], 2.0);
    }
    leit_status status = LEIT_OK;
    *value = side->n == 0 ? 0.0 : squares / (double)(side->n * E);
    if (monitor == LEIT_MONITOR_R2)
        status = leit_agreement_r2(target, side->answers, side->n, E, value);
    leit_free(target);
    return status;
}

static leit_status roc_auc(const leit_matcher *matcher, const leit_answers *answers,
                           const leit_dataset *data, double *value)
{
    const int64_t K = answers->clip_width;
    uint8_t *label = NULL;
    LEIT_TRY(LEIT_ALLOC(label, answers->n_clips * K));
    for (int64_t i = 0; i < answers->n_clips; i++)
        memcpy(label + i * K, data->music->tags + answers->clip_rows[i] * K, (size_t)K);
    leit_tag_agreement agreement = {0};
    leit_status status = leit_agreement_tags(label, answers->clip, answers->n_clips, K,
                                             matcher->threads, NULL, NULL, &agreement);
    *value = agreement.roc_auc;
    leit_free(label);
    return status;
}

/* P@5 under the valence-arousal mapping, as the public code monitors; under the manual mapping
 * where the recipe has no tags. */
static leit_status precision(const leit_matcher *matcher, const leit_answers *answers,
                             const leit_dataset *data, double *value)
{
    uint8_t *mapping = NULL;
    const enum leit_mapping kind =
        data->tags != NULL && data->text_va != NULL ? LEIT_MAPPING_VA : LEIT_MAPPING_MANUAL;
    leit_retrieval *retrieval = NULL;
    leit_retrieval_summary summary = {0};
    leit_status status = leit_answers_mapping(data, kind, &mapping);
    const leit_retrieval_task task = {.n_texts = answers->n_texts,
                                      .n_clips = answers->n_clips,
                                      .K_text = data->text->n_labels,
                                      .K_music = data->music->n_labels,
                                      .text_mood = answers->text_label,
                                      .clip_mood = answers->clip_label,
                                      .mapping = mapping,
                                      .depth = 5};
    if (status == LEIT_OK) status = leit_retrieval_create(&task, &retrieval);
    if (status == LEIT_OK) status = leit_answers_rank(matcher, answers, 1, &retrieval);
    if (status == LEIT_OK) status = leit_retrieval_summarize(retrieval, &summary);
    if (status == LEIT_OK) *value = summary.macro.precision[4];
    leit_retrieval_summary_clear(&summary);
    leit_retrieval_free(retrieval);
    leit_free(mapping);
    return status;
}

static leit_status judge(const leit_matcher *matcher, const leit_phase *phase,
                         const leit_answers *answers, const leit_dataset *data, double *value)
{
    const answered_side text = data->text == NULL ? (answered_side){0} : text_side(answers, data);
    const answered_side music = music_side(answers, data);
    const answered_side *trained = phase->trains_text ? &text : &music;
    switch (phase->monitor) {
    case LEIT_MONITOR_ACCURACY: return accuracy(trained, value);
    case LEIT_MONITOR_R2:
    case LEIT_MONITOR_LOSS: return regression(trained, phase->monitor, value);
    case LEIT_MONITOR_PRECISION: return precision(matcher, answers, data, value);
    case LEIT_MONITOR_ROC_AUC: return roc_auc(matcher, answers, data, value);
    }
    return LEIT_OK;
}

leit_status leit_monitor_run(leit_dist *dist, leit_matcher *matcher, const leit_phase *phase,
                             leit_tower *text_tower, leit_tower *music_tower,
                             const leit_dataset *data, double *value)
{
    leit_answers answers;
    LEIT_TRY(leit_answers_collect(dist, phase->trains_text ? text_tower : NULL,
                                  phase->trains_music ? music_tower : NULL, data, LEIT_SPLIT_VALID,
                                  &answers));
    leit_status status = judge(matcher, phase, &answers, data, value);
    if (status == LEIT_OK && phase->trains_text)
        status = leit_matcher_learn_places(matcher, LEIT_MODALITY_TEXT, answers.text_width,
                                           answers.n_texts, answers.text, answers.text_label);
    if (status == LEIT_OK && phase->trains_music)
        status = leit_matcher_learn_places(matcher, LEIT_MODALITY_MUSIC, answers.clip_width,
                                           answers.n_clips, answers.clip, answers.clip_label);
    leit_answers_clear(&answers);
    return status;
}
