/* A self-contained HTML page: one inline style for light and dark, nothing loaded from elsewhere.
 * Tables, charts and reports write their parts between begin and end. */
#ifndef LEIT_COMPARE_PAGE_H
#define LEIT_COMPARE_PAGE_H

#include "core/buffer.h"

/* Up to <main>, with the title as <h1>; `subtitle` may be NULL. */
leit_status leit_page_begin(const char *title, const char *subtitle, leit_buffer *html);
leit_status leit_page_end(leit_buffer *html);

/* Appends text so that it is only text, in an element or in a quoted attribute. Control characters
 * other than tab and newline become U+FFFD. */
leit_status leit_page_text(leit_buffer *html, const char *text);

/* before + escaped text + after */
leit_status leit_page_wrap(leit_buffer *html, const char *before, const char *text,
                           const char *after);

#endif
