#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "leitmotif/corpus.h"
#include "leitmotif/etude.h"

/* `corpus build etude -o FOLDER`: the built-in corpus from nothing, generated and built. */
static leit_status build_etude(const cli_words *words)
{
    static const char *const parts[] = {"etude_alm", "etude_isear", "etude_music", "etude_tagging",
                                        "etude_tags"};
    struct leit_etude_options options = LEIT_ETUDE_OPTIONS_INIT;
    long texts = 0, clips = 0, seed = 0;
    leit_status status = cli_option_int(words, "texts", options.n_texts_per_label, 5, 1000, &texts);
    if (status == LEIT_OK)
        status = cli_option_int(words, "clips", options.n_clips_per_mood, 5, 2000, &clips);
    if (status == LEIT_OK)
        status = cli_option_int(words, "seed", (long)options.seed, 0, 1L << 53, &seed);
    if (status != LEIT_OK) return status;
    options.n_texts_per_label = (int)texts;
    options.n_clips_per_mood = (int)clips;
    options.seed = (uint64_t)seed;
    if (words->n_overrides > 0)
        return cli_usage(words, "etude takes --texts, --clips and --seed, got '%s'",
                         words->overrides[0]);
    const char *folder = words->output;
    if (folder == NULL) return cli_usage(words, "etude needs -o FOLDER");
    status = leit_etude_generate(folder, &options);
    for (size_t i = 0; status == LEIT_OK && i < sizeof parts / sizeof *parts; i++) {
        char manifest[4096], corpus[4096];
        snprintf(manifest, sizeof manifest, "%s/%s.yaml", folder, parts[i]);
        snprintf(corpus, sizeof corpus, "%s/%s.h5", folder, parts[i]);
        status = leit_corpus_build(manifest, corpus, NULL, 0);
    }
    return cli_report(status);
}

static leit_status build(const cli_words *words)
{
    if (words->n_plain != 1) return cli_usage(words, "expected one manifest, or the word etude");
    if (strcmp(words->plain[0], "etude") == 0) return build_etude(words);
    if (words->output == NULL) return cli_usage(words, "a manifest needs -o FILE.h5");
    if (words->n_values > 1)
        return cli_usage(words, "--%s is etude's; a manifest takes key=value",
                         words->names[strcmp(words->names[0], "output") == 0]);
    return cli_report(leit_corpus_build(words->plain[0], words->output, words->overrides,
                                        (size_t)words->n_overrides));
}

static leit_status stats(const cli_words *words)
{
    if (words->n_plain != 1) return cli_usage(words, "expected one corpus");
    char *text = NULL;
    leit_status status = leit_corpus_stats(words->plain[0], words->json, &text);
    if (status != LEIT_OK) return cli_report(status);
    status = cli_print(text);
    leit_corpus_text_free(text);
    return status;
}

static leit_status check(const cli_words *words)
{
    if (words->n_plain != 1) return cli_usage(words, "expected one corpus");
    leit_status status = leit_corpus_check(words->plain[0]);
    if (status != LEIT_OK) return cli_report(status);
    return cli_print_whole(words, words->plain[0]);
}

static const cli_verb parts[] = {
    {.name = "build",
     .arguments = "MANIFEST.yaml -o FILE.h5 [key=value ...] | etude -o FOLDER [--texts N] "
                  "[--clips N] [--seed N]",
     .summary = "build a corpus from what its manifest names, or the built-in one from nothing",
     .options = "output texts clips seed",
     .takes_overrides = true,
     .run = build},
    {.name = "stats",
     .arguments = "FILE.h5",
     .summary = "describe a corpus: labels, splits, lengths, what was left out",
     .run = stats},
    {.name = "check",
     .arguments = "FILE.h5",
     .summary = "verify a corpus: its sums and what it says of itself",
     .run = check},
    {.name = NULL},
};

const cli_verb cli_corpus = {
    .name = "corpus", .summary = "build, describe and verify corpora", .parts = parts};
