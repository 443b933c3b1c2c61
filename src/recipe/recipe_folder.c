/* Recipes as files: what lies in a folder, and a copy to work on. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "recipe/recipe_yaml.h"
#include "recipe/yaml_tree.h"

struct leit_recipe_listing {
    leit_recipe_entry *entries;
    size_t count;
    leit_arena arena;
};

static bool is_recipe(const char *path)
{
    const char *extension = leit_path_extension(path);
    return leit_path_name(path)[0] != '_' &&
           (strcmp(extension, "yaml") == 0 || strcmp(extension, "yml") == 0);
}

/* The words of the first line, when that is a comment. */
static const char *summary_of(const char *text, leit_arena *arena)
{
    if (text[0] != '#') return "";
    text += strspn(text, "# \t");
    return leit_arena_strndup(arena, text, strcspn(text, "\r\n"));
}

static leit_status describe(const char *path, leit_arena *arena, leit_recipe_entry *entry)
{
    leit_buffer text = {0};
    leit_recipe *recipe = NULL;
    *entry = (leit_recipe_entry){.path = path, .strategy = "", .summary = "", .error = ""};
    leit_status status = leit_file_read(path, LEIT_YAML_MAX_BYTES, &text);
    if (status == LEIT_OK) {
        entry->summary = summary_of(leit_buffer_text(&text), arena);
        status =
            leit_recipe_parse(path, leit_buffer_text(&text), text.size_bytes, NULL, 0, &recipe);
    }
    if (status == LEIT_OK)
        entry->strategy = leit_strategy_name(recipe->strategy);
    else if (status != LEIT_INTERNAL)
        entry->error = leit_arena_strdup(arena, leit_error_message());
    leit_buffer_clear(&text);
    leit_recipe_free(recipe);
    return status == LEIT_INTERNAL || !entry->summary || !entry->error ? LEIT_INTERNAL : LEIT_OK;
}

leit_status leit_recipe_list(const char *directory, leit_recipe_listing **listing)
{
    leit_file_list files = {0};
    leit_recipe_listing *made = NULL;
    leit_status status = LEIT_ALLOC(made, 1);
    *listing = NULL;
    LEIT_TRY_GOTO(status, done);
    LEIT_TRY_GOTO(leit_file_list_tree(directory, &files), done);
    LEIT_TRY_GOTO(LEIT_ALLOC(made->entries, files.count), done);
    for (size_t i = 0; i < files.count; i++) {
        if (!is_recipe(files.paths[i])) continue;
        const char *path = leit_path_join(&made->arena, directory, files.paths[i]);
        LEIT_TRY_GOTO(
            path ? describe(path, &made->arena, &made->entries[made->count]) : LEIT_INTERNAL, done);
        made->count++;
    }
    *listing = made;
    made = NULL;
done:
    leit_file_list_clear(&files);
    leit_recipe_listing_free(made);
    return status;
}

size_t leit_recipe_listing_count(const leit_recipe_listing *listing)
{
    return listing->count;
}

const leit_recipe_entry *leit_recipe_listing_entry(const leit_recipe_listing *listing, size_t index)
{
    return index < listing->count ? &listing->entries[index] : NULL;
}

void leit_recipe_listing_free(leit_recipe_listing *listing)
{
    if (!listing) return;
    leit_free(listing->entries);
    leit_arena_clear(&listing->arena);
    leit_free(listing);
}

/* The path that leads from a folder to a file: both are made absolute, what they share is dropped,
 * and each folder left over is a "..". */
static leit_status relative_path(const char *folder, const char *file, leit_buffer *path)
{
    char from[PATH_MAX], to[PATH_MAX];
    LEIT_FAIL_IF(!realpath(folder, from), LEIT_USAGE, "%s: no such folder", folder);
    LEIT_FAIL_IF(!realpath(file, to), LEIT_USAGE, "%s: no such file", file);
    size_t shared = 0;
    for (size_t i = 0; from[i] == to[i] || (from[i] == '\0' && to[i] == '/'); i++) {
        if (to[i] == '/') shared = i + 1;
        if (from[i] == '\0') break;
    }
    size_t from_length = strlen(from);
    if (from_length > shared)
        for (const char *at = from + shared; at; at = strchr(at + 1, '/'))
            LEIT_TRY(leit_buffer_puts(path, "../"));
    return leit_buffer_puts(path, to + shared);
}

/* The text with its base written as it has to be in another folder. */
static leit_status move_base(const char *from, const char *folder, leit_buffer *text)
{
    leit_arena arena = {0};
    struct leit_recipe_errors errors = {0};
    struct leit_recipe_document document = {0};
    leit_buffer moved = {0}, base = {0};
    leit_status status = LEIT_OK;
    LEIT_TRY_GOTO(leit_recipe_read_yaml(from, leit_buffer_text(text), text->size_bytes, &arena,
                                        &errors, &document),
                  done);
    if (!document.base || document.base[0] == '/') goto done;
    const char *own_folder = leit_path_directory(&arena, from);
    const char *target = own_folder ? leit_path_join(&arena, own_folder, document.base) : NULL;
    LEIT_TRY_GOTO(target ? LEIT_OK : LEIT_INTERNAL, done);
    LEIT_TRY_GOTO(relative_path(folder, target, &base), done);
    bool is_plain = strpbrk(leit_buffer_text(&base), "'\"\\ :#,[]{}&*!|>%@`") == NULL;
    LEIT_FAIL_GOTO_IF(strpbrk(leit_buffer_text(&base), "\"\\"), done, LEIT_USAGE,
                      "%s: the path of its base has a quote or backslash", from);
    LEIT_TRY_GOTO(leit_buffer_append(&moved, text->data, document.base_start), done);
    LEIT_TRY_GOTO(leit_buffer_printf(&moved, is_plain ? "%s" : "\"%s\"", leit_buffer_text(&base)),
                  done);
    LEIT_TRY_GOTO(leit_buffer_append(&moved, text->data + document.base_end,
                                     text->size_bytes - document.base_end),
                  done);
    leit_buffer_clear(text);
    *text = moved;
    moved = (leit_buffer){0};
done:
    leit_buffer_clear(&moved);
    leit_buffer_clear(&base);
    leit_arena_clear(&errors.arena);
    leit_arena_clear(&arena);
    return status;
}

/* A recipe with mistakes is not copied: the copy is there to be run. */
leit_status leit_recipe_copy(const char *from, const char *to)
{
    leit_arena arena = {0};
    leit_buffer text = {0};
    leit_recipe *recipe = NULL;
    leit_status status = LEIT_OK;
    LEIT_TRY_GOTO(leit_recipe_load(from, NULL, 0, &recipe), done);
    const char *path = leit_file_is_directory(to) ? leit_path_join(&arena, to, leit_path_name(from))
                                                  : leit_arena_strdup(&arena, to);
    const char *folder = path ? leit_path_directory(&arena, path) : NULL;
    LEIT_TRY_GOTO(folder ? LEIT_OK : LEIT_INTERNAL, done);
    LEIT_FAIL_GOTO_IF(leit_file_exists(path) || leit_file_is_directory(path), done, LEIT_USAGE,
                      "%s exists already: remove it, or give another name", path);
    LEIT_TRY_GOTO(leit_file_read(from, LEIT_YAML_MAX_BYTES, &text), done);
    LEIT_TRY_GOTO(move_base(from, folder, &text), done);
    LEIT_TRY_GOTO(leit_file_write(path, text.data, text.size_bytes), done);
done:
    leit_arena_clear(&arena);
    leit_buffer_clear(&text);
    leit_recipe_free(recipe);
    return status;
}
