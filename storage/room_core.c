#include "storage/room_core.h"

#include "base/assert.h"

/* What was accepted comes before the reserve, and the reserve before what is new. */
static bool is_enough_again(const struct room_look *look)
{
    uint64_t missing_bytes = look->has_reserve ? 0 : look->reserve_bytes;
    return !look->was_short && !look->has_waiting &&
           look->free_bytes >= look->free_bytes_min + look->free_bytes_min / 2 + missing_bytes;
}

enum room_level room_core_judge(enum room_level level, const struct room_look *look)
{
    assert(level == ROOM_AMPLE || level == ROOM_NARROW || level == ROOM_DRY);
    if (look->was_short && level != ROOM_DRY)
        return ROOM_DRY;
    switch (level) {
    case ROOM_AMPLE: return look->free_bytes < look->free_bytes_min ? ROOM_NARROW : ROOM_AMPLE;
    case ROOM_NARROW: return is_enough_again(look) ? ROOM_AMPLE : ROOM_NARROW;
    /* The bytes of the reserve are for catalog and metadata: they do not count. */
    case ROOM_DRY: return look->free_bytes > look->reserve_bytes ? ROOM_NARROW : ROOM_DRY;
    }
    unreachable();
}
