#include "core/number.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t plain;

static void make_plain(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* For this thread only; what was before is handed to uselocale. */
static locale_t use_plain(void)
{
    pthread_once(&once, make_plain);
    return uselocale(plain);
}

double leit_parse_f64(const char *text, char **end)
{
    const locale_t before = use_plain();
    const double value = strtod(text, end);
    uselocale(before);
    return value;
}

float leit_parse_f32(const char *text, char **end)
{
    const locale_t before = use_plain();
    const float value = strtof(text, end);
    uselocale(before);
    return value;
}

int leit_vformat(char *text, size_t text_bytes, const char *format, va_list arguments)
{
    const locale_t before = use_plain();
    const int length = vsnprintf(text, text_bytes, format, arguments);
    uselocale(before);
    return length;
}

int leit_format(char *text, size_t text_bytes, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = leit_vformat(text, text_bytes, format, arguments);
    va_end(arguments);
    return length;
}

void leit_format_shortest(double value, char text[32])
{
    for (int digits = 1; digits <= 17; digits++) {
        leit_format(text, 32, "%.*g", digits, value);
        if (leit_parse_f64(text, NULL) == value) return;
    }
}
