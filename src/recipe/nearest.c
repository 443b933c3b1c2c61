/* The word somebody meant: the smallest number of insertions, deletions, changes and swaps of
 * neighbours (optimal string alignment), case aside. */
#include <ctype.h>
#include <string.h>

#include "recipe/schema.h"

enum { LONGEST = 64, FAR = 1000 };

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int rows[3][LONGEST + 1];
    if (a_length > LONGEST || b_length > LONGEST) return FAR;
    for (size_t j = 0; j <= b_length; j++) rows[0][j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int *now = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            now[j] = smaller(smaller(above[j], now[j - 1]) + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]))
                now[j] = smaller(now[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

static size_t last_part(const char *path, size_t length)
{
    size_t at = length;
    while (at > 0 && path[at - 1] != '.') at--;
    return at;
}

/* By the whole path, or by the last part in another section, which costs one more. */
static int key_distance(const char *path, size_t length, const char *candidate)
{
    size_t part = last_part(path, length), its_length = strlen(candidate);
    size_t its_part = last_part(candidate, its_length);
    return smaller(
        distance(path, length, candidate, its_length),
        1 + distance(path + part, length - part, candidate + its_part, its_length - its_part));
}

const char *leit_recipe_nearest(const char *path, size_t length)
{
    const char *nearest = NULL;
    int best = (int)(length - last_part(path, length)) / 3;
    if (best < 1) best = 1;
    best++;
    for (size_t i = 0; i < leit_recipe_n_keys + leit_recipe_n_sections; i++) {
        const char *candidate = i < leit_recipe_n_keys
                                    ? leit_recipe_keys[i].path
                                    : leit_recipe_sections[i - leit_recipe_n_keys].path;
        int score = key_distance(path, length, candidate);
        if (score < best) {
            best = score;
            nearest = candidate;
        }
    }
    return nearest;
}

const char *leit_nearest_word(const char *word, const char *const *words)
{
    size_t length = strlen(word);
    const char *nearest = NULL;
    int best = 2 + (int)(smaller((int)(length > LONGEST ? LONGEST : length), LONGEST) / 3);
    for (size_t i = 0; words[i]; i++) {
        int score = distance(word, length, words[i], strlen(words[i]));
        if (score < best && score < (int)strlen(words[i])) {
            best = score;
            nearest = words[i];
        }
    }
    return nearest;
}
