/* Texts of a batch one behind the other, without padding, as the text encoder reads them. */
#ifndef LEIT_KERNELS_PACKED_TEXTS_H
#define LEIT_KERNELS_PACKED_TEXTS_H

#include <string.h>

#include "kernels/op.h"

/* Room for B texts of at most T tokens, N tokens together. */
typedef struct leit_packed_texts {
    int64_t B, N, T;
    int32_t *ids, *positions; /* (N) */
    int32_t *offsets; /* (B + 1) text b is tokens offsets[b] .. offsets[b + 1] - 1; texts that
                                    are not there are empty */
    int32_t *cls, *cls_offsets;  /* (B) rows of [CLS], (B + 1) 0, 1, ..., n, n, ... */
    int32_t *n_tokens, *n_texts; /* (1) */
} leit_packed_texts;

/* Text b behind *used tokens. LEIT_INTERNAL when it is empty or does not fit. */
static inline leit_status leit_pack_text(const leit_packed_texts *packed, int64_t b,
                                         const int32_t *ids, int64_t count, int64_t *used)
{
    LEIT_FAIL_IF(b >= packed->B || count < 1 || count > packed->T || *used + count > packed->N,
                 LEIT_INTERNAL,
                 "text %lld of %lld has %lld tokens, expected 1 to %lld and room for %lld more",
                 (long long)b, (long long)packed->B, (long long)count, (long long)packed->T,
                 (long long)(packed->N - *used));
    memcpy(packed->ids + *used, ids, (size_t)count * sizeof *ids);
    for (int64_t t = 0; t < count; t++) packed->positions[*used + t] = (int32_t)t;
    packed->offsets[b] = packed->cls[b] = (int32_t)*used;
    packed->cls_offsets[b] = (int32_t)b;
    *used += count;
    return LEIT_OK;
}

/* When n texts are packed. */
static inline void leit_pack_end(const leit_packed_texts *packed, int64_t n, int64_t used)
{
    for (int64_t b = n; b <= packed->B; b++) {
        packed->offsets[b] = (int32_t)used;
        packed->cls_offsets[b] = (int32_t)n;
    }
    *packed->n_tokens = (int32_t)used;
    *packed->n_texts = (int32_t)n;
}

#endif
