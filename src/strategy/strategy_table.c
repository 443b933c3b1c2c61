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

const char *leit_rule_name(leit_match_rule rule)
{
    switch (rule) {
    case LEIT_RULE_SAME_MOOD: return "same_mood";
    case LEIT_RULE_MUSIC_MOOD: return "music_mood";
    case LEIT_RULE_EUCLIDEAN: return "euclidean";
    case LEIT_RULE_COSINE: return "cosine";
    case LEIT_RULE_NONE: break;
    }
    return "none";
}

bool leit_rule_has_moods(leit_match_rule rule)
{
    return rule == LEIT_RULE_SAME_MOOD || rule == LEIT_RULE_MUSIC_MOOD;
}

bool leit_rule_has_places(leit_match_rule rule)
{
    return rule == LEIT_RULE_EUCLIDEAN || rule == LEIT_RULE_COSINE;
}

const char *const *leit_phase_prefixes(const leit_phase *phase)
{
    static const char *const text[] = {"text.", NULL}, *const music[] = {"music.", NULL};
    static const char *const all[] = {"", NULL};
    if (phase->trains_text && phase->trains_music) return all;
    return phase->trains_text ? text : music;
}
