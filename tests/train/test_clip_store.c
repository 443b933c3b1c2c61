/* Where the samples of a corpus go for training on a device: its own memory, what it can read of the
 * program's where that is too small, and a sentence where neither has room. */
#include <string.h>

#include "support/fence.h"
#include "support/fenced_backend.h"
#include "support/testing.h"
#include "train/clip_store.h"

enum { N_CLIPS = 3, N_SAMPLES = 50000 };

static int16_t pcm[N_SAMPLES];
static const int64_t offsets[N_CLIPS + 1] = {0, 7, 30000, N_SAMPLES};
static const leit_music_corpus corpus = {.n_clips = N_CLIPS, .pcm = pcm, .offsets = offsets};
static leit_device_memory memory;
static leit_clip_store store;

static void *allocate_little(size_t bytes, bool at_once)
{
    if (bytes < sizeof pcm) return leit_backend_fenced()->memory.allocate(bytes, at_once);
    leit_fail(LEIT_DEVICE, __func__, "%zu bytes are not to be had", bytes);
    return NULL;
}

static void *allocate_nothing(size_t bytes)
{
    (void)bytes;
    return NULL;
}

static void expect_corpus(bool is_mapped)
{
    assert_int_equal(store.is_mapped, is_mapped);
    assert_int_equal(store.source.n_clips, N_CLIPS);
    assert_ptr_not_equal(store.source.pcm, pcm);
    if (is_mapped) assert_memory_equal(store.source.pcm, pcm, sizeof pcm); /* behind no fence */
    leit_fence_open();
    const bool is_equal = memcmp(store.source.pcm, pcm, sizeof pcm) == 0 &&
                          memcmp(store.source.offsets, offsets, sizeof offsets) == 0;
    leit_fence_close();
    assert_true(is_equal);
}

static int prepare(void **state)
{
    (void)state;
    for (int i = 0; i < N_SAMPLES; i++) pcm[i] = (int16_t)(i * 31 % 65536 - 32768);
    memory = leit_backend_fenced()->memory;
    return 0;
}

static void on_the_cpu_nothing_is_copied(void **state)
{
    (void)state;
    assert_ok(leit_clip_store_open(&leit_backend_cpu()->memory, &corpus, &store));
    assert_ptr_equal(store.source.pcm, pcm);
    assert_ptr_equal(store.source.offsets, offsets);
    leit_clip_store_close(&store);
}

static void on_a_device_it_lies_there(void **state)
{
    (void)state;
    assert_ok(leit_clip_store_open(&memory, &corpus, &store));
    expect_corpus(false);
    leit_clip_store_close(&store);
}

static void too_large_a_corpus_is_mapped(void **state)
{
    (void)state;
    memory.allocate = allocate_little;
    assert_ok(leit_clip_store_open(&memory, &corpus, &store));
    expect_corpus(true);
    leit_clip_store_close(&store);
}

static void no_room_at_all(void **state)
{
    (void)state;
    memory.allocate = allocate_little;
    memory.allocate_mapped = allocate_nothing;
    assert_fails(leit_clip_store_open(&memory, &corpus, &store), LEIT_DEVICE,
                 "the 0.1 MiB of music fit neither into the GPU nor into memory that it can read");
    assert_null(store.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(on_the_cpu_nothing_is_copied, prepare),
        cmocka_unit_test_setup(on_a_device_it_lies_there, prepare),
        cmocka_unit_test_setup(too_large_a_corpus_is_mapped, prepare),
        cmocka_unit_test_setup(no_room_at_all, prepare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
