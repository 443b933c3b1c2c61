/* What one would say of a clip without speaking of moods: tags read off the cues it was made from.
 */
#ifndef LEIT_DATASETS_ETUDE_CLIP_TAGS_H
#define LEIT_DATASETS_ETUDE_CLIP_TAGS_H

#include <stdbool.h>

#include "core/buffer.h"
#include "datasets/etude/etude_cues.h"

/* Appends the tags of a piece with '|' between, in the order of the list; never none. */
leit_status leit_etude_print_tags_of(const struct leit_etude_cues *cues, bool is_major,
                                     leit_buffer *text);

/* Appends the list of all tags, "a, b, c". */
leit_status leit_etude_print_tag_list(leit_buffer *text);

#endif
