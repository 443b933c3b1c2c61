/* The cases of tensor_cases.c and sm90_cases.c on the emulator's twins, in each order of threads. */
#include "cuda_on_cpu/emulator.h"
#include "cuda_on_cpu/sm90_cases.h"
#include "kernels/backend.h"

int main(void)
{
    const leit_backend *cuda = leit_backend_cuda(LEIT_KERNELS_PLAIN, LEIT_PRECISION_FP32);
    tensor_device emulated = {.memory = &cuda->memory,
                              .lend = leit_emulator_memory_add,
                              .forget = leit_emulator_memory_forget,
                              .n_parts = LEIT_EMULATOR_N_ORDERS};
    int n_failed = 0;
    for (int order = 0; order < LEIT_EMULATOR_N_ORDERS; order++) {
        leit_emulator_schedule((leit_emulator_order)order, 3);
        emulated.part = order;
        n_failed += tensor_cases_run(&emulated) + sm90_cases_run(&emulated);
    }
    return n_failed;
}
