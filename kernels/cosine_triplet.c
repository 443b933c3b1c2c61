#include "kernels/cosine_triplet.h"

#include <math.h>
#include <string.h>

#include "kernels/losses.h"

static leit_status check(const struct leit_cosine_triplet *args)
{
    LEIT_TRY(leit_cosine_triplet_check(args));
    for (int64_t n = 0; n < args->N; n++)
        LEIT_FAIL_IF(args->negative[n] < -1 || args->negative[n] >= args->N, LEIT_INTERNAL,
                     "cosine_triplet: negative %lld is %d, expected -1 to %lld", (long long)n,
                     args->negative[n], (long long)args->N - 1);
    return LEIT_OK;
}

LEIT_NO_WORKSPACE_CPU(cosine_triplet)

static const float smallest_norms = 1e-8f;

static float cosine(const float *u, const float *v, int64_t E)
{
    const float norms = sqrtf(leit_dot(u, u, E)) * sqrtf(leit_dot(v, v, E));
    return leit_dot(u, v, E) / fmaxf(norms, smallest_norms); /* a NaN is in the dot product too */
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
        const float gap = args->margin - positive + negative;
        args->losses[n] = gap < 0.0f ? 0.0f : gap; /* fmaxf would hide a NaN */
    }
    *args->loss = leit_mean_loss(args->losses, args->N);
    return LEIT_OK;
}

/* Adds scale * d cos(u, v) / du to du. Below the clamp of the norms cos is a plain dot product. */
static void add_cosine_gradient(const float *u, const float *v, int64_t E, float scale, float *du)
{
    const float uu = leit_dot(u, u, E), norms = sqrtf(uu) * sqrtf(leit_dot(v, v, E));
    const int is_clamped = norms < smallest_norms;
    const float along_v = scale / (is_clamped ? smallest_norms : norms);
    const float along_u = is_clamped ? 0.0f : along_v * leit_dot(u, v, E) / uu;
    for (int64_t e = 0; e < E; e++) du[e] += along_v * v[e] - along_u * u[e];
}

leit_status leit_cosine_triplet_backward_cpu(const leit_exec *exec,
                                             const struct leit_cosine_triplet *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    const int64_t E = args->E;
    const size_t bytes = (size_t)(args->N * E) * sizeof(float);
    const float share = leit_loss_share(args->dloss, args->N);
    if (args->da != NULL) memset(args->da, 0, bytes);
    if (args->dp != NULL) memset(args->dp, 0, bytes);
    for (int64_t n = 0; n < args->N; n++) {
        if (args->negative[n] < 0 || args->losses[n] == 0.0f) continue;
        const int64_t negative = args->negative[n];
        const float *a = args->a + n * E, *p = args->p + n * E, *q = args->p + negative * E;
        if (args->da != NULL) {
            add_cosine_gradient(a, p, E, -share, args->da + n * E);
            add_cosine_gradient(a, q, E, share, args->da + n * E);
        }
        if (args->dp != NULL) {
            add_cosine_gradient(p, a, E, -share, args->dp + n * E);
            add_cosine_gradient(q, a, E, share, args->dp + negative * E);
        }
    }
    return LEIT_OK;
}
