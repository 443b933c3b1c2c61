/* Every kind of bad recipe, each with its exact sentence. */
#include <stdio.h>
#include <string.h>

#include "core/arena.h"
#include "core/file.h"
#include "recipe/schema.h"
#include "recipe/yaml_tree.h"
#include "support/testing.h"

#define GOOD "strategy: classification\ndata: {text: t, music: m, tags: g}\n"
#define STRATEGIES                                                                                 \
    "classification, multihead, va_regression, w2v_regression, metric2, metric3, tagging"

struct mistake {
    const char *yaml, *sentence;
};

static void check(const char *yaml, size_t size_bytes, const char *override, const char *sentence)
{
    leit_recipe *recipe = NULL;
    leit_status status =
        leit_recipe_parse("r.yaml", yaml, size_bytes, &override, override ? 1 : 0, &recipe);
    if (status != LEIT_USAGE || strcmp(leit_error_message(), sentence) != 0)
        fail_msg("status %d for\n%s\nsaid      %s\nexpected  %s", (int)status,
                 override ? override : yaml, status == LEIT_OK ? "" : leit_error_message(),
                 sentence);
    assert_null(recipe);
}

static const struct mistake keys[] = {
    {GOOD "train:\n  learnig_rate: 1\n",
     "r.yaml:4:3: unknown key 'learnig_rate', did you mean 'train.learning_rate'?"},
    {GOOD "learnig_rate: 1\n",
     "r.yaml:3:1: unknown key 'learnig_rate', did you mean 'train.learning_rate'?"},
    {GOOD "train.learnig_rate: 1\n",
     "r.yaml:3:1: unknown key 'train.learnig_rate', did you mean 'train.learning_rate'?"},
    {GOOD "trian: {batch: 1}\n", "r.yaml:3:1: unknown key 'trian', did you mean 'train'?"},
    {GOOD "zebra: 1\n", "r.yaml:3:1: unknown key 'zebra', docs/recipes.md lists them all"},
    {GOOD "zebra: {a: [1, {b: 2}]}\ntrain: {batch: 0}\n",
     "r.yaml:3:1: unknown key 'zebra', docs/recipes.md lists them all "
     "(and 1 more: `leitmotif recipe validate` lists them)"},
    {GOOD "\"train\\0x\": 1\n", "r.yaml:3:1: a NUL inside a key, expected a word"},
    {GOOD "? [a, b]\n: 1\n", "r.yaml:3:3: a key is a list, expected a word"},
    {GOOD "seed: 1\nseed: 2\n", "r.yaml:4:1: 'seed' is given twice, first in line 3"},
    {GOOD "train: {batch: 2}\ntrain: {epochs: 2}\n",
     "r.yaml:4:1: 'train' is given twice, join the two"},
    {GOOD "train.batch: 2\ntrain: {batch: 4}\n",
     "r.yaml:4:9: 'train.batch' is given twice, first in line 3"},
    {GOOD "train: 5\n", "r.yaml:3:8: 'train' is a single value, expected keys below it"},
    {GOOD "train: [5]\n", "r.yaml:3:8: 'train' is a list, expected keys below it"},
};

static const struct mistake values[] = {
    {GOOD "train: {batch: ten}\n",
     "r.yaml:3:16: train.batch is 'ten', expected a whole number from 1 to 65536"},
    {GOOD "train: {batch: 8.0}\n",
     "r.yaml:3:16: train.batch is '8.0', expected a whole number from 1 to 65536"},
    {GOOD "train: {batch: 010}\n",
     "r.yaml:3:16: train.batch is '010', expected a whole number from 1 to 65536"},
    {GOOD "train: {batch: '8'}\n",
     "r.yaml:3:16: train.batch is '8', expected a whole number from 1 to 65536; drop the quotes"},
    {GOOD "train: {batch: }\n",
     "r.yaml:3:16: train.batch is empty, expected a whole number from 1 to 65536"},
    {GOOD "train: {batch: [8]}\n",
     "r.yaml:3:16: train.batch is a list, expected a whole number from 1 to 65536"},
    {GOOD "train: {batch: {a: 8}}\n",
     "r.yaml:3:16: train.batch is a map, expected a whole number from 1 to 65536"},
    {GOOD "train: {batch: 0}\n",
     "r.yaml:3:16: train.batch is '0', expected a whole number from 1 to 65536"},
    {GOOD "seed: 2147483648\n",
     "r.yaml:3:7: seed is '2147483648', expected a whole number from 0 to 2147483647"},
    {GOOD "seed: 99999999999999999999\n",
     "r.yaml:3:7: seed is '99999999999999999999', expected a whole number from 0 to 2147483647"},
    {GOOD "seed: -1\n", "r.yaml:3:7: seed is '-1', expected a whole number from 0 to 2147483647"},
    {GOOD "train: {learning_rate: .nan}\n",
     "r.yaml:3:24: train.learning_rate is '.nan', expected a number above 0 and at most 10"},
    {GOOD "train: {learning_rate: nan}\n",
     "r.yaml:3:24: train.learning_rate is 'nan', expected a number above 0 and at most 10"},
    {GOOD "train: {learning_rate: 1e999}\n",
     "r.yaml:3:24: train.learning_rate is '1e999', expected a number above 0 and at most 10"},
    {GOOD "train: {learning_rate: 0}\n",
     "r.yaml:3:24: train.learning_rate is '0', expected a number above 0 and at most 10"},
    {GOOD "train: {learning_rate: 0x1p-3}\n",
     "r.yaml:3:24: train.learning_rate is '0x1p-3', expected a number above 0 and at most 10"},
    {GOOD "train: {learning_rate: 1e}\n",
     "r.yaml:3:24: train.learning_rate is '1e', expected a number above 0 and at most 10"},
    {GOOD "train: {beta1: 1}\n",
     "r.yaml:3:16: train.beta1 is '1', expected a number from 0 to below 1"},
    {GOOD "run: {deterministic: yes}\n",
     "r.yaml:3:22: run.deterministic is 'yes', expected true or false"},
    {GOOD "run: {deterministic: 'true'}\n",
     "r.yaml:3:22: run.deterministic is 'true', expected true or false; drop the quotes"},
    {"strategy: metrc3\n",
     "r.yaml:1:11: strategy is 'metrc3', expected one of " STRATEGIES "; did you mean 'metric3'?"},
    {GOOD "run: {device: gpu}\n",
     "r.yaml:3:15: run.device is 'gpu', expected one of cpu, cuda, auto"
     "; did you mean 'cpu'?"},
    {GOOD "run: {device: }\n", "r.yaml:3:15: run.device is empty, expected one of cpu, cuda, auto"},
    {GOOD "augment: {gain_db: 3}\n", "r.yaml:3:20: augment.gain_db is '3', expected [] or "
                                     "[low, high] with numbers from -60 to 60"},
    {GOOD "augment: {gain_db: [3]}\n", "r.yaml:3:20: augment.gain_db is a list of 1, expected [] "
                                       "or [low, high] with numbers from -60 to 60"},
    {GOOD "augment: {gain_db: [3, 1]}\n",
     "r.yaml:3:20: augment.gain_db is a list whose low end is above its high end, expected [] or "
     "[low, high] with numbers from -60 to 60"},
    {GOOD "augment: {gain_db: [-99, 1]}\n", "r.yaml:3:20: augment.gain_db is '-99', expected [] or "
                                            "[low, high] with numbers from -60 to 60"},
    {GOOD "evaluate: {mappings: va}\n",
     "r.yaml:3:22: evaluate.mappings is 'va', expected a list of some of va, w2v, w2v_paper, "
     "w2v_vectors, manual"},
    {GOOD "evaluate: {mappings: [va, manuel]}\n",
     "r.yaml:3:22: evaluate.mappings is a list with 'manuel', expected a list of some of va, w2v, "
     "w2v_paper, w2v_vectors, manual; did you mean 'manual'?"},
    {GOOD "evaluate: {mappings: [va, va]}\n",
     "r.yaml:3:22: evaluate.mappings is a list with 'va' twice, expected a list of some of va, "
     "w2v, w2v_paper, w2v_vectors, manual"},
    {GOOD "evaluate: {mappings: [[va]]}\n",
     "r.yaml:3:23: evaluate.mappings: an item is a list, expected single values"},
    {"strategy: metric3\ndata: {text: t, music: m}\ndata.tags: {a: b}\n",
     "r.yaml:3:12: data.tags is a map, expected a path"},
    {GOOD "train: {weight_decay_exclude: ['']}\n",
     "r.yaml:3:31: train.weight_decay_exclude is a list with an empty item, expected a list of "
     "words such as [a, b]"},
    {GOOD "run: {directory: \"a\\0b\"}\n",
     "r.yaml:3:18: run.directory is text with a control character, expected a path"},
    {GOOD "run: {directory: \"a\\u2028b\"}\n",
     "r.yaml:3:18: run.directory is text with a control character, expected a path"},
    {GOOD "run: {directory: [a]}\n", "r.yaml:3:18: run.directory is a list, expected a path"},
};

static const struct mistake yaml_texts[] = {
    {"", "r.yaml: is empty, expected keys such as 'strategy: metric3'"},
    {"# nothing but a comment\n", "r.yaml: is empty, expected keys such as 'strategy: metric3'"},
    {"- a\n", "r.yaml:1:1: the recipe is a list, expected keys such as 'strategy: metric3'"},
    {"metric3\n",
     "r.yaml:1:1: the recipe is a single value, expected keys such as 'strategy: metric3'"},
    {GOOD "name: &here x\n", "r.yaml:3:7: anchor 'here': anchors are refused, write the value out"},
    {GOOD "name: *here\n", "r.yaml:3:7: alias 'here': aliases are refused, write the value out"},
    {GOOD "evaluate: {mappings: [*a, *b]}\n",
     "r.yaml:3:23: alias 'a': aliases are refused, write the value out"},
    {"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
     "r.yaml:1:1: unknown key 'a', docs/recipes.md lists them all (and 1 more: `leitmotif recipe "
     "validate` lists them)"},
    {GOOD "<<: {seed: 1}\n", "r.yaml:3:1: merge keys (<<) are refused, use 'base: other.yaml'"},
    {GOOD "seed: !!int 3\n",
     "r.yaml:3:7: tag 'tag:yaml.org,2002:int': tags are refused, write the plain value"},
    {GOOD "name: !run x\n", "r.yaml:3:7: tag '!run': tags are refused, write the plain value"},
    {GOOD "---\nseed: 1\n", "r.yaml:3:1: a second document begins here, expected one"},
    {GOOD "zebra: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n",
     "r.yaml:3:1: unknown key 'zebra', docs/recipes.md lists them all (and 1 more: `leitmotif "
     "recipe validate` lists them)"},
    {GOOD "evaluate: {mappings: [va\n",
     "r.yaml:4:1: YAML: did not find expected ',' or ']', while parsing a flow sequence"},
    {GOOD "\tseed: 1\n",
     "r.yaml:3:1: YAML: found character that cannot start any token, while scanning for the next "
     "token"},
    {"strategy: \xFFx\n", "r.yaml: is not UTF-8 at byte 10"},
    {"strategy: \xED\xA0\x80\n", "r.yaml: is not UTF-8 at byte 10"},
    {"strategy: \xC0\xAF\n", "r.yaml: is not UTF-8 at byte 10"},
    {"strategy: \xE2\x82", "r.yaml: is not UTF-8 at byte 10"},
    {"strategy: \x01\n", "r.yaml: YAML: control characters are not allowed at byte 10"},
    {GOOD "base:\n", "r.yaml:3:6: base is empty, expected the path of a recipe"},
    {GOOD "base: [a]\n", "r.yaml:3:7: base is a list, expected the path of a recipe"},
    {GOOD "base: a\nbase: b\n", "r.yaml:4:1: 'base' is given twice, first in line 3 (and 1 more: "
                                "`leitmotif recipe validate` lists them)"},
    {GOOD "base: /nonexistent/b.yaml\n", "r.yaml:3:7: base '/nonexistent/b.yaml' cannot be read"},
};

static const struct mistake cross_keys[] = {
    {"seed: 1\n", "r.yaml: strategy is not set, expected one of " STRATEGIES},
    {"name: ../x\n" GOOD,
     "r.yaml:1:7: name is '../x': it names a folder, so at most 100 of letters, digits, '.', '_', "
     "'-', not beginning with '.' or '-'"},
    {"strategy: metric3\ndata: {music: m, tags: g}\n",
     "r.yaml:1:11: data.text is not set: metric3 trains a text encoder"},
    {"strategy: tagging\n", "r.yaml:1:11: data.music is not set: tagging trains a music encoder"},
    {"strategy: va_regression\ndata: {text: t, music: m}\n",
     "r.yaml:1:11: data.tags is not set: va_regression needs tags, its targets are the valence and "
     "arousal of tags"},
    {"strategy: w2v_regression\ndata: {text: t, music: m}\n",
     "r.yaml:1:11: data.tags is not set: w2v_regression needs tags, its targets are the word "
     "vectors of tags"},
    {"strategy: metric3\ndata: {text: t, music: m}\n",
     "r.yaml:1:11: data.tags is not set: metric3 needs tags, it embeds the word vectors of tags"},
    {"strategy: metric2\ndata: {text: t, music: m}\n",
     "r.yaml:1:11: data.tags is not set: metric2 needs tags, it is validated by the valence and "
     "arousal of tags"},
    {"strategy: multihead\ndata: {text: t, music: m}\n",
     "r.yaml: data.tags is not set: the mapping va is computed from the valence and arousal of "
     "tags"},
    {"strategy: multihead\ndata: {text: t, music: m}\nevaluate: {mappings: [w2v]}\n"
     "mapping: {w2v: vectors}\n",
     "r.yaml:4:16: data.tags is not set: mapping.w2v vectors is computed from the word vectors of "
     "tags"},
    {GOOD "evaluate: {bootstrap_samples: 99}\n",
     "r.yaml:3:31: evaluate.bootstrap_samples is 99, expected 0 or at least 100"},
    {GOOD "evaluate: {permutation_samples: 1}\n",
     "r.yaml:3:33: evaluate.permutation_samples is 1, expected 0 or at least 100"},
    {GOOD "mel: {n_fft: 500}\n", "r.yaml:3:14: mel.n_fft is 500, expected a power of two"},
    {GOOD "mel: {hop_length: 1000, n_fft: 512}\ndata.crop_samples: 400000\n",
     "r.yaml:3:19: mel.hop_length is 1000, more than mel.n_fft 512: samples between two frames "
     "would be lost"},
    {GOOD "data.crop_samples: 32000\n",
     "r.yaml:3:20: data.crop_samples is 32000, which is 126 frames at mel.hop_length 256: the "
     "music encoder pools 288 frames into one, so it needs at least 73472 samples"},
    {GOOD "mel: {hop_length: 1, n_fft: 4096}\ndata.crop_samples: 2048\n",
     "r.yaml:4:20: data.crop_samples is 2048, expected more than 2048: a window of mel.n_fft 4096 "
     "reflects half of itself at the ends"},
    {GOOD "model: {text: {width: 100}}\n",
     "r.yaml:3:23: model.text.width is 100, not a multiple of model.text.heads 12: every head gets "
     "the same part of it"},
    {GOOD "model: {text: {heads: 5}}\n",
     "r.yaml:3:23: model.text.width is 768, not a multiple of model.text.heads 5: every head gets "
     "the same part of it"},
    {GOOD "data.max_tokens: 1000\n",
     "r.yaml:3:18: data.max_tokens is 1000, but model.text.max_positions is 512: a token needs a "
     "position"},
    {GOOD "model: {music: {frozen: true}}\n",
     "r.yaml:3:25: model.music.frozen is true without model.music.weights or train.reuse: a random "
     "encoder would stay random"},
    {GOOD "model: {text: {frozen: true}}\n",
     "r.yaml:3:24: model.text.frozen is true without model.text.weights or train.reuse: a random "
     "encoder would stay random"},
    {GOOD "loss: {distance_cutoff: 1.5}\n",
     "r.yaml:3:25: loss.distance_cutoff is 1.5, expected less than "
     "loss.distance_nonzero_loss_cutoff 1.4: between them negatives are drawn"},
    {GOOD "loss: {weight_text_music: 0, weight_tag_music: 0, weight_tag_text: 0}\n",
     "r.yaml:3:27: loss.weight_text_music and the other two weights are 0: nothing would be "
     "learnt"},
    {"strategy: metric2\ndata: {text: t, music: m, tags: g}\ntrain: {batch: 7}\n",
     "r.yaml:3:16: train.batch is 7, expected an even number from 4: metric2 takes one half as tag "
     "pairs and one half as text-music pairs, and a pair's negatives from the others"},
    {GOOD "run: {shards: 3}\n", "r.yaml:3:15: train.batch is 32, not a multiple of run.shards 3"},
    {GOOD "run: {shards: 4}\ntrain: {music_batch: 6}\n",
     "r.yaml:4:22: train.music_batch is 6, not a multiple of run.shards 4"},
    {GOOD "run: {shards: 32}\n",
     "r.yaml:3:15: train.batch is 32, expected at least 2 for each of run.shards 32"},
    {"strategy: metric2\ndata: {text: t, music: m, tags: g}\ntrain: {batch: 20}\n"
     "run: {shards: 4}\n",
     "r.yaml:3:16: train.batch is 20, not a multiple of twice run.shards 4"},
    {GOOD "train: {sync_batchnorm: all}\n",
     "r.yaml:3:25: train.sync_batchnorm is 'all', expected true or false"},
    {GOOD "train: {max_steps: 5, warmup_steps: 5}\n",
     "r.yaml:3:37: train.warmup_steps is 5, expected less than train.max_steps 5"},
    {GOOD "run: {device: cpu, precision: bf16}\n",
     "r.yaml:3:31: run.precision is bf16, which needs run.device cuda: the CPU computes in fp32"},
    {GOOD "run: {kernels: plain, precision: tf32}\n",
     "r.yaml:3:34: run.precision is tf32, which needs run.kernels fast or cudnn: the plain ones "
     "compute in "
     "fp32"},
    {GOOD "evaluate: {mappings: [w2v, w2v_paper]}\n",
     "r.yaml:3:22: evaluate.mappings names w2v_paper twice: w2v is what mapping.w2v says"},
    {GOOD "evaluate: {mappings: []}\n",
     "r.yaml:3:22: evaluate.mappings is empty: without a mapping no clip is right for any text"},
};

static void check_all(const struct mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(mistakes[i].yaml, strlen(mistakes[i].yaml), NULL, mistakes[i].sentence);
}
#define CHECK_ALL(mistakes) check_all((mistakes), sizeof(mistakes) / sizeof *(mistakes))

static void wrong_keys(void **state)
{
    (void)state;
    CHECK_ALL(keys);
}

static void wrong_values(void **state)
{
    (void)state;
    CHECK_ALL(values);
}

static void wrong_yaml(void **state)
{
    (void)state;
    CHECK_ALL(yaml_texts);
    check("seed: 1\0\n", 9, NULL, "r.yaml: has a NUL byte at byte 7, expected text");
    check("\xFF\xFEs\0", 4, NULL, "r.yaml: has a NUL byte at byte 3, expected text");
}

static void keys_that_clash(void **state)
{
    (void)state;
    CHECK_ALL(cross_keys);
}

static void wrong_overrides(void **state)
{
    (void)state;
    static const struct mistake overrides[] = {
        {"train.batch", "override 'train.batch' has no '=', expected KEY=VALUE"},
        {"train.bach=3", "override 'train.bach=3': unknown key 'train.bach', did you mean "
                         "'train.batch'?"},
        {"=3", "override '=3': unknown key '', docs/recipes.md lists them all"},
        {"train=3", "override 'train=3': 'train' is a section, expected one of its keys"},
        {"base=x", "override 'base=x': 'base' can only stand in a file"},
        {"train.batch=x", "override 'train.batch=x': train.batch is 'x', expected a whole number "
                          "from 1 to 65536"},
        {"train.batch=", "override 'train.batch=': train.batch is empty, expected a whole number "
                         "from 1 to 65536"},
        {"augment.gain_db=[1", "override 'augment.gain_db=[1': YAML: did not find expected ',' "
                               "or ']', while parsing a flow sequence"},
        {"name=*a", "override 'name=*a': name is '*a': it names a folder, so at most 100 of "
                    "letters, digits, '.', '_', '-', not beginning with '.' or '-'"},
        {"data.text=a\xFF", "override 'data.text=a?': data.text is text that is not UTF-8, "
                            "expected a path"},
        {"data.text=a\nb", "override 'data.text=a?b': data.text is text with a control character, "
                           "expected a path"},
    };
    for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++)
        check(GOOD, strlen(GOOD), overrides[i].yaml, overrides[i].sentence);
}

/* Sizes and depths that a stranger's file may have. */
static void huge_texts(void **state)
{
    (void)state;
    leit_buffer text = {0};
    for (int i = 0; i < LEIT_YAML_MAX_BYTES; i++) assert_ok(leit_buffer_puts(&text, "["));
    check(text.data, text.size_bytes, NULL,
          "r.yaml:1:1: the recipe is a list, expected keys such as 'strategy: metric3'");
    assert_ok(leit_buffer_puts(&text, "["));
    check(text.data, text.size_bytes, NULL,
          "r.yaml: is 1048577 bytes, a recipe has at most 1048576");
    leit_buffer_clear(&text);

    assert_ok(leit_buffer_puts(&text, "a: "));
    for (int i = 0; i < 500000; i++) assert_ok(leit_buffer_puts(&text, "["));
    check(text.data, text.size_bytes, NULL,
          "r.yaml:1:1: unknown key 'a', docs/recipes.md lists them all (and 1 more: `leitmotif "
          "recipe validate` lists them)");
    leit_buffer_clear(&text);

    for (int i = 0; i < 50000; i++) assert_ok(leit_buffer_printf(&text, "zebra%d: 1\n", i));
    check(text.data, text.size_bytes, NULL,
          "r.yaml:1:1: unknown key 'zebra0', docs/recipes.md lists them all (and 49 more: "
          "`leitmotif recipe validate` lists them)");
    leit_buffer_clear(&text);

    assert_ok(leit_buffer_puts(&text, GOOD "train: {weight_decay_exclude: [a0"));
    for (int i = 1; i < 65; i++) assert_ok(leit_buffer_printf(&text, ", a%d", i));
    assert_ok(leit_buffer_puts(&text, "]}\n"));
    leit_recipe *recipe = NULL;
    assert_fails(leit_recipe_parse("r.yaml", text.data, text.size_bytes, NULL, 0, &recipe),
                 LEIT_USAGE, "train.weight_decay_exclude: more than 64 items");
    leit_buffer_clear(&text);
}

static const char *write_file(const char *name, const char *text)
{
    static char path[1200];
    snprintf(path, sizeof path, "%s/%s", leit_test_directory(), name);
    assert_ok(leit_file_write(path, text, strlen(text)));
    return path;
}

static void wrong_bases(void **state)
{
    (void)state;
    leit_recipe *recipe = NULL;
    char path[1200];
    write_file("b.yaml", "base: ././a.yaml\n");
    const char *a = write_file("a.yaml", "base: b.yaml\n" GOOD);
    assert_fails(leit_recipe_load(a, NULL, 0, &recipe), LEIT_USAGE, "is a base of itself");
    a = write_file("self.yaml", "base: self.yaml\n");
    assert_fails(leit_recipe_load(a, NULL, 0, &recipe), LEIT_USAGE, "is a base of itself");

    char name[32], text[128];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "c%d.yaml", i);
        snprintf(text, sizeof text, i < 5 ? "base: c%d.yaml\n" : GOOD, i + 1);
        a = write_file(name, text);
    }
    snprintf(path, sizeof path, "%s/c0.yaml", leit_test_directory());
    assert_fails(leit_recipe_load(path, NULL, 0, &recipe), LEIT_USAGE,
                 "is too far: bases may be 4 deep");
    snprintf(path, sizeof path, "%s/c1.yaml", leit_test_directory());
    assert_ok(leit_recipe_load(path, NULL, 0, &recipe));
    leit_recipe_free(recipe);

    write_file("bad.yaml", "train: {batch: 0}\n");
    a = write_file("over_bad.yaml", "base: bad.yaml\n" GOOD);
    assert_fails(leit_recipe_load(a, NULL, 0, &recipe), LEIT_USAGE,
                 "bad.yaml:1:16: train.batch is '0', expected a whole number from 1 to 65536");
    assert_fails(leit_recipe_load("/nonexistent/r.yaml", NULL, 0, &recipe), LEIT_USAGE,
                 "/nonexistent/r.yaml: No such file");
    assert_fails(leit_recipe_load(leit_test_directory(), NULL, 0, &recipe), LEIT_USAGE,
                 "is a directory");
}

static void validate_reports_all(void **state)
{
    (void)state;
    const char *path = write_file("many.yaml", "strategy: metric3\n"
                                               "train:\n"
                                               "  learnig_rate: 3\n"
                                               "  batch: 31\n"
                                               "data: {text: t, music: m}\n"
                                               "run: {device: gpu}\n");
    char *sentences = NULL, expected[8000];
    const char *overrides[] = {"seed=x", "mel.n_fft=100"};
    assert_int_equal(leit_recipe_validate(path, overrides, 2, &sentences), LEIT_USAGE);
    snprintf(
        expected, sizeof expected,
        "%s:3:3: unknown key 'learnig_rate', did you mean 'train.learning_rate'?\n"
        "%s:6:15: run.device is 'gpu', expected one of cpu, cuda, auto; did you mean 'cpu'?\n"
        "override 'seed=x': seed is 'x', expected a whole number from 0 to 2147483647\n"
        "%s:1:11: data.tags is not set: metric3 needs tags, it embeds the word vectors of tags\n"
        "override 'mel.n_fft=100': mel.n_fft is 100, expected a power of two\n"
        "override 'mel.n_fft=100': mel.hop_length is 256, more than mel.n_fft 100: samples between "
        "two frames would be lost\n"
        "%s:4:10: train.batch is 31, expected an even number from 4: metric3 takes one half as tag "
        "pairs and one half as text-music pairs, and a pair's negatives from the others\n",
        path, path, path, path);
    assert_string_equal(sentences, expected);
    leit_recipe_text_free(sentences);

    assert_int_equal(leit_recipe_validate("/nonexistent", NULL, 0, &sentences), LEIT_USAGE);
    assert_non_null(strstr(sentences, "/nonexistent: No such file"));
    leit_recipe_text_free(sentences);

    path = write_file("fine.yaml", GOOD);
    assert_ok(leit_recipe_validate(path, NULL, 0, &sentences));
    assert_string_equal(sentences, "");
    leit_recipe_text_free(sentences);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_keys),      cmocka_unit_test(wrong_values),
        cmocka_unit_test(wrong_yaml),      cmocka_unit_test(keys_that_clash),
        cmocka_unit_test(wrong_overrides), cmocka_unit_test(huge_texts),
        cmocka_unit_test(wrong_bases),     cmocka_unit_test(validate_reports_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
