/* A matcher in a checkpoint. Parameters stand under their own names; beside them the resolved
 * recipe, the mood names, where the moods lie ("text.places", "music.places"; absent before the
 * first validation) and the WordPiece vocabulary, so that a checkpoint can be asked for music
 * without any corpus. */
#ifndef LEIT_STRATEGY_MATCHER_FILE_H
#define LEIT_STRATEGY_MATCHER_FILE_H

#include "checkpoint/checkpoint.h"
#include "strategy/matcher.h"

/* Adds recipe, names, vocabulary (NUL-terminated, "" for tagging), places and all parameters. */
leit_status leit_matcher_save(const leit_matcher *matcher, const char *vocabulary,
                              leit_checkpoint_writer *writer);

/* Reads the parameters, and the places, whose name starts with one of the prefixes
 * (NULL-terminated).
 * LEIT_CHECKPOINT, naming the first one, when any is missing or of another shape. *n_read may be
 * NULL. */
leit_status leit_matcher_read(leit_matcher *matcher, const leit_checkpoint *checkpoint,
                              const char *const *prefixes, int *n_read);

/* LEIT_DATA, naming the first difference, unless a dataset has the labels, the vocabulary and the
 * width of word vectors that the matcher of a checkpoint was trained with. */
leit_status leit_matcher_check_data(const leit_checkpoint *checkpoint, const leit_dataset *data);

/* XXH3-64 over strategy, names and all parameters of the matcher in a checkpoint, taken when it was
 * saved. */
leit_status leit_matcher_fingerprint(const leit_checkpoint *checkpoint, uint64_t *fingerprint);

/* The recipe that made a checkpoint, with overrides. */
leit_status leit_matcher_recipe(const leit_checkpoint *checkpoint, const char *const overrides[],
                                size_t n_overrides, leit_recipe **recipe);

/* A trained matcher ready for inference, with a tower for each modality it has. */
typedef struct leit_loaded_matcher {
    leit_checkpoint *checkpoint; /* the parameters lie in its file */
    leit_recipe *recipe;
    leit_matcher *matcher;
    leit_tower text, music; /* plan is NULL where the strategy has no such tower */
    char *vocabulary;
    uint64_t fingerprint; /* leit_matcher_fingerprint */
} leit_loaded_matcher;

enum leit_towers { LEIT_TOWER_TEXT = 1, LEIT_TOWER_MUSIC = 2, LEIT_TOWERS = 3 };

/* `path` is a checkpoint or a run folder. */
leit_status leit_matcher_open(const char *path, const leit_backend *backend, leit_threads *threads,
                              const char *const overrides[], size_t n_overrides,
                              leit_loaded_matcher *loaded);
/* With its own recipe and only the towers of a mask of leit_towers: what they do not need is not
 * read. */
leit_status leit_matcher_open_towers(const char *path, const leit_backend *backend,
                                     leit_threads *threads, int towers,
                                     leit_loaded_matcher *loaded);
void leit_matcher_close(leit_loaded_matcher *loaded);

#endif
