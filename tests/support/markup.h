/* A small judge of HTML and SVG: every element that opens closes again, in order. */
#ifndef LEIT_TESTS_MARKUP_H
#define LEIT_TESTS_MARKUP_H

void assert_well_formed(const char *html);

#endif
