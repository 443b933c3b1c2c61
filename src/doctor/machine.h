/* What the machine is: processor, threads, memory. Linux's /proc and the processor's own word. */
#ifndef LEIT_DOCTOR_MACHINE_H
#define LEIT_DOCTOR_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct leit_machine {
    char processor[128];
    char features[256];     /* those of interest, "avx2 fma avx512f" */
    bool runs_kernels;      /* can execute what the kernels were compiled for */
    char kernels_want[128]; /* "x86-64-v3" */
    int n_processors;       /* that this process may use */
    int64_t memory_bytes, available_bytes;
} leit_machine;

void leit_machine_look(leit_machine *machine);

#endif
