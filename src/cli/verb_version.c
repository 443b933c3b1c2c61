#include <stdio.h>

#include "cli/cli.h"

static leit_status run(const cli_words *words)
{
    if (words->json)
        printf("{\"version\": \"%s\"}\n", LEIT_VERSION);
    else
        printf("leitmotif %s\n", LEIT_VERSION);
    return LEIT_OK;
}

const cli_verb cli_version = {
    .name = "version",
    .arguments = "",
    .summary = "print the version",
    .run = run,
};
