/* Collectives are exact: on whole numbers below 2^24 every order of additions gives the same float,
 * so the expected sum is arithmetic. That the order is that of the tree is tested with numbers of
 * very different size, against the tree written as it is defined. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "core/rng.h"
#include "dist/dist.h"
#include "support/testing.h"

enum { MAX_RANKS = 5, MAX_V = 12 };

/* cmocka's assertions jump out of the thread that runs the test: ranks note what went wrong. */
typedef struct rank_work {
    leit_dist *dist;
    void (*work)(struct rank_work *own);
    const void *task;
    leit_status status;
    char sentence[1024];
    int64_t n_wrong;
    pthread_t thread;
} rank_work;

static void note(rank_work *own, leit_status status)
{
    if (own->status != LEIT_OK || status == LEIT_OK) return;
    own->status = status;
    strncpy(own->sentence, leit_error_message(), sizeof own->sentence - 1);
}

static void *start(void *context)
{
    rank_work *own = context;
    own->work(own);
    return NULL;
}

static void run_ranks(int size, int64_t deadline_ms, void (*work)(rank_work *), const void *task,
                      rank_work *ranks)
{
    leit_dist *dist[MAX_RANKS];
    if (size == 1)
        assert_ok(leit_dist_create_self(&dist[0]));
    else
        assert_ok(leit_dist_create_threads(size, deadline_ms, dist));
    for (int r = 0; r < size; r++) {
        ranks[r] = (rank_work){.dist = dist[r], .work = work, .task = task};
        assert_int_equal(leit_dist_rank(dist[r]), r);
        assert_int_equal(leit_dist_size(dist[r]), size);
        assert_int_equal(pthread_create(&ranks[r].thread, NULL, start, &ranks[r]), 0);
    }
    for (int r = 0; r < size; r++) pthread_join(ranks[r].thread, NULL);
    for (int r = 0; r < size; r++) leit_dist_close(dist[r]);
}

static void expect_well(int size, void (*work)(rank_work *), const void *task)
{
    rank_work ranks[MAX_RANKS];
    run_ranks(size, 60000, work, task, ranks);
    for (int r = 0; r < size; r++) {
        if (ranks[r].status != LEIT_OK) fail_msg("rank %d of %d: %s", r, size, ranks[r].sentence);
        assert_int_equal(ranks[r].n_wrong, 0);
    }
}

/* ---- sums ---- */

typedef struct sum_task {
    int V;
    int64_t count;
    float (*value)(int part, int64_t i);
    const float *expected;
    bool in_place;
} sum_task;

/* Whole, of either sign, below 2^17: twelve of them stay below 2^24. */
static float whole(int part, int64_t i)
{
    return (float)((part * 7919 + i * 104729) % 262143 - 131071);
}

/* From 2^-30 to 2^30: another order of additions gives other bits almost surely. */
static float uneven(int part, int64_t i)
{
    leit_rng rng = leit_rng_start(41, 1, (uint32_t)part, (uint32_t)i);
    const float size = ldexpf(1.0f + leit_rng_uniform(&rng), (int)leit_rng_below(&rng, 61) - 30);
    return leit_rng_below(&rng, 2) == 0 ? size : -size;
}

static void sum_parts(rank_work *own)
{
    const sum_task *task = own->task;
    const int n_parts = task->V / leit_dist_size(own->dist);
    const int first = n_parts * leit_dist_rank(own->dist);
    float *parts[MAX_V], *sum = leit_allocate((size_t)task->count, sizeof *sum);
    for (int repeat = 0; repeat < 2; repeat++) { /* scratch is used again */
        for (int k = 0; k < n_parts; k++) {
            parts[k] = leit_allocate((size_t)task->count, sizeof(float));
            for (int64_t i = 0; i < task->count; i++) parts[k][i] = task->value(first + k, i);
        }
        float *to = task->in_place ? parts[0] : sum;
        note(own, leit_dist_sum(own->dist, parts, n_parts, task->count, to));
        for (int64_t i = 0; i < task->count; i++) own->n_wrong += !(to[i] == task->expected[i]);
        for (int k = 0; k < n_parts; k++) leit_free(parts[k]);
    }
    leit_free(sum);
}

static const int64_t counts[] = {0, 1, 97, 1025, 70001}; /* the last takes several rounds */
enum { N_COUNTS = sizeof counts / sizeof *counts };

static void expect_sums(sum_task task, const float *expected)
{
    task.expected = expected;
    for (int size = 1; size <= MAX_RANKS; size++) {
        if (task.V % size != 0) continue;
        task.in_place = size % 2 == 0;
        expect_well(size, sum_parts, &task);
    }
}

static void test_sums_are_exact(void **state)
{
    (void)state;
    float *expected = leit_allocate((size_t)counts[N_COUNTS - 1], sizeof *expected);
    for (int V = 1; V <= MAX_V; V++) {
        for (int c = 0; c < N_COUNTS - (V != 4); c++) {
            for (int64_t i = 0; i < counts[c]; i++) {
                int64_t sum = 0;
                for (int part = 0; part < V; part++) sum += (int64_t)whole(part, i);
                assert_true(sum < 1 << 24 && sum > -(1 << 24));
                expected[i] = (float)sum;
            }
            expect_sums((sum_task){.V = V, .count = counts[c], .value = whole}, expected);
        }
    }
    leit_free(expected);
}

/* Parts begin .. end - 1, as the definition has it: the left subtree is the largest that is whole. */
static float tree(int begin, int end, int64_t i)
{
    if (end - begin == 1) return uneven(begin, i);
    int left = 1;
    while (2 * left < end - begin) left *= 2;
    return tree(begin, begin + left, i) + tree(begin + left, end, i);
}

static void test_sums_have_one_order(void **state)
{
    (void)state;
    float expected[1025];
    int64_t n_others = 0; /* that a sum from left to right would have other bits */
    for (int V = 1; V <= MAX_V; V++) {
        for (int64_t i = 0; i < 1025; i++) {
            expected[i] = tree(0, V, i);
            float straight = uneven(0, i);
            for (int part = 1; part < V; part++) straight += uneven(part, i);
            n_others += straight != expected[i];
        }
        expect_sums((sum_task){.V = V, .count = 1025, .value = uneven}, expected);
    }
    assert_true(n_others > 1000);
}

/* ---- the others ---- */

static void gather(rank_work *own)
{
    const int rank = leit_dist_rank(own->dist), size = leit_dist_size(own->dist);
    size_t offsets[MAX_RANKS + 1] = {0};
    for (int r = 0; r < size; r++) /* rank 1 has nothing */
        offsets[r + 1] = offsets[r] + (r == 1 ? 0 : 97 * (size_t)(r + 1));
    unsigned char *all = leit_allocate(offsets[size], 1);
    for (size_t i = offsets[rank]; i < offsets[rank + 1]; i++) all[i] = (unsigned char)(i % 251);
    note(own, leit_dist_gather(own->dist, all, offsets));
    for (size_t i = 0; i < offsets[size]; i++) own->n_wrong += all[i] != i % 251;
    leit_free(all);
}

static void broadcast(rank_work *own)
{
    const int rank = leit_dist_rank(own->dist), size = leit_dist_size(own->dist);
    for (int root = 0; root < size; root++) {
        int32_t data[1025];
        for (int i = 0; i < 1025; i++) data[i] = rank == root ? root * 10000 + i : -1;
        note(own, leit_dist_broadcast(own->dist, root, data, sizeof data));
        for (int i = 0; i < 1025; i++) own->n_wrong += data[i] != root * 10000 + i;
        note(own, leit_dist_broadcast(own->dist, root, data, 0));
    }
}

static void agree(rank_work *own)
{
    const int rank = leit_dist_rank(own->dist), size = leit_dist_size(own->dist);
    for (int one = -1; one < size; one++) {
        bool any = one < 0;
        note(own, leit_dist_agree(own->dist, rank == one, &any));
        own->n_wrong += any != (one >= 0);
        note(own, leit_dist_barrier(own->dist));
    }
    note(own, leit_dist_join(own->dist, LEIT_OK));
}

static void test_gather_broadcast_agree(void **state)
{
    (void)state;
    for (int size = 1; size <= MAX_RANKS; size++) {
        expect_well(size, gather, NULL);
        expect_well(size, broadcast, NULL);
        expect_well(size, agree, NULL);
    }
}

/* ---- failures ---- */

static void fail_on_rank_1(rank_work *own)
{
    leit_status status = LEIT_OK;
    if (leit_dist_rank(own->dist) == 1)
        status = leit_fail(LEIT_DATA, __func__, "corpus.h5 is not there");
    note(own, leit_dist_join(own->dist, status));
}

static void test_a_failure_is_everybodys(void **state)
{
    (void)state;
    rank_work ranks[3];
    run_ranks(3, 60000, fail_on_rank_1, NULL, ranks);
    assert_int_equal(ranks[1].status, LEIT_DATA);
    assert_string_equal(ranks[1].sentence, "corpus.h5 is not there");
    for (int r = 0; r < 3; r += 2) {
        assert_int_equal(ranks[r].status, LEIT_RANK);
        assert_string_equal(ranks[r].sentence, "rank 1 of 3 has failed (bad or missing data): see "
                                               "what was said there");
    }
}

/* Ranks 1 and 3 of 5 stay away from the second call. */
static void stay_away(rank_work *own)
{
    const int rank = leit_dist_rank(own->dist);
    note(own, leit_dist_barrier(own->dist));
    own->n_wrong += own->status != LEIT_OK;
    if (rank == 1 || rank == 3) return;
    float value = 1.0f, *part = &value;
    note(own, leit_dist_sum(own->dist, &part, 1, 1, &value));
    own->n_wrong += leit_dist_barrier(own->dist) != LEIT_RANK; /* at once, without a deadline */
}

static void test_missing_ranks_are_named(void **state)
{
    (void)state;
    rank_work ranks[5];
    const int64_t begin = leit_clock_ns();
    run_ranks(5, 300, stay_away, NULL, ranks);
    const double seconds = leit_clock_seconds_since(begin);
    for (int r = 0; r < 5; r++) {
        assert_int_equal(ranks[r].n_wrong, 0);
        if (r == 1 || r == 3) continue;
        assert_int_equal(ranks[r].status, LEIT_RANK);
        assert_non_null(strstr(ranks[r].sentence, "in call 2 (sum) for ranks 1, 3: see what"));
    }
    assert_true(seconds >= 0.3 && seconds < 30.0);
}

static void disagree(rank_work *own)
{
    char bytes[16] = {0};
    const size_t n = leit_dist_rank(own->dist) == 0 ? 8 : 16;
    note(own, leit_dist_broadcast(own->dist, 0, bytes, n));
}

static void test_ranks_at_different_calls(void **state)
{
    (void)state;
    rank_work ranks[2];
    run_ranks(2, 60000, disagree, NULL, ranks);
    assert_int_equal(ranks[1].status, LEIT_INTERNAL);
    assert_non_null(strstr(ranks[1].sentence, "rank 0 gives 8 bytes where rank 1 takes 16"));
    assert_int_equal(ranks[0].status, LEIT_RANK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_are_exact),
        cmocka_unit_test(test_sums_have_one_order),
        cmocka_unit_test(test_gather_broadcast_agree),
        cmocka_unit_test(test_a_failure_is_everybodys),
        cmocka_unit_test(test_missing_ranks_are_named),
        cmocka_unit_test(test_ranks_at_different_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
