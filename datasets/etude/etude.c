#include "leitmotif/etude.h"

#include <string.h>

#include "core/arena.h"
#include "core/file.h"
#include "datasets/etude/etude_clip_tags.h"
#include "datasets/etude/etude_parts.h"

const char *const leit_etude_alm[LEIT_ETUDE_N_ALM] = {"anger", "fearful", "happy", "sad",
                                                      "surprised"};
const char *const leit_etude_isear[LEIT_ETUDE_N_ISEAR] = {"anger", "disgust", "fear", "guilt",
                                                          "joy",   "sadness", "shame"};
const char *const leit_etude_moods[LEIT_ETUDE_N_MOODS] = {"angry", "exciting", "funny", "happy",
                                                          "sad",   "scary",    "tender"};

static const struct manifest {
    const char *file, *text;
} MANIFESTS[] = {
    {"etude_alm.yaml", "kind: text\n"
                       "name: etude_alm\n"
                       "format: etude_text\n"
                       "source: texts_alm.tsv\n"
                       "vocabulary: vocabulary.txt\n"
                       "max_tokens: 64\n"
                       "labels: [anger, fearful, happy, sad, surprised]\n"},
    {"etude_isear.yaml", "kind: text\n"
                         "name: etude_isear\n"
                         "format: etude_text\n"
                         "source: texts_isear.tsv\n"
                         "vocabulary: vocabulary.txt\n"
                         "max_tokens: 64\n"
                         "labels: [anger, disgust, fear, guilt, joy, sadness, shame]\n"},
    {"etude_music.yaml", "kind: music\n"
                         "name: etude_music\n"
                         "format: clips_csv\n"
                         "source: clips.csv\n"
                         "folder: .\n"
                         "labels: [angry, exciting, funny, happy, sad, scary, tender]\n"},
    {"etude_tagging.yaml", "kind: music\n"
                           "name: etude_tagging\n"
                           "format: clips_csv\n"
                           "source: clip_tags.csv\n"
                           "folder: .\n"
                           "multi_label: true\n"},
    {"etude_tags.yaml", "kind: tags\n"
                        "name: etude_tags\n"
                        "format: etude_tags\n"
                        "source: tags.tsv\n"
                        "vectors: vectors.txt\n"},
};

const char *leit_etude_split(int i, int n)
{
    int n_held = n / 5;
    if (i < n - 2 * n_held) return "train";
    return i < n - n_held ? "valid" : "test";
}

leit_status leit_etude_write_file(const char *directory, const char *name,
                                  const leit_buffer *content)
{
    leit_arena arena = {0};
    char *path = leit_path_join(&arena, directory, name);
    leit_status status =
        path == NULL ? LEIT_INTERNAL
                     : leit_file_write(path, leit_buffer_text(content), content->size_bytes);
    leit_arena_clear(&arena);
    return status;
}

static leit_status print_tag_labels(leit_buffer *text)
{
    LEIT_TRY(leit_buffer_puts(text, "labels: ["));
    LEIT_TRY(leit_etude_print_tag_list(text));
    return leit_buffer_puts(text, "]\n");
}

static leit_status write_manifests(const char *directory)
{
    for (size_t i = 0; i < sizeof MANIFESTS / sizeof *MANIFESTS; i++) {
        leit_buffer text = {0};
        leit_status status = leit_buffer_puts(&text, MANIFESTS[i].text);
        if (status == LEIT_OK && strstr(MANIFESTS[i].text, "multi_label") != NULL)
            status = print_tag_labels(&text);
        if (status == LEIT_OK) status = leit_etude_write_file(directory, MANIFESTS[i].file, &text);
        leit_buffer_clear(&text);
        LEIT_TRY(status);
    }
    return LEIT_OK;
}

static leit_status check_options(const struct leit_etude_options *options)
{
    LEIT_FAIL_IF(options->n_texts_per_label < 5 || options->n_texts_per_label > 1000, LEIT_USAGE,
                 "n_texts_per_label is %d, expected 5 to 1000", options->n_texts_per_label);
    LEIT_FAIL_IF(options->n_clips_per_mood < 5 || options->n_clips_per_mood > 2000, LEIT_USAGE,
                 "n_clips_per_mood is %d, expected 5 to 2000", options->n_clips_per_mood);
    LEIT_FAIL_IF(!(options->clip_seconds >= 1 && options->clip_seconds <= 60), LEIT_USAGE,
                 "clip_seconds is %g, expected 1 to 60", options->clip_seconds);
    LEIT_FAIL_IF(options->n_library < 0 || options->n_library > 40, LEIT_USAGE,
                 "n_library is %d, expected 0 to 40", options->n_library);
    LEIT_FAIL_IF(!(options->library_seconds >= 1 && options->library_seconds <= 120), LEIT_USAGE,
                 "library_seconds is %g, expected 1 to 120", options->library_seconds);
    LEIT_FAIL_IF(options->sample_rate_hz < 8000 || options->sample_rate_hz > 48000, LEIT_USAGE,
                 "sample_rate_hz is %d, expected 8000 to 48000", options->sample_rate_hz);
    LEIT_FAIL_IF(options->n_workers < 0, LEIT_USAGE, "n_workers is %d, expected 0 or more",
                 options->n_workers);
    return LEIT_OK;
}

leit_status leit_etude_generate(const char *directory, const struct leit_etude_options *options)
{
    const struct leit_etude_options defaults = LEIT_ETUDE_OPTIONS_INIT;
    if (options == NULL) options = &defaults;
    LEIT_FAIL_IF(directory == NULL || *directory == '\0', LEIT_USAGE,
                 "the directory is empty, expected a path");
    LEIT_TRY(check_options(options));
    LEIT_TRY(leit_file_make_directory(directory));
    LEIT_TRY(leit_etude_write_texts(directory, options));
    LEIT_TRY(leit_etude_write_tags(directory, options));
    LEIT_TRY(leit_etude_write_vocabulary(directory));
    LEIT_TRY(leit_etude_write_music(directory, options));
    return write_manifests(directory);
}
