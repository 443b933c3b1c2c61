#include "kernels/top_k_similarity.h"

#include <math.h>
#include <stdbool.h>

#include "kernels/gemm.h"
#include "kernels/vector8.h"

/* Scores are products of a tile of queries with a tile of items that stays in the cache, and are
 * looked at at once: most lie below the worst of a query's k best and are dropped sixteen at a
 * time.
 *
 * A task is one block of queries and one chunk of the items, with a heap for each query; the heaps
 * of the chunks are merged afterwards. The order of two candidates (score, then index) has no ties,
 * so the k best are the same however the items are cut. */

enum { TILE_QUERIES = 64, TILE_ITEMS = 256, FEW_QUERIES = 4, CHUNK_ITEMS = 8192, TASKS = 64 };
enum { GROUP = 16, AHEAD_BYTES = 2048 };

struct candidate {
    float score;
    int32_t index;
};

/* The worst candidate comes first; no candidate is better than its two children. */
struct heap {
    struct candidate *candidates;
    int64_t count, k;
};

static bool is_worse(struct candidate a, struct candidate b)
{
    return a.score < b.score || (a.score == b.score && a.index > b.index);
}

static void sift_down(struct candidate *candidates, int64_t count, struct candidate moved)
{
    int64_t at = 0;
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_worse(candidates[child + 1], candidates[child])) child++;
        if (!is_worse(candidates[child], moved)) break;
        candidates[at] = candidates[child];
    }
    candidates[at] = moved;
}

static void offer(struct heap *heap, struct candidate offered)
{
    if (isnan(offered.score)) return;
    if (heap->count == heap->k) {
        if (is_worse(heap->candidates[0], offered)) sift_down(heap->candidates, heap->k, offered);
        return;
    }
    int64_t at = heap->count++;
    for (; at > 0 && is_worse(offered, heap->candidates[(at - 1) / 2]); at = (at - 1) / 2)
        heap->candidates[at] = heap->candidates[(at - 1) / 2];
    heap->candidates[at] = offered;
}

/* Offers n scores of the items from `first` on. */
static void scan(struct heap *heap, const float *scores, int64_t n, int64_t first)
{
    int64_t i = 0;
    for (; i < n && heap->count < heap->k; i++)
        offer(heap, (struct candidate){scores[i], (int32_t)(first + i)});
    while (i + GROUP <= n) {
        const float worst = heap->candidates[0].score;
        int32_t any = 0;
        for (int j = 0; j < GROUP; j++) any |= scores[i + j] > worst;
        for (int j = 0; any && j < GROUP; j++)
            offer(heap, (struct candidate){scores[i + j], (int32_t)(first + i + j)});
        i += GROUP;
    }
    for (; i < n; i++) offer(heap, (struct candidate){scores[i], (int32_t)(first + i)});
}

/* How the work is cut: enough tasks for many threads, as few heaps as that allows. */
struct cut {
    int64_t query_blocks, chunk_items, chunks;
};

static struct cut cut_work(const struct leit_top_k_similarity *args)
{
    struct cut cut = {.query_blocks = leit_blocks(args->N, TILE_QUERIES)};
    const int64_t most = cut.query_blocks < TASKS ? TASKS / (cut.query_blocks + !args->N) : 1;
    const int64_t even = leit_blocks(args->M, most);
    cut.chunk_items = even < CHUNK_ITEMS ? CHUNK_ITEMS : even;
    cut.chunks = leit_blocks(args->M, cut.chunk_items);
    return cut;
}

struct search {
    const struct leit_top_k_similarity *args;
    struct cut cut;
    struct candidate *candidates; /* (chunks, N, k) */
    int64_t *counts;              /* (chunks, N) */
    float *scores;                /* (workers, TILE_QUERIES, TILE_ITEMS) */
};

size_t leit_top_k_similarity_workspace_cpu(const struct leit_top_k_similarity *args, int n_workers)
{
    const size_t heaps = (size_t)(cut_work(args).chunks * args->N);
    return heaps * (sizeof(int64_t) + (size_t)args->k * sizeof(struct candidate)) +
           (size_t)n_workers * TILE_QUERIES * TILE_ITEMS * sizeof(float);
}

static struct heap heap_of(const struct search *search, int64_t chunk, int64_t query)
{
    const int64_t heap = chunk * search->args->N + query, k = search->args->k;
    return (struct heap){search->candidates + heap * k, search->counts[heap], k};
}

/* n < 8 elements and zeros behind them. */
static leit_f32x8 load_tail(const float *x, int64_t n)
{
    float padded[LEIT_VECTOR8] = {0};
    for (int64_t i = 0; i < n; i++) padded[i] = x[i];
    return leit_load8(padded);
}

/* Products of one query with eight items, one behind the other as they lie in memory: a
 * transposition sums all eight at once. Items behind the last one are the last one again.
 *
 * Items come from memory, not from a cache: half a page is asked for ahead, across the borders of
 * pages where the processor's own prefetcher stops. */
static leit_f32x8 score_eight(const float *query, const float *items, int64_t n_items, int64_t E)
{
    leit_f32x8 sums[LEIT_VECTOR8];
    for (int64_t j = 0; j < LEIT_VECTOR8; j++) {
        const float *item = items + (j < n_items ? j : n_items - 1) * E;
        leit_f32x8 even = {0}, odd = {0};
        int64_t e = 0;
        for (; e + 2 * LEIT_VECTOR8 <= E; e += 2 * LEIT_VECTOR8) {
            __builtin_prefetch((const void *)((uintptr_t)(item + e) + AHEAD_BYTES), 0, 0);
            even += leit_load8(query + e) * leit_load8(item + e);
            odd += leit_load8(query + e + LEIT_VECTOR8) * leit_load8(item + e + LEIT_VECTOR8);
        }
        if (e + LEIT_VECTOR8 <= E) {
            even += leit_load8(query + e) * leit_load8(item + e);
            e += LEIT_VECTOR8;
        }
        if (e < E) odd += load_tail(query + e, E - e) * load_tail(item + e, E - e);
        sums[j] = even + odd;
    }
    leit_transpose8(sums);
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

static void score_tile(const struct leit_top_k_similarity *args, leit_range queries,
                       leit_range items, float *scores)
{
    const int64_t E = args->E;
    if (queries.end - queries.begin > FEW_QUERIES) {
        const struct leit_gemm gemm = {.M = queries.end - queries.begin,
                                       .N = items.end - items.begin,
                                       .K = E,
                                       .transpose_b = true,
                                       .alpha = 1.0f,
                                       .a = args->queries + queries.begin * E,
                                       .b = args->items + items.begin * E,
                                       .c = scores,
                                       .lda = E,
                                       .ldb = E,
                                       .ldc = TILE_ITEMS};
        leit_gemm_tile(&gemm);
        return;
    }
    for (int64_t m = items.begin; m < items.end; m += LEIT_VECTOR8)
        for (int64_t n = queries.begin; n < queries.end; n++)
            leit_store8(scores + (n - queries.begin) * TILE_ITEMS + m - items.begin,
                        score_eight(args->queries + n * E, args->items + m * E, items.end - m, E));
}

static void search_chunk(void *context, int64_t task, int worker)
{
    const struct search *search = context;
    const struct leit_top_k_similarity *args = search->args;
    const int64_t chunk = task / search->cut.query_blocks;
    const leit_range queries =
        leit_block_range(task % search->cut.query_blocks, args->N, TILE_QUERIES);
    const leit_range all = leit_block_range(chunk, args->M, search->cut.chunk_items);
    float *scores = search->scores + (int64_t)worker * TILE_QUERIES * TILE_ITEMS;
    for (int64_t n = queries.begin; n < queries.end; n++) search->counts[chunk * args->N + n] = 0;
    for (int64_t first = all.begin; first < all.end; first += TILE_ITEMS) {
        const leit_range items = {first,
                                  first + TILE_ITEMS < all.end ? first + TILE_ITEMS : all.end};
        score_tile(args, queries, items, scores);
        for (int64_t n = queries.begin; n < queries.end; n++) {
            struct heap heap = heap_of(search, chunk, n);
            scan(&heap, scores + (n - queries.begin) * TILE_ITEMS, items.end - first, first);
            search->counts[chunk * args->N + n] = heap.count;
        }
    }
}

/* Takes the worst of the heap off again and again: the results fill from behind. */
static void write_results(const struct leit_top_k_similarity *args, int64_t query, struct heap heap)
{
    float *scores = args->scores + query * args->k;
    int32_t *indices = args->indices + query * args->k;
    for (int64_t i = heap.count; i < args->k; i++) {
        scores[i] = -INFINITY;
        indices[i] = -1;
    }
    for (int64_t i = heap.count - 1; i >= 0; i--) {
        scores[i] = heap.candidates[0].score;
        indices[i] = heap.candidates[0].index;
        sift_down(heap.candidates, i, heap.candidates[i]);
    }
}

static void merge_block(void *context, int64_t block, int worker)
{
    (void)worker;
    const struct search *search = context;
    const leit_range queries = leit_block_range(block, search->args->N, TILE_QUERIES);
    for (int64_t n = queries.begin; n < queries.end; n++) {
        struct heap best = {.k = search->args->k};
        if (search->cut.chunks > 0) best = heap_of(search, 0, n);
        for (int64_t chunk = 1; chunk < search->cut.chunks; chunk++) {
            const struct heap other = heap_of(search, chunk, n);
            for (int64_t i = 0; i < other.count; i++) offer(&best, other.candidates[i]);
        }
        write_results(search->args, n, best);
    }
}

leit_status leit_top_k_similarity_forward_cpu(const leit_exec *exec,
                                              const struct leit_top_k_similarity *args)
{
    LEIT_TRY(leit_top_k_similarity_check(args));
    LEIT_TRY(leit_check_workspace(
        "top_k_similarity", exec,
        leit_top_k_similarity_workspace_cpu(args, leit_threads_count(exec->threads))));
    struct search search = {.args = args, .cut = cut_work(args)};
    const int64_t heaps = search.cut.chunks * args->N;
    search.counts = exec->workspace;
    search.candidates = (struct candidate *)(void *)(search.counts + heaps);
    search.scores = (float *)(void *)(search.candidates + heaps * args->k);
    leit_threads_run(exec->threads, search.cut.query_blocks * search.cut.chunks, search_chunk,
                     &search);
    leit_threads_run(exec->threads, search.cut.query_blocks, merge_block, &search);
    return LEIT_OK;
}
