/* Records that go: DeleteRecords, retention, and what readers are told afterwards. */
#include "storage/await.h"
#include "storage/path.h"
#include "tests/broker/server_cases.h"

enum { VERSIONS = 3, HIGH_WATERMARK = -1, DAY_MS = 86400000 };

struct deleted {
    int16_t error;
    int64_t low_watermark;
};

static struct asked *ask_deletion(struct server *server, struct client *client, int16_t version,
                                  struct client_partition at, int64_t offset)
{
    struct delete_records_request_partition partition = {.partition_index = at.index,
                                                         .offset = offset};
    struct delete_records_request_topic topic = {
        .name = at.topic, .partitions = &partition, .partitions_count = 1};
    struct delete_records_request request;
    delete_records_request_init(&request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = 30000;
    struct asked *asked = server_ask(server);
    client_delete_records(client, &asked->call, version, &request);
    return asked;
}

static struct deleted delete_records(struct server *server, struct client *client, int16_t version,
                                     struct client_partition at, int64_t offset)
{
    struct asked *asked = ask_deletion(server, client, version, at, offset);
    struct delete_records_response response;
    server_answered(server, asked);
    assert_int_equal(client_delete_records_answer(&asked->call, &response), STATUS_OK);
    assert_int_equal(response.topics_count, 1);
    assert_int_equal(response.topics[0].partitions_count, 1);
    assert_true(bytes_equal(response.topics[0].name, at.topic));
    const struct delete_records_response_partition *partition = &response.topics[0].partitions[0];
    assert_int_equal(partition->partition_index, at.index);
    return (struct deleted){partition->error_code, partition->low_watermark};
}

static void check_deleted(struct deleted deleted, int16_t error, int64_t low_watermark)
{
    assert_int_equal(deleted.error, error);
    assert_int_equal(deleted.low_watermark, low_watermark);
}

static int16_t fetch_error(struct server *server, struct client *client, struct client_partition at,
                           int64_t offset)
{
    return server_fetched(server, server_fetch(server, client, at, offset, 0)).error;
}

/* The log begins at `start` for everybody who asks, and ends at `end`. */
static void check_range(struct server *server, struct client *client, struct client_partition at,
                        int64_t start, int64_t end)
{
    assert_int_equal(server_list(server, client, at, CLIENT_EARLIEST).offset, start);
    assert_int_equal(server_list(server, client, at, CLIENT_LATEST).offset, end);
    assert_int_equal(fetch_error(server, client, at, start), KAFKA_NONE);
    if (start > 0)
        assert_int_equal(fetch_error(server, client, at, start - 1), KAFKA_OFFSET_OUT_OF_RANGE);
}

/* Every version moves the start of the log, from any core, and answers where it is now; below it
 * nothing is read, and a lower offset moves nothing back. */
static void records_are_deleted(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.core_count = 3});
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, VERSIONS);
    for (int16_t version = 0; version < VERSIONS; version++) {
        topic.index = version;
        for (uint32_t i = 0; i < 6; i++)
            server_put(server, client, topic, &(struct server_batch){.record_count = 2});
        check_deleted(delete_records(server, client, version, topic, 5), KAFKA_NONE, 5);
        check_range(server, client, topic, 5, 12);
        check_deleted(delete_records(server, client, version, topic, 2), KAFKA_NONE, 5);
        check_range(server, client, topic, 5, 12);
        struct deleted deleted = delete_records(server, client, version, topic, HIGH_WATERMARK);
        check_deleted(deleted, KAFKA_NONE, 12);
        check_range(server, client, topic, 12, 12);
    }
}

/* What cannot be deleted is refused, with Kafka's errors, and nothing changes. */
static void deletions_are_refused(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    server_put(server, client, topic, &(struct server_batch){.record_count = 3});
    check_deleted(delete_records(server, client, 2, topic, 4), KAFKA_OFFSET_OUT_OF_RANGE, -1);
    check_deleted(delete_records(server, client, 2, topic, -2), KAFKA_OFFSET_OUT_OF_RANGE, -1);
    check_range(server, client, topic, 0, 3);
    struct client_partition nowhere = topic;
    nowhere.index = 1;
    struct deleted deleted = delete_records(server, client, 2, nowhere, 0);
    check_deleted(deleted, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, -1);
    nowhere = (struct client_partition){.topic = bytes_of_text("never-made")};
    deleted = delete_records(server, client, 2, nowhere, 0);
    check_deleted(deleted, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, -1);
}

/* A topic that is only compacted keeps the newest of each key, whoever asks. */
static void compacted_topics_refuse(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.sets = {"log.cleanup.policy=compact"}});
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    check_deleted(delete_records(server, client, 2, topic, 0), KAFKA_POLICY_VIOLATION, -1);
    check_deleted(delete_records(server, client, 2, topic, 9), KAFKA_POLICY_VIOLATION, -1);
}

/* What has been answered holds after the broker has been stopped and started. */
static void deletion_outlives_the_broker(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 2);
    for (topic.index = 0; topic.index < 2; topic.index++)
        server_put(server, client, topic, &(struct server_batch){.record_count = 9});
    topic.index = 0;
    check_deleted(delete_records(server, client, 2, topic, 4), KAFKA_NONE, 4);
    server_stop(server);
    server_start(server, &(struct server_shape){.core_count = 1});
    client = server_client(server);
    check_range(server, client, topic, 4, 9);
    topic.index = 1;
    check_range(server, client, topic, 0, 9);
    assert_int_equal(server_put(server, client, topic, &(struct server_batch){0}), 9);
}

/* Retention goes by itself, each log.retention.check.interval.ms: records that are too old go, and
 * what comes after them is kept in its place. */
static void old_records_go(void **state)
{
    struct server *server = *state;
    server_start(server, &(struct server_shape){.sets = {"log.retention.ms=86400000",
                                                         "log.retention.check.interval.ms=20"}});
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 1);
    server_put(server, client, topic,
               &(struct server_batch){.record_count = 5, .timestamp_ms = DAY_MS});
    while (server_list(server, client, topic, CLIENT_EARLIEST).offset < 5)
        server_linger(server, 20);
    check_range(server, client, topic, 5, 5);
    assert_int_equal(server_put(server, client, topic, &(struct server_batch){0}), 5);
}

/* --- Directories that belong to nobody -------------------------------------------------------- */

struct listing {
    struct io_request request;
    bool has_landed;
};

static void listing_landed(struct completion *completion, int32_t result)
{
    container_of(completion, struct listing, request.completion)->has_landed = true;
}

static const char *topics_of(struct server *server)
{
    char *path = arena_allocate(&server->arena, PATH_SIZE);
    path_topics(server->harness->directory, path);
    return path;
}

/* Is there a name among the topics that begins and ends so? */
static bool has_topic(struct server *server, const char *begin, const char *end)
{
    struct listing listing = {0};
    completion_init(&listing.request.completion, listing_landed);
    io_list_directory(server->doors[0], &listing.request, topics_of(server), &server->arena);
    server_turn_until(server, &listing.has_landed);
    assert_int_equal(listing.request.completion.result, STATUS_OK);
    for (uint32_t i = 0; i < listing.request.listing.entry_count; i++) {
        const char *name = listing.request.listing.entries[i].name;
        size_t size = strlen(name);
        if (strncmp(name, begin, strlen(begin)) == 0 && size > strlen(end) &&
            strcmp(name + size - strlen(end), end) == 0)
            return true;
    }
    return false;
}

/* A directory as a topic has it that this cluster has never heard of. */
static void plant_topic(struct server *server)
{
    struct io *io = server->doors[0];
    struct log_id id = {.topic_id = {{9, 9, 9}}, .topic_name = bytes_of_text("foreign")};
    char path[PATH_SIZE];
    char file[PATH_SIZE];
    int32_t handle;
    uint64_t size_bytes;
    path_topic(server->harness->directory, &id, path);
    assert_int_equal(await_make_directory(io, path), STATUS_OK);
    path_partition(server->harness->directory, &id, path);
    assert_int_equal(await_make_directory(io, path), STATUS_OK);
    path_segment(path, 0, 0, file);
    assert_int_equal(await_open(io, file, IO_OPEN_CREATE, &handle, &size_bytes), STATUS_OK);
    assert_int_equal(await_close(io, handle), STATUS_OK);
}

/* The directory of a topic that the cluster does not know is set aside; what is left of a deleted
 * topic goes; a topic that is known stays as it is. */
static void strays_are_set_aside(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition known = server_create(server, client, "known", 1);
    struct client_partition gone = server_create(server, client, "gone", 1);
    server_put(server, client, known, &(struct server_batch){.record_count = 3});
    /* A large batch goes to its segment at once: there is a directory. */
    server_put(server, client, gone, &(struct server_batch){.value_size = 40000});
    assert_int_equal(server_delete(server, client, gone.topic), KAFKA_NONE);
    assert_true(has_topic(server, "gone-", ""));
    server_stop(server);

    server_open(server, NULL);
    plant_topic(server);
    assert_int_equal(server_create_broker(server, 0), STATUS_OK);
    server_serve(server);
    client = server_client(server);
    while (!has_topic(server, "foreign-", ".stray") || has_topic(server, "gone-", ""))
        server_linger(server, 1);
    assert_true(has_topic(server, "known-", ""));
    assert_false(has_topic(server, "known-", ".stray"));
    check_range(server, client, known, 0, 3);
}

uint32_t server_retention_cases(struct CMUnitTest *tests)
{
    const struct CMUnitTest cases[] = {
        SERVER_CASE(records_are_deleted),     SERVER_CASE(deletions_are_refused),
        SERVER_CASE(compacted_topics_refuse), SERVER_CASE(deletion_outlives_the_broker),
        SERVER_CASE(old_records_go),          SERVER_CASE(strays_are_set_aside),
    };
    return SERVER_CASES_ANSWER(tests, cases);
}
