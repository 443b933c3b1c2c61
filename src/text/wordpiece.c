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

#include "core/memory.h"
#include "core/utf8.h"
#include "text/bert_unicode.h"
#include "text/unicode.h"

enum {
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
    leit_code_points word;      /* of the general path, as written and in lower case */
    leit_code_points lowered;
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
 * >= 1 and at most LEIT_BERT_MAX_WORD code points. */
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

static bool is_special(const leit_wordpiece *tokenizer, int which)
{
    const char *name = special_names[which];
    size_t n = strlen(name);
    if (tokenizer->special[which] < 0 || tokenizer->word.count != n) return false;
    for (size_t i = 0; i < n; i++)
        if (tokenizer->word.list[i] != name[i]) return false;
    return true;
}

/* The pieces of tokenizer->word, a word without white space, which is emptied. */
static leit_status put_code_points(leit_wordpiece *tokenizer, id_sink *sink)
{
    if (tokenizer->word.count == 0) return LEIT_OK;
    for (int which = 0; which < N_SPECIAL; which++) {
        if (!is_special(tokenizer, which)) continue;
        put(sink, tokenizer->special[which]);
        tokenizer->word.count = 0;
        return LEIT_OK;
    }
    LEIT_TRY(leit_bert_lower(&tokenizer->word, &tokenizer->lowered));
    tokenizer->word.count = 0;

    const size_t n = tokenizer->lowered.count;
    char word[4 * LEIT_BERT_MAX_WORD];
    size_t word_bytes = 0, word_length = 0;
    for (size_t i = 0; i <= n; i++) {
        int32_t code_point = i < n ? tokenizer->lowered.list[i] : 0;
        if (i < n && leit_bert_is_mark(code_point)) continue;
        bool ends = i == n || leit_bert_is_punctuation(code_point);
        if (!ends) {
            if (word_length++ < LEIT_BERT_MAX_WORD)
                word_bytes += leit_utf8_encode(code_point, word + word_bytes);
            continue;
        }
        if (word_length > LEIT_BERT_MAX_WORD)
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
    tokenizer->word.count = 0;
    while (text < end && sink->n < sink->limit) {
        int32_t code_point = 0;
        text += leit_utf8_decode(text, end, &code_point);
        if (leit_bert_drops(code_point)) continue;
        bool alone = leit_bert_is_cjk(code_point);
        bool space = leit_unicode_is_space(code_point);
        if (alone || space) LEIT_TRY(put_code_points(tokenizer, sink));
        if (space) continue;
        if (code_point == 0x212A) code_point = 'K'; /* NFC, visible only in a special token */
        LEIT_TRY(leit_code_points_append(&tokenizer->word, code_point));
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
    if (size_bytes > LEIT_BERT_MAX_WORD) {
        put(sink, tokenizer->special[UNK]);
        return;
    }
    char lower[LEIT_BERT_MAX_WORD];
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
            size_t used = leit_utf8_read(byte, stop, &code_point);
            LEIT_FAIL_IF(used == 0 || code_point == 0 || code_point == '\r', LEIT_DATA,
                         "%s, line %d: not UTF-8 text; is this a vocab.txt?", name, id + 1);
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
        tokenizer->classes[byte] = (uint8_t)(space                            ? SPACE
                                             : byte < ' ' || byte > 0x7E      ? OTHER
                                             : leit_bert_is_punctuation(byte) ? PUNCTUATION
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
    leit_free(tokenizer->word.list);
    leit_free(tokenizer->lowered.list);
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
