/* The corpora of a recipe: what of them a recipe must know, and the sum that tells them apart. */
#include "corpus/dataset.h"

#include <stdio.h>

#include "support/testing.h"
#include "support/toy.h"

static const leit_toy_options SMALL = {
    .n_texts_per_label = 5, .n_clips_per_label = 5, .n_samples = 9216};

/* A copy of the toy's texts as scratch/<name>.h5 with another name and split, and, when `moved`,
 * one text in another split. */
static const char *copy_texts(const char *name, const char *split, bool moved)
{
    char file[100];
    leit_text_corpus *texts = NULL;
    assert_ok(leit_text_corpus_open(leit_test_scratch("text.h5"), &texts));
    leit_text_corpus copy = *texts;
    uint8_t splits[25];
    assert_int_equal(copy.n_texts, 25);
    for (int i = 0; i < 25; i++) splits[i] = copy.split[i];
    if (moved) splits[0] = LEIT_SPLIT_TEST;
    copy.split = splits;
    copy.about.name = name;
    copy.about.split = split;
    snprintf(file, sizeof file, "%s.h5", name);
    const char *path = leit_test_scratch(file);
    assert_ok(leit_text_corpus_write(&copy, path));
    leit_text_corpus_close(texts);
    return path;
}

static leit_status open_with(const char *texts, const char *split, leit_dataset *data)
{
    char text[1300], word[60];
    const char *const overrides[] = {text, word, NULL};
    snprintf(text, sizeof text, "data.text=%s", texts);
    snprintf(word, sizeof word, "data.text_split=%s", split);
    leit_recipe *recipe = leit_toy_recipe(leit_test_directory(), "metric2", overrides);
    leit_status status = leit_dataset_open(recipe, data);
    leit_recipe_free(recipe);
    return status;
}

static void split_is_the_one_asked_for(void **state)
{
    (void)state;
    leit_dataset data;
    const char *paper = copy_texts("paper", "paper", false);
    const char *strict = copy_texts("strict", "strict", false);
    assert_fails(open_with(paper, "strict", &data), LEIT_DATA,
                 "paper.h5 was built with the split 'paper', data.text_split is 'strict'; set "
                 "data.text_split=paper");
    assert_fails(open_with(strict, "paper", &data), LEIT_DATA, "set data.text_split=strict");
    const char *const fits[][2] = {
        {paper, "paper"}, {strict, "strict"}, {leit_test_scratch("text.h5"), "paper"}};
    for (int i = 0; i < 3; i++) {
        assert_ok(open_with(fits[i][0], fits[i][1], &data));
        leit_dataset_close(&data);
    }
}

static uint64_t sum_with(const char *texts)
{
    leit_dataset data;
    uint64_t sum = 0;
    assert_ok(open_with(texts, "strict", &data));
    assert_ok(leit_dataset_sum(&data, &sum));
    leit_dataset_close(&data);
    return sum;
}

static void sum_follows_the_contents(void **state)
{
    (void)state;
    const uint64_t sum = sum_with(leit_test_scratch("text.h5"));
    assert_true(sum_with(copy_texts("renamed", "given", false)) == sum);
    assert_true(sum_with(copy_texts("moved", "given", true)) != sum);
}

int main(void)
{
    leit_toy_write(leit_test_directory(), &SMALL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_is_the_one_asked_for),
        cmocka_unit_test(sum_follows_the_contents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
