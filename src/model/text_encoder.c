#include "model/text_encoder.h"

#include <stdio.h>
#include <string.h>

#include "model/layers.h"

leit_text_input leit_text_input_create(leit_plan *plan, int64_t B, int64_t N, int64_t T)
{
    const int64_t texts = B, tokens = N, borders = B + 1;
    leit_text_input input = {.B = B, .N = N, .T = T};
    input.n_tokens = leit_plan_count(plan, "text.n_tokens", 0);
    input.n_texts = leit_plan_count(plan, "text.n_texts", 0);
    input.ids = leit_plan_input(plan, "text.ids", LEIT_I32, 1, &tokens);
    input.positions = leit_plan_input(plan, "text.positions", LEIT_I32, 1, &tokens);
    input.offsets = leit_plan_input(plan, "text.offsets", LEIT_I32, 1, &borders);
    input.cls = leit_plan_input(plan, "text.cls", LEIT_I32, 1, &texts);
    input.cls_offsets = leit_plan_input(plan, "text.cls_offsets", LEIT_I32, 1, &borders);
    leit_plan_set_count(plan, input.ids, input.n_tokens);
    leit_plan_set_count(plan, input.positions, input.n_tokens);
    leit_plan_set_count(plan, input.cls, input.n_texts);
    return input;
}

leit_packed_texts leit_text_input_packed(leit_plan *plan, const leit_text_input *input,
                                         leit_input_address *address)
{
    return (leit_packed_texts){.B = input->B,
                               .N = input->N,
                               .T = input->T,
                               .ids = address(plan, input->ids),
                               .positions = address(plan, input->positions),
                               .offsets = address(plan, input->offsets),
                               .cls = address(plan, input->cls),
                               .cls_offsets = address(plan, input->cls_offsets),
                               .n_tokens = address(plan, input->n_tokens),
                               .n_texts = address(plan, input->n_texts)};
}

leit_status leit_text_input_fill(leit_plan *plan, const leit_text_input *input,
                                 const leit_tokens *texts, int64_t n_texts)
{
    const leit_packed_texts packed = leit_text_input_packed(plan, input, leit_plan_data);
    int64_t used = 0;
    for (int64_t b = 0; b < n_texts; b++)
        LEIT_TRY(leit_pack_text(&packed, b, texts[b].ids, texts[b].count, &used));
    leit_pack_end(&packed, n_texts, used);
    return LEIT_OK;
}

static leit_value embeddings(leit_plan *plan, const leit_text_input *input, int64_t V,
                             const struct leit_recipe_model_text *model)
{
    const leit_init init = {LEIT_INIT_NORMAL, 0.02f};
    const int64_t words[2] = {V, model->width}, positions[2] = {model->max_positions, model->width};
    leit_value word_table =
        leit_plan_parameter(plan, "text.embeddings.word_embeddings.weight", 2, words, init);
    leit_value position_table =
        leit_plan_parameter(plan, "text.embeddings.position_embeddings.weight", 2, positions, init);
    leit_plan_scope(plan, "text.embeddings");
    leit_value x =
        leit_plan_embedding(plan, input->ids, word_table, input->positions, position_table);
    x = leit_layer_layernorm(plan, x, 0.0f, LEIT_NONE, "text.embeddings.LayerNorm",
                             (float)model->layernorm_epsilon);
    return leit_plan_dropout(plan, x, (float)model->dropout);
}

/* The first n of keys, values and queries of x: one product where their parameters can be joined. */
static void project(leit_plan *plan, leit_value x, const char *prefix, int n, int64_t D,
                    leit_columns *columns)
{
    static const char *const leaves[] = {"k_lin", "v_lin", "q_lin"};
    char names[3][112];
    const char *list[3];
    for (int i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "%s.attention.%s", prefix, leaves[i]);
        list[i] = names[i];
    }
    const leit_value joined = leit_layer_joined_dense(plan, x, list, n, D);
    for (int i = 0; i < n; i++)
        columns[i] =
            joined != LEIT_NONE
                ? (leit_columns){joined, i * D}
                : (leit_columns){leit_layer_dense(plan, x, list[i], D, LEIT_ACTIVATION_NONE), 0};
}

/* One transformer layer, post-LN. With `only_cls` everything behind keys and values is computed for
 * the [CLS] rows alone. */
static leit_value layer(leit_plan *plan, leit_value x, const leit_text_input *input, int index,
                        bool only_cls, const struct leit_recipe_model_text *model)
{
    const float epsilon = (float)model->layernorm_epsilon, dropout = (float)model->dropout;
    const int64_t D = model->width;
    char prefix[80], name[112];
    snprintf(prefix, sizeof prefix, "text.transformer.layer.%d", index);
#define NAMED(leaf) (snprintf(name, sizeof name, "%s." leaf, prefix), name)

    leit_columns columns[3] = {{LEIT_NONE, 0}};
    project(plan, x, prefix, only_cls ? 2 : 3, D, columns);
    if (only_cls) {
        x = leit_plan_gather_rows(plan, x, input->cls);
        columns[2].value =
            leit_layer_dense(plan, x, NAMED("attention.q_lin"), D, LEIT_ACTIVATION_NONE);
    }
    leit_plan_scope(plan, "%s", prefix);
    leit_value y = leit_plan_attention(
        plan, columns[2], columns[0], columns[1], D, only_cls ? input->cls_offsets : input->offsets,
        input->offsets, input->n_texts, input->T, model->heads, (float)model->attention_dropout);
    y = leit_layer_dense(plan, y, NAMED("attention.out_lin"), D, LEIT_ACTIVATION_NONE);
    x = leit_layer_layernorm(plan, y, 0.0f, x, NAMED("sa_layer_norm"), epsilon);
    y = leit_layer_dense(plan, x, NAMED("ffn.lin1"), model->ffn_width, LEIT_ACTIVATION_GELU);
    y = leit_layer_dense(plan, y, NAMED("ffn.lin2"), D, LEIT_ACTIVATION_NONE);
    return leit_layer_layernorm(plan, y, dropout, x, NAMED("output_layer_norm"), epsilon);
#undef NAMED
}

leit_value leit_text_encoder(leit_plan *plan, const leit_text_input *input, int64_t V,
                             const leit_recipe *recipe)
{
    const struct leit_recipe_model_text *model = &recipe->model.text;
    leit_value x = embeddings(plan, input, V, model);
    for (int index = 0; index < model->layers; index++)
        x = layer(plan, x, input, index, index == model->layers - 1, model);
    return x;
}
