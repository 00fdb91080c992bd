#include "tests/consumer-groups/consumer_rig.h"

#include "base/assert.h"
#include "consumer-groups/group_record.h"
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY_LIMIT_BYTES = 256 * 1024 * 1024, BROKER_ID = 1 };

static const struct hash_seed seed = {{1, 2}};

/* --- Topics ----------------------------------------------------------------------------------- */

static void apply(struct image_delta *delta, const struct metadata_record *record)
{
    assert_int_equal(image_delta_apply(delta, record), STATUS_OK);
}

static void add_topic(struct image_delta *delta, struct uuid id, const char *name, uint32_t count)
{
    apply(delta, &(struct metadata_record){.kind = METADATA_TOPIC,
                                           .topic = {.topic_id = id, .name = bytes_of_text(name)}});
    int32_t replicas[] = {BROKER_ID};
    struct uuid directories[] = {UUID_NONE};
    for (uint32_t p = 0; p < count; p++)
        apply(delta, &(struct metadata_record){.kind = METADATA_PARTITION,
                                               .partition = {.topic_id = id,
                                                             .partition = (int32_t)p,
                                                             .replicas = replicas,
                                                             .replicas_count = 1,
                                                             .in_sync = replicas,
                                                             .in_sync_count = 1,
                                                             .leader = BROKER_ID,
                                                             .directories = directories,
                                                             .directories_count = 1}});
}

static struct uuid topic_id(const struct consumer_rig *rig, const char *name, bool is_new)
{
    const struct image_topic *known = image_topic_by_name(rig->image, bytes_of_text(name));
    if (known != NULL && !is_new)
        return known->id;
    struct uuid id = UUID_NONE;
    /* In the order of the names, so that sets read well. */
    memcpy(&id, name, strnlen(name, 8));
    memcpy((uint8_t *)&id + 8, &rig->image_offset, sizeof rig->image_offset);
    return id;
}

static void make_image(struct consumer_rig *rig, const char *topics)
{
    struct image *empty = image_create();
    struct image_delta *delta = image_delta_create(empty);
    char copy[1024];
    char *rest = NULL;
    rig->image_offset++;
    snprintf(copy, sizeof copy, "%s", topics);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *count = strchr(word, ':');
        bool is_new = word[strlen(word) - 1] == '!';
        *count++ = 0;
        add_topic(delta, topic_id(rig, word, is_new), word, (uint32_t)atoi(count));
    }
    image_release(empty);
    image_release(rig->image);
    rig->image = image_delta_finish(delta, rig->image_offset, BROKER_ID);
    rig->turn.image = rig->image;
}

/* --- Turns ------------------------------------------------------------------------------------ */

void consumer_rig_end_turn(struct consumer_rig *rig)
{
    assert_int_equal(rig->writer.status, STATUS_OK);
    const struct group_record *record;
    list_for_each_entry (record, &rig->writer.records, node)
        group_writer_put(&rig->history, record->key, record->value);
    group_writer_reset(&rig->writer);
    consumer_rig_check(rig);
}

void consumer_rig_init(struct consumer_rig *rig, const char *topics)
{
    memset(rig, 0, sizeof *rig);
    rig->settings = (struct group_settings){
        .consumer_session_timeout_ms = 45 * 1000,
        .consumer_heartbeat_interval_ms = 5 * 1000,
        .consumer_size_max = 100,
        .has_consumer_protocol = true,
        .assignors = {.items = {&assignor_uniform, &assignor_range}, .count = 2},
        .consumer_regex_refresh_interval_ms = 600 * 1000,
    };
    rig->memory.limit_bytes = MEMORY_LIMIT_BYTES;
    group_writer_init(&rig->writer, MEMORY_LIMIT_BYTES);
    group_writer_init(&rig->history, MEMORY_LIMIT_BYTES);
    list_init(&rig->turn.answered);
    rig->turn.now_ms = 1000;
    rig->turn.wall_ms = 1000000;
    rig->turn.settings = &rig->settings;
    rig->turn.memory = &rig->memory;
    rig->turn.writer = &rig->writer;
    rig->image = image_create();
    make_image(rig, topics);
    consumer_init(&rig->group, bytes_of_text("group"), seed);
}

void consumer_rig_deinit(struct consumer_rig *rig)
{
    consumer_deinit(&rig->group, &rig->memory);
    assert_int_equal(rig->memory.used_bytes, 0);
    group_writer_deinit(&rig->writer);
    group_writer_deinit(&rig->history);
    image_release(rig->image);
}

void consumer_rig_topics(struct consumer_rig *rig, const char *topics)
{
    make_image(rig, topics);
    consumer_topics_changed(&rig->group, &rig->turn);
    consumer_rig_end_turn(rig);
}

void consumer_rig_pass(struct consumer_rig *rig, int64_t ms)
{
    int64_t end_ms = rig->turn.now_ms + ms;
    for (;;) {
        int64_t deadline_ms = consumer_deadline_ms(&rig->group);
        if (deadline_ms > end_ms)
            break;
        if (rig->turn.now_ms < deadline_ms)
            rig->turn.now_ms = deadline_ms;
        consumer_tick(&rig->group, &rig->turn);
        consumer_rig_end_turn(rig);
    }
    rig->turn.now_ms = end_ms;
}

/* --- Heartbeats ------------------------------------------------------------------------------- */

static struct bytes text_or_null(const char *text)
{
    return text == NULL ? (struct bytes){NULL, 0} : bytes_of_text(text);
}

static void ask_topics(const struct beat *beat, struct arena *arena,
                       struct consumer_group_heartbeat_request *in)
{
    if (beat->topics == NULL)
        return;
    in->subscribed_topic_names = arena_allocate_array(arena, RIG_TOPICS_MAX, sizeof(struct bytes));
    char *rest = NULL;
    char *copy = arena_copy_text(arena, beat->topics, strlen(beat->topics));
    for (char *name = strtok_r(copy, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest))
        in->subscribed_topic_names[in->subscribed_topic_names_count++] = bytes_of_text(name);
}

typedef struct consumer_group_heartbeat_request_topic_partitions owned_topic;

static void ask_owned(const struct beat *beat, struct arena *arena,
                      struct consumer_group_heartbeat_request *in)
{
    if (!beat->tells_owned && beat->epoch != MEMBER_EPOCH_JOIN)
        return;
    owned_topic *topics = arena_allocate_array(arena, beat->owned.count, sizeof *topics);
    for (uint32_t i = 0; i < beat->owned.count; i++) {
        topics[i].topic_id = beat->owned.items[i].topic_id;
        topics[i].partitions = &beat->owned.items[i].partition;
        topics[i].partitions_count = 1;
    }
    in->topic_partitions = topics;
    in->topic_partitions_count = beat->owned.count;
}

static void hear(const struct consumer_group_heartbeat_response *out, struct heard *heard)
{
    memset(heard, 0, sizeof *heard);
    heard->error_code = out->error_code;
    heard->epoch = out->member_epoch;
    heard->assigned = (struct partition_set){heard->items, 0, RIG_OWNED_MAX};
    heard->has_assignment = out->assignment != NULL;
    snprintf(heard->message, sizeof heard->message, "%.*s", (int)out->error_message.size,
             (const char *)out->error_message.data);
    snprintf(heard->member_id, sizeof heard->member_id, "%.*s", (int)out->member_id.size,
             (const char *)out->member_id.data);
    for (uint32_t t = 0; heard->has_assignment && t < out->assignment->topic_partitions_count;
         t++) {
        for (uint32_t p = 0; p < out->assignment->topic_partitions[t].partitions_count; p++) {
            const struct partition_item item = {
                .topic_id = out->assignment->topic_partitions[t].topic_id,
                .partition = out->assignment->topic_partitions[t].partitions[p],
            };
            partition_set_push(&heard->assigned, &item);
        }
    }
}

void consumer_rig_beat(struct consumer_rig *rig, const struct beat *beat, struct heard *heard)
{
    struct arena arena;
    arena_init(&arena, MEMORY_LIMIT_BYTES);
    struct consumer_group_heartbeat_request in;
    consumer_group_heartbeat_request_init(&in);
    in.group_id = bytes_of_text("group");
    in.member_id = bytes_of_text(beat->member);
    in.member_epoch = beat->epoch;
    in.instance_id = text_or_null(beat->instance);
    in.rack_id = text_or_null(beat->rack);
    in.server_assignor = text_or_null(beat->assignor);
    in.subscribed_topic_regex = text_or_null(beat->pattern);
    if (beat->rebalance_timeout_ms != 0)
        in.rebalance_timeout_ms = beat->rebalance_timeout_ms;
    else if (beat->epoch == MEMBER_EPOCH_JOIN)
        in.rebalance_timeout_ms = 60 * 1000;
    ask_topics(beat, &arena, &in);
    ask_owned(beat, &arena, &in);

    struct consumer_group_heartbeat_call call = {.in = &in};
    call.call.version = beat->is_version_0 ? 0 : 1;
    call.call.client_id = bytes_of_text("client");
    call.call.client_host = bytes_of_text("/127.0.0.1");
    call.call.arena = &arena;
    list_node_init(&call.call.node);
    memset(&rig->turn.fresh_id, 7, sizeof rig->turn.fresh_id);
    consumer_heartbeat(&rig->group, &rig->turn, &call);
    assert_ptr_equal(list_pop_front(&rig->turn.answered), &call.call.node);
    hear(&call.out, heard);
    arena_deinit(&arena);
    consumer_rig_end_turn(rig);
}

/* --- Showing ---------------------------------------------------------------------------------- */

static void say(struct consumer_rig *rig, const char *format, ...)
{
    size_t size = strlen(rig->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(rig->text + size, RIG_TEXT_SIZE - size, format, arguments);
    va_end(arguments);
}

static void say_set(struct consumer_rig *rig, const struct partition_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        say(rig, " %.8s-%d", (const char *)&set->items[i].topic_id, set->items[i].partition);
}

const char *consumer_rig_show(struct consumer_rig *rig, const struct heard *heard)
{
    rig->text[0] = 0;
    if (heard->error_code != KAFKA_NONE) {
        say(rig, "%s", kafka_error_name(heard->error_code));
        return rig->text;
    }
    say(rig, "ok %d%s", heard->epoch, heard->has_assignment ? ":" : "");
    say_set(rig, &heard->assigned);
    return rig->text;
}

/* Members in the order of their ids: records do not keep the order in which they joined. */
static const struct consumer_member *next_member(const struct consumer_group *group,
                                                 const struct consumer_member *after)
{
    const struct consumer_member *best = NULL;
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node) {
        bool is_behind = after == NULL || bytes_compare(member->id, after->id) > 0;
        if (is_behind && (best == NULL || bytes_compare(member->id, best->id) < 0))
            best = member;
    }
    return best;
}

const char *consumer_rig_show_group(struct consumer_rig *rig, const struct consumer_group *group)
{
    rig->text[0] = 0;
    say(rig, "%s %d/%d\n", consumer_state_name(group), group->epoch, group->assignment_epoch);
    const struct consumer_member *member = NULL;
    while ((member = next_member(group, member)) != NULL) {
        say(rig, "%.*s %d<%d state %d has", (int)member->id.size, (const char *)member->id.data,
            member->position.epoch, member->position.previous_epoch, (int)member->position.state);
        say_set(rig, &member->position.assigned);
        say(rig, " gives up");
        say_set(rig, &member->position.revoking);
        say(rig, " target");
        say_set(rig, &member->target);
        say(rig, "\n");
    }
    return rig->text;
}

/* --- Checking --------------------------------------------------------------------------------- */

static size_t check_set(const struct consumer_group *group, const struct partition_set *set,
                        int32_t epoch)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct partition_item *item = &set->items[i];
        assert_int_equal(partition_owners_epoch(&group->owners, item->topic_id, item->partition),
                         epoch);
    }
    return set->count;
}

void consumer_rig_check(struct consumer_rig *rig)
{
    const struct consumer_group *group = &rig->group;
    size_t owned_count = 0;
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node) {
        const struct member_position *position = &member->position;
        assert_true(position->epoch <= group->assignment_epoch);
        owned_count += check_set(group, &position->assigned, position->epoch);
        owned_count += check_set(group, &position->revoking, position->epoch);
    }
    assert_int_equal(owned_count, group->owners.map.count);
    assert_true(group->assignment_epoch <= group->epoch);
}

static enum status restore_one(struct consumer_rig *rig, struct consumer_group *group,
                               struct arena *arena, const struct group_record_view *view)
{
    bool is_gone = view->is_tombstone;
    switch (view->kind) {
    case GROUP_RECORD_CONSUMER:
        return is_gone ? STATUS_OK : consumer_restore_group(group, &view->consumer);
    case GROUP_RECORD_CONSUMER_TARGET_EPOCH:
        return is_gone ? STATUS_OK : consumer_restore_target_epoch(group, &view->target_epoch);
    case GROUP_RECORD_CONSUMER_MEMBER:
        return consumer_restore_member(group, &rig->memory, view->member_id,
                                       is_gone ? NULL : &view->member);
    case GROUP_RECORD_CONSUMER_TARGET:
        return consumer_restore_target(group, &rig->memory, view->member_id,
                                       is_gone ? NULL : &view->target);
    case GROUP_RECORD_CONSUMER_CURRENT:
        return consumer_restore_current(group, &rig->memory, arena, view->member_id,
                                        is_gone ? NULL : &view->current);
    case GROUP_RECORD_CONSUMER_PATTERN:
        return consumer_restore_pattern(group, &rig->turn, view->pattern,
                                        is_gone ? NULL : &view->regular_expression);
    case GROUP_RECORD_UNKNOWN:
    case GROUP_RECORD_OFFSET:
    case GROUP_RECORD_CLASSIC: fail_msg("a foreign record");
    }
    return STATUS_MALFORMED;
}

/* How many records were passed over. */
static uint32_t restore_all(struct consumer_rig *rig, struct consumer_group *group,
                            rig_alter *alter, const void *how)
{
    uint32_t malformed_count = 0;
    const struct group_record *record;
    list_for_each_entry (record, &rig->history.records, node) {
        struct group_record_view view;
        struct arena arena;
        arena_init(&arena, MEMORY_LIMIT_BYTES);
        assert_int_equal(group_record_read(record->key, record->value, &arena, &view), STATUS_OK);
        if (alter != NULL)
            alter(&view, how);
        enum status status = restore_one(rig, group, &arena, &view);
        assert_true(status == STATUS_OK || status == STATUS_MALFORMED);
        malformed_count += status == STATUS_MALFORMED;
        arena_deinit(&arena);
    }
    return malformed_count;
}

uint32_t consumer_rig_reload(struct consumer_rig *rig, rig_alter *alter, const void *how)
{
    consumer_deinit(&rig->group, &rig->memory);
    consumer_init(&rig->group, bytes_of_text("group"), seed);
    uint32_t malformed_count = restore_all(rig, &rig->group, alter, how);
    consumer_restored(&rig->group, &rig->turn);
    consumer_rig_end_turn(rig);
    return malformed_count;
}

void consumer_rig_check_restored(struct consumer_rig *rig)
{
    struct consumer_group restored;
    consumer_init(&restored, bytes_of_text("group"), seed);
    assert_int_equal(restore_all(rig, &restored, NULL, NULL), 0);
    char *wanted = strdup(consumer_rig_show_group(rig, &rig->group));
    assert_string_equal(consumer_rig_show_group(rig, &restored), wanted);
    free(wanted);
    consumer_restored(&restored, &rig->turn);
    group_writer_reset(&rig->writer);
    consumer_deinit(&restored, &rig->memory);
}
