#include "support/chosen_backend.h"

#include <string.h>

#include "cuda/cuda_loader.h"

static leit_cuda *cuda;

/* Of the emulator, where the program is linked with it. */
#pragma weak leit_backend_cuda

static int place_of(const char *const *words, const char *word)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], word) == 0) return i;
    return -1;
}

#define WORD(constant, word) #word,

int leit_kernels_of(const char *word)
{
    static const char *const words[] = {LEIT_KERNELS_LIST(WORD) NULL};
    return place_of(words, word);
}

int leit_precision_of(const char *word)
{
    static const char *const words[] = {LEIT_PRECISION_LIST(WORD) NULL};
    return place_of(words, word);
}

leit_status leit_choose_backend(const char *device, const char *kernels, const char *precision,
                                const leit_backend **backend)
{
    const int k = leit_kernels_of(kernels), p = leit_precision_of(precision);
    LEIT_FAIL_IF(k < 0 || p < 0, LEIT_USAGE, "'%s' and '%s' are no kernels and no precision",
                 kernels, precision);
    *backend = leit_backend_cpu();
    if (strcmp(device, "cpu") == 0) return LEIT_OK;
    if (strcmp(device, "emulated") == 0 && leit_backend_cuda != NULL) {
        *backend = leit_backend_cuda((enum leit_kernels)k, (enum leit_precision)p);
        return LEIT_OK;
    }
    LEIT_FAIL_IF(strcmp(device, "cuda") != 0, LEIT_USAGE, "there is no device '%s' in this program",
                 device);
    if (cuda == NULL) LEIT_TRY(leit_cuda_open(&cuda));
    LEIT_TRY(leit_cuda_check_kernels(cuda, (enum leit_kernels)k));
    *backend = leit_cuda_table_of(cuda)->backend((enum leit_kernels)k, (enum leit_precision)p);
    return leit_cuda_table_of(cuda)->use_device(0);
}

const char *leit_chosen_gpu(void)
{
    return cuda == NULL ? "" : leit_cuda_table_of(cuda)->devices[0].name;
}
