/* The way from a text to a cue sheet: index and model are opened and compared, the text becomes
 * scenes with answers, the answers rank the tracks, and the sheet says so in words. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "search/cue_sheet.h"
#include "search/index_file.h"
#include "search/story.h"
#include "search/track_ranking.h"
#include "text/unicode.h"

enum { FIRST_WORDS_WIDTH = 72, DEFAULT_TOP = 5, DEFAULT_MIN_TOKENS = 64, DEFAULT_MAX_TOKENS = 512 };

typedef struct match {
    leit_match_options options; /* defaults filled in */
    leit_threads *threads;
    leit_index *index;
    leit_loaded_matcher loaded;
    leit_match_rule rule;
    leit_wordpiece *tokenizer;
    leit_story story;
    int32_t *mood;             /* (n_scenes) music class, likelihood rules */
    leit_ranked_track *ranked; /* (n_scenes, top) */
    int64_t *counts;           /* (n_scenes) */
    leit_cue_sheet sheet;
} match;

static void match_clear(match *m)
{
    leit_arena_clear(&m->sheet.arena);
    leit_free(m->mood);
    leit_free(m->ranked);
    leit_free(m->counts);
    leit_story_clear(&m->story);
    leit_wordpiece_free(m->tokenizer);
    leit_matcher_close(&m->loaded);
    leit_index_close(m->index);
    leit_threads_free(m->threads);
}

/* ---- what was asked ---- */

static leit_status check_options(leit_match_options *options)
{
    if (options->top == 0) options->top = DEFAULT_TOP;
    if (options->min_tokens == 0 && options->max_tokens == 0) {
        options->min_tokens = DEFAULT_MIN_TOKENS;
        options->max_tokens = DEFAULT_MAX_TOKENS;
    }
    if (options->scenes == LEIT_SCENES_PARAGRAPHS) options->min_tokens = 0;
    LEIT_FAIL_IF(options->top < 1 || options->top > LEIT_MATCH_MAX_TOP, LEIT_USAGE,
                 "top is %d, expected 1 to %d", options->top, LEIT_MATCH_MAX_TOP);
    LEIT_FAIL_IF(options->min_tokens < 0 || options->max_tokens < 16 ||
                     options->min_tokens > options->max_tokens,
                 LEIT_USAGE, "scenes of %d to %d tokens, expected 0 <= min <= max and max >= 16",
                 options->min_tokens, options->max_tokens);
    LEIT_FAIL_IF((unsigned)options->format > LEIT_MATCH_M3U ||
                     (unsigned)options->scenes > LEIT_SCENES_WHOLE,
                 LEIT_USAGE, "format %d or scenes %d: there is no such thing", (int)options->format,
                 (int)options->scenes);
    LEIT_FAIL_IF(options->size_bytes > LEIT_MATCH_MAX_BYTES, LEIT_DATA,
                 "the text has %zu bytes, expected at most %d; match it in parts",
                 options->size_bytes, (int)LEIT_MATCH_MAX_BYTES);
    LEIT_FAIL_IF(leit_text_is_blank(options->text, options->size_bytes), LEIT_DATA,
                 "the text is empty or blank, expected a story");
    return LEIT_OK;
}

/* Puts the name of the text before a sentence about it. */
static leit_status name_text(const match *m, leit_status status)
{
    return status != LEIT_DATA || m->options.name == NULL
               ? status
               : leit_fail_context(status, "%s", m->options.name);
}

static void warn_of_broken_utf8(const char *name, const char *text, size_t size_bytes)
{
    int64_t n_broken = 0;
    for (const char *at = text, *end = text + size_bytes; at < end;) {
        int32_t code_point;
        const size_t taken = leit_utf8_decode(at, end, &code_point);
        if (code_point == LEIT_REPLACEMENT_CHARACTER && taken == 1) n_broken++;
        at += taken;
    }
    if (n_broken > 0)
        leit_log(LEIT_LOG_WARNING,
                 "%s%sthe text is not UTF-8: %" PRId64 " bytes are read as U+FFFD",
                 name == NULL ? "" : name, name == NULL ? "" : ": ", n_broken);
}

/* Its tokens are rows of the text encoder's table. */
static leit_status open_tokenizer(match *m, const char *model)
{
    LEIT_TRY(leit_wordpiece_create(m->loaded.vocabulary, strlen(m->loaded.vocabulary),
                                   "the model's vocabulary", &m->tokenizer));
    const int64_t n_embedded = m->loaded.matcher->names.vocabulary_size;
    LEIT_FAIL_IF(leit_wordpiece_size(m->tokenizer) != n_embedded, LEIT_CHECKPOINT,
                 "checkpoint %s: its vocabulary has %d tokens, its text encoder knows %" PRId64
                 "; use another checkpoint of the run, or train again",
                 model, leit_wordpiece_size(m->tokenizer), n_embedded);
    return LEIT_OK;
}

static leit_status open_all(match *m)
{
    const leit_match_options *options = &m->options;
    LEIT_TRY(leit_index_open(options->index, &m->index));
    const char *model = options->model == NULL ? m->index->model : options->model;
    LEIT_TRY(leit_threads_create(options->threads, &m->threads));
    leit_status status = leit_matcher_open_towers(model, leit_backend_cpu(), m->threads,
                                                  LEIT_TOWER_TEXT, &m->loaded);
    if (status != LEIT_OK && options->model == NULL)
        return leit_fail(status, leit_error_function(),
                         "%s; index %s was made with it: say where "
                         "it is now with --model",
                         leit_error_message(), options->index);
    LEIT_TRY(status);
    leit_index_space space;
    LEIT_TRY(leit_index_space_of(&m->loaded, &space));
    LEIT_TRY(open_tokenizer(m, model));
    LEIT_TRY(leit_index_check_space(m->index, &space, model));
    m->rule = m->loaded.matcher->strategy->rule;
    if (m->index->n_pending > 0)
        leit_log(LEIT_LOG_WARNING,
                 "%s: %" PRId64 " files of the folder are still to be looked at: index again",
                 options->index, m->index->n_pending);
    if (leit_rule_has_places(m->rule) && m->loaded.matcher->places[LEIT_MODALITY_TEXT].rows == NULL)
        leit_log(LEIT_LOG_WARNING,
                 "%s does not say where the moods lie, so no scene is given a name: it was saved "
                 "before its first validation or by an older version; train again to have names",
                 model);
    return LEIT_OK;
}

/* ---- ranking ---- */

static leit_status check_finite(const leit_story *story)
{
    for (int64_t i = 0; i < (int64_t)story->scenes.count * story->width; i++)
        LEIT_FAIL_IF(!isfinite(story->answers[i]), LEIT_NUMERICAL,
                     "the model's answer to scene %" PRId64 " is not finite; train it again",
                     i / story->width + 1);
    return LEIT_OK;
}

static leit_status rank(match *m)
{
    leit_story *story = &m->story;
    const int64_t n_scenes = (int64_t)story->scenes.count, top = m->options.top;
    LEIT_TRY(check_finite(story));
    LEIT_TRY(LEIT_ALLOC(m->ranked, n_scenes * top));
    LEIT_TRY(LEIT_ALLOC(m->counts, n_scenes));
    LEIT_TRY(LEIT_ALLOC(m->mood, n_scenes));
    if (leit_rule_has_moods(m->rule))
        for (int64_t i = 0; i < n_scenes; i++)
            m->mood[i] =
                leit_matcher_music_class(m->loaded.matcher, story->answers + i * story->width);
    for (int64_t i = 0; m->rule == LEIT_RULE_COSINE && i < n_scenes; i++)
        leit_answer_normalise(story->answers + i * story->width, story->width);
    const leit_track_ranking ranking = {.rule = m->rule,
                                        .n_scenes = n_scenes,
                                        .n_tracks = m->index->n_tracks,
                                        .width = m->index->space.width,
                                        .scenes = story->answers,
                                        .mood = m->mood,
                                        .tracks = m->index->answers,
                                        .k = top};
    return leit_track_ranking_run(&ranking, m->threads, m->ranked, m->counts);
}

/* ---- words ---- */

static void describe_likelihood(const match *m, int64_t scene, leit_cue_emotion *emotion)
{
    const leit_mood_names *names = &m->loaded.matcher->names;
    const bool is_music = m->rule == LEIT_RULE_MUSIC_MOOD;
    const float *logits = m->story.answers + scene * m->story.width;
    const int32_t best = leit_argmax(logits, m->story.width);
    double sum = 0;
    for (int64_t k = 0; k < m->story.width; k++) sum += exp((double)logits[k] - logits[best]);
    emotion->mood = is_music ? names->music_labels[best] : names->text_labels[best];
    emotion->measure = "probability";
    emotion->value = 1 / sum;
}

static void describe_place(const match *m, int64_t scene, leit_cue_emotion *emotion)
{
    emotion->mood =
        leit_matcher_nearest_mood(m->loaded.matcher, LEIT_MODALITY_TEXT,
                                  m->story.answers + scene * m->story.width, &emotion->value);
    emotion->measure = m->rule == LEIT_RULE_EUCLIDEAN ? "distance" : "similarity";
}

/* Thirds of the scale in words. */
static const char *const valence_words[] = {"unpleasant", "neither pleasant nor unpleasant",
                                            "pleasant"};
static const char *const arousal_words[] = {"calm", "moderately aroused", "excited"};

static int third_of(double value)
{
    return value < 0.4 ? 0 : value <= 0.6 ? 1 : 2;
}

static leit_status describe_valence_arousal(match *m, int64_t scene, leit_cue_emotion *emotion)
{
    const float *answer = m->story.answers + scene * m->story.width;
    LEIT_FAIL_IF(m->story.width != 2, LEIT_INTERNAL, "valence and arousal in %lld numbers",
                 (long long)m->story.width);
    emotion->has_valence_arousal = true;
    emotion->valence = answer[0];
    emotion->arousal = answer[1];
    emotion->words =
        leit_arena_printf(&m->sheet.arena, "%s, %s", valence_words[third_of(emotion->valence)],
                          arousal_words[third_of(emotion->arousal)]);
    return emotion->words == NULL ? LEIT_INTERNAL : LEIT_OK;
}

/* What a track sounds like: said by the index, or by the place of its answer. */
static const char *mood_of(const match *m, int32_t track)
{
    const leit_index *index = m->index;
    if (index->mood != NULL) return index->space.music_labels[index->mood[track]];
    double nearness = 0;
    return leit_matcher_nearest_mood(m->loaded.matcher, LEIT_MODALITY_MUSIC,
                                     index->answers + track * index->space.width, &nearness);
}

static const char *reason_of(match *m, int64_t scene, const leit_ranked_track *ranked,
                             const char *mood)
{
    leit_arena *arena = &m->sheet.arena;
    const leit_index *index = m->index;
    const float *answer = index->answers + ranked->track * index->space.width;
    switch (m->rule) {
    case LEIT_RULE_SAME_MOOD:
    case LEIT_RULE_MUSIC_MOOD:
        return leit_arena_printf(arena, "%s with probability %.3g",
                                 index->space.music_labels[m->mood[scene]], exp(ranked->score));
    case LEIT_RULE_EUCLIDEAN:
        return leit_arena_printf(arena, "%.3f away, at valence %.2f, arousal %.2f", ranked->score,
                                 answer[0], answer[1]);
    case LEIT_RULE_COSINE:
    case LEIT_RULE_NONE: break;
    }
    if (mood == NULL) return leit_arena_printf(arena, "similarity %.3f", ranked->score);
    return leit_arena_printf(arena, "similarity %.3f, like %s music", ranked->score, mood);
}

static leit_status fill_tracks(match *m, int64_t scene, leit_cue *cue)
{
    const leit_index *index = m->index;
    const int64_t n = m->counts[scene];
    leit_cue_track *tracks = leit_arena_allocate(&m->sheet.arena, (size_t)n * sizeof *tracks);
    if (tracks == NULL) return LEIT_INTERNAL;
    for (int64_t i = 0; i < n; i++) {
        const leit_ranked_track *ranked = &m->ranked[scene * m->options.top + i];
        leit_index_track track;
        LEIT_TRY(leit_index_track_at(index, ranked->track, &track));
        const char *mood = mood_of(m, ranked->track);
        tracks[i] = (leit_cue_track){.path = track.path,
                                     .mood = mood,
                                     .reason = reason_of(m, scene, ranked, mood),
                                     .score = ranked->score,
                                     .duration_s = track.duration_s,
                                     .loudness_lkfs = track.loudness_lkfs};
        if (tracks[i].reason == NULL) return LEIT_INTERNAL;
    }
    cue->tracks = tracks;
    cue->n_tracks = n;
    return LEIT_OK;
}

static leit_status fill_cue(match *m, int64_t i, leit_cue *cue)
{
    leit_arena *arena = &m->sheet.arena;
    const leit_scene *scene = &m->story.scenes.scenes[i];
    const char *text = m->options.text;
    const size_t heading_bytes = scene->heading.end - scene->heading.start;
    cue->start = scene->text.start;
    cue->end = scene->text.end;
    cue->first_words =
        leit_cue_sheet_line(arena, text + cue->start, cue->end - cue->start, FIRST_WORDS_WIDTH);
    if (cue->first_words == NULL) return LEIT_INTERNAL;
    if (heading_bytes > 0) {
        cue->heading = leit_cue_sheet_line(arena, text + scene->heading.start, heading_bytes,
                                           FIRST_WORDS_WIDTH);
        if (cue->heading == NULL) return LEIT_INTERNAL;
    }
    if (leit_rule_has_moods(m->rule))
        describe_likelihood(m, i, &cue->emotion);
    else
        describe_place(m, i, &cue->emotion);
    if (m->rule == LEIT_RULE_EUCLIDEAN) LEIT_TRY(describe_valence_arousal(m, i, &cue->emotion));
    LEIT_TRY(fill_tracks(m, i, cue));
    if (m->index->n_tracks == 0) {
        cue->note = "no tracks: the index is empty";
    } else if (cue->n_tracks == 0) {
        cue->note = leit_arena_printf(arena, "no tracks: the model's music has no mood '%s'",
                                      cue->emotion.mood);
        if (cue->note == NULL) return LEIT_INTERNAL;
    }
    return LEIT_OK;
}

static leit_status fill_sheet(match *m)
{
    leit_cue_sheet *sheet = &m->sheet;
    sheet->index = leit_cue_sheet_line(&sheet->arena, m->options.index, strlen(m->options.index),
                                       (int)strlen(m->options.index) + 1);
    if (sheet->index == NULL) return LEIT_INTERNAL;
    sheet->folder = m->index->folder;
    sheet->strategy = m->index->space.strategy;
    sheet->score_kind = leit_rule_has_moods(m->rule)     ? "log_likelihood"
                        : m->rule == LEIT_RULE_EUCLIDEAN ? "distance"
                                                         : "cosine";
    sheet->n_library_tracks = m->index->n_tracks;
    sheet->n_cues = (int64_t)m->story.scenes.count;
    sheet->cues = leit_arena_allocate(&sheet->arena, (size_t)sheet->n_cues * sizeof *sheet->cues);
    if (sheet->cues == NULL) return LEIT_INTERNAL;
    for (int64_t i = 0; i < sheet->n_cues; i++) LEIT_TRY(fill_cue(m, i, &sheet->cues[i]));
    return LEIT_OK;
}

/* ---- all of it ---- */

static leit_status run(match *m, leit_buffer *text)
{
    LEIT_TRY(name_text(m, check_options(&m->options)));
    LEIT_TRY(open_all(m));
    warn_of_broken_utf8(m->options.name, m->options.text, m->options.size_bytes);
    const leit_story_options options = {.is_whole = m->options.scenes == LEIT_SCENES_WHOLE,
                                        .min_tokens = m->options.min_tokens,
                                        .max_tokens = m->options.max_tokens,
                                        .window_tokens =
                                            m->loaded.matcher->recipe->data.max_tokens};
    LEIT_TRY(name_text(m, leit_story_encode(m->options.text, m->options.size_bytes, &options,
                                            m->tokenizer, &m->loaded.text, &m->story)));
    LEIT_TRY(rank(m));
    LEIT_TRY(fill_sheet(m));
    return leit_cue_sheet_write(&m->sheet, m->options.format, text);
}

leit_status leit_match(const leit_match_options *options, char **cues)
{
    *cues = NULL;
    match m = {.options = *options};
    leit_buffer text = {0};
    leit_status status = run(&m, &text);
    if (status == LEIT_OK) {
        *cues = leit_strdup(leit_buffer_text(&text));
        if (*cues == NULL) status = LEIT_INTERNAL;
    }
    leit_buffer_clear(&text);
    match_clear(&m);
    return status;
}

void leit_match_text_free(char *cues)
{
    leit_free(cues);
}

leit_status leit_match_save(const char *cues, const char *path)
{
    return leit_file_write(path, cues, strlen(cues));
}
