#include "broker/fetch_reply.h"
#include "broker/reply.h"

#include "base/assert.h"
#include "protocol/errors.h"

enum { ISOLATION_READ_COMMITTED = 1, FETCH_STORAGE_ERROR_SINCE = 6 };

int64_t fetch_plan_size_bytes(const struct fetch_plan *plan)
{
    int64_t size_bytes = 0;
    for (uint32_t i = 0; i < plan->partition_count; i++) {
        if (plan->partitions[i].fetch_read != NULL)
            size_bytes += (int64_t)plan->partitions[i].fetch_read->read.size_bytes;
    }
    return size_bytes;
}

bool fetch_plan_has_error(const struct fetch_plan *plan)
{
    for (uint32_t i = 0; i < plan->partition_count; i++) {
        if (plan->partitions[i].error != KAFKA_NONE || plan->partitions[i].has_diverged)
            return true;
    }
    return false;
}

static void give_back(struct request *request, struct fetch_partition *wanted)
{
    if (wanted->fetch_read == NULL)
        return;
    assert(wanted->fetch_read->wanted == wanted);
    fetch_read_give_back(wanted->fetch_read, request->core->io);
    wanted->fetch_read = NULL;
}

void fetch_reply_doubt_files(struct fetch_plan *plan)
{
    for (uint32_t i = 0; i < plan->partition_count; i++)
        if (plan->partitions[i].fetch_read != NULL)
            log_read_doubt_file(&plan->partitions[i].fetch_read->read);
}

void fetch_reply_release(struct request *request, struct fetch_plan *plan)
{
    for (uint32_t i = 0; i < plan->partition_count; i++)
        give_back(request, &plan->partitions[i]);
}

/* Legs read side by side, each up to the limit; in the order of the request, what goes over it is
 * left for the next fetch. The first batch comes even if it is larger (KIP-74). */
static void trim(struct request *request, struct fetch_plan *plan)
{
    int64_t size_bytes = 0;
    for (uint32_t i = 0; i < plan->partition_count; i++) {
        struct fetch_partition *wanted = &plan->partitions[i];
        if (wanted->fetch_read == NULL)
            continue;
        int64_t more_bytes = (int64_t)wanted->fetch_read->read.size_bytes;
        if (size_bytes > 0 && size_bytes + more_bytes > plan->size_bytes_max)
            give_back(request, wanted);
        else
            size_bytes += more_bytes;
    }
}

/* Another fetch may have gone on with the session, and have looked at the partition later than this
 * one. */
static bool is_quiet_behind(const struct fetch_session *session, const struct fetch_plan *plan,
                            const struct fetch_partition *wanted)
{
    return wanted->is_quiet_behind && wanted->fetch_read != NULL &&
           session->epoch == plan->session_epoch;
}

/* What the next fetch must look at. */
static void note_due(struct fetch_session *session, const struct fetch_plan *plan,
                     const struct fetch_partition *wanted, struct fetch_session_partition *known)
{
    if (is_quiet_behind(session, plan, wanted))
        fetch_session_note_read(session, known, wanted->fetch_read->read.next_offset);
    else if (!wanted->is_quiet)
        fetch_session_note_due(session, known);
}

/* Notes what this answer tells the consumer; answers whether it must be told at all. */
static bool session_note(struct request *request, struct fetch_session *session,
                         const struct fetch_plan *plan, const struct fetch_partition *wanted)
{
    if (session == NULL)
        return true;
    assert(session->id == plan->session_id);
    struct fetch_session_partition *known = fetch_session_partition(session, &wanted->wish);
    bool must_tell = !plan->is_incremental || fetch_plan_is_news(known, wanted);
    if (known != NULL)
        note_due(session, plan, wanted, known);
    if (known == NULL || !must_tell)
        return must_tell;
    known->sent_high_watermark = wanted->error == KAFKA_NONE ? wanted->high_watermark : -1;
    known->sent_start_offset = wanted->start_offset;
    if (wanted->fetch_read != NULL)
        fetch_session_move_back(session, known);
    return true;
}

/* KAFKA_STORAGE_ERROR came with v6; older clients look for another leader instead. */
static int16_t error_for_version(int16_t error, int16_t version)
{
    if (error == KAFKA_KAFKA_STORAGE_ERROR && version < FETCH_STORAGE_ERROR_SINCE)
        return KAFKA_NOT_LEADER_OR_FOLLOWER;
    return error;
}

/* Null says "not asked for": the list is for readers of committed records, empty or not. */
static bool answer_aborted(struct request *request, const struct fetch_request *in,
                           const struct fetch_partition *wanted,
                           struct fetch_response_partition *out)
{
    out->aborted_transactions = NULL;
    if (in->isolation_level != ISOLATION_READ_COMMITTED)
        return true;
    out->aborted_transactions = WIRE_EMPTY;
    uint32_t count = wanted->fetch_read == NULL ? 0 : wanted->fetch_read->aborted.list.count;
    if (count == 0)
        return true;
    struct fetch_response_aborted_transaction *told =
        request_allocate(request, count, sizeof *told);
    for (uint32_t i = 0; i < count && told != NULL; i++) {
        const struct aborted_transaction *aborted = &wanted->fetch_read->aborted.list.entries[i];
        fetch_response_aborted_transaction_init(&told[i]);
        told[i].producer_id = aborted->producer_id;
        told[i].first_offset = aborted->first_offset;
    }
    out->aborted_transactions = told;
    out->aborted_transactions_count = count;
    return told != NULL;
}

/* The ranges of all partitions come one behind the other, as their pieces do. */
static void answer_records(struct request *request, struct log_read *read,
                           struct fetch_response_partition *out)
{
    out->records.pieces = read->pieces;
    out->records.piece_count = read->piece_count;
    out->records.size = read->size_bytes;
    for (uint32_t i = 0; i < read->range_count; i++)
        request->ranges[request->range_count++] = read->ranges[i];
}

static bool answer_partition(struct request *request, const struct fetch_request *in,
                             const struct fetch_partition *wanted,
                             struct fetch_response_partition *out)
{
    assert(wanted->fetch_read == NULL || wanted->error == KAFKA_NONE);
    assert(wanted->fetch_read == NULL || !wanted->has_diverged);
    fetch_response_partition_init(out);
    out->partition_index = wanted->wish.index;
    out->error_code = error_for_version(wanted->error, request->version);
    out->high_watermark = -1;
    if (wanted->error == KAFKA_NONE) {
        out->high_watermark = wanted->high_watermark;
        out->last_stable_offset = wanted->last_stable_offset;
        out->log_start_offset = wanted->start_offset;
    }
    if (wanted->has_diverged) {
        out->diverging_epoch.epoch = wanted->diverging_epoch;
        out->diverging_epoch.end_offset = wanted->diverging_end_offset;
    }
    out->records.is_null = false;
    if (wanted->fetch_read != NULL)
        answer_records(request, &wanted->fetch_read->read, out);
    return answer_aborted(request, in, wanted, out);
}

static bool is_same_topic(const struct fetch_wish *a, const struct fetch_wish *b)
{
    return uuid_equal(a->topic_id, b->topic_id) && bytes_equal(a->topic_name, b->topic_name);
}

/* Room for all, of partitions that will not be told, too. */
static bool make_ranges(struct request *request, const struct fetch_plan *plan)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->partition_count; i++) {
        if (plan->partitions[i].fetch_read != NULL)
            count += plan->partitions[i].fetch_read->read.range_count;
    }
    if (count == 0)
        return true;
    request->ranges = request_allocate(request, count, sizeof *request->ranges);
    return request->ranges != NULL;
}

/* Neighbours of one topic share its entry. */
static bool answer_topics(struct request *request, const struct fetch_request *in,
                          struct fetch_plan *plan, struct fetch_response *out)
{
    uint32_t count = plan->partition_count;
    struct fetch_response_topic *topics = request_allocate(request, count, sizeof *topics);
    struct fetch_response_partition *partitions =
        request_allocate(request, count, sizeof *partitions);
    if (topics == NULL || partitions == NULL || !make_ranges(request, plan))
        return false;
    struct fetch_session *session = fetch_plan_session(request, plan);
    const struct fetch_wish *last = NULL;
    uint32_t topic_count = 0;
    uint32_t told_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct fetch_partition *wanted = &plan->partitions[i];
        if (!session_note(request, session, plan, wanted))
            continue;
        if (last == NULL || !is_same_topic(last, &wanted->wish)) {
            fetch_response_topic_init(&topics[topic_count]);
            topics[topic_count].topic = wanted->wish.topic_name;
            topics[topic_count].topic_id = wanted->wish.topic_id;
            topics[topic_count].partitions = &partitions[told_count];
            topic_count++;
        }
        last = &wanted->wish;
        if (!answer_partition(request, in, wanted, &partitions[told_count++]))
            return false;
        topics[topic_count - 1].partitions_count++;
    }
    out->responses = topics;
    out->responses_count = topic_count;
    return true;
}

void fetch_reply_encode(struct request *request, const struct fetch_request *in,
                        struct fetch_plan *plan)
{
    struct fetch_response out;
    fetch_response_init(&out);
    out.error_code = plan->error;
    if (plan->error == KAFKA_NONE) {
        trim(request, plan);
        out.session_id = plan->session_id;
        if (!answer_topics(request, in, plan, &out))
            writer_fail(&request->response, STATUS_NO_MEMORY);
    }
    fetch_response_encode(&request->response, request->version, &out);
}
