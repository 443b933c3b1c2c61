#include "support/fenced_backend.h"

#include <string.h>

#include "kernels/ops.h"

static void *allocate(size_t bytes, bool at_once)
{
    (void)at_once;
    return leit_fence_allocate(bytes);
}

static leit_status copy(void *to, const void *from, size_t bytes, void *stream)
{
    (void)stream;
    leit_fence_open();
    memcpy(to, from, bytes);
    leit_fence_close();
    return LEIT_OK;
}

static leit_status zero(void *memory, size_t bytes, void *stream)
{
    (void)stream;
    leit_fence_open();
    memset(memory, 0, bytes);
    leit_fence_close();
    return LEIT_OK;
}

static leit_status fetch_begin(leit_device_fetch *fetch, const void *from, void *stream)
{
    leit_fence_open();
    const leit_status status = leit_backend_cpu()->memory.fetch_begin(fetch, from, stream);
    leit_fence_close();
    return status;
}

#define LEIT_OP_FORWARD(op)                                                                        \
    static leit_status op##_forward(const leit_exec *exec, const void *args)                       \
    {                                                                                              \
        leit_fence_open();                                                                         \
        const leit_status status = leit_backend_cpu()->ops[LEIT_OP_##op].forward(exec, args);      \
        leit_fence_close();                                                                        \
        return status;                                                                             \
    }
#define LEIT_OP(op)                                                                                \
    LEIT_OP_FORWARD(op)                                                                            \
    static leit_status op##_backward(const leit_exec *exec, const void *args)                      \
    {                                                                                              \
        leit_fence_open();                                                                         \
        const leit_status status = leit_backend_cpu()->ops[LEIT_OP_##op].backward(exec, args);     \
        leit_fence_close();                                                                        \
        return status;                                                                             \
    }
#include "kernels/ops.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD

const leit_backend *leit_backend_fenced(void)
{
    static leit_backend backend;
    backend = *leit_backend_cpu();
    backend.name = "fenced";
    leit_device_memory *memory = &backend.memory;
    memory->is_host = false;
    memory->allocate = allocate;
    memory->release = leit_fence_release;
    memory->write = memory->read = copy;
    memory->zero = zero;
    memory->fetch_begin = fetch_begin;
#define LEIT_OP_FORWARD(op) backend.ops[LEIT_OP_##op].forward = op##_forward;
#define LEIT_OP(op)                                                                                \
    LEIT_OP_FORWARD(op)                                                                            \
    backend.ops[LEIT_OP_##op].backward = op##_backward;
#include "kernels/ops.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
    return &backend;
}
