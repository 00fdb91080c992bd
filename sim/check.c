#include "sim/check.h"

#include "base/assert.h"
#include "sim/memory.h"

#include <inttypes.h>

enum { RECORDS_FIRST = 1024, OFFSETS_FIRST = 256 };

static const uint64_t filler_factor = 0x9e3779b97f4a7c15u;

void check_init(struct check *check, struct verdict *verdict)
{
    *check = (struct check){.verdict = verdict};
}

void check_deinit(struct check *check)
{
    for (uint32_t i = 0; i < check->log_count; i++) {
        free(check->logs[i].numbers);
        free(check->logs[i].is_seen);
    }
    free(check->logs);
    free(check->records);
}

static void fail(struct check *check, const char *promise, const struct check_log *log,
                 int64_t offset, uint64_t expected, uint64_t found)
{
    char topic_id[UUID_TEXT_SIZE];
    uuid_format(log->key.topic_id, topic_id);
    verdict_fail(check->verdict, OUTCOME_UNSAFE,
                 "%s: partition %s-%d offset %" PRId64 ": expected %" PRIu64 ", found %" PRIu64,
                 promise, topic_id, log->key.index, offset, expected, found);
}

/* --- Partitions ------------------------------------------------------------------------------- */

static struct check_log *log_of(struct check *check, const struct check_key *key)
{
    for (uint32_t i = 0; i < check->log_count; i++) {
        struct check_log *log = &check->logs[i];
        if (log->key.index == key->index && uuid_equal(log->key.topic_id, key->topic_id))
            return log;
    }
    check->logs =
        must_grow(check->logs, check->log_count, check->log_count + 1, sizeof *check->logs);
    check->logs[check->log_count].key = *key;
    return &check->logs[check->log_count++];
}

static void log_reach(struct check_log *log, int64_t offset)
{
    int64_t capacity = log->offset_capacity == 0 ? OFFSETS_FIRST : log->offset_capacity;
    while (capacity <= offset)
        capacity *= 2;
    if (capacity > log->offset_capacity)
        log->numbers = must_grow(log->numbers, (size_t)log->offset_capacity, (size_t)capacity,
                                 sizeof *log->numbers);
    if (capacity > log->offset_capacity && log->is_seen != NULL)
        log->is_seen = must_grow(log->is_seen, (size_t)log->offset_capacity, (size_t)capacity,
                                 sizeof *log->is_seen);
    log->offset_capacity = capacity;
    if (offset >= log->offset_count)
        log->offset_count = offset + 1;
}

/* What stands at an offset stands there for ever. */
static void log_place(struct check *check, struct check_log *log, int64_t offset, uint64_t number)
{
    assert(offset >= 0);
    assert(number > 0);
    log_reach(log, offset);
    if (log->numbers[offset] != 0 && log->numbers[offset] != number)
        fail(check, "offset", log, offset, log->numbers[offset], number);
    if (check->records[number].is_refused)
        fail(check, "refused, and there", log, offset, 0, number);
    log->numbers[offset] = number;
}

static void log_know_end(struct check_log *log, int64_t end)
{
    if (end > log->known_end)
        log->known_end = end;
}

/* --- Sending ---------------------------------------------------------------------------------- */

uint32_t check_new_session(struct check *check)
{
    return ++check->session_count;
}

uint64_t check_send(struct check *check, uint32_t session, int32_t position, uint32_t size)
{
    assert(size >= CHECK_VALUE_SIZE_MIN);
    assert(session <= check->session_count);
    uint64_t number = ++check->record_count;
    if (number >= check->record_capacity) {
        uint64_t capacity =
            check->record_capacity == 0 ? RECORDS_FIRST : 2 * check->record_capacity;
        check->records =
            must_grow(check->records, check->record_capacity, capacity, sizeof *check->records);
        check->record_capacity = capacity;
    }
    check->records[number] =
        (struct check_record){.session = session, .position = position, .size = size};
    return number;
}

/* The same word over and over compresses well; every other record does not. */
static uint64_t filler_word(uint64_t number, uint32_t at)
{
    uint64_t word = (number + (number % 2) * at) * filler_factor;
    return word ^ word >> 29;
}

void check_fill_value(uint64_t number, uint8_t *value, uint32_t size)
{
    assert(size >= CHECK_VALUE_SIZE_MIN);
    store_u64_be(value, number);
    for (uint32_t at = CHECK_VALUE_SIZE_MIN; at < size; at += 8) {
        uint64_t word = filler_word(number, at);
        memcpy(value + at, &word, size - at < 8 ? size - at : 8);
    }
}

static uint32_t key_index(uint64_t number)
{
    return (uint32_t)(number * filler_factor >> 60);
}

struct bytes check_key_of(uint64_t number)
{
    static const char keys[CHECK_KEY_COUNT + 1] = "abcdefghijklmnop";
    return bytes_of(keys + key_index(number), 1);
}

void check_acked(struct check *check, const struct check_key *key, int64_t base_offset,
                 uint64_t first_number, uint32_t count)
{
    struct check_log *log = log_of(check, key);
    assert(count > 0);
    assert(first_number + count - 1 <= check->record_count);
    if (base_offset < 0) {
        fail(check, "acked without an offset", log, base_offset, first_number, 0);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        log_place(check, log, base_offset + i, first_number + i);
        check->records[first_number + i].is_acked = true;
    }
    check->acked_count += count;
    log_know_end(log, base_offset + count);
}

void check_refused(struct check *check, uint64_t first_number, uint32_t count)
{
    assert(count > 0);
    assert(first_number + count - 1 <= check->record_count);
    for (uint32_t i = 0; i < count; i++)
        check->records[first_number + i].is_refused = true;
    check->refused_count += count;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static bool value_is_right(uint64_t number, struct bytes value)
{
    for (uint32_t at = CHECK_VALUE_SIZE_MIN; at < value.size; at += 8) {
        uint64_t word = filler_word(number, at);
        if (memcmp(value.data + at, &word, value.size - at < 8 ? value.size - at : 8) != 0)
            return false;
    }
    return true;
}

void check_read(struct check *check, const struct check_key *key, int64_t offset,
                struct bytes record_key, struct bytes value)
{
    struct check_log *log = log_of(check, key);
    uint64_t number = value.size < CHECK_VALUE_SIZE_MIN ? 0 : load_u64_be(value.data);
    if (number == 0 || number > check->record_count) {
        fail(check, "bytes that nobody sent", log, offset, 0, number);
        return;
    }
    if (value.size != check->records[number].size || !value_is_right(number, value) ||
        !bytes_equal(record_key, check_key_of(number))) {
        fail(check, "bytes changed", log, offset, number, number);
        return;
    }
    log_place(check, log, offset, number);
    if (log->is_seen != NULL)
        log->is_seen[offset] = true;
    check->read_count++;
}

/* --- Ends ------------------------------------------------------------------------------------- */

int64_t check_known_end(struct check *check, const struct check_key *key)
{
    return log_of(check, key)->known_end;
}

void check_end(struct check *check, const struct check_key *key, int64_t known_end, int64_t end)
{
    struct check_log *log = log_of(check, key);
    if (end < known_end)
        fail(check, "latest went back", log, end, (uint64_t)known_end, (uint64_t)end);
    log_know_end(log, end);
}

int64_t check_known_start(struct check *check, const struct check_key *key)
{
    return log_of(check, key)->known_start;
}

int64_t check_asked_start(struct check *check, const struct check_key *key)
{
    return log_of(check, key)->asked_start;
}

void check_delete(struct check *check, const struct check_key *key, int64_t offset)
{
    struct check_log *log = log_of(check, key);
    if (offset > log->asked_start)
        log->asked_start = offset;
}

void check_start(struct check *check, const struct check_key *key, int64_t known_start,
                 int64_t start)
{
    struct check_log *log = log_of(check, key);
    if (start < known_start)
        fail(check, "deleted, and there", log, start, (uint64_t)known_start, (uint64_t)start);
    if (start > log->asked_start)
        fail(check, "deleted too much", log, start, (uint64_t)log->asked_start, (uint64_t)start);
}

void check_deleted(struct check *check, const struct check_key *key, int64_t start)
{
    struct check_log *log = log_of(check, key);
    if (start > log->known_start)
        log->known_start = start;
}

/* Positions of a session that is in the log may start anywhere (an older incarnation of the topic
 * may have the others), but go on one by one. What was deleted before anybody knew of it may be
 * missing from them. */
static void check_sessions(struct check *check, struct check_log *log, int64_t start)
{
    int32_t *next = must_allocate(check->session_count + 1, sizeof *next);
    for (int64_t offset = 0; offset < log->offset_count; offset++) {
        const struct check_record *record = &check->records[log->numbers[offset]];
        if (log->numbers[offset] == 0 && offset < start)
            memset(next, 0, (check->session_count + 1) * sizeof *next);
        if (log->numbers[offset] == 0 || record->session == 0)
            continue;
        int32_t expected = next[record->session];
        if (expected != 0 && record->position < expected)
            fail(check, "dup", log, offset, (uint64_t)expected, (uint64_t)record->position);
        if (expected != 0 && record->position > expected && !check->is_compacted)
            fail(check, "order", log, offset, (uint64_t)expected, (uint64_t)record->position);
        next[record->session] = record->position + 1;
    }
    free(next);
}

/* Those that were read before they were refused. */
static void check_refusals(struct check *check, struct check_log *log)
{
    for (int64_t offset = 0; offset < log->offset_count; offset++)
        if (check->records[log->numbers[offset]].is_refused)
            fail(check, "refused, and there", log, offset, 0, log->numbers[offset]);
}

void check_audit(struct check *check, const struct check_key *key)
{
    struct check_log *log = log_of(check, key);
    free(log->is_seen);
    log->is_seen = must_allocate((size_t)log->offset_capacity + 1, sizeof *log->is_seen);
}

/* What anybody has sent or seen for a key may have been replaced, but only by what is there. */
static void check_newest(struct check *check, struct check_log *log, int64_t start)
{
    int64_t newest[CHECK_KEY_COUNT];
    memset(newest, -1, sizeof newest);
    for (int64_t offset = start; offset < log->offset_count; offset++) {
        if (log->numbers[offset] != 0)
            newest[key_index(log->numbers[offset])] = offset;
    }
    for (uint32_t key = 0; key < CHECK_KEY_COUNT; key++) {
        int64_t offset = newest[key];
        if (offset >= 0 && !log->is_seen[offset])
            fail(check, "newest of its key, and lost", log, offset, log->numbers[offset], 0);
    }
}

static void check_holes(struct check *check, struct check_log *log, int64_t start, int64_t end)
{
    for (int64_t offset = start; offset < end && offset < log->offset_count; offset++)
        if (log->numbers[offset] == 0)
            fail(check, "read with a hole", log, offset, 1, 0);
}

void check_audited(struct check *check, const struct check_key *key, int64_t start, int64_t end)
{
    struct check_log *log = log_of(check, key);
    for (int64_t offset = end; offset < log->offset_count; offset++)
        if (log->numbers[offset] != 0)
            fail(check, "acked, and lost", log, offset, log->numbers[offset], 0);
    if (check->is_compacted)
        check_newest(check, log, start);
    else
        check_holes(check, log, start, end);
    if (end < log->known_end)
        fail(check, "latest went back", log, end, (uint64_t)log->known_end, (uint64_t)end);
    check_refusals(check, log);
    check_sessions(check, log, start);
}

void check_memory(struct check *check, size_t peak_bytes, size_t limit_bytes)
{
    if (peak_bytes > limit_bytes)
        verdict_fail(check->verdict, OUTCOME_UNSAFE, "bounds: %zu bytes of memory, %zu allowed",
                     peak_bytes, limit_bytes);
}
