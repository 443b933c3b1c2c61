/* The headers of all ops. */
#ifndef LEIT_KERNELS_OPS_H
#define LEIT_KERNELS_OPS_H

#include "kernels/adam.h"
#include "kernels/add.h"
#include "kernels/attention.h"
#include "kernels/batchnorm1d.h"
#include "kernels/batchnorm2d.h"
#include "kernels/bce_with_logits.h"
#include "kernels/concat_rows.h"
#include "kernels/conv2d.h"
#include "kernels/cosine_triplet.h"
#include "kernels/crop_clips.h"
#include "kernels/dropout.h"
#include "kernels/embedding.h"
#include "kernels/focal_loss.h"
#include "kernels/gather_rows.h"
#include "kernels/gelu.h"
#include "kernels/global_max_pool.h"
#include "kernels/grad_norm.h"
#include "kernels/l2_normalize.h"
#include "kernels/layernorm.h"
#include "kernels/linear.h"
#include "kernels/maxpool2d.h"
#include "kernels/mel_spectrogram.h"
#include "kernels/mse.h"
#include "kernels/relu.h"
#include "kernels/sigmoid.h"
#include "kernels/softmax_cross_entropy.h"
#include "kernels/top_k_similarity.h"
#include "kernels/triplet_sample.h"

#endif
