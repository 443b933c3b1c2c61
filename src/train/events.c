#include "train/events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/file.h"
#include "core/memory.h"

/* A TFRecord is length (u64), masked CRC-32C of the length (u32), the bytes, masked CRC-32C of the
 * bytes, all little-endian. The bytes are a protocol buffer:
 *   Event   { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
 *   Summary { repeated Value value = 1; }   Value { string tag = 1; float simple_value = 2; } */

struct leit_events {
    FILE *file;
    leit_arena arena;
    const char *path;
    int64_t bytes_before; /* of the event files before this one */
};

static const char SUFFIX[] = ".leitmotif";

static uint32_t crc32c(const unsigned char *bytes, size_t n)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0u);
    }
    return ~crc;
}

static uint32_t masked_crc(const void *bytes, size_t n)
{
    uint32_t crc = crc32c(bytes, n);
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

/* ---- protocol buffer fields; a message here is small, so bytes go into a fixed array ---- */

typedef struct message {
    unsigned char bytes[256];
    size_t size;
} message;

static void put_bytes(message *m, const void *bytes, size_t n)
{
    if (m->size + n > sizeof m->bytes) return;
    memcpy(m->bytes + m->size, bytes, n);
    m->size += n;
}

static void put_varint(message *m, uint64_t value)
{
    do {
        unsigned char byte = (unsigned char)(value & 0x7F) | (value > 0x7F ? 0x80 : 0);
        put_bytes(m, &byte, 1);
        value >>= 7;
    } while (value != 0);
}

static void put_field(message *m, int field, int wire_type)
{
    put_varint(m, (uint64_t)(field << 3 | wire_type));
}

static void put_block(message *m, int field, const void *bytes, size_t n)
{
    put_field(m, field, 2);
    put_varint(m, n);
    put_bytes(m, bytes, n);
}

static void put_wall_time(message *m)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const double seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    put_field(m, 1, 1);
    put_bytes(m, &seconds, sizeof seconds);
}

static leit_status put_record(leit_events *events, const message *m)
{
    const uint64_t length = m->size;
    const uint32_t length_crc = masked_crc(&length, sizeof length);
    const uint32_t bytes_crc = masked_crc(m->bytes, m->size);
    const size_t written = fwrite(&length, sizeof length, 1, events->file) +
                           fwrite(&length_crc, sizeof length_crc, 1, events->file) +
                           fwrite(m->bytes, m->size, 1, events->file) +
                           fwrite(&bytes_crc, sizeof bytes_crc, 1, events->file);
    LEIT_FAIL_IF(written != 4, LEIT_DATA, "cannot write %s: %s", events->path,
                 leit_error_reason(errno));
    return LEIT_OK;
}

static bool is_event_file(const char *name)
{
    const size_t length = strlen(name), suffix = sizeof SUFFIX - 1;
    return strncmp(name, "events.out.tfevents.", 20) == 0 && length > suffix &&
           strcmp(name + length - suffix, SUFFIX) == 0;
}

/* Keeps the first *left bytes of a file, a file of none not at all; *left becomes what the files
 * behind it may keep. A viewer that has the file open goes on in the next one: its names sort. */
static leit_status cut_file(const char *path, int64_t *left)
{
    int64_t n_bytes = 0;
    LEIT_TRY(leit_file_size(path, &n_bytes));
    const int64_t kept = n_bytes < *left ? n_bytes : *left;
    *left -= kept;
    if (kept == 0) return leit_file_remove(path);
    LEIT_FAIL_IF(kept < n_bytes && truncate(path, (off_t)kept) != 0, LEIT_DATA, "cannot cut %s: %s",
                 path, leit_error_reason(errno));
    return LEIT_OK;
}

/* Cuts what lies in the directory back to keep_bytes; *n_kept is how many there were. */
static leit_status cut_back(const char *directory, int64_t keep_bytes, int64_t *n_kept)
{
    leit_file_list list = {0};
    leit_arena arena = {0};
    int64_t left = keep_bytes;
    leit_status status = leit_file_list_tree(directory, &list);
    for (size_t i = 0; status == LEIT_OK && i < list.count; i++) {
        if (!is_event_file(list.paths[i])) continue;
        const char *path = leit_path_join(&arena, directory, list.paths[i]);
        status = path == NULL ? LEIT_INTERNAL : cut_file(path, &left);
    }
    *n_kept = keep_bytes - left;
    leit_arena_clear(&arena);
    leit_file_list_clear(&list);
    return status;
}

static leit_status start_file(leit_events *events, const char *directory)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    events->path = leit_arena_printf(&events->arena, "%s/events.out.tfevents.%lld.%09ld%s",
                                     directory, (long long)now.tv_sec, now.tv_nsec, SUFFIX);
    if (events->path == NULL) return LEIT_INTERNAL;
    events->file = fopen(events->path, "w");
    LEIT_FAIL_IF(events->file == NULL, LEIT_DATA, "cannot write into %s: %s", directory,
                 leit_error_reason(errno));
    message first = {0};
    put_wall_time(&first);
    put_block(&first, 3, "brain.Event:2", strlen("brain.Event:2"));
    return put_record(events, &first);
}

leit_status leit_events_open(const char *directory, int64_t keep_bytes, leit_events **result)
{
    LEIT_TRY(leit_file_make_directory(directory));
    leit_events *events = NULL;
    LEIT_TRY(LEIT_ALLOC(events, 1));
    leit_status status = cut_back(directory, keep_bytes, &events->bytes_before);
    if (status == LEIT_OK) status = start_file(events, directory);
    if (status != LEIT_OK) {
        leit_events_close(events);
        return status;
    }
    *result = events;
    return LEIT_OK;
}

void leit_events_close(leit_events *events)
{
    if (events == NULL) return;
    if (events->file != NULL) fclose(events->file);
    leit_arena_clear(&events->arena);
    leit_free(events);
}

leit_status leit_events_scalar(leit_events *events, const char *tag, int64_t step, double value)
{
    message scalar = {0}, summary = {0}, event = {0};
    const float simple_value = (float)value;
    put_block(&scalar, 1, tag, strlen(tag));
    put_field(&scalar, 2, 5);
    put_bytes(&scalar, &simple_value, sizeof simple_value);
    put_block(&summary, 1, scalar.bytes, scalar.size);
    put_wall_time(&event);
    put_field(&event, 2, 0);
    put_varint(&event, (uint64_t)step);
    put_block(&event, 5, summary.bytes, summary.size);
    return put_record(events, &event);
}

leit_status leit_events_flush(leit_events *events, int64_t *n_bytes)
{
    LEIT_FAIL_IF(fflush(events->file) != 0 || fsync(fileno(events->file)) != 0, LEIT_DATA,
                 "cannot write %s: %s", events->path, leit_error_reason(errno));
    *n_bytes = events->bytes_before + ftell(events->file);
    return LEIT_OK;
}
