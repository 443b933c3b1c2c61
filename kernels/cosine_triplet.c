#include "kernels/cosine_triplet.h"

#include <math.h>
#include <string.h>

#include "kernels/losses.h"

static leit_status check(const struct leit_cosine_triplet *args)
{
    LEIT_FAIL_IF(args->N < 0 || args->E < 1, LEIT_INTERNAL,
                 "cosine_triplet: N is %lld and E is %lld, expected N >= 0 and E >= 1",
                 (long long)args->N, (long long)args->E);
    for (int64_t n = 0; n < args->N; n++)
        LEIT_FAIL_IF(args->negative[n] < -1 || args->negative[n] >= args->N, LEIT_INTERNAL,
                     "cosine_triplet: negative %lld is %d, expected -1 to %lld", (long long)n,
                     args->negative[n], (long long)args->N - 1);
    return LEIT_OK;
}

size_t leit_cosine_triplet_workspace_cpu(const struct leit_cosine_triplet *args, int n_workers)
{
    (void)args;
    (void)n_workers;
    return 0;
}

static float cosine(const float *u, const float *v, int64_t E)
{
    const float norms = sqrtf(leit_dot(u, u, E)) * sqrtf(leit_dot(v, v, E));
    return leit_dot(u, v, E) / fmaxf(norms, 1e-8f);
}

leit_status leit_cosine_triplet_forward_cpu(const leit_exec *exec,
                                            const struct leit_cosine_triplet *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    const int64_t E = args->E;
    for (int64_t n = 0; n < args->N; n++) {
        args->losses[n] = 0.0f;
        if (args->negative[n] < 0) continue;
        const float *a = args->a + n * E;
        const float positive = cosine(a, args->p + n * E, E);
        const float negative = cosine(a, args->p + args->negative[n] * E, E);
        args->losses[n] = fmaxf(0.0f, args->margin - positive + negative);
    }
    *args->loss = leit_mean_loss(args->losses, args->N);
    return LEIT_OK;
}

/* Adds scale * d cos(u, v) / du and dv. Below the clamp of the norms cos is a plain dot product. */
static void add_cosine_gradient(const float *u, const float *v, int64_t E, float scale, float *du,
                                float *dv)
{
    const float uu = leit_dot(u, u, E), vv = leit_dot(v, v, E), uv = leit_dot(u, v, E);
    const float norms = sqrtf(uu) * sqrtf(vv);
    const int is_clamped = !(norms > 1e-8f);
    const float by_norms = scale / (is_clamped ? 1e-8f : norms);
    const float along_u = is_clamped ? 0.0f : by_norms * uv / uu;
    const float along_v = is_clamped ? 0.0f : by_norms * uv / vv;
    for (int64_t e = 0; e < E; e++) {
        du[e] += by_norms * v[e] - along_u * u[e];
        dv[e] += by_norms * u[e] - along_v * v[e];
    }
}

leit_status leit_cosine_triplet_backward_cpu(const leit_exec *exec,
                                             const struct leit_cosine_triplet *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    const int64_t E = args->E;
    const float share = leit_loss_share(args->dloss, args->N);
    memset(args->da, 0, (size_t)(args->N * E) * sizeof(float));
    memset(args->dp, 0, (size_t)(args->N * E) * sizeof(float));
    for (int64_t n = 0; n < args->N; n++) {
        if (args->negative[n] < 0 || !(args->losses[n] > 0.0f)) continue;
        const float *a = args->a + n * E;
        const int64_t negative = args->negative[n] * E;
        add_cosine_gradient(a, args->p + n * E, E, -share, args->da + n * E, args->dp + n * E);
        add_cosine_gradient(a, args->p + negative, E, share, args->da + n * E, args->dp + negative);
    }
    return LEIT_OK;
}
