#include "kernels/grad_norm.h"

#include "kernels/tensor_table.h"

#define LEIT_REFERENCE "reference/grad_norm.h"
#include "reference/twice.h"

static const char *const params[] = {
    "n_tensors=1 N=1",
    "n_tensors=4 N=97",
    "n_tensors=2 N=40001",
    "n_tensors=2 N=16384",
    "n_tensors=0 N=1",
    "n_tensors=70 N=500",
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_grad_norm *args = leit_case_args(c);
    const int64_t elements = tensor_table(c, &args->n_tensors);
    args->tensors = tensors;
    args->n_blocks = leit_tensor_blocks(tensors, args->n_tensors);
    leit_case_input(c, "g", NULL, elements, elements);
    leit_case_output(c, "norm", &args->norm, 1);
    lend_tensors(c, &args->tensors);
    leit_case_work(c, 2.0 * (double)elements, 4.0 * (double)elements, 0, 0);
}

LEIT_CASES_FORWARD(grad_norm)
