/* NVIDIA's libraries as the kernels of the table cudnn open and call them, with stand-ins (tests/cuda/fake_*.c):
 * what is missing, too old or fails is named; what the library fuses and what it does not; a recording. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_on_cpu/emulator.h"
#include "kernels/backend.h"
#include "kernels/conv2d.h"
#include "kernels/cublaslt.h"
#include "kernels/cudnn.h"
#include "kernels/cufft.h"
#include "kernels/linear.h"
#include "support/testing.h"

enum { N = 3, D = 2, K = 2, WORKSPACE_BYTES = LEIT_CUBLASLT_WORKSPACE_BYTES + (1 << 17) };

static const leit_backend *backend;
static float *arrays[8]; /* on the emulated device */
static void *workspace;
static char stand_in[512], dnn_stand_in[512], fft_stand_in[512];

static void behave(const char *mood)
{
    assert_int_equal(setenv("FAKE_CUBLASLT", mood, 1), 0);
}

static void put(float *to, const float *values, size_t n)
{
    assert_ok(backend->memory.write(to, values, n * sizeof(float), NULL));
}

static void expect(const float *from, const float *values, size_t n)
{
    float found[N * D];
    assert_ok(backend->memory.read(found, from, n * sizeof(float), NULL));
    for (size_t i = 0; i < n; i++) assert_true(found[i] == values[i]);
}

/* y = relu(x w^T + b) and its gradients, in numbers that are exact. */
static struct leit_linear example(void)
{
    static const float x[N * D] = {1, 2, 3, 4, 5, 6}, w[K * D] = {1, -1, 2, 0}, b[K] = {0.5F, 1};
    static const float dy[N * K] = {1, 2, 4, 8, 16, 32}, zeros[N * D] = {0};
    put(arrays[0], x, N * D);
    put(arrays[1], w, K * D);
    put(arrays[2], b, K);
    put(arrays[3], zeros, N * K); /* y, and pre */
    put(arrays[4], dy, N * K);
    put(arrays[5], zeros, N * D);
    put(arrays[6], zeros, K * D);
    put(arrays[7], zeros, K);
    return (struct leit_linear){.N = N,
                                .D = D,
                                .K = K,
                                .activation = LEIT_ACTIVATION_RELU,
                                .x = arrays[0],
                                .w = arrays[1],
                                .b = arrays[2],
                                .y = arrays[3],
                                .pre = arrays[3],
                                .dy = arrays[4],
                                .dx = arrays[5],
                                .dw = arrays[6],
                                .db = arrays[7]};
}

static leit_exec exec_of(void)
{
    return (leit_exec){.workspace = workspace, .workspace_bytes = WORKSPACE_BYTES};
}

static const float y_of_example[N * K] = {0, 3, 0, 7, 0, 11};
static const float dw_of_example[K * D] = {0, 0, 186, 228}, db_of_example[K] = {0, 42};
static const float dx_of_example[N * D] = {4, 0, 16, 0, 64, 0};

static leit_status forward(const struct leit_linear *args)
{
    const leit_exec exec = exec_of();
    return backend->ops[LEIT_OP_linear].forward(&exec, args);
}

static leit_status backward(const struct leit_linear *args)
{
    const leit_exec exec = exec_of();
    return backend->ops[LEIT_OP_linear].backward(&exec, args);
}

static void expect_example(void)
{
    expect(arrays[3], y_of_example, N * K);
    expect(arrays[5], dx_of_example, N * D);
    expect(arrays[6], dw_of_example, K * D);
    expect(arrays[7], db_of_example, K);
}

/* Comes first: a library that has been opened stays. */
static void what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    int version[3];
    const struct leit_linear args = example();
    assert_int_equal(setenv("LEITMOTIF_CUBLASLT", "/nowhere/libcublasLt.so", 1), 0);
    assert_fails(forward(&args), LEIT_DEVICE, "cuBLASLt is not here: /nowhere/libcublasLt.so");
    assert_fails(leit_cublaslt_version(version), LEIT_DEVICE, "in LEITMOTIF_CUBLASLT");
    assert_int_equal(setenv("LEITMOTIF_CUBLASLT", "libc.so.6", 1), 0);
    assert_fails(leit_cublaslt_version(version), LEIT_DEVICE,
                 "libc.so.6 is no cuBLASLt of this kind: it has no cublasLtGetVersion");
    assert_int_equal(setenv("LEITMOTIF_CUBLASLT", stand_in, 1), 0);
    behave("old");
    assert_fails(leit_cublaslt_version(version), LEIT_DEVICE,
                 "is cuBLASLt 110000, and the plugin is made for");
    behave("");
    assert_ok(leit_cublaslt_version(version));
    assert_true(version[0] >= 11);
}

static void a_call_that_fails_is_named(void **state)
{
    (void)state;
    const struct leit_linear args = example();
    behave("lost");
    assert_fails(forward(&args), LEIT_DEVICE,
                 "linear forward: cuBLASLt, cublasLtMatmul: CUBLAS_STATUS_EXECUTION_FAILED (13)");
    assert_fails(backward(&args), LEIT_DEVICE, "linear backward: cuBLASLt, cublasLtMatmul");
    behave("nothing");
    assert_fails(forward(&args), LEIT_DEVICE,
                 "linear forward: cuBLASLt has no algorithm for (3, 2, 2)");
    behave("");
}

/* One image of one pixel: y = x w + b. Pixels without neighbours are the middle tap's alone. */
static leit_status convolve(int64_t H, float *y)
{
    const float x[2] = {3, 5}, w[9] = {0, 7, 0, 0, 2, 0, 0, 0, 0}, b = 1;
    const leit_exec exec = exec_of();
    put(arrays[0], x, 2);
    put(arrays[5], w, 6); /* arrays are of twelve numbers */
    put(arrays[5] + 6, w + 6, 3);
    put(arrays[2], &b, 1);
    const struct leit_conv2d args = {.N = 1,
                                     .H = H,
                                     .W = 1,
                                     .C = 1,
                                     .K = 1,
                                     .kernel_size = 3,
                                     .x = arrays[0],
                                     .w = arrays[5],
                                     .b = arrays[2],
                                     .y = y};
    return backend->ops[LEIT_OP_conv2d].forward(&exec, &args);
}

/* Of plans that have been made, the second call makes none: H tells one from another. */
static void convolutions_that_fail_are_named(void **state)
{
    (void)state;
    int version[3];
    static const float y_of_two[2] = {7, 32}, y_of_one = 7;
    assert_int_equal(setenv("LEITMOTIF_CUDNN", "/nowhere/libcudnn.so", 1), 0);
    assert_fails(convolve(1, arrays[3]), LEIT_DEVICE, "cuDNN is not here: /nowhere/libcudnn.so");
    assert_int_equal(setenv("LEITMOTIF_CUDNN", dnn_stand_in, 1), 0);
    assert_int_equal(setenv("FAKE_CUDNN", "old", 1), 0);
    assert_fails(leit_cudnn_version(version), LEIT_DEVICE,
                 "is cuDNN 8000, and the plugin is made for");
    assert_int_equal(setenv("FAKE_CUDNN", "nothing", 1), 0);
    assert_fails(convolve(1, arrays[3]), LEIT_DEVICE,
                 "conv2d forward: cuDNN has no engine for 1 images of 1 x 1, 1 to 1 channels");
    assert_int_equal(setenv("FAKE_CUDNN", "lost", 1), 0);
    assert_fails(convolve(1, arrays[3]), LEIT_DEVICE,
                 "conv2d forward: cuDNN, cudnnBackendExecute: CUDNN_STATUS_EXECUTION_FAILED");
    assert_int_equal(setenv("FAKE_CUDNN", "", 1), 0);
    for (int repeat = 0; repeat < 2; repeat++) {
        assert_ok(convolve(1, arrays[3]));
        expect(arrays[3], &y_of_one, 1);
        assert_ok(convolve(2, arrays[3]));
        expect(arrays[3], y_of_two, 2);
    }
    assert_ok(leit_cudnn_version(version));
    assert_true(version[0] >= 9);
}

/* `count` impulses of so many samples, each at its own place, into spectra of magnitude 1. */
static leit_status transform(int n, int count, size_t workspace_bytes)
{
    enum { MOST = 2 * 8 };
    float rows[MOST] = {0}, spectra[2 * MOST];
    assert_true(n * count <= MOST);
    for (int r = 0; r < count; r++) rows[r * n + r] = 1.0f;
    float *to = (float *)workspace, *from = to + 512; /* 256 bytes and more apart */
    unsigned char *rest = (unsigned char *)workspace + 8192;
    assert_ok(backend->memory.write(from, rows, sizeof rows, NULL));
    const struct leit_cufft_transform args = {n, count, from, to};
    const leit_exec exec = {0};
    LEIT_TRY(leit_cufft_run(&exec, "mel_spectrogram", &args, rest, workspace_bytes));
    assert_ok(backend->memory.read(spectra, to, sizeof spectra, NULL));
    for (int i = 0; i < count * (n / 2 + 1); i++) {
        const int r = i / (n / 2 + 1), k = i % (n / 2 + 1);
        const double turn = -2.0 * 3.14159265358979 * (double)(r * k) / (double)n;
        assert_true(fabs((double)spectra[2 * i] - cos(turn)) <= 0x1p-22);
        assert_true(fabs((double)spectra[2 * i + 1] - sin(turn)) <= 0x1p-22);
    }
    return LEIT_OK;
}

/* More shapes than plans are kept, one of them twice. */
static void transforms_that_fail_are_named(void **state)
{
    (void)state;
    int version[3];
    assert_int_equal(setenv("LEITMOTIF_CUFFT", "/nowhere/libcufft.so", 1), 0);
    assert_fails(transform(4, 2, 1024), LEIT_DEVICE, "cuFFT is not here: /nowhere/libcufft.so");
    assert_int_equal(setenv("LEITMOTIF_CUFFT", fft_stand_in, 1), 0);
    assert_int_equal(setenv("FAKE_CUFFT", "old", 1), 0);
    assert_fails(leit_cufft_version(version), LEIT_DEVICE, "is cuFFT 9000, and the plugin is made");
    assert_int_equal(setenv("FAKE_CUFFT", "", 1), 0);
    assert_fails(transform(4, 2, 4), LEIT_DEVICE,
                 "mel_spectrogram: cuFFT wants 8 bytes for 2 rows of 4, and 4 are there");
    assert_int_equal(setenv("FAKE_CUFFT", "lost", 1), 0);
    assert_fails(transform(4, 2, 1024), LEIT_DEVICE,
                 "mel_spectrogram: cuFFT, cufftExecR2C: status 6");
    assert_int_equal(setenv("FAKE_CUFFT", "", 1), 0);
    for (int count = 1; count <= 4; count++)
        for (int n = 2; n * count <= 16 && count <= n; n *= 2) assert_ok(transform(n, count, 1024));
    assert_ok(transform(4, 2, 1024));
    assert_ok(leit_cufft_version(version));
    assert_true(version[0] >= 12);
}

/* Bias and ReLU are the product's: one launch. The sums of db come with dw, or without them in two. */
static void what_the_library_fuses(void **state)
{
    (void)state;
    static const struct {
        const char *mood;
        uint64_t n_backward;
    } kinds[] = {{"", 4}, {"no_sums", 5}};
    for (int kind = 0; kind < 2; kind++) {
        const struct leit_linear args = example();
        behave(kinds[kind].mood);
        const uint64_t before = leit_emulator_work().n_launches;
        assert_ok(forward(&args));
        assert_int_equal(leit_emulator_work().n_launches, before + 1);
        assert_ok(backward(&args));
        assert_int_equal(leit_emulator_work().n_launches, before + 1 + kinds[kind].n_backward);
        expect_example();
    }
    behave("");
}

static void a_recording_holds_its_products(void **state)
{
    (void)state;
    leit_recording *recording = NULL;
    struct leit_linear args = example();
    assert_ok(backend->recorder->begin(NULL));
    assert_ok(forward(&args));
    assert_ok(backward(&args));
    assert_ok(backend->recorder->end(NULL, &recording));
    assert_int_equal(backend->recorder->n_nodes(recording), 5);
    (void)example();
    assert_ok(backend->recorder->launch(recording, NULL));
    expect_example();
    backend->recorder->free(recording);
}

static int prepare(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        arrays[i] = backend->memory.allocate(N * (D + K) * sizeof(float), true);
    workspace = backend->memory.allocate(WORKSPACE_BYTES, true);
    return workspace == NULL;
}

static int release(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) backend->memory.release(arrays[i]);
    backend->memory.release(workspace);
    return 0;
}

int main(int count, char **words)
{
    assert_true(count == 4); /* the stand-ins */
    snprintf(stand_in, sizeof stand_in, "%s", words[1]);
    snprintf(dnn_stand_in, sizeof dnn_stand_in, "%s", words[2]);
    snprintf(fft_stand_in, sizeof fft_stand_in, "%s", words[3]);
    backend = leit_backend_cuda(LEIT_KERNELS_CUDNN, LEIT_PRECISION_FP32);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_opened_is_named),
        cmocka_unit_test(a_call_that_fails_is_named),
        cmocka_unit_test(convolutions_that_fail_are_named),
        cmocka_unit_test(transforms_that_fail_are_named),
        cmocka_unit_test(what_the_library_fuses),
        cmocka_unit_test(a_recording_holds_its_products),
    };
    return cmocka_run_group_tests(tests, prepare, release);
}
