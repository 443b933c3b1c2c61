/* Numbers under a locale that writes a comma, judged by the C library under the plain one. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/log.h"
#include "core/number.h"
#include "support/comma_locale.h"
#include "support/testing.h"

static void keep_line(void *context, leit_log_level level, const char *message)
{
    (void)level;
    snprintf(context, 32, "%s", message);
}

static void check_all(void)
{
    char text[32], *end = NULL;
    leit_arena arena = {0};
    leit_buffer buffer = {0};
    assert_true(leit_parse_f64("0.5", &end) == 0.5 && *end == '\0');
    assert_true(leit_parse_f32("-2.25e2;", &end) == -225 && *end == ';');
    assert_true(leit_parse_f64("0,5", &end) == 0 && *end == ',');
    assert_int_equal(leit_format(text, sizeof text, "%g %d", 0.5, 7), 5);
    assert_string_equal(text, "0.5 7");
    leit_format_shortest(0.1, text);
    assert_string_equal(text, "0.1");
    leit_format_shortest(1.0 / 3, text);
    assert_string_equal(text, "0.3333333333333333");
    assert_string_equal(leit_arena_printf(&arena, "%.2f", 0.5), "0.50");
    assert_ok(leit_buffer_printf(&buffer, "%.9g", 0.5));
    assert_string_equal(leit_buffer_text(&buffer), "0.5");
    assert_int_equal(leit_fail(LEIT_DATA, __func__, "got %g", 0.5), LEIT_DATA);
    assert_string_equal(leit_error_message(), "got 0.5");
    assert_int_equal(leit_fail_context(LEIT_DATA, "at %.1f s", 1.5), LEIT_DATA);
    assert_string_equal(leit_error_message(), "at 1.5 s: got 0.5");
    leit_buffer_clear(&buffer);
    leit_arena_clear(&arena);
}

static void plainly(void **state)
{
    (void)state;
    check_all();
}

static void under_a_comma(void **state)
{
    (void)state;
    if (!leit_test_comma_locale(true)) skip();
    char text[32], line[32] = "";
    check_all();
    leit_log_set_sink(keep_line, line);
    leit_log(LEIT_LOG_INFO, "%g", 0.5);
    leit_log_set_sink(NULL, NULL);
    assert_string_equal(line, "0.5");
    snprintf(text, sizeof text, "%g", 0.5); /* the program's own numbers stay as it wants them */
    leit_test_comma_locale(false);
    assert_string_equal(text, "0,5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plainly),
        cmocka_unit_test(under_a_comma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
