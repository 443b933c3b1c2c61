#include "kernels/adam.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/adam_rows.h"

/* Elements are independent; the step is bound by memory. A task takes one block of one tensor, and
 * where rows wait, the rows that begin in it: what a row waited for is done while it is in the cache. */

LEIT_NO_WORKSPACE_CPU(adam)

struct step {
    const struct leit_adam *args;
    int64_t t;
    leit_adam_rate rate;
    float scale; /* of gradients */
};

/* Said rather than left to the compiler: a row that waited has to get the same bits. */
static inline float multiply_add(float a, float b, float c)
{
#ifdef FP_FAST_FMAF
    return fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* One step of elements begin to end; g NULL: no gradient. */
static inline void update(const struct leit_adam *args, const leit_adam_tensor *tensor,
                          const leit_adam_rate *now, float scale, const float *restrict g,
                          int64_t begin, int64_t end)
{
    const float beta1 = args->beta1, beta2 = args->beta2, epsilon = args->epsilon;
    const float rate = now->rate, correction = now->correction, decay = tensor->weight_decay;
    float *restrict p = tensor->p, *restrict m = tensor->m, *restrict v = tensor->v;
    for (int64_t i = begin; i < end; i++) {
        const float gradient = multiply_add(scale, g == NULL ? 0.0f : g[i], decay * p[i]);
        m[i] = multiply_add(beta1, m[i], (1.0f - beta1) * gradient);
        v[i] = multiply_add(beta2, v[i], (1.0f - beta2) * gradient * gradient);
        p[i] -= rate * m[i] / multiply_add(sqrtf(v[i]), correction, epsilon);
    }
}

/* The row sees what it has not seen of the steps up to `until`. */
static void catch_up(const struct leit_adam *args, const leit_adam_tensor *tensor, int64_t row,
                     int64_t until)
{
    const int64_t begin = row * tensor->width, end = begin + tensor->width;
    for (int64_t t = leit_adam_next_step(tensor->done[row], until); t <= until; t++) {
        const leit_adam_rate *then = leit_adam_rate_at(args->rates, t);
        if (then->t == t) update(args, tensor, then, 1.0f, NULL, begin, end);
    }
    tensor->done[row] = (int32_t)until;
}

static bool has_gradient(const leit_adam_tensor *tensor, int64_t row)
{
    const float *g = tensor->g + row * tensor->width;
    uint32_t any = 0;
    for (int64_t i = 0; i < tensor->width; i++) {
        uint32_t bits;
        memcpy(&bits, g + i, sizeof bits);
        any |= bits;
    }
    return any != 0;
}

static void step_rows(const struct step *step, leit_tensor_block block)
{
    const leit_adam_tensor *tensor = block.tensor;
    const leit_adam_row_range rows = leit_adam_rows_of(block);
    for (int64_t row = rows.begin; row < rows.end; row++) {
        if (step->t % LEIT_ADAM_RATES != 0 && !has_gradient(tensor, row)) continue;
        catch_up(step->args, tensor, row, step->t - 1);
        update(step->args, tensor, &step->rate, step->scale, tensor->g, row * tensor->width,
               (row + 1) * tensor->width);
        tensor->done[row] = (int32_t)step->t;
    }
}

static void step_block(void *context, int64_t index, int worker)
{
    (void)worker;
    const struct step *step = context;
    const leit_tensor_block block =
        leit_find_tensor_block(step->args->tensors, step->args->n_tensors, index);
    if (block.tensor->done != NULL)
        step_rows(step, block);
    else
        update(step->args, block.tensor, &step->rate, step->scale, block.tensor->g, block.begin,
               block.end);
}

static leit_status run_step(const leit_exec *exec, const struct leit_adam *args)
{
    LEIT_FAIL_IF(args->now->t < 1, LEIT_INTERNAL, "adam: t is %lld, expected 1 or more",
                 (long long)args->now->t);
    if (args->n_bad != NULL && *args->n_bad > 0) return LEIT_OK;
    const bool clips = args->norm != NULL && args->clip_norm > 0.0f;
    const double t = (double)args->now->t, rate = (double)args->now->learning_rate;
    struct step step = {
        .args = args,
        .t = args->now->t,
        .rate = {.t = args->now->t,
                 .rate = (float)(rate / (1.0 - pow((double)args->beta1, t))),
                 .correction = (float)(1.0 / sqrt(1.0 - pow((double)args->beta2, t)))},
        .scale = clips ? fminf(1.0f, args->clip_norm / (*args->norm + 1e-6f)) : 1.0f,
    };
    leit_threads_run(exec->threads, args->n_blocks, step_block, &step);
    if (args->rates == NULL) return LEIT_OK;
    *leit_adam_rate_at(args->rates, step.t) = step.rate;
    args->rates->newest = step.t;
    return LEIT_OK;
}

static leit_status fetch(const struct leit_adam *args)
{
    const leit_adam_tensor *tensor = &args->tensors[args->of];
    LEIT_FAIL_IF(tensor->done == NULL, LEIT_INTERNAL, "adam: the rows of tensor %lld do not wait",
                 (long long)args->of);
    LEIT_TRY(leit_check_rows("adam", args->n_rows, args->N));
    const int64_t n = tensor->count / tensor->width, n_asked = leit_rows(args->n_rows, args->N);
    for (int64_t i = 0; i < n_asked; i++)
        LEIT_FAIL_IF(args->rows[i] < 0 || args->rows[i] >= n, LEIT_INTERNAL,
                     "adam: row %d is asked for, the tensor has %lld", args->rows[i], (long long)n);
    for (int64_t i = 0; i < n_asked; i++)
        catch_up(args, tensor, args->rows[i], args->rates->newest);
    return LEIT_OK;
}

static void flush_block(void *context, int64_t index, int worker)
{
    (void)worker;
    const struct leit_adam *args = context;
    const leit_tensor_block block = leit_find_tensor_block(args->tensors, args->n_tensors, index);
    if (block.tensor->done == NULL) return;
    const leit_adam_row_range rows = leit_adam_rows_of(block);
    for (int64_t row = rows.begin; row < rows.end; row++)
        catch_up(args, block.tensor, row, args->rates->newest);
}

static leit_status check(const struct leit_adam *args)
{
    LEIT_TRY(leit_adam_check(args));
    LEIT_TRY(leit_check_tensors("adam", args->tensors, args->n_tensors, args->n_blocks));
    for (int64_t i = 0; i < args->n_tensors; i++) {
        const leit_adam_tensor *tensor = &args->tensors[i];
        if (tensor->done == NULL) continue;
        LEIT_FAIL_IF(
            args->rates == NULL || tensor->width < 1 || tensor->count % tensor->width != 0,
            LEIT_INTERNAL,
            "adam: tensor %lld has %lld elements in rows of %lld, expected whole rows, and "
            "rates",
            (long long)i, (long long)tensor->count, (long long)tensor->width);
    }
    return LEIT_OK;
}

leit_status leit_adam_forward_cpu(const leit_exec *exec, const struct leit_adam *args)
{
    LEIT_TRY(check(args));
    if (args->work == LEIT_ADAM_STEP) return run_step(exec, args);
    if (args->work == LEIT_ADAM_FETCH) return fetch(args);
    struct leit_adam all = *args;
    leit_threads_run(exec->threads, args->n_blocks, flush_block, &all);
    return LEIT_OK;
}
