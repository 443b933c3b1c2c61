/* What the writer, the reader and the probe share: the lock around the library, its error texts,
 * element types, names. Room-internal. */
#ifndef LEIT_CONTAINER_CONTAINER_HDF5_H
#define LEIT_CONTAINER_CONTAINER_HDF5_H

#include <hdf5.h>

#include "container/container.h"
#include "core/utf8.h"

/* HDF5 keeps global state; one thread at a time. Declares a guard that unlocks at the end of the
 * block; nests. The first use silences the library's printing and forbids it to load plugins. */
#define HDF5_ALONE                                                                                 \
    __attribute__((cleanup(leit_hdf5_unlock))) int hdf5_guard = leit_hdf5_lock();                  \
    (void)hdf5_guard
int leit_hdf5_lock(void);
void leit_hdf5_unlock(int *guard);
/* In the child: a fresh lock, for the old one is held by a thread that is not here. */
void leit_hdf5_after_fork(void);

/* The innermost reason of the library's last failure on this thread. */
const char *leit_hdf5_reason(void);

/* The little-endian type in the file and the type in memory. */
hid_t leit_hdf5_file_type(leit_dtype dtype);
hid_t leit_hdf5_memory_type(leit_dtype dtype);

leit_status leit_container_check_name(const char *path, const char *name);

enum { CONTAINER_MAX_NAME_BYTES = 1024, CONTAINER_MAX_TEXT_BYTES = 60000, SUM_TEXT_BYTES = 17 };

/* "0123456789abcdef" */
void leit_container_sum_text(uint64_t sum, char text[SUM_TEXT_BYTES]);

/* The properties every open file shares: format bounds with checksummed structures, no file locks
 * (they fail on network file systems, and whole-or-not-at-all needs none). */
hid_t leit_hdf5_access_properties(void);

/* Opens and verifies; the child of the probe runs it. */
leit_status leit_container_walk(const char *path);

#endif
