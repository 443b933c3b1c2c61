#include "cli/cli.h"
#include "leitmotif/checkpoint.h"

static leit_status list(const cli_words *words)
{
    if (words->n_plain != 1) return cli_usage(words, "expected one checkpoint or run folder");
    char *text = NULL;
    leit_status status = leit_checkpoint_describe(words->plain[0], words->json, &text);
    if (status != LEIT_OK) return cli_report(status);
    status = cli_print(text);
    leit_checkpoint_text_free(text);
    return status;
}

static leit_status verify(const cli_words *words)
{
    if (words->n_plain != 1) return cli_usage(words, "expected one checkpoint or run folder");
    leit_status status = leit_checkpoint_verify(words->plain[0]);
    return status == LEIT_OK ? cli_print_whole(words, words->plain[0]) : cli_report(status);
}

static const cli_verb parts[] = {
    {.name = "ls",
     .arguments = "PATH",
     .summary = "describe a checkpoint, or each of a run",
     .run = list},
    {.name = "verify",
     .arguments = "PATH",
     .summary = "compare every sum of a checkpoint",
     .run = verify},
    {.name = NULL},
};

const cli_verb cli_checkpoint = {
    .name = "checkpoint", .summary = "look into checkpoints and verify them", .parts = parts};
