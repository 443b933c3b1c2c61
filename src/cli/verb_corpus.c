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
        return cli_usage(words, "build etude takes --texts, --clips and --seed, got '%s'",
                         words->overrides[0]);
    const char *folder = words->output;
    if (folder == NULL) return cli_usage(words, "corpus build etude needs -o FOLDER");
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
    if (words->n_plain != 2) return cli_usage(words, "build needs one manifest, or the word etude");
    if (strcmp(words->plain[1], "etude") == 0) return build_etude(words);
    if (words->output == NULL) return cli_usage(words, "build needs -o FILE.h5");
    return cli_report(leit_corpus_build(words->plain[1], words->output, words->overrides,
                                        (size_t)words->n_overrides));
}

static leit_status stats(const cli_words *words)
{
    if (words->n_plain != 2) return cli_usage(words, "stats needs one corpus");
    char *text = NULL;
    leit_status status = leit_corpus_stats(words->plain[1], words->json, &text);
    if (status != LEIT_OK) return cli_report(status);
    status = cli_print(text);
    leit_corpus_text_free(text);
    return status;
}

static leit_status check(const cli_words *words)
{
    if (words->n_plain != 2) return cli_usage(words, "check needs one corpus");
    leit_status status = leit_corpus_check(words->plain[1]);
    if (status != LEIT_OK) return cli_report(status);
    return cli_print_whole(words, words->plain[1]);
}

static leit_status run(const cli_words *words)
{
    const char *what = words->n_plain > 0 ? words->plain[0] : "";
    if (strcmp(what, "build") == 0) return build(words);
    if (strcmp(what, "stats") == 0) return stats(words);
    if (strcmp(what, "check") == 0) return check(words);
    return cli_usage(words, "expected build, stats or check, got '%s'", what);
}

const cli_verb cli_corpus = {"corpus",
                             "build MANIFEST.yaml -o FILE.h5 [key=value ...] | build etude -o "
                             "FOLDER [--texts N] [--clips N] "
                             "[--seed N] | stats FILE.h5 | check FILE.h5",
                             "build, describe and verify corpora", "output texts clips seed", run};
