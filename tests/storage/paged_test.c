/* What is read again and again from a log that is larger than the memory for it: from the third
 * time on it comes as ranges of the segments' files, and is what was appended. */
#include "base/crc32c.h"
#include "sim/disk.h"
#include "storage/log_struct.h"
#include "storage/paged.h"
#include "storage/store_struct.h"
#include "tests/storage/check.h"
#include "tests/storage/sim_harness.h"

#include <stdlib.h>

enum { BATCHES = 120, VALUE_SIZE = 60000, READ_SIZE = 200 * 1024, TURNS_MAX = 1000000 };

struct fixture {
    struct sim_rig *machine;
    struct rig *rig;
    uint32_t crcs[BATCHES]; /* of the whole batches, one record each */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->machine = sim_rig_set_up(state, 71);
    fixture->rig = &fixture->machine->rig;
    fixture->rig->options.cache_bytes_max = 2 << 20;
    fixture->rig->config.segment_bytes_max = 2 << 20;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    void *machine = fixture->machine;
    free(fixture);
    return sim_rig_tear_down(&machine);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static int32_t read_at(struct fixture *fixture, int64_t offset, uint32_t size_bytes_max,
                       struct log_read *read)
{
    *read = (struct log_read){.offset = offset,
                              .end_offset = INT64_MAX,
                              .size_bytes_max = size_bytes_max,
                              .first_batch_anyway = true,
                              .takes_files = true};
    return rig_read_as(fixture->rig, 0, read);
}

struct transfer {
    struct io_request request;
    bool has_landed;
};

static void transfer_landed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    assert_int_equal(result, request->transfer.size_bytes);
    container_of(request, struct transfer, request)->has_landed = true;
}

/* As a backend would send it: from memory, or from the file that the range names. */
static uint8_t *piece_content(struct fixture *fixture, const struct log_read *read, uint32_t index,
                              uint32_t *range_index)
{
    struct bytes piece = read->pieces[index];
    uint8_t *content = malloc(piece.size);
    assert_non_null(content);
    if (piece.data != NULL) {
        memcpy(content, piece.data, piece.size);
        return content;
    }
    const struct io_file_range *range = &read->ranges[(*range_index)++];
    struct transfer transfer = {.has_landed = false};
    completion_init(&transfer.request.completion, transfer_landed);
    io_read(fixture->rig->io, &transfer.request, range->handle, content, (uint32_t)piece.size,
            range->offset);
    while (!transfer.has_landed)
        rig_turn(fixture->rig);
    return content;
}

/* Checks all that was read, and gives it back; answers how many pieces were ranges. */
static uint32_t take(struct fixture *fixture, struct log_read *read, int64_t *offset)
{
    uint32_t range_index = 0;
    for (uint32_t i = 0; i < read->piece_count; i++) {
        uint8_t *content = piece_content(fixture, read, i, &range_index);
        struct bytes rest = bytes_of(content, read->pieces[i].size);
        struct bytes batch;
        while (batch_next(&rest, &batch) == STATUS_OK) {
            assert_true(*offset < BATCHES);
            assert_int_equal(crc32c(0, batch.data, batch.size), fixture->crcs[*offset]);
            (*offset)++;
        }
        free(content);
    }
    assert_int_equal(range_index, read->range_count);
    assert_int_equal(read->next_offset, *offset);
    uint32_t range_count = read->range_count;
    log_read_release(read, fixture->rig->io);
    return range_count;
}

/* The whole log, from its start on; answers how many pieces were ranges. */
static uint32_t read_round(struct fixture *fixture, int64_t from)
{
    uint32_t range_count = 0;
    for (int64_t offset = from; offset < BATCHES;) {
        struct log_read read;
        assert_int_equal(read_at(fixture, offset, READ_SIZE, &read), STATUS_OK);
        range_count += take(fixture, &read, &offset);
    }
    return range_count;
}

/* From `*offset` on, the first read that comes with ranges; it is the caller's to take. */
static void read_ranges(struct fixture *fixture, int64_t *offset, struct log_read *read)
{
    assert_int_equal(read_at(fixture, *offset, READ_SIZE, read), STATUS_OK);
    while (read->range_count == 0) {
        *offset = read->next_offset;
        assert_true(*offset < BATCHES / 2);
        log_read_release(read, fixture->rig->io);
        assert_int_equal(read_at(fixture, *offset, READ_SIZE, read), STATUS_OK);
    }
}

static void fill(struct fixture *fixture)
{
    struct rig *rig = fixture->rig;
    assert_int_equal(rig_start(rig, 1, 1), STATUS_OK);
    for (uint32_t i = 0; i < BATCHES; i++) {
        rig_put_many(rig, 0, 1, VALUE_SIZE + i);
        struct log_read read;
        assert_int_equal(rig_read(rig, 0, i, INT64_MAX, 1, &read), STATUS_OK);
        fixture->crcs[i] = crc32c(0, read.pieces[0].data, read.pieces[0].size);
        log_read_release(&read, rig->io);
    }
    assert_true(rig->logs[0]->segment_count > 2);
}

/* --- Stories ---------------------------------------------------------------------------------- */

/* The first time it is read past the page cache, the second time through it, and from the third
 * time on most of it comes as ranges, for which nothing is read any more. */
static void what_is_read_again_is_sent_from_files(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    struct store *store = fixture->rig->stores[0];
    assert_int_equal(read_round(fixture, 0), 0);
    assert_true(store->ghost != NULL);
    read_round(fixture, 0);
    assert_true(store->paged_table_bytes > 0);
    assert_true(read_round(fixture, 0) > BATCHES / 2);
    uint64_t before = node_file_operation_count(fixture->machine->sim.node);
    uint32_t range_count = read_round(fixture, 0);
    uint64_t operations = node_file_operation_count(fixture->machine->sim.node) - before;
    assert_true(range_count > BATCHES / 2);
    assert_true(operations < range_count + BATCHES / 10); /* of which this test reads the ranges */
    assert_int_equal(rig_stop(fixture->rig), STATUS_OK);
}

/* Whoever cannot do with ranges, or does not want all of a frame, gets it from memory, as often as
 * he asks; the others are served as before. */
static void who_needs_memory_gets_it(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    for (uint32_t round = 0; round < 3; round++)
        read_round(fixture, 0);
    uint32_t digest;
    for (uint32_t round = 0; round < 2; round++) {
        assert_int_equal(rig_read_all(fixture->rig, 0, &digest), BATCHES);
        for (int64_t i = 0; i < BATCHES / 2; i++) {
            struct log_read read;
            int64_t offset = i;
            assert_int_equal(read_at(fixture, offset, 1, &read), STATUS_OK);
            assert_int_equal(read.piece_count, 1);
            assert_int_equal(take(fixture, &read, &offset), 0);
        }
        read_round(fixture, 0);
    }
    assert_true(read_round(fixture, 0) > 0);
    assert_int_equal(rig_stop(fixture->rig), STATUS_OK);
}

/* A segment that is deleted while ranges of it are being sent stays readable for who sends it, and
 * its file is closed behind him. */
static void segment_deleted_while_it_is_sent(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    struct store *store = fixture->rig->stores[0];
    for (uint32_t round = 0; round < 3; round++)
        read_round(fixture, 0);
    struct log_read read;
    int64_t offset = 0;
    read_ranges(fixture, &offset, &read);
    rig_commit(fixture->rig, 0);
    int64_t start_offset;
    assert_int_equal(rig_delete_records(fixture->rig, 0, BATCHES / 2, &start_offset), STATUS_OK);
    for (uint32_t i = 0; i < 1000; i++)
        rig_turn(fixture->rig);
    assert_true(take(fixture, &read, &offset) > 0);
    read_round(fixture, start_offset);
    paged_drop_all(store);
    assert_true(list_is_empty(&store->paged_files));
    assert_int_equal(rig_stop(fixture->rig), STATUS_OK);
}

static void turn_until_cleaned(struct fixture *fixture, int64_t offset)
{
    struct log *log = fixture->rig->logs[0];
    for (uint32_t turns = 0; log->cleaned_offset <= offset || log->busy_count > 0; turns++) {
        assert_true(turns < TURNS_MAX);
        rig_commit(fixture->rig, 0);
        rig_turn(fixture->rig);
    }
}

/* Compaction leaves nothing of a segment while ranges of it are being sent: its file stays, so that
 * they are what was promised, and goes when they have been sent. */
static void segment_compacted_while_it_is_sent(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = fixture->rig;
    rig->config.compacts = true; /* all records have the same key */
    rig->config.min_cleanable_dirty_ppm = 0;
    rig->config.file_delete_delay_ms = 0;
    fill(fixture);
    for (uint32_t round = 0; round < 3; round++)
        read_round(fixture, 0);
    struct log_read read;
    int64_t offset = 0;
    char path[PATH_SIZE];
    uint32_t index;
    uint64_t size_bytes;
    read_ranges(fixture, &offset, &read);
    const struct segment *segment = log_find_segment(rig->logs[0], offset, &index);
    rig_segment_path(rig, 0, segment->base_offset, path);

    turn_until_cleaned(fixture, offset);
    for (uint32_t i = 0; i < 1000; i++)
        rig_turn(rig);
    assert_true(rig_has_file(rig, path, &size_bytes));
    assert_true(take(fixture, &read, &offset) > 0);
    for (uint32_t turns = 0; rig_has_file(rig, path, &size_bytes); turns++) {
        assert_true(turns < TURNS_MAX);
        rig_turn(rig);
    }
    assert_int_equal(rig_stop(rig), STATUS_OK);
}

/* Reads the whole log while the next operation of a kind fails; whoever is told of it asks again.
 * Answers how many were told. */
static uint32_t read_round_through_error(struct fixture *fixture, enum io_kind kind)
{
    uint32_t error_count = 0;
    node_plan(fixture->machine->sim.node,
              (struct planned_fault){.effect = PLAN_IO_ERROR, .kinds = 1u << kind, .nth = 1});
    for (int64_t offset = 0; offset < BATCHES;) {
        struct log_read read;
        int32_t result = read_at(fixture, offset, READ_SIZE, &read);
        if (result == STATUS_OK) {
            take(fixture, &read, &offset);
            continue;
        }
        assert_int_equal(result, STATUS_IO);
        error_count++;
        log_read_release(&read, fixture->rig->io);
    }
    node_forget_plans(fixture->machine->sim.node);
    return error_count;
}

/* A block that cannot be read when it is to be paged is not kept as one; the next who wants it
 * reads it anew. If only its file cannot be opened once more, nobody hears of it. */
static void errors_when_it_is_paged(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    struct store *store = fixture->rig->stores[0];
    read_round(fixture, 0);
    assert_int_equal(store->paged_table_bytes, 0);
    assert_int_equal(read_round_through_error(fixture, IO_OPEN), 0);
    assert_true(store->paged_table_bytes > 0);
    paged_drop_all(store);
    assert_int_equal(read_round_through_error(fixture, IO_READ), 1);
    assert_true(store->paged_table_bytes > 0);
    assert_true(read_round(fixture, 0) > BATCHES / 2);
    assert_int_equal(rig_stop(fixture->rig), STATUS_OK);
}

/* One byte of the segment's first frame. */
static void damage_segment(struct fixture *fixture, int64_t base_offset)
{
    char path[PATH_SIZE];
    struct disk *disk = node_disk(fixture->machine->sim.node);
    struct inode *file;
    uint8_t byte;
    rig_segment_path(fixture->rig, 0, base_offset, path);
    assert_int_equal(disk_open(disk, path, 0, &file), STATUS_OK);
    assert_int_equal(file_read(&file->file, 1000, &byte, 1), 1);
    byte ^= 1;
    assert_int_equal(disk_write(disk, file, 1000, &byte, 1), STATUS_OK);
    disk_release(disk, file);
}

/* What has become damaged when it is read once more, to be sent from its file from then on, is
 * found and not sent. */
static void damage_is_found_when_paged(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    read_round(fixture, 0);
    const struct log *log = fixture->rig->logs[0];
    int64_t damaged = log->segments[1]->base_offset;
    assert_false(cold_block_has(log, damaged));
    damage_segment(fixture, damaged);
    struct log_read read;
    assert_int_equal(read_at(fixture, damaged, READ_SIZE, &read), STATUS_CORRUPT);
    assert_int_equal(read.next_offset, damaged + 1);
    log_read_release(&read, fixture->rig->io);
    read_round(fixture, damaged + 1);
    assert_true(read_round(fixture, damaged + 1) > BATCHES / 4);
    assert_int_equal(rig_stop(fixture->rig), STATUS_OK);
}

/* When a file could not be read while it was being sent, nothing more of it is sent unverified: who
 * comes next is told of the damage, and the rest is served. */
static void a_failed_send_is_looked_into(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    for (uint32_t round = 0; round < 3; round++)
        read_round(fixture, 0);
    const struct log *log = fixture->rig->logs[0];
    int64_t damaged = log->segments[1]->base_offset;
    struct log_read read;
    assert_int_equal(read_at(fixture, damaged, READ_SIZE, &read), STATUS_OK);
    assert_true(read.range_count > 0);
    damage_segment(fixture, damaged);
    log_read_doubt_file(&read);
    log_read_release(&read, fixture->rig->io);
    assert_int_equal(read_at(fixture, damaged, READ_SIZE, &read), STATUS_CORRUPT);
    assert_int_equal(read.next_offset, damaged + 1);
    log_read_release(&read, fixture->rig->io);
    for (uint32_t round = 0; round < 2; round++)
        read_round(fixture, damaged + 1);
    assert_true(read_round(fixture, damaged + 1) > BATCHES / 4);
    assert_int_equal(rig_stop(fixture->rig), STATUS_OK);
}

struct stopping {
    struct completion completion;
    bool has_landed;
    int32_t result;
};

static void stopping_landed(struct completion *completion, int32_t result)
{
    struct stopping *stopping = container_of(completion, struct stopping, completion);
    stopping->has_landed = true;
    stopping->result = result;
}

/* A stop waits for who sends from a file, and for nothing beyond that. */
static void stopped_while_it_is_sent(void **state)
{
    struct fixture *fixture = *state;
    struct rig *rig = fixture->rig;
    fill(fixture);
    for (uint32_t round = 0; round < 3; round++)
        read_round(fixture, 0);
    struct log_read read;
    int64_t offset = 0;
    read_ranges(fixture, &offset, &read);
    struct stopping stopping = {.has_landed = false};
    completion_init(&stopping.completion, stopping_landed);
    store_stop(rig->stores[0], &stopping.completion);
    for (uint32_t i = 0; i < 1000; i++)
        rig_turn(rig);
    assert_false(stopping.has_landed);
    assert_true(take(fixture, &read, &offset) > 0);
    for (uint32_t turns = 0; !stopping.has_landed; turns++) {
        assert_true(turns < TURNS_MAX);
        rig_turn(rig);
    }
    assert_int_equal(stopping.result, STATUS_OK);
    rig->harness->close(rig->harness, false);
}

/* A kill in the middle of it leaves nothing behind that the next life stumbles over. */
static void killed_while_it_is_sent(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    for (uint32_t round = 0; round < 3; round++)
        read_round(fixture, 0);
    rig_kill(fixture->rig);
    assert_int_equal(rig_start(fixture->rig, 1, 1), STATUS_OK);
    for (uint32_t round = 0; round < 2; round++)
        read_round(fixture, 0);
    assert_true(read_round(fixture, 0) > 0);
    assert_int_equal(rig_stop(fixture->rig), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_read_again_is_sent_from_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_needs_memory_gets_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(segment_deleted_while_it_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(segment_compacted_while_it_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_found_when_paged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_when_it_is_paged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_send_is_looked_into, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopped_while_it_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_while_it_is_sent, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
