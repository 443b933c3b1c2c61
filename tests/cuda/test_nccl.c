/* The plugin's way to NCCL. Without a GPU a stand-in shows what is asked of NCCL and what
 * becomes of deadlines and lost ranks; the true library, where it is here, has its version read and an
 * id made. With a GPU one rank sums on it, also inside a recording. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "cuda/cuda_loader.h"
#include "support/testing.h"

static const leit_cuda_table *table;
static char plugin_path[512], stand_in_path[512];
static char *asked; /* of the stand-in, in its own words */

/* As the loader does it, which has no use for a plugin without a GPU. */
static const leit_plugin_kind kind = {.name = "CUDA",
                                      .file = LEIT_CUDA_PLUGIN_FILE,
                                      .variable = LEIT_CUDA_PLUGIN_VARIABLE,
                                      .function = LEIT_CUDA_PLUGIN_FUNCTION,
                                      .cure = "build it",
                                      .abi = LEIT_CUDA_ABI,
                                      .code = LEIT_DEVICE};

/* A plugin fresh in memory, which has opened no NCCL yet. */
static void *open_plugin(const char *nccl, const char *mood)
{
    void *library = NULL;
    const void *found = NULL;
    assert_int_equal(setenv("LEITMOTIF_NCCL", nccl, 1), 0);
    assert_int_equal(setenv("FAKE_NCCL", mood, 1), 0);
    assert_ok(leit_plugin_open(&kind, plugin_path, &library, &found));
    table = found;
    if (asked != NULL) asked[0] = '\0';
    return library;
}

static void *open_with_stand_in(const char *mood)
{
    if (asked == NULL) {
        void *stand_in = dlopen(stand_in_path, RTLD_NOW | RTLD_LOCAL);
        assert_non_null(stand_in);
        asked = dlsym(stand_in, "fake_nccl_log");
        assert_non_null(asked);
    }
    return open_plugin(stand_in_path, mood);
}

static leit_status open_ranks(int64_t deadline_ms, leit_nccl **nccl)
{
    char id[LEIT_NCCL_ID_BYTES];
    assert_ok(table->nccl->make_id(id));
    return table->nccl->open(id, 0, 2, deadline_ms, nccl);
}

static void no_library(void **state)
{
    (void)state;
    int version = 0;
    leit_nccl *nccl = NULL;
    char id[LEIT_NCCL_ID_BYTES];
    void *library = open_plugin("/nowhere/libnccl.so.2", "");
    assert_fails(table->nccl->version(&version), LEIT_DEVICE, "NCCL is not here: /nowhere/libnccl");
    assert_fails(table->nccl->make_id(id), LEIT_DEVICE, "or name its file in LEITMOTIF_NCCL");
    assert_fails(table->nccl->open(id, 0, 1, 100, &nccl), LEIT_DEVICE, "NCCL is not here");
    assert_non_null(table->backend); /* the rest of the plugin is there */
    leit_plugin_close(library);
    library = open_plugin("libc.so.6", "");
    assert_fails(table->nccl->version(&version), LEIT_DEVICE,
                 "libc.so.6 is no NCCL of this kind: it has no ncclGetVersion");
    leit_plugin_close(library);
    library = open_with_stand_in("old");
    assert_fails(table->nccl->version(&version), LEIT_DEVICE, "is NCCL 21000, and the plugin is");
    leit_plugin_close(library);
}

static void sums(void **state)
{
    (void)state;
    static const char *const moods[] = {"well", "slow"};
    for (int m = 0; m < 2; m++) {
        void *library = open_with_stand_in(moods[m]);
        leit_nccl *nccl = NULL;
        assert_ok(open_ranks(60000, &nccl));
        float array[1]; /* any address: the stand-in adds nothing */
        assert_ok(table->nccl->sum(nccl, array, array, 6553600, NULL));
        assert_ok(table->nccl->sum(nccl, array, array, 1025, NULL));
        table->nccl->close(nccl);
        table->nccl->close(NULL);
        assert_string_equal(asked, "init0/2 sum6553600 sum1025 finalize destroy ");
        leit_plugin_close(library);
    }
}

static void lost_ranks(void **state)
{
    (void)state;
    leit_nccl *nccl = NULL;
    void *library = open_with_stand_in("never");
    const int64_t begin_ns = leit_clock_ns();
    assert_fails(open_ranks(300, &nccl), LEIT_RANK,
                 "rank 0 of 2 waited 0.3 s for NCCL to begin: a rank is gone or late");
    assert_null(nccl);
    assert_true(leit_clock_seconds_since(begin_ns) >= 0.3);
    assert_string_equal(asked, "init0/2 abort ");
    assert_int_equal(setenv("FAKE_NCCL", "well", 1), 0);
    asked[0] = '\0';
    assert_ok(open_ranks(60000, &nccl));
    assert_int_equal(setenv("FAKE_NCCL", "lost", 1), 0);
    float array[1];
    assert_fails(table->nccl->sum(nccl, array, array, 1, NULL), LEIT_RANK,
                 "rank 0 of 2: NCCL cannot queue a sum: remote process exited");
    assert_fails(table->nccl->sum(nccl, array, array, 1, NULL), LEIT_RANK,
                 "has lost the others before");
    table->nccl->close(nccl);
    assert_string_equal(asked, "init0/2 sum1 abort ");
    leit_plugin_close(library);
}

static void the_true_library(void **state)
{
    (void)state;
    void *library = open_plugin("", "");
    int version = 0;
    char id[LEIT_NCCL_ID_BYTES] = {0};
    if (table->nccl->version(&version) == LEIT_OK) {
        assert_true(version >= 22809);
        assert_ok(table->nccl->make_id(id));
        int n_set = 0;
        for (int i = 0; i < LEIT_NCCL_ID_BYTES; i++) n_set += id[i] != 0;
        assert_true(n_set > 0);
    } else {
        print_message("%s\n", leit_error_message());
    }
    leit_plugin_close(library);
}

/* ---- with a GPU ---- */

enum { COUNT = 1025, N_ARRAYS = 3 };

/* Every array becomes its sum over one rank, beside the stream that kernels run in. */
static leit_status sum_aside(leit_nccl *nccl, float *const *from, float *const *to)
{
    for (int k = 0; k < N_ARRAYS; k++) {
        void *side = NULL;
        LEIT_TRY(table->nccl->fork(nccl, NULL, &side));
        LEIT_TRY(table->nccl->sum(nccl, from[k], to[k], COUNT, side));
    }
    return table->nccl->join(nccl, NULL);
}

/* One rank's sum is what it gave; it is cleared for the next. */
static void expect_values(const leit_backend *cuda, float *const *arrays)
{
    float values[COUNT];
    for (int k = 0; k < N_ARRAYS; k++) {
        assert_ok(cuda->memory.read(values, arrays[k], sizeof values, NULL));
        for (int i = 0; i < COUNT; i++) assert_true(values[i] == (float)(k * 10000 + i));
        assert_ok(cuda->memory.zero(arrays[k], sizeof values, NULL));
    }
}

static void sum_on_gpu(const leit_backend *cuda, leit_nccl *nccl)
{
    float *from[N_ARRAYS], *to[N_ARRAYS], values[COUNT];
    for (int k = 0; k < N_ARRAYS; k++) {
        from[k] = cuda->memory.allocate(sizeof values, true);
        to[k] = cuda->memory.allocate(sizeof values, true);
        assert_non_null(from[k]);
        assert_non_null(to[k]);
        for (int i = 0; i < COUNT; i++) values[i] = (float)(k * 10000 + i);
        assert_ok(cuda->memory.write(from[k], values, sizeof values, NULL));
    }
    assert_ok(sum_aside(nccl, from, to));
    assert_ok(table->nccl->wait(nccl, NULL));
    expect_values(cuda, to);
    leit_recording *recording = NULL;
    assert_ok(cuda->recorder->begin(NULL));
    assert_ok(sum_aside(nccl, from, to));
    assert_ok(cuda->recorder->end(NULL, &recording));
    for (int repeat = 0; repeat < 3; repeat++) {
        assert_ok(cuda->recorder->launch(recording, NULL));
        assert_ok(table->nccl->wait(nccl, NULL));
        expect_values(cuda, to);
    }
    cuda->recorder->free(recording);
    for (int k = 0; k < N_ARRAYS; k++) {
        cuda->memory.release(from[k]);
        cuda->memory.release(to[k]);
    }
}

static bool was_skipped; /* for the exit code */

static void one_rank_on_a_gpu(void **state)
{
    (void)state;
    assert_int_equal(setenv("LEITMOTIF_NCCL", "", 1), 0);
    leit_cuda *cuda = NULL;
    int version = 0;
    leit_status status = leit_cuda_open_files(LEIT_CUDA_DRIVER_FILE, plugin_path, &cuda);
    if (status == LEIT_OK) {
        table = leit_cuda_table_of(cuda);
        status = table->nccl->version(&version);
    }
    if (status != LEIT_OK) {
        fprintf(stderr, "not run: %s\n", leit_error_message());
        was_skipped = true;
        leit_cuda_close(cuda);
        skip();
    }
    char id[LEIT_NCCL_ID_BYTES];
    leit_nccl *nccl = NULL;
    assert_ok(table->nccl->make_id(id));
    assert_ok(table->nccl->open(id, 0, 1, 60000, &nccl));
    sum_on_gpu(table->backend(LEIT_KERNELS_PLAIN, LEIT_PRECISION_FP32), nccl);
    table->nccl->close(nccl);
    leit_cuda_close(cuda);
}

/* `test_nccl gpu` is the last test alone, for a machine that has nothing but the GPU. */
int main(int count, char **words)
{
    const char *named = getenv(LEIT_CUDA_PLUGIN_VARIABLE);
    snprintf(plugin_path, sizeof plugin_path, "%s/%s", LEIT_TEST_BINARY_DIR, LEIT_CUDA_PLUGIN_FILE);
    if (named != NULL) snprintf(plugin_path, sizeof plugin_path, "%s", named);
    if (!leit_file_exists(plugin_path)) {
        print_message("skipped: there is no %s\n", plugin_path);
        return LEIT_TEST_SKIPPED;
    }
    if (count > 1 && strcmp(words[1], "gpu") == 0) {
        const struct CMUnitTest on_gpu[] = {cmocka_unit_test(one_rank_on_a_gpu)};
        const int n_failed = cmocka_run_group_tests(on_gpu, NULL, NULL);
        return n_failed == 0 && was_skipped ? LEIT_TEST_SKIPPED : n_failed;
    }
    snprintf(stand_in_path, sizeof stand_in_path, "%s/tests/cuda/fake_nccl.so",
             LEIT_TEST_BINARY_DIR);
    if (!leit_file_exists(stand_in_path)) {
        print_message("skipped: NCCL's header was not there when this was built\n");
        return LEIT_TEST_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_library),        cmocka_unit_test(sums),
        cmocka_unit_test(lost_ranks),        cmocka_unit_test(the_true_library),
        cmocka_unit_test(one_rank_on_a_gpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
