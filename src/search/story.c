#include "search/story.h"

#include <string.h>

#include "core/memory.h"
#include "core/stop.h"

/* Windows wait in a queue until the tower has enough for all threads; the answer of each is added
 * to its scene. */
enum { QUEUE_WINDOWS = 64 };

typedef struct encoder {
    leit_wordpiece *tokenizer;
    leit_wordpiece_special special;
    leit_tower *tower;
    leit_story *story;
    int64_t window_tokens;
    int32_t *ids;                       /* (QUEUE_WINDOWS, window_tokens) */
    leit_tokens windows[QUEUE_WINDOWS]; /* views of ids */
    int64_t owner[QUEUE_WINDOWS];       /* scene of each window */
    int64_t n_windows;                  /* waiting */
    float *answers;                     /* (QUEUE_WINDOWS, width) */
    int64_t *n_of_scene;                /* (n_scenes) windows encoded */
    int32_t *sentence;                  /* ids of one sentence */
    size_t sentence_capacity;
} encoder;

static leit_status flush(encoder *e)
{
    const int64_t width = e->story->width;
    LEIT_TRY(leit_stop_check());
    LEIT_TRY(leit_tower_texts(e->tower, e->windows, e->n_windows, e->answers));
    for (int64_t w = 0; w < e->n_windows; w++) {
        float *sum = e->story->answers + e->owner[w] * width;
        for (int64_t j = 0; j < width; j++) sum[j] += e->answers[w * width + j];
        e->n_of_scene[e->owner[w]]++;
    }
    e->n_windows = 0;
    return LEIT_OK;
}

/* ---- windows ---- */

static int32_t *open_window(encoder *e)
{
    return e->ids + e->n_windows * e->window_tokens;
}

/* The open window holds [CLS] and `used - 1` pieces. */
static leit_status close_window(encoder *e, int64_t scene, int64_t used)
{
    int32_t *ids = open_window(e);
    ids[used] = e->special.separator;
    e->windows[e->n_windows] = (leit_tokens){ids, used + 1};
    e->owner[e->n_windows++] = scene;
    return e->n_windows == QUEUE_WINDOWS ? flush(e) : LEIT_OK;
}

/* The pieces of a sentence, between [CLS] and [SEP] of e->sentence. */
static leit_status read_sentence(encoder *e, const char *text, size_t size_bytes, int64_t *count)
{
    if (size_bytes + 2 > e->sentence_capacity) {
        int32_t *larger = leit_allocate(size_bytes + 2, sizeof *larger);
        if (larger == NULL) return LEIT_INTERNAL;
        leit_free(e->sentence);
        e->sentence = larger;
        e->sentence_capacity = size_bytes + 2;
    }
    int n_tokens = 0;
    LEIT_TRY(leit_wordpiece_encode(e->tokenizer, text, size_bytes, (int)(size_bytes + 2),
                                   e->sentence, &n_tokens));
    *count = n_tokens - 2;
    return LEIT_OK;
}

/* A sentence goes whole into the open window where it fits, else into the next; one that is longer
 * than a window is cut. *used counts what the open window holds. */
static leit_status add_sentence(encoder *e, int64_t scene, int64_t count, int64_t *used)
{
    const int64_t room = e->window_tokens - 1; /* [SEP] */
    const int32_t *pieces = e->sentence + 1;
    if (*used > 1 && *used + count > room) {
        LEIT_TRY(close_window(e, scene, *used));
        *used = 0;
    }
    while (count > 0) {
        int32_t *window = open_window(e);
        if (*used == 0) window[(*used)++] = e->special.classification;
        const int64_t taken = count < room - *used ? count : room - *used;
        memcpy(window + *used, pieces, (size_t)taken * sizeof *window);
        pieces += taken;
        count -= taken;
        *used += taken;
        if (count > 0) {
            LEIT_TRY(close_window(e, scene, *used));
            *used = 0;
        }
    }
    return LEIT_OK;
}

static leit_status add_scene(encoder *e, const char *text, int64_t index)
{
    const leit_span span = e->story->scenes.scenes[index].text;
    leit_span_list sentences = {0};
    int64_t used = 0, count = 0;
    leit_status status = read_sentence(e, text + span.start, span.end - span.start, &count);
    if (status == LEIT_OK && count + 2 <= e->window_tokens) {
        status = add_sentence(e, index, count, &used);
    } else if (status == LEIT_OK) {
        status = leit_sentences_split(text + span.start, span.end - span.start, &sentences);
        for (size_t s = 0; status == LEIT_OK && s < sentences.count; s++) {
            const leit_span part = sentences.spans[s];
            status =
                read_sentence(e, text + span.start + part.start, part.end - part.start, &count);
            if (status == LEIT_OK) status = add_sentence(e, index, count, &used);
        }
    }
    leit_span_list_clear(&sentences);
    LEIT_TRY(status);
    /* A scene of characters that the tokenizer drops is [CLS] [SEP]. */
    if (used == 0 && e->n_of_scene[index] == 0) {
        open_window(e)[0] = e->special.classification;
        used = 1;
    }
    return used > 0 ? close_window(e, index, used) : LEIT_OK;
}

/* ---- the story ---- */

static leit_status split(const char *text, size_t size_bytes, const leit_story_options *options,
                         leit_wordpiece *tokenizer, leit_scene_list *scenes)
{
    if (!options->is_whole) {
        const leit_scene_options scene_options = {options->min_tokens, options->max_tokens,
                                                  tokenizer};
        return leit_scenes_split(text, size_bytes, &scene_options, scenes);
    }
    LEIT_FAIL_IF(leit_text_is_blank(text, size_bytes), LEIT_DATA, "the text is empty or blank");
    LEIT_TRY(LEIT_GROW(scenes->scenes, 0, scenes->capacity));
    scenes->scenes[0] = (leit_scene){.text = leit_span_trim(text, (leit_span){0, size_bytes})};
    scenes->count = 1;
    return LEIT_OK;
}

static leit_status encode_all(encoder *e, const char *text)
{
    leit_story *story = e->story;
    const int64_t n = (int64_t)story->scenes.count, width = story->width;
    LEIT_TRY(LEIT_ALLOC(story->answers, n * width));
    LEIT_TRY(LEIT_ALLOC(e->n_of_scene, n));
    LEIT_TRY(LEIT_ALLOC(e->answers, QUEUE_WINDOWS * width));
    LEIT_TRY(LEIT_ALLOC(e->ids, QUEUE_WINDOWS * e->window_tokens));
    for (int64_t i = 0; i < n; i++) LEIT_TRY(add_scene(e, text, i));
    if (e->n_windows > 0) LEIT_TRY(flush(e));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < width; j++)
            story->answers[i * width + j] /= (float)e->n_of_scene[i];
    return LEIT_OK;
}

leit_status leit_story_encode(const char *text, size_t size_bytes,
                              const leit_story_options *options, leit_wordpiece *tokenizer,
                              leit_tower *tower, leit_story *story)
{
    *story = (leit_story){.width = tower->width};
    encoder e = {.tokenizer = tokenizer,
                 .special = leit_wordpiece_special_ids(tokenizer),
                 .tower = tower,
                 .story = story,
                 .window_tokens = options->window_tokens};
    leit_status status = split(text, size_bytes, options, tokenizer, &story->scenes);
    if (status == LEIT_OK) status = encode_all(&e, text);
    leit_free(e.ids);
    leit_free(e.answers);
    leit_free(e.n_of_scene);
    leit_free(e.sentence);
    if (status != LEIT_OK) leit_story_clear(story);
    return status;
}

void leit_story_clear(leit_story *story)
{
    leit_scene_list_clear(&story->scenes);
    leit_free(story->answers);
    *story = (leit_story){0};
}
