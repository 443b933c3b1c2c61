#include "recipe/recipe.h"

const char *leit_strategy_name(enum leit_strategy_id strategy)
{
    switch (strategy) {
#define STRATEGY_CASE(constant, word)                                                              \
    case LEIT_STRATEGY_##constant: return #word;
        LEIT_STRATEGY_LIST(STRATEGY_CASE)
#undef STRATEGY_CASE
    case LEIT_N_STRATEGIES: break;
    }
    return "unknown";
}
