/* One case table per op, five judgements (docs/add-an-op.md).
 *
 * An op has one file of cases, tests/kernels/cases_<op>.c: a list of sizes as text, and a function
 * that describes the buffers of such a case. From it the harness checks a backend's kernel
 *   forward       against the reference loops in double precision
 *   gradient      the reference backward against central differences, the kernel against it
 *   repeatable    the same bits for 1, 2 and 3 threads and when run again
 *   sentinels     poisoned guards around every buffer, rows behind a count neither read nor written
 *   limits        refused: counts beyond the capacity, too little workspace (leit_limits_check)
 *   timing        bench/kernels runs the same cases
 *
 * Tolerance: an element may be off by twice the largest error of the naive f32 loops (the same
 * reference source compiled for float, run on the inputs and on inputs nudged by one unit in the
 * last place) plus two roundings of the largest value, all against double. Kernels whose products
 * round their operands answer to naive loops whose inputs are nudged by as much
 * (leit_harness_precision). Inputs are seeded by the case's text; comparisons are written so that
 * NaN fails.
 */
#ifndef LEIT_TESTS_HARNESS_H
#define LEIT_TESTS_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/tensor.h"
#include "kernels/backend.h"

typedef struct leit_case leit_case;

typedef struct leit_op_cases {
    leit_op_id op;
    const char *const *params; /* "N=97 D=384 residual=1", ..., NULL */
    void (*describe)(leit_case *c);
    void (*forward_f64)(leit_case *c);
    void (*forward_f32)(leit_case *c);
    void (*backward_f64)(leit_case *c); /* NULL for ops without a backward */
    void (*backward_f32)(leit_case *c);
} leit_op_cases;

/* Defines `const leit_op_cases leit_cases_<op>` from static params[], describe() and the reference
 * included by reference/twice.h. */
#define LEIT_CASES(op)                                                                             \
    const leit_op_cases leit_cases_##op = {LEIT_OP_##op, params,       describe,    forward_f64,   \
                                           forward_f32,  backward_f64, backward_f32};
#define LEIT_CASES_FORWARD(op)                                                                     \
    const leit_op_cases leit_cases_##op = {LEIT_OP_##op, params, describe, forward_f64,            \
                                           forward_f32,  NULL,   NULL};

/* ---- inside describe() ---- */

/* The op's argument struct, zeroed; set sizes and scalars here. */
void *leit_case_args(leit_case *c);

/* A number from the case's text; the second argument serves when it is absent. */
int64_t leit_case_int(const leit_case *c, const char *name, int64_t otherwise);
double leit_case_float(const leit_case *c, const char *name, double otherwise);

/* Buffers. `field` is the address of the pointer in the argument struct; elements from `valid` on
 * are poisoned (they lie behind a count). The returned values may be overwritten: they are rounded
 * to f32 afterwards. Names are those of the goldens. A field of NULL: the case places the pointer
 * itself, see leit_case_bind. */
double *leit_case_input(leit_case *c, const char *name, const float *const *field, int64_t count,
                        int64_t valid); /* standard normal */
int32_t *leit_case_indices(leit_case *c, const char *name, const int32_t *const *field,
                           int64_t count, int64_t valid, int32_t bound); /* uniform below bound */
/* A count in memory where the case's text has one: registers a one-element index and returns its
 * value. Where it has none the field stays NULL and `otherwise` comes back. */
int64_t leit_case_count(leit_case *c, const char *name, const int32_t *const *field,
                        int64_t otherwise);
void leit_case_output(leit_case *c, const char *name, float *const *field, int64_t count);
void leit_case_output_i32(leit_case *c, const char *name, int32_t *const *field, int64_t count);
void leit_case_output_u8(leit_case *c, const char *name, uint8_t *const *field, int64_t count);
/* Input and output: starts with these values, running statistics for example. */
double *leit_case_inout(leit_case *c, const char *name, float *const *field, int64_t count);
/* dy: what comes in from behind, as many elements as `of`, the output it belongs to. */
double *leit_case_gradient_in(leit_case *c, const char *name, const float *const *field,
                              const char *of, int64_t valid);
/* dx: written; judged by central differences of the input `of`. */
void leit_case_gradient(leit_case *c, const char *name, float *const *field, const char *of);
/* dw: accumulated onto random values. */
void leit_case_gradient_sum(leit_case *c, const char *name, float *const *field, const char *of);

/* This case's backward is, by definition, not the gradient of its forward: central differences are
 * left out, the reference and the goldens still judge. */
void leit_case_no_differences(leit_case *c);

/* Work of one forward and one backward run, for the timing mode. */
void leit_case_work(leit_case *c, double forward_flops, double forward_bytes, double backward_flops,
                    double backward_bytes);

/* For pointers that lie behind a pointer: bind(c) runs before every run of the kernel, when its
 * buffers are there, and finds them with leit_case_kernel (NULL when the case has no such buffer).
 */
void leit_case_bind(leit_case *c, void (*bind)(leit_case *c));
/* Memory of the case's own that kernels read. `place` is the address of the pointer to it, in the
 * argument struct or behind it: while the kernel runs it points to where the device has a copy. */
void leit_case_lend(leit_case *c, const char *name, const void *place, size_t bytes);
void *leit_case_kernel(leit_case *c, const char *name);

/* ---- inside a reference ---- */

/* The buffer of that name in the precision that is being run, NULL when the case has none. */
double *leit_case_f64(leit_case *c, const char *name);
float *leit_case_f32(leit_case *c, const char *name);
int32_t *leit_case_i32(leit_case *c, const char *name);
uint8_t *leit_case_u8(leit_case *c, const char *name);

/* ---- running ---- */

/* Runs every judgement of one case against a kernel. On failure one line per finding is appended to
 * `findings` and false is returned. */
bool leit_case_check(const leit_op_cases *cases, const char *params, const leit_op *kernel,
                     leit_buffer *findings);

/* All cases of an op; an empty list is a failure. With LEIT_TEST_DRAWS=n in the environment each
 * case is checked n times with other inputs. */
bool leit_cases_check(const leit_op_cases *cases, const leit_op *kernel, leit_buffer *findings);

/* All cases, but each kernel runs once and nothing but its numbers and guards is judged. */
bool leit_cases_check_once(const leit_op_cases *cases, const leit_op *kernel,
                           leit_buffer *findings);

/* Where kernels find their arrays from now on, the program's memory at the start. */
void leit_harness_memory(const leit_device_memory *memory);

/* Whether this build judges the references' gradients by central differences. */
bool leit_harness_takes_differences(void);

/* What kernels multiply from now on, fp32 at the start: every judgement allows for it. */
void leit_harness_precision(enum leit_precision precision);

/* Who wants to know which memory a kernel may touch: told of each piece, of which the first
 * filled_bytes hold something, before the kernel runs, and when it has run. NULL: nobody. */
typedef struct leit_memory_watcher {
    void (*add)(const char *name, const void *memory, size_t bytes, size_t filled_bytes);
    void (*forget)(void);
} leit_memory_watcher;
void leit_harness_watch(const leit_memory_watcher *watcher);

/* What a CPU kernel answers when the caller breaks the contract of kernels/op.h, on all cases of an
 * op: a count below 0 or above its capacity is LEIT_INTERNAL, and with a workspace one byte short a
 * function refuses likewise or does without. */
bool leit_limits_check(const leit_op_cases *cases, const leit_op *kernel, leit_buffer *findings);

/* All cases of tests/golden/ops/<op>.h5 (written by tests/oracle/ops.py in double precision). */
bool leit_goldens_check(const leit_op_cases *cases, const leit_op *kernel, leit_buffer *findings);

/* Median seconds of `runs` forward (and backward) runs on n_workers threads; flops and bytes as
 * described. With runs 0 each runs once and is not timed. */
typedef struct leit_case_timing {
    double forward_seconds, backward_seconds;
    double forward_flops, forward_bytes, backward_flops, backward_bytes;
} leit_case_timing;
bool leit_case_time(const leit_op_cases *cases, const char *params, const leit_op *kernel,
                    int n_workers, int runs, leit_case_timing *timing);

#endif
