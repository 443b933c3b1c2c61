/* Tagging: pre-trains the music encoder on a corpus with many tags per clip (MagnaTagATune's 50),
 * paper section 4.2. Its encoder is what other recipes take as `model.music.weights`. */
#include "model/layers.h"
#include "strategy/step.h"

static leit_value head(leit_plan *plan, const leit_space *space, enum leit_modality modality,
                       leit_value encoded)
{
    (void)modality; /* music alone */
    const struct leit_recipe_model_head *sizes = &space->recipe->model.head;
    return leit_layer_projection(plan, encoded, "music", sizes->music_hidden, space->n_music_labels,
                                 (float)sizes->dropout);
}

static void build(leit_step *step)
{
    leit_value logits = leit_step_head(step, LEIT_MODALITY_MUSIC, leit_step_clips(step));
    leit_value targets = leit_step_target(step, LEIT_TARGET_MUSIC_TAGS);
    leit_plan_loss(step->plan, leit_plan_bce_with_logits(step->plan, logits, targets), 1.0f);
}

const leit_strategy leit_tagging = {
    .id = LEIT_STRATEGY_TAGGING,
    .paper = "4.2",
    .rule = LEIT_RULE_NONE,
    .head = head,
    .n_phases = 1,
    .phases = {{"music", LEIT_SAMPLE_CLIPS, LEIT_MONITOR_ROC_AUC, false, true, build}},
};
