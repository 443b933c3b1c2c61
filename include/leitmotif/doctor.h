/* The doctor: what a machine has for Leitmotif, and whether it works. */
#ifndef LEITMOTIF_DOCTOR_H
#define LEITMOTIF_DOCTOR_H

#include "leitmotif/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reports the version, the processor and whether it runs the kernels, memory, the libraries, the
 * CUDA plugin with what it finds or why there is no GPU; writes and reads a file in the folder for
 * temporary files; runs a kernel against its known answer.
 *
 * `text` is for people, or one JSON object when as_json is not 0; free it with
 * leit_doctor_text_free. It is set also when a check failed: the status is then LEIT_DEVICE for a
 * processor that cannot run the kernels, LEIT_DATA for the file, LEIT_NUMERICAL for the kernel. A
 * machine without a GPU is healthy. */
leit_status leit_doctor(int as_json, char **text);
void leit_doctor_text_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
