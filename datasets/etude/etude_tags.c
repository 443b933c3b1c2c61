/* Where the tags lie: our own approximation of the circumplex of affect (Russell 1980), and word
 * vectors made from a handful of semantic features of our own plus seeded noise. Neither is copied
 * from a lexicon and neither is learned.
 */
#include "core/rng.h"
#include "datasets/etude/etude_parts.h"

enum { N_FEATURES = 11, WIDTH = 16 };

static const float NOISE = 0.08f;

/* Valence and arousal in hundredths. */
static const struct placed {
    const char *tag, *modality;
    int valence, arousal;
} TAGS[] = {
    {"anger", "text", 15, 86},     {"disgust", "text", 10, 60},   {"fear", "text", 12, 76},
    {"fearful", "text", 13, 72},   {"guilt", "text", 20, 45},     {"happy", "text", 93, 70},
    {"joy", "text", 95, 72},       {"sad", "text", 14, 30},       {"sadness", "text", 15, 27},
    {"shame", "text", 17, 40},     {"surprised", "text", 72, 82}, {"angry", "music", 18, 88},
    {"exciting", "music", 80, 86}, {"funny", "music", 84, 60},    {"happy", "music", 92, 68},
    {"sad", "music", 16, 28},      {"scary", "music", 15, 70},    {"tender", "music", 76, 26},
};

/* Semantic features in tenths, -10 to 10: valence, arousal, power, threat, loss, delight,
 * hostility, conscience, novelty, humour, warmth. */
static const struct word {
    const char *word;
    signed char feature[N_FEATURES];
} WORDS[] = {
    {"anger", {-7, 8, 5, 2, 1, -6, 10, 1, 0, -4, -6}},
    {"angry", {-7, 8, 5, 3, 0, -6, 10, 0, 0, -4, -6}},
    {"disgust", {-8, 3, 1, 4, 0, -7, 6, 4, 1, -4, -6}},
    {"exciting", {7, 9, 4, 1, -4, 7, 0, -2, 7, 2, 1}},
    {"fear", {-8, 6, -7, 10, 2, -7, 0, 0, 2, -5, -4}},
    {"fearful", {-7, 5, -8, 9, 2, -7, -1, 0, 2, -5, -3}},
    {"funny", {7, 3, 1, -4, -4, 7, -2, -1, 3, 10, 3}},
    {"guilt", {-6, -1, -6, 1, 6, -7, -1, 10, -2, -5, 0}},
    {"happy", {9, 4, 3, -5, -5, 9, -4, -1, 1, 4, 5}},
    {"joy", {10, 5, 4, -5, -5, 10, -4, -1, 2, 3, 5}},
    {"sad", {-7, -5, -6, 0, 9, -7, -3, 2, -3, -5, 1}},
    {"sadness", {-7, -6, -6, 0, 10, -7, -3, 2, -3, -5, 2}},
    {"scary", {-7, 5, -5, 10, 1, -6, 2, -1, 3, -3, -5}},
    {"shame", {-7, -2, -7, 2, 7, -7, -1, 8, -1, -4, -2}},
    {"surprised", {4, 7, -1, 2, -2, 4, -1, -1, 10, 2, 1}},
    {"tender", {7, -6, 0, -5, 1, 5, -6, 1, -3, 0, 10}},
    {"afraid", {-7, 5, -7, 9, 2, -6, -1, 0, 1, -5, -3}},
    {"alarm", {-5, 8, -3, 9, 0, -5, 1, 0, 6, -4, -3}},
    {"alone", {-5, -4, -5, 2, 7, -4, -2, 1, -2, -3, -3}},
    {"amazed", {6, 6, 0, 0, -2, 6, -2, -1, 9, 1, 2}},
    {"amusing", {7, 2, 1, -4, -3, 7, -2, -1, 2, 9, 3}},
    {"apology", {-2, -2, -4, 0, 3, -2, -2, 8, -2, -2, 3}},
    {"astonished", {3, 7, -1, 2, -1, 3, -1, -1, 10, 1, 0}},
    {"blush", {-2, 2, -5, 1, 2, -2, -2, 6, 1, 1, 1}},
    {"brave", {6, 5, 8, 3, -3, 4, 1, 3, 2, 0, 3}},
    {"calm", {5, -8, 2, -6, -1, 3, -5, 0, -4, 0, 5}},
    {"celebrate", {9, 7, 4, -5, -5, 9, -4, -1, 3, 4, 5}},
    {"cheerful", {9, 4, 3, -5, -5, 9, -4, -1, 1, 5, 5}},
    {"cruel", {-8, 4, 6, 6, 2, -6, 9, 3, 0, -3, -8}},
    {"danger", {-7, 7, -3, 10, 1, -6, 3, 0, 3, -5, -4}},
    {"dead", {-8, -3, -6, 5, 9, -7, 0, 1, -2, -5, -2}},
    {"delight", {9, 5, 3, -5, -5, 10, -4, -1, 3, 4, 5}},
    {"dirty", {-6, 1, -2, 3, 0, -5, 3, 4, 0, -2, -4}},
    {"dread", {-8, 4, -7, 10, 3, -7, 0, 1, 1, -5, -4}},
    {"embrace", {8, 2, 2, -4, -1, 6, -5, 1, 0, 1, 10}},
    {"energetic", {7, 9, 6, -2, -5, 6, 1, -1, 4, 2, 1}},
    {"enemy", {-7, 5, 3, 7, 1, -6, 9, 1, 0, -4, -7}},
    {"feast", {8, 5, 3, -5, -4, 9, -4, -1, 2, 4, 5}},
    {"fight", {-5, 9, 5, 5, 1, -4, 9, 0, 1, -3, -5}},
    {"forgive", {5, -3, 3, -3, 1, 3, -6, 7, -1, 0, 8}},
    {"friend", {8, 1, 3, -5, -3, 6, -5, 2, 0, 3, 9}},
    {"fury", {-7, 10, 6, 4, 0, -6, 10, 0, 1, -5, -6}},
    {"gentle", {7, -6, 1, -5, 0, 5, -7, 2, -2, 1, 9}},
    {"ghost", {-5, 4, -3, 9, 3, -4, 1, 0, 4, -2, -4}},
    {"glad", {8, 3, 3, -4, -4, 8, -4, 0, 1, 3, 5}},
    {"grave", {-7, -5, -5, 4, 9, -7, -2, 1, -3, -5, -1}},
    {"grief", {-8, -2, -7, 1, 10, -8, -2, 2, -2, -6, 1}},
    {"hate", {-9, 6, 3, 5, 1, -7, 10, 1, 0, -5, -9}},
    {"home", {6, -4, 2, -5, -1, 4, -5, 1, -3, 1, 8}},
    {"joke", {7, 4, 2, -4, -3, 7, -1, -1, 3, 10, 3}},
    {"laughter", {9, 6, 3, -5, -4, 9, -3, -1, 3, 8, 5}},
    {"lonely", {-6, -4, -6, 1, 8, -6, -3, 1, -2, -4, -2}},
    {"love", {9, 3, 3, -4, -1, 8, -6, 2, 1, 2, 10}},
    {"lullaby", {7, -8, 0, -5, 1, 4, -6, 0, -3, 0, 9}},
    {"monster", {-7, 6, 2, 10, 0, -6, 5, 0, 4, -2, -6}},
    {"mourn", {-7, -4, -5, 1, 10, -7, -3, 2, -3, -6, 3}},
    {"night", {-1, -3, -2, 5, 2, -2, 0, 0, 0, -2, 0}},
    {"party", {8, 7, 3, -4, -4, 9, -3, -1, 3, 6, 4}},
    {"peace", {8, -7, 3, -7, -1, 5, -8, 2, -3, 0, 7}},
    {"playful", {8, 5, 2, -4, -4, 8, -2, -1, 3, 9, 4}},
    {"rage", {-7, 10, 6, 4, 0, -6, 10, -1, 1, -5, -7}},
    {"regret", {-6, -2, -5, 0, 7, -6, -2, 9, -2, -5, 0}},
    {"revenge", {-6, 7, 5, 5, 3, -4, 10, 2, 0, -4, -7}},
    {"rotten", {-7, 1, -2, 4, 1, -6, 4, 3, 0, -3, -5}},
    {"scream", {-6, 9, -3, 9, 2, -6, 4, 0, 4, -5, -4}},
    {"sorrow", {-7, -4, -6, 1, 10, -7, -3, 2, -3, -6, 1}},
    {"storm", {-4, 8, 4, 7, 1, -4, 4, -1, 4, -4, -4}},
    {"sudden", {0, 7, 0, 4, 0, 0, 1, 0, 9, 0, -2}},
    {"tears", {-5, 0, -5, 1, 8, -5, -2, 3, -1, -5, 3}},
    {"terror", {-9, 8, -7, 10, 2, -8, 2, 0, 3, -6, -5}},
    {"thrill", {6, 10, 3, 3, -4, 7, 0, -2, 7, 2, 0}},
    {"victory", {8, 8, 8, -2, -5, 8, 2, 0, 3, 2, 2}},
    {"weep", {-7, -1, -6, 1, 10, -7, -3, 2, -2, -6, 1}},
    {"wolf", {-4, 5, 4, 8, 0, -3, 4, 0, 1, -2, -4}},
    {"wonder", {6, 4, 0, -1, -1, 6, -4, 0, 9, 1, 4}},
};
enum { N_WORDS = sizeof WORDS / sizeof *WORDS };

/* Sum of four uniforms, centred, of unit variance: near enough to normal and free of libm. */
static float noise(leit_rng *rng)
{
    float sum = 0;
    for (int i = 0; i < 4; i++) sum += leit_rng_uniform(rng);
    return (sum - 2.0f) * 1.7320508f;
}

static leit_status print_vectors(uint64_t seed, leit_buffer *text)
{
    LEIT_TRY(leit_buffer_printf(text, "%d %d\n", (int)N_WORDS, (int)WIDTH));
    for (uint32_t i = 0; i < N_WORDS; i++) {
        leit_rng rng = leit_rng_start(seed, LEIT_STREAM_ETUDE, LEIT_ETUDE_VECTORS, i);
        LEIT_TRY(leit_buffer_puts(text, WORDS[i].word));
        for (int j = 0; j < WIDTH; j++) {
            float feature = j < N_FEATURES ? (float)WORDS[i].feature[j] / 10 : 0;
            LEIT_TRY(leit_buffer_printf(text, " %.5f", (double)(feature + NOISE * noise(&rng))));
        }
        LEIT_TRY(leit_buffer_puts(text, "\n"));
    }
    return LEIT_OK;
}

static leit_status print_tags(leit_buffer *text)
{
    for (size_t i = 0; i < sizeof TAGS / sizeof *TAGS; i++)
        LEIT_TRY(leit_buffer_printf(text, "%s\t%s\t0.%02d\t0.%02d\n", TAGS[i].tag, TAGS[i].modality,
                                    TAGS[i].valence, TAGS[i].arousal));
    return LEIT_OK;
}

leit_status leit_etude_write_tags(const char *directory, const struct leit_etude_options *options)
{
    leit_buffer tags = {0}, vectors = {0};
    leit_status status = print_tags(&tags);
    if (status == LEIT_OK) status = leit_etude_write_file(directory, "tags.tsv", &tags);
    if (status == LEIT_OK) status = print_vectors(options->seed, &vectors);
    if (status == LEIT_OK) status = leit_etude_write_file(directory, "vectors.txt", &vectors);
    leit_buffer_clear(&tags);
    leit_buffer_clear(&vectors);
    return status;
}
