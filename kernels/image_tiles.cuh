/* Images (N, H, W) cut into tiles of pixels, and the patch of each: its pixels and those around it
 * that the taps of a convolution read. A kernel that has a patch in shared memory reads a pixel from
 * memory once where a gather for each tap would read it nine times.
 *
 * A tile is images x height x width pixels, the last two powers of two, so that the place of a pixel
 * comes from shifts. Pixel m of a tile lies at leit_patch_place(m) of the patch, tap (i, j) of it
 * i * patch_width + j behind. */
#ifndef LEIT_KERNELS_IMAGE_TILES_CUH
#define LEIT_KERNELS_IMAGE_TILES_CUH

#include "kernels/quad_copies.cuh"

struct leit_image_tiles {
    int64_t N;
    int H, W;
    int tap_rows, tap_columns; /* 1 or 3 of each */
    int images, height, width, log_height, log_width;
    int down, across;                          /* tiles of one image */
    int64_t count;                             /* of tiles */
    int patch_height, patch_width, patch_size; /* the last one of all images of a tile */
};

static inline struct leit_image_tiles leit_tiles_of_shape(const struct leit_image_tiles &of,
                                                          int log_height, int log_width, int images)
{
    struct leit_image_tiles tiles = of;
    tiles.log_height = log_height;
    tiles.log_width = log_width;
    tiles.height = 1 << log_height;
    tiles.width = 1 << log_width;
    tiles.images = images;
    tiles.down = (int)leit_pieces(of.H, tiles.height);
    tiles.across = (int)leit_pieces(of.W, tiles.width);
    tiles.count = leit_pieces(of.N, images) * tiles.down * tiles.across;
    tiles.patch_height = tiles.height + of.tap_rows - 1;
    tiles.patch_width = tiles.width + of.tap_columns - 1;
    tiles.patch_size = images * tiles.patch_height * tiles.patch_width;
    return tiles;
}

/* The cheapest shape of at most 1 << log_pixels pixels whose patch has no more than `largest_patch`
 * places. A tile costs twice its pixels, for arithmetic, and its patch, for copies. Rows have eight
 * or sixteen pixels where the image is that wide: eight side by side meet different banks. In an image
 * one pixel high or wide only the middle taps meet a pixel, and the others are left out. */
static inline struct leit_image_tiles leit_image_tiles_of(int64_t N, int64_t H, int64_t W,
                                                          int kernel_size, int log_pixels,
                                                          int largest_patch)
{
    enum { LOG_NARROW = 3, LOG_WIDEST = 4 };
    struct leit_image_tiles best = {};
    best.N = N;
    best.H = (int)H;
    best.W = (int)W;
    best.tap_rows = H == 1 ? 1 : kernel_size;
    best.tap_columns = W == 1 ? 1 : kernel_size;
    int64_t least = 0;
    int log_least = 0;
    while (log_least < LOG_NARROW && 1 << log_least < W) log_least++;
    for (int log_width = log_least; log_width <= LOG_WIDEST; log_width++)
        for (int log_height = 0; log_width + log_height <= log_pixels; log_height++) {
            const int patch =
                ((1 << log_height) + best.tap_rows - 1) * ((1 << log_width) + best.tap_columns - 1);
            int images = 1 << (log_pixels - log_width - log_height);
            if (images > largest_patch / patch) images = largest_patch / patch;
            if (images == 0) continue;
            const struct leit_image_tiles tiles =
                leit_tiles_of_shape(best, log_height, log_width, images);
            const int64_t cost = tiles.count * ((2 << log_pixels) + tiles.patch_size);
            if (best.images == 0 || cost < least) {
                best = tiles;
                least = cost;
            }
        }
    return best;
}

/* A place in an image; in a tile or a patch, with the first image, row and column of that. */
struct leit_place {
    int n, h, w;
};

LEIT_DEVICE_FUNCTION struct leit_place leit_tile_origin(const struct leit_image_tiles &tiles,
                                                        int64_t tile)
{
    const struct leit_place origin = {
        (int)(tile / tiles.across / tiles.down) * tiles.images,
        (int)(tile / tiles.across % tiles.down) * tiles.height,
        (int)(tile % tiles.across) * tiles.width,
    };
    return origin;
}

/* The tiles that hold one of the first n_samples images; they come first. */
LEIT_DEVICE_FUNCTION int64_t leit_tiles_of_samples(const struct leit_image_tiles &tiles,
                                                   int64_t n_samples)
{
    return (n_samples + tiles.images - 1) / tiles.images * tiles.down * tiles.across;
}

/* The number of a pixel among all of them, -1 outside of the images. */
LEIT_DEVICE_FUNCTION int leit_pixel_at(const struct leit_image_tiles &tiles, int64_t n_samples,
                                       int n, int h, int w)
{
    if (n >= n_samples || h < 0 || h >= tiles.H || w < 0 || w >= tiles.W) return -1;
    return (n * tiles.H + h) * tiles.W + w;
}

/* Of pixel m of a tile; -1 for those that a tile of fewer pixels has not. */
LEIT_DEVICE_FUNCTION int leit_tile_pixel(const struct leit_image_tiles &tiles, int64_t n_samples,
                                         const struct leit_place &origin, int m)
{
    const int n = m >> (tiles.log_width + tiles.log_height);
    const int h = m >> tiles.log_width & (tiles.height - 1), w = m & (tiles.width - 1);
    if (n >= tiles.images) return -1;
    return leit_pixel_at(tiles, n_samples, origin.n + n, origin.h + h, origin.w + w);
}

/* How many of a tile's pixels are there. */
LEIT_DEVICE_FUNCTION int leit_tile_pixels(const struct leit_image_tiles &tiles, int64_t n_samples,
                                          const struct leit_place &origin)
{
    const int64_t left = n_samples - origin.n;
    const int images = left <= 0 ? 0 : left < tiles.images ? (int)left : tiles.images;
    const int below = tiles.H - origin.h, right = tiles.W - origin.w;
    return images * (below < tiles.height ? below : tiles.height) *
           (right < tiles.width ? right : tiles.width);
}

/* Place q of a patch. Its halves are packed: it is looked up for every tile. */
LEIT_DEVICE_FUNCTION int leit_pack_place(const struct leit_image_tiles &tiles, int q)
{
    const int row = q / tiles.patch_width;
    return row / tiles.patch_height << 16 | row % tiles.patch_height << 8 | q % tiles.patch_width;
}

LEIT_DEVICE_FUNCTION int leit_patch_pixel(const struct leit_image_tiles &tiles, int64_t n_samples,
                                          const struct leit_place &origin, int packed)
{
    return leit_pixel_at(tiles, n_samples, origin.n + (packed >> 16),
                         origin.h + (packed >> 8 & 255) - tiles.tap_rows / 2,
                         origin.w + (packed & 255) - tiles.tap_columns / 2);
}

/* Where the first tap of pixel m lies in the patch; for pixels that the tile has not, anywhere. */
LEIT_DEVICE_FUNCTION int leit_patch_place(const struct leit_image_tiles &tiles, int m)
{
    const int n = m >> (tiles.log_width + tiles.log_height);
    const int h = m >> tiles.log_width & (tiles.height - 1), w = m & (tiles.width - 1);
    return ((n < tiles.images ? n : 0) * tiles.patch_height + h) * tiles.patch_width + w;
}

enum { LEIT_MOST_TAPS = 9 };

/* A loop over the taps that there are, `t` a constant when unrolled and `moved` their distance in
 * the patch. */
#define LEIT_EACH_TAP(tiles, t, moved)                                                             \
    LEIT_UNROLL                                                                                    \
    for (int t = 0, column = 0, moved = 0; t < LEIT_MOST_TAPS; t++,                                \
             column = column + 1 == (tiles).tap_columns ? 0 : column + 1,                          \
             moved += column == 0 ? (tiles).patch_width - (tiles).tap_columns + 1 : 1)             \
        if (t < (tiles).tap_rows * (tiles).tap_columns)

#endif
