#include <string.h>

#include "cli/cli.h"
#include "leitmotif/checkpoint.h"

static leit_status run(const cli_words *words)
{
    const char *what = words->n_plain > 0 ? words->plain[0] : "";
    const bool lists = strcmp(what, "ls") == 0;
    if (!lists && strcmp(what, "verify") != 0)
        return cli_usage(words, "expected ls or verify, got '%s'", what);
    if (words->n_plain != 2) return cli_usage(words, "%s needs one checkpoint or run folder", what);
    if (!lists) {
        leit_status status = leit_checkpoint_verify(words->plain[1]);
        return status == LEIT_OK ? cli_print_whole(words, words->plain[1]) : cli_report(status);
    }
    char *text = NULL;
    leit_status status = leit_checkpoint_describe(words->plain[1], words->json, &text);
    if (status != LEIT_OK) return cli_report(status);
    status = cli_print(text);
    leit_checkpoint_text_free(text);
    return status;
}

const cli_verb cli_checkpoint = {"checkpoint", "ls PATH | verify PATH",
                                 "look into checkpoints and verify them", "", run};
