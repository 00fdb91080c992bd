/* A broker, its clients, and the doors they live behind, driven by hand on one thread: what the
 * cases of the server suite share. */
#ifndef TAILRACE_TESTS_BROKER_SERVER_H
#define TAILRACE_TESTS_BROKER_SERVER_H

#include "broker/broker.h"
#include "protocol/batch_build.h"
#include "protocol/errors.h"
#include "sim/client_records.h"
#include "tests/broker/server_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SERVER_SETS_MAX = 8, SERVER_CORES_MAX = 3, SERVER_LOG_BYTES_MAX = 64 * 1024 };

/* How a life of the broker differs from the usual one. */
struct server_shape {
    uint32_t core_count;               /* 0: 2 */
    size_t memory_bytes;               /* 0: plenty */
    uint64_t open_files_max;           /* 0: plenty */
    const char *sets[SERVER_SETS_MAX]; /* "name=value"; NULL ends them */
};

struct server {
    struct server_harness *harness;
    struct io **doors;
    struct io *client_io;
    uint32_t core_count;
    struct broker *broker; /* NULL when it is stopped */
    struct config *config;
    struct log_sink sink;
    struct logger logger;
    size_t log_size;
    char log_text[SERVER_LOG_BYTES_MAX]; /* of this life, cut at the end */
    struct timer watchdog;
    struct list peers;
    struct list calls;
    struct arena arena;        /* of the case */
    struct server_shape shape; /* of this life */
    uint16_t port;
    uint32_t topic_count; /* names are not used twice */
};

/* One life: doors, broker, and a client's door. NULL is the usual shape. */
void server_start(struct server *server, const struct server_shape *shape);
void server_stop(struct server *server);

/* The three steps of server_start: doors; a broker that listens on `port` (0: any); serving. */
void server_open(struct server *server, const struct server_shape *shape);
enum status server_create_broker(struct server *server, uint16_t port);
void server_serve(struct server *server);

/* Stopping without waiting: the broker is gone when *has_stopped is true; then server_bury. */
void server_begin_stop(struct server *server, bool *has_stopped);
void server_bury(struct server *server);

/* Turns the doors. Fails the test when nothing has come of it for two minutes of door's
 * time. */
void server_turn_until(struct server *server, const bool *happened);

/* Lets the doors go on for so long, to see that something does not happen. */
void server_linger(struct server *server, uint32_t ms);

/* Lingers until all that the client was asked to send has left. */
void server_linger_sent(struct server *server, const struct client *client);

/* Until so many fetches, of all clients, wait for something to come. */
void server_await_parked(struct server *server, uint32_t count);

/* What a client's door says about the time. */
uint64_t server_now_ms(const struct server *server);

/* --- Clients ---------------------------------------------------------------------------------- */

/* A client of this case. Connections are dealt out to the cores in turn. */
struct client *server_client(struct server *server);

/* A call of this case that remembers its landing. */
struct asked {
    struct client_call call;
    struct list_node node;
    bool has_landed;
    int32_t result;
};

struct asked *server_ask(struct server *server);

/* Turns until it has landed; answers its result. */
int32_t server_wait(struct server *server, struct asked *asked);

/* The same, and it must have been answered. */
void server_answered(struct server *server, struct asked *asked);

/* --- Whole errands: sent, waited for, and taken apart -------------------------------------------
 */

/* A topic of this case with a name of its own. */
struct client_partition server_topic(struct server *server, struct client *client,
                                     int32_t partition_count);
struct client_partition server_create(struct server *server, struct client *client,
                                      const char *name, int32_t partition_count);
int16_t server_delete(struct server *server, struct client *client, struct bytes name);

/* The core that is at home to a partition. */
uint32_t server_core_of(const struct server *server, struct client_partition partition);

struct server_batch {
    uint32_t record_count; /* 0: 1 */
    uint32_t value_size;   /* 0: 10 */
    int64_t timestamp_ms;
    const struct client_producer *producer; /* NULL: none */
    int32_t sequence;
};

struct bytes server_make(struct server *server, const struct server_batch *shape);

/* Asked for, not waited for. */
struct asked *server_produce(struct server *server, struct client *client,
                             struct client_partition partition, struct bytes batch);
struct client_produced server_produced(struct server *server, struct asked *asked);

/* Asserts success; answers the base offset. */
int64_t server_put(struct server *server, struct client *client, struct client_partition partition,
                   const struct server_batch *shape);

struct asked *server_fetch(struct server *server, struct client *client,
                           struct client_partition partition, int64_t offset, int32_t wait_ms);
struct client_fetched server_fetched(struct server *server, struct asked *asked);

struct client_listed server_list(struct server *server, struct client *client,
                                 struct client_partition partition, int64_t timestamp);

/* How many records lie in these batches; checks sums and that offsets go up. */
uint32_t server_count(struct bytes records);

struct client_producer server_producer(struct server *server, struct client *client);

/* The connection ends, whatever else happens to the call. */
void server_expect_closed(struct server *server, struct asked *asked);

/* --- Cases ------------------------------------------------------------------------------------ */

int server_setup(void **state);
int server_teardown(void **state);

#define SERVER_CASE(function)                                                                      \
    {                                                                                              \
#function, function, server_setup, server_teardown, NULL                                   \
    }

#endif
