#include <stddef.h>

#include "core/rng.h"
#include "plan/plan_internal.h"

/* One function per op: checks shapes, makes the outputs, and says how the node uses each value. */

/* Binds field `field` of the op's argument struct; needs `plan` and `node` in scope. */
#define SLOT(op, field, value, use)                                                                \
    leit_plan_slot(plan, node, offsetof(struct leit_##op, field), (value), (use))

#define COLUMN_SLOT(op, field, columns, use)                                                       \
    leit_plan_column_slot(plan, node, offsetof(struct leit_##op, field), (columns), (use))

/* dx of an op that can add it. */
#define ADDING_SLOT(op, value)                                                                     \
    leit_plan_adding_slot(plan, node, offsetof(struct leit_##op, dx),                              \
                          offsetof(struct leit_##op, adds_dx), (value))

/* An op with x -> y binds the same fields everywhere, dx among them unless it adds it. */
#define UNARY_SLOTS_BUT_DX(op, x_use)                                                              \
    do {                                                                                           \
        SLOT(op, n_rows, leit_plan_value(plan, x)->count, READ_BOTH);                              \
        SLOT(op, x, x, x_use);                                                                     \
        SLOT(op, y, y, WRITE_FORWARD);                                                             \
        SLOT(op, dy, y, GRADIENT_READ);                                                            \
    } while (0)
#define UNARY_SLOTS(op, x_use)                                                                     \
    do {                                                                                           \
        UNARY_SLOTS_BUT_DX(op, x_use);                                                             \
        SLOT(op, dx, x, GRADIENT_WRITE);                                                           \
    } while (0)

static bool has_shape(const leit_plan *plan, leit_value value, int rank)
{
    return leit_plan_is_valid(plan, value) && leit_plan_value(plan, value)->rank == rank;
}

static int64_t dim(const leit_plan *plan, leit_value value, int axis)
{
    return leit_plan_value(plan, value)->shape[axis];
}

static leit_value count_of(const leit_plan *plan, leit_value value)
{
    return leit_plan_value(plan, value)->count;
}

static leit_value activation(leit_plan *plan, const char *name, leit_value count, int rank,
                             const int64_t *shape)
{
    return leit_plan_activation(plan, name, LEIT_F32, rank, shape, count);
}

static leit_value vector(leit_plan *plan, const char *name, leit_value count, int64_t n)
{
    return activation(plan, name, count, 1, &n);
}

static leit_value matrix(leit_plan *plan, const char *name, leit_value count, int64_t n, int64_t d)
{
    const int64_t shape[2] = {n, d};
    return activation(plan, name, count, 2, shape);
}

/* ---- music ---- */

leit_value leit_plan_clip_source(leit_plan *plan, const char *name)
{
    const int64_t words = (int64_t)(sizeof(leit_clip_source) / sizeof(int32_t));
    return leit_plan_input(plan, name, LEIT_I32, 1, &words);
}

leit_value leit_plan_crop_clips(leit_plan *plan, leit_value source, leit_value clips,
                                leit_value places, int64_t S)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, clips, 1) || !has_shape(plan, places, 1),
                 "crop_clips: clips and places must be (B)");
    struct leit_crop_clips args = {.B = dim(plan, clips, 0), .S = S};
    PLAN_FAIL_IF(plan, dim(plan, places, 0) != args.B, "crop_clips: %lld clips in %lld places",
                 (long long)args.B, (long long)dim(plan, places, 0));
    const int64_t shape[2] = {args.B, S};
    leit_value y = leit_plan_activation(plan, "pcm", LEIT_I16, 2, shape, count_of(plan, clips));
    plan_node *node = leit_plan_node(plan, LEIT_OP_crop_clips, &args);
    SLOT(crop_clips, n_rows, count_of(plan, clips), READ_FORWARD);
    SLOT(crop_clips, source, source, READ_FORWARD);
    SLOT(crop_clips, clips, clips, READ_FORWARD);
    SLOT(crop_clips, places, places, READ_FORWARD);
    SLOT(crop_clips, random, leit_plan_step_random(plan), READ_FORWARD);
    SLOT(crop_clips, y, y, WRITE_FORWARD);
    return y;
}

leit_value leit_plan_mel_spectrogram(leit_plan *plan, leit_value pcm,
                                     const struct leit_mel_spectrogram *settings)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, pcm, 2), "mel_spectrogram: pcm must be (B, S)");
    struct leit_mel_spectrogram args = *settings;
    args.B = dim(plan, pcm, 0);
    args.S = dim(plan, pcm, 1);
    args.random = NULL;
    const int64_t shape[4] = {args.B, args.tables->n_mels,
                              leit_mel_frames(args.S, args.tables->hop_length), 1};
    leit_value y = activation(plan, "mel", count_of(plan, pcm), 4, shape);
    plan_node *node = leit_plan_node(plan, LEIT_OP_mel_spectrogram, &args);
    SLOT(mel_spectrogram, n_samples, count_of(plan, pcm), READ_FORWARD);
    if (args.augment != NULL) SLOT(mel_spectrogram, random, leit_plan_random(plan), READ_FORWARD);
    SLOT(mel_spectrogram, pcm, pcm, READ_FORWARD);
    SLOT(mel_spectrogram, y, y, WRITE_FORWARD);
    return y;
}

leit_value leit_plan_conv2d(leit_plan *plan, leit_value x, leit_value w, leit_value b)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 4) || !has_shape(plan, w, 4) || !has_shape(plan, b, 1),
                 "conv2d: x must be (N, H, W, C), w (K, size, size, C), b (K)");
    struct leit_conv2d args = {.N = dim(plan, x, 0),
                               .H = dim(plan, x, 1),
                               .W = dim(plan, x, 2),
                               .C = dim(plan, x, 3),
                               .K = dim(plan, w, 0),
                               .kernel_size = (int)dim(plan, w, 1)};
    PLAN_FAIL_IF(plan, dim(plan, w, 3) != args.C || dim(plan, b, 0) != args.K,
                 "conv2d: x has %lld channels, w expects %lld", (long long)args.C,
                 (long long)dim(plan, w, 3));
    const int64_t shape[4] = {args.N, args.H, args.W, args.K};
    leit_value y = activation(plan, "conv", count_of(plan, x), 4, shape);
    plan_node *node = leit_plan_node(plan, LEIT_OP_conv2d, &args);
    SLOT(conv2d, n_samples, count_of(plan, x), READ_BOTH);
    SLOT(conv2d, x, x, READ_BOTH);
    SLOT(conv2d, w, w, READ_BOTH);
    SLOT(conv2d, b, b, READ_FORWARD);
    SLOT(conv2d, y, y, WRITE_FORWARD);
    SLOT(conv2d, dy, y, GRADIENT_READ);
    SLOT(conv2d, dx, x, GRADIENT_WRITE);
    SLOT(conv2d, dw, w, GRADIENT_SUM);
    SLOT(conv2d, db, b, GRADIENT_SUM);
    return y;
}

static const float NORM_EPSILON = 1e-5f, NORM_MOMENTUM = 0.1f; /* PyTorch's defaults */

static bool joins_shards(const leit_plan *plan)
{
    return plan->options.training && plan->options.sync_batchnorm && leit_plan_is_shard(plan);
}

/* What the x of every shard says about its channels: (n_shards, 2 C + 1). */
static leit_value moments_of_shards(leit_plan *plan, const struct leit_batchnorm2d *images,
                                    leit_value x)
{
    const struct leit_batch_moments args = {
        .N = images->N, .H = images->H, .W = images->W, .C = images->C};
    leit_value moments = matrix(plan, "norm.moments", LEIT_NONE, 1, 2 * args.C + 1);
    plan_node *node = leit_plan_node(plan, LEIT_OP_batch_moments, &args);
    SLOT(batch_moments, n_samples, count_of(plan, x), READ_BOTH);
    SLOT(batch_moments, x, x, READ_BOTH);
    SLOT(batch_moments, moments, moments, WRITE_FORWARD | READ_BACKWARD);
    SLOT(batch_moments, dmoments, moments, GRADIENT_READ);
    ADDING_SLOT(batch_moments, x);
    return leit_plan_gather_shards(plan, moments);
}

/* The convolution that makes x, NULL: none does. */
static plan_node *convolution_of(leit_plan *plan, leit_value x)
{
    for (size_t i = plan->n_nodes; i-- > 0;) {
        plan_node *node = &plan->nodes[i];
        if (node->is_exchange || node->op != LEIT_OP_conv2d) continue;
        for (int k = 0; k < node->n_slots; k++)
            if (node->slots[k].value == x && (node->slots[k].use & WRITE_FORWARD) != 0) return node;
    }
    return NULL;
}

/* What x says about its channels, by the convolution that makes it: one pass less over memory. */
static leit_value moments_of_convolution(leit_plan *plan, leit_value x)
{
    if (!plan->options.training || !plan->options.backend->has_moments) return LEIT_NONE;
    plan_node *node = convolution_of(plan, x);
    if (node == NULL) return LEIT_NONE;
    leit_value moments = vector(plan, "norm.moments", LEIT_NONE, 2 * dim(plan, x, 3) + 1);
    SLOT(conv2d, moments, moments, WRITE_FORWARD);
    return moments;
}

/* A node batchnorm2d from x to y, whose shapes are the caller's. */
static void normalise_images(leit_plan *plan, struct leit_batchnorm2d *args, leit_value x,
                             leit_value residual, const leit_plan_norm *norm, leit_value y,
                             leit_value argmax)
{
    const bool joins = joins_shards(plan);
    leit_value count = count_of(plan, x);
    leit_value moments = joins ? moments_of_shards(plan, args, x) : moments_of_convolution(plan, x);
    if (joins) args->n_parts = plan->options.n_shards;
    leit_value mean = vector(plan, "norm.mean", LEIT_NONE, args->C);
    leit_value rstd = vector(plan, "norm.rstd", LEIT_NONE, args->C);
    plan_node *node = leit_plan_node(plan, LEIT_OP_batchnorm2d, args);
    SLOT(batchnorm2d, n_samples, count, READ_BOTH);
    SLOT(batchnorm2d, x, x, READ_BOTH);
    SLOT(batchnorm2d, residual, residual, READ_BOTH);
    SLOT(batchnorm2d, moments, moments, joins ? READ_BOTH : READ_FORWARD);
    SLOT(batchnorm2d, w, norm->w, READ_BOTH);
    SLOT(batchnorm2d, b, norm->b, READ_BOTH);
    SLOT(batchnorm2d, running_mean, norm->running_mean, READ_FORWARD);
    SLOT(batchnorm2d, running_var, norm->running_var, READ_FORWARD);
    SLOT(batchnorm2d, mean, mean, WRITE_FORWARD | READ_BACKWARD);
    SLOT(batchnorm2d, rstd, rstd, WRITE_FORWARD | READ_BACKWARD);
    SLOT(batchnorm2d, y, y, WRITE_FORWARD | READ_BACKWARD);
    SLOT(batchnorm2d, argmax, argmax, WRITE_FORWARD | READ_BACKWARD);
    SLOT(batchnorm2d, dy, y, GRADIENT_READ);
    SLOT(batchnorm2d, dx, x, GRADIENT_WRITE);
    SLOT(batchnorm2d, dresidual, residual, GRADIENT_WRITE);
    if (joins) SLOT(batchnorm2d, dmoments, moments, GRADIENT_WRITE);
    SLOT(batchnorm2d, dw, norm->w, GRADIENT_SUM);
    SLOT(batchnorm2d, db, norm->b, GRADIENT_SUM);
}

leit_value leit_plan_batchnorm2d(leit_plan *plan, leit_value x, leit_value residual,
                                 const leit_plan_norm *norm, bool relu, leit_plan_pool pool)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 4) || !has_shape(plan, norm->w, 1),
                 "batchnorm2d: x must be (N, H, W, C)");
    struct leit_batchnorm2d args = {.N = dim(plan, x, 0),
                                    .H = dim(plan, x, 1),
                                    .W = dim(plan, x, 2),
                                    .C = dim(plan, x, 3),
                                    .training = plan->options.training,
                                    .relu = relu,
                                    .pool_height = pool.height,
                                    .pool_width = pool.width,
                                    .epsilon = NORM_EPSILON,
                                    .momentum = NORM_MOMENTUM};
    const int64_t shape[4] = {args.N, args.H / pool.height, args.W / pool.width, args.C};
    PLAN_FAIL_IF(plan, shape[1] < 1 || shape[2] < 1,
                 "an image of %lld x %lld is too small to be pooled by %d x %d", (long long)args.H,
                 (long long)args.W, pool.height, pool.width);
    leit_value count = count_of(plan, x);
    leit_value y = activation(plan, "norm", count, 4, shape);
    leit_value argmax = pool.height * pool.width == 1
                            ? LEIT_NONE
                            : leit_plan_activation(plan, "norm.argmax", LEIT_U8, 4, shape, count);
    normalise_images(plan, &args, x, residual, norm, y, argmax);
    return y;
}

/* Rows as images of one pixel: only batchnorm2d knows moments that are given. */
static leit_value normalise_rows(leit_plan *plan, leit_value x, const leit_plan_norm *norm,
                                 bool relu)
{
    struct leit_batchnorm2d args = {.N = dim(plan, x, 0),
                                    .H = 1,
                                    .W = 1,
                                    .C = dim(plan, x, 1),
                                    .training = true,
                                    .relu = relu,
                                    .pool_height = 1,
                                    .pool_width = 1,
                                    .epsilon = NORM_EPSILON,
                                    .momentum = NORM_MOMENTUM};
    leit_value y = matrix(plan, "norm", count_of(plan, x), args.N, args.C);
    normalise_images(plan, &args, x, LEIT_NONE, norm, y, LEIT_NONE);
    return y;
}

leit_value leit_plan_batchnorm1d(leit_plan *plan, leit_value x, const leit_plan_norm *norm,
                                 bool relu)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 2) || !has_shape(plan, norm->w, 1),
                 "batchnorm1d: x must be (N, C)");
    if (joins_shards(plan)) return normalise_rows(plan, x, norm, relu);
    struct leit_batchnorm1d args = {.N = dim(plan, x, 0),
                                    .C = dim(plan, x, 1),
                                    .training = plan->options.training,
                                    .relu = relu,
                                    .epsilon = NORM_EPSILON,
                                    .momentum = NORM_MOMENTUM};
    leit_value y = matrix(plan, "norm", count_of(plan, x), args.N, args.C);
    leit_value mean = vector(plan, "norm.mean", LEIT_NONE, args.C);
    leit_value rstd = vector(plan, "norm.rstd", LEIT_NONE, args.C);
    plan_node *node = leit_plan_node(plan, LEIT_OP_batchnorm1d, &args);
    SLOT(batchnorm1d, n_rows, count_of(plan, x), READ_BOTH);
    SLOT(batchnorm1d, x, x, READ_BOTH);
    SLOT(batchnorm1d, y, y, WRITE_FORWARD | READ_BACKWARD); /* where relu let through */
    SLOT(batchnorm1d, dy, y, GRADIENT_READ);
    SLOT(batchnorm1d, dx, x, GRADIENT_WRITE);
    SLOT(batchnorm1d, w, norm->w, READ_BOTH);
    SLOT(batchnorm1d, b, norm->b, READ_BOTH);
    SLOT(batchnorm1d, running_mean, norm->running_mean, READ_FORWARD);
    SLOT(batchnorm1d, running_var, norm->running_var, READ_FORWARD);
    SLOT(batchnorm1d, mean, mean, WRITE_FORWARD | READ_BACKWARD);
    SLOT(batchnorm1d, rstd, rstd, WRITE_FORWARD | READ_BACKWARD);
    SLOT(batchnorm1d, dw, norm->w, GRADIENT_SUM);
    SLOT(batchnorm1d, db, norm->b, GRADIENT_SUM);
    return y;
}

leit_value leit_plan_global_max_pool(leit_plan *plan, leit_value x)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 4), "global_max_pool: x must be (N, H, W, C)");
    struct leit_global_max_pool args = {
        .N = dim(plan, x, 0), .H = dim(plan, x, 1), .W = dim(plan, x, 2), .C = dim(plan, x, 3)};
    const int64_t shape[2] = {args.N, args.C};
    leit_value count = count_of(plan, x);
    leit_value y = activation(plan, "pooled", count, 2, shape);
    leit_value argmax = leit_plan_activation(plan, "pooled.argmax", LEIT_I32, 2, shape, count);
    plan_node *node = leit_plan_node(plan, LEIT_OP_global_max_pool, &args);
    SLOT(global_max_pool, n_samples, count, READ_BOTH);
    SLOT(global_max_pool, x, x, READ_FORWARD);
    SLOT(global_max_pool, y, y, WRITE_FORWARD);
    SLOT(global_max_pool, argmax, argmax, WRITE_FORWARD | READ_BACKWARD);
    SLOT(global_max_pool, dy, y, GRADIENT_READ);
    SLOT(global_max_pool, dx, x, GRADIENT_WRITE);
    return y;
}

/* ---- rows ---- */

leit_value leit_plan_linear(leit_plan *plan, leit_value x, leit_value w, leit_value b,
                            enum leit_activation act)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 2) || !has_shape(plan, w, 2),
                 "linear: x must be (N, D), w (K, D)");
    struct leit_linear args = {
        .N = dim(plan, x, 0), .D = dim(plan, x, 1), .K = dim(plan, w, 0), .activation = act};
    PLAN_FAIL_IF(plan, dim(plan, w, 1) != args.D, "linear: x is %lld wide, w expects %lld",
                 (long long)args.D, (long long)dim(plan, w, 1));
    leit_value y = matrix(plan, "linear", count_of(plan, x), args.N, args.K);
    leit_value pre = act == LEIT_ACTIVATION_NONE
                         ? LEIT_NONE
                         : matrix(plan, "linear.pre", count_of(plan, x), args.N, args.K);
    plan_node *node = leit_plan_node(plan, LEIT_OP_linear, &args);
    UNARY_SLOTS_BUT_DX(linear, READ_BOTH);
    ADDING_SLOT(linear, x);
    SLOT(linear, w, w, READ_BOTH);
    SLOT(linear, b, b, READ_FORWARD);
    SLOT(linear, pre, pre, WRITE_FORWARD | READ_BACKWARD);
    SLOT(linear, dw, w, GRADIENT_SUM);
    SLOT(linear, db, b, GRADIENT_SUM);
    return y;
}

leit_value leit_plan_embedding(leit_plan *plan, leit_value ids, leit_value words,
                               leit_value positions, leit_value position_table)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, ids, 1) || !has_shape(plan, words, 2),
                 "embedding: ids must be (N), words (V, D)");
    struct leit_embedding args = {
        .N = dim(plan, ids, 0),
        .D = dim(plan, words, 1),
        .V = dim(plan, words, 0),
        .P = position_table == LEIT_NONE ? 0 : leit_plan_dim(plan, position_table, 0)};
    leit_value y = matrix(plan, "embedding", count_of(plan, ids), args.N, args.D);
    plan_node *node = leit_plan_node(plan, LEIT_OP_embedding, &args);
    SLOT(embedding, n_rows, count_of(plan, ids), READ_BOTH);
    SLOT(embedding, ids, ids, READ_BOTH);
    SLOT(embedding, positions, positions, READ_BOTH);
    SLOT(embedding, words, words, READ_FORWARD);
    SLOT(embedding, position_table, position_table, READ_FORWARD);
    SLOT(embedding, y, y, WRITE_FORWARD);
    SLOT(embedding, dy, y, GRADIENT_READ);
    SLOT(embedding, dwords, words, GRADIENT_SUM);
    SLOT(embedding, dposition_table, position_table, GRADIENT_SUM);
    return y;
}

leit_value leit_plan_layernorm(leit_plan *plan, leit_value x, float dropout, leit_value residual,
                               leit_value w, leit_value b, float epsilon)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 2) || !has_shape(plan, w, 1),
                 "layernorm: x must be (N, D)");
    struct leit_layernorm args = {.N = dim(plan, x, 0), .D = dim(plan, x, 1), .epsilon = epsilon};
    if (residual != LEIT_NONE) { /* counted also when it does nothing, as leit_plan_dropout does */
        args.stream = LEIT_STREAM_DROPOUT + plan->n_dropouts++;
        args.dropout = plan->options.training ? dropout : 0.0f;
    }
    leit_value count = count_of(plan, x);
    leit_value y = matrix(plan, "layernorm", count, args.N, args.D);
    leit_value sum =
        residual == LEIT_NONE ? LEIT_NONE : matrix(plan, "layernorm.sum", count, args.N, args.D);
    leit_value mean = vector(plan, "layernorm.mean", count, args.N);
    leit_value rstd = vector(plan, "layernorm.rstd", count, args.N);
    plan_node *node = leit_plan_node(plan, LEIT_OP_layernorm, &args);
    if (args.dropout > 0.0f) SLOT(layernorm, random, leit_plan_random(plan), READ_BOTH);
    UNARY_SLOTS(layernorm, residual == LEIT_NONE ? READ_BOTH : READ_FORWARD);
    SLOT(layernorm, residual, residual, READ_FORWARD);
    SLOT(layernorm, w, w, READ_BOTH);
    SLOT(layernorm, b, b, READ_FORWARD);
    SLOT(layernorm, sum, sum, WRITE_FORWARD | READ_BACKWARD);
    SLOT(layernorm, mean, mean, WRITE_FORWARD | READ_BACKWARD);
    SLOT(layernorm, rstd, rstd, WRITE_FORWARD | READ_BACKWARD);
    SLOT(layernorm, dresidual, residual, GRADIENT_WRITE);
    SLOT(layernorm, dw, w, GRADIENT_SUM);
    SLOT(layernorm, db, b, GRADIENT_SUM);
    return y;
}

static bool are_columns(const leit_plan *plan, leit_columns columns, int64_t D)
{
    return has_shape(plan, columns.value, 2) && columns.first >= 0 &&
           columns.first + D <= dim(plan, columns.value, 1);
}

leit_value leit_plan_attention(leit_plan *plan, leit_columns q, leit_columns k, leit_columns v,
                               int64_t D, leit_value q_offsets, leit_value k_offsets,
                               leit_value n_sequences, int64_t T, int64_t n_heads, float dropout)
{
    PLAN_FAIL_IF(plan,
                 !are_columns(plan, q, D) || !are_columns(plan, k, D) || !are_columns(plan, v, D),
                 "attention: q, k and v must be %lld columns of (N, D)", (long long)D);
    struct leit_attention args = {.B = leit_plan_dim(plan, q_offsets, 0) - 1,
                                  .T = T,
                                  .H = n_heads,
                                  .D = D,
                                  .Nq = dim(plan, q.value, 0),
                                  .Nk = dim(plan, k.value, 0),
                                  .q_step = dim(plan, q.value, 1),
                                  .k_step = dim(plan, k.value, 1),
                                  .dropout = plan->options.training ? dropout : 0.0f,
                                  .stream = LEIT_STREAM_DROPOUT + plan->n_dropouts++};
    PLAN_FAIL_IF(plan, D % n_heads != 0, "attention: width %lld is no multiple of %lld heads",
                 (long long)D, (long long)n_heads);
    PLAN_FAIL_IF(plan, dim(plan, v.value, 0) != args.Nk || dim(plan, v.value, 1) != args.k_step,
                 "attention: k and v must be of one shape");
    leit_value y = matrix(plan, "attention", count_of(plan, q.value), args.Nq, D);
    leit_value logsumexp = matrix(plan, "attention.lse", LEIT_NONE, n_heads, args.Nq);
    plan_node *node = leit_plan_node(plan, LEIT_OP_attention, &args);
    if (args.dropout > 0.0f) SLOT(attention, random, leit_plan_random(plan), READ_BOTH);
    SLOT(attention, n_sequences, n_sequences, READ_BOTH);
    SLOT(attention, q_offsets, q_offsets, READ_BOTH);
    SLOT(attention, k_offsets, k_offsets, READ_BOTH);
    COLUMN_SLOT(attention, q, q, READ_BOTH);
    COLUMN_SLOT(attention, k, k, READ_BOTH);
    COLUMN_SLOT(attention, v, v, READ_BOTH);
    SLOT(attention, y, y, WRITE_FORWARD | READ_BACKWARD);
    SLOT(attention, logsumexp, logsumexp, WRITE_FORWARD | READ_BACKWARD);
    SLOT(attention, dy, y, GRADIENT_READ);
    COLUMN_SLOT(attention, dq, q, GRADIENT_WRITE);
    COLUMN_SLOT(attention, dk, k, GRADIENT_WRITE);
    COLUMN_SLOT(attention, dv, v, GRADIENT_WRITE);
    return y;
}

leit_value leit_plan_sigmoid(leit_plan *plan, leit_value x)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 2), "sigmoid: x must be (N, D)");
    struct leit_sigmoid args = {.N = dim(plan, x, 0), .D = dim(plan, x, 1)};
    leit_value y = matrix(plan, "sigmoid", count_of(plan, x), args.N, args.D);
    plan_node *node = leit_plan_node(plan, LEIT_OP_sigmoid, &args);
    UNARY_SLOTS(sigmoid, READ_FORWARD);
    if (node != NULL) /* its backward needs y alone */
        node->slots[node->n_slots - 3].use |= READ_BACKWARD;
    return y;
}

leit_value leit_plan_dropout(leit_plan *plan, leit_value x, float p)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 2), "dropout: x must be (N, D)");
    /* Counted even when it does nothing, so that the streams of a plan do not depend on p. */
    uint32_t stream = LEIT_STREAM_DROPOUT + plan->n_dropouts++;
    if (!plan->options.training || p == 0.0f) return x;
    struct leit_dropout args = {
        .N = dim(plan, x, 0), .D = dim(plan, x, 1), .p = p, .stream = stream};
    leit_value y = matrix(plan, "dropout", count_of(plan, x), args.N, args.D);
    plan_node *node = leit_plan_node(plan, LEIT_OP_dropout, &args);
    SLOT(dropout, random, leit_plan_random(plan), READ_BOTH);
    UNARY_SLOTS(dropout, READ_FORWARD);
    return y;
}

leit_value leit_plan_gather_rows(leit_plan *plan, leit_value x, leit_value index)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 2) || !has_shape(plan, index, 1),
                 "gather_rows: x must be (M, D), index (N)");
    struct leit_gather_rows args = {
        .N = dim(plan, index, 0), .M = dim(plan, x, 0), .D = dim(plan, x, 1)};
    leit_value y = matrix(plan, "rows", count_of(plan, index), args.N, args.D);
    plan_node *node = leit_plan_node(plan, LEIT_OP_gather_rows, &args);
    SLOT(gather_rows, n_rows, count_of(plan, index), READ_BOTH);
    SLOT(gather_rows, index, index, READ_BOTH);
    SLOT(gather_rows, x, x, READ_FORWARD);
    SLOT(gather_rows, y, y, WRITE_FORWARD);
    SLOT(gather_rows, dy, y, GRADIENT_READ);
    ADDING_SLOT(gather_rows, x);
    return y;
}

leit_value leit_plan_concat_rows(leit_plan *plan, leit_value a, leit_value b)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, a, 2) || !has_shape(plan, b, 2),
                 "concat_rows: a must be (Na, D), b (Nb, D)");
    PLAN_FAIL_IF(plan, dim(plan, a, 1) != dim(plan, b, 1), "concat_rows: widths %lld and %lld",
                 (long long)dim(plan, a, 1), (long long)dim(plan, b, 1));
    struct leit_concat_rows args = {
        .Na = dim(plan, a, 0), .Nb = dim(plan, b, 0), .D = dim(plan, a, 1)};
    leit_value y = matrix(plan, "concat", LEIT_NONE, args.Na + args.Nb, args.D);
    plan_node *node = leit_plan_node(plan, LEIT_OP_concat_rows, &args);
    SLOT(concat_rows, a, a, READ_FORWARD);
    SLOT(concat_rows, b, b, READ_FORWARD);
    SLOT(concat_rows, y, y, WRITE_FORWARD);
    SLOT(concat_rows, dy, y, GRADIENT_READ);
    SLOT(concat_rows, da, a, GRADIENT_WRITE);
    SLOT(concat_rows, db, b, GRADIENT_WRITE);
    return y;
}

leit_value leit_plan_gather_shards(leit_plan *plan, leit_value x)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 2), "gather_shards: x must be (N, D)");
    if (!leit_plan_is_shard(plan)) return x;
    PLAN_FAIL_IF(plan, count_of(plan, x) != LEIT_NONE,
                 "gather_shards: all rows of x must hold data");
    const plan_exchange args = {.count = dim(plan, x, 0) * dim(plan, x, 1)};
    leit_value y = matrix(plan, "shards", LEIT_NONE, plan->options.n_shards * dim(plan, x, 0),
                          dim(plan, x, 1));
    plan_node *node = leit_plan_exchange_node(plan, &args);
    leit_plan_slot(plan, node, offsetof(plan_exchange, x), x, READ_FORWARD);
    leit_plan_slot(plan, node, offsetof(plan_exchange, y), y, WRITE_FORWARD);
    leit_plan_slot(plan, node, offsetof(plan_exchange, dy), y, GRADIENT_READ);
    leit_plan_slot(plan, node, offsetof(plan_exchange, dx), x, GRADIENT_WRITE);
    return y;
}

/* ---- losses ---- */

/* The fields that every loss over rows has under the same names. */
#define LOSS_SLOTS(op, x_use)                                                                      \
    leit_value losses = vector(plan, #op ".rows", count_of(plan, x), args.N);                      \
    leit_value loss = vector(plan, #op, LEIT_NONE, 1);                                             \
    plan_node *node = leit_plan_node(plan, LEIT_OP_##op, &args);                                   \
    SLOT(op, n_rows, count_of(plan, x), READ_BOTH);                                                \
    SLOT(op, x, x, x_use);                                                                         \
    SLOT(op, losses, losses, WRITE_FORWARD);                                                       \
    SLOT(op, loss, loss, WRITE_FORWARD);                                                           \
    SLOT(op, dloss, loss, GRADIENT_READ);                                                          \
    SLOT(op, dx, x, GRADIENT_WRITE)

leit_value leit_plan_softmax_cross_entropy(leit_plan *plan, leit_value x, leit_value labels)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 2), "softmax_cross_entropy: logits must be (N, K)");
    struct leit_softmax_cross_entropy args = {.N = dim(plan, x, 0), .K = dim(plan, x, 1)};
    leit_value p = matrix(plan, "probabilities", count_of(plan, x), args.N, args.K);
    LOSS_SLOTS(softmax_cross_entropy, READ_FORWARD);
    SLOT(softmax_cross_entropy, labels, labels, READ_BOTH);
    SLOT(softmax_cross_entropy, probabilities, p, WRITE_FORWARD | READ_BACKWARD);
    return loss;
}

leit_value leit_plan_focal_loss(leit_plan *plan, leit_value x, leit_value labels, float gamma)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 2), "focal_loss: logits must be (N, K)");
    struct leit_focal_loss args = {.N = dim(plan, x, 0),
                                   .K = dim(plan, x, 1),
                                   .gamma = gamma,
                                   .weight_is_constant = 1}; /* as the public code */
    leit_value p = matrix(plan, "probabilities", count_of(plan, x), args.N, args.K);
    LOSS_SLOTS(focal_loss, READ_FORWARD);
    SLOT(focal_loss, labels, labels, READ_BOTH);
    SLOT(focal_loss, probabilities, p, WRITE_FORWARD | READ_BACKWARD);
    return loss;
}

leit_value leit_plan_bce_with_logits(leit_plan *plan, leit_value x, leit_value targets)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 2) || !has_shape(plan, targets, 2),
                 "bce_with_logits: logits and targets must be (N, K)");
    PLAN_FAIL_IF(
        plan, dim(plan, x, 0) != dim(plan, targets, 0) || dim(plan, x, 1) != dim(plan, targets, 1),
        "bce_with_logits: logits and targets differ in shape");
    struct leit_bce_with_logits args = {.N = dim(plan, x, 0), .K = dim(plan, x, 1)};
    LOSS_SLOTS(bce_with_logits, READ_BOTH);
    SLOT(bce_with_logits, targets, targets, READ_BOTH);
    return loss;
}

leit_value leit_plan_mse(leit_plan *plan, leit_value x, leit_value target)
{
    PLAN_FAIL_IF(plan, !has_shape(plan, x, 2) || !has_shape(plan, target, 2),
                 "mse: x and target must be (N, D)");
    PLAN_FAIL_IF(plan,
                 dim(plan, x, 0) != dim(plan, target, 0) || dim(plan, x, 1) != dim(plan, target, 1),
                 "mse: x and target differ in shape");
    struct leit_mse args = {.N = dim(plan, x, 0), .D = dim(plan, x, 1)};
    LOSS_SLOTS(mse, READ_BOTH);
    SLOT(mse, target, target, READ_BOTH);
    return loss;
}

static leit_value sample_negatives(leit_plan *plan, const leit_triplet_branch *branch,
                                   const leit_plan_triplet *settings)
{
    struct leit_triplet_sample args = {.N = dim(plan, branch->anchor, 0),
                                       .E = dim(plan, branch->anchor, 1),
                                       .weights = settings->weights,
                                       .cutoff = settings->cutoff,
                                       .nonzero_loss_cutoff = settings->nonzero_loss_cutoff,
                                       .stream = LEIT_STREAM_NEGATIVE + 256 * branch->draws};
    const int64_t one = 1;
    leit_value negative = leit_plan_activation(plan, "negative", LEIT_I32, 1, &args.N, LEIT_NONE);
    leit_value n_empty = leit_plan_activation(plan, "n_empty", LEIT_I32, 1, &one, LEIT_NONE);
    plan_node *node = leit_plan_node(plan, LEIT_OP_triplet_sample, &args);
    SLOT(triplet_sample, random, leit_plan_step_random(plan), READ_FORWARD);
    SLOT(triplet_sample, a, branch->anchor, READ_FORWARD);
    SLOT(triplet_sample, p, branch->positive, READ_FORWARD);
    SLOT(triplet_sample, anchor_labels, branch->anchor_labels, READ_FORWARD);
    SLOT(triplet_sample, item_labels, branch->item_labels, READ_FORWARD);
    SLOT(triplet_sample, negative, negative, WRITE_FORWARD);
    SLOT(triplet_sample, n_empty, n_empty, WRITE_FORWARD);
    leit_plan_count_empty(plan, n_empty);
    return negative;
}

/* Says what is wrong with the branches and returns false, where they are not of one shape. */
static bool are_alike(leit_plan *plan, const leit_triplet_branch *branches, int n_branches)
{
    for (int k = 0; k < n_branches; k++) {
        const leit_value sides[] = {branches[k].anchor, branches[k].positive};
        for (int side = 0; side < 2; side++) {
            const bool is_matrix = has_shape(plan, sides[side], 2);
            const bool is_alike = is_matrix &&
                                  dim(plan, sides[side], 0) == dim(plan, branches[0].anchor, 0) &&
                                  dim(plan, sides[side], 1) == dim(plan, branches[0].anchor, 1);
            if (is_alike) continue;
            leit_plan_fail(plan, "leit_plan_cosine_triplet", "cosine_triplet: %s",
                           is_matrix ? "anchors and positives differ in shape"
                                     : "anchor and positive must be (N, E)");
            return false;
        }
    }
    return true;
}

void leit_plan_cosine_triplet(leit_plan *plan, const leit_triplet_branch *branches, int n_branches,
                              const leit_plan_triplet *settings, leit_value *losses)
{
    for (int k = 0; k < n_branches; k++) losses[k] = LEIT_NONE;
    if (!are_alike(plan, branches, n_branches)) return;
    const struct leit_cosine_triplet args = {.N = dim(plan, branches->anchor, 0),
                                             .E = dim(plan, branches->anchor, 1),
                                             .margin = settings->margin,
                                             .n_pairs = n_branches};
    leit_value negatives[LEIT_TRIPLET_PAIRS];
    for (int k = 0; k < n_branches; k++)
        negatives[k] = sample_negatives(plan, &branches[k], settings);
    plan_node *node = leit_plan_node(plan, LEIT_OP_cosine_triplet, &args);
    for (int k = 0; k < n_branches; k++) {
        leit_value anchor = branches[k].anchor, positive = branches[k].positive;
        leit_value rows = vector(plan, "triplet.rows", LEIT_NONE, args.N);
        leit_value loss = losses[k] = vector(plan, "triplet", LEIT_NONE, 1);
        SLOT(cosine_triplet, pairs[k].a, anchor, READ_BOTH);
        SLOT(cosine_triplet, pairs[k].p, positive, READ_BOTH);
        SLOT(cosine_triplet, pairs[k].negative, negatives[k], READ_BOTH);
        SLOT(cosine_triplet, pairs[k].losses, rows, WRITE_FORWARD | READ_BACKWARD);
        SLOT(cosine_triplet, pairs[k].loss, loss, WRITE_FORWARD);
        SLOT(cosine_triplet, pairs[k].dloss, loss, GRADIENT_READ);
        SLOT(cosine_triplet, pairs[k].da, anchor, GRADIENT_WRITE);
        SLOT(cosine_triplet, pairs[k].dp, positive, GRADIENT_WRITE);
    }
}
