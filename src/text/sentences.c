/* One pass, left to right: stop at each byte that may end a sentence and judge it by the word
 * before and the first word after. Every look ahead ends at the next letter, so the pass is linear.
 */
#include "text/sentences.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "core/memory.h"
#include "text/unicode.h"

enum { MAX_WORD_BYTES = 24 }; /* of the words that are looked up */

void leit_span_list_clear(leit_span_list *list)
{
    leit_free(list->spans);
    *list = (leit_span_list){0};
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end) {
        int32_t code_point = 0;
        size_t used = leit_utf8_decode(at, end, &code_point);
        if (!leit_unicode_is_space(code_point)) break;
        at += used;
    }
    return at;
}

bool leit_text_is_blank(const char *text, size_t size_bytes)
{
    return size_bytes == 0 || skip_space(text, text + size_bytes) == text + size_bytes;
}

/* True when the white space at `at` holds a blank line or a paragraph separator. */
static bool is_paragraph_end(const char *at, const char *end)
{
    const char *stop = skip_space(at, end);
    int n_newlines = 0;
    for (; at < stop; at++) {
        n_newlines += *at == '\n';
        if (stop - at >= 3 && memcmp(at, "\xE2\x80\xA9", 3) == 0) return true;
    }
    return n_newlines >= 2;
}

static bool is_one_of(int32_t code_point, const int32_t *set)
{
    for (; *set != 0; set++)
        if (*set == code_point) return true;
    return false;
}

static bool is_closer(int32_t code_point)
{
    static const int32_t set[] = {'"',    '\'',   ')',    ']',    '}',    '*',    '_',    0xBB,
                                  0x2019, 0x201D, 0x203A, 0x300D, 0x300F, 0xFF09, 0xFF02, 0};
    return is_one_of(code_point, set);
}

static bool is_opener(int32_t code_point)
{
    static const int32_t set[] = {'"',  '\'',   '(',    '[',    '{',    '*',    '_',    0xAB, 0xBF,
                                  0xA1, 0x2018, 0x2019, 0x201A, 0x201C, 0x201E, 0x2039, 0};
    return is_one_of(code_point, set);
}

static bool is_dash(int32_t code_point)
{
    return code_point == '-' || (code_point >= 0x2010 && code_point <= 0x2015);
}

static bool is_cjk_stop(int32_t code_point)
{
    return code_point == 0x3002 || code_point == 0xFF01 || code_point == 0xFF1F ||
           code_point == 0xFF61;
}

/* Letters and digits; of other scripts, all that is neither quote nor dash, ellipsis or space. */
static bool is_word_character(int32_t code_point)
{
    if (code_point < 0x80)
        return (code_point >= '0' && code_point <= '9') ||
               ((code_point | 0x20) >= 'a' && (code_point | 0x20) <= 'z');
    return !is_closer(code_point) && !is_opener(code_point) && !is_dash(code_point) &&
           code_point != 0x2026 && !leit_unicode_is_space(code_point);
}

/* ---- The token before a dot, the word after ---- */

typedef struct token {
    const char *start;
    size_t size_bytes;
} token;

static bool is_in(token word, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strlen(*list) == word.size_bytes &&
            strncasecmp(*list, word.start, word.size_bytes) == 0)
            return true;
    return false;
}

/* What ends at `end`: letters, digits and inner dots; cut at MAX_WORD_BYTES. */
static token word_before(const char *begin, const char *end)
{
    const char *at = end - begin > MAX_WORD_BYTES ? end - MAX_WORD_BYTES : begin;
    const char *start = at;
    while (at < end) {
        int32_t code_point = 0;
        at += leit_utf8_decode(at, end, &code_point);
        bool inner_dot = code_point == '.' && start < at - 1;
        if (!inner_dot && !is_word_character(code_point)) start = at;
    }
    return (token){start, (size_t)(end - start)};
}

/* The first word after the white space at `at`, past opening quotes, brackets and dashes: an empty
 * word stands at what is there instead. */
static token word_after(const char *at, const char *end)
{
    at = skip_space(at, end);
    while (at < end) {
        int32_t code_point = 0;
        size_t used = leit_utf8_decode(at, end, &code_point);
        if (is_dash(code_point))
            at = skip_space(at + used, end);
        else if (is_opener(code_point))
            at += used;
        else
            break;
    }
    const char *stop = at;
    while (stop < end && stop - at < MAX_WORD_BYTES) {
        int32_t code_point = 0;
        size_t used = leit_utf8_decode(stop, end, &code_point);
        if (!is_word_character(code_point)) break;
        stop += used;
    }
    return (token){at, (size_t)(stop - at)};
}

/* Words that start sentences much oftener than they are names. A lone A or I with a dot is an
 * initial. */
static bool is_starter(token next, const char *end)
{
    static const char *const list[] = {
        "a",     "after", "all",   "an",    "and",  "as",   "at",   "before", "but",   "by",
        "for",   "from",  "he",    "her",   "his",  "how",  "i",    "if",     "in",    "it",
        "its",   "many",  "my",    "no",    "not",  "now",  "of",   "on",     "once",  "one",
        "or",    "our",   "she",   "so",    "some", "that", "the",  "their",  "then",  "there",
        "these", "they",  "this",  "those", "to",   "we",   "what", "when",   "where", "who",
        "why",   "with",  "would", "yes",   "yet",  "you",  "your", NULL};
    if (next.size_bytes == 1 && next.start + 1 < end && next.start[1] == '.') return false;
    return is_in(next, list);
}

/* ---- Does a single dot end the sentence? ---- */

/* "U.S", "a.m", "Ph.D": parts of at most three letters between dots. */
static bool has_inner_dots(token before)
{
    size_t part = 0, n_dots = 0;
    for (size_t i = 0; i < before.size_bytes; i++) {
        if (before.start[i] == '.') {
            if (part == 0) return false;
            n_dots++;
            part = 0;
        } else if (++part > 3 || (before.start[i] >= '0' && before.start[i] <= '9')) {
            return false;
        }
    }
    return n_dots > 0 && part > 0;
}

static bool consists_of(token word, const char *set)
{
    for (size_t i = 0; i < word.size_bytes; i++)
        if (word.start[i] == '\0' || strchr(set, word.start[i]) == NULL) return false;
    return word.size_bytes > 0;
}

static bool is_one_capital(token word)
{
    if (word.size_bytes == 0) return false;
    int32_t code_point = 0;
    size_t used = leit_utf8_decode(word.start, word.start + word.size_bytes, &code_point);
    return used == word.size_bytes && leit_unicode_is_upper(code_point);
}

/* `at_start`: the word is the first of its sentence. */
static bool dot_ends_sentence(token before, bool at_start, token next, const char *end)
{
    static const char *const never[] = {
        "mr",   "mrs",    "ms",  "dr",   "prof", "rev",  "hon", "gen", "col", "capt",
        "cmdr", "lt",     "sgt", "cpl",  "pvt",  "maj",  "adm", "gov", "sen", "rep",
        "pres", "messrs", "mme", "mlle", "mgr",  "fr",   "mt",  "ft",  "vs",  "viz",
        "cf",   "approx", "e.g", "i.e",  "esp",  "incl", NULL};
    static const char *const may[] = {"etc", "jr",   "sr",  "inc",  "ltd",  "co",  "corp", "al",
                                      "st",  "bros", "ave", "blvd", "dept", "est", "esq",  NULL};
    static const char *const before_number[] = {"no",   "nos",  "vol", "vols", "fig", "figs", "ch",
                                                "chap", "p",    "pp",  "art",  "sec", "op",   "pt",
                                                "jan",  "feb",  "mar", "apr",  "jun", "jul",  "aug",
                                                "sep",  "sept", "oct", "nov",  "dec", NULL};
    static const char *const clock[] = {"a.m", "p.m", NULL};

    if (at_start && before.size_bytes <= 5 &&
        (consists_of(before, "0123456789") || consists_of(before, "IVXLC")))
        return false;
    if (is_one_capital(before))
        return (before.size_bytes == 1 && before.start[0] == 'I') || is_starter(next, end);
    if (is_in(before, never)) return false;
    if (is_in(before, clock)) return true;
    if (has_inner_dots(before) || is_in(before, may)) return is_starter(next, end);
    if (is_in(before, before_number))
        return next.size_bytes == 0 || next.start[0] < '0' || next.start[0] > '9';
    return true;
}

/* ---- The end of a sentence ---- */

typedef struct stop_run {
    const char *dot; /* where it begins */
    const char *end; /* past it and past what closes after it */
    bool single_dot; /* one '.', nothing closes */
    bool cjk;
} stop_run;

/* Reads . ! ? and ellipses (also ". . .") at `at`, then closing quotes and brackets. */
static stop_run read_stop(const char *at, const char *end)
{
    stop_run run = {.dot = at};
    size_t n_stops = 0;
    while (at < end) {
        int32_t code_point = 0;
        size_t used = leit_utf8_decode(at, end, &code_point);
        bool stop = code_point == '.' || code_point == '!' || code_point == '?' ||
                    code_point == 0x2026 || is_cjk_stop(code_point);
        if (stop) {
            run.cjk = is_cjk_stop(code_point);
            n_stops++;
        } else if (!(code_point == ' ' && at[-1] == '.' && end - at > 1 && at[1] == '.')) {
            break;
        }
        at += used;
    }
    run.single_dot = n_stops == 1 && *run.dot == '.';
    while (at < end) {
        int32_t code_point = 0;
        size_t used = leit_utf8_decode(at, end, &code_point);
        if (!is_closer(code_point)) break;
        run.single_dot = false;
        at += used;
    }
    run.end = at;
    return run;
}

static bool stop_ends_sentence(const char *begin, stop_run run, const char *end)
{
    if (run.end == end || run.cjk) return true;
    int32_t code_point = 0;
    leit_utf8_decode(run.end, end, &code_point);
    if (!leit_unicode_is_space(code_point)) return false;
    if (is_paragraph_end(run.end, end)) return true;
    token next = word_after(run.end, end);
    if (next.start == end) return true;
    leit_utf8_decode(next.start, end, &code_point);
    if (leit_unicode_is_lower(code_point)) return false;
    if (!run.single_dot) return true;
    token before = word_before(begin, run.dot);
    return dot_ends_sentence(before, before.start == begin, next, end);
}

/* True for bytes at which the scan must look closer: line ends, ASCII stops, and the first bytes of
 * U+2026 and U+2029, of U+3002 and of the full-width forms. */
static bool is_signal(unsigned char byte)
{
    return byte == '\n' || byte == '.' || byte == '!' || byte == '?' || byte == 0xE2 ||
           byte == 0xE3 || byte == 0xEF;
}

/* The end of the sentence at `begin`, which is not white space. */
static const char *sentence_end(const char *begin, const char *end)
{
    const char *at = begin;
    while (at < end) {
        if (!is_signal((unsigned char)*at)) {
            at++;
            continue;
        }
        int32_t code_point = 0;
        size_t used = leit_utf8_decode(at, end, &code_point);
        if (code_point == '\n' || code_point == 0x2029) {
            if (is_paragraph_end(at, end)) return at;
            at = skip_space(at, end);
        } else if (used == 1 && code_point == LEIT_REPLACEMENT_CHARACTER) {
            at++;
        } else if (code_point < 0x80 || code_point == 0x2026 || is_cjk_stop(code_point)) {
            stop_run run = read_stop(at, end);
            if (stop_ends_sentence(begin, run, end)) return run.end;
            at = run.end;
        } else {
            at += used;
        }
    }
    return end;
}

/* `end` without the white space before it; `begin` is not white space. */
static const char *trim_end(const char *begin, const char *end)
{
    while (end > begin) {
        const char *last = end - 1;
        while (last > begin && end - last < 4 && ((unsigned char)*last & 0xC0) == 0x80) last--;
        int32_t code_point = 0;
        size_t used = leit_utf8_decode(last, end, &code_point);
        if (last + used != end || !leit_unicode_is_space(code_point)) break;
        end = last;
    }
    return end;
}

leit_span leit_span_trim(const char *text, leit_span span)
{
    const char *end = text + span.end, *start = skip_space(text + span.start, end);
    return (leit_span){(size_t)(start - text), (size_t)(trim_end(start, end) - text)};
}

leit_status leit_sentences_split(const char *text, size_t size_bytes, leit_span_list *sentences)
{
    LEIT_FAIL_IF(leit_text_is_blank(text, size_bytes), LEIT_DATA,
                 "the text is %s, expected at least one sentence",
                 size_bytes == 0 ? "empty" : "only white space");
    const char *end = text + size_bytes;
    for (const char *at = skip_space(text, end); at < end;) {
        const char *stop = sentence_end(at, end);
        LEIT_TRY(LEIT_GROW(sentences->spans, sentences->count, sentences->capacity));
        sentences->spans[sentences->count++] =
            (leit_span){(size_t)(at - text), (size_t)(trim_end(at, stop) - text)};
        at = skip_space(stop, end);
    }
    return LEIT_OK;
}
