/* Checkpoints: named tensors and a few texts and numbers, on disk whole or not at all.
 *
 * A checkpoint is a folder, <run>/checkpoints/<name>/, with tensors.h5 (readable with h5py, every
 * tensor under its own name) and manifest.json (format version, sizes and XXH3-64 of each file).
 * Saving writes a folder aside, flushes every file, reads it back and verifies, renames the folder,
 * flushes the parent, moves the link `latest`, and only then prunes old ones. Whatever happens in
 * between, the checkpoints that were there stay readable.
 *
 * Every failure is LEIT_CHECKPOINT and names the folder, the place and the cure.
 */
#ifndef LEIT_CHECKPOINT_CHECKPOINT_H
#define LEIT_CHECKPOINT_CHECKPOINT_H

#include <stdbool.h>

#include "core/arena.h"
#include "core/tensor.h"
#include "leitmotif/checkpoint.h"

enum { LEIT_CHECKPOINT_VERSION = 1 };

/* ---- saving ---- */

typedef struct leit_checkpoint_writer leit_checkpoint_writer;

/* Starts <folder>/<name>; `folder` is made when it is missing, a checkpoint of that name is
 * replaced. */
leit_status leit_checkpoint_create(const char *folder, const char *name,
                                   leit_checkpoint_writer **writer);

/* A tensor of any dtype under tensor->name, which may contain dots and slashes. */
leit_status leit_checkpoint_add(leit_checkpoint_writer *writer, const leit_tensor *tensor);
leit_status leit_checkpoint_add_text(leit_checkpoint_writer *writer, const char *name,
                                     const char *text);
leit_status leit_checkpoint_add_strings(leit_checkpoint_writer *writer, const char *name, int64_t n,
                                        const char *const *strings);
leit_status leit_checkpoint_add_i64(leit_checkpoint_writer *writer, const char *name,
                                    int64_t value);
leit_status leit_checkpoint_add_f64(leit_checkpoint_writer *writer, const char *name, double value);

/* Makes it visible. The writer is gone afterwards, also on failure. moves_latest: the link `latest`
 * then points to it. */
leit_status leit_checkpoint_commit(leit_checkpoint_writer *writer, bool moves_latest);
/* Gives up and leaves nothing behind. NULL is fine. */
void leit_checkpoint_abort(leit_checkpoint_writer *writer);

/* Removes all but the newest `keep` of the checkpoints whose name starts with `prefix` (ordered by
 * name), and leftovers of saves that were killed. What `latest` points to is never removed. */
leit_status leit_checkpoint_prune(const char *folder, const char *prefix, int keep);

/* ---- loading ---- */

typedef struct leit_checkpoint leit_checkpoint;

/* `path` is a checkpoint, or a run folder: then its `best`, else its `latest` is taken. The
 * manifest and the sizes are checked, and the sums of what is read. */
leit_status leit_checkpoint_open(const char *path, leit_checkpoint **checkpoint);
/* What a run goes on from: the checkpoint in <folder> that `latest` points to or, where that is
 * gone or damaged, the newest (by name) whose name starts with `prefix` and whose every sum is
 * right. A warning for each that is passed over names it and says why: damaged, or of another
 * version. *checkpoint is NULL where there is none at all; LEIT_CHECKPOINT when there are some and
 * none can be used. */
leit_status leit_checkpoint_open_newest(const char *folder, const char *prefix,
                                        leit_checkpoint **checkpoint);
void leit_checkpoint_close(leit_checkpoint *checkpoint);
const char *leit_checkpoint_path(const leit_checkpoint *checkpoint);

bool leit_checkpoint_has(const leit_checkpoint *checkpoint, const char *name);
/* Reads into tensor->data; dtype, rank and shape must be those of the file. */
leit_status leit_checkpoint_read(const leit_checkpoint *checkpoint, const leit_tensor *tensor);
/* The same in place: mapped read-only where the file allows it, valid until close. */
leit_status leit_checkpoint_map(const leit_checkpoint *checkpoint, const leit_tensor *tensor,
                                const void **data);
/* name, dtype, rank, shape of all tensors, sorted by name; strings live in the arena. */
leit_status leit_checkpoint_list(const leit_checkpoint *checkpoint, leit_arena *arena,
                                 leit_tensor **tensors, int64_t *n);
leit_status leit_checkpoint_text(const leit_checkpoint *checkpoint, const char *name,
                                 leit_arena *arena, const char **text);
leit_status leit_checkpoint_strings(const leit_checkpoint *checkpoint, const char *name,
                                    leit_arena *arena, int64_t *n, const char *const **strings);
leit_status leit_checkpoint_i64(const leit_checkpoint *checkpoint, const char *name,
                                int64_t *value);
leit_status leit_checkpoint_f64(const leit_checkpoint *checkpoint, const char *name, double *value);

#endif
