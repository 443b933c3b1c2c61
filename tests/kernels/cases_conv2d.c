#include "kernels/conv2d.h"

#define LEIT_REFERENCE "reference/conv2d.h"
#include "reference/twice.h"

static const char *const params[] = {
    "N=1 H=1 W=1 C=1 K=1",
    "N=2 H=3 W=7 C=1 K=64 moments=1",
    "N=5 H=17 W=33 C=1 K=68 moments=1 offset=40",
    "N=3 H=4 W=8 C=48 K=16 n_samples=2 moments=1",
    "N=9 H=6 W=1 C=33 K=8 moments=1",
    "N=37 H=1 W=5 C=20 K=68 n_samples=33 moments=1 offset=300",
    "N=2 H=14 W=13 C=17 K=66 n_samples=1 moments=1",
    "N=3 H=19 W=18 C=16 K=12 moments=1", /* more tiles than a group has */
    "N=3 H=2 W=2 C=8 K=8 n_samples=0 moments=1",
    "N=2 H=3 W=7 C=1 K=64",             /* few channels in */
    "N=2 H=19 W=5 C=3 K=8 n_samples=1", /* more rows than a task of the thin gradient has */
    "N=3 H=5 W=4 C=8 K=5",
    "N=2 H=3 W=11 C=59 K=17",
    "N=1 H=4 W=9 C=96 K=72",              /* two slabs of channels, two slices of weights */
    "N=40 H=2 W=3 C=4 K=16 n_samples=37", /* tiles over many images */
    "N=9 H=11 W=31 C=5 K=4",              /* more than one part of the weight gradient */
    "N=2 H=2 W=140 C=8 K=8",
    "N=1 H=2 W=300 C=2 K=4",              /* a row longer than a block */
    "N=2 H=7 W=9 C=16 K=32",              /* sixteens: tiles of 2 x 2 pixels, cut at the ends */
    "N=3 H=4 W=8 C=48 K=16 n_samples=2",  /* whole tiles */
    "N=3 H=32 W=1 C=32 K=32 dx=0",        /* every tile sticks out */
    "N=2 H=62 W=61 C=16 K=16 emulated=0", /* several parts, the last one shorter */
    "N=2 H=14 W=13 C=17 K=66 n_samples=1",
    "N=1 H=5 W=7 C=208 K=16", /* few tiles of many channels in a task */
    "N=5 H=1 W=3 C=111 K=33 kernel_size=1",
    "N=70 H=1 W=1 C=16 K=32 kernel_size=1 dx=0",
    /* A smaller batch cut into more parts than the largest one, for each engine of the weights. */
    "N=20 H=16 W=39 C=16 K=16 n_samples=19 emulated=0", /* long to emulate */
    "N=257 H=16 W=16 C=5 K=4 n_samples=233 emulated=0",
    "N=257 H=16 W=16 C=1 K=2 n_samples=233 emulated=0",
    /* Of the fast CUDA kernels: more channels, more tiles of pixels to a run, than stages of their
     * pipelines; images by the dozen in a tile, tiles that stick out of the image on both sides. */
    "N=1 H=9 W=18 C=50 K=66",
    "N=2 H=17 W=33 C=8 K=12 n_samples=1",
    "N=37 H=1 W=5 C=20 K=68 n_samples=33",
    "N=9 H=6 W=1 C=33 K=8",
    "N=2 H=17 W=19 C=1 K=68",
    "N=150 H=1 W=1 C=1 K=3 n_samples=140",
    "N=2 H=9 W=7 C=1 K=6 kernel_size=1",
    "N=16 H=2 W=2 C=1 K=8 moments=1", /* a patch as large as there can be */
    "N=16 H=2 W=2 C=8 K=8 moments=1",
    "N=3 H=2 W=2 C=8 K=8 n_samples=0",
    "N=0 H=8 W=8 C=16 K=16", /* room for no sample, for each engine */
    "N=0 H=2 W=2 C=8 K=8",
    "N=0 H=8 W=8 C=1 K=2",
    NULL,
};

static void describe(leit_case *c)
{
    struct leit_conv2d *args = leit_case_args(c);
    args->N = leit_case_int(c, "N", 0);
    args->H = leit_case_int(c, "H", 0);
    args->W = leit_case_int(c, "W", 0);
    const int64_t C = args->C = leit_case_int(c, "C", 0), K = args->K = leit_case_int(c, "K", 0);
    args->kernel_size = (int)leit_case_int(c, "kernel_size", 3);
    const int64_t area = (int64_t)args->kernel_size * args->kernel_size;
    const int64_t samples = leit_case_count(c, "n_samples", &args->n_samples, args->N);
    const int64_t pixels = args->N * args->H * args->W, valid = samples * args->H * args->W;

    leit_case_input(c, "x", &args->x, pixels * C, valid * C);
    leit_case_input(c, "w", &args->w, K * area * C, K * area * C);
    double *b = leit_case_input(c, "b", &args->b, K, K);
    const double offset = leit_case_float(c, "offset", 0.0);
    for (int64_t k = 0; k < K; k++) b[k] += offset;
    leit_case_output(c, "y", &args->y, pixels * K);
    if (leit_case_int(c, "moments", 0)) {
        leit_case_output(c, "moments", &args->moments, 2 * K + 1);
        leit_case_no_differences(c); /* its gradient is asked for through y */
    }
    leit_case_gradient_in(c, "dy", &args->dy, "y", valid * K);
    if (leit_case_int(c, "dx", 1)) leit_case_gradient(c, "dx", &args->dx, "x");
    leit_case_gradient_sum(c, "dw", &args->dw, "w");
    leit_case_gradient_sum(c, "db", &args->db, "b");
    const double flops = 2.0 * (double)(valid * area * C * K);
    const double bytes = (double)(valid * (C + K)) * sizeof(float);
    leit_case_work(c, flops, bytes, 2 * flops, 2 * bytes);
}

LEIT_CASES(conv2d)
