/* Speed of WordPiece on one core: every line of a text file is a sentence.
 *
 *     tokenizer VOCABULARY FILE [ROUNDS]
 *
 * One JSON line: bytes and sentences of the file, ids, seconds of the fastest and the median round
 * (the first round, with an empty cache, is told apart), MB/s (1e6 bytes) and sentences/s of the
 * median. bench/peers/tokenizer.py prints the same line for Hugging Face tokenizers; equal `id_sum`
 * means equal work. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "text/wordpiece.h"

enum { MAX_TOKENS = 512, MAX_ROUNDS = 100 };

typedef struct work {
    int64_t sentences, ids, id_sum;
} work;

static double processor_seconds(void)
{
    return 1e-9 * (double)leit_clock_processor_ns();
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static leit_status encode_lines(leit_wordpiece *tokenizer, const leit_buffer *text, work *done)
{
    *done = (work){0};
    const char *at = text->data, *end = at + text->size_bytes;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline == NULL ? end : newline;
        int32_t ids[MAX_TOKENS];
        int n = 0;
        LEIT_TRY(leit_wordpiece_encode(tokenizer, at, (size_t)(stop - at), MAX_TOKENS, ids, &n));
        for (int i = 0; i < n; i++) done->id_sum += ids[i];
        done->sentences++;
        done->ids += n;
        at = stop + 1;
    }
    return LEIT_OK;
}

static leit_status measure(const char *vocabulary_path, const char *text_path, int n_rounds)
{
    leit_status status = LEIT_OK;
    leit_buffer vocabulary = {0}, text = {0};
    leit_wordpiece *tokenizer = NULL;
    work done = {0};
    double seconds[MAX_ROUNDS];
    LEIT_TRY_GOTO(leit_file_read(vocabulary_path, 8 << 20, &vocabulary), done);
    LEIT_TRY_GOTO(leit_file_read(text_path, (size_t)1 << 31, &text), done);
    double start = processor_seconds();
    LEIT_TRY_GOTO(
        leit_wordpiece_create(vocabulary.data, vocabulary.size_bytes, vocabulary_path, &tokenizer),
        done);
    double create_seconds = processor_seconds() - start;
    for (int round = 0; round < n_rounds; round++) {
        start = processor_seconds();
        LEIT_TRY_GOTO(encode_lines(tokenizer, &text, &done), done);
        seconds[round] = processor_seconds() - start;
    }
    double first = seconds[0];
    qsort(seconds, (size_t)n_rounds, sizeof *seconds, ascending);
    double median = seconds[n_rounds / 2];
    printf(
        "{\"program\": \"leitmotif\", \"bytes\": %zu, \"sentences\": %" PRId64 ", \"ids\": %" PRId64
        ", \"id_sum\": %" PRId64 ", \"create_s\": %.4f, \"first_s\": %.4f, \"best_s\": %.4f, "
        "\"median_s\": %.4f, \"mb_per_s\": %.2f, \"sentences_per_s\": %.0f}\n",
        text.size_bytes, done.sentences, done.ids, done.id_sum, create_seconds, first, seconds[0],
        median, (double)text.size_bytes / 1e6 / median, (double)done.sentences / median);
done:
    leit_wordpiece_free(tokenizer);
    leit_buffer_clear(&text);
    leit_buffer_clear(&vocabulary);
    return status;
}

int main(int n_arguments, char **arguments)
{
    int n_rounds = n_arguments > 3 ? atoi(arguments[3]) : 7;
    if (n_arguments < 3 || n_rounds < 1 || n_rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: %s VOCABULARY FILE [ROUNDS up to %d]\n", arguments[0], MAX_ROUNDS);
        return LEIT_USAGE;
    }
    leit_status status = measure(arguments[1], arguments[2], n_rounds);
    if (status != LEIT_OK) fprintf(stderr, "%s\n", leit_error_message());
    return (int)status;
}
