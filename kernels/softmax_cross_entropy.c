#include "kernels/softmax_cross_entropy.h"

#include "kernels/losses.h"
#include "kernels/softmax.h"

/* A few dozen rows of a few classes: one thread is faster than waking another. */

static leit_status check(const struct leit_softmax_cross_entropy *args)
{
    LEIT_TRY(leit_softmax_cross_entropy_check(args));
    LEIT_TRY(leit_check_rows("softmax_cross_entropy", args->n_rows, args->N));
    return leit_check_labels("softmax_cross_entropy", args->labels,
                             leit_rows(args->n_rows, args->N), args->K);
}

LEIT_NO_WORKSPACE_CPU(softmax_cross_entropy)

leit_status leit_softmax_cross_entropy_forward_cpu(const leit_exec *exec,
                                                   const struct leit_softmax_cross_entropy *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    const int64_t K = args->K, rows = leit_rows(args->n_rows, args->N);
    for (int64_t n = 0; n < rows; n++)
        args->losses[n] =
            -leit_softmax_row(args->x + n * K, K, args->labels[n], args->probabilities + n * K);
    *args->loss = leit_mean_loss(args->losses, rows);
    return LEIT_OK;
}

leit_status leit_softmax_cross_entropy_backward_cpu(const leit_exec *exec,
                                                    const struct leit_softmax_cross_entropy *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    if (args->dx == NULL) return LEIT_OK;
    const int64_t K = args->K, rows = leit_rows(args->n_rows, args->N);
    const float share = leit_loss_share(args->dloss, rows);
    for (int64_t n = 0; n < rows; n++) {
        const float *p = args->probabilities + n * K;
        for (int64_t k = 0; k < K; k++)
            args->dx[n * K + k] = share * (p[k] - (k == args->labels[n] ? 1.0f : 0.0f));
    }
    return LEIT_OK;
}
