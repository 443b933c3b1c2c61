/* The mappings against Table 2 of the paper. */
#include <stdio.h>
#include <string.h>

#include "corpus/mapping.h"
#include "support/testing.h"

enum { N_MUSIC = 7 };

static void expect_row(enum leit_mapping mapping, const leit_tag_corpus *tags, const char *text,
                       const char *answers)
{
    uint8_t row[N_MUSIC];
    char found[128] = "";
    assert_ok(leit_mapping_build(mapping, 1, &text, N_MUSIC, leit_taxonomy_music, tags, row));
    for (int j = 0; j < N_MUSIC; j++)
        if (row[j] != 0) {
            strcat(found, " ");
            strcat(found, leit_taxonomy_music[j]);
        }
    assert_string_equal(found, answers);
}

static void manual_is_table_2(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"anger", " angry"},
        {"fearful", " scary"},
        {"sad", " sad"},
        {"happy", " exciting funny happy"},
        {"joy", " exciting funny happy"},
        {"surprised", " exciting"},
        {"disgust", " angry scary"},
        {"fear", " scary"},
        {"guilt", " angry sad"},
        {"sadness", " sad"},
        {"shame", " angry sad"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_row(LEIT_MAPPING_MANUAL, NULL, rows[i][0], rows[i][1]);
}

static void w2v_is_table_2(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"anger", " angry"},     {"fearful", " scary"},  {"happy", " happy"}, {"sad", " sad"},
        {"surprised", " happy"}, {"disgust", " angry"},  {"fear", " angry"},  {"guilt", " angry"},
        {"joy", " tender"},      {"sadness", " tender"}, {"shame", " sad"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_row(LEIT_MAPPING_W2V_PAPER, NULL, rows[i][0], rows[i][1]);
}

static void nearest_by_hand(void **state)
{
    (void)state;
    static const char *const names[] = {"joy", "happy", "sad", "tender"}, *const text[] = {"joy"};
    static const uint8_t modality[] = {0, 1, 1, 1};
    /* joy is nearest to tender in the plane, but points the way of happy. */
    static const float valence[] = {0.9F, 0.1F, 0.2F, 0.8F}, arousal[] = {0.5F, 0.1F, 0.1F, 0.5F};
    static const float vectors[] = {1, 1, 5, 4, 1, -1, 1, 0};
    leit_tag_corpus tags = {.about.name = "hand",
                            .n_tags = 4,
                            .names = names,
                            .modality = modality,
                            .valence = valence,
                            .arousal = arousal,
                            .range_high = 1,
                            .vector_width = 2,
                            .vectors = vectors};
    static const char *const music[] = {"sad", "tender", "happy"};
    uint8_t row[3];
    assert_ok(leit_mapping_build(LEIT_MAPPING_VA, 1, text, 3, music, &tags, row));
    assert_memory_equal(row, ((uint8_t[]){0, 1, 0}), 3);
    assert_ok(leit_mapping_build(LEIT_MAPPING_W2V_VECTORS, 1, text, 3, music, &tags, row));
    assert_memory_equal(row, ((uint8_t[]){0, 0, 1}), 3);

    static const char *const unknown[] = {"envy"}, *const boring[] = {"boring"};
    assert_fails(leit_mapping_build(LEIT_MAPPING_VA, 1, unknown, 3, music, &tags, row), LEIT_DATA,
                 "text label 'envy' has no tag in the tag corpus 'hand'");
    assert_fails(leit_mapping_build(LEIT_MAPPING_VA, 1, text, 1, boring, &tags, row), LEIT_DATA,
                 "music label 'boring' has no tag");
    assert_fails(leit_mapping_build(LEIT_MAPPING_MANUAL, 1, unknown, 3, music, NULL, row),
                 LEIT_DATA, "text label 'envy' is outside the taxonomies of the mapping manual");
    assert_fails(leit_mapping_build(LEIT_MAPPING_W2V_PAPER, 1, text, 1, boring, NULL, row),
                 LEIT_DATA, "music label 'boring' is outside");
    assert_fails(leit_mapping_build(LEIT_MAPPING_VA, 1, text, 3, music, NULL, row), LEIT_USAGE,
                 "needs a tag corpus");
    tags.vectors = NULL;
    tags.valence = NULL;
    assert_fails(leit_mapping_build(LEIT_MAPPING_W2V_VECTORS, 1, text, 3, music, &tags, row),
                 LEIT_DATA, "has no word vectors");
    assert_fails(leit_mapping_build(LEIT_MAPPING_VA, 1, text, 3, music, &tags, row), LEIT_DATA,
                 "has no valence and arousal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manual_is_table_2),
        cmocka_unit_test(w2v_is_table_2),
        cmocka_unit_test(nearest_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
