#include "dist/launch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RANKS = 1 << 20 };

/* The variables of one launcher, nearest to the process first. */
typedef struct family {
    leit_launcher launcher;
    const char *name, *rank, *size, *local_rank;
} family;

static const family families[] = {
    {LEIT_LAUNCHER_OPENMPI, "mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
     "OMPI_COMM_WORLD_LOCAL_RANK"},
    {LEIT_LAUNCHER_PMI, "a PMI launcher", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"},
    {LEIT_LAUNCHER_TORCHRUN, "torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK"},
    {LEIT_LAUNCHER_SLURM, "srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"},
};
enum { N_FAMILIES = sizeof families / sizeof *families };

const char *leit_launcher_name(leit_launcher launcher)
{
    for (int i = 0; i < N_FAMILIES; i++)
        if (families[i].launcher == launcher) return families[i].name;
    return "nothing";
}

static leit_status read_number(const char *name, const char *text, int least, int *number)
{
    char *end = NULL;
    const long value = text == NULL ? -1 : strtol(text, &end, 10);
    LEIT_FAIL_IF(text == NULL || end == text || *end != '\0' || value < least || value > MAX_RANKS,
                 LEIT_USAGE, "%s is '%s', expected a whole number from %d to %d", name,
                 text == NULL ? "" : text, least, MAX_RANKS);
    *number = (int)value;
    return LEIT_OK;
}

static bool is_set(char *(*get)(const char *), const char *name)
{
    const char *text = get(name);
    return text != NULL && text[0] != '\0';
}

/* *found: whether this launcher has left its variables. */
static leit_status read_family(const family *of, char *(*get)(const char *), leit_launch *launch,
                               bool *found)
{
    const bool has_rank = is_set(get, of->rank), has_size = is_set(get, of->size);
    *found = has_rank && has_size;
    /* Slurm sets SLURM_PROCID in a batch script too, and a program of its own may use RANK. */
    const bool rank_alone_says_nothing =
        of->launcher == LEIT_LAUNCHER_SLURM || of->launcher == LEIT_LAUNCHER_TORCHRUN;
    if (!has_size && (!has_rank || rank_alone_says_nothing)) return LEIT_OK;
    LEIT_FAIL_IF(!has_rank || !has_size, LEIT_USAGE,
                 "%s is set and %s is not: start all ranks with %s, or unset both",
                 has_rank ? of->rank : of->size, has_rank ? of->size : of->rank, of->name);
    *launch = (leit_launch){.launcher = of->launcher};
    LEIT_TRY(read_number(of->rank, get(of->rank), 0, &launch->rank));
    LEIT_TRY(read_number(of->size, get(of->size), 1, &launch->size));
    LEIT_FAIL_IF(launch->rank >= launch->size, LEIT_USAGE,
                 "%s is %d and %s is %d: ranks count from 0 to size - 1", of->rank, launch->rank,
                 of->size, launch->size);
    if (is_set(get, of->local_rank))
        LEIT_TRY(read_number(of->local_rank, get(of->local_rank), 0, &launch->local_rank));
    return LEIT_OK;
}

static leit_status read_port(char *(*get)(const char *), const char *name, int *port)
{
    LEIT_TRY(read_number(name, get(name), 1, port));
    LEIT_FAIL_IF(*port > 65535, LEIT_USAGE, "%s is %d, expected a port from 1 to 65535", name,
                 *port);
    return LEIT_OK;
}

static leit_status read_master(char *(*get)(const char *), leit_launch *launch)
{
    LEIT_FAIL_IF(!is_set(get, "MASTER_ADDR") || !is_set(get, "MASTER_PORT"), LEIT_USAGE,
                 "RANK and WORLD_SIZE are set and MASTER_ADDR or MASTER_PORT is not: start all "
                 "ranks with torchrun, or unset them");
    launch->master_address = get("MASTER_ADDR");
    LEIT_TRY(read_port(get, "MASTER_PORT", &launch->master_port));
    const char *is_taken = get("TORCHELASTIC_USE_AGENT_STORE");
    launch->store_port =
        launch->master_port + (is_taken != NULL && strcmp(is_taken, "True") == 0 ? 1 : 0);
    if (!is_set(get, "LEITMOTIF_STORE_PORT")) return LEIT_OK;
    return read_port(get, "LEITMOTIF_STORE_PORT", &launch->store_port);
}

/* Launchers may stand one inside the other (mpirun or torchrun in a Slurm job), but these two not. */
static leit_status check_agreement(const leit_launch *nearest, const leit_launch *torchrun)
{
    LEIT_FAIL_IF(nearest->rank != torchrun->rank || nearest->size != torchrun->size, LEIT_USAGE,
                 "%s says rank %d of %d, and RANK and WORLD_SIZE say rank %d of %d: unset those of "
                 "the launcher that is not meant",
                 leit_launcher_name(nearest->launcher), nearest->rank, nearest->size,
                 torchrun->rank, torchrun->size);
    return LEIT_OK;
}

/* PMIx gives a rank and no size; it must be the rank of whoever gave the size. */
static leit_status check_pmix(char *(*get)(const char *), const leit_launch *launch)
{
    if (!is_set(get, "PMIX_RANK") || launch->launcher == LEIT_LAUNCHER_TORCHRUN) return LEIT_OK;
    int rank = 0;
    LEIT_TRY(read_number("PMIX_RANK", get("PMIX_RANK"), 0, &rank));
    LEIT_FAIL_IF(launch->launcher == LEIT_LAUNCHER_NONE, LEIT_USAGE,
                 "PMIX_RANK is %d and nothing says of how many: start the ranks with mpirun or "
                 "srun, or unset it",
                 rank);
    LEIT_FAIL_IF(launch->launcher != LEIT_LAUNCHER_NONE && rank != launch->rank, LEIT_USAGE,
                 "PMIX_RANK is %d, and %s says rank %d of %d", rank,
                 leit_launcher_name(launch->launcher), launch->rank, launch->size);
    return LEIT_OK;
}

leit_status leit_launch_read(char *(*get)(const char *name), leit_launch *launch)
{
    leit_launch nearest = {.launcher = LEIT_LAUNCHER_NONE, .size = 1};
    for (int i = 0; i < N_FAMILIES; i++) {
        leit_launch here = {0};
        bool found = false;
        LEIT_TRY(read_family(&families[i], get, &here, &found));
        if (!found) continue;
        if (here.launcher == LEIT_LAUNCHER_TORCHRUN) LEIT_TRY(read_master(get, &here));
        if (nearest.launcher == LEIT_LAUNCHER_NONE)
            nearest = here;
        else if (here.launcher == LEIT_LAUNCHER_TORCHRUN)
            LEIT_TRY(check_agreement(&nearest, &here));
    }
    LEIT_TRY(check_pmix(get, &nearest));
    *launch = nearest;
    return LEIT_OK;
}

leit_status leit_launch_expect_one(const char *verb, const char *instead)
{
    leit_launch launch;
    LEIT_TRY(leit_launch_read(getenv, &launch));
    LEIT_FAIL_IF(launch.size > 1, LEIT_USAGE,
                 "%s has started this process as rank %d of %d, and %s runs in one: %s",
                 leit_launcher_name(launch.launcher), launch.rank, launch.size, verb, instead);
    return LEIT_OK;
}
