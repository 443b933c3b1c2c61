/* Corpora: texts, music clips or tags, prepared for training in one HDF5 file each.
 *
 *     leit_corpus_build("datasets/alm/alm.yaml", "alm.h5", NULL, 0);
 *     leit_corpus_check("alm.h5");
 *
 * docs/formats.md describes manifests, source formats and the files. Texts are returned as heap
 * strings: free them with leit_corpus_text_free().
 */
#ifndef LEITMOTIF_CORPUS_H
#define LEITMOTIF_CORPUS_H

#include <stddef.h>

#include "leitmotif/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Builds the corpus that a manifest describes. An override is one word "key=value" ("split=strict",
 * "source=/data/alm"); it replaces the manifest's value. Paths in a manifest are relative to its
 * folder, paths in overrides to the current directory. The file is there whole or not at all; what
 * was skipped or altered is in its ledger.
 * LEIT_USAGE for a bad manifest or override, with file, line and column; LEIT_DATA for bad sources.
 */
leit_status leit_corpus_build(const char *manifest_path, const char *output_path,
                              const char *const overrides[], size_t n_overrides);

/* Counts per label and split, lengths, sources and the ledger; as a table, or as JSON. */
leit_status leit_corpus_stats(const char *path, int as_json, char **text);

/* Verifies every sum of the file, everything the arrays promise, and the counts the manifest
 * expected. LEIT_DATA names the first difference. */
leit_status leit_corpus_check(const char *path);

void leit_corpus_text_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
