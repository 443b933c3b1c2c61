#include "kernels/batchnorm2d.h"

#define LEIT_REFERENCE "reference/batchnorm2d.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=2 H=1 W=1 C=1",
    "N=3 H=7 W=111 C=1 offset=40",
    "N=2 H=3 W=5 C=1 relu=1 residual=1",
    "N=1 H=32 W=300 C=1", /* more than one block of statistics */
    "N=3 H=5 W=7 C=59 relu=1 pool_height=2 pool_width=2",
    "N=2 H=4 W=6 C=64 relu=1 residual=1 pool_height=2 pool_width=2",
    "N=2 H=5 W=8 C=40 relu=1 residual=1 pool_height=2 pool_width=3 n_samples=1",
    "N=2 H=4 W=5 C=3 pool_height=1 pool_width=2",
    "N=3 H=2 W=3 C=17 relu=1 pool_height=2 pool_width=3 epsilon=1e-3 momentum=0.25",
    "N=3 H=4 W=11 C=97 residual=1 offset=300",
    "N=5 H=3 W=2 C=1025 relu=1",
    "N=3 H=4 W=5 C=12 relu=1 residual=1 pool_height=2 pool_width=2 training=0",
    "N=2 H=3 W=9 C=1 training=0 n_samples=1",
    /* Of the fast CUDA kernels: several batches of pixels to a thread, more than one group of
     * channels, windows that stick out on both sides. */
    "N=2 H=27 W=21 C=68 offset=300",
    "N=3 H=9 W=13 C=136 relu=1 pool_height=2 pool_width=4 n_samples=2",
    "N=2 H=7 W=9 C=4 relu=1 residual=1 pool_height=3 pool_width=2",
    "N=2 H=5 W=7 C=16 pool_height=2 pool_width=2 training=0 relu=1",
    "N=2 H=5 W=6 C=8 relu=1 gain=1e-4", /* h cannot be told from w h + b */
    "N=2 H=1 W=1 C=8",
    "N=3 H=4 W=5 C=12 relu=1 n_samples=0",
    /* x as a part of a batch, whose moments are given: parts of one sample, and of none. */
    "N=3 H=1 W=1 C=13 n_parts=3 relu=1",
    "N=2 H=3 W=5 C=1 n_parts=4",
    "N=2 H=5 W=8 C=40 relu=1 residual=1 pool_height=2 pool_width=3 n_samples=1 n_parts=4",
    "N=2 H=4 W=5 C=1025 n_parts=3",
    "N=3 H=4 W=5 C=12 relu=1 n_samples=0 n_parts=3",
    /* The moments of x itself. */
    "N=2 H=3 W=5 C=1 own_moments=1",
    "N=2 H=4 W=6 C=64 relu=1 residual=1 pool_height=2 pool_width=2 own_moments=1",
    "N=3 H=5 W=7 C=59 relu=1 pool_height=2 pool_width=2 own_moments=1 offset=40",
    "N=2 H=5 W=8 C=40 relu=1 pool_height=2 pool_width=3 n_samples=1 own_moments=1",
    "N=3 H=4 W=5 C=12 relu=1 n_samples=0 own_moments=1",
    NULL,
};

/* Of parts of 0, 1, 2, ... samples, whatever x is. Counts are not differentiated. */
static void describe_moments(leit_case *c, struct leit_batchnorm2d *args)
{
    const int64_t row = 2 * args->C + 1;
    args->n_parts = leit_case_int(c, "n_parts", 0);
    if (args->n_parts == 0) return;
    double *moments =
        leit_case_input(c, "moments", &args->moments, args->n_parts * row, args->n_parts * row);
    for (int64_t part = 0; part < args->n_parts; part++, moments += row) {
        moments[2 * args->C] = (double)part;
        for (int64_t k = 0; k < args->C; k++) {
            moments[args->C + k] = (double)part * moments[args->C + k] * moments[args->C + k];
            if (part == 0) moments[k] = 0.0;
        }
    }
    leit_case_no_differences(c);
}

static void describe_own_moments(leit_case *c, struct leit_batchnorm2d *args, const double *x,
                                 int64_t samples)
{
    const int64_t C = args->C, pixels = samples * args->H * args->W;
    if (!leit_case_int(c, "own_moments", 0)) return;
    double *moments = leit_case_input(c, "moments", &args->moments, 2 * C + 1, 2 * C + 1);
    for (int64_t k = 0; k < C; k++) {
        double mean = 0.0, squares = 0.0;
        for (int64_t p = 0; p < pixels; p++) mean += x[p * C + k] / (double)pixels;
        for (int64_t p = 0; p < pixels; p++)
            squares += (x[p * C + k] - mean) * (x[p * C + k] - mean);
        moments[k] = mean;
        moments[C + k] = squares;
    }
    moments[2 * C] = (double)samples;
    leit_case_no_differences(c);
}

static void describe(leit_case *c)
{
    struct leit_batchnorm2d *args = leit_case_args(c);
    const int64_t N = args->N = leit_case_int(c, "N", 0), H = args->H = leit_case_int(c, "H", 0);
    const int64_t W = args->W = leit_case_int(c, "W", 0), C = args->C = leit_case_int(c, "C", 0);
    args->training = (int)leit_case_int(c, "training", 1);
    args->relu = (int)leit_case_int(c, "relu", 0);
    args->pool_height = (int)leit_case_int(c, "pool_height", 1);
    args->pool_width = (int)leit_case_int(c, "pool_width", 1);
    args->epsilon = (float)leit_case_float(c, "epsilon", 1e-5);
    args->momentum = (float)leit_case_float(c, "momentum", 0.1);
    const int64_t samples = leit_case_count(c, "n_samples", &args->n_samples, N);
    const int64_t outputs = (H / args->pool_height) * (W / args->pool_width) * C;
    const int64_t valid = samples * H * W * C;

    double *x = leit_case_input(c, "x", &args->x, N * H * W * C, valid);
    const double offset = leit_case_float(c, "offset", 0.0);
    for (int64_t i = 0; i < valid; i++) x[i] += offset;
    if (leit_case_int(c, "residual", 0))
        leit_case_input(c, "residual", &args->residual, N * H * W * C, valid);
    describe_moments(c, args);
    describe_own_moments(c, args, x, samples);
    double *w = leit_case_input(c, "w", &args->w, C, C);
    const double gain = leit_case_float(c, "gain", 1.0);
    for (int64_t k = 0; k < C; k++) w[k] *= gain;
    leit_case_input(c, "b", &args->b, C, C);
    leit_case_inout(c, "running_mean", &args->running_mean, C);
    double *running_var = leit_case_inout(c, "running_var", &args->running_var, C);
    for (int64_t k = 0; k < C; k++) running_var[k] = 0.5 + running_var[k] * running_var[k];
    leit_case_output(c, "mean", &args->mean, C);
    leit_case_output(c, "rstd", &args->rstd, C);
    leit_case_output(c, "y", &args->y, N * outputs);
    if (args->pool_height * args->pool_width > 1)
        leit_case_output_u8(c, "argmax", &args->argmax, N * outputs);
    leit_case_gradient_in(c, "dy", &args->dy, "y", samples * outputs);
    leit_case_gradient(c, "dx", &args->dx, "x");
    if (leit_case_f64(c, "residual") != NULL)
        leit_case_gradient(c, "dresidual", &args->dresidual, "residual");
    if (args->n_parts > 0) leit_case_gradient(c, "dmoments", &args->dmoments, "moments");
    leit_case_gradient_sum(c, "dw", &args->dw, "w");
    leit_case_gradient_sum(c, "db", &args->db, "b");
    const double elements = (double)valid, bytes = elements * sizeof(float);
    const double pooled = (double)(samples * outputs) * sizeof(float);
    const double passes = leit_case_f64(c, "moments") != NULL ? 1.0 : 2.0; /* over x, forward */
    leit_case_work(c, 8.0 * elements, passes * bytes + pooled, 10.0 * elements,
                   3 * bytes + 2 * pooled);
}

LEIT_CASES(batchnorm2d)
