#include "tests/broker/server.h"

#include "base/assert.h"
#include "replication/replica_manager.h"

#include <stdio.h>
#include <stdlib.h>

enum { MIB = 1024 * 1024, MEMORY_BYTES = 96 * MIB, ARENA_BYTES_MAX = 512 * MIB };

/* Small, because every life of every case makes its own. */
enum { JOURNAL_FILE_BYTES = 4 * MIB };

static const uint64_t patience_ns = 120ull * 1000 * 1000 * 1000;

struct peer {
    struct client client;
    struct completion closed;
    bool has_closed;
    struct list_node node;
};

/* --- Time and turns --------------------------------------------------------------------------- */

/* What everybody is waiting for. */
static void print_operations(struct server *server)
{
    for (uint32_t i = 0; i < server->core_count; i++) {
        struct op *op;
        list_for_each_entry (op, &io_ops(server->doors[i])->in_flight, node)
            print_message("core %u: %s: %s, waiting for %u\n", i, op->kind->name, op_stage_name(op),
                          op->waiting);
    }
}

static void watchdog_fired(struct timer *timer)
{
    struct server *server = container_of(timer, struct server, watchdog);
    print_message("%s", server->log_text);
    print_operations(server);
    fail_msg("nothing came of it for two minutes of the door's own time");
}

void server_turn_until(struct server *server, const bool *happened)
{
    io_timer_cancel(server->client_io, &server->watchdog);
    io_timer_start(server->client_io, &server->watchdog,
                   io_now_ns(server->client_io) + patience_ns);
    if (server->harness->kick != NULL)
        server->harness->kick(server->harness);
    while (!*happened)
        server->harness->turn(server->harness);
    io_timer_cancel(server->client_io, &server->watchdog);
}

struct lingering {
    struct timer timer;
    bool is_over;
};

static void lingering_is_over(struct timer *timer)
{
    container_of(timer, struct lingering, timer)->is_over = true;
}

void server_linger(struct server *server, uint32_t ms)
{
    struct lingering lingering = {0};
    timer_init(&lingering.timer, lingering_is_over);
    io_timer_start(server->client_io, &lingering.timer,
                   io_now_ns(server->client_io) + ms * 1000000ull);
    server_turn_until(server, &lingering.is_over);
}

void server_linger_sent(struct server *server, const struct client *client)
{
    do
        server_linger(server, 5);
    while (!list_is_empty(&client->waiting) || client->sending != NULL);
}

static uint32_t count_parked_fetches(const struct server *server)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < server->core_count; i++) {
        const struct op *op;
        list_for_each_entry (op, &io_ops(server->doors[i])->in_flight, node)
            count += strcmp(op->kind->name, "fetch") == 0 && strcmp(op_stage_name(op), "park") == 0;
    }
    return count;
}

void server_await_parked(struct server *server, uint32_t count)
{
    while (count_parked_fetches(server) < count)
        server_linger(server, 1);
}

uint64_t server_now_ms(const struct server *server)
{
    return io_now_ns(server->client_io) / 1000000;
}

/* --- The log ---------------------------------------------------------------------------------- */

static void keep_line(struct log_sink *sink, struct bytes line)
{
    struct server *server = container_of(sink, struct server, sink);
    size_t room = sizeof server->log_text - 1 - server->log_size;
    size_t size = line.size < room ? line.size : room;
    memcpy(server->log_text + server->log_size, line.data, size);
    server->log_size += size;
    server->log_text[server->log_size] = '\0';
}

static int64_t keep_now_ms(struct log_sink *sink)
{
    return 0;
}

/* --- Lives ------------------------------------------------------------------------------------ */

static void refuse_setting(struct config_reporter *reporter, const char *where, const char *message)
{
    fail_msg("%s: %s", where, message);
}

static struct config *load_config(struct server *server, uint16_t port)
{
    char listeners[128];
    char directory[320];
    /* Records of the cases are from 1970 unless they say otherwise. */
    const char *sets[SERVER_SETS_MAX + 6] = {listeners,
                                             directory,
                                             "node.id=1",
                                             "num.partitions=3",
                                             "log.retention.ms=-1",
                                             "tailrace.admin.listener="};
    uint32_t count = 6;
    struct config_reporter reporter = {.warn = refuse_setting, .fail = refuse_setting};
    snprintf(listeners, sizeof listeners, "listeners=PLAINTEXT://%s:%u", server->harness->host,
             port);
    snprintf(directory, sizeof directory, "log.dirs=%s", server->harness->directory);
    for (uint32_t i = 0; i < SERVER_SETS_MAX && server->shape.sets[i] != NULL; i++)
        sets[count++] = server->shape.sets[i];
    const char *const environment[] = {NULL};
    struct config *config =
        config_load(NULL, (struct bytes){0}, environment, sets, count, &reporter);
    assert_non_null(config);
    return config;
}

struct lasting {
    struct completion completion;
    bool is_done;
    int32_t result;
};

static void lasting_done(struct completion *completion, int32_t result)
{
    struct lasting *lasting = container_of(completion, struct lasting, completion);
    lasting->is_done = true;
    lasting->result = result;
}

void server_serve(struct server *server)
{
    struct lasting started = {0};
    completion_init(&started.completion, lasting_done);
    broker_start(server->broker, &started.completion);
    server_turn_until(server, &started.is_done);
    assert_int_equal(started.result, STATUS_OK);
}

void server_open(struct server *server, const struct server_shape *shape)
{
    assert_null(server->broker);
    server->shape = shape == NULL ? (struct server_shape){0} : *shape;
    server->core_count = server->shape.core_count == 0 ? 2 : server->shape.core_count;
    server->log_size = 0;
    server->log_text[0] = '\0';
    server->doors = server->harness->open(server->harness, server->core_count, &server->client_io);
    assert_non_null(server->doors);
}

enum status server_create_broker(struct server *server, uint16_t port)
{
    size_t memory_bytes = server->shape.memory_bytes;
    config_destroy(server->config);
    server->config = load_config(server, port);
    const struct broker_options options = {
        .doors = server->doors,
        .core_count = server->core_count,
        .config = server->config,
        .logger = &server->logger,
        .journal_file_bytes = JOURNAL_FILE_BYTES,
        .open_files_max = server->shape.open_files_max,
        .memory_bytes =
            memory_bytes == 0 ? MEMORY_BYTES * (size_t)server->core_count : memory_bytes,
    };
    enum status status = broker_create(&options, &server->broker);
    if (status == STATUS_OK)
        server->port = broker_listener_port(server->broker, 0);
    return status;
}

void server_start(struct server *server, const struct server_shape *shape)
{
    server_open(server, shape);
    assert_int_equal(server_create_broker(server, server->harness->port), STATUS_OK);
    server_serve(server);
}

struct stopping {
    struct completion completion;
    bool *has_stopped;
};

static void stopping_done(struct completion *completion, int32_t result)
{
    struct stopping *stopping = container_of(completion, struct stopping, completion);
    assert_int_equal(result, STATUS_OK);
    *stopping->has_stopped = true;
    free(stopping);
}

void server_begin_stop(struct server *server, bool *has_stopped)
{
    struct stopping *stopping = calloc(1, sizeof *stopping);
    assert_non_null(stopping);
    *has_stopped = false;
    stopping->has_stopped = has_stopped;
    completion_init(&stopping->completion, stopping_done);
    broker_stop(server->broker, &stopping->completion);
}

static void peer_closed(struct completion *completion, int32_t result)
{
    container_of(completion, struct peer, closed)->has_closed = true;
}

/* Clients live as long as their door, calls until the last of them has landed. */
static void close_clients(struct server *server)
{
    struct list_node *node;
    while ((node = list_pop_front(&server->peers)) != NULL) {
        struct peer *peer = container_of(node, struct peer, node);
        completion_init(&peer->closed, peer_closed);
        client_close(&peer->client, &peer->closed);
        server_turn_until(server, &peer->has_closed);
        client_deinit(&peer->client);
        free(peer);
    }
    while ((node = list_pop_front(&server->calls)) != NULL) {
        struct asked *asked = container_of(node, struct asked, node);
        client_call_deinit(&asked->call);
        free(asked);
    }
}

void server_bury(struct server *server)
{
    close_clients(server);
    broker_destroy(server->broker);
    server->broker = NULL;
    io_timer_cancel(server->client_io, &server->watchdog);
    server->harness->close(server->harness);
    config_destroy(server->config);
    server->config = NULL;
}

void server_stop(struct server *server)
{
    bool has_stopped;
    server_begin_stop(server, &has_stopped);
    server_turn_until(server, &has_stopped);
    server_bury(server);
}

/* --- Clients ---------------------------------------------------------------------------------- */

struct client *server_client(struct server *server)
{
    struct peer *peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    struct client_options options = {
        .io = server->client_io, .client_id = "suite", .pipeline_max = 1000, .retry_ns = 1000000};
    assert_int_equal(io_address_parse(server->harness->host, server->port, &options.address),
                     STATUS_OK);
    client_init(&peer->client, &options);
    list_node_init(&peer->node);
    list_push_back(&server->peers, &peer->node);
    return &peer->client;
}

static void asked_landed(struct completion *completion, int32_t result)
{
    struct client_call *call = container_of(completion, struct client_call, completion);
    struct asked *asked = container_of(call, struct asked, call);
    assert_false(asked->has_landed);
    asked->has_landed = true;
    asked->result = result;
}

struct asked *server_ask(struct server *server)
{
    struct asked *asked = calloc(1, sizeof *asked);
    assert_non_null(asked);
    client_call_init(&asked->call, asked_landed);
    list_node_init(&asked->node);
    list_push_back(&server->calls, &asked->node);
    return asked;
}

int32_t server_wait(struct server *server, struct asked *asked)
{
    server_turn_until(server, &asked->has_landed);
    return asked->result;
}

void server_answered(struct server *server, struct asked *asked)
{
    assert_int_equal(server_wait(server, asked), STATUS_OK);
}

void server_expect_closed(struct server *server, struct asked *asked)
{
    assert_int_equal(server_wait(server, asked), STATUS_CLOSED);
}

/* --- Errands ---------------------------------------------------------------------------------- */

struct client_partition server_create(struct server *server, struct client *client,
                                      const char *name, int32_t partition_count)
{
    struct asked *asked = server_ask(server);
    struct client_created created;
    client_create_topic(client, &asked->call, bytes_of_text(name), partition_count);
    server_answered(server, asked);
    assert_int_equal(client_created_taken(&asked->call, &created), STATUS_OK);
    assert_int_equal(created.error, KAFKA_NONE);
    assert_false(uuid_is_zero(created.topic_id));
    return (struct client_partition){bytes_of_text(name), created.topic_id, 0};
}

struct client_partition server_topic(struct server *server, struct client *client,
                                     int32_t partition_count)
{
    char name[32];
    int size = snprintf(name, sizeof name, "topic-%u", server->topic_count++);
    const char *kept = arena_copy_text(&server->arena, name, (size_t)size);
    return server_create(server, client, kept, partition_count);
}

int16_t server_delete(struct server *server, struct client *client, struct bytes name)
{
    struct asked *asked = server_ask(server);
    int16_t error;
    client_delete_topic(client, &asked->call, name);
    server_answered(server, asked);
    assert_int_equal(client_deleted_taken(&asked->call, &error), STATUS_OK);
    return error;
}

uint32_t server_core_of(const struct server *server, struct client_partition partition)
{
    return partition_home_core(partition.topic_id, partition.index, server->core_count);
}

struct bytes server_make(struct server *server, const struct server_batch *shape)
{
    struct batch_options options = batch_options_plain;
    struct batch_builder builder;
    struct bytes batch;
    if (shape->producer != NULL) {
        options.producer_id = shape->producer->id;
        options.producer_epoch = shape->producer->epoch;
        options.base_sequence = shape->sequence;
    }
    uint32_t value_size = shape->value_size == 0 ? 10 : shape->value_size;
    uint32_t record_count = shape->record_count == 0 ? 1 : shape->record_count;
    uint8_t *value = arena_allocate(&server->arena, value_size);
    assert_non_null(value);
    memset(value, 'v', value_size);
    batch_builder_init(&builder, &options, &server->arena);
    for (uint32_t i = 0; i < record_count; i++)
        batch_builder_append_simple(&builder, shape->timestamp_ms + i, (struct bytes){0},
                                    bytes_of(value, value_size));
    assert_int_equal(batch_builder_finish(&builder, &batch), STATUS_OK);
    return batch;
}

struct asked *server_produce(struct server *server, struct client *client,
                             struct client_partition partition, struct bytes batch)
{
    struct asked *asked = server_ask(server);
    const struct client_produce produce = {
        .partition = partition, .acks = CLIENT_ACKS_ALL, .batch = batch};
    client_produce_batch(client, &asked->call, &produce);
    return asked;
}

struct client_produced server_produced(struct server *server, struct asked *asked)
{
    struct client_produced produced;
    server_answered(server, asked);
    assert_int_equal(client_produced_taken(&asked->call, &produced), STATUS_OK);
    return produced;
}

int64_t server_put(struct server *server, struct client *client, struct client_partition partition,
                   const struct server_batch *shape)
{
    struct bytes batch = server_make(server, shape);
    struct client_produced produced =
        server_produced(server, server_produce(server, client, partition, batch));
    assert_int_equal(produced.error, KAFKA_NONE);
    return produced.base_offset;
}

struct asked *server_fetch(struct server *server, struct client *client,
                           struct client_partition partition, int64_t offset, int32_t wait_ms)
{
    struct asked *asked = server_ask(server);
    const struct client_fetch fetch = {
        .partition = partition, .offset = offset, .wait_ms = wait_ms, .min_bytes = 1};
    client_fetch_partition(client, &asked->call, &fetch);
    return asked;
}

struct client_fetched server_fetched(struct server *server, struct asked *asked)
{
    struct client_fetched fetched;
    server_answered(server, asked);
    assert_int_equal(client_fetched_taken(&asked->call, &fetched), STATUS_OK);
    return fetched;
}

struct client_listed server_list(struct server *server, struct client *client,
                                 struct client_partition partition, int64_t timestamp)
{
    struct asked *asked = server_ask(server);
    struct client_listed listed;
    client_list_offset(client, &asked->call, &partition, timestamp);
    server_answered(server, asked);
    assert_int_equal(client_listed_taken(&asked->call, &listed), STATUS_OK);
    return listed;
}

uint32_t server_count(struct bytes records)
{
    uint32_t count = 0;
    int64_t next_offset = 0;
    struct bytes batch;
    while (batch_next(&records, &batch) == STATUS_OK) {
        struct batch_header header;
        assert_int_equal(batch_header_read(batch, &header), STATUS_OK);
        assert_true(batch_crc_is_right(batch));
        assert_true(header.base_offset >= next_offset);
        next_offset = batch_last_offset(&header) + 1;
        count += (uint32_t)header.record_count;
    }
    return count;
}

struct client_producer server_producer(struct server *server, struct client *client)
{
    struct asked *asked = server_ask(server);
    struct client_producer producer;
    int16_t error;
    client_new_producer(client, &asked->call);
    server_answered(server, asked);
    assert_int_equal(client_new_producer_taken(&asked->call, &error, &producer), STATUS_OK);
    assert_int_equal(error, KAFKA_NONE);
    return producer;
}

/* --- Cases ------------------------------------------------------------------------------------ */

int server_setup(void **state)
{
    struct server *server = calloc(1, sizeof *server);
    assert_non_null(server);
    server->harness = *state;
    server->harness->reset(server->harness);
    server->sink = (struct log_sink){.write = keep_line, .now_ms = keep_now_ms};
    server->logger = (struct logger){.sink = &server->sink, .level = LOG_INFO, .core = -1};
    list_init(&server->peers);
    list_init(&server->calls);
    timer_init(&server->watchdog, watchdog_fired);
    arena_init(&server->arena, ARENA_BYTES_MAX);
    *state = server;
    return 0;
}

/* A case that failed may have left the broker running; that is not the next one's business. */
int server_teardown(void **state)
{
    struct server *server = *state;
    if (server->broker != NULL)
        server_stop(server);
    arena_deinit(&server->arena);
    free(server);
    return 0;
}
