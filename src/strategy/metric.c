#include "strategy/metric.h"

#include "model/layers.h"

leit_value leit_metric_head(leit_plan *plan, const leit_space *space, enum leit_modality modality,
                            leit_value encoded)
{
    const struct leit_recipe_model_head *sizes = &space->recipe->model.head;
    const bool is_text = modality == LEIT_MODALITY_TEXT;
    return leit_layer_projection(plan, encoded, is_text ? "text" : "music",
                                 is_text ? sizes->text_hidden : sizes->music_hidden,
                                 sizes->embedding_width, (float)sizes->dropout);
}

leit_plan_triplet leit_metric_settings(const leit_recipe *recipe, uint32_t branch)
{
    const struct leit_recipe_loss *loss = &recipe->loss;
    return (leit_plan_triplet){.margin = (float)loss->margin,
                               .weights = loss->negatives == LEIT_NEGATIVES_COSINE
                                              ? LEIT_WEIGHTS_COSINE
                                              : LEIT_WEIGHTS_DISTANCE,
                               .cutoff = (float)loss->distance_cutoff,
                               .nonzero_loss_cutoff = (float)loss->distance_nonzero_loss_cutoff,
                               .branch = branch};
}

leit_value leit_metric_rows(leit_plan *plan, leit_value x, leit_value rows)
{
    return leit_plan_gather_shards(plan, leit_plan_gather_rows(plan, x, rows));
}

leit_value leit_metric_half(leit_plan *plan, leit_value x, int half)
{
    const int64_t n = leit_plan_dim(plan, x, 0) / 2;
    return leit_plan_gather_shards(plan, leit_plan_rows(plan, x, half * n, n));
}

void leit_metric_text_music(leit_step *step, leit_value text, leit_value music, float weight)
{
    leit_plan *plan = step->plan;
    const leit_recipe *recipe = step->space->recipe;
    /* `text_tag`, the public code: a clip of the same music mood may be a negative when it was
     * drawn for a text of another tag. `music_tag` compares the moods of the music. */
    const bool by_text = recipe->loss.negative_mask == LEIT_NEGATIVE_MASK_TEXT_TAG;
    leit_value anchor_labels =
        leit_step_target(step, by_text ? LEIT_TARGET_TEXT_LABEL_2 : LEIT_TARGET_MAPPED_LABEL_2);
    leit_value item_labels =
        by_text ? anchor_labels : leit_step_target(step, LEIT_TARGET_MUSIC_LABEL_2);
    const leit_plan_triplet settings = leit_metric_settings(recipe, 0);
    leit_value loss =
        leit_plan_cosine_triplet(plan, text, music, anchor_labels, item_labels, &settings);
    leit_plan_loss(plan, loss, weight);
}
