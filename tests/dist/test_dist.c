/* The collectives among threads, and what happens when a rank fails or stays away. */
#include <pthread.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "support/collectives.h"
#include "support/testing.h"

enum { MAX_RANKS = 5 };

typedef struct rank_work {
    leit_dist *dist;
    void (*work)(struct rank_work *own);
    const void *task;
    leit_findings found;
    pthread_t thread;
} rank_work;

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
        if (ranks[r].found.status != LEIT_OK)
            fail_msg("rank %d of %d: %s", r, size, ranks[r].found.sentence);
        assert_int_equal(ranks[r].found.n_wrong, 0);
    }
}

/* ---- sums ---- */

static void try_sum(rank_work *own)
{
    leit_try_sum(own->dist, own->task, &own->found);
}

static void expect_sums(leit_sum_task task)
{
    for (int size = 1; size <= MAX_RANKS; size++) {
        if (task.V % size != 0) continue;
        task.in_place = size % 2 == 0;
        expect_well(size, try_sum, &task);
    }
}

static void test_sums_are_exact(void **state)
{
    (void)state;
    float *expected = leit_allocate((size_t)leit_counts[LEIT_N_COUNTS - 1], sizeof *expected);
    for (int V = 1; V <= LEIT_MAX_V; V++) {
        for (int c = 0; c < LEIT_N_COUNTS - (V != 4); c++) {
            leit_expect_whole(V, leit_counts[c], expected);
            expect_sums((leit_sum_task){
                .V = V, .count = leit_counts[c], .value = leit_whole, .expected = expected});
        }
    }
    leit_free(expected);
}

static void test_sums_have_one_order(void **state)
{
    (void)state;
    float expected[1025];
    int64_t n_others = 0; /* that a sum from left to right would have other bits */
    for (int V = 1; V <= LEIT_MAX_V; V++) {
        leit_expect_uneven(V, 1025, expected);
        for (int64_t i = 0; i < 1025; i++) {
            float straight = leit_uneven(0, i);
            for (int part = 1; part < V; part++) straight += leit_uneven(part, i);
            n_others += straight != expected[i];
        }
        expect_sums(
            (leit_sum_task){.V = V, .count = 1025, .value = leit_uneven, .expected = expected});
    }
    assert_true(n_others > 1000);
}

/* ---- the others ---- */

static void try_the_others(rank_work *own)
{
    leit_try_gather(own->dist, 1, &own->found);
    leit_try_broadcast(own->dist, &own->found);
    leit_try_agree(own->dist, &own->found);
}

static void test_gather_broadcast_agree(void **state)
{
    (void)state;
    for (int size = 1; size <= MAX_RANKS; size++) expect_well(size, try_the_others, NULL);
}

static leit_status count_up(void *context)
{
    ++*(int *)context;
    return LEIT_OK;
}

/* Without a lock: only turns keep the threads apart. */
static void take_turns(rank_work *own)
{
    for (int i = 0; i < 20; i++)
        leit_note(&own->found, leit_dist_in_turn(own->dist, count_up, (int *)(uintptr_t)own->task));
}

static void test_turns(void **state)
{
    (void)state;
    for (int size = 1; size <= MAX_RANKS; size++) {
        int n_done = 0;
        expect_well(size, take_turns, &n_done);
        assert_int_equal(n_done, 20 * size);
    }
}

/* ---- failures ---- */

static void fail_on_rank_1(rank_work *own)
{
    leit_status status = LEIT_OK;
    if (leit_dist_rank(own->dist) == 1)
        status = leit_fail(LEIT_DATA, __func__, "corpus.h5 is not there");
    leit_note(&own->found, leit_dist_join(own->dist, status));
}

static void test_a_failure_is_everybodys(void **state)
{
    (void)state;
    rank_work ranks[3];
    run_ranks(3, 60000, fail_on_rank_1, NULL, ranks);
    assert_int_equal(ranks[1].found.status, LEIT_DATA);
    assert_string_equal(ranks[1].found.sentence, "corpus.h5 is not there");
    for (int r = 0; r < 3; r += 2) {
        assert_int_equal(ranks[r].found.status, LEIT_RANK);
        assert_string_equal(ranks[r].found.sentence,
                            "rank 1 of 3 has failed (bad or missing data): see "
                            "what was said there");
    }
}

/* Ranks 1 and 3 of 5 stay away from the second call. */
static void stay_away(rank_work *own)
{
    const int rank = leit_dist_rank(own->dist);
    leit_note(&own->found, leit_dist_barrier(own->dist));
    own->found.n_wrong += own->found.status != LEIT_OK;
    if (rank == 1 || rank == 3) return;
    float value = 1.0f, *part = &value;
    leit_note(&own->found, leit_dist_sum(own->dist, &part, 1, 1, &value));
    own->found.n_wrong +=
        leit_dist_barrier(own->dist) != LEIT_RANK; /* at once, without a deadline */
}

static void test_missing_ranks_are_named(void **state)
{
    (void)state;
    rank_work ranks[5];
    const int64_t begin = leit_clock_ns();
    run_ranks(5, 300, stay_away, NULL, ranks);
    const double seconds = leit_clock_seconds_since(begin);
    for (int r = 0; r < 5; r++) {
        assert_int_equal(ranks[r].found.n_wrong, 0);
        if (r == 1 || r == 3) continue;
        assert_int_equal(ranks[r].found.status, LEIT_RANK);
        assert_non_null(
            strstr(ranks[r].found.sentence, "in call 2 (sum) for ranks 1, 3: see what"));
    }
    assert_true(seconds >= 0.3 && seconds < 30.0);
}

static void disagree(rank_work *own)
{
    char bytes[16] = {0};
    const size_t n = leit_dist_rank(own->dist) == 0 ? 8 : 16;
    leit_note(&own->found, leit_dist_broadcast(own->dist, 0, bytes, n));
}

static void test_ranks_at_different_calls(void **state)
{
    (void)state;
    rank_work ranks[2];
    run_ranks(2, 60000, disagree, NULL, ranks);
    assert_int_equal(ranks[1].found.status, LEIT_INTERNAL);
    assert_non_null(strstr(ranks[1].found.sentence, "rank 0 gives 8 bytes where rank 1 takes 16"));
    assert_int_equal(ranks[0].found.status, LEIT_RANK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_are_exact),
        cmocka_unit_test(test_sums_have_one_order),
        cmocka_unit_test(test_gather_broadcast_agree),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_a_failure_is_everybodys),
        cmocka_unit_test(test_missing_ranks_are_named),
        cmocka_unit_test(test_ranks_at_different_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
