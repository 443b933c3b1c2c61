#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "leitmotif/recipe.h"

static leit_status list(const cli_words *words)
{
    if (words->n_plain > 1) return cli_usage(words, "expected one folder");
    const char *directory = words->n_plain > 0 ? words->plain[0] : "recipes";
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
        printf("%s{", i == 0 ? "" : ",\n ");
        cli_print_json_pair("path", entry->path);
        printf(", ");
        cli_print_json_pair("strategy", entry->strategy);
        printf(", ");
        cli_print_json_pair("summary", summary);
        putchar('}');
    }
    if (words->json) puts("]");
    leit_recipe_listing_free(listing);
    return LEIT_OK;
}

static bool is_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return (slash == NULL ? path : slash + 1)[0] == '_';
}

/* The sentences on one recipe, "" for none; *status is the verdict. */
static char *mistakes_of(const cli_words *words, const char *path, leit_status *status)
{
    char *sentences = NULL;
    *status = leit_recipe_validate(path, words->overrides, (size_t)words->n_overrides, &sentences);
    return sentences;
}

static void print_verdict(const char *path, const char *sentences, leit_status status)
{
    if (sentences != NULL && sentences[0] != '\0')
        fputs(sentences, stderr);
    else if (status != LEIT_OK)
        cli_report(status);
    else
        printf("%s: fine\n", path);
}

/* The sentences end with a line feed each; without any the recorded one of a failed call counts. */
static void print_json_verdict(const char *path, bool is_base_of_others, const char *sentences,
                               leit_status status)
{
    putchar('{');
    cli_print_json_pair("path", path);
    printf(", \"is_base\": %s, \"mistakes\": [", is_base_of_others ? "true" : "false");
    if (sentences == NULL || sentences[0] == '\0')
        sentences = status == LEIT_OK ? "" : leit_error_message();
    for (const char *line = sentences, *end; *line != '\0'; line = *end == '\0' ? end : end + 1) {
        end = line + strcspn(line, "\n");
        if (line != sentences) printf(", ");
        cli_print_json_bytes(line, (size_t)(end - line));
    }
    printf("]}");
}

/* Among several, files that begin with '_' are bases: `recipes/etude/_common.yaml` is no recipe. */
static leit_status validate(const cli_words *words)
{
    if (words->n_plain < 1) return cli_usage(words, "expected at least one recipe");
    leit_status worst = LEIT_OK;
    for (int i = 0; i < words->n_plain; i++) {
        const char *path = words->plain[i];
        const bool passes_over = words->n_plain > 1 && is_base(path);
        leit_status status = LEIT_OK;
        char *sentences = passes_over ? NULL : mistakes_of(words, path, &status);
        if (status != LEIT_OK) worst = status;
        if (words->json) {
            printf(i == 0 ? "[" : ",\n ");
            print_json_verdict(path, passes_over, sentences, status);
        } else if (passes_over) {
            printf("%s: a base of other recipes, checked with each of them\n", path);
        } else {
            print_verdict(path, sentences, status);
        }
        leit_recipe_text_free(sentences);
    }
    if (words->json) puts("]");
    return worst;
}

static leit_status print_settings(leit_recipe *recipe)
{
    for (size_t i = 0; i < leit_recipe_n_settings(); i++) {
        leit_recipe_setting s;
        leit_status status = leit_recipe_setting_at(recipe, i, &s);
        if (status != LEIT_OK) return status;
        const char *const pairs[][2] = {{"key", s.key},           {"value", s.value},
                                        {"origin", s.origin},     {"type", s.type},
                                        {"unit", s.unit},         {"default", s.default_value},
                                        {"expected", s.expected}, {"description", s.description}};
        printf(i == 0 ? "[{" : ",\n {");
        for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
            cli_print_json_pair(pairs[p][0], pairs[p][1]);
            printf(", ");
        }
        printf("\"is_read\": %s}", s.is_read ? "true" : "false");
    }
    return cli_print("]\n");
}

/* explain (every key) or show (the resolved YAML); as JSON both are the settings. */
static leit_status print_recipe(const cli_words *words, bool as_yaml)
{
    if (words->n_plain != 1) return cli_usage(words, "expected one recipe");
    leit_recipe *recipe = NULL;
    char *text = NULL;
    leit_status status =
        leit_recipe_load(words->plain[0], words->overrides, (size_t)words->n_overrides, &recipe);
    if (status == LEIT_OK && !words->json)
        status =
            as_yaml ? leit_recipe_resolved_yaml(recipe, &text) : leit_recipe_explain(recipe, &text);
    if (status != LEIT_OK)
        cli_report(status);
    else
        status = words->json ? print_settings(recipe) : cli_print(text);
    leit_recipe_text_free(text);
    leit_recipe_free(recipe);
    return status;
}

static leit_status explain(const cli_words *words)
{
    return print_recipe(words, false);
}

static leit_status show(const cli_words *words)
{
    return print_recipe(words, true);
}

static leit_status print_json_difference(leit_recipe *a, leit_recipe *b)
{
    const char *before = "[";
    for (size_t i = 0; i < leit_recipe_n_settings(); i++) {
        leit_recipe_setting from, to;
        leit_status status = leit_recipe_setting_at(a, i, &from);
        if (status == LEIT_OK) status = leit_recipe_setting_at(b, i, &to);
        if (status != LEIT_OK) return status;
        if (strcmp(from.value, to.value) == 0) continue;
        printf("%s{", before);
        cli_print_json_pair("key", from.key);
        printf(", ");
        cli_print_json_pair("from", from.value);
        printf(", ");
        cli_print_json_pair("to", to.value);
        putchar('}');
        before = ",\n ";
    }
    return cli_print(before[0] == '[' ? "[]\n" : "]\n");
}

static leit_status diff(const cli_words *words)
{
    if (words->n_plain != 2) return cli_usage(words, "expected two recipes");
    leit_recipe *a = NULL, *b = NULL;
    char *text = NULL;
    leit_status status = leit_recipe_load(words->plain[0], NULL, 0, &a);
    if (status == LEIT_OK) status = leit_recipe_load(words->plain[1], NULL, 0, &b);
    if (status == LEIT_OK && !words->json) status = leit_recipe_diff(a, b, &text);
    if (status != LEIT_OK)
        cli_report(status);
    else
        status = words->json ? print_json_difference(a, b) : cli_print(text);
    leit_recipe_text_free(text);
    leit_recipe_free(a);
    leit_recipe_free(b);
    return status;
}

static leit_status copy(const cli_words *words)
{
    if (words->n_plain != 2) return cli_usage(words, "expected a recipe and where it goes");
    return cli_report(leit_recipe_copy(words->plain[0], words->plain[1]));
}

static const cli_verb parts[] = {
    {.name = "ls", .arguments = "[FOLDER]", .summary = "list the recipes of a folder", .run = list},
    {.name = "cp",
     .arguments = "RECIPE TO",
     .summary = "copy a recipe, its base named from where it goes",
     .run = copy},
    {.name = "validate",
     .arguments = "RECIPE ... [key=value ...]",
     .summary = "say every mistake of recipes",
     .takes_overrides = true,
     .run = validate},
    {.name = "explain",
     .arguments = "RECIPE [key=value ...]",
     .summary = "say every key: its value, where that comes from, and what it does",
     .takes_overrides = true,
     .run = explain},
    {.name = "show",
     .arguments = "RECIPE [key=value ...]",
     .summary = "print a recipe with every key stated",
     .takes_overrides = true,
     .run = show},
    {.name = "diff",
     .arguments = "RECIPE RECIPE",
     .summary = "print the keys in which two recipes differ",
     .run = diff},
    {.name = NULL},
};

const cli_verb cli_recipe = {
    .name = "recipe", .summary = "list, copy, check, explain and compare recipes", .parts = parts};
