#include "doctor/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/prefix.h"
#include "core/threads.h"

#if defined(__x86_64__)
#include <cpuid.h>

enum { LEAF_1_ECX, LEAF_7_EBX, LEAF_EXTENDED_ECX, N_WORDS };

static const struct feature {
    const char *name;
    int word, bit;
    bool is_v3; /* of x86-64-v3, the processors since Haswell and Zen */
} features[] = {
    {"avx", LEAF_1_ECX, 28, true},      {"avx2", LEAF_7_EBX, 5, true},
    {"fma", LEAF_1_ECX, 12, true},      {"f16c", LEAF_1_ECX, 29, true},
    {"bmi1", LEAF_7_EBX, 3, true},      {"bmi2", LEAF_7_EBX, 8, true},
    {"movbe", LEAF_1_ECX, 22, true},    {"lzcnt", LEAF_EXTENDED_ECX, 5, true},
    {"avx512f", LEAF_7_EBX, 16, false}, {"avx512bw", LEAF_7_EBX, 30, false},
};
enum { N_FEATURES = sizeof features / sizeof *features };

static void look_at_features(leit_machine *machine)
{
    unsigned a, b, c, d, words[N_WORDS] = {0};
    if (__get_cpuid(1, &a, &b, &c, &d)) words[LEAF_1_ECX] = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) words[LEAF_7_EBX] = b;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) words[LEAF_EXTENDED_ECX] = c;
    /* The processor may have registers that the system does not save; the compiler's test asks
     * for both. */
    bool is_v3 = __builtin_cpu_supports("avx2");
    for (int i = 0; i < N_FEATURES; i++) {
        const bool has = (words[features[i].word] >> features[i].bit & 1) != 0;
        if (!has && features[i].is_v3) is_v3 = false;
        const size_t used = strlen(machine->features);
        if (has)
            snprintf(machine->features + used, sizeof machine->features - used, "%s%s",
                     used > 0 ? " " : "", features[i].name);
    }
    /* What the kernels were compiled for is the build's choice; another word than these two was
     * chosen for this very machine. */
    const bool wants_v3 = strcmp(LEIT_KERNELS_CPU, "x86-64-v3") == 0;
    machine->runs_kernels = wants_v3 ? is_v3 : true;
}
#else
static void look_at_features(leit_machine *machine)
{
    machine->runs_kernels = true;
}
#endif

/* The value of "name : value" or "name: value" in one of /proc's tables, "" without one. */
static void look_up(const char *path, const char *name, char *value, size_t size_bytes)
{
    value[0] = '\0';
    FILE *file = fopen(path, "r");
    if (file == NULL) return;
    char line[512];
    while (value[0] == '\0' && fgets(line, sizeof line, file) != NULL) {
        if (!leit_starts_with(line, name)) continue;
        const char *colon = strchr(line, ':');
        if (colon == NULL) continue;
        colon++;
        colon += strspn(colon, " \t");
        snprintf(value, size_bytes, "%.*s", (int)strcspn(colon, "\n"), colon);
    }
    fclose(file);
}

static int64_t kibibytes(const char *name)
{
    char value[64];
    look_up("/proc/meminfo", name, value, sizeof value);
    return strtoll(value, NULL, 10) * 1024;
}

void leit_machine_look(leit_machine *machine)
{
    *machine = (leit_machine){.n_processors = 1};
    look_up("/proc/cpuinfo", "model name", machine->processor, sizeof machine->processor);
    if (machine->processor[0] == '\0')
        snprintf(machine->processor, sizeof machine->processor, "unknown");
    snprintf(machine->kernels_want, sizeof machine->kernels_want, "%s", LEIT_KERNELS_CPU);
    look_at_features(machine);
    leit_threads *threads = NULL;
    if (leit_threads_create(0, &threads) == LEIT_OK)
        machine->n_processors = leit_threads_count(threads);
    leit_threads_free(threads);
    machine->memory_bytes = kibibytes("MemTotal");
    machine->available_bytes = kibibytes("MemAvailable");
}
