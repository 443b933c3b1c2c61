/* How blocks of squares become the norm, for both kernels. */
#ifndef LEIT_KERNELS_GRAD_NORM_CUH
#define LEIT_KERNELS_GRAD_NORM_CUH

#include "kernels/grad_norm.h"
#include "kernels/leit_cuda.h"

enum { LEIT_GRAD_NORM_THREADS = 256 };

/* One block of threads adds the sums of all blocks in a fixed order, and writes the norm. */
LEIT_DEVICE_FUNCTION void leit_grad_norm_write(const struct leit_grad_norm &args,
                                               const float *squares)
{
    LEIT_SHARED(double, totals, [LEIT_GRAD_NORM_THREADS]);
    double total = 0.0;
    for (int64_t block = threadIdx.x; block < args.n_blocks; block += LEIT_GRAD_NORM_THREADS)
        total += (double)squares[block];
    totals[threadIdx.x] = total;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int thread = 1; thread < LEIT_GRAD_NORM_THREADS; thread++) total += totals[thread];
        const float norm = (float)leit_sqrt_double(total);
        *args.norm = norm;
        if (args.n_bad != nullptr && !isfinite(norm)) ++*args.n_bad;
        leit_next_step(&args);
    }
}

#endif
