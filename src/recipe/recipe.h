/* A recipe: everything that decides a run, read from one YAML file and from overrides.
 *
 * This is the struct every other room reads. It is made by leit_recipe_load (leitmotif/recipe.h) or
 * leit_recipe_parse, checked whole before anyone sees it, and never changed afterwards. The table
 * in schema.c gives every field its range, default, unit and meaning; docs/recipes.md is printed
 * from that table. Strings are never NULL: "" where nothing is set.
 */
#ifndef LEIT_RECIPE_RECIPE_H
#define LEIT_RECIPE_RECIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "kernels/op.h"
#include "leitmotif/recipe.h"

/* The words of an enum key, once: X(CONSTANT, word). */
#define LEIT_STRATEGY_LIST(X)                                                                      \
    X(CLASSIFICATION, classification)                                                              \
    X(MULTIHEAD, multihead)                                                                        \
    X(VA_REGRESSION, va_regression)                                                                \
    X(W2V_REGRESSION, w2v_regression)                                                              \
    X(METRIC2, metric2)                                                                            \
    X(METRIC3, metric3)                                                                            \
    X(TAGGING, tagging)
#define LEIT_TEXT_SPLIT_LIST(X) X(STRICT, strict) X(PAPER, paper)
#define LEIT_MEL_SCALE_LIST(X) X(DB, db) X(POWER, power)
#define LEIT_OUTPUT_ACTIVATION_LIST(X) X(NONE, none) X(SIGMOID, sigmoid)
#define LEIT_NEGATIVES_LIST(X) X(DISTANCE_WEIGHTED, distance_weighted) X(COSINE, cosine)
#define LEIT_NEGATIVE_MASK_LIST(X) X(TEXT_TAG, text_tag) X(MUSIC_TAG, music_tag)
#define LEIT_W2V_MAPPING_LIST(X) X(PAPER, paper) X(VECTORS, vectors)
#define LEIT_SCHEDULE_LIST(X) X(CONSTANT, constant) X(LINEAR, linear) X(COSINE, cosine)
#define LEIT_DEVICE_CHOICE_LIST(X) X(CPU, cpu) X(CUDA, cuda) X(AUTO, auto)
#define LEIT_RESUME_LIST(X) X(AUTO, auto) X(NEVER, never)

#define LEIT_STRATEGY_ENUM(constant, word) LEIT_STRATEGY_##constant,
#define LEIT_TEXT_SPLIT_ENUM(constant, word) LEIT_TEXT_SPLIT_##constant,
#define LEIT_MEL_SCALE_ENUM(constant, word) LEIT_MEL_SCALE_##constant,
#define LEIT_OUTPUT_ACTIVATION_ENUM(constant, word) LEIT_OUTPUT_ACTIVATION_##constant,
#define LEIT_NEGATIVES_ENUM(constant, word) LEIT_NEGATIVES_##constant,
#define LEIT_NEGATIVE_MASK_ENUM(constant, word) LEIT_NEGATIVE_MASK_##constant,
#define LEIT_W2V_MAPPING_ENUM(constant, word) LEIT_W2V_MAPPING_##constant,
#define LEIT_SCHEDULE_ENUM(constant, word) LEIT_SCHEDULE_##constant,
#define LEIT_DEVICE_CHOICE_ENUM(constant, word) LEIT_DEVICE_CHOICE_##constant,
#define LEIT_RESUME_ENUM(constant, word) LEIT_RESUME_##constant,

enum leit_strategy_id { LEIT_STRATEGY_LIST(LEIT_STRATEGY_ENUM) LEIT_N_STRATEGIES };
enum leit_recipe_text_split { LEIT_TEXT_SPLIT_LIST(LEIT_TEXT_SPLIT_ENUM) };
enum leit_recipe_mel_scale { LEIT_MEL_SCALE_LIST(LEIT_MEL_SCALE_ENUM) };
enum leit_recipe_output_activation { LEIT_OUTPUT_ACTIVATION_LIST(LEIT_OUTPUT_ACTIVATION_ENUM) };
enum leit_recipe_negatives { LEIT_NEGATIVES_LIST(LEIT_NEGATIVES_ENUM) };
enum leit_recipe_negative_mask { LEIT_NEGATIVE_MASK_LIST(LEIT_NEGATIVE_MASK_ENUM) };
enum leit_recipe_w2v_mapping { LEIT_W2V_MAPPING_LIST(LEIT_W2V_MAPPING_ENUM) };
enum leit_recipe_schedule { LEIT_SCHEDULE_LIST(LEIT_SCHEDULE_ENUM) };
enum leit_recipe_device_choice { LEIT_DEVICE_CHOICE_LIST(LEIT_DEVICE_CHOICE_ENUM) };
enum leit_recipe_resume { LEIT_RESUME_LIST(LEIT_RESUME_ENUM) };

/* A random draw between two ends; `enabled` is false for the empty list [], which means off. */
struct leit_recipe_range {
    bool enabled;
    double low, high;
};

struct leit_recipe_strings {
    const char *const *items;
    int count;
};

struct leit_recipe_data {
    const char *text, *music, *tags; /* paths of corpora */
    int crop_samples, eval_crops, max_tokens;
    enum leit_recipe_text_split text_split;
};

struct leit_recipe_mel {
    int n_fft, hop_length, n_mels;
    enum leit_recipe_mel_scale mel_scale;
};

struct leit_recipe_augment {
    struct leit_recipe_range gain_db, noise_snr_db;
    double time_mask, frequency_mask; /* widest mask as a part of the axis; 0: off */
};

struct leit_recipe_model_music {
    int channels;
    const char *weights; /* a checkpoint or run folder */
    bool frozen;
};

struct leit_recipe_model_text {
    int layers, width, heads, ffn_width, max_positions;
    double layernorm_epsilon, dropout, attention_dropout;
    const char *weights; /* a safetensors file */
    bool frozen;
};

struct leit_recipe_model_head {
    int music_hidden, text_hidden, tag_hidden, embedding_width, shared_layers;
    double dropout;
    enum leit_recipe_output_activation output_activation;
};

struct leit_recipe_model {
    struct leit_recipe_model_music music;
    struct leit_recipe_model_text text;
    struct leit_recipe_model_head head;
};

struct leit_recipe_loss {
    double music_focal_gamma, margin;
    enum leit_recipe_negatives negatives;
    enum leit_recipe_negative_mask negative_mask;
    double weight_tag_text, weight_tag_music, weight_text_music;
    double distance_cutoff, distance_nonzero_loss_cutoff;
};

struct leit_recipe_mapping {
    enum leit_recipe_w2v_mapping w2v;
};

struct leit_recipe_train {
    int batch, music_batch; /* music_batch 0: batch */
    int epochs, text_epochs, music_epochs;
    int max_steps, steps_per_epoch; /* 0: no limit; 0: as many as the data gives */
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    struct leit_recipe_strings weight_decay_exclude;
    int warmup_steps;
    enum leit_recipe_schedule schedule;
    double clip_norm; /* 0: off */
    int accumulate;
    bool sync_batchnorm;
    int early_stop_epochs;
    const char *reuse; /* a run folder */
};

struct leit_recipe_evaluate {
    struct leit_recipe_strings mappings; /* of va, w2v, manual */
    int at_k, bootstrap_samples, permutation_samples;
};

struct leit_recipe_run {
    const char *directory;
    enum leit_recipe_device_choice device;
    int threads; /* 0: all cores this process may use */
    bool deterministic;
    enum leit_kernels kernels;
    enum leit_precision precision;
    int shards, checkpoint_every_steps, checkpoint_every_seconds, keep_checkpoints;
    enum leit_recipe_resume resume;
    int rank_deadline_seconds;
};

struct leit_recipe {
    const char *name;
    enum leit_strategy_id strategy;
    int seed;
    struct leit_recipe_data data;
    struct leit_recipe_mel mel;
    struct leit_recipe_augment augment;
    struct leit_recipe_model model;
    struct leit_recipe_loss loss;
    struct leit_recipe_mapping mapping;
    struct leit_recipe_train train;
    struct leit_recipe_evaluate evaluate;
    struct leit_recipe_run run;

    struct leit_recipe_origin *origins; /* one per key of the schema: where its value came from */
    leit_arena arena;                   /* every string above */
};

/* The word of a strategy, "metric3"; "unknown" outside the list. */
const char *leit_strategy_name(enum leit_strategy_id strategy);

/* What train.batch has to be a multiple of, at least twice. */
int leit_recipe_batch_unit(const leit_recipe *recipe);

/* Like leit_recipe_load with the YAML in memory: `label` stands for the path in sentences and is
 * what a `base:` is relative to. A checkpoint's resolved recipe comes back this way. */
leit_status leit_recipe_parse(const char *label, const char *text, size_t size_bytes,
                              const char *const overrides[], size_t n_overrides,
                              leit_recipe **recipe);

/* docs/recipes.md, whole. */
leit_status leit_recipe_reference(leit_buffer *markdown);

#endif
