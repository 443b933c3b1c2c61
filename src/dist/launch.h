/* Who started this process, and as which rank: read from the environment that launchers set. */
#ifndef LEIT_DIST_LAUNCH_H
#define LEIT_DIST_LAUNCH_H

#include "core/check.h"

typedef enum leit_launcher {
    LEIT_LAUNCHER_NONE,     /* one process */
    LEIT_LAUNCHER_OPENMPI,  /* mpirun: OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE */
    LEIT_LAUNCHER_PMI,      /* srun --mpi=pmi2, MPICH, Intel MPI: PMI_RANK, PMI_SIZE */
    LEIT_LAUNCHER_TORCHRUN, /* RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT */
    LEIT_LAUNCHER_SLURM     /* srun, also with PMIx: SLURM_PROCID, SLURM_STEP_NUM_TASKS */
} leit_launcher;

typedef struct leit_launch {
    leit_launcher launcher;
    int rank, size;
    int local_rank;             /* among the ranks of this machine; 0 where nobody says */
    const char *master_address; /* torchrun's; NULL elsewhere. Belongs to the environment */
    int master_port;
    int store_port; /* of dist/tcp_store.h: LEITMOTIF_STORE_PORT or, without it, MASTER_PORT, or the next
                     * one where torchrun keeps a store of its own at that */
} leit_launch;

/* "mpirun", "srun", ... for messages; "nothing" for none. */
const char *leit_launcher_name(leit_launcher launcher);

/* `get` is getenv. The launcher nearest to the process counts: mpirun or torchrun inside a Slurm job
 * leaves both kinds of variables. A batch script alone, where Slurm sets SLURM_PROCID and SLURM_NTASKS but no
 * step, is one process. LEIT_USAGE names a variable that is missing, is no number, or contradicts
 * another. */
leit_status leit_launch_read(char *(*get)(const char *name), leit_launch *launch);

/* LEIT_USAGE where a launcher has started this process as one of several: `verb` runs in one, and
 * `instead` is what to do. */
leit_status leit_launch_expect_one(const char *verb, const char *instead);

#endif
