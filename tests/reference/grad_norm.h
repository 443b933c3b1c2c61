/* grad_norm as a plain loop over the buffer that holds all tensors; see kernels/grad_norm.h. */
static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_grad_norm *args = leit_case_args(c);
    const real *g = BUFFER("g");
    real *norm = BUFFER("norm");
    real squares = 0;
    for (int64_t i = 0, at = 0; i < args->n_tensors; at += args->tensors[i].count + GAP, i++)
        for (int64_t k = at; k < at + args->tensors[i].count; k++) squares += g[k] * g[k];
    norm[0] = sqrt(squares);
}
