#include "checkpoint/checkpoint.h"
#include "core/buffer.h"
#include "core/memory.h"
#include "leitmotif/checkpoint.h"

static leit_status print_tensor(const leit_tensor *tensor, int as_json, bool is_last,
                                leit_buffer *text)
{
    char shape[128];
    leit_shape_text(tensor->rank, tensor->shape, shape, sizeof shape);
    if (!as_json)
        return leit_buffer_printf(text, "%-60s %-5s %s\n", tensor->name,
                                  leit_dtype_text(tensor->dtype), shape);
    LEIT_TRY(leit_buffer_printf(text, "  {\"name\": \"%s\", \"dtype\": \"%s\", \"shape\": [",
                                tensor->name, leit_dtype_text(tensor->dtype)));
    for (int axis = 0; axis < tensor->rank; axis++)
        LEIT_TRY(leit_buffer_printf(text, axis == 0 ? "%lld" : ", %lld",
                                    (long long)tensor->shape[axis]));
    return leit_buffer_puts(text, is_last ? "]}\n" : "]},\n");
}

leit_status leit_checkpoint_describe(const char *path, int as_json, char **text)
{
    leit_checkpoint *checkpoint = NULL;
    LEIT_TRY(leit_checkpoint_open(path, &checkpoint));
    leit_arena arena = {0};
    leit_tensor *tensors = NULL;
    int64_t n = 0;
    leit_buffer buffer = {0};
    leit_status status = leit_checkpoint_list(checkpoint, &arena, &tensors, &n);
    if (status == LEIT_OK && as_json) status = leit_buffer_puts(&buffer, "[\n");
    for (int64_t i = 0; status == LEIT_OK && i < n; i++)
        status = print_tensor(&tensors[i], as_json, i + 1 == n, &buffer);
    if (status == LEIT_OK) status = leit_buffer_puts(&buffer, as_json ? "]\n" : "");
    leit_checkpoint_close(checkpoint);
    leit_arena_clear(&arena);
    if (status == LEIT_OK)
        *text = buffer.data;
    else
        leit_buffer_clear(&buffer);
    return status;
}

void leit_checkpoint_text_free(char *text)
{
    leit_free(text);
}
