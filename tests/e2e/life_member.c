/* A member of a living group, as tests/clients/life_history.py describes it: what it tells, and
 * when.
 *
 *   e2e_life_member SESSION_MS BROKERS GROUP TOPIC NAME --protocol classic */
#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PARTITIONS_MAX = 64,
    BATCH_MAX = 500,
    POLL_MS = 50,
    CALL_MS = 60000,
    COMMIT_MS = 300,
};

struct member {
    rd_kafka_t *kafka;
    const char *topic;
    int64_t next[PARTITIONS_MAX]; /* behind what was processed and is not committed; or -1 */
    int64_t committed_ms;
    /* Records that came one after the other from one partition, and are not told yet. */
    int run_partition; /* -1: none */
    int64_t run_first;
    int64_t run_last;
};

static volatile sig_atomic_t is_ending;

static void on_term(int number)
{
    is_ending = 1;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t now_ms(void)
{
    return now_ns() / 1000000;
}

static int partition_of(const rd_kafka_topic_partition_t *place)
{
    assert(place->partition >= 0 && place->partition < PARTITIONS_MAX);
    return place->partition;
}

/* --- Telling ---------------------------------------------------------------------------------- */

/* The time is that of the end: what is told is heard from then on. */
static void tell_end(void)
{
    printf(", \"at\": %lld}\n", (long long)now_ns());
    fflush(stdout);
}

static void tell_problem(const char *event, const char *text)
{
    printf("{\"event\": \"%s\", \"error\": \"%s\"", event, text);
    tell_end();
}

static void tell_places(const char *event, const rd_kafka_topic_partition_list_t *places)
{
    printf("{\"event\": \"%s\", \"partitions\": [", event);
    for (int i = 0; i < places->cnt; i++)
        printf("%s%d", i == 0 ? "" : ", ", partition_of(&places->elems[i]));
    printf("]");
}

static void tell_offsets(const char *name, const rd_kafka_topic_partition_list_t *places)
{
    printf("\"%s\": {", name);
    for (int i = 0; i < places->cnt; i++) {
        const rd_kafka_topic_partition_t *place = &places->elems[i];
        printf("%s\"%d\": %lld", i == 0 ? "" : ", ", partition_of(place),
               (long long)(place->offset < 0 ? -1 : place->offset));
    }
    printf("}");
}

static void tell_run(struct member *member)
{
    if (member->run_partition < 0)
        return;
    printf("{\"event\": \"records\", \"partition\": %d, \"first\": %lld, \"last\": %lld, "
           "\"count\": %lld",
           member->run_partition, (long long)member->run_first, (long long)member->run_last,
           (long long)(member->run_last - member->run_first + 1));
    tell_end();
    member->next[member->run_partition] = member->run_last + 1;
    member->run_partition = -1;
}

/* --- Committing ------------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *pending_of(const struct member *member)
{
    rd_kafka_topic_partition_list_t *pending = rd_kafka_topic_partition_list_new(1);
    for (int p = 0; p < PARTITIONS_MAX; p++)
        if (member->next[p] >= 0)
            rd_kafka_topic_partition_list_add(pending, member->topic, p)->offset = member->next[p];
    return pending;
}

static void commit(struct member *member)
{
    rd_kafka_topic_partition_list_t *pending = pending_of(member);
    member->committed_ms = now_ms();
    if (pending->cnt > 0) {
        rd_kafka_resp_err_t error = rd_kafka_commit(member->kafka, pending, false);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            printf("{\"event\": \"committed\", ");
            tell_offsets("offsets", pending);
            tell_end();
            for (int i = 0; i < pending->cnt; i++)
                member->next[pending->elems[i].partition] = -1;
        } else {
            tell_problem("commit-failed", rd_kafka_err2name(error));
        }
    }
    rd_kafka_topic_partition_list_destroy(pending);
}

/* --- Partitions come and go ------------------------------------------------------------------- */

/* Where nobody has committed, the topic begins at 0, for nothing of it is deleted. */
static void begin_at(rd_kafka_topic_partition_list_t *answered)
{
    for (int i = 0; i < answered->cnt; i++) {
        rd_kafka_topic_partition_t *place = &answered->elems[i];
        assert(place->offset >= 0 || place->offset == RD_KAFKA_OFFSET_INVALID);
        if (place->offset == RD_KAFKA_OFFSET_INVALID)
            place->offset = 0;
    }
}

/* It begins where it says that the broker told it to. Left to itself the client asks for the
 * offsets once more, and looks for the beginning where there is none. If the answer to that comes
 * after the partition has been given up, as when the broker was restarted in between, librdkafka
 * (2.0.2 to 2.15) asks again half a second later; and if the partition has been assigned anew by
 * then, it leaves the committed offset, at which it has begun, for the beginning. */
static void take(struct member *member, rd_kafka_topic_partition_list_t *places)
{
    tell_places("assigned", places);
    bool is_told = rd_kafka_committed(member->kafka, places, CALL_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (is_told) {
        printf(", ");
        tell_offsets("positions", places);
        begin_at(places);
    }
    tell_end();
    rd_kafka_assign(member->kafka, places);
}

static void give_up(struct member *member, const rd_kafka_topic_partition_list_t *places)
{
    bool is_lost = rd_kafka_assignment_lost(member->kafka);
    tell_run(member);
    if (!is_lost)
        commit(member);
    for (int i = 0; i < places->cnt; i++)
        member->next[partition_of(&places->elems[i])] = -1;
    tell_places(is_lost ? "lost" : "revoked", places);
    tell_end();
}

static void on_rebalance(rd_kafka_t *kafka, rd_kafka_resp_err_t what,
                         rd_kafka_topic_partition_list_t *places, void *opaque)
{
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        take(opaque, places);
    } else {
        give_up(opaque, places);
        rd_kafka_assign(kafka, NULL);
    }
}

/* --- The client ------------------------------------------------------------------------------- */

static void on_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char problem[256];
    if (rd_kafka_conf_set(conf, name, value, problem, sizeof problem) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s=%s: %s\n", name, value, problem);
        exit(2);
    }
}

static void create(struct member *member, char **words)
{
    char problem[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "session.timeout.ms", words[0]);
    set(conf, "bootstrap.servers", words[1]);
    set(conf, "group.id", words[2]);
    set(conf, "client.id", words[4]);
    set(conf, "heartbeat.interval.ms", "400");
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "reconnect.backoff.ms", "20");
    set(conf, "reconnect.backoff.max.ms", "200");
    rd_kafka_conf_set_opaque(conf, member);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_log_cb(conf, on_log);
    member->kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, problem, sizeof problem);
    if (member->kafka == NULL) {
        fprintf(stderr, "%s\n", problem);
        exit(2);
    }
    rd_kafka_poll_set_consumer(member->kafka);
}

static void subscribe(const struct member *member)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, member->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t error = rd_kafka_subscribe(member->kafka, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        tell_problem("problem", rd_kafka_err2name(error));
        exit(1);
    }
}

static void process(struct member *member, const rd_kafka_message_t *message)
{
    assert(message->partition >= 0 && message->partition < PARTITIONS_MAX);
    if (message->partition != member->run_partition || message->offset != member->run_last + 1) {
        tell_run(member);
        member->run_partition = message->partition;
        member->run_first = message->offset;
    }
    member->run_last = message->offset;
}

/* Partitions may come and go in here. */
static void poll(struct member *member)
{
    for (int i = 0; i < BATCH_MAX; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(member->kafka, i == 0 ? POLL_MS : 0);
        if (message == NULL)
            break;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            process(member, message);
        rd_kafka_message_destroy(message);
    }
    tell_run(member);
}

static void leave(struct member *member)
{
    commit(member);
    rd_kafka_consumer_close(member->kafka);
    printf("{\"event\": \"left\"");
    tell_end();
    rd_kafka_destroy(member->kafka);
}

int main(int argument_count, char **arguments)
{
    struct member member = {.run_partition = -1};
    if (argument_count != 8 || strcmp(arguments[6], "--protocol") != 0 ||
        strcmp(arguments[7], "classic") != 0) {
        fprintf(stderr, "usage: e2e_life_member SESSION_MS BROKERS GROUP TOPIC NAME "
                        "--protocol classic\n");
        return 2;
    }
    for (int p = 0; p < PARTITIONS_MAX; p++)
        member.next[p] = -1;
    signal(SIGTERM, on_term);
    member.topic = arguments[4];
    create(&member, arguments + 1);
    subscribe(&member);
    while (!is_ending) {
        poll(&member);
        if (now_ms() >= member.committed_ms + COMMIT_MS)
            commit(&member);
    }
    leave(&member);
    return 0;
}
