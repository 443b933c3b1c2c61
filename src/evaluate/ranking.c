#include "evaluate/ranking.h"

#include <math.h>

#include "core/memory.h"
#include "kernels/blocks.h"
#include "kernels/softmax.h"

/* A block of texts keeps the scores in memory small (64 texts x 100,000 clips are 26 MB); inside it
 * a task is one run of clips for all texts of the block, so that a clip is read once per block. */

enum { BLOCK_TEXTS = 64, TASK_CLIPS = 256 };

LEIT_DEFINE_SUM(squared_distance, (x[i] - y[i]) * (x[i] - y[i]), const float *x, const float *y)

void leit_ranking_log_likelihood(const float *logits, int64_t N, int64_t K, float *log_likelihood)
{
    for (int64_t n = 0; n < N; n++) leit_log_softmax_row(logits + n * K, K, log_likelihood + n * K);
}

struct block {
    const leit_ranking *ranking;
    int64_t first_text, n_texts;
    const float *text_norm; /* (n_texts) of the block */
    float *scores;          /* (n_texts, n_clips) */
};

static float cosine(const float *text, float text_norm, const float *clip, float clip_norm,
                    int64_t width)
{
    float norms = text_norm * clip_norm;
    if (norms == 0.0f) return 0.0f;
    return leit_dot(text, clip, width) / norms;
}

static void score_clips(void *context, int64_t task, int worker)
{
    (void)worker;
    const struct block *block = context;
    const leit_ranking *ranking = block->ranking;
    const int64_t width = ranking->width;
    leit_range clips = leit_block_range(task, ranking->n_clips, TASK_CLIPS);
    for (int64_t c = clips.begin; c < clips.end; c++) {
        const float *clip = ranking->clip + c * width;
        float norm =
            ranking->kind == LEIT_RANKING_COSINE ? sqrtf(leit_dot(clip, clip, width)) : 0.0f;
        for (int64_t row = 0; row < block->n_texts; row++) {
            const int64_t t = block->first_text + row;
            float *score = &block->scores[row * ranking->n_clips + c];
            switch (ranking->kind) {
            case LEIT_RANKING_LIKELIHOOD: {
                int32_t mood = ranking->text_class[t];
                *score = mood < 0 ? -INFINITY : clip[mood];
                break;
            }
            case LEIT_RANKING_EUCLIDEAN:
                *score = -squared_distance(ranking->text + t * width, clip, width);
                break;
            case LEIT_RANKING_COSINE:
                *score =
                    cosine(ranking->text + t * width, block->text_norm[row], clip, norm, width);
                break;
            }
        }
    }
}

static leit_status check(const leit_ranking *ranking, int64_t first_text, int64_t n_texts)
{
    LEIT_FAIL_IF(ranking->n_clips < 1 || ranking->width < 1, LEIT_USAGE,
                 "ranking of %lld clips with %lld values each, expected at least one of each",
                 (long long)ranking->n_clips, (long long)ranking->width);
    LEIT_FAIL_IF(first_text < 0 || n_texts < 0 || n_texts > ranking->n_texts - first_text,
                 LEIT_USAGE, "texts %lld to %lld, expected a range inside 0 to %lld",
                 (long long)first_text, (long long)(first_text + n_texts),
                 (long long)ranking->n_texts);
    if (ranking->kind != LEIT_RANKING_LIKELIHOOD) return LEIT_OK;
    for (int64_t t = first_text; t < first_text + n_texts; t++)
        LEIT_FAIL_IF(ranking->text_class[t] < -1 || ranking->text_class[t] >= ranking->width,
                     LEIT_DATA, "text %lld has class %d, expected -1 to %lld", (long long)t,
                     (int)ranking->text_class[t], (long long)(ranking->width - 1));
    return LEIT_OK;
}

leit_status leit_ranking_scores(const leit_ranking *ranking, leit_threads *threads,
                                int64_t first_text, int64_t n_texts, float *scores)
{
    LEIT_TRY(check(ranking, first_text, n_texts));
    float *text_norm = NULL;
    LEIT_TRY(LEIT_ALLOC(text_norm, n_texts));
    for (int64_t row = 0; row < n_texts && ranking->kind == LEIT_RANKING_COSINE; row++) {
        const float *text = ranking->text + (first_text + row) * ranking->width;
        text_norm[row] = sqrtf(leit_dot(text, text, ranking->width));
    }
    struct block block = {ranking, first_text, n_texts, text_norm, scores};
    leit_threads_run(threads, leit_blocks(ranking->n_clips, TASK_CLIPS), score_clips, &block);
    leit_free(text_norm);
    return LEIT_OK;
}

leit_status leit_ranking_run(const leit_ranking *ranking, leit_threads *threads, int n_retrievals,
                             leit_retrieval *const *retrievals)
{
    for (int i = 0; i < n_retrievals; i++) {
        const leit_retrieval_task *task = &retrievals[i]->task;
        LEIT_FAIL_IF(task->n_texts != ranking->n_texts || task->n_clips != ranking->n_clips,
                     LEIT_USAGE,
                     "the retrieval has %lld texts and %lld clips, the ranking %lld and %lld",
                     (long long)task->n_texts, (long long)task->n_clips,
                     (long long)ranking->n_texts, (long long)ranking->n_clips);
    }
    LEIT_TRY(check(ranking, 0, ranking->n_texts));
    float *scores = NULL;
    LEIT_TRY(LEIT_ALLOC(scores, BLOCK_TEXTS * ranking->n_clips));
    leit_status status = LEIT_OK;
    for (int64_t b = 0; b < leit_blocks(ranking->n_texts, BLOCK_TEXTS); b++) {
        leit_range texts = leit_block_range(b, ranking->n_texts, BLOCK_TEXTS);
        int64_t n_texts = texts.end - texts.begin;
        LEIT_TRY_GOTO(leit_ranking_scores(ranking, threads, texts.begin, n_texts, scores), done);
        for (int i = 0; i < n_retrievals; i++)
            LEIT_TRY_GOTO(leit_retrieval_rank(retrievals[i], threads, texts.begin, n_texts, scores),
                          done);
    }
done:
    leit_free(scores);
    return status;
}
