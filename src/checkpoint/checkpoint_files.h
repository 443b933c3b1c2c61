/* Inside the room: what the files of a checkpoint are called and how they are checked. Failures
 * here are LEIT_DATA with the place alone; the room's edge adds folder and cure.
 *
 * Names in <run>/checkpoints: a checkpoint never starts with '.'; `.saving-<name>-<pid>` is a save
 * under way and locked by its writer (flock), `.replaced-<name>` the old checkpoint while another
 * takes its name, `.removing-<name>` one that is being pruned, `.latest-<pid>` the new link. */
#ifndef LEIT_CHECKPOINT_CHECKPOINT_FILES_H
#define LEIT_CHECKPOINT_CHECKPOINT_FILES_H

#include <stdint.h>

#include "core/arena.h"

#define LEIT_CHECKPOINT_FORMAT "leitmotif-checkpoint"
#define LEIT_CHECKPOINT_TENSORS "tensors.h5"
#define LEIT_CHECKPOINT_MANIFEST "manifest.json"
/* The group of texts and numbers: a text is a list of one string, a number an attribute. */
#define LEIT_CHECKPOINT_ABOUT "about"

typedef struct leit_checkpoint_manifest {
    int64_t bytes; /* of tensors.h5 */
    uint64_t sum;  /* XXH3-64 of it */
} leit_checkpoint_manifest;

leit_status leit_checkpoint_manifest_write(const char *folder,
                                           const leit_checkpoint_manifest *manifest);
/* Checks form, format and version, and that the file has the size it says. */
leit_status leit_checkpoint_manifest_read(const char *folder, leit_checkpoint_manifest *manifest);

/* Size and sum of <folder>/tensors.h5 as the disk has it, not as the page cache remembers it. */
leit_status leit_checkpoint_measure(const char *folder, leit_checkpoint_manifest *manifest);

/* Reads all of a checkpoint folder and compares every sum. */
leit_status leit_checkpoint_check_folder(const char *folder);

#endif
