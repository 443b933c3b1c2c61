/* Every function of kernels/leit_mma.cuh on a GPU, and on one of compute capability 9.0 those of
 * kernels/leit_sm90.cuh, against the cases that their twins in the emulator pass: layout of fragments, ldmatrix,
 * cp.async, conversions, products, barriers and boxes. tensor_kernels.cu and sm90_kernels.cu are compiled into this
 * program by nvcc; memory is that of the plugin, in the same context. Ends with 77 and a sentence where
 * there is no GPU. */
#include <stdio.h>

#include "cuda_on_cpu/sm90_cases.h"
#include "cuda_on_cpu/sm90_kernels.h"
#include "leitmotif/status.h"
#include "support/chosen_backend.h"
#include "support/testing.h"

int main(void)
{
    const leit_backend *cuda = NULL;
    const leit_status status = leit_choose_backend("cuda", "plain", "fp32", &cuda);
    if (status != LEIT_OK) {
        fprintf(stderr, "ptx_check: %s\n", leit_error_message());
        return status == LEIT_DEVICE ? LEIT_TEST_SKIPPED : 2;
    }
    const tensor_device gpu = {.memory = &cuda->memory};
    const int n_failed = tensor_cases_run(&gpu);
    if (sm90_is_here()) return n_failed + sm90_cases_run(&gpu);
    printf("ptx_check: leit_sm90.cuh wants compute capability 9.0, and this GPU has another\n");
    return n_failed;
}
