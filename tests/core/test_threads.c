#include <stdatomic.h>

#include "core/memory.h"
#include "core/threads.h"
#include "support/testing.h"

struct counts {
    atomic_int *done;
    int workers;
    atomic_int out_of_range;
};

static void count_task(void *context, int64_t task, int worker)
{
    struct counts *counts = context;
    if (worker < 0 || worker >= counts->workers) atomic_fetch_add(&counts->out_of_range, 1);
    atomic_fetch_add(&counts->done[task], 1);
}

static void every_task_runs_once(void **state)
{
    (void)state;
    static const int workers[] = {1, 2, 3, 8};
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        leit_threads *threads = NULL;
        assert_ok(leit_threads_create(workers[i], &threads));
        assert_int_equal(leit_threads_count(threads), workers[i]);
        for (int64_t n_tasks = 0; n_tasks < 300; n_tasks = n_tasks * 3 + 1) {
            struct counts counts = {.workers = workers[i]};
            assert_ok(LEIT_ALLOC(counts.done, n_tasks));
            leit_threads_run(threads, n_tasks, count_task, &counts);
            for (int64_t task = 0; task < n_tasks; task++) assert_int_equal(counts.done[task], 1);
            assert_int_equal(counts.out_of_range, 0);
            leit_free(counts.done);
        }
        leit_threads_free(threads);
    }
}

static void bad_count_is_refused(void **state)
{
    (void)state;
    leit_threads *threads = NULL;
    assert_fails(leit_threads_create(-1, &threads), LEIT_USAGE, "threads is -1");
    assert_null(threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(bad_count_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
