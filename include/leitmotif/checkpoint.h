/* Looking into checkpoints. */
#ifndef LEITMOTIF_CHECKPOINT_H
#define LEITMOTIF_CHECKPOINT_H

#include "leitmotif/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names, types and shapes of a checkpoint's tensors, one a line or as JSON. `path` is a checkpoint
 * or a run folder. Free the text with leit_checkpoint_text_free. */
leit_status leit_checkpoint_describe(const char *path, int as_json, char **text);
void leit_checkpoint_text_free(char *text);

/* Reads everything and compares every sum; LEIT_CHECKPOINT names the first difference. */
leit_status leit_checkpoint_verify(const char *path);

#ifdef __cplusplus
}
#endif

#endif
