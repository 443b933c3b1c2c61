#include "core/stop.h"

#include <stdatomic.h>

static atomic_bool stop_wanted;

void leit_stop_set(bool wanted)
{
    atomic_store_explicit(&stop_wanted, wanted, memory_order_relaxed);
}

bool leit_stop_wanted(void)
{
    return atomic_load_explicit(&stop_wanted, memory_order_relaxed);
}

leit_status leit_stop_check(void)
{
    LEIT_FAIL_IF(leit_stop_wanted(), LEIT_AGAIN, "asked to stop; run the same command again");
    return LEIT_OK;
}
