/* What the plain and the fast kernels of attention share: which tile of which sequence and head a
 * block has. */
#ifndef LEIT_KERNELS_ATTENTION_CUH
#define LEIT_KERNELS_ATTENTION_CUH

#include "kernels/attention.h"
#include "kernels/leit_cuda.h"

enum { LEIT_ATTENTION_TILE = 64 }; /* queries, keys, columns of a head */

/* What a block works on. */
struct leit_attention_task {
    bool is_live;
    int first;  /* row of the tile, counted inside the sequence */
    int column; /* first column of the tile, counted inside the head */
    int width;  /* of the head */
    int n_queries, n_keys;
    int64_t head, sample, first_query, first_key;
    float scale; /* of scores */
};

/* The row where sequence s begins, held inside the array. */
LEIT_DEVICE_FUNCTION int64_t leit_attention_row_at(const int32_t *offsets, int64_t s,
                                                   int64_t n_rows)
{
    const int64_t row = offsets[s];
    return row < 0 ? 0 : row > n_rows ? n_rows : row;
}

/* Tiles of sequence s begin at this slot. They fit, for s + 1 leaves room for one that is begun, and
 * slots end at n_rows / LEIT_ATTENTION_TILE + B: the grid need not know the lengths, nor have room for the longest. */
LEIT_DEVICE_FUNCTION int64_t leit_attention_slot_at(const int32_t *offsets, int64_t s,
                                                    int64_t n_rows)
{
    return leit_attention_row_at(offsets, s, n_rows) / LEIT_ATTENTION_TILE + s;
}

static inline int64_t leit_attention_blocks(const struct leit_attention *args, int64_t n_rows,
                                            int64_t columns)
{
    return (n_rows / LEIT_ATTENTION_TILE + args->B) * args->H *
           leit_pieces(columns, LEIT_ATTENTION_TILE);
}

/* The task of a block of those that have tiles of the rows that `offsets` cuts: those of the queries or
 * those of the keys. */
LEIT_DEVICE_FUNCTION leit_attention_task leit_attention_open(const struct leit_attention &args,
                                                             const int32_t *offsets, int64_t n_rows,
                                                             int64_t columns, unsigned block)
{
    const int64_t n = leit_device_rows(args.n_sequences, args.B);
    const int64_t column_tiles = (columns + LEIT_ATTENTION_TILE - 1) / LEIT_ATTENTION_TILE;
    const int64_t slot = block / column_tiles / args.H;
    int64_t s = 0;
    for (int64_t end = n; end - s > 1;) {
        const int64_t middle = (s + end) / 2;
        if (leit_attention_slot_at(offsets, middle, n_rows) <= slot)
            s = middle;
        else
            end = middle;
    }
    leit_attention_task t = {};
    if (n == 0) return t;
    t.width = (int)(args.D / args.H);
    t.column = (int)(block % column_tiles) * LEIT_ATTENTION_TILE;
    t.head = block / column_tiles % args.H;
    t.sample = s * args.H + t.head;
    t.first_query = leit_attention_row_at(args.q_offsets, s, args.Nq);
    t.n_queries = (int)(leit_attention_row_at(args.q_offsets, s + 1, args.Nq) - t.first_query);
    t.first_key = leit_attention_row_at(args.k_offsets, s, args.Nk);
    t.n_keys = (int)(leit_attention_row_at(args.k_offsets, s + 1, args.Nk) - t.first_key);
    const bool is_inside = args.q_offsets[s] == t.first_query && args.k_offsets[s] == t.first_key &&
                           args.q_offsets[s + 1] == t.first_query + t.n_queries &&
                           args.k_offsets[s + 1] == t.first_key + t.n_keys;
    t.scale = is_inside ? 1.0f / leit_sqrt((float)t.width) : leit_nan();
    t.first = (int)(slot - leit_attention_slot_at(offsets, s, n_rows)) * LEIT_ATTENTION_TILE;
    t.is_live = t.first >= 0 && t.first < (offsets == args.q_offsets ? t.n_queries : t.n_keys);
    return t;
}

LEIT_DEVICE_FUNCTION int leit_attention_at_most_a_tile(int64_t rows)
{
    return rows < LEIT_ATTENTION_TILE ? (int)rows : (int)LEIT_ATTENTION_TILE;
}

#endif
