#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "leitmotif/log.h"
#include "leitmotif/train.h"

static const cli_verb *const verbs[] = {
    &cli_recipe, &cli_corpus, &cli_plan,       &cli_train,  &cli_evaluate, &cli_compare,
    &cli_index,  &cli_match,  &cli_checkpoint, &cli_doctor, &cli_version,
};
enum { N_VERBS = sizeof verbs / sizeof *verbs, MAX_WORDS = 4096 };

/* ---- talk ---- */

typedef struct talk {
    bool quiet, verbose, is_terminal, has_line;
    time_t shown; /* where stderr is no terminal: the last progress line, or the start */
} talk;

static void say_locked(talk *t, leit_log_level level, const char *message)
{
    if (t->quiet && level != LEIT_LOG_WARNING) return;
    if (level == LEIT_LOG_DEBUG && !t->verbose) return;
    if (level == LEIT_LOG_PROGRESS) {
        if (t->is_terminal) {
            fprintf(stderr, "\r\033[K%s", message);
            fflush(stderr);
            t->has_line = true;
            return;
        }
        const time_t now = time(NULL);
        if (now - t->shown < 30) return; /* a log file wants a line now and then */
        t->shown = now;
    }
    if (t->has_line) fputs("\r\033[K", stderr);
    t->has_line = false;
    fprintf(stderr, "%s%s\n", level == LEIT_LOG_WARNING ? "warning: " : "", message);
}

/* Any thread may talk. */
static void say(void *context, leit_log_level level, const char *message)
{
    flockfile(stderr);
    say_locked(context, level, message);
    funlockfile(stderr);
}

leit_status cli_report(leit_status status)
{
    if (status != LEIT_OK) fprintf(stderr, "leitmotif: %s\n", leit_error_message());
    return status;
}

static int print_errno; /* of the first print that failed */

leit_status cli_print(const char *text)
{
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0) return LEIT_OK;
    if (print_errno == 0) print_errno = errno;
    return LEIT_DATA;
}

/* What was printed must have arrived: a closed or full stdout is an error. */
static int finish(leit_status status)
{
    if (cli_print("") == LEIT_OK && ferror(stdout) == 0) return (int)status;
    fprintf(stderr,
            "leitmotif: cannot write to standard output: %s; make room or name another "
            "file\n",
            strerror(print_errno == 0 ? EIO : print_errno));
    return (int)(status == LEIT_OK ? LEIT_DATA : status);
}

void cli_print_json_bytes(const char *text, size_t n_bytes)
{
    const unsigned char *c = (const unsigned char *)text, *end = c + n_bytes;
    putchar('"');
    for (; c < end; c++) {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < 0x20)
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

void cli_print_json_string(const char *text)
{
    cli_print_json_bytes(text, strlen(text));
}

void cli_print_json_pair(const char *name, const char *value)
{
    cli_print_json_string(name);
    printf(": ");
    cli_print_json_string(value);
}

leit_status cli_print_whole(const cli_words *words, const char *path)
{
    if (!words->json) return cli_print("whole\n");
    putchar('{');
    cli_print_json_pair("path", path);
    return cli_print(", \"whole\": true}\n");
}

/* ---- words ---- */

const char *cli_option(const cli_words *words, const char *name, const char *otherwise)
{
    for (int i = 0; i < words->n_values; i++)
        if (strcmp(words->names[i], name) == 0) return words->values[i];
    return otherwise;
}

leit_status cli_option_int(const cli_words *words, const char *name, long otherwise, long low,
                           long high, long *value)
{
    const char *text = cli_option(words, name, NULL);
    *value = otherwise;
    if (text == NULL) return LEIT_OK;
    char *end = NULL;
    errno = 0;
    *value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *value < low || *value > high)
        return cli_usage(words, "--%s is '%s', expected a whole number from %ld to %ld", name, text,
                         low, high);
    return LEIT_OK;
}

leit_status cli_usage(const cli_words *words, const char *format, ...)
{
    const char *space = words->part ? " " : "", *part = words->part ? words->part : "";
    fprintf(stderr, "leitmotif %s%s%s: ", words->verb, space, part);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "; see leitmotif %s%s%s --help\n", words->verb, space, part);
    return LEIT_USAGE;
}

/* True when `name` is one of the space-separated names. */
static bool is_listed(const char *names, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = names; *at != '\0'; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strncmp(at, name, length) == 0 && (at[length] == ' ' || at[length] == '\0'))
            return true;
    }
    return false;
}

static leit_status take_option(const cli_verb *verb, cli_words *words, int argc, char **argv,
                               int *i)
{
    const char *word = argv[*i];
    if (strcmp(word, "--json") == 0)
        words->json = true;
    else if (strcmp(word, "-q") == 0 || strcmp(word, "--quiet") == 0)
        words->quiet = true;
    else if (strcmp(word, "-v") == 0 || strcmp(word, "--verbose") == 0)
        words->verbose = true;
    else if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
        words->help = true;
    else {
        const bool is_short = strcmp(word, "-o") == 0;
        const char *name = is_short ? "output" : word + 2;
        const bool is_known = verb->options != NULL && is_listed(verb->options, name);
        if ((!is_short && strncmp(word, "--", 2) != 0) || !is_known)
            return cli_usage(words, "there is no option '%s'", word);
        if (*i + 1 == argc) return cli_usage(words, "%s needs a value", word);
        if (words->n_values == 16) return cli_usage(words, "too many options");
        words->names[words->n_values] = name;
        words->values[words->n_values++] = argv[++*i];
        if (strcmp(name, "output") == 0) words->output = argv[*i];
    }
    return LEIT_OK;
}

/* An override is key=value with a key of letters, digits, dots and underscores. */
static bool is_override(const char *word)
{
    const size_t key =
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._");
    return key > 0 && word[key] == '=';
}

static leit_status sort_words(const cli_verb *verb, int argc, char **argv, const char **plain,
                              const char **overrides, cli_words *words)
{
    words->plain = plain;
    words->overrides = overrides;
    bool only_plain = false;
    for (int i = 0; i < argc; i++) {
        if (!only_plain && strcmp(argv[i], "--") == 0) {
            only_plain = true;
        } else if (!only_plain && argv[i][0] == '-' && argv[i][1] != '\0') {
            leit_status status = take_option(verb, words, argc, argv, &i);
            if (status != LEIT_OK) return status;
        } else if (!only_plain && verb->takes_overrides && is_override(argv[i])) {
            overrides[words->n_overrides++] = argv[i];
        } else {
            plain[words->n_plain++] = argv[i];
        }
    }
    return LEIT_OK;
}

/* ---- help ---- */

static void print_help(FILE *to)
{
    fputs("leitmotif: music matched to the emotion of a story\n\n"
          "usage: leitmotif VERB [words] [--json] [-q] [-v] [--help]\n\n",
          to);
    for (int i = 0; i < N_VERBS; i++)
        fprintf(to, "  %-11s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs("\nexit codes: 0 fine, 1 internal, 2 usage or recipe, 3 data, 4 checkpoint or index, "
          "5 device,\n            6 lost rank, 7 numerical, 75 saved, run me again\n",
          to);
}

static void print_usage(const cli_verb *verb, const cli_verb *part)
{
    const char *const name = verb->name;
    if (part != NULL) {
        printf("usage: leitmotif %s %s %s\n\n%s\n", name, part->name, part->arguments,
               part->summary);
    } else if (verb->parts == NULL) {
        printf("usage: leitmotif %s %s\n\n%s\n", name, verb->arguments, verb->summary);
    } else {
        const char *before = "usage:";
        for (const cli_verb *p = verb->parts; p->name != NULL; p++, before = "      ")
            printf("%s leitmotif %s %s %s\n", before, name, p->name, p->arguments);
        printf("\n%s\n", verb->summary);
    }
    puts("\nevery verb takes --json, -q (quiet), -v (verbose) and --help");
}

static const cli_verb *find_verb(const char *name)
{
    if (strcmp(name, "--version") == 0) name = "version";
    for (int i = 0; i < N_VERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0) return verbs[i];
    fprintf(stderr, "leitmotif: there is no verb '%s'; see leitmotif help\n", name);
    return NULL;
}

/* The part of a verb with parts, NULL after having said which there are. */
static const cli_verb *find_part(const cli_verb *verb, const char *name)
{
    for (const cli_verb *part = verb->parts; part->name != NULL; part++)
        if (strcmp(part->name, name) == 0) return part;
    fprintf(stderr, "leitmotif %s: expected", verb->name);
    for (const cli_verb *part = verb->parts; part->name != NULL; part++)
        fprintf(stderr, "%s %s", part == verb->parts ? "" : part[1].name ? "," : " or", part->name);
    fprintf(stderr, " behind it, got '%s'; see leitmotif %s --help\n", name, verb->name);
    return NULL;
}

static void stop(int signal_number)
{
    (void)signal_number;
    leit_request_stop();
}

static void catch_signals(void)
{
    const struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error like a full disk */
}

/* Runs the verb, or the part of it that the words begin with. */
static leit_status run(const cli_verb *verb, int argc, char **argv)
{
    static const char *plain[MAX_WORDS], *overrides[MAX_WORDS];
    cli_words words = {.verb = verb->name};
    const cli_verb *part = NULL;
    if (verb->parts != NULL) {
        const char *name = argc > 0 ? argv[0] : "";
        if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
            print_usage(verb, NULL);
            return LEIT_OK;
        }
        part = find_part(verb, name);
        if (part == NULL) return LEIT_USAGE;
        words.part = part->name;
        argc--, argv++;
    }
    const cli_verb *does = part ? part : verb;
    leit_status status = sort_words(does, argc, argv, plain, overrides, &words);
    if (status != LEIT_OK) return status;
    if (words.help) {
        print_usage(verb, part);
        return LEIT_OK;
    }
    talk t = {words.quiet, words.verbose, isatty(STDERR_FILENO) == 1, false, time(NULL)};
    leit_log_set_sink(say, &t);
    catch_signals();
    status = does->run(&words);
    if (t.has_line) fputs("\r\033[K", stderr);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        print_help(argc < 2 ? stderr : stdout);
        return finish(argc < 2 ? LEIT_USAGE : LEIT_OK);
    }
    if (argc > MAX_WORDS) {
        fprintf(stderr, "leitmotif: %d words, expected at most %d\n", argc, MAX_WORDS);
        return LEIT_USAGE;
    }
    const cli_verb *verb = find_verb(argv[1]);
    return finish(verb == NULL ? LEIT_USAGE : run(verb, argc - 2, argv + 2));
}
