#include "kernels/embedding.h"

#define LEIT_REFERENCE "reference/embedding.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 D=1 V=1",
    "N=97 D=59 V=13 P=11", /* every id many times */
    "N=33 D=130 V=1000 n_rows=29",
    "N=40 D=33 V=7 P=64 no_dwords=1",
    "N=3 D=4 V=5 n_rows=0",
    /* Of the fast CUDA kernels, in fours: an index many times, more rows than are compared at once, more
     * columns than threads take at once. */
    "N=97 D=60 V=13 P=11",
    "N=1100 D=4 V=5 n_rows=1090",
    "N=40 D=36 V=7 P=64 no_dwords=1 n_rows=33",
    "N=5 D=772 V=3 P=2",
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_embedding *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), D = args->D = leit_case_int(c, "D", 0);
    const int64_t V = args->V = leit_case_int(c, "V", 0), P = args->P = leit_case_int(c, "P", 0);
    const int64_t rows = leit_case_count(c, "n_rows", &args->n_rows, N);
    leit_case_indices(c, "ids", &args->ids, N, rows, (int32_t)V);
    leit_case_input(c, "words", &args->words, V * D, V * D);
    if (P > 0) {
        leit_case_indices(c, "positions", &args->positions, N, rows, (int32_t)P);
        leit_case_input(c, "position_table", &args->position_table, P * D, P * D);
    }
    leit_case_output(c, "y", &args->y, N * D);
    leit_case_gradient_in(c, "dy", &args->dy, "y", rows * D);
    if (!leit_case_int(c, "no_dwords", 0))
        leit_case_gradient_sum(c, "dwords", &args->dwords, "words");
    if (P > 0)
        leit_case_gradient_sum(c, "dposition_table", &args->dposition_table, "position_table");
    double elements = (double)(rows * D), tables = P > 0 ? 2.0 : 1.0;
    leit_case_work(c, elements, 4 * elements * (1 + tables), tables * elements,
                   4 * elements * (1 + 2 * tables));
}

LEIT_CASES(embedding)
