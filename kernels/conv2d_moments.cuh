/* The moments of y while it is made (conv2d.h): each tile of 128 pixels x 64 channels tells its own, the last
 * block of a group of tiles joins those, and the last of all groups writes the row. Joining is Chan,
 * Golub and LeVeque's (1979), in the order of the tiles; as in the launch for all of y that it saves, no
 * large squares are ever subtracted. */
#ifndef LEIT_KERNELS_CONV2D_MOMENTS_CUH
#define LEIT_KERNELS_CONV2D_MOMENTS_CUH

#include "kernels/conv2d.cuh"

/* A record is the means of a tile's channels, their squared deviations, and the count of pixels. */
enum { LEIT_RECORD_COLUMNS = 64, LEIT_RECORD_FLOATS = 2 * LEIT_RECORD_COLUMNS + 1 };

struct leit_tile_moments {
    float *row, *records; /* (2 K + 1); (tiles + groups, column_tiles, LEIT_RECORD_FLOATS) */
    const float *bias;    /* (K), which the records leave out */
    unsigned *tickets;
    int64_t tiles;
    int group, groups, column_tiles, K; /* tiles of a group, and how many */
};

/* About as many groups as tiles in one, so that neither of the two last blocks has much to join. */
static inline struct leit_tile_moments leit_tile_moments_of(const struct leit_conv2d *args,
                                                            int64_t tiles)
{
    struct leit_tile_moments moments = {args->moments, nullptr, args->b, nullptr, tiles, 1, 0, 0,
                                        (int)args->K};
    while ((int64_t)moments.group * moments.group < tiles) moments.group++;
    moments.groups = (int)leit_pieces(tiles, moments.group);
    moments.column_tiles = (int)leit_pieces(args->K, LEIT_RECORD_COLUMNS);
    return moments;
}

/* Whether there is a ticket for each group of each column of tiles, and for the groups. */
static inline bool leit_tile_moments_fit(const struct leit_tile_moments &moments)
{
    return (int64_t)(moments.groups + 1) * moments.column_tiles <= LEIT_TICKETS;
}

static inline size_t leit_tile_moments_floats(const struct leit_tile_moments &moments)
{
    return (size_t)((moments.tiles + moments.groups) * moments.column_tiles * LEIT_RECORD_FLOATS);
}

/* Of one channel over n pixels. */
struct leit_channel_moments {
    float n, mean, squares;
};

LEIT_DEVICE_FUNCTION float *leit_tile_record(const struct leit_tile_moments &moments,
                                             int64_t number, int column_tile)
{
    return moments.records + (number * moments.column_tiles + column_tile) * LEIT_RECORD_FLOATS;
}

LEIT_DEVICE_FUNCTION void leit_write_record(float *record, const struct leit_channel_moments &of)
{
    const int column = (int)threadIdx.x;
    if (column < LEIT_RECORD_COLUMNS) {
        record[column] = of.mean;
        record[LEIT_RECORD_COLUMNS + column] = of.squares;
        if (column == 0) record[2 * LEIT_RECORD_COLUMNS] = of.n;
    }
}

/* Of the thread's column in records first .. end - 1. */
LEIT_DEVICE_FUNCTION struct leit_channel_moments
leit_join_records(const struct leit_tile_moments &moments, int64_t first, int64_t end,
                  int column_tile)
{
    const int column = (int)threadIdx.x;
    struct leit_channel_moments all = {0.0f, 0.0f, 0.0f};
    for (int64_t i = first; column < LEIT_RECORD_COLUMNS && i < end; i++) {
        const float *record = leit_tile_record(moments, i, column_tile);
        const float more = record[2 * LEIT_RECORD_COLUMNS], n = all.n + more;
        const float share = n > 0.0f ? more / n : 0.0f, off = record[column] - all.mean;
        all.mean += off * share;
        all.squares += record[LEIT_RECORD_COLUMNS + column] + off * off * all.n * share;
        all.n = n;
    }
    return all;
}

/* The last a block does: its tile's moments, of column t by thread t < LEIT_RECORD_COLUMNS, in a
 * batch of n_samples. */
LEIT_DEVICE_FUNCTION void leit_hand_in_moments(const struct leit_tile_moments &moments,
                                               int64_t tile, int column_tile, int64_t n_samples,
                                               const struct leit_channel_moments &own)
{
    const int group = (int)(tile / moments.group), columns = moments.column_tiles;
    const int64_t first = (int64_t)group * moments.group;
    const int64_t end =
        first + moments.group < moments.tiles ? first + moments.group : moments.tiles;
    leit_write_record(leit_tile_record(moments, tile, column_tile), own);
    if (!leit_is_last_block(moments.tickets + group * columns + column_tile,
                            (unsigned)(end - first)))
        return;
    leit_write_record(leit_tile_record(moments, moments.tiles + group, column_tile),
                      leit_join_records(moments, first, end, column_tile));
    if (!leit_is_last_block(moments.tickets + moments.groups * columns + column_tile,
                            (unsigned)moments.groups))
        return;
    const struct leit_channel_moments all =
        leit_join_records(moments, moments.tiles, moments.tiles + moments.groups, column_tile);
    const int k = column_tile * LEIT_RECORD_COLUMNS + (int)threadIdx.x;
    if (threadIdx.x < LEIT_RECORD_COLUMNS && k < moments.K) {
        moments.row[k] = all.n > 0.0f ? all.mean + moments.bias[k] : 0.0f;
        moments.row[moments.K + k] = all.squares;
        if (k == 0) moments.row[2 * moments.K] = (float)n_samples;
    }
}

#endif
