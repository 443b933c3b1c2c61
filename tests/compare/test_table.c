/* The four writers of the comparison table, with names that try to break out of each format. */
#include "compare/table.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "compare/page.h"
#include "support/markup.h"
#include "support/testing.h"

static const double NONE = (double)NAN;

static leit_table *make_table(void)
{
    const leit_table_column columns[3] = {{"va", "P@5"}, {"va", "MRR"}, {"w2v", "P@5"}};
    const int64_t seeds[3] = {1, 2, 30};
    leit_table *table = NULL;
    int metric, plain, random;
    assert_ok(leit_table_create("Alm, <test>", 3, columns, &table));
    assert_ok(leit_table_add_row(table, "metric3", 3, seeds, false, &metric));
    assert_ok(leit_table_add_row(table, "a<b,\"c\"\nd", 1, seeds, false, &plain));
    assert_ok(leit_table_add_row(table, "random", 0, NULL, true, &random));
    assert_ok(leit_table_set(table, metric, 0, &(leit_table_cell){0.5, 0.4375, 0.5625}));
    assert_ok(leit_table_set(table, metric, 1, &(leit_table_cell){0.25, NONE, NONE}));
    assert_ok(leit_table_set(table, plain, 0, &(leit_table_cell){0.375, NONE, NONE}));
    assert_ok(leit_table_set(table, random, 0, &(leit_table_cell){0.75, NONE, NONE}));
    assert_ok(leit_table_add_test(
        table, &(leit_table_test){metric, plain, 0, 0.125, -0.0625, 0.25, 0.01, 0.02}));
    assert_ok(leit_table_add_note(table, "left out: \"surprised\" & co (no test text)"));
    return table;
}

static void text_is_aligned(void **state)
{
    (void)state;
    leit_table *table = make_table();
    leit_buffer text = {0};
    assert_ok(leit_table_write_text(table, &text));
    assert_string_equal(leit_buffer_text(&text),
                        "Alm, <test>\n"
                        "\n"
                        "                   va                            w2v\n"
                        "strategy   seeds   P@5                    MRR    P@5\n"
                        "metric3    1,2,30  0.500* [0.438, 0.562]  0.250  -\n"
                        "a<b,\"c\" d  1       0.375                  -      -\n"
                        "random             0.750                  -      -\n"
                        "\n"
                        "paired permutation tests\n"
                        "  metric3 - a<b,\"c\" d, va P@5: +0.125 [-0.062, +0.250], p 0.0100, Holm "
                        "0.0200\n"
                        "\n"
                        "left out: \"surprised\" & co (no test text)\n");
    leit_buffer_clear(&text);
    leit_table_free(table);
}

static void csv_is_quoted(void **state)
{
    (void)state;
    leit_table *table = make_table();
    leit_buffer csv = {0};
    assert_ok(leit_table_write_csv(table, &csv));
    assert_string_equal(leit_buffer_text(&csv),
                        "strategy,seeds,reference,mapping,metric,value,low,high\n"
                        "metric3,1 2 30,0,va,P@5,0.5,0.4375,0.5625\n"
                        "metric3,1 2 30,0,va,MRR,0.25,,\n"
                        "\"a<b,\"\"c\"\"\nd\",1,0,va,P@5,0.375,,\n"
                        "random,,1,va,P@5,0.75,,\n");
    leit_buffer_clear(&csv);
    leit_table_free(table);
    /* Each special character alone calls for quotes. */
    assert_ok(leit_table_create("t", 1, &(leit_table_column){"x,y", "\r"}, &table));
    assert_ok(leit_table_add_row(table, "\n", 0, NULL, false, NULL));
    assert_ok(leit_table_set(table, 0, 0, &(leit_table_cell){1, NONE, NONE}));
    assert_ok(leit_table_write_csv(table, &csv));
    assert_non_null(strstr(leit_buffer_text(&csv), "\n\"\n\",,0,\"x,y\",\"\r\",1,,\n"));
    leit_buffer_clear(&csv);
    leit_table_free(table);
}

static void json_reads_back(void **state)
{
    (void)state;
    leit_table *table = make_table();
    leit_buffer json = {0};
    assert_ok(leit_table_write_json(table, &json));
    json_t *root = json_loads(leit_buffer_text(&json), JSON_REJECT_DUPLICATES, NULL);
    const char *title, *name, *reference, *note;
    double value, low, p_holm;
    int seed, is_reference;
    json_t *empty;
    assert_int_equal(json_unpack(root,
                                 "{s:s, s:[{s:[i,i,i!], s:[{s:f, s:f}, {}, {s:o} !]}, {s:s}, "
                                 "{s:s, s:b} !], s:[{s:f} !], s:[s!]}",
                                 "title", &title, "rows", "seeds", &seed, &seed, &seed, "cells",
                                 "value", &value, "low", &low, "value", &empty, "strategy", &name,
                                 "strategy", &reference, "reference", &is_reference, "tests",
                                 "p_holm", &p_holm, "notes", &note),
                     0);
    assert_string_equal(title, "Alm, <test>");
    assert_string_equal(name, "a<b,\"c\"\nd");
    assert_string_equal(reference, "random");
    assert_string_equal(note, "left out: \"surprised\" & co (no test text)");
    assert_int_equal(seed, 30);
    assert_true(is_reference && value == 0.5 && low == 0.4375 && p_holm == 0.02);
    assert_true(json_is_null(empty));
    json_decref(root);
    assert_ok(leit_table_add_note(table, "bad \xFF byte"));
    assert_fails(leit_table_write_json(table, &json), LEIT_DATA, "not UTF-8");
    leit_buffer_clear(&json);
    leit_table_free(table);
}

static void html_is_escaped_and_whole(void **state)
{
    (void)state;
    leit_table *table = make_table();
    leit_buffer html = {0};
    assert_ok(leit_table_write_html(table, &html));
    const char *text = leit_buffer_text(&html);
    assert_well_formed(text);
    assert_non_null(strstr(text, "<title>Alm, &lt;test&gt;</title>"));
    assert_non_null(strstr(text, "a&lt;b,&quot;c&quot;\nd"));
    assert_non_null(strstr(text, "&quot;surprised&quot; &amp; co"));
    assert_non_null(strstr(text, "colspan=\"2\">va</th>"));
    assert_non_null(strstr(text, "<b>0.500</b>"));
    assert_null(strstr(text, "<b>0.750</b>")); /* a reference row is never best */
    assert_non_null(strstr(text, "&minus;0.062"));
    assert_null(strstr(text, "<test>"));
    assert_null(strstr(text, "http"));
    leit_buffer_clear(&html);
    leit_buffer escaped = {0};
    assert_ok(leit_page_text(&escaped, "\x01'\xC3\xA9\x7F<"));
    assert_string_equal(leit_buffer_text(&escaped), "\xEF\xBF\xBD&#39;\xC3\xA9\xEF\xBF\xBD&lt;");
    leit_buffer_clear(&escaped);
    leit_table_free(table);
}

static void bad_places_are_named(void **state)
{
    (void)state;
    leit_table *table = make_table();
    leit_table *other = NULL;
    const leit_table_cell cell = {0.5, NONE, NONE};
    assert_fails(leit_table_set(table, 3, 0, &cell), LEIT_USAGE, "row 3, column 0");
    assert_fails(leit_table_set(table, 0, -1, &cell), LEIT_USAGE, "column -1");
    assert_fails(leit_table_add_test(table, &(leit_table_test){0, 9, 0, 0, 0, 0, 1, 1}), LEIT_USAGE,
                 "row 9");
    assert_fails(leit_table_create("t", 0, NULL, &other), LEIT_USAGE, "n_columns is 0");
    leit_table_free(table);
    leit_table_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_aligned),      cmocka_unit_test(csv_is_quoted),
        cmocka_unit_test(json_reads_back),      cmocka_unit_test(html_is_escaped_and_whole),
        cmocka_unit_test(bad_places_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
