#include "model/layers.h"

#include <math.h>
#include <stdio.h>

enum { NAME_BYTES = 160, MAX_JOINED = 3 };

static const leit_init bert_weights = {LEIT_INIT_NORMAL, 0.02f};
static const leit_init bert_biases = {LEIT_INIT_CONSTANT, 0.0f};

static leit_value parameter(leit_plan *plan, const char *prefix, const char *leaf, int rank,
                            const int64_t *shape, leit_init init)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.%s", prefix, leaf);
    return leit_plan_parameter(plan, name, rank, shape, init);
}

static leit_value dense(leit_plan *plan, leit_value x, const char *prefix, int64_t K,
                        enum leit_activation activation, leit_init weight, leit_init bias)
{
    const int64_t shape[2] = {K, leit_plan_dim(plan, x, 1)};
    leit_value w = parameter(plan, prefix, "weight", 2, shape, weight);
    leit_value b = parameter(plan, prefix, "bias", 1, shape, bias);
    leit_plan_scope(plan, "%s", prefix);
    return leit_plan_linear(plan, x, w, b, activation);
}

leit_value leit_layer_linear(leit_plan *plan, leit_value x, const char *prefix, int64_t K)
{
    const float bound = 1.0f / sqrtf((float)leit_plan_dim(plan, x, 1));
    const leit_init uniform = {LEIT_INIT_UNIFORM, bound};
    return dense(plan, x, prefix, K, LEIT_ACTIVATION_NONE, uniform, uniform);
}

leit_value leit_layer_dense(leit_plan *plan, leit_value x, const char *prefix, int64_t K,
                            enum leit_activation activation)
{
    return dense(plan, x, prefix, K, activation, bert_weights, bert_biases);
}

static leit_value joined_parameters(leit_plan *plan, const char *const *prefixes, int n,
                                    const char *leaf, int rank, const int64_t *shape,
                                    leit_init init)
{
    char names[MAX_JOINED][NAME_BYTES];
    const char *list[MAX_JOINED];
    for (int i = 0; i < n; i++) {
        snprintf(names[i], NAME_BYTES, "%s.%s", prefixes[i], leaf);
        list[i] = names[i];
    }
    return leit_plan_joined_parameters(plan, list, n, rank, shape, init);
}

leit_value leit_layer_joined_dense(leit_plan *plan, leit_value x, const char *const *prefixes,
                                   int n, int64_t K)
{
    const int64_t shape[2] = {K, leit_plan_dim(plan, x, 1)};
    if (n > MAX_JOINED) return LEIT_NONE;
    leit_value w = joined_parameters(plan, prefixes, n, "weight", 2, shape, bert_weights);
    leit_value b = joined_parameters(plan, prefixes, n, "bias", 1, shape, bert_biases);
    if (w == LEIT_NONE || b == LEIT_NONE) return LEIT_NONE;
    leit_plan_scope(plan, "%s", prefixes[0]);
    return leit_plan_linear(plan, x, w, b, LEIT_ACTIVATION_NONE);
}

leit_value leit_layer_layernorm(leit_plan *plan, leit_value x, float dropout, leit_value residual,
                                const char *prefix, float epsilon)
{
    const int64_t D = leit_plan_dim(plan, x, 1);
    leit_value w = parameter(plan, prefix, "weight", 1, &D, (leit_init){LEIT_INIT_CONSTANT, 1.0f});
    leit_value b = parameter(plan, prefix, "bias", 1, &D, (leit_init){LEIT_INIT_CONSTANT, 0.0f});
    leit_plan_scope(plan, "%s", prefix);
    return leit_plan_layernorm(plan, x, dropout, residual, w, b, epsilon);
}

leit_plan_norm leit_layer_norm(leit_plan *plan, const char *prefix, int64_t C)
{
    char running_mean[NAME_BYTES], running_var[NAME_BYTES];
    snprintf(running_mean, sizeof running_mean, "%s.running_mean", prefix);
    snprintf(running_var, sizeof running_var, "%s.running_var", prefix);
    return (leit_plan_norm){
        .w = parameter(plan, prefix, "weight", 1, &C, (leit_init){LEIT_INIT_CONSTANT, 1.0f}),
        .b = parameter(plan, prefix, "bias", 1, &C, (leit_init){LEIT_INIT_CONSTANT, 0.0f}),
        .running_mean = leit_plan_statistic(plan, running_mean, C, 0.0f),
        .running_var = leit_plan_statistic(plan, running_var, C, 1.0f)};
}

leit_value leit_layer_projection(leit_plan *plan, leit_value x, const char *tower, int64_t hidden,
                                 int64_t K, float dropout)
{
    char prefix[NAME_BYTES];
    snprintf(prefix, sizeof prefix, "%s.fc1", tower);
    leit_value h = leit_layer_linear(plan, x, prefix, hidden);
    snprintf(prefix, sizeof prefix, "%s.bn", tower);
    const leit_plan_norm norm = leit_layer_norm(plan, prefix, hidden);
    h = leit_plan_batchnorm1d(plan, h, &norm, true);
    h = leit_plan_dropout(plan, h, dropout);
    snprintf(prefix, sizeof prefix, "%s.fc2", tower);
    return leit_layer_linear(plan, h, prefix, K);
}
