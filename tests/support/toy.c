#include "support/toy.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "support/testing.h"

static const char *const TEXT_LABELS[] = {"anger", "fearful", "happy", "sad", "surprised"};
static const char *const MUSIC_LABELS[] = {"angry", "exciting", "funny", "happy",
                                           "sad",   "scary",    "tender"};
static const char *const TAGS[] = {"guitar", "slow", "loud", "voice"};
enum { N_TEXT_LABELS = 5, N_MUSIC_LABELS = 7, N_TAGS = 4, MAX_TOKENS = 12 };

static const char *path_in(const char *directory, const char *name)
{
    static char paths[4][1100];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

/* Of five neighbours three train, one validates, one tests. */
static uint8_t split_of(int i)
{
    return i % 5 < 3 ? LEIT_SPLIT_TRAIN : i % 5 == 3 ? LEIT_SPLIT_VALID : LEIT_SPLIT_TEST;
}

static void write_texts(const char *path, int per_label)
{
    static const char vocabulary[] =
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\nq\nr\n"
        "s\nt\nu\nv\nw\nx\ny\n";
    const int n = per_label * N_TEXT_LABELS;
    int32_t *tokens = leit_allocate((size_t)n * MAX_TOKENS, sizeof *tokens);
    int64_t *offsets = leit_allocate((size_t)n + 1, sizeof *offsets);
    int32_t *label = leit_allocate((size_t)n, sizeof *label);
    uint8_t *split = leit_allocate((size_t)n, sizeof *split);
    const char **strings = leit_allocate((size_t)n, sizeof *strings);
    for (int i = 0; i < n; i++) {
        leit_rng rng = leit_rng_start(1, 77, 0, (uint32_t)i);
        const int count = 4 + (int)leit_rng_below(&rng, MAX_TOKENS - 5);
        int32_t *to = tokens + offsets[i];
        label[i] = i % N_TEXT_LABELS;
        split[i] = split_of(i / N_TEXT_LABELS);
        strings[i] = "toy";
        to[0] = 2;
        for (int t = 1; t + 1 < count; t++) { /* every other word tells the label */
            const uint32_t word = leit_rng_below(&rng, t % 2 ? 5 : 25);
            to[t] = 5 + (t % 2 ? 5 * label[i] : 0) + (int32_t)word;
        }
        to[count - 1] = 3;
        offsets[i + 1] = offsets[i] + count;
    }
    const leit_text_corpus corpus = {.about = {.name = "toy", .split = "given"},
                                     .n_texts = n,
                                     .n_labels = N_TEXT_LABELS,
                                     .labels = TEXT_LABELS,
                                     .tokens = tokens,
                                     .offsets = offsets,
                                     .label = label,
                                     .split = split,
                                     .ids = strings,
                                     .texts = strings,
                                     .vocabulary = vocabulary,
                                     .vocabulary_bytes = strlen(vocabulary),
                                     .vocabulary_size = LEIT_TOY_VOCABULARY,
                                     .max_tokens = MAX_TOKENS};
    assert_ok(leit_text_corpus_write(&corpus, path));
    leit_free(tokens);
    leit_free(offsets);
    leit_free(label);
    leit_free(split);
    leit_free(strings);
}

/* A sawtooth whose period tells the label, under noise; integers alone. */
static void fill_clip(int16_t *pcm, int n_samples, int label, int i)
{
    leit_rng rng = leit_rng_start(1, 78, 0, (uint32_t)i);
    const int period = 16 + 12 * label + (int)leit_rng_below(&rng, 4);
    for (int s = 0; s < n_samples; s++)
        pcm[s] = (int16_t)(s % period * 8000 / period - 4000 + (int)leit_rng_below(&rng, 2000));
}

static void write_music(const char *music_path, const char *tagging_path,
                        const leit_toy_options *options)
{
    const int n = options->n_clips_per_label * N_MUSIC_LABELS, S = options->n_samples;
    int16_t *pcm = leit_allocate((size_t)n * (size_t)S, sizeof *pcm);
    int64_t *offsets = leit_allocate((size_t)n + 1, sizeof *offsets);
    int32_t *label = leit_allocate((size_t)n, sizeof *label);
    uint8_t *split = leit_allocate((size_t)n, sizeof *split);
    uint8_t *tags = leit_allocate((size_t)n * N_TAGS, sizeof *tags);
    const char **strings = leit_allocate((size_t)n, sizeof *strings);
    double *duration_s = leit_allocate((size_t)n, sizeof *duration_s);
    for (int i = 0; i < n; i++) {
        label[i] = i % N_MUSIC_LABELS;
        split[i] = split_of(i / N_MUSIC_LABELS);
        strings[i] = "toy";
        /* every third clip is too short for a crop */
        const int count = i % 3 == 2 ? S / 2 : S;
        fill_clip(pcm + offsets[i], count, label[i], i);
        offsets[i + 1] = offsets[i] + count;
        duration_s[i] = count / 16000.0;
        for (int k = 0; k < N_TAGS; k++) tags[i * N_TAGS + k] = (label[i] >> k % 3 & 1) ^ (k == 3);
    }
    leit_music_corpus corpus = {.about = {.name = "toy", .split = "given"},
                                .n_clips = n,
                                .n_labels = N_MUSIC_LABELS,
                                .labels = MUSIC_LABELS,
                                .pcm = pcm,
                                .offsets = offsets,
                                .label = label,
                                .split = split,
                                .paths = strings,
                                .groups = strings,
                                .duration_s = duration_s,
                                .sample_rate_hz = 16000};
    assert_ok(leit_music_corpus_write(&corpus, music_path));
    corpus.n_labels = N_TAGS;
    corpus.labels = TAGS;
    corpus.label = NULL;
    corpus.tags = tags;
    assert_ok(leit_music_corpus_write(&corpus, tagging_path));
    leit_free(pcm);
    leit_free(offsets);
    leit_free(label);
    leit_free(split);
    leit_free(tags);
    leit_free(strings);
    leit_free(duration_s);
}

static void write_tags(const char *path)
{
    enum { N = N_TEXT_LABELS + N_MUSIC_LABELS };
    const char *names[N];
    uint8_t modality[N];
    float valence[N], arousal[N], vectors[N * LEIT_TOY_VECTOR_WIDTH];
    for (int i = 0; i < N; i++) {
        const int is_music = i >= N_TEXT_LABELS;
        names[i] = is_music ? MUSIC_LABELS[i - N_TEXT_LABELS] : TEXT_LABELS[i];
        modality[i] = is_music ? LEIT_MODALITY_MUSIC : LEIT_MODALITY_TEXT;
        valence[i] = (float)(i * 5 % N) / N;
        arousal[i] = (float)(i * 7 % N) / N;
        for (int e = 0; e < LEIT_TOY_VECTOR_WIDTH; e++)
            vectors[i * LEIT_TOY_VECTOR_WIDTH + e] = (float)((i * 31 + e * 17) % 23 - 11) / 16.0f;
    }
    const leit_tag_corpus corpus = {.about = {.name = "toy", .split = "given"},
                                    .n_tags = N,
                                    .names = names,
                                    .modality = modality,
                                    .valence = valence,
                                    .arousal = arousal,
                                    .range_high = 1.0,
                                    .vector_width = LEIT_TOY_VECTOR_WIDTH,
                                    .vectors = vectors};
    assert_ok(leit_tag_corpus_write(&corpus, path));
}

void leit_toy_write(const char *directory, const leit_toy_options *options)
{
    write_texts(path_in(directory, "text.h5"), options->n_texts_per_label);
    write_music(path_in(directory, "music.h5"), path_in(directory, "tagging.h5"), options);
    write_tags(path_in(directory, "tags.h5"));
}

leit_recipe *leit_toy_recipe(const char *directory, const char *strategy,
                             const char *const *overrides)
{
    const bool is_tagging = strcmp(strategy, "tagging") == 0;
    char yaml[4000], corpora[2400];
    snprintf(corpora, sizeof corpora, "  text: %s/text.h5\n  tags: %s/tags.h5\n", directory,
             directory);
    snprintf(yaml, sizeof yaml,
             "name: toy\nstrategy: %s\nseed: 3\n"
             "data:\n%s  music: %s/%s.h5\n  crop_samples: %d\n  eval_crops: 2\n  max_tokens: %d\n"
             "mel: {n_fft: 64, hop_length: 32}\n"
             "model:\n"
             "  music: {channels: 2}\n"
             "  text: {layers: 2, width: 8, heads: 2, ffn_width: 16, max_positions: %d, "
             "dropout: 0, attention_dropout: 0}\n"
             "  head: {music_hidden: 8, text_hidden: 8, tag_hidden: 8, embedding_width: 8, "
             "shared_layers: 2, dropout: 0}\n"
             "train: {batch: 8, epochs: 2, learning_rate: 1e-3}\n"
             "run: {directory: %s/run, device: cpu, threads: 1, checkpoint_every_seconds: 0}\n",
             strategy, is_tagging ? "" : corpora, directory, is_tagging ? "tagging" : "music",
             LEIT_TOY_CROP, MAX_TOKENS, MAX_TOKENS, directory);
    size_t n = 0;
    while (overrides != NULL && overrides[n] != NULL) n++;
    leit_recipe *recipe = NULL;
    assert_ok(leit_recipe_parse("toy.yaml", yaml, strlen(yaml), overrides, n, &recipe));
    return recipe;
}
