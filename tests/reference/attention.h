/* attention as plain loops; see kernels/attention.h. i and j are rows of q and of k, which lie Q and K
 * apart; where a case has them in one buffer, q is its first part. */
static const real *REFERENCE(part)(leit_case *c, const char *name, const char *joint, int64_t first)
{
    const real *own = BUFFER(name);
    return own != NULL ? own : (const real *)BUFFER(joint) + first;
}

static real REFERENCE(score)(const struct leit_attention *args, const real *q, const real *k,
                             int64_t h, int64_t i, int64_t j)
{
    const int64_t D = args->D, width = D / args->H;
    const int64_t Q = args->q_step, K = args->k_step;
    real total = 0;
    for (int64_t d = 0; d < width; d++)
        total += q[i * Q + h * width + d] * k[j * K + h * width + d];
    return total / sqrt((real)width);
}

static real REFERENCE(scale)(const struct leit_attention *args, int64_t sample, int64_t index)
{
    if (args->dropout == 0.0f) return 1;
    const uint32_t counter[4] = {(uint32_t)(index / 4), (uint32_t)sample, args->random->step,
                                 args->stream};
    uint32_t words[4];
    leit_philox(args->random->seed, counter, words);
    return leit_uniform_from_word(words[index % 4]) >= args->dropout ? 1 / (1 - (real)args->dropout)
                                                                     : 0;
}

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_attention *args = leit_case_args(c);
    const int64_t D = args->D, H = args->H, width = D / H, apart = args->q_step > args->D ? D : 0;
    const int64_t K = args->k_step;
    const real *q = REFERENCE(part)(c, "q", "qkv", 0);
    const real *k = REFERENCE(part)(c, "k", args->q_step > args->D ? "qkv" : "kv", apart);
    const real *v = REFERENCE(part)(c, "v", args->q_step > args->D ? "qkv" : "kv", apart + D);
    real *y = BUFFER("y"), *logsumexp = BUFFER("logsumexp");
    const int32_t *qo = leit_case_i32(c, "q_offsets"), *ko = leit_case_i32(c, "k_offsets");
    const int32_t *n_sequences = leit_case_i32(c, "n_sequences");
    const int64_t n = n_sequences != NULL ? *n_sequences : args->B;
    for (int64_t task = 0; task < n * H; task++)
        for (int64_t s = task / H, h = task % H, i = qo[s]; i < qo[s + 1]; i++) {
            real largest = -HUGE_VAL, sum = 0;
            for (int64_t j = ko[s]; j < ko[s + 1]; j++) {
                const real score = REFERENCE(score)(args, q, k, h, i, j);
                largest = score > largest ? score : largest;
            }
            for (int64_t j = ko[s]; j < ko[s + 1]; j++)
                sum += exp(REFERENCE(score)(args, q, k, h, i, j) - largest);
            logsumexp[h * args->Nq + i] = largest + log(sum);
            for (int64_t d = h * width; d < (h + 1) * width; d++) y[i * D + d] = 0;
            for (int64_t j = ko[s]; j < ko[s + 1]; j++) {
                const int64_t index = (i - qo[s]) * (ko[s + 1] - ko[s]) + j - ko[s];
                const real p = exp(REFERENCE(score)(args, q, k, h, i, j) - largest) / sum *
                               REFERENCE(scale)(args, task, index);
                for (int64_t d = h * width; d < (h + 1) * width; d++)
                    y[i * D + d] += p * v[j * K + d];
            }
        }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_attention *args = leit_case_args(c);
    const int64_t D = args->D, H = args->H, width = D / H, apart = args->q_step > args->D ? D : 0;
    const int64_t Q = args->q_step, K = args->k_step;
    const char *joint = args->q_step > args->D ? "qkv" : "kv",
               *djoint = args->q_step > args->D ? "dqkv" : "dkv";
    const real *q = REFERENCE(part)(c, "q", "qkv", 0), *k = REFERENCE(part)(c, "k", joint, apart);
    const real *v = REFERENCE(part)(c, "v", joint, apart + D), *dy = BUFFER("dy");
    const real *y = BUFFER("y"), *logsumexp = BUFFER("logsumexp");
    real *dq = (real *)(uintptr_t)REFERENCE(part)(c, "dq", "dqkv", 0);
    real *dk = (real *)(uintptr_t)REFERENCE(part)(c, "dk", djoint, apart);
    real *dv = (real *)(uintptr_t)REFERENCE(part)(c, "dv", djoint, apart + D);
    const int32_t *qo = leit_case_i32(c, "q_offsets"), *ko = leit_case_i32(c, "k_offsets");
    const int32_t *n_sequences = leit_case_i32(c, "n_sequences");
    const int64_t n = n_sequences != NULL ? *n_sequences : args->B;
    if (n == 0) return;
    for (int64_t i = qo[0] * D; i < qo[n] * D; i++) dq[i / D * Q + i % D] = 0;
    for (int64_t i = ko[0] * D; i < ko[n] * D; i++)
        dk[i / D * K + i % D] = dv[i / D * K + i % D] = 0;
    for (int64_t task = 0; task < n * H; task++)
        for (int64_t s = task / H, h = task % H, i = qo[s]; i < qo[s + 1]; i++) {
            real mean = 0; /* sum over the keys of P dP = y . dy */
            for (int64_t d = h * width; d < (h + 1) * width; d++)
                mean += y[i * D + d] * dy[i * D + d];
            for (int64_t j = ko[s]; j < ko[s + 1]; j++) {
                const int64_t index = (i - qo[s]) * (ko[s + 1] - ko[s]) + j - ko[s];
                const real scale = REFERENCE(scale)(args, task, index);
                const real p =
                    exp(REFERENCE(score)(args, q, k, h, i, j) - logsumexp[h * args->Nq + i]);
                real dp = 0;
                for (int64_t d = h * width; d < (h + 1) * width; d++) {
                    dp += dy[i * D + d] * v[j * K + d] * scale;
                    dv[j * K + d] += p * scale * dy[i * D + d];
                }
                const real ds = p * (dp - mean) / sqrt((real)width);
                for (int64_t d = h * width; d < (h + 1) * width; d++) {
                    dq[i * Q + d] += ds * k[j * K + d];
                    dk[j * K + d] += ds * q[i * Q + d];
                }
            }
        }
}
