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
    free(check->topics);
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

/* --- What topics may do ----------------------------------------------------------------------- */

/* NULL: nothing has been said of it. */
static struct check_topic *topic_find(const struct check *check, struct uuid topic_id)
{
    for (uint32_t i = 0; i < check->topic_count; i++)
        if (uuid_equal(check->topics[i].id, topic_id))
            return &check->topics[i];
    return NULL;
}

static struct check_topic *topic_of(struct check *check, struct uuid topic_id)
{
    struct check_topic *topic = topic_find(check, topic_id);
    if (topic != NULL)
        return topic;
    check->topics =
        must_grow(check->topics, check->topic_count, check->topic_count + 1, sizeof *check->topics);
    topic = &check->topics[check->topic_count++];
    *topic = (struct check_topic){.id = topic_id, .is_strict = true, .strict_period = 1};
    return topic;
}

void check_allow(struct check *check, struct uuid topic_id, uint32_t freedoms)
{
    topic_of(check, topic_id)->freedoms |= freedoms;
}

bool check_is_free(const struct check *check, struct uuid topic_id, enum check_freedom freedom)
{
    const struct check_topic *topic = topic_find(check, topic_id);
    uint32_t freedoms = check->freedoms | (topic == NULL ? 0 : topic->freedoms);
    return (freedoms & freedom) != 0;
}

void check_loosen(struct check *check, struct uuid topic_id)
{
    struct check_topic *topic = topic_of(check, topic_id);
    topic->freedoms |= CHECK_LOSES_UNFLUSHED;
    topic->loosening_count++;
    topic->is_strict = false;
}

void check_loosened(struct check *check, struct uuid topic_id)
{
    struct check_topic *topic = topic_of(check, topic_id);
    assert(topic->loosening_count > 0);
    topic->loosening_count--;
}

/* A wish that nobody heard of may still come. */
void check_tighten(struct check *check, struct uuid topic_id)
{
    struct check_topic *topic = topic_of(check, topic_id);
    if (topic->is_strict || topic->loosening_count > 0)
        return;
    topic->is_strict = true;
    topic->strict_period++;
}

uint32_t check_strict_period(const struct check *check, struct uuid topic_id)
{
    const struct check_topic *topic = topic_find(check, topic_id);
    if (topic == NULL)
        return 1;
    return topic->is_strict ? topic->strict_period : 0;
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

static bool log_is_free(const struct check *check, const struct check_log *log,
                        enum check_freedom freedom)
{
    return check_is_free(check, log->key.topic_id, freedom);
}

/* What is there at this offset may not be lost. */
static bool log_is_sure(const struct check *check, const struct check_log *log, int64_t offset)
{
    return offset < log->sure_end || !log_is_free(check, log, CHECK_LOSES_UNFLUSHED);
}

/* What stands at an offset stands there for ever, once it is on disk. */
static void log_place(struct check *check, struct check_log *log, int64_t offset, uint64_t number)
{
    assert(offset >= 0);
    assert(number > 0);
    log_reach(log, offset);
    bool is_other = log->numbers[offset] != 0 && log->numbers[offset] != number;
    if (is_other && log_is_sure(check, log, offset))
        fail(check, "offset", log, offset, log->numbers[offset], number);
    if (check->records[number].is_refused)
        fail(check, "refused, and there", log, offset, 0, number);
    log->numbers[offset] = number;
}

static void log_know_end(const struct check *check, struct check_log *log, int64_t end)
{
    if (end > log->known_end && log_is_sure(check, log, end - 1))
        log->known_end = end;
}

/* --- Sending ---------------------------------------------------------------------------------- */

uint32_t check_new_session(struct check *check)
{
    return ++check->session_count;
}

static uint64_t announce(struct check *check, uint32_t session, int32_t position)
{
    assert(session <= check->session_count);
    uint64_t number = ++check->record_count;
    if (number >= check->record_capacity) {
        uint64_t capacity =
            check->record_capacity == 0 ? RECORDS_FIRST : 2 * check->record_capacity;
        check->records =
            must_grow(check->records, check->record_capacity, capacity, sizeof *check->records);
        check->record_capacity = capacity;
    }
    check->records[number] = (struct check_record){.session = session, .position = position};
    return number;
}

uint64_t check_send(struct check *check, uint32_t session, int32_t position, uint32_t size)
{
    assert(size >= CHECK_VALUE_SIZE_MIN);
    uint64_t number = announce(check, session, position);
    check->records[number].size = size;
    return number;
}

uint64_t check_send_tombstone(struct check *check, uint32_t session, int32_t position)
{
    uint64_t number = announce(check, session, position);
    check->records[number].is_tombstone = true;
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

/* On disk is then, too, what came before. */
static void log_note_sure(const struct check *check, struct check_log *log, uint32_t strict_period,
                          int64_t end)
{
    if (strict_period == 0 || check_strict_period(check, log->key.topic_id) != strict_period)
        return;
    if (end > log->sure_end)
        log->sure_end = end;
}

void check_acked(struct check *check, const struct check_key *key, uint32_t strict_period,
                 int64_t base_offset, uint64_t first_number, uint32_t count)
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
    log_note_sure(check, log, strict_period, base_offset + count);
    log_know_end(check, log, base_offset + count);
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

static void log_see(struct check *check, struct check_log *log, int64_t offset, uint64_t number)
{
    log_place(check, log, offset, number);
    if (log->is_seen != NULL)
        log->is_seen[offset] = true;
    check->read_count++;
}

void check_read(struct check *check, const struct check_key *key, int64_t offset,
                struct bytes record_key, struct bytes value)
{
    struct check_log *log = log_of(check, key);
    uint64_t number = value.size < CHECK_VALUE_SIZE_MIN ? 0 : load_u64_be(value.data);
    if (number == 0 || number > check->record_count || check->records[number].is_tombstone) {
        fail(check, "bytes that nobody sent", log, offset, 0, number);
        return;
    }
    if (value.size != check->records[number].size || !value_is_right(number, value) ||
        !bytes_equal(record_key, check_key_of(number))) {
        fail(check, "bytes changed", log, offset, number, number);
        return;
    }
    log_see(check, log, offset, number);
}

void check_read_tombstone(struct check *check, const struct check_key *key, int64_t offset,
                          struct bytes record_key, struct bytes stamp)
{
    struct check_log *log = log_of(check, key);
    uint64_t number = stamp.size != CHECK_VALUE_SIZE_MIN ? 0 : load_u64_be(stamp.data);
    if (number == 0 || number > check->record_count || !check->records[number].is_tombstone ||
        !bytes_equal(record_key, check_key_of(number)))
        fail(check, "bytes of a tombstone that nobody sent", log, offset, 0, number);
    else
        log_see(check, log, offset, number);
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
    log_know_end(check, log, end);
}

void check_out_of_range(struct check *check, const struct check_key *key, int64_t offset)
{
    struct check_log *log = log_of(check, key);
    bool may_be_below = log_is_free(check, log, CHECK_SHRINKS) || offset < log->asked_start;
    bool may_be_above = offset > log->sure_end && !log_is_sure(check, log, offset);
    if (!may_be_below && !may_be_above)
        fail(check, "latest went back, or records that nobody deleted are gone", log, offset, 0, 0);
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
    if (start > log->asked_start && !log_is_free(check, log, CHECK_SHRINKS))
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
        if (expected != 0 && record->position > expected &&
            !log_is_free(check, log, CHECK_COMPACTS))
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

/* The newest offset of each key that is known, and the newest of those that were read in the
 * audit; -1: none. What may have been lost before it was on disk does not count. */
struct newest {
    int64_t known;
    int64_t seen;
};

static void find_newest(const struct check *check, const struct check_log *log, int64_t start,
                        struct newest newest[static CHECK_KEY_COUNT])
{
    memset(newest, -1, CHECK_KEY_COUNT * sizeof newest[0]);
    for (int64_t offset = start; offset < log->offset_count; offset++) {
        uint64_t number = log->numbers[offset];
        if (number != 0 && (log->is_seen[offset] || log_is_sure(check, log, offset)))
            newest[key_index(number)].known = offset;
        if (number != 0 && log->is_seen[offset])
            newest[key_index(number)].seen = offset;
    }
}

/* What anybody has sent or seen for a key may have been replaced, but only by what is there. A
 * tombstone that may go leaves nothing behind of its key. */
static void check_newest(struct check *check, struct check_log *log, int64_t start)
{
    struct newest newest[CHECK_KEY_COUNT];
    bool may_forget = log_is_free(check, log, CHECK_FORGETS);
    find_newest(check, log, start, newest);
    for (uint32_t key = 0; key < CHECK_KEY_COUNT; key++) {
        int64_t offset = newest[key].known;
        if (newest[key].seen == offset)
            continue;
        bool is_tombstone = check->records[log->numbers[offset]].is_tombstone;
        if (!is_tombstone)
            fail(check, "newest of its key, and lost", log, offset, log->numbers[offset], 0);
        else if (!may_forget)
            fail(check, "tombstone, and lost", log, offset, log->numbers[offset], 0);
        else if (newest[key].seen >= 0)
            fail(check, "tombstone gone before what it deletes", log, newest[key].seen,
                 log->numbers[offset], log->numbers[newest[key].seen]);
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
        if (log->numbers[offset] != 0 && log_is_sure(check, log, offset))
            fail(check, "acked, and lost", log, offset, log->numbers[offset], 0);
    if (log_is_free(check, log, CHECK_COMPACTS))
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
