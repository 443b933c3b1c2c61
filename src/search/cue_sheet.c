#include "search/cue_sheet.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"
#include "text/unicode.h"

enum { MAX_PATH_WIDTH = 48, MAX_MOOD_WIDTH = 16 };
static const char ellipsis[] = "\xE2\x80\xA6";

static bool is_blank(int32_t code_point)
{
    return leit_unicode_is_space(code_point) || code_point < 0x20 ||
           (code_point >= 0x7F && code_point < 0xA0) || code_point == 0x2028 ||
           code_point == 0x2029;
}

const char *leit_cue_sheet_line(leit_arena *arena, const char *text, size_t size_bytes, int width)
{
    enum { MAX_CODE_POINT_BYTES = 4 };
    char *line = leit_arena_allocate(arena, (size_t)width * MAX_CODE_POINT_BYTES + sizeof ellipsis);
    if (line == NULL) return NULL;
    size_t written = 0, before_last = 0;
    int characters = 0;
    bool wants_space = false;
    for (const char *at = text, *end = text + size_bytes; at < end;) {
        int32_t code_point = 0;
        at += leit_utf8_decode(at, end, &code_point);
        if (is_blank(code_point)) {
            wants_space = characters > 0;
            continue;
        }
        if (characters + 1 + wants_space > width) {
            /* No room: the ellipsis takes the place of the last character where it must. */
            if (characters == width) written = before_last;
            while (written > 0 && line[written - 1] == ' ') written--;
            memcpy(line + written, ellipsis, sizeof ellipsis);
            return line;
        }
        if (wants_space) line[written++] = ' ';
        characters += 1 + wants_space;
        wants_space = false;
        before_last = written;
        written += leit_utf8_encode(code_point, line + written);
    }
    line[written] = '\0';
    return line;
}

/* ---- table ---- */

static int width_of(const char *text)
{
    int width = 0;
    for (const char *at = text, *end = text + strlen(text); at < end; width++) {
        int32_t code_point;
        at += leit_utf8_decode(at, end, &code_point);
    }
    return width;
}

static leit_status put_padded(leit_buffer *text, const char *word, int width)
{
    LEIT_TRY(leit_buffer_puts(text, word));
    return leit_buffer_printf(text, "%*s", width > width_of(word) ? width - width_of(word) : 0, "");
}

/* The end of a path says more than its start. */
static const char *short_path(leit_arena *arena, const char *path)
{
    const char *line = leit_cue_sheet_line(arena, path, strlen(path), (int)strlen(path) + 1);
    if (line == NULL) return NULL;
    int extra = width_of(line) - MAX_PATH_WIDTH;
    if (extra <= 0) return line;
    const char *at = line, *end = line + strlen(line);
    for (extra++; extra > 0; extra--) {
        int32_t code_point;
        at += leit_utf8_decode(at, end, &code_point);
    }
    return leit_arena_printf(arena, "%s%s", ellipsis, at);
}

static void duration_text(double duration_s, char *text, size_t text_bytes)
{
    const long long seconds = llround(duration_s);
    if (seconds >= 3600)
        snprintf(text, text_bytes, "%lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60,
                 seconds % 60);
    else
        snprintf(text, text_bytes, "%lld:%02lld", seconds / 60, seconds % 60);
}

static void loudness_text(double loudness_lkfs, char *text, size_t text_bytes)
{
    if (isfinite(loudness_lkfs))
        leit_format(text, text_bytes, "%.1f", loudness_lkfs);
    else
        snprintf(text, text_bytes, "-");
}

static leit_status put_emotion(const leit_cue_emotion *emotion, leit_buffer *text)
{
    if (emotion->mood != NULL)
        LEIT_TRY(leit_buffer_printf(text, "  %s (%s %.2f)\n", emotion->mood, emotion->measure,
                                    emotion->value));
    if (emotion->has_valence_arousal)
        LEIT_TRY(leit_buffer_printf(text, "  %s (valence %.2f, arousal %.2f)\n", emotion->words,
                                    emotion->valence, emotion->arousal));
    return LEIT_OK;
}

static leit_status put_tracks(const leit_cue *cue, bool has_moods, leit_buffer *text,
                              leit_arena *arena)
{
    int path_width = 5, mood_width = 4;
    for (int64_t i = 0; i < cue->n_tracks; i++) {
        const char *path = short_path(arena, cue->tracks[i].path);
        if (path == NULL) return LEIT_INTERNAL;
        if (width_of(path) > path_width) path_width = width_of(path);
        if (has_moods && cue->tracks[i].mood != NULL && width_of(cue->tracks[i].mood) > mood_width)
            mood_width = width_of(cue->tracks[i].mood);
    }
    if (mood_width > MAX_MOOD_WIDTH) mood_width = MAX_MOOD_WIDTH;
    LEIT_TRY(leit_buffer_puts(text, "    #  "));
    LEIT_TRY(put_padded(text, "track", path_width));
    if (has_moods) {
        LEIT_TRY(leit_buffer_puts(text, "  "));
        LEIT_TRY(put_padded(text, "mood", mood_width));
    }
    LEIT_TRY(leit_buffer_puts(text, "    length   LKFS  why\n"));
    for (int64_t i = 0; i < cue->n_tracks; i++) {
        const leit_cue_track *track = &cue->tracks[i];
        char duration[32], loudness[32];
        duration_text(track->duration_s, duration, sizeof duration);
        loudness_text(track->loudness_lkfs, loudness, sizeof loudness);
        LEIT_TRY(leit_buffer_printf(text, "  %3lld  ", (long long)i + 1));
        const char *path = short_path(arena, track->path);
        if (path == NULL) return LEIT_INTERNAL;
        LEIT_TRY(put_padded(text, path, path_width));
        if (has_moods) {
            const char *known = track->mood == NULL ? "-" : track->mood;
            const char *mood = leit_cue_sheet_line(arena, known, strlen(known), mood_width);
            if (mood == NULL) return LEIT_INTERNAL;
            LEIT_TRY(leit_buffer_puts(text, "  "));
            LEIT_TRY(put_padded(text, mood, mood_width));
        }
        LEIT_TRY(leit_buffer_printf(text, "  %8s  %5s  %s\n", duration, loudness, track->reason));
    }
    return LEIT_OK;
}

static leit_status write_table(const leit_cue_sheet *sheet, leit_buffer *text)
{
    leit_arena arena = {0};
    leit_status status = LEIT_OK;
    for (int64_t c = 0; status == LEIT_OK && c < sheet->n_cues; c++) {
        const leit_cue *cue = &sheet->cues[c];
        status = leit_buffer_printf(text, "%sScene %lld of %lld%s%s\n  \"%s\"\n",
                                    c == 0 ? "" : "\n", (long long)c + 1, (long long)sheet->n_cues,
                                    cue->heading == NULL ? "" : ", ",
                                    cue->heading == NULL ? "" : cue->heading, cue->first_words);
        if (status == LEIT_OK) status = put_emotion(&cue->emotion, text);
        if (status == LEIT_OK && cue->note != NULL)
            status = leit_buffer_printf(text, "  %s\n", cue->note);
        if (status == LEIT_OK && cue->n_tracks > 0)
            status = put_tracks(cue, cue->tracks[0].mood != NULL, text, &arena);
        leit_arena_clear(&arena);
    }
    return status;
}

/* ---- M3U ---- */

static leit_status write_m3u(const leit_cue_sheet *sheet, leit_buffer *text)
{
    LEIT_TRY(leit_buffer_puts(text, "#EXTM3U\n#EXTENC:UTF-8\n"));
    for (int64_t c = 0; c < sheet->n_cues; c++) {
        const leit_cue *cue = &sheet->cues[c];
        LEIT_TRY(
            leit_buffer_printf(text, "# Scene %lld: %s\n", (long long)c + 1, cue->first_words));
        for (int64_t i = 0; i < cue->n_tracks; i++) {
            const char *path = cue->tracks[i].path, *name = strrchr(path, '/');
            /* A line that starts with # would be a comment. */
            LEIT_TRY(leit_buffer_printf(
                text, "#EXTINF:%lld,%s\n%s%s\n", llround(cue->tracks[i].duration_s),
                name == NULL ? path : name + 1, path[0] == '#' ? "./" : "", path));
        }
    }
    return LEIT_OK;
}

/* ---- JSON ---- */

static json_t *json_text(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *json_track(const leit_cue_track *track)
{
    json_t *object = json_object();
    json_object_set_new(object, "path", json_text(track->path));
    json_object_set_new(object, "score", json_number(track->score));
    json_object_set_new(object, "mood", json_text(track->mood));
    json_object_set_new(object, "duration_s", json_number(track->duration_s));
    json_object_set_new(object, "loudness_lkfs", json_number(track->loudness_lkfs));
    json_object_set_new(object, "reason", json_text(track->reason));
    return object;
}

static json_t *json_emotion(const leit_cue_emotion *emotion)
{
    json_t *object = json_object();
    if (emotion->mood != NULL) {
        json_object_set_new(object, "mood", json_text(emotion->mood));
        json_object_set_new(object, emotion->measure, json_number(emotion->value));
    }
    if (emotion->has_valence_arousal) {
        json_object_set_new(object, "valence", json_number(emotion->valence));
        json_object_set_new(object, "arousal", json_number(emotion->arousal));
        json_object_set_new(object, "words", json_text(emotion->words));
    }
    return object;
}

static json_t *json_cue(const leit_cue *cue)
{
    json_t *object = json_object(), *tracks = json_array();
    json_object_set_new(object, "start_byte", json_integer((json_int_t)cue->start));
    json_object_set_new(object, "end_byte", json_integer((json_int_t)cue->end));
    json_object_set_new(object, "heading", json_text(cue->heading));
    json_object_set_new(object, "first_words", json_text(cue->first_words));
    json_object_set_new(object, "emotion", json_emotion(&cue->emotion));
    json_object_set_new(object, "note", json_text(cue->note));
    for (int64_t i = 0; i < cue->n_tracks; i++)
        json_array_append_new(tracks, json_track(&cue->tracks[i]));
    json_object_set_new(object, "tracks", tracks);
    return object;
}

static leit_status write_json(const leit_cue_sheet *sheet, leit_buffer *text)
{
    json_t *root = json_object(), *scenes = json_array();
    json_object_set_new(root, "format", json_string("leitmotif-match-1"));
    json_object_set_new(root, "index", json_text(sheet->index));
    json_object_set_new(root, "folder", json_text(sheet->folder));
    json_object_set_new(root, "strategy", json_text(sheet->strategy));
    json_object_set_new(root, "score", json_text(sheet->score_kind));
    json_object_set_new(root, "n_library_tracks", json_integer(sheet->n_library_tracks));
    for (int64_t c = 0; c < sheet->n_cues; c++)
        json_array_append_new(scenes, json_cue(&sheet->cues[c]));
    json_object_set_new(root, "scenes", scenes);
    char *dumped = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(root);
    LEIT_FAIL_IF(dumped == NULL, LEIT_INTERNAL, "the cue sheet could not be written as JSON");
    leit_status status = leit_buffer_puts(text, dumped);
    free(dumped);
    LEIT_TRY(status);
    return leit_buffer_puts(text, "\n");
}

leit_status leit_cue_sheet_write(const leit_cue_sheet *sheet, leit_match_format format,
                                 leit_buffer *text)
{
    switch (format) {
    case LEIT_MATCH_TABLE: return write_table(sheet, text);
    case LEIT_MATCH_JSON: return write_json(sheet, text);
    case LEIT_MATCH_M3U: return write_m3u(sheet, text);
    }
    LEIT_FAIL(LEIT_USAGE, "cue sheets have no format %d", (int)format);
}
