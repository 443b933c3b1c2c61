/* The cold start of a match: the whole process of `leitmotif match` on a text of five sentences,
 * with a metric3 model of MiniLM size (6 layers, width 384, random weights) and an index of 100,000
 * tracks.
 *
 *     bench_cold_start FOLDER LEITMOTIF [runs=9]
 *
 * Leaves model, index and text in FOLDER when they are not there, the same weights and rows in the
 * forms that bench/peers/cold_start.py loads beside them. One JSON line: median, fastest and
 * slowest milliseconds of the process, its processor milliseconds, and the rows of the ten best
 * tracks: equal rows mean equal work. */
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/rng.h"
#include "model/safetensors.h"
#include "search/index_file.h"

enum {
    MAX_RUNS = 64,
    WARM_UP = 1,
    N_TRACKS = 100000,
    TOP = 10,
    VOCABULARY = 30522,
    WORD2VEC = 300
};

static const char story[] =
    "Ada lived with her grandmother in the mill at the end of the valley. All summer the wheel "
    "turned and the robins sang in the apple trees. In the morning the steward came with six men "
    "and without a greeting. The blood rose to her face, and she cried until the stars grew pale. "
    "That night she went after him through the forest, alone and afraid.\n";

static const char words[] =
    "[PAD] [UNK] [CLS] [SEP] [MASK] . , ada lived with her grandmother in the mill at end of "
    "valley "
    "all summer wheel turned and robins sang apple trees morning steward came six men without a "
    "greeting blood rose to face she cried until stars grew pale that night went after him through "
    "forest alone afraid";

static const char recipe_text[] =
    "name: bench_cold_start\n"
    "strategy: metric3\n"
    "data: {text: text.h5, music: music.h5, tags: tags.h5, max_tokens: 512}\n"
    "model:\n"
    "  music: {channels: 64}\n"
    "  text: {layers: 6, width: 384, heads: 12, ffn_width: 1536, max_positions: 512}\n"
    "  head: {music_hidden: 128, text_hidden: 128, tag_hidden: 128, embedding_width: 64}\n"
    "run: {device: cpu}\n";

static const char *folder;

static void must(leit_status status)
{
    if (status == LEIT_OK) return;
    fprintf(stderr, "bench_cold_start: %s\n", leit_error_message());
    exit((int)status);
}

static char *path_in_folder(const char *name)
{
    static char paths[8][1024];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* ---- what is matched ---- */

/* The words of the story, and as many others as BERT has. */
static char *make_vocabulary(void)
{
    char *vocabulary = NULL;
    size_t bytes = sizeof words - 1;
    int n = 1;
    must(LEIT_ALLOC(vocabulary, 8 * VOCABULARY));
    memcpy(vocabulary, words, bytes);
    for (size_t i = 0; i < bytes; i++)
        if (vocabulary[i] == ' ') vocabulary[i] = '\n', n++;
    for (vocabulary[bytes++] = '\n'; n < VOCABULARY; n++)
        bytes += (size_t)snprintf(vocabulary + bytes, 8, "w%d\n", n);
    must(leit_file_write(path_in_folder("vocabulary.txt"), vocabulary, bytes));
    return vocabulary;
}

/* The text tower under the names of DistilBertModel, its head under ours. */
static void write_safetensors(const leit_matcher *matcher)
{
    leit_tensor *tensors = NULL;
    int64_t n = 0;
    must(LEIT_ALLOC(tensors, matcher->parameters.count));
    for (size_t i = 0; i < matcher->parameters.count; i++) {
        const leit_parameter *p = &matcher->parameters.list[i];
        if (strncmp(p->name, "text.", 5) != 0) continue;
        tensors[n] =
            (leit_tensor){.name = p->name + 5, .dtype = LEIT_F32, .rank = p->rank, .data = p->data};
        memcpy(tensors[n++].shape, p->shape, sizeof p->shape);
    }
    must(leit_safetensors_write(path_in_folder("model.safetensors"), tensors, n));
    leit_free(tensors);
}

/* So that the match names emotions. */
static void learn_places(leit_matcher *matcher)
{
    enum { N = 7, WIDTH = 64 };
    static const int32_t text_label[N] = {0, 1, 2, 3, 4, 0, 1},
                         music_label[N] = {0, 1, 2, 3, 4, 5, 6};
    float answers[N * WIDTH];
    leit_rng rng = leit_rng_start(1, 0, 0, 1);
    for (int i = 0; i < N * WIDTH; i++) answers[i] = leit_rng_normal(&rng);
    must(leit_matcher_learn_places(matcher, LEIT_MODALITY_TEXT, WIDTH, N, answers, text_label));
    must(leit_matcher_learn_places(matcher, LEIT_MODALITY_MUSIC, WIDTH, N, answers, music_label));
}

static void write_model(void)
{
    static const char *const moods[] = {"anger",     "fearful", "happy", "sad",
                                        "surprised", "funny",   "tender"};
    const leit_mood_names names = {5, 7, moods, moods, VOCABULARY, WORD2VEC};
    char *vocabulary = make_vocabulary();
    leit_recipe *recipe = NULL;
    leit_matcher *matcher = NULL;
    leit_tower text, music;
    leit_checkpoint_writer *writer = NULL;
    must(leit_recipe_parse("cold_start.yaml", recipe_text, sizeof recipe_text - 1, NULL, 0,
                           &recipe));
    must(leit_matcher_create(recipe, &names, leit_backend_cpu(), NULL, &matcher));
    must(leit_tower_create(matcher, LEIT_MODALITY_TEXT, &text));
    must(leit_tower_create(matcher, LEIT_MODALITY_MUSIC, &music));
    must(leit_matcher_allocate(matcher, false));
    learn_places(matcher);
    must(leit_checkpoint_create(folder, "model", &writer));
    must(leit_matcher_save(matcher, vocabulary, writer));
    must(leit_checkpoint_commit(writer, false));
    write_safetensors(matcher);
    leit_tower_clear(&text);
    leit_tower_clear(&music);
    leit_matcher_free(matcher);
    leit_recipe_free(recipe);
    leit_free(vocabulary);
}

/* Rows of length 1, as an index has them. */
static float *draw_answers(int64_t width)
{
    float *answers = NULL;
    leit_rng rng = leit_rng_start(1, 0, 0, 0);
    must(LEIT_ALLOC(answers, N_TRACKS * width));
    for (int64_t i = 0; i < N_TRACKS; i++) {
        double squares = 0;
        float *row = answers + i * width;
        for (int64_t j = 0; j < width; j++) {
            row[j] = leit_rng_normal(&rng);
            squares += (double)row[j] * (double)row[j];
        }
        for (int64_t j = 0; j < width; j++) row[j] = (float)(row[j] / sqrt(squares));
    }
    return answers;
}

/* NumPy's format 1.0: the header ends on a multiple of 64 bytes. */
static void write_npy(const float *answers, int64_t width)
{
    enum { HEAD_BYTES = 128 };
    char head[HEAD_BYTES + 1] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, HEAD_BYTES - 10, 0};
    const int used = snprintf(head + 10, HEAD_BYTES - 10,
                              "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %lld), }",
                              N_TRACKS, (long long)width);
    memset(head + 10 + used, ' ', (size_t)(HEAD_BYTES - 10 - used));
    head[HEAD_BYTES - 1] = '\n';
    leit_buffer file = {0};
    must(leit_buffer_append(&file, head, HEAD_BYTES));
    must(leit_buffer_append(&file, answers, (size_t)(N_TRACKS * width) * sizeof *answers));
    must(leit_file_write(path_in_folder("answers.npy"), file.data, file.size_bytes));
    leit_buffer_clear(&file);
}

static void write_index(void)
{
    leit_loaded_matcher loaded;
    const char *model = path_in_folder("model");
    leit_index index = {.path = path_in_folder("index.h5"),
                        .folder = "/music",
                        .model = model,
                        .n_tracks = N_TRACKS};
    must(leit_matcher_open_towers(model, leit_backend_cpu(), NULL, LEIT_TOWER_TEXT, &loaded));
    must(leit_index_space_of(&loaded, &index.space));
    const char **paths = NULL;
    int64_t *zeros = NULL;
    double *seconds = NULL;
    float *answers = draw_answers(index.space.width);
    leit_arena arena = {0};
    must(LEIT_ALLOC(paths, N_TRACKS));
    must(LEIT_ALLOC(zeros, N_TRACKS));
    must(LEIT_ALLOC(seconds, N_TRACKS));
    for (int i = 0; i < N_TRACKS; i++)
        paths[i] =
            leit_arena_printf(&arena, "artist %03d/album %d/%06d.flac", i / 100, i / 10 % 10, i);
    index.paths = paths;
    index.size_bytes = index.mtime_ns = index.xxh3 = zeros;
    index.duration_s = index.loudness_lkfs = seconds;
    index.answers = answers;
    must(leit_index_write(&index, index.path));
    write_npy(answers, index.space.width);
    leit_arena_clear(&arena);
    leit_free(paths);
    leit_free(zeros);
    leit_free(seconds);
    leit_free(answers);
    leit_matcher_close(&loaded);
}

static void write_folder(void)
{
    must(leit_file_make_directory(folder));
    if (leit_file_exists(path_in_folder("story.txt"))) return;
    write_model();
    write_index();
    must(leit_file_write(path_in_folder("story.txt"), story, sizeof story - 1));
}

/* ---- the process ---- */

typedef struct run_time {
    double wall_ms, processor_ms;
} run_time;

static run_time run_once(char *const arguments[])
{
    pid_t child;
    int outcome = 0;
    struct rusage use;
    const int64_t start_ns = leit_clock_ns();
    const int failed = posix_spawn(&child, arguments[0], NULL, NULL, arguments, environ);
    if (failed != 0 || wait4(child, &outcome, 0, &use) != child || outcome != 0) {
        fprintf(stderr, "bench_cold_start: %s: %s\n", arguments[0],
                failed != 0 ? strerror(failed) : "did not end well");
        exit(1);
    }
    return (run_time){1e3 * leit_clock_seconds_since(start_ns),
                      1e3 * (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                          1e-3 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec)};
}

static int by_wall(const void *a, const void *b)
{
    const double x = ((const run_time *)a)->wall_ms, y = ((const run_time *)b)->wall_ms;
    return (x > y) - (x < y);
}

static int by_processor(const void *a, const void *b)
{
    const double x = ((const run_time *)a)->processor_ms, y = ((const run_time *)b)->processor_ms;
    return (x > y) - (x < y);
}

/* "artist 012/album 3/001234.flac" is row 1234. */
static void print_rows(const char *m3u)
{
    leit_buffer text = {0};
    must(leit_file_read(m3u, 1 << 20, &text));
    const char *comma = "";
    for (const char *at = leit_buffer_text(&text); *at != '\0';) {
        const char *end = at + strcspn(at, "\n");
        if (strncmp(at, "artist ", 7) == 0) {
            printf("%s%ld", comma, strtol(end - strlen("001234.flac"), NULL, 10));
            comma = ", ";
        }
        at = *end == '\0' ? end : end + 1;
    }
    leit_buffer_clear(&text);
}

int main(int argc, char **argv)
{
    const int runs = argc > 3 && strncmp(argv[3], "runs=", 5) == 0 ? atoi(argv[3] + 5) : 9;
    if (argc < 3 || runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr, "usage: bench_cold_start FOLDER LEITMOTIF [runs=9, at most %d]\n",
                MAX_RUNS);
        return LEIT_USAGE;
    }
    folder = argv[1];
    write_folder();
    char top[8], index[1024], model[1024], text[1024], cues[1024];
    snprintf(top, sizeof top, "%d", TOP);
    snprintf(index, sizeof index, "%s/index.h5", folder);
    snprintf(model, sizeof model, "%s/model", folder);
    snprintf(text, sizeof text, "%s/story.txt", folder);
    snprintf(cues, sizeof cues, "%s/cues.m3u", folder);
    char *const arguments[] = {argv[2], "match", text,       "--index", index, "--model", model,
                               "--top", top,     "--format", "m3u",     "-o",  cues,      NULL};
    run_time times[MAX_RUNS];
    for (int run = -WARM_UP; run < runs; run++) times[run < 0 ? 0 : run] = run_once(arguments);
    qsort(times, (size_t)runs, sizeof *times, by_processor);
    const double processor_ms = times[runs / 2].processor_ms;
    qsort(times, (size_t)runs, sizeof *times, by_wall);
    printf("{\"bench\": \"cold_start\", \"tracks\": %d, \"runs\": %d, \"median_ms\": %.1f, "
           "\"fastest_ms\": %.1f, \"slowest_ms\": %.1f, \"processor_ms\": %.1f, \"rows\": [",
           N_TRACKS, runs, times[runs / 2].wall_ms, times[0].wall_ms, times[runs - 1].wall_ms,
           processor_ms);
    print_rows(cues);
    printf("]}\n");
    return 0;
}
