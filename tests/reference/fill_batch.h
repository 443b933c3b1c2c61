/* fill_batch as plain loops, number by number; see kernels/fill_batch.h. */
static void REFERENCE(texts)(leit_case *c)
{
    const struct leit_fill_batch *args = leit_case_args(c);
    const int64_t B = args->packed.B;
    const int32_t *texts = leit_case_i32(c, "texts"), *n_rows = leit_case_i32(c, "n_rows");
    int32_t *offsets = leit_case_i32(c, "offsets"), *cls_offsets = leit_case_i32(c, "cls_offsets");
    const int64_t n = n_rows != NULL ? *n_rows : B;
    int32_t used = 0;
    for (int64_t b = 0; b < n; b++) {
        leit_case_i32(c, "cls")[b] = offsets[b] = used;
        cls_offsets[b] = (int32_t)b;
        for (int32_t t = 0; t < tokens_of(texts[b]); t++, used++) {
            leit_case_i32(c, "ids")[used] = token_of(token_begin(texts[b]) + t);
            leit_case_i32(c, "positions")[used] = t;
        }
    }
    for (int64_t b = n; b <= B; b++) {
        offsets[b] = used;
        cls_offsets[b] = (int32_t)n;
    }
    *leit_case_i32(c, "n_tokens") = used;
    *leit_case_i32(c, "n_texts") = (int32_t)n;
}

static void REFERENCE(forward)(leit_case *c)
{
    const struct leit_fill_batch *args = leit_case_args(c);
    const int32_t *rows = leit_case_i32(c, "rows"), *n_rows = leit_case_i32(c, "n_rows");
    const int64_t width = leit_case_int(c, "width", 3), n = leit_case_int(c, "n", 0);
    if (args->packed.B > 0) REFERENCE(texts)(c);
    for (int64_t b = 0; b < (n_rows != NULL ? *n_rows : n); b++) {
        leit_case_i32(c, "row")[b] = rows[b];
        leit_case_i32(c, "label")[b] = label_of(rows[b]);
        leit_case_i32(c, "mapped")[b] = 100 + label_of(rows[b]);
        for (int64_t e = 0; e < width; e++) {
            BUFFER("vector")[b * width + e] = vector_of((100 + label_of(rows[b])) * width + e);
            BUFFER("flag")[b * width + e] = (real)((rows[b] * width + e) % 3 == 0);
        }
    }
    for (int64_t e = 0; e < n * width; e++)
        BUFFER("own_vector")[e] = vector_of(rows[e / width] * width + e % width);
}
