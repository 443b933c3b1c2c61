/* Numbers in text, the same under every locale: a host program that has called setlocale may read
 * and write 0,5 where files and recipes say 0.5. Nobody here calls strtod or printf with a number
 * that has a fraction. */
#ifndef LEIT_CORE_NUMBER_H
#define LEIT_CORE_NUMBER_H

#include <stdarg.h>
#include <stddef.h>

/* As strtod and strtof. */
double leit_parse_f64(const char *text, char **end);
float leit_parse_f32(const char *text, char **end);

/* As snprintf and vsnprintf. */
int leit_format(char *text, size_t text_bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int leit_vformat(char *text, size_t text_bytes, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* The shortest decimal that reads back as the same number. */
void leit_format_shortest(double value, char text[32]);

#endif
