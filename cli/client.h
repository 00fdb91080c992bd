/* A small blocking client for what librdkafka's admin calls do not do, and for commands that must
 * start at once: it connects, asks which versions the broker serves, and then makes one request
 * after the other with the codecs of protocol/.
 *
 * It speaks plain text only; with TLS or SASL settings the commands that need it say so. Memory of
 * requests and responses is the tool's arena. Functions that fail have said why. */
#ifndef TAILRACE_CLI_CLIENT_H
#define TAILRACE_CLI_CLIENT_H

#include "base/bytes.h"
#include "cli/tool.h"
#include "protocol/apis.h"

struct api_versions_response;

struct connection {
    struct tool *tool;
    int file;
    char address[300]; /* "host:port", for messages */
    int32_t correlation_id;
    const struct api_versions_response *versions;
};

/* One request and its response. Between call_begin and call_finish, encode the request's body into
 * `writer` at `version`; afterwards decode the response's body from `reader`. */
struct call {
    struct connection *connection;
    const struct api *api;
    int16_t version;
    struct writer writer;
    struct reader reader;
};

/* Connects to the first broker of the tool's list that answers. */
bool client_connect(struct connection *connection, struct tool *tool);

/* Connects to one broker, for requests that only a partition's leader answers. */
bool client_connect_to(struct connection *connection, struct tool *tool, const char *host,
                       int32_t port);

void client_close(struct connection *connection);

/* True if some broker of the list accepts a connection: a quick and clear answer before librdkafka,
 * which would go on trying. */
bool client_probe(struct tool *tool);

/* True if the broker serves some version of the API. */
bool client_serves(const struct connection *connection, enum api_key key);

/* Chooses the newest version that both sides know. False if the broker does not serve the API. */
bool call_begin(struct call *call, struct connection *connection, enum api_key key);

/* For a request that says how long the broker may take (timeout_ms): how long that is. From now on
 * the connection waits for longer than that, so that it is the broker who says what has become of
 * it. */
int32_t call_grant_ms(const struct call *call);

/* Sends, and waits for the response. */
bool call_finish(struct call *call);

/* After decoding: true if that went well. */
bool call_decoded(const struct call *call, enum status status);

#endif
