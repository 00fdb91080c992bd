/* Logs go in groups. A group goes through its stages together, and the requests of one stage are in
 * flight at the same time; a stage ends with the slowest of them. */
#include "storage/recovered_files.h"

#include "base/assert.h"
#include "storage/await.h"

#include <stdlib.h>

enum {
    /* Of each log, read ahead for the scan: few logs have much that is not recorded, and many have
     * little. */
    AHEAD_SIZE_MIN = 64 << 10,
    AHEAD_SIZE_MAX = 8 << 20,
    LISTING_BYTES_MAX = 16 << 20,
};

struct member {
    struct recovered_log *log;
    int32_t handle; /* of its last segment; -1: not open */
    struct io_request request;
    struct scan_ahead ahead; /* while the group is scanned */
    struct arena names;
    char path[PATH_SIZE];
};

struct group {
    struct await_set set;
    uint32_t count;
    uint32_t count_max;
    uint8_t *windows; /* while it is scanned, in equal parts */
    size_t windows_size;
    struct member members[AWAIT_COUNT_MAX];
};

/* A group's turn at something, and which logs need it. */
struct work {
    bool (*is_needed)(const struct recovered_log *log);
    enum status (*run)(struct group *group);
    size_t windows_size; /* 0: it needs none */
};

static bool fill_group(struct group *group, const struct work *work,
                       const struct recovered_logs *logs, uint32_t *index)
{
    group->count = 0;
    while (*index < logs->count && group->count < group->count_max) {
        struct member *member = &group->members[group->count];
        member->log = logs->logs[(*index)++];
        member->handle = -1;
        group->count += work->is_needed(member->log);
    }
    return group->count > 0;
}

/* Where the process may open few files, groups are smaller. A turn that ran short of them has
 * closed its own and done nothing that it may not do again. */
static enum status run_group(struct group *group, const struct work *work,
                             const struct recovered_logs *logs, uint32_t *index)
{
    uint32_t first = *index;
    while (fill_group(group, work, logs, index)) {
        enum status status = work->run(group);
        if (status != STATUS_NO_FILES || group->count_max == 1)
            return status;
        group->count_max /= 2;
        *index = first;
    }
    return STATUS_OK;
}

static enum status in_groups(struct io *io, const struct recovered_logs *logs,
                             const struct work *work)
{
    struct group *group = malloc(sizeof *group);
    enum status status = STATUS_OK;
    uint32_t index = 0;
    if (group == NULL)
        return STATUS_NO_MEMORY;
    group->windows_size = work->windows_size;
    group->windows =
        work->windows_size > 0 ? aligned_alloc(FRAME_ALIGNMENT, work->windows_size) : NULL;
    if (work->windows_size > 0 && group->windows == NULL)
        status = STATUS_NO_MEMORY;
    group->set.io = io;
    group->set.count = 0;
    group->count_max = AWAIT_COUNT_MAX;
    while (status == STATUS_OK && index < logs->count)
        status = run_group(group, work, logs, &index);
    free(group->windows);
    free(group);
    return status;
}

static struct io_request *ask(struct group *group, struct member *member)
{
    return await_add(&group->set, &member->request);
}

#define for_each_member(member, group)                                                             \
    for (struct member *member = (group)->members; member < (group)->members + (group)->count;     \
         member++)

/* --- Opening ---------------------------------------------------------------------------------- */

/* Those that are not open yet. STATUS_NOT_FOUND: there is no directory for some of them. */
static enum status open_missing(struct group *group)
{
    struct io *io = group->set.io;
    for_each_member (member, group) {
        if (member->handle >= 0)
            continue;
        const struct state_segment *segment = recovered_log_last_segment(member->log);
        path_segment(member->log->directory, segment->base_offset, segment->generation,
                     member->path);
        io_open(io, ask(group, member), member->path, IO_OPEN_CREATE | IO_OPEN_DIRECT);
    }
    enum status status = await_all(&group->set, STATUS_OK);
    for_each_member (member, group)
        if (member->handle < 0 && member->request.completion.result >= 0)
            member->handle = member->request.completion.result;
    return status;
}

static enum status make_topics(struct group *group)
{
    struct io *io = group->set.io;
    for_each_member (member, group) {
        if (member->handle >= 0)
            continue;
        path_parent(member->log->directory, member->path);
        io_make_directory(io, ask(group, member), member->path);
    }
    return await_all(&group->set, STATUS_EXISTS);
}

static enum status make_partitions(struct group *group)
{
    struct io *io = group->set.io;
    for_each_member (member, group)
        if (member->handle < 0)
            io_make_directory(io, ask(group, member), member->log->directory);
    return await_all(&group->set, STATUS_EXISTS);
}

static enum status make_directories(struct group *group)
{
    enum status status = make_partitions(group);
    if (status == STATUS_NOT_FOUND && (status = make_topics(group)) == STATUS_OK)
        status = make_partitions(group);
    return status;
}

static enum status open_files(struct group *group)
{
    enum status status = open_missing(group);
    if (status == STATUS_NOT_FOUND && (status = make_directories(group)) == STATUS_OK)
        status = open_missing(group);
    return status;
}

/* --- Scanning --------------------------------------------------------------------------------- */

static bool is_unscanned(const struct recovered_log *log)
{
    return !log->is_scanned;
}

/* A file that is not there is the scan's to judge. */
static enum status open_ahead(struct group *group)
{
    for_each_member (member, group) {
        const struct recovered_log *log = member->log;
        member->request.completion.result = STATUS_NOT_FOUND;
        if (log->segment_count == 0)
            continue;
        const struct state_segment *segment = recovered_log_last_segment(log);
        path_segment(log->directory, segment->base_offset, segment->generation, member->path);
        io_open(group->set.io, ask(group, member), member->path, IO_OPEN_DIRECT);
    }
    enum status status = await_all(&group->set, STATUS_NOT_FOUND);
    for_each_member (member, group)
        if (member->request.completion.result >= 0)
            member->handle = member->request.completion.result;
    return status;
}

static enum status measure_files(struct group *group)
{
    for_each_member (member, group)
        if (member->handle >= 0)
            io_file_size(group->set.io, ask(group, member), member->handle);
    enum status status = await_all(&group->set, STATUS_OK);
    for_each_member (member, group)
        if (member->handle >= 0 && status == STATUS_OK)
            member->ahead.size_bytes = member->request.range.size_bytes;
    return status;
}

static bool has_more(const struct member *member)
{
    return member->handle >= 0 &&
           member->ahead.size_bytes > recovered_log_last_segment(member->log)->size_bytes;
}

/* No further than the file goes, in whole blocks. */
static uint32_t ahead_size(const struct member *member)
{
    assert(has_more(member));
    uint64_t rest = member->ahead.size_bytes - recovered_log_last_segment(member->log)->size_bytes;
    uint64_t size = (rest + FRAME_ALIGNMENT - 1) & ~(uint64_t)(FRAME_ALIGNMENT - 1);
    uint32_t capacity = member->ahead.window_capacity;
    return size < capacity ? (uint32_t)size : capacity;
}

static enum status read_ahead(struct group *group)
{
    for_each_member (member, group)
        if (has_more(member))
            io_read(group->set.io, ask(group, member), member->handle, member->ahead.window,
                    ahead_size(member), recovered_log_last_segment(member->log)->size_bytes);
    enum status status = await_all(&group->set, STATUS_OK);
    for_each_member (member, group)
        if (has_more(member) && status == STATUS_OK)
            member->ahead.window_size = (uint32_t)member->request.completion.result;
    return status;
}

static enum status list_ahead(struct group *group)
{
    for_each_member (member, group)
        io_list_directory(group->set.io, ask(group, member), member->log->directory,
                          &member->names);
    enum status status = await_all(&group->set, STATUS_NOT_FOUND);
    for_each_member (member, group) {
        struct scan_ahead *ahead = &member->ahead;
        bool is_listed = member->request.completion.result >= 0;
        ahead->list_status = is_listed ? STATUS_OK : (enum status)member->request.completion.result;
        ahead->entries = is_listed ? member->request.listing.entries : NULL;
        ahead->entry_count = is_listed ? member->request.listing.entry_count : 0;
    }
    return status;
}

static void begin_ahead(struct group *group)
{
    uint8_t *window = group->windows;
    size_t part = group->windows_size / group->count & ~(size_t)(FRAME_ALIGNMENT - 1);
    uint32_t capacity = part < AHEAD_SIZE_MAX ? (uint32_t)part : AHEAD_SIZE_MAX;
    assert(capacity >= AHEAD_SIZE_MIN);
    for_each_member (member, group) {
        member->ahead = (struct scan_ahead){
            .segment_index = member->log->segment_count - 1,
            .handle = -1,
            .window = window,
            .window_capacity = capacity,
        };
        arena_init(&member->names, LISTING_BYTES_MAX);
        window += capacity;
    }
}

static enum status scan_logs(struct group *group)
{
    enum status status = STATUS_OK;
    for_each_member (member, group) {
        if (status != STATUS_OK)
            break;
        member->ahead.handle = member->handle;
        member->log->ahead = &member->ahead;
        status = recovered_log_scan(member->log);
        member->log->ahead = NULL;
    }
    return status;
}

static enum status write_taken(struct group *group)
{
    for_each_member (member, group) {
        const struct scan_ahead *ahead = &member->ahead;
        if (ahead->taken_bytes > 0)
            io_write(group->set.io, ask(group, member), member->handle, ahead->taken,
                     ahead->taken_bytes, ahead->taken_from);
    }
    return await_all(&group->set, STATUS_OK);
}

static enum status sync_dirty(struct group *group)
{
    for_each_member (member, group)
        if (member->ahead.is_dirty)
            io_sync(group->set.io, ask(group, member), member->handle);
    return await_all(&group->set, STATUS_OK);
}

static enum status close_files(struct group *group, enum status status);

static enum status scan_group(struct group *group)
{
    begin_ahead(group);
    enum status status = open_ahead(group);
    if (status == STATUS_OK)
        status = measure_files(group);
    if (status == STATUS_OK)
        status = read_ahead(group);
    if (status == STATUS_OK)
        status = list_ahead(group);
    if (status == STATUS_OK)
        status = scan_logs(group);
    if (status == STATUS_OK)
        status = write_taken(group);
    if (status == STATUS_OK)
        status = sync_dirty(group);
    for_each_member (member, group)
        arena_deinit(&member->names);
    return close_files(group, status);
}

enum status recovered_files_scan(struct io *io, const struct recovered_logs *logs,
                                 size_t memory_bytes)
{
    size_t size = memory_bytes & ~(size_t)(FRAME_ALIGNMENT - 1);
    if (size < AWAIT_COUNT_MAX * AHEAD_SIZE_MIN)
        size = AWAIT_COUNT_MAX * AHEAD_SIZE_MIN;
    return in_groups(io, logs, &(struct work){is_unscanned, scan_group, size});
}

/* --- Cutting and writing ---------------------------------------------------------------------- */

static enum status sync_files(struct group *group)
{
    for_each_member (member, group)
        io_sync(group->set.io, ask(group, member), member->handle);
    return await_all(&group->set, STATUS_OK);
}

/* What went wrong before counts. */
static enum status close_files(struct group *group, enum status status)
{
    for_each_member (member, group)
        if (member->handle >= 0)
            io_close(group->set.io, ask(group, member), member->handle);
    enum status close_status = await_all(&group->set, STATUS_OK);
    return status != STATUS_OK ? status : close_status;
}

static enum status truncate_files(struct group *group)
{
    for_each_member (member, group)
        io_truncate(group->set.io, ask(group, member), member->handle,
                    recovered_log_last_segment(member->log)->size_bytes);
    return await_all(&group->set, STATUS_OK);
}

static enum status write_files(struct group *group)
{
    for_each_member (member, group) {
        const struct recovered_log *log = member->log;
        io_write(group->set.io, ask(group, member), member->handle, log->buffer, log->sealed_bytes,
                 recovered_log_last_segment(log)->size_bytes);
    }
    return await_all(&group->set, STATUS_OK);
}

static bool has_excess(const struct recovered_log *log)
{
    return log->has_excess && recovered_log_last_segment(log)->size_bytes > 0;
}

/* A file with nothing of its segment in it may have been another's until the moment of a power cut
 * (recycle.h), and have kept both names: whoever removes it under the other would cut it in slices
 * while the log goes on here. So it goes, and the log goes on in a file of its own. */
static bool is_empty(const struct recovered_log *log)
{
    return log->has_excess && recovered_log_last_segment(log)->size_bytes == 0;
}

static enum status remove_group(struct group *group)
{
    for_each_member (member, group) {
        const struct state_segment *segment = recovered_log_last_segment(member->log);
        path_segment(member->log->directory, segment->base_offset, segment->generation,
                     member->path);
        io_unlink(group->set.io, ask(group, member), member->path);
        member->log->has_new_names = true;
    }
    return await_all(&group->set, STATUS_NOT_FOUND);
}

static enum status cut_group(struct group *group)
{
    enum status status = open_files(group);
    if (status == STATUS_OK)
        status = truncate_files(group);
    if (status == STATUS_OK)
        status = sync_files(group);
    return close_files(group, status);
}

enum status recovered_files_cut(struct io *io, const struct recovered_logs *logs)
{
    enum status status = in_groups(io, logs, &(struct work){is_empty, remove_group, 0});
    return status == STATUS_OK ? in_groups(io, logs, &(struct work){has_excess, cut_group, 0})
                               : status;
}

static bool has_gathered(const struct recovered_log *log)
{
    return log->sealed_bytes + log->payload_size > 0;
}

static enum status seal_frames(struct group *group)
{
    enum status status = STATUS_OK;
    for_each_member (member, group)
        if (status == STATUS_OK)
            status = recovered_log_seal(member->log);
    return status;
}

/* A file that a state lists, or that the scan has found, has been seen to already. */
static void note_written(struct group *group)
{
    for_each_member (member, group) {
        struct recovered_log *log = member->log;
        bool was_there = recovered_log_last_segment(log)->size_bytes > 0;
        log->has_new_names = log->has_new_names || !was_there;
        recovered_log_written(log);
    }
}

static enum status write_group(struct group *group)
{
    enum status status = seal_frames(group);
    if (status == STATUS_OK)
        status = open_files(group);
    if (status == STATUS_OK)
        status = write_files(group);
    if (status == STATUS_OK)
        status = sync_files(group);
    status = close_files(group, status);
    if (status == STATUS_OK)
        note_written(group);
    return status;
}

enum status recovered_files_write(struct io *io, const struct recovered_logs *logs)
{
    return in_groups(io, logs, &(struct work){has_gathered, write_group, 0});
}

/* --- Names ------------------------------------------------------------------------------------ */

static bool has_new_names(const struct recovered_log *log)
{
    return log->has_new_names;
}

static enum status sync_partitions(struct group *group)
{
    for_each_member (member, group)
        io_sync_directory(group->set.io, ask(group, member), member->log->directory);
    return await_all(&group->set, STATUS_OK);
}

static enum status sync_topics(struct group *group)
{
    struct io *io = group->set.io;
    for_each_member (member, group) {
        path_parent(member->log->directory, member->path);
        io_sync_directory(io, ask(group, member), member->path);
    }
    return await_all(&group->set, STATUS_OK);
}

/* One log with new names of each topic. */
static struct recovered_logs take_one_each(const struct recovered_logs *logs,
                                           struct recovered_log **ones)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < logs->count; i++) {
        struct recovered_log *log = logs->logs[i];
        if (has_new_names(log) &&
            (count == 0 || !uuid_equal(ones[count - 1]->id.topic_id, log->id.topic_id)))
            ones[count++] = log;
    }
    return (struct recovered_logs){ones, count};
}

enum status recovered_files_sync_names(struct io *io, const char *store_directory,
                                       const struct recovered_logs *logs)
{
    char topics[PATH_SIZE];
    struct recovered_log **ones = malloc((logs->count + 1) * sizeof(struct recovered_log *));
    if (ones == NULL)
        return STATUS_NO_MEMORY;
    struct recovered_logs one_each = take_one_each(logs, ones);
    enum status status = in_groups(io, logs, &(struct work){has_new_names, sync_partitions, 0});
    if (status == STATUS_OK)
        status = in_groups(io, &one_each, &(struct work){has_new_names, sync_topics, 0});
    path_topics(store_directory, topics);
    if (status == STATUS_OK && one_each.count > 0)
        status = await_sync_directory(io, topics);
    free(ones);
    return status;
}
