/* leit_cut_blocks: parts cover the blocks, there are no more than have room, and the room never
 * shrinks as the work grows, so that what was laid out for the largest batch holds any other. */
#include "kernels/blocks.h"
#include "support/testing.h"

static void parts_cover_the_blocks(void **state)
{
    (void)state;
    for (int64_t blocks = 0; blocks <= 300; blocks++)
        for (int64_t wanted = 0; wanted <= 40; wanted++) {
            const leit_cut cut = leit_cut_blocks(blocks, wanted, 32);
            assert_true(cut.part_blocks >= 1);
            assert_true(cut.n * cut.part_blocks >= blocks);
            assert_true((cut.n - 1) * cut.part_blocks < blocks); /* no part is empty */
            assert_true(cut.n <= cut.room && cut.room <= 32);
        }
}

static void room_never_shrinks(void **state)
{
    (void)state;
    for (int64_t least = 1; least <= 9; least++) {
        int64_t room = 1;
        for (int64_t blocks = 0; blocks <= 600; blocks++) {
            const leit_cut cut = leit_cut_blocks(blocks, leit_blocks(blocks, least), 32);
            assert_true(cut.room >= room);
            room = cut.room;
        }
    }
}

/* 33 blocks wanted in 32 parts of equal size are 17 parts of two; 32 are 32. */
static void fewer_parts_than_room(void **state)
{
    (void)state;
    const leit_cut cut = leit_cut_blocks(33, 33, 32), smaller = leit_cut_blocks(32, 32, 32);
    assert_true(cut.n == 17 && cut.part_blocks == 2 && cut.room == 32);
    assert_true(smaller.n == 32 && smaller.part_blocks == 1 && smaller.room == 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_cover_the_blocks),
        cmocka_unit_test(room_never_shrinks),
        cmocka_unit_test(fewer_parts_than_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
