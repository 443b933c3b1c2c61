/* Files of named arrays: HDF5 behind a small interface. Corpora, checkpoints and search indexes are
 * containers; only this room knows the library.
 *
 * A container file holds dense arrays of rank 0..4, lists of UTF-8 strings, and attributes, under
 * paths "group/group/name" without a leading '/'. It opens in h5py like any other HDF5 file: bf16
 * is u16 with the attribute dtype = "bf16", a list of strings is a group of `bytes` (u8) and
 * `offsets` (i64, n + 1). Large arrays are contiguous, so that they can be mapped.
 *
 * What a container promises: the file is there whole or not at all (written aside, flushed,
 * renamed); every array carries its XXH3-64 in the attribute `xxh3` and the library's own
 * structures their checksums; the root names the format and its version. Equal content gives equal
 * bytes: no times are stored.
 *
 * Every failure is LEIT_DATA (LEIT_INTERNAL when memory is short), names the file and the array,
 * and leaves handle and memory usable. Any thread may call; calls wait for each other, the library
 * has global state.
 */
#ifndef LEIT_CONTAINER_CONTAINER_H
#define LEIT_CONTAINER_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/check.h"
#include "core/tensor.h"

/* ---- Writing ------------------------------------------------------------------------------ */

typedef struct leit_container_writer leit_container_writer;

/* Starts "<path>.writing". `format` and `version` become attributes of the root;
 * leit_container_open asks for them. */
leit_status leit_container_create(const char *path, const char *format, int64_t version,
                                  leit_container_writer **writer);

/* One array, row-major. A name is 1..1024 bytes; missing groups are made. Fails on a name that
 * exists. data may be NULL when the array is empty. */
leit_status leit_container_write(leit_container_writer *writer, const char *name, leit_dtype dtype,
                                 int rank, const int64_t *shape, const void *data);

/* The same in pieces, for an array that does not fit in memory: begin, then append rows of the
 * outermost axis in order until it is full; only then may the next array begin. */
leit_status leit_container_begin(leit_container_writer *writer, const char *name, leit_dtype dtype,
                                 int rank, const int64_t *shape);
leit_status leit_container_append(leit_container_writer *writer, const void *data, int64_t n_rows);

/* n strings of valid UTF-8. */
leit_status leit_container_write_strings(leit_container_writer *writer, const char *name, int64_t n,
                                         const char *const *strings);

/* Attributes of the array or group `object` ("" is the root; a missing group is made). Text is
 * at most 60,000 bytes of UTF-8; longer text is an array or a list of strings. */
leit_status leit_container_set_text(leit_container_writer *writer, const char *object,
                                    const char *name, const char *text);
leit_status leit_container_set_i64(leit_container_writer *writer, const char *object,
                                   const char *name, int64_t value);
leit_status leit_container_set_f64(leit_container_writer *writer, const char *object,
                                   const char *name, double value);

/* Flushes to the disk and renames to the final path; the writer is gone afterwards, and on failure
 * (also when a write before has failed) so is the file aside. */
leit_status leit_container_commit(leit_container_writer *writer);

/* Gives up: nothing is left behind. NULL is fine. */
void leit_container_abort(leit_container_writer *writer);

/* Whether a container of this format may be written to `path`. LEIT_USAGE when something else is
 * there, a song or a corpus of another kind; LEIT_DATA when no file can be. A damaged container may
 * be replaced. Long work asks before it begins. */
leit_status leit_container_check_output(const char *path, const char *format);

/* ---- Reading ------------------------------------------------------------------------------ */

typedef struct leit_container leit_container;

/* Takes any format and version of ours. */
#define LEIT_CONTAINER_ANY ""

/* Opens read-only. Fails when the file is missing, truncated, no container, of another format or
 * of another version (both are named). format NULL takes any HDF5 file, as other programs write
 * them: no version, and arrays that are packed or carry no sum are read as they are. */
leit_status leit_container_open(const char *path, const char *format, int64_t version,
                                leit_container **container);
/* Pointers from leit_container_map die here. NULL is fine. */
void leit_container_close(leit_container *container);

const char *leit_container_path(const leit_container *container);

/* True when an array or group of this name is there. */
bool leit_container_has(const leit_container *container, const char *name);

/* The names of all arrays below the group `group` ("" all), complete paths, in byte order. */
leit_status leit_container_names(const leit_container *container, const char *group,
                                 leit_arena *arena, int64_t *n, const char ***names);

/* dtype, rank and shape of an array (data NULL, name the caller's). Fails on element types without
 * a leit_dtype, ranks over 4, external or virtual storage, and sizes the file cannot hold. */
leit_status leit_container_describe(const leit_container *container, const char *name,
                                    leit_tensor *about);

/* Reads a whole array into the caller's memory and checks its sum. The array must have exactly this
 * dtype, rank and shape; -1 in shape takes any length, capacity_bytes is the limit. */
leit_status leit_container_read(const leit_container *container, const char *name, leit_dtype dtype,
                                int rank, const int64_t *shape, void *data, size_t capacity_bytes);

/* The same into new memory (leit_free); -1 in `shape` is replaced by the length found. `data`
 * points to a T *: pass (void **)&rows. */
leit_status leit_container_load(const leit_container *container, const char *name, leit_dtype dtype,
                                int rank, int64_t *shape, void **data);

/* Rows [first, first + n) of the outermost axis; the sum is not checked. */
leit_status leit_container_read_rows(const leit_container *container, const char *name,
                                     leit_dtype dtype, int64_t first, int64_t n, void *data,
                                     size_t capacity_bytes);

/* The array as it lies in the file, mapped read-only, valid until close; `shape` as in load. An
 * array that is not contiguous or not aligned for its dtype is read into memory the container
 * owns. LEIT_CHECK_SUM reads all of it and compares its sum; LEIT_CHECK_LATER is for what is too
 * large for that: leit_container_verify does it. */
typedef enum leit_container_check { LEIT_CHECK_SUM, LEIT_CHECK_LATER } leit_container_check;
leit_status leit_container_map(leit_container *container, const char *name, leit_dtype dtype,
                               int rank, int64_t *shape, leit_container_check check,
                               const void **data);

/* Where a contiguous little-endian array starts in the file; fails for any other layout and for an
 * empty array. */
leit_status leit_container_dataset_offset(const leit_container *container, const char *name,
                                          int64_t *offset_bytes);

/* A list of strings, into the arena. Every offset and the UTF-8 are checked. */
leit_status leit_container_read_strings(const leit_container *container, const char *name,
                                        leit_arena *arena, int64_t *n, const char ***strings);

leit_status leit_container_text(const leit_container *container, const char *object,
                                const char *name, leit_arena *arena, const char **text);
leit_status leit_container_i64(const leit_container *container, const char *object,
                               const char *name, int64_t *value);
leit_status leit_container_f64(const leit_container *container, const char *object,
                               const char *name, double *value);

/* Reads every array and compares its sum; the first difference is named. */
leit_status leit_container_verify(const leit_container *container);

/* ---- Files that nobody vouches for ---------------------------------------------------------- */

/* Opens a container of any format and verifies it in a child process with 1 GiB of memory and
 * time_limit_s of time: a damaged file can crash or stall the library, and then only the child is
 * lost. */
leit_status leit_container_probe(const char *path, int time_limit_s);

#endif
