#include "kernels/backend.h"

#include <string.h>

#include "core/memory.h"
#include "kernels/ops.h"

/* Typed op functions behind untyped ones: C forbids calling through a cast pointer. */
#define LEIT_OP_FORWARD(op)                                                                        \
    static size_t op##_workspace(const void *args, int n_workers)                                  \
    {                                                                                              \
        return leit_##op##_workspace_cpu(args, n_workers);                                         \
    }                                                                                              \
    static leit_status op##_forward(const leit_exec *exec, const void *args)                       \
    {                                                                                              \
        return leit_##op##_forward_cpu(exec, args);                                                \
    }
#define LEIT_OP(op)                                                                                \
    LEIT_OP_FORWARD(op)                                                                            \
    static leit_status op##_backward(const leit_exec *exec, const void *args)                      \
    {                                                                                              \
        return leit_##op##_backward_cpu(exec, args);                                               \
    }
#include "kernels/ops.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD

static void *allocate(size_t bytes, bool at_once)
{
    return at_once ? leit_allocate(bytes, 1) : leit_allocate_untouched(bytes, 1);
}

static leit_status copy(void *to, const void *from, size_t bytes, void *stream)
{
    (void)stream;
    if (to != from && bytes > 0) memcpy(to, from, bytes);
    return LEIT_OK;
}

static leit_status zero(void *memory, size_t bytes, void *stream)
{
    (void)stream;
    if (bytes > 0) memset(memory, 0, bytes);
    return LEIT_OK;
}

/* Everything has been run when it is asked for: a fetch is a copy of the moment. */
struct leit_device_fetch {
    size_t bytes;
    unsigned char copy[];
};

static leit_status fetch_create(size_t bytes, leit_device_fetch **fetch)
{
    *fetch = leit_allocate(sizeof **fetch + bytes, 1);
    if (*fetch == NULL) return LEIT_INTERNAL;
    (*fetch)->bytes = bytes;
    return LEIT_OK;
}

static leit_status fetch_begin(leit_device_fetch *fetch, const void *from, void *stream)
{
    return copy(fetch->copy, from, fetch->bytes, stream);
}

static leit_status fetch_end(leit_device_fetch *fetch, void *to)
{
    return copy(to, fetch->copy, fetch->bytes, NULL);
}

static void fetch_free(leit_device_fetch *fetch)
{
    leit_free(fetch);
}

static void *allocate_mapped(size_t bytes)
{
    return leit_allocate_untouched(bytes, 1);
}

const leit_backend *leit_backend_cpu(void)
{
    static const leit_backend backend = {
        .name = "cpu",
        .memory = {true, allocate, leit_free, NULL, allocate_mapped, leit_free, copy, copy, zero,
                   fetch_create, fetch_begin, fetch_end, fetch_free},
        .ops =
            {
#define LEIT_OP(op)                                                                                \
    [LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace, op##_forward, op##_backward},
#define LEIT_OP_FORWARD(op)                                                                        \
    [LEIT_OP_##op] = {#op, sizeof(struct leit_##op), op##_workspace, op##_forward, NULL},
#include "kernels/ops.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
            },
    };
    return &backend;
}
