#include "kernels/gemm_fast.cuh"
#include "kernels/rows.cuh"
#include "kernels/top_k_similarity.cuh"

/* Scores never leave the chip: a block has 64 queries and goes through a chunk of the items, 64 at a time,
 * which it multiplies as linear does (gemm_fast.cuh, in fp32: a ranking is not rounded). A warp
 * has 16 of the queries, and of each the k best so far, one to a lane, in order. Of 32 new scores it
 * looks first whether any is among them, which soon is rare, and only then sorts them and merges. The
 * lists of the chunks are merged the same way in a second launch. A warp has 32 places: more results are
 * left to the plain kernel. */

typedef leit_small_tile ranking_tile;

enum {
    WARPS = LEIT_FAST_THREADS / LEIT_WARP,
    QUERIES = ranking_tile::ROWS / WARPS /* of a warp */
};
enum { ENOUGH_BLOCKS = 512, LEAST_TILES = 4 /* of a chunk */ };

static bool is_narrow(const struct leit_top_k_similarity *args)
{
    return args->k <= LEIT_WARP;
}

/* How the items are cut, which follows from the shapes. */
struct item_cut {
    int64_t chunks, items; /* of a chunk */
    bool are_quads;        /* leit_fast_are_quads, of items and queries */
};

static struct item_cut cut_of_items(const struct leit_top_k_similarity *args)
{
    const int64_t tiles = leit_pieces(args->M, ranking_tile::COLUMNS),
                  rows = args->N > 0 ? args->N : 1;
    const int64_t wanted = leit_pieces(ENOUGH_BLOCKS, leit_pieces(rows, ranking_tile::ROWS));
    int64_t tiles_of_chunk = leit_pieces(tiles, wanted);
    if (tiles_of_chunk < LEAST_TILES) tiles_of_chunk = LEAST_TILES;
    return {leit_pieces(tiles, tiles_of_chunk), tiles_of_chunk * ranking_tile::COLUMNS,
            leit_fast_are_quads(args->queries, args->E, args->E) &&
                leit_fast_are_quads(args->items, args->E, args->E)};
}

/* (N, chunks, k) candidates. */
size_t leit_top_k_similarity_workspace_fast(const struct leit_top_k_similarity *args, int n_workers)
{
    if (!is_narrow(args)) return leit_top_k_similarity_workspace_cuda(args, n_workers);
    return (size_t)(args->N * cut_of_items(args).chunks * args->k) * sizeof(leit_candidate);
}

/* Of a candidate and that of the lane `distance` away the larger one where `takes_larger`. */
static __device__ leit_candidate exchanged(leit_candidate mine, int distance, bool takes_larger)
{
    const leit_candidate other = __shfl_xor_sync(LEIT_ALL_LANES, mine, distance);
    return (other > mine) == takes_larger ? other : mine;
}

/* The 32 best of a list, sorted downwards over the lanes, and of 32 others: a bitonic sort of these
 * upwards, the better of each pair, which rise and fall only once, and a last round. */
static __device__ leit_candidate merged(leit_candidate best, leit_candidate fresh)
{
    const int lane = leit_lane();
    for (int run = 2; run <= LEIT_WARP; run *= 2)
        for (int distance = run / 2; distance > 0; distance /= 2)
            fresh = exchanged(fresh, distance, ((lane & distance) != 0) == ((lane & run) == 0));
    if (fresh > best) best = fresh;
    for (int distance = LEIT_WARP / 2; distance > 0; distance /= 2)
        best = exchanged(best, distance, (lane & distance) == 0);
    return best;
}

/* The same where one of the others is among the k best. */
static __device__ leit_candidate with_others(leit_candidate best, leit_candidate fresh, int k)
{
    const leit_candidate last = __shfl_sync(LEIT_ALL_LANES, best, k - 1);
    return __any_sync(LEIT_ALL_LANES, fresh > last) ? merged(best, fresh) : best;
}

/* lists is (N, chunks, k). */
static __global__ void __launch_bounds__(LEIT_FAST_THREADS)
    rank_chunks(struct leit_top_k_similarity args, struct item_cut cut, leit_candidate *lists)
{
    LEIT_DYNAMIC_SHARED(float, stages);
    LEIT_SHARED(leit_candidate, best, [ranking_tile::ROWS][LEIT_WARP]);
    const int64_t chunk = blockIdx.x % cut.chunks;
    const int64_t first_query = blockIdx.x / cut.chunks * ranking_tile::ROWS,
                  begin = chunk * cut.items;
    const int64_t end = begin + cut.items < args.M ? begin + cut.items : args.M, E = args.E;
    const int warp = (int)threadIdx.x / LEIT_WARP, lane = leit_lane(), k = (int)args.k;
    const leit_fast_rows<true> queries = {args.queries, args.N, E, cut.are_quads, first_query};
    /* Each lane has one place of each of its warp's queries, and no other lane reads it. */
    for (int q = warp * QUERIES; q < (warp + 1) * QUERIES; q++) best[q][lane] = LEIT_NO_CANDIDATE;
    for (int64_t first = begin; first < end; first += ranking_tile::COLUMNS) {
        const leit_fast_rows<true> items = {args.items, args.M, E, cut.are_quads, first};
        leit_fast_row_sums<ranking_tile, true> no_sums = {};
        ranking_tile::sum sum = {};
        leit_fast_product<ranking_tile, LEIT_PRECISION_FP32>(sum, stages, queries, items, 0, E,
                                                             no_sums);
        leit_fast_lay_down<ranking_tile>(stages, sum);
        for (int q = warp * QUERIES; q < (warp + 1) * QUERIES && first_query + q < args.N; q++)
            for (int i = lane; i < ranking_tile::COLUMNS; i += LEIT_WARP) {
                leit_candidate fresh = LEIT_NO_CANDIDATE;
                if (first + i < end)
                    fresh = leit_candidate_of(stages[q * ranking_tile::PITCH + i], first + i);
                best[q][lane] = with_others(best[q][lane], fresh, k);
            }
        __syncthreads(); /* the scores have been read */
    }
    for (int q = warp * QUERIES; q < (warp + 1) * QUERIES && first_query + q < args.N; q++)
        if (lane < k) lists[((first_query + q) * cut.chunks + chunk) * k + lane] = best[q][lane];
}

/* A warp has a query. */
static __global__ void rank_lists(struct leit_top_k_similarity args, int64_t chunks,
                                  const leit_candidate *lists)
{
    const int64_t n = leit_warp_row(), count = chunks * args.k;
    const int k = (int)args.k, lane = leit_lane();
    if (n < args.N) {
        leit_candidate best = LEIT_NO_CANDIDATE;
        for (int64_t first = 0; first < count; first += LEIT_WARP) {
            const bool is_there = first + lane < count;
            best = with_others(
                best,
                is_there ? lists[n * count + first + lane] : (leit_candidate)LEIT_NO_CANDIDATE, k);
        }
        if (lane < k) {
            args.scores[n * k + lane] = leit_score_of(best);
            args.indices[n * k + lane] = leit_index_of(best);
        }
    }
}

leit_status leit_top_k_similarity_forward_fast(const leit_exec *exec,
                                               const struct leit_top_k_similarity *args)
{
    LEIT_TRY(leit_top_k_similarity_check(args));
    if (!is_narrow(args)) return leit_top_k_similarity_forward_cuda(exec, args);
    LEIT_TRY(leit_check_workspace("top_k_similarity", exec,
                                  leit_top_k_similarity_workspace_fast(args, 1)));
    if (args->N == 0) return LEIT_OK;
    const struct item_cut cut = cut_of_items(args);
    leit_candidate *lists = static_cast<leit_candidate *>(exec->workspace);
    const size_t shared = sizeof(float) * ranking_tile::SHARED_FLOATS;
    LEIT_ALLOW_SHARED(rank_chunks);
    if (args->M > 0)
        LEIT_LAUNCH(rank_chunks, (unsigned)(leit_pieces(args->N, ranking_tile::ROWS) * cut.chunks),
                    LEIT_FAST_THREADS, shared, exec->stream, *args, cut, lists);
    LEIT_LAUNCH(rank_lists, leit_row_blocks(args->N), LEIT_ROW_THREADS, 0, exec->stream, *args,
                cut.chunks, lists);
    return leit_launch_status("top_k_similarity");
}
