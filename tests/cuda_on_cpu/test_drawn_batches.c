/* The batches that the CUDA kernels draw are the program's, in every order of threads. */
#include "cuda_on_cpu/emulator.h"
#include "support/batch_source_check.h"

static void in_every_order(void **state)
{
    (void)state;
    const leit_backend *backend = leit_backend_cuda(LEIT_KERNELS_FAST, LEIT_PRECISION_FP32);
    for (int order = 0; order < LEIT_EMULATOR_N_ORDERS; order++) {
        leit_emulator_schedule((leit_emulator_order)order, 3);
        draws_epochs(backend);
        draws_both(backend);
        draws_pairs(backend);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_every_order)};
    return cmocka_run_group_tests(tests, write_batch_corpora, NULL);
}
