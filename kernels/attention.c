#include "kernels/attention.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/blocks.h"
#include "kernels/micro_gemm.h"
#include "kernels/philox.h"
#include "kernels/vector_math.h"

/* A task is one (sequence, head) pair: it packs its keys and values once and then takes BLOCK_ROWS
 * queries at a time, whose scores against all keys fit in the cache. So a row of the softmax is
 * whole, nothing is rescaled, and the gradients of keys and values are sums over blocks of queries
 * in order. All products are leit_micro_product on zero-padded scratch: columns in panels of 16,
 * rows up to a multiple of 6. */

enum { BLOCK_ROWS = 48, MR = LEIT_MICRO_ROWS, NR = LEIT_MICRO_COLUMNS };

/* ---- scratch ---- */

/* One worker's memory. W: width of a head, rounded up to 16; T: keys, rounded up to 16. */
struct scratch {
    float *keys_t, *values_t; /* panels of K^T and V^T: the right sides of q K^T and dy V^T */
    float *keys, *values;     /* panels of K and V: of dS K and P V */
    float *dkeys, *dvalues;   /* (T + 6, W) sums over blocks */
    float *q, *dy;            /* (BLOCK_ROWS, W) rows of a block; q scaled */
    float *q_panels, *dy_panels;
    float *scores, *slopes; /* (BLOCK_ROWS, T) S, P; dP, dS */
    float *scales;          /* (BLOCK_ROWS, keys) of dropout, dense */
    float *out;             /* (BLOCK_ROWS, W) */
};

static int64_t round_up(int64_t n, int64_t grain)
{
    return (n + grain - 1) / grain * grain;
}

static float *take(float **next, int64_t count)
{
    float *taken = *next;
    *next += round_up(count + LEIT_PACK_SLACK, NR);
    return taken;
}

static float *lay_out(struct scratch *s, float *start, const struct leit_attention *args)
{
    const int64_t T = round_up(args->T, NR), W = round_up(args->D / args->H, NR);
    float *next = start;
    s->keys_t = take(&next, T * W);
    s->values_t = take(&next, T * W);
    s->keys = take(&next, T * W);
    s->values = take(&next, T * W);
    s->dkeys = take(&next, (T + MR) * W);
    s->dvalues = take(&next, (T + MR) * W);
    s->q = take(&next, BLOCK_ROWS * W);
    s->dy = take(&next, BLOCK_ROWS * W);
    s->q_panels = take(&next, BLOCK_ROWS * W);
    s->dy_panels = take(&next, BLOCK_ROWS * W);
    s->scores = take(&next, BLOCK_ROWS * T);
    s->slopes = take(&next, BLOCK_ROWS * T);
    s->scales = take(&next, BLOCK_ROWS * T);
    s->out = take(&next, BLOCK_ROWS * W);
    return next;
}

size_t leit_attention_workspace_cpu(const struct leit_attention *args, int n_workers)
{
    if (!leit_attention_sizes_are_fine(args)) return 0;
    float origin[1];
    struct scratch scratch;
    const ptrdiff_t floats = lay_out(&scratch, origin, args) - origin;
    return (size_t)n_workers * (size_t)floats * sizeof(float);
}

/* ---- checks ---- */

static leit_status check_offsets(const char *what, const int32_t *offsets, int64_t n, int64_t T,
                                 int32_t shortest, int64_t rows)
{
    for (int64_t s = 0; s < n; s++) {
        const int64_t length = (int64_t)offsets[s + 1] - offsets[s];
        LEIT_FAIL_IF(length < shortest || length > T, LEIT_INTERNAL,
                     "attention: sequence %lld has %lld %s, expected %d to %lld", (long long)s,
                     (long long)length, what, shortest, (long long)T);
    }
    LEIT_FAIL_IF(n > 0 && (offsets[0] < 0 || offsets[n] > rows), LEIT_INTERNAL,
                 "attention: %s end at row %d, expected at most %lld", what, offsets[n],
                 (long long)rows);
    return LEIT_OK;
}

static leit_status check(const struct leit_attention *args)
{
    LEIT_TRY(leit_attention_check(args));
    LEIT_TRY(leit_check_rows("attention", args->n_sequences, args->B));
    const int64_t n = leit_rows(args->n_sequences, args->B);
    LEIT_TRY(check_offsets("queries", args->q_offsets, n, args->T, 0, args->Nq));
    return check_offsets("keys", args->k_offsets, n, args->T, 1, args->Nk);
}

/* ---- parts ---- */

/* One (sequence, head) pair. */
struct pair {
    const struct leit_attention *args;
    struct scratch scratch;
    int64_t width, padded_width; /* of the head */
    int64_t first_query, n_queries, first_key, n_keys, padded_keys;
    int64_t head, sample;
};

static struct pair open_pair(const struct leit_attention *args, int64_t task, int worker,
                             float *workspace)
{
    const int64_t sequence = task / args->H, width = args->D / args->H;
    struct pair p = {.args = args, .head = task % args->H, .sample = task, .width = width};
    float *end = lay_out(&p.scratch, workspace, args);
    lay_out(&p.scratch, workspace + (end - workspace) * worker, args);
    p.padded_width = round_up(width, NR);
    p.first_query = args->q_offsets[sequence];
    p.n_queries = args->q_offsets[sequence + 1] - p.first_query;
    p.first_key = args->k_offsets[sequence];
    p.n_keys = args->k_offsets[sequence + 1] - p.first_key;
    p.padded_keys = round_up(p.n_keys, NR);
    return p;
}

/* c (M, N) = or += a b: a[m * a_row + k * a_k], b in panels of 16 columns and K rows. M is rounded
 * up to 6 and N to 16; c has room. */
static void multiply(int64_t M, int64_t N, int64_t K, const float *a, int64_t a_row, int64_t a_k,
                     const float *panels, float *c, int64_t ldc, bool accumulate)
{
    for (int64_t n = 0; n < N; n += NR)
        for (int64_t m = 0; m < M; m += MR) {
            struct leit_micro micro;
            leit_micro_product(&micro, K, a + m * a_row, a_row, a_k, panels + n * K, NR);
            for (int r = 0; r < MR; r++)
                for (int half = 0; half < 2; half++) {
                    leit_float8 *to = (leit_float8 *)(c + (m + r) * ldc + n + half * 8);
                    if (accumulate)
                        *to += micro.sum[r][half];
                    else
                        *to = micro.sum[r][half];
                }
        }
}

/* to (BLOCK_ROWS, padded width) = rows of the head times `factor`, zeros around them. Those of an array
 * are `step` apart. */
static void take_rows(const struct pair *p, float *restrict to, const float *restrict from,
                      int64_t step, int64_t rows, float factor)
{
    memset(to, 0, (size_t)(round_up(rows, MR) * p->padded_width) * sizeof(float));
    for (int64_t r = 0; r < rows; r++)
        for (int64_t d = 0; d < p->width; d++)
            to[r * p->padded_width + d] = factor * from[r * step + d];
}

static void give_rows(const struct pair *p, float *restrict to, int64_t step,
                      const float *restrict from, int64_t rows, float factor)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t d = 0; d < p->width; d++)
            to[r * step + d] = factor * from[r * p->padded_width + d];
}

static float softmax_scale(const struct pair *p)
{
    return 1.0f / sqrtf((float)p->width);
}

/* scores = q K^T / sqrt(width) for the queries from `first` on; minus infinity behind the last key,
 * so that the padding has probability 0. */
static void compute_scores(const struct pair *p, int64_t first, int64_t rows)
{
    const struct scratch *s = &p->scratch;
    const int64_t column = p->head * p->width, step = p->args->q_step;
    take_rows(p, s->q, p->args->q + (p->first_query + first) * step + column, step, rows,
              softmax_scale(p));
    multiply(rows, p->padded_keys, p->width, s->q, p->padded_width, 1, s->keys_t, s->scores,
             p->padded_keys, false);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = p->n_keys; j < p->padded_keys; j++)
            s->scores[r * p->padded_keys + j] = -INFINITY;
}

static void draw_scales(const struct pair *p, int64_t first, int64_t rows)
{
    leit_dropout_scales(p->args->random, p->args->stream, (uint32_t)p->sample, p->args->dropout,
                        first * p->n_keys, rows * p->n_keys, p->scratch.scales);
}

static inline void multiply_row(float *restrict row, const float *restrict scales, int64_t n)
{
    for (int64_t j = 0; j < n; j++) row[j] *= scales[j];
}

/* Turns a row of n scores (a multiple of 16) into probabilities; returns log sum exp. */
static float softmax_row(float *restrict row, int64_t n)
{
    float lane[NR];
    for (int l = 0; l < NR; l++) lane[l] = -INFINITY;
    for (int64_t j = 0; j < n; j += NR)
        for (int l = 0; l < NR; l++) lane[l] = row[j + l] > lane[l] ? row[j + l] : lane[l];
    float largest = lane[0];
    for (int l = 1; l < NR; l++) largest = lane[l] > largest ? lane[l] : largest;
    for (int l = 0; l < NR; l++) lane[l] = 0.0f;
    for (int64_t j = 0; j < n; j += NR)
        for (int l = 0; l < NR; l++) {
            row[j + l] = leit_exp_negative(row[j + l] - largest);
            lane[l] += row[j + l];
        }
    for (int width = NR / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lane[l] += lane[l + width];
    const float factor = 1.0f / lane[0];
    for (int64_t j = 0; j < n; j++) row[j] *= factor;
    return largest + logf(lane[0]);
}

/* ---- forward ---- */

struct run {
    const struct leit_attention *args;
    float *workspace;
};

static void forward_block(const struct pair *p, int64_t first, int64_t rows)
{
    const struct leit_attention *args = p->args;
    const struct scratch *s = &p->scratch;
    compute_scores(p, first, rows);
    if (args->dropout > 0.0f) draw_scales(p, first, rows);
    float *logsumexp = args->logsumexp + p->head * args->Nq + p->first_query + first;
    for (int64_t r = 0; r < rows; r++) {
        float *row = s->scores + r * p->padded_keys;
        logsumexp[r] = softmax_row(row, p->padded_keys);
        if (args->dropout > 0.0f) multiply_row(row, s->scales + r * p->n_keys, p->n_keys);
    }
    multiply(rows, p->padded_width, p->n_keys, s->scores, p->padded_keys, 1, s->values, s->out,
             p->padded_width, false);
    give_rows(p, args->y + (p->first_query + first) * args->D + p->head * p->width, args->D, s->out,
              rows, 1.0f);
}

static void forward_pair(void *context, int64_t task, int worker)
{
    const struct run *run = context;
    const struct leit_attention *args = run->args;
    const struct pair p = open_pair(args, task, worker, run->workspace);
    const int64_t step = args->k_step;
    const int64_t corner = p.first_key * step + p.head * p.width;
    leit_pack_panels(p.scratch.keys_t, NR, true, args->k + corner, step, p.n_keys, p.width);
    leit_pack_panels(p.scratch.values, NR, false, args->v + corner, step, p.width, p.n_keys);
    for (int64_t first = 0; first < p.n_queries; first += BLOCK_ROWS)
        forward_block(&p, first,
                      p.n_queries - first < BLOCK_ROWS ? p.n_queries - first : BLOCK_ROWS);
}

leit_status leit_attention_forward_cpu(const leit_exec *exec, const struct leit_attention *args)
{
    LEIT_TRY(check(args));
    LEIT_TRY(leit_check_workspace(
        "attention", exec, leit_attention_workspace_cpu(args, leit_threads_count(exec->threads))));
    struct run run = {args, exec->workspace};
    leit_threads_run(exec->threads, leit_rows(args->n_sequences, args->B) * args->H, forward_pair,
                     &run);
    return LEIT_OK;
}

/* ---- backward ---- */

/* From a row of scores and of dP (before dropout's scales): dropped-out probabilities and
 * dS = P (dP - sum of P dP). P is normalised by its own sum, not by exp(logsumexp), which carries
 * the rounding of a number as large as the scores: with P near 1 the difference below would be it.
 */
static void backward_row(float *restrict scores, float *restrict slopes, const float *scales,
                         int64_t n_keys, int64_t n)
{
    float lane[NR] = {0};
    if (scales != NULL) multiply_row(slopes, scales, n_keys);
    softmax_row(scores, n);
    for (int64_t j = 0; j < n; j += NR)
        for (int l = 0; l < NR; l++) lane[l] += scores[j + l] * slopes[j + l];
    for (int width = NR / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lane[l] += lane[l + width];
    const float mean = lane[0];
    for (int64_t j = 0; j < n; j++) slopes[j] = scores[j] * (slopes[j] - mean);
    if (scales != NULL) multiply_row(scores, scales, n_keys);
}

static void backward_block(const struct pair *p, int64_t first, int64_t rows)
{
    const struct leit_attention *args = p->args;
    const struct scratch *s = &p->scratch;
    const int64_t W = p->padded_width, T = p->padded_keys;
    const int64_t row = p->first_query + first, column = p->head * p->width;
    const int64_t step = args->q_step;
    compute_scores(p, first, rows);
    take_rows(p, s->dy, args->dy + row * args->D + column, args->D, rows, 1.0f);
    multiply(rows, T, p->width, s->dy, W, 1, s->values_t, s->slopes, T, false);

    if (args->dropout > 0.0f) draw_scales(p, first, rows);
    for (int64_t r = 0; r < rows; r++)
        backward_row(s->scores + r * T, s->slopes + r * T,
                     args->dropout > 0.0f ? s->scales + r * p->n_keys : NULL, p->n_keys, T);

    leit_pack_panels(s->q_panels, NR, false, s->q, W, W, rows);
    leit_pack_panels(s->dy_panels, NR, false, s->dy, W, W, rows);
    multiply(p->n_keys, W, rows, s->scores, 1, T, s->dy_panels, s->dvalues, W, first > 0);
    multiply(p->n_keys, W, rows, s->slopes, 1, T, s->q_panels, s->dkeys, W, first > 0);
    if (args->dq == NULL) return;
    multiply(rows, W, p->n_keys, s->slopes, T, 1, s->keys, s->out, W, false);
    give_rows(p, args->dq + row * step + column, step, s->out, rows, softmax_scale(p));
}

static void backward_pair(void *context, int64_t task, int worker)
{
    const struct run *run = context;
    const struct leit_attention *args = run->args;
    const struct pair p = open_pair(args, task, worker, run->workspace);
    const struct scratch *s = &p.scratch;
    const int64_t step = args->k_step;
    const int64_t corner = p.first_key * step + p.head * p.width;
    leit_pack_panels(s->keys_t, NR, true, args->k + corner, step, p.n_keys, p.width);
    leit_pack_panels(s->values_t, NR, true, args->v + corner, step, p.n_keys, p.width);
    leit_pack_panels(s->keys, NR, false, args->k + corner, step, p.width, p.n_keys);
    const size_t bytes = (size_t)(p.n_keys * p.padded_width) * sizeof(float);
    if (p.n_queries == 0) memset(s->dkeys, 0, bytes), memset(s->dvalues, 0, bytes);
    for (int64_t first = 0; first < p.n_queries; first += BLOCK_ROWS)
        backward_block(&p, first,
                       p.n_queries - first < BLOCK_ROWS ? p.n_queries - first : BLOCK_ROWS);
    if (args->dk != NULL) give_rows(&p, args->dk + corner, step, s->dkeys, p.n_keys, 1.0f);
    if (args->dv != NULL) give_rows(&p, args->dv + corner, step, s->dvalues, p.n_keys, 1.0f);
}

leit_status leit_attention_backward_cpu(const leit_exec *exec, const struct leit_attention *args)
{
    LEIT_TRY(check(args));
    LEIT_TRY(leit_check_workspace(
        "attention", exec, leit_attention_workspace_cpu(args, leit_threads_count(exec->threads))));
    struct run run = {args, exec->workspace};
    leit_threads_run(exec->threads, leit_rows(args->n_sequences, args->B) * args->H, backward_pair,
                     &run);
    return LEIT_OK;
}
