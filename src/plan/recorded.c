#include "plan/recorded.h"

static leit_status record(leit_recorded *recorded, const leit_recorder *recorder,
                          leit_status (*work)(void *context), void *context)
{
    LEIT_TRY(recorder->begin(NULL));
    leit_status status = work(context);
    const leit_status end = recorder->end(NULL, &recorded->recording);
    if (status == LEIT_OK) status = end;
    if (status != LEIT_OK && recorded->recording != NULL) {
        recorder->free(recorded->recording);
        recorded->recording = NULL;
    }
    return status;
}

leit_status leit_recorded_run(leit_recorded *recorded, const leit_backend *backend,
                              leit_status (*work)(void *context), void *context)
{
    if (backend->recorder == NULL || !recorded->has_run) {
        recorded->has_run = true;
        return work(context);
    }
    if (recorded->recording == NULL) LEIT_TRY(record(recorded, backend->recorder, work, context));
    return backend->recorder->launch(recorded->recording, NULL);
}

int64_t leit_recorded_nodes(const leit_recorded *recorded, const leit_backend *backend)
{
    return recorded->recording == NULL ? 0 : backend->recorder->n_nodes(recorded->recording);
}

void leit_recorded_clear(leit_recorded *recorded, const leit_backend *backend)
{
    if (recorded->recording != NULL) backend->recorder->free(recorded->recording);
    *recorded = (leit_recorded){0};
}
