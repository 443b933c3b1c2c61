/* Multi-head classification, paper section 3.2.2: both modalities are projected to one width, go
 * through a shared MLP together, and a linear head per taxonomy classifies them. For a text the
 * music head is asked as well, so that text and music answer in the same taxonomy. The public code
 * has none; this is our reading: batch statistics are taken over texts and clips together. */
#include <stdio.h>

#include "model/layers.h"
#include "strategy/step.h"

static leit_value shared(leit_plan *plan, const leit_space *space, leit_value x)
{
    const struct leit_recipe_model_head *sizes = &space->recipe->model.head;
    for (int layer = 1; layer <= sizes->shared_layers; layer++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "shared.fc%d", layer);
        x = leit_layer_linear(plan, x, prefix, leit_plan_dim(plan, x, 1));
        snprintf(prefix, sizeof prefix, "shared.bn%d", layer);
        const leit_plan_norm norm = leit_layer_norm(plan, prefix, leit_plan_dim(plan, x, 1));
        x = leit_plan_batchnorm1d(plan, x, &norm, true);
        x = leit_plan_dropout(plan, x, (float)sizes->dropout);
    }
    return x;
}

/* Into the shared space, as wide as head.music_hidden (the paper's 2n). */
static leit_value project(leit_plan *plan, const leit_space *space, enum leit_modality modality,
                          leit_value encoded)
{
    const char *prefix = modality == LEIT_MODALITY_TEXT ? "text.fc" : "music.fc";
    return leit_layer_linear(plan, encoded, prefix, space->recipe->model.head.music_hidden);
}

static leit_value music_head(leit_plan *plan, const leit_space *space, leit_value x)
{
    return leit_layer_linear(plan, x, "shared.music_head", space->n_music_labels);
}

static leit_value head(leit_plan *plan, const leit_space *space, enum leit_modality modality,
                       leit_value encoded)
{
    return music_head(plan, space, shared(plan, space, project(plan, space, modality, encoded)));
}

static void build(leit_step *step)
{
    leit_plan *plan = step->plan;
    const leit_space *space = step->space;
    leit_value text = project(plan, space, LEIT_MODALITY_TEXT, leit_step_texts(step));
    leit_value music = project(plan, space, LEIT_MODALITY_MUSIC, leit_step_clips(step));
    leit_value x = shared(plan, space, leit_plan_concat_rows(plan, text, music));

    text = leit_plan_gather_rows(plan, x, leit_step_target(step, LEIT_TARGET_TEXT_ROWS));
    music = leit_plan_gather_rows(plan, x, leit_step_target(step, LEIT_TARGET_MUSIC_ROWS));
    text = leit_layer_linear(plan, text, "shared.text_head", space->n_text_labels);
    music = music_head(plan, space, music);
    leit_value text_labels = leit_step_target(step, LEIT_TARGET_TEXT_LABEL);
    leit_value music_labels = leit_step_target(step, LEIT_TARGET_MUSIC_LABEL);
    leit_plan_loss(plan, leit_plan_softmax_cross_entropy(plan, text, text_labels), 1.0f);
    leit_plan_loss(plan, leit_plan_softmax_cross_entropy(plan, music, music_labels), 1.0f);
}

const leit_strategy leit_multihead = {
    .id = LEIT_STRATEGY_MULTIHEAD,
    .paper = "3.2.2",
    .rule = LEIT_RULE_MUSIC_MOOD,
    .head = head,
    .n_phases = 1,
    .phases = {{"joint", LEIT_SAMPLE_BOTH, LEIT_MONITOR_PRECISION, true, true, build}},
};
