/* What the files of the reader share. Room-internal. */
#ifndef LEIT_CONTAINER_CONTAINER_READER_H
#define LEIT_CONTAINER_CONTAINER_READER_H

#include "container/container_hdf5.h"

/* Memory of an array that could not be mapped. */
typedef struct container_owned {
    struct container_owned *next;
    void *data;
} container_owned;

struct leit_container {
    leit_arena arena;
    const char *path;
    hid_t file;
    int64_t size_bytes;
    bool is_ours; /* opened by format name: every array is plain and carries a sum */
    const unsigned char *mapping; /* the whole file, made by the first map */
    container_owned *owned;       /* arrays that could not be mapped */
};

/* Follows hard links only: soft and external links of a stranger's file may point anywhere. */
bool leit_container_object_exists(const leit_container *container, const char *name);

/* Reads and closes an attribute. */
leit_status leit_container_take_text(const leit_container *container, hid_t attribute,
                                     const char *name, leit_arena *arena, const char **text);

/* Reads an array piece by piece, so that it may be larger than memory, and compares its sum. */
leit_status leit_container_verify_array(const leit_container *container, const char *name);

#endif
