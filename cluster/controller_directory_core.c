/* Which data directory a partition lies in, and what follows when directories come and go.
 *
 * A partition's directory is a fact of the metadata and not of what is found on the disks: a
 * partition whose directory is away has no leader and waits for it, and is never made anew
 * elsewhere (KIP-858). */
#include "cluster/controller_rules.h"

#include "base/assert.h"
#include "protocol/errors.h"

/* --- The directory of a new replica ----------------------------------------------------------- */

/* How many replicas each online directory holds, with those that this decision adds. */
struct directory_load {
    int32_t broker_id;
    struct uuid directory;
    uint32_t replica_count;
};

static struct directory_load *find_load(const struct controller_decision *decision,
                                        struct uuid directory)
{
    assert(decision->loads != NULL);
    for (uint32_t i = 0; i < decision->load_count; i++)
        if (uuid_equal(decision->loads[i].directory, directory))
            return &decision->loads[i];
    return NULL;
}

static bool is_full(const struct controller_facts *facts, struct uuid directory)
{
    assert(facts->full_directory_count == 0 || facts->full_directories != NULL);
    for (uint32_t i = 0; i < facts->full_directory_count; i++)
        if (uuid_equal(facts->full_directories[i], directory))
            return true;
    return false;
}

static bool may_take(const struct controller_facts *facts, const struct image_log_dir *dir)
{
    return dir->is_online && !is_full(facts, dir->id);
}

static uint32_t choice_count(const struct controller_facts *facts,
                             const struct image_broker *broker)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < broker->log_dir_count; i++)
        count += may_take(facts, &broker->log_dirs[i]);
    assert(count <= broker->log_dir_count);
    return count;
}

bool space_is_left(const struct controller_facts *facts, struct controller_topic *topic)
{
    assert(topic->error == KAFKA_NONE);
    for (uint32_t i = 0; i < image_broker_count(facts->image); i++) {
        const struct image_broker *broker = image_broker_at(facts->image, i);
        uint32_t first = 0;
        while (first < broker->log_dir_count && !broker->log_dirs[first].is_online)
            first++;
        if (first == broker->log_dir_count || choice_count(facts, broker) > 0)
            continue;
        struct bytes path = broker->log_dirs[first].path;
        return topic_refuse(topic, KAFKA_KAFKA_STORAGE_ERROR, "No space left in log directory %.*s",
                            (int)path.size, (const char *)path.data);
    }
    return true;
}

static uint32_t online_count(const struct image_broker *broker)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < broker->log_dir_count; i++)
        count += broker->log_dirs[i].is_online;
    assert(count <= broker->log_dir_count);
    return count;
}

static bool list_loads(const struct controller_facts *facts, struct controller_decision *decision)
{
    uint32_t count = 0;
    assert(decision->loads == NULL);
    assert(decision->load_count == 0);
    for (uint32_t i = 0; i < image_broker_count(facts->image); i++)
        count += choice_count(facts, image_broker_at(facts->image, i));
    decision->loads = arena_allocate_array(decision->arena, count, sizeof *decision->loads);
    if (decision->loads == NULL)
        return false;
    for (uint32_t i = 0; i < image_broker_count(facts->image); i++) {
        const struct image_broker *broker = image_broker_at(facts->image, i);
        for (uint32_t j = 0; j < broker->log_dir_count; j++)
            if (may_take(facts, &broker->log_dirs[j]))
                decision->loads[decision->load_count++] = (struct directory_load){
                    .broker_id = broker->id, .directory = broker->log_dirs[j].id};
    }
    assert(decision->load_count == count);
    return true;
}

static void count_topic(struct controller_decision *decision, const struct image_topic *topic)
{
    assert(!decision->loads_are_counted); /* Else a replica would count twice. */
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        const struct image_partition *partition = &topic->partitions[i];
        for (uint32_t j = 0; j < partition->replica_count; j++) {
            struct directory_load *load = find_load(decision, partition->directories[j]);
            if (load != NULL)
                load->replica_count++;
        }
    }
}

/* The first of those with the fewest replicas. */
static struct directory_load *least_load(const struct controller_decision *decision,
                                         int32_t broker_id)
{
    struct directory_load *least = NULL;
    assert(decision->loads != NULL);
    for (uint32_t i = 0; i < decision->load_count; i++) {
        struct directory_load *load = &decision->loads[i];
        if (load->broker_id == broker_id &&
            (least == NULL || load->replica_count < least->replica_count))
            least = load;
    }
    return least;
}

/* The walk over all topics is only for brokers that have a choice. */
bool choose_directory(const struct controller_facts *facts, struct controller_decision *decision,
                      int32_t broker_id, struct uuid *directory)
{
    const struct image_broker *broker = image_broker_by_id(facts->image, broker_id);
    assert(broker != NULL);
    *directory = UUID_NONE;
    bool has_choice = choice_count(facts, broker) > 1;
    if (decision->loads == NULL && !list_loads(facts, decision))
        return false;
    if (has_choice && !decision->loads_are_counted) {
        for (uint32_t i = 0; i < image_topic_count(facts->image); i++)
            count_topic(decision, image_topic_at(facts->image, i));
        decision->loads_are_counted = true;
    }
    struct directory_load *load = least_load(decision, broker_id);
    assert((load == NULL) == (choice_count(facts, broker) == 0));
    if (load == NULL)
        return true;
    assert(load->broker_id == broker_id);
    assert(!uuid_is_zero(load->directory)); /* which would say: not assigned */
    load->replica_count++;
    *directory = load->directory;
    return true;
}

/* --- A registration --------------------------------------------------------------------------- */

struct registration {
    const struct controller_facts *facts;
    const struct broker_record *wanted;
    struct controller_decision *decision;
};

static bool is_wanted(const struct broker_record *wanted, struct uuid directory)
{
    for (uint32_t i = 0; i < wanted->log_dirs_count; i++)
        if (uuid_equal(wanted->log_dirs[i].directory_id, directory))
            return true;
    return false;
}

static bool endpoints_are_equal(const struct image_broker *broker,
                                const struct broker_record *wanted)
{
    if (broker->endpoint_count != wanted->endpoints_count)
        return false;
    for (uint32_t i = 0; i < broker->endpoint_count; i++) {
        const struct image_endpoint *a = &broker->endpoints[i];
        const struct broker_record_endpoint *b = &wanted->endpoints[i];
        if (!bytes_equal(a->listener, b->listener) || !bytes_equal(a->host, b->host) ||
            a->port != b->port || a->security_protocol != b->security_protocol)
            return false;
    }
    return true;
}

/* Those that are away stand behind, and are not wanted again. */
static bool log_dirs_are_equal(const struct image_broker *broker,
                               const struct broker_record *wanted)
{
    if (online_count(broker) != wanted->log_dirs_count)
        return false;
    assert(wanted->log_dirs_count <= broker->log_dir_count);
    for (uint32_t i = 0; i < wanted->log_dirs_count; i++) {
        const struct image_log_dir *a = &broker->log_dirs[i];
        const struct broker_record_log_dir *b = &wanted->log_dirs[i];
        if (!a->is_online || !uuid_equal(a->id, b->directory_id) || !bytes_equal(a->path, b->path))
            return false;
    }
    return true;
}

bool broker_is_registered(const struct image *image, const struct broker_record *wanted)
{
    const struct image_broker *broker = image_broker_by_id(image, wanted->broker_id);
    return broker != NULL && !broker->is_fenced && bytes_equal(broker->rack, wanted->rack) &&
           endpoints_are_equal(broker, wanted) && log_dirs_are_equal(broker, wanted);
}

static bool holds_partitions(const struct image *image, int32_t broker_id, struct uuid directory)
{
    assert(!uuid_is_zero(directory)); /* in which lies whatever has no replica there */
    for (uint32_t i = 0; i < image_topic_count(image); i++) {
        const struct image_topic *topic = image_topic_at(image, i);
        for (uint32_t j = 0; j < topic->partition_count; j++)
            if (uuid_equal(image_partition_directory(&topic->partitions[j], broker_id), directory))
                return true;
    }
    return false;
}

/* The broker as it wants to be known, and behind its directories those that are away. */
static bool add_broker(const struct registration *registration)
{
    const struct image *image = registration->facts->image;
    const struct broker_record *wanted = registration->wanted;
    const struct image_broker *before = image_broker_by_id(image, wanted->broker_id);
    uint32_t before_count = before == NULL ? 0 : before->log_dir_count;
    struct metadata_record *record = decision_add(registration->decision, METADATA_BROKER);
    struct broker_record_log_dir *log_dirs = arena_allocate_array(
        registration->decision->arena, wanted->log_dirs_count + before_count, sizeof *log_dirs);
    if (record == NULL || log_dirs == NULL)
        return false;
    record->broker = *wanted;
    record->broker.log_dirs = log_dirs;
    for (uint32_t i = 0; i < wanted->log_dirs_count; i++)
        log_dirs[i] = wanted->log_dirs[i];
    for (uint32_t i = 0; i < before_count; i++) {
        const struct image_log_dir *log_dir = &before->log_dirs[i];
        if (!is_wanted(wanted, log_dir->id) &&
            holds_partitions(image, wanted->broker_id, log_dir->id))
            log_dirs[record->broker.log_dirs_count++] = (struct broker_record_log_dir){
                .directory_id = log_dir->id, .path = log_dir->path, .is_online = false};
    }
    assert(record->broker.log_dirs_count >= wanted->log_dirs_count);
    assert(record->broker.log_dirs_count <= wanted->log_dirs_count + before_count);
    return true;
}

static bool is_in_sync(const struct image_partition *partition, int32_t broker_id)
{
    for (uint32_t i = 0; i < partition->in_sync_count; i++)
        if (partition->in_sync[i] == broker_id)
            return true;
    return false;
}

/* Whether the disk of this replica is there. One that is not assigned says nothing else. */
static bool is_reachable(const struct registration *registration, int32_t broker_id,
                         struct uuid directory)
{
    const struct broker_record *wanted = registration->wanted;
    assert(broker_id >= 0);
    if (broker_id == wanted->broker_id)
        return uuid_is_zero(directory) || is_wanted(wanted, directory);
    const struct image_broker *broker = image_broker_by_id(registration->facts->image, broker_id);
    if (broker == NULL || broker->is_fenced)
        return false;
    const struct image_log_dir *log_dir = image_log_dir_by_id(broker, directory);
    return uuid_is_zero(directory) || (log_dir != NULL && log_dir->is_online);
}

/* Who leads from here on: who does, if he can; else the first replica that can; else nobody. */
static int32_t elect(const struct registration *registration,
                     const struct image_partition *partition, const struct uuid *directories)
{
    int32_t leader = -1;
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        int32_t id = partition->replicas[i];
        if (!is_in_sync(partition, id) || !is_reachable(registration, id, directories[i]))
            continue;
        if (id == partition->leader)
            return id;
        if (leader < 0)
            leader = id;
    }
    assert(leader == -1 || is_in_sync(partition, leader));
    return leader;
}

/* A replica that is not assigned yet comes from a release that had one directory only: the first.
 */
static struct uuid *directories_of(const struct registration *registration,
                                   const struct image_partition *partition, bool *has_changed)
{
    const struct broker_record *wanted = registration->wanted;
    assert(partition->replica_count > 0);
    struct uuid *directories = arena_allocate_array(registration->decision->arena,
                                                    partition->replica_count, sizeof *directories);
    *has_changed = false;
    for (uint32_t i = 0; i < partition->replica_count && directories != NULL; i++) {
        directories[i] = partition->directories[i];
        if (partition->replicas[i] != wanted->broker_id || !uuid_is_zero(directories[i]) ||
            wanted->log_dirs_count == 0)
            continue;
        directories[i] = wanted->log_dirs[0].directory_id;
        *has_changed = true;
    }
    return directories;
}

/* The records want arrays that they could write to, which codecs never do. */
static bool add_partition_change(const struct registration *registration,
                                 const struct image_topic *topic, uint32_t index)
{
    assert(index < topic->partition_count);
    const struct image_partition *partition = &topic->partitions[index];
    bool is_assigned;
    struct uuid *directories = directories_of(registration, partition, &is_assigned);
    if (directories == NULL)
        return false;
    int32_t leader = elect(registration, partition, directories);
    if (!is_assigned && leader == partition->leader)
        return true;
    struct metadata_record *record = decision_add(registration->decision, METADATA_PARTITION);
    if (record == NULL)
        return false;
    record->partition = (struct partition_record){
        .topic_id = topic->id,
        .partition = (int32_t)index,
        .replicas = (int32_t *)partition->replicas,
        .replicas_count = partition->replica_count,
        .in_sync = (int32_t *)partition->in_sync,
        .in_sync_count = partition->in_sync_count,
        .leader = leader,
        .leader_epoch = partition->leader_epoch + (leader != partition->leader),
        .partition_epoch = partition->partition_epoch + 1,
        .directories = directories,
        .directories_count = partition->replica_count,
    };
    return true;
}

static bool has_replica(const struct image_partition *partition, int32_t broker_id)
{
    for (uint32_t i = 0; i < partition->replica_count; i++)
        if (partition->replicas[i] == broker_id)
            return true;
    return false;
}

/* Partitions change in the same entry as the broker, so whoever sees the one sees the other. */
enum status controller_core_register(const struct controller_facts *facts,
                                     const struct broker_record *wanted, struct arena *arena,
                                     struct controller_decision *decision)
{
    assert(wanted->broker_id >= 0);
    assert(!wanted->is_fenced);
    assert(wanted->log_dirs != NULL || wanted->log_dirs_count == 0);
    assert(wanted->endpoints != NULL || wanted->endpoints_count == 0);
    assert(facts->image != NULL);
    *decision = (struct controller_decision){.arena = arena};
    const struct registration registration = {facts, wanted, decision};
    if (broker_is_registered(facts->image, wanted))
        return STATUS_OK;
    bool has_memory = add_broker(&registration);
    assert(!has_memory || decision->record_count == 1); /* The broker comes first. */
    for (uint32_t i = 0; i < image_topic_count(facts->image) && has_memory; i++) {
        const struct image_topic *topic = image_topic_at(facts->image, i);
        for (uint32_t j = 0; j < topic->partition_count && has_memory; j++)
            if (has_replica(&topic->partitions[j], wanted->broker_id))
                has_memory = add_partition_change(&registration, topic, j);
    }
    return has_memory ? STATUS_OK : STATUS_NO_MEMORY;
}
