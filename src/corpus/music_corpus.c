#include <math.h>

#include "core/memory.h"
#include "corpus/corpus_file.h"

enum { SAMPLE_RATE_HZ = 16000, WRITE_SAMPLES = 1 << 22 };

static leit_status check_tags(const char *what, const leit_music_corpus *corpus)
{
    int64_t n = corpus->n_clips * corpus->n_labels;
    for (int64_t i = 0; i < n; i++)
        LEIT_FAIL_IF(corpus->tags[i] > 1, LEIT_DATA,
                     "%s: a tag of clip %lld is %d, expected 0 or 1", what,
                     (long long)(i / corpus->n_labels), corpus->tags[i]);
    return LEIT_OK;
}

static leit_status check(const char *what, const leit_music_corpus *corpus, int64_t n_samples)
{
    const int64_t n = corpus->n_clips;
    LEIT_TRY(leit_check_labels(what, corpus->n_labels, corpus->labels));
    LEIT_FAIL_IF(n < 1, LEIT_DATA, "%s: no clips", what);
    LEIT_FAIL_IF((corpus->label == NULL) == (corpus->tags == NULL), LEIT_DATA,
                 "%s: expected either one label per clip or tags", what);
    LEIT_FAIL_IF(corpus->sample_rate_hz != SAMPLE_RATE_HZ, LEIT_DATA,
                 "%s: sample rate %d Hz, expected %d", what, corpus->sample_rate_hz,
                 SAMPLE_RATE_HZ);
    LEIT_TRY(leit_check_offsets(what, n, corpus->offsets, n_samples, 1, INT32_MAX));
    LEIT_TRY(leit_check_splits(what, n, corpus->split));
    for (int64_t i = 0; i < n; i++) {
        double seconds = (double)(corpus->offsets[i + 1] - corpus->offsets[i]) / SAMPLE_RATE_HZ;
        LEIT_FAIL_IF(!(fabs(corpus->duration_s[i] - seconds) < 0.001), LEIT_DATA,
                     "%s: clip %lld is said to last %g s, its samples last %g s", what,
                     (long long)i, corpus->duration_s[i], seconds);
    }
    if (corpus->tags != NULL) return check_tags(what, corpus);
    return leit_check_classes(what, n, corpus->label, corpus->n_labels);
}

static leit_status read_music_corpus(leit_music_corpus *corpus)
{
    struct leit_corpus_memory *memory = corpus->memory;
    const char *path = leit_container_path(memory->container);
    int64_t n_labels = -1, n_samples = -1, n_offsets = -1, n = -1, rate_hz = 0;
    LEIT_TRY(leit_corpus_about_read(memory, &corpus->about));
    LEIT_TRY(leit_corpus_load_strings(memory, "labels", &n_labels, &corpus->labels));
    LEIT_TRY(leit_check_labels(path, n_labels, corpus->labels));
    corpus->n_labels = (int32_t)n_labels;
    LEIT_TRY(leit_corpus_load(memory, "split", LEIT_U8, 1, &n, &corpus->split));
    corpus->n_clips = n;
    n_offsets = n + 1;
    if (leit_container_has(memory->container, "tags"))
        LEIT_TRY(
            leit_corpus_load(memory, "tags", LEIT_U8, 2, (int64_t[]){n, n_labels}, &corpus->tags));
    else
        LEIT_TRY(leit_corpus_load(memory, "label", LEIT_I32, 1, &n, &corpus->label));
    LEIT_TRY(leit_corpus_load(memory, "offsets", LEIT_I64, 1, &n_offsets, &corpus->offsets));
    LEIT_TRY(leit_corpus_load(memory, "duration_s", LEIT_F64, 1, &n, &corpus->duration_s));
    LEIT_TRY(leit_corpus_load_strings(memory, "paths", &n, &corpus->paths));
    LEIT_TRY(leit_corpus_load_strings(memory, "groups", &n, &corpus->groups));
    LEIT_TRY(leit_container_i64(memory->container, "", "sample_rate_hz", &rate_hz));
    corpus->sample_rate_hz = rate_hz == SAMPLE_RATE_HZ ? SAMPLE_RATE_HZ : 0;
    const void *pcm = NULL;
    LEIT_TRY(leit_container_map(memory->container, "pcm", LEIT_I16, 1, &n_samples, LEIT_CHECK_LATER,
                                &pcm));
    corpus->pcm = pcm;
    return check(path, corpus, n_samples);
}

leit_status leit_music_corpus_open(const char *path, leit_music_corpus **corpus)
{
    *corpus = NULL;
    leit_music_corpus *opened = NULL;
    LEIT_TRY(LEIT_ALLOC(opened, 1));
    leit_status status = leit_corpus_memory_open(path, leit_music_corpus_format, &opened->memory);
    if (status == LEIT_OK) status = read_music_corpus(opened);
    if (status != LEIT_OK) {
        leit_music_corpus_close(opened);
        return leit_corpus_cannot_read(path, status);
    }
    *corpus = opened;
    return LEIT_OK;
}

leit_status leit_music_corpus_verify(const leit_music_corpus *corpus)
{
    leit_container *file = corpus->memory->container;
    int64_t n_samples = corpus->offsets[corpus->n_clips];
    const void *pcm = NULL;
    return leit_corpus_cannot_read(
        leit_container_path(file),
        leit_container_map(file, "pcm", LEIT_I16, 1, &n_samples, LEIT_CHECK_SUM, &pcm));
}

void leit_music_corpus_close(leit_music_corpus *corpus)
{
    if (corpus == NULL) return;
    leit_corpus_memory_close(corpus->memory);
    leit_free(corpus);
}

/* In pieces: pcm may be the mapping of a file larger than memory. */
static leit_status write_pcm(const leit_music_corpus *corpus, leit_container_writer *writer)
{
    const int64_t n_samples = corpus->offsets[corpus->n_clips];
    LEIT_TRY(leit_container_begin(writer, "pcm", LEIT_I16, 1, &n_samples));
    for (int64_t first = 0; first < n_samples; first += WRITE_SAMPLES) {
        int64_t n = n_samples - first < WRITE_SAMPLES ? n_samples - first : WRITE_SAMPLES;
        LEIT_TRY(leit_container_append(writer, corpus->pcm + first, n));
    }
    return LEIT_OK;
}

static leit_status write_music_corpus(const leit_music_corpus *corpus,
                                      leit_container_writer *writer)
{
    const int64_t n = corpus->n_clips;
    LEIT_TRY(leit_corpus_about_write(&corpus->about, writer));
    LEIT_TRY(leit_container_set_i64(writer, "", "sample_rate_hz", corpus->sample_rate_hz));
    LEIT_TRY(leit_container_write_strings(writer, "labels", corpus->n_labels, corpus->labels));
    LEIT_TRY(leit_container_write(writer, "split", LEIT_U8, 1, &n, corpus->split));
    if (corpus->tags != NULL)
        LEIT_TRY(leit_container_write(writer, "tags", LEIT_U8, 2, (int64_t[]){n, corpus->n_labels},
                                      corpus->tags));
    else
        LEIT_TRY(leit_container_write(writer, "label", LEIT_I32, 1, &n, corpus->label));
    LEIT_TRY(
        leit_container_write(writer, "offsets", LEIT_I64, 1, &(int64_t){n + 1}, corpus->offsets));
    LEIT_TRY(leit_container_write(writer, "duration_s", LEIT_F64, 1, &n, corpus->duration_s));
    LEIT_TRY(leit_container_write_strings(writer, "paths", n, corpus->paths));
    LEIT_TRY(leit_container_write_strings(writer, "groups", n, corpus->groups));
    return write_pcm(corpus, writer);
}

leit_status leit_music_corpus_write(const leit_music_corpus *corpus, const char *path)
{
    LEIT_FAIL_IF(corpus->n_clips < 1, LEIT_DATA, "%s: no clips", path);
    LEIT_TRY(check(path, corpus, corpus->offsets[corpus->n_clips]));
    leit_container_writer *writer = NULL;
    LEIT_TRY(leit_container_create(path, leit_music_corpus_format, LEIT_CORPUS_VERSION, &writer));
    leit_status status = write_music_corpus(corpus, writer);
    if (status == LEIT_OK) return leit_container_commit(writer);
    leit_container_abort(writer);
    return status;
}
