/* Plan of the file: vocabulary and trie; longest match; the general path (any Unicode), one chunk
 * at a time; the fast path (plain ASCII words).
 *
 * A chunk is what stands between ASCII white space or special tokens. BERT's steps (clean, space
 * CJK, NFC, split at white space, lower, NFD, drop Mn, split punctuation) never look across its
 * border, so a chunk is a pure function of its bytes. The fast path walks a chunk word by word and
 * starts again on the general path when it meets a byte that is neither plain ASCII nor printable.
 *
 * Short words (ASCII, in lower case) and short chunks (raw bytes, at least one of them not plain
 * ASCII, so the two never meet) share one direct-mapped cache from bytes to ids.
 */
#include "text/wordpiece.h"

#include <stdbool.h>
#include <string.h>

#include <utf8proc.h>

#include "core/memory.h"
#include "text/unicode.h"

enum {
    MAX_WORD_CODE_POINTS = 100, /* longer words are [UNK] */
    N_SPECIAL = 5,
    CACHE_BITS = 14,
    CACHE_KEY_BYTES = 16,
    CACHE_IDS = 3,
    WORD_ROOT = 1,
    PIECE_ROOT = 2, /* below it hang the tokens that start with ## */
    FIRST_NODE = 3  /* node of slot s is s + FIRST_NODE */
};

enum byte_class { WORD, SPACE, PUNCTUATION, OTHER };

/* An edge of the trie in an open-addressed table, and the node it leads to: the slot is the node.
 * One table, no pointers, two accesses per byte at most in practice. */
typedef struct edge {
    uint32_t key; /* node << 8 | byte; 0 is empty */
    int32_t id;   /* of the token that ends here, or -1 */
} edge;

typedef struct cached_word {
    uint64_t key[2]; /* the bytes, zero-padded */
    int32_t ids[CACHE_IDS];
    uint8_t n_ids, size_bytes; /* size 0: empty */
} cached_word;

struct leit_wordpiece {
    char *vocabulary;
    size_t vocabulary_bytes;
    int32_t n_tokens;
    edge *edges;
    uint32_t slot_mask;
    int slot_bits;
    int32_t special[N_SPECIAL]; /* in the order of special_names; -1: not in the vocabulary */
    int32_t ascii_ids[128];     /* of one-character words: punctuation */
    uint8_t classes[256];       /* enum byte_class */
    cached_word *cache;         /* (1 << CACHE_BITS) */
    int32_t *code_points;       /* a word of the general path, before and after NFD */
    int32_t *decomposed;
    size_t n_code_points, code_points_capacity, decomposed_capacity;
};

static const char *const special_names[N_SPECIAL] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
enum { PAD, UNK, CLS, SEP, MASK };

/* Where ids go: stops at the limit. */
typedef struct id_sink {
    int32_t *ids;
    int n, limit;
} id_sink;

static void put(id_sink *sink, int32_t id)
{
    if (sink->n < sink->limit) sink->ids[sink->n++] = id;
}

/* ---- The trie ---- */

static uint32_t edge_slot(const leit_wordpiece *tokenizer, uint32_t key)
{
    uint32_t slot = (uint32_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - tokenizer->slot_bits));
    while (tokenizer->edges[slot].key != 0 && tokenizer->edges[slot].key != key)
        slot = (slot + 1) & tokenizer->slot_mask;
    return slot;
}

/* Adds a token; false when it is there already. */
static bool add_token(leit_wordpiece *tokenizer, const char *token, size_t size_bytes, int32_t id)
{
    uint32_t node = WORD_ROOT;
    size_t i = 0;
    if (size_bytes > 2 && token[0] == '#' && token[1] == '#') {
        node = PIECE_ROOT;
        i = 2;
    }
    edge *last = NULL;
    for (; i < size_bytes; i++) {
        uint32_t key = node << 8 | (unsigned char)token[i];
        uint32_t slot = edge_slot(tokenizer, key);
        last = &tokenizer->edges[slot];
        if (last->key == 0) {
            last->key = key;
            last->id = -1;
        }
        node = slot + FIRST_NODE;
    }
    if (last == NULL || last->id >= 0) return false;
    last->id = id;
    return true;
}

/* The longest token below `root` that starts the text: its id and size, or -1. */
static int32_t longest_token(const leit_wordpiece *tokenizer, uint32_t root, const char *text,
                             size_t size_bytes, size_t *used)
{
    int32_t id = -1;
    uint32_t node = root;
    for (size_t i = 0; i < size_bytes; i++) {
        uint32_t slot = edge_slot(tokenizer, node << 8 | (unsigned char)text[i]);
        const edge *step = &tokenizer->edges[slot];
        if (step->key == 0) break;
        if (step->id >= 0) {
            id = step->id;
            *used = i + 1;
        }
        node = slot + FIRST_NODE;
    }
    return id;
}

/* One word into pieces by longest match first; [UNK] when some part matches nothing. `size_bytes`
 * >= 1 and at most MAX_WORD_CODE_POINTS code points. */
static void put_word(const leit_wordpiece *tokenizer, const char *word, size_t size_bytes,
                     id_sink *sink)
{
    int start = sink->n;
    size_t used = 0;
    for (size_t at = 0; at < size_bytes; at += used) {
        int32_t id = longest_token(tokenizer, at == 0 ? WORD_ROOT : PIECE_ROOT, word + at,
                                   size_bytes - at, &used);
        if (id < 0) {
            sink->n = start;
            put(sink, tokenizer->special[UNK]);
            return;
        }
        put(sink, id);
    }
}

/* ---- The cache ---- */

static cached_word *cache_place(const leit_wordpiece *tokenizer, const uint64_t key[2])
{
    uint64_t mixed = (key[0] ^ (key[1] << 29 | key[1] >> 35) * UINT64_C(0xC2B2AE3D27D4EB4F)) *
                     UINT64_C(0x9E3779B97F4A7C15);
    return &tokenizer->cache[mixed >> (64 - CACHE_BITS)];
}

static bool put_cached(const cached_word *entry, const uint64_t key[2], size_t size_bytes,
                       id_sink *sink)
{
    if (entry->size_bytes != size_bytes || entry->key[0] != key[0] || entry->key[1] != key[1])
        return false;
    if (sink->limit - sink->n >= CACHE_IDS) {
        memcpy(sink->ids + sink->n, entry->ids, sizeof entry->ids);
        sink->n += entry->n_ids;
    } else {
        for (int i = 0; i < entry->n_ids; i++) put(sink, entry->ids[i]);
    }
    return true;
}

/* Remembers what was put since `start`, unless the sink may have cut it. */
static void remember(cached_word *entry, const uint64_t key[2], size_t size_bytes,
                     const id_sink *sink, int start)
{
    int n_ids = sink->n - start;
    if (n_ids > CACHE_IDS || sink->n == sink->limit) return;
    entry->key[0] = key[0];
    entry->key[1] = key[1];
    if (n_ids > 0) memcpy(entry->ids, sink->ids + start, (size_t)n_ids * sizeof *entry->ids);
    entry->n_ids = (uint8_t)n_ids;
    entry->size_bytes = (uint8_t)size_bytes;
}

/* ---- The general path ---- */

static bool in_ranges(int32_t code_point, const int32_t (*ranges)[2], size_t n_ranges)
{
    for (size_t i = 0; i < n_ranges; i++)
        if (code_point >= ranges[i][0] && code_point <= ranges[i][1]) return true;
    return false;
}
#define IN_RANGES(code_point, ranges)                                                              \
    in_ranges(code_point, ranges, sizeof(ranges) / sizeof *(ranges))

/* The blocks that BERT calls Chinese characters. */
static bool is_cjk(int32_t code_point)
{
    static const int32_t ranges[][2] = {
        {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
        {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0x2F800, 0x2FA1F},
    };
    return code_point >= 0x3400 && IN_RANGES(code_point, ranges);
}

static bool is_dropped(int32_t code_point)
{
    if (code_point == LEIT_REPLACEMENT_CHARACTER) return true;
    utf8proc_category_t category = utf8proc_category(code_point);
    return category == UTF8PROC_CATEGORY_CN || category >= UTF8PROC_CATEGORY_CC;
}

static bool is_punctuation(int32_t code_point)
{
    if (code_point < 0x80)
        return code_point > ' ' && code_point < 0x7F && !(code_point >= '0' && code_point <= '9') &&
               !((code_point | 0x20) >= 'a' && (code_point | 0x20) <= 'z');
    utf8proc_category_t category = utf8proc_category(code_point);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/* Unicode's Cased: Lu, Ll, Lt, Other_Uppercase and Other_Lowercase. */
static bool is_cased(int32_t code_point)
{
    static const int32_t other[][2] = {
        {0xAA, 0xAA},       {0xBA, 0xBA},       {0x2B0, 0x2B8},     {0x2C0, 0x2C1},
        {0x2E0, 0x2E4},     {0x345, 0x345},     {0x37A, 0x37A},     {0x1D2C, 0x1D6A},
        {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},   {0x2071, 0x2071},   {0x207F, 0x207F},
        {0x2090, 0x209C},   {0x2160, 0x217F},   {0x24B6, 0x24E9},   {0x2C7C, 0x2C7D},
        {0xA69C, 0xA69D},   {0xA770, 0xA770},   {0xA7F8, 0xA7F9},   {0xAB5C, 0xAB5F},
        {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA},
        {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189},
    };
    utf8proc_category_t category = utf8proc_category(code_point);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
           category == UTF8PROC_CATEGORY_LT || IN_RANGES(code_point, other);
}

/* Unicode's Case_Ignorable: Mn, Me, Cf, Lm, Sk and the marks that stand inside words. */
static bool is_case_ignorable(int32_t code_point)
{
    switch (code_point) {
    case '\'':
    case '.':
    case ':':
    case 0xB7:
    case 0x387:
    case 0x55F:
    case 0x5F4:
    case 0x2018:
    case 0x2019:
    case 0x2024:
    case 0x2027:
    case 0xFE13:
    case 0xFE52:
    case 0xFE55:
    case 0xFF07:
    case 0xFF0E:
    case 0xFF1A: return true;
    default: break;
    }
    utf8proc_category_t category = utf8proc_category(code_point);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
           category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_LM ||
           category == UTF8PROC_CATEGORY_SK;
}

/* Sigma at `at` of a word ends it when a cased letter stands before and none after. */
static int32_t lower_sigma(const int32_t *word, size_t n, size_t at)
{
    size_t i = at;
    while (i > 0 && is_case_ignorable(word[i - 1])) i--;
    if (i == 0 || !is_cased(word[i - 1])) return 0x3C3;
    i = at + 1;
    while (i < n && is_case_ignorable(word[i])) i++;
    return i < n && is_cased(word[i]) ? 0x3C3 : 0x3C2;
}

static int combining_class(int32_t code_point)
{
    return utf8proc_get_property(code_point)->combining_class;
}

/* Stable sort of each run of combining marks by combining class: Unicode's canonical order. A run
 * longer than a word may be is [UNK] in any order, so no mark needs to move further: linear time.
 */
static void order_marks(int32_t *text, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        int32_t moved = text[i];
        int class = combining_class(moved);
        if (class == 0) continue;
        size_t j = i;
        for (; j > 0 && i - j <= MAX_WORD_CODE_POINTS; j--) {
            if (combining_class(text[j - 1]) <= class) break;
            text[j] = text[j - 1];
        }
        text[j] = moved;
    }
}

static bool is_mark(int32_t code_point)
{
    return utf8proc_category(code_point) == UTF8PROC_CATEGORY_MN;
}

/* Lower case, then NFD, into tokenizer->decomposed. Marks (Mn) are left out, but for those of class
 * 0, which no other mark moves across: the caller drops them. NFC before it, as BERT has it, would
 * change nothing: lower case commutes with composition. */
static leit_status lower_and_decompose(leit_wordpiece *tokenizer, size_t *n_decomposed)
{
    const int32_t *word = tokenizer->code_points;
    size_t n = tokenizer->n_code_points, count = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t lower = word[i] == 0x3A3 ? lower_sigma(word, n, i) : utf8proc_tolower(word[i]);
        utf8proc_int32_t parts[8];
        int boundary = 0;
        utf8proc_ssize_t n_parts =
            utf8proc_decompose_char(lower, parts, 8, UTF8PROC_DECOMPOSE, &boundary);
        LEIT_FAIL_IF(n_parts < 1 || n_parts > 8, LEIT_INTERNAL, "U+%04X decomposes into %d parts",
                     (unsigned)lower, (int)n_parts);
        for (utf8proc_ssize_t k = 0; k < n_parts; k++) {
            if (combining_class(parts[k]) != 0 && is_mark(parts[k])) continue;
            LEIT_TRY(LEIT_GROW(tokenizer->decomposed, count, tokenizer->decomposed_capacity));
            tokenizer->decomposed[count++] = parts[k];
        }
    }
    order_marks(tokenizer->decomposed, count);
    *n_decomposed = count;
    return LEIT_OK;
}

static bool is_special(const leit_wordpiece *tokenizer, int which)
{
    const char *name = special_names[which];
    size_t n = strlen(name);
    if (tokenizer->special[which] < 0 || tokenizer->n_code_points != n) return false;
    for (size_t i = 0; i < n; i++)
        if (tokenizer->code_points[i] != name[i]) return false;
    return true;
}

/* The pieces of tokenizer->code_points, a word without white space, which is emptied. */
static leit_status put_code_points(leit_wordpiece *tokenizer, id_sink *sink)
{
    if (tokenizer->n_code_points == 0) return LEIT_OK;
    for (int which = 0; which < N_SPECIAL; which++) {
        if (!is_special(tokenizer, which)) continue;
        put(sink, tokenizer->special[which]);
        tokenizer->n_code_points = 0;
        return LEIT_OK;
    }
    size_t n = 0;
    LEIT_TRY(lower_and_decompose(tokenizer, &n));
    tokenizer->n_code_points = 0;

    char word[4 * MAX_WORD_CODE_POINTS];
    size_t word_bytes = 0, word_length = 0;
    for (size_t i = 0; i <= n; i++) {
        int32_t code_point = i < n ? tokenizer->decomposed[i] : 0;
        if (i < n && is_mark(code_point)) continue;
        bool ends = i == n || is_punctuation(code_point);
        if (!ends) {
            if (word_length++ < MAX_WORD_CODE_POINTS)
                word_bytes += leit_utf8_encode(code_point, word + word_bytes);
            continue;
        }
        if (word_length > MAX_WORD_CODE_POINTS)
            put(sink, tokenizer->special[UNK]);
        else if (word_length > 0)
            put_word(tokenizer, word, word_bytes, sink);
        word_bytes = word_length = 0;
        if (i < n) put_word(tokenizer, word, leit_utf8_encode(code_point, word), sink);
    }
    return LEIT_OK;
}

static leit_status put_any_text(leit_wordpiece *tokenizer, const char *text, const char *end,
                                id_sink *sink)
{
    tokenizer->n_code_points = 0;
    while (text < end && sink->n < sink->limit) {
        int32_t code_point = 0;
        text += leit_utf8_decode(text, end, &code_point);
        if (is_dropped(code_point)) continue;
        bool alone = is_cjk(code_point);
        bool space = leit_unicode_is_space(code_point);
        if (alone || space) LEIT_TRY(put_code_points(tokenizer, sink));
        if (space) continue;
        if (code_point == 0x212A) code_point = 'K'; /* NFC, visible only in a special token */
        LEIT_TRY(LEIT_GROW(tokenizer->code_points, tokenizer->n_code_points,
                           tokenizer->code_points_capacity));
        tokenizer->code_points[tokenizer->n_code_points++] = code_point;
        if (alone) LEIT_TRY(put_code_points(tokenizer, sink));
    }
    return put_code_points(tokenizer, sink);
}

/* Which special token stands at `text`, or -1. They are found in the raw text, before all else. */
static int special_at(const leit_wordpiece *tokenizer, const char *text, const char *end)
{
    for (int which = 0; which < N_SPECIAL; which++) {
        size_t n = strlen(special_names[which]);
        if (tokenizer->special[which] >= 0 && (size_t)(end - text) >= n &&
            memcmp(text, special_names[which], n) == 0)
            return which;
    }
    return -1;
}

static const char *chunk_end(const leit_wordpiece *tokenizer, const char *text, const char *end)
{
    while (text < end && tokenizer->classes[(unsigned char)*text] != SPACE &&
           !(*text == '[' && special_at(tokenizer, text, end) >= 0))
        text++;
    return text;
}

static leit_status put_chunk(leit_wordpiece *tokenizer, const char *text, const char *end,
                             id_sink *sink)
{
    size_t size_bytes = (size_t)(end - text);
    if (size_bytes > CACHE_KEY_BYTES) return put_any_text(tokenizer, text, end, sink);
    uint64_t key[2] = {0, 0};
    memcpy(key, text, size_bytes);
    cached_word *entry = cache_place(tokenizer, key);
    if (put_cached(entry, key, size_bytes, sink)) return LEIT_OK;
    int start = sink->n;
    LEIT_TRY(put_any_text(tokenizer, text, end, sink));
    remember(entry, key, size_bytes, sink, start);
    return LEIT_OK;
}

/* ---- The fast path ---- */

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Eight bytes, the first in the lowest place, zeros after the end. */
static uint64_t load8(const char *text, const char *end)
{
    uint64_t bytes = 0;
    if (end - text >= 8)
        memcpy(&bytes, text, 8);
    else if (end > text)
        memcpy(&bytes, text, (size_t)(end - text));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    return bytes;
}

/* How many of the eight bytes, from the first on, are ASCII letters or digits; these in lower case
 * and zeros after them go to `word`. All eight are judged at once, each by the top bit of its lane:
 * adding 0x80 - a sets it from a on, and no lane overflows below 0x80. */
static int leading_word(uint64_t bytes, uint64_t *word)
{
    uint64_t low = (bytes & EACH_BYTE(0x7F)) | EACH_BYTE(0x20);
    uint64_t plain = bytes & EACH_BYTE(0x7F);
    uint64_t letter = (low + EACH_BYTE(0x80 - 'a')) & ~(low + EACH_BYTE(0x80 - 'z' - 1));
    uint64_t digit = (plain + EACH_BYTE(0x80 - '0')) & ~(plain + EACH_BYTE(0x80 - '9' - 1));
    uint64_t other = ~((letter | digit) & ~bytes) & EACH_BYTE(0x80);
    if (other == 0) {
        *word = low;
        return 8;
    }
    int n = __builtin_ctzll(other) >> 3;
    *word = low & ((UINT64_C(1) << (8 * n)) - 1);
    return n;
}

/* A word of plain ASCII that is too long for the cache. */
static void put_long_word(const leit_wordpiece *tokenizer, const char *text, size_t size_bytes,
                          id_sink *sink)
{
    if (size_bytes > MAX_WORD_CODE_POINTS) {
        put(sink, tokenizer->special[UNK]);
        return;
    }
    char lower[MAX_WORD_CODE_POINTS];
    for (size_t i = 0; i < size_bytes; i++) lower[i] = (char)(text[i] | 0x20);
    put_word(tokenizer, lower, size_bytes, sink);
}

/* The word at `text`, whose end is known to be clean; `key` and `size_bytes` describe it when it
 * has at most CACHE_KEY_BYTES. */
static void put_short_word(const leit_wordpiece *tokenizer, const uint64_t key[2],
                           size_t size_bytes, id_sink *sink)
{
    cached_word *entry = cache_place(tokenizer, key);
    if (put_cached(entry, key, size_bytes, sink)) return;
    char lower[CACHE_KEY_BYTES];
    for (size_t i = 0; i < CACHE_KEY_BYTES; i++) lower[i] = (char)(key[i / 8] >> (8 * (i % 8)));
    int start = sink->n;
    put_word(tokenizer, lower, size_bytes, sink);
    remember(entry, key, size_bytes, sink, start);
}

/* Puts the chunk at `text` and returns its end, or NULL when it is not plain ASCII. */
static const char *put_plain_chunk(const leit_wordpiece *tokenizer, const char *text,
                                   const char *end, id_sink *sink)
{
    const uint8_t *classes = tokenizer->classes;
    while (text < end) {
        uint64_t key[2] = {0, 0};
        int n = leading_word(load8(text, end), &key[0]);
        if (n == 8) n += leading_word(load8(text + 8, end), &key[1]);
        const char *stop = text + n;
        if (n == CACHE_KEY_BYTES)
            while (stop < end && classes[(unsigned char)*stop] == WORD) stop++;
        int after = stop < end ? classes[(unsigned char)*stop] : SPACE;
        if (after == OTHER) return NULL;
        size_t size_bytes = (size_t)(stop - text);
        if (size_bytes > CACHE_KEY_BYTES)
            put_long_word(tokenizer, text, size_bytes, sink);
        else if (size_bytes > 0)
            put_short_word(tokenizer, key, size_bytes, sink);
        text = stop;
        if (after == SPACE) return text;
        if (*text == '[' && special_at(tokenizer, text, end) >= 0) return text;
        put(sink, tokenizer->ascii_ids[(unsigned char)*text++]);
    }
    return text;
}

static leit_status put_text(leit_wordpiece *tokenizer, const char *text, const char *end,
                            id_sink *sink)
{
    while (text < end && sink->n < sink->limit) {
        if (tokenizer->classes[(unsigned char)*text] == SPACE) {
            text++;
            continue;
        }
        int which = *text == '[' ? special_at(tokenizer, text, end) : -1;
        if (which >= 0) {
            put(sink, tokenizer->special[which]);
            text += strlen(special_names[which]);
            continue;
        }
        int start = sink->n;
        const char *stop = put_plain_chunk(tokenizer, text, end, sink);
        if (stop == NULL) {
            sink->n = start;
            stop = chunk_end(tokenizer, text, end);
            LEIT_TRY(put_chunk(tokenizer, text, stop, sink));
        }
        text = stop;
    }
    return LEIT_OK;
}

leit_status leit_wordpiece_encode(leit_wordpiece *tokenizer, const char *text, size_t size_bytes,
                                  int max_tokens, int32_t *ids, int *n_tokens)
{
    LEIT_FAIL_IF(max_tokens < 2, LEIT_USAGE,
                 "max_tokens is %d, expected at least 2: [CLS] and [SEP]", max_tokens);
    id_sink sink = {.ids = ids, .limit = max_tokens - 1};
    put(&sink, tokenizer->special[CLS]);
    if (size_bytes > 0) LEIT_TRY(put_text(tokenizer, text, text + size_bytes, &sink));
    ids[sink.n] = tokenizer->special[SEP];
    *n_tokens = sink.n + 1;
    return LEIT_OK;
}

/* ---- The vocabulary ---- */

/* Reads every line into the trie. */
static leit_status add_lines(leit_wordpiece *tokenizer, const char *name)
{
    const char *at = tokenizer->vocabulary, *end = at + tokenizer->vocabulary_bytes;
    for (int32_t id = 0; at < end; id++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline == NULL ? end : newline + 1;
        const char *stop = newline == NULL ? end : newline;
        if (stop > at && stop[-1] == '\r') stop--;
        size_t size_bytes = (size_t)(stop - at);
        LEIT_FAIL_IF(size_bytes == 0, LEIT_DATA, "%s, line %d: empty, expected one token per line",
                     name, id + 1);
        int shown = size_bytes < 60 ? (int)size_bytes : 60;
        for (const char *byte = at; byte < stop;) {
            int32_t code_point = 0;
            size_t used = leit_utf8_decode(byte, stop, &code_point);
            LEIT_FAIL_IF(code_point == 0 || code_point == '\r' ||
                             (used == 1 && code_point == LEIT_REPLACEMENT_CHARACTER),
                         LEIT_DATA, "%s, line %d: not UTF-8 text; is this a vocab.txt?", name,
                         id + 1);
            byte += used;
        }
        LEIT_FAIL_IF(!add_token(tokenizer, at, size_bytes, id), LEIT_DATA,
                     "%s, line %d: the token '%.*s' is there twice", name, id + 1, shown, at);
        for (int which = 0; which < N_SPECIAL; which++)
            if (strlen(special_names[which]) == size_bytes &&
                memcmp(at, special_names[which], size_bytes) == 0)
                tokenizer->special[which] = id;
        tokenizer->n_tokens = id + 1;
        at = next;
    }
    for (int which = 0; which < MASK; which++)
        LEIT_FAIL_IF(tokenizer->special[which] < 0, LEIT_DATA,
                     "%s: no %s among its %d tokens, expected the vocab.txt of a BERT model", name,
                     special_names[which], tokenizer->n_tokens);
    return LEIT_OK;
}

static void fill_tables(leit_wordpiece *tokenizer)
{
    for (int byte = 0; byte < 256; byte++) {
        bool space = byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
        tokenizer->classes[byte] = (uint8_t)(space                       ? SPACE
                                             : byte < ' ' || byte > 0x7E ? OTHER
                                             : is_punctuation(byte)      ? PUNCTUATION
                                                                         : WORD);
        if (byte >= 128) continue;
        char character = (char)byte;
        size_t used = 0;
        int32_t id = longest_token(tokenizer, WORD_ROOT, &character, 1, &used);
        tokenizer->ascii_ids[byte] = id >= 0 ? id : tokenizer->special[UNK];
    }
}

leit_status leit_wordpiece_create(const char *vocabulary, size_t size_bytes, const char *name,
                                  leit_wordpiece **tokenizer)
{
    *tokenizer = NULL;
    LEIT_FAIL_IF(size_bytes == 0, LEIT_DATA, "%s: empty, expected one token per line", name);
    LEIT_FAIL_IF(size_bytes > LEIT_WORDPIECE_MAX_VOCABULARY_BYTES, LEIT_DATA,
                 "%s: %zu bytes, expected a vocabulary of at most %d", name, size_bytes,
                 (int)LEIT_WORDPIECE_MAX_VOCABULARY_BYTES);
    leit_wordpiece *made = NULL;
    LEIT_TRY(LEIT_ALLOC(made, 1));
    leit_status status = LEIT_OK;
    for (int which = 0; which < N_SPECIAL; which++) made->special[which] = -1;
    /* At most one edge per byte, so the table never fills. */
    made->slot_bits = 10;
    while ((size_t)1 << made->slot_bits < size_bytes + size_bytes / 4) made->slot_bits++;
    made->slot_mask = (UINT32_C(1) << made->slot_bits) - 1;
    made->vocabulary_bytes = size_bytes;
    made->vocabulary = leit_strndup(vocabulary, size_bytes);
    if (made->vocabulary == NULL) {
        status = LEIT_INTERNAL;
        goto done;
    }
    LEIT_TRY_GOTO(LEIT_ALLOC(made->edges, (size_t)1 << made->slot_bits), done);
    LEIT_TRY_GOTO(LEIT_ALLOC(made->cache, (size_t)1 << CACHE_BITS), done);
    LEIT_TRY_GOTO(add_lines(made, name), done);
    fill_tables(made);
    *tokenizer = made;
    made = NULL;
done:
    leit_wordpiece_free(made);
    return status;
}

void leit_wordpiece_free(leit_wordpiece *tokenizer)
{
    if (tokenizer == NULL) return;
    leit_free(tokenizer->vocabulary);
    leit_free(tokenizer->edges);
    leit_free(tokenizer->cache);
    leit_free(tokenizer->code_points);
    leit_free(tokenizer->decomposed);
    leit_free(tokenizer);
}

leit_wordpiece_special leit_wordpiece_special_ids(const leit_wordpiece *tokenizer)
{
    const int32_t *ids = tokenizer->special;
    return (leit_wordpiece_special){.padding = ids[PAD],
                                    .unknown = ids[UNK],
                                    .classification = ids[CLS],
                                    .separator = ids[SEP],
                                    .mask = ids[MASK]};
}

int32_t leit_wordpiece_size(const leit_wordpiece *tokenizer)
{
    return tokenizer->n_tokens;
}

const char *leit_wordpiece_vocabulary(const leit_wordpiece *tokenizer, size_t *size_bytes)
{
    *size_bytes = tokenizer->vocabulary_bytes;
    return tokenizer->vocabulary;
}
