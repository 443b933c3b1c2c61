#include "support/numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"

void leit_numbers_open(const char *path, leit_numbers *numbers)
{
    *numbers = (leit_numbers){0};
    assert_ok(leit_file_read(leit_test_source(path), 1 << 20, &numbers->text));
}

void leit_numbers_close(leit_numbers *numbers)
{
    leit_buffer_clear(&numbers->text);
    leit_arena_clear(&numbers->arena);
}

const double *leit_numbers_f64(leit_numbers *numbers, const char *name, size_t *count)
{
    const char *text = leit_buffer_text(&numbers->text), *line = text;
    size_t length = strlen(name);
    while (line != NULL && !(strncmp(line, name, length) == 0 && line[length] == ' ')) {
        line = strchr(line, '\n');
        if (line != NULL) line++;
    }
    if (line == NULL) fail_msg("the golden has no entry '%s'", name);
    char *end = NULL;
    size_t n = strtoul(line + length, &end, 10);
    double *values = leit_arena_allocate(&numbers->arena, (n + 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++) {
        const char *start = end;
        values[i] = strtod(start, &end);
        if (start == end) fail_msg("entry '%s' ends after %zu of %zu numbers", name, i, n);
    }
    if (n > 0 && *end != '\n') fail_msg("entry '%s' has more than %zu numbers", name, n);
    if (count != NULL) *count = n;
    return values;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): a type wears none */
#define DEFINE_READER(function, type)                                                              \
    const type *function(leit_numbers *numbers, const char *name, size_t *count)                   \
    {                                                                                              \
        size_t n;                                                                                  \
        const double *wide = leit_numbers_f64(numbers, name, &n);                                  \
        type *values = leit_arena_allocate(&numbers->arena, (n + 1) * sizeof *values);             \
        assert_non_null(values);                                                                   \
        for (size_t i = 0; i < n; i++) values[i] = (type)wide[i];                                  \
        if (count != NULL) *count = n;                                                             \
        return values;                                                                             \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

DEFINE_READER(leit_numbers_f32, float)
DEFINE_READER(leit_numbers_i32, int32_t)
DEFINE_READER(leit_numbers_u8, uint8_t)

const char *leit_numbers_name(const char *format, ...)
{
    static char names[8][128];
    static int next;
    char *name = names[next++ % 8];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof names[0], format, arguments);
    va_end(arguments);
    return name;
}

void leit_numbers_compare(const char *name, const double *actual, const double *expected,
                          size_t count, double tolerance)
{
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        if (!(fabs(actual[i] - expected[i]) <= tolerance * fmax(1.0, fabs(expected[i]))))
            fail_msg("%s[%zu] is %.17g, expected %.17g", name, i, actual[i], expected[i]);
}
