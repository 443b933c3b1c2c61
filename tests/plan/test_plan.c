/* The plan: values, gradients, memory. Every network here is small enough to be followed by hand.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "plan/plan_internal.h"
#include "support/plan_walk.h"
#include "support/testing.h"

static const double UNIT = 0x1p-24; /* one rounding of fp32 */

typedef struct net {
    leit_parameters parameters;
    leit_plan *plan;
} net;

static void open_net(net *n, bool training)
{
    *n = (net){0};
    const leit_plan_options options = {
        .backend = leit_backend_cpu(), .training = training, .seed = 7};
    assert_ok(leit_plan_create(&options, &n->parameters, &n->plan));
}

static void finish_net(net *n)
{
    assert_ok(leit_parameters_allocate(&n->parameters, 11, leit_plan_is_training(n->plan)));
    assert_ok(leit_plan_finish(n->plan));
    leit_plan_walk(n->plan);
}

static void close_net(net *n)
{
    leit_plan_free(n->plan);
    leit_parameters_clear(&n->parameters);
}

static leit_value input(net *n, const char *name, int64_t rows, int64_t width)
{
    const int64_t shape[2] = {rows, width};
    return leit_plan_input(n->plan, name, LEIT_F32, 2, shape);
}

static leit_value indices(net *n, const char *name, int64_t rows)
{
    return leit_plan_input(n->plan, name, LEIT_I32, 1, &rows);
}

static leit_value weight(net *n, const char *name, int64_t rows, int64_t width)
{
    const int64_t shape[2] = {rows, width};
    return leit_plan_parameter(n->plan, name, 2, shape, (leit_init){LEIT_INIT_NORMAL, 0.5f});
}

static leit_value bias(net *n, const char *name, int64_t width)
{
    return leit_plan_parameter(n->plan, name, 1, &width, (leit_init){LEIT_INIT_NORMAL, 0.5f});
}

static leit_value linear(net *n, leit_value x, const char *name, int64_t K)
{
    char b[64];
    snprintf(b, sizeof b, "%s.bias", name);
    return leit_plan_linear(n->plan, x, weight(n, name, K, leit_plan_dim(n->plan, x, 1)),
                            bias(n, b, K), LEIT_ACTIVATION_NONE);
}

static void fill(net *n, leit_value value, uint32_t sample)
{
    leit_rng rng = leit_rng_start(3, 99, 0, sample);
    const plan_value *v = leit_plan_value(n->plan, value);
    int64_t count = 1;
    for (int axis = 0; axis < v->rank; axis++) count *= v->shape[axis];
    for (int64_t i = 0; i < count; i++) ((float *)v->data)[i] = leit_rng_normal(&rng);
}

static leit_parameter *parameter(net *n, const char *name)
{
    int index = leit_parameters_find(&n->parameters, name);
    assert_true(index >= 0);
    return &n->parameters.list[index];
}

static void run_both(net *n)
{
    assert_ok(leit_parameters_zero_gradients(&n->parameters));
    assert_ok(leit_plan_forward(n->plan));
    assert_ok(leit_plan_backward(n->plan, 1.0f));
}

/* ---- gradients ---- */

/* y feeds a loss directly, through a sigmoid, and through a dropout-free path again: `which` says
 * which of the three losses are there. */
static void three_losses(net *n, unsigned which)
{
    leit_plan *plan = n->plan;
    leit_value y = linear(n, input(n, "x", 1, 3), "w", 4);
    leit_value targets[3] = {input(n, "t0", 1, 4), input(n, "t1", 1, 4), input(n, "t2", 1, 5)};
    if (which & 1) leit_plan_loss(plan, leit_plan_mse(plan, y, targets[0]), 0.5f);
    if (which & 2)
        leit_plan_loss(plan, leit_plan_mse(plan, leit_plan_sigmoid(plan, y), targets[1]), 2.0f);
    if (which & 4)
        leit_plan_loss(plan, leit_plan_mse(plan, linear(n, y, "v", 5), targets[2]), -1.0f);
}

static void gradient_of_losses(unsigned which, float *gradient, double *loss)
{
    net n;
    open_net(&n, true);
    three_losses(&n, which);
    finish_net(&n);
    for (leit_value v = 0; v < (leit_value)n.plan->n_values; v++)
        if (leit_plan_value(n.plan, v)->kind == VALUE_INPUT) fill(&n, v, (uint32_t)strlen("x"));
    run_both(&n);
    memcpy(gradient, parameter(&n, "w")->gradient, 12 * sizeof *gradient);
    *loss = leit_plan_loss_value(n.plan);
    close_net(&n);
}

/* With one row dw is dy times x: the sum of three contributions and the product are four roundings
 * on either side, of terms no larger than the contributions. */
static void test_consumers_are_added(void **state)
{
    (void)state;
    float all[12], part[3][12];
    double loss, losses[3];
    gradient_of_losses(7, all, &loss);
    for (int i = 0; i < 3; i++) gradient_of_losses(1u << i, part[i], &losses[i]);
    assert_true(loss == losses[0] + losses[1] + losses[2]);
    for (int i = 0; i < 12; i++) {
        double sum = 0.0, size = 0.0;
        for (int k = 0; k < 3; k++) {
            sum += (double)part[k][i];
            size += fabs((double)part[k][i]);
            assert_true(part[k][i] != 0.0f);
        }
        assert_true(fabs((double)all[i] - sum) <= 8.0 * UNIT * size);
    }
}

/* A loss named twice weighs the sum of its weights. */
static void test_loss_twice(void **state)
{
    (void)state;
    net n;
    open_net(&n, true);
    leit_value y = linear(&n, input(&n, "x", 2, 3), "w", 2);
    leit_value loss = leit_plan_mse(n.plan, y, input(&n, "t", 2, 2));
    leit_plan_loss(n.plan, loss, 0.25f);
    leit_plan_loss(n.plan, loss, 0.5f);
    finish_net(&n);
    fill(&n, 0, 1);
    run_both(&n);
    const double value = (double)*(float *)leit_plan_data(n.plan, loss);
    assert_true(value > 0.0);
    assert_true(leit_plan_loss_value(n.plan) == 0.75 * value);
    assert_true(*leit_plan_gradient(n.plan, loss) == 0.75f);
    assert_ok(leit_plan_backward(n.plan, 0.5f));
    assert_true(*leit_plan_gradient(n.plan, loss) == 0.375f);
    close_net(&n);
}

/* A parameter that is the x of nodes gets the sum of their gradients, and keeps what was there. */
static void test_parameter_as_activation(void **state)
{
    (void)state;
    net n;
    open_net(&n, true);
    leit_value table = weight(&n, "table", 3, 2);
    leit_value t = input(&n, "t", 3, 2), index = indices(&n, "index", 2);
    leit_value rows = leit_plan_gather_rows(n.plan, table, index);
    leit_plan_loss(n.plan, leit_plan_mse(n.plan, table, t), 3.0f);
    leit_plan_loss(n.plan, leit_plan_mse(n.plan, rows, input(&n, "u", 2, 2)), 2.0f);
    finish_net(&n);
    int32_t *rows_wanted = leit_plan_data(n.plan, index);
    rows_wanted[0] = 2;
    rows_wanted[1] = 0;
    run_both(&n);
    assert_ok(leit_plan_forward(n.plan));
    assert_ok(leit_plan_backward(n.plan, 1.0f)); /* accumulates */
    const float *p = parameter(&n, "table")->data, *g = parameter(&n, "table")->gradient;
    for (int i = 0; i < 6; i++) { /* targets are 0: d = weight * 2 p / count, twice */
        const double own = 3.0 * 2.0 * (double)p[i] / 6.0;
        const double gathered = i / 2 == 1 ? 0.0 : 2.0 * 2.0 * (double)p[i] / 4.0;
        const double expected = 2.0 * (own + gathered);
        if (!(fabs((double)g[i] - expected) <= 8.0 * UNIT * fabs(expected)))
            fail_msg("gradient %d is %g, expected %g", i, (double)g[i], expected);
    }
    close_net(&n);
}

static void test_constants_have_no_gradient(void **state)
{
    (void)state;
    static const char *const frozen[] = {"frozen", NULL};
    net n;
    open_net(&n, true);
    n.parameters.frozen = frozen;
    leit_value x = input(&n, "x", 2, 3);
    leit_value h = linear(&n, x, "frozen", 3);
    leit_value y = linear(&n, h, "w", 2);
    leit_plan_keep(n.plan, h);
    leit_plan_loss(n.plan, leit_plan_mse(n.plan, y, input(&n, "t", 2, 2)), 1.0f);
    finish_net(&n);
    fill(&n, x, 1);
    run_both(&n);
    assert_null(leit_plan_gradient(n.plan, x));
    assert_null(leit_plan_gradient(n.plan, h));
    assert_null(parameter(&n, "frozen")->gradient);
    assert_null(parameter(&n, "frozen.bias")->moment1);
    assert_non_null(parameter(&n, "w")->gradient);
    assert_false(n.plan->nodes[0].has_backward);
    assert_true(n.plan->nodes[1].has_backward);
    close_net(&n);
}

static void test_inference_has_no_backward(void **state)
{
    (void)state;
    size_t bytes[2];
    int n_nodes[2];
    for (int training = 0; training < 2; training++) {
        net n;
        open_net(&n, training);
        leit_value x = input(&n, "x", 64, 16);
        for (int layer = 0; layer < 6; layer++) {
            char name[16];
            snprintf(name, sizeof name, "layer%d", layer);
            x = leit_plan_dropout(n.plan, leit_plan_sigmoid(n.plan, linear(&n, x, name, 16)), 0.5f);
        }
        leit_plan_loss(n.plan, leit_plan_mse(n.plan, x, input(&n, "t", 64, 16)), 1.0f);
        leit_plan_memory memory;
        assert_ok(leit_plan_measure(n.plan, &memory)); /* before anything is taken */
        assert_null(n.plan->activations);
        finish_net(&n);
        bytes[training] = memory.activation_bytes;
        n_nodes[training] = memory.n_nodes;
        assert_true(memory.activation_bytes <= memory.activation_unshared_bytes);
        for (size_t i = 0; !training && i < n.plan->n_nodes; i++)
            assert_false(n.plan->nodes[i].has_backward);
        close_net(&n);
    }
    assert_int_equal(n_nodes[1] - n_nodes[0], 6);          /* the dropouts */
    assert_true(bytes[0] <= 3 * 64 * 16 * sizeof(float));  /* two values and the loss */
    assert_true(bytes[1] >= 12 * 64 * 16 * sizeof(float)); /* x and sigmoid of every layer */
}

/* ---- values ---- */

static void test_kept_values(void **state)
{
    (void)state;
    for (int keeps = 0; keeps < 2; keeps++) {
        net n;
        open_net(&n, true);
        leit_value x = input(&n, "x", 5, 4);
        leit_value first = linear(&n, x, "a", 4), y = first;
        for (int i = 0; i < 4; i++) y = leit_plan_sigmoid(n.plan, y);
        if (keeps) leit_plan_keep(n.plan, first);
        leit_plan_loss(n.plan, leit_plan_mse(n.plan, y, input(&n, "t", 5, 4)), 1.0f);
        finish_net(&n);
        fill(&n, x, 1);
        run_both(&n);
        const float *w = parameter(&n, "a")->data, *b = parameter(&n, "a.bias")->data;
        const float *data = leit_plan_data(n.plan, x), *got = leit_plan_data(n.plan, first);
        for (int i = 0; keeps && i < 20; i++) {
            double sum = (double)b[i % 4], size = fabs(sum);
            for (int d = 0; d < 4; d++) {
                const double term = (double)data[i / 4 * 4 + d] * (double)w[i % 4 * 4 + d];
                sum += term;
                size += fabs(term);
            }
            assert_true(fabs((double)got[i] - sum) <= 8.0 * UNIT * size);
        }
        if (keeps) assert_non_null(leit_plan_gradient(n.plan, first));
        close_net(&n);
    }
}

/* Rows behind the count are never read: NaN there changes nothing. The mean is over the count. */
static void test_counts_flow(void **state)
{
    (void)state;
    double losses[2];
    float gradients[2][8];
    for (int poisoned = 0; poisoned < 2; poisoned++) {
        net n;
        open_net(&n, true);
        leit_value count = leit_plan_count(n.plan, "n_rows", 6);
        leit_value picked = leit_plan_count(n.plan, "n_picked", 2);
        leit_value x = input(&n, "x", 6, 4), t = input(&n, "t", 6, 2);
        leit_value index = indices(&n, "index", 6);
        leit_plan_set_count(n.plan, x, count);
        leit_plan_set_count(n.plan, index, picked);
        leit_value h = leit_plan_dropout(n.plan, linear(&n, x, "a", 4), 0.25f);
        h = leit_plan_layernorm(n.plan, h, 0.0f, LEIT_NONE, bias(&n, "ln.w", 4),
                                bias(&n, "ln.b", 4), 1e-5f);
        h = leit_plan_gather_rows(n.plan, h, index);
        leit_value y = linear(&n, h, "b", 2);
        leit_plan_loss(n.plan, leit_plan_mse(n.plan, y, t), 1.0f);
        finish_net(&n);
        assert_int_equal(*(int32_t *)leit_plan_data(n.plan, count), 6);
        *(int32_t *)leit_plan_data(n.plan, count) = 3;
        fill(&n, x, 1);
        fill(&n, t, 2);
        int32_t *rows = leit_plan_data(n.plan, index);
        rows[0] = 2;
        rows[1] = 1;
        for (int i = 2; i < 6; i++) rows[i] = 1000; /* out of range, behind the count */
        for (int i = 12; poisoned && i < 24; i++) ((float *)leit_plan_data(n.plan, x))[i] = NAN;
        for (int i = 4; poisoned && i < 12; i++) ((float *)leit_plan_data(n.plan, t))[i] = NAN;
        run_both(&n);
        losses[poisoned] = leit_plan_loss_value(n.plan);
        memcpy(gradients[poisoned], parameter(&n, "b")->gradient, sizeof gradients[0]);
        close_net(&n);
    }
    assert_true(isfinite(losses[0]) && losses[0] == losses[1]);
    assert_memory_equal(gradients[0], gradients[1], sizeof gradients[0]);
}

/* Losses of the first two and the last two rows of a product, which lie where they are or are copies. */
static void losses_of_halves(bool are_parts, float *gradient)
{
    net n;
    open_net(&n, true);
    leit_value y = linear(&n, input(&n, "x", 4, 3), "w", 2), halves[2];
    for (int half = 0; half < 2; half++) {
        if (are_parts) {
            halves[half] = leit_plan_rows(n.plan, y, 2 * half, 2);
        } else {
            leit_value index = indices(&n, half == 0 ? "first" : "second", 2);
            halves[half] = leit_plan_gather_rows(n.plan, y, index);
        }
        leit_value target = input(&n, half == 0 ? "t0" : "t1", 2, 2);
        leit_plan_loss(n.plan, leit_plan_mse(n.plan, halves[half], target), 1.0f + (float)half);
    }
    finish_net(&n);
    for (leit_value v = 0; v < (leit_value)n.plan->n_values; v++) {
        const plan_value *value = leit_plan_value(n.plan, v);
        if (value->kind != VALUE_INPUT) continue;
        const bool is_second = strcmp(value->name, "second") == 0;
        if (value->dtype == LEIT_F32)
            fill(&n, v, (uint32_t)(value->name[0] + value->name[1]));
        else if (is_second || strcmp(value->name, "first") == 0)
            for (int i = 0; i < 2; i++)
                ((int32_t *)leit_plan_data(n.plan, v))[i] = i + 2 * is_second;
    }
    run_both(&n);
    memcpy(gradient, parameter(&n, "w")->gradient, 6 * sizeof *gradient);
    close_net(&n);
}

static void test_parts_lie_where_they_are(void **state)
{
    (void)state;
    float of_parts[6], of_copies[6];
    losses_of_halves(true, of_parts);
    losses_of_halves(false, of_copies);
    for (int i = 0; i < 6; i++) assert_true(of_parts[i] == of_copies[i] && of_parts[i] != 0.0f);
}

static void test_parts_are_all_of_it(void **state)
{
    (void)state;
    const char *const sentences[] = {
        "rows 2 to 3 of sigmoid get no gradient", "rows 0 to 1 of sigmoid get a gradient twice",
        "sigmoid is read in parts and as a whole", "rows 3 to 4 of a value of 4"};
    for (int mistake = 0; mistake < 4; mistake++) {
        net n;
        open_net(&n, true);
        leit_value x = linear(&n, input(&n, "x", 4, 3), "w", 2), y = leit_plan_sigmoid(n.plan, x);
        leit_value parts[2] = {leit_plan_rows(n.plan, y, 0, 2),
                               leit_plan_rows(n.plan, y, mistake == 3 ? 3 : 2, 2)};
        leit_value targets[2] = {input(&n, "t0", 2, 2), input(&n, "t1", 4, 2)};
        leit_plan_loss(n.plan, leit_plan_mse(n.plan, parts[0], targets[0]), 1.0f);
        if (mistake == 1) leit_plan_loss(n.plan, leit_plan_mse(n.plan, parts[0], targets[0]), 1.0f);
        if (mistake > 0) leit_plan_loss(n.plan, leit_plan_mse(n.plan, parts[1], targets[0]), 1.0f);
        if (mistake == 2) leit_plan_loss(n.plan, leit_plan_mse(n.plan, y, targets[1]), 1.0f);
        leit_plan_memory memory;
        assert_fails(leit_plan_measure(n.plan, &memory), LEIT_INTERNAL, sentences[mistake]);
        close_net(&n);
    }
}

static void test_first_failure_sticks(void **state)
{
    (void)state;
    net n;
    open_net(&n, true);
    leit_value x = input(&n, "x", 2, 3);
    leit_plan_scope(n.plan, "text.fc1");
    leit_value y =
        leit_plan_linear(n.plan, x, weight(&n, "w", 4, 5), LEIT_NONE, LEIT_ACTIVATION_NONE);
    assert_int_equal(y, LEIT_NONE);
    leit_plan_scope(n.plan, "text.later");
    assert_int_equal(leit_plan_sigmoid(n.plan, y), LEIT_NONE);
    assert_int_equal(leit_plan_concat_rows(n.plan, x, y), LEIT_NONE);
    assert_int_equal(leit_plan_dim(n.plan, y, 0), 0);
    assert_int_equal(weight(&n, "v", 1, 1), LEIT_NONE);
    leit_plan_loss(n.plan, y, 1.0f);
    leit_plan_keep(n.plan, y);
    assert_ok(leit_parameters_allocate(&n.parameters, 1, true));
    leit_plan_memory memory;
    assert_fails(leit_plan_measure(n.plan, &memory), LEIT_INTERNAL, "text.fc1");
    assert_fails(leit_plan_finish(n.plan), LEIT_INTERNAL, "x is 3 wide, w expects 5");
    close_net(&n);
}

static void test_building_mistakes(void **state)
{
    (void)state;
    const char *const sentences[] = {"concat_rows: widths 3 and 4",  "gather_rows: x must be",
                                     "anchors and positives differ", "mse: x and target",
                                     "mse: x and target differ",     "logits and targets differ"};
    for (int mistake = 0; mistake < 6; mistake++) {
        net n;
        open_net(&n, true);
        leit_value a = input(&n, "a", 2, 3), b = input(&n, "b", 2, 4), i = indices(&n, "i", 2);
        const leit_triplet_branch branch = {
            .anchor = a, .positive = b, .anchor_labels = i, .item_labels = i};
        const leit_plan_triplet settings = {.margin = 0.2f};
        leit_value loss;
        if (mistake == 0) leit_plan_concat_rows(n.plan, a, b);
        if (mistake == 1) leit_plan_gather_rows(n.plan, a, b);
        if (mistake == 2) leit_plan_cosine_triplet(n.plan, &branch, 1, &settings, &loss);
        if (mistake == 3) leit_plan_mse(n.plan, a, i);
        if (mistake == 4) leit_plan_mse(n.plan, a, b);
        if (mistake == 5) leit_plan_bce_with_logits(n.plan, a, b);
        leit_plan_memory memory;
        assert_fails(leit_plan_measure(n.plan, &memory), LEIT_INTERNAL, sentences[mistake]);
        close_net(&n);
    }
    net n;
    open_net(&n, true);
    linear(&n, input(&n, "x", 2, 3), "w", 2);
    assert_fails(leit_plan_finish(n.plan), LEIT_INTERNAL, "not allocated");
    close_net(&n);
}

/* ---- central differences ---- */

/* Two inputs through one linear, dropout, stacked, rows picked, normalised when asked for, and a
 * last linear: every parameter behind which only linear maps follow has a quadratic loss. */
static void probe_net(net *n, bool normalises)
{
    leit_value a = input(n, "a", 4, 3), b = input(n, "b", 3, 3), t = input(n, "t", 5, 2);
    leit_value index = indices(n, "index", 5);
    leit_value h = leit_plan_dropout(n->plan, linear(n, a, "first", 6), 0.25f);
    leit_value g = linear(n, b, "first", 6); /* the same parameters */
    h = leit_plan_concat_rows(n->plan, h, g);
    leit_value rows = leit_plan_gather_rows(n->plan, h, index);
    if (normalises)
        rows = leit_plan_layernorm(n->plan, rows, 0.0f, rows, bias(n, "ln.w", 6),
                                   bias(n, "ln.b", 6), 1e-5f);
    rows = leit_plan_dropout(n->plan, rows, 0.5f);
    leit_plan_loss(n->plan, leit_plan_mse(n->plan, linear(n, rows, "last", 2), t), 1.5f);
    finish_net(n);
    fill(n, a, 1);
    fill(n, b, 2);
    fill(n, t, 3);
    static const int32_t picked[5] = {6, 0, 3, 5, 1};
    memcpy(leit_plan_data(n->plan, index), picked, sizeof picked);
    leit_plan_set_step(n->plan, 5);
}

static double loss_at(net *n, float *element, float value)
{
    const float old = *element;
    *element = value;
    assert_ok(leit_plan_forward(n->plan));
    *element = old;
    return leit_plan_loss_value(n->plan);
}

/* For a quadratic the central difference is the derivative whatever h is; with h = 1/4 what is left
 * is the rounding of the two losses: each passes two matrix products of at most 6 terms, a
 * normalisation of 6, dropout and the mean of 10 squares, fewer than 64 roundings of a part that is
 * no larger than the loss and the square of what goes into it. */
static void test_quadratic_differences(void **state)
{
    (void)state;
    for (int normalises = 0; normalises < 2; normalises++) {
        net n;
        open_net(&n, true);
        probe_net(&n, normalises);
        run_both(&n);
        int n_probed = 0, n_nonzero = 0;
        for (size_t p = 0; p < n.parameters.count; p++) {
            leit_parameter *probed = &n.parameters.list[p];
            if (normalises && strncmp(probed->name, "first", 5) == 0) continue;
            for (int64_t i = 0; i < probed->count; i++) {
                const float at = probed->data[i], h = 0.25f;
                const double up = loss_at(&n, &probed->data[i], at + h);
                const double down = loss_at(&n, &probed->data[i], at - h);
                const double width = (double)(at + h) - (double)(at - h);
                const double slope = (up - down) / width, got = (double)probed->gradient[i];
                const double tolerance = 64.0 * UNIT * (up + down) / width;
                if (!(fabs(slope - got) <= tolerance))
                    fail_msg("%s[%d]: %g, the loss says %g (+- %g)", probed->name, (int)i, got,
                             slope, tolerance);
                n_probed++;
                n_nonzero += fabs(slope) > 100.0 * tolerance;
            }
        }
        assert_int_equal(n_probed, normalises ? 26 : 38);
        assert_true(n_nonzero > n_probed / 2);
        close_net(&n);
    }
}

/* Before a normalisation the loss is no quadratic: differences at h and h / 2 together cancel the
 * third derivative, and h = 2^-6 leaves some h^4 beside rounding of 64 units of the loss over h. */
static void test_extrapolated_differences(void **state)
{
    (void)state;
    net n;
    open_net(&n, true);
    probe_net(&n, true);
    run_both(&n);
    leit_parameter *probed = parameter(&n, "first");
    double largest = 0.0, worst = 0.0;
    const float h = 0x1p-6f;
    for (int64_t i = 0; i < probed->count; i++) {
        const float at = probed->data[i];
        double slopes[2];
        for (int half = 0; half < 2; half++) {
            const float by = half ? h / 2 : h;
            const double width = (double)(at + by) - (double)(at - by);
            slopes[half] =
                (loss_at(&n, &probed->data[i], at + by) - loss_at(&n, &probed->data[i], at - by)) /
                width;
        }
        const double slope = (4.0 * slopes[1] - slopes[0]) / 3.0;
        assert_true(isfinite(probed->gradient[i]) && isfinite(slope)); /* fmax passes over NaN */
        worst = fmax(worst, fabs(slope - (double)probed->gradient[i]));
        largest = fmax(largest, fabs(slope));
    }
    const double loss = leit_plan_loss_value(n.plan);
    assert_true(largest > 0.01);
    assert_true(worst <= 3.0 * 64.0 * UNIT * loss / (double)h + 1e-3 * largest);
    close_net(&n);
}

static void test_dropout_follows_the_step(void **state)
{
    (void)state;
    net n;
    open_net(&n, true);
    probe_net(&n, false);
    double losses[3];
    for (int i = 0; i < 3; i++) {
        leit_plan_set_step(n.plan, i == 1 ? 6 : 5);
        assert_ok(leit_plan_forward(n.plan));
        losses[i] = leit_plan_loss_value(n.plan);
    }
    assert_true(losses[0] != losses[1]);
    assert_true(losses[0] == losses[2]);
    close_net(&n);
}

/* ---- values that are not finite ---- */

static void expect_nonfinite(net *n, const char *expected)
{
    const char *name = NULL;
    assert_ok(leit_plan_find_nonfinite(n->plan, &name));
    assert_string_equal(name, expected);
}

static void test_find_nonfinite(void **state)
{
    (void)state;
    net n;
    open_net(&n, true);
    leit_value x = input(&n, "x", 2, 3);
    leit_plan_scope(n.plan, "one");
    leit_value y = linear(&n, x, "w", 3);
    leit_plan_scope(n.plan, "two");
    y = linear(&n, y, "v", 2);
    leit_plan_loss(n.plan, leit_plan_mse(n.plan, y, input(&n, "t", 2, 2)), 1.0f);
    finish_net(&n);
    fill(&n, x, 1);
    run_both(&n);
    expect_nonfinite(&n, "");

    float *data = leit_plan_data(n.plan, x);
    const float kept = data[4];
    data[4] = NAN;
    expect_nonfinite(&n, "x");
    data[4] = kept;
    parameter(&n, "v")->data[0] = INFINITY;
    expect_nonfinite(&n, "v");
    parameter(&n, "v")->data[0] = 1.0f;
    for (int i = 0; i < 9; i++) parameter(&n, "w")->data[i] = 3e38f;
    for (int i = 0; i < 6; i++) data[i] = 3e38f;
    expect_nonfinite(&n, "one.linear"); /* overflows although everything that goes in is finite */
    for (int i = 0; i < 9; i++) parameter(&n, "w")->data[i] = 1.0f;
    for (int i = 0; i < 6; i++) data[i] = 1e25f; /* the square of the loss overflows */
    expect_nonfinite(&n, "two.mse.rows");
    for (int i = 0; i < 6; i++) data[i] = 1.0f;
    parameter(&n, "v.bias")->gradient[1] = NAN;
    expect_nonfinite(&n, "the gradient of v.bias");
    close_net(&n);
}

/* An output that backward reads too, as a norm's, is the one to blame and not what follows it. */
static void test_find_nonfinite_of_a_norm(void **state)
{
    (void)state;
    net n;
    open_net(&n, true);
    leit_value x = input(&n, "x", 3, 1);
    const leit_plan_norm norm = {bias(&n, "w", 1), bias(&n, "b", 1), bias(&n, "mean", 1),
                                 bias(&n, "var", 1)};
    leit_plan_scope(n.plan, "one");
    leit_value y = leit_plan_batchnorm1d(n.plan, x, &norm, true);
    leit_plan_scope(n.plan, "two");
    leit_plan_loss(n.plan, leit_plan_mse(n.plan, y, input(&n, "t", 3, 1)), 1.0f);
    finish_net(&n);
    float *data = leit_plan_data(n.plan, x);
    data[0] = 3.0f; /* normalised: the square root of 2 */
    expect_nonfinite(&n, "");
    parameter(&n, "w")->data[0] = 3e38f;
    expect_nonfinite(&n, "one.norm");
    close_net(&n);
}

/* ---- parameters ---- */

static void declare(leit_parameters *parameters, const char *name, int64_t rows, int64_t width,
                    leit_init init)
{
    int index;
    const leit_parameter wanted = {
        .name = name, .rank = 2, .shape = {rows, width}, .init = init, .decays = true};
    assert_ok(leit_parameters_declare(parameters, &wanted, &index));
    assert_string_equal(parameters->list[index].name, name);
}

static void test_parameters_start(void **state)
{
    (void)state;
    const leit_init uniform = {LEIT_INIT_UNIFORM, 0.125f}, normal = {LEIT_INIT_NORMAL, 0.02f};
    leit_parameters alone = {0}, beside = {0};
    declare(&alone, "text.a", 64, 64, uniform);
    declare(&beside, "music.z", 3, 5, normal);
    declare(&beside, "text.b", 64, 64, normal);
    declare(&beside, "text.a", 64, 64, uniform);
    declare(&beside, "text.a", 64, 64, uniform); /* found, not added */
    assert_int_equal(beside.count, 3);
    assert_ok(leit_parameters_allocate(&alone, 5, false));
    assert_ok(leit_parameters_allocate(&beside, 5, true));
    const int a = leit_parameters_find(&beside, "text.a"),
              b = leit_parameters_find(&beside, "text.b");
    assert_memory_equal(alone.data.host, beside.list[a].data, 4096 * sizeof(float));
    assert_null(alone.gradient.host);
    assert_non_null(beside.moment2.host);
    assert_int_equal(leit_parameters_find(&alone, "text.b"), -1);

    /* 4096 draws: the mean is within 4.5 standard deviations, the largest in the last 1 % but not
     * outside, the standard deviation of the normal within 4.5 / sqrt(2 n). */
    double sum = 0.0, largest = 0.0, squares = 0.0;
    for (int i = 0; i < 4096; i++) {
        sum += (double)beside.list[a].data[i];
        largest = fmax(largest, fabs((double)beside.list[a].data[i]));
        squares += pow((double)beside.list[b].data[i], 2.0);
    }
    assert_true(fabs(sum / 4096) <= 4.5 * 0.125 / sqrt(3.0 * 4096));
    assert_true(largest <= 0.125 && largest > 0.99 * 0.125);
    assert_true(fabs(sqrt(squares / 4096) / 0.02 - 1.0) <= 4.5 / sqrt(2.0 * 4096));

    leit_parameters other = {0};
    declare(&other, "text.a", 64, 64, uniform);
    assert_ok(leit_parameters_allocate(&other, 6, false));
    assert_memory_not_equal(alone.data.host, other.data.host, 4096 * sizeof(float));
    leit_parameters_clear(&alone);
    leit_parameters_clear(&beside);
    leit_parameters_clear(&other);
}

static void test_parameters_refuse(void **state)
{
    (void)state;
    leit_parameters parameters = {0};
    declare(&parameters, "w", 2, 3, (leit_init){LEIT_INIT_CONSTANT, 2.0f});
    int index;
    const leit_parameter wide = {.name = "w", .rank = 2, .shape = {2, 4}};
    assert_fails(leit_parameters_declare(&parameters, &wide, &index), LEIT_INTERNAL,
                 "parameter w has shape (2, 3), expected (2, 4)");
    assert_ok(leit_parameters_allocate(&parameters, 1, false));
    assert_true(parameters.list[0].data[5] == 2.0f);
    const leit_parameter late = {.name = "late", .rank = 1, .shape = {1}};
    assert_fails(leit_parameters_declare(&parameters, &late, &index), LEIT_INTERNAL,
                 "no parameter late");
    leit_parameters_clear(&parameters);
    leit_parameters_clear(&parameters); /* empty and ready */
}

static void test_parameters_that_do_not_learn(void **state)
{
    (void)state;
    static const char *const frozen[] = {"music.layer", NULL};
    leit_parameters parameters = {.frozen = frozen};
    const leit_init init = {LEIT_INIT_CONSTANT, 1.0f};
    declare(&parameters, "music.layer1.conv.weight", 1, 5, init);
    declare(&parameters, "music.fc.weight", 1, 7, init);
    declare(&parameters, "text.embeddings.word_embeddings.weight", 1, 3, init);
    const leit_parameter statistic = {
        .name = "music.bn.running_mean", .rank = 1, .shape = {4}, .is_statistic = true};
    int index;
    assert_ok(leit_parameters_declare(&parameters, &statistic, &index));
    assert_ok(leit_parameters_allocate(&parameters, 1, true));
    assert_int_equal(parameters.n_values, 4 * 16); /* each on a border of 64 bytes */
    assert_int_equal(parameters.n_learnt, 2 * 16);
    assert_null(parameters.list[0].gradient);
    assert_non_null(parameters.list[1].gradient);
    assert_null(parameters.list[3].moment1);
    assert_int_equal(leit_parameters_exclude_decay(&parameters, "word_embeddings"), 1);
    assert_int_equal(leit_parameters_exclude_decay(&parameters, "nothing"), 0);
    assert_false(parameters.list[2].decays);
    assert_true(parameters.list[1].decays);
    ((float *)parameters.gradient.host)[3] = 1.0f;
    assert_ok(leit_parameters_zero_gradients(&parameters));
    assert_true(((float *)parameters.gradient.host)[3] == 0.0f);
    leit_parameters_clear(&parameters);
}

/* ---- joined parameters ---- */

enum { JOINED_WIDTH = 16, JOINED_ROWS = 5 };
static const char *const joined_names[] = {"one", "two", "three"};

static leit_value join(net *n, int rank, int64_t width)
{
    const int64_t shape[2] = {width, JOINED_WIDTH};
    return leit_plan_joined_parameters(n->plan, joined_names, 3, rank, shape,
                                       (leit_init){LEIT_INIT_NORMAL, 0.5f});
}

/* sum over rows of a[row, a_column] b[row, b_column], and a bound on its rounding */
static void dot_columns(const float *a, int64_t a_step, const float *b, int64_t b_step, double *sum,
                        double *bound)
{
    *sum = *bound = 0.0;
    for (int64_t row = 0; row < JOINED_ROWS; row++) {
        const double product = (double)a[row * a_step] * (double)b[row * b_step];
        *sum += product;
        *bound += (JOINED_ROWS + 1) * UNIT * fabs(product);
    }
}

/* One product with three parameters; each has its own rows of the gradient. */
static void test_joined_parameters(void **state)
{
    (void)state;
    enum { WIDTH = 3 * JOINED_WIDTH };
    net n;
    open_net(&n, true);
    leit_value x = input(&n, "x", JOINED_ROWS, JOINED_WIDTH);
    leit_value target = input(&n, "target", JOINED_ROWS, WIDTH);
    leit_value w = join(&n, 2, JOINED_WIDTH);
    assert_true(w != LEIT_NONE);
    assert_int_equal(leit_plan_dim(n.plan, w, 0), WIDTH);
    leit_value y = leit_plan_linear(n.plan, x, w, LEIT_NONE, LEIT_ACTIVATION_NONE);
    leit_plan_loss(n.plan, leit_plan_mse(n.plan, y, target), 1.0f);
    leit_plan_keep(n.plan, y);
    finish_net(&n);
    fill(&n, x, 0);
    fill(&n, target, 1);
    run_both(&n);
    const float *inputs = leit_plan_data(n.plan, x), *dy = leit_plan_gradient(n.plan, y);
    assert_int_equal(n.parameters.count, 3);
    for (int i = 0; i < WIDTH * JOINED_WIDTH; i++) {
        const leit_parameter *own = parameter(&n, joined_names[i / JOINED_WIDTH / JOINED_WIDTH]);
        const float got = own->gradient[i % (JOINED_WIDTH * JOINED_WIDTH)];
        double expected, bound;
        dot_columns(dy + i / JOINED_WIDTH, WIDTH, inputs + i % JOINED_WIDTH, JOINED_WIDTH,
                    &expected, &bound);
        assert_true(fabs((double)got - expected) <= bound);
        assert_true(own->init.kind == LEIT_INIT_NORMAL && own->rank == 2);
    }
    close_net(&n);
}

static void test_what_cannot_be_joined(void **state)
{
    (void)state;
    static const char *const frozen[] = {"two", NULL};
    net n;
    open_net(&n, false); /* may borrow its parameters from anywhere */
    assert_int_equal(join(&n, 2, JOINED_WIDTH), LEIT_NONE);
    close_net(&n);
    open_net(&n, true); /* 15 floats: the next one starts on the next border */
    assert_int_equal(join(&n, 1, JOINED_WIDTH - 1), LEIT_NONE);
    close_net(&n);
    open_net(&n, true);
    weight(&n, "two", JOINED_WIDTH, JOINED_WIDTH); /* lies before the first */
    assert_int_equal(join(&n, 2, JOINED_WIDTH), LEIT_NONE);
    assert_int_equal(n.parameters.count, 3); /* which are there all the same */
    close_net(&n);
    open_net(&n, true);
    n.parameters.frozen = frozen;
    assert_int_equal(join(&n, 2, JOINED_WIDTH), LEIT_NONE);
    close_net(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumers_are_added),
        cmocka_unit_test(test_loss_twice),
        cmocka_unit_test(test_parameter_as_activation),
        cmocka_unit_test(test_constants_have_no_gradient),
        cmocka_unit_test(test_inference_has_no_backward),
        cmocka_unit_test(test_kept_values),
        cmocka_unit_test(test_counts_flow),
        cmocka_unit_test(test_parts_lie_where_they_are),
        cmocka_unit_test(test_parts_are_all_of_it),
        cmocka_unit_test(test_first_failure_sticks),
        cmocka_unit_test(test_building_mistakes),
        cmocka_unit_test(test_quadratic_differences),
        cmocka_unit_test(test_extrapolated_differences),
        cmocka_unit_test(test_dropout_follows_the_step),
        cmocka_unit_test(test_find_nonfinite),
        cmocka_unit_test(test_find_nonfinite_of_a_norm),
        cmocka_unit_test(test_joined_parameters),
        cmocka_unit_test(test_what_cannot_be_joined),
        cmocka_unit_test(test_parameters_start),
        cmocka_unit_test(test_parameters_refuse),
        cmocka_unit_test(test_parameters_that_do_not_learn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
