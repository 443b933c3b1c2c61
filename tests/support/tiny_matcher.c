#include "support/tiny_matcher.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/rng.h"
#include "support/testing.h"

static const char recipe_yaml[] =
    "name: tiny_%s\nstrategy: %s\nseed: %d\n"
    "data: {text: x.h5, music: x.h5, tags: x.h5, crop_samples: 4800, eval_crops: 2, max_tokens: "
    "16}\n"
    "mel: {n_fft: 512, hop_length: 16, n_mels: 128}\n"
    "model:\n"
    "  music: {channels: 1}\n"
    "  text: {layers: 1, width: 8, heads: 2, ffn_width: 16, max_positions: 16}\n"
    "  head: {music_hidden: 4, text_hidden: 4, tag_hidden: 4, embedding_width: 6}\n"
    "run: {device: cpu}\n";

static const char vocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nwolf\nsang\nin\ndark\n"
    "forest\nsun\nshone\nand\nchildren\ndanced\nhe\nwept\nalone\n.\n,\n!\n"
    "chapter\none\ntwo\nran\nfast\n";

static void save(leit_matcher *matcher, const char *name)
{
    leit_checkpoint_writer *writer = NULL;
    assert_ok(leit_checkpoint_create(leit_test_directory(), name, &writer));
    assert_ok(leit_matcher_save(matcher, vocabulary, writer));
    assert_ok(leit_checkpoint_commit(writer, false));
}

/* Wide draws, so that answers differ from text to text. */
static void scatter(leit_parameters *parameters, int seed)
{
    for (size_t i = 0; i < parameters->count; i++) {
        leit_parameter *p = &parameters->list[i];
        if (p->is_statistic || p->rank < 2) continue;
        leit_rng rng = leit_rng_start((uint64_t)seed, LEIT_STREAM_INIT, 7, (uint32_t)i);
        for (int64_t j = 0; j < p->count; j++) p->data[j] = 0.5f * leit_rng_normal(&rng);
    }
}

/* Any answers will do: each label lies somewhere else. */
static void learn_places(leit_matcher *matcher, int seed)
{
    enum { N = 12, MAX_WIDTH = 8 };
    const int64_t width = matcher->place_width;
    float answers[N * MAX_WIDTH];
    int32_t label[N];
    assert_true(width <= MAX_WIDTH);
    for (int modality = 0; modality < 2; modality++) {
        leit_rng rng = leit_rng_start((uint64_t)seed, LEIT_STREAM_INIT, 8, (uint32_t)modality);
        for (int64_t i = 0; i < N * width; i++) answers[i] = leit_rng_uniform(&rng);
        for (int i = 0; i < N; i++) label[i] = i % 3;
        assert_ok(leit_matcher_learn_places(matcher, (enum leit_modality)modality, width, N,
                                            answers, label));
    }
}

const char *leit_tiny_matcher(const char *name, const char *strategy, int seed)
{
    static char paths[16][1024];
    static int next;
    static const char *const text_labels[] = {"happy", "sad", "fear"};
    static const char *const music_labels[] = {"happy", "sad", "scary"};
    char yaml[2048];
    const bool is_unplaced = strncmp(name, "unplaced", 8) == 0;
    snprintf(yaml, sizeof yaml, recipe_yaml, strategy, strategy, seed);
    leit_recipe *recipe = NULL;
    assert_ok(leit_recipe_parse("tiny.yaml", yaml, strlen(yaml), NULL, 0, &recipe));
    const bool is_tagging = strcmp(strategy, "tagging") == 0;
    const leit_mood_names names = {is_tagging ? 0 : 3, 3, text_labels, music_labels, 27, 5};
    leit_matcher *matcher = NULL;
    leit_tower text = {0}, music = {0};
    assert_ok(leit_matcher_create(recipe, &names, leit_backend_cpu(), NULL, &matcher));
    assert_ok(leit_tower_create(matcher, LEIT_MODALITY_MUSIC, &music));
    if (!is_tagging) assert_ok(leit_tower_create(matcher, LEIT_MODALITY_TEXT, &text));
    assert_ok(leit_matcher_allocate(matcher, false));
    scatter(&matcher->parameters, seed);
    if (!is_unplaced) learn_places(matcher, seed);
    save(matcher, name);
    leit_tower_clear(&text);
    leit_tower_clear(&music);
    leit_matcher_free(matcher);
    leit_recipe_free(recipe);
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", leit_test_directory(), name);
    return path;
}

/* ---- wav ---- */

static void put(unsigned char **at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) *(*at)++ = (unsigned char)(value >> 8 * i);
}

/* `format` 1: integers, 3: floats. */
static void write_wav(const char *path, int format, int bytes_per_sample, const void *data,
                      int64_t n_samples)
{
    enum { HEAD_BYTES = 44, RATE_HZ = 16000 };
    const uint32_t data_bytes = (uint32_t)(n_samples * bytes_per_sample);
    unsigned char *file = leit_allocate(HEAD_BYTES + data_bytes, 1), *at = file;
    assert_non_null(file);
    memcpy(at, "RIFF", 4);
    at += 4;
    put(&at, HEAD_BYTES - 8 + data_bytes, 4);
    memcpy(at, "WAVEfmt ", 8);
    at += 8;
    put(&at, 16, 4);
    put(&at, (uint32_t)format, 2);
    put(&at, 1, 2);
    put(&at, RATE_HZ, 4);
    put(&at, (uint32_t)(RATE_HZ * bytes_per_sample), 4);
    put(&at, (uint32_t)bytes_per_sample, 2);
    put(&at, (uint32_t)(8 * bytes_per_sample), 2);
    memcpy(at, "data", 4);
    at += 4;
    put(&at, data_bytes, 4);
    if (data_bytes > 0) memcpy(at, data, data_bytes);
    assert_ok(leit_file_write(path, file, HEAD_BYTES + data_bytes));
    leit_free(file);
}

void leit_tiny_wav(const char *path, int64_t n_samples, double hz, double amplitude)
{
    int16_t *pcm = leit_allocate((size_t)n_samples, sizeof *pcm);
    assert_non_null(pcm);
    leit_rng rng = leit_rng_start((uint64_t)llround(hz), LEIT_STREAM_ETUDE, 0, 0);
    for (int64_t i = 0; i < n_samples; i++) {
        const double tone = sin(2 * M_PI * hz * (double)i / 16000);
        const double noise = 0.1 * (leit_rng_uniform(&rng) - 0.5);
        pcm[i] = (int16_t)lrint(32000 * amplitude * (0.9 * tone + noise));
    }
    write_wav(path, 1, 2, pcm, n_samples);
    leit_free(pcm);
}

void leit_tiny_float_wav(const char *path, const float *samples, int64_t n_samples)
{
    write_wav(path, 3, 4, samples, n_samples);
}
