/* How a shard's records come into its log, and its answers out. */
#include "consumer-groups/group_shard.h"

#include "base/assert.h"
#include "protocol/batch_build.h"
#include "protocol/errors.h"

/* Lands as many as may leave; they stand in the order of what they wait for. */
static void land_durable(struct group_shard *shard)
{
    struct list_node *node;
    while ((node = list_first(&shard->waiting)) != NULL) {
        struct group_call *call = container_of(node, struct group_call, node);
        assert(call->is_answered);
        assert(call->put_count <= shard->put_count);
        if (call->put_count > shard->durable_count)
            return;
        list_remove(node);
        io_land(shard->options.io, call->done, (int32_t)call->status);
    }
}

void group_shard_fail_waiting(struct group_shard *shard, int16_t error_code)
{
    struct list_node *node;
    while ((node = list_pop_front(&shard->waiting)) != NULL) {
        struct group_call *call = container_of(node, struct group_call, node);
        group_call_fail(call, error_code);
        call->is_answered = true;
        io_land(shard->options.io, call->done, (int32_t)call->status);
    }
}

/* --- Batches ---------------------------------------------------------------------------------- */

/* The writer whose records go next, or NULL. They all come before those that gather. */
static struct group_writer *writer_to_flush(struct group_shard *shard)
{
    struct group_writer *writer = &shard->writers[1 - shard->gathering];
    if (writer->count > 0)
        return writer;
    assert(!shard->is_appending);
    group_writer_reset(writer);
    if (shard->writers[shard->gathering].count == 0)
        return NULL;
    shard->gathering = 1 - shard->gathering;
    return &shard->writers[1 - shard->gathering];
}

/* How many records of whole turns fit into the next batch: those of one turn at least, also when
 * they alone are more than the topic takes from clients. A turn in two batches could be cut in two
 * by a crash. */
static uint32_t count_fitting(const struct group_shard *shard, const struct group_writer *writer)
{
    size_t size_bytes = BATCH_HEADER_SIZE;
    uint32_t count = 0;
    uint32_t fitting = 0;
    struct group_record *record;
    list_for_each_entry (record, &writer->records, node) {
        size_bytes += group_record_size_bytes(record);
        if (size_bytes > shard->options.batch_bytes_max && fitting > 0)
            break;
        count++;
        if (record->ends_turn)
            fitting = count;
    }
    assert(fitting > 0);
    assert(fitting <= writer->count);
    return fitting;
}

static enum status build_batch(struct group_shard *shard, struct group_writer *writer,
                               struct bytes *batch)
{
    struct batch_builder builder;
    int64_t now_ms = io_wall_ms(shard->options.io);
    shard->append_count = count_fitting(shard, writer);
    struct batch_options options = batch_options_plain;
    options.compression = shard->options.compression;
    options.level = compression_levels(options.compression).usual;
    batch_builder_init(&builder, &options, &shard->batch_arena);
    for (uint32_t i = 0; i < shard->append_count; i++) {
        struct group_record *record = group_writer_first(writer);
        batch_builder_append_simple(&builder, now_ms, record->key, record->value);
        group_writer_take(writer, record);
    }
    return batch_builder_finish(&builder, batch);
}

static void append_landed(struct completion *completion, int32_t result);

struct partition *group_shard_partition(const struct group_shard *shard)
{
    const struct group_shard_options *options = &shard->options;
    struct partition *partition =
        replica_manager_find(options->replicas, options->topic_id, options->index);
    bool is_led = partition != NULL && partition->core.leader_epoch == options->leader_epoch;
    return is_led ? partition : NULL;
}

static void flush(struct group_shard *shard)
{
    struct bytes batch;
    struct group_writer *writer = shard->is_appending ? NULL : writer_to_flush(shard);
    if (writer == NULL)
        return;
    struct partition *partition = group_shard_partition(shard);
    if (partition == NULL) {
        group_shard_close(shard);
        return;
    }
    if (build_batch(shard, writer, &batch) != STATUS_OK) {
        group_shard_reload(shard);
        return;
    }
    shard->append = (struct partition_append){
        .append = {.batch = batch, .now_ms = io_wall_ms(shard->options.io)},
        .wait_committed = true,
    };
    shard->is_appending = true;
    completion_init(&shard->append.completion, append_landed);
    partition_append(partition, &shard->append);
}

/* What was given up while the batch was with the disk has waited for it to land. */
static void append_landed(struct completion *completion, int32_t result)
{
    struct partition_append *append = container_of(completion, struct partition_append, completion);
    struct group_shard *shard = container_of(append, struct group_shard, append);
    assert(shard->is_appending);
    shard->is_appending = false;
    arena_reset(&shard->batch_arena);
    if (shard->state != GROUP_SHARD_ACTIVE) {
        group_shard_load(shard);
        return;
    }
    if (result < 0) {
        log_error(shard->options.logger, "groups could not be written: loading them again",
                  field_i64("partition", shard->options.index),
                  field_status("status", (enum status)result));
        group_shard_reload(shard);
        return;
    }
    shard->durable_count += shard->append_count;
    assert(shard->durable_count <= shard->put_count);
    land_durable(shard);
    group_shard_go_on(shard);
    flush(shard);
}

/* --- The end of a turn ------------------------------------------------------------------------ */

/* What of the gathering writer is not counted yet was put by this turn. */
static void count_records(struct group_shard *shard)
{
    uint64_t unwritten = shard->writers[0].count + shard->writers[1].count;
    uint64_t in_flight = shard->is_appending ? shard->append_count : 0;
    assert(shard->durable_count + in_flight + unwritten >= shard->put_count);
    shard->put_count = shard->durable_count + in_flight + unwritten;
}

static void add_tally(struct group_tally *sum, const struct group_tally *tally)
{
    sum->offset_commits += tally->offset_commits;
    sum->offset_expirations += tally->offset_expirations;
    sum->offset_deletions += tally->offset_deletions;
    sum->classic_rebalances += tally->classic_rebalances;
    sum->consumer_rebalances += tally->consumer_rebalances;
    sum->expired_sessions += tally->expired_sessions;
}

void group_shard_end_turn(struct group_shard *shard, struct group_turn *turn)
{
    struct list_node *node;
    add_tally(&shard->options.counts->tally, &turn->tally);
    size_t size_bytes = group_writer_end_turn(turn->writer) + BATCH_HEADER_SIZE;
    count_records(shard);
    while ((node = list_pop_front(&turn->answered)) != NULL) {
        struct group_call *call = container_of(node, struct group_call, node);
        assert(!call->is_answered);
        call->is_answered = true;
        call->put_count = shard->put_count;
        list_push_back(&shard->waiting, node);
    }
    if (turn->writer->status != STATUS_OK) {
        log_error(shard->options.logger, "a group's change could not be taken in",
                  field_i64("partition", shard->options.index), field_u64("size_bytes", size_bytes),
                  field_status("status", turn->writer->status));
        group_shard_reload(shard);
        return;
    }
    flush(shard);
    if (shard->state == GROUP_SHARD_ACTIVE)
        land_durable(shard);
}
