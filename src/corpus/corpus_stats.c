/* What is in a corpus, and whether it is what its manifest promised. The figures are gathered once
 * as JSON; the table is printed from them. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "container/container.h"
#include "core/buffer.h"
#include "core/file.h"
#include "core/memory.h"
#include "corpus/corpus.h"
#include "corpus/corpus_draft.h"
#include "corpus/corpus_file.h"

/* One corpus of any kind. */
typedef struct opened {
    leit_text_corpus *text;
    leit_music_corpus *music;
    leit_tag_corpus *tags;

    const char *kind, *noun; /* "text", "texts" */
    const leit_corpus_about *about;
    int64_t n;
    int32_t n_labels;
    const char *const *labels;
    const int32_t *label; /* NULL: see tag_matrix, or no labels */
    const uint8_t *split, *tag_matrix;
    const int64_t *offsets;
} opened;

static void close_any(opened *any)
{
    leit_text_corpus_close(any->text);
    leit_music_corpus_close(any->music);
    leit_tag_corpus_close(any->tags);
}

static leit_status open_any(const char *path, opened *any)
{
    *any = (opened){0};
    LEIT_TRY(leit_corpus_kind(path, &any->kind));
    if (strcmp(any->kind, "text") == 0) {
        LEIT_TRY(leit_text_corpus_open(path, &any->text));
        const leit_text_corpus *text = any->text;
        any->noun = "texts";
        any->about = &text->about;
        any->n = text->n_texts;
        any->n_labels = text->n_labels;
        any->labels = text->labels;
        any->label = text->label;
        any->split = text->split;
        any->offsets = text->offsets;
    } else if (strcmp(any->kind, "music") == 0) {
        LEIT_TRY(leit_music_corpus_open(path, &any->music));
        const leit_music_corpus *music = any->music;
        any->noun = "clips";
        any->about = &music->about;
        any->n = music->n_clips;
        any->n_labels = music->n_labels;
        any->labels = music->labels;
        any->label = music->label;
        any->tag_matrix = music->tags;
        any->split = music->split;
        any->offsets = music->offsets;
    } else {
        LEIT_TRY(leit_tag_corpus_open(path, &any->tags));
        any->noun = "tags";
        any->about = &any->tags->about;
        any->n = any->tags->n_tags;
    }
    return LEIT_OK;
}

static bool has_label(const opened *any, int64_t row, int32_t class)
{
    if (any->label != NULL) return any->label[row] == class;
    return any->tag_matrix != NULL && any->tag_matrix[row * any->n_labels + class] != 0;
}

/* Rows of a class (-1 any) in one of the splits of a mask (0 any). */
static int64_t count_rows(const opened *any, int32_t class, unsigned mask)
{
    int64_t count = 0;
    for (int64_t i = 0; i < any->n; i++) {
        bool in_split = mask == 0 || (any->split != NULL && (any->split[i] & mask) != 0);
        count += in_split && (class < 0 || has_label(any, i, class));
    }
    return count;
}

static const enum leit_split splits[] = {LEIT_SPLIT_TRAIN, LEIT_SPLIT_VALID, LEIT_SPLIT_TEST};
enum { N_SPLITS = 3 };

/* ---- check ---------------------------------------------------------------------------------- */

/* The count a name of `expect` stands for; -1 for a name that stands for nothing. */
static int64_t count_named(const opened *any, const char *name)
{
    if (strcmp(name, any->noun) == 0) return any->n;
    for (int i = 0; i < N_SPLITS && any->split != NULL; i++)
        if (strcmp(name, leit_split_name(splits[i])) == 0) return count_rows(any, -1, splits[i]);
    for (int32_t i = 0; i < any->n_labels; i++)
        if (strcmp(name, any->labels[i]) == 0) return count_rows(any, i, 0);
    return -1;
}

static leit_status check_expected(const char *path, const opened *any)
{
    for (int64_t i = 0; i < any->about->n_expected; i++) {
        const char *name = any->about->expected_names[i];
        int64_t expected = any->about->expected_counts[i], found = count_named(any, name);
        LEIT_FAIL_IF(found < 0, LEIT_DATA,
                     "%s: its manifest expects a count of '%s', which is neither %s, nor a split, "
                     "nor a label",
                     path, name, any->noun);
        LEIT_FAIL_IF(found != expected, LEIT_DATA, "%s: %s: got %lld, the manifest expects %lld",
                     path, name, (long long)found, (long long)expected);
    }
    return LEIT_OK;
}

/* The file is verified in a child before this process opens it: a check is for files that may be
 * damaged, and the slowest disk reads this fast. */
leit_status leit_corpus_check(const char *path)
{
    enum { LEAST_S = 60, SLOWEST_BYTES_PER_S = 5 << 20 };
    opened any;
    int64_t size_bytes = 0;
    leit_status status = leit_file_size(path, &size_bytes);
    if (status == LEIT_OK)
        status = leit_container_probe(path, LEAST_S + (int)(size_bytes / SLOWEST_BYTES_PER_S));
    if (status != LEIT_OK) return leit_corpus_cannot_read(path, status);
    status = open_any(path, &any);
    if (status == LEIT_OK) status = check_expected(path, &any);
    close_any(&any);
    return status;
}

/* ---- stats ---------------------------------------------------------------------------------- */

static json_t *label_counts(const opened *any)
{
    json_t *rows = json_array();
    for (int32_t class = 0; class < any->n_labels; class ++) {
        json_t *row = json_pack("{s:s, s:I}", "label", any->labels[class], "total",
                                (json_int_t)count_rows(any, class, 0));
        for (int i = 0; i < N_SPLITS; i++)
            json_object_set_new(row, leit_split_name(splits[i]),
                                json_integer(count_rows(any, class, splits[i])));
        json_array_append_new(rows, row);
    }
    return rows;
}

static int compare_lengths(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Least, median, mean, most and total, each divided by `unit`; and how many lengths fall below each
 * power of two (times first_bin). The last bin is open and says where it begins. */
static leit_status length_figures(const opened *any, double unit, double first_bin,
                                  json_t **figures)
{
    enum { N_BINS = 12 };
    int64_t *lengths = NULL;
    LEIT_TRY(LEIT_ALLOC(lengths, any->n));
    for (int64_t i = 0; i < any->n; i++) lengths[i] = any->offsets[i + 1] - any->offsets[i];
    qsort(lengths, (size_t)any->n, sizeof *lengths, compare_lengths);
    const double total = (double)any->offsets[any->n] / unit;
    json_t *bins = json_array();
    int64_t i = 0;
    for (int bin = 0; bin < N_BINS && i < any->n; bin++) {
        const bool is_open = bin == N_BINS - 1;
        const double limit = first_bin * (double)(1 << (is_open ? bin - 1 : bin));
        const int64_t start = i;
        while (i < any->n && ((double)lengths[i] / unit < limit || is_open)) i++;
        json_array_append_new(bins, json_pack("{s:f, s:I}", is_open ? "from" : "below", limit,
                                              "count", (json_int_t)(i - start)));
    }
    const int64_t median = lengths[any->n / 2];
    *figures = json_pack("{s:f, s:f, s:f, s:f, s:f, s:o}", "least", (double)lengths[0] / unit,
                         "median", (double)median / unit, "mean", total / (double)any->n, "most",
                         (double)lengths[any->n - 1] / unit, "total", total, "histogram", bins);
    leit_free(lengths);
    return LEIT_OK;
}

/* "skipped a/b.mp3: unreadable: why" counts as "skipped: unreadable". */
static json_t *ledger_counts(const leit_corpus_about *about)
{
    json_t *counts = json_object();
    for (int64_t i = 0; i < about->n_ledger; i++) {
        const char *line = about->ledger[i];
        size_t action = strcspn(line, " ");
        const char *reason = leit_ledger_reason(line);
        json_t *key =
            json_sprintf("%.*s: %.*s", (int)action, line, (int)strcspn(reason, ":"), reason);
        const char *text = json_string_value(key);
        if (text != NULL)
            json_object_set_new(
                counts, text, json_integer(json_integer_value(json_object_get(counts, text)) + 1));
        json_decref(key);
    }
    return counts;
}

static json_t *string_list(int64_t n, const char *const *strings)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < n; i++) json_array_append_new(list, json_string(strings[i]));
    return list;
}

static json_t *tag_list(const leit_tag_corpus *tags)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < tags->n_tags; i++) {
        json_t *tag = json_pack("{s:s, s:s}", "tag", tags->names[i], "modality",
                                tags->modality[i] == LEIT_MODALITY_TEXT ? "text" : "music");
        if (tags->valence != NULL) {
            json_object_set_new(tag, "valence", json_real((double)tags->valence[i]));
            json_object_set_new(tag, "arousal", json_real((double)tags->arousal[i]));
        }
        json_array_append_new(list, tag);
    }
    return list;
}

static leit_status gather(const opened *any, json_t **figures)
{
    const leit_corpus_about *about = any->about;
    json_t *root = json_pack("{s:s, s:s, s:s, s:I}", "kind", any->kind, "name", about->name,
                             "split", about->split, any->noun, (json_int_t)any->n);
    LEIT_FAIL_IF(root == NULL, LEIT_INTERNAL, "out of memory");
    *figures = root;
    if (any->split != NULL) {
        json_t *counts = json_object();
        for (int i = 0; i < N_SPLITS; i++)
            json_object_set_new(counts, leit_split_name(splits[i]),
                                json_integer(count_rows(any, -1, splits[i])));
        json_object_set_new(root, "splits", counts);
        json_object_set_new(root, "labels", label_counts(any));
        json_t *lengths = NULL;
        bool is_text = any->text != NULL;
        LEIT_TRY(length_figures(any, is_text ? 1 : any->music->sample_rate_hz, is_text ? 4 : 1,
                                &lengths));
        json_object_set_new(root, is_text ? "tokens" : "seconds", lengths);
    } else {
        json_object_set_new(root, "vector_width", json_integer(any->tags->vector_width));
        json_object_set_new(root, "entries", tag_list(any->tags));
    }
    json_object_set_new(root, "ledger_counts", ledger_counts(about));
    json_object_set_new(root, "ledger", string_list(about->n_ledger, about->ledger));
    json_t *sources = json_array();
    for (int64_t i = 0; i < about->n_sources; i++)
        json_array_append_new(sources, json_pack("{s:s, s:s}", "path", about->sources[i], "xxh3",
                                                 about->source_sums[i]));
    json_object_set_new(root, "sources", sources);
    return LEIT_OK;
}

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static double real(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static leit_status print_labels(const json_t *root, leit_buffer *out)
{
    size_t i;
    json_t *row;
    const json_t *counts = json_object_get(root, "splits");
    LEIT_TRY(leit_buffer_printf(out, "\n%-20s %8s %8s %8s %8s\n", "label", "train", "valid", "test",
                                "total"));
    json_array_foreach(json_object_get(root, "labels"), i, row)
    {
        LEIT_TRY(leit_buffer_printf(out, "%-20s %8lld %8lld %8lld %8lld\n",
                                    json_string_value(json_object_get(row, "label")),
                                    integer(row, "train"), integer(row, "valid"),
                                    integer(row, "test"), integer(row, "total")));
    }
    return leit_buffer_printf(out, "%-20s %8lld %8lld %8lld\n", "all", integer(counts, "train"),
                              integer(counts, "valid"), integer(counts, "test"));
}

static leit_status print_lengths(const json_t *root, const char *unit, leit_buffer *out)
{
    const json_t *figures = json_object_get(root, unit);
    size_t i;
    json_t *bin;
    if (figures == NULL) return LEIT_OK;
    LEIT_TRY(leit_buffer_printf(out, "\n%s: least %g, median %g, mean %.1f, most %g, total %.10g\n",
                                unit, real(figures, "least"), real(figures, "median"),
                                real(figures, "mean"), real(figures, "most"),
                                real(figures, "total")));
    json_array_foreach(json_object_get(figures, "histogram"), i, bin)
    {
        const char *side = json_object_get(bin, "from") != NULL ? "from" : "below";
        LEIT_TRY(leit_buffer_printf(out, "  %-5s %-6g %8lld\n", side, real(bin, side),
                                    integer(bin, "count")));
    }
    return LEIT_OK;
}

static leit_status print_tags(const json_t *root, leit_buffer *out)
{
    const json_t *entries = json_object_get(root, "entries");
    size_t i;
    json_t *tag;
    if (entries == NULL) return LEIT_OK;
    LEIT_TRY(leit_buffer_printf(out, "word vectors %lld wide\n\n%-20s %-8s %8s %8s\n",
                                integer(root, "vector_width"), "tag", "modality", "valence",
                                "arousal"));
    json_array_foreach(entries, i, tag)
    {
        LEIT_TRY(leit_buffer_printf(out, "%-20s %-8s",
                                    json_string_value(json_object_get(tag, "tag")),
                                    json_string_value(json_object_get(tag, "modality"))));
        if (json_object_get(tag, "valence") != NULL)
            LEIT_TRY(leit_buffer_printf(out, " %8.3f %8.3f", real(tag, "valence"),
                                        real(tag, "arousal")));
        LEIT_TRY(leit_buffer_puts(out, "\n"));
    }
    return LEIT_OK;
}

static leit_status print_table(const opened *any, json_t *root, leit_buffer *out)
{
    const char *reason;
    json_t *count;
    LEIT_TRY(leit_buffer_printf(out, "%s: %s corpus, %lld %s, split %s, %lld source files\n",
                                any->about->name, any->kind, (long long)any->n, any->noun,
                                any->about->split, (long long)any->about->n_sources));
    if (any->split != NULL) LEIT_TRY(print_labels(root, out));
    LEIT_TRY(print_lengths(root, "tokens", out));
    LEIT_TRY(print_lengths(root, "seconds", out));
    LEIT_TRY(print_tags(root, out));
    LEIT_TRY(leit_buffer_puts(out, "\nledger\n"));
    json_object_foreach(json_object_get(root, "ledger_counts"), reason, count)
    {
        LEIT_TRY(leit_buffer_printf(out, "  %8lld  %s\n", json_integer_value(count), reason));
    }
    return LEIT_OK;
}

static leit_status print_json(const json_t *root, leit_buffer *out)
{
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    LEIT_FAIL_IF(text == NULL, LEIT_INTERNAL, "out of memory");
    leit_status status = leit_buffer_printf(out, "%s\n", text);
    free(text);
    return status;
}

leit_status leit_corpus_stats(const char *path, int as_json, char **text)
{
    opened any;
    json_t *figures = NULL;
    leit_buffer out = {0};
    *text = NULL;
    leit_status status = open_any(path, &any);
    if (status == LEIT_OK) status = gather(&any, &figures);
    if (status == LEIT_OK)
        status = as_json ? print_json(figures, &out) : print_table(&any, figures, &out);
    if (status == LEIT_OK) {
        *text = leit_strdup(leit_buffer_text(&out));
        status = *text == NULL ? LEIT_INTERNAL : LEIT_OK;
    }
    json_decref(figures);
    leit_buffer_clear(&out);
    close_any(&any);
    return status;
}

void leit_corpus_text_free(char *text)
{
    leit_free(text);
}
