#include "search/track_ranking.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "kernels/top_k_similarity.h"

enum { SPARE_CANDIDATES = 64 };

/* Better first; `score` grows with how well a track fits, whatever the rule. */
static bool is_better(leit_ranked_track a, leit_ranked_track b)
{
    return a.score > b.score || (a.score == b.score && a.track < b.track);
}

/* Keeps the k best of what is pushed, best first. Most candidates lose against the last one. */
static void push(leit_ranked_track *best, int64_t *count, int64_t k, leit_ranked_track candidate)
{
    if (*count == k && !is_better(candidate, best[k - 1])) return;
    int64_t at = *count < k ? (*count)++ : k - 1;
    for (; at > 0 && is_better(candidate, best[at - 1]); at--) best[at] = best[at - 1];
    best[at] = candidate;
}

static double dot(const float *a, const float *b, int64_t width)
{
    double sum = 0;
    for (int64_t j = 0; j < width; j++) sum += (double)a[j] * b[j];
    return sum;
}

static double distance(const float *a, const float *b, int64_t width)
{
    double sum = 0;
    for (int64_t j = 0; j < width; j++) {
        const double difference = (double)a[j] - b[j];
        sum += difference * difference;
    }
    return sqrt(sum);
}

void leit_answer_normalise(float *answer, int64_t width)
{
    const double length = sqrt(dot(answer, answer, width));
    for (int64_t j = 0; length > 0 && j < width; j++) answer[j] = (float)(answer[j] / length);
}

/* ---- every row in double ---- */

static double score_of(const leit_track_ranking *ranking, int64_t scene, int64_t track)
{
    const int64_t width = ranking->width;
    const float *row = ranking->tracks + track * width;
    if (ranking->rule == LEIT_RULE_COSINE) return dot(ranking->scenes + scene * width, row, width);
    if (ranking->rule == LEIT_RULE_EUCLIDEAN)
        return -distance(ranking->scenes + scene * width, row, width);
    return row[ranking->mood[scene]];
}

static void scan(const leit_track_ranking *ranking, int64_t scene, leit_ranked_track *ranked,
                 int64_t *count)
{
    *count = 0;
    if (leit_rule_has_moods(ranking->rule) && ranking->mood[scene] < 0) return;
    for (int64_t track = 0; track < ranking->n_tracks; track++)
        push(ranked, count, ranking->k,
             (leit_ranked_track){(int32_t)track, score_of(ranking, scene, track)});
}

struct scan_context {
    const leit_track_ranking *ranking;
    leit_ranked_track *ranked;
    int64_t *counts;
};

static void scan_task(void *context, int64_t scene, int worker)
{
    (void)worker;
    const struct scan_context *c = context;
    scan(c->ranking, scene, c->ranked + scene * c->ranking->k, &c->counts[scene]);
}

/* ---- candidates from the kernel ---- */

static leit_status find_candidates(const leit_track_ranking *ranking, leit_threads *threads,
                                   int64_t k, float *scores, int32_t *tracks)
{
    const struct leit_top_k_similarity args = {.N = ranking->n_scenes,
                                               .M = ranking->n_tracks,
                                               .E = ranking->width,
                                               .k = k,
                                               .queries = ranking->scenes,
                                               .items = ranking->tracks,
                                               .scores = scores,
                                               .indices = tracks};
    leit_exec exec = {.threads = threads};
    exec.workspace_bytes = leit_top_k_similarity_workspace_cpu(&args, leit_threads_count(threads));
    exec.workspace = leit_allocate(exec.workspace_bytes, 1);
    if (exec.workspace == NULL) return LEIT_INTERNAL;
    leit_status status = leit_top_k_similarity_forward_cpu(&exec, &args);
    leit_free(exec.workspace);
    return status;
}

/* How far a sum of `width` products in single precision can be from the exact one: gamma_n |q||x|
 * with n roundings in any order (Higham, "Accuracy and stability", 3.1). |x| <= 1 up to rounding.
 */
static double rounding_bound(const float *scene, int64_t width)
{
    const double n = (double)width * FLT_EPSILON / 2, length = sqrt(dot(scene, scene, width));
    return 1.01 * length * n / (1 - n);
}

/* Scores the candidates of one scene again. False when a row that is no candidate could belong to
 * the k best. */
static bool settle(const leit_track_ranking *ranking, int64_t scene, int64_t n_candidates,
                   const float *scores, const int32_t *tracks, leit_ranked_track *ranked,
                   int64_t *count)
{
    *count = 0;
    for (int64_t c = 0; c < n_candidates; c++)
        push(ranked, count, ranking->k,
             (leit_ranked_track){tracks[c], score_of(ranking, scene, tracks[c])});
    if (n_candidates == ranking->n_tracks) return true;
    const double bound = rounding_bound(ranking->scenes + scene * ranking->width, ranking->width);
    return *count == ranking->k &&
           ranked[ranking->k - 1].score > (double)scores[n_candidates - 1] + bound;
}

static leit_status rank_by_cosine(const leit_track_ranking *ranking, leit_threads *threads,
                                  leit_ranked_track *ranked, int64_t *counts)
{
    const int64_t wanted = ranking->k + SPARE_CANDIDATES;
    const int64_t k = wanted < ranking->n_tracks ? wanted : ranking->n_tracks;
    float *scores = NULL;
    int32_t *tracks = NULL;
    leit_status status = LEIT_ALLOC(scores, ranking->n_scenes * k);
    if (status == LEIT_OK) status = LEIT_ALLOC(tracks, ranking->n_scenes * k);
    if (status == LEIT_OK) status = find_candidates(ranking, threads, k, scores, tracks);
    for (int64_t scene = 0; status == LEIT_OK && scene < ranking->n_scenes; scene++) {
        leit_ranked_track *best = ranked + scene * ranking->k;
        if (!settle(ranking, scene, k, scores + scene * k, tracks + scene * k, best,
                    &counts[scene]))
            scan(ranking, scene, best, &counts[scene]);
    }
    leit_free(scores);
    leit_free(tracks);
    return status;
}

leit_status leit_track_ranking_run(const leit_track_ranking *ranking, leit_threads *threads,
                                   leit_ranked_track *ranked, int64_t *counts)
{
    memset(counts, 0, (size_t)ranking->n_scenes * sizeof *counts);
    if (ranking->n_tracks == 0 || ranking->n_scenes == 0) return LEIT_OK;
    if (ranking->rule == LEIT_RULE_COSINE) {
        LEIT_TRY(rank_by_cosine(ranking, threads, ranked, counts));
    } else {
        struct scan_context context = {ranking, ranked, counts};
        leit_threads_run(threads, ranking->n_scenes, scan_task, &context);
    }
    if (ranking->rule != LEIT_RULE_EUCLIDEAN) return LEIT_OK;
    for (int64_t scene = 0; scene < ranking->n_scenes; scene++)
        for (int64_t i = 0; i < counts[scene]; i++) {
            leit_ranked_track *best = &ranked[scene * ranking->k + i];
            best->score = -best->score;
        }
    return LEIT_OK;
}
