/* The APIs that the broker serves: one row for each, made from the schemas in protocol/messages.
 *
 * protocol/messages/list.h holds the rows as macros. API_LIST(X) with X(PRODUCE, produce) names
 * each served API once; broker/dispatch.c makes its table of handlers from it. */
#ifndef TAILRACE_PROTOCOL_APIS_H
#define TAILRACE_PROTOCOL_APIS_H

#include "protocol/messages/list.h"

#include <stdbool.h>
#include <stdint.h>

/* Kafka's numbers, also of APIs that have a schema but are not served. */
enum api_key {
#define X(NAME, key) API_##NAME = (key),
    API_KEY_LIST(X)
#undef X
};

enum {
#define X(NAME, name) +1
    API_COUNT = 0 API_LIST(X)
#undef X
};

/* flexible_since of an API that has no flexible version. */
enum { API_NEVER_FLEXIBLE = INT16_MAX };

struct api {
    const char *name; /* Kafka's: "ListOffsets" */
    int16_t key;
    int16_t version_min; /* served */
    int16_t version_max;
    int16_t advertised_min; /* told to clients; <= version_min */
    int16_t flexible_since;
};

/* NULL if the key is not served. */
const struct api *api_find(int16_t key);

/* The APIs in rising order of keys; index < API_COUNT. */
const struct api *api_at(uint32_t index);

static inline bool api_version_is_served(const struct api *api, int16_t version)
{
    return version >= api->version_min && version <= api->version_max;
}

/* Versions above the newest are taken to be like it, so that their header can be read. */
static inline bool api_version_is_flexible(const struct api *api, int16_t version)
{
    return version >= api->flexible_since;
}

/* The version of the header that goes before a request, 1 or 2, or a response, 0 or 1. Responses of
 * ApiVersions have 0 always: the client cannot know yet what the broker understands. */
int16_t api_request_header_version(const struct api *api, int16_t version);
int16_t api_response_header_version(const struct api *api, int16_t version);

#endif
