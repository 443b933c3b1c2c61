/* draw_batch as a walk through whole epochs and a list of draws; see kernels/draw_batch.h. */
static int32_t REFERENCE(epoch_rows)(const leit_row_pool *pool, int64_t skip, int64_t n,
                                     int32_t *rows)
{
    for (int64_t b = 0; b < n; b++) {
        const int64_t epoch = (skip + b) / pool->n, place = (skip + b) % pool->n;
        rows[b] = order_row(pool->n, epoch % pool->n_orders, place);
    }
    return (int32_t)n;
}

/* Batches counted from the first of all, one after the other. */
static int32_t REFERENCE(short_batch)(const leit_row_pool *pool, int64_t B, int64_t batch,
                                      int32_t *rows)
{
    int64_t position = 0, n = 0;
    for (int64_t i = 0; i <= batch; i++) {
        position += n;
        const int64_t left = pool->n - position % pool->n;
        n = left < B ? left : B;
        if (left == B + 1 && B > 2) n = B - 1; /* or one row would be left */
    }
    return REFERENCE(epoch_rows)(pool, position, n, rows);
}

static int32_t REFERENCE(row_of)(leit_rng *rng, int64_t n, int64_t n_labels, int64_t label)
{
    const int64_t begin = label * n / n_labels, end = (label + 1) * n / n_labels;
    return labelled_row(n, begin + leit_rng_below(rng, (uint32_t)(end - begin)));
}

static void REFERENCE(pair)(leit_case *c, int64_t b)
{
    const struct leit_draw_batch *args = leit_case_args(c);
    int32_t *texts = leit_case_i32(c, "texts"), *clips = leit_case_i32(c, "clips");
    int32_t *tags = leit_case_i32(c, "tags");
    leit_rng rng =
        leit_rng_start(args->seed, LEIT_STREAM_BATCH, (uint32_t)*args->batch, (uint32_t)b);
    const int64_t half = args->B / 2;
    const int32_t first = (int32_t)leit_rng_below(&rng, TEXT_LABELS);
    texts[b] = REFERENCE(row_of)(&rng, N_TEXTS, TEXT_LABELS, first);
    const int32_t second = (int32_t)leit_rng_below(&rng, CLIP_LABELS);
    clips[b] = REFERENCE(row_of)(&rng, N_CLIPS, CLIP_LABELS, second);
    const int32_t third = (int32_t)leit_rng_below(&rng, TEXT_LABELS);
    texts[half + b] = REFERENCE(row_of)(&rng, N_TEXTS, TEXT_LABELS, third);
    clips[half + b] = REFERENCE(row_of)(&rng, N_CLIPS, CLIP_LABELS, (2 * third + 1) % CLIP_LABELS);
    if (tags == NULL) return;
    tags[b] = 10 + first;
    tags[half + b] = 20 + second;
}

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_draw_batch *args = leit_case_args(c);
    const int64_t batch = *args->batch, B = args->B, next = batch + 1;
    int32_t *texts = leit_case_i32(c, "texts"), *clips = leit_case_i32(c, "clips");
    int32_t n_texts = 0, n_clips = 0;
    switch (args->sampling) {
    case LEIT_SAMPLE_TEXTS: n_texts = REFERENCE(short_batch)(&args->texts, B, batch, texts); break;
    case LEIT_SAMPLE_CLIPS: n_clips = REFERENCE(short_batch)(&args->clips, B, batch, clips); break;
    case LEIT_SAMPLE_BOTH:
        n_texts = REFERENCE(epoch_rows)(&args->texts, batch * B, B, texts);
        n_clips = REFERENCE(epoch_rows)(&args->clips, batch * B, B, clips);
        break;
    case LEIT_SAMPLE_PAIRS:
        for (int64_t b = 0; b < B / 2; b++) REFERENCE(pair)(c, b);
        n_texts = n_clips = (int32_t)B;
    }
    *leit_case_i32(c, "n_texts") = n_texts;
    *leit_case_i32(c, "n_clips") = n_clips;
    if (leit_case_i32(c, "step") != NULL) *leit_case_i32(c, "step") = (int32_t)batch;
    memcpy(leit_case_u8(c, "next"), &next, sizeof next);
}
