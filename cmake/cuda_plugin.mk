# The CUDA plugin: what it is made of and how it is compiled. One word list per line, read by
# cmake/cuda.cmake and by Makefile.cuda; nothing about the plugin is written anywhere else.
CUDA_SOURCES += kernels/backend_cuda.cu
CUDA_SOURCES += kernels/layernorm.cu
CUDA_SOURCES += kernels/layernorm_fast.cu
CUDA_SOURCES += kernels/add.cu
CUDA_SOURCES += kernels/sigmoid.cu
CUDA_SOURCES += kernels/dropout.cu
CUDA_SOURCES += kernels/concat_rows.cu
CUDA_SOURCES += kernels/gather_rows.cu
CUDA_SOURCES += kernels/embedding.cu
CUDA_SOURCES += kernels/embedding_fast.cu
CUDA_SOURCES += kernels/l2_normalize.cu
CUDA_SOURCES += kernels/softmax_cross_entropy.cu
CUDA_SOURCES += kernels/focal_loss.cu
CUDA_SOURCES += kernels/bce_with_logits.cu
CUDA_SOURCES += kernels/mse.cu
CUDA_SOURCES += kernels/cosine_triplet.cu
CUDA_SOURCES += kernels/batch_moments.cu
CUDA_SOURCES += kernels/batchnorm1d.cu
CUDA_SOURCES += kernels/batchnorm1d_fast.cu
CUDA_SOURCES += kernels/batchnorm2d.cu
CUDA_SOURCES += kernels/batchnorm2d_fast.cu
CUDA_SOURCES += kernels/maxpool2d.cu
CUDA_SOURCES += kernels/global_max_pool.cu
CUDA_SOURCES += kernels/conv2d.cu
CUDA_SOURCES += kernels/conv2d_fast.cu
CUDA_SOURCES += kernels/conv2d_fast_weights.cu
CUDA_SOURCES += kernels/conv2d_fast_thin.cu
CUDA_SOURCES += kernels/triplet_sample.cu
CUDA_SOURCES += kernels/triplet_sample_fast.cu
CUDA_SOURCES += kernels/linear.cu
CUDA_SOURCES += kernels/linear_fast.cu
CUDA_SOURCES += kernels/linear_library.cu
CUDA_SOURCES += kernels/cublaslt.cu
CUDA_SOURCES += kernels/conv2d_library.cu
CUDA_SOURCES += kernels/cudnn.cu
CUDA_SOURCES += kernels/adam.cu
CUDA_SOURCES += kernels/adam_fast.cu
CUDA_SOURCES += kernels/attention.cu
CUDA_SOURCES += kernels/attention_fast.cu
CUDA_SOURCES += kernels/grad_norm.cu
CUDA_SOURCES += kernels/grad_norm_fast.cu
CUDA_SOURCES += kernels/top_k_similarity.cu
CUDA_SOURCES += kernels/crop_clips.cu
CUDA_SOURCES += kernels/draw_batch.cu
CUDA_SOURCES += kernels/fill_batch.cu
CUDA_SOURCES += kernels/top_k_similarity_fast.cu
CUDA_SOURCES += kernels/mel_spectrogram.cu
CUDA_SOURCES += kernels/mel_spectrogram_fast.cu
CUDA_SOURCES += kernels/mel_spectrogram_library.cu
CUDA_SOURCES += kernels/cufft.cu
CUDA_SOURCES += kernels/relu.cu
CUDA_SOURCES += kernels/gelu.cu
CUDA_SOURCES += src/cuda/nccl_ranks.cu
CUDA_SOURCES += src/cuda/cuda_plugin.cu

# Ampere, Hopper, Blackwell, and PTX for what comes after them.
CUDA_FLAGS += -gencode arch=compute_80,code=sm_80
CUDA_FLAGS += -gencode arch=compute_90a,code=sm_90a
CUDA_FLAGS += -gencode arch=compute_100,code=[sm_100,compute_100]
# A stream that can be recorded where none is named.
CUDA_FLAGS += -std=c++17 -O3 --threads 0 --default-stream per-thread
CUDA_FLAGS += -I. -Isrc -Iinclude -D_GNU_SOURCE
CUDA_FLAGS += -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra
# A spill or a local array fails the build.
CUDA_FLAGS += -Werror all-warnings -Xptxas -v,-warn-spills,-warn-lmem-usage

# The runtime is inside, so that the plugin needs nothing but the driver; every symbol is defined.
CUDA_LINK_FLAGS += -shared -cudart static -Xlinker -z,defs,--as-needed,--exclude-libs,ALL
