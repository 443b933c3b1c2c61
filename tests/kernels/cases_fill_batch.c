#include "kernels/fill_batch.h"

/* A corpus that the oracle has too: text i has 1 + (5 i + 3) % 11 tokens, token j of all is
 * (31 j + 7) % 1000; row i has label (3 i + 1) % LABELS, which stands for 100 + label. */
enum { ROWS = 29, LABELS = 5, TABLE_ROWS = 100 + LABELS, MAX_WIDTH = 300 };

static int32_t tokens_of(int64_t text)
{
    return (int32_t)(1 + (5 * text + 3) % 11);
}

static int64_t token_begin(int64_t text)
{
    int64_t begin = 0;
    for (int64_t i = 0; i < text; i++) begin += tokens_of(i);
    return begin;
}

static int32_t token_of(int64_t j)
{
    return (int32_t)((31 * j + 7) % 1000);
}

static int32_t label_of(int64_t row)
{
    return (int32_t)((3 * row + 1) % LABELS);
}

static float vector_of(int64_t i)
{
    return (float)(i % 1009) / 8.0f;
}

#define LEIT_REFERENCE "reference/fill_batch.h"
#include "reference/twice.h"

static const char *const params[] = {
    "B=0 n=1",
    "B=1 n=1 width=1",
    "B=9 n=9",
    "B=9 n=9 n_rows=4",
    "B=9 n=9 n_rows=0",
    "B=150 n=150 n_rows=140", /* more texts than a block has threads */
    "B=3 n=20 n_rows=3 width=300",
    "B=0 n=40 width=129 n_rows=7",
    NULL,
};

static leit_batch_target *add_target(struct leit_fill_batch *args, int64_t n, int64_t width)
{
    leit_batch_target *target = &args->targets[args->n_targets++];
    target->n = n;
    target->width = width;
    return target;
}

/* Rows of one kind, so that each target has arrays of its own: one is lent to one place. */
static void take_rows(leit_case *c, const char *lent, leit_batch_target *target,
                      const int32_t *label)
{
    target->label = label;
    leit_case_lend(c, lent, &target->label, ROWS * sizeof *label);
}

static void bind(leit_case *c)
{
    struct leit_fill_batch *args = leit_case_args(c);
    for (int i = 0; i < args->n_targets; i++) {
        args->targets[i].rows = leit_case_kernel(c, "rows");
        args->targets[i].n_rows = i + 1 == args->n_targets ? NULL : leit_case_kernel(c, "n_rows");
    }
}

static void describe_targets(leit_case *c, struct leit_fill_batch *args)
{
    static int32_t label[ROWS];
    static const int32_t of_label[LABELS] = {100, 101, 102, 103, 104};
    static float table[TABLE_ROWS * MAX_WIDTH];
    static uint8_t flags[ROWS * MAX_WIDTH];
    const int64_t n = leit_case_int(c, "n", 0), width = leit_case_int(c, "width", 3);
    for (int64_t i = 0; i < ROWS; i++) label[i] = label_of(i);
    for (int64_t i = 0; i < TABLE_ROWS * width; i++) table[i] = vector_of(i);
    for (int64_t i = 0; i < ROWS * width; i++) flags[i] = i % 3 == 0;
    const size_t table_bytes = (size_t)(TABLE_ROWS * width) * sizeof *table;

    leit_batch_target *target = add_target(args, n, 0);
    leit_case_output_i32(c, "row", (int32_t *const *)(const void *)&target->to, n);

    target = add_target(args, n, 0);
    take_rows(c, "labels_1", target, label);
    leit_case_output_i32(c, "label", (int32_t *const *)(const void *)&target->to, n);

    target = add_target(args, n, 0);
    take_rows(c, "labels_2", target, label);
    target->of_label = of_label;
    leit_case_lend(c, "of_label_1", &target->of_label, sizeof of_label);
    leit_case_output_i32(c, "mapped", (int32_t *const *)(const void *)&target->to, n);

    target = add_target(args, n, width);
    take_rows(c, "labels_3", target, label);
    target->of_label = of_label;
    leit_case_lend(c, "of_label_2", &target->of_label, sizeof of_label);
    target->table = table;
    leit_case_lend(c, "table_1", &target->table, table_bytes);
    leit_case_output(c, "vector", (float *const *)(const void *)&target->to, n * width);

    target = add_target(args, n, width);
    target->flags = flags;
    leit_case_lend(c, "flags", &target->flags, (size_t)(ROWS * width));
    leit_case_output(c, "flag", (float *const *)(const void *)&target->to, n * width);

    target = add_target(args, n, width); /* all rows, whatever the count */
    target->table = table;
    leit_case_lend(c, "table_2", &target->table, table_bytes);
    leit_case_output(c, "own_vector", (float *const *)(const void *)&target->to, n * width);
}

static void describe_texts(leit_case *c, struct leit_fill_batch *args, int64_t n)
{
    static int32_t tokens[11 * ROWS];
    static int64_t offsets[ROWS + 1];
    leit_packed_texts *packed = &args->packed;
    const int64_t B = packed->B = leit_case_int(c, "B", 0), N = packed->N = 11 * B;
    packed->T = 11;
    if (B == 0) return;
    for (int64_t i = 0; i <= ROWS; i++) offsets[i] = token_begin(i);
    for (int64_t j = 0; j < offsets[ROWS]; j++) tokens[j] = token_of(j);
    args->tokens = tokens;
    args->token_offsets = offsets;
    leit_case_lend(c, "tokens", &args->tokens, sizeof tokens);
    leit_case_lend(c, "token_offsets", &args->token_offsets, sizeof offsets);
    leit_case_indices(c, "texts", &args->texts, B, n < B ? n : B, ROWS);
    leit_case_output_i32(c, "ids", &packed->ids, N);
    leit_case_output_i32(c, "positions", &packed->positions, N);
    leit_case_output_i32(c, "offsets", &packed->offsets, B + 1);
    leit_case_output_i32(c, "cls", &packed->cls, B);
    leit_case_output_i32(c, "cls_offsets", &packed->cls_offsets, B + 1);
    leit_case_output_i32(c, "n_tokens", &packed->n_tokens, 1);
    leit_case_output_i32(c, "n_texts", &packed->n_texts, 1);
}

static void describe(leit_case *c)
{
    struct leit_fill_batch *args = leit_case_args(c);
    const int64_t n = leit_case_int(c, "n", 0), has_texts = leit_case_int(c, "B", 0) > 0;
    const int64_t rows = leit_case_count(c, "n_rows", has_texts ? &args->texts_drawn : NULL, n);
    leit_case_indices(c, "rows", NULL, n, n, ROWS);
    describe_texts(c, args, rows);
    describe_targets(c, args);
    leit_case_bind(c, bind);
    leit_case_work(c, 0.0, (double)(n * MAX_WIDTH), 0.0, 0.0);
}

LEIT_CASES_FORWARD(fill_batch)
