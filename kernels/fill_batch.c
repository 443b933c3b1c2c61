#include "kernels/fill_batch.h"

#include "kernels/blocks.h"

/* Copies of a few rows: the caller makes them alone. */

LEIT_NO_WORKSPACE_CPU(fill_batch)

static leit_status fill_texts(const struct leit_fill_batch *args)
{
    const int64_t n = leit_rows(args->texts_drawn, args->packed.B);
    int64_t used = 0;
    for (int64_t b = 0; b < n; b++) {
        const int64_t *of_text = args->token_offsets + args->texts[b];
        LEIT_TRY(leit_pack_text(&args->packed, b, args->tokens + of_text[0],
                                of_text[1] - of_text[0], &used));
    }
    leit_pack_end(&args->packed, n, used);
    return LEIT_OK;
}

static void fill_target(const leit_batch_target *target)
{
    const int64_t n = leit_rows(target->n_rows, target->n);
    const bool is_number = leit_target_is_number(target);
    for (int64_t b = 0; b < n; b++) {
        const int32_t row = leit_target_row(target, b);
        if (is_number) ((int32_t *)target->to)[b] = row;
        for (int64_t e = 0; !is_number && e < target->width; e++)
            leit_fill_element(target, b, row, e);
    }
}

leit_status leit_fill_batch_forward_cpu(const leit_exec *exec, const struct leit_fill_batch *args)
{
    (void)exec;
    LEIT_TRY(leit_fill_batch_check(args));
    LEIT_TRY(leit_check_rows("fill_batch", args->texts_drawn, args->packed.B));
    for (int i = 0; i < args->n_targets; i++)
        LEIT_TRY(leit_check_rows("fill_batch", args->targets[i].n_rows, args->targets[i].n));
    if (args->packed.B > 0) LEIT_TRY(fill_texts(args));
    for (int i = 0; i < args->n_targets; i++) fill_target(&args->targets[i]);
    return LEIT_OK;
}
