/* A text cut into scenes, and what the text tower answers for each. */
#ifndef LEIT_SEARCH_STORY_H
#define LEIT_SEARCH_STORY_H

#include "strategy/matcher.h"
#include "text/scenes.h"

typedef struct leit_story {
    leit_scene_list scenes;
    int64_t width;
    float *answers; /* (scenes.count, width) */
} leit_story;

typedef struct leit_story_options {
    bool is_whole;              /* one scene, whatever its length */
    int min_tokens, max_tokens; /* of a scene */
    int window_tokens;          /* the longest text the tower was trained on */
} leit_story_options;

/* A scene of at most window_tokens is encoded as it is; a longer one as its sentences, packed in
 * order into windows of at most window_tokens, whose answers are averaged. LEIT_DATA when the text
 * is blank, LEIT_AGAIN when asked to stop. */
leit_status leit_story_encode(const char *text, size_t size_bytes,
                              const leit_story_options *options, leit_wordpiece *tokenizer,
                              leit_tower *tower, leit_story *story);
void leit_story_clear(leit_story *story);

#endif
