/* What mpirun (OpenMPI 4 and 5), srun and torchrun leave in the environment, as their manuals say. */
#include <string.h>

#include "dist/launch.h"
#include "support/testing.h"

static const char *const *environment; /* name, value, ..., NULL */

static char *get(const char *name)
{
    for (const char *const *entry = environment; *entry != NULL; entry += 2)
        if (strcmp(entry[0], name) == 0) return (char *)(uintptr_t)entry[1];
    return NULL;
}

#define ENVIRONMENT(...) (environment = (const char *const[]){__VA_ARGS__, NULL})

static void expect(leit_launcher launcher, int rank, int size, int local_rank)
{
    leit_launch launch;
    assert_ok(leit_launch_read(get, &launch));
    assert_int_equal(launch.launcher, launcher);
    assert_int_equal(launch.rank, rank);
    assert_int_equal(launch.size, size);
    assert_int_equal(launch.local_rank, local_rank);
}

static void expect_refused(const char *fragment)
{
    leit_launch launch;
    assert_fails(leit_launch_read(get, &launch), LEIT_USAGE, fragment);
}

static void test_alone(void **state)
{
    (void)state;
    ENVIRONMENT("HOME", "/root");
    expect(LEIT_LAUNCHER_NONE, 0, 1, 0);
    /* a batch script of Slurm, in which no step runs */
    ENVIRONMENT("SLURM_PROCID", "0", "SLURM_NTASKS", "4", "SLURM_LOCALID", "0");
    expect(LEIT_LAUNCHER_NONE, 0, 1, 0);
    ENVIRONMENT("RANK", "general"); /* somebody's own variable */
    expect(LEIT_LAUNCHER_NONE, 0, 1, 0);
    ENVIRONMENT("OMPI_COMM_WORLD_RANK", "", "OMPI_COMM_WORLD_SIZE", "");
    expect(LEIT_LAUNCHER_NONE, 0, 1, 0);
}

static void test_each_launcher(void **state)
{
    (void)state;
    ENVIRONMENT("OMPI_COMM_WORLD_RANK", "3", "OMPI_COMM_WORLD_SIZE", "4",
                "OMPI_COMM_WORLD_LOCAL_RANK", "1", "PMIX_RANK", "3");
    expect(LEIT_LAUNCHER_OPENMPI, 3, 4, 1);
    ENVIRONMENT("SLURM_PROCID", "2", "SLURM_STEP_NUM_TASKS", "8", "SLURM_NTASKS", "8",
                "SLURM_LOCALID", "2", "PMIX_RANK", "2");
    expect(LEIT_LAUNCHER_SLURM, 2, 8, 2);
    ENVIRONMENT("PMI_RANK", "1", "PMI_SIZE", "2", "MPI_LOCALRANKID", "1");
    expect(LEIT_LAUNCHER_PMI, 1, 2, 1);
    ENVIRONMENT("RANK", "5", "WORLD_SIZE", "6", "LOCAL_RANK", "1", "MASTER_ADDR", "node7",
                "MASTER_PORT", "29500");
    expect(LEIT_LAUNCHER_TORCHRUN, 5, 6, 1);
    leit_launch launch;
    assert_ok(leit_launch_read(get, &launch));
    assert_string_equal(launch.master_address, "node7");
    assert_int_equal(launch.master_port, 29500);
    assert_int_equal(launch.store_port, 29500);
    ENVIRONMENT("RANK", "5", "WORLD_SIZE", "6", "MASTER_ADDR", "node7", "MASTER_PORT", "29500",
                "TORCHELASTIC_USE_AGENT_STORE", "True"); /* it listens at 29500 itself */
    assert_ok(leit_launch_read(get, &launch));
    assert_int_equal(launch.store_port, 29501);
    ENVIRONMENT("RANK", "5", "WORLD_SIZE", "6", "MASTER_ADDR", "node7", "MASTER_PORT", "29500",
                "TORCHELASTIC_USE_AGENT_STORE", "True", "LEITMOTIF_STORE_PORT", "4000");
    assert_ok(leit_launch_read(get, &launch));
    assert_int_equal(launch.store_port, 4000);
}

static void test_one_inside_the_other(void **state)
{
    (void)state;
    ENVIRONMENT("OMPI_COMM_WORLD_RANK", "3", "OMPI_COMM_WORLD_SIZE", "4", "SLURM_PROCID", "0",
                "SLURM_STEP_NUM_TASKS", "1");
    expect(LEIT_LAUNCHER_OPENMPI, 3, 4, 0);
    ENVIRONMENT("SLURM_PROCID", "1", "SLURM_STEP_NUM_TASKS", "2", "PMIX_RANK", "1", "RANK", "9",
                "WORLD_SIZE", "16", "MASTER_ADDR", "node0", "MASTER_PORT", "29500");
    expect(LEIT_LAUNCHER_TORCHRUN, 9, 16, 0);
}

static void test_contradictions(void **state)
{
    (void)state;
    ENVIRONMENT("OMPI_COMM_WORLD_RANK", "3");
    expect_refused("OMPI_COMM_WORLD_RANK is set and OMPI_COMM_WORLD_SIZE is not: start all ranks "
                   "with mpirun");
    ENVIRONMENT("WORLD_SIZE", "3");
    expect_refused("WORLD_SIZE is set and RANK is not");
    ENVIRONMENT("PMI_RANK", "2", "PMI_SIZE", "2");
    expect_refused("PMI_RANK is 2 and PMI_SIZE is 2: ranks count from 0");
    ENVIRONMENT("SLURM_PROCID", "x1", "SLURM_STEP_NUM_TASKS", "2");
    expect_refused("SLURM_PROCID is 'x1', expected a whole number");
    ENVIRONMENT("OMPI_COMM_WORLD_RANK", "-1", "OMPI_COMM_WORLD_SIZE", "2");
    expect_refused("OMPI_COMM_WORLD_RANK is '-1'");
    ENVIRONMENT("OMPI_COMM_WORLD_RANK", "0", "OMPI_COMM_WORLD_SIZE", "0");
    expect_refused("OMPI_COMM_WORLD_SIZE is '0', expected a whole number from 1");
    ENVIRONMENT("OMPI_COMM_WORLD_RANK", "0", "OMPI_COMM_WORLD_SIZE", "99999999999999999999");
    expect_refused("OMPI_COMM_WORLD_SIZE is '99999999999999999999'");
    ENVIRONMENT("RANK", "0", "WORLD_SIZE", "2");
    expect_refused("MASTER_ADDR or MASTER_PORT is not: start all ranks with torchrun");
    ENVIRONMENT("RANK", "0", "WORLD_SIZE", "2", "MASTER_ADDR", "a", "MASTER_PORT", "port");
    expect_refused("MASTER_PORT is 'port'");
    ENVIRONMENT("RANK", "0", "WORLD_SIZE", "2", "MASTER_ADDR", "a", "MASTER_PORT", "65536");
    expect_refused("MASTER_PORT is 65536, expected a port from 1 to 65535");
    ENVIRONMENT("OMPI_COMM_WORLD_RANK", "1", "OMPI_COMM_WORLD_SIZE", "2", "RANK", "0", "WORLD_SIZE",
                "2", "MASTER_ADDR", "a", "MASTER_PORT", "1");
    expect_refused("mpirun says rank 1 of 2, and RANK and WORLD_SIZE say rank 0 of 2");
    ENVIRONMENT("OMPI_COMM_WORLD_RANK", "1", "OMPI_COMM_WORLD_SIZE", "2", "PMIX_RANK", "0");
    expect_refused("PMIX_RANK is 0, and mpirun says rank 1 of 2");
    ENVIRONMENT("PMIX_RANK", "0");
    expect_refused("PMIX_RANK is 0 and nothing says of how many");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_each_launcher),
        cmocka_unit_test(test_one_inside_the_other),
        cmocka_unit_test(test_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
