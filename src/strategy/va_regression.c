/* Valence-arousal regression, paper section 3.2.3: each tower learns to answer with the valence and
 * arousal of its tag, taken from an affective lexicon and scaled to [0, 1]; nearest in that plane
 * is the best match. */
#include "model/layers.h"
#include "strategy/step.h"

static leit_value head(leit_plan *plan, const leit_space *space, enum leit_modality modality,
                       leit_value encoded)
{
    const struct leit_recipe_model_head *sizes = &space->recipe->model.head;
    const bool is_text = modality == LEIT_MODALITY_TEXT;
    leit_value y = leit_layer_projection(plan, encoded, is_text ? "text" : "music",
                                         is_text ? sizes->text_hidden : sizes->music_hidden, 2,
                                         (float)sizes->dropout);
    return leit_plan_sigmoid(plan, y);
}

static void build_text(leit_step *step)
{
    leit_value va = leit_step_head(step, LEIT_MODALITY_TEXT, leit_step_texts(step));
    leit_value target = leit_step_target(step, LEIT_TARGET_TEXT_VA);
    leit_plan_loss(step->plan, leit_plan_mse(step->plan, va, target), 1.0f);
}

static void build_music(leit_step *step)
{
    leit_value va = leit_step_head(step, LEIT_MODALITY_MUSIC, leit_step_clips(step));
    leit_value target = leit_step_target(step, LEIT_TARGET_MUSIC_VA);
    leit_plan_loss(step->plan, leit_plan_mse(step->plan, va, target), 1.0f);
}

const leit_strategy leit_va_regression = {
    .id = LEIT_STRATEGY_VA_REGRESSION,
    .paper = "3.2.3",
    .rule = LEIT_RULE_EUCLIDEAN,
    .head = head,
    .n_phases = 2,
    .phases =
        {
            {"text", LEIT_SAMPLE_TEXTS, LEIT_MONITOR_R2, true, false, build_text},
            {"music", LEIT_SAMPLE_CLIPS, LEIT_MONITOR_R2, false, true, build_music},
        },
};
