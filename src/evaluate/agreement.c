#include "evaluate/agreement.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/memory.h"

/* ---- classes ---- */

static void score_confusion(const int64_t *confusion, int64_t N, int K,
                            leit_class_agreement *agreement)
{
    int64_t n_right = 0, n_labelled = 0, n_present = 0;
    double recalls = 0.0, f1s = 0.0;
    for (int k = 0; k < K; k++) {
        int64_t labels = 0, predictions = 0, right = confusion[(int64_t)k * K + k];
        for (int j = 0; j < K; j++) {
            labels += confusion[(int64_t)k * K + j];
            predictions += confusion[(int64_t)j * K + k];
        }
        n_right += right;
        n_labelled += labels > 0;
        n_present += labels + predictions > 0;
        if (labels > 0) recalls += (double)right / (double)labels;
        if (labels + predictions > 0) f1s += 2.0 * (double)right / (double)(labels + predictions);
    }
    *agreement = (leit_class_agreement){.accuracy = (double)n_right / (double)N,
                                        .macro_accuracy = recalls / (double)n_labelled,
                                        .macro_f1 = f1s / (double)n_present};
}

leit_status leit_agreement_classes(const int32_t *label, const int32_t *predicted, int64_t N, int K,
                                   leit_class_agreement *agreement, int64_t *confusion)
{
    LEIT_FAIL_IF(N < 1 || K < 1, LEIT_USAGE, "N is %lld and K is %d, expected at least 1",
                 (long long)N, K);
    for (int64_t i = 0; i < N; i++)
        LEIT_FAIL_IF(label[i] < 0 || label[i] >= K || predicted[i] < 0 || predicted[i] >= K,
                     LEIT_DATA, "row %lld has label %d and prediction %d, expected 0 to %d",
                     (long long)i, (int)label[i], (int)predicted[i], K - 1);
    int64_t *counts = NULL;
    LEIT_TRY(LEIT_ALLOC(counts, (int64_t)K * K));
    for (int64_t i = 0; i < N; i++) counts[(int64_t)label[i] * K + predicted[i]]++;
    score_confusion(counts, N, K, agreement);
    for (int64_t i = 0; confusion != NULL && i < (int64_t)K * K; i++) confusion[i] = counts[i];
    leit_free(counts);
    return LEIT_OK;
}

/* ---- regression ---- */

leit_status leit_agreement_r2(const float *target, const float *predicted, int64_t N, int64_t E,
                              double *r2)
{
    LEIT_FAIL_IF(N < 2 || E < 1, LEIT_USAGE,
                 "N is %lld and E is %lld, expected at least 2 and at least 1", (long long)N,
                 (long long)E);
    double sum = 0.0;
    for (int64_t e = 0; e < E; e++) {
        double mean = 0.0, residual = 0.0, total = 0.0;
        for (int64_t n = 0; n < N; n++) mean += (double)target[n * E + e] / (double)N;
        for (int64_t n = 0; n < N; n++) {
            double y = target[n * E + e];
            double error = y - (double)predicted[n * E + e];
            residual += error * error;
            total += (y - mean) * (y - mean);
        }
        bool constant = true;
        for (int64_t n = 1; n < N && constant; n++) constant = target[n * E + e] == target[e];
        if (constant)
            sum += residual == 0.0 ? 1.0 : 0.0;
        else
            sum += 1.0 - residual / total;
    }
    LEIT_FAIL_IF(!isfinite(sum), LEIT_NUMERICAL, "R2 is %g: a target or prediction is not finite",
                 sum);
    *r2 = sum / (double)E;
    return LEIT_OK;
}

/* ---- tags ---- */

struct scored {
    float score;
    uint8_t label;
};

struct tags {
    const uint8_t *label; /* (N, K) */
    const float *score;   /* (N, K) */
    int64_t N, K;
    struct scored *rows;      /* (workers, N) */
    double *roc_auc, *pr_auc; /* (K) */
};

static int compare_scored(const void *left, const void *right)
{
    float a = ((const struct scored *)left)->score, b = ((const struct scored *)right)->score;
    return (a < b) - (a > b); /* higher first */
}

/* Walks down the thresholds. ROC: each group of equal scores adds a trapezium; PR: a step. */
static void score_tag(void *context, int64_t tag, int worker)
{
    const struct tags *tags = context;
    const int64_t N = tags->N;
    struct scored *rows = tags->rows + worker * N;
    int64_t positives = 0;
    for (int64_t n = 0; n < N; n++) {
        rows[n] = (struct scored){tags->score[n * tags->K + tag], tags->label[n * tags->K + tag]};
        positives += rows[n].label;
    }
    tags->roc_auc[tag] = tags->pr_auc[tag] = (double)NAN;
    if (positives == 0 || positives == N) return;
    qsort(rows, (size_t)N, sizeof *rows, compare_scored);
    double area = 0.0, precision_sum = 0.0;
    int64_t hits = 0, misses = 0;
    for (int64_t n = 0; n < N;) {
        int64_t new_hits = 0, new_misses = 0;
        const float score = rows[n].score;
        for (; n < N && rows[n].score == score; n++) {
            new_hits += rows[n].label;
            new_misses += !rows[n].label;
        }
        area += (double)new_misses * ((double)hits + 0.5 * (double)new_hits);
        hits += new_hits;
        misses += new_misses;
        precision_sum += (double)new_hits * (double)hits / (double)(hits + misses);
    }
    tags->roc_auc[tag] = area / ((double)positives * (double)(N - positives));
    tags->pr_auc[tag] = precision_sum / (double)positives;
}

static leit_status check_tags(const uint8_t *label, const float *score, int64_t N, int64_t K)
{
    LEIT_FAIL_IF(N < 1 || K < 1, LEIT_USAGE, "N is %lld and K is %lld, expected at least 1",
                 (long long)N, (long long)K);
    for (int64_t i = 0; i < N * K; i++) {
        LEIT_FAIL_IF(label[i] > 1, LEIT_DATA,
                     "row %lld, tag %lld: the label is %d, expected 0 or 1", (long long)(i / K),
                     (long long)(i % K), label[i]);
        LEIT_FAIL_IF(isnan(score[i]), LEIT_NUMERICAL, "row %lld, tag %lld: the score is NaN",
                     (long long)(i / K), (long long)(i % K));
    }
    return LEIT_OK;
}

leit_status leit_agreement_tags(const uint8_t *label, const float *score, int64_t N, int64_t K,
                                leit_threads *threads, double *roc_auc, double *pr_auc,
                                leit_tag_agreement *agreement)
{
    LEIT_TRY(check_tags(label, score, N, K));
    struct tags tags = {.label = label, .score = score, .N = N, .K = K};
    double *areas = NULL; /* (2, K) */
    leit_status status = LEIT_OK;
    LEIT_TRY_GOTO(LEIT_ALLOC(tags.rows, leit_threads_count(threads) * N), done);
    LEIT_TRY_GOTO(LEIT_ALLOC(areas, 2 * K), done);
    tags.roc_auc = areas;
    tags.pr_auc = areas + K;
    leit_threads_run(threads, K, score_tag, &tags);
    *agreement = (leit_tag_agreement){0};
    for (int64_t k = 0; k < K; k++) {
        if (roc_auc != NULL) roc_auc[k] = tags.roc_auc[k];
        if (pr_auc != NULL) pr_auc[k] = tags.pr_auc[k];
        if (isnan(tags.roc_auc[k])) continue;
        agreement->roc_auc += tags.roc_auc[k];
        agreement->pr_auc += tags.pr_auc[k];
        agreement->n_tags++;
    }
    LEIT_FAIL_GOTO_IF(agreement->n_tags == 0, done, LEIT_DATA,
                      "none of %lld tags has both a positive and a negative row", (long long)K);
    agreement->roc_auc /= (double)agreement->n_tags;
    agreement->pr_auc /= (double)agreement->n_tags;
done:
    leit_free(tags.rows);
    leit_free(areas);
    return status;
}
