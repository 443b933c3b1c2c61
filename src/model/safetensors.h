/* safetensors files (Hugging Face): 8 bytes little-endian header length, a JSON header, the data.
 *
 * A file is mapped and every length in it is checked before it is handed out: what passes
 * leit_safetensors_open covers its bytes once, without gaps, by tensors of known dtypes and rank 0
 * to 4. Values may be anything, NaN too. Every failure is LEIT_DATA and names file and tensor.
 */
#ifndef LEIT_MODEL_SAFETENSORS_H
#define LEIT_MODEL_SAFETENSORS_H

#include <stdint.h>

#include "core/check.h"
#include "core/tensor.h"

/* X(NAME, bytes) */
#define LEIT_SAFETENSORS_DTYPE_LIST(X)                                                             \
    X(BOOL, 1)                                                                                     \
    X(U8, 1)                                                                                       \
    X(I8, 1)                                                                                       \
    X(I16, 2)                                                                                      \
    X(U16, 2)                                                                                      \
    X(F16, 2)                                                                                      \
    X(BF16, 2)                                                                                     \
    X(I32, 4)                                                                                      \
    X(U32, 4)                                                                                      \
    X(F32, 4)                                                                                      \
    X(I64, 8)                                                                                      \
    X(U64, 8)                                                                                      \
    X(F64, 8)

typedef enum leit_safetensors_dtype {
#define LEIT_SAFETENSORS_ENUM(name, bytes) LEIT_SAFETENSORS_##name,
    LEIT_SAFETENSORS_DTYPE_LIST(LEIT_SAFETENSORS_ENUM)
#undef LEIT_SAFETENSORS_ENUM
} leit_safetensors_dtype;

typedef struct leit_safetensors_entry {
    const char *name;
    leit_safetensors_dtype dtype;
    int rank;
    int64_t shape[LEIT_MAX_RANK];
    int64_t count;             /* elements */
    int64_t begin, end;        /* bytes, from the start of the data */
    const unsigned char *data; /* in the mapping; of any alignment */
} leit_safetensors_entry;

typedef struct leit_safetensors leit_safetensors;

leit_status leit_safetensors_open(const char *path, leit_safetensors **file);
/* Entries and their data die here. NULL is fine. */
void leit_safetensors_close(leit_safetensors *file);

const char *leit_safetensors_path(const leit_safetensors *file);
/* In the order of the data. */
int64_t leit_safetensors_count(const leit_safetensors *file);
const leit_safetensors_entry *leit_safetensors_at(const leit_safetensors *file, int64_t index);
/* NULL when there is none of that name. */
const leit_safetensors_entry *leit_safetensors_find(const leit_safetensors *file, const char *name);

/* Elements [first, first + count) as f32; exact for F32, F16 and BF16, fails for other dtypes. */
leit_status leit_safetensors_read_f32(const leit_safetensors *file,
                                      const leit_safetensors_entry *entry, int64_t first,
                                      int64_t count, float *values);

/* Writes n tensors, sorted by name; the file is there whole or not at all. LEIT_DATA for two of
 * one name. */
leit_status leit_safetensors_write(const char *path, const leit_tensor *tensors, int64_t n);

#endif
