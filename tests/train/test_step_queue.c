/* Steps that are looked at late: behind the fence (memory the program cannot touch), where several
 * are on their way at once, a run leaves what it leaves on the CPU to the byte; and a step whose loss
 * is not finite is found and named as if it had been looked at at once. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/stop.h"
#include "corpus/corpus.h"
#include "kernels/adam.h"
#include "leitmotif/train.h"
#include "support/fenced_backend.h"
#include "support/same_runs.h"
#include "support/testing.h"
#include "support/toy.h"
#include "train/trainer.h"

static leit_status train_batch(const leit_backend *backend, const char *strategy, const char *run,
                               int batch)
{
    char directory[1300], size[32];
    snprintf(directory, sizeof directory, "run.directory=%s", leit_test_scratch(run));
    snprintf(size, sizeof size, "train.batch=%d", batch);
    /* Seed 6 draws the loud tag in the third step, and not in the steps that are on their way then. */
    const char *const words[] = {directory, size, "seed=6", NULL};
    leit_recipe *recipe = leit_toy_recipe(leit_test_directory(), strategy, words);
    const leit_status status = leit_train_on(backend, recipe, NULL);
    leit_recipe_free(recipe);
    return status;
}

static leit_status train(const leit_backend *backend, const char *strategy, const char *run)
{
    return train_batch(backend, strategy, run, 4);
}

static void the_same_run(void **state)
{
    const char *strategy = *state;
    char cpu[64], fenced[64];
    snprintf(cpu, sizeof cpu, "cpu_%s", strategy);
    snprintf(fenced, sizeof fenced, "fenced_%s", strategy);
    assert_ok(train(leit_backend_cpu(), strategy, cpu));
    assert_ok(train(leit_backend_fenced(), strategy, fenced));
    assert_int_equal(leit_fence_allocations(), 0);
    leit_test_same_run(cpu, fenced);
}

/* A stop takes down what is on its way before it saves. */
static void stops_and_goes_on(void **state)
{
    (void)state;
    leit_request_stop();
    assert_int_equal(train(leit_backend_fenced(), "metric2", "stopped"), LEIT_AGAIN);
    leit_stop_set(false);
    assert_ok(train(leit_backend_fenced(), "metric2", "stopped"));
    leit_test_same_run("cpu_metric2", "stopped");
}

/* The vector of one mood, drawn after some steps that are well, overflows when it is squared. */
static void write_a_loud_tag(void)
{
    leit_tag_corpus *tags = NULL;
    assert_ok(leit_tag_corpus_open(leit_test_scratch("tags.h5"), &tags));
    leit_tag_corpus loud = *tags;
    const int64_t n = tags->n_tags * tags->vector_width;
    float *vectors = leit_allocate((size_t)n, sizeof *vectors);
    memcpy(vectors, tags->vectors, (size_t)n * sizeof *vectors);
    for (int64_t i = 0; i < tags->vector_width; i++) vectors[i] = 1e30f;
    loud.vectors = vectors;
    assert_ok(leit_tag_corpus_write(&loud, leit_test_scratch("loud.h5")));
    leit_tag_corpus_close(tags);
    leit_free(vectors);
    assert_int_equal(rename(leit_test_scratch("loud.h5"), leit_test_scratch("tags.h5")), 0);
}

static void names_the_step_that_was_not_finite(void **state)
{
    (void)state;
    char sentence[600];
    write_a_loud_tag();
    assert_int_equal(train(leit_backend_cpu(), "w2v_regression", "same"), LEIT_NUMERICAL);
    snprintf(sentence, sizeof sentence, "%s", leit_error_message());
    assert_non_null(strstr(sentence, "phase text, step "));
    assert_null(strstr(sentence, "step 1:"));
    assert_non_null(strstr(sentence, "text.fc2.mse.rows is not finite"));
    assert_int_equal(leit_file_remove(leit_test_scratch("same")), LEIT_OK);
    assert_int_equal(train(leit_backend_fenced(), "w2v_regression", "same"), LEIT_NUMERICAL);
    assert_string_equal(leit_error_message(), sentence);
}

/* A device of so many bytes. */
enum { MOST_PIECES = 256 };
static size_t room, used, most_used;
static struct {
    void *memory;
    size_t bytes;
} pieces[MOST_PIECES];
static leit_backend small;

static int find_piece(const void *memory)
{
    int i = 0;
    while (i < MOST_PIECES && pieces[i].memory != memory) i++;
    assert_true(i < MOST_PIECES);
    return i;
}

static void *allocate(size_t bytes, bool at_once)
{
    if (used + bytes > room) {
        leit_fail(LEIT_DEVICE, __func__, "%zu bytes are not to be had", bytes);
        return NULL;
    }
    const int i = find_piece(NULL);
    pieces[i].memory = leit_backend_fenced()->memory.allocate(bytes, at_once);
    pieces[i].bytes = bytes;
    used += bytes;
    if (used > most_used) most_used = used;
    return pieces[i].memory;
}

static void release(void *memory)
{
    if (memory == NULL) return;
    const int i = find_piece(memory);
    used -= pieces[i].bytes;
    pieces[i].memory = NULL;
    leit_backend_fenced()->memory.release(memory);
}

static size_t free_bytes(void)
{
    return room - used;
}

static void open_small_device(size_t bytes)
{
    small = *leit_backend_fenced();
    small.memory.allocate = allocate;
    small.memory.release = release;
    small.memory.free_bytes = free_bytes;
    room = bytes;
    most_used = 0;
}

static void what_does_not_fit_is_named(void **state)
{
    (void)state;
    open_small_device(4096);
    assert_fails(train(&small, "metric2", "small"), LEIT_DEVICE, "the parameters: ");
    assert_non_null(strstr(leit_error_message(), "no train.batch fits into the 0.0 MiB"));
    open_small_device((size_t)3 << 19);
    assert_fails(train(&small, "metric2", "small"), LEIT_DEVICE,
                 "the activations of a plan (leitmotif plan shows all): ");
    assert_int_equal(leit_fence_allocations(), 0);
}

/* The batch that is advised trains in the memory that there is, and the next larger one does not. */
static void what_would_fit_is_told(void **state)
{
    (void)state;
    open_small_device((size_t)1 << 40);
    assert_ok(train_batch(&small, "metric2", "eight", 8));
    open_small_device(most_used / 4 * 5);
    assert_int_equal(train_batch(&small, "metric2", "sixteen", 16), LEIT_DEVICE);
    int batch = 0;
    const char *advice = strstr(leit_error_message(), "train.batch=");
    assert_non_null(advice);
    assert_int_equal(sscanf(advice, "train.batch=%d would fit into the ", &batch), 1);
    assert_in_range(batch, 8, 14);
    assert_ok(train_batch(&small, "metric2", "advised", batch));
    assert_int_equal(train_batch(&small, "metric2", "more", batch + 2), LEIT_DEVICE);
    assert_int_equal(leit_fence_allocations(), 0);
}

/* ---- ranges ---- */

static char seen[256];
static int depth;

/* The ranges of the first step, those of nodes as a dot. */
static void begin_range(const char *name)
{
    const char *const parts[] = {"step", "batch", "forward", "backward", "optimizer"};
    const size_t n = strlen(seen);
    bool is_part = false;
    for (int i = 0; i < 5; i++) is_part |= strcmp(name, parts[i]) == 0;
    assert_true(is_part || depth > 0);
    depth++;
    if (!is_part && n > 0 && seen[n - 1] == '.') return;
    snprintf(seen + n, sizeof seen - n, "%s", is_part ? name : ".");
}

static void end_range(void)
{
    assert_true(depth-- > 0);
    const size_t n = strlen(seen);
    if (depth < 2) snprintf(seen + n, sizeof seen - n, ")");
}

static void a_profiler_sees_the_parts_of_a_step(void **state)
{
    (void)state;
    static const leit_ranges ranges = {begin_range, end_range};
    static const char first_step[] = "stepbatch)forward.)backward.)optimizer))";
    small = *leit_backend_fenced();
    small.ranges = &ranges;
    seen[0] = '\0';
    assert_ok(train(&small, "metric2", "ranges"));
    assert_int_equal(depth, 0);
    if (strncmp(seen, first_step, sizeof first_step - 1) != 0) fail_msg("%s", seen);
}

/* What passes the bus in each step of metric2, whose batches are drawn anew each time. */
static int n_steps_seen, n_writes_first, n_writes_later;

static void begin_counting(const char *name)
{
    depth++;
    n_steps_seen += strcmp(name, "step") == 0;
}

static void end_counting(void)
{
    depth--;
}

static leit_status count_write(void *to, const void *from, size_t bytes, void *stream)
{
    if (depth > 0) ++*(n_steps_seen == 1 ? &n_writes_first : &n_writes_later);
    return leit_backend_fenced()->memory.write(to, from, bytes, stream);
}

static void nothing_passes_in_a_step(void **state)
{
    (void)state;
    static const leit_ranges ranges = {begin_counting, end_counting};
    small = *leit_backend_fenced();
    small.ranges = &ranges;
    small.memory.write = count_write;
    assert_ok(train(&small, "metric2", "passes"));
    assert_in_range(n_steps_seen, 10, 1000);
    assert_in_range(n_writes_first, 1, 10); /* what no batch changes */
    assert_int_equal(n_writes_later, 0);
}

static int n_adams;

static leit_status fail_in_the_third_step(const leit_exec *exec, const void *args)
{
    const struct leit_adam *adam = args;
    if (adam->work == LEIT_ADAM_STEP && ++n_adams == 3)
        return leit_fail(LEIT_DEVICE, __func__, "adam: a CUDA launch was refused: all is lost");
    return leit_backend_fenced()->ops[LEIT_OP_adam].forward(exec, args);
}

static void a_device_that_fails_is_told_with_the_step(void **state)
{
    (void)state;
    small = *leit_backend_fenced();
    small.ops[LEIT_OP_adam].forward = fail_in_the_third_step;
    assert_fails(train(&small, "metric2", "lost"), LEIT_NUMERICAL,
                 "phase joint, step 3: the device failed, and the checkpoints in ");
    assert_non_null(strstr(leit_error_message(), "adam: a CUDA launch was refused: all is lost"));
    assert_int_equal(leit_fence_allocations(), 0);
}

static int write_corpora(void **state)
{
    (void)state;
    const leit_toy_options options = {
        .n_texts_per_label = 10, .n_clips_per_label = 5, .n_samples = LEIT_TOY_CROP};
    leit_toy_write(leit_test_directory(), &options);
    return 0;
}

#define OF(strategy)                                                                               \
    {                                                                                              \
        .name = "the_same_run of " #strategy, .test_func = the_same_run,                           \
        .initial_state = (void *)(uintptr_t) #strategy                                             \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF(w2v_regression),
        OF(metric2),
        cmocka_unit_test(stops_and_goes_on),
        cmocka_unit_test(what_does_not_fit_is_named),
        cmocka_unit_test(what_would_fit_is_told),
        cmocka_unit_test(a_profiler_sees_the_parts_of_a_step),
        cmocka_unit_test(nothing_passes_in_a_step),
        cmocka_unit_test(a_device_that_fails_is_told_with_the_step),
        cmocka_unit_test(names_the_step_that_was_not_finite),
    };
    return cmocka_run_group_tests(tests, write_corpora, NULL);
}
