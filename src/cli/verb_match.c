#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "leitmotif/search.h"

/* Reads a file, or standard input for "-", up to one byte more than a match takes. */
static leit_status read_text(const char *path, char **text, size_t *size_bytes)
{
    const size_t limit = (size_t)LEIT_MATCH_MAX_BYTES + 1;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    size_t size = 0, capacity = 0, got = 1;
    char *content = NULL;
    while (file != NULL && got > 0 && size < limit) {
        if (size == capacity) {
            capacity = capacity == 0 ? 1 << 16 : 2 * capacity;
            char *larger = realloc(content, capacity);
            if (larger == NULL) break;
            content = larger;
        }
        const size_t room = capacity < limit ? capacity - size : limit - size;
        got = fread(content + size, 1, room, file);
        size += got;
    }
    const bool failed = file == NULL || ferror(file) || (got > 0 && size < limit);
    if (failed)
        fprintf(stderr,
                "leitmotif: cannot read %s: %s; name a text file, or - for standard input\n", path,
                strerror(errno));
    if (file != NULL && file != stdin) fclose(file);
    if (failed) {
        free(content);
        return LEIT_DATA;
    }
    *text = content;
    *size_bytes = size;
    return LEIT_OK;
}

/* The place of `word` among the space-separated names, -1 when it is not there. */
static int place_of(const char *names, const char *word)
{
    int place = 0;
    for (const char *at = names; *at != '\0'; place++) {
        const size_t length = strcspn(at, " ");
        if (strlen(word) == length && strncmp(at, word, length) == 0) return place;
        at += length + strspn(at + length, " ");
    }
    return -1;
}

static leit_status read_options(const cli_words *words, leit_match_options *options)
{
    const char *format = cli_option(words, "format", words->json ? "json" : "table");
    const char *scenes = cli_option(words, "scenes", "joined");
    const int format_place = place_of("table json m3u", format);
    const int scenes_place = place_of("joined paragraphs whole", scenes);
    if (words->n_plain != 1)
        return cli_usage(words, "expected one text or -, got %d words", words->n_plain);
    options->index = cli_option(words, "index", NULL);
    if (options->index == NULL) return cli_usage(words, "expected --index INDEX.h5");
    if (format_place < 0)
        return cli_usage(words, "--format is '%s', expected table, json or m3u", format);
    if (scenes_place < 0)
        return cli_usage(words, "--scenes is '%s', expected joined, paragraphs or whole", scenes);
    long top = 0, threads = 0, min_tokens = 0, max_tokens = 0;
    leit_status status = cli_option_int(words, "top", 5, 1, LEIT_MATCH_MAX_TOP, &top);
    if (status == LEIT_OK) status = cli_option_int(words, "threads", 0, 0, 1024, &threads);
    if (status == LEIT_OK)
        status = cli_option_int(words, "min-tokens", 64, 0, 1000000, &min_tokens);
    if (status == LEIT_OK)
        status = cli_option_int(words, "max-tokens", 512, 16, 1000000, &max_tokens);
    options->model = cli_option(words, "model", NULL);
    options->format = (leit_match_format)format_place;
    options->scenes = (leit_match_scenes)scenes_place;
    options->top = (int)top;
    options->threads = (int)threads;
    options->min_tokens = (int)min_tokens;
    options->max_tokens = (int)max_tokens;
    return status;
}

static leit_status run(const cli_words *words)
{
    leit_match_options options = {0};
    leit_status status = read_options(words, &options);
    if (status != LEIT_OK) return status;
    char *text = NULL, *cues = NULL;
    status = read_text(words->plain[0], &text, &options.size_bytes);
    if (status != LEIT_OK) return status;
    options.text = text;
    options.name = strcmp(words->plain[0], "-") == 0 ? "standard input" : words->plain[0];
    status = leit_match(&options, &cues);
    free(text);
    if (status == LEIT_OK && words->output != NULL) status = leit_match_save(cues, words->output);
    if (status != LEIT_OK)
        status = cli_report(status);
    else if (words->output == NULL)
        status = cli_print(cues);
    leit_match_text_free(cues);
    return status;
}

const cli_verb cli_match = {
    .name = "match",
    .arguments =
        "TEXT|- --index INDEX.h5 [--model RUN] [--top K] [--format table|json|m3u] [-o FILE]\n"
        "       [--scenes joined|paragraphs|whole] [--min-tokens N] [--max-tokens N] [--threads N]",
    .summary = "find the tracks that fit each scene of a text",
    .options = "output index model top format scenes min-tokens max-tokens threads",
    .run = run,
};
