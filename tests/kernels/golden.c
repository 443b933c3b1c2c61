#include "kernels/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/container.h"
#include "core/file.h"
#include "core/memory.h"
#include "support/testing.h"

static void must(leit_status status, const char *what)
{
    if (status == LEIT_OK) return;
    fprintf(stderr, "golden: %s: %s\n", what, leit_error_message());
    abort();
}

static const char *golden_path(const char *op)
{
    char relative[128];
    snprintf(relative, sizeof relative, "tests/golden/ops/%s.h5", op);
    return leit_test_source(relative);
}

int leit_golden_count(const char *op)
{
    if (!leit_file_exists(golden_path(op))) return 0;
    leit_container *container = NULL;
    must(leit_container_open(golden_path(op), NULL, 0, &container), op);
    int count = 0;
    for (char group[16]; snprintf(group, sizeof group, "case%d", count) > 0; count++)
        if (!leit_container_has(container, group)) break;
    leit_container_close(container);
    return count;
}

void leit_golden_open(const char *op, int index, leit_golden *golden)
{
    leit_container *container = NULL;
    must(leit_container_open(golden_path(op), NULL, 0, &container), op);
    golden->container = container;
    snprintf(golden->group, sizeof golden->group, "case%d", index);
    leit_arena arena = {0};
    const char *params = NULL;
    must(leit_container_text(container, golden->group, "params", &arena, &params), op);
    golden->params = leit_strdup(params);
    if (golden->params == NULL) must(LEIT_INTERNAL, op);
    leit_arena_clear(&arena);
}

void leit_golden_close(leit_golden *golden)
{
    leit_container_close(golden->container);
    leit_free((void *)(uintptr_t)golden->params);
    *golden = (leit_golden){0};
}

bool leit_golden_read(const leit_golden *golden, const char *name, const char *suffix,
                      leit_dtype dtype, int64_t count, void *values)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s%s", golden->group, name, suffix);
    if (!leit_container_has(golden->container, path)) return false;
    const int64_t shape[1] = {count}; /* the oracle writes every buffer flat */
    must(leit_container_read(golden->container, path, dtype, 1, shape, values,
                             (size_t)count * leit_dtype_bytes(dtype)),
         path);
    return true;
}
