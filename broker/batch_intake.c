#include "broker/batch_intake.h"

#include "base/assert.h"
#include "broker/kafka_status.h"
#include "broker/limits.h"
#include "protocol/batch_build.h"

/* All but what is the request's: its version, and the time. */
static struct batch_rules rules_of(struct broker_core *core, const struct image_topic *topic)
{
    const struct topic_config *set = topic->config;
    const struct config *config = core->config;
    const char *policy = topic_config_text(set, config, TOPIC_CONFIG_CLEANUP_POLICY, NULL);
    const char *type = topic_config_text(set, config, TOPIC_CONFIG_MESSAGE_TIMESTAMP_TYPE, NULL);
    assert(policy != NULL);
    assert(type != NULL);
    return (struct batch_rules){
        .message_bytes_max = (int32_t)topic_config_i64(set, config, TOPIC_CONFIG_MAX_MESSAGE_BYTES),
        .key_is_required = strstr(policy, "compact") != NULL,
        .timestamp_type =
            strcmp(type, "LogAppendTime") == 0 ? TIMESTAMP_LOG_APPEND_TIME : TIMESTAMP_CREATE_TIME,
        .timestamp_before_max_ms =
            topic_config_i64(set, config, TOPIC_CONFIG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS),
        .timestamp_after_max_ms =
            topic_config_i64(set, config, TOPIC_CONFIG_MESSAGE_TIMESTAMP_AFTER_MAX_MS),
        .records_bytes_max = LIMIT_DECOMPRESSED_BYTES,
        .spare = &core->decompressor_spare,
    };
}

/* False when the topic keeps what producers send. */
static bool find_codec(const struct broker_core *core, const struct image_topic *topic,
                       enum compression *compression, int32_t *level)
{
    static const struct {
        const char *name;
        enum compression compression;
        enum topic_config_key level_key; /* TOPIC_CONFIG_KEY_COUNT: it has none */
    } codecs[] = {
        {"uncompressed", COMPRESSION_NONE, TOPIC_CONFIG_KEY_COUNT},
        {"gzip", COMPRESSION_GZIP, TOPIC_CONFIG_COMPRESSION_GZIP_LEVEL},
        {"snappy", COMPRESSION_SNAPPY, TOPIC_CONFIG_KEY_COUNT},
        {"lz4", COMPRESSION_LZ4, TOPIC_CONFIG_COMPRESSION_LZ4_LEVEL},
        {"zstd", COMPRESSION_ZSTD, TOPIC_CONFIG_COMPRESSION_ZSTD_LEVEL},
    };
    const char *type =
        topic_config_text(topic->config, core->config, TOPIC_CONFIG_COMPRESSION_TYPE, NULL);
    assert(type != NULL);
    if (strcmp(type, "producer") == 0)
        return false; /* nearly always */
    for (uint32_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        if (strcmp(type, codecs[i].name) != 0)
            continue;
        *compression = codecs[i].compression;
        *level = codecs[i].level_key == TOPIC_CONFIG_KEY_COUNT
                     ? 0
                     : (int32_t)topic_config_i64(topic->config, core->config, codecs[i].level_key);
        return true;
    }
    return false;
}

static void read_settings(struct batch_intake *intake, struct broker_core *core,
                          const struct image_topic *topic)
{
    *intake = (struct batch_intake){
        .rules = rules_of(core, topic),
        .in_sync_count_min =
            topic_config_i64(topic->config, core->config, TOPIC_CONFIG_MIN_INSYNC_REPLICAS),
    };
    intake->recompresses = find_codec(core, topic, &intake->compression, &intake->level);
}

/* An offset of the metadata log says what all settings are; a broker's own do not change while it
 * runs. */
static const struct batch_intake *intake_of(struct broker_core *core,
                                            const struct image_topic *topic)
{
    int64_t offset = image_offset(core_image(core));
    struct batch_intake_kept *kept = &core->intakes.kept[topic->id.bytes[0] % BATCH_INTAKES_KEPT];
    if (kept->image_offset != offset || !uuid_equal(kept->topic_id, topic->id)) {
        read_settings(&kept->intake, core, topic);
        kept->image_offset = offset;
        kept->topic_id = topic->id;
    }
    return &kept->intake;
}

void batch_intake_init(struct batch_intake *intake, struct broker_core *core,
                       const struct image_topic *topic, int16_t produce_version)
{
    assert(!uuid_is_zero(topic->id));
    *intake = *intake_of(core, topic);
    intake->rules.produce_version = produce_version;
    intake->rules.now_ms = io_wall_ms(core->io);
}

/* The batch in the topic's codec; its size counts again, because it may have grown. */
static void recompress(const struct batch_intake *intake, struct arena *arena,
                       struct batch_arrival *arrival)
{
    assert(intake->recompresses);
    assert(arrival->verdict.error == KAFKA_NONE);
    struct batch_verdict *verdict = &arrival->verdict;
    enum status status = batch_recompress(verdict->batch, intake->compression, intake->level,
                                          LIMIT_DECOMPRESSED_BYTES, arena, &arrival->batch);
    if (status != STATUS_OK) {
        verdict->error = (enum kafka_error)kafka_error_of_status(status);
        verdict->message = "The batch could not be compressed as compression.type wants it";
    } else if (arrival->batch.size > (size_t)intake->rules.message_bytes_max) {
        verdict->error = KAFKA_MESSAGE_TOO_LARGE;
        verdict->message =
            "Compressed as compression.type wants it, the batch is larger than max.message.bytes";
    }
}

void batch_intake_take(const struct batch_intake *intake, struct bytes records, struct arena *arena,
                       struct batch_arrival *arrival)
{
    struct batch_verdict *verdict = &arrival->verdict;
    batch_validate(records, &intake->rules, arena, verdict);
    if (verdict->error != KAFKA_NONE)
        return;
    arrival->batch = verdict->batch;
    assert(arrival->batch.size > 0);
    if (intake->recompresses)
        recompress(intake, arena, arrival);
    if (verdict->error != KAFKA_NONE)
        return;
    /* The frame and the arena are the request's own memory: stamping in place harms nobody. */
    batch_set_max_timestamp((uint8_t *)(uintptr_t)arrival->batch.data, intake->rules.timestamp_type,
                            verdict->max_timestamp);
}
