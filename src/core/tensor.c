#include "core/tensor.h"

#include <stdio.h>

size_t leit_dtype_bytes(leit_dtype dtype)
{
    static const size_t bytes[] = {
#define DTYPE_BYTES(name, size, text) [LEIT_##name] = (size),
        LEIT_DTYPE_LIST(DTYPE_BYTES)
#undef DTYPE_BYTES
    };
    return bytes[dtype];
}

const char *leit_dtype_text(leit_dtype dtype)
{
    static const char *const texts[] = {
#define DTYPE_TEXT(name, size, text) [LEIT_##name] = (text),
        LEIT_DTYPE_LIST(DTYPE_TEXT)
#undef DTYPE_TEXT
    };
    return texts[dtype];
}

int64_t leit_tensor_count(const leit_tensor *tensor)
{
    int64_t count = 1;
    for (int axis = 0; axis < tensor->rank; axis++) count *= tensor->shape[axis];
    return count;
}

size_t leit_tensor_bytes(const leit_tensor *tensor)
{
    return (size_t)leit_tensor_count(tensor) * leit_dtype_bytes(tensor->dtype);
}

const char *leit_shape_text(int rank, const int64_t *shape, char *text, size_t text_bytes)
{
    size_t used = (size_t)snprintf(text, text_bytes, "(");
    for (int axis = 0; axis < rank && used < text_bytes; axis++)
        used += (size_t)snprintf(text + used, text_bytes - used, axis == 0 ? "%lld" : ", %lld",
                                 (long long)shape[axis]);
    if (used < text_bytes) snprintf(text + used, text_bytes - used, ")");
    return text;
}
