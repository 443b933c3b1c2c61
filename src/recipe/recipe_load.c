/* Default < base < recipe < override: each layer is set over the one before it. */
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "recipe/recipe_yaml.h"
#include "recipe/yaml_tree.h"

struct loader {
    struct leit_recipe *recipe;
    struct leit_recipe_errors *errors;
    struct stat files[LEIT_RECIPE_BASES + 1]; /* the chain from the recipe to the current base */
    int n_files;
};

const char *leit_recipe_place(const struct leit_recipe_origin *origin, leit_arena *arena)
{
    const char *place = origin->label;
    if (origin->kind == LEIT_FROM_FILE)
        place = leit_arena_printf(arena, "%s:%d:%d", origin->label, origin->line, origin->column);
    else if (origin->kind == LEIT_FROM_OVERRIDE)
        place = leit_arena_printf(arena, "override %s",
                                  leit_recipe_quote(arena, origin->label, strlen(origin->label)));
    return place ? place : "";
}

/* Sets one key and remembers where it came from, or notes what is wrong with it. */
static leit_status apply(struct loader *loader, int index, const struct leit_value *value,
                         struct leit_recipe_origin origin)
{
    const struct leit_recipe_key *key = &leit_recipe_keys[index];
    const char *hint = "";
    const char *found = leit_recipe_set(loader->recipe, key, value, &hint);
    origin.is_bad = found != NULL;
    loader->recipe->origins[index] = origin;
    if (!found) return LEIT_OK;
    leit_buffer expected = {0};
    leit_status status = leit_recipe_expected(key, &expected);
    if (status == LEIT_OK)
        status = leit_recipe_note(loader->errors, "%s: %s is %s, expected %s%s",
                                  leit_recipe_place(&origin, &loader->errors->arena), key->path,
                                  found, leit_buffer_text(&expected), hint);
    leit_buffer_clear(&expected);
    return status;
}

static leit_status apply_defaults(struct loader *loader, const char *label)
{
    for (size_t i = 0; i < leit_recipe_n_keys; i++) {
        const struct leit_recipe_key *key = &leit_recipe_keys[i];
        struct leit_value value = {0};
        LEIT_TRY(leit_recipe_read_value("default", key->default_value, &loader->recipe->arena,
                                        loader->errors, &value));
        struct leit_recipe_origin origin = {.kind = LEIT_FROM_DEFAULT, .label = label};
        bool must_be_stated = key->type == LEIT_KEY_ENUM && key->default_value[0] == '\0';
        loader->recipe->origins[i] = origin;
        if (!must_be_stated) LEIT_TRY(apply(loader, (int)i, &value, origin));
    }
    return LEIT_OK;
}

static leit_status apply_text(struct loader *loader, const char *label, const char *text,
                              size_t size_bytes);

/* A base is relative to the file that names it. Files are told apart by device and inode, so that a
 * circle is found whatever the paths look like. */
static leit_status apply_base(struct loader *loader, const char *label,
                              const struct leit_recipe_document *document)
{
    leit_arena *arena = &loader->recipe->arena;
    const char *folder = leit_path_directory(arena, label);
    const char *path = folder ? leit_path_join(arena, folder, document->base) : NULL;
    if (!path) return LEIT_INTERNAL;
    struct stat file;
    const char *fault = NULL;
    if (stat(path, &file) != 0) fault = "cannot be read";
    for (int i = 0; !fault && i < loader->n_files; i++)
        if (loader->files[i].st_dev == file.st_dev && loader->files[i].st_ino == file.st_ino)
            fault = "is a base of itself";
    if (!fault && loader->n_files > LEIT_RECIPE_BASES) fault = "is too far: bases may be 4 deep";

    leit_buffer text = {0};
    if (!fault && leit_file_read(path, LEIT_YAML_MAX_BYTES, &text) != LEIT_OK)
        fault = leit_error_message();
    leit_status status = LEIT_USAGE;
    if (fault) {
        leit_recipe_note(loader->errors, "%s:%d:%d: base %s %s", label, document->base_line,
                         document->base_column, leit_recipe_quote(arena, path, strlen(path)),
                         fault);
    } else {
        loader->files[loader->n_files++] = file;
        status = apply_text(loader, path, leit_buffer_text(&text), text.size_bytes);
    }
    leit_buffer_clear(&text);
    return status;
}

static leit_status apply_text(struct loader *loader, const char *label, const char *text,
                              size_t size_bytes)
{
    struct leit_recipe_document document = {0};
    leit_arena *arena = &loader->recipe->arena;
    LEIT_TRY(leit_recipe_read_yaml(label, text, size_bytes, arena, loader->errors, &document));
    if (document.base) LEIT_TRY(apply_base(loader, label, &document));
    for (size_t i = 0; i < leit_recipe_n_keys; i++) {
        const struct leit_recipe_stated *stated = &document.values[i];
        struct leit_recipe_origin origin = {LEIT_FROM_FILE, label, stated->line, stated->column,
                                            false};
        if (stated->is_bad)
            loader->recipe->origins[i].is_bad = true;
        else if (stated->is_set)
            LEIT_TRY(apply(loader, (int)i, &stated->value, origin));
    }
    return LEIT_OK;
}

static leit_status apply_override(struct loader *loader, const char *word)
{
    leit_arena *arena = &loader->recipe->arena;
    struct leit_recipe_origin origin = {.kind = LEIT_FROM_OVERRIDE,
                                        .label = leit_arena_strdup(arena, word)};
    if (!origin.label) return LEIT_INTERNAL;
    const char *place = leit_recipe_place(&origin, arena);
    const char *equals = strchr(origin.label, '=');
    if (!equals)
        return leit_recipe_note(loader->errors, "%s has no '=', expected KEY=VALUE", place);

    size_t length = (size_t)(equals - origin.label);
    const char *written = leit_recipe_quote(arena, origin.label, length);
    int index = leit_recipe_find_key(origin.label, length);
    if (index < 0) {
        const char *near = leit_recipe_nearest(origin.label, length);
        if (leit_recipe_find_section(origin.label, length) >= 0)
            return leit_recipe_note(loader->errors, "%s: %s is a section, expected one of its keys",
                                    place, written);
        if (length == 4 && memcmp(origin.label, "base", 4) == 0)
            return leit_recipe_note(loader->errors, "%s: %s can only stand in a file", place,
                                    written);
        if (near)
            return leit_recipe_note(loader->errors, "%s: unknown key %s, did you mean '%s'?", place,
                                    written, near);
        return leit_recipe_note(
            loader->errors, "%s: unknown key %s, docs/recipes.md lists them all", place, written);
    }
    struct leit_value value = {0};
    if (leit_recipe_read_value(place, equals + 1, arena, loader->errors, &value) != LEIT_OK) {
        loader->recipe->origins[index].is_bad = true;
        return loader->errors->count < LEIT_RECIPE_ERRORS ? LEIT_OK : LEIT_USAGE;
    }
    return apply(loader, index, &value, origin);
}

/* The name of a recipe that states none: its file's name, with '-' for what a name may not have. */
static leit_status derive(struct leit_recipe *recipe, const char *label)
{
    if (recipe->name[0] == '\0') {
        const char *file = leit_path_name(label);
        const char *dot = strrchr(file, '.');
        char *name = leit_arena_strndup(&recipe->arena, file,
                                        dot && dot > file ? (size_t)(dot - file) : strlen(file));
        if (!name) return LEIT_INTERNAL;
        for (char *at = name; *at; at++)
            if (!isalnum((unsigned char)*at) && !strchr("._-", *at)) *at = '-';
        recipe->name = name;
    }
    if (recipe->run.directory[0] == '\0')
        recipe->run.directory = leit_arena_printf(&recipe->arena, "runs/%s", recipe->name);
    return recipe->run.directory ? LEIT_OK : LEIT_INTERNAL;
}

static void warn_of_unread_overrides(const struct leit_recipe *recipe)
{
    for (size_t i = 0; i < leit_recipe_n_keys; i++)
        if (recipe->origins[i].kind == LEIT_FROM_OVERRIDE &&
            !(leit_recipe_keys[i].readers >> recipe->strategy & 1))
            leit_log(LEIT_LOG_WARNING, "override '%s' changes nothing: %s does not read %s",
                     recipe->origins[i].label, leit_strategy_name(recipe->strategy),
                     leit_recipe_keys[i].path);
}

leit_status leit_recipe_build(const char *label, const char *text, size_t size_bytes,
                              const char *const overrides[], size_t n_overrides,
                              struct leit_recipe_errors *errors, leit_recipe **recipe)
{
    struct loader loader = {.errors = errors};
    LEIT_TRY(LEIT_ALLOC(loader.recipe, 1));
    struct leit_recipe *made = loader.recipe;
    made->origins = leit_arena_allocate(&made->arena, leit_recipe_n_keys * sizeof *made->origins);
    leit_status status = made->origins ? LEIT_OK : LEIT_INTERNAL;
    const char *own_label = status == LEIT_OK ? leit_arena_strdup(&made->arena, label) : NULL;
    if (!own_label) status = LEIT_INTERNAL;
    if (status == LEIT_OK) status = apply_defaults(&loader, own_label);
    if (status == LEIT_OK) {
        if (stat(label, &loader.files[0]) != 0) memset(&loader.files[0], 0, sizeof loader.files[0]);
        loader.n_files = 1;
        status = apply_text(&loader, own_label, text, size_bytes);
    }
    for (size_t i = 0; status == LEIT_OK && i < n_overrides; i++)
        status = apply_override(&loader, overrides[i]);
    if (status == LEIT_OK) status = derive(made, own_label);
    if (status == LEIT_OK) status = leit_recipe_check(made, errors);
    if (status == LEIT_USAGE && errors->count > 0)
        status = LEIT_OK; /* stopped at a noted mistake */
    if (status != LEIT_OK) {
        leit_recipe_free(made);
        return status;
    }
    *recipe = made;
    return LEIT_OK;
}

void leit_recipe_free(leit_recipe *recipe)
{
    if (!recipe) return;
    leit_arena_clear(&recipe->arena);
    leit_free(recipe);
}

leit_status leit_recipe_parse(const char *label, const char *text, size_t size_bytes,
                              const char *const overrides[], size_t n_overrides,
                              leit_recipe **recipe)
{
    *recipe = NULL;
    struct leit_recipe_errors errors = {0};
    leit_recipe *made = NULL;
    leit_status status =
        leit_recipe_build(label, text, size_bytes, overrides, n_overrides, &errors, &made);
    if (status == LEIT_OK && errors.count == 1)
        status = leit_fail(LEIT_USAGE, __func__, "%s", errors.sentences[0]);
    else if (status == LEIT_OK && errors.count > 1)
        status = leit_fail(LEIT_USAGE, __func__,
                           "%s (and %zu more: `leitmotif recipe validate` lists them)",
                           errors.sentences[0], errors.count - 1);
    leit_arena_clear(&errors.arena);
    if (status != LEIT_OK) {
        leit_recipe_free(made);
        return status;
    }
    warn_of_unread_overrides(made);
    *recipe = made;
    return LEIT_OK;
}

/* A recipe that cannot be read is the user's mistake, like a recipe that is wrong. */
static leit_status read_recipe(const char *path, leit_buffer *text)
{
    return leit_file_read(path, LEIT_YAML_MAX_BYTES, text) == LEIT_OK ? LEIT_OK : LEIT_USAGE;
}

leit_status leit_recipe_load(const char *path, const char *const overrides[], size_t n_overrides,
                             leit_recipe **recipe)
{
    leit_buffer text = {0};
    *recipe = NULL;
    leit_status status = read_recipe(path, &text);
    if (status == LEIT_OK)
        status = leit_recipe_parse(path, leit_buffer_text(&text), text.size_bytes, overrides,
                                   n_overrides, recipe);
    leit_buffer_clear(&text);
    return status;
}

leit_status leit_recipe_validate(const char *path, const char *const overrides[],
                                 size_t n_overrides, char **sentences)
{
    leit_buffer text = {0}, lines = {0};
    struct leit_recipe_errors errors = {0};
    leit_recipe *recipe = NULL;
    *sentences = NULL;
    leit_status status = read_recipe(path, &text);
    if (status != LEIT_OK)
        leit_recipe_note(&errors, "%s", leit_error_message());
    else
        LEIT_TRY_GOTO(leit_recipe_build(path, leit_buffer_text(&text), text.size_bytes, overrides,
                                        n_overrides, &errors, &recipe),
                      done);
    for (size_t i = 0; i < errors.count; i++)
        LEIT_TRY_GOTO(leit_buffer_printf(&lines, "%s\n", errors.sentences[i]), done);
    if (errors.count == LEIT_RECIPE_ERRORS)
        LEIT_TRY_GOTO(leit_buffer_printf(&lines,
                                         "%s: more than %d mistakes, the rest was not read\n", path,
                                         LEIT_RECIPE_ERRORS - 1),
                      done);
    *sentences = leit_strdup(leit_buffer_text(&lines));
    status = *sentences ? LEIT_OK : LEIT_INTERNAL;
    if (status == LEIT_OK && errors.count > 0)
        status = leit_fail(LEIT_USAGE, __func__, "%s: %zu mistakes", path, errors.count);
done:
    leit_buffer_clear(&text);
    leit_buffer_clear(&lines);
    leit_arena_clear(&errors.arena);
    leit_recipe_free(recipe);
    return status;
}

void leit_recipe_text_free(char *text)
{
    leit_free(text);
}
