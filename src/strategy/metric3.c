/* Three-branch metric learning, paper section 3.2.4: as metric2, with a third tower for the tags'
 * word vectors. Tag-text and tag-music triplets keep the modalities near their shared words. */
#include "model/layers.h"
#include "strategy/metric.h"

static void build(leit_step *step)
{
    leit_plan *plan = step->plan;
    const leit_recipe *recipe = step->space->recipe;
    const struct leit_recipe_model_head *sizes = &recipe->model.head;
    leit_value tag =
        leit_layer_projection(plan, leit_step_target(step, LEIT_TARGET_TAG_VECTOR), "tag",
                              sizes->tag_hidden, sizes->embedding_width, (float)sizes->dropout);
    leit_value text = leit_step_head(step, LEIT_MODALITY_TEXT, leit_step_texts(step));
    leit_value music = leit_step_head(step, LEIT_MODALITY_MUSIC, leit_step_clips(step));

    leit_value tags[2], texts[2], clips[2];
    for (int half = 0; half < 2; half++) {
        tags[half] = leit_metric_half(plan, tag, half);
        texts[half] = leit_metric_half(plan, text, half);
        clips[half] = leit_metric_half(plan, music, half);
    }
    leit_value text_labels = leit_step_target(step, LEIT_TARGET_TEXT_LABEL_1);
    leit_value music_labels = leit_step_target(step, LEIT_TARGET_MUSIC_LABEL_1);

    const leit_triplet_branch branches[] = {
        {tags[0], texts[0], text_labels, text_labels, .draws = 1},
        {tags[1], clips[0], music_labels, music_labels, .draws = 2},
        leit_metric_text_music(step, texts[1], clips[1])};
    const double weights[] = {recipe->loss.weight_tag_text, recipe->loss.weight_tag_music,
                              recipe->loss.weight_text_music};
    const leit_plan_triplet settings = leit_metric_settings(recipe);
    leit_value losses[3];
    leit_plan_cosine_triplet(plan, branches, 3, &settings, losses);
    for (int k = 0; k < 3; k++) leit_plan_loss(plan, losses[k], (float)weights[k]);
}

const leit_strategy leit_metric3 = {
    .id = LEIT_STRATEGY_METRIC3,
    .paper = "3.2.4",
    .rule = LEIT_RULE_COSINE,
    .head = leit_metric_head,
    .n_phases = 1,
    .phases = {{"joint", LEIT_SAMPLE_PAIRS, LEIT_MONITOR_PRECISION, true, true, build}},
};
