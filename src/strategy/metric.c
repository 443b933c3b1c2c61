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

leit_plan_triplet leit_metric_settings(const leit_recipe *recipe)
{
    const struct leit_recipe_loss *loss = &recipe->loss;
    return (leit_plan_triplet){.margin = (float)loss->margin,
                               .weights = loss->negatives == LEIT_NEGATIVES_COSINE
                                              ? LEIT_WEIGHTS_COSINE
                                              : LEIT_WEIGHTS_DISTANCE,
                               .cutoff = (float)loss->distance_cutoff,
                               .nonzero_loss_cutoff = (float)loss->distance_nonzero_loss_cutoff};
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

leit_triplet_branch leit_metric_text_music(leit_step *step, leit_value text, leit_value music)
{
    /* `text_tag`, the public code: a clip of the same music mood may be a negative when it was
     * drawn for a text of another tag. `music_tag` compares the moods of the music. */
    const bool by_text = step->space->recipe->loss.negative_mask == LEIT_NEGATIVE_MASK_TEXT_TAG;
    leit_value anchor_labels =
        leit_step_target(step, by_text ? LEIT_TARGET_TEXT_LABEL_2 : LEIT_TARGET_MAPPED_LABEL_2);
    leit_value item_labels =
        by_text ? anchor_labels : leit_step_target(step, LEIT_TARGET_MUSIC_LABEL_2);
    return (leit_triplet_branch){.anchor = text,
                                 .positive = music,
                                 .anchor_labels = anchor_labels,
                                 .item_labels = item_labels};
}

void leit_metric_text_music_loss(leit_step *step, leit_value text, leit_value music)
{
    const leit_triplet_branch branch = leit_metric_text_music(step, text, music);
    const leit_plan_triplet settings = leit_metric_settings(step->space->recipe);
    leit_value loss;
    leit_plan_cosine_triplet(step->plan, &branch, 1, &settings, &loss);
    leit_plan_loss(step->plan, loss, 1.0f);
}
