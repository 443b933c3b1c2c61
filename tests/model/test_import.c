#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/memory.h"
#include "leitmotif/log.h"
#include "model/import.h"
#include "model/safetensors.h"
#include "model/text_encoder.h"
#include "support/testing.h"

enum { V = 11, LAYERS = 2, WIDTH = 8, FFN = 12, POSITIONS = 6, MAX_TENSORS = 64 };

static leit_arena arena;

/* The parameters of a small text encoder, and one that is none. */
static void make_parameters(leit_parameters *parameters)
{
    leit_recipe recipe = {.model.text = {.layers = LAYERS,
                                         .width = WIDTH,
                                         .heads = 2,
                                         .ffn_width = FFN,
                                         .max_positions = POSITIONS,
                                         .layernorm_epsilon = 1e-12}};
    const leit_plan_options options = {.backend = leit_backend_cpu(), .training = true};
    leit_plan *plan = NULL;
    assert_ok(leit_plan_create(&options, parameters, &plan));
    const leit_text_input input = leit_text_input_create(plan, 2, 8, 4);
    leit_text_encoder(plan, &input, V, &recipe);
    const int64_t two = 2;
    leit_plan_parameter(plan, "text.fc1.bias", 1, &two, (leit_init){LEIT_INIT_CONSTANT, 5});
    assert_ok(leit_parameters_allocate(parameters, 1, true));
    leit_plan_free(plan);
}

static const char *renamed(const char *name, bool as_bert, bool as_old)
{
    static const char *const pairs[][2] = {{"transformer.", "encoder."},
                                           {"attention.q_lin", "attention.self.query"},
                                           {"attention.k_lin", "attention.self.key"},
                                           {"attention.v_lin", "attention.self.value"},
                                           {"attention.out_lin", "attention.output.dense"},
                                           {"sa_layer_norm", "attention.output.LayerNorm"},
                                           {"ffn.lin1", "intermediate.dense"},
                                           {"ffn.lin2", "output.dense"},
                                           {"output_layer_norm", "output.LayerNorm"},
                                           {"LayerNorm.weight", "LayerNorm.gamma"},
                                           {"LayerNorm.bias", "LayerNorm.beta"}};
    for (size_t i = 0; as_bert && i < (as_old ? 11 : 9); i++) {
        const char *found = strstr(name, pairs[i][0]);
        if (found != NULL)
            name = leit_arena_printf(&arena, "%.*s%s%s", (int)(found - name), name, pairs[i][1],
                                     found + strlen(pairs[i][0]));
    }
    return name;
}

typedef struct form {
    const char *prefix;
    bool as_bert, as_old;
    bool as_bf16;
    const char *without;    /* this one is left out */
    const char *widened;    /* this one has a row too many */
    int64_t more_positions; /* rows beyond the model's */
} form;

/* Element `i` of tensor `t`; exact in bf16. */
static float value_at(int t, int64_t i)
{
    return (float)(t + 1) + (float)(i % 16) * 8.0F;
}

static const char *write_file(const form *as)
{
    const char *path = leit_test_scratch("import.safetensors");
    leit_parameters shape = {0};
    make_parameters(&shape);
    leit_tensor tensors[MAX_TENSORS];
    int64_t n = 0;
    for (size_t p = 0; p < shape.count; p++) {
        const leit_parameter *parameter = &shape.list[p];
        if (strncmp(parameter->name, "text.fc1", 8) == 0) continue;
        const char *bare = parameter->name + strlen("text.");
        if (as->without != NULL && strcmp(bare, as->without) == 0) continue;
        leit_tensor *tensor = &tensors[n++];
        *tensor = (leit_tensor){.name = leit_arena_printf(&arena, "%s%s", as->prefix,
                                                          renamed(bare, as->as_bert, as->as_old)),
                                .dtype = as->as_bf16 ? LEIT_BF16 : LEIT_F32,
                                .rank = parameter->rank};
        for (int axis = 0; axis < parameter->rank; axis++)
            tensor->shape[axis] = parameter->shape[axis];
        if (as->widened != NULL && strcmp(bare, as->widened) == 0) tensor->shape[0]++;
        if (strstr(bare, "position_embeddings") != NULL) tensor->shape[0] += as->more_positions;
        const int64_t count = leit_tensor_count(tensor);
        float *values = leit_arena_allocate(&arena, (size_t)count * sizeof *values);
        uint16_t *halves = leit_arena_allocate(&arena, (size_t)count * sizeof *halves);
        for (int64_t i = 0; i < count; i++) {
            values[i] = value_at((int)p, i);
            uint32_t bits;
            memcpy(&bits, &values[i], sizeof bits);
            halves[i] = (uint16_t)(bits >> 16);
        }
        tensor->data = as->as_bf16 ? (void *)halves : (void *)values;
    }
    static float types[2][WIDTH] = {{1, 2, 3, 4, 5, 6, 7, 8}, {100}};
    if (as->as_bert)
        tensors[n++] =
            (leit_tensor){.name = leit_arena_printf(
                              &arena, "%sembeddings.token_type_embeddings.weight", as->prefix),
                          .dtype = LEIT_F32,
                          .rank = 2,
                          .shape = {2, WIDTH},
                          .data = types};
    tensors[n++] = (leit_tensor){
        .name = "pooler.dense.bias", .dtype = LEIT_F32, .rank = 1, .shape = {WIDTH}, .data = types};
    assert_ok(leit_safetensors_write(path, tensors, n));
    leit_parameters_clear(&shape);
    return path;
}

static void accepted(void **state)
{
    (void)state;
    static const form forms[] = {
        {.prefix = ""},
        {.prefix = "distilbert.", .as_bf16 = true},
        {.prefix = "model.", .more_positions = 3},
        {.prefix = "", .as_bert = true},
        {.prefix = "bert.", .as_bert = true, .as_old = true, .more_positions = 1},
    };
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        leit_parameters parameters = {0};
        make_parameters(&parameters);
        assert_ok(leit_import_text_encoder(write_file(&forms[f]), &parameters));
        for (size_t p = 0; p < parameters.count; p++) {
            const leit_parameter *parameter = &parameters.list[p];
            const bool is_ours = strncmp(parameter->name, "text.fc1", 8) != 0;
            const bool is_table = strstr(parameter->name, "position_embeddings") != NULL;
            for (int64_t i = 0; i < parameter->count; i++) {
                float expected = is_ours ? value_at((int)p, i) : 5.0F;
                if (is_table && forms[f].as_bert) expected += (float)(i % WIDTH + 1);
                if (parameter->data[i] != expected)
                    fail_msg("form %zu, %s[%lld] is %g, expected %g", f, parameter->name,
                             (long long)i, (double)parameter->data[i], (double)expected);
            }
        }
        leit_parameters_clear(&parameters);
    }
}

static char last_log[1024];
static void keep_log(void *context, leit_log_level level, const char *message)
{
    (void)context, (void)level;
    snprintf(last_log, sizeof last_log, "%s", message);
}

static void refused(void **state)
{
    (void)state;
    leit_parameters parameters = {0};
    assert_fails(leit_import_text_encoder("x", &parameters), LEIT_INTERNAL, "no text encoder");
    make_parameters(&parameters);
    static const struct {
        form form;
        const char *sentence;
    } cases[] = {
        {{.prefix = "other."}, "neither DistilBertModel"},
        {{.prefix = "", .without = "transformer.layer.1.ffn.lin2.bias"}, "layer.1.ffn.lin2.bias"},
        {{.prefix = "bert.", .as_bert = true, .without = "transformer.layer.1.sa_layer_norm.bias"},
         "bert.encoder.layer.1.attention.output.LayerNorm.bias"},
        {{.prefix = "", .widened = "embeddings.word_embeddings.weight"},
         "has shape (12, 8), the model expects (11, 8)"},
        {{.prefix = "", .widened = "transformer.layer.0.ffn.lin1.weight"}, "expects (12, 8)"},
        {{.prefix = "", .more_positions = -1}, "has shape (5, 8)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_file(&cases[i].form);
        assert_fails(leit_import_text_encoder(path, &parameters), LEIT_DATA, cases[i].sentence);
        assert_non_null(strstr(leit_error_message(), path));
    }
    assert_fails(leit_import_text_encoder(leit_test_scratch("nowhere"), &parameters), LEIT_DATA,
                 "cannot");
    leit_log_set_sink(keep_log, NULL);
    assert_ok(leit_import_text_encoder(write_file(&(form){.prefix = ""}), &parameters));
    assert_non_null(strstr(last_log, "not used: pooler.dense.bias"));
    leit_log_set_sink(NULL, NULL);
    leit_parameters_clear(&parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(accepted), cmocka_unit_test(refused)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    leit_arena_clear(&arena);
    return failed;
}
