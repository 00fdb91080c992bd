#include "storage/compaction.h"

#include "base/assert.h"
#include "storage/compaction_op.h"
#include "storage/store_struct.h"

#include <stdlib.h>

enum { PPM_PER_PERCENT = 10000 };

/* --- Choosing --------------------------------------------------------------------------------- */

/* Nothing above may be touched: what not all replicas have, what is not decided, or what is not yet
 * in its segment for good. */
static int64_t limit_of(const struct log *log)
{
    int64_t stable = log_last_stable_offset(log);
    return stable < log->synced_offset ? stable : log->synced_offset;
}

/* False without memory. */
static bool judge(const struct log *log, int64_t now_ms, struct compaction_need *need)
{
    struct compaction_segment *facts = calloc(log->segment_count + 1, sizeof *facts);
    if (facts == NULL)
        return false;
    for (uint32_t i = 0; i < log->segment_count; i++)
        facts[i] = compaction_facts_of(log->segments[i]);
    compaction_judge(
        &(struct compaction_log){
            .segments = facts,
            .segment_count = log->segment_count,
            .start_offset = log->start_offset,
            .cleaned_offset = log->cleaned_offset,
            .limit_offset = limit_of(log),
            .min_lag_ms = log->config.min_compaction_lag_ms,
            .max_lag_ms = log->config.max_compaction_lag_ms,
            .min_dirty_ppm = log->config.min_cleanable_dirty_ppm,
        },
        now_ms, need);
    free(facts);
    return true;
}

/* The log that is due with the greatest share of dirty bytes; NULL if none is. */
static struct log *choose(struct compaction *compaction, struct compaction_need *chosen)
{
    struct log *log, *best = NULL;
    int64_t now_ms = io_wall_ms(compaction->store->io);
    compaction->dirty_ppm_max = 0;
    list_for_each_entry (log, &compaction->store->logs, node) {
        struct compaction_need need = {0};
        if (log->is_uncleanable || compaction_is_unwanted(log) || log->segment_count < 2 ||
            !judge(log, now_ms, &need))
            continue;
        if (compaction->dirty_ppm_max < need.dirty_ppm)
            compaction->dirty_ppm_max = need.dirty_ppm;
        if (!need.is_due)
            continue;
        if (best != NULL && need.dirty_ppm <= chosen->dirty_ppm)
            continue;
        best = log;
        *chosen = need;
    }
    return best;
}

static bool any_log_compacts(const struct store *store)
{
    const struct log *log;
    list_for_each_entry (log, &store->logs, node) {
        if (log->config.compacts)
            return true;
    }
    return false;
}

static void backoff_fired(struct timer *timer)
{
    struct compaction *compaction = container_of(timer, struct compaction, backoff);
    struct store *store = compaction->store;
    struct compaction_need need = {0};
    assert(compaction->log == NULL);
    struct log *log = choose(compaction, &need);
    if (log != NULL)
        compaction_begin_pass(compaction, log, &need);
    else if (any_log_compacts(store))
        compaction_look_after(compaction, store->options.cleaner_backoff_ms);
}

/* --- Life ------------------------------------------------------------------------------------- */

enum status compaction_create(struct store *store)
{
    struct compaction *compaction = calloc(1, sizeof *compaction);
    if (compaction == NULL)
        return STATUS_NO_MEMORY;
    compaction->store = store;
    timer_init(&compaction->backoff, backoff_fired);
    compaction_pace_init(&compaction->pace, store->io,
                         store->options.cleaner_io_bytes_per_second_max);
    store->compaction = compaction;
    return STATUS_OK;
}

void compaction_want(struct store *store, const struct log *log)
{
    struct compaction *compaction = store->compaction;
    assert(log->store == store);
    if (store->options.cleaner_enable && log->config.compacts && compaction->log == NULL)
        compaction_look_after(compaction, store->options.cleaner_backoff_ms);
}

uint32_t compaction_dirty_percent(const struct store *store)
{
    assert(store->compaction != NULL);
    return store->compaction->dirty_ppm_max / PPM_PER_PERCENT;
}

void compaction_stop(struct store *store)
{
    assert(store->is_stopping);
    io_timer_cancel(store->io, &store->compaction->backoff);
}

void compaction_destroy(struct store *store)
{
    struct compaction *compaction = store->compaction;
    if (compaction == NULL)
        return;
    io_timer_cancel(store->io, &compaction->backoff);
    compaction_pace_drop(&compaction->pace);
    compaction_drop_pass(compaction);
    free(compaction);
    store->compaction = NULL;
}
