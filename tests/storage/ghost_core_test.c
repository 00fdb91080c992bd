/* Names of what had to go: tables and stories. */
#include "storage/ghost_core.h"

#include "base/prng.h"
#include "tests/storage/check.h"

#include <stdlib.h>

/* What was noted is known, and nothing else. */
static void what_was_noted_is_known(void **state)
{
    struct ghost_core *core = calloc(1, sizeof *core);
    struct prng noted;
    struct prng others;
    prng_init(&noted, 1);
    prng_init(&others, 2);
    for (uint32_t i = 0; i < GHOST_GROUP_COUNT; i++) {
        uint64_t name = prng_u64(&noted);
        assert_false(ghost_core_has(core, name));
        ghost_core_note(core, name);
        assert_true(ghost_core_has(core, name));
    }
    for (uint32_t i = 0; i < GHOST_GROUP_COUNT; i++)
        assert_false(ghost_core_has(core, prng_u64(&others)));
    free(core);
}

static uint64_t name_in_group(uint32_t group, uint32_t number)
{
    return (uint64_t)(2 * number + 2) << 32 | group;
}

/* Of a group that is full the one noted longest ago goes; noted again it is as good as new. */
static void the_oldest_goes(void **state)
{
    struct ghost_core *core = calloc(1, sizeof *core);
    for (uint32_t i = 0; i < GHOST_GROUP_SIZE; i++)
        ghost_core_note(core, name_in_group(7, i));
    ghost_core_note(core, name_in_group(7, 0));
    ghost_core_note(core, name_in_group(7, GHOST_GROUP_SIZE));
    assert_true(ghost_core_has(core, name_in_group(7, 0)));
    assert_false(ghost_core_has(core, name_in_group(7, 1)));
    for (uint32_t i = 2; i <= GHOST_GROUP_SIZE; i++)
        assert_true(ghost_core_has(core, name_in_group(7, i)));
    assert_false(ghost_core_has(core, name_in_group(8, 0)));
    free(core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_noted_is_known),
        cmocka_unit_test(the_oldest_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
