#include "kernels/row_images.h"

LEIT_DEFINE_BATCHNORM1D(fast)
