/* A shard has its turns here: it makes one for each event, lets the pure core work on it, and gives
 * the result to group_shard_append.c. Nothing of a turn survives it but records and answers. */
#include "consumer-groups/group_shard.h"

#include "base/assert.h"
#include "consumer-groups/group_offsets_core.h"
#include "consumer-groups/group_view_core.h"
#include "consumer-groups/java_text.h"
#include "protocol/errors.h"

enum {
    /* Records that wait for the disk, of one writer; beyond half of it calls are refused. */
    WRITER_BYTES_MAX = 64 * 1024 * 1024,
    BATCH_ARENA_BYTES_MAX = 256 * 1024 * 1024,
    /* Before the shard loads again, doubled with each failure in a row. */
    PAUSE_MS_FIRST = 100,
    PAUSE_MS_MAX = 10000,
    /* Groups whose offsets are looked at between two turns of the loop. */
    EXPIRY_SLICE = 100,
    EXPIRY_LOOKS = 10000, /* and how many offsets they may have, but for the last of them */
    DEADLINE_SLICE = 100,
    /* Longer than this between two signs of life: the process has stood still. */
    STALL_MS = 3000,
    NS_PER_MS = 1000000,
};

static void load_called(struct group_load_place *place);
static void retry_fired(struct timer *timer);
static void expiry_fired(struct timer *timer);
static void deadline_fired(struct timer *timer);

static int64_t now_ms(const struct group_shard *shard)
{
    return (int64_t)(io_now_ns(shard->options.io) / NS_PER_MS);
}

static void start_timer(struct group_shard *shard, struct timer *timer, int64_t delay_ms)
{
    struct io *io = shard->options.io;
    assert(delay_ms >= 0);
    io_timer_cancel(io, timer);
    io_timer_start(io, timer, io_now_ns(io) + (uint64_t)delay_ms * NS_PER_MS);
}

static struct hash_seed fresh_seed(struct io *io)
{
    return (struct hash_seed){{io_random_u64(io), io_random_u64(io)}};
}

void group_shard_init(struct group_shard *shard, const struct group_shard_options *options)
{
    assert(options->settings != NULL);
    assert(options->memory != NULL);
    assert(options->loads != NULL);
    assert(options->batch_bytes_max > 0);
    assert(options->check_interval_ms > 0);
    *shard = (struct group_shard){.options = *options};
    group_table_init(&shard->table, fresh_seed(options->io));
    group_writer_init(&shard->writers[0], WRITER_BYTES_MAX);
    group_writer_init(&shard->writers[1], WRITER_BYTES_MAX);
    arena_init(&shard->batch_arena, BATCH_ARENA_BYTES_MAX);
    list_init(&shard->waiting);
    group_load_place_init(&shard->load_place, load_called);
    timer_init(&shard->retry, retry_fired);
    timer_init(&shard->expiry, expiry_fired);
    timer_init(&shard->deadline, deadline_fired);
    shard->pause_ms = PAUSE_MS_FIRST;
    group_shard_load(shard);
}

/* --- Turns ------------------------------------------------------------------------------------ */

static struct uuid fresh_id(struct io *io)
{
    struct uuid id;
    io_secret(io, &id, sizeof id);
    return id;
}

static void make_turn(struct group_shard *shard, struct group_turn *turn)
{
    const struct group_shard_options *options = &shard->options;
    *turn = (struct group_turn){
        .now_ms = now_ms(shard),
        .wall_ms = io_wall_ms(options->io),
        .settings = options->settings,
        .image = options->replicas->image,
        .batch_bytes_max = options->batch_bytes_max,
        .memory = options->memory,
        .writer = &shard->writers[shard->gathering],
    };
    list_init(&turn->answered);
}

void group_pulse_beat(struct group_pulse *pulse, int64_t now_ms)
{
    assert(now_ms >= pulse->seen_ms);
    if (pulse->seen_ms > 0 && now_ms - pulse->seen_ms > STALL_MS)
        pulse->stall_count++;
    pulse->seen_ms = now_ms;
}

static void begin_turn(struct group_shard *shard, struct group_turn *turn)
{
    struct group_pulse *pulse = shard->options.pulse;
    assert(shard->state == GROUP_SHARD_ACTIVE);
    make_turn(shard, turn);
    group_pulse_beat(pulse, turn->now_ms);
    if (shard->stall_count == pulse->stall_count)
        return;
    shard->stall_count = pulse->stall_count;
    group_table_forgive(&shard->table, turn);
}

/* The timer runs to the earliest deadline of all groups. */
static void set_deadline(struct group_shard *shard)
{
    int64_t deadline_ms = group_table_deadline_ms(&shard->table);
    assert(shard->state == GROUP_SHARD_ACTIVE);
    assert(deadline_ms >= 0);
    uint64_t deadline_ns = (uint64_t)deadline_ms * NS_PER_MS;
    bool is_set = timer_is_running(&shard->deadline);
    if (deadline_ms == INT64_MAX || (is_set && shard->deadline.deadline <= deadline_ns))
        return;
    io_timer_cancel(shard->options.io, &shard->deadline);
    io_timer_start(shard->options.io, &shard->deadline, deadline_ns);
}

static void end_turn(struct group_shard *shard, struct group_turn *turn)
{
    group_shard_end_turn(shard, turn);
    if (shard->state == GROUP_SHARD_ACTIVE)
        set_deadline(shard);
}

static void deadline_fired(struct timer *timer)
{
    struct group_shard *shard = container_of(timer, struct group_shard, deadline);
    struct group_turn turn;
    begin_turn(shard, &turn);
    group_table_tick(&shard->table, &turn, DEADLINE_SLICE);
    end_turn(shard, &turn);
}

static void refuse(struct group_shard *shard, struct group_call *call, int16_t error_code)
{
    assert(!call->is_answered);
    group_call_fail(call, error_code);
    call->is_answered = true;
    io_land(shard->options.io, call->done, (int32_t)call->status);
}

/* Too much waits for the disk: clients wait a little and come again. */
static bool is_overloaded(const struct group_shard *shard)
{
    return shard->writers[shard->gathering].size_bytes > WRITER_BYTES_MAX / 4;
}

void group_shard_serve(struct group_shard *shard, struct group_call *call)
{
    assert(call->done->landed != NULL);
    assert(call->arena != NULL);
    list_node_init(&call->node);
    call->status = STATUS_OK;
    call->is_answered = false;
    if (shard->state != GROUP_SHARD_CLOSED && group_shard_partition(shard) == NULL)
        group_shard_close(shard);
    switch (shard->state) {
    case GROUP_SHARD_CLOSED: refuse(shard, call, KAFKA_NOT_COORDINATOR); return;
    case GROUP_SHARD_LOADING:
        group_load_queue_hurry(shard->options.loads, &shard->load_place);
        refuse(shard, call, KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
        return;
    case GROUP_SHARD_ACTIVE: break;
    }
    if (is_overloaded(shard)) {
        refuse(shard, call, KAFKA_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    struct group_turn turn;
    begin_turn(shard, &turn);
    if (call->kind == GROUP_CALL_JOIN || call->kind == GROUP_CALL_CONSUMER_HEARTBEAT)
        turn.fresh_id = fresh_id(shard->options.io);
    shard->options.counts->commits += call->kind == GROUP_CALL_COMMIT;
    group_table_serve(&shard->table, &turn, call);
    end_turn(shard, &turn);
}

void group_shard_abandon(struct group_shard *shard, struct group_call *call)
{
    struct group_turn turn;
    if (call->is_answered)
        return;
    begin_turn(shard, &turn);
    group_table_abandon(&shard->table, &turn, call);
    end_turn(shard, &turn);
}

void group_shard_release_waiters(struct group_shard *shard)
{
    struct group_turn turn;
    if (shard->state != GROUP_SHARD_ACTIVE)
        return;
    begin_turn(shard, &turn);
    group_table_drop_calls(&shard->table, &turn, KAFKA_NOT_COORDINATOR);
    end_turn(shard, &turn);
}

void group_shard_topics_changed(struct group_shard *shard)
{
    struct group_turn turn;
    if (shard->state != GROUP_SHARD_ACTIVE || shard->table.groups.count == 0)
        return;
    begin_turn(shard, &turn);
    group_table_topics_changed(&shard->table, &turn);
    end_turn(shard, &turn);
}

/* --- A portion at a time ---------------------------------------------------------------------- */

void group_shard_go_on(struct group_shard *shard)
{
    struct group_turn turn;
    if (shard->state != GROUP_SHARD_ACTIVE || list_is_empty(&shard->table.leaving))
        return;
    begin_turn(shard, &turn);
    group_delete_more(&shard->table, &turn);
    end_turn(shard, &turn);
}

static void expire_slice(struct group_shard *shard)
{
    struct group_turn turn;
    uint32_t left = GROUP_PORTION_OFFSETS;
    uint64_t looks = 0;
    begin_turn(shard, &turn);
    for (uint32_t i = 0; i < EXPIRY_SLICE && looks < EXPIRY_LOOKS && shard->expiry_left > 0; i++) {
        assert(shard->expiry_left <= shard->table.groups.count);
        struct list_node *node = list_pop_front(&shard->table.order);
        struct group *group = container_of(node, struct group, order_node);
        looks += group->offsets.count;
        list_push_back(&shard->table.order, node);
        if (!group_offsets_expire(&shard->table, &turn, group, shard->expiry_ages, &left)) {
            list_remove(node);
            list_push_front(&shard->table.order, node);
            break;
        }
        shard->expiry_left--;
    }
    end_turn(shard, &turn);
}

/* A round over all groups, a slice at a time; then a pause until the next. */
static void expiry_fired(struct timer *timer)
{
    struct group_shard *shard = container_of(timer, struct group_shard, expiry);
    assert(shard->state == GROUP_SHARD_ACTIVE);
    if (shard->expiry_left == 0) {
        shard->expiry_left = shard->table.groups.count;
        shard->expiry_ages = true;
    } else if (shard->expiry_left > shard->table.groups.count) {
        shard->expiry_left = shard->table.groups.count;
    }
    if (shard->expiry_left > 0 && !is_overloaded(shard))
        expire_slice(shard);
    if (shard->state != GROUP_SHARD_ACTIVE)
        return;
    start_timer(shard, timer, shard->expiry_left > 0 ? 1 : shard->options.check_interval_ms);
}

/* A round that looks for nothing else, unless one is on its way, which then begins anew. */
void group_shard_topics_deleted(struct group_shard *shard)
{
    if (shard->state != GROUP_SHARD_ACTIVE || shard->table.offset_count == 0)
        return;
    shard->expiry_ages = shard->expiry_ages && shard->expiry_left > 0;
    shard->expiry_left = shard->table.groups.count;
    start_timer(shard, &shard->expiry, 0);
}

/* --- Loading ---------------------------------------------------------------------------------- */

static void drop_table(struct group_shard *shard)
{
    group_table_deinit(&shard->table, shard->options.memory);
    group_table_init(&shard->table, fresh_seed(shard->options.io));
}

static void load_failed(struct group_shard *shard, enum status status)
{
    log_error(shard->options.logger, "groups could not be loaded; trying again",
              field_i64("partition", shard->options.index), field_status("status", status),
              field_u64("pause_ms", shard->pause_ms));
    drop_table(shard);
    start_timer(shard, &shard->retry, shard->pause_ms);
    shard->pause_ms = shard->pause_ms * 2 > PAUSE_MS_MAX ? PAUSE_MS_MAX : shard->pause_ms * 2;
}

/* Those who were members are, and have all their time to say so. */
static void begin_sessions(struct group_shard *shard)
{
    struct group_turn turn;
    begin_turn(shard, &turn);
    group_table_restored(&shard->table, &turn);
    end_turn(shard, &turn);
}

static void warn_of_memory(const struct group_shard *shard)
{
    const struct group_memory *memory = shard->options.memory;
    if (memory->used_bytes > memory->limit_bytes)
        log_warn(shard->options.logger,
                 "groups take more memory than they may: new ones are refused until there is more",
                 field_i64("partition", shard->options.index),
                 field_u64("used_bytes", memory->used_bytes),
                 field_u64("limit_bytes", memory->limit_bytes));
}

static void become_active(struct group_shard *shard)
{
    assert(shard->state == GROUP_SHARD_LOADING);
    assert(!shard->is_appending);
    assert((uint64_t)now_ms(shard) >= shard->load_since_ms);
    uint64_t took_ms = (uint64_t)now_ms(shard) - shard->load_since_ms;
    shard->state = GROUP_SHARD_ACTIVE;
    shard->pause_ms = PAUSE_MS_FIRST;
    shard->expiry_left = 0;
    shard->options.counts->loads++;
    shard->options.counts->load_ms += took_ms;
    if (shard->options.counts->load_ms_max < took_ms)
        shard->options.counts->load_ms_max = took_ms;
    start_timer(shard, &shard->expiry, shard->options.check_interval_ms);
    warn_of_memory(shard);
    begin_sessions(shard);
    if (shard->load.record_count > 0)
        log_info(shard->options.logger, "groups loaded",
                 field_i64("partition", shard->options.index),
                 field_u64("records", shard->load.record_count),
                 field_u64("malformed", shard->load.malformed_count),
                 field_u64("groups", shard->table.groups.count),
                 field_u64("offsets", shard->table.offset_count), field_u64("took_ms", took_ms));
}

static void load_landed(struct completion *completion, int32_t result)
{
    struct group_shard *shard = container_of(completion, struct group_shard, loaded);
    assert(shard->is_loading);
    assert(shard->state != GROUP_SHARD_ACTIVE);
    shard->is_loading = false;
    if (shard->state == GROUP_SHARD_CLOSED)
        drop_table(shard);
    else if (result < 0)
        load_failed(shard, (enum status)result);
    else
        become_active(shard);
    group_load_queue_next(shard->options.loads);
}

static void start_load(struct group_shard *shard)
{
    assert(shard->state == GROUP_SHARD_LOADING);
    assert(!shard->is_loading);
    struct group_load_options options = {
        .io = shard->options.io,
        .replicas = shard->options.replicas,
        .topic_id = shard->options.topic_id,
        .index = shard->options.index,
        .table = &shard->table,
    };
    make_turn(shard, &options.turn);
    shard->is_loading = true;
    shard->load_since_ms = (uint64_t)now_ms(shard);
    completion_init(&shard->loaded, load_landed);
    group_load_start(&shard->load, &options, &shard->loaded);
}

static void load_called(struct group_load_place *place)
{
    start_load(container_of(place, struct group_shard, load_place));
}

void group_shard_load(struct group_shard *shard)
{
    bool is_due = shard->state == GROUP_SHARD_LOADING && !shard->is_loading &&
                  !shard->is_appending && !timer_is_running(&shard->retry);
    if (is_due && group_load_queue_enter(shard->options.loads, &shard->load_place))
        start_load(shard);
}

static void retry_fired(struct timer *timer)
{
    group_shard_load(container_of(timer, struct group_shard, retry));
}

/* --- Giving up -------------------------------------------------------------------------------- */

/* Nothing that was put and not written will be; whoever waits for it hears this error. */
static void drop_all(struct group_shard *shard, int16_t error_code)
{
    struct group_turn turn;
    make_turn(shard, &turn);
    if (!shard->is_loading)
        group_table_drop_calls(&shard->table, &turn, error_code);
    list_append(&shard->waiting, &turn.answered);
    group_shard_fail_waiting(shard, error_code);
    group_writer_reset(&shard->writers[0]);
    group_writer_reset(&shard->writers[1]);
    assert(list_is_empty(&shard->waiting));
    shard->put_count = 0;
    shard->durable_count = 0;
    io_timer_cancel(shard->options.io, &shard->expiry);
    io_timer_cancel(shard->options.io, &shard->deadline);
    if (!shard->is_loading)
        drop_table(shard);
}

void group_shard_reload(struct group_shard *shard)
{
    assert(shard->state == GROUP_SHARD_ACTIVE);
    shard->options.counts->failed_appends++;
    shard->state = GROUP_SHARD_LOADING;
    drop_all(shard, KAFKA_COORDINATOR_NOT_AVAILABLE);
    start_timer(shard, &shard->retry, shard->pause_ms);
}

void group_shard_close(struct group_shard *shard)
{
    if (shard->state == GROUP_SHARD_CLOSED)
        return;
    shard->state = GROUP_SHARD_CLOSED;
    io_timer_cancel(shard->options.io, &shard->retry);
    group_load_queue_leave(&shard->load_place);
    if (shard->is_loading)
        group_load_cancel(&shard->load);
    drop_all(shard, KAFKA_NOT_COORDINATOR);
}

bool group_shard_is_idle(const struct group_shard *shard)
{
    return shard->state == GROUP_SHARD_CLOSED && !shard->is_loading && !shard->is_appending;
}

void group_shard_deinit(struct group_shard *shard)
{
    group_load_queue_leave(&shard->load_place);
    if (shard->is_loading)
        group_load_drop(&shard->load);
    group_table_deinit(&shard->table, shard->options.memory);
    group_writer_deinit(&shard->writers[0]);
    group_writer_deinit(&shard->writers[1]);
    arena_deinit(&shard->batch_arena);
}

uint32_t group_shard_index(struct bytes group_id, uint32_t partition_count)
{
    assert(partition_count > 0);
    assert(partition_count <= INT32_MAX);
    int32_t hash = java_text_hash(group_id);
    uint32_t magnitude = hash == INT32_MIN ? 0 : (uint32_t)(hash < 0 ? -hash : hash);
    return magnitude % partition_count;
}
