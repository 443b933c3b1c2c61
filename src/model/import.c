#include "model/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/prefix.h"
#include "model/safetensors.h"

enum { NAME_BYTES = 256 };

static const char positions[] = "embeddings.position_embeddings.weight";
static const char token_types[] = "embeddings.token_type_embeddings.weight";
static const char tower[] = "text.";

typedef struct source {
    leit_safetensors *file;
    const char *prefix; /* before every name: "", "distilbert.", ... */
    bool is_bert;       /* BertModel's names, with token types */
    bool *used;         /* by index of the entry */
} source;

/* "transformer.layer.N." + left is "encoder.layer.N." + right in BertModel. */
static const char *const bert_names[][2] = {
    {"attention.q_lin.", "attention.self.query."},
    {"attention.k_lin.", "attention.self.key."},
    {"attention.v_lin.", "attention.self.value."},
    {"attention.out_lin.", "attention.output.dense."},
    {"sa_layer_norm.", "attention.output.LayerNorm."},
    {"ffn.lin1.", "intermediate.dense."},
    {"ffn.lin2.", "output.dense."},
    {"output_layer_norm.", "output.LayerNorm."},
};

/* The name in the file of a parameter of ours, `name` without "text.". */
static void name_in_file(const source *from, const char *name, char file_name[NAME_BYTES])
{
    int layer = 0, length = 0;
    if (from->is_bert && sscanf(name, "transformer.layer.%d.%n", &layer, &length) == 1 &&
        length > 0) {
        for (size_t i = 0; i < sizeof bert_names / sizeof *bert_names; i++) {
            const size_t left = strlen(bert_names[i][0]);
            if (strncmp(name + length, bert_names[i][0], left) != 0) continue;
            snprintf(file_name, NAME_BYTES, "%sencoder.layer.%d.%s%s", from->prefix, layer,
                     bert_names[i][1], name + length + left);
            return;
        }
    }
    snprintf(file_name, NAME_BYTES, "%s%s", from->prefix, name);
}

/* The oldest BERT files call the weight and bias of a LayerNorm gamma and beta. */
static const leit_safetensors_entry *find_old_name(const source *from, const char *name)
{
    static const char *const leaves[][2] = {{".weight", ".gamma"}, {".bias", ".beta"}};
    char old[NAME_BYTES];
    for (int i = 0; i < 2; i++) {
        const char *end = strstr(name, leaves[i][0]);
        if (end == NULL || strstr(name, "LayerNorm.") == NULL) continue;
        snprintf(old, sizeof old, "%.*s%s", (int)(end - name), name, leaves[i][1]);
        return leit_safetensors_find(from->file, old);
    }
    return NULL;
}

static const leit_safetensors_entry *find(const source *from, const char *name,
                                          char file_name[NAME_BYTES])
{
    name_in_file(from, name, file_name);
    const leit_safetensors_entry *entry = leit_safetensors_find(from->file, file_name);
    if (entry == NULL) entry = find_old_name(from, file_name);
    if (entry != NULL) from->used[entry - leit_safetensors_at(from->file, 0)] = true;
    return entry;
}

/* Which framework's names, below which prefix. */
static leit_status recognise(source *from)
{
    static const char *const prefixes[] = {"", "distilbert.", "bert.", "model."};
    static const char query[] = "transformer.layer.0.attention.q_lin.weight";
    char name[NAME_BYTES];
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        from->prefix = prefixes[i];
        for (int is_bert = 0; is_bert < 2; is_bert++) {
            from->is_bert = is_bert == 1;
            name_in_file(from, query, name);
            if (leit_safetensors_find(from->file, name) != NULL) return LEIT_OK;
        }
    }
    LEIT_FAIL(LEIT_DATA,
              "%s holds neither DistilBertModel (%s) nor BertModel "
              "(encoder.layer.0.attention.self.query.weight); give the safetensors file of one",
              leit_safetensors_path(from->file), query);
}

/* A table of positions may have more rows in the file; everything else is exactly as here. */
static leit_status check_shape(const source *from, const leit_parameter *parameter,
                               const leit_safetensors_entry *entry)
{
    const bool is_table = strcmp(parameter->name + strlen(tower), positions) == 0;
    bool same = entry->rank == parameter->rank;
    for (int axis = 0; same && axis < entry->rank; axis++)
        same = entry->shape[axis] == parameter->shape[axis] ||
               (is_table && axis == 0 && entry->shape[0] > parameter->shape[0]);
    char found[96], expected[96];
    LEIT_FAIL_IF(!same, LEIT_DATA,
                 "%s: %s has shape %s, the model expects %s; make model.text and the vocabulary "
                 "those of the file",
                 leit_safetensors_path(from->file), entry->name,
                 leit_shape_text(entry->rank, entry->shape, found, sizeof found),
                 leit_shape_text(parameter->rank, parameter->shape, expected, sizeof expected));
    if (is_table && entry->shape[0] > parameter->shape[0])
        leit_log(LEIT_LOG_INFO, "%s: the first %" PRId64 " of %" PRId64 " positions are taken",
                 leit_safetensors_path(from->file), parameter->shape[0], entry->shape[0]);
    return LEIT_OK;
}

static leit_status fill(const source *from, leit_parameter *parameter)
{
    char name[NAME_BYTES];
    const leit_safetensors_entry *entry = find(from, parameter->name + strlen(tower), name);
    LEIT_FAIL_IF(entry == NULL, LEIT_DATA, "%s has no %s, which the model needs for %s",
                 leit_safetensors_path(from->file), name, parameter->name);
    LEIT_TRY(check_shape(from, parameter, entry));
    return leit_safetensors_read_f32(from->file, entry, 0, parameter->count, parameter->data);
}

/* BERT adds a vector for the kind of text; here there is one kind, so it moves into the positions.
 */
static leit_status add_token_type(const source *from, leit_parameters *parameters)
{
    char name[NAME_BYTES];
    const leit_safetensors_entry *entry = find(from, token_types, name);
    const int table =
        leit_parameters_find(parameters, "text.embeddings.position_embeddings.weight");
    LEIT_FAIL_IF(entry == NULL || table < 0, LEIT_DATA, "%s has no %s",
                 leit_safetensors_path(from->file), name);
    leit_parameter *position = &parameters->list[table];
    const int64_t D = position->shape[1];
    LEIT_FAIL_IF(entry->rank != 2 || entry->shape[0] < 1 || entry->shape[1] != D, LEIT_DATA,
                 "%s: %s has rank %d and not rows of width %" PRId64,
                 leit_safetensors_path(from->file), name, entry->rank, D);
    float *row = NULL;
    LEIT_TRY(LEIT_ALLOC(row, D));
    leit_status status = leit_safetensors_read_f32(from->file, entry, 0, D, row);
    for (int64_t i = 0; status == LEIT_OK && i < position->count; i++)
        position->data[i] += row[i % D];
    leit_free(row);
    return status;
}

static leit_status log_unused(const source *from)
{
    leit_buffer names = {0};
    leit_status status = LEIT_OK;
    for (int64_t i = 0; status == LEIT_OK && i < leit_safetensors_count(from->file); i++)
        if (!from->used[i])
            status = leit_buffer_printf(&names, "%s%s", names.size_bytes > 0 ? ", " : "",
                                        leit_safetensors_at(from->file, i)->name);
    if (status == LEIT_OK && names.size_bytes > 0)
        leit_log(LEIT_LOG_INFO, "%s: not used: %s", leit_safetensors_path(from->file), names.data);
    leit_buffer_clear(&names);
    return status;
}

static bool is_ours(const char *name)
{
    static const char *const parts[] = {"text.embeddings.", "text.transformer.", NULL};
    return leit_starts_with_any(name, parts);
}

leit_status leit_import_text_encoder(const char *path, leit_parameters *parameters)
{
    source from = {0};
    LEIT_FAIL_IF(parameters->data.host == NULL ||
                     leit_parameters_find(parameters, "text.embeddings.word_embeddings.weight") < 0,
                 LEIT_INTERNAL, "cannot import %s: the model has no text encoder with memory yet",
                 path);
    LEIT_TRY(leit_safetensors_open(path, &from.file));
    leit_status status = LEIT_ALLOC(from.used, leit_safetensors_count(from.file));
    if (status == LEIT_OK) status = recognise(&from);
    for (size_t i = 0; status == LEIT_OK && i < parameters->count; i++)
        if (is_ours(parameters->list[i].name)) status = fill(&from, &parameters->list[i]);
    if (status == LEIT_OK && from.is_bert) status = add_token_type(&from, parameters);
    if (status == LEIT_OK) status = leit_parameters_upload(parameters);
    if (status == LEIT_OK) status = log_unused(&from);
    leit_safetensors_close(from.file);
    leit_free(from.used);
    return status;
}
