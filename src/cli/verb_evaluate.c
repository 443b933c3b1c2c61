#include "leitmotif/evaluate.h"

#include "cli/cli.h"

static leit_status run(const cli_words *words)
{
    if (words->n_plain != 1)
        return cli_usage(words, "expected one run folder, got %d words", words->n_plain);
    long threads = 0;
    leit_status status = cli_option_int(words, "threads", 0, 0, 1024, &threads);
    if (status != LEIT_OK) return status;
    const leit_evaluate_options options = {.run = words->plain[0],
                                           .split = cli_option(words, "split", NULL),
                                           .threads = (int)threads,
                                           .as_json = words->json,
                                           .n_overrides = (size_t)words->n_overrides,
                                           .overrides = words->overrides};
    char *text = NULL;
    status = leit_evaluate(&options, &text);
    if (status != LEIT_OK) return cli_report(status);
    status = cli_print(text);
    leit_evaluate_text_free(text);
    return status;
}

const cli_verb cli_evaluate = {
    .name = "evaluate",
    .arguments = "RUN [--split test|valid] [--threads N] [key=value ...]",
    .summary = "rank all clips for all texts of a split; writes RUN/evaluation-SPLIT.json",
    .options = "split threads",
    .takes_overrides = true,
    .run = run,
};
