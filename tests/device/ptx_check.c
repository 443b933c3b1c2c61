/* Every function of kernels/leit_mma.cuh on a GPU, against the cases that its twin in the emulator
 * passes: layout of fragments, ldmatrix, cp.async, conversions and products. tensor_kernels.cu is
 * compiled into this program by nvcc; memory is that of the plugin, in the same context. Ends with 77
 * and a sentence where there is no GPU. */
#include <stdio.h>

#include "cuda_on_cpu/tensor_cases.h"
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
    return tensor_cases_run(&gpu);
}
