/* A named view of a dense row-major array: what checkpoints, goldens and corpora exchange. It owns
 * nothing. */
#ifndef LEIT_CORE_TENSOR_H
#define LEIT_CORE_TENSOR_H

#include <stddef.h>
#include <stdint.h>

/* X(NAME, bytes, text) */
#define LEIT_DTYPE_LIST(X)                                                                         \
    X(F32, 4, "f32")                                                                               \
    X(BF16, 2, "bf16")                                                                             \
    X(F64, 8, "f64")                                                                               \
    X(U8, 1, "u8")                                                                                 \
    X(I16, 2, "i16")                                                                               \
    X(I32, 4, "i32")                                                                               \
    X(I64, 8, "i64")

typedef enum leit_dtype {
#define LEIT_DTYPE_ENUM(name, bytes, text) LEIT_##name,
    LEIT_DTYPE_LIST(LEIT_DTYPE_ENUM)
#undef LEIT_DTYPE_ENUM
} leit_dtype;

enum { LEIT_MAX_RANK = 4 };

typedef struct leit_tensor {
    const char *name;
    leit_dtype dtype;
    int rank; /* 0 is a scalar */
    int64_t shape[LEIT_MAX_RANK];
    void *data;
} leit_tensor;

size_t leit_dtype_bytes(leit_dtype dtype);
const char *leit_dtype_text(leit_dtype dtype);
int64_t leit_tensor_count(const leit_tensor *tensor);
size_t leit_tensor_bytes(const leit_tensor *tensor);

/* "(32, 128, 313)" into `text`, truncated to fit; returns `text`. */
const char *leit_shape_text(int rank, const int64_t *shape, char *text, size_t text_bytes);

#endif
