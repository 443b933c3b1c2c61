#include "core/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/memory.h"

/* Workers sleep on a condition variable between loops and take tasks from an atomic counter. A
 * short spin before sleeping keeps back-to-back loops of a training step cheap. */

enum { SPINS = 2000 };

struct leit_threads {
    int n_workers;
    pthread_t *workers; /* n_workers - 1; the caller is worker 0 */
    pthread_mutex_t mutex;
    pthread_cond_t wake, finished;
    atomic_uint generation; /* grows with every loop; workers wait for a new one */
    bool quit;

    leit_task *function;
    void *context;
    int64_t n_tasks;
    atomic_llong next_task;
    atomic_int n_running; /* workers, without the caller, not yet done with this generation */
};

struct start {
    struct leit_threads *threads;
    int worker;
};

static void take_tasks(struct leit_threads *threads, int worker)
{
    for (;;) {
        int64_t task = atomic_fetch_add_explicit(&threads->next_task, 1, memory_order_relaxed);
        if (task >= threads->n_tasks) return;
        threads->function(threads->context, task, worker);
    }
}

static unsigned wait_for_generation(struct leit_threads *threads, unsigned seen)
{
    for (int spin = 0; spin < SPINS; spin++) {
        unsigned now = atomic_load_explicit(&threads->generation, memory_order_acquire);
        if (now != seen) return now;
    }
    pthread_mutex_lock(&threads->mutex);
    while (atomic_load(&threads->generation) == seen)
        pthread_cond_wait(&threads->wake, &threads->mutex);
    unsigned now = atomic_load(&threads->generation);
    pthread_mutex_unlock(&threads->mutex);
    return now;
}

static void *work(void *argument)
{
    struct start start = *(struct start *)argument;
    leit_free(argument);
    struct leit_threads *threads = start.threads;
    unsigned generation = 0;
    for (;;) {
        generation = wait_for_generation(threads, generation);
        if (threads->quit) return NULL;
        take_tasks(threads, start.worker);
        if (atomic_fetch_sub(&threads->n_running, 1) == 1) {
            pthread_mutex_lock(&threads->mutex);
            pthread_cond_signal(&threads->finished);
            pthread_mutex_unlock(&threads->mutex);
        }
    }
}

static void begin(struct leit_threads *threads)
{
    pthread_mutex_lock(&threads->mutex);
    atomic_store(&threads->n_running, threads->n_workers - 1);
    atomic_fetch_add(&threads->generation, 1);
    pthread_cond_broadcast(&threads->wake);
    pthread_mutex_unlock(&threads->mutex);
}

static int count_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count;
}

leit_status leit_threads_create(int n_workers, leit_threads **result)
{
    LEIT_FAIL_IF(n_workers < 0 || n_workers > 1024, LEIT_USAGE,
                 "threads is %d, expected 0 (all processors) to 1024", n_workers);
    leit_threads *threads = NULL;
    LEIT_TRY(LEIT_ALLOC(threads, 1));
    threads->n_workers = n_workers == 0 ? count_processors() : n_workers;
    pthread_mutex_init(&threads->mutex, NULL);
    pthread_cond_init(&threads->wake, NULL);
    pthread_cond_init(&threads->finished, NULL);

    int wanted = threads->n_workers;
    threads->n_workers = 1;
    leit_status status = LEIT_ALLOC(threads->workers, wanted);
    for (int worker = 1; status == LEIT_OK && worker < wanted; worker++) {
        struct start *start = NULL;
        status = LEIT_ALLOC(start, 1);
        if (status != LEIT_OK) break;
        *start = (struct start){threads, worker};
        if (pthread_create(&threads->workers[worker], NULL, work, start) != 0) {
            leit_free(start);
            status = leit_fail(LEIT_INTERNAL, __func__, "cannot start thread %d of %d", worker + 1,
                               wanted);
            break;
        }
        threads->n_workers = worker + 1;
    }
    if (status != LEIT_OK) {
        leit_threads_free(threads);
        return status;
    }
    *result = threads;
    return LEIT_OK;
}

void leit_threads_free(leit_threads *threads)
{
    if (threads == NULL) return;
    threads->quit = true;
    begin(threads);
    for (int worker = 1; worker < threads->n_workers; worker++)
        pthread_join(threads->workers[worker], NULL);
    pthread_mutex_destroy(&threads->mutex);
    pthread_cond_destroy(&threads->wake);
    pthread_cond_destroy(&threads->finished);
    leit_free(threads->workers);
    leit_free(threads);
}

int leit_threads_count(const leit_threads *threads)
{
    return threads == NULL ? 1 : threads->n_workers;
}

void leit_threads_run(leit_threads *threads, int64_t n_tasks, leit_task *function, void *context)
{
    if (threads == NULL || threads->n_workers == 1 || n_tasks < 2) {
        for (int64_t task = 0; task < n_tasks; task++) function(context, task, 0);
        return;
    }
    threads->function = function;
    threads->context = context;
    threads->n_tasks = n_tasks;
    atomic_store(&threads->next_task, 0);
    begin(threads);
    take_tasks(threads, 0);

    for (int spin = 0; spin < SPINS; spin++)
        if (atomic_load_explicit(&threads->n_running, memory_order_acquire) == 0) return;
    pthread_mutex_lock(&threads->mutex);
    while (atomic_load(&threads->n_running) != 0)
        pthread_cond_wait(&threads->finished, &threads->mutex);
    pthread_mutex_unlock(&threads->mutex);
}
