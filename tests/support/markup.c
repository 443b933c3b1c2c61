#include "support/markup.h"

#include <stdbool.h>
#include <string.h>

#include "support/testing.h"

enum { MAX_DEPTH = 64, MAX_NAME = 32 };

/* The end of a tag; '>' inside a quoted attribute does not count. */
static const char *tag_end(const char *c)
{
    char quote = '\0';
    for (; *c != '\0' && (quote != '\0' || *c != '>'); c++) {
        if (quote == '\0' && *c == '<') fail_msg("'<' inside a tag: %.40s", c);
        if (quote == *c)
            quote = '\0';
        else if (quote == '\0' && (*c == '"' || *c == '\''))
            quote = *c;
    }
    if (*c == '\0') fail_msg("a tag never ends");
    return c;
}

void assert_well_formed(const char *html)
{
    static char open[MAX_DEPTH][MAX_NAME];
    int depth = 0;
    for (const char *c = strchr(html, '<'); c != NULL; c = strchr(c, '<')) {
        const char *end = tag_end(c + 1);
        const bool closes = c[1] == '/';
        const char *name = c + 1 + closes;
        size_t length = strcspn(name, " \n\t/>");
        assert_in_range(length, 1, MAX_NAME - 1);
        if (closes) {
            if (depth == 0 || strlen(open[depth - 1]) != length ||
                strncmp(open[depth - 1], name, length) != 0)
                fail_msg("'%s' is open, but '%.*s' closes", depth ? open[depth - 1] : "nothing",
                         (int)length, name);
            depth--;
        } else if (*name != '!' && strncmp(name, "meta", 4) != 0 && end[-1] != '/') {
            assert_true(depth < MAX_DEPTH);
            memcpy(open[depth], name, length);
            open[depth++][length] = '\0';
        }
        c = end;
    }
    if (depth != 0) fail_msg("'%s' never closes", open[depth - 1]);
}
