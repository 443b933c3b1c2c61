/* Includes the reference LEIT_REFERENCE twice: as forward_f64/backward_f64 with `real` = double,
 * the judge, and as forward_f32/backward_f32 with `real` = float, the naive version that sets the
 * tolerance. A reference is plain loops; BUFFER("x") is NULL for a buffer the case does not have.
 * No include guard: one include per op. */
#include <math.h>
#include <tgmath.h>

#include "kernels/harness.h"

#define real double
#define REFERENCE(name) name##_f64
#define BUFFER(name) leit_case_f64(c, name)
#include LEIT_REFERENCE
#undef real
#undef REFERENCE
#undef BUFFER

#define real float
#define REFERENCE(name) name##_f32
#define BUFFER(name) leit_case_f32(c, name)
#include LEIT_REFERENCE
#undef real
#undef REFERENCE
#undef BUFFER
