/* Rows that wait (kernels/adam.h) against the same rows that do not, bit for bit, on any backend. */
#ifndef LEIT_TESTS_ADAM_ROWS_CHECK_H
#define LEIT_TESTS_ADAM_ROWS_CHECK_H

#include <string.h>

#include "core/rng.h"
#include "kernels/adam.h"
#include "kernels/backend.h"
#include "support/testing.h"

/* Tensor 0 has no rows, tensor 1 is theirs. */
enum { ADAM_PLAIN = 36, ADAM_ELEMENTS = 40000, ADAM_ROWS = 64, ADAM_ASKED = 6 };

struct adam_state {
    float p[ADAM_ELEMENTS], m[ADAM_ELEMENTS], v[ADAM_ELEMENTS];
    leit_adam_tensor tensors[2];
};

static _Alignas(16) struct adam_twins {
    struct adam_state dense, waiting;
    float g[ADAM_ELEMENTS], norm;
    int32_t done[ADAM_ROWS], rows[ADAM_ASKED + 1], n_asked;
    leit_adam_now now;
    leit_adam_rates rates;
} adam_twins;

struct adam_rows_case {
    int64_t n_rows, width, first_step, n_steps, steps_to_flush;
    float weight_decay;
};

static void adam_start(struct adam_state *state, const struct adam_rows_case *c, int32_t *done)
{
    leit_rng rng = leit_rng_start(5, 0, 0, 0);
    memset(state, 0, sizeof *state);
    for (int i = 0; i < ADAM_ELEMENTS; i++) state->p[i] = leit_rng_normal(&rng);
    float *p = state->p + ADAM_PLAIN, *m = state->m + ADAM_PLAIN, *v = state->v + ADAM_PLAIN;
    state->tensors[0] =
        (leit_adam_tensor){state->p, adam_twins.g, state->m, state->v, ADAM_PLAIN, 0.1f, 0, NULL};
    state->tensors[1] = (leit_adam_tensor){
        p, adam_twins.g + ADAM_PLAIN, m, v, c->n_rows * c->width, c->weight_decay, c->width, done};
}

/* Of the first two thirds of the rows some are asked for, one of them twice, and have gradients here
 * and there or, in some steps, none; a row that nobody has asked for has one in one element. */
static void adam_draw(const struct adam_rows_case *c, int64_t t)
{
    leit_rng rng = leit_rng_start(6, 0, (uint32_t)t, 0);
    memset(adam_twins.g, 0, sizeof adam_twins.g);
    for (int i = 0; i < ADAM_PLAIN; i++) adam_twins.g[i] = leit_rng_normal(&rng);
    int32_t *rows = adam_twins.rows;
    for (int i = 0; i < ADAM_ASKED; i++)
        rows[i] = (int32_t)leit_rng_below(&rng, (uint32_t)(c->n_rows * 2 / 3));
    rows[3] = rows[1];
    rows[ADAM_ASKED] = -7; /* behind the count */
    for (int i = 1; i < ADAM_ASKED + 1; i++) {
        const int64_t row = i < ADAM_ASKED ? rows[i] : (int64_t)leit_rng_below(&rng, 2);
        float *g = adam_twins.g + ADAM_PLAIN + row * c->width;
        const int64_t first = i < ADAM_ASKED ? 0 : t % c->width;
        const int64_t step = i < ADAM_ASKED ? 1 + i % 2 : c->width;
        for (int64_t k = first; t % 5 != 0 && k < c->width; k += step) g[k] = leit_rng_normal(&rng);
    }
    adam_twins.norm = 0.5f + leit_rng_uniform(&rng);
    adam_twins.now = (leit_adam_now){.t = t, .learning_rate = 0.02f / (1.0f + 0.01f * (float)t)};
}

static void adam_run(const leit_op *op, struct adam_state *state, enum leit_adam_work work)
{
    const bool waits = state->tensors[1].done != NULL;
    const leit_exec exec = {0};
    const struct leit_adam args = {.n_tensors = 2,
                                   .n_blocks = leit_tensor_blocks(state->tensors, 2),
                                   .tensors = state->tensors,
                                   .beta1 = 0.9f,
                                   .beta2 = 0.999f,
                                   .epsilon = 1e-8f,
                                   .now = &adam_twins.now,
                                   .norm = &adam_twins.norm,
                                   .clip_norm = 1.0f,
                                   .rates = waits ? &adam_twins.rates : NULL,
                                   .work = work,
                                   .rows = adam_twins.rows,
                                   .of = 1,
                                   .N = ADAM_ASKED + 1,
                                   .n_rows = &adam_twins.n_asked};
    assert_ok(op->forward(&exec, &args));
}

static void adam_compare(const struct adam_rows_case *c, int64_t row, int64_t n)
{
    const struct adam_state *dense = &adam_twins.dense, *waiting = &adam_twins.waiting;
    const size_t at = (size_t)(ADAM_PLAIN + row * c->width), bytes = (size_t)(n * c->width) * 4;
    assert_memory_equal(dense->p + at, waiting->p + at, bytes);
    assert_memory_equal(dense->m + at, waiting->m + at, bytes);
    assert_memory_equal(dense->v + at, waiting->v + at, bytes);
}

/* What is asked for is as it would be before every step, everything when it is flushed; in between
 * rows do wait. */
static inline void adam_rows_case_holds(const leit_op *op, const struct adam_rows_case *c)
{
    memset(&adam_twins, 0, sizeof adam_twins);
    adam_twins.n_asked = ADAM_ASKED;
    adam_start(&adam_twins.dense, c, NULL);
    adam_start(&adam_twins.waiting, c, adam_twins.done);
    const int64_t last_step = c->first_step + c->n_steps - 1;
    for (int64_t t = c->first_step; t <= last_step; t++) {
        adam_draw(c, t);
        adam_run(op, &adam_twins.waiting, LEIT_ADAM_FETCH);
        for (int i = 0; i < ADAM_ASKED; i++) adam_compare(c, adam_twins.rows[i], 1);
        adam_run(op, &adam_twins.dense, LEIT_ADAM_STEP);
        adam_run(op, &adam_twins.waiting, LEIT_ADAM_STEP);
        if (t % LEIT_ADAM_RATES != 0) assert_true(adam_twins.done[c->n_rows - 1] < t);
        if (t % c->steps_to_flush != 0 && t != last_step) continue;
        adam_run(op, &adam_twins.waiting, LEIT_ADAM_FLUSH);
        adam_compare(c, 0, c->n_rows);
        assert_memory_equal(adam_twins.dense.p, adam_twins.waiting.p, ADAM_PLAIN * 4);
    }
}

/* Rows that lie across blocks, a run that goes on, rows in fours. */
static inline void adam_rows_hold_in_short_runs(const leit_op *op)
{
    const struct adam_rows_case wide = {25, 770, 1, 7, 5, 0.1f};
    const struct adam_rows_case later = {9, 37, 5000, 40, 40, 0.1f};
    const struct adam_rows_case undecayed = {9, 37, 1, 40, 40, 0.0f};
    const struct adam_rows_case quads = {25, 772, 1, 7, 5, 0.1f};
    adam_rows_case_holds(op, &wide);
    adam_rows_case_holds(op, &later);
    adam_rows_case_holds(op, &undecayed);
    adam_rows_case_holds(op, &quads);
}

/* And more steps than there are rates. */
static inline void adam_rows_hold(const leit_op *op)
{
    const struct adam_rows_case many = {9, 5, 1, 1300, 1100, 1e-4f};
    adam_rows_hold_in_short_runs(op);
    adam_rows_case_holds(op, &many);
}

#endif
