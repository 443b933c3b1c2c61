/* The collectives of a communicator as its ranks meet them, whatever carries them: on whole numbers
 * below 2^24 every order of additions gives the same float, so the expected sum is arithmetic; that
 * the order is that of the tree is shown with numbers of very different size. */
#ifndef LEIT_TESTS_COLLECTIVES_H
#define LEIT_TESTS_COLLECTIVES_H

#include "dist/dist.h"

enum { LEIT_MAX_V = 12 };

/* What one rank has to say: cmocka's assertions jump out of the thread that runs the test. */
typedef struct leit_findings {
    leit_status status; /* the first failure, with its sentence */
    char sentence[1024];
    int64_t n_wrong;
} leit_findings;
void leit_note(leit_findings *findings, leit_status status);

/* Element i of a part. Whole: of either sign, below 2^17, so that twelve of them stay below 2^24.
 * Uneven: from 2^-30 to 2^30, where another order of additions gives other bits almost surely. */
float leit_whole(int part, int64_t i);
float leit_uneven(int part, int64_t i);

/* expected (count): the sum over V parts, in integers, and as dist.h defines its order. */
void leit_expect_whole(int V, int64_t count, float *expected);
void leit_expect_uneven(int V, int64_t count, float *expected);

/* The last takes several rounds. */
enum { LEIT_N_COUNTS = 5 };
extern const int64_t leit_counts[LEIT_N_COUNTS];

typedef struct leit_sum_task {
    int V;
    int64_t count;
    float (*value)(int part, int64_t i);
    const float *expected;
    bool in_place;
} leit_sum_task;
void leit_try_sum(leit_dist *dist, const leit_sum_task *task, leit_findings *findings);

/* Ranks other than 1 give 97 (rank + 1) times `scale` bytes, rank 1 gives none. */
void leit_try_gather(leit_dist *dist, size_t scale, leit_findings *findings);
void leit_try_broadcast(leit_dist *dist, leit_findings *findings);
void leit_try_agree(leit_dist *dist, leit_findings *findings);

#endif
