/* The headers of all ops of ops.def. */
#ifndef LEIT_KERNELS_OPS_H
#define LEIT_KERNELS_OPS_H

#include "kernels/conv2d.h"
#include "kernels/layernorm.h"
#include "kernels/mel_spectrogram.h"
#include "kernels/linear.h"

#endif
