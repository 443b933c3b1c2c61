/* A whole report on made-up figures. The page lies below the build tree afterwards
 * (scratch/test_report.PID/report.html) for looking at. */
#include "compare/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "support/markup.h"
#include "support/testing.h"

enum { STRATEGIES = 6, MOODS = 5, MUSIC = 7, DEPTH = 20, STEPS = 5000 };

static const double NONE = (double)NAN;
static const char *const STRATEGY[STRATEGIES + 2] = {"classification", "multihead", "va_regression",
                                                     "w2v_regression", "metric2",   "metric3",
                                                     "random",         "oracle"};
static const char *const TEXT[MOODS] = {"anger", "fearful", "happy", "sad", "surprised"};
static const char *const MUSIC_MOOD[MUSIC] = {"angry", "exciting", "funny", "happy",
                                              "sad",   "scary",    "tender"};

/* Numbers that look like figures: no test depends on them. */
static double wobble(int i)
{
    return fmod(sin((double)i * 12.9898) * 43758.5453, 1.0) * 0.5;
}

static leit_table *make_table(void)
{
    const leit_table_column columns[6] = {{"va", "P@5"},  {"va", "MRR"},     {"w2v", "P@5"},
                                          {"w2v", "MRR"}, {"manual", "P@5"}, {"manual", "MRR"}};
    const int64_t seeds[3] = {1, 2, 3};
    leit_table *table = NULL;
    assert_ok(leit_table_create("Alm x etude: 6 strategies, 3 mappings", 6, columns, &table));
    for (int r = 0; r < STRATEGIES + 2; r++) {
        const bool reference = r >= STRATEGIES;
        assert_ok(
            leit_table_add_row(table, STRATEGY[r], reference ? 0 : 3, seeds, reference, NULL));
        for (int c = 0; c < 6; c++) {
            double value = reference ? (r == STRATEGIES ? 0.2 : 1.0)
                                     : 0.35 + 0.05 * r + 0.1 * (c % 2) + 0.05 * wobble(r * 6 + c);
            leit_table_cell cell = {value, NONE, NONE};
            if (!reference) cell.low = value - 0.03, cell.high = value + 0.035;
            assert_ok(leit_table_set(table, r, c, &cell));
        }
    }
    assert_ok(
        leit_table_add_test(table, &(leit_table_test){5, 4, 0, 0.041, 0.012, 0.07, 0.003, 0.015}));
    assert_ok(
        leit_table_add_test(table, &(leit_table_test){5, 0, 0, 0.231, 0.19, 0.27, 1e-4, 6e-4}));
    assert_ok(
        leit_table_add_test(table, &(leit_table_test){4, 3, 0, 0.011, -0.02, 0.04, 0.4, 0.4}));
    assert_ok(leit_table_add_note(
        table, "Intervals: 95 % bootstrap over texts, within moods, and seeds (2000 replicates)."));
    assert_ok(leit_table_add_note(table, "Left out: surprised (no test text)."));
    return table;
}

static void report_is_whole(void **state)
{
    (void)state;
    static double depth[DEPTH], precision[STRATEGIES + 1][DEPTH], step[STEPS], loss[3][STEPS];
    static double mood[2][MOODS * STRATEGIES], confusion[2][MOODS * MUSIC];
    leit_series by_depth[STRATEGIES + 1], by_step[3];
    for (int s = 0; s <= STRATEGIES; s++) {
        for (int k = 0; k < DEPTH; k++) {
            depth[k] = k + 1;
            precision[s][k] = s == STRATEGIES ? 0.2 : 0.3 + 0.06 * s + 0.15 * exp(-0.15 * k);
        }
        by_depth[s] = (leit_series){STRATEGY[s], DEPTH, depth, precision[s]};
    }
    for (int s = 0; s < 3; s++) {
        for (int i = 0; i < STEPS; i++) {
            step[i] = i;
            loss[s][i] = 0.15 + 0.05 * s + exp(-0.001 * (s + 1) * i) + 0.2 * wobble(i + s * STEPS);
        }
        by_step[s] = (leit_series){STRATEGY[s + 3], STEPS, step, loss[s]};
    }
    loss[0][2500] = NONE; /* a gap, not a broken page */
    for (int i = 0; i < MOODS * STRATEGIES; i++) {
        mood[0][i] = i / STRATEGIES == 4 ? NONE : 0.5 + 0.9 * wobble(i);
        mood[1][i] = i / STRATEGIES == 4 ? NONE : 0.5 + 0.9 * wobble(i + 99);
    }
    for (int i = 0; i < MOODS * MUSIC; i++) {
        confusion[0][i] = i % MUSIC == i / MUSIC ? 0.64 : 0.06;
        confusion[1][i] = i % MUSIC == (i / MUSIC + 2) % MUSIC ? 0.4 : 0.1;
    }
    const leit_heat_map maps[4] = {
        {"P@5, mapping va", "text mood", MOODS, STRATEGIES, TEXT, STRATEGY, mood[0]},
        {"MRR, mapping va", "text mood", MOODS, STRATEGIES, TEXT, STRATEGY, mood[1]},
        {"metric3, first 5", "text / music", MOODS, MUSIC, TEXT, MUSIC_MOOD, confusion[0]},
        {"classification, first 5", "text / music", MOODS, MUSIC, TEXT, MUSIC_MOOD, confusion[1]}};
    const leit_chart charts[4] = {
        {"P@k, mapping va", "k", "P@k", 0.0, 1.0, STRATEGIES + 1, by_depth},
        {"P@k, mapping <w2v>", "k", "P@k", NONE, NONE, 2, by_depth},
        {"Training loss", "step", "loss", 0.0, NONE, 3, by_step},
        {"Nothing yet", "step", "loss", NONE, NONE, 0, NULL}};
    leit_table *table = make_table();
    const leit_table *const tables[1] = {table};
    const leit_report_fact facts[3] = {{"recipe", "recipes/etude/*.yaml"},
                                       {"texts and clips", "412 and 700"},
                                       {"version", "0.1.0"}};
    const leit_report report = {.title = "Six strategies on Alm",
                                .subtitle = "18 runs, test split",
                                .n_facts = 3,
                                .facts = facts,
                                .n_tables = 1,
                                .tables = tables,
                                .n_mood_maps = 2,
                                .mood_maps = maps,
                                .n_retrieval_charts = 2,
                                .retrieval_charts = charts,
                                .n_confusions = 2,
                                .confusions = maps + 2,
                                .n_training_charts = 2,
                                .training_charts = charts + 2};
    leit_buffer html = {0};
    assert_ok(leit_report_write_html(&report, &html));
    const char *text = leit_buffer_text(&html);
    assert_well_formed(text);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    assert_null(strstr(text, "http"));
    assert_null(strstr(text, "<w2v>"));
    assert_non_null(strstr(text, "average of 13 neighbours"));
    assert_true(html.size_bytes < 100000);
    char path[1200];
    snprintf(path, sizeof path, "%s/report.html", leit_test_directory());
    assert_ok(leit_file_write(path, html.data, html.size_bytes));
    leit_buffer_clear(&html);
    leit_table_free(table);
}

static void empty_report_is_a_page(void **state)
{
    (void)state;
    leit_buffer html = {0};
    const leit_report report = {.title = "a & b"};
    assert_ok(leit_report_write_html(&report, &html));
    assert_well_formed(leit_buffer_text(&html));
    assert_non_null(strstr(leit_buffer_text(&html), "<h1>a &amp; b</h1>"));
    assert_null(strstr(leit_buffer_text(&html), "<h2>"));
    leit_buffer_clear(&html);
}

static void lines_are_where_the_points_are(void **state)
{
    (void)state;
    /* x runs over 568 pixels from 58 on, y over 240 upwards from 254: 58, 342, 626 and 254, 14. */
    const double x[3] = {0, 5, 10}, y[3] = {0, NONE, 1};
    const leit_series series = {"s", 3, x, y};
    const leit_chart chart = {"c", "x", "y", NONE, NONE, 1, &series};
    leit_buffer html = {0};
    assert_ok(leit_chart_write_html(&chart, &html));
    assert_non_null(strstr(leit_buffer_text(&html), "d=\"M58.0 254.0h0M626.0 14.0h0\""));
    assert_non_null(strstr(leit_buffer_text(&html), ">0.2</text>"));
    leit_buffer_clear(&html);
}

static void series_come_from_json_lines(void **state)
{
    (void)state;
    const char *lines = "{\"phase\": \"text\", \"step\": 1, \"loss\": 0.5}\n"
                        "\n"
                        "{\"phase\": \"music\", \"step\": 1, \"loss\": 9}\n"
                        "{\"phase\": \"text\", \"step\": 2}\n"
                        "{\"phase\": \"text\", \"step\": 3, \"loss\": 2}\n"
                        "{\"phase\": \"text\", \"st";
    leit_series_list list = {0};
    assert_ok(leit_series_read("m.jsonl", lines, "phase", "run", &list));
    assert_int_equal(list.n, 2); /* steps start again in each phase: each has its own line */
    const leit_series *text = &list.series[0], *music = &list.series[1];
    assert_string_equal(text->name, "run, text");
    assert_string_equal(music->name, "run, music");
    assert_true(text->n_points == 2 && music->n_points == 1);
    assert_true(text->x[0] == 1 && text->y[0] == 0.5 && text->x[1] == 3 && text->y[1] == 2);
    assert_true(music->x[0] == 1 && music->y[0] == 9);
    assert_ok(leit_series_read("n.jsonl", "{\"phase\": \"joint\", \"step\": 1, \"loss\": 3}\n",
                               "phase", "other", &list));
    assert_int_equal(list.n, 3); /* behind the others, and a single phase needs no name */
    assert_string_equal(list.series[2].name, "other");
    assert_fails(leit_series_read("m.jsonl", "{}\n[1]\n", "phase", "all", &list), LEIT_DATA,
                 "m.jsonl:2: '[1]' is no JSON object");
    assert_fails(leit_series_read("m.jsonl", "{\"a\n{}\n", "phase", "all", &list), LEIT_DATA,
                 "m.jsonl:1: ");
    assert_int_equal(list.n, 3);
    leit_series_list_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_is_whole),
        cmocka_unit_test(empty_report_is_a_page),
        cmocka_unit_test(lines_are_where_the_points_are),
        cmocka_unit_test(series_come_from_json_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
