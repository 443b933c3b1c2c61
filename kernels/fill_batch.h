/* fill_batch: what a step reads of the rows of its batch: token ids, and what losses compare with.
 *   texts         (B)  i32, rows of a text corpus, the first *texts_drawn of them (NULL: B); B is 0
 *                 where no texts are wanted
 *   tokens, token_offsets  i32, i64: text i of the corpus is tokens[token_offsets[i]] to
 *                 tokens[token_offsets[i + 1]]
 *   packed        the texts, out; packed.n_texts may be texts_drawn itself
 *   targets       up to LEIT_BATCH_TARGETS. Row b of a target is that of
 *                     i = rows[b], label[i] for it where there are labels, of_label[label[i]] where
 *                     there is such a list
 *                 itself, (n) i32, or row i of `table`, f32, or of `flags`, u8: (n, width) f32. The first
 *                 *n_rows rows are written (NULL: n).
 *   Limits        0 <= B, N < 2^31; a text has 1 to T tokens and all fit into N: on CUDA what does not
 *                 fit is left out. Rows and labels lead into their arrays: they are drawn, not read.
 *   Error         none: numbers are copied.
 *   Repeatable    bit for bit.
 */
#ifndef LEIT_KERNELS_FILL_BATCH_H
#define LEIT_KERNELS_FILL_BATCH_H

#include <stdbool.h>

#include "core/rng.h" /* LEIT_HOST_DEVICE */
#include "kernels/packed_texts.h"

enum { LEIT_BATCH_TARGETS = 16 };

typedef struct leit_batch_target {
    int64_t n, width;
    const int32_t *rows, *n_rows;
    const int32_t *label, *of_label; /* NULL: none */
    const float *table;              /* one of both, or none */
    const uint8_t *flags;
    void *to;
} leit_batch_target;

struct leit_fill_batch {
    const int32_t *texts, *texts_drawn;
    const int32_t *tokens;
    const int64_t *token_offsets;
    leit_packed_texts packed;
    int n_targets;
    leit_batch_target targets[LEIT_BATCH_TARGETS];
};

/* The limits that the host can see, on either backend. */
static inline leit_status leit_fill_batch_check(const struct leit_fill_batch *args)
{
    const leit_packed_texts *packed = &args->packed;
    LEIT_FAIL_IF(packed->B < 0 || packed->N < 0 || packed->B > INT32_MAX || packed->N > INT32_MAX,
                 LEIT_INTERNAL, "fill_batch: B is %lld and N is %lld, expected 0 to 2^31 - 1",
                 (long long)packed->B, (long long)packed->N);
    LEIT_FAIL_IF(args->n_targets < 0 || args->n_targets > LEIT_BATCH_TARGETS, LEIT_INTERNAL,
                 "fill_batch: n_targets is %d, expected 0 to %d", args->n_targets,
                 LEIT_BATCH_TARGETS);
    return LEIT_OK;
}

/* Which row of its table, or which number, row b of a target is. */
static inline LEIT_HOST_DEVICE int32_t leit_target_row(const leit_batch_target *target, int64_t b)
{
    int32_t row = target->rows[b];
    if (target->label != NULL) row = target->label[row];
    return target->of_label == NULL ? row : target->of_label[row];
}

/* Element e of row b of a target that has a table or flags. */
static inline LEIT_HOST_DEVICE void leit_fill_element(const leit_batch_target *target, int64_t b,
                                                      int32_t row, int64_t e)
{
    const int64_t from = row * target->width + e;
    ((float *)target->to)[b * target->width + e] =
        target->table != NULL ? target->table[from] : (float)target->flags[from];
}

static inline LEIT_HOST_DEVICE bool leit_target_is_number(const leit_batch_target *target)
{
    return target->table == NULL && target->flags == NULL;
}

LEIT_DECLARE_OP_FORWARD(fill_batch)

#endif
