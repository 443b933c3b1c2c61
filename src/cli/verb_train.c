#include <stdio.h>

#include "cli/cli.h"
#include "leitmotif/train.h"

static leit_status run(const cli_words *words)
{
    if (words->n_plain != 1)
        return cli_usage(words, "expected one recipe, got %d words", words->n_plain);
    leit_recipe *recipe = NULL;
    leit_status status =
        leit_recipe_load(words->plain[0], words->overrides, (size_t)words->n_overrides, &recipe);
    leit_train_summary summary = {0};
    if (status == LEIT_OK) status = leit_train(recipe, &summary);
    leit_recipe_free(recipe);
    if (status != LEIT_OK) return cli_report(status);
    if (summary.rank > 0) return LEIT_OK;
    if (words->json)
        printf("{\"n_steps\": %lld, \"seconds\": %.3f, \"last_loss\": %.9g, \"monitor\": \"%s\", "
               "\"best_value\": %.9g, \"was_complete\": %s}\n",
               (long long)summary.n_steps, summary.seconds, summary.last_loss, summary.monitor,
               summary.best_value, summary.was_complete ? "true" : "false");
    else if (summary.was_complete)
        printf("complete already: nothing left to train\n");
    else
        printf("%lld steps in %.1f s, %s %.4f\n", (long long)summary.n_steps, summary.seconds,
               summary.monitor, summary.best_value);
    return LEIT_OK;
}

const cli_verb cli_train = {
    .name = "train",
    .arguments = "RECIPE [key=value ...]",
    .summary = "train every tower a recipe needs, or go on with what was interrupted",
    .takes_overrides = true,
    .run = run,
};
