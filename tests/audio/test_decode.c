/* Decoding: files of every format, written here through libsndfile, and everything that can be
 * wrong with a file. */
#include "audio/decode.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "audio/resample.h"
#include "core/arena.h"
#include "core/buffer.h"
#include "core/file.h"
#include "core/memory.h"
#include "support/testing.h"

static leit_arena arena;

static const char *path_of(const char *name)
{
    return leit_path_join(&arena, leit_test_directory(), name);
}

static const double TWO_PI = 6.28318530717958647692;

/* A 440 Hz tone of amplitude 0.5 on channel 0, its negative half as loud on the others. */
static const char *write_tone(const char *name, int format, int rate_hz, int channels, int64_t n)
{
    const char *path = path_of(name);
    SF_INFO info = {.samplerate = rate_hz, .channels = channels, .format = format};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    if (file == NULL) fail_msg("%s: %s", path, sf_strerror(NULL));
    float *frames = NULL;
    assert_ok(LEIT_ALLOC(frames, n * channels));
    for (int64_t i = 0; i < n; i++)
        for (int c = 0; c < channels; c++)
            frames[i * channels + c] =
                (float)((c == 0 ? 0.5 : -0.25) * sin(TWO_PI * 440.0 * (double)i / rate_hz));
    assert_int_equal(sf_writef_float(file, frames, n), n);
    sf_close(file);
    leit_free(frames);
    return path;
}

static const char *write_floats(const char *name, const float *samples, int64_t n)
{
    const char *path = path_of(name);
    SF_INFO info = {.samplerate = 16000, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    assert_int_equal(sf_writef_float(file, samples, n), n);
    sf_close(file);
    return path;
}

static const char *write_bytes(const char *name, const void *bytes, size_t size_bytes)
{
    const char *path = path_of(name);
    assert_ok(leit_file_write(path, bytes, size_bytes));
    return path;
}

/* The first `share` of a file under another name. */
static const char *cut_file(const char *path, const char *name, double share)
{
    leit_buffer content = {0};
    assert_ok(leit_file_read(path, 1 << 24, &content));
    const char *cut = write_bytes(name, content.data, (size_t)((double)content.size_bytes * share));
    leit_buffer_clear(&content);
    return cut;
}

static leit_status decode(const char *path, leit_audio *audio)
{
    return leit_audio_decode(path, 16000, 60.0, audio);
}

/* Amplitude of 440 Hz and what is left beside it, away from the ends. */
static void measure_tone(const leit_audio *audio, double *amplitude, double *rest)
{
    const int64_t begin = 1600, n = 10 * 16000 / 440 * 44; /* whole periods: 44 per 1,600 */
    const int64_t count = n - n % 1600;
    double re = 0.0, im = 0.0, power = 0.0;
    assert_true(audio->n_samples >= begin + count);
    for (int64_t i = begin; i < begin + count; i++) {
        const double angle = TWO_PI * 440.0 * (double)i / 16000.0, x = (double)audio->samples[i];
        re += x * cos(angle);
        im += x * sin(angle);
        power += x * x;
    }
    *amplitude = 2.0 * hypot(re, im) / (double)count;
    *rest = sqrt(fmax(0.0, power / (double)count - *amplitude * *amplitude / 2.0));
}

/* Every format and rate gives the same tone. 16 bits round by at most 1.6e-5, 8 bits by 4e-3 and
 * libsndfile scales them by 127 / 128; libsoxr's HQ keeps
 * its errors under -100 dB; the lossy codecs are allowed a percent of the amplitude. */
static void every_format(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int format, rate_hz, channels;
        double tolerance;
    } cases[] = {
        {"tone.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 2e-5},
        {"tone24.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 96000, 1, 2e-5},
        {"tone8.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 22050, 1, 8e-3},
        {"tonef.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 1, 2e-5},
        {"low.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1, 4e-5},
        {"tone.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 1, 4e-5},
        {"tone.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 44100, 1, 0.02},
        {"tone.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 1, 0.02},
        {"tone.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 44100, 1, 0.02},
        {"tone.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 44100, 1, 4e-5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_tone(cases[i].name, cases[i].format, cases[i].rate_hz,
                                      cases[i].channels, 2 * (int64_t)cases[i].rate_hz);
        leit_audio audio;
        assert_ok(decode(path, &audio));
        assert_int_equal(audio.sample_rate_hz, 16000);
        assert_int_equal(audio.source_rate_hz, cases[i].rate_hz);
        assert_int_equal(audio.source_channels, cases[i].channels);
        assert_false(audio.cut);
        /* Two seconds; codecs may add up to two blocks of padding. */
        assert_in_range(audio.n_samples, 31999, cases[i].tolerance > 0.01 ? 33000 : 32001);
        double amplitude = 0.0, rest = 1.0;
        measure_tone(&audio, &amplitude, &rest);
        if (!(fabs(amplitude - 0.5) <= cases[i].tolerance && rest <= cases[i].tolerance))
            fail_msg("%s: amplitude %g, rest %g", cases[i].name, amplitude, rest);
        leit_audio_clear(&audio);
    }
}

static void channels_are_averaged(void **state)
{
    (void)state;
    leit_audio audio;
    double amplitude = 0.0, rest = 1.0;
    assert_ok(
        decode(write_tone("two.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 2, 32000), &audio));
    assert_int_equal(audio.source_channels, 2);
    measure_tone(&audio, &amplitude, &rest);
    assert_true(fabs(amplitude - 0.125) < 2e-5 && rest < 2e-5);
    leit_audio_clear(&audio);
    assert_ok(
        decode(write_tone("six.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 6, 32000), &audio));
    measure_tone(&audio, &amplitude, &rest);
    assert_true(fabs(amplitude - 0.75 / 6) < 2e-5 && rest < 2e-5);
    leit_audio_clear(&audio);
}

/* What a resampler from 44.1 to 16 kHz must do with a tone it cannot represent: remove it. */
static void tones_above_half_the_rate_vanish(void **state)
{
    (void)state;
    float *samples = NULL;
    assert_ok(LEIT_ALLOC(samples, 44100));
    for (int i = 0; i < 44100; i++) samples[i] = (float)sin(TWO_PI * 12000.0 * i / 44100.0);
    leit_resampler *resampler = NULL;
    leit_samples out = {0};
    assert_ok(leit_resampler_create(44100, 16000, &resampler));
    /* In uneven pieces: a stream has no seams. */
    for (int64_t at = 0, piece = 1; at < 44100; at += piece, piece = piece * 7 % 5003 + 1)
        assert_ok(leit_resampler_push(resampler, samples + at,
                                      piece < 44100 - at ? piece : 44100 - at, &out));
    assert_ok(leit_resampler_finish(resampler, &out));
    assert_in_range(out.count, 15999, 16001);
    double peak = 0.0;
    for (int64_t i = 1000; i < 15000; i++) peak = fmax(peak, fabs((double)out.data[i]));
    assert_true(peak < 1e-5);
    leit_samples_clear(&out);
    leit_resampler_free(resampler);
    leit_resampler_free(NULL);
    assert_fails(leit_resampler_create(44100, 10, &resampler), LEIT_USAGE, "44100 Hz to 10 Hz");
    leit_free(samples);
}

static void long_files_are_cut(void **state)
{
    (void)state;
    const char *path = write_tone("long.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 1, 441000);
    leit_audio audio;
    assert_ok(leit_audio_decode(path, 16000, 1.5, &audio));
    assert_int_equal(audio.n_samples, 24000);
    assert_true(audio.cut);
    leit_audio_clear(&audio);
    assert_ok(leit_audio_decode(path, 16000, 10.0, &audio));
    assert_int_equal(audio.n_samples, 160000);
    assert_false(audio.cut);
    leit_audio_clear(&audio);
    assert_fails(leit_audio_decode(path, 16000, 0.0, &audio), LEIT_USAGE, "max_seconds is 0");
    assert_fails(leit_audio_decode(path, 16000, (double)NAN, &audio), LEIT_USAGE, "max_seconds");
    assert_fails(leit_audio_decode(path, 16000, 1e9, &audio), LEIT_USAGE, "at most 36000");
    assert_fails(leit_audio_decode(path, 5, 1.0, &audio), LEIT_USAGE, "sample_rate_hz is 5");
}

static void bad_paths(void **state)
{
    (void)state;
    leit_audio audio;
    assert_fails(decode(path_of("missing.wav"), &audio), LEIT_DATA,
                 "missing.wav: No such file or directory; check the path");
    assert_null(audio.samples);
    assert_fails(decode(leit_test_directory(), &audio), LEIT_DATA, "is a directory");
    assert_fails(decode("/dev/zero", &audio), LEIT_DATA, "is a device or pipe");
    assert_fails(decode(write_bytes("empty.wav", "", 0), &audio), LEIT_DATA, "is empty");
}

static void garbage_is_refused(void **state)
{
    (void)state;
    leit_audio audio;
    assert_fails(
        decode(write_bytes("text.mp3", "Once upon a time there was a king.\n", 35), &audio),
        LEIT_DATA, "text.mp3: cannot be read as audio");
    static const char *const magics[] = {"RIFF", "fLaC", "OggS", "ID3\4", "FORM", ".snd", "RF64"};
    unsigned char bytes[4096];
    uint32_t generator = 7;
    for (int i = 0; i < 7 * 40; i++) {
        for (size_t k = 0; k < sizeof bytes; k++) {
            generator = generator * 1664525u + 1013904223u;
            bytes[k] = (unsigned char)(generator >> 24);
        }
        memcpy(bytes, magics[i % 7], 4);
        /* Whatever it is taken for, it must not pass as a second of sound, nor crash. */
        leit_status status = decode(write_bytes("garbage.bin", bytes, sizeof bytes), &audio);
        assert_true(status == LEIT_OK || status == LEIT_DATA);
        assert_true(status != LEIT_OK || audio.n_samples < 16000);
        leit_audio_clear(&audio);
    }
}

static void broken_off_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *cut, *sentence;
        int format;
    } cases[] = {
        {"whole.wav", "cut.wav", "cut.wav: breaks off after", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
        {"whole.aiff", "cut.aiff", "cut.aiff: breaks off after", SF_FORMAT_AIFF | SF_FORMAT_PCM_16},
        {"whole.flac", "cut.flac", "cut.flac: decoding fails", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
        {"whole.mp3", "cut.mp3", "breaks off", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III},
    };
    leit_audio audio;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *whole = write_tone(cases[i].name, cases[i].format, 16000, 1, 80000);
        assert_ok(decode(whole, &audio));
        leit_audio_clear(&audio);
        assert_fails(decode(cut_file(whole, cases[i].cut, 0.5), &audio), LEIT_DATA,
                     cases[i].sentence);
        assert_null(audio.samples);
    }
    /* Ogg announces no length: an error, or less than the whole. */
    const char *whole = write_tone("whole.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 16000, 1, 160000);
    leit_status status = decode(cut_file(whole, "cut.ogg", 0.7), &audio);
    assert_true(status == LEIT_DATA || (status == LEIT_OK && audio.n_samples < 160000));
    leit_audio_clear(&audio);
}

/* Many an mp3 has no length in its first frame and tags around its frames: libsndfile then guesses
 * one from the file's size, which is no promise that the file breaks. */
static void an_mp3_without_a_length_is_whole(void **state)
{
    (void)state;
    enum { TAG_BYTES = 40000 };
    const char *whole =
        write_tone("headed.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 16000, 1, 80000);
    leit_buffer song = {0}, tagged = {0};
    leit_audio audio;
    assert_ok(leit_file_read(whole, 1 << 24, &song));
    char *length = memmem(song.data, song.size_bytes, "Info", 4);
    if (length == NULL) length = memmem(song.data, song.size_bytes, "Xing", 4);
    assert_non_null(length);
    memset(length, 0, 4);
    const char tag[10] = {
        'I', 'D', '3', 3, 0, 0, 0, TAG_BYTES >> 14, TAG_BYTES >> 7 & 127, TAG_BYTES & 127};
    assert_ok(leit_buffer_append(&tagged, tag, sizeof tag));
    for (int i = 0; i < TAG_BYTES; i++) assert_ok(leit_buffer_append(&tagged, "", 1));
    assert_ok(leit_buffer_append(&tagged, song.data, song.size_bytes));
    const char *path = write_bytes("tagged.mp3", tagged.data, tagged.size_bytes);

    SF_INFO info = {0}; /* the guess is too long, or this test shows nothing */
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    assert_non_null(file);
    sf_close(file);
    assert_true(info.frames > 82000);
    assert_ok(decode(path, &audio));
    assert_in_range(audio.n_samples, 80000, 83000);
    leit_audio_clear(&audio);
    leit_buffer_clear(&song);
    leit_buffer_clear(&tagged);
}

static void samples_that_are_no_sound(void **state)
{
    (void)state;
    leit_audio audio;
    float samples[8000] = {0};
    samples[4000] = NAN;
    assert_fails(decode(write_floats("nan.wav", samples, 8000), &audio), LEIT_DATA,
                 "nan.wav: the sample at 0.250 s is nan");
    samples[4000] = -INFINITY;
    assert_fails(decode(write_floats("inf.wav", samples, 8000), &audio), LEIT_DATA,
                 "the sample at 0.250 s is -inf");
    samples[4000] = 20000.0f;
    assert_fails(decode(write_floats("big.wav", samples, 8000), &audio), LEIT_DATA,
                 "written without scaling");
    samples[4000] = 1.5f;
    samples[4001] = -7.0f;
    assert_ok(decode(write_floats("hot.wav", samples, 8000), &audio));
    assert_true(audio.samples[4000] == 1.0f && audio.samples[4001] == -1.0f);
    leit_audio_clear(&audio);
    assert_fails(decode(write_floats("none.wav", samples, 0), &audio), LEIT_DATA,
                 "none.wav: holds no samples");
}

static void short_clips_are_a_check_of_their_own(void **state)
{
    (void)state;
    leit_audio audio;
    const float samples[512] = {0};
    const char *path = write_floats("short.wav", samples, 511);
    assert_ok(decode(path, &audio));
    assert_fails(leit_audio_check_length(path, &audio, 512), LEIT_DATA,
                 "short.wav: is 511 samples long at 16000 Hz (32 ms), expected at least 512");
    leit_audio_clear(&audio);
    path = write_floats("enough.wav", samples, 512);
    assert_ok(decode(path, &audio));
    assert_ok(leit_audio_check_length(path, &audio, 512));
    leit_audio_clear(&audio);
}

static void put(unsigned char *at, uint64_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++) at[i] = (unsigned char)(value >> (8 * i));
}

/* A wav header of our own over 64 bytes of data. */
static const char *write_header(const char *name, uint64_t channels, uint64_t rate_hz,
                                uint64_t data_bytes)
{
    unsigned char bytes[44 + 64] = {0};
    memcpy(bytes, "RIFF\0\0\0\0WAVEfmt \20\0\0\0\1\0", 22);
    put(bytes + 4, sizeof bytes - 8, 4);
    put(bytes + 22, channels, 2);
    put(bytes + 24, rate_hz, 4);
    put(bytes + 28, rate_hz * channels * 2, 4);
    put(bytes + 32, channels * 2, 2);
    put(bytes + 34, 16, 2);
    memcpy(bytes + 36, "data", 4);
    put(bytes + 40, data_bytes, 4);
    return write_bytes(name, bytes, sizeof bytes);
}

/* Headers that lie cost a sentence, not memory. Address space is held to 1 GiB meanwhile, except
 * under sanitizers, which need terabytes of it. */
static void absurd_headers(void **state)
{
    (void)state;
    struct rlimit limit, tight;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    getrlimit(RLIMIT_AS, &limit);
    tight = limit;
    tight.rlim_cur = 1u << 30;
    setrlimit(RLIMIT_AS, &tight);
#endif
    leit_audio audio;
    assert_fails(decode(write_header("channels.wav", 1000, 16000, 64), &audio), LEIT_DATA,
                 "channels.wav: ");
    assert_fails(decode(write_header("none_at_all.wav", 0, 16000, 64), &audio), LEIT_DATA,
                 "none_at_all.wav: ");
    assert_fails(decode(write_header("slow.wav", 1, 1, 64), &audio), LEIT_DATA,
                 "slow.wav: has a sample rate of 1 Hz");
    assert_fails(decode(write_header("fast.wav", 1, 4000000000u, 64), &audio), LEIT_DATA,
                 "fast.wav: ");

    /* RF64 and FLAC can announce lengths beyond 2^32. */
    unsigned char rf64[] = "RF64\377\377\377\377WAVEds64\34\0\0\0"
                           "\0\0\0\0\0\0\0\20\0\0\0\0\0\0\0\20\0\0\0\0\0\0\0\10\0\0\0\0"
                           "fmt \20\0\0\0\1\0\1\0\200\76\0\0\0\175\0\0\2\0\20\0"
                           "data\377\377\377\377\1\0\2\0\3\0\4\0";
    leit_status status = decode(write_bytes("rf64.wav", rf64, sizeof rf64 - 1), &audio);
    assert_true(status == LEIT_DATA || (status == LEIT_OK && audio.n_samples < 16));
    leit_audio_clear(&audio);
    leit_buffer content = {0};
    const char *flac = write_tone("f.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, 16000);
    assert_ok(leit_file_read(flac, 1 << 24, &content));
    content.data[21] = (char)(content.data[21] | 0x0f); /* total samples, 36 bits */
    memset(content.data + 22, 0xff, 4);
    assert_fails(decode(write_bytes("many.flac", content.data, content.size_bytes), &audio),
                 LEIT_DATA, "many.flac: ");
    leit_buffer_clear(&content);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    setrlimit(RLIMIT_AS, &limit);
#else
    (void)limit;
    (void)tight;
#endif
}

static void int16_is_rounded_and_saturated(void **state)
{
    (void)state;
    const float samples[] = {0.0f,         1.0f,          -1.0f,      0.99999f,
                             1.5f / 32768, 2.5f / 32768,  -2.0f,      100.0f,
                             0.4f / 32768, -0.6f / 32768, (float)NAN, -1.5f / 32768};
    const int16_t expected[] = {0, 32767, -32768, 32767, 2, 2, -32768, 32767, 0, -1, 0, -2};
    int16_t pcm[12];
    leit_audio_to_int16(samples, 12, pcm);
    for (int i = 0; i < 12; i++) assert_int_equal(pcm[i], expected[i]);
}

/* 16-bit files come back bit for bit: what a corpus keeps is what the file held. */
static void sixteen_bits_survive(void **state)
{
    (void)state;
    int16_t *before = NULL, *after = NULL;
    assert_ok(LEIT_ALLOC(before, 65536));
    assert_ok(LEIT_ALLOC(after, 65536));
    for (int i = 0; i < 65536; i++) before[i] = (int16_t)(i - 32768);
    const char *path = path_of("all.flac");
    SF_INFO info = {
        .samplerate = 16000, .channels = 1, .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_int_equal(sf_write_short(file, before, 65536), 65536);
    sf_close(file);
    leit_audio audio;
    assert_ok(decode(path, &audio));
    assert_int_equal(audio.n_samples, 65536);
    leit_audio_to_int16(audio.samples, audio.n_samples, after);
    assert_memory_equal(before, after, 65536 * sizeof *before);
    leit_audio_clear(&audio);
    leit_free(after);
    leit_free(before);
}

/* With LEIT_DATA set: the first 25 mp3 files of the TAFFC set, clips of about 30 s. */
static void real_files_data(void **state)
{
    (void)state;
    const char *data = getenv("LEIT_DATA");
    const char *folder = data == NULL ? "" : leit_path_join(&arena, data, "taffc");
    if (!leit_file_is_directory(folder)) skip();
    leit_file_list list = {0};
    assert_ok(leit_file_list_tree(folder, &list));
    int n_decoded = 0;
    for (size_t i = 0; i < list.count && n_decoded < 25; i++) {
        if (strcmp(leit_path_extension(list.paths[i]), "mp3") != 0) continue;
        leit_audio audio;
        assert_ok(decode(leit_path_join(&arena, folder, list.paths[i]), &audio));
        assert_in_range(audio.n_samples, 10 * 16000, 60 * 16000);
        leit_audio_clear(&audio);
        n_decoded++;
    }
    assert_int_equal(n_decoded, 25);
    leit_file_list_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format),
        cmocka_unit_test(channels_are_averaged),
        cmocka_unit_test(tones_above_half_the_rate_vanish),
        cmocka_unit_test(long_files_are_cut),
        cmocka_unit_test(bad_paths),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(broken_off_files_are_refused),
        cmocka_unit_test(an_mp3_without_a_length_is_whole),
        cmocka_unit_test(samples_that_are_no_sound),
        cmocka_unit_test(short_clips_are_a_check_of_their_own),
        cmocka_unit_test(absurd_headers),
        cmocka_unit_test(int16_is_rounded_and_saturated),
        cmocka_unit_test(sixteen_bits_survive),
        cmocka_unit_test(real_files_data),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    leit_arena_clear(&arena);
    return failed;
}
