#include "storage/ghost_core.h"

#include "base/assert.h"

#include <string.h>

_Static_assert((GHOST_GROUP_COUNT & (GHOST_GROUP_COUNT - 1)) == 0, "all groups are as likely");

/* Of other bits than the group, or those of one group would be alike. */
static uint32_t tag_of(uint64_t name)
{
    return (uint32_t)(name >> 32) | 1;
}

static uint32_t group_of(uint64_t name)
{
    return (uint32_t)name % GHOST_GROUP_COUNT;
}

/* Where the tag stands; the last place when it is not there. */
static uint32_t find(const uint32_t *tags, uint32_t tag)
{
    uint32_t place = 0;
    assert(tag != 0);
    while (place + 1 < GHOST_GROUP_SIZE && tags[place] != tag)
        place++;
    assert(place < GHOST_GROUP_SIZE);
    return place;
}

void ghost_core_note(struct ghost_core *core, uint64_t name)
{
    uint32_t *tags = core->tags[group_of(name)];
    uint32_t place = find(tags, tag_of(name));
    memmove(&tags[1], &tags[0], place * sizeof tags[0]);
    tags[0] = tag_of(name);
    assert(ghost_core_has(core, name));
}

bool ghost_core_has(const struct ghost_core *core, uint64_t name)
{
    const uint32_t *tags = core->tags[group_of(name)];
    return tags[find(tags, tag_of(name))] == tag_of(name);
}
