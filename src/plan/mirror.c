#include "plan/mirror.h"

#include "core/memory.h"

leit_status leit_mirror_create(const leit_device_memory *memory, size_t bytes, bool at_once,
                               leit_mirror *mirror)
{
    *mirror = (leit_mirror){.memory = memory, .bytes = bytes};
    mirror->device = memory->allocate(bytes, at_once);
    if (mirror->device == NULL) return memory->is_host ? LEIT_INTERNAL : LEIT_DEVICE;
    /* Much of a copy may never be looked at: gradients, for one. */
    mirror->host = memory->is_host ? mirror->device : leit_allocate_untouched(bytes, 1);
    if (mirror->host != NULL) return LEIT_OK;
    leit_mirror_clear(mirror);
    return LEIT_INTERNAL;
}

void leit_mirror_clear(leit_mirror *mirror)
{
    if (mirror->memory == NULL) return;
    mirror->memory->release(mirror->device);
    if (mirror->host != mirror->device) leit_free(mirror->host);
    *mirror = (leit_mirror){0};
}

leit_status leit_mirror_upload(const leit_mirror *mirror)
{
    if (mirror->host == mirror->device) return LEIT_OK;
    return mirror->memory->write(mirror->device, mirror->host, mirror->bytes, NULL);
}

leit_status leit_mirror_download(const leit_mirror *mirror)
{
    if (mirror->host == mirror->device) return LEIT_OK;
    return mirror->memory->read(mirror->host, mirror->device, mirror->bytes, NULL);
}

leit_status leit_mirror_fetch_begin(const leit_mirror *mirror, leit_device_fetch **fetch)
{
    if (mirror->host == mirror->device) return LEIT_OK;
    if (*fetch == NULL) LEIT_TRY(mirror->memory->fetch_create(mirror->bytes, fetch));
    return mirror->memory->fetch_begin(*fetch, mirror->device, NULL);
}

leit_status leit_mirror_fetch_end(const leit_mirror *mirror, leit_device_fetch *fetch)
{
    if (mirror->host == mirror->device) return LEIT_OK;
    return mirror->memory->fetch_end(fetch, mirror->host);
}

void *leit_mirror_device(const leit_mirror *mirror, const void *host)
{
    if (host == NULL) return NULL;
    return (unsigned char *)mirror->device +
           ((const unsigned char *)host - (unsigned char *)mirror->host);
}
