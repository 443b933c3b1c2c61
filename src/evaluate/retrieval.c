#include "evaluate/retrieval.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

/* Nothing is sorted. The first `depth` clips are kept by insertion, which rejects nearly every clip
 * with one comparison, and the rank of the first right clip is one more than the number of clips
 * ahead of the best right one. */

static leit_status check_labels(const char *what, const int32_t *mood, int64_t n, int K)
{
    for (int64_t i = 0; i < n; i++)
        LEIT_FAIL_IF(mood[i] < 0 || mood[i] >= K, LEIT_DATA,
                     "%s %lld has mood %d, expected 0 to %d", what, (long long)i, (int)mood[i],
                     K - 1);
    return LEIT_OK;
}

static leit_status check_task(const leit_retrieval_task *task)
{
    LEIT_FAIL_IF(task->n_texts < 1 || task->n_clips < 1 || task->n_clips > INT32_MAX, LEIT_USAGE,
                 "retrieval of %lld clips for %lld texts, expected at least one of each and at "
                 "most 2^31 - 1 clips",
                 (long long)task->n_clips, (long long)task->n_texts);
    LEIT_FAIL_IF(task->K_text < 1 || task->K_music < 1, LEIT_USAGE,
                 "%d text moods and %d music moods, expected at least one of each", task->K_text,
                 task->K_music);
    LEIT_FAIL_IF(task->depth < 1 || task->depth > LEIT_RETRIEVAL_MAX_DEPTH, LEIT_USAGE,
                 "depth is %d, expected 1 to %d", task->depth, LEIT_RETRIEVAL_MAX_DEPTH);
    LEIT_TRY(check_labels("text", task->text_mood, task->n_texts, task->K_text));
    LEIT_TRY(check_labels("clip", task->clip_mood, task->n_clips, task->K_music));
    for (int t = 0; t < task->K_text; t++)
        for (int m = 0; m < task->K_music; m++) {
            int entry = task->mapping[(int64_t)t * task->K_music + m];
            LEIT_FAIL_IF(entry > 1, LEIT_DATA,
                         "mapping of text mood %d to music mood %d is %d, expected 0 or 1", t, m,
                         entry);
        }
    return LEIT_OK;
}

leit_status leit_retrieval_create(const leit_retrieval_task *task, leit_retrieval **result)
{
    LEIT_TRY(check_task(task));
    leit_retrieval *retrieval = NULL;
    leit_status status = LEIT_OK;
    LEIT_TRY_GOTO(LEIT_ALLOC(retrieval, 1), failed);
    retrieval->task = *task;
    LEIT_TRY_GOTO(LEIT_ALLOC(retrieval->top_clip, task->n_texts * task->depth), failed);
    LEIT_TRY_GOTO(LEIT_ALLOC(retrieval->first_right, task->n_texts), failed);
    LEIT_TRY_GOTO(LEIT_ALLOC(retrieval->ranked, task->n_texts), failed);
    *result = retrieval;
    return LEIT_OK;
failed:
    leit_retrieval_free(retrieval);
    return status;
}

void leit_retrieval_free(leit_retrieval *retrieval)
{
    if (retrieval == NULL) return;
    leit_free(retrieval->top_clip);
    leit_free(retrieval->first_right);
    leit_free(retrieval->ranked);
    leit_free(retrieval);
}

/* ---- ranking ---- */

struct block {
    leit_retrieval *retrieval;
    int64_t first_text;
    const float *scores;
    atomic_llong nan_place; /* text * n_clips + clip of the first NaN in the block; -1 without */
};

static void report_nan(struct block *block, int64_t place)
{
    long long seen = atomic_load(&block->nan_place);
    while ((seen < 0 || place < seen) &&
           !atomic_compare_exchange_weak(&block->nan_place, &seen, place)) {
    }
}

/* Keeps the first `depth` clips in order. A later clip goes behind an equal score, so ties are in
 * the order of the index. */
static void keep_top(const float *score, int64_t n_clips, int depth, int32_t *top)
{
    int count = 0;
    for (int64_t clip = 0; clip < n_clips; clip++) {
        float s = score[clip];
        if (s == -INFINITY || (count == depth && !(s > score[top[depth - 1]]))) continue;
        int place = count < depth ? count++ : depth - 1;
        for (; place > 0 && s > score[top[place - 1]]; place--) top[place] = top[place - 1];
        top[place] = (int32_t)clip;
    }
    for (int place = count; place < depth; place++) top[place] = -1;
}

static int64_t rank_first_right(const float *score, const leit_retrieval_task *task,
                                const uint8_t *right)
{
    int64_t best = -1, ahead = 0;
    for (int64_t clip = 0; clip < task->n_clips; clip++)
        if (right[task->clip_mood[clip]] && score[clip] > (best < 0 ? -INFINITY : score[best]))
            best = clip;
    if (best < 0) return 0;
    for (int64_t clip = 0; clip < task->n_clips; clip++)
        ahead += score[clip] > score[best] || (score[clip] == score[best] && clip < best);
    return ahead + 1;
}

static void rank_text(void *context, int64_t row, int worker)
{
    (void)worker;
    struct block *block = context;
    leit_retrieval *retrieval = block->retrieval;
    const leit_retrieval_task *task = &retrieval->task;
    const float *score = block->scores + row * task->n_clips;
    for (int64_t clip = 0; clip < task->n_clips; clip++)
        if (isnan(score[clip])) {
            report_nan(block, row * task->n_clips + clip);
            return;
        }
    int64_t text = block->first_text + row;
    const uint8_t *right = task->mapping + (int64_t)task->text_mood[text] * task->K_music;
    keep_top(score, task->n_clips, task->depth, retrieval->top_clip + text * task->depth);
    retrieval->first_right[text] = rank_first_right(score, task, right);
    retrieval->ranked[text] = 1;
}

leit_status leit_retrieval_rank(leit_retrieval *retrieval, leit_threads *threads,
                                int64_t first_text, int64_t n_texts, const float *scores)
{
    const leit_retrieval_task *task = &retrieval->task;
    LEIT_FAIL_IF(first_text < 0 || n_texts < 0 || n_texts > task->n_texts - first_text, LEIT_USAGE,
                 "texts %lld to %lld, expected a range inside 0 to %lld", (long long)first_text,
                 (long long)(first_text + n_texts), (long long)task->n_texts);
    struct block block = {retrieval, first_text, scores, -1};
    leit_threads_run(threads, n_texts, rank_text, &block);
    int64_t place = atomic_load(&block.nan_place);
    LEIT_FAIL_IF(place >= 0, LEIT_NUMERICAL, "the score of text %lld and clip %lld is NaN",
                 (long long)(first_text + place / task->n_clips),
                 (long long)(place % task->n_clips));
    return LEIT_OK;
}

/* ---- figures of one text ---- */

static const uint8_t *right_moods(const leit_retrieval_task *task, int64_t text)
{
    return task->mapping + (int64_t)task->text_mood[text] * task->K_music;
}

/* precision (depth) out */
static void text_precisions(const leit_retrieval *retrieval, int64_t text, double *precision)
{
    const leit_retrieval_task *task = &retrieval->task;
    const uint8_t *right = right_moods(task, text);
    const int32_t *top = retrieval->top_clip + text * task->depth;
    int n_right = 0;
    for (int place = 0; place < task->depth; place++) {
        n_right += top[place] >= 0 && right[task->clip_mood[top[place]]];
        precision[place] = (double)n_right / (place + 1);
    }
}

static double text_reciprocal_rank(const leit_retrieval *retrieval, int64_t text)
{
    int64_t rank = retrieval->first_right[text];
    return rank > 0 ? 1.0 / (double)rank : 0.0;
}

void leit_retrieval_precision(const leit_retrieval *retrieval, int k, double *values)
{
    double precision[LEIT_RETRIEVAL_MAX_DEPTH];
    for (int64_t text = 0; text < retrieval->task.n_texts; text++) {
        text_precisions(retrieval, text, precision);
        values[text] = precision[k - 1];
    }
}

void leit_retrieval_reciprocal_rank(const leit_retrieval *retrieval, double *values)
{
    for (int64_t text = 0; text < retrieval->task.n_texts; text++)
        values[text] = text_reciprocal_rank(retrieval, text);
}

/* ---- averages ---- */

static leit_status start_summary(const leit_retrieval_task *task, leit_retrieval_summary *summary)
{
    *summary = (leit_retrieval_summary){
        .K_text = task->K_text, .K_music = task->K_music, .depth = task->depth};
    return LEIT_ALLOC(summary->moods, task->K_text);
}

static void add_figures(leit_retrieval_figures *total, const leit_retrieval_figures *part,
                        double weight, int depth)
{
    total->mrr += weight * part->mrr;
    for (int i = 0; i < depth; i++) total->precision[i] += weight * part->precision[i];
}

static void divide_figures(leit_retrieval_figures *figures, double by, int depth)
{
    figures->mrr /= by;
    for (int i = 0; i < depth; i++) figures->precision[i] /= by;
}

/* From the averages of the moods to macro and micro. */
static void average_moods(leit_retrieval_summary *summary)
{
    int64_t n_texts = 0;
    for (int t = 0; t < summary->K_text; t++) {
        const leit_retrieval_figures *mood = &summary->moods[t];
        if (mood->n_texts == 0) continue;
        add_figures(&summary->macro, mood, 1.0, summary->depth);
        add_figures(&summary->micro, mood, (double)mood->n_texts, summary->depth);
        summary->n_moods++;
        n_texts += mood->n_texts;
    }
    divide_figures(&summary->macro, summary->n_moods, summary->depth);
    divide_figures(&summary->micro, (double)n_texts, summary->depth);
    summary->macro.n_texts = summary->micro.n_texts = n_texts;
}

leit_status leit_retrieval_summarize(const leit_retrieval *retrieval,
                                     leit_retrieval_summary *summary)
{
    const leit_retrieval_task *task = &retrieval->task;
    for (int64_t text = 0; text < task->n_texts; text++)
        LEIT_FAIL_IF(!retrieval->ranked[text], LEIT_USAGE, "text %lld of %lld was never ranked",
                     (long long)text, (long long)task->n_texts);
    LEIT_TRY(start_summary(task, summary));
    for (int64_t text = 0; text < task->n_texts; text++) {
        leit_retrieval_figures one = {.mrr = text_reciprocal_rank(retrieval, text)};
        text_precisions(retrieval, text, one.precision);
        leit_retrieval_figures *mood = &summary->moods[task->text_mood[text]];
        add_figures(mood, &one, 1.0, task->depth);
        mood->n_texts++;
        summary->n_empty_texts += retrieval->top_clip[text * task->depth] < 0;
    }
    for (int t = 0; t < task->K_text; t++)
        if (summary->moods[t].n_texts > 0)
            divide_figures(&summary->moods[t], (double)summary->moods[t].n_texts, task->depth);
    average_moods(summary);
    return LEIT_OK;
}

void leit_retrieval_summary_clear(leit_retrieval_summary *summary)
{
    leit_free(summary->moods);
    *summary = (leit_retrieval_summary){0};
}

/* One text's first clips; -1 behind the k that are compared. */
typedef struct first_clips {
    int32_t clip[LEIT_RETRIEVAL_MAX_DEPTH];
} first_clips;

static int compare_lists(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(first_clips));
}

leit_status leit_retrieval_count_lists(const leit_retrieval *retrieval, int k, int64_t *n_lists)
{
    const leit_retrieval_task *task = &retrieval->task;
    first_clips *lists = NULL;
    size_t n = 0;
    LEIT_TRY(LEIT_ALLOC(lists, task->n_texts));
    for (int64_t text = 0; text < task->n_texts; text++) {
        const int32_t *top = retrieval->top_clip + text * task->depth;
        if (top[0] < 0) continue;
        for (int i = 0; i < LEIT_RETRIEVAL_MAX_DEPTH; i++) lists[n].clip[i] = i < k ? top[i] : -1;
        n++;
    }
    if (n > 0) qsort(lists, n, sizeof *lists, compare_lists);
    *n_lists = n > 0;
    for (size_t i = 1; i < n; i++) *n_lists += compare_lists(&lists[i - 1], &lists[i]) != 0;
    leit_free(lists);
    return LEIT_OK;
}

/* ---- reference rows ---- */

/* E[1 / rank of the first right clip] of a random permutation of n clips, R of them right. The
 * first right clip has rank r with probability C(n - r, R - 1) / C(n, R) (negative hypergeometric):
 * R / n at r = 1, and each next one is the last times (n - r - R + 1) / (n - r). */
static double expected_reciprocal_rank(int64_t n, int64_t R)
{
    if (R == 0) return 0.0;
    double probability = (double)R / (double)n, sum = 0.0;
    for (int64_t r = 1; r <= n - R + 1; r++) {
        sum += probability / (double)r;
        if (r < n) probability *= (double)(n - r - R + 1) / (double)(n - r);
    }
    return sum;
}

static void random_figures(int64_t n, int64_t R, int depth, leit_retrieval_figures *figures)
{
    double share = (double)R / (double)n;
    figures->mrr = expected_reciprocal_rank(n, R);
    for (int k = 1; k <= depth; k++)
        figures->precision[k - 1] = k <= n ? share : share * (double)n / k;
}

static void oracle_figures(int64_t n, int64_t R, int depth, leit_retrieval_figures *figures)
{
    (void)n;
    figures->mrr = R > 0 ? 1.0 : 0.0;
    for (int k = 1; k <= depth; k++) figures->precision[k - 1] = R >= k ? 1.0 : (double)R / k;
}

/* Both reference rows depend on a text only through the number of clips that are right for it. */
static leit_status summarize_reference(const leit_retrieval_task *task,
                                       void figures(int64_t, int64_t, int,
                                                    leit_retrieval_figures *),
                                       leit_retrieval_summary *summary)
{
    LEIT_TRY(check_task(task));
    LEIT_TRY(start_summary(task, summary));
    for (int64_t text = 0; text < task->n_texts; text++)
        summary->moods[task->text_mood[text]].n_texts++;
    for (int t = 0; t < task->K_text; t++) {
        if (summary->moods[t].n_texts == 0) continue;
        const uint8_t *right = task->mapping + (int64_t)t * task->K_music;
        int64_t n_right = 0;
        for (int64_t clip = 0; clip < task->n_clips; clip++)
            n_right += right[task->clip_mood[clip]];
        figures(task->n_clips, n_right, task->depth, &summary->moods[t]);
    }
    average_moods(summary);
    return LEIT_OK;
}

leit_status leit_retrieval_random(const leit_retrieval_task *task, leit_retrieval_summary *summary)
{
    return summarize_reference(task, random_figures, summary);
}

leit_status leit_retrieval_oracle(const leit_retrieval_task *task, leit_retrieval_summary *summary)
{
    return summarize_reference(task, oracle_figures, summary);
}

/* ---- what was retrieved ---- */

void leit_retrieval_confusion(const leit_retrieval *retrieval, int k, double *share)
{
    const leit_retrieval_task *task = &retrieval->task;
    for (int64_t i = 0; i < (int64_t)task->K_text * task->K_music; i++) share[i] = 0.0;
    for (int64_t text = 0; text < task->n_texts; text++) {
        double *row = share + (int64_t)task->text_mood[text] * task->K_music;
        const int32_t *top = retrieval->top_clip + text * task->depth;
        for (int place = 0; place < k && top[place] >= 0; place++)
            row[task->clip_mood[top[place]]] += 1.0;
    }
    for (int t = 0; t < task->K_text; t++) {
        int64_t n_texts = 0;
        for (int64_t text = 0; text < task->n_texts; text++) n_texts += task->text_mood[text] == t;
        for (int m = 0; m < task->K_music && n_texts > 0; m++)
            share[(int64_t)t * task->K_music + m] /= (double)n_texts * k;
    }
}
