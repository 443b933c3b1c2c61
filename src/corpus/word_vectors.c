#include "corpus/word_vectors.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"

enum { MAX_WORD_BYTES = 4096, MAX_WORDS = 1 << 28, MAX_NUMBER_BYTES = 64 };

typedef struct reader {
    const char *path;
    FILE *file;
    int64_t n_words, width; /* as the header says */
    int64_t n;              /* wanted words */
    const char *const *words;
    bool *found;
    float *vectors; /* (n, width) */
    float *row;     /* (width) */
    char word[MAX_WORD_BYTES];
} reader;

/* Reads up to a space or line end into `text`, spaces before it passed over; the character that
 * ended it is put back. False when there is nothing left or it is too long. */
static bool read_word(FILE *file, bool cross_lines, char *text, size_t text_bytes)
{
    int letter = getc(file);
    while (letter == ' ' || letter == '\t' || letter == '\r' || (cross_lines && letter == '\n'))
        letter = getc(file);
    size_t n = 0;
    while (letter != EOF && letter != ' ' && letter != '\t' && letter != '\n' && letter != '\r') {
        if (n + 1 >= text_bytes) return false;
        text[n++] = (char)letter;
        letter = getc(file);
    }
    text[n] = '\0';
    if (letter != EOF) ungetc(letter, file);
    return n > 0;
}

static bool read_count(FILE *file, int64_t *count)
{
    char text[MAX_NUMBER_BYTES], *end = NULL;
    if (!read_word(file, false, text, sizeof text)) return false;
    errno = 0;
    *count = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static leit_status read_header(reader *read)
{
    bool fine = read_count(read->file, &read->n_words) && read_count(read->file, &read->width);
    int end = getc(read->file);
    while (end == ' ' || end == '\r') end = getc(read->file);
    LEIT_FAIL_IF(!fine || end != '\n', LEIT_DATA,
                 "%s:1: expected a word2vec header: number of words and width", read->path);
    LEIT_FAIL_IF(read->n_words < 1 || read->n_words > MAX_WORDS || read->width < 1 ||
                     read->width > LEIT_WORD_VECTORS_MAX_WIDTH,
                 LEIT_DATA, "%s:1: %lld words %lld wide, expected 1 to %d words, 1 to %d wide",
                 read->path, (long long)read->n_words, (long long)read->width, MAX_WORDS,
                 LEIT_WORD_VECTORS_MAX_WIDTH);
    return LEIT_OK;
}

/* `line` is 1-based; row r of a text file is line r + 2. */
static leit_status read_text_row(reader *read, int64_t line)
{
    LEIT_FAIL_IF(!read_word(read->file, false, read->word, sizeof read->word), LEIT_DATA,
                 "%s:%lld: no word here, the header says %lld words", read->path, (long long)line,
                 (long long)read->n_words);
    for (int64_t i = 0; i < read->width; i++) {
        char text[MAX_NUMBER_BYTES], *end = NULL;
        LEIT_FAIL_IF(!read_word(read->file, false, text, sizeof text), LEIT_DATA,
                     "%s:%lld: '%.80s' has %lld numbers, the header says %lld", read->path,
                     (long long)line, read->word, (long long)i, (long long)read->width);
        read->row[i] = leit_parse_f32(text, &end);
        LEIT_FAIL_IF(*end != '\0' || !isfinite(read->row[i]), LEIT_DATA,
                     "%s:%lld: '%.80s': '%s' is no finite number", read->path, (long long)line,
                     read->word, text);
    }
    int end = getc(read->file);
    while (end == ' ' || end == '\t' || end == '\r') end = getc(read->file);
    LEIT_FAIL_IF(end != '\n' && end != EOF, LEIT_DATA,
                 "%s:%lld: '%.80s' has more than %lld numbers, the width of the header", read->path,
                 (long long)line, read->word, (long long)read->width);
    return LEIT_OK;
}

static leit_status read_binary_row(reader *read, int64_t row)
{
    bool has_word = read_word(read->file, true, read->word, sizeof read->word);
    LEIT_FAIL_IF(!has_word || getc(read->file) != ' ', LEIT_DATA,
                 "%s: word %lld of %lld is not there; truncated, or the header lies", read->path,
                 (long long)row + 1, (long long)read->n_words);
    size_t got = fread(read->row, sizeof(float), (size_t)read->width, read->file);
    LEIT_FAIL_IF((int64_t)got != read->width, LEIT_DATA,
                 "%s: the vector of word %lld, '%.80s', breaks off after %zu of %lld numbers",
                 read->path, (long long)row + 1, read->word, got, (long long)read->width);
    for (int64_t i = 0; i < read->width; i++)
        LEIT_FAIL_IF(!isfinite(read->row[i]), LEIT_DATA,
                     "%s: the vector of word %lld, '%.80s', holds a number that is not finite",
                     read->path, (long long)row + 1, read->word);
    return LEIT_OK;
}

static void keep_row(reader *read)
{
    for (int64_t i = 0; i < read->n; i++) {
        if (read->found[i] || strcmp(read->words[i], read->word) != 0) continue;
        memcpy(read->vectors + i * read->width, read->row, (size_t)read->width * sizeof(float));
        read->found[i] = true;
    }
}

static leit_status read_all(reader *read, bool is_binary)
{
    LEIT_TRY(read_header(read));
    LEIT_TRY(LEIT_ALLOC(read->row, read->width));
    LEIT_TRY(LEIT_ALLOC(read->vectors, read->n * read->width));
    LEIT_TRY(LEIT_ALLOC(read->found, read->n));
    for (int64_t row = 0; row < read->n_words; row++) {
        LEIT_TRY(is_binary ? read_binary_row(read, row) : read_text_row(read, row + 2));
        keep_row(read);
    }
    char more[2] = "";
    LEIT_FAIL_IF(read_word(read->file, true, more, sizeof more) || more[0] != '\0', LEIT_DATA,
                 "%s goes on after the %lld words of its header", read->path,
                 (long long)read->n_words);
    LEIT_FAIL_IF(ferror(read->file), LEIT_DATA, "cannot read %s", read->path);
    return LEIT_OK;
}

static leit_status check_found(const reader *read)
{
    for (int64_t i = 0; i < read->n; i++)
        LEIT_FAIL_IF(
            !read->found[i], LEIT_DATA,
            "%s has no vector for the tag '%s'; name vectors that have it or take the tag out",
            read->path, read->words[i]);
    return LEIT_OK;
}

leit_status leit_word_vectors_read(const char *path, bool is_binary, int64_t n,
                                   const char *const *words, int32_t *width, float **vectors)
{
    reader *read = NULL;
    LEIT_TRY(LEIT_ALLOC(read, 1));
    read->path = path;
    read->n = n;
    read->words = words;
    read->file = fopen(path, "rbe");
    leit_status status = read->file == NULL ? leit_fail(LEIT_DATA, __func__, "cannot open %s: %s",
                                                        path, leit_error_reason(errno))
                                            : read_all(read, is_binary);
    if (status == LEIT_DATA && read->file != NULL)
        status = leit_fail(status, leit_error_function(),
                           "%s; fetch the file again or correct its header", leit_error_message());
    if (status == LEIT_OK) status = check_found(read);
    if (read->file != NULL) fclose(read->file);
    leit_free(read->row);
    leit_free(read->found);
    if (status == LEIT_OK) {
        *width = (int32_t)read->width;
        *vectors = read->vectors;
    } else {
        leit_free(read->vectors);
    }
    leit_free(read);
    return status;
}
