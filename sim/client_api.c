#include "sim/client_api.h"

#include "base/assert.h"

static enum status check_end(const struct client_call *call, enum status status)
{
    assert(call->api != NULL);
    if (status != STATUS_OK)
        return status;
    return reader_remaining(&call->body) == 0 ? STATUS_OK : STATUS_MALFORMED;
}

#define X(KEY, name)                                                                               \
    void client_##name(struct client *client, struct client_call *call, int16_t version,           \
                       const struct name##_request *request)                                       \
    {                                                                                              \
        client_call_begin(client, call, API_##KEY, version);                                       \
        name##_request_encode(&call->request, version, request);                                   \
        client_call_send(client, call);                                                            \
    }                                                                                              \
                                                                                                   \
    enum status client_##name##_answer(struct client_call *call, struct name##_response *response) \
    {                                                                                              \
        enum status status =                                                                       \
            name##_response_decode(&call->body, call->version, &call->arena, response);            \
        return check_end(call, status);                                                            \
    }
API_LIST(X)
#undef X
