#include "tests/consumer-groups/table_rig.h"

#include "base/assert.h"
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"

#include <inttypes.h>
#include <stdio.h>

enum { MEMORY_BYTES = 16 << 20, TEXT_SIZE = 8192 };

static const struct hash_seed seed = {{3, 4}};

void table_rig_add_topic(struct table_rig *rig, const char *name, uint8_t id, int32_t partitions)
{
    rig->image = test_image_add_topic(rig->image, name, id, partitions);
    rig->turn.image = rig->image;
}

void table_rig_remove_topic(struct table_rig *rig, uint8_t id)
{
    rig->image = test_image_remove_topic(rig->image, id);
    rig->turn.image = rig->image;
}

void table_rig_init(struct table_rig *rig)
{
    *rig = (struct table_rig){
        .settings = {.session_timeout_ms_min = 6000,
                     .session_timeout_ms_max = 1800000,
                     .new_member_join_timeout_ms = 300000,
                     .size_max = 1000,
                     .offset_metadata_bytes_max = 10,
                     .offsets_retention_ms = 1000},
        .memory = {.limit_bytes = MEMORY_BYTES},
    };
    group_table_init(&rig->table, seed);
    group_writer_init(&rig->writer, MEMORY_BYTES);
    arena_init(&rig->arena, MEMORY_BYTES);
    rig->turn = (struct group_turn){
        .now_ms = 1000,
        .wall_ms = 5000000,
        .settings = &rig->settings,
        .memory = &rig->memory,
        .writer = &rig->writer,
    };
    list_init(&rig->turn.answered);
    table_rig_add_topic(rig, "t", 1, 4);
    table_rig_add_topic(rig, "u", 2, 4);
}

void table_rig_deinit(struct table_rig *rig)
{
    group_table_deinit(&rig->table, &rig->memory);
    assert_int_equal(rig->memory.used_bytes, 0);
    group_writer_deinit(&rig->writer);
    arena_deinit(&rig->arena);
    image_release(rig->image);
}

void table_rig_serve(struct table_rig *rig, struct group_call *call, enum group_call_kind kind,
                     int16_t version)
{
    arena_reset(&rig->arena);
    list_node_init(&call->node);
    call->kind = kind;
    call->version = version;
    call->client_id = bytes_of_text("client");
    call->client_host = bytes_of_text("/127.0.0.1");
    call->arena = &rig->arena;
    group_table_serve(&rig->table, &rig->turn, call);
    group_writer_end_turn(&rig->writer);
    assert_ptr_equal(list_pop_front(&rig->turn.answered), &call->node);
    assert_true(list_is_empty(&rig->turn.answered));
}

/* --- Records ---------------------------------------------------------------------------------- */

static int show(const struct group_record_view *view, char *text, size_t size)
{
    if (view->kind != GROUP_RECORD_OFFSET)
        return snprintf(text, size, "group %.*s=%s ", (int)view->group_id.size,
                        (const char *)view->group_id.data, view->is_tombstone ? "-" : "+");
    int shown = snprintf(text, size, "%.*s/%.*s/%d=", (int)view->group_id.size,
                         (const char *)view->group_id.data, (int)view->topic.size,
                         (const char *)view->topic.data, view->partition);
    text += shown;
    size -= (size_t)shown;
    return shown + (view->is_tombstone ? snprintf(text, size, "- ")
                                       : snprintf(text, size, "%" PRId64 " ", view->offset.offset));
}

const char *table_rig_records(struct table_rig *rig)
{
    static _Thread_local char text[TEXT_SIZE];
    size_t size = 0;
    struct group_record *record;
    text[0] = '\0';
    assert_int_equal(rig->writer.status, STATUS_OK);
    while ((record = group_writer_first(&rig->writer)) != NULL) {
        struct group_record_view view;
        assert_int_equal(group_record_read(record->key, record->value, &rig->arena, &view),
                         STATUS_OK);
        size += (size_t)show(&view, text + size, sizeof text - size);
        group_writer_take(&rig->writer, record);
    }
    return text;
}

void table_rig_reload(struct table_rig *rig)
{
    struct group_record *record;
    group_table_deinit(&rig->table, &rig->memory);
    assert_int_equal(rig->memory.used_bytes, 0);
    group_table_init(&rig->table, seed);
    list_for_each_entry (record, &rig->writer.records, node) {
        struct group_record_view view;
        assert_int_equal(group_record_read(record->key, record->value, &rig->arena, &view),
                         STATUS_OK);
        assert_int_equal(group_table_restore(&rig->table, &rig->turn, &rig->arena, &view),
                         STATUS_OK);
    }
}

/* --- Calls ------------------------------------------------------------------------------------ */

static struct bytes text_or_null(const char *text)
{
    return text == NULL ? (struct bytes){NULL, 0} : bytes_of_text(text);
}

int16_t table_rig_commit(struct table_rig *rig, const struct rig_commit *commit)
{
    struct offset_commit_request_partition partition = {
        .partition_index = commit->partition,
        .committed_offset = commit->offset,
        .committed_leader_epoch = -1,
        .committed_metadata = text_or_null(commit->metadata),
    };
    struct offset_commit_request_topic topic = {
        .name = text_or_null(commit->topic),
        .topic_id = numbered_id(commit->id),
        .partitions = &partition,
        .partitions_count = 1,
    };
    const struct offset_commit_request in = {
        .group_id = bytes_of_text(commit->group),
        .generation_id_or_member_epoch = commit->is_member ? 1 : -1,
        .member_id = bytes_of_text(commit->is_member ? "m" : ""),
        .retention_time_ms = commit->retention_ms == 0 ? -1 : commit->retention_ms,
        .topics = &topic,
        .topics_count = 1,
    };
    struct offset_commit_call call = {.in = &in};
    table_rig_serve(rig, &call.call, GROUP_CALL_COMMIT, commit->version == 0 ? 8 : commit->version);
    assert_int_equal(call.call.status, STATUS_OK);
    assert_int_equal(call.out.topics_count, 1);
    assert_int_equal(call.out.topics[0].partitions_count, 1);
    return call.out.topics[0].partitions[0].error_code;
}

int64_t table_rig_fetch(struct table_rig *rig, const char *group, const char *topic,
                        int32_t partition)
{
    struct offset_fetch_request_group_topic wanted = {
        .name = bytes_of_text(topic),
        .partition_indexes = &partition,
        .partition_indexes_count = 1,
    };
    const struct offset_fetch_request_group in = {
        .group_id = bytes_of_text(group),
        .member_epoch = -1,
        .topics = &wanted,
        .topics_count = 1,
    };
    struct offset_fetch_call call = {.in = &in};
    table_rig_serve(rig, &call.call, GROUP_CALL_FETCH, 9);
    assert_int_equal(call.call.status, STATUS_OK);
    if (call.out.error_code != KAFKA_NONE)
        return -1 - call.out.error_code;
    const struct offset_fetch_response_group_partition *found = &call.out.topics[0].partitions[0];
    return found->error_code == KAFKA_NONE ? found->committed_offset : -1 - found->error_code;
}
