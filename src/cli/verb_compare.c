#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "leitmotif/compare.h"

enum { MAX_SEEDS = 64 };

/* "1,2,3" */
static leit_status read_seeds(const cli_words *words, int64_t *seeds, size_t *n)
{
    const char *text = cli_option(words, "seeds", NULL);
    *n = 0;
    while (text != NULL && *text != '\0') {
        char *end = NULL;
        errno = 0;
        const long long seed = strtoll(text, &end, 10);
        if (errno != 0 || end == text || (*end != ',' && *end != '\0') || seed < 0 ||
            *n == MAX_SEEDS)
            return cli_usage(words, "--seeds is '%s', expected numbers as in 1,2,3",
                             cli_option(words, "seeds", ""));
        seeds[(*n)++] = seed;
        text = *end == ',' ? end + 1 : end;
    }
    return LEIT_OK;
}

static leit_status run(const cli_words *words)
{
    if (words->n_plain < 1) return cli_usage(words, "expected recipes or run folders");
    int64_t seeds[MAX_SEEDS];
    leit_compare_options options = {.n_sources = (size_t)words->n_plain,
                                    .sources = words->plain,
                                    .seeds = seeds,
                                    .n_overrides = (size_t)words->n_overrides,
                                    .overrides = words->overrides,
                                    .output = words->output,
                                    .title = cli_option(words, "title", NULL),
                                    .as_json = words->json};
    leit_status status = read_seeds(words, seeds, &options.n_seeds);
    if (status != LEIT_OK) return status;
    char *text = NULL;
    status = leit_compare(&options, &text);
    const leit_status printed = text == NULL ? LEIT_OK : cli_print(text);
    leit_compare_text_free(text);
    return status != LEIT_OK ? cli_report(status) : printed;
}

const cli_verb cli_compare = {
    .name = "compare",
    .arguments = "RECIPE|RUN ... [--seeds 1,2,3] [-o FOLDER] [--title TEXT] [key=value ...]",
    .summary = "train what is missing, evaluate, and write one table",
    .options = "output seeds title",
    .takes_overrides = true,
    .run = run,
};
