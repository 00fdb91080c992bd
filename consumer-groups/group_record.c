/* A record is read in two steps, its key and then its value, because what the value is only the key
 * says. Nothing is believed beyond what a codec has checked; what a group makes of it is checked
 * there. */
#include "consumer-groups/group_record.h"

#include "base/assert.h"
#include "consumer-groups/group_writer.h"

/* Of an offset before Kafka had versions of keys. */
enum { LEGACY_OFFSET_COMMIT_KEY = 0 };

/* Every key has one version only; the number in front of it is its kind. */
enum { KEY_VERSION = 0 };

enum {
    OFFSET_VALUE_EXPIRES = 1,
    OFFSET_VALUE_PLAIN = 3,
    OFFSET_VALUE_TOPIC_ID = 4,
};

/* --- Reading ---------------------------------------------------------------------------------- */

static enum group_record_kind kind_of(int16_t number)
{
    switch (number) {
    case LEGACY_OFFSET_COMMIT_KEY:
    case OFFSET_COMMIT_KEY_KEY: return GROUP_RECORD_OFFSET;
    case GROUP_METADATA_KEY_KEY: return GROUP_RECORD_CLASSIC;
    case CONSUMER_GROUP_METADATA_KEY_KEY: return GROUP_RECORD_CONSUMER;
    case CONSUMER_GROUP_MEMBER_METADATA_KEY_KEY: return GROUP_RECORD_CONSUMER_MEMBER;
    case CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY_KEY:
        return GROUP_RECORD_CONSUMER_TARGET_EPOCH;
    case CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY_KEY: return GROUP_RECORD_CONSUMER_TARGET;
    case CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY_KEY: return GROUP_RECORD_CONSUMER_CURRENT;
    case CONSUMER_GROUP_REGULAR_EXPRESSION_KEY_KEY: return GROUP_RECORD_CONSUMER_PATTERN;
    default: return GROUP_RECORD_UNKNOWN;
    }
}

static enum status read_offset_key(struct reader *reader, struct arena *arena,
                                   struct group_record_view *view)
{
    struct offset_commit_key key;
    enum status status = offset_commit_key_decode(reader, KEY_VERSION, arena, &key);
    view->group_id = key.group;
    view->topic = key.topic;
    view->partition = key.partition;
    return status;
}

/* All of these keys are a group id alone, or with a member id or a pattern behind it. */
static enum status read_group_key(struct reader *reader, struct arena *arena,
                                  struct group_record_view *view)
{
    struct consumer_group_metadata_key key;
    enum status status = consumer_group_metadata_key_decode(reader, KEY_VERSION, arena, &key);
    view->group_id = key.group_id;
    return status;
}

static enum status read_member_key(struct reader *reader, struct arena *arena,
                                   struct group_record_view *view)
{
    struct consumer_group_member_metadata_key key;
    enum status status =
        consumer_group_member_metadata_key_decode(reader, KEY_VERSION, arena, &key);
    view->group_id = key.group_id;
    view->member_id = key.member_id;
    return status;
}

static enum status read_pattern_key(struct reader *reader, struct arena *arena,
                                    struct group_record_view *view)
{
    struct consumer_group_regular_expression_key key;
    enum status status =
        consumer_group_regular_expression_key_decode(reader, KEY_VERSION, arena, &key);
    view->group_id = key.group_id;
    view->pattern = key.regular_expression;
    return status;
}

static enum status read_key(struct reader *reader, struct arena *arena,
                            struct group_record_view *view)
{
    switch (view->kind) {
    case GROUP_RECORD_UNKNOWN: return STATUS_OK;
    case GROUP_RECORD_OFFSET: return read_offset_key(reader, arena, view);
    case GROUP_RECORD_CLASSIC:
    case GROUP_RECORD_CONSUMER:
    case GROUP_RECORD_CONSUMER_TARGET_EPOCH: return read_group_key(reader, arena, view);
    case GROUP_RECORD_CONSUMER_MEMBER:
    case GROUP_RECORD_CONSUMER_TARGET:
    case GROUP_RECORD_CONSUMER_CURRENT: return read_member_key(reader, arena, view);
    case GROUP_RECORD_CONSUMER_PATTERN: return read_pattern_key(reader, arena, view);
    }
    unreachable();
}

static enum status read_value(struct reader *reader, int16_t version, struct arena *arena,
                              struct group_record_view *view)
{
    switch (view->kind) {
    case GROUP_RECORD_UNKNOWN: return STATUS_OK;
    case GROUP_RECORD_OFFSET:
        return offset_commit_value_decode(reader, version, arena, &view->offset);
    case GROUP_RECORD_CLASSIC:
        return group_metadata_value_decode(reader, version, arena, &view->classic);
    case GROUP_RECORD_CONSUMER:
        return consumer_group_metadata_value_decode(reader, version, arena, &view->consumer);
    case GROUP_RECORD_CONSUMER_MEMBER:
        return consumer_group_member_metadata_value_decode(reader, version, arena, &view->member);
    case GROUP_RECORD_CONSUMER_TARGET_EPOCH:
        return consumer_group_target_assignment_metadata_value_decode(reader, version, arena,
                                                                      &view->target_epoch);
    case GROUP_RECORD_CONSUMER_TARGET:
        return consumer_group_target_assignment_member_value_decode(reader, version, arena,
                                                                    &view->target);
    case GROUP_RECORD_CONSUMER_CURRENT:
        return consumer_group_current_member_assignment_value_decode(reader, version, arena,
                                                                     &view->current);
    case GROUP_RECORD_CONSUMER_PATTERN:
        return consumer_group_regular_expression_value_decode(reader, version, arena,
                                                              &view->regular_expression);
    }
    unreachable();
}

enum status group_record_read(struct bytes key, struct bytes value, struct arena *arena,
                              struct group_record_view *view)
{
    struct reader reader;
    *view = (struct group_record_view){.is_tombstone = bytes_are_null(value)};
    if (bytes_are_null(key))
        return STATUS_MALFORMED;
    reader_init(&reader, key);
    int16_t number = reader_i16(&reader);
    if (reader.status != STATUS_OK)
        return reader.status;
    view->kind = kind_of(number);
    enum status status = read_key(&reader, arena, view);
    if (status != STATUS_OK || view->is_tombstone)
        return status;
    reader_init(&reader, value);
    int16_t version = reader_i16(&reader);
    return reader.status != STATUS_OK ? reader.status : read_value(&reader, version, arena, view);
}

/* --- Writing ---------------------------------------------------------------------------------- */

static int16_t offset_value_version(struct uuid topic_id, const struct group_offset *offset)
{
    if (offset->expire_ms >= 0)
        return OFFSET_VALUE_EXPIRES;
    return uuid_is_zero(topic_id) ? OFFSET_VALUE_PLAIN : OFFSET_VALUE_TOPIC_ID;
}

static void write_offset_key(struct writer *writer, struct bytes group_id, struct bytes topic,
                             int32_t partition)
{
    const struct offset_commit_key key = {
        .group = group_id,
        .topic = topic,
        .partition = partition,
    };
    writer_i16(writer, OFFSET_COMMIT_KEY_KEY);
    offset_commit_key_encode(writer, KEY_VERSION, &key);
}

void group_record_put_offset(struct group_turn *turn, struct bytes group_id, struct bytes topic,
                             struct uuid topic_id, const struct group_offset *offset)
{
    int16_t version = offset_value_version(topic_id, offset);
    bool is_empty = bytes_are_null(offset->metadata);
    const struct offset_commit_value value = {
        .offset = offset->offset,
        .leader_epoch = offset->leader_epoch,
        .metadata = is_empty ? bytes_of_text("") : offset->metadata,
        .commit_timestamp = offset->commit_ms,
        .expire_timestamp = offset->expire_ms,
        .topic_id = topic_id,
    };
    struct writer key_writer;
    struct writer value_writer;
    group_writer_begin(turn->writer, &key_writer, &value_writer);
    write_offset_key(&key_writer, group_id, topic, offset->partition);
    writer_i16(&value_writer, version);
    offset_commit_value_encode(&value_writer, version, &value);
    group_writer_end(turn->writer, &key_writer, &value_writer);
}

void group_record_put_offset_tombstone(struct group_turn *turn, struct bytes group_id,
                                       struct bytes topic, int32_t partition)
{
    struct writer key_writer;
    struct writer unused;
    group_writer_begin(turn->writer, &key_writer, &unused);
    write_offset_key(&key_writer, group_id, topic, partition);
    group_writer_end(turn->writer, &key_writer, NULL);
}

/* Key: kind, two texts, partition. Value: version, two numbers of 8 bytes, epoch, text, id. */
size_t group_record_offset_size_max(struct bytes group_id, struct bytes topic,
                                    struct bytes metadata)
{
    enum { FIXED_BYTES = 64 };
    return GROUP_RECORD_OVERHEAD + FIXED_BYTES + group_id.size + topic.size + metadata.size;
}
