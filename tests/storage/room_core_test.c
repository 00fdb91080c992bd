/* When appends are refused for lack of space, and when they are taken again, as a table. */
#include "storage/room_core.h"
#include "tests/storage/check.h"

#include <string.h>

enum { MINIMUM = 100, RESERVE = 40 };

struct row {
    const char *name;
    enum room_level before;
    uint64_t free_bytes;
    bool has_reserve;
    bool was_short;
    bool has_waiting;
    enum room_level after;
};

static const struct row rows[] = {
    {"plenty", ROOM_AMPLE, 1000, true, false, false, ROOM_AMPLE},
    {"the limit itself is enough", ROOM_AMPLE, 100, true, false, false, ROOM_AMPLE},
    {"a byte less is not", ROOM_AMPLE, 99, true, false, false, ROOM_NARROW},
    {"found short while it was looked", ROOM_AMPLE, 1000, true, true, false, ROOM_DRY},
    {"a little more is not enough again", ROOM_NARROW, 149, true, false, false, ROOM_NARROW},
    {"half as much again is", ROOM_NARROW, 150, true, false, false, ROOM_AMPLE},
    {"the reserve is missing", ROOM_NARROW, 189, false, false, false, ROOM_NARROW},
    {"and can be taken", ROOM_NARROW, 190, false, false, false, ROOM_AMPLE},
    {"what was accepted comes first", ROOM_NARROW, 1000, true, false, true, ROOM_NARROW},
    {"there was no room after all", ROOM_NARROW, 1000, true, true, false, ROOM_DRY},
    {"the bytes of the reserve are not for segments", ROOM_DRY, 40, false, true, true, ROOM_DRY},
    {"a byte more is", ROOM_DRY, 41, false, true, true, ROOM_NARROW},
    {"dry becomes narrow before it is ample", ROOM_DRY, 1000, true, false, false, ROOM_NARROW},
};

/* Each row. */
static void levels(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        const struct room_look look = {row->free_bytes,  MINIMUM,        RESERVE,
                                       row->has_reserve, row->was_short, row->has_waiting};
        if (room_core_judge(row->before, &look) != row->after)
            fail_msg("%s", row->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
