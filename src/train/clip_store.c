#include "train/clip_store.h"

#include <string.h>

#include "core/log.h"

static leit_status take_samples(leit_clip_store *store, const int16_t *pcm, size_t bytes)
{
    const leit_device_memory *memory = store->memory;
    store->pcm = memory->allocate(bytes, true);
    if (store->pcm != NULL) return memory->write(store->pcm, pcm, bytes, NULL);
    store->pcm = memory->allocate_mapped(bytes);
    LEIT_FAIL_IF(store->pcm == NULL, LEIT_DEVICE,
                 "the %.1f MiB of music fit neither into the GPU nor into memory that it can read",
                 (double)bytes / (1 << 20));
    store->is_mapped = true;
    leit_log(LEIT_LOG_INFO, "the %.1f MiB of music do not fit into the GPU: read over the bus",
             (double)bytes / (1 << 20));
    memcpy(store->pcm, pcm, bytes);
    return LEIT_OK;
}

static leit_status take_offsets(leit_clip_store *store, const int64_t *offsets, size_t bytes)
{
    store->offsets = store->memory->allocate(bytes, true);
    if (store->offsets == NULL) return LEIT_DEVICE;
    return store->memory->write(store->offsets, offsets, bytes, NULL);
}

leit_status leit_clip_store_open(const leit_device_memory *memory, const leit_music_corpus *music,
                                 leit_clip_store *store)
{
    const int64_t n_samples = music->offsets[music->n_clips];
    *store =
        (leit_clip_store){.memory = memory, .source = {music->pcm, music->offsets, music->n_clips}};
    if (memory->is_host) return LEIT_OK;
    leit_status status =
        take_offsets(store, music->offsets, (size_t)(music->n_clips + 1) * sizeof *music->offsets);
    if (status == LEIT_OK)
        status = take_samples(store, music->pcm, (size_t)n_samples * sizeof *music->pcm);
    store->source.pcm = store->pcm;
    store->source.offsets = store->offsets;
    if (status != LEIT_OK) leit_clip_store_close(store);
    return status;
}

void leit_clip_store_close(leit_clip_store *store)
{
    if (store->memory == NULL) return;
    store->memory->release(store->offsets);
    if (store->is_mapped)
        store->memory->release_mapped(store->pcm);
    else
        store->memory->release(store->pcm);
    *store = (leit_clip_store){0};
}
