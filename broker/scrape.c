/*   VISIT ──▶ ADD */
#include "broker/scrape.h"

#include "base/assert.h"
#include "broker/core_visit.h"
#include "broker/gate.h"

#include <stdlib.h>

enum scrape_stage { SCRAPE_VISIT, SCRAPE_ADD };

static const struct op_stage scrape_stages[] = {
    [SCRAPE_VISIT] = {"visit", 0},
    [SCRAPE_ADD] = {"add", AFTER(SCRAPE_VISIT)},
};

/* --- On each core ----------------------------------------------------------------------------- */

static void take_stores(const struct broker_core *core, struct metrics *metrics)
{
    for (uint32_t i = 0; i < core->directory_count; i++) {
        struct store_facts facts;
        store_describe(core->directories[i].store, &facts);
        metrics_add(metrics, METRIC_STORAGE_BYTES, (int64_t)facts.memory_bytes);
        metrics_add(metrics, METRIC_CACHE_BYTES, (int64_t)facts.cache_bytes);
        metrics_add(metrics, METRIC_COLD_BYTES, (int64_t)facts.cold_bytes);
        metrics_add(metrics, METRIC_FAILED_STORES, facts.has_failed);
        metrics_add(metrics, METRIC_FULL_STORES, facts.is_full);
        metrics_add(metrics, METRIC_PRODUCER_ID_COUNT, facts.producer_count);
        metrics_add(metrics, METRIC_PRODUCERS_FORGOTTEN, (int64_t)facts.producers_forgotten);
        metrics_raise(metrics, METRIC_MAX_DIRTY_PERCENT, facts.dirty_percent_max);
    }
}

static void take_partition(struct core_sample *sample, const struct partition *partition)
{
    struct log_facts facts;
    struct metrics *metrics = &sample->metrics;
    log_describe(partition->log, &facts);
    metrics_add(metrics, METRIC_PARTITION_COUNT, 1);
    metrics_add(metrics, METRIC_LEADER_COUNT, 1);
    metrics_add(metrics, METRIC_OFFLINE_REPLICA_COUNT, facts.has_failed);
    metrics_add(metrics, METRIC_LOOSE_PARTITIONS, facts.is_loose);
    metrics_add(metrics, METRIC_DAMAGED_RANGES, facts.damage_count);
    metrics_add(metrics, METRIC_UNCLEANABLE_PARTITIONS, facts.is_uncleanable);
    if (sample->partitions == NULL)
        return;
    sample->partitions[sample->partition_count++] =
        (struct partition_sample){partition->topic_id, partition->index, facts, partition->traffic};
}

static void take_group_states(const struct group_census *census, struct metrics *metrics)
{
    static const enum metric classic[] = {METRIC_CLASSIC_EMPTY, METRIC_CLASSIC_PREPARING,
                                          METRIC_CLASSIC_COMPLETING, METRIC_CLASSIC_STABLE};
    static const enum metric consumer[] = {METRIC_CONSUMER_EMPTY, METRIC_CONSUMER_ASSIGNING,
                                           METRIC_CONSUMER_RECONCILING, METRIC_CONSUMER_STABLE};
    for (uint32_t i = 0; i < CLASSIC_STATES; i++)
        metrics_add(metrics, classic[i], (int64_t)census->classic[i]);
    for (uint32_t i = 0; i < CONSUMER_GROUP_STATES; i++)
        metrics_add(metrics, consumer[i], (int64_t)census->consumer[i]);
}

static void take_group_tally(const struct group_tally *tally, struct metrics *metrics)
{
    metrics_add(metrics, METRIC_OFFSET_COMMITS, (int64_t)tally->offset_commits);
    metrics_add(metrics, METRIC_OFFSET_EXPIRATIONS, (int64_t)tally->offset_expirations);
    metrics_add(metrics, METRIC_OFFSET_DELETIONS, (int64_t)tally->offset_deletions);
    metrics_add(metrics, METRIC_CLASSIC_REBALANCES, (int64_t)tally->classic_rebalances);
    metrics_add(metrics, METRIC_CONSUMER_REBALANCES, (int64_t)tally->consumer_rebalances);
    metrics_add(metrics, METRIC_EXPIRED_SESSIONS, (int64_t)tally->expired_sessions);
}

static void take_groups(const struct group_manager *groups, struct metrics *metrics)
{
    enum { US_PER_MS = 1000 };
    struct group_census census;
    group_manager_count(groups, &census);
    metrics_add(metrics, METRIC_GROUPS, (int64_t)census.groups);
    metrics_add(metrics, METRIC_GROUP_OFFSETS, (int64_t)census.offsets);
    metrics_add(metrics, METRIC_GROUP_MEMORY_BYTES, (int64_t)groups->memory.used_bytes);
    metrics_add(metrics, METRIC_GROUP_SHARDS_LOADING, (int64_t)census.loading);
    metrics_add(metrics, METRIC_GROUP_COMMITS, (int64_t)groups->counts.commits);
    metrics_add(metrics, METRIC_GROUP_LOADS, (int64_t)groups->counts.loads);
    metrics_add(metrics, METRIC_GROUP_LOAD_MICROSECONDS,
                (int64_t)groups->counts.load_ms * US_PER_MS);
    metrics_add(metrics, METRIC_GROUP_FAILED_APPENDS, (int64_t)groups->counts.failed_appends);
    metrics_add(metrics, METRIC_GROUP_QUEUE, (int64_t)census.waiting);
    metrics_add(metrics, METRIC_GROUP_MEMORY_LIMIT_BYTES, (int64_t)groups->memory.limit_bytes);
    metrics_raise(metrics, METRIC_GROUP_LOAD_MS_MAX, (int64_t)groups->counts.load_ms_max);
    take_group_states(&census, metrics);
    take_group_tally(&groups->counts.tally, metrics);
}

/* A partition that is being opened or taken away has no log. */
static void take_partitions(const struct broker_core *core, struct core_sample *sample)
{
    const struct map *partitions = &core->replicas.partitions;
    struct map_node *node;
    if (partitions->count <= LIMIT_METRIC_PARTITIONS)
        sample->partitions = calloc(partitions->count + 1, sizeof *sample->partitions);
    map_for_each (node, partitions) {
        const struct partition *partition = container_of(node, struct partition, node);
        if (partition->log != NULL)
            take_partition(sample, partition);
    }
}

static void take_sample(struct core_visit *visit)
{
    const struct scrape *scrape = container_of(visit->parent, struct scrape, op);
    const struct broker_core *core = visit->core;
    struct core_sample *sample = &scrape->samples[io_core_index(core->io)];
    sample->metrics = core->metrics;
    memcpy(sample->request_times, core->request_times, sizeof sample->request_times);
    metrics_add(&sample->metrics, METRIC_CONNECTIONS, core->connection_count);
    if (io_core_index(core->io) == 0)
        metrics_add(&sample->metrics, METRIC_ACCEPT_PAUSED, gate_is_full(core->roster->gate));
    metrics_add(&sample->metrics, METRIC_INPUT_BYTES, (int64_t)core->input_chunks.used_bytes);
    take_stores(core, &sample->metrics);
    take_partitions(core, sample);
    take_groups(&core->groups, &sample->metrics);
    io_land(core->io, &visit->done, STATUS_OK);
}

/* --- Together --------------------------------------------------------------------------------- */

static int compare_partitions(const void *left, const void *right)
{
    const struct partition_sample *a = left;
    const struct partition_sample *b = right;
    int order = memcmp(&a->topic_id, &b->topic_id, sizeof a->topic_id);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* All partitions in one list; none at all when a core has none to show, or there are too many. */
static void join_partitions(struct scrape *scrape)
{
    struct core_sample *sum = &scrape->samples[0];
    uint64_t count = 0;
    bool is_shown = true;
    for (uint32_t i = 0; i < scrape->roster->core_count; i++) {
        count += scrape->samples[i].partition_count;
        is_shown = is_shown && scrape->samples[i].partitions != NULL;
    }
    is_shown = is_shown && count <= LIMIT_METRIC_PARTITIONS;
    struct partition_sample *all = is_shown ? calloc(count + 1, sizeof *all) : NULL;
    uint32_t taken = 0;
    for (uint32_t i = 0; i < scrape->roster->core_count; i++) {
        struct core_sample *sample = &scrape->samples[i];
        if (all != NULL && sample->partition_count > 0)
            memcpy(all + taken, sample->partitions,
                   sample->partition_count * sizeof *sample->partitions);
        taken += all != NULL ? sample->partition_count : 0;
        free(sample->partitions);
        sample->partitions = NULL;
    }
    if (taken > 0)
        qsort(all, taken, sizeof *all, compare_partitions);
    sum->partitions = all;
    sum->partition_count = taken;
}

static enum op_progress add_up(struct scrape *scrape)
{
    struct core_sample *sum = &scrape->samples[0];
    for (uint32_t i = 1; i < scrape->roster->core_count; i++) {
        const struct core_sample *sample = &scrape->samples[i];
        metrics_merge(&sum->metrics, &sample->metrics);
        for (uint32_t api = 0; api < API_COUNT; api++)
            metric_histogram_merge(&sum->request_times[api], &sample->request_times[api]);
    }
    join_partitions(scrape);
    io_land(roster_core(scrape->roster, 0)->io, scrape->gathered, STATUS_OK);
    return OP_DONE;
}

static enum op_progress scrape_step(struct op *op)
{
    struct scrape *scrape = container_of(op, struct scrape, op);
    switch ((enum scrape_stage)op->stage) {
    case SCRAPE_VISIT:
        core_visit_all(scrape->roster, &scrape->op, take_sample);
        op_move(&scrape->op, SCRAPE_ADD);
        return OP_WAIT;
    case SCRAPE_ADD: return add_up(scrape);
    }
    unreachable();
}

static const struct op_kind scrape_kind = {
    .name = "scrape",
    .step = scrape_step,
    .stages = scrape_stages,
};

void scrape_start(struct scrape *scrape, const struct roster *roster, struct completion *gathered)
{
    struct io *io = roster_core(roster, 0)->io;
    *scrape = (struct scrape){.roster = roster, .gathered = gathered};
    scrape->samples = calloc(roster->core_count, sizeof *scrape->samples);
    if (scrape->samples == NULL)
        io_land(io, gathered, STATUS_NO_MEMORY);
    else
        op_start(&scrape->op, &scrape_kind, io_ops(io));
}

struct core_sample *scrape_sum(const struct scrape *scrape)
{
    assert(scrape->samples != NULL);
    return &scrape->samples[0];
}

void scrape_deinit(struct scrape *scrape)
{
    if (scrape->samples != NULL)
        free(scrape->samples[0].partitions);
    free(scrape->samples);
    scrape->samples = NULL;
}
