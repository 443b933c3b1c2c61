/* The music encoder of the paper (section 3.1, "Short-chunk CNN" with residual blocks): log-mel ->
 * BatchNorm(1) -> Conv(n) -> Res(n) -> Conv(2n) -> Res(2n) x 3 -> Conv(4n) -> 1x1 Conv(4n) ->
 * global max. Conv is 3x3, BN, ReLU, max pool; Res is conv-BN-ReLU-conv-BN, add, ReLU, max pool.
 * Pools are 2 x 2, the last two 2 x 3 (mel x time). Parameters are named as in the public code,
 * after "music.".
 */
#ifndef LEIT_MODEL_MUSIC_ENCODER_H
#define LEIT_MODEL_MUSIC_ENCODER_H

#include "plan/plan.h"
#include "recipe/recipe.h"

/* What the encoder needs beside the recipe; owns the mel tables. */
typedef struct leit_music_front {
    struct leit_mel_spectrogram mel;
    leit_mel_augment augment;
} leit_music_front;

/* The tables go into the memory of the backend that will read them. */
leit_status leit_music_front_open(const leit_recipe *recipe, const leit_device_memory *memory,
                                  leit_music_front *front);
void leit_music_front_close(leit_music_front *front);

/* The least number of samples a clip needs so that nothing is pooled away. */
int64_t leit_music_least_samples(const leit_recipe *recipe);

/* pcm (B, S) int16 -> (B, 4n). Augments when the plan trains and the recipe asks for it. `front`
 * must outlive the plan. */
leit_value leit_music_encoder(leit_plan *plan, leit_value pcm, const leit_music_front *front,
                              const leit_recipe *recipe);

#endif
