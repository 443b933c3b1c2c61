#include "kernels/gemm_fast.cuh"
#include "kernels/linear.cuh"

/* Three products of gemm_fast.cuh, C = A B^T summed over K, in two launches:
 *
 *   forward   y  (N, K)  = x (N, D) times w (K, D): bias and activation with the tile in registers
 *   backward  dx (N, D)  = dpre (N, K) times columns of w
 *             dw (K, D) += columns of dpre times columns of x, over the rows that hold data; the blocks
 *                          of its first column of tiles sum db (K) from the dpre that they read
 *
 * Before the backward's, dpre = dy activation'(pre) takes a launch where there is an activation.
 *
 * Tiles of 128 x 128 where they are enough to fill a GPU: a byte that comes into shared memory then
 * serves 32 products, twice as many as in a tile of 64 x 64. Fewer tiles, such as those of one layer's
 * (768, 768) on 1,024 tokens, are small ones; where even these are few (a head, the last layer's one
 * row per sentence, MiniLM's weights), K is cut into splits, each with its own place in the workspace,
 * and the block that ends last of a tile adds them in order. All of that follows from the shapes the
 * host knows: the same bits on every GPU. */

enum { ENOUGH_TILES = 128, MAX_SPLITS = 16, LEAST_DEPTH = 4 * LEIT_FAST_DEPTH };

/* Where a matrix lies, and whether it can be copied by quads. */
struct linear_side {
    const float *data;
    int64_t step;
    bool are_quads;
};

/* A product, and what becomes of it. The number of rows in memory is that of M, or of K. */
struct linear_product {
    int64_t M, N, K;
    const int32_t *n_rows;
    bool counts_depth;
    linear_side a, b;
    const float *bias; /* (N) */
    enum leit_activation activation;
    float *pre, *c;  /* (M, N) */
    float *row_sums; /* (M), to which the rows of a are added; NULL: not wanted */
    bool is_added;   /* to what c holds */
    int64_t tiles, splits;
    float *partial;    /* (splits, M, N) and (splits, M) when there is more than one */
    unsigned *tickets; /* (tiles) */
};

static linear_side rows_of(const float *data, int64_t width)
{
    return {data, width, leit_fast_are_quads(data, width, width)};
}

/* ---- on the device ---- */

static __device__ int64_t rows_that_count(const linear_product &p)
{
    return leit_device_rows(p.n_rows, p.counts_depth ? p.K : p.M);
}

/* The last lines of a product, for one element. */
static __device__ void finish(const linear_product &p, int64_t row, int64_t column, float sum)
{
    const int64_t at = row * p.N + column;
    if (p.is_added) {
        p.c[at] += sum;
    } else {
        if (p.bias != nullptr) sum += p.bias[column];
        if (p.activation != LEIT_ACTIVATION_NONE) p.pre[at] = sum;
        p.c[at] = leit_activation_value(p.activation, sum);
    }
}

/* Where splits leave the sums of a's rows. */
static __device__ float *partial_sums(const linear_product &p)
{
    return p.partial + p.splits * p.M * p.N;
}

/* What a split has of K: whole stages. */
static __device__ int64_t depth_of_split(int64_t K, unsigned splits)
{
    const unsigned stages = (unsigned)((K + LEIT_FAST_DEPTH - 1) / LEIT_FAST_DEPTH);
    return (int64_t)((stages + splits - 1) / splits) * LEIT_FAST_DEPTH;
}

/* Element e of those that a thread has of a tile at (row, column). */
#define LEIT_EACH_OF_TILE(Tile, e)                                                                 \
    for (int e = (int)threadIdx.x; e < Tile::ROWS * Tile::COLUMNS; e += LEIT_FAST_THREADS)

/* What the splits of a tile have left, added in order. */
template <class Tile>
static __device__ void add_splits(const linear_product &p, int64_t row, int64_t column, int64_t M,
                                  bool sums_rows)
{
    LEIT_EACH_OF_TILE(Tile, e)
    {
        const int64_t i = row + e / Tile::COLUMNS, j = column + e % Tile::COLUMNS;
        if (i >= M || j >= p.N) continue;
        float sum = 0.0f;
        for (int64_t split = 0; split < p.splits; split++)
            sum += p.partial[(split * p.M + i) * p.N + j];
        finish(p, i, j, sum);
    }
    const int64_t i = row + threadIdx.x;
    if (sums_rows && threadIdx.x < Tile::ROWS && i < M) {
        float sum = 0.0f;
        for (int64_t split = 0; split < p.splits; split++) sum += partial_sums(p)[split * p.M + i];
        p.row_sums[i] += sum;
    }
}

/* Block `block` of a product. They go through the tiles of a split row by row: those that run together
 * share rows of a. */
template <class Tile, enum leit_precision precision, bool a_along_k, bool b_along_k>
static __device__ void multiply(const linear_product &p, unsigned block, float *stages)
{
    const unsigned across = p.N == 0 ? 1 : (unsigned)((p.N + Tile::COLUMNS - 1) / Tile::COLUMNS);
    const unsigned splits = (unsigned)p.splits, tile = block / splits;
    const int64_t split = block % splits;
    const int64_t row = (int64_t)(tile / across) * Tile::ROWS;
    const int64_t column = (int64_t)(tile % across) * Tile::COLUMNS;
    const int64_t rows = rows_that_count(p);
    const int64_t M = p.counts_depth ? p.M : rows, K = p.counts_depth ? rows : p.K;
    if (row >= M) return; /* the same for all splits of a tile */
    const int64_t depth = depth_of_split(K, splits), first_k = split * depth;
    const int64_t end_k = first_k + depth < K ? first_k + depth : K;
    const leit_fast_rows<a_along_k> a = {p.a.data, M, p.a.step, p.a.are_quads, row};
    const leit_fast_rows<b_along_k> b = {p.b.data, p.N, p.b.step, p.b.are_quads, column};
    leit_fast_row_sums<Tile, a_along_k> row_sum = {p.row_sums != nullptr && column == 0, 0.0f};
    typename Tile::sum sum = {};
    leit_fast_product<Tile, precision>(sum, stages, a, b, first_k, end_k, row_sum);
    leit_fast_lay_down<Tile>(stages, sum);
    LEIT_EACH_OF_TILE(Tile, e)
    {
        const int64_t i = row + e / Tile::COLUMNS, j = column + e % Tile::COLUMNS;
        const float value = stages[e / Tile::COLUMNS * Tile::PITCH + e % Tile::COLUMNS];
        if (i >= M || j >= p.N) continue;
        if (splits == 1)
            finish(p, i, j, value);
        else
            p.partial[(split * p.M + i) * p.N + j] = value;
    }
    const int64_t i = row + threadIdx.x;
    if (row_sum.is_wanted && threadIdx.x < Tile::ROWS && i < M) {
        if (splits == 1)
            p.row_sums[i] += row_sum.sum;
        else
            partial_sums(p)[split * p.M + i] = row_sum.sum;
    }
    if (splits > 1 && leit_is_last_block(p.tickets + tile, splits))
        add_splits<Tile>(p, row, column, M, row_sum.is_wanted);
}

template <class Tile, enum leit_precision precision>
static __global__ void __launch_bounds__(LEIT_FAST_THREADS, Tile::BLOCKS)
    forward_product(struct linear_product y)
{
    LEIT_DYNAMIC_SHARED(float, stages);
    multiply<Tile, precision, true, true>(y, blockIdx.x, stages);
}

/* dx and dw need nothing of each other: the blocks of both, one after the other. */
template <class Tile, enum leit_precision precision>
static __global__ void __launch_bounds__(LEIT_FAST_THREADS, Tile::BLOCKS)
    backward_products(struct linear_product dx, struct linear_product dw)
{
    LEIT_DYNAMIC_SHARED(float, stages);
    const unsigned blocks_of_dx = (unsigned)(dx.tiles * dx.splits);
    if (blockIdx.x < blocks_of_dx)
        multiply<Tile, precision, true, false>(dx, blockIdx.x, stages);
    else
        multiply<Tile, precision, false, false>(dw, blockIdx.x - blocks_of_dx, stages);
}

/* ---- on the host ---- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A product without columns still has the sums of its rows. */
template <class Tile>
static int64_t tiles_of(const linear_product &p)
{
    const int64_t across = p.N == 0 ? 1 : leit_pieces(p.N, Tile::COLUMNS);
    return leit_pieces(p.M, Tile::ROWS) * across;
}

/* As many as make enough blocks of so many tiles, but none shorter than LEAST_DEPTH. */
static int64_t splits_of(int64_t tiles, int64_t K)
{
    if (tiles >= ENOUGH_TILES || K < 2 * LEAST_DEPTH) return 1;
    return least(least(leit_pieces(ENOUGH_TILES, tiles), K / LEAST_DEPTH), MAX_SPLITS);
}

/* How the products of one launch are cut: true for large tiles. Their partial results come one after
 * the other. A product of no rows is one that is not wanted. */
static bool cut(linear_product *p, int n, float *partial, unsigned *tickets)
{
    int64_t large = 0, small = 0;
    for (int i = 0; i < n; i++) {
        large += tiles_of<leit_large_tile>(p[i]);
        small += tiles_of<leit_small_tile>(p[i]);
    }
    const bool are_large = large >= ENOUGH_TILES;
    for (int i = 0; i < n; i++) {
        p[i].tiles = are_large ? tiles_of<leit_large_tile>(p[i]) : tiles_of<leit_small_tile>(p[i]);
        p[i].splits = p[i].tiles == 0 ? 1 : splits_of(small, p[i].K);
        p[i].partial = partial;
        p[i].tickets = tickets;
        if (p[i].splits == 1) continue;
        partial += p[i].splits * p[i].M * (p[i].N + 1);
        tickets += p[i].tiles;
    }
    return are_large;
}

/* What the splits of products that were cut need. */
static int64_t partial_floats(const linear_product *p, int n)
{
    int64_t floats = 0;
    for (int i = 0; i < n; i++)
        if (p[i].splits > 1) floats += p[i].splits * p[i].M * (p[i].N + 1);
    return floats;
}

static linear_product forward_of(const struct leit_linear *args)
{
    linear_product y = {};
    y.M = args->N;
    y.N = args->K;
    y.K = args->D;
    y.n_rows = args->n_rows;
    y.a = rows_of(args->x, args->D);
    y.b = rows_of(args->w, args->D);
    y.bias = args->b;
    y.activation = args->activation;
    y.pre = args->pre;
    y.c = args->y;
    return y;
}

/* dx and dw. */
static void backward_of(const struct leit_linear *args, const float *dpre, linear_product *both)
{
    linear_product dx = {}, dw = {};
    dx.n_rows = dw.n_rows = args->n_rows;
    dx.a = dw.a = rows_of(dpre, args->K);
    dx.M = args->dx == nullptr ? 0 : args->N;
    dx.N = args->D;
    dx.K = args->K;
    dx.b = rows_of(args->w, args->D);
    dx.c = args->dx;
    dx.is_added = args->adds_dx;
    dw.M = args->dw == nullptr && args->db == nullptr ? 0 : args->K;
    dw.N = args->dw == nullptr ? 0 : args->D;
    dw.K = args->N;
    dw.b = rows_of(args->x, args->D);
    dw.c = args->dw;
    dw.row_sums = args->db;
    dw.counts_depth = dw.is_added = true;
    both[0] = dx;
    both[1] = dw;
}

static int64_t dpre_floats(const struct leit_linear *args)
{
    return args->activation == LEIT_ACTIVATION_NONE ? 0 : args->N * args->K;
}

/* Partial results of the backward, whichever gradients are wanted: a plan asks before it has pointers. */
static int64_t most_partial_floats(const struct leit_linear *args)
{
    float wanted = 0.0f;
    int64_t most = 0;
    for (int which = 1; which < 8; which++) {
        struct leit_linear some = *args;
        linear_product both[2];
        some.dx = (which & 1) != 0 ? &wanted : nullptr;
        some.dw = (which & 2) != 0 ? &wanted : nullptr;
        some.db = (which & 4) != 0 ? &wanted : nullptr;
        backward_of(&some, nullptr, both);
        cut(both, 2, nullptr, nullptr);
        const int64_t floats = partial_floats(both, 2);
        if (floats > most) most = floats;
    }
    return most;
}

size_t leit_linear_workspace_fast(const struct leit_linear *args, int n_workers)
{
    (void)n_workers;
    linear_product y = forward_of(args);
    cut(&y, 1, nullptr, nullptr);
    const int64_t forward = partial_floats(&y, 1);
    const int64_t backward = dpre_floats(args) + most_partial_floats(args);
    return (size_t)(forward > backward ? forward : backward) * sizeof(float);
}

template <class Tile, enum leit_precision precision>
static void launch_forward(const leit_exec *exec, const linear_product &y)
{
    const size_t shared = sizeof(float) * Tile::SHARED_FLOATS;
    LEIT_ALLOW_SHARED((forward_product<Tile, precision>));
    LEIT_LAUNCH((forward_product<Tile, precision>), (unsigned)(y.tiles * y.splits),
                LEIT_FAST_THREADS, shared, exec->stream, y);
}

template <class Tile, enum leit_precision precision>
static void launch_backward(const leit_exec *exec, const linear_product *both)
{
    const size_t shared = sizeof(float) * Tile::SHARED_FLOATS;
    const int64_t blocks = both[0].tiles * both[0].splits + both[1].tiles * both[1].splits;
    LEIT_ALLOW_SHARED((backward_products<Tile, precision>));
    if (blocks > 0)
        LEIT_LAUNCH((backward_products<Tile, precision>), (unsigned)blocks, LEIT_FAST_THREADS,
                    shared, exec->stream, both[0], both[1]);
}

/* Calls launch<Tile, precision>(...) as the table and the cut have it. */
#define IN_PRECISION(launch, Tile, exec, products)                                                 \
    do {                                                                                           \
        if ((exec)->precision == LEIT_PRECISION_BF16)                                              \
            launch<Tile, LEIT_PRECISION_BF16>(exec, products);                                     \
        else if ((exec)->precision == LEIT_PRECISION_TF32)                                         \
            launch<Tile, LEIT_PRECISION_TF32>(exec, products);                                     \
        else                                                                                       \
            launch<Tile, LEIT_PRECISION_FP32>(exec, products);                                     \
    } while (0)

leit_status leit_linear_forward_fast(const leit_exec *exec, const struct leit_linear *args)
{
    LEIT_TRY(leit_linear_check(args));
    LEIT_TRY(leit_check_workspace("linear", exec, leit_linear_workspace_fast(args, 1)));
    if (args->N == 0) return LEIT_OK;
    linear_product y = forward_of(args);
    if (cut(&y, 1, static_cast<float *>(exec->workspace), exec->tickets))
        IN_PRECISION(launch_forward, leit_large_tile, exec, y);
    else
        IN_PRECISION(launch_forward, leit_small_tile, exec, y);
    return leit_launch_status("linear forward");
}

leit_status leit_linear_backward_fast(const leit_exec *exec, const struct leit_linear *args)
{
    LEIT_TRY(leit_linear_check(args));
    LEIT_TRY(leit_check_workspace("linear", exec, leit_linear_workspace_fast(args, 1)));
    if (args->N == 0) return LEIT_OK;
    struct leit_linear without_db = *args; /* the products sum it */
    without_db.db = nullptr;
    linear_product both[2];
    backward_of(args, leit_linear_differentiate(exec, &without_db), both);
    float *partial = static_cast<float *>(exec->workspace) + dpre_floats(args);
    if (cut(both, 2, partial, exec->tickets))
        IN_PRECISION(launch_backward, leit_large_tile, exec, both);
    else
        IN_PRECISION(launch_backward, leit_small_tile, exec, both);
    return leit_launch_status("linear backward");
}
