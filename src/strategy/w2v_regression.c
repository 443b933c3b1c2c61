/* Word2Vec regression, paper section 3.2.3: each tower learns to answer with the word vector of its
 * tag; the most similar by cosine is the best match. The public code ends in a sigmoid although
 * word vectors have negative elements: `model.head.output_activation` says which form is meant. */
#include "model/layers.h"
#include "strategy/step.h"

static leit_value head(leit_plan *plan, const leit_space *space, enum leit_modality modality,
                       leit_value encoded)
{
    const struct leit_recipe_model_head *sizes = &space->recipe->model.head;
    const bool is_text = modality == LEIT_MODALITY_TEXT;
    leit_value y = leit_layer_projection(plan, encoded, is_text ? "text" : "music",
                                         is_text ? sizes->text_hidden : sizes->music_hidden,
                                         space->vector_width, (float)sizes->dropout);
    const bool ends_in_sigmoid = sizes->output_activation == LEIT_OUTPUT_ACTIVATION_SIGMOID;
    return ends_in_sigmoid ? leit_plan_sigmoid(plan, y) : y;
}

static void build_text(leit_step *step)
{
    leit_value vector = leit_step_head(step, LEIT_MODALITY_TEXT, leit_step_texts(step));
    leit_value target = leit_step_target(step, LEIT_TARGET_TEXT_VECTOR);
    leit_plan_loss(step->plan, leit_plan_mse(step->plan, vector, target), 1.0f);
}

static void build_music(leit_step *step)
{
    leit_value vector = leit_step_head(step, LEIT_MODALITY_MUSIC, leit_step_clips(step));
    leit_value target = leit_step_target(step, LEIT_TARGET_MUSIC_VECTOR);
    leit_plan_loss(step->plan, leit_plan_mse(step->plan, vector, target), 1.0f);
}

const leit_strategy leit_w2v_regression = {
    .id = LEIT_STRATEGY_W2V_REGRESSION,
    .paper = "3.2.3",
    .rule = LEIT_RULE_COSINE,
    .head = head,
    .n_phases = 2,
    .phases =
        {
            {"text", LEIT_SAMPLE_TEXTS, LEIT_MONITOR_LOSS, true, false, build_text},
            {"music", LEIT_SAMPLE_CLIPS, LEIT_MONITOR_LOSS, false, true, build_music},
        },
};
