/* The static plan of a step.
 *
 * A model is written once, forward: it calls leit_plan_<op>() and gets values back. The plan keeps
 * the nodes, runs them in order, and runs their backwards in reverse; gradients are written per op
 * and never again. leit_plan_finish works out how long every value and gradient lives, lays them
 * into one arena, and takes the memory once.
 *
 * Building needs no error checks: the first failure sticks, later calls do nothing, and
 * leit_plan_finish returns it.
 *
 * A plan has room for the largest batch. Where fewer rows are used, the count lives in a
 * one-element input (leit_plan_count) and flows from value to value.
 */
#ifndef LEIT_PLAN_PLAN_H
#define LEIT_PLAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/tensor.h"
#include "kernels/backend.h"
#include "kernels/ops.h"
#include "plan/mirror.h"
#include "plan/parameters.h"

typedef struct leit_plan leit_plan;

/* A tensor of the plan; LEIT_NONE where there is none. */
typedef int32_t leit_value;
enum { LEIT_NONE = -1 };

typedef struct leit_plan_options {
    const leit_backend *backend;
    leit_threads *threads; /* may be NULL; not owned */
    bool training;         /* batch statistics, dropout, and a backward */
    uint64_t seed;         /* of dropout and sampling */
    int n_shards, shard;   /* a plan for part `shard` of n_shards equal ones of a step; 0: whole */
    bool sync_batchnorm;   /* BatchNorm takes the statistics of all shards */
    int64_t
        bucket_bytes; /* of a shard's gradients: each but the last has so many and more; 0: none */
} leit_plan_options;

/* `parameters` must outlive the plan; they are allocated after building, before finishing. */
leit_status leit_plan_create(const leit_plan_options *options, leit_parameters *parameters,
                             leit_plan **plan);
void leit_plan_free(leit_plan *plan);
bool leit_plan_is_training(const leit_plan *plan);

/* ---- building: inputs and parameters ---- */

/* Memory the caller fills before a run; the name serves messages. */
leit_value leit_plan_input(leit_plan *plan, const char *name, leit_dtype dtype, int rank,
                           const int64_t *shape);
/* A count: a one-element i32 input that starts as `initial`. */
leit_value leit_plan_count(leit_plan *plan, const char *name, int32_t initial);
/* Says that only the first *count rows of `value` (an input) hold data. */
void leit_plan_set_count(leit_plan *plan, leit_value value, leit_value count);

/* An input that says where a corpus of clips lies: a leit_clip_source. */
leit_value leit_plan_clip_source(leit_plan *plan, const char *name);

leit_value leit_plan_parameter(leit_plan *plan, const char *name, int rank, const int64_t *shape,
                               leit_init init);
/* n parameters of one shape, one behind the other along their first axis; their names and places in a
 * checkpoint are their own. LEIT_NONE, which is no failure, where they do not lie so: in a plan that does
 * not train, whose arrays may be borrowed; where only some learn; where one is no multiple of 64 bytes. */
leit_value leit_plan_joined_parameters(leit_plan *plan, const char *const *names, int n, int rank,
                                       const int64_t *shape, leit_init init);
leit_value leit_plan_statistic(leit_plan *plan, const char *name, int64_t count, float initial);

int64_t leit_plan_dim(const leit_plan *plan, leit_value value, int axis);

/* Names of the values made from here on start with this: "music.layer1". */
void leit_plan_scope(leit_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- building: nodes; shapes as in the op's header ---- */

/* (B, S) i16 with the count of `clips`. `source` is the input that leit_plan_clip_source makes. */
leit_value leit_plan_crop_clips(leit_plan *plan, leit_value source, leit_value clips,
                                leit_value places, int64_t S);
leit_value leit_plan_mel_spectrogram(leit_plan *plan, leit_value pcm,
                                     const struct leit_mel_spectrogram *settings);
leit_value leit_plan_conv2d(leit_plan *plan, leit_value x, leit_value w, leit_value b);

typedef struct leit_plan_norm {
    leit_value w, b, running_mean, running_var; /* (C) each */
} leit_plan_norm;
typedef struct leit_plan_pool {
    int height, width; /* 1, 1: none */
} leit_plan_pool;
/* y = maxpool(relu(batchnorm(x) + residual)); residual may be LEIT_NONE. */
leit_value leit_plan_batchnorm2d(leit_plan *plan, leit_value x, leit_value residual,
                                 const leit_plan_norm *norm, bool relu, leit_plan_pool pool);
leit_value leit_plan_batchnorm1d(leit_plan *plan, leit_value x, const leit_plan_norm *norm,
                                 bool relu);
leit_value leit_plan_global_max_pool(leit_plan *plan, leit_value x);

leit_value leit_plan_linear(leit_plan *plan, leit_value x, leit_value w, leit_value b,
                            enum leit_activation activation);
leit_value leit_plan_embedding(leit_plan *plan, leit_value ids, leit_value words,
                               leit_value positions, leit_value position_table);
/* Of dropout(x) + residual, or of x alone, which is not dropped. */
leit_value leit_plan_layernorm(leit_plan *plan, leit_value x, float dropout, leit_value residual,
                               leit_value w, leit_value b, float epsilon);
/* Columns of a value (N, D), from `first` on. */
typedef struct leit_columns {
    leit_value value;
    int64_t first;
} leit_columns;

/* q, k and v, D columns each, are all columns of their values, which nothing else reads. Packed sequences:
 * q_offsets and k_offsets are i32 inputs of B + 1 elements; n_sequences a count. T is the longest
 * sequence. */
leit_value leit_plan_attention(leit_plan *plan, leit_columns q, leit_columns k, leit_columns v,
                               int64_t D, leit_value q_offsets, leit_value k_offsets,
                               leit_value n_sequences, int64_t T, int64_t n_heads, float dropout);
leit_value leit_plan_sigmoid(leit_plan *plan, leit_value x);
/* x itself when the plan does not train or p is 0. */
leit_value leit_plan_dropout(leit_plan *plan, leit_value x, float p);
/* The rows of x named by `index` (i32); the result has the count of `index`. */
leit_value leit_plan_gather_rows(leit_plan *plan, leit_value x, leit_value index);
leit_value leit_plan_concat_rows(leit_plan *plan, leit_value a, leit_value b);
/* Rows first .. first + n - 1 of x (N, D), an activation whose rows all hold data, where they lie. A value that is read
 * in parts is read in no other way, and where something learns each of its rows is in one part, which one node reads. */
leit_value leit_plan_rows(leit_plan *plan, leit_value x, int64_t first, int64_t n);

/* An exchange: the rows of x (N, D) of all shards of the step, in their order (n_shards * N, D); x
 * itself in a plan that is whole. x has no count. Backward sums what the shards say of a row. What
 * is drawn behind it (negatives) is drawn alike in all shards. */
leit_value leit_plan_gather_shards(leit_plan *plan, leit_value x);

/* Losses: a scalar each, the mean over the rows that hold data. */
leit_value leit_plan_softmax_cross_entropy(leit_plan *plan, leit_value logits, leit_value labels);
leit_value leit_plan_focal_loss(leit_plan *plan, leit_value logits, leit_value labels, float gamma);
leit_value leit_plan_bce_with_logits(leit_plan *plan, leit_value logits, leit_value targets);
leit_value leit_plan_mse(leit_plan *plan, leit_value x, leit_value target);

typedef struct leit_plan_triplet {
    float margin;
    enum leit_triplet_weights weights;
    float cutoff, nonzero_loss_cutoff;
} leit_plan_triplet;
/* anchor and positive (N, E); a row j may be a negative of anchor n when the labels differ (i32). */
typedef struct leit_triplet_branch {
    leit_value anchor, positive, anchor_labels, item_labels;
    uint32_t draws; /* keeps the draws of several branches of one step apart */
} leit_triplet_branch;
/* The losses of up to three branches of one shape, a value each, in one node. */
void leit_plan_cosine_triplet(leit_plan *plan, const leit_triplet_branch *branches, int n_branches,
                              const leit_plan_triplet *settings, leit_value *losses);

/* ---- building: ends ---- */

/* Adds weight * value to what the backward differentiates; weights of one value add up. */
void leit_plan_loss(leit_plan *plan, leit_value scalar, float weight);
/* Keeps a value readable after a run. */
void leit_plan_keep(leit_plan *plan, leit_value value);

/* Lays out and takes the memory. parameters must be allocated. */
leit_status leit_plan_finish(leit_plan *plan);

/* Only sizes: what finish would take, before any memory is taken (parameters need not be
 * allocated). */
typedef struct leit_plan_memory {
    size_t input_bytes, activation_bytes, result_bytes, workspace_bytes;
    size_t activation_unshared_bytes; /* if nothing shared memory */
    int n_nodes, n_values;
} leit_plan_memory;
leit_status leit_plan_measure(leit_plan *plan, leit_plan_memory *memory);

/* ---- running ---- */

/* The memory of an input, or of a kept value after a run. */
void *leit_plan_data(leit_plan *plan, leit_value value);
/* Where kernels find an input of a finished plan. */
void *leit_plan_device_data(leit_plan *plan, leit_value value);
/* Either of both: an input in the program's memory or in the device's. */
typedef void *leit_input_address(leit_plan *plan, leit_value value);
/* The gradient of a kept value after a backward (tests), NULL when it has none. */
float *leit_plan_gradient(leit_plan *plan, leit_value value);
/* Sets the step of all random draws; shards draw apart from each other. */
void leit_plan_set_step(leit_plan *plan, uint32_t step);
/* Where kernels find the step of a plan that is whole, for who sets it there; NULL: nothing is drawn. */
int32_t *leit_plan_device_step(leit_plan *plan);

leit_status leit_plan_forward(leit_plan *plan);
/* Adds to the gradients of the parameters; call after forward. `scale` multiplies every loss
 * weight (1 / accumulation). */
leit_status leit_plan_backward(leit_plan *plan, float scale);

/* The same in two parts, for a plan that is whole: begin passes to the device what the program has
 * filled in, and enqueue runs forward and backward there without a look at the program's memory, so
 * that it can be recorded. Results come by leit_mirror_download or leit_mirror_fetch. */
leit_status leit_plan_begin(leit_plan *plan, float scale);
leit_status leit_plan_enqueue(leit_plan *plan);
const leit_mirror *leit_plan_results(const leit_plan *plan);

/* ---- running the shards of a step ---- */

/* How shards reach those of other processes; train binds it to dist. The n parts are those of the
 * shards that are here, and every process has as many. */
typedef struct leit_exchange {
    void *context;
    /* all (n_shards, count) = the parts (count each) of all shards */
    leit_status (*gather)(void *context, const float *const *parts, int n, int64_t count,
                          float *all);
    /* sum (count) = the sum of all shards' parts in tree order; parts are overwritten, and sum may
     * be parts[0] */
    leit_status (*sum)(void *context, float *const *parts, int n, int64_t count, float *sum);
    /* Queued is all that adds to gradients begin .. end - 1 (floats) of the shards in this backward;
     * each gradient is in one such bucket. NULL: nobody asks */
    leit_status (*complete)(void *context, int64_t begin, int64_t end);
} leit_exchange;

/* As leit_plan_forward and leit_plan_backward, for n consecutive shards built alike that go side by
 * side from exchange to exchange. A shard writes its gradients, and the running statistics that its
 * own rows move, beside the parameters: scale[i] is that of plans[i]. `exchange` may be NULL where
 * the one plan is whole. */
leit_status leit_plan_forward_shards(leit_plan *const *plans, int n, const leit_exchange *exchange);
leit_status leit_plan_backward_shards(leit_plan *const *plans, int n, const float *scale,
                                      const leit_exchange *exchange);

/* The gradients of a shard in the program's memory, laid out as those of the parameters: it adds to
 * them until they are cleared. NULL in a plan that is whole, which adds to the parameters
 * themselves. */
leit_status leit_plan_shard_gradients(leit_plan *plan, float **gradients, int64_t *count);
float *leit_plan_shard_gradients_on_device(const leit_plan *plan);
leit_status leit_plan_clear_shard(leit_plan *plan);
/* The running statistics that a shard moves, and their way from the parameters and back; NULL in a
 * plan that is whole. */
leit_status leit_plan_shard_statistics(leit_plan *plan, float **statistics, int64_t *count);
leit_status leit_plan_load_statistics(leit_plan *plan);
leit_status leit_plan_store_statistics(leit_plan *plan);

/* ---- what a plan looks up ---- */

/* An embedding: it reads the rows `ids` (N; the first *n_rows of them, NULL: all) of its words. All lie
 * where kernels find them. */
typedef struct leit_plan_lookup {
    int64_t N;
    const int32_t *ids, *n_rows;
    const float *words;
} leit_plan_lookup;
/* The next lookup at or behind node *node, which is then behind it; false: there is none. The plan is
 * finished. */
bool leit_plan_next_lookup(const leit_plan *plan, size_t *node, leit_plan_lookup *lookup);
/* Whether embeddings, as their words, are all that reads the parameter of that index. */
bool leit_plan_only_looks_up(const leit_plan *plan, size_t parameter);

/* ---- what a run has left, when its results are the program's ---- */

/* Sum of weight * loss of the last forward. */
double leit_plan_loss_value(const leit_plan *plan);
/* The anchors without any possible negative, over all triplet losses of the last forward. */
int64_t leit_plan_empty_anchors(const leit_plan *plan);

/* Runs forward again, node by node, and names the first value that is not finite, or else "the
 * gradient of" a parameter; "" when all are. */
leit_status leit_plan_find_nonfinite(leit_plan *plan, const char **name);

#endif
