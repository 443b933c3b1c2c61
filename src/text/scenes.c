/* Lines become paragraphs, breaks and headings; paragraphs are poured into scenes. Sizes add up
 * because neither words nor WordPiece ids reach across white space. */
#include "text/scenes.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "core/memory.h"
#include "text/unicode.h"

enum { MIN_MAX_SIZE = 16, MAX_HEADING_BYTES = 80 };

void leit_scene_list_clear(leit_scene_list *list)
{
    leit_free(list->scenes);
    *list = (leit_scene_list){0};
}

/* ---- Lines ---- */

enum line_kind { LINE_BLANK, LINE_TEXT, LINE_BREAK, LINE_HEADING, LINE_MAYBE_HEADING };

typedef struct text_line {
    leit_span span; /* without white space around it */
    size_t next;
    enum line_kind kind; /* MAYBE_HEADING: a heading if blank lines stand around it */
} text_line;

static bool is_empty(leit_span span)
{
    return span.start == span.end;
}

static bool is_space_byte(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* A row of marks: one is enough of * # and the ornaments; - = _ ~ and dashes need three, or two of
 * a long dash. */
static bool is_break(const char *at, const char *end)
{
    int weight = 0;
    while (at < end) {
        int32_t code_point = 0;
        at += leit_utf8_decode(at, end, &code_point);
        switch (code_point) {
        case '*':
        case '#':
        case 0xA7:   /* section sign */
        case 0x2022: /* bullet */
        case 0x2042: /* asterism */
        case 0x2055:
        case 0x2217:
        case 0x2605:
        case 0x2606:
        case 0x2766: /* floral heart */
        case 0x2767: weight += 6; break;
        case 0x2013:
        case 0x2014:
        case 0x2015: weight += 3; break;
        case '-':
        case '=':
        case '_':
        case '~':
        case '+': weight += 2; break;
        case ' ':
        case '\t':
        case 0xA0: break;
        default: return false;
        }
    }
    return weight >= 6;
}

static bool has_word(const char *at, size_t size_bytes, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strlen(*list) == size_bytes && strncasecmp(*list, at, size_bytes) == 0) return true;
    return false;
}

static size_t word_size(const char *at, const char *end)
{
    const char *stop = at;
    while (stop < end &&
           ((*stop >= '0' && *stop <= '9') || ((*stop | 0x20) >= 'a' && (*stop | 0x20) <= 'z')))
        stop++;
    return (size_t)(stop - at);
}

static bool consists_of(const char *at, size_t size_bytes, const char *set)
{
    for (size_t i = 0; i < size_bytes; i++)
        if (at[i] == '\0' || strchr(set, at[i]) == NULL) return false;
    return size_bytes > 0;
}

/* "12", "XIV", "Seven". */
static bool is_number(const char *at, size_t size_bytes)
{
    static const char *const names[] = {
        "one",     "two",     "three",     "four",     "five",     "six",      "seven",
        "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen", "fourteen",
        "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",   "thirty",
        "first",   "second",  "third",     "fourth",   "fifth",    "sixth",    "seventh",
        "eighth",  "ninth",   "tenth",     "last",     NULL};
    return (size_bytes <= 4 && consists_of(at, size_bytes, "0123456789")) ||
           (size_bytes <= 8 && consists_of(at, size_bytes, "IVXLC")) ||
           has_word(at, size_bytes, names);
}

/* What may follow the number or name of a heading: nothing, or a mark and a title. */
static bool is_heading_rest(const char *at, const char *end, bool *bare)
{
    *bare = at == end || (end - at == 1 && *at == '.');
    int32_t code_point = 0;
    if (*bare) return true;
    leit_utf8_decode(at, end, &code_point);
    return strchr(".:-)", *at) != NULL || code_point == 0x2013 || code_point == 0x2014;
}

static enum line_kind heading_kind(const char *at, const char *end)
{
    static const char *const parts[] = {"chapter", "part",  "book",   "act",     "scene", "canto",
                                        "volume",  "stave", "letter", "section", NULL};
    static const char *const alone[] = {"prologue",  "epilogue",   "introduction",
                                        "preface",   "foreword",   "afterword",
                                        "interlude", "conclusion", NULL};
    if (*at == '#') {
        const char *title = at;
        while (title < end && *title == '#') title++;
        return title - at <= 6 && title < end && is_space_byte(*title) ? LINE_HEADING : LINE_TEXT;
    }
    bool bare = false;
    size_t first = word_size(at, end);
    if (has_word(at, first, alone) && is_heading_rest(at + first, end, &bare))
        return LINE_MAYBE_HEADING;
    if (has_word(at, first, parts) && at + first < end && at[first] == ' ') {
        const char *number = at + first + 1;
        size_t size_bytes = word_size(number, end);
        if (is_number(number, size_bytes) && is_heading_rest(number + size_bytes, end, &bare))
            return bare ? LINE_HEADING : LINE_MAYBE_HEADING;
    }
    bool number = (*at >= '0' && *at <= '9') || consists_of(at, first, "IVXLC");
    if (number && is_number(at, first) && is_heading_rest(at + first, end, &bare) && bare)
        return LINE_MAYBE_HEADING;
    return LINE_TEXT;
}

static text_line read_line(const char *text, size_t at, size_t end)
{
    const char *newline = memchr(text + at, '\n', end - at);
    size_t stop = newline == NULL ? end : (size_t)(newline - text);
    text_line line = {.span = leit_span_trim(text, (leit_span){at, stop}),
                      .next = newline == NULL ? end : stop + 1};
    if (is_empty(line.span))
        line.kind = LINE_BLANK;
    else if (line.span.end - line.span.start > MAX_HEADING_BYTES)
        line.kind = LINE_TEXT;
    else if (is_break(text + line.span.start, text + line.span.end))
        line.kind = LINE_BREAK;
    else
        line.kind = heading_kind(text + line.span.start, text + line.span.end);
    return line;
}

/* ---- Scenes ---- */

typedef struct scene_builder {
    const char *text;
    leit_scene_options options;
    int frame; /* [CLS] and [SEP], 0 where words are counted; inside, sizes are without them */
    int least, most; /* min_size and max_size without the frame */
    leit_scene_list *scenes;
    size_t section_start; /* first scene since the last break */
    leit_scene current;   /* text.start == text.end: nothing yet */
    leit_span heading;    /* waiting for text */
    leit_span_list sentences;
    int32_t *ids; /* scratch */
    size_t ids_capacity;
} scene_builder;

/* Words, or ids without [CLS] and [SEP]. A piece of s bytes never has more than s. */
static leit_status measure(scene_builder *builder, leit_span span, int *size)
{
    const char *at = builder->text + span.start, *end = builder->text + span.end;
    size_t size_bytes = span.end - span.start;
    if (builder->options.tokenizer == NULL) {
        int n_words = 0;
        bool inside = false;
        for (; at < end; at++) {
            bool space = is_space_byte(*at);
            n_words += !space && !inside;
            inside = !space;
        }
        *size = n_words;
        return LEIT_OK;
    }
    LEIT_FAIL_IF(size_bytes > INT32_MAX / 2, LEIT_DATA, "a paragraph of %zu bytes is too long",
                 size_bytes);
    if (builder->ids_capacity < size_bytes + 2) {
        leit_free(builder->ids);
        builder->ids_capacity = 0;
        LEIT_TRY(LEIT_ALLOC(builder->ids, 2 * size_bytes + 2));
        builder->ids_capacity = 2 * size_bytes + 2;
    }
    int n_tokens = 0;
    LEIT_TRY(leit_wordpiece_encode(builder->options.tokenizer, at, size_bytes, (int)size_bytes + 2,
                                   builder->ids, &n_tokens));
    *size = n_tokens - 2;
    return LEIT_OK;
}

/* Appends the current scene, if there is one. */
static leit_status close_scene(scene_builder *builder)
{
    if (is_empty(builder->current.text)) return LEIT_OK;
    leit_scene_list *scenes = builder->scenes;
    LEIT_TRY(LEIT_GROW(scenes->scenes, scenes->count, scenes->capacity));
    leit_scene *scene = &scenes->scenes[scenes->count++];
    *scene = builder->current;
    scene->size += builder->frame;
    builder->current = (leit_scene){0};
    return LEIT_OK;
}

/* Adds a piece that fits into a scene; the current scene makes room where it is full. */
static leit_status add_piece(scene_builder *builder, leit_span span, int size)
{
    leit_scene *scene = &builder->current;
    if (!is_empty(scene->text) && scene->size + size > builder->most)
        LEIT_TRY(close_scene(builder));
    if (is_empty(scene->text)) {
        *scene = (leit_scene){.text = span, .heading = builder->heading};
        builder->heading = (leit_span){0};
    }
    scene->text.end = span.end;
    scene->size += size;
    return LEIT_OK;
}

/* A word longer than a scene, in pieces of at most `most` bytes, cut between characters. Each is a
 * scene: side by side they could have more ids than apart, where the vocabulary knows one of them as
 * a word. */
static leit_status add_long_word(scene_builder *builder, leit_span word)
{
    const char *text = builder->text, *end = text + word.end;
    for (const char *at = text + word.start; at < end;) {
        const char *stop = at;
        int32_t code_point = 0;
        while (stop < end) {
            size_t used = leit_utf8_decode(stop, end, &code_point);
            if (stop + used - at > builder->most) break;
            stop += used;
        }
        leit_span piece = {(size_t)(at - text), (size_t)(stop - text)};
        int size = 0;
        if (piece.start > word.start) LEIT_TRY(close_scene(builder));
        LEIT_TRY(measure(builder, piece, &size));
        LEIT_TRY(add_piece(builder, piece, size));
        at = stop;
    }
    return LEIT_OK;
}

/* A sentence longer than a scene, word by word. */
static leit_status add_long_sentence(scene_builder *builder, leit_span sentence)
{
    const char *text = builder->text;
    for (size_t at = sentence.start; at < sentence.end;) {
        if (is_space_byte(text[at])) {
            at++;
            continue;
        }
        leit_span word = {at, at};
        while (word.end < sentence.end && !is_space_byte(text[word.end])) word.end++;
        int size = 0;
        LEIT_TRY(measure(builder, word, &size));
        LEIT_TRY(size <= builder->most ? add_piece(builder, word, size)
                                       : add_long_word(builder, word));
        at = word.end;
    }
    return LEIT_OK;
}

static leit_status add_paragraph(scene_builder *builder, leit_span paragraph)
{
    int size = 0;
    LEIT_TRY(measure(builder, paragraph, &size));
    leit_scene *scene = &builder->current;
    if (!is_empty(scene->text) && scene->size >= builder->least) LEIT_TRY(close_scene(builder));
    if (size <= builder->most) return add_piece(builder, paragraph, size);

    builder->sentences.count = 0;
    LEIT_TRY(leit_sentences_split(builder->text + paragraph.start, paragraph.end - paragraph.start,
                                  &builder->sentences));
    for (size_t i = 0; i < builder->sentences.count; i++) {
        leit_span sentence = builder->sentences.spans[i];
        sentence.start += paragraph.start;
        sentence.end += paragraph.start;
        LEIT_TRY(measure(builder, sentence, &size));
        LEIT_TRY(size <= builder->most ? add_piece(builder, sentence, size)
                                       : add_long_sentence(builder, sentence));
    }
    return LEIT_OK;
}

/* Ends the section: a small rest joins the scene before it; a heading without text becomes one. */
static leit_status close_section(scene_builder *builder)
{
    leit_scene_list *scenes = builder->scenes;
    leit_scene *rest = &builder->current;
    if (!is_empty(rest->text) && rest->size < builder->least &&
        scenes->count > builder->section_start) {
        leit_scene *last = &scenes->scenes[scenes->count - 1];
        int size = 0; /* measured: both may be of one long word */
        LEIT_TRY(measure(builder, (leit_span){last->text.start, rest->text.end}, &size));
        if (size <= builder->most) {
            last->text.end = rest->text.end;
            last->size = size + builder->frame;
            *rest = (leit_scene){0};
        }
    }
    if (!is_empty(builder->heading)) {
        LEIT_TRY(close_scene(builder));
        const leit_span heading = builder->heading;
        builder->heading = (leit_span){0};
        LEIT_TRY(add_paragraph(builder, heading));
    }
    LEIT_TRY(close_scene(builder));
    builder->section_start = scenes->count;
    return LEIT_OK;
}

/* Two headings with nothing between them are one: PART ONE, Chapter 1. */
static leit_status add_heading(scene_builder *builder, leit_span heading)
{
    leit_span waiting = builder->heading;
    builder->heading = (leit_span){0};
    LEIT_TRY(close_section(builder));
    builder->heading = (leit_span){is_empty(waiting) ? heading.start : waiting.start, heading.end};
    return LEIT_OK;
}

static leit_status add_lines(scene_builder *builder, size_t end)
{
    leit_span paragraph = {0};
    bool after_blank = true;
    for (size_t at = 0; at < end;) {
        text_line line = read_line(builder->text, at, end);
        at = line.next;
        if (line.kind == LINE_MAYBE_HEADING) {
            bool before_blank = at == end || read_line(builder->text, at, end).kind != LINE_TEXT;
            line.kind = after_blank && before_blank ? LINE_HEADING : LINE_TEXT;
        } else if (line.kind == LINE_HEADING && !after_blank) {
            line.kind = LINE_TEXT;
        }
        after_blank = line.kind != LINE_TEXT;
        if (line.kind == LINE_TEXT) {
            if (is_empty(paragraph)) paragraph = line.span;
            paragraph.end = line.span.end;
            if (at < end) continue;
        }
        if (!is_empty(paragraph)) LEIT_TRY(add_paragraph(builder, paragraph));
        paragraph = (leit_span){0};
        if (line.kind == LINE_BREAK) LEIT_TRY(close_section(builder));
        if (line.kind == LINE_HEADING) LEIT_TRY(add_heading(builder, line.span));
    }
    return close_section(builder);
}

leit_status leit_scenes_split(const char *text, size_t size_bytes,
                              const leit_scene_options *options, leit_scene_list *scenes)
{
    LEIT_FAIL_IF(options->min_size < 0 || options->max_size < MIN_MAX_SIZE ||
                     options->min_size > options->max_size,
                 LEIT_USAGE, "scenes of %d to %d, expected 0 <= least <= most and most at least %d",
                 options->min_size, options->max_size, (int)MIN_MAX_SIZE);
    LEIT_FAIL_IF(leit_text_is_blank(text, size_bytes), LEIT_DATA,
                 "the text is %s, expected at least one scene",
                 size_bytes == 0 ? "empty" : "only white space");
    const size_t before = scenes->count;
    const int frame = options->tokenizer == NULL ? 0 : 2;
    scene_builder builder = {.text = text,
                             .options = *options,
                             .frame = frame,
                             .least = options->min_size - frame,
                             .most = options->max_size - frame,
                             .scenes = scenes,
                             .section_start = before};
    leit_status status = add_lines(&builder, size_bytes);
    leit_span_list_clear(&builder.sentences);
    leit_free(builder.ids);
    LEIT_TRY(status);
    LEIT_FAIL_IF(scenes->count == before, LEIT_DATA,
                 "the text holds only breaks such as '***', expected at least one scene");
    return LEIT_OK;
}
