/* The parts of conv2d_fast.cu: each one pass of the op, in a file of its own. */
#ifndef LEIT_KERNELS_CONV2D_FAST_CUH
#define LEIT_KERNELS_CONV2D_FAST_CUH

#include "kernels/conv2d_moments.cuh"
#include "kernels/image_tiles.cuh"

/* Whether rows of `width` floats can be copied four at a time. */
static inline bool leit_has_quads(const float *data, int64_t width)
{
    return (uintptr_t)data % 16 == 0 && width % 4 == 0;
}

/* Stages of shared memory, all but one of them on their way while one is multiplied. Where three are
 * more than a block can have (compute capability 8.6, 8.9, 12), two. */
enum { LEIT_CONV2D_STAGES = 3, LEIT_CONV2D_FEWEST_STAGES = 2 };

/* Waits until the first of the stages is there for this thread. */
LEIT_DEVICE_FUNCTION void leit_conv2d_await_stage(int stages)
{
    if (stages == LEIT_CONV2D_STAGES)
        leit_await_copies<LEIT_CONV2D_STAGES - 2>();
    else
        leit_await_copies<LEIT_CONV2D_FEWEST_STAGES - 2>();
}

/* The place among the kernel_size^2 taps of the op of tap t of those that meet a pixel. */
LEIT_DEVICE_FUNCTION int leit_place_of_tap(const struct leit_image_tiles &tiles, int kernel_size,
                                           int t)
{
    const int i = t / tiles.tap_columns + (kernel_size - tiles.tap_rows) / 2;
    const int j = t % tiles.tap_columns + (kernel_size - tiles.tap_columns) / 2;
    return i * kernel_size + j;
}

/* How the sum over all pixels is cut among blocks: runs of tiles, fixed by the capacity, so that a
 * smaller batch is summed in the same order. Run r leaves (K, taps, C) sums for dw at
 * dw[r * K * taps * C] and K for db at db[r * K]. */
struct leit_conv2d_runs {
    struct leit_image_tiles tiles;
    int64_t run, count; /* tiles of one, and how many */
    float *dw, *db;
};

static inline struct leit_conv2d_runs leit_conv2d_runs_of(const struct leit_image_tiles &tiles,
                                                          int64_t blocks_per_run, int64_t n_blocks,
                                                          int64_t least_tiles)
{
    const int64_t most = blocks_per_run < n_blocks ? n_blocks / blocks_per_run : 1;
    struct leit_conv2d_runs runs = {tiles, leit_pieces(tiles.count, most), 0, nullptr, nullptr};
    if (runs.run < least_tiles) runs.run = least_tiles;
    runs.count = leit_pieces(tiles.count, runs.run);
    return runs;
}

static inline int64_t leit_taps(const struct leit_image_tiles &tiles)
{
    return tiles.tap_rows * tiles.tap_columns;
}

static inline size_t leit_conv2d_run_floats(const struct leit_conv2d_runs &runs,
                                            const struct leit_conv2d *args)
{
    return (size_t)(runs.count * args->K * (leit_taps(runs.tiles) * args->C + 1));
}

/* dw and db from the sums of the runs, added in order. */
void leit_conv2d_add_runs(const leit_exec *exec, const struct leit_conv2d *args,
                          const struct leit_conv2d_runs &runs);

/* conv2d_fast_weights.cu: dw and db on tensor cores. */
size_t leit_conv2d_weights_floats(const struct leit_conv2d *args);
void leit_conv2d_weights(const leit_exec *exec, const struct leit_conv2d *args, float *workspace);

/* As leit_tile_moments_of the tiles of a pass that makes y, with their records in the workspace; row is NULL where
 * no moments are wanted, or in a pass of their own. */
static inline struct leit_tile_moments leit_conv2d_epilogue(const leit_exec *exec,
                                                            const struct leit_conv2d *args,
                                                            int64_t tiles, float *records)
{
    struct leit_tile_moments moments = leit_tile_moments_of(args, tiles);
    moments.records = records;
    moments.tickets = exec->tickets;
    if (!leit_tile_moments_fit(moments)) moments.row = nullptr;
    return moments;
}

/* conv2d_fast_thin.cu: one channel in. Memory, not arithmetic, sets the time: fp32 whatever the
 * precision. */
size_t leit_conv2d_thin_floats(const struct leit_conv2d *args);
void leit_conv2d_thin_forward(const leit_exec *exec, const struct leit_conv2d *args,
                              const struct leit_tile_moments &moments);
void leit_conv2d_thin_images(const leit_exec *exec, const struct leit_conv2d *args);
void leit_conv2d_thin_weights(const leit_exec *exec, const struct leit_conv2d *args,
                              float *workspace);

#endif
