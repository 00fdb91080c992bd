#include "broker/leavings.h"

#include "base/assert.h"
#include "broker/broker_parts.h"
#include "storage/overdue.h"

/* Whoever is there has a right to his files, whatever else is said of him. */
static enum strays_verdict judge_topic(const struct image *image, struct uuid topic_id)
{
    if (image_topic_by_id(image, topic_id) != NULL)
        return STRAYS_KNOWN;
    return image_topic_was_deleted(image, topic_id) ? STRAYS_DELETED : STRAYS_UNKNOWN;
}

static enum strays_verdict judge_directory(struct strays_judge *judge, struct uuid topic_id)
{
    struct broker *broker = container_of(judge, struct broker, strays_judge);
    return judge_topic(core_image(roster_core(&broker->roster, 0)), topic_id);
}

void leavings_look_for_strays(struct broker *broker)
{
    broker->strays_judge.judge = judge_directory;
    for (uint32_t i = 0; i < broker->log_dirs.count; i++) {
        struct store *store = roster_core(&broker->roster, 0)->log_dirs[i].store;
        if (store != NULL)
            strays_start(broker->log_dirs.dirs[i].strays, store, &broker->strays_judge);
    }
}

struct core_judge {
    struct overdue_judge judge;
    const struct broker_core *core;
};

static bool is_home(struct overdue_judge *judge, struct uuid topic_id, int32_t partition)
{
    const struct broker_core *core = container_of(judge, struct core_judge, judge)->core;
    uint32_t home = partition_home_core(topic_id, partition, core->roster->core_count);
    return home == io_core_index(core->io);
}

static bool was_deleted(struct overdue_judge *judge, struct uuid topic_id)
{
    const struct broker_core *core = container_of(judge, struct core_judge, judge)->core;
    return judge_topic(core_image(core), topic_id) == STRAYS_DELETED;
}

void leavings_delete_overdue(struct broker_core *core)
{
    struct core_judge judge = {.judge = {is_home, was_deleted}, .core = core};
    assert(core_image(core) != NULL);
    for (uint32_t i = 0; i < core->directory_count; i++)
        overdue_start(core->directories[i].store, &judge.judge);
}
