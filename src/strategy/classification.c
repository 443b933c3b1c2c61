/* Classification, paper section 3.2.1: each modality has a classifier over its own taxonomy. For a
 * text its mood is predicted, and music is ranked by the likelihood of the mood of that name; a
 * mood that the music taxonomy lacks retrieves nothing. Music trains with the focal loss, as the
 * public code. */
#include "model/layers.h"
#include "strategy/step.h"

static leit_value head(leit_plan *plan, const leit_space *space, enum leit_modality modality,
                       leit_value encoded)
{
    const struct leit_recipe_model_head *sizes = &space->recipe->model.head;
    const float no_dropout = 0.0f; /* the public code's classifiers have none */
    if (modality == LEIT_MODALITY_TEXT)
        return leit_layer_projection(plan, encoded, "text", sizes->text_hidden,
                                     space->n_text_labels, no_dropout);
    return leit_layer_projection(plan, encoded, "music", sizes->music_hidden, space->n_music_labels,
                                 no_dropout);
}

static void build_text(leit_step *step)
{
    leit_value logits = leit_step_head(step, LEIT_MODALITY_TEXT, leit_step_texts(step));
    leit_value labels = leit_step_target(step, LEIT_TARGET_TEXT_LABEL);
    leit_plan_loss(step->plan, leit_plan_softmax_cross_entropy(step->plan, logits, labels), 1.0f);
}

static void build_music(leit_step *step)
{
    const float gamma = (float)step->space->recipe->loss.music_focal_gamma;
    leit_value logits = leit_step_head(step, LEIT_MODALITY_MUSIC, leit_step_clips(step));
    leit_value labels = leit_step_target(step, LEIT_TARGET_MUSIC_LABEL);
    leit_plan_loss(step->plan, leit_plan_focal_loss(step->plan, logits, labels, gamma), 1.0f);
}

const leit_strategy leit_classification = {
    .id = LEIT_STRATEGY_CLASSIFICATION,
    .paper = "3.2.1",
    .rule = LEIT_RULE_SAME_MOOD,
    .head = head,
    .n_phases = 2,
    .phases =
        {
            {"text", LEIT_SAMPLE_TEXTS, LEIT_MONITOR_ACCURACY, true, false, build_text},
            {"music", LEIT_SAMPLE_CLIPS, LEIT_MONITOR_ACCURACY, false, true, build_music},
        },
};
