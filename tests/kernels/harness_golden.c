/* Goldens: the inputs, and what PyTorch made of them. They judge twice: our double reference (to
 * 1e-9 of the largest value, both being double arithmetic in different order; integers exactly) and
 * the kernel, with the tolerance of all cases. */
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "kernels/golden.h"
#include "kernels/harness_case.h"

static void load_inputs(leit_case *c, const leit_golden *golden)
{
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        if (buffer->role == OUTPUT || buffer->role == GRADIENT) continue;
        if (buffer->dtype == LEIT_F32)
            leit_golden_read(golden, buffer->name, "", LEIT_F64, buffer->count, buffer->start);
        else
            leit_golden_read(golden, buffer->name, "", LEIT_I32, buffer->count, buffer->start_i32);
    }
}

static void expect_floats(leit_case *c, struct buffer *buffer, const leit_golden *golden)
{
    const bool is_new = buffer->role == OUTPUT || buffer->role == GRADIENT;
    double *ours = NULL, largest = 1.0;
    leit_harness_must(LEIT_ALLOC(ours, buffer->count));
    memcpy(ours, buffer->f64, (size_t)buffer->count * sizeof *ours);
    if (!leit_golden_read(golden, buffer->name, is_new ? "" : "_after", LEIT_F64, buffer->count,
                          buffer->f64))
        leit_harness_find(c, "the golden has no '%s'", buffer->name);
    for (int64_t k = 0; k < buffer->count; k++)
        if (!isnan(buffer->f64[k])) largest = fmax(largest, fabs(buffer->f64[k]));
    for (int64_t k = 0; k < buffer->count; k++) {
        if (isnan(ours[k]) && isnan(buffer->f64[k])) continue;
        if (!(fabs(ours[k] - buffer->f64[k]) <= 1e-9 * largest)) {
            leit_harness_find(c, "reference '%s'[%lld] is %.12g, golden %.12g", buffer->name,
                              (long long)k, ours[k], buffer->f64[k]);
            break;
        }
    }
    leit_free(ours);
}

static void expect_integers(leit_case *c, struct buffer *buffer, const leit_golden *golden)
{
    const size_t bytes = (size_t)buffer->count * leit_dtype_bytes(buffer->dtype);
    unsigned char *ours = NULL;
    leit_harness_must(LEIT_ALLOC(ours, bytes));
    if (bytes > 0) memcpy(ours, buffer->judged_integers, bytes);
    if (!leit_golden_read(golden, buffer->name, "", buffer->dtype, buffer->count,
                          buffer->judged_integers))
        leit_harness_find(c, "the golden has no '%s'", buffer->name);
    if (bytes > 0 && memcmp(ours, buffer->judged_integers, bytes) != 0)
        leit_harness_find(c, "reference '%s' differs from the golden", buffer->name);
    leit_free(ours);
}

static void judge_golden(leit_case *c, const leit_golden *golden)
{
    load_inputs(c, golden);
    leit_case_run_references(c);
    for (int i = 0; i < c->n_buffers; i++) {
        struct buffer *buffer = &c->buffers[i];
        if (buffer->role == INPUT || buffer->role == GRADIENT_IN) continue;
        if (buffer->dtype == LEIT_F32)
            expect_floats(c, buffer, golden);
        else
            expect_integers(c, buffer, golden);
    }
    if (leit_case_run_kernel(c, NULL)) leit_case_judge(c);
}

bool leit_goldens_check(const leit_op_cases *cases, const leit_op *kernel, leit_buffer *findings)
{
    leit_golden golden;
    bool good = true;
    int n_cases = leit_golden_count(kernel->name);
    if (n_cases < 1) {
        leit_harness_must(leit_buffer_printf(findings, "%s has no golden cases\n", kernel->name));
        return false;
    }
    for (int i = 0; i < n_cases; i++) {
        leit_golden_open(kernel->name, i, &golden);
        leit_case *c = leit_case_open(cases, golden.params, kernel, 0, findings);
        judge_golden(c, &golden);
        good = good && !c->failed;
        leit_case_close(c);
        leit_golden_close(&golden);
    }
    return good;
}
