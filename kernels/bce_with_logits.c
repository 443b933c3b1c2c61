#include "kernels/bce_with_logits.h"

#include <math.h>

#include "kernels/losses.h"

static leit_status check(const struct leit_bce_with_logits *args)
{
    LEIT_TRY(leit_bce_with_logits_check(args));
    return leit_check_rows("bce_with_logits", args->n_rows, args->N);
}

LEIT_NO_WORKSPACE_CPU(bce_with_logits)

leit_status leit_bce_with_logits_forward_cpu(const leit_exec *exec,
                                             const struct leit_bce_with_logits *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    const int64_t K = args->K, rows = leit_rows(args->n_rows, args->N);
    for (int64_t n = 0; n < rows; n++) {
        const float *x = args->x + n * K, *t = args->targets + n * K;
        float total = 0.0f;
        for (int64_t k = 0; k < K; k++)
            total += fmaxf(x[k], 0.0f) - x[k] * t[k] + log1pf(expf(-fabsf(x[k])));
        args->losses[n] = total / (float)K;
    }
    *args->loss = leit_mean_loss(args->losses, rows);
    return LEIT_OK;
}

leit_status leit_bce_with_logits_backward_cpu(const leit_exec *exec,
                                              const struct leit_bce_with_logits *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    if (args->dx == NULL) return LEIT_OK;
    const int64_t rows = leit_rows(args->n_rows, args->N), count = rows * args->K;
    const float share = leit_loss_share(args->dloss, rows) / (float)args->K;
    for (int64_t i = 0; i < count; i++) {
        const float sigmoid = 1.0f / (1.0f + expf(-args->x[i]));
        args->dx[i] = share * (sigmoid - args->targets[i]);
    }
    return LEIT_OK;
}
