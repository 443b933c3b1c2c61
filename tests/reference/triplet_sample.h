/* triplet_sample as plain loops; see kernels/triplet_sample.h. */
static real REFERENCE(cosine_of)(const real *u, const real *v, int64_t E)
{
    real uu = 0, vv = 0, uv = 0;
    for (int64_t e = 0; e < E; e++) {
        uu += u[e] * u[e];
        vv += v[e] * v[e];
        uv += u[e] * v[e];
    }
    return uv / (fmax(sqrt(uu), (real)1e-12) * fmax(sqrt(vv), (real)1e-12));
}

static void REFERENCE(weigh_rows)(leit_case *c, int64_t n, real *weights)
{
    const struct leit_triplet_sample *args = leit_case_args(c);
    const real *a = BUFFER("a"), *p = BUFFER("p");
    const int32_t *mine = leit_case_i32(c, "anchor_labels"), *its = leit_case_i32(c, "item_labels");
    const int64_t N = args->N, E = args->E;
    real largest = -INFINITY, total = 0;
    for (int64_t j = 0; j < N; j++) {
        const real s = REFERENCE(cosine_of)(a + n * E, p + j * E, E);
        const real d = fmax(sqrt(fmax(2 - 2 * s, (real)0)), (real)args->cutoff);
        weights[j] =
            (real)(2 - E) * log(d) - (real)(E - 3) / 2 * log(fmax(1 - d * d / 4, (real)1e-8));
        if (args->weights == LEIT_WEIGHTS_COSINE) weights[j] = log(fmax((s + 1) / 2, (real)0));
        if (args->weights == LEIT_WEIGHTS_DISTANCE && d >= (real)args->nonzero_loss_cutoff)
            weights[j] = -INFINITY;
        if (its[j] == mine[n]) weights[j] = -INFINITY;
        largest = fmax(largest, weights[j]);
    }
    for (int64_t j = 0; j < N; j++) {
        weights[j] = weights[j] == -INFINITY ? 0 : exp(weights[j] - largest);
        total += weights[j];
    }
    for (int64_t j = 0; total == 0 && j < N; j++) weights[j] = its[j] != mine[n];
}

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_triplet_sample *args = leit_case_args(c);
    int32_t *negative = leit_case_i32(c, "negative"), *n_empty = leit_case_i32(c, "n_empty");
    real weights[MAX_ROWS];
    *n_empty = 0;
    for (int64_t n = 0; n < args->N; n++) {
        const uint32_t counter[4] = {0, (uint32_t)n, args->random->step, args->stream};
        uint32_t words[4];
        leit_philox(args->random->seed, counter, words);
        REFERENCE(weigh_rows)(c, n, weights);
        real total = 0, running = 0;
        for (int64_t j = 0; j < args->N; j++) total += weights[j];
        negative[n] = -1;
        for (int64_t j = 0; j < args->N && negative[n] < 0; j++) {
            running += weights[j];
            if (running > (real)leit_uniform_from_word(words[0]) * total) negative[n] = (int32_t)j;
        }
        if (negative[n] < 0) ++*n_empty;
    }
}
