#include "support/same_runs.h"

#include <stdio.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "core/file.h"
#include "core/memory.h"
#include "support/event_records.h"
#include "support/testing.h"

static void expect_same_file(const char *a, const char *b)
{
    leit_buffer left = {0}, right = {0};
    assert_ok(leit_file_read(a, 1 << 24, &left));
    assert_ok(leit_file_read(b, 1 << 24, &right));
    assert_string_equal(leit_buffer_text(&left), leit_buffer_text(&right));
    leit_buffer_clear(&left);
    leit_buffer_clear(&right);
}

static void expect_same_scalars(const char *a, const char *b)
{
    leit_buffer left = {0}, right = {0};
    leit_test_event_scalars(a, &left);
    leit_test_event_scalars(b, &right);
    assert_true(left.size_bytes > 50);
    assert_string_equal(leit_buffer_text(&left), leit_buffer_text(&right));
    leit_buffer_clear(&left);
    leit_buffer_clear(&right);
}

static void *read_tensor(const leit_checkpoint *checkpoint, leit_tensor tensor)
{
    void *data = leit_allocate(leit_tensor_bytes(&tensor), 1);
    tensor.data = data;
    assert_ok(leit_checkpoint_read(checkpoint, &tensor));
    return data;
}

int leit_test_same_tensors(const char *a, const char *b, const char *prefix)
{
    leit_checkpoint *left, *right;
    leit_arena arena = {0};
    leit_tensor *tensors = NULL;
    int64_t n = 0;
    int n_same = 0;
    assert_ok(leit_checkpoint_open(a, &left));
    assert_ok(leit_checkpoint_open(b, &right));
    assert_ok(leit_checkpoint_list(left, &arena, &tensors, &n));
    for (int64_t i = 0; i < n; i++) {
        if (tensors[i].dtype != LEIT_F32 || strncmp(tensors[i].name, prefix, strlen(prefix)) != 0)
            continue;
        void *ours = read_tensor(left, tensors[i]), *theirs = read_tensor(right, tensors[i]);
        if (memcmp(ours, theirs, leit_tensor_bytes(&tensors[i])) != 0)
            fail_msg("%s differs between %s and %s", tensors[i].name, a, b);
        leit_free(ours);
        leit_free(theirs);
        n_same++;
    }
    leit_arena_clear(&arena);
    leit_checkpoint_close(left);
    leit_checkpoint_close(right);
    return n_same;
}

void leit_test_same_run(const char *a, const char *b)
{
    char left[1300], right[1300];
    const char *const files[] = {"checkpoints/best", "checkpoints/latest"};
    for (int i = 0; i < 2; i++) {
        snprintf(left, sizeof left, "%s/%s", leit_test_scratch(a), files[i]);
        snprintf(right, sizeof right, "%s/%s", leit_test_scratch(b), files[i]);
        assert_true(leit_test_same_tensors(left, right, "") > 10);
    }
    snprintf(left, sizeof left, "%s/metrics.jsonl", leit_test_scratch(a));
    snprintf(right, sizeof right, "%s/metrics.jsonl", leit_test_scratch(b));
    expect_same_file(left, right);
    snprintf(left, sizeof left, "%s/events", leit_test_scratch(a));
    snprintf(right, sizeof right, "%s/events", leit_test_scratch(b));
    expect_same_scalars(left, right);
}
