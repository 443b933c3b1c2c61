#include "kernels/harness_case.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"

void leit_harness_must(leit_status status)
{
    if (status == LEIT_OK) return;
    fprintf(stderr, "harness: %s\n", leit_error_message());
    abort();
}

void leit_harness_find(leit_case *c, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    c->failed = true;
    leit_harness_must(leit_buffer_printf(c->findings, "%s [%s] seed %llu: %s\n", c->kernel->name,
                                         c->params, (unsigned long long)c->seed, text));
}

/* ---- describing ---- */

void *leit_case_args(leit_case *c)
{
    return c->args;
}

static const char *parameter(const leit_case *c, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = c->params; *at != '\0'; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strncmp(at, name, length) == 0 && at[length] == '=') return at + length + 1;
    }
    return NULL;
}

int64_t leit_case_int(const leit_case *c, const char *name, int64_t otherwise)
{
    const char *text = parameter(c, name);
    return text == NULL ? otherwise : strtoll(text, NULL, 10);
}

double leit_case_float(const leit_case *c, const char *name, double otherwise)
{
    const char *text = parameter(c, name);
    return text == NULL ? otherwise : strtod(text, NULL);
}

static struct buffer *lookup(leit_case *c, const char *name)
{
    for (int i = 0; i < c->n_buffers; i++)
        if (strcmp(c->buffers[i].name, name) == 0) return &c->buffers[i];
    return NULL;
}

static struct buffer *add(leit_case *c, const char *name, enum role role, leit_dtype dtype,
                          const void *field, int64_t count, int64_t valid)
{
    if (c->n_buffers == MAX_BUFFERS || lookup(c, name) != NULL || valid > count) {
        fprintf(stderr, "harness: bad buffer '%s' of %s\n", name, c->params);
        abort();
    }
    struct buffer *buffer = &c->buffers[c->n_buffers++];
    size_t offset =
        field == NULL ? NO_FIELD : (size_t)((const char *)field - (const char *)c->args);
    *buffer = (struct buffer){.name = name,
                              .role = role,
                              .dtype = dtype,
                              .count = count,
                              .valid = valid,
                              .field_offset = offset};
    if (dtype == LEIT_F32) {
        leit_harness_must(LEIT_ALLOC(buffer->start, count));
        leit_harness_must(LEIT_ALLOC(buffer->f64, count));
        leit_harness_must(LEIT_ALLOC(buffer->f32, count));
        for (int64_t i = 0; i < count; i++) buffer->start[i] = NAN;
    } else {
        leit_harness_must(LEIT_ALLOC(buffer->start_i32, count));
        buffer->integers = leit_allocate((size_t)count, leit_dtype_bytes(dtype));
        buffer->judged_integers = leit_allocate((size_t)count, leit_dtype_bytes(dtype));
        if (buffer->integers == NULL || buffer->judged_integers == NULL)
            leit_harness_must(LEIT_INTERNAL);
        memset(buffer->start_i32, POISON, (size_t)count * sizeof(int32_t));
    }
    buffer->guarded = leit_allocate(2 * GUARD_BYTES + (size_t)count * leit_dtype_bytes(dtype), 1);
    buffer->given = leit_allocate((size_t)count, leit_dtype_bytes(dtype));
    if (buffer->guarded == NULL || buffer->given == NULL) leit_harness_must(LEIT_INTERNAL);
    return buffer;
}

static double *fill_normal(leit_case *c, struct buffer *buffer)
{
    leit_rng rng = leit_rng_start(c->seed, 0, 0, (uint32_t)(buffer - c->buffers));
    for (int64_t i = 0; i < buffer->valid; i++) buffer->start[i] = leit_rng_normal(&rng);
    return buffer->start;
}

double *leit_case_input(leit_case *c, const char *name, const float *const *field, int64_t count,
                        int64_t valid)
{
    return fill_normal(c, add(c, name, INPUT, LEIT_F32, field, count, valid));
}

double *leit_case_inout(leit_case *c, const char *name, float *const *field, int64_t count)
{
    return fill_normal(c, add(c, name, INOUT, LEIT_F32, field, count, count));
}

int32_t *leit_case_indices(leit_case *c, const char *name, const int32_t *const *field,
                           int64_t count, int64_t valid, int32_t bound)
{
    struct buffer *buffer = add(c, name, INPUT, LEIT_I32, field, count, valid);
    leit_rng rng = leit_rng_start(c->seed, 0, 0, (uint32_t)(buffer - c->buffers));
    for (int64_t i = 0; i < valid; i++)
        buffer->start_i32[i] = (int32_t)leit_rng_below(&rng, (uint32_t)bound);
    return buffer->start_i32;
}

int64_t leit_case_count(leit_case *c, const char *name, const int32_t *const *field,
                        int64_t otherwise)
{
    const int64_t value = leit_case_int(c, name, -1);
    if (value < 0) return otherwise;
    struct buffer *buffer = add(c, name, INPUT, LEIT_I32, field, 1, 1);
    buffer->start_i32[0] = (int32_t)value;
    buffer->is_count = true;
    return value;
}

void leit_case_output(leit_case *c, const char *name, float *const *field, int64_t count)
{
    add(c, name, OUTPUT, LEIT_F32, field, count, 0);
}

void leit_case_output_i32(leit_case *c, const char *name, int32_t *const *field, int64_t count)
{
    add(c, name, OUTPUT, LEIT_I32, field, count, 0);
}

void leit_case_output_u8(leit_case *c, const char *name, uint8_t *const *field, int64_t count)
{
    add(c, name, OUTPUT, LEIT_U8, field, count, 0);
}

struct buffer *leit_case_buffer(leit_case *c, const char *name)
{
    struct buffer *buffer = lookup(c, name);
    if (buffer == NULL) {
        fprintf(stderr, "harness: no buffer '%s' in %s\n", name, c->params);
        abort();
    }
    return buffer;
}

double *leit_case_gradient_in(leit_case *c, const char *name, const float *const *field,
                              const char *of, int64_t valid)
{
    struct buffer *buffer =
        add(c, name, GRADIENT_IN, LEIT_F32, field, leit_case_buffer(c, of)->count, valid);
    buffer->of = of;
    return fill_normal(c, buffer);
}

void leit_case_gradient(leit_case *c, const char *name, float *const *field, const char *of)
{
    struct buffer *input = leit_case_buffer(c, of);
    add(c, name, GRADIENT, LEIT_F32, field, input->count, 0)->of = of;
}

void leit_case_gradient_sum(leit_case *c, const char *name, float *const *field, const char *of)
{
    struct buffer *input = leit_case_buffer(c, of);
    struct buffer *buffer = add(c, name, GRADIENT_SUM, LEIT_F32, field, input->count, input->count);
    buffer->of = of;
    fill_normal(c, buffer);
}

void leit_case_no_differences(leit_case *c)
{
    c->no_differences = true;
}

void leit_case_work(leit_case *c, double forward_flops, double forward_bytes, double backward_flops,
                    double backward_bytes)
{
    c->work.forward_flops = forward_flops;
    c->work.forward_bytes = forward_bytes;
    c->work.backward_flops = backward_flops;
    c->work.backward_bytes = backward_bytes;
}

void leit_case_lend(leit_case *c, const char *name, const void *place, size_t bytes)
{
    if (c->n_lent == MAX_LENT)
        leit_harness_must(leit_fail(LEIT_INTERNAL, __func__, "%s lends too much", c->params));
    c->lent[c->n_lent].name = name;
    c->lent[c->n_lent].place = (const void **)(uintptr_t)place;
    c->lent[c->n_lent++].bytes = bytes;
}

void leit_case_bind(leit_case *c, void (*bind)(leit_case *c))
{
    c->bind = bind;
}

void *leit_case_kernel(leit_case *c, const char *name)
{
    struct buffer *buffer = lookup(c, name);
    return buffer == NULL ? NULL : buffer->device + GUARD_BYTES;
}

double *leit_case_f64(leit_case *c, const char *name)
{
    struct buffer *buffer = lookup(c, name);
    return buffer == NULL ? NULL : buffer->f64;
}

float *leit_case_f32(leit_case *c, const char *name)
{
    struct buffer *buffer = lookup(c, name);
    return buffer == NULL ? NULL : buffer->f32;
}

int32_t *leit_case_i32(leit_case *c, const char *name)
{
    struct buffer *buffer = lookup(c, name);
    return buffer == NULL ? NULL : buffer->integers;
}

uint8_t *leit_case_u8(leit_case *c, const char *name)
{
    struct buffer *buffer = lookup(c, name);
    return buffer == NULL ? NULL : buffer->integers;
}

leit_case *leit_case_open(const leit_op_cases *cases, const char *params, const leit_op *kernel,
                          uint64_t draw, leit_buffer *findings)
{
    leit_case *c = NULL;
    leit_harness_must(LEIT_ALLOC(c, 1));
    c->cases = cases;
    c->params = params;
    c->kernel = kernel;
    c->findings = findings;
    c->draw = draw;
    c->seed = 1469598103934665603u ^ draw << 32; /* FNV-1a of the text */
    for (const char *at = params; *at != '\0'; at++)
        c->seed = (c->seed ^ (unsigned char)*at) * 1099511628211u;
    c->args = leit_allocate(1, kernel->args_bytes);
    if (c->args == NULL) leit_harness_must(LEIT_INTERNAL);
    cases->describe(c);
    for (int i = 0; i < c->n_buffers; i++) /* inputs are the same for double and float */
        for (int64_t k = 0; c->buffers[i].start != NULL && k < c->buffers[i].count; k++)
            c->buffers[i].start[k] = (double)(float)c->buffers[i].start[k];
    return c;
}

void leit_case_close(leit_case *c)
{
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        leit_free(buffer->start);
        leit_free(buffer->start_i32);
        leit_free(buffer->f64);
        leit_free(buffer->f32);
        leit_free(buffer->integers);
        leit_free(buffer->judged_integers);
        leit_free(buffer->guarded);
        leit_free(buffer->given);
    }
    leit_free(c->args);
    leit_free(c);
}
