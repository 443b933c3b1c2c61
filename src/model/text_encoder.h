/* The text encoder: a DistilBERT of any depth, width and number of heads; its result is the last
 * hidden state of [CLS]. Tokens of a batch are packed: padding is never stored or computed, and the
 * last layer computes queries, and what follows them, for [CLS] alone.
 *
 * Parameters are named as in Hugging Face's DistilBertModel, after "text.". Sanh et al.,
 * "DistilBERT" (2019); paper section 3.1.
 */
#ifndef LEIT_MODEL_TEXT_ENCODER_H
#define LEIT_MODEL_TEXT_ENCODER_H

#include "kernels/packed_texts.h"
#include "plan/plan.h"
#include "recipe/recipe.h"

/* The inputs of a packed batch: room for B texts and N tokens. */
typedef struct leit_text_input {
    int64_t B, N, T;              /* T: the longest text, in tokens */
    leit_value ids, positions;    /* (N) i32 */
    leit_value offsets;           /* (B + 1) i32: text b is tokens [offsets[b], offsets[b + 1]) */
    leit_value cls, cls_offsets;  /* (B), (B + 1) i32: the rows of [CLS]; 0, 1, ..., B */
    leit_value n_tokens, n_texts; /* counts */
} leit_text_input;

leit_text_input leit_text_input_create(leit_plan *plan, int64_t B, int64_t N, int64_t T);

/* One text as token ids, [CLS] first. */
typedef struct leit_tokens {
    const int32_t *ids;
    int64_t count;
} leit_tokens;

/* Packs texts into the inputs of a finished plan. LEIT_INTERNAL when they do not fit or one is
 * empty. */
leit_status leit_text_input_fill(leit_plan *plan, const leit_text_input *input,
                                 const leit_tokens *texts, int64_t n_texts);

/* The inputs as what packs texts, in the program's memory or the device's. */
leit_packed_texts leit_text_input_packed(leit_plan *plan, const leit_text_input *input,
                                         leit_input_address *address);

/* -> (B, width), counted by input->n_texts. V is the size of the vocabulary. */
leit_value leit_text_encoder(leit_plan *plan, const leit_text_input *input, int64_t V,
                             const leit_recipe *recipe);

#endif
