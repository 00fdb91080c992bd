#include "storage/growth_core.h"

#include "base/assert.h"

uint32_t growth_core_likely(uint32_t likely_bytes, uint32_t final_bytes)
{
    assert(final_bytes > 0);
    uint32_t faded_bytes = likely_bytes - likely_bytes / 4;
    assert(faded_bytes <= likely_bytes);
    return final_bytes > faded_bytes ? final_bytes : faded_bytes;
}

bool growth_core_is_too_large(uint64_t capacity_bytes, uint64_t size_bytes)
{
    assert(size_bytes > 0);
    assert(size_bytes <= capacity_bytes);
    return capacity_bytes / 2 >= size_bytes;
}
