#include "tests/storage/compacted.h"

#include "base/arena.h"
#include "base/assert.h"

enum { RECORDS_BYTES_MAX = 16 << 20 };

/* --- Reading ---------------------------------------------------------------------------------- */

/* Goes through the model's records in step with the log's. */
struct cursor {
    const struct model *model;
    const struct model_record *next;
    const struct model_record *end;
};

/* Everything before `offset` that has not been seen must be what compaction may take. */
static const char *pass_over(struct cursor *cursor, int64_t offset)
{
    for (; cursor->next < cursor->end && cursor->next->offset < offset; cursor->next++)
        if (!model_may_lack(cursor->model, cursor->next))
            return "a record is missing that is the newest of its key";
    return NULL;
}

static const char *check_record(struct cursor *cursor, const struct model_record *found)
{
    const char *complaint = pass_over(cursor, found->offset);
    if (complaint != NULL)
        return complaint;
    const struct model_record *expected = cursor->next;
    if (expected == cursor->end || expected->offset != found->offset)
        return "a record is where none was";
    if (found->timestamp_ms != expected->timestamp_ms || found->key != expected->key ||
        found->value != expected->value || found->is_tombstone != expected->is_tombstone)
        return "a record is not the one that was appended";
    cursor->next++;
    return NULL;
}

/* A batch keeps all that says whose it is and where it lies. */
static const char *check_header(const struct model *model, const struct batch_header *header)
{
    const struct model_batch *batch = model_batch_from(model, header->base_offset);
    if (batch == NULL || batch->base_offset != header->base_offset ||
        batch->last_offset != batch_last_offset(header))
        return "a batch is where none was";
    if (batch->producer_id != header->producer_id ||
        batch->producer_epoch != header->producer_epoch ||
        batch->base_sequence != header->base_sequence ||
        batch->leader_epoch != header->leader_epoch)
        return "a batch has another producer or epoch";
    return NULL;
}

static const char *check_batch(struct cursor *cursor, struct bytes batch, int64_t from)
{
    struct arena arena;
    struct record_iterator iterator;
    struct record_view view;
    arena_init(&arena, RECORDS_BYTES_MAX + (1 << 20));
    const char *complaint = NULL;
    if (!batch_crc_is_right(batch) ||
        record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, &arena) != STATUS_OK)
        complaint = "a batch is broken";
    else
        complaint = check_header(cursor->model, &iterator.header);
    while (complaint == NULL && record_iterator_next(&iterator, &view)) {
        struct model_record found = model_record_of(&view);
        if (found.offset >= from)
            complaint = check_record(cursor, &found);
    }
    if (complaint == NULL && iterator.status != STATUS_OK)
        complaint = "the records of a batch are broken";
    if (complaint == NULL)
        complaint = pass_over(cursor, batch_last_offset(&iterator.header) + 1);
    arena_deinit(&arena);
    return complaint;
}

/* Nothing may be missing in what the answer covers. When it is empty and leads nowhere, that is all
 * there is. */
static const char *check_end(struct cursor *cursor, const struct log_read *read)
{
    bool is_over = read->piece_count == 0 && read->next_offset == read->offset;
    if (read->next_offset < read->offset)
        return "a read goes back";
    if (is_over)
        return read->first_batch_anyway ? pass_over(cursor, read->end_offset) : NULL;
    return pass_over(cursor, read->next_offset);
}

const char *compacted_check_read(const struct model *model, const struct log_read *read)
{
    struct cursor cursor = {model, model->records, model->records + model->record_count};
    const char *complaint = NULL;
    while (cursor.next < cursor.end && cursor.next->offset < read->offset)
        cursor.next++;
    for (uint32_t i = 0; i < read->piece_count && complaint == NULL; i++) {
        struct bytes rest = read->pieces[i];
        struct bytes batch;
        while (complaint == NULL && batch_next(&rest, &batch) == STATUS_OK)
            complaint = check_batch(&cursor, batch, read->offset);
        if (complaint == NULL && rest.size != 0)
            complaint = "a piece ends within a batch";
    }
    return complaint == NULL ? check_end(&cursor, read) : complaint;
}

/* --- Looking up ------------------------------------------------------------------------------- */

static bool is_better(const struct log_lookup *lookup, const struct model_record *record)
{
    if (!lookup->want_max)
        return record->timestamp_ms >= lookup->timestamp_ms &&
               (!lookup->found || record->offset < lookup->found_offset);
    return !lookup->found || record->timestamp_ms > lookup->found_timestamp_ms ||
           (record->timestamp_ms == lookup->found_timestamp_ms &&
            record->offset < lookup->found_offset);
}

const char *compacted_check_lookup(const struct model *model, const struct log_lookup *lookup,
                                   int64_t end_offset)
{
    bool is_there = !lookup->found;
    for (uint32_t i = 0; i < model->record_count; i++) {
        const struct model_record *record = &model->records[i];
        if (record->offset < model->start_offset || record->offset >= end_offset)
            continue;
        if (lookup->found && record->offset == lookup->found_offset)
            is_there = record->timestamp_ms == lookup->found_timestamp_ms;
        else if (is_better(lookup, record) && !model_may_lack(model, record))
            return "a lookup finds another record than the right one";
    }
    return is_there ? NULL : "a lookup finds a record that is not there";
}
