#include "audio/decode.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audio/resample.h"
#include "core/memory.h"

enum { BLOCK_FRAMES = 4096, LOUDEST = 16 };

static leit_status check_path(const char *path)
{
    struct stat status;
    LEIT_FAIL_IF(stat(path, &status) != 0, LEIT_DATA,
                 "%s: %s; check the path, relative ones start at the manifest", path,
                 strerror(errno));
    LEIT_FAIL_IF(S_ISDIR(status.st_mode), LEIT_DATA,
                 "%s: is a directory, expected an audio file; list its files one by one", path);
    LEIT_FAIL_IF(!S_ISREG(status.st_mode), LEIT_DATA,
                 "%s: is a device or pipe, expected a regular audio file; copy it to one", path);
    LEIT_FAIL_IF(status.st_size == 0, LEIT_DATA,
                 "%s: is empty, expected an audio file; fetch it again", path);
    return LEIT_OK;
}

/* The formats that are read on purpose; libsndfile knows a dozen more, old and little tested. */
static bool is_known_format(int format)
{
    switch (format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
    case SF_FORMAT_RF64:
    case SF_FORMAT_W64:
    case SF_FORMAT_AIFF:
    case SF_FORMAT_FLAC:
    case SF_FORMAT_OGG:
    case SF_FORMAT_MPEG: return true;
    default: return false;
    }
}

/* libsndfile quietly shortens a wav or aiff file that is cut off; its RIFF or FORM chunk says how
 * long the file was. Sizes from 2^31 - 1 on are what streaming writers put there: unknown. */
static leit_status check_chunk_length(const char *path)
{
    unsigned char head[8];
    struct stat status;
    FILE *file = fopen(path, "rb");
    LEIT_FAIL_IF(file == NULL, LEIT_DATA, "%s: %s; check its permissions", path, strerror(errno));
    const bool whole = fread(head, 1, sizeof head, file) == sizeof head;
    const bool known = fstat(fileno(file), &status) == 0;
    fclose(file);
    if (!whole || !known) return LEIT_OK;
    const bool little = memcmp(head, "RIFF", 4) == 0;
    if (!little && memcmp(head, "FORM", 4) != 0) return LEIT_OK;
    int64_t size_bytes = 0;
    for (int i = 0; i < 4; i++) size_bytes = size_bytes << 8 | head[little ? 7 - i : 4 + i];
    LEIT_FAIL_IF(size_bytes < INT32_MAX && status.st_size < size_bytes + 8, LEIT_DATA,
                 "%s: breaks off after %lld of %lld bytes; fetch the file again", path,
                 (long long)status.st_size, (long long)size_bytes + 8);
    return LEIT_OK;
}

/* Whether info->frames is what the file says. Of an mp3 it is a guess from the file's size, tags
 * and all, unless the first frame holds a length: the word Xing, Info or VBRI. */
static bool announces_length(const char *path, const SF_INFO *info)
{
    enum { FIRST_FRAME = 4096 };
    if ((info->format & SF_FORMAT_TYPEMASK) != SF_FORMAT_MPEG) return info->frames != SF_COUNT_MAX;
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    unsigned char head[10], frame[FIRST_FRAME];
    long start = 0; /* behind an ID3v2 tag, whose size has seven bits to the byte */
    if (fread(head, 1, sizeof head, file) == sizeof head && memcmp(head, "ID3", 3) == 0)
        start = 10 + ((long)(head[6] & 127) << 21 | (head[7] & 127) << 14 | (head[8] & 127) << 7 |
                      (head[9] & 127));
    const size_t n = fseek(file, start, SEEK_SET) == 0 ? fread(frame, 1, sizeof frame, file) : 0;
    fclose(file);
    return memmem(frame, n, "Xing", 4) != NULL || memmem(frame, n, "Info", 4) != NULL ||
           memmem(frame, n, "VBRI", 4) != NULL;
}

static leit_status open_file(const char *path, SF_INFO *info, SNDFILE **file)
{
    LEIT_TRY(check_path(path));
    LEIT_TRY(check_chunk_length(path));
    *info = (SF_INFO){0};
    *file = sf_open(path, SFM_READ, info);
    /* libsndfile's own reason is a guess ("possibly a pipe?") for a file that check_path has seen.
     */
    LEIT_FAIL_IF(*file == NULL, LEIT_DATA,
                 "%s: cannot be read as audio, expected wav, flac, ogg, opus, mp3 or aiff; convert "
                 "it or fetch it again",
                 path);
    LEIT_FAIL_IF(!is_known_format(info->format), LEIT_DATA,
                 "%s: has the sound format 0x%08x, expected wav, flac, ogg, opus, mp3 or aiff; "
                 "convert it",
                 path, (unsigned)info->format);
    LEIT_FAIL_IF(info->channels < 1 || info->channels > LEIT_AUDIO_MAX_CHANNELS, LEIT_DATA,
                 "%s: has %d channels, expected 1 to %d; mix it down", path, info->channels,
                 LEIT_AUDIO_MAX_CHANNELS);
    LEIT_FAIL_IF(info->samplerate < LEIT_MIN_RATE_HZ || info->samplerate > LEIT_MAX_RATE_HZ,
                 LEIT_DATA, "%s: has a sample rate of %d Hz, expected %d to %d; convert it", path,
                 info->samplerate, LEIT_MIN_RATE_HZ, LEIT_MAX_RATE_HZ);
    return LEIT_OK;
}

/* Interleaved frames -> their mean over channels; `done` frames came before, for the sentence. */
static leit_status mix_down(const char *path, const float *frames, int64_t n, const SF_INFO *info,
                            int64_t done, float *mono)
{
    const int channels = info->channels;
    for (int64_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (int c = 0; c < channels; c++) {
            const float x = frames[i * channels + c];
            LEIT_FAIL_IF(!(fabsf(x) <= LOUDEST), LEIT_DATA,
                         "%s: the sample at %.3f s is %g, expected numbers from -1 to 1; the file "
                         "is damaged or was written without scaling: convert it again",
                         path, (double)(done + i) / info->samplerate, (double)x);
            sum += (double)x;
        }
        mono[i] = (float)(sum / channels);
    }
    return LEIT_OK;
}

struct reader {
    const char *path;
    SNDFILE *file;
    SF_INFO info;
    float *frames; /* (BLOCK_FRAMES, channels) */
    int64_t done;  /* frames read */
    leit_resampler *resampler;
};

/* Decodes until `wanted` samples are there or the file ends. */
static leit_status read_samples(struct reader *reader, int64_t wanted, leit_samples *out)
{
    float mono[BLOCK_FRAMES];
    bool ended = false;
    while (!ended && out->count <= wanted) {
        const sf_count_t n = sf_readf_float(reader->file, reader->frames, BLOCK_FRAMES);
        LEIT_FAIL_IF(n < 0 || sf_error(reader->file) != SF_ERR_NO_ERROR, LEIT_DATA,
                     "%s: decoding fails after %.3f s (%s); fetch the file again", reader->path,
                     (double)reader->done / reader->info.samplerate, sf_strerror(reader->file));
        LEIT_TRY(mix_down(reader->path, reader->frames, n, &reader->info, reader->done, mono));
        LEIT_TRY(leit_resampler_push(reader->resampler, mono, n, out));
        reader->done += n;
        ended = n < BLOCK_FRAMES;
    }
    if (!ended) return LEIT_OK;
    LEIT_FAIL_IF(reader->done == 0, LEIT_DATA, "%s: holds no samples; leave it out", reader->path);
    LEIT_FAIL_IF(
        reader->done < reader->info.frames && announces_length(reader->path, &reader->info),
        LEIT_DATA, "%s: breaks off after %lld of %lld samples per channel; fetch the file again",
        reader->path, (long long)reader->done, (long long)reader->info.frames);
    return leit_resampler_finish(reader->resampler, out);
}

leit_status leit_audio_decode(const char *path, int sample_rate_hz, double max_seconds,
                              leit_audio *audio)
{
    *audio = (leit_audio){0};
    LEIT_FAIL_IF(!(max_seconds > 0.0 && max_seconds <= LEIT_AUDIO_MAX_SECONDS), LEIT_USAGE,
                 "%s: max_seconds is %g, expected more than 0 and at most %d", path, max_seconds,
                 LEIT_AUDIO_MAX_SECONDS);
    LEIT_FAIL_IF(sample_rate_hz < LEIT_MIN_RATE_HZ || sample_rate_hz > LEIT_MAX_RATE_HZ, LEIT_USAGE,
                 "%s: sample_rate_hz is %d, expected %d to %d", path, sample_rate_hz,
                 LEIT_MIN_RATE_HZ, LEIT_MAX_RATE_HZ);
    leit_status status = LEIT_OK;
    struct reader reader = {.path = path};
    leit_samples out = {0};
    const int64_t wanted = llround(max_seconds * sample_rate_hz);
    LEIT_TRY_GOTO(open_file(path, &reader.info, &reader.file), done);
    LEIT_TRY_GOTO(LEIT_ALLOC(reader.frames, BLOCK_FRAMES * reader.info.channels), done);
    LEIT_TRY_GOTO(leit_resampler_create(reader.info.samplerate, sample_rate_hz, &reader.resampler),
                  done);
    LEIT_TRY_GOTO(read_samples(&reader, wanted, &out), done);

    audio->cut = out.count > wanted;
    audio->n_samples = audio->cut ? wanted : out.count;
    audio->samples = out.data;
    audio->sample_rate_hz = sample_rate_hz;
    audio->source_rate_hz = reader.info.samplerate;
    audio->source_channels = reader.info.channels;
    for (int64_t i = 0; i < audio->n_samples; i++)
        audio->samples[i] = fminf(fmaxf(audio->samples[i], -1.0f), 1.0f);
    out = (leit_samples){0};
done:
    leit_samples_clear(&out);
    leit_resampler_free(reader.resampler);
    leit_free(reader.frames);
    if (reader.file != NULL) sf_close(reader.file);
    return status;
}

void leit_audio_clear(leit_audio *audio)
{
    leit_free(audio->samples);
    *audio = (leit_audio){0};
}

leit_status leit_audio_check_length(const char *path, const leit_audio *audio, int64_t n_samples)
{
    LEIT_FAIL_IF(
        audio->n_samples < n_samples, LEIT_DATA,
        "%s: is %lld samples long at %d Hz (%.0f ms), expected at least %lld; leave it out "
        "or take a longer clip",
        path, (long long)audio->n_samples, audio->sample_rate_hz,
        1e3 * (double)audio->n_samples / audio->sample_rate_hz, (long long)n_samples);
    return LEIT_OK;
}

void leit_audio_to_int16(const float *samples, int64_t n_samples, int16_t *pcm)
{
    for (int64_t i = 0; i < n_samples; i++) {
        const float x = samples[i] * 32768.0f;
        const float saturated = x < 32767.0f ? (x > -32768.0f ? x : -32768.0f) : 32767.0f;
        pcm[i] = isnan(x) ? 0 : (int16_t)rintf(saturated);
    }
}
