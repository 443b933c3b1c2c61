/* A recipe in words: resolved YAML, explanation, difference, and the reference page. */
#include <string.h>

#include "core/memory.h"
#include "recipe/recipe_yaml.h"

/* Hands a finished buffer over as a string. */
static leit_status finish(leit_status status, leit_buffer *buffer, char **text)
{
    *text = status == LEIT_OK ? leit_strdup(leit_buffer_text(buffer)) : NULL;
    leit_buffer_clear(buffer);
    return status == LEIT_OK && !*text ? LEIT_INTERNAL : status;
}

/* "learning_rate" and how deep it lies. */
static const char *last_word(const char *path, int *depth)
{
    *depth = 0;
    for (const char *dot = strchr(path, '.'); dot; dot = strchr(path, '.')) {
        path = dot + 1;
        ++*depth;
    }
    return path;
}

/* Opens the sections of `path` that `previous` is not in: "model:\n  text:\n". */
static leit_status open_sections(const char *path, const char *previous, leit_buffer *yaml)
{
    int depth = 0;
    for (const char *start = path, *dot; (dot = strchr(start, '.')); start = dot + 1, depth++) {
        size_t length = (size_t)(dot - path) + 1;
        if (strncmp(previous, path, length) != 0)
            LEIT_TRY(
                leit_buffer_printf(yaml, "%*s%.*s:\n", 2 * depth, "", (int)(dot - start), start));
    }
    return LEIT_OK;
}

static leit_status write_yaml(const leit_recipe *recipe, leit_buffer *yaml)
{
    const char *previous = "";
    for (size_t i = 0; i < leit_recipe_n_keys; i++) {
        const struct leit_recipe_key *key = &leit_recipe_keys[i];
        int depth;
        const char *word = last_word(key->path, &depth);
        LEIT_TRY(open_sections(key->path, previous, yaml));
        LEIT_TRY(leit_buffer_printf(yaml, "%*s%s: ", 2 * depth, "", word));
        LEIT_TRY(leit_recipe_write_value(recipe, key, yaml));
        LEIT_TRY(leit_buffer_puts(yaml, "\n"));
        previous = key->path;
    }
    return LEIT_OK;
}

leit_status leit_recipe_resolved_yaml(const leit_recipe *recipe, char **yaml)
{
    leit_buffer buffer = {0};
    return finish(write_yaml(recipe, &buffer), &buffer, yaml);
}

static leit_status write_origin(const struct leit_recipe_origin *origin, leit_buffer *text)
{
    switch (origin->kind) {
    case LEIT_FROM_DEFAULT: break;
    case LEIT_FROM_FILE: return leit_buffer_printf(text, "%s:%d", origin->label, origin->line);
    case LEIT_FROM_OVERRIDE: return leit_buffer_puts(text, "override");
    }
    return leit_buffer_puts(text, "default");
}

static bool is_read(const leit_recipe *recipe, const struct leit_recipe_key *key)
{
    return key->readers >> recipe->strategy & 1;
}

static leit_status write_explanation(const leit_recipe *recipe, leit_buffer *text)
{
    for (size_t i = 0; i < leit_recipe_n_keys; i++) {
        const struct leit_recipe_key *key = &leit_recipe_keys[i];
        LEIT_TRY(leit_buffer_printf(text, "%s: ", key->path));
        LEIT_TRY(leit_recipe_write_value(recipe, key, text));
        LEIT_TRY(leit_buffer_printf(text, "%s%s  [", key->unit[0] ? " " : "", key->unit));
        LEIT_TRY(write_origin(&recipe->origins[i], text));
        LEIT_TRY(leit_buffer_puts(text, "]"));
        if (!is_read(recipe, key))
            LEIT_TRY(leit_buffer_printf(text, "  (%s does not read it)",
                                        leit_strategy_name(recipe->strategy)));
        LEIT_TRY(leit_buffer_printf(text, "\n    %s\n    Takes ", key->description));
        LEIT_TRY(leit_recipe_expected(key, text));
        if (key->default_value[0])
            LEIT_TRY(leit_buffer_printf(text, "; default %s", key->default_value));
        LEIT_TRY(leit_buffer_puts(text, ".\n"));
    }
    return LEIT_OK;
}

leit_status leit_recipe_explain(const leit_recipe *recipe, char **text)
{
    leit_buffer buffer = {0};
    return finish(write_explanation(recipe, &buffer), &buffer, text);
}

static leit_status write_difference(const leit_recipe *a, const leit_recipe *b, leit_buffer *text)
{
    leit_buffer left = {0}, right = {0};
    leit_status status = LEIT_OK;
    for (size_t i = 0; i < leit_recipe_n_keys; i++) {
        const struct leit_recipe_key *key = &leit_recipe_keys[i];
        LEIT_TRY_GOTO(leit_recipe_write_value(a, key, &left), done);
        LEIT_TRY_GOTO(leit_recipe_write_value(b, key, &right), done);
        const char *from = leit_buffer_text(&left), *to = leit_buffer_text(&right);
        if (strcmp(from, to) != 0)
            LEIT_TRY_GOTO(leit_buffer_printf(text, "%s: %s -> %s\n", key->path, from, to), done);
        leit_buffer_clear(&left);
        leit_buffer_clear(&right);
    }
done:
    leit_buffer_clear(&left);
    leit_buffer_clear(&right);
    return status;
}

leit_status leit_recipe_diff(const leit_recipe *a, const leit_recipe *b, char **text)
{
    leit_buffer buffer = {0};
    return finish(write_difference(a, b, &buffer), &buffer, text);
}

size_t leit_recipe_n_settings(void)
{
    return leit_recipe_n_keys;
}

/* A written text that lives as long as the recipe. */
static leit_status keep(leit_status status, leit_recipe *recipe, leit_buffer *buffer,
                        const char **text)
{
    *text = status == LEIT_OK ? leit_arena_strdup(&recipe->arena, leit_buffer_text(buffer)) : NULL;
    leit_buffer_clear(buffer);
    return status == LEIT_OK && !*text ? LEIT_INTERNAL : status;
}

leit_status leit_recipe_setting_at(leit_recipe *recipe, size_t index, leit_recipe_setting *setting)
{
    LEIT_FAIL_IF(index >= leit_recipe_n_keys, LEIT_USAGE, "setting %zu of %zu", index,
                 leit_recipe_n_keys);
    const struct leit_recipe_key *key = &leit_recipe_keys[index];
    leit_buffer buffer = {0};
    *setting = (leit_recipe_setting){.key = key->path,
                                     .type = leit_key_type_name(key->type),
                                     .default_value = key->default_value,
                                     .unit = key->unit,
                                     .description = key->description,
                                     .is_read = is_read(recipe, key)};
    LEIT_TRY(keep(leit_recipe_write_value(recipe, key, &buffer), recipe, &buffer, &setting->value));
    LEIT_TRY(
        keep(write_origin(&recipe->origins[index], &buffer), recipe, &buffer, &setting->origin));
    return keep(leit_recipe_expected(key, &buffer), recipe, &buffer, &setting->expected);
}

static const char reference_head[] =
    "# Recipes\n"
    "\n"
    "This page is printed from the schema in `src/recipe/schema.c`: change that, then run\n"
    "`LEIT_UPDATE_DOCS=1 ctest --test-dir build -R recipe`. A test fails when the page is stale.\n"
    "\n"
    "A recipe is a YAML file that decides a whole run:\n"
    "\n"
    "    base: _common.yaml          # optional: another recipe whose values come first\n"
    "    strategy: metric3\n"
    "    data:\n"
    "      text: runs/taffc/alm.h5\n"
    "    train:\n"
    "      batch: 32\n"
    "\n"
    "- **Precedence** is default < base < recipe < override. An override is a word after the "
    "recipe:\n"
    "  `train.batch=16`, `augment.gain_db=[-6, 6]`, `model.text.weights=` (nothing). The last one "
    "wins.\n"
    "- **Paths** of data, weights and run folders are relative to the current directory. `base` "
    "alone is\n"
    "  relative to the file it stands in. A base may have a base, four deep; a circle is refused. "
    "Files whose\n"
    "  names begin with `_` are bases only and not listed as recipes.\n"
    "- **Mistakes** are found before anything runs: an unknown key, a wrong type, a value out of "
    "range, a key\n"
    "  given twice, and keys that do not fit each other. Exit code 2, with file, line, column and "
    "the\n"
    "  nearest word. `leitmotif recipe validate` prints all of them.\n"
    "- **YAML** here is maps, lists and plain values, at most 1 MiB and 16 levels. Anchors, "
    "aliases, tags, merge\n"
    "  keys and several documents are refused. `true` and `false` are the only truth values; `010` "
    "is no number.\n"
    "- **Everything** a recipe decides, stated and from defaults, is shown with its origin by\n"
    "  `leitmotif recipe explain` and written into the run folder.\n"
    "\n"
    "Under *read by*, `six` are the six strategies of the paper and `all` those and `tagging`.\n";

static leit_status write_readers(unsigned readers, leit_buffer *text)
{
    const unsigned all = (1U << LEIT_N_STRATEGIES) - 1, six = all & ~(1U << LEIT_STRATEGY_TAGGING);
    if (readers == all) return leit_buffer_puts(text, "all");
    if (readers == six) return leit_buffer_puts(text, "six");
    const char *separator = "";
    for (int i = 0; i < LEIT_N_STRATEGIES; i++) {
        if (!(readers >> i & 1)) continue;
        LEIT_TRY(leit_buffer_printf(text, "%s%s", separator,
                                    leit_strategy_name((enum leit_strategy_id)i)));
        separator = ", ";
    }
    return LEIT_OK;
}

/* The keys that lie directly in a section; "" is the top level. */
static leit_status write_section(const char *path, leit_buffer *text)
{
    size_t length = strlen(path);
    bool is_open = false;
    for (size_t i = 0; i < leit_recipe_n_keys; i++) {
        const struct leit_recipe_key *key = &leit_recipe_keys[i];
        int depth;
        size_t own = (size_t)(last_word(key->path, &depth) - key->path);
        if (own != length + (length > 0) || strncmp(key->path, path, length) != 0) continue;
        if (!is_open)
            LEIT_TRY(leit_buffer_puts(
                text, "\n| key | takes | default | unit | read by | what it does |\n"
                      "|---|---|---|---|---|---|\n"));
        is_open = true;
        LEIT_TRY(leit_buffer_printf(text, "| `%s` | ", key->path));
        LEIT_TRY(leit_recipe_expected(key, text));
        const char *tick = key->default_value[0] ? "`" : "";
        LEIT_TRY(leit_buffer_printf(text, " | %s%s%s | %s | ", tick, key->default_value, tick,
                                    key->unit));
        LEIT_TRY(write_readers(key->readers, text));
        LEIT_TRY(leit_buffer_printf(text, " | %s |\n", key->description));
    }
    return LEIT_OK;
}

leit_status leit_recipe_reference(leit_buffer *markdown)
{
    LEIT_TRY(leit_buffer_puts(markdown, reference_head));
    LEIT_TRY(write_section("", markdown));
    for (size_t i = 0; i < leit_recipe_n_sections; i++) {
        const struct leit_recipe_section *section = &leit_recipe_sections[i];
        LEIT_TRY(
            leit_buffer_printf(markdown, "\n## %s\n\n%s.\n", section->path, section->description));
        LEIT_TRY(write_section(section->path, markdown));
    }
    return LEIT_OK;
}
