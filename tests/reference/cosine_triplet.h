/* cosine_triplet as plain loops; see kernels/cosine_triplet.h. */
static real REFERENCE(dot)(const real *u, const real *v, int64_t E)
{
    real total = 0;
    for (int64_t e = 0; e < E; e++) total += u[e] * v[e];
    return total;
}

static real REFERENCE(norms)(const real *u, const real *v, int64_t E)
{
    return sqrt(REFERENCE(dot)(u, u, E)) * sqrt(REFERENCE(dot)(v, v, E));
}

static real REFERENCE(cosine)(const real *u, const real *v, int64_t E)
{
    return REFERENCE(dot)(u, v, E) / fmax(REFERENCE(norms)(u, v, E), (real)1e-8f);
}

/* That array of pair k. */
#define PAIR(name) BUFFER(names[k].name)

static void REFERENCE(pair_forward)(leit_case *c, int k)
{
    const struct leit_cosine_triplet *args = leit_case_args(c);
    const real *a = PAIR(a), *p = PAIR(p);
    real *losses = PAIR(losses), *loss = PAIR(loss);
    const int32_t *negative = leit_case_i32(c, names[k].negative);
    const int64_t N = args->N, E = args->E;
    loss[0] = 0;
    for (int64_t n = 0; n < N; n++) {
        losses[n] = 0;
        if (negative[n] < 0) continue;
        losses[n] = fmax((real)0, (real)args->margin - REFERENCE(cosine)(a + n * E, p + n * E, E) +
                                      REFERENCE(cosine)(a + n * E, p + negative[n] * E, E));
        loss[0] += losses[n] / (real)N;
    }
}

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_cosine_triplet *args = leit_case_args(c);
    for (int k = 0; k < args->n_pairs; k++) REFERENCE(pair_forward)(c, k);
}

/* du += scale d cos(u, v) / du */
static void REFERENCE(add_gradient)(const real *u, const real *v, int64_t E, real scale, real *du)
{
    const real norms = REFERENCE(norms)(u, v, E), uv = REFERENCE(dot)(u, v, E);
    const real uu = REFERENCE(dot)(u, u, E);
    for (int64_t e = 0; e < E; e++)
        du[e] += norms < (real)1e-8f ? scale * v[e] / (real)1e-8f
                                     : scale * (v[e] - u[e] * uv / uu) / norms;
}

static void REFERENCE(pair_backward)(leit_case *c, int k)
{
    const struct leit_cosine_triplet *args = leit_case_args(c);
    const real *a = PAIR(a), *p = PAIR(p), *losses = PAIR(losses);
    const real *dloss = PAIR(dloss);
    real *da = PAIR(da), *dp = PAIR(dp);
    const int32_t *negative = leit_case_i32(c, names[k].negative);
    const int64_t N = args->N, E = args->E;
    for (int64_t i = 0; i < N * E; i++) da[i] = dp[i] = 0;
    for (int64_t n = 0; n < N; n++) {
        if (negative[n] < 0 || losses[n] == 0) continue;
        const int64_t mine = n * E, other = negative[n] * E;
        const real share = dloss[0] / (real)N;
        REFERENCE(add_gradient)(a + mine, p + mine, E, -share, da + mine);
        REFERENCE(add_gradient)(a + mine, p + other, E, share, da + mine);
        REFERENCE(add_gradient)(p + mine, a + mine, E, -share, dp + mine);
        REFERENCE(add_gradient)(p + other, a + mine, E, share, dp + other);
    }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_cosine_triplet *args = leit_case_args(c);
    for (int k = 0; k < args->n_pairs; k++) REFERENCE(pair_backward)(c, k);
}

#undef PAIR
