#include <string.h>

#include "core/memory.h"
#include "core/stop.h"
#include "strategy/matcher.h"

enum { TEXTS_AT_ONCE = 64, TOKENS_AT_ONCE = 2048, CLIPS_AT_ONCE = 16 };

static void build_text(leit_matcher *matcher, leit_tower *tower)
{
    const int64_t T = matcher->recipe->data.max_tokens;
    const int64_t N = T > TOKENS_AT_ONCE ? T : TOKENS_AT_ONCE;
    tower->batch = TEXTS_AT_ONCE;
    tower->text = leit_text_input_create(tower->plan, TEXTS_AT_ONCE, N, T);
    leit_value encoded = leit_text_encoder(tower->plan, &tower->text,
                                           matcher->space.vocabulary_size, matcher->recipe);
    tower->output =
        matcher->strategy->head(tower->plan, &matcher->space, LEIT_MODALITY_TEXT, encoded);
}

static void build_music(leit_matcher *matcher, leit_tower *tower)
{
    tower->crop_samples = matcher->recipe->data.crop_samples;
    tower->n_crops = matcher->recipe->data.eval_crops;
    tower->batch = CLIPS_AT_ONCE;
    const int64_t shape[2] = {CLIPS_AT_ONCE, tower->crop_samples};
    tower->n_clips = leit_plan_count(tower->plan, "music.n_clips", 0);
    tower->pcm = leit_plan_input(tower->plan, "music.pcm", LEIT_I16, 2, shape);
    leit_plan_set_count(tower->plan, tower->pcm, tower->n_clips);
    leit_value encoded =
        leit_music_encoder(tower->plan, tower->pcm, &matcher->front, matcher->recipe);
    tower->output =
        matcher->strategy->head(tower->plan, &matcher->space, LEIT_MODALITY_MUSIC, encoded);
}

leit_status leit_tower_create(leit_matcher *matcher, enum leit_modality modality, leit_tower *tower)
{
    *tower = (leit_tower){.modality = modality};
    const leit_plan_options options = {.backend = matcher->backend, .threads = matcher->threads};
    LEIT_TRY(leit_plan_create(&options, &matcher->parameters, &tower->plan));
    if (modality == LEIT_MODALITY_TEXT)
        build_text(matcher, tower);
    else
        build_music(matcher, tower);
    leit_plan_keep(tower->plan, tower->output);
    tower->width = leit_plan_dim(tower->plan, tower->output, 1);
    if (leit_rule_has_places(matcher->strategy->rule)) matcher->place_width = tower->width;
    return LEIT_OK;
}

void leit_tower_clear(leit_tower *tower)
{
    leit_plan_free(tower->plan);
    *tower = (leit_tower){0};
}

leit_status leit_tower_texts(leit_tower *tower, const leit_tokens *texts, int64_t n, float *answers)
{
    for (int64_t first = 0, taken; first < n; first += taken) {
        int64_t tokens = 0;
        if (tower->heeds_stop) LEIT_TRY(leit_stop_check());
        for (taken = 0; first + taken < n && taken < tower->batch; taken++) {
            tokens += texts[first + taken].count;
            if (taken > 0 && tokens > tower->text.N) break;
        }
        LEIT_TRY(leit_text_input_fill(tower->plan, &tower->text, texts + first, taken));
        LEIT_TRY(leit_plan_forward(tower->plan));
        memcpy(answers + first * tower->width, leit_plan_data(tower->plan, tower->output),
               (size_t)(taken * tower->width) * sizeof *answers);
    }
    return LEIT_OK;
}

static void copy_crop(const leit_tower *tower, const leit_clip *clip, int64_t crop, int16_t *to)
{
    const int64_t S = tower->crop_samples;
    const int64_t hop = clip->n_samples > S ? (clip->n_samples - S) / tower->n_crops : 0;
    const int64_t start = crop * hop, rest = clip->n_samples - start;
    const int64_t count = rest < S ? rest : S;
    memcpy(to, clip->pcm + start, (size_t)count * sizeof *to);
    memset(to + count, 0, (size_t)(S - count) * sizeof *to);
}

/* Clips that are not longer than a crop have one crop, not n_crops equal ones. */
static int64_t crops_of(const leit_tower *tower, const leit_clip *clip)
{
    return clip->n_samples <= tower->crop_samples ? 1 : tower->n_crops;
}

leit_status leit_tower_clips(leit_tower *tower, const leit_clip *clips, int64_t n, float *answers)
{
    const int64_t width = tower->width;
    int16_t *pcm = leit_plan_data(tower->plan, tower->pcm);
    const float *output = leit_plan_data(tower->plan, tower->output);
    memset(answers, 0, (size_t)(n * width) * sizeof *answers);

    int64_t clip = 0, crop = 0;
    while (clip < n) {
        int64_t filled = 0, owner[CLIPS_AT_ONCE];
        if (tower->heeds_stop) LEIT_TRY(leit_stop_check());
        for (; clip < n && filled < tower->batch; filled++) {
            owner[filled] = clip;
            copy_crop(tower, &clips[clip], crop, pcm + filled * tower->crop_samples);
            if (++crop < crops_of(tower, &clips[clip])) continue;
            crop = 0;
            clip++;
        }
        *(int32_t *)leit_plan_data(tower->plan, tower->n_clips) = (int32_t)filled;
        LEIT_TRY(leit_plan_forward(tower->plan));
        for (int64_t row = 0; row < filled; row++) {
            const float share = 1.0f / (float)crops_of(tower, &clips[owner[row]]);
            float *sum = answers + owner[row] * width;
            for (int64_t i = 0; i < width; i++) sum[i] += share * output[row * width + i];
        }
    }
    return LEIT_OK;
}
