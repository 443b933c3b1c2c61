#include "container/container.h"
#include "corpus/corpus_builders.h"
#include "corpus/corpus_file.h"
#include "leitmotif/corpus.h"

leit_status leit_corpus_build(const char *manifest_path, const char *output_path,
                              const char *const overrides[], size_t n_overrides)
{
    static const char *const kinds[] = {"text", "music", "tags", NULL};
    const char *const formats[] = {leit_text_corpus_format, leit_music_corpus_format,
                                   leit_tag_corpus_format};
    static leit_status (*const builders[])(leit_manifest *, const char *) = {
        leit_text_build, leit_music_build, leit_tag_build};
    leit_manifest manifest;
    int kind = 0;
    LEIT_TRY(leit_manifest_open(manifest_path, overrides, n_overrides, &manifest));
    leit_status status = leit_manifest_word(&manifest, "kind", kinds, NULL, &kind);
    if (status == LEIT_OK) status = leit_container_check_output(output_path, formats[kind]);
    if (status == LEIT_OK) status = builders[kind](&manifest, output_path);
    leit_manifest_close(&manifest);
    return status;
}
