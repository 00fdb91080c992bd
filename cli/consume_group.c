/* A record counts as read when it has left for stdout: offsets are stored after a flush only, and
 * librdkafka commits what is stored, every few seconds, when partitions go to another member, and
 * at the end. So nothing is lost if the tool is killed, and what is printed may at worst be printed
 * again.
 *
 *   printed ── flush ──▶ stored ── commit ──▶ the coordinator's
 */
#include "cli/consume_group.h"

#include "base/assert.h"
#include "cli/client.h"
#include "cli/kafka.h"

#include <stdio.h>
#include <string.h>

enum {
    WAIT_STEP_MS = 100,
    BATCH_RECORDS = 1000,
    PATTERN_SIZE_MAX = 1024,
};

static void forget_printed(struct consume_group *consume)
{
    if (consume->printed != NULL)
        rd_kafka_topic_partition_list_destroy(consume->printed);
    consume->printed = rd_kafka_topic_partition_list_new(1);
    consume->last = NULL;
}

/* Records of one partition mostly come together, so the last one is looked at first. The list may
 * move when it grows, which only adding does. */
static void note_printed(struct consume_group *consume, const rd_kafka_message_t *message)
{
    assert(consume->printed != NULL);
    const char *topic = rd_kafka_topic_name(message->rkt);
    rd_kafka_topic_partition_t *at = consume->last;
    if (at == NULL || at->partition != message->partition || strcmp(at->topic, topic) != 0)
        at = rd_kafka_topic_partition_list_find(consume->printed, topic, message->partition);
    if (at == NULL)
        at = rd_kafka_topic_partition_list_add(consume->printed, topic, message->partition);
    at->offset = message->offset + 1;
    consume->last = at;
}

/* A partition that has gone to another member meanwhile is refused, and that is right: the other
 * one reads these records again. Nothing is stored that stdout did not take. */
static void store_printed(struct consume_group *consume)
{
    if (fflush(stdout) == 0 && consume->printed->cnt > 0)
        rd_kafka_offsets_store(consume->kafka, consume->printed);
    forget_printed(consume);
}

/* Both kinds of assignment: as a whole, or by what comes and goes. What was printed of partitions
 * that go is stored before, for it is committed as they go. */
static void rebalanced(rd_kafka_t *kafka, rd_kafka_resp_err_t event,
                       rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct consume_group *consume = opaque;
    bool is_whole = strcmp(rd_kafka_rebalance_protocol(kafka), "COOPERATIVE") != 0;
    if (event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        if (is_whole)
            rd_kafka_assign(kafka, partitions);
        else
            rd_kafka_error_destroy(rd_kafka_incremental_assign(kafka, partitions));
        return;
    }
    store_printed(consume);
    if (is_whole)
        rd_kafka_assign(kafka, NULL);
    else
        rd_kafka_error_destroy(rd_kafka_incremental_unassign(kafka, partitions));
}

/* A commit that fails because the group has gone on without this member is no error of the user's,
 * but he should know that these records will be read again. */
static void committed(rd_kafka_t *kafka, rd_kafka_resp_err_t error,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct consume_group *consume = opaque;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    consume->has_failed = true;
    tool_error(consume->tool, "group %s: the last offsets are not committed: %s", consume->group,
               rd_kafka_err2str(error));
}

/* --- Joining -----------------------------------------------------------------------------------
 */

static bool connect_member(struct consume_group *consume)
{
    struct tool *tool = consume->tool;
    const char *rack = options_text(&tool->options, "rack");
    bool is_committed = options_has(&tool->options, "read-committed");
    const struct kafka_default defaults[] = {
        {"group.id", consume->group},
        {"auto.offset.reset", consume->from_end ? "latest" : "earliest"},
        {"enable.auto.offset.store", "false"},
        {"fetch.wait.max.ms", "250"},
        {"isolation.level", is_committed ? "read_committed" : "read_uncommitted"},
        {"client.rack", rack != NULL ? rack : ""},
        {NULL, NULL},
    };
    if (!client_probe(tool))
        return false;
    rd_kafka_conf_t *conf = kafka_configure(tool, defaults);
    if (conf == NULL)
        return false;
    rd_kafka_conf_set_opaque(conf, consume);
    rd_kafka_conf_set_rebalance_cb(conf, rebalanced);
    rd_kafka_conf_set_offset_commit_cb(conf, committed);
    consume->kafka = kafka_create(tool, RD_KAFKA_CONSUMER, conf);
    if (consume->kafka == NULL)
        return false;
    rd_kafka_poll_set_consumer(consume->kafka);
    return true;
}

/* librdkafka takes a name that begins with ^ for a pattern. */
static bool subscribe(struct consume_group *consume)
{
    struct tool *tool = consume->tool;
    bool is_regex = options_has(&tool->options, "regex");
    rd_kafka_topic_partition_list_t *topics =
        rd_kafka_topic_partition_list_new((int)tool->options.argument_count);
    for (uint32_t i = 0; i < tool->options.argument_count; i++) {
        char name[PATTERN_SIZE_MAX];
        snprintf(name, sizeof name, is_regex ? "^(%s)$" : "%s", tool->options.arguments[i]);
        rd_kafka_topic_partition_list_add(topics, name, RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_resp_err_t error = rd_kafka_subscribe(consume->kafka, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        tool_error(tool, "group %s: %s", consume->group, rd_kafka_err2str(error));
    return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* --- Reading -----------------------------------------------------------------------------------
 */

/* False: give up. What a broken connection says passes. */
static bool take_message(struct consume_group *consume, const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        consume_print_record(consume->print, message);
        note_printed(consume, message);
        return true;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return true;
    bool is_unknown = message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    tool_error(consume->tool, "%s%s", rd_kafka_message_errstr(message),
               is_unknown ? "; create it with 'tailrace topic create'" : "");
    return message->err == RD_KAFKA_RESP_ERR__TRANSPORT ||
           message->err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
           message->err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED;
}

/* A reader that went away is noticed by the error on stdout. */
static bool is_finished(const struct consume_group *consume)
{
    return (int64_t)consume->print->progress.record_count >= consume->record_limit ||
           ferror(stdout) != 0;
}

/* All that is there now, up to a batch; waits only for the first. */
static bool take_batch(struct consume_group *consume)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < BATCH_RECORDS && !is_finished(consume); i++) {
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(consume->kafka, i == 0 ? WAIT_STEP_MS : 0);
        if (message == NULL)
            break;
        ok = take_message(consume, message);
        rd_kafka_message_destroy(message);
    }
    store_printed(consume);
    return ok;
}

/* librdkafka has seen the log's end with the first fetch that went well. */
static bool was_fetched(const struct consume_group *consume, const rd_kafka_topic_partition_t *at)
{
    int64_t start = RD_KAFKA_OFFSET_INVALID;
    int64_t end = RD_KAFKA_OFFSET_INVALID;
    rd_kafka_get_watermark_offsets(consume->kafka, at->topic, at->partition, &start, &end);
    return end >= 0;
}

/* A partition that was never fetched begins where the group has committed, or at an edge of its
 * log. What cannot be found out now may be found out the next time. */
static void find_beginnings(struct consume_group *consume, rd_kafka_topic_partition_list_t *all)
{
    rd_kafka_topic_partition_list_t *committed = rd_kafka_topic_partition_list_new(1);
    for (int i = 0; i < all->cnt; i++)
        if (all->elems[i].offset < 0 && !was_fetched(consume, &all->elems[i]))
            rd_kafka_topic_partition_list_add(committed, all->elems[i].topic,
                                              all->elems[i].partition);
    if (committed->cnt > 0)
        rd_kafka_committed(consume->kafka, committed, tool_timeout_ms(consume->tool));
    for (int i = 0; i < committed->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &committed->elems[i];
        int64_t start = RD_KAFKA_OFFSET_INVALID;
        int64_t end = RD_KAFKA_OFFSET_INVALID;
        if (at->offset < 0)
            rd_kafka_query_watermark_offsets(consume->kafka, at->topic, at->partition, &start, &end,
                                             tool_timeout_ms(consume->tool));
        int64_t edge = consume->from_end ? end : start;
        rd_kafka_topic_partition_list_find(all, at->topic, at->partition)->offset =
            at->offset >= 0 ? at->offset : edge;
    }
    rd_kafka_topic_partition_list_destroy(committed);
}

static bool can_go_on(struct consume_group *consume)
{
    rd_kafka_topic_partition_list_t *positions;
    if (!consume_watch_is_due(&consume->watch) ||
        rd_kafka_assignment(consume->kafka, &positions) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    rd_kafka_position(consume->kafka, positions);
    find_beginnings(consume, positions);
    return consume_watch_look(&consume->watch, positions);
}

static enum exit_code consume_all(struct consume_group *consume)
{
    assert(consume->kafka != NULL);
    while (!is_finished(consume)) {
        if (kafka_is_interrupted(consume->interrupt))
            return EXIT_CODE_INTERRUPTED;
        if (!take_batch(consume) || !can_go_on(consume))
            return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}

/* Closing commits what is stored and tells the coordinator, so that the others need not wait until
 * the session of this member has ended. */
enum exit_code consume_group_run(struct consume_group *consume)
{
    assert(consume->group != NULL);
    assert(consume->kafka == NULL);
    enum exit_code code = EXIT_CODE_FAILED;
    if (!connect_member(consume))
        return code;
    forget_printed(consume);
    if (subscribe(consume)) {
        progress_start(&consume->print->progress, consume->tool, "consumed",
                       !consume->tool->out_is_terminal);
        consume_watch_start(&consume->watch, consume->tool, consume->kafka);
        code = consume_all(consume);
        consume_watch_stop(&consume->watch);
        rd_kafka_consumer_close(consume->kafka);
        progress_finish(&consume->print->progress, "");
    }
    rd_kafka_topic_partition_list_destroy(consume->printed);
    rd_kafka_destroy(consume->kafka);
    return consume->has_failed ? EXIT_CODE_FAILED : code;
}
