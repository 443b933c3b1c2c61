/* The command line: one verb, one file. Only this room prints and exits, and it sees nothing but
 * the public headers. stdout is data, stderr is talk. */
#ifndef LEIT_CLI_CLI_H
#define LEIT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "leitmotif/status.h"

/* The words behind the verb, sorted into options, overrides and the rest. */
typedef struct cli_words {
    const char *verb, *part; /* part: of a verb that has some, else NULL */
    bool json, quiet, verbose, help;
    const char *output; /* -o FILE, NULL without one */
    int n_values;       /* of options that take one, in pairs below */
    const char *names[16], *values[16];
    int n_plain; /* paths and names behind the verb and its part, in order */
    const char *const *plain;
    int n_overrides; /* key=value */
    const char *const *overrides;
} cli_words;

/* A verb, or a part of one: `corpus` has the parts build, stats and check. */
typedef struct cli_verb {
    const char *name;
    const char *arguments; /* "RECIPE [key=value ...]" */
    const char *summary;
    const char *options;  /* of options that take a value: "split seeds threads"; NULL: none */
    bool takes_overrides; /* otherwise a word key=value is a plain one */
    leit_status (*run)(const cli_words *words);
    const struct cli_verb *parts; /* up to one without a name; a verb with parts has no run */
} cli_verb;

extern const cli_verb cli_recipe, cli_corpus, cli_plan, cli_train, cli_evaluate, cli_compare,
    cli_index, cli_match, cli_checkpoint, cli_doctor, cli_version;

/* The value of an option, `otherwise` when it was not given. */
const char *cli_option(const cli_words *words, const char *name, const char *otherwise);
/* The same as a whole number in [low, high]; a bad one is reported and LEIT_USAGE. */
leit_status cli_option_int(const cli_words *words, const char *name, long otherwise, long low,
                           long high, long *value);

/* Says what is wrong with the words, on stderr, and returns LEIT_USAGE. */
leit_status cli_usage(const cli_words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints the recorded sentence of a failed call on stderr and returns its status. */
leit_status cli_report(leit_status status);

/* Prints data on stdout; LEIT_DATA when it is closed or full, which main() then says. */
leit_status cli_print(const char *text);

/* Prints a text, or the first bytes of one, as a JSON string with its quotes. */
void cli_print_json_string(const char *text);
void cli_print_json_bytes(const char *text, size_t n_bytes);
/* "name": "value" */
void cli_print_json_pair(const char *name, const char *value);

/* "whole", for people or programs: the verdict on a file that was verified. */
leit_status cli_print_whole(const cli_words *words, const char *path);

#endif
