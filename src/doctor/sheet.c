#include "doctor/sheet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"

leit_status leit_sheet_open(leit_sheet *sheet)
{
    *sheet = (leit_sheet){.root = json_object()};
    LEIT_FAIL_IF(sheet->root == NULL, LEIT_INTERNAL, "doctor: no memory for the report");
    return LEIT_OK;
}

void leit_sheet_close(leit_sheet *sheet)
{
    json_decref(sheet->root);
    *sheet = (leit_sheet){0};
}

/* json_object_set_new takes the reference, also when it fails. */
static void put(leit_sheet *sheet, json_t *object, const char *name, json_t *value)
{
    if (value == NULL || json_object_set_new(object, name, value) != 0)
        sheet->is_short_of_memory = true;
}

void leit_sheet_section(leit_sheet *sheet, const char *name)
{
    put(sheet, sheet->root, name, json_object());
    sheet->section = json_object_get(sheet->root, name);
}

void leit_sheet_number(leit_sheet *sheet, const char *name, int64_t value)
{
    put(sheet, sheet->section, name, json_integer(value));
}

void leit_sheet_yes(leit_sheet *sheet, const char *name, bool value)
{
    put(sheet, sheet->section, name, json_boolean(value));
}

void leit_sheet_text(leit_sheet *sheet, const char *name, const char *format, ...)
{
    char value[2048];
    va_list arguments;
    va_start(arguments, format);
    leit_vformat(value, sizeof value, format, arguments);
    va_end(arguments);
    put(sheet, sheet->section, name, json_string(value));
}

/* Memory in a unit for people; other numbers as they are. */
static leit_status print_number(leit_buffer *out, const char *name, json_int_t value)
{
    const size_t length = strlen(name);
    if (length > 6 && strcmp(name + length - 6, "_bytes") == 0)
        return leit_buffer_printf(out, "%.1f GiB", (double)value / 0x1p30);
    return leit_buffer_printf(out, "%lld", (long long)value);
}

static leit_status print_section(leit_buffer *out, const char *section, json_t *findings)
{
    const char *name;
    json_t *value;
    LEIT_TRY(leit_buffer_printf(out, "%s\n", section));
    json_object_foreach(findings, name, value)
    {
        const char *suffix = strstr(name, "_bytes"); /* the value has its unit */
        const int length = (int)(suffix == NULL ? strlen(name) : (size_t)(suffix - name));
        LEIT_TRY(leit_buffer_printf(out, "  %-15.*s ", length, name));
        if (json_is_string(value))
            LEIT_TRY(leit_buffer_puts(out, json_string_value(value)));
        else if (json_is_integer(value))
            LEIT_TRY(print_number(out, name, json_integer_value(value)));
        else
            LEIT_TRY(leit_buffer_puts(out, json_is_true(value) ? "yes" : "no"));
        LEIT_TRY(leit_buffer_puts(out, "\n"));
    }
    return LEIT_OK;
}

leit_status leit_sheet_print(const leit_sheet *sheet, bool as_json, char **text)
{
    leit_buffer out = {0};
    leit_status status = LEIT_OK;
    LEIT_FAIL_IF(sheet->is_short_of_memory, LEIT_INTERNAL, "doctor: no memory for the report");
    if (as_json) {
        char *dump = json_dumps(sheet->root, JSON_INDENT(2));
        LEIT_FAIL_IF(dump == NULL, LEIT_INTERNAL, "doctor: the report is no valid UTF-8");
        status = leit_buffer_printf(&out, "%s\n", dump);
        free(dump);
        LEIT_TRY_GOTO(status, done);
    } else {
        const char *section;
        json_t *findings;
        json_object_foreach(sheet->root, section, findings)
        {
            LEIT_TRY_GOTO(print_section(&out, section, findings), done);
        }
    }
    *text = leit_strdup(leit_buffer_text(&out));
    status = *text == NULL ? LEIT_INTERNAL : LEIT_OK;
done:
    leit_buffer_clear(&out);
    return status;
}
