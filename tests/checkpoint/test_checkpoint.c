#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/rng.h"
#include "leitmotif/log.h"
#include "support/testing.h"

static leit_arena paths; /* lives as long as the program */

static const char *below(const char *folder, const char *name)
{
    return leit_arena_printf(&paths, "%s/%s", folder, name);
}

/* ---- one of everything ---- */

static const float weight[2][3] = {{1, -2, 3}, {0.5F, 1e-30F, 6}};
static const int64_t steps[3] = {1, -5, INT64_MAX};
static const uint16_t half[2] = {0x3f80, 0xc000};
static const char *const labels[] = {"angry", "", "s\xc3\xbc\xc3\x9f"};
enum { LONG_BYTES = 230 << 10 };

static char *long_text(void)
{
    static char text[LONG_BYTES + 1];
    for (int i = 0; i < LONG_BYTES; i++) text[i] = (char)(i % 7 == 6 ? '\n' : 'a' + i % 26);
    return text;
}

static leit_status fill(leit_checkpoint_writer *writer, float mark, bool with_long_text)
{
    float marked[2][3];
    memcpy(marked, weight, sizeof marked);
    marked[0][0] = mark;
    const leit_tensor tensors[] = {
        {"text.layer.0.weight", LEIT_F32, 2, {2, 3}, marked},
        {"moment1/text.layer.0.weight", LEIT_F32, 2, {2, 3}, marked},
        {"steps", LEIT_I64, 1, {3}, (void *)(uintptr_t)steps},
        {"half", LEIT_BF16, 1, {2}, (void *)(uintptr_t)half},
        {"scalar", LEIT_F64, 0, {0}, &(double){2.5}},
        {"empty", LEIT_F32, 2, {0, 4}, NULL},
    };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        LEIT_TRY(leit_checkpoint_add(writer, &tensors[i]));
    if (with_long_text) LEIT_TRY(leit_checkpoint_add_text(writer, "vocabulary", long_text()));
    LEIT_TRY(leit_checkpoint_add_text(writer, "recipe", "a: 1\n"));
    LEIT_TRY(leit_checkpoint_add_text(writer, "nothing", ""));
    LEIT_TRY(leit_checkpoint_add_strings(writer, "labels", 3, labels));
    LEIT_TRY(leit_checkpoint_add_strings(writer, "none", 0, NULL));
    LEIT_TRY(leit_checkpoint_add_i64(writer, "state/step", INT64_MIN));
    return leit_checkpoint_add_f64(writer, "state/best", -1.0 / 3.0);
}

static leit_status save(const char *folder, const char *name, float mark, bool moves_latest)
{
    leit_checkpoint_writer *writer = NULL;
    LEIT_TRY(leit_checkpoint_create(folder, name, &writer));
    leit_status status = fill(writer, mark, false);
    if (status != LEIT_OK) {
        leit_checkpoint_abort(writer);
        return status;
    }
    return leit_checkpoint_commit(writer, moves_latest);
}

static float mark_of(const char *path)
{
    leit_checkpoint *checkpoint = NULL;
    float read[2][3] = {{0}};
    assert_ok(leit_checkpoint_open(path, &checkpoint));
    assert_ok(leit_checkpoint_read(
        checkpoint, &(leit_tensor){"text.layer.0.weight", LEIT_F32, 2, {2, 3}, read}));
    leit_checkpoint_close(checkpoint);
    return read[0][0];
}

/* Entries of a folder that are no checkpoint and not `latest`. */
static int count_leftovers(const char *folder)
{
    int count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0)
            count++;
    closedir(directory);
    return count;
}

static void round_trip(void **state)
{
    (void)state;
    const char *folder = leit_test_scratch("run/checkpoints");
    leit_checkpoint_writer *writer = NULL;
    assert_ok(leit_checkpoint_create(folder, "step-1", &writer));
    assert_ok(fill(writer, 1, true));
    assert_false(leit_file_exists(below(folder, "step-1"))); /* not before the commit */
    assert_ok(leit_checkpoint_commit(writer, true));
    assert_int_equal(count_leftovers(folder), 0);
    assert_ok(leit_checkpoint_verify(below(folder, "step-1")));

    leit_checkpoint *checkpoint = NULL;
    assert_ok(leit_checkpoint_open(below(folder, "latest"), &checkpoint));
    assert_string_equal(leit_checkpoint_path(checkpoint), below(folder, "step-1"));
    float read[2][3];
    assert_ok(leit_checkpoint_read(
        checkpoint, &(leit_tensor){"moment1/text.layer.0.weight", LEIT_F32, 2, {2, 3}, read}));
    assert_memory_equal(read, weight, sizeof weight);
    int64_t read_steps[3];
    assert_ok(
        leit_checkpoint_read(checkpoint, &(leit_tensor){"steps", LEIT_I64, 1, {3}, read_steps}));
    assert_memory_equal(read_steps, steps, sizeof steps);
    uint16_t read_half[2];
    assert_ok(
        leit_checkpoint_read(checkpoint, &(leit_tensor){"half", LEIT_BF16, 1, {2}, read_half}));
    assert_memory_equal(read_half, half, sizeof half);
    double scalar = 0;
    assert_ok(
        leit_checkpoint_read(checkpoint, &(leit_tensor){"scalar", LEIT_F64, 0, {0}, &scalar}));
    assert_true(scalar == 2.5);

    leit_arena arena = {0};
    const char *text = NULL;
    assert_ok(leit_checkpoint_text(checkpoint, "vocabulary", &arena, &text));
    assert_string_equal(text, long_text());
    assert_ok(leit_checkpoint_text(checkpoint, "nothing", &arena, &text));
    assert_string_equal(text, "");
    int64_t n = 0, step = 0;
    const char *const *strings = NULL;
    assert_ok(leit_checkpoint_strings(checkpoint, "labels", &arena, &n, &strings));
    assert_int_equal(n, 3);
    for (int i = 0; i < 3; i++) assert_string_equal(strings[i], labels[i]);
    assert_ok(leit_checkpoint_strings(checkpoint, "none", &arena, &n, &strings));
    assert_int_equal(n, 0);
    assert_ok(leit_checkpoint_i64(checkpoint, "state/step", &step));
    assert_true(step == INT64_MIN);
    double best = 0;
    assert_ok(leit_checkpoint_f64(checkpoint, "state/best", &best));
    assert_true(best == -1.0 / 3.0);

    leit_tensor *tensors = NULL;
    assert_ok(leit_checkpoint_list(checkpoint, &arena, &tensors, &n));
    static const char *const expected[] = {"empty",  "half",  "moment1/text.layer.0.weight",
                                           "scalar", "steps", "text.layer.0.weight"};
    assert_int_equal(n, 6);
    for (int i = 0; i < 6; i++) assert_string_equal(tensors[i].name, expected[i]);
    assert_int_equal(tensors[5].rank, 2);
    assert_int_equal(tensors[5].shape[1], 3);
    assert_int_equal(tensors[1].dtype, LEIT_BF16);
    assert_true(leit_checkpoint_has(checkpoint, "steps"));
    assert_false(leit_checkpoint_has(checkpoint, "stepz"));
    assert_false(leit_checkpoint_has(checkpoint, "moment1"));
    leit_checkpoint_close(checkpoint);
    leit_arena_clear(&arena);
    if (getenv("LEIT_KEEP") != NULL) print_message("kept: %s\n", folder);
}

/* A run gives its best, else its latest. */
static void run_folder(void **state)
{
    (void)state;
    const char *run = leit_test_scratch("run2"), *folder = leit_test_scratch("run2/checkpoints");
    assert_ok(leit_file_make_directory(folder));
    leit_checkpoint *checkpoint = NULL;
    assert_fails(leit_checkpoint_open(run, &checkpoint), LEIT_CHECKPOINT, "train it first");
    assert_null(checkpoint);
    assert_ok(save(folder, "step-1", 7, true));
    assert_true(mark_of(run) == 7);
    assert_true(mark_of(below(run, "/")) == 7);
    assert_ok(save(folder, "best", 8, false));
    assert_true(mark_of(run) == 8);
    assert_ok(leit_checkpoint_verify(run));
    assert_true(mark_of(below(folder, "latest")) == 7);
    assert_true(mark_of(below(folder, "latest/")) == 7);
    assert_fails(leit_checkpoint_open(leit_test_scratch("nowhere"), &checkpoint), LEIT_CHECKPOINT,
                 "there is no checkpoint");
}

static void replaces_its_namesake(void **state)
{
    (void)state;
    const char *folder = leit_test_scratch("replace");
    assert_ok(save(folder, "best", 1, true));
    assert_ok(save(folder, "best", 2, true));
    assert_true(mark_of(below(folder, "best")) == 2);
    assert_true(mark_of(below(folder, "latest")) == 2);
    assert_int_equal(count_leftovers(folder), 0);

    leit_checkpoint_writer *writer = NULL;
    assert_ok(leit_checkpoint_create(folder, "best", &writer));
    assert_ok(fill(writer, 3, false));
    leit_checkpoint_abort(writer);
    leit_checkpoint_abort(NULL);
    assert_true(mark_of(below(folder, "best")) == 2);
    assert_int_equal(count_leftovers(folder), 0);

    /* Where two renames are needed, a kill in between leaves this; it can be read, and is mended.
     */
    assert_int_equal(rename(below(folder, "best"), below(folder, ".replaced-best")), 0);
    assert_true(mark_of(below(folder, "best")) == 2);
    assert_true(mark_of(below(folder, "latest")) == 2);
    assert_ok(leit_checkpoint_prune(folder, "step-", 1));
    assert_true(mark_of(below(folder, "best")) == 2);
    assert_int_equal(count_leftovers(folder), 0);
}

static void prunes(void **state)
{
    (void)state;
    const char *folder = leit_test_scratch("prune");
    static const char *const names[] = {"step-1", "step-2", "step-3", "step-4", "step-5"};
    for (int i = 0; i < 5; i++) assert_ok(save(folder, names[i], (float)i, i == 1));
    assert_ok(save(folder, "best", 9, false));
    assert_ok(leit_file_make_directory(below(folder, ".saving-step-9-1")));
    assert_ok(leit_file_make_directory(below(folder, ".removing-step-0/x")));
    assert_int_equal(symlink("step-1", below(folder, ".latest-77")), 0);
    leit_checkpoint_writer *living = NULL; /* a save under way is no leftover */
    assert_ok(leit_checkpoint_create(folder, "step-6", &living));

    assert_ok(leit_checkpoint_prune(folder, "step-", 2));
    for (int i = 0; i < 5; i++)
        assert_int_equal(leit_file_exists(below(folder, names[i])), i == 1 || i >= 3);
    assert_true(leit_file_exists(below(folder, "best")));
    assert_int_equal(count_leftovers(folder), 1);
    assert_ok(fill(living, 5, false));
    assert_ok(leit_checkpoint_commit(living, true));
    assert_ok(leit_checkpoint_prune(folder, "step-", 0)); /* latest alone stays */
    assert_true(leit_file_exists(below(folder, "step-6")));
    assert_false(leit_file_exists(below(folder, "step-5")));
    assert_int_equal(count_leftovers(folder), 0);
    assert_fails(leit_checkpoint_prune(leit_test_scratch("nowhere"), "", 1), LEIT_CHECKPOINT,
                 "cannot prune");
}

static void bad_requests(void **state)
{
    (void)state;
    const char *folder = leit_test_scratch("requests");
    leit_checkpoint_writer *writer = NULL;
    assert_fails(leit_checkpoint_create(folder, "", &writer), LEIT_CHECKPOINT, "expected a name");
    assert_fails(leit_checkpoint_create(folder, "../x", &writer), LEIT_CHECKPOINT, "'../x'");
    assert_fails(leit_checkpoint_create(folder, "latest", &writer), LEIT_CHECKPOINT, "'latest'");
    assert_ok(leit_checkpoint_create(folder, "a", &writer));
    const leit_tensor hidden = {"about/x", LEIT_F32, 0, {0}, &(float){0}};
    assert_fails(leit_checkpoint_add(writer, &hidden), LEIT_CHECKPOINT, "among the texts");
    assert_fails(leit_checkpoint_add_text(writer, "bad", "\xff"), LEIT_CHECKPOINT, "UTF-8");
    assert_fails(leit_checkpoint_commit(writer, true), LEIT_CHECKPOINT, "cannot save");
    assert_false(leit_file_exists(below(folder, "a")));
    assert_int_equal(count_leftovers(folder), 0);

    assert_ok(save(folder, "a", 1, true));
    leit_checkpoint *checkpoint = NULL;
    assert_ok(leit_checkpoint_open(below(folder, "a"), &checkpoint));
    float read[16];
    const leit_tensor shape = {"text.layer.0.weight", LEIT_F32, 2, {3, 2}, read};
    const leit_tensor rank = {"text.layer.0.weight", LEIT_F32, 1, {6}, read};
    const leit_tensor dtype = {"text.layer.0.weight", LEIT_I32, 2, {2, 3}, read};
    const leit_tensor missing = {"text.layer.9.weight", LEIT_F32, 2, {2, 3}, read};
    const leit_tensor group = {"moment1", LEIT_F32, 2, {2, 3}, read};
    assert_fails(leit_checkpoint_read(checkpoint, &shape), LEIT_CHECKPOINT, "expected (3, 2)");
    assert_fails(leit_checkpoint_read(checkpoint, &shape), LEIT_CHECKPOINT, folder);
    assert_fails(leit_checkpoint_read(checkpoint, &rank), LEIT_CHECKPOINT, "expected (6");
    assert_fails(leit_checkpoint_read(checkpoint, &dtype), LEIT_CHECKPOINT, "expected i32");
    assert_fails(leit_checkpoint_read(checkpoint, &missing), LEIT_CHECKPOINT, "layer.9");
    assert_fails(leit_checkpoint_read(checkpoint, &group), LEIT_CHECKPOINT, "moment1");
    leit_arena arena = {0};
    const char *text = NULL;
    int64_t whole = 0;
    double real = 0;
    assert_fails(leit_checkpoint_text(checkpoint, "labels", &arena, &text), LEIT_CHECKPOINT,
                 "expected one text");
    assert_fails(leit_checkpoint_text(checkpoint, "poem", &arena, &text), LEIT_CHECKPOINT, "poem");
    assert_fails(leit_checkpoint_i64(checkpoint, "poem", &whole), LEIT_CHECKPOINT, "poem");
    assert_fails(leit_checkpoint_i64(checkpoint, "state/best", &whole), LEIT_CHECKPOINT, "whole");
    assert_fails(leit_checkpoint_f64(checkpoint, "state/step", &real), LEIT_CHECKPOINT, "floating");
    leit_arena_clear(&arena);
    leit_checkpoint_close(checkpoint);
}

/* ---- damage ---- */

static void write_manifest(const char *checkpoint, const char *text)
{
    assert_ok(leit_file_write(below(checkpoint, "manifest.json"), text, strlen(text)));
}

static void bad_manifests(void **state)
{
    (void)state;
    const char *folder = leit_test_scratch("manifests"), *path = below(folder, "a");
    assert_ok(save(folder, "a", 1, true));
    leit_buffer good = {0};
    assert_ok(leit_file_read(below(path, "manifest.json"), 4096, &good));
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"", "line 1"},
        {"{\"format\": \"leitmotif-checkpoint\"", "line 1"},
        {"[]", "names the format nowhere"},
        {"{\"format\": \"zip\", \"version\": 1}", "names the format zip"},
        {"{\"format\": \"leitmotif-checkpoint\", \"version\": 2}", "has version 2"},
        {"{\"format\": \"leitmotif-checkpoint\", \"version\": \"1\"}", "no whole number"},
        {"{\"format\": \"leitmotif-checkpoint\", \"version\": 1}", "lists 0 files"},
        {"{\"format\": \"leitmotif-checkpoint\", \"version\": 1, \"version\": 1}", "duplicate"},
        {"{\"format\": \"leitmotif-checkpoint\", \"version\": 1, \"files\": {\"tensors.h5\": "
         "{\"bytes\": 10, \"xxh3\": \"0123456789abcdef\"}, \"../x\": {}}}",
         "lists 2 files"},
        {"{\"format\": \"leitmotif-checkpoint\", \"version\": 1, \"files\": {\"tensors.h5\": "
         "{\"bytes\": -1, \"xxh3\": \"0123456789abcdef\"}}}",
         "no size"},
        {"{\"format\": \"leitmotif-checkpoint\", \"version\": 1, \"files\": {\"tensors.h5\": "
         "{\"bytes\": 10, \"xxh3\": \"0x23456789abcdef\"}}}",
         "no XXH3 sum"},
        {"{\"format\": \"leitmotif-checkpoint\", \"version\": 1, \"files\": {\"tensors.h5\": "
         "{\"bytes\": 10, \"xxh3\": \"0123456789abcdef\"}}}",
         "the manifest says 10"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leit_checkpoint *checkpoint = NULL;
        write_manifest(path, cases[i].text);
        assert_fails(leit_checkpoint_open(path, &checkpoint), LEIT_CHECKPOINT, cases[i].sentence);
        assert_non_null(strstr(leit_error_message(), path));
        assert_non_null(strstr(leit_error_message(), "use another checkpoint"));
        assert_null(checkpoint);
    }
    /* Every single bit: open may not read the sum, verify does. */
    for (size_t byte = 0; byte < good.size_bytes; byte++)
        for (int bit = 0; bit < 8; bit++) {
            good.data[byte] = (char)(good.data[byte] ^ (1 << bit));
            assert_ok(leit_file_write(below(path, "manifest.json"), good.data, good.size_bytes));
            assert_fails(leit_checkpoint_verify(path), LEIT_CHECKPOINT, path);
            good.data[byte] = (char)(good.data[byte] ^ (1 << bit));
        }
    leit_buffer_clear(&good);
    assert_ok(leit_file_remove(below(path, "manifest.json")));
    assert_fails(leit_checkpoint_verify(path), LEIT_CHECKPOINT, "manifest.json");
}

/* Reads everything; what comes without a failure must be what was written. */
static leit_status read_all(const char *path)
{
    leit_checkpoint *checkpoint = NULL;
    leit_arena arena = {0};
    leit_tensor *tensors = NULL;
    int64_t n = 0;
    LEIT_TRY(leit_checkpoint_open(path, &checkpoint));
    leit_status status = leit_checkpoint_list(checkpoint, &arena, &tensors, &n);
    for (int64_t i = 0; status == LEIT_OK && i < n; i++) {
        unsigned char bytes[256];
        tensors[i].data = bytes;
        if (leit_tensor_bytes(&tensors[i]) > sizeof bytes) {
            status = LEIT_INTERNAL; /* no tensor is that large */
            break;
        }
        status = leit_checkpoint_read(checkpoint, &tensors[i]);
        if (status == LEIT_OK && strcmp(tensors[i].name, "steps") == 0)
            assert_memory_equal(bytes, steps, sizeof steps);
        if (status == LEIT_OK && strcmp(tensors[i].name, "text.layer.0.weight") == 0)
            assert_memory_equal(bytes, weight, sizeof weight);
    }
    const char *text = NULL;
    if (status == LEIT_OK) status = leit_checkpoint_text(checkpoint, "recipe", &arena, &text);
    if (status == LEIT_OK) assert_string_equal(text, "a: 1\n");
    leit_checkpoint_close(checkpoint);
    leit_arena_clear(&arena);
    return status;
}

static void damaged_tensors(void **state)
{
    (void)state;
    const char *folder = leit_test_scratch("damage"), *path = below(folder, "a");
    assert_ok(save(folder, "a", 1, true));
    const char *tensors = below(path, "tensors.h5");
    leit_buffer good = {0};
    assert_ok(leit_file_read(tensors, 1 << 20, &good));
    assert_ok(read_all(path));
    int refused = 0;
    leit_rng rng = leit_rng_start(11, LEIT_STREAM_SHUFFLE, 0, 0);
    for (size_t byte = 0; byte < good.size_bytes; byte += 1 + leit_rng_below(&rng, 12)) {
        const int file = open(tensors, O_WRONLY | O_CLOEXEC);
        const char flipped = (char)(good.data[byte] ^ (1 << leit_rng_below(&rng, 8)));
        assert_int_equal(pwrite(file, &flipped, 1, (off_t)byte), 1);
        assert_fails(leit_checkpoint_verify(path), LEIT_CHECKPOINT, path);
        leit_status status = read_all(path);
        if (status != LEIT_OK) assert_int_equal(status, LEIT_CHECKPOINT);
        refused += status != LEIT_OK;
        assert_int_equal(pwrite(file, &good.data[byte], 1, (off_t)byte), 1);
        close(file);
    }
    assert_true(refused > 50);
    assert_ok(leit_checkpoint_verify(path));

    leit_checkpoint *checkpoint = NULL;
    static const size_t cuts[] = {0, 1, 8, 48, 100, 1000};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_ok(leit_file_write(tensors, good.data, good.size_bytes - 1 - cuts[i]));
        assert_fails(leit_checkpoint_open(path, &checkpoint), LEIT_CHECKPOINT, "tensors.h5 has");
    }
    assert_ok(leit_file_remove(tensors));
    assert_fails(leit_checkpoint_open(path, &checkpoint), LEIT_CHECKPOINT, "tensors.h5");
    leit_buffer_clear(&good);
}

/* ---- what a run goes on from ---- */

static void keep_warnings(void *context, leit_log_level level, const char *message)
{
    if (level == LEIT_LOG_WARNING) assert_ok(leit_buffer_printf(context, "%s\n", message));
}

/* Every one that is passed over is named with its reason, whichever it is. */
static void names_what_is_passed_over(void **state)
{
    (void)state;
    static const char other[] = "{\"format\": \"leitmotif-checkpoint\", \"version\": 2}";
    const char *folder = leit_test_scratch("passed"), *first = below(folder, "step-1");
    leit_buffer said = {0};
    leit_checkpoint *checkpoint = NULL;
    assert_ok(save(folder, "step-1", 1, true));
    assert_ok(save(folder, "step-2", 2, true));
    assert_ok(save(folder, "step-3", 3, true));
    leit_log_set_sink(keep_warnings, &said);
    assert_ok(leit_checkpoint_open_newest(folder, "step-", &checkpoint));
    leit_checkpoint_close(checkpoint);
    assert_int_equal(said.size_bytes, 0);

    write_manifest(below(folder, "step-2"), other);
    assert_int_equal(truncate(below(folder, "step-3/tensors.h5"), 500), 0);
    assert_ok(leit_checkpoint_open_newest(folder, "step-", &checkpoint));
    assert_string_equal(leit_checkpoint_path(checkpoint), first);
    leit_checkpoint_close(checkpoint);
    assert_non_null(strstr(leit_buffer_text(&said), "step-3: tensors.h5 has 500 bytes"));
    assert_non_null(strstr(leit_buffer_text(&said), "step-2: manifest.json has version 2"));

    /* Of another version one and all: no new start, and nothing is touched. */
    write_manifest(first, other);
    write_manifest(below(folder, "step-3"), other);
    assert_fails(leit_checkpoint_open_newest(folder, "step-", &checkpoint), LEIT_CHECKPOINT,
                 "step-3: manifest.json has version 2");
    assert_non_null(strstr(leit_error_message(), "the newest of 3"));
    assert_null(checkpoint);
    assert_true(leit_file_exists(below(folder, "step-1/tensors.h5")));
    leit_log_set_sink(NULL, NULL);
    leit_buffer_clear(&said);
}

/* ---- saves that go wrong ---- */

/* Waits for a child and fails unless it exited with 0. */
static void assert_child_fine(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* No file can grow beyond a limit: the same as a disk that fills at that point. */
static void disk_full(void **state)
{
    (void)state;
    const char *folder = leit_test_scratch("full");
    assert_ok(save(folder, "step-1", 1, true));
    static const rlim_t limits[] = {0, 1, 100, 1000, 2000, 3000, 4096, 6000};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &(struct rlimit){limits[i], limits[i]});
            leit_status status = save(folder, "step-2", 2, true);
            _exit(status == LEIT_CHECKPOINT && strstr(leit_error_message(), "step-2") != NULL &&
                          strstr(leit_error_message(), "make room") != NULL
                      ? 0
                      : 1);
        }
        assert_child_fine(child);
        assert_false(leit_file_exists(below(folder, "step-2")));
        assert_true(mark_of(below(folder, "latest")) == 1);
        assert_ok(leit_checkpoint_verify(below(folder, "latest")));
        assert_ok(leit_checkpoint_prune(folder, "step-", 3));
        assert_int_equal(count_leftovers(folder), 0);
    }
}

static void read_only_folder(void **state)
{
    (void)state;
    const char *folder = leit_test_scratch("readonly");
    assert_ok(save(folder, "step-1", 1, true));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (chmod(folder, 0555) != 0) _exit(2);
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(3);
        if (access(folder, R_OK | X_OK) != 0) _exit(0); /* a parent keeps strangers out */
        leit_status saved = save(folder, "step-2", 2, true);
        if (saved != LEIT_CHECKPOINT || strstr(leit_error_message(), "untouched") == NULL) _exit(4);
        _exit(leit_checkpoint_prune(folder, "step-", 0) == LEIT_OK ? 0 : 5);
    }
    assert_child_fine(child);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_ok(leit_checkpoint_verify(below(folder, "latest")));

    /* A file where the folder should be, for those who may write everywhere. */
    assert_ok(leit_file_write(leit_test_scratch("file"), "x", 1));
    assert_fails(save(leit_test_scratch("file"), "a", 1, true), LEIT_CHECKPOINT,
                 "expected a directory");
}

/* Saves for ever; every step that is saved is one byte into the pipe. */
static _Noreturn void save_for_ever(const char *folder, int told)
{
    for (int step = 1;; step = step % 4 + 1) {
        char name[32];
        snprintf(name, sizeof name, "step-%02d", step);
        if (save(folder, name, (float)step, true) != LEIT_OK) _exit(1);
        if (write(told, "", 1) != 1) _exit(1);
        if (save(folder, "best", (float)step, false) != LEIT_OK) _exit(1);
        if (leit_checkpoint_prune(folder, "step-", 2) != LEIT_OK) _exit(1);
    }
}

/* A child that saves, killed anywhere behind its first n_saves saves; what it left must be whole.
 */
static void kill_saving_child(const char *folder, uint32_t n_saves, useconds_t later_us)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) save_for_ever(folder, ends[1]);
    close(ends[1]);
    for (uint32_t i = 0; i < n_saves; i++) assert_int_equal(read(ends[0], &byte, 1), 1);
    usleep(later_us);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    close(ends[0]);
    assert_ok(leit_checkpoint_verify(below(folder, "latest")));
    if (leit_file_exists(below(folder, "best")))
        assert_ok(leit_checkpoint_verify(below(folder, "best")));
    if (n_saves > 0) assert_true(mark_of(below(folder, "latest")) > 0.0F);
}

static void killed(void **state)
{
    (void)state;
    enum { KILLS = 30 };
    const char *folder = leit_test_scratch("killed");
    const int64_t start_ns = leit_clock_ns();
    assert_ok(save(folder, "step-00", 0, true));
    const float save_us = (float)(leit_clock_ns() - start_ns) / 1000.0F;
    leit_rng rng = leit_rng_start(5, LEIT_STREAM_SHUFFLE, 1, 0);
    for (uint32_t i = 0; i < KILLS; i++) {
        const float share = leit_rng_uniform(&rng);
        kill_saving_child(folder, i % 3, (useconds_t)(2.0F * share * save_us));
    }
    assert_ok(leit_checkpoint_prune(folder, "step-", 2));
    assert_int_equal(count_leftovers(folder), 0);
    assert_ok(leit_checkpoint_verify(below(folder, "latest")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(run_folder),
        cmocka_unit_test(replaces_its_namesake),
        cmocka_unit_test(prunes),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(bad_manifests),
        cmocka_unit_test(damaged_tensors),
        cmocka_unit_test(names_what_is_passed_over),
        cmocka_unit_test(disk_full),
        cmocka_unit_test(read_only_folder),
        cmocka_unit_test(killed),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    leit_arena_clear(&paths);
    return failed;
}
