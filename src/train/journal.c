#include "train/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/number.h"
#include "train/events.h"

struct leit_journal {
    leit_arena arena;
    const char *path;
    FILE *metrics;
    leit_events *events;
};

leit_status leit_journal_open(const char *directory, leit_journal_place place,
                              leit_journal **result)
{
    leit_journal *journal = NULL;
    LEIT_TRY(LEIT_ALLOC(journal, 1));
    leit_status status = LEIT_OK;
    journal->path = leit_path_join(&journal->arena, directory, "metrics.jsonl");
    char *events = leit_path_join(&journal->arena, directory, "events");
    if (journal->path == NULL || events == NULL) status = LEIT_INTERNAL;
    if (status == LEIT_OK) {
        journal->metrics = fopen(journal->path, place.metrics_bytes > 0 ? "r+" : "w");
        if (journal->metrics == NULL ||
            ftruncate(fileno(journal->metrics), (off_t)place.metrics_bytes) != 0 ||
            fseek(journal->metrics, 0, SEEK_END) != 0)
            status = leit_fail(LEIT_DATA, __func__, "cannot write %s: %s", journal->path,
                               leit_error_reason(errno));
    }
    if (status == LEIT_OK) status = leit_events_open(events, place.events_bytes, &journal->events);
    if (status != LEIT_OK) {
        leit_journal_close(journal);
        return status;
    }
    *result = journal;
    return LEIT_OK;
}

void leit_journal_close(leit_journal *journal)
{
    if (journal == NULL) return;
    if (journal->metrics != NULL) fclose(journal->metrics);
    leit_events_close(journal->events);
    leit_arena_clear(&journal->arena);
    leit_free(journal);
}

static leit_status put_line(leit_journal *journal, const char *line)
{
    LEIT_FAIL_IF(fputs(line, journal->metrics) < 0, LEIT_DATA, "cannot write %s: %s", journal->path,
                 leit_error_reason(errno));
    return LEIT_OK;
}

leit_status leit_journal_step(leit_journal *journal, const char *phase, int64_t step, double loss,
                              double learning_rate, double gradient_norm)
{
    char line[256], tag[64];
    /* 9 digits give an fp32 loss back bit for bit. */
    leit_format(line, sizeof line,
                "{\"phase\": \"%s\", \"step\": %lld, \"loss\": %.9g, \"learning_rate\": %.9g, "
                "\"gradient_norm\": %.9g}\n",
                phase, (long long)step, loss, learning_rate, gradient_norm);
    LEIT_TRY(put_line(journal, line));
    snprintf(tag, sizeof tag, "%s/loss", phase);
    LEIT_TRY(leit_events_scalar(journal->events, tag, step, loss));
    snprintf(tag, sizeof tag, "%s/gradient_norm", phase);
    return leit_events_scalar(journal->events, tag, step, gradient_norm);
}

leit_status leit_journal_validation(leit_journal *journal, const char *phase, int64_t step,
                                    int64_t epoch, const char *monitor, double value, bool is_best)
{
    char line[256], tag[64];
    leit_format(line, sizeof line,
                "{\"phase\": \"%s\", \"step\": %lld, \"epoch\": %lld, \"monitor\": \"%s\", "
                "\"value\": %.9g, \"is_best\": %s}\n",
                phase, (long long)step, (long long)epoch, monitor, value,
                is_best ? "true" : "false");
    LEIT_TRY(put_line(journal, line));
    snprintf(tag, sizeof tag, "%s/%s", phase, monitor);
    return leit_events_scalar(journal->events, tag, step, value);
}

leit_status leit_journal_sync(leit_journal *journal, leit_journal_place *place)
{
    LEIT_FAIL_IF(fflush(journal->metrics) != 0 || fsync(fileno(journal->metrics)) != 0, LEIT_DATA,
                 "cannot write %s: %s", journal->path, leit_error_reason(errno));
    place->metrics_bytes = ftell(journal->metrics);
    return leit_events_flush(journal->events, &place->events_bytes);
}
