/* The table of served APIs. */
#include "protocol/apis.h"

#include "base/assert.h"

#include <stddef.h>

static const struct api apis[] = {
#define X(NAME, title, version_min, version_max, advertised_min, flexible_since)                   \
    {(title), API_##NAME, (version_min), (version_max), (advertised_min), (flexible_since)},
    API_ROW_LIST(X)
#undef X
};

static_assert(sizeof apis / sizeof *apis == API_COUNT, "each served API has one row");

const struct api *api_find(int16_t key)
{
    for (uint32_t i = 0; i < API_COUNT; i++) {
        if (apis[i].key == key)
            return &apis[i];
    }
    return NULL;
}

const struct api *api_at(uint32_t index)
{
    assert(index < API_COUNT);
    assert(index == 0 || apis[index - 1].key < apis[index].key);
    return &apis[index];
}

int16_t api_request_header_version(const struct api *api, int16_t version)
{
    assert(api != NULL);
    return api_version_is_flexible(api, version) ? 2 : 1;
}

int16_t api_response_header_version(const struct api *api, int16_t version)
{
    assert(api != NULL);
    return api->key != API_API_VERSIONS && api_version_is_flexible(api, version) ? 1 : 0;
}
