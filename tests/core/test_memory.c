/* Memory is zeroed and aligned however it was left by those who had it before, and memory that is
 * not touched is not taken. */
#include "core/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/testing.h"

static const size_t sizes[] = {0, 1, 63, 64, 65, 4032, 4096, 4097, 8191, 100000, 1 << 20, 5000001};

typedef void *allocate(size_t count, size_t element_bytes);

static void check_zeros(allocate *take)
{
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        /* Leaves dirty memory of this size behind, then asks for it again. */
        void *dirty = take(sizes[s], 1);
        assert_non_null(dirty);
        memset(dirty, 0xA5, sizes[s]);
        leit_free(dirty);
        unsigned char *memory = take(sizes[s], 1);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % LEIT_ALIGNMENT_BYTES, 0);
        for (size_t i = 0; i < sizes[s]; i++) assert_int_equal(memory[i], 0);
        memset(memory, 0x5A, sizes[s]);
        leit_free(memory);
    }
}

static void gives_zeros(void **state)
{
    (void)state;
    check_zeros(leit_allocate);
    check_zeros(leit_allocate_untouched);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    assert_null(leit_allocate(SIZE_MAX / 2, 4));
    assert_non_null(strstr(leit_error_message(), "do not fit"));
    assert_null(leit_allocate_untouched(SIZE_MAX / 2, 4));
}

static size_t resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &pages, &resident), 2);
    fclose(file);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* A quarter is what the shadow of AddressSanitizer may take, twice over. */
static void takes_only_what_is_touched(void **state)
{
    (void)state;
    const size_t bytes = (size_t)256 << 20, before = resident_bytes();
    unsigned char *memory = leit_allocate_untouched(bytes, 1);
    assert_non_null(memory);
    memory[bytes / 2] = 1;
    assert_true(resident_bytes() < before + bytes / 4);
    leit_free(memory);
}

/* The thread sanitizer keeps several bytes of notes for each byte of ours. */
#ifdef __SANITIZE_THREAD__
enum { MOST_PER_BYTE = 8 };
#else
enum { MOST_PER_BYTE = 1 };
#endif

static void says_what_is_held(void **state)
{
    (void)state;
    const int64_t bytes = 64 << 20, before = leit_memory_held_bytes();
    assert_true(before > 0);
    void *memory = leit_allocate((size_t)bytes, 1);
    assert_non_null(memory);
    const int64_t held = leit_memory_held_bytes() - before;
    assert_true(held > bytes - bytes / 8 && held < MOST_PER_BYTE * bytes + bytes / 2);
    leit_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeros),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(takes_only_what_is_touched),
        cmocka_unit_test(says_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
