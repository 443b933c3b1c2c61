/* Two-branch metric learning, paper section 3.2.4: text and music are projected into one space, and
 * a cosine triplet loss pulls a text towards clips whose mood its own maps to. As in the public
 * code the whole batch is encoded, which BatchNorm sees, and the loss is taken on its second half.
 */
#include "strategy/metric.h"

static void build(leit_step *step)
{
    leit_value text = leit_step_head(step, LEIT_MODALITY_TEXT, leit_step_texts(step));
    leit_value music = leit_step_head(step, LEIT_MODALITY_MUSIC, leit_step_clips(step));
    leit_value second = leit_step_target(step, LEIT_TARGET_SECOND_HALF);
    leit_metric_text_music_loss(step, leit_metric_rows(step->plan, text, second),
                                leit_metric_rows(step->plan, music, second));
}

const leit_strategy leit_metric2 = {
    .id = LEIT_STRATEGY_METRIC2,
    .paper = "3.2.4",
    .rule = LEIT_RULE_COSINE,
    .head = leit_metric_head,
    .n_phases = 1,
    .phases = {{"joint", LEIT_SAMPLE_PAIRS, LEIT_MONITOR_PRECISION, true, true, build}},
};
