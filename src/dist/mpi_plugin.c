/* Ranks that mpirun or srun has started: the one file that knows MPI.
 *
 * Nothing here waits inside MPI. A rank sends each other its parcel, which may be empty, and asks in
 * turn what has come; when the deadline passes, the ranks that something is still expected of are
 * the missing ones. A message is looked at before it is received, so that a rank at another call
 * is told from a late one. Who leaves says so, and the others end at once.
 *
 * MPI_Init and MPI_Finalize alone wait for all without a deadline; PMIx, the launcher's book of who
 * is there, is asked for every rank before the first, and a barrier with a deadline stands before
 * the second. */
#include "dist/mpi_plugin.h"

#include <mpi.h>
#include <pmix.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/memory.h"
#include "core/plugin_side.h"

/* A parcel goes in messages of at most so many bytes: MPI counts them in an int. */
enum { MESSAGE_BYTES = 1 << 24 };
enum { TAG_PARCEL = 1, TAG_LEAVING = 2 };
enum { LAST_WORDS_MS = 200 }; /* for telling the others that this rank has given up */

/* Of this process: MPI starts once and ends once. */
static struct {
    MPI_Comm comm;
    bool has_begun, is_open;
    bool is_lost; /* some rank is not there any more, and nothing is asked of MPI again */
    int64_t deadline_ms;
    atomic_int *signatures; /* (size) while the roll is called */
} process;

/* How far the exchange with one rank is. */
typedef struct peer {
    MPI_Request giving, taking;
    size_t n_given, n_taken; /* messages, with those on their way */
    bool is_gone;
} peer;

typedef struct station {
    int rank, size;
    peer *peers;          /* (size) */
    leit_parcel *nothing; /* (size) empty ones */
    bool *missing;        /* (size) of the last exchange, the farewell */
} station;

static void nap(long ns)
{
    nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

/* Between two looks at what has come. */
static void rest(int64_t *n_looks)
{
    if (++*n_looks < 200)
        sched_yield();
    else
        nap(50000);
}

static int64_t time_after(int64_t ms)
{
    return leit_clock_ns() + ms * 1000000;
}

/* ---- one message ---- */

/* An empty parcel is one empty message: it says that its rank has come. */
static size_t count_messages(size_t bytes)
{
    return bytes == 0 ? 1 : (bytes + MESSAGE_BYTES - 1) / MESSAGE_BYTES;
}

static int message_bytes(size_t bytes, size_t i)
{
    const size_t rest_bytes = bytes - i * MESSAGE_BYTES;
    return rest_bytes < MESSAGE_BYTES ? (int)rest_bytes : (int)MESSAGE_BYTES;
}

/* A call of MPI that fails is a rank that is gone: nothing else can go wrong here. */
static bool is_complete(MPI_Request *request, peer *other)
{
    int flag = 0;
    other->is_gone |= MPI_Test(request, &flag, MPI_STATUS_IGNORE) != MPI_SUCCESS;
    return flag != 0;
}

/* *done: the whole parcel is given and may change. */
static void give(const leit_parcel *parcel, int to, int tag, peer *other, bool *done)
{
    if (!is_complete(&other->giving, other)) return;
    *done = other->n_given == count_messages(parcel->give_bytes);
    if (*done) return;
    const char *from = parcel->give_bytes == 0
                           ? NULL
                           : (const char *)parcel->give + other->n_given * MESSAGE_BYTES;
    other->is_gone |= MPI_Isend(from, message_bytes(parcel->give_bytes, other->n_given), MPI_BYTE,
                                to, tag, process.comm, &other->giving) != MPI_SUCCESS;
    other->n_given++;
}

static leit_status receive(const station *own, const leit_parcel *parcel, int from,
                           MPI_Message *message, const MPI_Status *found)
{
    peer *other = &own->peers[from];
    const int wanted = message_bytes(parcel->take_bytes, other->n_taken);
    int n = 0;
    other->is_gone |= MPI_Get_count(found, MPI_BYTE, &n) != MPI_SUCCESS;
    LEIT_FAIL_IF(n != wanted, LEIT_INTERNAL,
                 "rank %d gives %d bytes where rank %d takes %d: they are at different calls", from,
                 n, own->rank, wanted);
    char *to =
        parcel->take_bytes == 0 ? NULL : (char *)parcel->take + other->n_taken * MESSAGE_BYTES;
    other->is_gone |= MPI_Imrecv(to, n, MPI_BYTE, message, &other->taking) != MPI_SUCCESS;
    other->n_taken++;
    return LEIT_OK;
}

/* *done: the whole parcel is here. */
static leit_status take(const station *own, const leit_parcel *parcel, int from, int tag,
                        bool *done)
{
    peer *other = &own->peers[from];
    if (!is_complete(&other->taking, other)) return LEIT_OK;
    *done = other->n_taken == count_messages(parcel->take_bytes);
    if (*done) return LEIT_OK;
    MPI_Message message;
    MPI_Status found;
    int flag = 0;
    other->is_gone |=
        MPI_Improbe(from, MPI_ANY_TAG, process.comm, &flag, &message, &found) != MPI_SUCCESS;
    if (flag == 0) return LEIT_OK;
    other->is_gone |= found.MPI_TAG != tag;
    return other->is_gone ? LEIT_OK : receive(own, parcel, from, &message, &found);
}

/* ---- one exchange ---- */

/* One look at each other rank; missing: those that are not done. */
static leit_status look(const station *own, const leit_parcel *parcels, int tag, bool *missing,
                        int *n_missing, int *n_gone)
{
    *n_missing = *n_gone = 0;
    for (int r = 0; r < own->size; r++) {
        if (r == own->rank) continue;
        bool has_given = false, has_taken = false;
        give(&parcels[r], r, tag, &own->peers[r], &has_given);
        LEIT_TRY(take(own, &parcels[r], r, tag, &has_taken));
        missing[r] = !has_given || !has_taken;
        *n_missing += missing[r];
        *n_gone += own->peers[r].is_gone;
    }
    return LEIT_OK;
}

/* Tells all others that this rank has given up, those it waited for too. What could not be said in
 * this time is left unsaid; what was on its way is forgotten. */
static void give_up(const station *own)
{
    const int64_t until = time_after(LAST_WORDS_MS);
    int64_t n_looks = 0;
    for (int r = 0; r < own->size; r++) own->peers[r] = (peer){.giving = MPI_REQUEST_NULL};
    for (int n_silent = own->size - 1; n_silent > 0 && leit_clock_ns() < until; rest(&n_looks)) {
        n_silent = 0;
        for (int r = 0; r < own->size; r++) {
            bool done = r == own->rank || own->peers[r].is_gone;
            if (!done) give(&own->nothing[r], r, TAG_LEAVING, &own->peers[r], &done);
            n_silent += !done;
        }
    }
    process.is_lost = true;
}

static leit_status meet(const station *own, const leit_parcel *parcels, int tag,
                        int64_t deadline_ms, bool *missing)
{
    const int64_t until = time_after(deadline_ms);
    int64_t n_looks = 0;
    int n_missing = 0, n_gone = 0;
    for (int r = 0; r < own->size; r++)
        own->peers[r] = (peer){.giving = MPI_REQUEST_NULL, .taking = MPI_REQUEST_NULL};
    for (;; rest(&n_looks)) {
        LEIT_TRY(look(own, parcels, tag, missing, &n_missing, &n_gone));
        if (n_missing == 0) return LEIT_OK;
        if (n_gone > 0) break;
        if (leit_clock_ns() > until) return LEIT_RANK;
    }
    for (int r = 0; r < own->size; r++) missing[r] = own->peers[r].is_gone;
    return LEIT_RANK;
}

/* After a failure memory that MPI still knows of goes back to its owner, so MPI is not called again
 * in this process but for the last words. */
static leit_status exchange(void *context, const leit_parcel *parcels, int64_t deadline_ms,
                            bool *missing)
{
    const station *own = context;
    if (process.is_lost) return LEIT_RANK;
    const leit_status status = meet(own, parcels, TAG_PARCEL, deadline_ms, missing);
    if (status != LEIT_OK) give_up(own);
    return status;
}

/* ---- beginning ---- */

/* What the launcher's book says of a rank: that it is here, that it has found all others here. */
#define KEY_HERE "leitmotif.here"
#define KEY_ALL_HERE "leitmotif.all_here"

static leit_status sign(const char *key, int rank, int size)
{
    pmix_value_t yes = {.type = PMIX_BOOL, .data.flag = true};
    LEIT_FAIL_IF(PMIx_Put(PMIX_GLOBAL, key, &yes) != PMIX_SUCCESS || PMIx_Commit() != PMIX_SUCCESS,
                 LEIT_RANK, "rank %d of %d cannot tell PMIx that it is here", rank, size);
    return LEIT_OK;
}

enum { UNSEEN, ASKED, SIGNED };

static void note_signature(pmix_status_t status, pmix_value_t *value, void *state)
{
    (void)value;
    atomic_store((atomic_int *)state, status == PMIX_SUCCESS ? SIGNED : UNSEEN);
}

/* Asks for all of them at once and, where the launcher knows nothing yet, again. */
static bool have_all_signed(const pmix_proc_t *self, int size, const char *key, bool *missing)
{
    bool have_all = true;
    for (int r = 0; r < size; r++) {
        atomic_int *state = &process.signatures[r];
        missing[r] = (pmix_rank_t)r != self->rank && atomic_load(state) != SIGNED;
        have_all &= !missing[r];
        if (!missing[r] || atomic_load(state) == ASKED) continue;
        pmix_proc_t other;
        PMIX_LOAD_PROCID(&other, self->nspace, (pmix_rank_t)r);
        atomic_store(state, ASKED);
        if (PMIx_Get_nb(&other, key, NULL, 0, note_signature, state) != PMIX_SUCCESS)
            atomic_store(state, UNSEEN);
    }
    return have_all;
}

static leit_status look_up(const pmix_proc_t *self, int size, const char *key, int64_t deadline_ms,
                           bool *missing)
{
    const int64_t until = time_after(deadline_ms);
    for (int r = 0; r < size; r++) atomic_store(&process.signatures[r], UNSEEN);
    while (!have_all_signed(self, size, key, missing)) {
        if (leit_clock_ns() > until) return LEIT_RANK;
        nap(5000000);
    }
    return LEIT_OK;
}

static void note_fence(pmix_status_t status, void *done)
{
    atomic_store((atomic_int *)done, status == PMIX_SUCCESS ? 1 : -1);
}

/* Hands what all have signed to all. It does not fail: ranks that ended count as come. */
static void meet_at_fence(int64_t until)
{
    static atomic_int done; /* the launcher may answer when nobody waits any more */
    const bool collects = true;
    pmix_info_t how[1];
    PMIX_INFO_LOAD(&how[0], PMIX_COLLECT_DATA, &collects, PMIX_BOOL);
    if (PMIx_Fence_nb(NULL, 0, how, 1, note_fence, &done) != PMIX_SUCCESS) return;
    while (atomic_load(&done) == 0 && leit_clock_ns() < until) nap(1000000);
}

/* In two rounds: who comes late finds all others in the book, though they may have given up. */
static leit_status call_the_roll(int rank, int size, int64_t deadline_ms, bool *missing)
{
    pmix_proc_t self;
    LEIT_FAIL_IF(
        PMIx_Init(&self, NULL, 0) != PMIX_SUCCESS || (int)self.rank != rank, LEIT_USAGE,
        "rank %d of %d is not known to PMIx: start the ranks with OpenMPI's mpirun or with "
        "srun --mpi=pmix",
        rank, size);
    LEIT_TRY(LEIT_ALLOC(process.signatures, size));
    LEIT_TRY(sign(KEY_HERE, rank, size));
    LEIT_TRY(look_up(&self, size, KEY_HERE, deadline_ms, missing));
    LEIT_TRY(sign(KEY_ALL_HERE, rank, size));
    meet_at_fence(time_after(deadline_ms));
    LEIT_TRY(look_up(&self, size, KEY_ALL_HERE, deadline_ms, missing));
    leit_free(process.signatures); /* after a failure the launcher may still answer into it */
    process.signatures = NULL;
    return LEIT_OK;
}

/* At the end of the program. A rank that lost another leaves without MPI_Finalize, which would wait
 * for it. */
static void finish(void)
{
    if (process.is_lost || process.is_open) return;
    MPI_Request all;
    int flag = 0;
    int64_t n_looks = 0;
    const int64_t until = time_after(process.deadline_ms);
    if (MPI_Ibarrier(process.comm, &all) != MPI_SUCCESS) return;
    for (; flag == 0 && leit_clock_ns() < until; rest(&n_looks))
        if (MPI_Test(&all, &flag, MPI_STATUS_IGNORE) != MPI_SUCCESS) return;
    if (flag != 0) MPI_Finalize();
}

static leit_status begin(int rank, int size, int64_t deadline_ms, bool *missing)
{
    int provided = 0, is_begun = 0;
    MPI_Initialized(&is_begun);
    LEIT_FAIL_IF(is_begun != 0, LEIT_USAGE,
                 "MPI has been started by somebody else in rank %d of %d", rank, size);
    LEIT_TRY(call_the_roll(rank, size, deadline_ms, missing));
    LEIT_FAIL_IF(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS ||
                     provided < MPI_THREAD_SERIALIZED ||
                     MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN) != MPI_SUCCESS,
                 LEIT_RANK, "rank %d of %d cannot start MPI", rank, size);
    PMIx_Finalize(NULL, 0); /* MPI has its own hold on it */
    /* No copy of it: making one is a meeting without a deadline, and nobody else sends here. */
    process.comm = MPI_COMM_WORLD;
    int mpi_rank = 0, mpi_size = 0;
    MPI_Comm_rank(process.comm, &mpi_rank);
    MPI_Comm_size(process.comm, &mpi_size);
    LEIT_FAIL_IF(mpi_rank != rank || mpi_size != size, LEIT_USAGE,
                 "the launcher says rank %d of %d, MPI says %d of %d: start the ranks with the "
                 "mpirun of the OpenMPI that the plugin is made with",
                 rank, size, mpi_rank, mpi_size);
    process.has_begun = true;
    (void)atexit(finish);
    return LEIT_OK;
}

/* ---- life ---- */

static void free_station(station *own)
{
    leit_free(own->peers);
    leit_free(own->nothing);
    leit_free(own->missing);
    leit_free(own);
}

static leit_status create_station(int rank, int size, station **result)
{
    station *own = NULL;
    LEIT_TRY(LEIT_ALLOC(own, 1));
    own->rank = rank;
    own->size = size;
    leit_status status = LEIT_OK;
    LEIT_TRY_GOTO(LEIT_ALLOC(own->peers, size), failed);
    LEIT_TRY_GOTO(LEIT_ALLOC(own->nothing, size), failed);
    LEIT_TRY_GOTO(LEIT_ALLOC(own->missing, size), failed);
    *result = own;
    return LEIT_OK;
failed:
    free_station(own);
    return status;
}

/* All ranks say farewell, and each hears it from all: nothing is on its way when the next one is
 * opened. Who is in the middle of an exchange meanwhile hears that this one has left. */
static void close_station(void *context)
{
    station *own = context;
    if (!process.is_lost &&
        meet(own, own->nothing, TAG_LEAVING, process.deadline_ms, own->missing) != LEIT_OK)
        process.is_lost = true;
    process.is_open = false;
    free_station(own);
}

static leit_status open_station(int rank, int size, int64_t deadline_ms, bool *missing,
                                leit_transport *transport)
{
    LEIT_FAIL_IF(process.is_open, LEIT_INTERNAL, "MPI is open already in rank %d of %d", rank,
                 size);
    LEIT_FAIL_IF(process.is_lost, LEIT_RANK,
                 "rank %d of %d has lost others before: start all ranks anew", rank, size);
    station *own = NULL;
    LEIT_TRY(create_station(rank, size, &own));
    leit_status status = process.has_begun ? LEIT_OK : begin(rank, size, deadline_ms, missing);
    if (status != LEIT_OK) {
        process.is_lost = true;
        free_station(own);
        return status;
    }
    process.is_open = true;
    process.deadline_ms = deadline_ms;
    *transport = (leit_transport){.rank = rank,
                                  .size = size,
                                  .deadline_ms = deadline_ms,
                                  .context = own,
                                  .exchange = exchange,
                                  .close = close_station};
    return LEIT_OK;
}

__attribute__((visibility("default"))) const void *leit_mpi_plugin(const leit_plugin_host *lent)
{
    static leit_mpi_table table = {
        .abi = LEIT_MPI_ABI, .version = LEIT_VERSION, .open = open_station};
    static char words[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    plugin_host = lent;
    if (MPI_Get_library_version(words, &length) == MPI_SUCCESS)
        snprintf(table.library, sizeof table.library, "%.*s", (int)strcspn(words, ",\n"), words);
    return &table;
}
