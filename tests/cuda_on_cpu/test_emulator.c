/* The emulator itself: planted mistakes are caught by the builds that must catch them, the same
 * kernels without them pass everywhere, and afterwards it works as before. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cuda_on_cpu/emulator.h"
#include "cuda_on_cpu/planted.h"
#include "kernels/backend.h"
#include "support/testing.h"

#if defined(__SANITIZE_ADDRESS__)
enum { HAS_SANITIZERS = 1 };
#else
enum { HAS_SANITIZERS = 0 };
#endif
enum { N_SEEDS = 3 };

static const struct planted {
    const char *name;
    int who;
    const char *finding;
    planted_function *run;
} planted[] = {
#define PLANTED_ENTRY(name, who, finding) {#name, who, finding, planted_##name},
    PLANTED_LIST(PLANTED_ENTRY)
#undef PLANTED_ENTRY
};
enum { N_PLANTED = sizeof planted / sizeof *planted };
static int n_caught;

static bool is_right(const float *out)
{
    for (int i = 0; i < PLANTED_N; i++)
        if (!(out[i] == 2.0f * (float)i)) return false;
    return true;
}

/* Runs it in one order; whether the numbers are right comes back. */
static leit_status run_in_order(const struct planted *p, int is_planted, int order, uint64_t seed,
                                bool *has_right_numbers)
{
    float *out = malloc(PLANTED_N * sizeof *out); /* to the byte, for the sanitizers */
    assert_non_null(out);
    memset(out, 0xFF, PLANTED_N * sizeof *out); /* NaN */
    leit_emulator_memory_add("out", out, PLANTED_N * sizeof *out, 0);
    leit_emulator_schedule((leit_emulator_order)order, seed);
    const leit_status status = p->run(is_planted, out);
    leit_emulator_memory_forget();
    *has_right_numbers = is_right(out);
    free(out);
    return status;
}

static void passes_without(const struct planted *p)
{
    for (int order = 0; order < LEIT_EMULATOR_N_ORDERS; order++) {
        for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
            bool has_right_numbers = false;
            assert_ok(run_in_order(p, 0, order, seed, &has_right_numbers));
            if (!has_right_numbers)
                fail_msg("%s: wrong numbers without a mistake, order %s, seed %d", p->name,
                         leit_emulator_order_name((leit_emulator_order)order), (int)seed);
        }
    }
}

static void gives_a_finding(const struct planted *p, int n_orders)
{
    for (int order = 0; order < n_orders; order++) {
        bool has_right_numbers;
        assert_fails(run_in_order(p, 1, order, 1, &has_right_numbers), LEIT_DEVICE, p->finding);
        assert_non_null(strstr(leit_error_message(), p->name)); /* the kernel */
        if (leit_emulator_checks() && (p->who & BY_CHECKER))
            assert_non_null(strstr(leit_error_message(), "planted"));
    }
}

static void gives_wrong_numbers(const struct planted *p)
{
    bool was_wrong = false;
    for (int order = 0; order < LEIT_EMULATOR_N_ORDERS; order++) {
        bool has_right_numbers = false;
        assert_ok(run_in_order(p, 1, order, 1, &has_right_numbers));
        was_wrong = was_wrong || !has_right_numbers;
    }
    if (!was_wrong) fail_msg("%s was not caught", p->name);
}

/* A sanitizer ends the process, so it is another one. */
static void ends_the_process(const struct planted *p)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool has_right_numbers;
        if (freopen("/dev/null", "w", stderr) == NULL) _exit(0);
        run_in_order(p, 1, LEIT_EMULATOR_FORWARD, 1, &has_right_numbers);
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    if (how == 0) fail_msg("%s was not caught by the sanitizers", p->name);
}

static void one_mistake(void **state)
{
    const struct planted *p = *state;
    const bool is_checked = leit_emulator_checks() && (p->who & BY_CHECKER);
    const bool is_sanitized = HAS_SANITIZERS && (p->who & BY_SANITIZERS);
    passes_without(p);
    if (is_checked || (p->who & BY_EMULATOR))
        gives_a_finding(p, is_checked ? 1 : LEIT_EMULATOR_N_ORDERS);
    else if (is_sanitized)
        ends_the_process(p);
    else if (p->who & BY_NUMBERS)
        gives_wrong_numbers(p);
    else
        return; /* another build catches it */
    n_caught++;
    passes_without(p);
}

static void every_mistake_has_a_catcher(void **state)
{
    (void)state;
    for (int i = 0; i < N_PLANTED; i++) assert_true(planted[i].who != 0);
    print_message("%d planted mistakes: this build catches %d, all builds together %d\n", N_PLANTED,
                  n_caught, N_PLANTED);
}

/* Memory that the device has given needs no adding; past its end there is nothing. */
static void memory_of_the_device(void **state)
{
    (void)state;
    if (!leit_emulator_checks()) return;
    const leit_device_memory *memory =
        &leit_backend_cuda(LEIT_KERNELS_PLAIN, LEIT_PRECISION_FP32)->memory;
    float *out = memory->allocate(PLANTED_N * sizeof *out, true), copy[PLANTED_N];
    assert_non_null(out);
    leit_emulator_schedule(LEIT_EMULATOR_FORWARD, 1);
    assert_ok(planted_past_global(0, out));
    assert_ok(memory->read(copy, out, sizeof copy, NULL));
    assert_true(is_right(copy));
    assert_fails(planted_past_global(1, out), LEIT_DEVICE, "past the end of 'device memory'");
    memory->release(out);
    assert_fails(planted_past_global(0, out), LEIT_DEVICE, "not the device's");
}

static void take_tour(leit_status (*tour)(int *failed_line))
{
    for (int order = 0; order < LEIT_EMULATOR_N_ORDERS; order++) {
        int failed_line = 0;
        leit_emulator_schedule((leit_emulator_order)order, 7);
        assert_ok(tour(&failed_line));
        leit_emulator_memory_forget();
        assert_int_equal(failed_line, 0);
    }
}

static void the_tour(void **state)
{
    (void)state;
    take_tour(planted_tour);
    take_tour(planted_tour_of_atomics);
    assert_true(leit_emulator_work().n_switches > 0);
}

int main(void)
{
    struct CMUnitTest tests[N_PLANTED + 3] = {cmocka_unit_test(the_tour)};
    for (int i = 0; i < N_PLANTED; i++)
        tests[1 + i] = (struct CMUnitTest){.name = planted[i].name,
                                           .test_func = one_mistake,
                                           .initial_state = (void *)(uintptr_t)&planted[i]};
    tests[1 + N_PLANTED] = (struct CMUnitTest)cmocka_unit_test(every_mistake_has_a_catcher);
    tests[2 + N_PLANTED] = (struct CMUnitTest)cmocka_unit_test(memory_of_the_device);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
