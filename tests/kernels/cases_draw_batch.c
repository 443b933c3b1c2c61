#include "kernels/draw_batch.h"

#include <string.h>

/* Pools that the oracle has too. Epoch slot e of n rows has at place i the row 2 ((7 i + 5 e) mod n) + 1;
 * by label they are 3 i + 2; label k of K has rows k n / K to (k + 1) n / K - 1 of those. */
enum { N_TEXTS = 23, N_CLIPS = 17, TEXT_LABELS = 3, CLIP_LABELS = 4, ORDERS = 5 };

static int32_t order_row(int64_t n, int64_t slot, int64_t place)
{
    return (int32_t)(2 * ((7 * place + 5 * slot) % n) + 1);
}

static int32_t labelled_row(int64_t n, int64_t place)
{
    return (int32_t)(3 * (place % n) + 2);
}

#define LEIT_REFERENCE "reference/draw_batch.h"
#include "reference/twice.h"

static const char *const params[] = {
    "sampling=0 B=1 batch=0",
    "sampling=0 B=4 batch=0",
    "sampling=0 B=4 batch=5",
    "sampling=0 B=4 batch=6",  /* the second epoch */
    "sampling=0 B=22 batch=0", /* gives one to the batch behind it */
    "sampling=0 B=22 batch=3",
    "sampling=0 B=2 batch=11", /* one row is left, and stays alone */
    "sampling=0 B=64 batch=2", /* fewer rows than a batch */
    "sampling=1 B=4 batch=3",
    "sampling=1 B=4 batch=9",
    "sampling=1 B=16 batch=1",
    "sampling=2 B=8 batch=5",
    "sampling=2 B=40 batch=1", /* several epochs in one */
    "sampling=2 B=64 batch=1000000",
    "sampling=3 B=2 batch=0",
    "sampling=3 B=16 batch=42",
    "sampling=3 B=16 batch=43 step=0",
    "sampling=3 B=8 batch=5000000000", /* beyond 32 bits */
    "sampling=3 B=600 batch=7",        /* more pairs than a block has threads */
    "sampling=3 B=32 batch=7 tags=0",
    NULL,
};

/* A pool whose arrays are lent: `name` is a letter. */
static void make_pool(leit_case *c, const char *const names[3], leit_row_pool *pool, int64_t n,
                      int64_t n_labels, int32_t *memory)
{
    int32_t *orders = memory, *by_label = orders + ORDERS * n, *label_begin = by_label + n;
    for (int64_t i = 0; i < ORDERS * n; i++) orders[i] = order_row(n, i / n, i % n);
    for (int64_t i = 0; i < n; i++) by_label[i] = labelled_row(n, i);
    for (int64_t k = 0; k <= n_labels; k++) label_begin[k] = (int32_t)(k * n / n_labels);
    *pool = (leit_row_pool){n, ORDERS, orders, n_labels, by_label, label_begin};
    leit_case_lend(c, names[0], &pool->orders, (size_t)(ORDERS * n) * sizeof *orders);
    leit_case_lend(c, names[1], &pool->by_label, (size_t)n * sizeof *by_label);
    leit_case_lend(c, names[2], &pool->label_begin, (size_t)(n_labels + 1) * sizeof *label_begin);
}

static void describe(leit_case *c)
{
    static const char *const of_texts[] = {"text_orders", "text_by_label", "text_label_begin"};
    static const char *const of_clips[] = {"clip_orders", "clip_by_label", "clip_label_begin"};
    static int32_t text_memory[(ORDERS + 2) * N_TEXTS], clip_memory[(ORDERS + 2) * N_CLIPS];
    static const int32_t mapped[TEXT_LABELS] = {1, 3, 1}, text_tag[TEXT_LABELS] = {10, 11, 12};
    static const int32_t music_tag[CLIP_LABELS] = {20, 21, 22, 23};
    static int64_t batch;
    struct leit_draw_batch *args = leit_case_args(c);
    const int64_t B = args->B = leit_case_int(c, "B", 0);
    args->sampling = (leit_sampling)leit_case_int(c, "sampling", 0);
    args->seed = 0x0123456789ABCDEFu;
    batch = leit_case_int(c, "batch", 0);
    args->batch = &batch;
    leit_case_lend(c, "batch", &args->batch, sizeof batch);
    make_pool(c, of_texts, &args->texts, N_TEXTS, TEXT_LABELS, text_memory);
    make_pool(c, of_clips, &args->clips, N_CLIPS, CLIP_LABELS, clip_memory);
    args->mapped_label = mapped;
    leit_case_lend(c, "mapped_label", &args->mapped_label, sizeof mapped);
    if (args->sampling == LEIT_SAMPLE_PAIRS && leit_case_int(c, "tags", 1)) {
        args->text_tag = text_tag;
        args->music_tag = music_tag;
        leit_case_lend(c, "text_tag", &args->text_tag, sizeof text_tag);
        leit_case_lend(c, "music_tag", &args->music_tag, sizeof music_tag);
        leit_case_output_i32(c, "tags", &args->drawn_tags, B);
    }
    if (args->sampling != LEIT_SAMPLE_CLIPS)
        leit_case_output_i32(c, "texts", &args->drawn_texts, B);
    if (args->sampling != LEIT_SAMPLE_TEXTS)
        leit_case_output_i32(c, "clips", &args->drawn_clips, B);
    leit_case_output_i32(c, "n_texts", &args->n_texts, 1);
    leit_case_output_i32(c, "n_clips", &args->n_clips, 1);
    if (leit_case_int(c, "step", 1)) leit_case_output_i32(c, "step", &args->step, 1);
    leit_case_output_u8(c, "next", (uint8_t *const *)(const void *)&args->next, sizeof *args->next);
    leit_case_work(c, 0.0, 16.0 * (double)B, 0.0, 0.0);
}

LEIT_CASES_FORWARD(draw_batch)
