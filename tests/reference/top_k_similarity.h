/* top_k_similarity as plain loops: k times the best that is left; see kernels/top_k_similarity.h.
 */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_top_k_similarity *args = leit_case_args(c);
    const real *queries = BUFFER("queries"), *items = BUFFER("items");
    real *scores = BUFFER("scores");
    int32_t *indices = leit_case_i32(c, "indices");
    const int64_t E = args->E, k = args->k;
    for (int64_t n = 0; n < args->N; n++)
        for (int64_t i = 0; i < k; i++) {
            real best = -INFINITY;
            int32_t index = -1;
            for (int64_t m = 0; m < args->M; m++) {
                bool is_taken = false;
                for (int64_t j = 0; j < i; j++) is_taken |= indices[n * k + j] == m;
                if (is_taken) continue;
                real score = 0;
                for (int64_t e = 0; e < E; e++) score += queries[n * E + e] * items[m * E + e];
                if (index >= 0 && score <= best) continue;
                best = score;
                index = (int32_t)m;
            }
            scores[n * k + i] = best;
            indices[n * k + i] = index;
        }
}
