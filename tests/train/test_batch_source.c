/* Batches drawn on a device, behind the fence: memory that the program cannot touch. */
#include "support/batch_source_check.h"
#include "support/fenced_backend.h"

static void behind_the_fence(void **state)
{
    (void)state;
    draws_epochs(leit_backend_fenced());
    draws_both(leit_backend_fenced());
    draws_pairs(leit_backend_fenced());
    assert_int_equal(leit_fence_allocations(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(behind_the_fence)};
    return cmocka_run_group_tests(tests, write_batch_corpora, NULL);
}
