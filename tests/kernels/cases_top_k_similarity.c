#include "kernels/top_k_similarity.h"

#define LEIT_REFERENCE "reference/top_k_similarity.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 M=1 E=1 k=1",
    "N=1 M=1025 E=64 k=10",
    "N=70 M=97 E=59 k=5",
    "N=5 M=300 E=33 k=300",
    "N=3 M=7 E=8 k=11",
    "N=2 M=0 E=8 k=3",
    "N=0 M=9 E=8 k=3",
    "N=1 M=20000 E=3 k=4", /* several chunks */
    "N=5 M=20000 E=3 k=4",
    "N=2 M=9000 E=2 k=12 ties=1",
    "N=5 M=9000 E=2 k=12 ties=1",
    "N=3 M=50 E=4 k=50 ties=1",
    "N=70 M=597 E=36 k=32", /* of the fast CUDA kernel: as many as a warp has lanes */
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_top_k_similarity *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), M = args->M = leit_case_int(c, "M", 0);
    const int64_t E = args->E = leit_case_int(c, "E", 0), k = args->k = leit_case_int(c, "k", 0);
    double *queries = leit_case_input(c, "queries", &args->queries, N * E, N * E);
    double *items = leit_case_input(c, "items", &args->items, M * E, M * E);
    if (leit_case_int(c, "ties", 0)) { /* small whole numbers: many equal scores, all exact */
        for (int64_t i = 0; i < N * E; i++) queries[i] = round(queries[i]);
        for (int64_t i = 0; i < M * E; i++) items[i] = round(items[i]);
    }
    leit_case_output(c, "scores", &args->scores, N * k);
    leit_case_output_i32(c, "indices", &args->indices, N * k);
    leit_case_work(c, 2.0 * (double)(N * M * E), 4.0 * (double)(M * E), 0, 0);
}

LEIT_CASES_FORWARD(top_k_similarity)
