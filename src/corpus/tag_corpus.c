#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "corpus/corpus_file.h"

enum { MAX_TAGS = 1 << 16, MAX_WIDTH = 1 << 14 };

int64_t leit_tag_corpus_find(const leit_tag_corpus *corpus, enum leit_modality modality,
                             const char *name)
{
    for (int64_t i = 0; i < corpus->n_tags; i++)
        if (corpus->modality[i] == modality && strcmp(corpus->names[i], name) == 0) return i;
    return -1;
}

static leit_status check_names(const char *what, const leit_tag_corpus *corpus)
{
    for (int64_t i = 0; i < corpus->n_tags; i++) {
        const char *name = corpus->names[i];
        LEIT_FAIL_IF(corpus->modality[i] > LEIT_MODALITY_MUSIC, LEIT_DATA,
                     "%s: tag '%s' has modality %d, expected 0 or 1", what, name,
                     corpus->modality[i]);
        LEIT_FAIL_IF(name[0] == '\0', LEIT_DATA, "%s: tag %lld has no name", what, (long long)i);
        LEIT_FAIL_IF(leit_tag_corpus_find(corpus, corpus->modality[i], name) != i, LEIT_DATA,
                     "%s: tag '%s' twice", what, name);
    }
    return LEIT_OK;
}

static leit_status check_place(const char *what, const leit_tag_corpus *corpus)
{
    const double low = corpus->range_low, high = corpus->range_high;
    LEIT_FAIL_IF(!(isfinite(low) && isfinite(high) && low < high), LEIT_DATA,
                 "%s: the range is %g to %g", what, low, high);
    LEIT_FAIL_IF((corpus->valence == NULL) != (corpus->arousal == NULL), LEIT_DATA,
                 "%s: valence without arousal", what);
    for (int64_t i = 0; corpus->valence != NULL && i < corpus->n_tags; i++) {
        double valence = (double)corpus->valence[i], arousal = (double)corpus->arousal[i];
        bool inside = valence >= low && valence <= high && arousal >= low && arousal <= high;
        LEIT_FAIL_IF(!inside, LEIT_DATA,
                     "%s: tag '%s' has valence %g and arousal %g, expected %g to %g", what,
                     corpus->names[i], valence, arousal, low, high);
    }
    return LEIT_OK;
}

/* A vector of zeros has no direction: its cosine to anything would be NaN. */
static leit_status check_vectors(const char *what, const leit_tag_corpus *corpus)
{
    LEIT_FAIL_IF(corpus->vector_width < 0 || corpus->vector_width > MAX_WIDTH ||
                     (corpus->vector_width == 0) != (corpus->vectors == NULL),
                 LEIT_DATA, "%s: vectors %d wide, expected 0 to %d", what, corpus->vector_width,
                 MAX_WIDTH);
    for (int64_t i = 0; corpus->vectors != NULL && i < corpus->n_tags; i++) {
        double squares = 0;
        const float *vector = corpus->vectors + i * corpus->vector_width;
        for (int j = 0; j < corpus->vector_width; j++)
            squares += (double)vector[j] * (double)vector[j];
        LEIT_FAIL_IF(!(squares > 0 && isfinite(squares)), LEIT_DATA,
                     "%s: the vector of tag '%s' has length %g, expected a finite one above 0",
                     what, corpus->names[i], sqrt(squares));
    }
    return LEIT_OK;
}

static leit_status check(const char *what, const leit_tag_corpus *corpus)
{
    LEIT_FAIL_IF(corpus->n_tags < 1 || corpus->n_tags > MAX_TAGS, LEIT_DATA,
                 "%s: %lld tags, expected 1 to %d", what, (long long)corpus->n_tags, MAX_TAGS);
    LEIT_TRY(check_names(what, corpus));
    LEIT_TRY(check_place(what, corpus));
    return check_vectors(what, corpus);
}

static leit_status read_tag_corpus(leit_tag_corpus *corpus)
{
    struct leit_corpus_memory *memory = corpus->memory;
    const leit_container *file = memory->container;
    int64_t n = -1;
    LEIT_TRY(leit_corpus_about_read(memory, &corpus->about));
    LEIT_TRY(leit_corpus_load_strings(memory, "names", &n, &corpus->names));
    corpus->n_tags = n;
    LEIT_TRY(leit_corpus_load(memory, "modality", LEIT_U8, 1, &n, &corpus->modality));
    LEIT_TRY(leit_container_f64(file, "", "range_low", &corpus->range_low));
    LEIT_TRY(leit_container_f64(file, "", "range_high", &corpus->range_high));
    if (leit_container_has(file, "valence")) {
        LEIT_TRY(leit_corpus_load(memory, "valence", LEIT_F32, 1, &n, &corpus->valence));
        LEIT_TRY(leit_corpus_load(memory, "arousal", LEIT_F32, 1, &n, &corpus->arousal));
    }
    if (leit_container_has(file, "vectors")) {
        int64_t shape[2] = {n, -1};
        LEIT_TRY(leit_corpus_load(memory, "vectors", LEIT_F32, 2, shape, &corpus->vectors));
        corpus->vector_width = shape[1] > MAX_WIDTH ? -1 : (int32_t)shape[1];
    }
    return check(leit_container_path(file), corpus);
}

leit_status leit_tag_corpus_open(const char *path, leit_tag_corpus **corpus)
{
    *corpus = NULL;
    leit_tag_corpus *opened = NULL;
    LEIT_TRY(LEIT_ALLOC(opened, 1));
    leit_status status = leit_corpus_memory_open(path, leit_tag_corpus_format, &opened->memory);
    if (status == LEIT_OK) status = read_tag_corpus(opened);
    if (status != LEIT_OK) {
        leit_tag_corpus_close(opened);
        return leit_corpus_cannot_read(path, status);
    }
    *corpus = opened;
    return LEIT_OK;
}

void leit_tag_corpus_close(leit_tag_corpus *corpus)
{
    if (corpus == NULL) return;
    leit_corpus_memory_close(corpus->memory);
    leit_free(corpus);
}

static leit_status write_tag_corpus(const leit_tag_corpus *corpus, leit_container_writer *writer)
{
    const int64_t n = corpus->n_tags;
    LEIT_TRY(leit_corpus_about_write(&corpus->about, writer));
    LEIT_TRY(leit_container_set_f64(writer, "", "range_low", corpus->range_low));
    LEIT_TRY(leit_container_set_f64(writer, "", "range_high", corpus->range_high));
    LEIT_TRY(leit_container_write_strings(writer, "names", n, corpus->names));
    LEIT_TRY(leit_container_write(writer, "modality", LEIT_U8, 1, &n, corpus->modality));
    if (corpus->valence != NULL) {
        LEIT_TRY(leit_container_write(writer, "valence", LEIT_F32, 1, &n, corpus->valence));
        LEIT_TRY(leit_container_write(writer, "arousal", LEIT_F32, 1, &n, corpus->arousal));
    }
    if (corpus->vectors == NULL) return LEIT_OK;
    return leit_container_write(writer, "vectors", LEIT_F32, 2,
                                (int64_t[]){n, corpus->vector_width}, corpus->vectors);
}

leit_status leit_tag_corpus_write(const leit_tag_corpus *corpus, const char *path)
{
    LEIT_TRY(check(path, corpus));
    leit_container_writer *writer = NULL;
    LEIT_TRY(leit_container_create(path, leit_tag_corpus_format, LEIT_CORPUS_VERSION, &writer));
    leit_status status = write_tag_corpus(corpus, writer);
    if (status == LEIT_OK) return leit_container_commit(writer);
    leit_container_abort(writer);
    return status;
}
