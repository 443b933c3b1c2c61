#include <stdio.h>

#include "cli/cli.h"
#include "leitmotif/search.h"

enum { SHOWN_SKIPS = 20 };

static void print_json(const leit_index_summary *s)
{
    printf("{\"n_tracks\": %lld, \"n_new\": %lld, \"n_kept\": %lld, \"n_removed\": %lld, "
           "\"n_skipped\": %lld, \"n_pending\": %lld, \"seconds\": %.3f, \"skipped\": [",
           (long long)s->n_tracks, (long long)s->n_new, (long long)s->n_kept,
           (long long)s->n_removed, (long long)s->n_skipped, (long long)s->n_pending, s->seconds);
    for (int64_t i = 0; i < s->n_skipped; i++) {
        printf("%s{", i == 0 ? "" : ", ");
        cli_print_json_pair("path", s->skipped[i].path);
        printf(", ");
        cli_print_json_pair("reason", s->skipped[i].reason);
        putchar('}');
    }
    printf("]}");
}

static void print_summary(const leit_index_summary *s, bool shows_all)
{
    printf("%lld tracks: %lld new, %lld kept; %lld removed, %lld skipped, in %.1f s\n",
           (long long)s->n_tracks, (long long)s->n_new, (long long)s->n_kept,
           (long long)s->n_removed, (long long)s->n_skipped, s->seconds);
    const int64_t shown = shows_all || s->n_skipped <= SHOWN_SKIPS ? s->n_skipped : SHOWN_SKIPS;
    for (int64_t i = 0; i < shown; i++)
        printf("  skipped %s: %s\n", s->skipped[i].path, s->skipped[i].reason);
    if (shown < s->n_skipped)
        printf("  and %lld more; -v names them\n", (long long)(s->n_skipped - shown));
}

static leit_status run(const cli_words *words)
{
    if (words->n_plain != 1)
        return cli_usage(words, "expected one folder of audio, got %d words", words->n_plain);
    const char *model = cli_option(words, "model", NULL);
    if (model == NULL || words->output == NULL)
        return cli_usage(words, "expected --model RUN and -o INDEX.h5");
    long threads = 0;
    leit_status status = cli_option_int(words, "threads", 0, 0, 1024, &threads);
    if (status != LEIT_OK) return status;
    const leit_index_options options = {.folder = words->plain[0],
                                        .model = model,
                                        .output = words->output,
                                        .threads = (int)threads};
    leit_index_summary summary;
    status = leit_index_build(&options, &summary);
    if (status != LEIT_OK && status != LEIT_AGAIN) return cli_report(status);
    const bool speaks = summary.rank == 0;
    if (speaks && words->json)
        print_json(&summary);
    else if (speaks && !words->quiet)
        print_summary(&summary, words->verbose);
    leit_index_summary_clear(&summary);
    const leit_status printed = cli_print(speaks && words->json ? "\n" : "");
    return status == LEIT_OK ? printed : cli_report(status);
}

const cli_verb cli_index = {
    .name = "index",
    .arguments = "FOLDER --model RUN -o INDEX.h5 [--threads N]",
    .summary = "embed a folder of audio; what is unchanged is not embedded again",
    .options = "output model threads",
    .run = run,
};
