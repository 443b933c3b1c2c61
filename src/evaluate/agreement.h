/* How well predictions agree with labels: the figures that training watches and that tagging
 * reports, each as scikit-learn defines it (docs/evaluation.md). */
#ifndef LEIT_EVALUATE_AGREEMENT_H
#define LEIT_EVALUATE_AGREEMENT_H

#include <stdint.h>

#include "core/threads.h"

typedef struct leit_class_agreement {
    double accuracy;
    double macro_accuracy; /* mean recall over the classes that have a label */
    double macro_f1;       /* mean F1 over the classes that occur as label or prediction */
} leit_class_agreement;

/*   label, predicted  (N) in [0, K), N >= 1
 *   confusion         (K, K) out, row label, column predicted; may be NULL
 * LEIT_DATA when a class is out of range. */
leit_status leit_agreement_classes(const int32_t *label, const int32_t *predicted, int64_t N, int K,
                                   leit_class_agreement *agreement, int64_t *confusion);

/* Coefficient of determination, the plain mean over the E outputs. An output whose target never
 * changes counts 1 when predicted without error, else 0.
 *   target, predicted  (N, E), N >= 2 */
leit_status leit_agreement_r2(const float *target, const float *predicted, int64_t N, int64_t E,
                              double *r2);

typedef struct leit_tag_agreement {
    double roc_auc, pr_auc; /* means over the tags that count; PR-AUC is average precision */
    int64_t n_tags;         /* tags that count: with at least one positive and one negative */
} leit_tag_agreement;

/* Multi-label tagging. Equal scores are one threshold.
 *   label    (N, K) 0 or 1
 *   score    (N, K) higher is more likely
 *   roc_auc  (K) out, NaN for a tag that does not count; may be NULL
 *   pr_auc   (K) out, likewise
 * LEIT_DATA when a label is neither 0 nor 1 or no tag counts, LEIT_NUMERICAL when a score is NaN.
 */
leit_status leit_agreement_tags(const uint8_t *label, const float *score, int64_t N, int64_t K,
                                leit_threads *threads, double *roc_auc, double *pr_auc,
                                leit_tag_agreement *agreement);

#endif
