/* The samples of a music corpus where kernels crop them: in place on the CPU, on a GPU in its own memory,
 * and in the program's, read over the bus, where they do not fit there. */
#ifndef LEIT_TRAIN_CLIP_STORE_H
#define LEIT_TRAIN_CLIP_STORE_H

#include "corpus/corpus.h"
#include "kernels/backend.h"
#include "kernels/crop_clips.h"

typedef struct leit_clip_store {
    const leit_device_memory *memory;
    leit_clip_source source; /* what a step is filled with */
    void *pcm, *offsets;     /* that were taken for it */
    bool is_mapped;          /* the samples did not fit */
} leit_clip_store;

/* A zero-initialised store is closed. The corpus must outlive it. */
leit_status leit_clip_store_open(const leit_device_memory *memory, const leit_music_corpus *music,
                                 leit_clip_store *store);
void leit_clip_store_close(leit_clip_store *store);

#endif
