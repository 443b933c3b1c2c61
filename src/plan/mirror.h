/* An array with two homes: one in the program's memory, where it is filled and looked at, and one on
 * the device, where kernels work. On the CPU both are the same, and passing costs nothing. */
#ifndef LEIT_PLAN_MIRROR_H
#define LEIT_PLAN_MIRROR_H

#include "kernels/backend.h"

/* A zero-initialised leit_mirror is empty. */
typedef struct leit_mirror {
    const leit_device_memory *memory;
    void *host, *device; /* 64-byte aligned, zeroed at first */
    size_t bytes;
} leit_mirror;

/* The device's part is taken now if `at_once`. */
leit_status leit_mirror_create(const leit_device_memory *memory, size_t bytes, bool at_once,
                               leit_mirror *mirror);
void leit_mirror_clear(leit_mirror *mirror);

/* Host to device, device to host. */
leit_status leit_mirror_upload(const leit_mirror *mirror);
leit_status leit_mirror_download(const leit_mirror *mirror);

/* A download that does not wait: end brings what the device had when its queue came to begin. *fetch
 * is NULL at first and made then; it is the memory's to free. */
leit_status leit_mirror_fetch_begin(const leit_mirror *mirror, leit_device_fetch **fetch);
leit_status leit_mirror_fetch_end(const leit_mirror *mirror, leit_device_fetch *fetch);

/* Where the device keeps what `host`, a place in the host's part, stands for; NULL for NULL. */
void *leit_mirror_device(const leit_mirror *mirror, const void *host);

#endif
