/* A real text encoder against transformers: all-MiniLM-L6-v2, imported from its own file. Skipped
 * unless LEIT_MINILM names model.safetensors and LEIT_MINILM_GOLDEN what tests/oracle/minilm.py
 * wrote. */
#include <math.h>
#include <stdlib.h>

#include "container/container.h"
#include "core/memory.h"
#include "model/import.h"
#include "model/text_encoder.h"
#include "support/testing.h"

enum { VOCABULARY = 30522, WIDTH = 384, TEXTS = 8, LONGEST = 256 };

/* fp32 through 6 layers is off by about 1e-6 (measured); a weight in the wrong place by far more.
 */
static const double TOLERANCE = 1e-4;

static void cls_of_sentences(void **state)
{
    (void)state;
    const char *weights = getenv("LEIT_MINILM"), *golden_path = getenv("LEIT_MINILM_GOLDEN");

    leit_container *golden = NULL;
    int64_t n_ids = -1;
    int32_t *ids = NULL, lengths[TEXTS], used = 0;
    double cls[TEXTS][WIDTH];
    assert_ok(leit_container_open(golden_path, NULL, 0, &golden));
    assert_ok(leit_container_load(golden, "ids", LEIT_I32, 1, &n_ids, (void **)&ids));
    assert_ok(leit_container_read(golden, "lengths", LEIT_I32, 1, &(int64_t){TEXTS}, lengths,
                                  sizeof lengths));
    assert_ok(leit_container_read(golden, "cls", LEIT_F64, 2, (int64_t[]){TEXTS, WIDTH}, cls,
                                  sizeof cls));
    leit_tokens texts[TEXTS];
    for (int i = 0; i < TEXTS; i++) {
        texts[i] = (leit_tokens){.ids = ids + used, .count = lengths[i]};
        used += lengths[i];
    }
    assert_int_equal(used, n_ids);

    const leit_recipe recipe = {.model.text = {.layers = 6,
                                               .width = WIDTH,
                                               .heads = 12,
                                               .ffn_width = 1536,
                                               .max_positions = LONGEST,
                                               .layernorm_epsilon = 1e-12}};
    leit_parameters parameters = {0};
    leit_plan *plan = NULL;
    const leit_plan_options options = {.backend = leit_backend_cpu()};
    assert_ok(leit_plan_create(&options, &parameters, &plan));
    const leit_text_input input = leit_text_input_create(plan, TEXTS, n_ids, LONGEST);
    const leit_value output = leit_text_encoder(plan, &input, VOCABULARY, &recipe);
    leit_plan_keep(plan, output);
    assert_ok(leit_parameters_allocate(&parameters, 1, false));
    assert_ok(leit_plan_finish(plan));
    assert_ok(leit_import_text_encoder(weights, &parameters));
    assert_ok(leit_text_input_fill(plan, &input, texts, TEXTS));
    assert_ok(leit_plan_forward(plan));

    const float *ours = leit_plan_data(plan, output);
    double worst = 0;
    for (int i = 0; i < TEXTS * WIDTH; i++) {
        const double difference = fabs((double)ours[i] - cls[i / WIDTH][i % WIDTH]);
        assert_true(difference <= TOLERANCE); /* false for NaN */
        worst = fmax(worst, difference);
    }
    print_message("largest difference %.3g\n", worst);
    leit_plan_free(plan);
    leit_parameters_clear(&parameters);
    leit_free(ids);
    leit_container_close(golden);
}

int main(void)
{
    if (leit_test_lacks("LEIT_MINILM") || leit_test_lacks("LEIT_MINILM_GOLDEN"))
        return LEIT_TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(cls_of_sentences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
