#include "kernels/harness.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "core/rng.h"
#include "kernels/golden.h"

/* A buffer lives up to three times: in double for the judge, in float for the naive version, and as
 * guarded kernel memory. Integer buffers have no double and float form. */

enum { MAX_BUFFERS = 48, GUARD_BYTES = 256, POISON = 0xFF, PROBES = 24, NAIVE_RUNS = 4 };

enum role { INPUT, OUTPUT, INOUT, GRADIENT_IN, GRADIENT, GRADIENT_SUM };

static const size_t NO_FIELD = SIZE_MAX;

struct buffer {
    const char *name, *of;
    enum role role;
    leit_dtype dtype;
    int64_t count, valid;
    size_t field_offset; /* of the pointer in the argument struct, or NO_FIELD */
    double *start;       /* values before a run, f32-representable; NaN is poison */
    int32_t *start_i32;
    double *f64;
    float *f32;
    double naive_error;               /* largest error of the naive version, against double */
    void *integers, *judged_integers; /* of the references, for I32 and U8; of the double one */
    unsigned char *guarded;           /* GUARD_BYTES, the kernel's elements, GUARD_BYTES */
};

struct leit_case {
    const leit_op_cases *cases;
    const char *params;
    const leit_op *kernel;
    void *args;
    struct buffer buffers[MAX_BUFFERS];
    int n_buffers;
    uint64_t seed;
    leit_case_timing work;
    leit_buffer *findings;
    void (*bind)(leit_case *c);
    bool no_differences;
    bool failed;
};

static void must(leit_status status)
{
    if (status == LEIT_OK) return;
    fprintf(stderr, "harness: %s\n", leit_error_message());
    abort();
}

static void find(leit_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void find(leit_case *c, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    c->failed = true;
    must(leit_buffer_printf(c->findings, "%s [%s] seed %llu: %s\n", c->kernel->name, c->params,
                            (unsigned long long)c->seed, text));
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
        must(LEIT_ALLOC(buffer->start, count));
        must(LEIT_ALLOC(buffer->f64, count));
        must(LEIT_ALLOC(buffer->f32, count));
        for (int64_t i = 0; i < count; i++) buffer->start[i] = NAN;
    } else {
        must(LEIT_ALLOC(buffer->start_i32, count));
        buffer->integers = leit_allocate((size_t)count, leit_dtype_bytes(dtype));
        buffer->judged_integers = leit_allocate((size_t)count, leit_dtype_bytes(dtype));
        if (buffer->integers == NULL || buffer->judged_integers == NULL) must(LEIT_INTERNAL);
        memset(buffer->start_i32, POISON, (size_t)count * sizeof(int32_t));
    }
    buffer->guarded = leit_allocate(2 * GUARD_BYTES + (size_t)count * leit_dtype_bytes(dtype), 1);
    if (buffer->guarded == NULL) must(LEIT_INTERNAL);
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
    add(c, name, INPUT, LEIT_I32, field, 1, 1)->start_i32[0] = (int32_t)value;
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

static struct buffer *lookup_or_abort(leit_case *c, const char *name)
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
        add(c, name, GRADIENT_IN, LEIT_F32, field, lookup_or_abort(c, of)->count, valid);
    buffer->of = of;
    return fill_normal(c, buffer);
}

void leit_case_gradient(leit_case *c, const char *name, float *const *field, const char *of)
{
    struct buffer *input = lookup_or_abort(c, of);
    add(c, name, GRADIENT, LEIT_F32, field, input->count, 0)->of = of;
}

void leit_case_gradient_sum(leit_case *c, const char *name, float *const *field, const char *of)
{
    struct buffer *input = lookup_or_abort(c, of);
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

void leit_case_bind(leit_case *c, void (*bind)(leit_case *c))
{
    c->bind = bind;
}

void *leit_case_kernel(leit_case *c, const char *name)
{
    struct buffer *buffer = lookup(c, name);
    return buffer == NULL ? NULL : buffer->guarded + GUARD_BYTES;
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

static leit_case *open_case(const leit_op_cases *cases, const char *params, const leit_op *kernel,
                            leit_buffer *findings)
{
    leit_case *c = NULL;
    must(LEIT_ALLOC(c, 1));
    c->cases = cases;
    c->params = params;
    c->kernel = kernel;
    c->findings = findings;
    c->seed = 1469598103934665603u; /* FNV-1a of the text */
    for (const char *at = params; *at != '\0'; at++)
        c->seed = (c->seed ^ (unsigned char)*at) * 1099511628211u;
    c->args = leit_allocate(1, kernel->args_bytes);
    if (c->args == NULL) must(LEIT_INTERNAL);
    cases->describe(c);
    for (int i = 0; i < c->n_buffers; i++) /* inputs are the same for double and float */
        for (int64_t k = 0; c->buffers[i].start != NULL && k < c->buffers[i].count; k++)
            c->buffers[i].start[k] = (double)(float)c->buffers[i].start[k];
    return c;
}

static void close_case(leit_case *c)
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
    }
    leit_free(c->args);
    leit_free(c);
}

/* ---- running ---- */

static void reset_integers(struct buffer *buffer)
{
    for (int64_t k = 0; k < buffer->count; k++) {
        if (buffer->dtype == LEIT_I32)
            ((int32_t *)buffer->integers)[k] = buffer->start_i32[k];
        else
            ((uint8_t *)buffer->integers)[k] = (uint8_t)buffer->start_i32[k];
    }
}

static void reset_references(leit_case *c)
{
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        if (buffer->dtype == LEIT_F32)
            memcpy(buffer->f64, buffer->start, (size_t)buffer->count * sizeof(double));
        else
            reset_integers(buffer);
    }
}

static void reset_naive(leit_case *c)
{
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        if (buffer->dtype != LEIT_F32) reset_integers(buffer);
        for (int64_t k = 0; buffer->dtype == LEIT_F32 && k < buffer->count; k++)
            buffer->f32[k] = (float)buffer->start[k];
    }
}

static void reset_kernel(leit_case *c)
{
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        size_t bytes = (size_t)buffer->count * leit_dtype_bytes(buffer->dtype);
        memset(buffer->guarded, POISON, 2 * GUARD_BYTES + bytes);
        void *elements = buffer->guarded + GUARD_BYTES;
        if (buffer->dtype == LEIT_F32) {
            /* Behind a count outputs keep the poison of memset, inputs get another NaN: copied or
             * computed with, it would not pass for an output left untouched. */
            const bool is_input = buffer->role == INPUT || buffer->role == GRADIENT_IN;
            float *values = elements;
            for (int64_t k = 0; k < buffer->count; k++)
                if (is_input || !isnan(buffer->start[k])) values[k] = (float)buffer->start[k];
        } else if (buffer->dtype == LEIT_I32) {
            memcpy(elements, buffer->start_i32, bytes);
        }
        if (buffer->field_offset != NO_FIELD)
            memcpy((char *)c->args + buffer->field_offset, &elements, sizeof elements);
    }
    if (c->bind != NULL) c->bind(c);
}

static bool guards_are_whole(const struct buffer *buffer)
{
    size_t bytes = (size_t)buffer->count * leit_dtype_bytes(buffer->dtype);
    for (size_t i = 0; i < GUARD_BYTES; i++)
        if (buffer->guarded[i] != POISON || buffer->guarded[GUARD_BYTES + bytes + i] != POISON)
            return false;
    return true;
}

/* Runs the kernel in guarded memory; false when it returned an error or wrote where it must not. */
static bool run_kernel(leit_case *c, leit_threads *threads)
{
    reset_kernel(c);
    const int workers = leit_threads_count(threads);
    size_t bytes = c->kernel->workspace_bytes(c->args, workers);
    unsigned char *workspace = leit_allocate(bytes + GUARD_BYTES, 1);
    if (workspace == NULL) must(LEIT_INTERNAL);
    memset(workspace, POISON, bytes + GUARD_BYTES);
    leit_exec exec = {.threads = threads, .workspace = workspace, .workspace_bytes = bytes};

    leit_status status = c->kernel->forward(&exec, c->args);
    if (status == LEIT_OK && c->kernel->backward != NULL && c->cases->backward_f64 != NULL)
        status = c->kernel->backward(&exec, c->args);
    bool good = status == LEIT_OK;
    if (!good) find(c, "kernel failed: %s", leit_error_message());
    for (size_t i = 0; good && i < GUARD_BYTES; i++)
        if (workspace[bytes + i] != POISON) {
            find(c, "wrote behind its workspace of %zu bytes", bytes);
            good = false;
        }
    leit_free(workspace);
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        if (!guards_are_whole(buffer)) {
            find(c, "wrote outside '%s'", buffer->name);
            good = false;
        }
        if ((buffer->role == INPUT || buffer->role == GRADIENT_IN) && buffer->dtype == LEIT_F32) {
            const float *values = (const float *)(buffer->guarded + GUARD_BYTES);
            for (int64_t k = 0; k < buffer->valid; k++)
                if (values[k] != (float)buffer->start[k]) {
                    find(c, "changed its input '%s' at %lld", buffer->name, (long long)k);
                    good = false;
                    break;
                }
        }
    }
    return good;
}

/* ---- judging ---- */

static bool is_poison(const struct buffer *buffer, int64_t k)
{
    size_t bytes = leit_dtype_bytes(buffer->dtype);
    for (size_t i = 0; i < bytes; i++)
        if (buffer->guarded[GUARD_BYTES + (size_t)k * bytes + i] != POISON) return false;
    return true;
}

static void judge_integers(leit_case *c, const struct buffer *buffer)
{
    size_t bytes = (size_t)buffer->count * leit_dtype_bytes(buffer->dtype);
    if (memcmp(buffer->guarded + GUARD_BYTES, buffer->judged_integers, bytes) != 0)
        find(c, "'%s' differs from the reference", buffer->name);
}

static void judge_floats(leit_case *c, const struct buffer *buffer)
{
    const float *values = (const float *)(buffer->guarded + GUARD_BYTES);
    double largest = 0.0;
    for (int64_t k = 0; k < buffer->count; k++)
        if (isfinite(buffer->f64[k])) largest = fmax(largest, fabs(buffer->f64[k]));
    double tolerance = 2.0 * buffer->naive_error + 2.0 * 0x1p-24 * largest;
    for (int64_t k = 0; k < buffer->count; k++) {
        if (isnan(buffer->f64[k])) {
            if (!is_poison(buffer, k)) {
                find(c, "'%s'[%lld] is %g, expected it untouched", buffer->name, (long long)k,
                     (double)values[k]);
                return;
            }
            continue;
        }
        double error = fabs((double)values[k] - buffer->f64[k]);
        if (isinf(buffer->f64[k]) && (double)values[k] == buffer->f64[k]) continue;
        if (!(error <= tolerance)) {
            find(c, "'%s'[%lld] is %.9g, expected %.9g: off by %.3g, allowed %.3g", buffer->name,
                 (long long)k, (double)values[k], buffer->f64[k], error, tolerance);
            return;
        }
    }
}

static void judge(leit_case *c)
{
    for (int i = 0; i < c->n_buffers; i++) {
        const struct buffer *buffer = &c->buffers[i];
        if (buffer->role == INPUT || buffer->role == GRADIENT_IN) continue;
        if (c->cases->backward_f64 == NULL && buffer->role >= GRADIENT) continue;
        if (buffer->dtype == LEIT_F32)
            judge_floats(c, buffer);
        else
            judge_integers(c, buffer);
    }
}

static void run_reference(leit_case *c, bool in_double)
{
    (in_double ? c->cases->forward_f64 : c->cases->forward_f32)(c);
    if (c->cases->backward_f64 == NULL) return;
    (in_double ? c->cases->backward_f64 : c->cases->backward_f32)(c);
}

static size_t integer_bytes(const struct buffer *buffer)
{
    return buffer->dtype == LEIT_F32 ? 0 : (size_t)buffer->count * leit_dtype_bytes(buffer->dtype);
}

/* Moves every input of the naive version by one unit in the last place, up or down. */
static void nudge_inputs(leit_case *c, uint32_t run)
{
    leit_rng rng = leit_rng_start(c->seed, 2, run, 0);
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        if (buffer->dtype != LEIT_F32 || buffer->role == OUTPUT || buffer->role == GRADIENT)
            continue;
        for (int64_t k = 0; k < buffer->valid; k++)
            buffer->f32[k] =
                nextafterf(buffer->f32[k], leit_rng_next(&rng) & 1 ? HUGE_VALF : -HUGE_VALF);
    }
}

static void measure_naive_error(leit_case *c)
{
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        if (buffer->dtype != LEIT_F32) continue;
        for (int64_t k = 0; k < buffer->count; k++) {
            double error = fabs((double)buffer->f32[k] - buffer->f64[k]);
            if (error > buffer->naive_error) buffer->naive_error = error; /* NaN is untouched */
        }
    }
}

/* The double reference gives the expected values; the naive version, run on the inputs and on
 * inputs nudged by one unit in the last place, gives the error that fp32 cannot avoid. (One run
 * alone can be lucky: a difference of two rounded numbers may come out exact.) */
static void run_references(leit_case *c)
{
    reset_references(c);
    run_reference(c, true);
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        buffer->naive_error = 0.0;
        if (buffer->dtype != LEIT_F32)
            memcpy(buffer->judged_integers, buffer->integers, integer_bytes(buffer));
    }
    for (uint32_t run = 0; run < NAIVE_RUNS; run++) {
        reset_naive(c);
        if (run > 0) nudge_inputs(c, run);
        run_reference(c, false);
        measure_naive_error(c);
    }
}

/* The scalar whose gradient the backward computes: sum of dy * y over all outputs with a dy. */
static double objective(leit_case *c)
{
    double total = 0.0;
    for (int i = 0; i < c->n_buffers; i++) {
        const struct buffer *dy = &c->buffers[i];
        if (dy->role != GRADIENT_IN) continue;
        const double *y = lookup_or_abort(c, dy->of)->f64;
        for (int64_t k = 0; k < dy->valid; k++) total += dy->start[k] * y[k];
    }
    return total;
}

static double objective_at(leit_case *c, struct buffer *input, int64_t k, double value)
{
    reset_references(c);
    input->f64[k] = value;
    c->cases->forward_f64(c);
    return objective(c);
}

/* Central differences of the double reference at a few elements of every differentiated input. */
static void judge_gradients(leit_case *c)
{
    leit_rng rng = leit_rng_start(c->seed, 1, 0, 0);
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *gradient = &c->buffers[i];
        if (gradient->role != GRADIENT && gradient->role != GRADIENT_SUM) continue;
        struct buffer *input = lookup_or_abort(c, gradient->of);
        double *analytic = NULL;
        must(LEIT_ALLOC(analytic, gradient->count));
        double scale = 0.0;
        for (int64_t k = 0; k < input->valid; k++) {
            double before = gradient->role == GRADIENT_SUM ? gradient->start[k] : 0.0;
            analytic[k] = gradient->f64[k] - before;
            scale = fmax(scale, fabs(analytic[k]));
        }
        for (int probe = 0; probe < PROBES && probe < input->valid; probe++) {
            int64_t k = probe;
            if (input->valid > PROBES) k = (int64_t)leit_rng_below(&rng, (uint32_t)input->valid);
            double x = input->start[k], h = 1e-6 * fmax(1.0, fabs(x));
            double above = objective_at(c, input, k, x + h);
            double below = objective_at(c, input, k, x - h);
            double numeric = (above - below) / (2.0 * h);
            /* Rounding of the objective over 2h, and h^2 times a third derivative of order 1. */
            double tolerance = 64 * 0x1p-53 * (fabs(above) + fabs(below) + 1.0) / h + 1e-6 * scale;
            if (!(fabs(numeric - analytic[k]) <= tolerance)) {
                find(c, "reference '%s'[%lld] is %.9g, central difference %.9g, allowed %.3g",
                     gradient->name, (long long)k, analytic[k], numeric, tolerance);
                break;
            }
        }
        leit_free(analytic);
        run_references(c);
    }
}

/* Copies everything the kernel wrote; two runs must give the same bytes. */
static leit_buffer snapshot(leit_case *c)
{
    leit_buffer bytes = {0};
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        size_t size = (size_t)buffer->count * leit_dtype_bytes(buffer->dtype);
        must(leit_buffer_append(&bytes, buffer->guarded + GUARD_BYTES, size));
    }
    return bytes;
}

static void judge_repeatability(leit_case *c)
{
    leit_buffer first = snapshot(c);
    for (int workers = 1; workers <= 3; workers++) {
        leit_threads *threads = NULL;
        must(leit_threads_create(workers, &threads));
        for (int again = 0; again < 2; again++) {
            if (!run_kernel(c, threads)) continue;
            leit_buffer next = snapshot(c);
            if (memcmp(first.data, next.data, first.size_bytes) != 0)
                find(c, "other bits with %d threads, run %d", workers, again + 1);
            leit_buffer_clear(&next);
        }
        leit_threads_free(threads);
    }
    leit_buffer_clear(&first);
}

bool leit_case_check(const leit_op_cases *cases, const char *params, const leit_op *kernel,
                     leit_buffer *findings)
{
    leit_case *c = open_case(cases, params, kernel, findings);
    run_references(c);
    if (cases->backward_f64 != NULL && !c->no_differences) judge_gradients(c);
    if (run_kernel(c, NULL)) {
        judge(c);
        judge_repeatability(c);
    }
    bool good = !c->failed;
    close_case(c);
    return good;
}

bool leit_cases_check(const leit_op_cases *cases, const leit_op *kernel, leit_buffer *findings)
{
    bool good = cases->params[0] != NULL;
    if (!good) must(leit_buffer_printf(findings, "%s has no cases\n", kernel->name));
    for (const char *const *params = cases->params; *params != NULL; params++)
        good = leit_case_check(cases, *params, kernel, findings) && good;
    return good;
}

/* ---- goldens ---- */

static void load_golden(leit_case *c, const leit_golden *golden, bool inputs)
{
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        bool is_input = buffer->role == INPUT || buffer->role == GRADIENT_IN ||
                        buffer->role == GRADIENT_SUM || buffer->role == INOUT;
        if (buffer->dtype == LEIT_F32) {
            const char *suffix = inputs || buffer->role == OUTPUT || buffer->role == GRADIENT
                                     ? ""
                                     : "_after"; /* of a sum or running statistic */
            if (inputs && !is_input) continue;
            if (!inputs && (buffer->role == INPUT || buffer->role == GRADIENT_IN)) continue;
            leit_golden_read_f64(golden, buffer->name, suffix, buffer->count,
                                 inputs ? buffer->start : buffer->f64);
        } else if (buffer->dtype == LEIT_I32) {
            if (inputs != is_input) continue;
            leit_golden_read_i32(golden, buffer->name, buffer->count,
                                 inputs ? buffer->start_i32 : (int32_t *)buffer->integers);
        }
    }
}

/* The golden is judge twice: of our double reference (to 1e-9 of the largest value, both being
 * double arithmetic in different order) and of the kernel (with the tolerance of judge_floats). */
static void judge_golden(leit_case *c, const leit_golden *golden)
{
    load_golden(c, golden, true);
    run_references(c);
    double *ours[MAX_BUFFERS] = {0};
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        if (buffer->dtype != LEIT_F32) continue;
        must(LEIT_ALLOC(ours[i], buffer->count));
        memcpy(ours[i], buffer->f64, (size_t)buffer->count * sizeof(double));
    }
    load_golden(c, golden, false);
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        if (ours[i] == NULL) continue;
        double largest = 1.0;
        for (int64_t k = 0; k < buffer->count; k++)
            if (!isnan(buffer->f64[k])) largest = fmax(largest, fabs(buffer->f64[k]));
        for (int64_t k = 0; k < buffer->count; k++) {
            if (isnan(ours[i][k]) && isnan(buffer->f64[k])) continue;
            if (!(fabs(ours[i][k] - buffer->f64[k]) <= 1e-9 * largest)) {
                find(c, "reference '%s'[%lld] is %.12g, golden %.12g", buffer->name, (long long)k,
                     ours[i][k], buffer->f64[k]);
                break;
            }
        }
        leit_free(ours[i]);
    }
    if (run_kernel(c, NULL)) judge(c);
}

bool leit_goldens_check(const leit_op_cases *cases, const leit_op *kernel, leit_buffer *findings)
{
    leit_golden golden;
    bool good = true;
    int n_cases = leit_golden_count(kernel->name);
    if (n_cases < 1) {
        must(leit_buffer_printf(findings, "%s has no golden cases\n", kernel->name));
        return false;
    }
    for (int i = 0; i < n_cases; i++) {
        leit_golden_open(kernel->name, i, &golden);
        leit_case *c = open_case(cases, golden.params, kernel, findings);
        judge_golden(c, &golden);
        good = good && !c->failed;
        close_case(c);
        leit_golden_close(&golden);
    }
    return good;
}

/* ---- timing ---- */

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

bool leit_case_time(const leit_op_cases *cases, const char *params, const leit_op *kernel,
                    int n_workers, int runs, leit_case_timing *timing)
{
    leit_buffer findings = {0};
    leit_case *c = open_case(cases, params, kernel, &findings);
    leit_threads *threads = NULL;
    must(leit_threads_create(n_workers, &threads));
    size_t bytes = kernel->workspace_bytes(c->args, n_workers);
    void *workspace = leit_allocate(bytes, 1);
    double *seconds[2] = {0};
    must(LEIT_ALLOC(seconds[0], runs));
    must(LEIT_ALLOC(seconds[1], runs));
    leit_exec exec = {.threads = threads, .workspace = workspace, .workspace_bytes = bytes};
    bool good = run_kernel(c, threads); /* warm-up, and the values the backward reads */
    for (int run = 0; good && run < runs; run++) {
        int64_t start = leit_clock_ns();
        good = kernel->forward(&exec, c->args) == LEIT_OK;
        seconds[0][run] = leit_clock_seconds_since(start);
        start = leit_clock_ns();
        if (good && kernel->backward != NULL) good = kernel->backward(&exec, c->args) == LEIT_OK;
        seconds[1][run] = leit_clock_seconds_since(start);
    }
    for (int direction = 0; direction < 2; direction++)
        qsort(seconds[direction], (size_t)runs, sizeof(double), compare_doubles);
    *timing = c->work;
    timing->forward_seconds = seconds[0][runs / 2];
    timing->backward_seconds = kernel->backward == NULL ? 0.0 : seconds[1][runs / 2];
    leit_free(seconds[0]);
    leit_free(seconds[1]);
    leit_free(workspace);
    leit_threads_free(threads);
    close_case(c);
    leit_buffer_clear(&findings);
    return good;
}
