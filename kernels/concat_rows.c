#include "kernels/concat_rows.h"

#include <string.h>

LEIT_NO_WORKSPACE_CPU(concat_rows)

static void copy_rows(float *to, const float *from, int64_t rows, int64_t D)
{
    if (to != NULL && rows > 0) memcpy(to, from, (size_t)(rows * D) * sizeof(float));
}

leit_status leit_concat_rows_forward_cpu(const leit_exec *exec, const struct leit_concat_rows *args)
{
    (void)exec;
    LEIT_TRY(leit_concat_rows_check(args));
    copy_rows(args->y, args->a, args->Na, args->D);
    copy_rows(args->y + args->Na * args->D, args->b, args->Nb, args->D);
    return LEIT_OK;
}

leit_status leit_concat_rows_backward_cpu(const leit_exec *exec,
                                          const struct leit_concat_rows *args)
{
    (void)exec;
    LEIT_TRY(leit_concat_rows_check(args));
    copy_rows(args->da, args->dy, args->Na, args->D);
    copy_rows(args->db, args->dy + args->Na * args->D, args->Nb, args->D);
    return LEIT_OK;
}
