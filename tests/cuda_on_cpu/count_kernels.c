/* What the CUDA kernels move, counted without a GPU (counters.h), as tables in Markdown.
 *
 *     count_kernels [OP...]
 *
 * Each op runs once, forward and backward, on one small share of a training step's sizes: the plain
 * kernel, and the fast one in fp32 and, where it multiplies, in bf16. Floor: what the definition of the op
 * has to read and write (leit_case_work), each array once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "cuda_on_cpu/emulator.h"
#include "kernels/harness.h"
#include "support/chosen_backend.h"

#define LEIT_OP(name) extern const leit_op_cases leit_cases_##name;
#define LEIT_OP_FORWARD(name) LEIT_OP(name)
#include "kernels/ops_cuda.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD

static const leit_op_cases *const all_cases[] = {
#define LEIT_OP(name) &leit_cases_##name,
#define LEIT_OP_FORWARD(name) LEIT_OP(name)
#include "kernels/ops_cuda.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
};
enum { N_CUDA_OPS = sizeof all_cases / sizeof *all_cases };

/* Shares of the sizes of bench/kernels.c: fewer rows and clips, the widths of the paper. */
static const char *const sizes[][2] = {
    {"linear", "N=128 D=384 K=384"},
    {"linear", "N=64 D=384 K=768 gelu=1"},
    {"attention", "B=1 T=32 H=12 D=384 lengths=32 dropout=0.1"},
    {"layernorm", "N=256 D=768 residual=1"},
    {"embedding", "N=256 D=384 V=2000 P=512"},
    {"gather_rows", "N=32 M=256 D=384"},
    {"concat_rows", "Na=32 Nb=32 D=64"},
    {"gelu", "N=128 D=1536"},
    {"relu", "N=128 D=1536"},
    {"sigmoid", "N=128 D=1536"},
    {"dropout", "N=256 D=384 p=0.1"},
    {"add", "N=256 D=384"},
    {"l2_normalize", "N=64 E=64"},
    {"mel_spectrogram", "B=1 S=20000"},
    {"conv2d", "N=1 H=32 W=78 C=1 K=64 dx=0 moments=1"},
    {"conv2d", "N=1 H=8 W=19 C=64 K=64 moments=1"},
    {"batchnorm2d", "N=2 H=32 W=78 C=64 relu=1"},
    {"batchnorm2d", "N=2 H=32 W=78 C=64 relu=1 own_moments=1"},
    {"batch_moments", "N=2 H=32 W=78 C=64"},
    {"maxpool2d", "N=2 H=32 W=78 C=64"},
    {"global_max_pool", "N=8 H=2 W=3 C=256"},
    {"batchnorm1d", "N=32 C=256"},
    {"softmax_cross_entropy", "N=32 K=7"},
    {"focal_loss", "N=32 K=7 gamma=2"},
    {"bce_with_logits", "N=32 K=50"},
    {"mse", "N=32 D=300"},
    {"cosine_triplet", "N=32 E=64 margin=0.2"},
    {"triplet_sample", "N=32 E=64 n_labels=7"},
    {"adam", "n_tensors=2 N=100000"},
    {"grad_norm", "n_tensors=2 N=100000"},
    {"top_k_similarity", "N=1 M=4096 E=64 k=10"},
};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

enum { MAX_KERNELS = 16 };
static leit_buffer budget, ops, kernels; /* a file and two tables */

/* ---- how many warps a multiprocessor holds ---- */

/* The part of a kernel's name before its template's and its own arguments. */
static void base_name(const char *name, char *base, size_t room)
{
    if (strncmp(name, "void ", 5) == 0) name += 5;
    if (name[0] == '(' && strncmp(name, "(anonymous", 10) != 0) name++;
    snprintf(base, room, "%.*s", (int)strcspn(name, "<("), name);
}

/* The most registers that an instance of the kernel takes on sm_90a, as kernels/budget.txt has them; 0
 * where it is not there. */
static int registers_of(const char *op, const char *kernel)
{
    char wanted[128], found[128], file[128], target[16], line[512];
    int most = 0, registers = 0, name_at = 0;
    base_name(kernel, wanted, sizeof wanted);
    for (const char *at = leit_buffer_text(&budget); *at != '\0';
         at += strcspn(at, "\n"), at += *at == '\n') {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        if (sscanf(line, "kernels/%127s %15s %d %*d %*d %n", file, target, &registers, &name_at) <
            3)
            continue;
        base_name(line + name_at, found, sizeof found);
        const bool is_of_op = strncmp(file, op, strlen(op)) == 0 &&
                              (file[strlen(op)] == '.' || file[strlen(op)] == '_');
        if (is_of_op && strcmp(target, "sm_90a") == 0 && strcmp(found, wanted) == 0 &&
            registers > most)
            most = registers;
    }
    return most;
}

static int least_of(int a, int b)
{
    return a < b ? a : b;
}

/* Warps of 64, by the rules of scripts/check_cuda_budget and 228 KiB of shared memory: registers go to
 * warps 256 at a time and warps come in fours; a block takes 1 KiB for itself and 128 bytes at a time. */
static int resident_warps(const leit_emulator_traffic *t, int registers)
{
    const int in_block = (int)t->n_threads / 32;
    const int warps = 65536 / ((registers + 7) / 8 * 256) / 4 * 4;
    const int by_shared = 228 * 1024 / (((int)t->shared_bytes + 127) / 128 * 128 + 1024);
    return least_of(least_of(32, 64 / in_block), least_of(warps / in_block, by_shared)) * in_block;
}

/* ---- tables ---- */

static void add_ratio(leit_buffer *table, double value, double least)
{
    if (least > 0)
        leit_buffer_printf(table, " %.2f |", value / least);
    else
        leit_buffer_puts(table, " |");
}

/* With the line that pays most, where a twentieth is paid above the least. */
static void add_requests(const leit_emulator_requests *r)
{
    add_ratio(&kernels, (double)r->paid, (double)r->n);
    add_ratio(&kernels, (double)r->paid, (double)r->least);
    leit_buffer_printf(&kernels, " %s |", 20 * r->paid > 21 * r->least ? r->worst : "");
}

static void add_kernel(const char *op, const char *what, const leit_emulator_traffic *t)
{
    char name[128];
    base_name(t->kernel, name, sizeof name);
    leit_buffer_printf(&kernels, "| %s | `%s` | %d |", what, name, (int)t->n_launches);
    add_requests(&t->global);
    add_requests(&t->shared);
    leit_buffer_printf(&kernels, " %u | %.1f |", t->n_threads, (double)t->shared_bytes / 1024);
    const int registers = registers_of(op, t->kernel);
    if (registers > 0)
        leit_buffer_printf(&kernels, " %d | %d |\n", registers, resident_warps(t, registers));
    else
        leit_buffer_puts(&kernels, " | |\n");
}

/* What the launches of one direction have moved. */
struct direction {
    leit_emulator_traffic launches[MAX_KERNELS];
    size_t n;
};

static void add_direction(const char *op, const char *what, const struct direction *d,
                          double floor_bytes, double flops)
{
    uint64_t n_launches = 0, once = 0, sectors = 0, product_flops = 0;
    for (size_t i = 0; i < d->n; i++) {
        const leit_emulator_traffic *t = &d->launches[i];
        n_launches += t->n_launches;
        once += t->distinct_read_bytes + t->distinct_written_bytes;
        sectors += t->global.paid;
        product_flops += t->product_flops;
        add_kernel(op, what, t);
    }
    leit_buffer_printf(&ops, "| %s | %d | %.3f | %.3f |", what, (int)n_launches, floor_bytes * 1e-6,
                       (double)once * 1e-6);
    add_ratio(&ops, (double)once, floor_bytes);
    add_ratio(&ops, 32 * (double)sectors, floor_bytes);
    leit_buffer_printf(&ops, " %.1f | %.1f |\n", flops * 1e-6, (double)product_flops * 1e-6);
}

/* ---- runs ---- */

static const leit_op *counted;
static struct direction forward, backward;

static leit_status count(leit_status (*run)(const leit_exec *exec, const void *args),
                         const leit_exec *exec, const void *args, struct direction *d)
{
    leit_emulator_count_traffic(true);
    const leit_status status = run(exec, args);
    leit_emulator_count_traffic(false);
    const leit_emulator_traffic *list = leit_emulator_traffic_list(&d->n);
    if (d->n > MAX_KERNELS) return leit_fail(LEIT_INTERNAL, __func__, "%zu kernels", d->n);
    memcpy(d->launches, list, d->n * sizeof *list);
    return status;
}

static leit_status count_forward(const leit_exec *exec, const void *args)
{
    return count(counted->forward, exec, args, &forward);
}

static leit_status count_backward(const leit_exec *exec, const void *args)
{
    return count(counted->backward, exec, args, &backward);
}

static bool count_case(const leit_op_cases *cases, const char *size, const char *kernels_word,
                       const char *precision)
{
    const leit_backend *backend = NULL;
    leit_case_timing work;
    if (leit_choose_backend("emulated", kernels_word, precision, &backend) != LEIT_OK) return false;
    counted = &backend->ops[cases->op];
    leit_op op = *counted;
    op.forward = count_forward;
    if (op.backward != NULL) op.backward = count_backward;
    leit_harness_memory(&backend->memory);
    if (!leit_case_time(cases, size, &op, 1, 0, &work)) return false;
    char what[256];
    snprintf(what, sizeof what, "%s %s | %s %s forward", op.name, size, kernels_word, precision);
    add_direction(op.name, what, &forward, work.forward_bytes, work.forward_flops);
    if (op.backward == NULL) return true;
    snprintf(what, sizeof what, "%s %s | %s %s backward", op.name, size, kernels_word, precision);
    add_direction(op.name, what, &backward, work.backward_bytes, work.backward_flops);
    return true;
}

static bool is_fast(enum leit_op_id op)
{
    switch (op) {
#define LEIT_OP(name) case LEIT_OP_##name:
#define LEIT_OP_FORWARD(name) LEIT_OP(name)
#define LEIT_OP_PRODUCT(name) LEIT_OP(name)
#include "kernels/ops_cuda_fast.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
#undef LEIT_OP_PRODUCT
        return true;
    default: return false;
    }
}

static bool has_products(enum leit_op_id op)
{
    switch (op) {
#define LEIT_OP(name)
#define LEIT_OP_FORWARD(name)
#define LEIT_OP_PRODUCT(name) case LEIT_OP_##name:
#include "kernels/ops_cuda_fast.def"
#undef LEIT_OP
#undef LEIT_OP_FORWARD
#undef LEIT_OP_PRODUCT
        return true;
    default: return false;
    }
}

static bool count_size(const char *op, const char *size)
{
    for (int i = 0; i < N_CUDA_OPS; i++) {
        const leit_op_cases *cases = all_cases[i];
        if (strcmp(leit_backend_cuda(LEIT_KERNELS_PLAIN, LEIT_PRECISION_FP32)->ops[cases->op].name,
                   op) != 0)
            continue;
        return count_case(cases, size, "plain", "fp32") &&
               (!is_fast(cases->op) || count_case(cases, size, "fast", "fp32")) &&
               (!has_products(cases->op) || count_case(cases, size, "fast", "bf16"));
    }
    return leit_fail(LEIT_USAGE, __func__, "no such op");
}

static bool is_wanted(const char *op, int n_words, char **words)
{
    for (int i = 1; i < n_words; i++)
        if (strcmp(words[i], op) == 0) return true;
    return n_words < 2;
}

int main(int n_words, char **words)
{
    static const leit_memory_watcher watcher = {leit_emulator_memory_add,
                                                leit_emulator_memory_forget};
    const char *path = LEIT_TEST_SOURCE_DIR "/kernels/budget.txt";
    bool is_good = leit_file_read(path, (size_t)1 << 20, &budget) == LEIT_OK;
    leit_harness_watch(&watcher);
    leit_emulator_schedule(LEIT_EMULATOR_FORWARD, 0);
    leit_buffer_puts(&ops,
                     "| op | kernel | launches | floor MB | once MB | once / floor | sectors / "
                     "floor | MFLOP | tensor MFLOP |\n|---|---|---|---|---|---|---|---|---|\n");
    leit_buffer_puts(&kernels,
                     "| op | of | kernel | launches | sectors a request | / least | where | passes "
                     "a request | / least | where | threads | shared KiB | registers | warps of 64 "
                     "|\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; is_good && i < N_SIZES; i++)
        if (is_wanted(sizes[i][0], n_words, words)) is_good = count_size(sizes[i][0], sizes[i][1]);
    if (is_good)
        printf("%s\n%s", leit_buffer_text(&ops), leit_buffer_text(&kernels));
    else
        fprintf(stderr, "count_kernels: %s\n", leit_error_message());
    leit_buffer_clear(&ops);
    leit_buffer_clear(&kernels);
    leit_buffer_clear(&budget);
    return is_good ? 0 : 1;
}
