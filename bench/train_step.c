/* One training step of metric3 at MiniLM size: 32 texts, 32 clips, Adam on everything.
 *
 *     bench_train_step [threads=2] [runs=7] [nodes=N]
 *     bench_train_step device=cuda [kernels=fast] [precision=bf16] [runs=7]
 *     bench_train_step write=FOLDER
 *
 * One JSON line: median milliseconds of a step and of its parts, processor milliseconds of a step,
 * the memory the plan asked for and the most the process held. nodes=N adds the N heaviest nodes of
 * the plan, forward and backward apart. write=FOLDER leaves the corpora and the recipe there and
 * does nothing else. On a GPU a run is QUEUED steps one behind the other, recorded, as training queues
 * them (77: there is none). bench/peers/train_step.py is the same step in PyTorch, on texts of the same
 * lengths.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/rng.h"
#include "plan/optimizer.h"
#include "plan/plan_internal.h"
#include "plan/recorded.h"
#include "strategy/matcher.h"
#include "strategy/step.h"
#include "support/chosen_backend.h"
#include "train/clip_store.h"

enum { MAX_RUNS = 64, WARM_UP = 2, BATCH = 32, ROUNDS = 4, QUEUED = 50 };
enum { VOCABULARY = 30522, CLIP_SAMPLES = 96000, WORD2VEC = 300 };

/* Tokens of the texts of a batch: about lognormal, mean 22.6. bench/peers/train_step.py has the
 * same. */
static const int lengths[BATCH] = {21, 9,  34, 15, 60, 11, 25, 17, 13, 46, 7,  29, 19, 23, 12, 37,
                                   16, 26, 8,  41, 20, 14, 31, 10, 53, 18, 27, 6,  22, 17, 24, 13};

static const char *const text_labels[] = {"anger", "fearful", "happy", "sad", "surprised"};
static const char *const music_labels[] = {"angry", "exciting", "funny", "happy",
                                           "sad",   "scary",    "tender"};
enum { K_TEXT = 5, K_MUSIC = 7, K_TAGS = K_TEXT + K_MUSIC };

static const char recipe_text[] = "name: bench_train_step\n"
                                  "strategy: metric3\n"
                                  "data:\n"
                                  "  text: %s/text.h5\n"
                                  "  music: %s/music.h5\n"
                                  "  tags: %s/tags.h5\n"
                                  "  crop_samples: 80000\n"
                                  "  max_tokens: 64\n"
                                  "  eval_crops: 1\n"
                                  "model:\n"
                                  "  music: {channels: 64}\n"
                                  "  text: {layers: 6, width: 384, heads: 12, ffn_width: 1536, "
                                  "max_positions: 512}\n"
                                  "  head: {music_hidden: 128, text_hidden: 128, tag_hidden: 128, "
                                  "embedding_width: 64}\n"
                                  "train: {batch: 32, epochs: 1}\n"
                                  "evaluate: {mappings: [va]}\n"
                                  "run: {device: cpu, directory: %s/run}\n";

static void must(leit_status status)
{
    if (status == LEIT_OK) return;
    fprintf(stderr, "bench_train_step: %s\n", leit_error_message());
    exit((int)status);
}

/* ---- the corpora ---- */

static char *path_in(const char *folder, const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void write_texts(const char *folder)
{
    enum { N = BATCH * ROUNDS };
    static int64_t offsets[N + 1];
    static int32_t label[N];
    static uint8_t split[N];
    static const char *ids[N];
    int32_t *tokens = NULL;
    char *vocabulary = NULL;
    for (int i = 0; i < N; i++) {
        offsets[i + 1] = offsets[i] + lengths[i % BATCH];
        label[i] = i % K_TEXT;
        split[i] = LEIT_SPLIT_TRAIN | LEIT_SPLIT_VALID | LEIT_SPLIT_TEST;
        ids[i] = "synthetic";
    }
    must(LEIT_ALLOC(tokens, offsets[N]));
    leit_rng rng = leit_rng_start(1, 0, 0, 0);
    for (int64_t i = 0; i < offsets[N]; i++)
        tokens[i] = 999 + (int32_t)leit_rng_below(&rng, VOCABULARY - 999);
    must(LEIT_ALLOC(vocabulary, 8 * VOCABULARY));
    size_t bytes = 0;
    for (int i = 0; i < VOCABULARY; i++)
        bytes += (size_t)snprintf(vocabulary + bytes, 8, "w%d\n", i);
    const leit_text_corpus corpus = {.about = {.name = "synthetic", .split = "given"},
                                     .n_texts = N,
                                     .n_labels = K_TEXT,
                                     .labels = text_labels,
                                     .tokens = tokens,
                                     .offsets = offsets,
                                     .label = label,
                                     .split = split,
                                     .ids = ids,
                                     .texts = ids,
                                     .vocabulary = vocabulary,
                                     .vocabulary_bytes = bytes,
                                     .vocabulary_size = VOCABULARY,
                                     .max_tokens = 64};
    must(leit_text_corpus_write(&corpus, path_in(folder, "text.h5")));
    leit_free(tokens);
    leit_free(vocabulary);
}

static void write_music(const char *folder)
{
    enum { N = BATCH * ROUNDS };
    static int64_t offsets[N + 1];
    static int32_t label[N];
    static uint8_t split[N];
    static const char *paths[N];
    static double duration_s[N];
    int16_t *pcm = NULL;
    for (int i = 0; i < N; i++) {
        offsets[i + 1] = offsets[i] + CLIP_SAMPLES;
        label[i] = i % K_MUSIC;
        split[i] = LEIT_SPLIT_TRAIN | LEIT_SPLIT_VALID | LEIT_SPLIT_TEST;
        paths[i] = "";
        duration_s[i] = CLIP_SAMPLES / 16000.0;
    }
    must(LEIT_ALLOC(pcm, offsets[N]));
    leit_rng rng = leit_rng_start(1, 0, 0, 1);
    for (int64_t i = 0; i < offsets[N]; i++)
        pcm[i] = (int16_t)((int)(leit_rng_next(&rng) >> 18) - 8192);
    const leit_music_corpus corpus = {.about = {.name = "synthetic", .split = "given"},
                                      .n_clips = N,
                                      .n_labels = K_MUSIC,
                                      .labels = music_labels,
                                      .pcm = pcm,
                                      .offsets = offsets,
                                      .label = label,
                                      .split = split,
                                      .paths = paths,
                                      .groups = paths,
                                      .duration_s = duration_s,
                                      .sample_rate_hz = 16000};
    must(leit_music_corpus_write(&corpus, path_in(folder, "music.h5")));
    leit_free(pcm);
}

static void write_tags(const char *folder)
{
    static const char *names[K_TAGS];
    static uint8_t modality[K_TAGS];
    static float valence[K_TAGS], arousal[K_TAGS], vectors[K_TAGS * WORD2VEC];
    leit_rng rng = leit_rng_start(1, 0, 0, 2);
    for (int i = 0; i < K_TAGS; i++) {
        names[i] = i < K_TEXT ? text_labels[i] : music_labels[i - K_TEXT];
        modality[i] = i < K_TEXT ? LEIT_MODALITY_TEXT : LEIT_MODALITY_MUSIC;
        valence[i] = leit_rng_uniform(&rng);
        arousal[i] = leit_rng_uniform(&rng);
        for (int e = 0; e < WORD2VEC; e++) vectors[i * WORD2VEC + e] = leit_rng_normal(&rng);
    }
    const leit_tag_corpus corpus = {.about = {.name = "synthetic", .split = "given"},
                                    .n_tags = K_TAGS,
                                    .names = names,
                                    .modality = modality,
                                    .valence = valence,
                                    .arousal = arousal,
                                    .range_low = 0.0,
                                    .range_high = 1.0,
                                    .vector_width = WORD2VEC,
                                    .vectors = vectors};
    must(leit_tag_corpus_write(&corpus, path_in(folder, "tags.h5")));
}

static void write_folder(const char *folder)
{
    char yaml[4096];
    write_texts(folder);
    write_music(folder);
    write_tags(folder);
    const int bytes = snprintf(yaml, sizeof yaml, recipe_text, folder, folder, folder, folder);
    must(leit_file_write(path_in(folder, "step.yaml"), yaml, (size_t)bytes));
}

static void remove_folder(const char *folder)
{
    static const char *const names[] = {"text.h5", "music.h5", "tags.h5", "step.yaml"};
    for (int i = 0; i < 4; i++) unlink(path_in(folder, names[i]));
    rmdir(folder);
}

/* ---- the step ---- */

enum part { FILL, FORWARD, BACKWARD, OPTIMIZER, WHOLE, PROCESSOR, N_PARTS };

typedef struct bench {
    const leit_backend *backend;
    leit_recorded recorded;
    leit_recipe *recipe;
    leit_dataset data;
    leit_threads *threads;
    leit_matcher *matcher;
    leit_step step;
    leit_optimizer *optimizer;
    leit_clip_store clip_store;
    leit_plan_memory memory;
    int32_t texts[BATCH], clips[BATCH], tags[BATCH];
    double ms[N_PARTS][MAX_RUNS];
} bench;

static void open_bench(bench *b, const char *folder, int n_threads)
{
    must(leit_recipe_load(path_in(folder, "step.yaml"), NULL, 0, &b->recipe));
    must(leit_threads_create(n_threads, &b->threads));
    must(leit_dataset_open(b->recipe, &b->data));
    const leit_mood_names names = leit_mood_names_of(&b->data);
    must(leit_matcher_create(b->recipe, &names, b->backend, b->threads, &b->matcher));
    const leit_strategy *strategy = b->matcher->strategy;
    const leit_plan_options options = {
        .backend = b->backend, .threads = b->threads, .training = true, .seed = 1};
    must(leit_step_create(strategy, &strategy->phases[0], &b->matcher->space, &b->data,
                          &b->matcher->front, &options, &b->matcher->parameters, &b->step));
    must(leit_plan_measure(b->step.plan, &b->memory));
    must(leit_matcher_allocate(b->matcher, true));
    must(leit_plan_finish(b->step.plan));
    must(leit_clip_store_open(&b->backend->memory, b->data.music, &b->clip_store));
    b->data.clips = b->clip_store.source;
    static const char *const everything[] = {"", NULL};
    const leit_optimizer_options adam = {
        .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .weight_decay = 1e-4f};
    must(leit_optimizer_create(&adam, b->backend, b->threads, &b->matcher->parameters, everything,
                               &b->optimizer));
}

static void close_bench(bench *b)
{
    leit_recorded_clear(&b->recorded, b->backend);
    leit_optimizer_free(b->optimizer);
    leit_clip_store_close(&b->clip_store);
    leit_step_clear(&b->step);
    leit_matcher_free(b->matcher);
    leit_dataset_close(&b->data);
    leit_threads_free(b->threads);
    leit_recipe_free(b->recipe);
}

/* Another batch every step, the lengths always those of the list. */
static leit_batch next_batch(bench *b, int64_t step)
{
    for (int64_t i = 0; i < BATCH; i++) {
        b->texts[i] = (int32_t)(BATCH * (step % ROUNDS) + i);
        b->clips[i] = (int32_t)((i + 5 * step) % b->data.music->n_clips);
        const int32_t *label = i < BATCH / 2 ? b->data.text->label : b->data.music->label;
        const int32_t *tag = i < BATCH / 2 ? b->data.text_tag : b->data.music_tag;
        b->tags[i] = tag[label[i < BATCH / 2 ? b->texts[i] : b->clips[i - BATCH / 2]]];
    }
    return (leit_batch){.seed = 1,
                        .step = (uint32_t)step,
                        .n_texts = BATCH,
                        .n_clips = BATCH,
                        .n_tags = BATCH,
                        .texts = b->texts,
                        .clips = b->clips,
                        .tags = b->tags};
}

static double lap_ms(int64_t *start_ns)
{
    const double ms = 1e3 * leit_clock_seconds_since(*start_ns);
    *start_ns = leit_clock_ns();
    return ms;
}

static void run_step(bench *b, int64_t number, double ms[N_PARTS])
{
    const leit_batch batch = next_batch(b, number);
    const int64_t processor_ns = leit_clock_processor_ns();
    const int64_t begin = leit_clock_ns();
    int64_t start = begin;
    float norm = 0.0f;
    must(leit_step_fill(&b->step, &b->data, &batch));
    ms[FILL] = lap_ms(&start);
    must(leit_plan_forward(b->step.plan));
    ms[FORWARD] = lap_ms(&start);
    must(leit_parameters_zero_gradients(&b->matcher->parameters));
    must(leit_plan_backward(b->step.plan, 1.0f));
    ms[BACKWARD] = lap_ms(&start);
    must(leit_optimizer_step(b->optimizer, number, 1e-4f, &norm));
    ms[OPTIMIZER] = lap_ms(&start);
    ms[WHOLE] = 1e3 * leit_clock_seconds_since(begin);
    ms[PROCESSOR] = 1e-6 * (double)(leit_clock_processor_ns() - processor_ns);
}

static int ascending(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, ascending);
    return values[n / 2];
}

/* ---- the heaviest nodes ---- */

typedef struct node_time {
    size_t node;
    bool is_backward;
    double ms[MAX_RUNS];
    double median_ms;
} node_time;

static int heavier_first(const void *left, const void *right)
{
    const node_time *a = left, *b = right;
    return (a->median_ms < b->median_ms) - (a->median_ms > b->median_ms);
}

/* Runs the kernels of the plan one by one, as leit_plan_forward and _backward do. */
static void print_nodes(bench *b, int n_wanted, int runs)
{
    leit_plan *plan = b->step.plan;
    const leit_exec exec = {.threads = b->threads,
                            .workspace = plan->workspace,
                            .workspace_bytes = plan->memory.workspace_bytes,
                            .tickets = (unsigned *)plan->tickets};
    const size_t n = plan->n_nodes;
    node_time *times = NULL;
    must(LEIT_ALLOC(times, 2 * (int64_t)n));
    for (size_t i = 0; i < 2 * n; i++) {
        times[i].node = i < n ? i : 2 * n - 1 - i;
        times[i].is_backward = i >= n;
    }
    for (int run = 0; run < runs; run++) {
        for (size_t i = 0; i < 2 * n; i++) {
            const plan_node *node = &plan->nodes[times[i].node];
            const leit_op *op = &plan->options.backend->ops[node->op];
            if (times[i].is_backward && !node->has_backward) continue;
            const int64_t start = leit_clock_ns();
            must((times[i].is_backward ? op->backward : op->forward)(&exec, node->args));
            times[i].ms[run] = 1e3 * leit_clock_seconds_since(start);
        }
    }
    double total = 0.0;
    for (size_t i = 0; i < 2 * n; i++) total += times[i].median_ms = median(times[i].ms, runs);
    qsort(times, 2 * n, sizeof *times, heavier_first);
    for (int i = 0; i < n_wanted && i < 2 * (int)n; i++) {
        const plan_node *node = &plan->nodes[times[i].node];
        printf("{\"node\": \"%s\", \"op\": \"%s\", \"direction\": \"%s\", \"ms\": %.2f, "
               "\"share\": %.3f}\n",
               node->name, plan->options.backend->ops[node->op].name,
               times[i].is_backward ? "backward" : "forward", times[i].median_ms,
               times[i].median_ms / total);
    }
    leit_free(times);
}

/* ---- on a GPU ---- */

static leit_status enqueue(void *context)
{
    bench *b = context;
    LEIT_TRY(leit_parameters_zero_gradients(&b->matcher->parameters));
    LEIT_TRY(leit_plan_enqueue(b->step.plan));
    return leit_optimizer_enqueue(b->optimizer);
}

/* Milliseconds a step of QUEUED steps that nobody waits for before the last. */
static double queued_ms(bench *b, int64_t *number)
{
    const float learning_rate = 1e-4f;
    must(leit_optimizer_schedule(b->optimizer, *number, &learning_rate, 1));
    const int64_t start = leit_clock_ns();
    for (int i = 0; i < QUEUED; i++) {
        const leit_batch batch = next_batch(b, (*number)++);
        must(leit_step_fill(&b->step, &b->data, &batch));
        must(leit_plan_begin(b->step.plan, 1.0f));
        must(leit_recorded_run(&b->recorded, b->backend, enqueue, b));
    }
    must(leit_mirror_download(leit_plan_results(b->step.plan)));
    return 1e3 * leit_clock_seconds_since(start) / QUEUED;
}

static void measure_queued(const char *folder, const leit_backend *backend, const char *kernels,
                           const char *precision, int runs)
{
    bench b = {.backend = backend};
    double ms[MAX_RUNS];
    int64_t number = 1;
    open_bench(&b, folder, 1);
    queued_ms(&b, &number);
    for (int run = 0; run < runs; run++) ms[run] = queued_ms(&b, &number);
    const double middle = median(ms, runs);
    printf("{\"bench\": \"train_step\", \"gpu\": \"%s\", \"kernels\": \"%s\", \"precision\": "
           "\"%s\", \"runs\": %d, \"median_ms\": %.4f, \"fastest_ms\": %.4f, \"slowest_ms\": %.4f, "
           "\"graph_nodes\": %" PRId64 ", \"loss\": %.6f}\n",
           leit_chosen_gpu(), kernels, precision, runs, middle, ms[0], ms[runs - 1],
           leit_recorded_nodes(&b.recorded, backend), leit_plan_loss_value(b.step.plan));
    close_bench(&b);
}

/* ---- on the CPU ---- */

static void measure(const char *folder, int n_threads, int runs, int n_nodes)
{
    bench b = {.backend = leit_backend_cpu()};
    open_bench(&b, folder, n_threads);
    int64_t number = 1;
    for (int run = -WARM_UP; run < runs; run++) {
        double ms[N_PARTS];
        run_step(&b, number++, ms);
        for (int part = 0; part < N_PARTS && run >= 0; part++) b.ms[part][run] = ms[part];
    }
    const leit_parameters *parameters = &b.matcher->parameters;
    const double planned =
        (double)(4 * (parameters->n_values + 3 * parameters->n_learnt)) +
        (double)(b.memory.input_bytes + b.memory.activation_bytes + b.memory.workspace_bytes);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double middle[N_PARTS];
    for (int part = 0; part < N_PARTS; part++) middle[part] = median(b.ms[part], runs);
    printf("{\"bench\": \"train_step\", \"threads\": %d, \"runs\": %d, \"median_ms\": %.1f, "
           "\"fastest_ms\": %.1f, \"slowest_ms\": %.1f, \"processor_ms\": %.1f, \"fill_ms\": %.2f, "
           "\"forward_ms\": %.1f, \"backward_ms\": %.1f, \"optimizer_ms\": %.1f, "
           "\"planned_mib\": %.1f, \"peak_rss_mib\": %.1f, \"loss\": %.6f}\n",
           n_threads, runs, middle[WHOLE], b.ms[WHOLE][0], b.ms[WHOLE][runs - 1], middle[PROCESSOR],
           middle[FILL], middle[FORWARD], middle[BACKWARD], middle[OPTIMIZER], planned / (1 << 20),
           (double)usage.ru_maxrss / 1024.0, leit_plan_loss_value(b.step.plan));
    if (n_nodes > 0) print_nodes(&b, n_nodes, runs);
    close_bench(&b);
}

int main(int argc, char **argv)
{
    int n_threads = 2, runs = 7, n_nodes = 0;
    const char *folder = NULL, *device = "cpu", *kernels = "fast", *precision = "fp32";
    bool is_known = true;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "threads=", 8) == 0)
            n_threads = atoi(argv[i] + 8);
        else if (strncmp(argv[i], "runs=", 5) == 0)
            runs = atoi(argv[i] + 5);
        else if (strncmp(argv[i], "nodes=", 6) == 0)
            n_nodes = atoi(argv[i] + 6);
        else if (strncmp(argv[i], "device=", 7) == 0)
            device = argv[i] + 7;
        else if (strncmp(argv[i], "kernels=", 8) == 0)
            kernels = argv[i] + 8;
        else if (strncmp(argv[i], "precision=", 10) == 0)
            precision = argv[i] + 10;
        else if (strncmp(argv[i], "write=", 6) == 0)
            folder = argv[i] + 6;
        else
            is_known = false;
    }
    if (!is_known || n_threads < 1 || runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr,
                "usage: bench_train_step [threads=N] [runs=1 to %d] [nodes=N] | device=cuda "
                "[kernels=WORD] [precision=WORD] [runs=N] | write=FOLDER\n",
                MAX_RUNS);
        return LEIT_USAGE;
    }
    if (folder != NULL) {
        must(leit_file_make_directory(folder));
        write_folder(folder);
        return 0;
    }
    const leit_backend *backend = NULL;
    const leit_status chosen = leit_choose_backend(device, kernels, precision, &backend);
    if (chosen != LEIT_OK) {
        fprintf(stderr, "bench_train_step: %s\n", leit_error_message());
        return chosen == LEIT_DEVICE ? 77 : LEIT_USAGE;
    }
    char temporary[] = "/tmp/leitmotif_step_XXXXXX";
    if (mkdtemp(temporary) == NULL) {
        fprintf(stderr, "bench_train_step: %s: %s\n", temporary, strerror(errno));
        return LEIT_INTERNAL;
    }
    write_folder(temporary);
    if (backend->memory.is_host)
        measure(temporary, n_threads, runs, n_nodes);
    else
        measure_queued(temporary, backend, kernels, precision, runs);
    remove_folder(temporary);
    return 0;
}
