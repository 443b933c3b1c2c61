#include "kernels/focal_loss.h"

#include <math.h>

#include "kernels/losses.h"
#include "kernels/softmax.h"

static leit_status check(const struct leit_focal_loss *args)
{
    LEIT_TRY(leit_focal_loss_check(args));
    LEIT_TRY(leit_check_rows("focal_loss", args->n_rows, args->N));
    return leit_check_labels("focal_loss", args->labels, leit_rows(args->n_rows, args->N), args->K);
}

LEIT_NO_WORKSPACE_CPU(focal_loss)

/* 1 - p: where p is near 1 and the difference would cancel, the sum of the other probabilities. */
static float rest_of(const float *p, int64_t K, int64_t label)
{
    if (p[label] < 0.5f) return 1.0f - p[label];
    float rest = 0.0f;
    for (int64_t k = 0; k < K; k++)
        if (k != label) rest += p[k];
    return rest;
}

leit_status leit_focal_loss_forward_cpu(const leit_exec *exec, const struct leit_focal_loss *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    const int64_t K = args->K, rows = leit_rows(args->n_rows, args->N);
    for (int64_t n = 0; n < rows; n++) {
        float *p = args->probabilities + n * K;
        const float log_p = leit_softmax_row(args->x + n * K, K, args->labels[n], p);
        args->losses[n] = -powf(rest_of(p, K, args->labels[n]), args->gamma) * log_p;
    }
    *args->loss = leit_mean_loss(args->losses, rows);
    return LEIT_OK;
}

/* d loss / d x[k] = slope * (onehot - p[k]) with slope = -(1-p)^gamma, and for the full gradient
 * slope += gamma p (1-p)^(gamma-1) log p. */
leit_status leit_focal_loss_backward_cpu(const leit_exec *exec, const struct leit_focal_loss *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    if (args->dx == NULL) return LEIT_OK;
    const int64_t K = args->K, rows = leit_rows(args->n_rows, args->N);
    const float share = leit_loss_share(args->dloss, rows), gamma = args->gamma;
    for (int64_t n = 0; n < rows; n++) {
        const float *p = args->probabilities + n * K, *x = args->x + n * K;
        const int32_t label = args->labels[n];
        const float rest = rest_of(p, K, label);
        float slope = -powf(rest, gamma);
        if (!args->weight_is_constant && gamma > 0.0f && rest > 0.0f) {
            const float log_p = leit_softmax_row(x, K, label, NULL);
            slope += gamma * p[label] * powf(rest, gamma - 1.0f) * log_p;
        }
        for (int64_t k = 0; k < K; k++)
            args->dx[n * K + k] = share * slope * (k == label ? rest : -p[k]);
    }
    return LEIT_OK;
}
