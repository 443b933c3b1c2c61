#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/file.h"
#include "leitmotif/log.h"
#include "recipe/schema.h"
#include "support/testing.h"

enum { N_RECIPES = 36 }; /* etude 6 + 1, taffc 6 x 2, paper 6 x 2 + 2 x 2 + 1 */

#define GOOD "strategy: classification\ndata: {text: t, music: m, tags: g}\n"

static leit_recipe *parse(const char *yaml, const char *const overrides[], size_t n_overrides)
{
    leit_recipe *recipe = NULL;
    assert_ok(leit_recipe_parse("r.yaml", yaml, strlen(yaml), overrides, n_overrides, &recipe));
    return recipe;
}

static void assert_same(const leit_recipe *a, const leit_recipe *b)
{
    char *difference = NULL;
    assert_ok(leit_recipe_diff(a, b, &difference));
    assert_string_equal(difference, "");
    leit_recipe_text_free(difference);
    /* the difference compares what is printed; numbers have to be the same bits */
    for (size_t i = 0; i < leit_recipe_n_keys; i++) {
        const struct leit_recipe_key *key = &leit_recipe_keys[i];
        const char *x = (const char *)a + key->offset, *y = (const char *)b + key->offset;
        if (key->type == LEIT_KEY_FLOAT) assert_memory_equal(x, y, sizeof(double));
        if (key->type == LEIT_KEY_RANGE) {
            const struct leit_recipe_range *p = (const void *)x, *q = (const void *)y;
            assert_true(p->enabled == q->enabled && p->low == q->low && p->high == q->high);
        }
    }
}

/* Two keys over one field, a default that does not fit, a section without a title. */
static void the_schema_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < leit_recipe_n_keys; i++) {
        const struct leit_recipe_key *key = &leit_recipe_keys[i];
        const char *dot = strrchr(key->path, '.');
        if (dot) assert_true(leit_recipe_find_section(key->path, (size_t)(dot - key->path)) >= 0);
        assert_int_equal(leit_recipe_find_key(key->path, strlen(key->path)), (int)i);
        for (size_t j = 0; j < i; j++) assert_true(leit_recipe_keys[j].offset != key->offset);
        assert_true(strlen(key->description) > 10 && strlen(key->description) < 200);
        assert_null(strchr(key->description, '|')); /* it stands in a table */
        assert_true(key->readers != 0);
        assert_true(key->low <= key->high);
    }
}

static void defaults(void **state)
{
    (void)state;
    leit_recipe *r = parse(GOOD, NULL, 0);
    assert_string_equal(r->name, "r");
    assert_string_equal(r->run.directory, "runs/r");
    assert_int_equal(r->strategy, LEIT_STRATEGY_CLASSIFICATION);
    assert_string_equal(r->data.text, "t");
    assert_int_equal(r->data.crop_samples, 80000);
    assert_int_equal(r->mel.n_fft, 512);
    assert_false(r->augment.gain_db.enabled);
    assert_true(r->model.text.layernorm_epsilon == 1e-12);
    assert_string_equal(r->model.text.weights, "");
    assert_true(r->train.learning_rate == 1e-4);
    assert_int_equal(r->train.weight_decay_exclude.count, 1);
    assert_string_equal(r->train.weight_decay_exclude.items[0], "word_embeddings");
    assert_int_equal(r->evaluate.mappings.count, 3);
    assert_string_equal(r->evaluate.mappings.items[2], "manual");
    assert_true(r->run.deterministic);
    assert_int_equal(r->run.device, LEIT_DEVICE_CHOICE_AUTO);
    leit_recipe_free(r);
}

static void values_of_every_type(void **state)
{
    (void)state;
    leit_recipe *r = parse("\xEF\xBB\xBF" GOOD "# no-break space and accents: \xC2\xA0\xC3\xA9\r\n"
                           "name: 2021\n"
                           "augment: {gain_db: [-6, 1.5e0], time_mask: .25}\n"
                           "model:\n"
                           "  text:\n"
                           "    weights: 'a # b: \"c\"'\n"
                           "  head:\n"
                           "train: {weight_decay_exclude: [], schedule: cosine}\n"
                           "loss.negatives: cosine\n"
                           "run: {deterministic: false, directory: \"/tmp/\\u00e9\"}\n",
                           NULL, 0);
    assert_string_equal(r->name, "2021");
    assert_true(r->augment.gain_db.enabled && r->augment.gain_db.low == -6);
    assert_true(r->augment.gain_db.high == 1.5 && r->augment.time_mask == 0.25);
    assert_string_equal(r->model.text.weights, "a # b: \"c\"");
    assert_int_equal(r->train.weight_decay_exclude.count, 0);
    assert_int_equal(r->train.schedule, LEIT_SCHEDULE_COSINE);
    assert_int_equal(r->loss.negatives, LEIT_NEGATIVES_COSINE);
    assert_false(r->run.deterministic);
    assert_string_equal(r->run.directory, "/tmp/\xC3\xA9");
    leit_recipe_free(r);
}

static void overrides_win_and_the_last_one_most(void **state)
{
    (void)state;
    const char *overrides[] = {"train.batch=16",          "train.batch=8",
                               "model.music.weights=",    "augment.gain_db=[-3, 3]",
                               "data.text=/x y/#1: b.h5", "name='quoted'",
                               "train.weight_decay=0.0",  "evaluate.mappings=[manual, va]"};
    leit_recipe *r = parse(GOOD "train: {batch: 64, epochs: 3}\nmodel.music.weights: w\n",
                           overrides, sizeof overrides / sizeof *overrides);
    assert_int_equal(r->train.batch, 8);
    assert_int_equal(r->train.epochs, 3);
    assert_string_equal(r->model.music.weights, "");
    assert_true(r->augment.gain_db.enabled && r->augment.gain_db.high == 3);
    assert_string_equal(r->data.text, "/x y/#1: b.h5");
    assert_string_equal(r->name, "quoted");
    assert_string_equal(r->run.directory, "runs/quoted");
    assert_string_equal(r->evaluate.mappings.items[0], "manual");
    leit_recipe_free(r);
}

static void count_warning(void *context, leit_log_level level, const char *message)
{
    if (level != LEIT_LOG_WARNING) return;
    assert_string_equal(message, "override 'loss.margin=0.5' changes nothing: classification does "
                                 "not read loss.margin");
    ++*(int *)context;
}

static void an_override_nobody_reads_is_said(void **state)
{
    (void)state;
    int n_warnings = 0;
    const char *overrides[] = {"loss.margin=0.5", "train.batch=8"};
    leit_log_set_sink(count_warning, &n_warnings);
    leit_recipe_free(parse(GOOD, overrides, 2));
    leit_log_set_sink(NULL, NULL);
    assert_int_equal(n_warnings, 1);
}

static void assert_round_trip(leit_recipe *r)
{
    char *yaml = NULL;
    leit_recipe *again = NULL;
    assert_ok(leit_recipe_resolved_yaml(r, &yaml));
    assert_ok(leit_recipe_parse("resolved", yaml, strlen(yaml), NULL, 0, &again));
    assert_same(r, again);
    leit_recipe_text_free(yaml);
    leit_recipe_free(again);
}

static void resolved_yaml_reads_back(void **state)
{
    (void)state;
    const char *overrides[] = {"train.learning_rate=0.30000000000000004",
                               "train.epsilon=1.2345678901234567e-8",
                               "data.text=null",
                               "data.text=/a b/\"c\"\\d: #e",
                               "data.tags=- x",
                               "data.music='null'",
                               "name=true",
                               "augment.noise_snr_db=[1e-7, 2.5]",
                               "train.weight_decay_exclude=['a, b', \"c]\"]"};
    leit_recipe *r = parse(GOOD, overrides, sizeof overrides / sizeof *overrides);
    assert_true(r->train.learning_rate == 0.30000000000000004);
    assert_string_equal(r->data.music, "null");
    assert_string_equal(r->train.weight_decay_exclude.items[1], "c]");
    assert_round_trip(r);
    leit_recipe_free(r);
}

static void every_recipe_of_the_tree_loads(void **state)
{
    (void)state;
    leit_recipe_listing *listing = NULL;
    leit_arena names = {0};
    assert_ok(leit_recipe_list(leit_test_source("recipes"), &listing));
    size_t count = leit_recipe_listing_count(listing);
    int seen[LEIT_N_STRATEGIES] = {0};
    const char *directories[N_RECIPES];
    for (size_t i = 0; i < count; i++) {
        const leit_recipe_entry *entry = leit_recipe_listing_entry(listing, i);
        if (entry->error[0]) fail_msg("%s", entry->error);
        assert_true(strlen(entry->summary) > 20);
        leit_recipe *r = NULL;
        assert_ok(leit_recipe_load(entry->path, NULL, 0, &r));
        assert_string_equal(entry->strategy, leit_strategy_name(r->strategy));
        seen[r->strategy]++;
        assert_round_trip(r);
        assert_true(i < N_RECIPES);
        directories[i] = leit_arena_strdup(&names, r->run.directory);
        for (size_t j = 0; j < i; j++) /* no two recipes write into one folder */
            assert_string_not_equal(directories[i], directories[j]);
        leit_recipe_free(r);
    }
    assert_int_equal(count, N_RECIPES);
    assert_null(leit_recipe_listing_entry(listing, count));
    assert_int_equal(seen[LEIT_STRATEGY_CLASSIFICATION], 5);
    assert_int_equal(seen[LEIT_STRATEGY_METRIC3], 7);
    assert_int_equal(seen[LEIT_STRATEGY_TAGGING], 2);
    leit_recipe_listing_free(listing);
    leit_arena_clear(&names);
    assert_fails(leit_recipe_list("/nonexistent", &listing), LEIT_DATA, "/nonexistent");
}

/* DESIGN section 4, the figures of the public code. */
static void the_paper_recipes_state_the_public_code(void **state)
{
    (void)state;
    leit_recipe *r = NULL, *cosine = NULL, *isear = NULL;
    assert_ok(leit_recipe_load(leit_test_source("recipes/paper/metric3_alm.yaml"), NULL, 0, &r));
    assert_int_equal(r->model.head.text_hidden, 128);
    assert_int_equal(r->train.epochs, 100);
    assert_true(r->train.beta1 == 0.9 && r->train.beta2 == 0.999 && r->loss.margin == 0.2);
    assert_ok(leit_recipe_load(leit_test_source("recipes/paper/metric3_alm_cosine.yaml"), NULL, 0,
                               &cosine));
    assert_ok(
        leit_recipe_load(leit_test_source("recipes/paper/metric3_isear.yaml"), NULL, 0, &isear));
    char *difference = NULL;
    assert_ok(leit_recipe_diff(r, cosine, &difference));
    assert_string_equal(difference,
                        "name: paper_metric3_alm -> paper_metric3_alm_cosine\n"
                        "loss.negatives: distance_weighted -> cosine\n"
                        "run.directory: runs/paper_metric3_alm -> runs/paper_metric3_alm_cosine\n");
    leit_recipe_text_free(difference);
    assert_ok(leit_recipe_diff(r, isear, &difference));
    assert_string_equal(difference, "name: paper_metric3_alm -> paper_metric3_isear\n"
                                    "data.text: runs/paper/alm.h5 -> runs/paper/isear.h5\n"
                                    "run.directory: runs/paper_metric3_alm -> "
                                    "runs/paper_metric3_isear\n");
    leit_recipe_text_free(difference);
    leit_recipe_free(r);
    leit_recipe_free(cosine);
    leit_recipe_free(isear);

    assert_ok(
        leit_recipe_load(leit_test_source("recipes/paper/w2v_regression_alm.yaml"), NULL, 0, &r));
    assert_int_equal(r->train.music_batch, 64);
    assert_int_equal(r->model.head.output_activation, LEIT_OUTPUT_ACTIVATION_SIGMOID);
    assert_int_equal(r->mel.mel_scale, LEIT_MEL_SCALE_DB);
    leit_recipe_free(r);
}

static void explain_names_the_origin(void **state)
{
    (void)state;
    const char *overrides[] = {"train.batch=16"};
    leit_recipe *r = NULL;
    char *text = NULL, expected[2200];
    const char *path = leit_test_source("recipes/paper/metric3_isear.yaml");
    assert_ok(leit_recipe_load(path, overrides, 1, &r));
    assert_ok(leit_recipe_explain(r, &text));
    assert_non_null(strstr(text, "\ntrain.batch: 16 items  [override]\n"));
    assert_non_null(strstr(text, "\ntrain.beta1: 0.9  [default]\n"));
    snprintf(expected, sizeof expected, "\ndata.text: runs/paper/isear.h5  [%s:10]\n", path);
    assert_non_null(strstr(text, expected));
    snprintf(expected, sizeof expected,
             "\nloss.margin: 0.2 cosine  [%s:", leit_test_source("recipes/paper/metric3_alm.yaml"));
    assert_non_null(strstr(text, expected));
    assert_non_null(strstr(text, "\nmodel.head.shared_layers: 3 layers  [default]  (metric3 does "
                                 "not read it)\n"));
    leit_recipe_text_free(text);

    leit_recipe_setting setting;
    int index = leit_recipe_find_key("train.batch", 11);
    assert_ok(leit_recipe_setting_at(r, (size_t)index, &setting));
    assert_string_equal(setting.value, "16");
    assert_string_equal(setting.origin, "override");
    assert_string_equal(setting.expected, "a whole number from 1 to 65536");
    assert_string_equal(setting.type, "int");
    assert_true(setting.is_read);
    assert_fails(leit_recipe_setting_at(r, leit_recipe_n_settings(), &setting), LEIT_USAGE,
                 "setting");
    leit_recipe_free(r);
}

/* A copy means what the original means, wherever it lies, and overwrites nothing. */
static void copy(void **state)
{
    (void)state;
    static const char *const sources[] = {"recipes/paper/metric3_isear_cosine.yaml",
                                          "recipes/taffc/metric2_alm.yaml"};
    for (size_t i = 0; i < 2; i++) {
        char folder[1100], path[1200];
        snprintf(folder, sizeof folder, "%s/copy %zu \xC3\xA9", leit_test_directory(), i);
        assert_ok(leit_file_make_directory(folder));
        snprintf(path, sizeof path, "%s/mine.yaml", folder);
        assert_ok(leit_recipe_copy(leit_test_source(sources[i]), path));
        assert_fails(leit_recipe_copy(leit_test_source(sources[i]), path), LEIT_USAGE,
                     "exists already: remove it, or give another name");
        leit_recipe *original = NULL, *copied = NULL;
        assert_ok(leit_recipe_load(leit_test_source(sources[i]), NULL, 0, &original));
        assert_ok(leit_recipe_load(path, NULL, 0, &copied));
        assert_same(original, copied);
        leit_recipe_free(original);
        leit_recipe_free(copied);
        leit_buffer text = {0};
        assert_ok(leit_file_read(path, 1 << 20, &text));
        assert_int_equal(strncmp(leit_buffer_text(&text), "# ", 2), 0);
        assert_null(strstr(leit_buffer_text(&text), "//"));

        assert_ok(leit_recipe_copy(path, leit_test_directory())); /* into a folder, base by '..' */
        snprintf(path, sizeof path, "%s/mine.yaml", leit_test_directory());
        assert_ok(leit_recipe_load(path, NULL, 0, &copied));
        leit_recipe_free(copied);
        assert_ok(leit_file_remove(path));
        leit_buffer_clear(&text);
    }
    assert_fails(leit_recipe_copy("/nonexistent.yaml", leit_test_directory()), LEIT_USAGE,
                 "/nonexistent.yaml");
    assert_fails(leit_recipe_copy(leit_test_source(sources[0]), "/nonexistent/x.yaml"), LEIT_USAGE,
                 "/nonexistent");
}

/* libyaml counts characters after the byte order mark; the base is cut out by bytes. */
static void copy_cuts_at_bytes(void **state)
{
    (void)state;
    char base[1200], from[1200], to[1200];
    const char *folder = leit_test_directory();
    static const char text[] =
        "\xEF\xBB\xBF# caf\xC3\xA9\r\nbase: b\xC3\xA9.yaml # kept\r\nseed: 7\r\n";
    snprintf(base, sizeof base, "%s/cut/b\xC3\xA9.yaml", folder);
    snprintf(from, sizeof from, "%s/cut/r.yaml", folder);
    snprintf(to, sizeof to, "%s/cut", folder);
    assert_ok(leit_file_make_directory(to));
    assert_ok(leit_file_write(base, GOOD, strlen(GOOD)));
    assert_ok(leit_file_write(from, text, strlen(text)));
    snprintf(to, sizeof to, "%s/r_copy.yaml", folder);
    assert_ok(leit_recipe_copy(from, to));
    leit_buffer copied = {0};
    assert_ok(leit_file_read(to, 1 << 20, &copied));
    assert_string_equal(leit_buffer_text(&copied),
                        "\xEF\xBB\xBF# caf\xC3\xA9\r\n"
                        "base: cut/b\xC3\xA9.yaml # kept\r\nseed: 7\r\n");
    leit_buffer_clear(&copied);
}

/* A recipe cut at any byte, and with any byte changed, loads or says why; nothing else. */
static void damaged_recipes(void **state)
{
    (void)state;
    leit_buffer text = {0};
    const char *path = leit_test_source("recipes/paper/metric3_alm.yaml");
    assert_ok(leit_file_read(path, 1 << 20, &text));
    leit_recipe *r = NULL;
    for (size_t size = 0; size < text.size_bytes; size++) {
        char *exact = malloc(size + 1); /* so that a read past the end is seen */
        assert_non_null(exact);
        memcpy(exact, text.data, size);
        leit_status status = leit_recipe_parse(path, exact, size, NULL, 0, &r);
        assert_true(status == LEIT_OK || status == LEIT_USAGE);
        assert_true((status == LEIT_OK) == (r != NULL));
        leit_recipe_free(r);
        free(exact);
    }
    static const char troubles[] = "\0\n\t [{]}:,-?!&*#|>'\"%@`\\~<\x80\xFF\xEF";
    srand(1);
    for (int i = 0; i < 3000; i++) {
        size_t at = (size_t)rand() % text.size_bytes;
        char kept = text.data[at];
        text.data[at] = troubles[(size_t)rand() % (sizeof troubles - 1)];
        leit_status status = leit_recipe_parse(path, text.data, text.size_bytes, NULL, 0, &r);
        assert_true(status == LEIT_OK || status == LEIT_USAGE);
        leit_recipe_free(r);
        if (i % 4) text.data[at] = kept; /* some damage stays */
    }
    leit_buffer_clear(&text);
}

static void the_reference_page_is_fresh(void **state)
{
    (void)state;
    leit_buffer page = {0}, file = {0};
    const char *path = leit_test_source("docs/recipes.md");
    assert_ok(leit_recipe_reference(&page));
    if (getenv("LEIT_UPDATE_DOCS")) assert_ok(leit_file_write(path, page.data, page.size_bytes));
    assert_ok(leit_file_read(path, 1 << 20, &file));
    if (strcmp(leit_buffer_text(&page), leit_buffer_text(&file)) != 0)
        fail_msg("docs/recipes.md is stale: LEIT_UPDATE_DOCS=1 ctest --test-dir build -R recipe");
    leit_buffer_clear(&page);
    leit_buffer_clear(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_is_sound),
        cmocka_unit_test(defaults),
        cmocka_unit_test(values_of_every_type),
        cmocka_unit_test(overrides_win_and_the_last_one_most),
        cmocka_unit_test(an_override_nobody_reads_is_said),
        cmocka_unit_test(resolved_yaml_reads_back),
        cmocka_unit_test(every_recipe_of_the_tree_loads),
        cmocka_unit_test(the_paper_recipes_state_the_public_code),
        cmocka_unit_test(explain_names_the_origin),
        cmocka_unit_test(copy),
        cmocka_unit_test(copy_cuts_at_bytes),
        cmocka_unit_test(damaged_recipes),
        cmocka_unit_test(the_reference_page_is_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
