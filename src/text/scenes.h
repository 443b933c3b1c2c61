/* Scenes of a long text: the units that are matched with music. */
#ifndef LEIT_TEXT_SCENES_H
#define LEIT_TEXT_SCENES_H

#include "text/sentences.h"
#include "text/wordpiece.h"

typedef struct leit_scene {
    leit_span text;    /* without the white space around it; never empty */
    leit_span heading; /* of the chapter that begins here, without the text; start == end: none */
    int size;          /* in words, or in ids with [CLS] and [SEP], as the options count */
} leit_scene;

typedef struct leit_scene_list {
    leit_scene *scenes;
    size_t count, capacity;
} leit_scene_list;

void leit_scene_list_clear(leit_scene_list *list);

typedef struct leit_scene_options {
    int min_size; /* paragraphs are joined until a scene has this many; 0: one scene a paragraph */
    int max_size; /* no scene has more; at least 16 */
    leit_wordpiece *tokenizer; /* sizes count its ids, [CLS] and [SEP] included; NULL: words */
} leit_scene_options;

/* Appends the scenes of the text, in order; all that is not white space or a break is in exactly
 * one scene or heading.
 *
 *   - A break line (***, * * *, ---, ___, #, a row of such marks) and a heading (a line "Chapter
 * 3", "PART ONE: ...", "Prologue", "IV.", "# Markdown", with blank lines around it) end a scene
 *     whatever its size.
 *   - Otherwise a scene ends with a paragraph (a blank line) once it has min_size.
 *   - A paragraph longer than max_size is cut at the ends of sentences, a longer sentence between
 *     words, a longer word between characters.
 *   - What is left before a break and is smaller than min_size joins the scene before it where both
 *     fit into max_size.
 *
 * A heading with no text of its own before the next break is text itself. LEIT_DATA when the
 * text is empty, only white space or only breaks; LEIT_USAGE when the sizes are not 0 <= min_size
 * <= max_size, 16 <= max_size. */
leit_status leit_scenes_split(const char *text, size_t size_bytes,
                              const leit_scene_options *options, leit_scene_list *scenes);

#endif
