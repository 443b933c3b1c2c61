/* One rank that mpirun has started, for test_mpi.sh, or that has torchrun's variables, for test_tcp.sh:
 *
 *     mpi_ranks collectives     all of them, exactly
 *     mpi_ranks bits            the hash of a sum's bits, in rank 0's line
 *     mpi_ranks threads         the same of four threads in one process, without MPI
 *     mpi_ranks never|away|dies|leaves|differs     what rank 1 does to the others
 *
 * The exit code is the status. In the folder LEIT_RANKS a file for each rank says status, seconds
 * and sentence, because mpirun may end the others when one fails. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/memory.h"
#include "dist/mpi_loader.h"
#include "support/collectives.h"

enum { V = 4, COUNT = 70001, N_THREADS = 4 };

static leit_findings found;

static void note(leit_status status)
{
    leit_note(&found, status);
}

/* ---- what goes well ---- */

static void try_sums(leit_dist *dist, float *expected)
{
    for (int parts = leit_dist_size(dist); parts <= LEIT_MAX_V; parts += leit_dist_size(dist)) {
        for (int c = 0; c < LEIT_N_COUNTS; c++) {
            leit_sum_task task = {.V = parts, .count = leit_counts[c], .in_place = c % 2 == 1};
            task.expected = expected;
            task.value = leit_whole;
            leit_expect_whole(parts, task.count, expected);
            leit_try_sum(dist, &task, &found);
            task.value = leit_uneven;
            if (task.count > 1025) continue;
            leit_expect_uneven(parts, task.count, expected);
            leit_try_sum(dist, &task, &found);
        }
    }
}

static void try_collectives(leit_dist *dist)
{
    float *expected = leit_allocate(COUNT, sizeof *expected);
    try_sums(dist, expected);
    leit_free(expected);
    leit_try_gather(dist, 1, &found);
    leit_try_gather(dist, 400000, &found); /* the last of 4 ranks gives 155 MB, ten messages */
    leit_try_broadcast(dist, &found);
    leit_try_agree(dist, &found);
}

/* FNV-1a over the bits of a sum whose order matters. */
static uint64_t hash_of_sum(leit_dist *dist)
{
    const int n_parts = V / leit_dist_size(dist), first = n_parts * leit_dist_rank(dist);
    float *parts[V];
    for (int k = 0; k < n_parts; k++) {
        parts[k] = leit_allocate(COUNT, sizeof(float));
        for (int64_t i = 0; i < COUNT; i++) parts[k][i] = leit_uneven(first + k, i);
    }
    note(leit_dist_sum(dist, parts, n_parts, COUNT, parts[0]));
    uint64_t hash = 0xcbf29ce484222325;
    const unsigned char *bytes = (const unsigned char *)parts[0];
    for (size_t i = 0; i < COUNT * sizeof(float); i++) hash = (hash ^ bytes[i]) * 0x100000001b3;
    for (int k = 0; k < n_parts; k++) leit_free(parts[k]);
    return hash;
}

static void *hash_in_thread(void *dist)
{
    const uint64_t hash = hash_of_sum(dist);
    if (leit_dist_rank(dist) == 0) printf("%016llx\n", (unsigned long long)hash);
    return NULL;
}

static int hash_threads(void)
{
    leit_dist *ranks[N_THREADS];
    pthread_t threads[N_THREADS];
    if (leit_dist_create_threads(N_THREADS, 60000, ranks) != LEIT_OK) return LEIT_INTERNAL;
    for (int r = 0; r < N_THREADS; r++)
        if (pthread_create(&threads[r], NULL, hash_in_thread, ranks[r]) != 0) return LEIT_INTERNAL;
    for (int r = 0; r < N_THREADS; r++) pthread_join(threads[r], NULL);
    for (int r = 0; r < N_THREADS; r++) leit_dist_close(ranks[r]);
    return 0;
}

/* ---- what does not ---- */

static void meet_the_others(leit_dist *dist, const char *mode)
{
    const bool is_it = leit_dist_rank(dist) == 1;
    char bytes[16] = {0};
    note(leit_dist_barrier(dist));
    if (is_it && strcmp(mode, "away") == 0) sleep(8);
    if (is_it && strcmp(mode, "dies") == 0) raise(SIGKILL);
    if (is_it && strcmp(mode, "leaves") == 0) {
        note(leit_fail(LEIT_DATA, __func__, "corpus.h5 is not there"));
        return;
    }
    const bool is_other = is_it && strcmp(mode, "differs") == 0;
    note(leit_dist_broadcast(dist, 0, bytes, is_other ? 8 : 16));
    note(leit_dist_barrier(dist));
}

static void run(const leit_launch *launch, const char *mode, int64_t deadline_ms)
{
    leit_dist *dist = NULL;
    if (launch->rank == 1 && strcmp(mode, "never") == 0) sleep(8);
    note(launch->launcher == LEIT_LAUNCHER_TORCHRUN
             ? leit_dist_create_launched(launch, deadline_ms, &dist)
             : leit_dist_create_mpi(launch, deadline_ms, &dist));
    if (dist == NULL) return;
    if (leit_dist_rank(dist) != launch->rank || leit_dist_size(dist) != launch->size)
        found.n_wrong++;
    if (strcmp(mode, "bits") == 0)
        hash_in_thread(dist);
    else if (strcmp(mode, "collectives") == 0)
        try_collectives(dist);
    else
        meet_the_others(dist, mode);
    leit_dist_close(dist);
}

static void tell(int rank, double seconds)
{
    char path[512];
    const char *folder = getenv("LEIT_RANKS");
    if (folder == NULL) return;
    snprintf(path, sizeof path, "%s/rank-%d", folder, rank);
    FILE *file = fopen(path, "w");
    if (file == NULL) return;
    fprintf(file, "%d %.1f %lld %s\n", (int)found.status, seconds, (long long)found.n_wrong,
            found.sentence);
    fclose(file);
}

int main(int count, char **words)
{
    leit_launch launch;
    const char *mode = count > 1 ? words[1] : "";
    const int64_t begin_ns = leit_clock_ns();
    if (strcmp(mode, "threads") == 0) return hash_threads();
    note(leit_launch_read(getenv, &launch));
    const bool is_well = strcmp(mode, "collectives") == 0 || strcmp(mode, "bits") == 0;
    run(&launch, mode, is_well ? 60000 : 3000);
    if (strcmp(mode, "collectives") == 0) run(&launch, mode, 60000); /* opened again */
    tell(launch.rank, leit_clock_seconds_since(begin_ns));
    if (found.status == LEIT_OK && found.n_wrong > 0) return LEIT_NUMERICAL;
    return (int)found.status;
}
