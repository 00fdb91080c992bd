/* The twins as readers of committed records. */
#include "storage/log_struct.h"
#include "tests/storage/twins.h"

#include <inttypes.h>

enum { READ_BYTES_MAX = 200000 };

/* What a consumer does with the list, as Kafka's clients do it. */
struct consumer {
    const struct model *model;
    const struct aborted_list *list;
    uint32_t next;
    bool is_aborted[MODEL_PRODUCERS_MAX];
};

static bool *aborted_flag(struct consumer *consumer, int64_t producer_id)
{
    for (uint32_t i = 0; i < consumer->model->producer_count; i++)
        if (consumer->model->producer_ids[i] == producer_id)
            return &consumer->is_aborted[i];
    return NULL;
}

static bool shows(struct consumer *consumer, const struct batch_header *header)
{
    const struct aborted_list *list = consumer->list;
    while (consumer->next < list->count &&
           list->entries[consumer->next].first_offset <= batch_last_offset(header)) {
        bool *flag = aborted_flag(consumer, list->entries[consumer->next++].producer_id);
        if (flag != NULL)
            *flag = true;
    }
    bool *flag = aborted_flag(consumer, header->producer_id);
    return flag == NULL || !batch_is_transactional(header) || !*flag;
}

/* What compaction has emptied says nothing. */
static void check_batch(struct twins *twins, uint32_t log, struct consumer *consumer,
                        const struct batch_header *header)
{
    const struct model_batch *batch = model_batch_from(consumer->model, header->base_offset);
    bool is_shown = shows(consumer, header);
    if (batch == NULL || batch->base_offset != header->base_offset) {
        twins_complain(twins, "log %u: no batch is at %" PRId64, log, header->base_offset);
    } else if (batch->is_marker) {
        bool *flag = aborted_flag(consumer, header->producer_id);
        if (batch->is_abort && flag != NULL)
            *flag = false;
    } else if (header->record_count > 0) {
        enum model_fate fate = model_fate(consumer->model, batch, consumer->model->high_watermark);
        twins->answer_count++;
        if (is_shown != (fate == FATE_COMMITTED))
            twins_complain(twins, "log %u: a batch at %" PRId64 " is %s to readers of committed",
                           log, header->base_offset, is_shown ? "shown" : "not shown");
    }
}

static void check_shown(struct twins *twins, uint32_t log, const struct log_read *read,
                        const struct aborted_list *list)
{
    struct consumer consumer = {.model = &twins->models[log], .list = list};
    for (uint32_t i = 0; i < read->piece_count; i++) {
        struct bytes rest = read->pieces[i];
        struct bytes batch;
        struct batch_header header;
        while (batch_next(&rest, &batch) == STATUS_OK && twins_are_well(twins))
            if (batch_header_read(batch, &header) == STATUS_OK)
                check_batch(twins, log, &consumer, &header);
    }
}

/* Something may be wrong, or short, or compaction has been there in between: then nothing is known.
 */
static void ask_aborted(struct twins *twins, uint32_t log, const struct log_read *read)
{
    struct aborted_list list;
    enum status result = (enum status)rig_aborted(twins->rig, log, read->exchange_count,
                                                  read->offset, read->next_offset, &list);
    if (!twins->rig->is_alive)
        return;
    bool is_excused = result == STATUS_BUSY || result == STATUS_NO_MEMORY || twins->may_fail;
    if (result == STATUS_OK)
        check_shown(twins, log, read, &list);
    else if (!is_excused)
        twins_complain(twins, "log %u: a question for aborted transactions lands with %s", log,
                       status_text(result));
    aborted_list_deinit(&list);
}

/* In a new life the high watermark begins again at the start of the log: then the log may know, but
 * need not, of transactions that were decided in an earlier life. */
static int64_t check_stable(struct twins *twins, uint32_t log)
{
    const struct model *model = &twins->models[log];
    int64_t stable = log_last_stable_offset(twins->rig->logs[log]);
    twins->answer_count++;
    if (stable < model_stable_offset(model, model->high_watermark) ||
        stable > model_stable_offset(model, model->committed_to))
        twins_complain(twins, "log %u: the last stable offset is %" PRId64, log, stable);
    return stable;
}

void twins_read_committed(struct twins *twins, uint32_t log, int64_t offset)
{
    twins_watch(twins);
    int64_t stable = check_stable(twins, log);
    struct log_read read = {.offset = offset,
                            .end_offset = stable,
                            .size_bytes_max = READ_BYTES_MAX,
                            .first_batch_anyway = true};
    if (offset < twins->models[log].start_offset || offset >= stable)
        return;
    enum status result = (enum status)rig_read_as(twins->rig, log, &read);
    if (!twins->rig->is_alive)
        return;
    if (result == STATUS_OK && read.next_offset > offset)
        ask_aborted(twins, log, &read);
    log_read_release(&read, rig_door(twins->rig, log));
}
