#include "kernels/cosine_triplet.h"

#include <math.h>
#include <string.h>

#include "kernels/losses.h"

static leit_status check(const struct leit_cosine_triplet *args)
{
    LEIT_TRY(leit_cosine_triplet_check(args));
    for (int k = 0; k < args->n_pairs; k++)
        for (int64_t n = 0; n < args->N; n++) {
            const int32_t negative = args->pairs[k].negative[n];
            LEIT_FAIL_IF(negative < -1 || negative >= args->N, LEIT_INTERNAL,
                         "cosine_triplet: negative %lld is %d, expected -1 to %lld", (long long)n,
                         negative, (long long)args->N - 1);
        }
    return LEIT_OK;
}

LEIT_NO_WORKSPACE_CPU(cosine_triplet)

static const float smallest_norms = 1e-8f;

static float cosine(const float *u, const float *v, int64_t E)
{
    const float norms = sqrtf(leit_dot(u, u, E)) * sqrtf(leit_dot(v, v, E));
    return leit_dot(u, v, E) / fmaxf(norms, smallest_norms); /* a NaN is in the dot product too */
}

static void pair_forward(const struct leit_cosine_triplet *args,
                         const struct leit_triplet_pair *pair)
{
    const int64_t E = args->E;
    for (int64_t n = 0; n < args->N; n++) {
        pair->losses[n] = 0.0f;
        if (pair->negative[n] < 0) continue;
        const float *a = pair->a + n * E;
        const float positive = cosine(a, pair->p + n * E, E);
        const float negative = cosine(a, pair->p + pair->negative[n] * E, E);
        const float gap = args->margin - positive + negative;
        pair->losses[n] = gap < 0.0f ? 0.0f : gap; /* fmaxf would hide a NaN */
    }
    *pair->loss = leit_mean_loss(pair->losses, args->N);
}

leit_status leit_cosine_triplet_forward_cpu(const leit_exec *exec,
                                            const struct leit_cosine_triplet *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    for (int k = 0; k < args->n_pairs; k++) pair_forward(args, &args->pairs[k]);
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

static void pair_backward(const struct leit_cosine_triplet *args,
                          const struct leit_triplet_pair *pair)
{
    const int64_t E = args->E;
    const size_t bytes = (size_t)(args->N * E) * sizeof(float);
    const float share = leit_loss_share(pair->dloss, args->N);
    if (pair->da != NULL) memset(pair->da, 0, bytes);
    if (pair->dp != NULL) memset(pair->dp, 0, bytes);
    for (int64_t n = 0; n < args->N; n++) {
        if (pair->negative[n] < 0 || pair->losses[n] == 0.0f) continue;
        const int64_t negative = pair->negative[n];
        const float *a = pair->a + n * E, *p = pair->p + n * E, *q = pair->p + negative * E;
        if (pair->da != NULL) {
            add_cosine_gradient(a, p, E, -share, pair->da + n * E);
            add_cosine_gradient(a, q, E, share, pair->da + n * E);
        }
        if (pair->dp != NULL) {
            add_cosine_gradient(p, a, E, -share, pair->dp + n * E);
            add_cosine_gradient(q, a, E, share, pair->dp + negative * E);
        }
    }
}

leit_status leit_cosine_triplet_backward_cpu(const leit_exec *exec,
                                             const struct leit_cosine_triplet *args)
{
    (void)exec;
    LEIT_TRY(check(args));
    for (int k = 0; k < args->n_pairs; k++) pair_backward(args, &args->pairs[k]);
    return LEIT_OK;
}
