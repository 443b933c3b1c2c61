#include "kernels/harness_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "core/rng.h"

/* Sanitizers are slow and look at accesses: of a large input two elements by differences will do, and
 * none where only threads are looked at, for a reference has one. */
#if defined(__SANITIZE_THREAD__)
#define HARNESS_PROBES 0
#elif defined(__SANITIZE_ADDRESS__)
#define HARNESS_PROBES 2 /* of an input with more than PROBES elements */
#else
#define HARNESS_PROBES 24
#endif

/* More draws meet rarer inputs; then what fp32 cannot avoid is sampled more often, too. */
enum { PROBES = 24, NAIVE_RUNS = 4, NAIVE_RUNS_ROUNDED = 6, NAIVE_RUNS_OF_FURTHER_DRAWS = 16 };

static bool is_input(const struct buffer *buffer)
{
    return buffer->role == INPUT || buffer->role == GRADIENT_IN;
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

static void fill_guarded(struct buffer *buffer)
{
    const size_t bytes = (size_t)buffer->count * leit_dtype_bytes(buffer->dtype);
    memset(buffer->guarded, POISON, 2 * GUARD_BYTES + bytes);
    void *elements = buffer->guarded + GUARD_BYTES;
    if (buffer->dtype == LEIT_F32) {
        /* Behind a count outputs keep the poison of memset, inputs get another NaN: copied or
         * computed with, it would not pass for an output left untouched. */
        float *values = elements;
        for (int64_t k = 0; k < buffer->count; k++)
            if (is_input(buffer) || !isnan(buffer->start[k])) values[k] = (float)buffer->start[k];
    } else if (buffer->dtype == LEIT_I32) {
        memcpy(elements, buffer->start_i32, bytes);
    }
    memcpy(buffer->given, elements, bytes);
}

/* ---- the memory of kernels ---- */

static const leit_device_memory *device_memory;

void leit_harness_memory(const leit_device_memory *memory)
{
    device_memory = memory;
}

static const leit_device_memory *memory_of_kernels(void)
{
    return device_memory == NULL ? &leit_backend_cpu()->memory : device_memory;
}

/* What the program has, or a copy of it on the device. */
static void *give(const void *memory, size_t bytes)
{
    const leit_device_memory *device = memory_of_kernels();
    if (device->is_host) return (void *)(uintptr_t)memory;
    void *copy = device->allocate(bytes, true);
    if (copy == NULL) leit_harness_must(LEIT_DEVICE);
    leit_harness_must(device->write(copy, memory, bytes, NULL));
    return copy;
}

/* The copy's content to the program, and its end. Errors of the kernel come here. */
static leit_status take_back(void *memory, void *copy, size_t bytes)
{
    const leit_device_memory *device = memory_of_kernels();
    if (device->is_host) return LEIT_OK;
    const leit_status status = memory == NULL ? LEIT_OK : device->read(memory, copy, bytes, NULL);
    device->release(copy);
    return status;
}

static size_t guarded_bytes(const struct buffer *buffer)
{
    return 2 * GUARD_BYTES + (size_t)buffer->count * leit_dtype_bytes(buffer->dtype);
}

static void give_buffers(leit_case *c)
{
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        fill_guarded(buffer);
        buffer->device = give(buffer->guarded, guarded_bytes(buffer));
        void *elements = buffer->device + GUARD_BYTES;
        if (buffer->field_offset != NO_FIELD)
            memcpy((char *)c->args + buffer->field_offset, &elements, sizeof elements);
    }
    if (c->bind != NULL) c->bind(c);
    for (int i = 0; i < c->n_lent; i++) {
        c->lent[i].memory = *c->lent[i].place;
        *c->lent[i].place = c->lent[i].device = give(c->lent[i].memory, c->lent[i].bytes);
    }
}

static leit_status take_back_buffers(leit_case *c)
{
    leit_status status = LEIT_OK;
    for (int i = 0; i < c->n_lent; i++) {
        *c->lent[i].place = c->lent[i].memory;
        take_back(NULL, c->lent[i].device, c->lent[i].bytes);
    }
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        const leit_status own = take_back(buffer->guarded, buffer->device, guarded_bytes(buffer));
        if (status == LEIT_OK) status = own;
    }
    return status;
}

/* What the blocks of a launch count themselves by: zeros before and after. */
static unsigned tickets[LEIT_TICKETS];

static bool tickets_are_zero(void)
{
    for (int i = 0; i < LEIT_TICKETS; i++)
        if (tickets[i] != 0) return false;
    return true;
}

static const leit_memory_watcher *watcher;

void leit_harness_watch(const leit_memory_watcher *w)
{
    watcher = w;
}

static void tell_watcher(const leit_case *c, const leit_exec *exec)
{
    if (watcher == NULL) return;
    watcher->add("workspace", exec->workspace, exec->workspace_bytes, 0);
    if (exec->tickets != NULL)
        watcher->add("tickets", exec->tickets, sizeof tickets, sizeof tickets);
    for (int i = 0; i < c->n_lent; i++)
        watcher->add(c->lent[i].name, c->lent[i].device, c->lent[i].bytes, c->lent[i].bytes);
    for (int i = 0; i < c->n_buffers; i++) {
        const struct buffer *buffer = &c->buffers[i];
        const size_t element_bytes = leit_dtype_bytes(buffer->dtype);
        watcher->add(buffer->name, buffer->device + GUARD_BYTES,
                     (size_t)buffer->count * element_bytes, (size_t)buffer->valid * element_bytes);
    }
}

static bool guards_are_whole(const struct buffer *buffer)
{
    size_t bytes = (size_t)buffer->count * leit_dtype_bytes(buffer->dtype);
    for (size_t i = 0; i < GUARD_BYTES; i++)
        if (buffer->guarded[i] != POISON || buffer->guarded[GUARD_BYTES + bytes + i] != POISON)
            return false;
    return true;
}

/* Every byte of an input, whatever its type, behind a count too. */
static bool input_is_whole(leit_case *c, const struct buffer *buffer)
{
    const size_t element_bytes = leit_dtype_bytes(buffer->dtype);
    const size_t bytes = (size_t)buffer->count * element_bytes;
    for (size_t i = 0; i < bytes; i++)
        if (buffer->guarded[GUARD_BYTES + i] != buffer->given[i]) {
            leit_harness_find(c, "changed its input '%s' at %zu", buffer->name, i / element_bytes);
            return false;
        }
    return true;
}

static leit_status run_in_workspace(leit_case *c, leit_threads *threads, unsigned char *workspace,
                                    size_t bytes)
{
    unsigned char *device = give(workspace, bytes + GUARD_BYTES);
    memset(tickets, 0, sizeof tickets);
    const leit_exec exec = {.threads = threads,
                            .workspace = device,
                            .workspace_bytes = bytes,
                            .tickets = give(tickets, sizeof tickets)};
    tell_watcher(c, &exec);
    leit_status status = c->kernel->forward(&exec, c->args);
    if (status == LEIT_OK && c->kernel->backward != NULL && c->cases->backward_f64 != NULL)
        status = c->kernel->backward(&exec, c->args);
    if (watcher != NULL) watcher->forget();
    leit_status own = take_back(workspace, device, bytes + GUARD_BYTES);
    if (own == LEIT_OK) own = take_back(tickets, exec.tickets, sizeof tickets);
    if (status == LEIT_OK && own == LEIT_OK && !tickets_are_zero())
        leit_harness_find(c, "left a ticket that is not zero");
    return status == LEIT_OK ? own : status;
}

/* As a plan asks, which has room made before there are pointers. */
static size_t workspace_bytes_of(const leit_case *c, int n_workers)
{
    unsigned char *args = leit_allocate(c->kernel->args_bytes, 1);
    if (args == NULL) leit_harness_must(LEIT_INTERNAL);
    memcpy(args, c->args, c->kernel->args_bytes);
    for (int i = 0; i < c->n_buffers; i++)
        if (c->buffers[i].field_offset != NO_FIELD)
            memset(args + c->buffers[i].field_offset, 0, sizeof(void *));
    const size_t bytes = c->kernel->workspace_bytes(args, n_workers);
    leit_free(args);
    return bytes;
}

static leit_status run_kernel(leit_case *c, leit_threads *threads, unsigned char **workspace,
                              size_t *bytes)
{
    give_buffers(c);
    *bytes = workspace_bytes_of(c, leit_threads_count(threads));
    *workspace = leit_allocate(*bytes + GUARD_BYTES, 1);
    if (*workspace == NULL) leit_harness_must(LEIT_INTERNAL);
    memset(*workspace, POISON, *bytes + GUARD_BYTES);
    const leit_status status = run_in_workspace(c, threads, *workspace, *bytes);
    const leit_status own = take_back_buffers(c);
    return status == LEIT_OK ? own : status;
}

bool leit_case_run_kernel(leit_case *c, leit_threads *threads)
{
    unsigned char *workspace = NULL;
    size_t bytes = 0;
    const leit_status status = run_kernel(c, threads, &workspace, &bytes);
    bool good = status == LEIT_OK;
    if (!good) leit_harness_find(c, "kernel failed: %s", leit_error_message());
    for (size_t i = 0; good && i < GUARD_BYTES; i++)
        if (workspace[bytes + i] != POISON) {
            leit_harness_find(c, "wrote behind its workspace of %zu bytes", bytes);
            good = false;
        }
    leit_free(workspace);
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        if (!guards_are_whole(buffer)) {
            leit_harness_find(c, "wrote outside '%s'", buffer->name);
            good = false;
        }
        if (is_input(buffer)) good = input_is_whole(c, buffer) && good;
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
        leit_harness_find(c, "'%s' differs from the reference", buffer->name);
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
                leit_harness_find(c, "'%s'[%lld] is %g, expected it untouched", buffer->name,
                                  (long long)k, (double)values[k]);
                return;
            }
            continue;
        }
        double error = fabs((double)values[k] - buffer->f64[k]);
        if (isinf(buffer->f64[k]) && (double)values[k] == buffer->f64[k]) continue;
        if (!(error <= tolerance)) {
            leit_harness_find(c, "'%s'[%lld] is %.9g, expected %.9g: off by %.3g, allowed %.3g",
                              buffer->name, (long long)k, (double)values[k], buffer->f64[k], error,
                              tolerance);
            return;
        }
    }
}

void leit_case_judge(leit_case *c)
{
    for (int i = 0; i < c->n_buffers; i++) {
        const struct buffer *buffer = &c->buffers[i];
        if (is_input(buffer)) continue;
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

static enum leit_precision harness_precision = LEIT_PRECISION_FP32;

void leit_harness_precision(enum leit_precision precision)
{
    harness_precision = precision;
}

/* A number beside x, about as far off as rounding it for a product may move it. */
static float nudged(float x, bool up)
{
    /* Half a unit in the last of 11 and of 8 significant bits. */
    static const float unit[] = {[LEIT_PRECISION_TF32] = 0x1p-11F, [LEIT_PRECISION_BF16] = 0x1p-8F};
    if (harness_precision == LEIT_PRECISION_FP32) return nextafterf(x, up ? HUGE_VALF : -HUGE_VALF);
    return x + (up ? x : -x) * unit[harness_precision];
}

/* Moves every input of the naive version by what its precision may, up or down. */
static void nudge_inputs(leit_case *c, uint32_t run)
{
    leit_rng rng = leit_rng_start(c->seed, 2, run, 0);
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        if (buffer->dtype != LEIT_F32 || buffer->role == OUTPUT || buffer->role == GRADIENT)
            continue;
        for (int64_t k = 0; k < buffer->valid; k++)
            buffer->f32[k] = nudged(buffer->f32[k], leit_rng_next(&rng) & 1);
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
void leit_case_run_references(leit_case *c)
{
    reset_references(c);
    run_reference(c, true);
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        buffer->naive_error = 0.0;
        if (buffer->dtype != LEIT_F32)
            memcpy(buffer->judged_integers, buffer->integers, integer_bytes(buffer));
    }
    uint32_t n_runs = harness_precision == LEIT_PRECISION_FP32 ? NAIVE_RUNS : NAIVE_RUNS_ROUNDED;
    if (c->draw > 0) n_runs = NAIVE_RUNS_OF_FURTHER_DRAWS;
    for (uint32_t run = 0; run < n_runs; run++) {
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
        const double *y = leit_case_buffer(c, dy->of)->f64;
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

bool leit_harness_takes_differences(void)
{
    return HARNESS_PROBES > 0;
}

/* Central differences of the double reference at a few elements of every differentiated input. */
static void judge_gradients(leit_case *c)
{
    leit_rng rng = leit_rng_start(c->seed, 1, 0, 0);
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *gradient = &c->buffers[i];
        if (gradient->role != GRADIENT && gradient->role != GRADIENT_SUM) continue;
        struct buffer *input = leit_case_buffer(c, gradient->of);
        double *analytic = NULL;
        leit_harness_must(LEIT_ALLOC(analytic, gradient->count));
        double scale = 0.0;
        for (int64_t k = 0; k < input->valid; k++) {
            double before = gradient->role == GRADIENT_SUM ? gradient->start[k] : 0.0;
            analytic[k] = gradient->f64[k] - before;
            scale = fmax(scale, fabs(analytic[k]));
        }
        const int64_t n_probes = input->valid > PROBES ? HARNESS_PROBES : input->valid;
        for (int probe = 0; probe < n_probes; probe++) {
            int64_t k = probe;
            if (input->valid > PROBES) k = (int64_t)leit_rng_below(&rng, (uint32_t)input->valid);
            double x = input->start[k], h = 1e-6 * fmax(1.0, fabs(x));
            double above = objective_at(c, input, k, x + h);
            double below = objective_at(c, input, k, x - h);
            double numeric = (above - below) / (2.0 * h);
            /* Rounding of the objective over 2h, and h^2 times a third derivative of order 1. */
            double tolerance = 64 * 0x1p-53 * (fabs(above) + fabs(below) + 1.0) / h + 1e-6 * scale;
            if (!(fabs(numeric - analytic[k]) <= tolerance)) {
                leit_harness_find(
                    c, "reference '%s'[%lld] is %.9g, central difference %.9g, allowed %.3g",
                    gradient->name, (long long)k, analytic[k], numeric, tolerance);
                break;
            }
        }
        leit_free(analytic);
        leit_case_run_references(c);
    }
}

/* Copies everything the kernel wrote; two runs must give the same bytes. */
static leit_buffer snapshot(leit_case *c)
{
    leit_buffer bytes = {0};
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        size_t size = (size_t)buffer->count * leit_dtype_bytes(buffer->dtype);
        leit_harness_must(leit_buffer_append(&bytes, buffer->guarded + GUARD_BYTES, size));
    }
    return bytes;
}

static void judge_repeatability(leit_case *c)
{
    leit_buffer first = snapshot(c);
    for (int workers = 1; workers <= 3; workers++) {
        leit_threads *threads = NULL;
        leit_harness_must(leit_threads_create(workers, &threads));
        for (int again = 0; again < 2; again++) {
            if (!leit_case_run_kernel(c, threads)) continue;
            leit_buffer next = snapshot(c);
            if (memcmp(first.data, next.data, first.size_bytes) != 0)
                leit_harness_find(c, "other bits with %d threads, run %d", workers, again + 1);
            leit_buffer_clear(&next);
        }
        leit_threads_free(threads);
    }
    leit_buffer_clear(&first);
}

static bool check_case(const leit_op_cases *cases, const char *params, const leit_op *kernel,
                       uint64_t draw, leit_buffer *findings)
{
    leit_case *c = leit_case_open(cases, params, kernel, draw, findings);
    leit_case_run_references(c);
    if (cases->backward_f64 != NULL && !c->no_differences && leit_harness_takes_differences())
        judge_gradients(c);
    if (leit_case_run_kernel(c, NULL)) {
        leit_case_judge(c);
        judge_repeatability(c);
    }
    bool good = !c->failed;
    leit_case_close(c);
    return good;
}

bool leit_case_check(const leit_op_cases *cases, const char *params, const leit_op *kernel,
                     leit_buffer *findings)
{
    return check_case(cases, params, kernel, 0, findings);
}

bool leit_cases_check(const leit_op_cases *cases, const leit_op *kernel, leit_buffer *findings)
{
    const char *draws = getenv("LEIT_TEST_DRAWS");
    const uint64_t n_draws = draws == NULL ? 1 : strtoull(draws, NULL, 10);
    bool good = cases->params[0] != NULL && n_draws > 0;
    if (!good) leit_harness_must(leit_buffer_printf(findings, "%s has no cases\n", kernel->name));
    for (const char *const *params = cases->params; *params != NULL; params++)
        for (uint64_t draw = 0; draw < n_draws; draw++)
            good = check_case(cases, *params, kernel, draw, findings) && good;
    return good;
}

bool leit_cases_check_once(const leit_op_cases *cases, const leit_op *kernel, leit_buffer *findings)
{
    bool good = cases->params[0] != NULL;
    if (!good) leit_harness_must(leit_buffer_printf(findings, "%s has no cases\n", kernel->name));
    for (const char *const *params = cases->params; *params != NULL; params++) {
        leit_case *c = leit_case_open(cases, *params, kernel, 0, findings);
        leit_case_run_references(c);
        if (leit_case_run_kernel(c, NULL)) leit_case_judge(c);
        good = good && !c->failed;
        leit_case_close(c);
    }
    return good;
}

/* ---- broken limits ---- */

typedef leit_status op_function(const leit_exec *exec, const void *args);

static bool is_poisoned(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != POISON) return false;
    return true;
}

static void judge_wrong_counts(leit_case *c, op_function *function, const leit_exec *exec)
{
    static const int32_t wrong[] = {-1, INT32_MAX};
    for (int i = 0; i < c->n_buffers; i++)
        for (int w = 0; w < 2 && c->buffers[i].is_count; w++) {
            int32_t *count = (int32_t *)(void *)(c->buffers[i].guarded + GUARD_BYTES);
            const int32_t right = *count;
            *count = wrong[w];
            if (function(exec, c->args) != LEIT_INTERNAL)
                leit_harness_find(c, "accepted %d as '%s'", wrong[w], c->buffers[i].name);
            *count = right;
        }
}

static void judge_limits_of(leit_case *c, op_function *function)
{
    const size_t bytes = workspace_bytes_of(c, 1);
    unsigned char *workspace = leit_allocate(bytes, 1);
    if (workspace == NULL) leit_harness_must(LEIT_INTERNAL);
    leit_exec exec = {.workspace = workspace, .workspace_bytes = bytes};
    judge_wrong_counts(c, function, &exec);
    memset(workspace, POISON, bytes);
    exec.workspace_bytes = bytes > 0 ? bytes - 1 : 0;
    if (function(&exec, c->args) == LEIT_OK && !is_poisoned(workspace, bytes))
        leit_harness_find(c, "used %zu bytes of workspace for %zu", exec.workspace_bytes, bytes);
    leit_free(workspace);
}

bool leit_limits_check(const leit_op_cases *cases, const leit_op *kernel, leit_buffer *findings)
{
    bool good = true;
    for (const char *const *params = cases->params; *params != NULL; params++) {
        leit_case *c = leit_case_open(cases, *params, kernel, 0, findings);
        if (leit_case_run_kernel(c, NULL)) { /* a backward reads what its forward wrote */
            judge_limits_of(c, kernel->forward);
            if (kernel->backward != NULL) judge_limits_of(c, kernel->backward);
        }
        good = good && !c->failed;
        leit_case_close(c);
    }
    return good;
}

/* ---- timing ---- */

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Launches of a device are queued: many, and a wait behind them, are one measurement. */
enum { LAUNCHES = 20 };

static double seconds_of(const leit_case *c, op_function *function, const leit_exec *exec,
                         bool *good)
{
    const leit_device_memory *device = memory_of_kernels();
    const int n = device->is_host ? 1 : LAUNCHES;
    unsigned char byte = 0;
    const int64_t start = leit_clock_ns();
    for (int i = 0; i < n; i++) *good = *good && function(exec, c->args) == LEIT_OK;
    if (!device->is_host)
        *good = *good && device->read(&byte, exec->workspace, sizeof byte, NULL) == LEIT_OK;
    return leit_clock_seconds_since(start) / n;
}

static double median_seconds(const leit_case *c, op_function *function, const leit_exec *exec,
                             int runs, bool *good)
{
    double *seconds = NULL;
    if (function == NULL) return 0.0;
    if (runs == 0) {
        *good = *good && function(exec, c->args) == LEIT_OK;
        return 0.0;
    }
    leit_harness_must(LEIT_ALLOC(seconds, runs));
    seconds_of(c, function, exec, good); /* warm-up, and what the backward reads */
    for (int run = 0; *good && run < runs; run++)
        seconds[run] = seconds_of(c, function, exec, good);
    qsort(seconds, (size_t)runs, sizeof *seconds, compare_doubles);
    const double median = seconds[runs / 2];
    leit_free(seconds);
    return median;
}

bool leit_case_time(const leit_op_cases *cases, const char *params, const leit_op *kernel,
                    int n_workers, int runs, leit_case_timing *timing)
{
    leit_buffer findings = {0};
    leit_case *c = leit_case_open(cases, params, kernel, 0, &findings);
    leit_threads *threads = NULL;
    leit_harness_must(leit_threads_create(n_workers, &threads));
    give_buffers(c);
    const size_t bytes = workspace_bytes_of(c, n_workers);
    unsigned char *workspace = leit_allocate(bytes + 1, 1);
    if (workspace == NULL) leit_harness_must(LEIT_INTERNAL);
    unsigned char *device = give(workspace, bytes + 1);
    memset(tickets, 0, sizeof tickets);
    const leit_exec exec = {.threads = threads,
                            .workspace = device,
                            .workspace_bytes = bytes,
                            .tickets = give(tickets, sizeof tickets)};
    bool good = true;
    tell_watcher(c, &exec);
    *timing = c->work;
    timing->forward_seconds = median_seconds(c, kernel->forward, &exec, runs, &good);
    timing->backward_seconds = median_seconds(c, kernel->backward, &exec, runs, &good);
    if (watcher != NULL) watcher->forget();
    good = take_back(workspace, device, bytes + 1) == LEIT_OK && good;
    good = take_back(NULL, exec.tickets, sizeof tickets) == LEIT_OK && good;
    good = take_back_buffers(c) == LEIT_OK && good;
    leit_free(workspace);
    leit_threads_free(threads);
    leit_case_close(c);
    leit_buffer_clear(&findings);
    return good;
}
