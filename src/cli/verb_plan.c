#include "cli/cli.h"
#include "leitmotif/train.h"

static leit_status run(const cli_words *words)
{
    if (words->n_plain != 1)
        return cli_usage(words, "expected one recipe, got %d words", words->n_plain);
    leit_recipe *recipe = NULL;
    char *text = NULL;
    leit_status status =
        leit_recipe_load(words->plain[0], words->overrides, (size_t)words->n_overrides, &recipe);
    if (status == LEIT_OK) status = leit_train_plan(recipe, words->json, &text);
    leit_recipe_free(recipe);
    if (status != LEIT_OK) return cli_report(status);
    status = cli_print(text);
    leit_train_text_free(text);
    return status;
}

const cli_verb cli_plan = {
    .name = "plan",
    .arguments = "RECIPE [key=value ...]",
    .summary = "say what training will take, before anything is taken",
    .takes_overrides = true,
    .run = run,
};
