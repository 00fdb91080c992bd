#include "bench/tally.h"

#include "base/assert.h"

static void note_time(struct tally *tally, int64_t now_ns)
{
    assert(now_ns > 0);
    if (now_ns > tally->last_ns)
        __atomic_store_n(&tally->last_ns, now_ns, __ATOMIC_RELAXED);
}

void tally_add_records(struct tally *tally, uint64_t records, uint64_t bytes, int64_t now_ns)
{
    counter_add(&tally->records, records);
    counter_add(&tally->bytes, bytes);
    note_time(tally, now_ns);
}

/* A code that Kafka's table does not have counts as UNKNOWN_SERVER_ERROR, as clients take it. */
void tally_add_error(struct tally *tally, int16_t code, int64_t now_ns)
{
    assert(code != KAFKA_NONE);
    bool is_known = code >= KAFKA_ERROR_MIN && code <= KAFKA_ERROR_MAX;
    int32_t known = is_known ? code : KAFKA_UNKNOWN_SERVER_ERROR;
    counter_add(&tally->errors[known - KAFKA_ERROR_MIN], 1);
    note_time(tally, now_ns);
}

uint64_t tally_errors(const struct tally *tally)
{
    uint64_t errors = 0;
    for (uint32_t i = 0; i < TALLY_ERRORS_COUNT; i++)
        errors += counter_read(&tally->errors[i]);
    return errors;
}

void tally_add_all(struct tally *tally, const struct tally *from)
{
    assert(tally != from);
    histogram_add_all(&tally->latencies_ns, &from->latencies_ns);
    tally->requests += counter_read(&from->requests);
    tally->records += counter_read(&from->records);
    tally->bytes += counter_read(&from->bytes);
    tally->unanswered += counter_read(&from->unanswered);
    int64_t last_ns = __atomic_load_n(&from->last_ns, __ATOMIC_RELAXED);
    if (last_ns > tally->last_ns)
        tally->last_ns = last_ns;
    for (uint32_t i = 0; i < TALLY_ERRORS_COUNT; i++)
        tally->errors[i] += counter_read(&from->errors[i]);
}
