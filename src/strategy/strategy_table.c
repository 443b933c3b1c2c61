#include "strategy/strategy.h"

const leit_strategy *leit_strategy_find(enum leit_strategy_id id)
{
    static const leit_strategy *const table[] = {
#define STRATEGY_ENTRY(constant, word) [LEIT_STRATEGY_##constant] = &leit_##word,
        LEIT_STRATEGY_LIST(STRATEGY_ENTRY)
#undef STRATEGY_ENTRY
    };
    return table[id];
}
