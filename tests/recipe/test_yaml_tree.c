#include <string.h>

#include "core/buffer.h"
#include "recipe/yaml_tree.h"
#include "support/testing.h"

static void a_tree(void **state)
{
    (void)state;
    static const char text[] = "kind: text\n"
                               "labels: [a, 'b c']\n"
                               "expect:\n"
                               "  texts: 12 # a comment\n"
                               "  share: 0.5\n"
                               "empty: \n";
    leit_arena arena = {0};
    const leit_yaml_node *root = NULL;
    assert_ok(leit_yaml_parse("m.yaml", text, strlen(text), &arena, &root));
    assert_int_equal(root->kind, LEIT_YAML_MAP);
    assert_int_equal(root->count, 4);
    const char *word = NULL;
    assert_ok(leit_yaml_text(leit_yaml_find(root, "kind"), &word));
    assert_string_equal(word, "text");
    int64_t n = 0, texts = 0;
    const char *const *labels = NULL;
    assert_ok(leit_yaml_strings(leit_yaml_find(root, "labels"), &arena, &n, &labels));
    assert_int_equal(n, 2);
    assert_string_equal(labels[1], "b c");
    const leit_yaml_node *expect = leit_yaml_find(root, "expect");
    assert_ok(leit_yaml_i64(leit_yaml_find(expect, "texts"), 0, 100, &texts));
    assert_int_equal(texts, 12);
    double share = 0;
    assert_ok(leit_yaml_f64(leit_yaml_find(expect, "share"), 0, 1, &share));
    assert_true(share == 0.5);
    assert_string_equal(leit_yaml_find(root, "empty")->text, "");
    assert_null(leit_yaml_find(root, "none"));
    assert_null(leit_yaml_find(leit_yaml_find(root, "labels"), "a"));

    assert_fails(leit_yaml_i64(leit_yaml_find(expect, "texts"), 0, 11, &texts), LEIT_USAGE,
                 "m.yaml:4:10: texts: '12', expected a whole number from 0 to 11");
    assert_fails(leit_yaml_i64(leit_yaml_find(expect, "share"), 0, 11, &texts), LEIT_USAGE,
                 "m.yaml:5:10: share: '0.5', expected a whole number");
    assert_fails(leit_yaml_f64(leit_yaml_find(root, "kind"), 0, 1, &share), LEIT_USAGE,
                 "kind: 'text', expected a number from 0 to 1");
    assert_fails(leit_yaml_text(expect, &word), LEIT_USAGE,
                 "m.yaml:4:3: expect: a map, expected a single value");
    assert_fails(leit_yaml_strings(expect, &arena, &n, &labels), LEIT_USAGE, "expected a list");
    assert_fails(leit_yaml_check_keys(root, (const char *const[]){"kind", "labels", "empty", NULL}),
                 LEIT_USAGE, "expect: unknown key, expected one of kind, labels, empty");
    assert_ok(leit_yaml_check_keys(expect, (const char *const[]){"share", "texts", NULL}));
    leit_arena_clear(&arena);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "m.yaml:1:1: empty file"},
        {"a: &x 1\nb: *x\n", "m.yaml:1:4: anchor 'x': anchors are refused"},
        {"b: *x\n", "m.yaml:1:4: alias 'x': aliases are refused"},
        {"a: !!int 1\n", "m.yaml:1:4: tag 'tag:yaml.org,2002:int'"},
        {"a: !x [1]\n", "tag '!x'"},
        {"<<: {a: 1}\n", "m.yaml:1:1: key '<<' merges"},
        {"a: 1\nb: 2\na: 3\n", "m.yaml:3:1: key 'a' twice"},
        {"[a]: 1\n", "m.yaml:1:1: a key is a list, expected a word"},
        {"a: 1\n---\nb: 2\n", "a second document"},
        {"a: [1, 2\n", "m.yaml:2:1: YAML: did not find expected"},
        {"\ta: 1\n", "m.yaml:1:1"},
        {"a: \"x\\0y\"\n", "a NUL inside"},
        {"a: \xff\n", "YAML: invalid leading UTF-8 octet at byte 3"},
        {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "nested deeper than 16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leit_arena arena = {0};
        const leit_yaml_node *root = NULL;
        assert_fails(leit_yaml_parse("m.yaml", cases[i][0], strlen(cases[i][0]), &arena, &root),
                     LEIT_USAGE, cases[i][1]);
        assert_null(root);
        leit_arena_clear(&arena);
    }
}

static void limits(void **state)
{
    (void)state;
    leit_arena arena = {0};
    leit_buffer text = {0};
    const leit_yaml_node *root = NULL;
    for (int i = 0; i < LEIT_YAML_MAX_NODES; i++) assert_ok(leit_buffer_puts(&text, "- 1\n"));
    assert_fails(leit_yaml_parse("m.yaml", text.data, text.size_bytes, &arena, &root), LEIT_USAGE,
                 "more than 65536 values");
    assert_fails(leit_yaml_parse("m.yaml", text.data, LEIT_YAML_MAX_BYTES + 1, &arena, &root),
                 LEIT_USAGE, "expected at most 1048576");
    leit_buffer_clear(&text);
    leit_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
