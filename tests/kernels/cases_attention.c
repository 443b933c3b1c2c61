#include "kernels/attention.h"

#include "core/rng.h"

#define LEIT_REFERENCE "reference/attention.h"
#include "reference/twice.h"

static const char *const params[] = {
    "B=1 T=1 H=1 D=1",
    "B=3 T=11 H=3 D=96 dropout=0.1",
    "B=2 T=97 H=2 D=10 dropout=0.5", /* several blocks of queries; heads no multiple of 16 */
    "B=4 T=33 H=2 D=128 n_sequences=3 spare=5",
    "B=5 T=20 H=2 D=64 cls=1 dropout=0.1",
    "B=3 T=50 H=1 D=7 cross=1 dropout=0.2",  /* other lengths on the left, none among them */
    "B=6 T=97 H=1 D=12 cross=1 dropout=0.1", /* more queries than keys among them */
    "B=1 T=70 H=1 D=68 dropout=0.1",         /* a wide head */
    "B=1 T=130 H=1 D=8 dropout=0.1",         /* three blocks of keys */
    "B=2 T=16 H=4 D=68 spread=8",            /* one key takes nearly everything */
    "B=2 T=5 H=1 D=4 n_sequences=0",
    "B=3 T=37 H=2 D=24 joint=1 dropout=0.1", /* q, k and v in one array */
    "B=2 T=66 H=3 D=15 joint=1 spare=2",
    "B=4 T=21 H=2 D=16 cls=1 joint=1", /* k and v */
    NULL,
};

/* Lengths go through 1 to T in big steps, T first; cls has one query for each sequence, cross other
 * lengths, 0 among them. */
static int32_t query_length(const leit_case *c, int64_t s, int64_t T)
{
    if (leit_case_int(c, "cls", 0)) return 1;
    if (leit_case_int(c, "cross", 0)) return (int32_t)(s * 17 % T);
    return (int32_t)(s == 0 ? T : 1 + (s * 37 + 11) % T);
}

static int32_t key_length(int64_t s, int64_t T)
{
    return (int32_t)(s == 0 ? T : 1 + (s * 37 + 11) % T);
}

static void describe_sizes(leit_case *c, struct leit_attention *args)
{
    const int64_t B = args->B = leit_case_int(c, "B", 0), T = args->T = leit_case_int(c, "T", 0);
    args->H = leit_case_int(c, "H", 0);
    args->D = leit_case_int(c, "D", 0);
    args->dropout = (float)leit_case_float(c, "dropout", 0.0);
    args->stream = LEIT_STREAM_DROPOUT + 5;
    static const leit_random draws = {0x0123456789ABCDEFu, 42};
    if (args->dropout > 0.0f) args->random = &draws;
    if (args->random != NULL) leit_case_lend(c, "draws", &args->random, sizeof draws);
    const int64_t n = leit_case_count(c, "n_sequences", &args->n_sequences, B);
    int32_t *q = leit_case_indices(c, "q_offsets", &args->q_offsets, B + 1, n + 1, 1);
    int32_t *k = leit_case_indices(c, "k_offsets", &args->k_offsets, B + 1, n + 1, 1);
    const int64_t all = leit_case_int(c, "lengths", 0); /* all of this length */
    for (int64_t s = 0; s < n; s++) {
        q[s + 1] = q[s] + (all > 0 ? (int32_t)all : query_length(c, s, T));
        k[s + 1] = k[s] + (all > 0 ? (int32_t)all : key_length(s, T));
    }
    args->Nq = q[n] + leit_case_int(c, "spare", 0);
    args->Nk = k[n] + leit_case_int(c, "spare", 0);
}

/* The parts of an array that q, or k and v, are columns of. */
static void find_parts(leit_case *c)
{
    struct leit_attention *args = leit_case_args(c);
    const int64_t D = args->D;
    if (args->q_step > D) {
        args->k = args->q + D;
        args->dk = args->dq == NULL ? NULL : args->dq + D;
    }
    args->v = args->k + D;
    args->dv = args->dk == NULL ? NULL : args->dk + D;
}

/* Where a query has a key's row they are one array of three parts, otherwise k and v one of two. */
static void describe_joint(leit_case *c, int64_t spare)
{
    struct leit_attention *args = leit_case_args(c);
    const int64_t D = args->D, Nq = args->Nq, Nk = args->Nk;
    if (leit_case_int(c, "cls", 0)) {
        args->q_step = D;
        args->k_step = 2 * D;
        leit_case_input(c, "q", &args->q, Nq * D, (Nq - spare) * D);
        leit_case_input(c, "kv", &args->k, Nk * 2 * D, (Nk - spare) * 2 * D);
        leit_case_gradient(c, "dq", &args->dq, "q");
        leit_case_gradient(c, "dkv", &args->dk, "kv");
    } else {
        args->q_step = args->k_step = 3 * D;
        leit_case_input(c, "qkv", &args->q, Nk * 3 * D, (Nk - spare) * 3 * D);
        leit_case_gradient(c, "dqkv", &args->dq, "qkv");
    }
    leit_case_bind(c, find_parts);
}

static void describe_apart(leit_case *c, int64_t spare)
{
    struct leit_attention *args = leit_case_args(c);
    const int64_t D = args->D, Nq = args->Nq, Nk = args->Nk;
    double *q = leit_case_input(c, "q", &args->q, Nq * D, (Nq - spare) * D);
    args->q_step = args->k_step = D;
    const double spread = leit_case_float(c, "spread", 1.0);
    for (int64_t i = 0; i < Nq * D; i++) q[i] *= spread;
    leit_case_input(c, "k", &args->k, Nk * D, (Nk - spare) * D);
    leit_case_input(c, "v", &args->v, Nk * D, (Nk - spare) * D);
    leit_case_gradient(c, "dq", &args->dq, "q");
    leit_case_gradient(c, "dk", &args->dk, "k");
    leit_case_gradient(c, "dv", &args->dv, "v");
}

static void describe(leit_case *c)
{
    struct leit_attention *args = leit_case_args(c);
    describe_sizes(c, args);
    const int64_t D = args->D, Nq = args->Nq, spare = leit_case_int(c, "spare", 0);
    if (leit_case_int(c, "joint", 0))
        describe_joint(c, spare);
    else
        describe_apart(c, spare);
    leit_case_output(c, "y", &args->y, Nq * D);
    leit_case_output(c, "logsumexp", &args->logsumexp, args->H * Nq);
    leit_case_gradient_in(c, "dy", &args->dy, "y", (Nq - spare) * D);
    double products = 2.0 * (double)(Nq * args->T * D); /* exact when all lengths are T */
    double bytes = 4.0 * (double)(Nq * D);
    leit_case_work(c, 2 * products, 4 * bytes, 5 * products, 8 * bytes);
}

LEIT_CASES(attention)
