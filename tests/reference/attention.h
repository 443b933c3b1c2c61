/* attention as plain loops; see kernels/attention.h. i and j are rows of q and of k. */
static real REFERENCE(score)(const struct leit_attention *args, const real *q, const real *k,
                             int64_t h, int64_t i, int64_t j)
{
    const int64_t D = args->D, width = D / args->H;
    real total = 0;
    for (int64_t d = 0; d < width; d++)
        total += q[i * D + h * width + d] * k[j * D + h * width + d];
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
    const real *q = BUFFER("q"), *k = BUFFER("k"), *v = BUFFER("v");
    real *y = BUFFER("y"), *logsumexp = BUFFER("logsumexp");
    const int32_t *qo = leit_case_i32(c, "q_offsets"), *ko = leit_case_i32(c, "k_offsets");
    const int32_t *n_sequences = leit_case_i32(c, "n_sequences");
    const int64_t D = args->D, H = args->H, width = D / H;
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
                    y[i * D + d] += p * v[j * D + d];
            }
        }
}

static void REFERENCE(backward)(leit_case *c)
{
    const struct leit_attention *args = leit_case_args(c);
    const real *q = BUFFER("q"), *k = BUFFER("k"), *v = BUFFER("v"), *dy = BUFFER("dy");
    const real *y = BUFFER("y"), *logsumexp = BUFFER("logsumexp");
    real *dq = BUFFER("dq"), *dk = BUFFER("dk"), *dv = BUFFER("dv");
    const int32_t *qo = leit_case_i32(c, "q_offsets"), *ko = leit_case_i32(c, "k_offsets");
    const int32_t *n_sequences = leit_case_i32(c, "n_sequences");
    const int64_t D = args->D, H = args->H, width = D / H;
    const int64_t n = n_sequences != NULL ? *n_sequences : args->B;
    if (n == 0) return;
    for (int64_t i = qo[0] * D; i < qo[n] * D; i++) dq[i] = 0;
    for (int64_t i = ko[0] * D; i < ko[n] * D; i++) dk[i] = dv[i] = 0;
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
                    dp += dy[i * D + d] * v[j * D + d] * scale;
                    dv[j * D + d] += p * scale * dy[i * D + d];
                }
                const real ds = p * (dp - mean) / sqrt((real)width);
                for (int64_t d = h * width; d < (h + 1) * width; d++) {
                    dq[i * D + d] += ds * k[j * D + d];
                    dk[j * D + d] += ds * q[i * D + d];
                }
            }
        }
}
