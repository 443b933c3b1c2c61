/* adam as plain loops over the buffers that hold all tensors; see kernels/adam.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_adam *args = leit_case_args(c);
    const real *g = BUFFER("g");
    real *p = BUFFER("p"), *m = BUFFER("m"), *v = BUFFER("v");
    const real beta1 = (real)args->beta1, beta2 = (real)args->beta2;
    const real t = (real)args->now->t;
    real scale = 1;
    if (args->clip_norm > 0) scale = (real)args->clip_norm / (BUFFER("norm")[0] + (real)1e-6);
    if (scale > 1) scale = 1;
    for (int64_t i = 0, at = 0; i < args->n_tensors; at += args->tensors[i].count + GAP, i++)
        for (int64_t k = at; k < at + args->tensors[i].count; k++) {
            const real gradient = scale * g[k] + (real)args->tensors[i].weight_decay * p[k];
            m[k] = beta1 * m[k] + (1 - beta1) * gradient;
            v[k] = beta2 * v[k] + (1 - beta2) * gradient * gradient;
            p[k] -= (real)args->now->learning_rate * (m[k] / (1 - pow(beta1, t))) /
                    (sqrt(v[k] / (1 - pow(beta2, t))) + (real)args->epsilon);
        }
}
