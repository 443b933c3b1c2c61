#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "leitmotif/recipe.h"

static leit_status list(const cli_words *words)
{
    const char *directory = words->n_plain > 1 ? words->plain[1] : "recipes";
    leit_recipe_listing *listing = NULL;
    leit_status status = leit_recipe_list(directory, &listing);
    if (status != LEIT_OK) return cli_report(status);
    if (words->json) putchar('[');
    for (size_t i = 0; i < leit_recipe_listing_count(listing); i++) {
        const leit_recipe_entry *entry = leit_recipe_listing_entry(listing, i);
        const char *summary = entry->error[0] != '\0' ? entry->error : entry->summary;
        if (!words->json) {
            printf("%-42s %-15s %s\n", entry->path, entry->strategy, summary);
            continue;
        }
        printf("%s{\"path\": ", i == 0 ? "" : ", ");
        cli_print_json_string(entry->path);
        printf(", \"strategy\": ");
        cli_print_json_string(entry->strategy);
        printf(", \"summary\": ");
        cli_print_json_string(summary);
        putchar('}');
    }
    if (words->json) puts("]");
    leit_recipe_listing_free(listing);
    return LEIT_OK;
}

/* Among several, files that begin with '_' are bases: `recipes/etude/_common.yaml` is no recipe. */
static leit_status validate(const cli_words *words)
{
    if (words->n_plain < 2) return cli_usage(words, "validate needs at least one recipe");
    leit_status worst = LEIT_OK;
    for (int i = 1; i < words->n_plain; i++) {
        const char *slash = strrchr(words->plain[i], '/');
        if (words->n_plain > 2 && (slash == NULL ? words->plain[i] : slash + 1)[0] == '_') {
            printf("%s: a base of other recipes, checked with each of them\n", words->plain[i]);
            continue;
        }
        char *sentences = NULL;
        leit_status status = leit_recipe_validate(words->plain[i], words->overrides,
                                                  (size_t)words->n_overrides, &sentences);
        if (status != LEIT_OK) worst = status;
        if (sentences != NULL && sentences[0] != '\0')
            fputs(sentences, stderr);
        else if (status != LEIT_OK)
            cli_report(status);
        else
            printf("%s: fine\n", words->plain[i]);
        leit_recipe_text_free(sentences);
    }
    return worst;
}

/* explain (every key) or show (the resolved YAML). */
static leit_status explain(const cli_words *words, bool as_yaml)
{
    if (words->n_plain != 2) return cli_usage(words, "expected one recipe");
    leit_recipe *recipe = NULL;
    char *text = NULL;
    leit_status status =
        leit_recipe_load(words->plain[1], words->overrides, (size_t)words->n_overrides, &recipe);
    if (status == LEIT_OK)
        status =
            as_yaml ? leit_recipe_resolved_yaml(recipe, &text) : leit_recipe_explain(recipe, &text);
    if (status == LEIT_OK)
        status = cli_print(text);
    else
        cli_report(status);
    leit_recipe_text_free(text);
    leit_recipe_free(recipe);
    return status;
}

static leit_status diff(const cli_words *words)
{
    if (words->n_plain != 3) return cli_usage(words, "diff needs two recipes");
    leit_recipe *a = NULL, *b = NULL;
    char *text = NULL;
    leit_status status = leit_recipe_load(words->plain[1], NULL, 0, &a);
    if (status == LEIT_OK) status = leit_recipe_load(words->plain[2], NULL, 0, &b);
    if (status == LEIT_OK) status = leit_recipe_diff(a, b, &text);
    if (status == LEIT_OK)
        status = cli_print(text);
    else
        cli_report(status);
    leit_recipe_text_free(text);
    leit_recipe_free(a);
    leit_recipe_free(b);
    return status;
}

static leit_status copy(const cli_words *words)
{
    if (words->n_plain != 3) return cli_usage(words, "cp needs a recipe and where it goes");
    return cli_report(leit_recipe_copy(words->plain[1], words->plain[2]));
}

static leit_status run(const cli_words *words)
{
    const char *what = words->n_plain > 0 ? words->plain[0] : "";
    if (strcmp(what, "ls") == 0) return list(words);
    if (strcmp(what, "cp") == 0) return copy(words);
    if (strcmp(what, "validate") == 0) return validate(words);
    if (strcmp(what, "explain") == 0) return explain(words, false);
    if (strcmp(what, "show") == 0) return explain(words, true);
    if (strcmp(what, "diff") == 0) return diff(words);
    return cli_usage(words, "expected ls, cp, validate, explain, show or diff, got '%s'", what);
}

const cli_verb cli_recipe = {
    "recipe",
    "ls [FOLDER] | cp RECIPE TO | validate RECIPE ... [key=value ...] | explain RECIPE [key=value "
    "...] | show RECIPE | diff RECIPE RECIPE",
    "list, copy, check, explain and compare recipes", "", run};
