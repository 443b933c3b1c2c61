/* The emulator itself: planted mistakes are caught, the same kernels without them pass in every
 * order, and afterwards it works as before. */
#include <stdbool.h>
#include <string.h>

#include "cuda_on_cpu/emulator.h"
#include "cuda_on_cpu/planted.h"
#include "support/testing.h"

enum { N_SEEDS = 3 };

static const struct planted {
    const char *name, *finding;
    planted_function *run;
} planted[] = {
#define PLANTED_ENTRY(name, finding) {#name, finding, planted_##name},
    PLANTED_LIST(PLANTED_ENTRY)
#undef PLANTED_ENTRY
};
enum { N_PLANTED = sizeof planted / sizeof *planted };

static bool is_right(const float *out)
{
    for (int i = 0; i < PLANTED_N; i++)
        if (!(out[i] == 2.0f * (float)i)) return false;
    return true;
}

static void passes_without(const struct planted *p)
{
    for (int order = 0; order < LEIT_EMULATOR_N_ORDERS; order++) {
        for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
            float out[PLANTED_N] = {0};
            leit_emulator_schedule((leit_emulator_order)order, seed);
            assert_ok(p->run(0, out));
            if (!is_right(out))
                fail_msg("%s: wrong numbers without a mistake, order %s, seed %d", p->name,
                         leit_emulator_order_name((leit_emulator_order)order), (int)seed);
        }
    }
}

/* Diagnosed mistakes are found in every order, the others by wrong numbers in one at least. */
static void is_caught(const struct planted *p)
{
    bool was_wrong = false;
    for (int order = 0; order < LEIT_EMULATOR_N_ORDERS; order++) {
        float out[PLANTED_N] = {0};
        leit_emulator_schedule((leit_emulator_order)order, 1);
        if (p->finding != NULL) {
            assert_fails(p->run(1, out), LEIT_DEVICE, p->finding);
            assert_non_null(strstr(leit_error_message(), p->name)); /* the kernel */
        } else {
            assert_ok(p->run(1, out));
            was_wrong = was_wrong || !is_right(out);
        }
    }
    if (p->finding == NULL && !was_wrong) fail_msg("%s was not caught", p->name);
}

static void one_mistake(void **state)
{
    const struct planted *p = *state;
    passes_without(p);
    is_caught(p);
    passes_without(p);
}

static void the_tour(void **state)
{
    (void)state;
    for (int order = 0; order < LEIT_EMULATOR_N_ORDERS; order++) {
        int failed_line = 0;
        leit_emulator_schedule((leit_emulator_order)order, 7);
        assert_ok(planted_tour(&failed_line));
        assert_int_equal(failed_line, 0);
    }
    assert_true(leit_emulator_work().n_switches > 0);
}

int main(void)
{
    struct CMUnitTest tests[N_PLANTED + 1] = {cmocka_unit_test(the_tour)};
    for (int i = 0; i < N_PLANTED; i++)
        tests[1 + i] = (struct CMUnitTest){.name = planted[i].name,
                                           .test_func = one_mistake,
                                           .initial_state = (void *)(uintptr_t)&planted[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
