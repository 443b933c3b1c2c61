#include "kernels/mse.h"

#include "kernels/losses.h"

static leit_status check(const struct leit_mse *args)
{
    LEIT_TRY(leit_mse_check(args));
    return leit_check_rows("mse", args->n_rows, args->N);
}

LEIT_NO_WORKSPACE_CPU(mse)

LEIT_DEFINE_SUM(squared_distance, (x[i] - y[i]) * (x[i] - y[i]), const float *x, const float *y)

leit_status leit_mse_forward_cpu(const leit_exec *exec, const struct leit_mse *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    const int64_t D = args->D, rows = leit_rows(args->n_rows, args->N);
    for (int64_t n = 0; n < rows; n++)
        args->losses[n] = squared_distance(args->x + n * D, args->target + n * D, D) / (float)D;
    *args->loss = leit_mean_loss(args->losses, rows);
    return LEIT_OK;
}

leit_status leit_mse_backward_cpu(const leit_exec *exec, const struct leit_mse *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    if (args->dx == NULL) return LEIT_OK;
    const int64_t rows = leit_rows(args->n_rows, args->N), count = rows * args->D;
    const float share = 2.0f * leit_loss_share(args->dloss, rows) / (float)args->D;
    for (int64_t i = 0; i < count; i++) args->dx[i] = share * (args->x[i] - args->target[i]);
    return LEIT_OK;
}
