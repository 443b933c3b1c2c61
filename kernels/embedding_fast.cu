#include "kernels/embedding.h"
#include "kernels/quads.cuh"
#include "kernels/rows.cuh"

/* Forward: a warp has a row, 16 bytes to a lane.
 *
 * Backward: two launches, both tables in each. The first sorts the rows of a table by their index, and
 * those of one index as they come: the place of a row is the number of rows before it, which each row
 * counts for itself. That takes two instructions and a sixteenth of a load from shared memory for
 * each pair of rows: a few microseconds for the 6144 tokens of a large batch, and no chain of passes,
 * which small batches would wait for. In the second the block of the place where an index begins adds the
 * rows of that index, in order and several on their way at once. So each sum has the order of the plain
 * kernel, and its bits. Rows that are not whole quads are left to the plain kernel. */

enum { SORT_THREADS = 256, SORT_WARPS = SORT_THREADS / LEIT_WARP, TILE = 1024 };
enum { SUM_THREADS = 192, BATCH = 8 };

/* A row of dy and the row of the table it belongs to. */
struct sorted_row {
    uint32_t key;
    int32_t row;
};

/* A table's gradient, and what says which rows of dy belong to which of its rows. */
struct index_table {
    const int32_t *indices;
    float *gradient;
    uint32_t bound; /* keys from here on lead nowhere, and are sorted to the end */
    struct sorted_row *sorted;
};

struct index_tables {
    struct index_table first, second;
};

static __device__ struct index_table table_of(const struct index_tables &tables, bool is_second)
{
    struct index_table table = tables.first;
    if (is_second) table = tables.second;
    return table;
}

static bool is_whole_quads(const struct leit_embedding *args)
{
    return args->D % LEIT_QUAD == 0;
}

static bool can_read_quads(const struct leit_embedding *args)
{
    return is_whole_quads(args) && leit_are_aligned(args->words, args->position_table, args->y,
                                                    args->dy, args->dwords, args->dposition_table);
}

size_t leit_embedding_workspace_fast(const struct leit_embedding *args, int n_workers)
{
    (void)n_workers;
    if (!is_whole_quads(args)) return 0;
    return (args->P > 0 ? 2 : 1) * (size_t)args->N * sizeof(struct sorted_row);
}

/* ---- forward ---- */

/* Row `index` of a table is added to y, NaN when there is none. */
static __device__ void add_table_row(struct leit_quad &y, const float *table, int64_t index,
                                     int64_t bound, int64_t D, int64_t d)
{
    const bool is_there = index >= 0 && index < bound;
    struct leit_quad x = {};
    if (is_there) x = leit_load_quad(table + index * D + d);
    LEIT_EACH_OF_QUAD (e) y.of[e] += is_there ? x.of[e] : leit_nan();
}

static __global__ void look_up_rows(struct leit_embedding args)
{
    const int64_t n = leit_warp_row(), D = args.D;
    if (n < leit_device_rows(args.n_rows, args.N)) {
        const int64_t id = args.ids[n];
        const int64_t position = args.positions != nullptr ? args.positions[n] : 0;
        for (int64_t d = leit_lane() * LEIT_QUAD; d < D; d += LEIT_WARP_QUADS) {
            struct leit_quad y = {};
            add_table_row(y, args.words, id, args.V, D, d);
            if (args.positions != nullptr)
                add_table_row(y, args.position_table, position, args.P, D, d);
            leit_store_quad(args.y + n * D + d, y);
        }
    }
}

/* ---- backward ---- */

static __device__ uint32_t key_of(const struct index_table &table, int64_t row)
{
    const uint32_t key = (uint32_t)table.indices[row]; /* a negative one is a large one */
    return key < table.bound ? key : table.bound;
}

/* How many of four keys are below `limit`. */
static __device__ int count_below(const uint4 &keys, uint32_t limit)
{
    return (keys.x < limit) + (keys.y < limit) + (keys.z < limit) + (keys.w < limit);
}

/* A lane has a row, the same in all warps of the block, each of which compares it with other rows. */
static __global__ void __launch_bounds__(SORT_THREADS)
    sort_rows(struct leit_embedding args, struct index_tables tables, unsigned blocks_of_table)
{
    LEIT_SHARED(uint32_t, keys, [TILE]);
    LEIT_SHARED(int, counts, [SORT_WARPS][LEIT_WARP]);
    const unsigned block = blockIdx.x % blocks_of_table;
    const struct index_table table = table_of(tables, blockIdx.x >= blocks_of_table);
    const int64_t rows = leit_device_rows(args.n_rows, args.N);
    const int64_t first = (int64_t)block * LEIT_WARP;
    const int64_t n = first + leit_lane(), own_quad = n - n % LEIT_QUAD;
    const int warp = (int)threadIdx.x / LEIT_WARP;
    const uint32_t key = n < rows ? key_of(table, n) : table.bound;
    int count = 0;
    for (int64_t begin = 0; first < rows && begin < rows; begin += TILE) {
        __syncthreads(); /* the previous tile has been read */
        for (int i = (int)threadIdx.x; i < TILE; i += SORT_THREADS)
            keys[i] = begin + i < rows ? key_of(table, begin + i) : UINT32_MAX;
        __syncthreads();
        for (int i = warp * LEIT_QUAD; i < TILE; i += SORT_WARPS * LEIT_QUAD) {
            /* Of rows with the same key those in front come before. */
            const uint32_t limit = key + (begin + i < own_quad ? 1 : 0);
            count += count_below(*reinterpret_cast<const uint4 *>(keys + i), limit);
        }
    }
    counts[warp][leit_lane()] = count;
    __syncthreads();
    if (warp == 0 && n < rows) {
        int64_t place = 0;
        for (int w = 0; w < SORT_WARPS; w++) place += counts[w][leit_lane()];
        for (int64_t m = own_quad; m < n; m++) place += key_of(table, m) == key;
        table.sorted[place] = {key, (int32_t)n};
    }
}

/* Adds the rows of dy with the key of place `first`, from there on, to four columns of the table. */
static __device__ void add_run(const struct leit_embedding &args, const struct index_table &table,
                               int64_t first, int64_t rows, int64_t d)
{
    const struct sorted_row begin = table.sorted[first];
    float *to = table.gradient + (int64_t)begin.key * args.D + d;
    struct leit_quad sum = leit_load_quad(to);
    int n = BATCH; /* rows of the batch that are of the run */
    for (int64_t place = first; n == BATCH; place += BATCH) {
        struct leit_quad dy[BATCH];
        n = 0;
        LEIT_UNROLL
        for (int k = 0; k < BATCH; k++) {
            struct sorted_row at = table.sorted[place + k < rows ? place + k : first];
            const bool is_of_run = place + k < rows && at.key == begin.key;
            /* Read again, and dropped, where there is none: a load that waits for no other. */
            if (!is_of_run) at = begin;
            dy[k] = leit_load_quad(args.dy + at.row * args.D + d);
            n += is_of_run;
        }
        LEIT_UNROLL
        for (int k = 0; k < BATCH; k++)
            LEIT_EACH_OF_QUAD (e) sum.of[e] = k < n ? sum.of[e] + dy[k].of[e] : sum.of[e];
    }
    leit_store_quad(to, sum);
}

static __global__ void __launch_bounds__(SUM_THREADS)
    add_sorted_rows(struct leit_embedding args, struct index_tables tables)
{
    const bool is_second = blockIdx.x >= args.N;
    const struct index_table table = table_of(tables, is_second);
    const int64_t first = blockIdx.x - (is_second ? args.N : 0);
    const int64_t rows = leit_device_rows(args.n_rows, args.N);
    if (first < rows) {
        const uint32_t key = table.sorted[first].key;
        const bool begins = first == 0 || table.sorted[first - 1].key != key;
        if (begins && key < table.bound)
            for (int64_t d = threadIdx.x * LEIT_QUAD; d < args.D; d += SUM_THREADS * LEIT_QUAD)
                add_run(args, table, first, rows, d);
    }
}

leit_status leit_embedding_forward_fast(const leit_exec *exec, const struct leit_embedding *args)
{
    LEIT_TRY(leit_embedding_check(args));
    if (!can_read_quads(args)) return leit_embedding_forward_cuda(exec, args);
    if (args->N == 0) return LEIT_OK;
    LEIT_LAUNCH(look_up_rows, leit_row_blocks(args->N), LEIT_ROW_THREADS, 0, exec->stream, *args);
    return leit_launch_status("embedding forward");
}

/* Indices are int32: no key is 2^31. */
static uint32_t bound_of(int64_t n_rows_of_table)
{
    const int64_t most = (int64_t)1 << 31;
    return (uint32_t)(n_rows_of_table < most ? n_rows_of_table : most);
}

leit_status leit_embedding_backward_fast(const leit_exec *exec, const struct leit_embedding *args)
{
    LEIT_TRY(leit_embedding_check(args));
    if (!can_read_quads(args)) return leit_embedding_backward_cuda(exec, args);
    LEIT_TRY(leit_check_workspace("embedding", exec, leit_embedding_workspace_fast(args, 1)));
    struct sorted_row *sorted = static_cast<struct sorted_row *>(exec->workspace);
    const struct index_table words = {args->ids, args->dwords, bound_of(args->V), sorted};
    const struct index_table positions = {args->positions, args->dposition_table, bound_of(args->P),
                                          sorted + args->N};
    const unsigned n_tables = (args->dwords != nullptr) + (args->dposition_table != nullptr);
    if (args->N == 0 || n_tables == 0) return LEIT_OK;
    const struct index_tables tables = {args->dwords != nullptr ? words : positions, positions};
    const unsigned blocks = (unsigned)leit_pieces(args->N, LEIT_WARP);
    LEIT_LAUNCH(sort_rows, n_tables * blocks, SORT_THREADS, 0, exec->stream, *args, tables, blocks);
    LEIT_LAUNCH(add_sorted_rows, n_tables * (unsigned)args->N, SUM_THREADS, 0, exec->stream, *args,
                tables);
    return leit_launch_status("embedding backward");
}
