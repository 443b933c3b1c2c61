/* What the files of the harness share: a case in memory, and the steps of judging it. */
#ifndef LEIT_TESTS_HARNESS_CASE_H
#define LEIT_TESTS_HARNESS_CASE_H

#include "kernels/harness.h"

/* A buffer lives up to three times: in double for the judge, in float for the naive version, and as
 * guarded kernel memory. Integer buffers have no double and float form. */

enum { MAX_BUFFERS = 48, MAX_LENT = 12, GUARD_BYTES = 256, POISON = 0xFF };

enum role { INPUT, OUTPUT, INOUT, GRADIENT_IN, GRADIENT, GRADIENT_SUM };

#define NO_FIELD SIZE_MAX

struct buffer {
    const char *name, *of;
    enum role role;
    leit_dtype dtype;
    int64_t count, valid;
    bool is_count;       /* how many rows hold data */
    size_t field_offset; /* of the pointer in the argument struct, or NO_FIELD */
    double *start;       /* values before a run, f32-representable; NaN is poison */
    int32_t *start_i32;
    double *f64;
    float *f32;
    double naive_error;               /* largest error of the naive version, against double */
    void *integers, *judged_integers; /* of the references, for I32 and U8; of the double one */
    unsigned char *guarded;           /* GUARD_BYTES, the kernel's elements, GUARD_BYTES */
    unsigned char *device;            /* the same while a kernel runs, where it finds them */
    unsigned char *given;             /* of an input: the elements as the kernel got them */
};

struct leit_case {
    const leit_op_cases *cases;
    const char *params;
    const leit_op *kernel;
    void *args;
    struct buffer buffers[MAX_BUFFERS];
    int n_buffers;
    uint64_t draw, seed;
    leit_case_timing work;
    leit_buffer *findings;
    void (*bind)(leit_case *c);
    struct {
        const char *name;
        const void **place, *memory; /* the program's */
        void *device;
        size_t bytes;
    } lent[MAX_LENT];
    int n_lent;
    bool no_differences;
    bool failed;
};

/* Stops the test program with a sentence unless the status is LEIT_OK. */
void leit_harness_must(leit_status status);

/* Appends a line to the case's findings: it has failed. */
void leit_harness_find(leit_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Describes a case; its inputs are there, its references have not run. `draw` 0, 1, ... are other
 * inputs for the same case. */
leit_case *leit_case_open(const leit_op_cases *cases, const char *params, const leit_op *kernel,
                          uint64_t draw, leit_buffer *findings);
void leit_case_close(leit_case *c);

/* The buffer of that name; stops the program where there is none. */
struct buffer *leit_case_buffer(leit_case *c, const char *name);

/* Expected values and the error that fp32 cannot avoid. */
void leit_case_run_references(leit_case *c);

/* Runs the kernel in guarded memory; false when it returned an error or wrote where it must not. */
bool leit_case_run_kernel(leit_case *c, leit_threads *threads);

/* What the kernel wrote against what was expected. */
void leit_case_judge(leit_case *c);

#endif
