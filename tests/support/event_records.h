/* Event files read back byte by byte, with a CRC-32C of its own. tests/oracle/events.py reads them
 * with TensorBoard's package. */
#ifndef LEIT_TESTS_EVENT_RECORDS_H
#define LEIT_TESTS_EVENT_RECORDS_H

#include <stdint.h>

#include "core/buffer.h"

uint32_t leit_test_crc32c(const void *bytes, size_t n);

/* One record of a file, its sums checked; returns what lies behind it. */
const unsigned char *leit_test_event_record(const unsigned char *at, const unsigned char *end,
                                            const unsigned char **bytes, uint64_t *n);

/* Every scalar of the event files of a directory, in their order: "tag step value" a line, without
 * the wall times. Fails on a broken record. */
void leit_test_event_scalars(const char *directory, leit_buffer *lines);

#endif
