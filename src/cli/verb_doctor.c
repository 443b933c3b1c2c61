#include "cli/cli.h"
#include "leitmotif/doctor.h"

static leit_status run(const cli_words *words)
{
    if (words->n_plain != 0 || words->n_overrides != 0)
        return cli_usage(words, "expected no words, got %d", words->n_plain + words->n_overrides);
    char *text = NULL;
    const leit_status health = leit_doctor(words->json, &text);
    leit_status status = text == NULL ? LEIT_OK : cli_print(text);
    leit_doctor_text_free(text);
    if (health != LEIT_OK) status = cli_report(health);
    return status;
}

const cli_verb cli_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "say what this machine has for Leitmotif, and whether it works",
    .run = run,
};
