/* The few layers that encoders and heads are made of. Parameters are named and initialised as in
 * PyTorch: `prefix`.weight and `prefix`.bias. */
#ifndef LEIT_MODEL_LAYERS_H
#define LEIT_MODEL_LAYERS_H

#include "plan/plan.h"

/* x (N, D) -> (N, K); weight (K, D) and bias (K), uniform in +-1 / sqrt(D) as torch.nn.Linear. */
leit_value leit_layer_linear(leit_plan *plan, leit_value x, const char *prefix, int64_t K);

/* The same with the initialisation of BERT: normal with standard deviation 0.02, bias 0. */
leit_value leit_layer_dense(leit_plan *plan, leit_value x, const char *prefix, int64_t K,
                            enum leit_activation activation);

/* n of them over one x (N, D) as one product -> (N, n K); LEIT_NONE where their parameters cannot be joined
 * (leit_plan_joined_parameters). */
leit_value leit_layer_joined_dense(leit_plan *plan, leit_value x, const char *const *prefixes,
                                   int n, int64_t K);

/* Of dropout(x) + residual, or of x alone; weight and bias (D), 1 and 0. */
leit_value leit_layer_layernorm(leit_plan *plan, leit_value x, float dropout, leit_value residual,
                                const char *prefix, float epsilon);

/* weight, bias, running_mean, running_var (C), as torch.nn.BatchNorm. */
leit_plan_norm leit_layer_norm(leit_plan *plan, const char *prefix, int64_t C);

/* The head of the paper's figure 2: linear(hidden) - BatchNorm - ReLU - dropout - linear(K).
 * Parameters `tower`.fc1, `tower`.bn, `tower`.fc2. x (N, D) -> (N, K). */
leit_value leit_layer_projection(leit_plan *plan, leit_value x, const char *tower, int64_t hidden,
                                 int64_t K, float dropout);

#endif
