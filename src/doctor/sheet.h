/* The doctor's sheet: sections of named findings, kept as a JSON tree and printed either way. */
#ifndef LEIT_DOCTOR_SHEET_H
#define LEIT_DOCTOR_SHEET_H

#include <jansson.h>
#include <stdbool.h>

#include "core/buffer.h"

typedef struct leit_sheet {
    json_t *root, *section;
    bool is_short_of_memory;
} leit_sheet;

leit_status leit_sheet_open(leit_sheet *sheet);
void leit_sheet_close(leit_sheet *sheet);

/* The findings that follow belong to this section. */
void leit_sheet_section(leit_sheet *sheet, const char *name);

/* A number, a yes or no, a text. */
void leit_sheet_number(leit_sheet *sheet, const char *name, int64_t value);
void leit_sheet_yes(leit_sheet *sheet, const char *name, bool value);
void leit_sheet_text(leit_sheet *sheet, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One line per finding, the names in a column; or the JSON object. */
leit_status leit_sheet_print(const leit_sheet *sheet, bool as_json, char **text);

#endif
