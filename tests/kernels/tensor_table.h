/* A table of tensors for the cases of adam and grad_norm: the tensors lie one behind the other in
 * the case's buffers, GAP elements apart, which nobody may touch. */
#ifndef LEIT_TESTS_TENSOR_TABLE_H
#define LEIT_TESTS_TENSOR_TABLE_H

#include "kernels/adam.h"
#include "kernels/harness.h"

enum { MAX_TENSORS = 70, GAP = 3 };

static leit_adam_tensor tensors[MAX_TENSORS];

/* n_tensors of N elements, less 7 for each before it, the third one empty; weight decay grows with
 * the number. Returns the elements of a buffer. */
static inline int64_t tensor_table(const leit_case *c, int64_t *n_tensors)
{
    int64_t elements = 0;
    *n_tensors = leit_case_int(c, "n_tensors", 1);
    for (int64_t i = 0; i < *n_tensors; i++) {
        tensors[i] = (leit_adam_tensor){0};
        tensors[i].count = i == 2 ? 0 : leit_case_int(c, "N", 0) - 7 * i;
        tensors[i].weight_decay = (float)(leit_case_float(c, "weight_decay", 0.0) * (double)i);
        elements += tensors[i].count + GAP;
    }
    return elements;
}

static inline float *tensor_at(leit_case *c, const char *buffer, int64_t index)
{
    float *at = leit_case_kernel(c, buffer);
    for (int64_t i = 0; at != NULL && i < index; i++) at += tensors[i].count + GAP;
    return at;
}

/* Runs when the buffers of the kernel are there. */
static inline void bind_tensors(leit_case *c)
{
    for (int64_t i = 0; i < MAX_TENSORS; i++) {
        tensors[i].p = tensor_at(c, "p", i);
        tensors[i].g = tensor_at(c, "g", i);
        tensors[i].m = tensor_at(c, "m", i);
        tensors[i].v = tensor_at(c, "v", i);
    }
}

/* The table goes where the kernel runs; `field` points to it. */
static inline void lend_tensors(leit_case *c, const leit_adam_tensor **field)
{
    leit_case_bind(c, bind_tensors);
    leit_case_lend(c, "tensors", field, sizeof tensors);
}

#endif
