#include "kernels/top_k_similarity.cuh"

#include "kernels/gemm.cuh"

/* Scores are tiled products of some queries with all items, in the workspace. Then a block of
 * threads has one query and one chunk of its scores, takes WIDTH of them at a time, and only where
 * one is among the k best so far are they sorted and merged with those. The lists of the chunks are
 * merged the same way by a second launch. A candidate is one number whose order is that of the
 * results, and there are no ties: the k best are the same however the items are cut. */

enum { THREADS = 128, WIDTH = LEIT_TOP_K_MAX };
enum { CHUNK_ITEMS = 4096, MAX_CHUNKS = 256 };
static const int64_t MAX_SCORES = (int64_t)1
                                  << 26; /* in the workspace, unless one query has more */

/* How the work is cut. */
struct cut {
    int64_t queries; /* at a time */
    int64_t chunk_items, chunks;
};

static cut cut_work(const struct leit_top_k_similarity *args)
{
    cut cut = {args->N, leit_pieces(args->M, MAX_CHUNKS), 1};
    if (args->M > 0 && cut.queries > MAX_SCORES / args->M) cut.queries = MAX_SCORES / args->M;
    if (cut.queries == 0) cut.queries = 1;
    if (cut.chunk_items < CHUNK_ITEMS) cut.chunk_items = CHUNK_ITEMS;
    if (args->M > 0) cut.chunks = leit_pieces(args->M, cut.chunk_items);
    return cut;
}

size_t leit_top_k_similarity_workspace_cuda(const struct leit_top_k_similarity *args, int n_workers)
{
    (void)n_workers;
    const cut cut = cut_work(args);
    return (size_t)(cut.queries * cut.chunks * args->k) * sizeof(leit_candidate) +
           (size_t)(cut.queries * args->M) * sizeof(float);
}

/* scores (n_queries, M) of the queries from `first` on. */
static __global__ void score_tiles(struct leit_top_k_similarity args, int64_t first,
                                   int64_t n_queries, float *scores)
{
    const int64_t E = args.E;
    const leit_tile_place place = leit_tile_of_block(args.M);
    leit_tile_sum sum = {};
    leit_tile_product(sum, {args.queries + first * E, n_queries, E, 1}, place.row,
                      {args.items, args.M, E, 1}, place.column, E);
    LEIT_EACH_SHARE (r, c) {
        const int64_t n = place.row + leit_tile_row(r), m = place.column + leit_tile_column(c);
        if (n < n_queries && m < args.M) scores[n * args.M + m] = sum[r][c];
    }
}

/* One step of a bitonic sort: pairs `distance` apart are put in order, downwards where bit `run` of
 * their place is 0. */
static __device__ void order_pairs(leit_candidate (&list)[WIDTH], int run, int distance)
{
    __syncthreads();
    for (int pair = (int)threadIdx.x; pair < WIDTH / 2; pair += THREADS) {
        const int low = pair / distance * 2 * distance + pair % distance;
        const leit_candidate a = list[low], b = list[low + distance];
        if ((a < b) == ((low & run) == 0)) {
            list[low] = b;
            list[low + distance] = a;
        }
    }
}

/* best, sorted downwards, becomes the WIDTH best of itself and fresh. Sorted upwards, fresh meets it
 * element by element: the better ones are all that count, and they rise and fall only once. */
static __device__ void merge(leit_candidate (&best)[WIDTH], leit_candidate (&fresh)[WIDTH])
{
    for (int run = 2; run <= WIDTH; run *= 2)
        for (int distance = run / 2; distance > 0; distance /= 2) order_pairs(fresh, run, distance);
    __syncthreads();
    for (int i = (int)threadIdx.x; i < WIDTH; i += THREADS) {
        const leit_candidate other = fresh[WIDTH - 1 - i];
        if (other > best[i]) best[i] = other;
    }
    for (int distance = WIDTH / 2; distance > 0; distance /= 2) order_pairs(best, WIDTH, distance);
    __syncthreads();
}

/* Where the candidates of a block come from and where its best go. */
struct selection {
    const float *scores;         /* (queries, n) or NULL: */
    const leit_candidate *lists; /* (queries, n) */
    int64_t n, chunk, chunks;    /* chunk: elements of a block */
    leit_candidate *best;        /* (queries, chunks, k) or NULL: into the results */
    int64_t first_query;
};

static __global__ void select_best(struct leit_top_k_similarity args, struct selection s)
{
    LEIT_SHARED(leit_candidate, best, [WIDTH]);
    LEIT_SHARED(leit_candidate, fresh, [WIDTH]);
    const int64_t query = blockIdx.x / s.chunks, begin = blockIdx.x % s.chunks * s.chunk;
    const int64_t end = begin + s.chunk < s.n ? begin + s.chunk : s.n;
    for (int i = (int)threadIdx.x; i < WIDTH; i += THREADS) best[i] = LEIT_NO_CANDIDATE;
    __syncthreads();
    for (int64_t first = begin; first < end; first += WIDTH) {
        bool is_better = false;
        for (int i = (int)threadIdx.x; i < WIDTH; i += THREADS) {
            const int64_t at = query * s.n + first + i;
            leit_candidate c = LEIT_NO_CANDIDATE;
            if (first + i < end)
                c = s.scores != nullptr ? leit_candidate_of(s.scores[at], first + i) : s.lists[at];
            fresh[i] = c;
            is_better = is_better || c > best[args.k - 1];
        }
        if (__syncthreads_or(is_better)) merge(best, fresh); /* the same for the whole block */
    }
    for (int64_t i = threadIdx.x; i < args.k; i += THREADS) {
        const int64_t result = (s.first_query + query) * args.k + i;
        if (s.best != nullptr) {
            s.best[(int64_t)blockIdx.x * args.k + i] = best[i];
        } else {
            args.scores[result] = leit_score_of(best[i]);
            args.indices[result] = leit_index_of(best[i]);
        }
    }
}

leit_status leit_top_k_similarity_forward_cuda(const leit_exec *exec,
                                               const struct leit_top_k_similarity *args)
{
    LEIT_TRY(leit_top_k_similarity_check(args));
    LEIT_TRY(leit_check_workspace("top_k_similarity", exec,
                                  leit_top_k_similarity_workspace_cuda(args, 1)));
    const cut cut = cut_work(args);
    leit_candidate *lists = static_cast<leit_candidate *>(exec->workspace);
    float *scores = reinterpret_cast<float *>(lists + cut.queries * cut.chunks * args->k);
    for (int64_t first = 0; first < args->N; first += cut.queries) {
        const int64_t n = args->N - first < cut.queries ? args->N - first : cut.queries;
        if (args->M > 0)
            LEIT_LAUNCH(score_tiles, leit_tile_blocks(n, args->M), LEIT_TILE_THREADS, 0,
                        exec->stream, *args, first, n, scores);
        selection selection = {};
        selection.scores = scores;
        selection.n = args->M;
        selection.chunk = cut.chunk_items;
        selection.chunks = cut.chunks;
        selection.first_query = first;
        if (cut.chunks > 1) selection.best = lists;
        LEIT_LAUNCH(select_best, (unsigned)(n * cut.chunks), THREADS, 0, exec->stream, *args,
                    selection);
        if (cut.chunks == 1) continue;
        selection.scores = nullptr;
        selection.lists = lists;
        selection.n = selection.chunk = cut.chunks * args->k;
        selection.chunks = 1;
        selection.best = nullptr;
        LEIT_LAUNCH(select_best, (unsigned)n, THREADS, 0, exec->stream, *args, selection);
    }
    return leit_launch_status("top_k_similarity");
}
