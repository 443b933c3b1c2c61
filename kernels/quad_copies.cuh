/* Copies of four floats into shared memory, for tiles of any matrix. */
#ifndef LEIT_KERNELS_QUAD_COPIES_CUH
#define LEIT_KERNELS_QUAD_COPIES_CUH

#include "kernels/leit_mma.cuh"
#include "kernels/quads.cuh"

/* Begins the copy of four floats of which the first n_there exist; zeros for the others, for which
 * `elsewhere` can be read instead. Of rows whose length is no multiple of four one float at a time. */
LEIT_DEVICE_FUNCTION void leit_copy_quad(float *to, const float *from, const float *elsewhere,
                                         bool is_aligned, int n_there)
{
    if (is_aligned) {
        leit_copy_async<16>(to, n_there > 0 ? from : elsewhere, n_there > 0);
    } else {
        for (int e = 0; e < LEIT_QUAD; e++)
            leit_copy_async<4>(to + e, e < n_there ? from + e : elsewhere, e < n_there);
    }
}

#endif
