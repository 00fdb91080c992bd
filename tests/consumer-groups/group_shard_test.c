/* A shard over a real log, on a machine in the simulator. Whatever happens to the machine, and
 * whenever: an offset that was acknowledged is answered afterwards, or a later one that was asked
 * for; while the shard loads nobody is told anything; and whoever does not lead any more says so.
 *
 *   groups_shard                     all of it
 *   groups_shard TROUBLE NTH         one case, which is what a failure prints */
#include "consumer-groups/group_manager.h"

#include "base/assert.h"
#include "consumer-groups/group_offsets_core.h"
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/test_image.h"
#include "tests/storage/sim_harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A sanitizer takes ten times as long: it takes only every so manieth case. */
#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 10 };
#else
enum { STRIDE = 1 };
#endif

enum {
    OFFSETS_TOPIC = 1,
    TOPIC = 2,
    GROUPS = 3,
    PARTITIONS = 3,
    FLIGHT_MAX = 4,
    ROUNDS = 12,
    NTH_MAX = 5000,
    TURNS_MAX = 2000000,
    GROUP_MEMORY_BYTES = 8 << 20,
};

static const char *const group_names[GROUPS] = {"a", "group-b", "another-group"};

/* What is known of one offset: commits count up. */
struct known {
    int64_t acknowledged; /* the last one; -1: none */
    int64_t attempted;    /* the last one that was asked for */
};

struct machine {
    struct sim_harness sim;
    struct rig rig;
    void (*rig_dies)(struct rig *rig);
    struct config *config;
    struct image *image;
    struct replica_directory directory;
    struct replica_manager replicas;
    struct group_manager groups;
    size_t group_memory_bytes; /* of lives to come */
    bool is_up;                /* the managers are there */
    bool is_adopted;
    struct completion adopted;
    struct known known[GROUPS][PARTITIONS];
    bool is_wrong; /* somebody was told what is not so */
    uint32_t turns;
};

/* --- Lives ------------------------------------------------------------------------------------ */

static void complain(struct config_reporter *reporter, const char *where, const char *message)
{
    fail_msg("%s: %s", where, message);
}

static void machine_dies(struct rig *rig)
{
    struct machine *machine = container_of(rig, struct machine, rig);
    if (machine->is_up) {
        group_manager_deinit(&machine->groups);
        replica_manager_deinit(&machine->replicas);
    }
    machine->is_up = false;
    machine->rig_dies(rig);
}

static void machine_init(struct machine *machine, uint64_t seed, struct planned_fault plan)
{
    static const char *const environment[] = {NULL};
    struct config_reporter reporter = {.warn = complain, .fail = complain};
    *machine = (struct machine){.group_memory_bytes = GROUP_MEMORY_BYTES};
    machine->image = test_image_add_topic(NULL, "__consumer_offsets", OFFSETS_TOPIC, 1);
    machine->image = test_image_add_topic(machine->image, "t", TOPIC, PARTITIONS);
    sim_harness_init(&machine->sim, seed);
    machine->sim.plan = plan;
    rig_init(&machine->rig, &machine->sim.harness);
    machine->rig_dies = machine->sim.harness.dying;
    machine->sim.harness.dying = machine_dies;
    machine->config = config_load(NULL, (struct bytes){NULL, 0}, environment, NULL, 0, &reporter);
    for (uint32_t g = 0; g < GROUPS; g++)
        for (uint32_t p = 0; p < PARTITIONS; p++)
            machine->known[g][p].acknowledged = -1;
}

static void machine_deinit(struct machine *machine)
{
    if (machine->rig.is_alive)
        rig_kill(&machine->rig);
    rig_deinit(&machine->rig);
    sim_harness_deinit(&machine->sim);
    config_destroy(machine->config);
    image_release(machine->image);
}

static bool is_alive(const struct machine *machine)
{
    return machine->rig.is_alive;
}

static void turn(struct machine *machine)
{
    assert(machine->turns++ < TURNS_MAX);
    rig_turn(&machine->rig);
}

static void image_adopted(struct completion *completion, int32_t result)
{
    container_of(completion, struct machine, adopted)->is_adopted = true;
}

static void open_managers(struct machine *machine)
{
    machine->directory = (struct replica_directory){.id = {{8}}, .store = machine->rig.stores[0]};
    const struct replica_manager_options options = {
        .io = machine->rig.io,
        .directories = &machine->directory,
        .directory_count = 1,
        .config = machine->config,
        .logger = &machine->rig.logger,
        .node_id = TEST_IMAGE_NODE,
    };
    const struct group_manager_options group_options = {
        .io = machine->rig.io,
        .logger = &machine->rig.logger,
        .config = machine->config,
        .replicas = &machine->replicas,
        .memory_bytes_max = machine->group_memory_bytes,
    };
    replica_manager_init(&machine->replicas, &options);
    group_manager_init(&machine->groups, &group_options);
    machine->is_up = true;
}

/* False: the machine died meanwhile. */
static bool begin_life(struct machine *machine)
{
    if (rig_start(&machine->rig, 1, 0) != STATUS_OK)
        return false;
    open_managers(machine);
    machine->is_adopted = false;
    completion_init(&machine->adopted, image_adopted);
    replica_manager_apply(&machine->replicas, machine->image, &machine->adopted);
    while (is_alive(machine) && !machine->is_adopted)
        turn(machine);
    if (!is_alive(machine))
        return false;
    group_manager_apply(&machine->groups, machine->image);
    return true;
}

static struct group_shard *shard_of(struct machine *machine)
{
    struct group_shard *shard = group_manager_find(&machine->groups, 0);
    assert_non_null(shard);
    return shard;
}

/* --- Calls ------------------------------------------------------------------------------------ */

struct pending {
    struct completion done;
    struct arena arena;
    bool has_landed;
    union {
        struct offset_commit_call commit;
        struct offset_fetch_call fetch;
    };
    struct offset_commit_request commit_in;
    struct offset_commit_request_topic commit_topic;
    struct offset_commit_request_partition commit_partition;
    struct offset_fetch_request_group fetch_in;
    struct offset_fetch_request_group_topic fetch_topic;
    int32_t partition;
    uint32_t group;
};

static void pending_landed(struct completion *completion, int32_t result)
{
    assert_int_equal(result, STATUS_OK);
    container_of(completion, struct pending, done)->has_landed = true;
}

static void send(struct machine *machine, struct pending *pending, struct group_call *call,
                 enum group_call_kind kind)
{
    arena_init(&pending->arena, 1 << 20);
    completion_init(&pending->done, pending_landed);
    pending->has_landed = false;
    call->kind = kind;
    call->version = 8;
    call->arena = &pending->arena;
    call->done = &pending->done;
    group_shard_serve(shard_of(machine), call);
}

static void send_commit(struct machine *machine, struct pending *pending, uint32_t group,
                        int32_t partition)
{
    struct known *known = &machine->known[group][partition];
    *pending = (struct pending){.group = group, .partition = partition};
    pending->commit_partition = (struct offset_commit_request_partition){
        .partition_index = partition,
        .committed_offset = ++known->attempted,
        .committed_leader_epoch = -1,
        .committed_metadata = bytes_of_text("meta"),
    };
    pending->commit_topic = (struct offset_commit_request_topic){
        .name = bytes_of_text("t"),
        .partitions = &pending->commit_partition,
        .partitions_count = 1,
    };
    pending->commit_in = (struct offset_commit_request){
        .group_id = bytes_of_text(group_names[group]),
        .generation_id_or_member_epoch = -1,
        .member_id = bytes_of_text(""),
        .retention_time_ms = -1,
        .topics = &pending->commit_topic,
        .topics_count = 1,
    };
    pending->commit.in = &pending->commit_in;
    send(machine, pending, &pending->commit.call, GROUP_CALL_COMMIT);
}

/* The error, when it has landed. */
static int16_t take_commit(struct machine *machine, struct pending *pending)
{
    const struct offset_commit_response *out = &pending->commit.out;
    assert_int_equal(out->topics_count, 1);
    int16_t error = out->topics[0].partitions[0].error_code;
    if (error == KAFKA_NONE) {
        struct known *known = &machine->known[pending->group][pending->partition];
        assert_true(pending->commit_partition.committed_offset > known->acknowledged);
        known->acknowledged = pending->commit_partition.committed_offset;
    }
    return error;
}

/* Waits; -1: the machine died. */
static int16_t finish_commit(struct machine *machine, struct pending *pending)
{
    while (is_alive(machine) && !pending->has_landed)
        turn(machine);
    int16_t error = pending->has_landed ? take_commit(machine, pending) : -1;
    arena_deinit(&pending->arena);
    return error;
}

static void send_fetch(struct machine *machine, struct pending *pending, uint32_t group,
                       int32_t partition)
{
    *pending = (struct pending){.group = group, .partition = partition};
    pending->fetch_topic = (struct offset_fetch_request_group_topic){
        .name = bytes_of_text("t"),
        .partition_indexes = &pending->partition,
        .partition_indexes_count = 1,
    };
    pending->fetch_in = (struct offset_fetch_request_group){
        .group_id = bytes_of_text(group_names[group]),
        .member_epoch = -1,
        .topics = &pending->fetch_topic,
        .topics_count = 1,
    };
    pending->fetch.in = &pending->fetch_in;
    send(machine, pending, &pending->fetch.call, GROUP_CALL_FETCH);
}

/* The group's error, and the offset if there is none; -1: the machine died. */
static int16_t fetch(struct machine *machine, uint32_t group, int32_t partition, int64_t *offset)
{
    struct pending pending;
    send_fetch(machine, &pending, group, partition);
    while (is_alive(machine) && !pending.has_landed)
        turn(machine);
    const struct offset_fetch_response_group *out = &pending.fetch.out;
    int16_t error = pending.has_landed ? out->error_code : -1;
    if (error == KAFKA_NONE)
        *offset = out->topics[0].partitions[0].committed_offset;
    arena_deinit(&pending.arena);
    return error;
}

/* --- The story -------------------------------------------------------------------------------- */

/* While it loads, every answer says so, and no other (pitfall F1). */
static bool await_loaded(struct machine *machine)
{
    int64_t offset;
    int16_t error = fetch(machine, 0, 0, &offset);
    machine->is_wrong |= error == KAFKA_NONE;
    while ((error = fetch(machine, 0, 0, &offset)) == KAFKA_COORDINATOR_LOAD_IN_PROGRESS)
        turn(machine);
    return error == KAFKA_NONE;
}

/* What is answered is what was acknowledged last, or was asked for after that. */
static bool offsets_are_right(struct machine *machine)
{
    for (uint32_t g = 0; g < GROUPS; g++) {
        for (int32_t p = 0; p < PARTITIONS; p++) {
            const struct known *known = &machine->known[g][p];
            int64_t offset = -2;
            if (fetch(machine, g, p, &offset) != KAFKA_NONE)
                return false;
            int64_t least = known->acknowledged;
            int64_t most = known->attempted == 0 ? -1 : known->attempted;
            machine->is_wrong |= offset < least || offset > most;
        }
    }
    return !machine->is_wrong;
}

/* Some commits at once, of which the first to come are in flight when the others arrive. An error
 * ends the story: the shard has dropped its memory. */
static bool commit_round(struct machine *machine, uint32_t round)
{
    struct pending flights[FLIGHT_MAX];
    bool is_well = true;
    for (uint32_t i = 0; i < FLIGHT_MAX; i++)
        send_commit(machine, &flights[i], (round + i) % GROUPS,
                    (int32_t)(round + i / 2) % PARTITIONS);
    for (uint32_t i = 0; i < FLIGHT_MAX; i++)
        is_well = finish_commit(machine, &flights[i]) == KAFKA_NONE && is_well;
    return is_well;
}

static void live(struct machine *machine)
{
    if (!begin_life(machine) || !await_loaded(machine))
        return;
    for (uint32_t round = 0; round < ROUNDS && is_alive(machine); round++)
        if (!commit_round(machine, round) || !offsets_are_right(machine))
            return;
}

struct trouble {
    const char *name;
    enum planned_effect effect;
    uint32_t kinds;
};

enum { FAILING = 1 << IO_WRITE | 1 << IO_SYNC | 1 << IO_READ };

static const struct trouble troubles[] = {
    {"power-cut", PLAN_POWER_CUT, (uint32_t)PLAN_ANY_FILE},
    {"kill", PLAN_KILL, (uint32_t)PLAN_ANY_FILE},
    {"error", PLAN_IO_ERROR, (uint32_t)FAILING},
};

/* True if all went well. */
static bool run_story(const struct trouble *trouble, uint64_t nth, bool *has_struck)
{
    struct machine *machine = calloc(1, sizeof *machine);
    const struct planned_fault plan = {
        .effect = trouble->effect,
        .kinds = trouble->kinds,
        .nth = nth,
    };
    assert(machine != NULL);
    machine_init(machine, nth, plan);
    live(machine);
    *has_struck = !node_has_plans(machine->sim.node);
    node_forget_plans(machine->sim.node);
    if (is_alive(machine))
        rig_kill(&machine->rig);
    bool is_well = begin_life(machine) && await_loaded(machine) && offsets_are_right(machine) &&
                   commit_round(machine, 0) && offsets_are_right(machine) && !machine->is_wrong;
    if (!is_well)
        fprintf(stderr, "groups_shard %s %" PRIu64 "\n%s", trouble->name, nth,
                machine->rig.log_text);
    machine_deinit(machine);
    free(machine);
    return is_well;
}

static uint32_t run_trouble(const struct trouble *trouble)
{
    uint32_t failed_count = 0;
    bool has_struck = true;
    for (uint64_t nth = 1; has_struck; nth += STRIDE) {
        assert_true(nth < NTH_MAX);
        failed_count += !run_story(trouble, nth, &has_struck);
    }
    return failed_count;
}

static void power_is_cut_anywhere(void **state)
{
    assert_int_equal(run_trouble(&troubles[0]), 0);
}

static void process_is_killed_anywhere(void **state)
{
    assert_int_equal(run_trouble(&troubles[1]), 0);
}

static void any_operation_fails(void **state)
{
    assert_int_equal(run_trouble(&troubles[2]), 0);
}

/* --- Single cases ----------------------------------------------------------------------------- */

/* NULL: the topic of offsets is as it is by default. */
static struct machine *begin_case_with(const char *max_message_bytes)
{
    struct machine *machine = calloc(1, sizeof *machine);
    assert(machine != NULL);
    machine_init(machine, 1, (struct planned_fault){.effect = PLAN_NONE});
    if (max_message_bytes != NULL)
        machine->image =
            test_image_set(machine->image, OFFSETS_TOPIC, "max.message.bytes", max_message_bytes);
    assert_true(begin_life(machine));
    assert_true(await_loaded(machine));
    return machine;
}

static struct machine *begin_case(void)
{
    return begin_case_with(NULL);
}

static void end_case(struct machine *machine)
{
    machine_deinit(machine);
    free(machine);
}

/* An answer waits for the disk, and so does one that only tells what is not on disk yet. */
static void no_answer_leaves_before_the_disk(void **state)
{
    struct machine *machine = begin_case();
    struct group_shard *shard = shard_of(machine);
    struct pending commit;
    struct pending fetched;
    send_commit(machine, &commit, 0, 0);
    send_fetch(machine, &fetched, 0, 0);
    assert_true(commit.commit.call.is_answered);
    assert_true(shard->is_appending);
    while (!commit.has_landed) {
        assert_false(fetched.has_landed);
        turn(machine);
    }
    assert_int_equal(shard->durable_count, 1);
    while (!fetched.has_landed)
        turn(machine);
    assert_int_equal(fetched.fetch.out.topics[0].partitions[0].committed_offset, 1);
    assert_int_equal(finish_commit(machine, &commit), KAFKA_NONE);
    arena_deinit(&fetched.arena);
    end_case(machine);
}

/* What comes while a batch is with the disk goes together in the next. */
static void commits_gather_while_a_batch_flies(void **state)
{
    enum { MANY = 50 };
    static struct pending flights[MANY];
    struct machine *machine = begin_case();
    struct partition *partition =
        replica_manager_find(&machine->replicas, (struct uuid){{OFFSETS_TOPIC}}, 0);
    for (uint32_t i = 0; i < MANY; i++)
        send_commit(machine, &flights[i], i % GROUPS, 0);
    assert_int_equal(shard_of(machine)->append_count, 1);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(finish_commit(machine, &flights[i]), KAFKA_NONE);
    assert_int_equal(shard_of(machine)->append_count, MANY - 1);
    assert_int_equal(log_end_offset(partition->log), MANY);
    end_case(machine);
}

/* No batch is larger than the topic takes: what has gathered goes in several. */
static void batches_keep_to_their_limit(void **state)
{
    enum { MANY = 40, LIMIT = 500 };
    static struct pending flights[MANY];
    struct machine *machine = begin_case();
    shard_of(machine)->options.batch_bytes_max = LIMIT;
    for (uint32_t i = 0; i < MANY; i++)
        send_commit(machine, &flights[i], i % GROUPS, 0);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(finish_commit(machine, &flights[i]), KAFKA_NONE);
        assert_in_range(shard_of(machine)->append_count, 1, 4);
    }
    assert_true(offsets_are_right(machine));
    end_case(machine);
}

/* A topic that takes no bytes at all takes no offset, and its groups are served all the same. */
static void nothing_fits_into_a_limit_of_zero(void **state)
{
    struct machine *machine = begin_case_with("0");
    struct pending commit;
    send_commit(machine, &commit, 0, 0);
    assert_int_equal(finish_commit(machine, &commit), KAFKA_INVALID_COMMIT_OFFSET_SIZE);
    assert_true(offsets_are_right(machine));
    end_case(machine);
}

/* What one turn puts is one batch, also beyond what the topic takes from clients: cut in two it
 * would not be whole after a crash. */
static void a_large_turn_is_one_batch(void **state)
{
    enum { LIMIT = 200 };
    struct machine *machine = begin_case();
    struct group_shard *shard = shard_of(machine);
    struct pending flights[2];
    shard->options.batch_bytes_max = LIMIT;
    send_commit(machine, &flights[0], 0, 0);
    for (uint32_t i = 0; i < 4; i++)
        group_writer_put(&shard->writers[shard->gathering], bytes_of_text("\0\x7f"),
                         bytes_of_text("a value of a kind that nobody knows, which is left alone"));
    send_commit(machine, &flights[1], 1, 0);
    assert_int_equal(finish_commit(machine, &flights[0]), KAFKA_NONE);
    assert_int_equal(finish_commit(machine, &flights[1]), KAFKA_NONE);
    assert_int_equal(shard->append_count, 5);
    assert_int_equal(machine->groups.counts.failed_appends, 0);
    end_case(machine);
}

struct reading {
    struct log_read read;
    bool has_landed;
};

static void reading_landed(struct completion *completion, int32_t result)
{
    assert_int_equal(result, STATUS_OK);
    container_of(completion, struct reading, read.completion)->has_landed = true;
}

/* That of the first batch of the log. */
static enum compression first_compression(struct machine *machine)
{
    struct partition *partition =
        replica_manager_find(&machine->replicas, (struct uuid){{OFFSETS_TOPIC}}, 0);
    struct reading reading = {
        .read = {.end_offset = log_end_offset(partition->log), .first_batch_anyway = true},
    };
    struct batch_header header;
    enum compression compression;
    completion_init(&reading.read.completion, reading_landed);
    log_read(partition->log, &reading.read);
    while (!reading.has_landed)
        turn(machine);
    assert_int_equal(batch_header_read(reading.read.pieces[0], &header), STATUS_OK);
    assert_true(batch_compression(&header, &compression));
    log_read_release(&reading.read, machine->rig.io);
    return compression;
}

/* offsets.topic.compression.codec: what is written so is read again. */
static void compressed_records_are_loaded(void **state)
{
    struct machine *machine = begin_case();
    shard_of(machine)->options.compression = COMPRESSION_ZSTD;
    assert_true(commit_round(machine, 0));
    assert_int_equal(first_compression(machine), COMPRESSION_ZSTD);
    rig_kill(&machine->rig);
    assert_true(begin_life(machine) && await_loaded(machine) && offsets_are_right(machine));
    end_case(machine);
}

/* A group with more offsets than one turn may take out is gone when that is answered, and after a
 * restart; the batches in between carry one portion each. */
static void a_deletion_in_portions_ends(void **state)
{
    enum { MANY = 2500 };
    struct machine *machine = begin_case();
    struct group_shard *shard = shard_of(machine);
    struct group_turn turn = {
        .memory = shard->options.memory,
        .writer = &shard->writers[shard->gathering],
        .settings = shard->options.settings,
    };
    struct group *group = group_table_create(&shard->table, &turn, bytes_of_text("g"));
    for (int32_t i = 0; i < MANY; i++) {
        const struct group_offset offset = {.partition = i, .metadata = bytes_of_text("")};
        assert_int_equal(group_offsets_put(&group->offsets, turn.memory, bytes_of_text("many"),
                                           (struct uuid){{TOPIC + 1}}, &offset),
                         STATUS_OK);
    }
    shard->table.offset_count += MANY;
    struct pending pending = {0};
    struct delete_group_call deletion = {.group_id = bytes_of_text("g")};
    send(machine, &pending, &deletion.call, GROUP_CALL_DELETE);
    while (!pending.has_landed) {
        assert_in_range(shard->append_count, 0, GROUP_PORTION_OFFSETS);
        rig_turn(&machine->rig);
    }
    assert_int_equal(deletion.error_code, KAFKA_NONE);
    assert_int_equal(shard->durable_count, MANY);
    assert_int_equal(shard->table.groups.count, 0);
    arena_deinit(&pending.arena);
    end_case(machine);
}

/* Whoever leads by another epoch than the partition is not asked any more, reads neither, and what
 * was on its way is not acknowledged (pitfall F2). */
static void a_fenced_shard_says_so(void **state)
{
    static const int32_t in_sync[] = {TEST_IMAGE_NODE};
    struct machine *machine = begin_case();
    struct pending flights[2];
    int64_t offset;
    struct partition *partition =
        replica_manager_find(&machine->replicas, (struct uuid){{OFFSETS_TOPIC}}, 0);
    assert_true(commit_round(machine, 0));
    send_commit(machine, &flights[0], 0, 0);
    send_commit(machine, &flights[1], 1, 0);
    partition_lead(partition, partition->core.leader_epoch + 1, in_sync, 1);
    assert_int_equal(fetch(machine, 0, 0, &offset), KAFKA_NOT_COORDINATOR);
    assert_int_equal(finish_commit(machine, &flights[0]), KAFKA_NOT_COORDINATOR);
    assert_int_equal(finish_commit(machine, &flights[1]), KAFKA_NOT_COORDINATOR);
    assert_int_equal(shard_of(machine)->state, GROUP_SHARD_CLOSED);
    assert_int_equal(machine->groups.memory.used_bytes, 0);
    end_case(machine);
}

/* A change that cannot be written ends in a new load, with what is in the log and nothing else. */
static void what_is_not_written_is_forgotten(void **state)
{
    struct machine *machine = begin_case();
    struct pending pending;
    int64_t offset;
    assert_true(commit_round(machine, 0));
    struct group_shard *shard = shard_of(machine);
    int64_t before = machine->known[0][0].acknowledged;
    shard->writers[shard->gathering].status = STATUS_NO_MEMORY;
    send_commit(machine, &pending, 0, 0);
    assert_int_equal(finish_commit(machine, &pending), KAFKA_COORDINATOR_NOT_AVAILABLE);
    assert_int_equal(shard->state, GROUP_SHARD_LOADING);
    assert_true(await_loaded(machine));
    assert_int_equal(fetch(machine, 0, 0, &offset), KAFKA_NONE);
    assert_int_equal(offset, before);
    assert_int_equal(machine->groups.counts.failed_appends, 1);
    assert_true(commit_round(machine, 1));
    end_case(machine);
}

/* What was accepted is there again after a start that leaves less memory for groups; only more is
 * refused. */
static void less_memory_loses_no_offset(void **state)
{
    struct machine *machine = begin_case();
    struct pending pending;
    for (uint32_t round = 0; round < ROUNDS; round++)
        assert_true(commit_round(machine, round));
    rig_kill(&machine->rig);
    machine->group_memory_bytes = 100;
    assert_true(begin_life(machine));
    assert_true(await_loaded(machine));
    assert_true(offsets_are_right(machine));
    send_commit(machine, &pending, 0, 0);
    assert_int_equal(finish_commit(machine, &pending), KAFKA_COORDINATOR_NOT_AVAILABLE);
    assert_true(offsets_are_right(machine));
    end_case(machine);
}

/* A core that has stood still is noticed by whoever comes first, once; one that has nothing to do
 * is not taken for that. */
static void a_stall_is_noticed_once(void **state)
{
    struct group_pulse pulse = {0};
    group_pulse_beat(&pulse, 1000000);
    group_pulse_beat(&pulse, 1001000);
    assert_int_equal(pulse.stall_count, 0);
    group_pulse_beat(&pulse, 1061000);
    group_pulse_beat(&pulse, 1061001);
    assert_int_equal(pulse.stall_count, 1);
}

static int run_one(const char *name, uint64_t nth)
{
    bool has_struck;
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
        if (strcmp(troubles[i].name, name) == 0)
            return !run_story(&troubles[i], nth, &has_struck);
    return 2;
}

int main(int argument_count, char **arguments)
{
    if (argument_count == 3)
        return run_one(arguments[1], strtoull(arguments[2], NULL, 10));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_answer_leaves_before_the_disk),
        cmocka_unit_test(commits_gather_while_a_batch_flies),
        cmocka_unit_test(batches_keep_to_their_limit),
        cmocka_unit_test(nothing_fits_into_a_limit_of_zero),
        cmocka_unit_test(a_large_turn_is_one_batch),
        cmocka_unit_test(compressed_records_are_loaded),
        cmocka_unit_test(a_deletion_in_portions_ends),
        cmocka_unit_test(a_fenced_shard_says_so),
        cmocka_unit_test(what_is_not_written_is_forgotten),
        cmocka_unit_test(less_memory_loses_no_offset),
        cmocka_unit_test(a_stall_is_noticed_once),
        cmocka_unit_test(power_is_cut_anywhere),
        cmocka_unit_test(process_is_killed_anywhere),
        cmocka_unit_test(any_operation_fails),
    };
    return cmocka_run_group_tests_name("group_shard", tests, NULL, NULL);
}
