#include "model/music_encoder.h"

#include <math.h>
#include <stdio.h>

#include "model/layers.h"

static const int SAMPLE_RATE_HZ = 16000;

leit_status leit_music_front_open(const leit_recipe *recipe, const leit_device_memory *memory,
                                  leit_music_front *front)
{
    *front = (leit_music_front){0};
    leit_mel_tables *tables = NULL;
    LEIT_TRY(leit_mel_tables_create(recipe->mel.n_fft, recipe->mel.hop_length, recipe->mel.n_mels,
                                    SAMPLE_RATE_HZ, &tables));
    front->mel.tables = tables;
    const leit_status status = leit_mel_tables_move(tables, memory);
    if (status != LEIT_OK) {
        leit_music_front_close(front);
        return status;
    }
    front->mel.scale = recipe->mel.mel_scale == LEIT_MEL_SCALE_POWER ? LEIT_MEL_POWER : LEIT_MEL_DB;
    const struct leit_recipe_augment *augment = &recipe->augment;
    front->augment = (leit_mel_augment){
        .gain_db_min = (float)augment->gain_db.low,
        .gain_db_max = (float)augment->gain_db.high,
        .noise = augment->noise_snr_db.enabled,
        .snr_db_min = (float)augment->noise_snr_db.low,
        .snr_db_max = (float)augment->noise_snr_db.high,
        .time_mask_ratio = (float)augment->time_mask,
        .frequency_mask_ratio = (float)augment->frequency_mask,
    };
    return LEIT_OK;
}

void leit_music_front_close(leit_music_front *front)
{
    leit_mel_tables_free((leit_mel_tables *)(uintptr_t)front->mel.tables);
    *front = (leit_music_front){0};
}

int64_t leit_music_least_samples(const leit_recipe *recipe)
{
    const int64_t least_frames = 2 * 2 * 2 * 2 * 2 * 3 * 3; /* the product of the pools over time */
    return (least_frames - 1) * recipe->mel.hop_length;
}

/* Convolutions start as torch.nn.Conv2d: uniform in +-1 / sqrt(fan in). */
static leit_value conv(leit_plan *plan, leit_value x, const char *prefix, int64_t K, int64_t size)
{
    const int64_t C = leit_plan_dim(plan, x, 3), shape[4] = {K, size, size, C};
    const leit_init init = {LEIT_INIT_UNIFORM, 1.0f / sqrtf((float)(size * size * C))};
    char name[96];
    snprintf(name, sizeof name, "%s.weight", prefix);
    leit_value w = leit_plan_parameter(plan, name, 4, shape, init);
    snprintf(name, sizeof name, "%s.bias", prefix);
    leit_value b = leit_plan_parameter(plan, name, 1, &K, init);
    leit_plan_scope(plan, "%s", prefix);
    return leit_plan_conv2d(plan, x, w, b);
}

static leit_value norm(leit_plan *plan, leit_value x, leit_value residual, const char *prefix,
                       bool relu, leit_plan_pool pool)
{
    const leit_plan_norm parameters = leit_layer_norm(plan, prefix, leit_plan_dim(plan, x, 3));
    leit_plan_scope(plan, "%s", prefix);
    return leit_plan_batchnorm2d(plan, x, residual, &parameters, relu, pool);
}

static leit_value conv_block(leit_plan *plan, leit_value x, const char *layer, int64_t K,
                             int64_t size, leit_plan_pool pool)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "music.%s.conv", layer);
    leit_value y = conv(plan, x, prefix, K, size);
    snprintf(prefix, sizeof prefix, "music.%s.bn", layer);
    return norm(plan, y, LEIT_NONE, prefix, true, pool);
}

static leit_value res_block(leit_plan *plan, leit_value x, const char *layer, leit_plan_pool pool)
{
    const int64_t K = leit_plan_dim(plan, x, 3);
    const leit_plan_pool none = {1, 1};
    char prefix[64];
    snprintf(prefix, sizeof prefix, "music.%s.conv_1", layer);
    leit_value y = conv(plan, x, prefix, K, 3);
    snprintf(prefix, sizeof prefix, "music.%s.bn_1", layer);
    y = norm(plan, y, LEIT_NONE, prefix, true, none);
    snprintf(prefix, sizeof prefix, "music.%s.conv_2", layer);
    y = conv(plan, y, prefix, K, 3);
    snprintf(prefix, sizeof prefix, "music.%s.bn_2", layer);
    return norm(plan, y, x, prefix, true, pool);
}

leit_value leit_music_encoder(leit_plan *plan, leit_value pcm, const leit_music_front *front,
                              const leit_recipe *recipe)
{
    const leit_plan_pool by_2 = {2, 2}, by_2x3 = {2, 3}, none = {1, 1};
    const int64_t n = recipe->model.music.channels;
    const bool augments = recipe->augment.gain_db.enabled || front->augment.noise ||
                          front->augment.time_mask_ratio > 0.0f ||
                          front->augment.frequency_mask_ratio > 0.0f;

    struct leit_mel_spectrogram mel = front->mel;
    if (leit_plan_is_training(plan) && augments) mel.augment = &front->augment;
    leit_plan_scope(plan, "music");
    leit_value x = leit_plan_mel_spectrogram(plan, pcm, &mel);
    x = norm(plan, x, LEIT_NONE, "music.spec_bn", false, none);
    x = conv_block(plan, x, "layer1", n, 3, by_2);
    x = res_block(plan, x, "layer2", by_2);
    x = conv_block(plan, x, "layer3", 2 * n, 3, by_2);
    x = res_block(plan, x, "layer4", by_2);
    x = res_block(plan, x, "layer5", by_2);
    x = res_block(plan, x, "layer6", by_2x3);
    x = conv_block(plan, x, "layer7", 4 * n, 3, by_2x3);
    x = conv_block(plan, x, "layer8", 4 * n, 1, none);
    leit_plan_scope(plan, "music");
    return leit_plan_global_max_pool(plan, x);
}
