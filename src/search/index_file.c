#include "search/index_file.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/memory.h"

/* ---- spaces ---- */

/* Both towers answer with the same width, or the music tower with K_music classes. */
static int64_t answer_width(const leit_loaded_matcher *loaded)
{
    const leit_matcher *matcher = loaded->matcher;
    if (leit_rule_has_moods(matcher->strategy->rule)) return matcher->names.n_music_labels;
    return loaded->music.plan != NULL ? loaded->music.width : loaded->text.width;
}

leit_status leit_index_space_of(const leit_loaded_matcher *loaded, leit_index_space *space)
{
    const leit_matcher *matcher = loaded->matcher;
    const leit_match_rule rule = matcher->strategy->rule;
    LEIT_FAIL_IF(rule == LEIT_RULE_NONE, LEIT_USAGE,
                 "the model is of strategy %s, which trains an encoder alone; expected one that "
                 "matches music to text",
                 leit_strategy_name(matcher->strategy->id));
    const bool has_moods = leit_rule_has_moods(rule);
    *space = (leit_index_space){.strategy = leit_strategy_name(matcher->strategy->id),
                                .rule = leit_rule_name(rule),
                                .recipe = matcher->recipe->name,
                                .width = answer_width(loaded),
                                .fingerprint = loaded->fingerprint,
                                .n_music_labels = has_moods ? matcher->names.n_music_labels : 0,
                                .music_labels = matcher->names.music_labels};
    return LEIT_OK;
}

leit_status leit_index_check_space(const leit_index *index, const leit_index_space *space,
                                   const char *model)
{
    static const char cure[] = "use the model the index was made with, or index again";
    const leit_index_space *own = &index->space;
    LEIT_FAIL_IF(strcmp(own->strategy, space->strategy) != 0, LEIT_CHECKPOINT,
                 "index %s is of strategy %s, the model %s of %s; %s", index->path, own->strategy,
                 model, space->strategy, cure);
    LEIT_FAIL_IF(own->width != space->width, LEIT_CHECKPOINT,
                 "index %s has answers of width %" PRId64 ", the model %s of %" PRId64 "; %s",
                 index->path, own->width, model, space->width, cure);
    LEIT_FAIL_IF(own->n_music_labels != space->n_music_labels, LEIT_CHECKPOINT,
                 "index %s knows %" PRId64 " moods, the model %s %" PRId64 "; %s", index->path,
                 own->n_music_labels, model, space->n_music_labels, cure);
    for (int64_t k = 0; k < own->n_music_labels; k++)
        LEIT_FAIL_IF(strcmp(own->music_labels[k], space->music_labels[k]) != 0, LEIT_CHECKPOINT,
                     "mood %" PRId64 " of index %s is %s, that of the model %s is %s; %s", k,
                     index->path, own->music_labels[k], model, space->music_labels[k], cure);
    LEIT_FAIL_IF(own->fingerprint != space->fingerprint, LEIT_CHECKPOINT,
                 "index %s was made with other parameters (fingerprint %016" PRIx64 ", recipe %s) "
                 "than the model %s has (%016" PRIx64 ", recipe %s); %s",
                 index->path, own->fingerprint, own->recipe, model, space->fingerprint,
                 space->recipe, cure);
    return LEIT_OK;
}

/* ---- writing ---- */

static leit_status write_about(const leit_index *index, leit_container_writer *writer)
{
    const leit_index_space *space = &index->space;
    LEIT_TRY(leit_container_set_text(writer, "", "folder", index->folder));
    LEIT_TRY(leit_container_set_text(writer, "", "model", index->model));
    LEIT_TRY(leit_container_set_text(writer, "", "recipe", space->recipe));
    LEIT_TRY(leit_container_set_text(writer, "", "strategy", space->strategy));
    LEIT_TRY(leit_container_set_text(writer, "", "rule", space->rule));
    LEIT_TRY(leit_container_set_i64(writer, "", "width", space->width));
    LEIT_TRY(leit_container_set_i64(writer, "", "fingerprint", (int64_t)space->fingerprint));
    LEIT_TRY(leit_container_set_i64(writer, "", "n_pending", index->n_pending));
    return leit_container_write_strings(writer, "space/music_labels", space->n_music_labels,
                                        space->music_labels);
}

static leit_status write_tracks(const leit_index *index, leit_container_writer *writer)
{
    const int64_t shape[2] = {index->n_tracks, index->space.width};
    LEIT_TRY(leit_container_write_strings(writer, "tracks/path", index->n_tracks, index->paths));
    LEIT_TRY(
        leit_container_write(writer, "tracks/size_bytes", LEIT_I64, 1, shape, index->size_bytes));
    LEIT_TRY(leit_container_write(writer, "tracks/mtime_ns", LEIT_I64, 1, shape, index->mtime_ns));
    LEIT_TRY(leit_container_write(writer, "tracks/xxh3", LEIT_I64, 1, shape, index->xxh3));
    LEIT_TRY(
        leit_container_write(writer, "tracks/duration_s", LEIT_F64, 1, shape, index->duration_s));
    LEIT_TRY(leit_container_write(writer, "tracks/loudness_lkfs", LEIT_F64, 1, shape,
                                  index->loudness_lkfs));
    if (index->mood != NULL)
        LEIT_TRY(leit_container_write(writer, "tracks/mood", LEIT_I32, 1, shape, index->mood));
    return leit_container_write(writer, "tracks/answer", LEIT_F32, 2, shape, index->answers);
}

leit_status leit_index_write(const leit_index *index, const char *path)
{
    leit_container_writer *writer = NULL;
    LEIT_TRY(leit_container_create(path, LEIT_INDEX_FORMAT, LEIT_INDEX_VERSION, &writer));
    leit_status status = write_about(index, writer);
    if (status == LEIT_OK) status = write_tracks(index, writer);
    if (status == LEIT_OK)
        status = leit_container_write_strings(writer, "skipped/path", index->n_skipped,
                                              index->skipped_paths);
    if (status == LEIT_OK)
        status = leit_container_write_strings(writer, "skipped/reason", index->n_skipped,
                                              index->skipped_reasons);
    if (status != LEIT_OK) {
        leit_container_abort(writer);
        return status;
    }
    return leit_container_commit(writer);
}

/* ---- reading ---- */

static leit_status read_about(leit_index *index)
{
    leit_container *container = index->container;
    leit_arena *arena = &index->arena;
    leit_index_space *space = &index->space;
    int64_t fingerprint = 0;
    const char **labels = NULL;
    LEIT_TRY(leit_container_text(container, "", "folder", arena, &index->folder));
    LEIT_TRY(leit_container_text(container, "", "model", arena, &index->model));
    LEIT_TRY(leit_container_text(container, "", "recipe", arena, &space->recipe));
    LEIT_TRY(leit_container_text(container, "", "strategy", arena, &space->strategy));
    LEIT_TRY(leit_container_text(container, "", "rule", arena, &space->rule));
    LEIT_TRY(leit_container_i64(container, "", "width", &space->width));
    LEIT_TRY(leit_container_i64(container, "", "fingerprint", &fingerprint));
    LEIT_TRY(leit_container_i64(container, "", "n_pending", &index->n_pending));
    LEIT_TRY(leit_container_read_strings(container, "space/music_labels", arena,
                                         &space->n_music_labels, &labels));
    LEIT_FAIL_IF(space->width < 1, LEIT_DATA, "%s: width is %" PRId64 ", expected at least 1",
                 index->path, space->width);
    space->fingerprint = (uint64_t)fingerprint;
    space->music_labels = labels;
    return LEIT_OK;
}

/* Maps a column of N (rows of `width`) and compares its sum. */
static leit_status map_column(leit_index *index, const char *name, leit_dtype dtype, int rank,
                              const void **data)
{
    int64_t shape[2] = {index->n_tracks, index->space.width};
    return leit_container_map(index->container, name, dtype, rank, shape, LEIT_CHECK_SUM, data);
}

static leit_status map_i64(leit_index *index, const char *name, const int64_t **column)
{
    const void *data = NULL;
    LEIT_TRY(map_column(index, name, LEIT_I64, 1, &data));
    *column = data;
    return LEIT_OK;
}

static leit_status map_f64(leit_index *index, const char *name, const double **column)
{
    const void *data = NULL;
    LEIT_TRY(map_column(index, name, LEIT_F64, 1, &data));
    *column = data;
    return LEIT_OK;
}

static leit_status map_moods(leit_index *index)
{
    const void *data = NULL;
    LEIT_TRY(map_column(index, "tracks/mood", LEIT_I32, 1, &data));
    index->mood = data;
    for (int64_t i = 0; i < index->n_tracks; i++)
        LEIT_FAIL_IF(index->mood[i] < 0 || index->mood[i] >= index->space.n_music_labels, LEIT_DATA,
                     "%s: track %" PRId64 " has mood %d of %" PRId64, index->path, i,
                     index->mood[i], index->space.n_music_labels);
    return LEIT_OK;
}

static leit_status read_tracks(leit_index *index)
{
    leit_container *container = index->container;
    const char **paths = NULL, **skipped = NULL, **reasons = NULL;
    const void *answers = NULL;
    int64_t n_reasons = 0;
    LEIT_TRY(leit_container_read_strings(container, "tracks/path", &index->arena, &index->n_tracks,
                                         &paths));
    index->paths = paths;
    LEIT_TRY(map_i64(index, "tracks/size_bytes", &index->size_bytes));
    LEIT_TRY(map_i64(index, "tracks/mtime_ns", &index->mtime_ns));
    LEIT_TRY(map_i64(index, "tracks/xxh3", &index->xxh3));
    LEIT_TRY(map_f64(index, "tracks/duration_s", &index->duration_s));
    LEIT_TRY(map_f64(index, "tracks/loudness_lkfs", &index->loudness_lkfs));
    if (index->space.n_music_labels > 0) LEIT_TRY(map_moods(index));
    LEIT_TRY(map_column(index, "tracks/answer", LEIT_F32, 2, &answers));
    index->answers = answers;
    LEIT_TRY(leit_container_read_strings(container, "skipped/path", &index->arena,
                                         &index->n_skipped, &skipped));
    LEIT_TRY(leit_container_read_strings(container, "skipped/reason", &index->arena, &n_reasons,
                                         &reasons));
    LEIT_FAIL_IF(n_reasons != index->n_skipped, LEIT_DATA,
                 "%s: %" PRId64 " skipped files have %" PRId64 " reasons", index->path,
                 index->n_skipped, n_reasons);
    index->skipped_paths = skipped;
    index->skipped_reasons = reasons;
    return LEIT_OK;
}

leit_status leit_index_open(const char *path, leit_index **index)
{
    *index = NULL;
    leit_index *opened = NULL;
    LEIT_TRY(LEIT_ALLOC(opened, 1));
    leit_status status = LEIT_INTERNAL;
    opened->path = leit_arena_strdup(&opened->arena, path);
    if (opened->path != NULL)
        status =
            leit_container_open(path, LEIT_INDEX_FORMAT, LEIT_INDEX_VERSION, &opened->container);
    if (status == LEIT_OK) status = read_about(opened);
    if (status == LEIT_OK) status = read_tracks(opened);
    if (status == LEIT_DATA)
        status = leit_fail(LEIT_CHECKPOINT, leit_error_function(),
                           "%s; index again: leitmotif index FOLDER --model RUN -o %s",
                           leit_error_message(), path);
    if (status != LEIT_OK) {
        leit_index_close(opened);
        return status;
    }
    *index = opened;
    return LEIT_OK;
}

void leit_index_close(leit_index *index)
{
    if (index == NULL) return;
    leit_container_close(index->container);
    leit_arena_clear(&index->arena);
    leit_free(index);
}

int64_t leit_index_count(const leit_index *index)
{
    return index->n_tracks;
}

leit_status leit_index_track_at(const leit_index *index, int64_t i, leit_index_track *track)
{
    LEIT_FAIL_IF(i < 0 || i >= index->n_tracks, LEIT_USAGE,
                 "track %" PRId64 " of %" PRId64 " was asked for", i, index->n_tracks);
    *track = (leit_index_track){
        .path = index->paths[i],
        .mood = index->mood == NULL ? NULL : index->space.music_labels[index->mood[i]],
        .duration_s = index->duration_s[i],
        .loudness_lkfs = index->loudness_lkfs[i]};
    return LEIT_OK;
}
