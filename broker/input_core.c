#include "broker/input_core.h"

#include "base/assert.h"
#include "broker/limits.h"

static_assert(LIMIT_INPUT_BYTES_AT_ONCE <= INT32_MAX / 2, "twice as much can be said");

uint32_t input_core_likely(uint32_t received_bytes, bool has_filled_room)
{
    const uint32_t least = LIMIT_INPUT_BYTES_LEAST;
    const uint32_t most = LIMIT_INPUT_BYTES_AT_ONCE;
    assert(least <= most);
    if (received_bytes >= most)
        return most;
    uint32_t likely = has_filled_room ? received_bytes * 2 : received_bytes;
    if (likely > most)
        return most;
    return likely > least ? likely : least;
}
