/* A request on a file is an event. How long it takes is drawn when it is asked for; what becomes of
 * it when it completes, and nothing of it is on the disk before. When its process dies first,
 * chance says whether it is still carried out, as a kernel may. */
#include "sim/file_job.h"

#include "base/assert.h"
#include "sim/content.h"
#include "sim/memory.h"

enum {
    NAME_NS = 60 * 1000,
    READ_NS = 60 * 1000,
    WRITE_NS = 40 * 1000,
    SYNC_NS = 200 * 1000,
    LOOK_NS = 5 * 1000,
    BYTES_PER_NS = 2,
    TAIL_DOUBLING_COUNT_MAX = 8,
};

struct file_job {
    struct event event;
    struct list_node node; /* on core->jobs */
    struct core *core;
    struct io_request *request;
    struct inode *file;    /* held; NULL for requests by name */
    uint64_t mark;         /* of a sync: what was complete when it was asked for */
    uint64_t content_hash; /* of what a write was given */
    uint8_t *gathered;     /* its pieces, put together; NULL: it has none */
    enum planned_effect effect;
    int32_t written; /* of a durable write that has come to its sync: what it will answer */
    bool is_syncing;
    bool is_refused; /* asked for after death had struck */
};

bool is_file_kind(enum io_kind kind)
{
    return kind <= IO_FREE_SPACE;
}

/* What there is to know about a kind of request. */
struct job_kind {
    uint32_t usual_ns;
    bool by_handle;
    bool changes_disk; /* it may happen although its process dies meanwhile */
    int32_t (*execute)(struct file_job *job);
};

static const struct job_kind *job_kind(enum io_kind kind);

/* --- How long it takes ------------------------------------------------------------------------ */

static uint64_t usual_ns(const struct file_job *job)
{
    const struct io_request *request = job->request;
    if (job->is_syncing)
        return SYNC_NS;
    uint64_t usual = job_kind(request->kind)->usual_ns;
    if (request->kind == IO_READ || request->kind == IO_WRITE)
        usual += request->transfer.size_bytes / BYTES_PER_NS;
    return usual;
}

/* From half to one and a half of the usual time, with a heavy tail: in one of 16 cases twice as
 * long, in one of 256 four times, and so on. */
static uint64_t draw_ns(struct node *node, uint64_t usual)
{
    const struct disk_faults *faults = &node->world->faults.disk;
    uint64_t drawn = usual / 2 + prng_below(&node->prng, usual);
    for (int i = 0; i < TAIL_DOUBLING_COUNT_MAX && prng_chance(&node->prng, 1, 16); i++)
        drawn *= 2;
    return faults->slow_factor > 1 ? drawn * faults->slow_factor : drawn;
}

static void job_schedule(struct file_job *job)
{
    assert(!event_is_queued(&job->event));
    struct node *node = job->core->node;
    const struct disk_faults *faults = &node->world->faults.disk;
    uint64_t now_ns = world_now_ns(node->world);
    if (node_draw(node, faults->stall)) {
        node->stalled_until_ns = now_ns + prng_below(&node->prng, faults->stall_ns_max + 1);
        node_note(node, "disk stalls until", (int64_t)node->stalled_until_ns);
    }
    uint64_t from_ns = node->stalled_until_ns > now_ns ? node->stalled_until_ns : now_ns;
    event_schedule(&node->world->queue, &job->event, from_ns + draw_ns(node, usual_ns(job)));
}

/* --- What goes wrong -------------------------------------------------------------------------- */

static uint32_t error_chance(const struct file_job *job)
{
    const struct disk_faults *faults = &job->core->node->world->faults.disk;
    if (job->is_syncing || job->request->kind == IO_SYNC || job->request->kind == IO_SYNC_DIRECTORY)
        return faults->sync_error;
    if (job->request->kind == IO_READ)
        return faults->read_error;
    if (job->request->kind == IO_WRITE)
        return faults->write_error;
    return job->request->kind == IO_CLOSE ? 0 : faults->name_error;
}

static uint32_t no_space_chance(const struct file_job *job)
{
    const uint32_t growing = 1u << IO_OPEN | 1u << IO_WRITE | 1u << IO_ALLOCATE | 1u << IO_RENAME |
                             1u << IO_MAKE_DIRECTORY;
    bool may_grow = !job->is_syncing && (growing & 1u << job->request->kind);
    return may_grow ? job->core->node->world->faults.disk.no_space : 0;
}

/* A handle is closed whatever has become of its file. */
static bool job_meets_broken_device(const struct file_job *job)
{
    const struct io_request *request = job->request;
    const struct disk *disk = &job->core->node->disk;
    if (request->kind == IO_CLOSE)
        return false;
    if (job->file != NULL)
        return disk_is_broken_under(disk, job->file);
    bool is_listing = request->kind == IO_LIST_DIRECTORY;
    return disk_is_broken_at(disk, is_listing ? request->listing.path : request->name.path);
}

static enum status job_draw_error(struct file_job *job)
{
    if (job->effect == PLAN_IO_ERROR || job_meets_broken_device(job))
        return STATUS_IO;
    if (job->effect == PLAN_NO_SPACE || node_draw(job->core->node, no_space_chance(job)))
        return STATUS_NO_SPACE;
    return node_draw(job->core->node, error_chance(job)) ? STATUS_IO : STATUS_OK;
}

/* How much of a transfer is done this time. Direct transfers stop only between blocks. */
static uint32_t job_draw_size(struct file_job *job, uint32_t size_bytes, bool is_direct)
{
    struct node *node = job->core->node;
    uint32_t grain = is_direct ? IO_BLOCK_SIZE : 1;
    bool is_short =
        job->effect == PLAN_SHORT || node_draw(node, node->world->faults.disk.short_count);
    if (!is_short || size_bytes / grain < 2)
        return size_bytes;
    return (uint32_t)prng_between(&node->prng, 1, size_bytes / grain - 1) * grain;
}

/* --- Reading and writing ---------------------------------------------------------------------- */

struct transfer {
    uint8_t *buffer;
    uint32_t size_bytes;
    uint64_t offset;
};

/* Puts together, as they are now, the pieces that are still to be written. */
static uint8_t *job_gather(struct file_job *job, uint32_t size_bytes)
{
    struct bytes rest[IO_WRITE_PIECE_COUNT_MAX];
    uint32_t count = io_pieces_rest(job->request, rest);
    if (job->gathered == NULL)
        job->gathered = must_allocate(size_bytes, 1);
    size_t filled_bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(job->gathered + filled_bytes, rest[i].data, rest[i].size);
        filled_bytes += rest[i].size;
    }
    assert(filled_bytes == size_bytes);
    return job->gathered;
}

/* The part of the request that is still to do. */
static struct transfer job_rest(struct file_job *job)
{
    const struct io_request *request = job->request;
    uint32_t done_bytes = request->transfer.done_bytes;
    uint32_t size_bytes = request->transfer.size_bytes - done_bytes;
    uint8_t *buffer = request->transfer.pieces == NULL ? request->transfer.buffer + done_bytes
                                                       : job_gather(job, size_bytes);
    return (struct transfer){.buffer = buffer,
                             .size_bytes = size_bytes,
                             .offset = request->transfer.offset + done_bytes};
}

static uint64_t job_hash(struct file_job *job)
{
    struct transfer rest = job_rest(job);
    return content_hash(rest.buffer, rest.size_bytes);
}

static bool is_aligned(const uint8_t *data, size_t size)
{
    return (uintptr_t)data % IO_BLOCK_SIZE == 0 && size % IO_BLOCK_SIZE == 0;
}

/* Each piece for itself: where they lie together says nothing about the memory they come from. */
static bool request_is_aligned(const struct io_request *request)
{
    if ((request->transfer.offset + request->transfer.done_bytes) % IO_BLOCK_SIZE != 0)
        return false;
    if (request->transfer.pieces == NULL)
        return is_aligned(request->transfer.buffer + request->transfer.done_bytes,
                          request->transfer.size_bytes - request->transfer.done_bytes);
    struct bytes rest[IO_WRITE_PIECE_COUNT_MAX];
    uint32_t count = io_pieces_rest(request, rest);
    for (uint32_t i = 0; i < count; i++)
        if (!is_aligned(rest[i].data, rest[i].size))
            return false;
    return true;
}

static const struct handle *job_handle(const struct file_job *job)
{
    return node_handle(job->core->node, job->request->handle, HANDLE_FILE);
}

/* The transfer goes to another place within the file, if chance will have it. */
static void job_misdirect(struct file_job *job, struct transfer *transfer, uint32_t chance)
{
    struct node *node = job->core->node;
    uint64_t size_bytes = job->file->file.current_size_bytes;
    if (size_bytes < transfer->size_bytes || !node_draw(node, chance))
        return;
    uint64_t place_count = (size_bytes - transfer->size_bytes) / IO_BLOCK_SIZE + 1;
    transfer->offset = prng_below(&node->prng, place_count) * IO_BLOCK_SIZE;
}

static int32_t job_read(struct file_job *job)
{
    struct node *node = job->core->node;
    const struct disk_faults *faults = &node->world->faults.disk;
    struct transfer rest = job_rest(job);
    bool is_direct = job_handle(job)->is_direct;
    if (is_direct && !request_is_aligned(job->request))
        return STATUS_INVALID;
    if (node_draw(node, faults->rotten_read))
        disk_rot(&node->disk, &node->prng);
    job_misdirect(job, &rest, faults->misdirected_read);
    uint32_t size_bytes = job_draw_size(job, rest.size_bytes, is_direct);
    return (int32_t)file_read(&job->file->file, rest.offset, rest.buffer, size_bytes);
}

/* A buffer belongs to the door while it is in flight: whoever changes it meanwhile writes
 * something that nobody can know. */
static int32_t job_write(struct file_job *job)
{
    struct node *node = job->core->node;
    struct transfer rest = job_rest(job);
    assert(job_hash(job) == job->content_hash);
    if (job_handle(job)->is_read_only)
        return STATUS_IO; /* EBADF */
    bool is_direct = job_handle(job)->is_direct;
    if (is_direct && !request_is_aligned(job->request))
        return STATUS_INVALID;
    job_misdirect(job, &rest, node->world->faults.disk.misdirected_write);
    uint32_t size_bytes = job_draw_size(job, rest.size_bytes, is_direct);
    node_note(node, "content", (int64_t)job->content_hash);
    enum status status = disk_write(&node->disk, job->file, rest.offset, rest.buffer, size_bytes);
    return status == STATUS_OK ? (int32_t)size_bytes : (int32_t)status;
}

static void job_write_torn(struct file_job *job)
{
    struct transfer rest = job_rest(job);
    if (rest.offset + rest.size_bytes <= job->file->file.current_size_bytes)
        file_write_torn(&job->file->file, rest.offset, rest.buffer, rest.size_bytes,
                        &job->core->node->prng);
}

/* --- The other requests ----------------------------------------------------------------------- */

static int32_t job_open(struct file_job *job)
{
    struct node *node = job->core->node;
    const struct io_request *request = job->request;
    struct inode *file;
    enum status status = disk_open(&node->disk, request->name.path, request->flags, &file);
    if (status != STATUS_OK)
        return status;
    if (node_draw(node, node->world->faults.disk.evict))
        disk_evict(&node->disk, file);
    int32_t handle = node_open_handle(
        node, (struct handle){.kind = HANDLE_FILE,
                              .is_direct = (request->flags & IO_OPEN_DIRECT) != 0,
                              .is_read_only = (request->flags & IO_OPEN_READ_ONLY) != 0,
                              .file = file});
    if (handle < 0)
        disk_release(&node->disk, file);
    return handle;
}

static int32_t job_close(struct file_job *job)
{
    assert(job->request->kind == IO_CLOSE);
    struct node *node = job->core->node;
    struct handle *handle = &node->handles[job->request->handle];
    assert(handle->in_flight_count <= 1); /* a file's own close */
    if (handle->kind == HANDLE_FILE)
        disk_release(&node->disk, handle->file);
    else
        endpoint_close(handle->endpoint);
    handle->kind = HANDLE_CLOSED;
    node->open_count--;
    return STATUS_OK;
}

static int32_t job_sync(struct file_job *job)
{
    assert(job->file != NULL);
    assert(job->mark <= job->file->file.change_count);
    file_sync(&job->file->file, job->mark);
    return STATUS_OK;
}

static int32_t job_list_directory(struct file_job *job)
{
    struct io_request *request = job->request;
    return disk_list(&job->core->node->disk, request->listing.path, request->listing.arena,
                     &request->listing.entries, &request->listing.entry_count);
}

static int32_t job_rename(struct file_job *job)
{
    return disk_rename(&job->core->node->disk, job->request->name.path, job->request->name.to_path);
}

static int32_t job_unlink(struct file_job *job)
{
    return disk_unlink(&job->core->node->disk, job->request->name.path);
}

static int32_t job_make_directory(struct file_job *job)
{
    return disk_make_directory(&job->core->node->disk, job->request->name.path);
}

static int32_t job_remove_directory(struct file_job *job)
{
    return disk_remove_directory(&job->core->node->disk, job->request->name.path);
}

static int32_t job_sync_directory(struct file_job *job)
{
    return disk_sync_directory(&job->core->node->disk, job->request->name.path, job->mark);
}

static int32_t job_allocate(struct file_job *job)
{
    if (job_handle(job)->is_read_only)
        return STATUS_IO;
    return disk_allocate(&job->core->node->disk, job->file, job->request->range.offset,
                         job->request->range.size_bytes);
}

static int32_t job_truncate(struct file_job *job)
{
    if (job_handle(job)->is_read_only)
        return STATUS_IO;
    return disk_truncate(&job->core->node->disk, job->file, job->request->range.size_bytes);
}

static int32_t job_file_size(struct file_job *job)
{
    job->request->range.size_bytes = job->file->file.current_size_bytes;
    return STATUS_OK;
}

static int32_t job_free_space(struct file_job *job)
{
    const struct disk *disk = &job->core->node->disk;
    uint64_t usable_bytes;
    enum status status = disk_free_space(disk, job->request->name.path, &usable_bytes);
    job->request->space.usable_bytes = usable_bytes;
    job->request->space.total_bytes = usable_bytes + disk->used_bytes;
    return status;
}

static const struct job_kind *job_kind(enum io_kind kind)
{
    static const struct job_kind kinds[] = {
        [IO_OPEN] = {NAME_NS, false, true, job_open},
        [IO_CLOSE] = {LOOK_NS, true, false, job_close},
        [IO_READ] = {READ_NS, true, false, job_read},
        [IO_WRITE] = {WRITE_NS, true, true, job_write},
        [IO_SYNC] = {SYNC_NS, true, true, job_sync},
        [IO_ALLOCATE] = {NAME_NS, true, true, job_allocate},
        [IO_TRUNCATE] = {NAME_NS, true, true, job_truncate},
        [IO_RENAME] = {NAME_NS, false, true, job_rename},
        [IO_UNLINK] = {NAME_NS, false, true, job_unlink},
        [IO_MAKE_DIRECTORY] = {NAME_NS, false, true, job_make_directory},
        [IO_REMOVE_DIRECTORY] = {NAME_NS, false, true, job_remove_directory},
        [IO_SYNC_DIRECTORY] = {SYNC_NS, false, true, job_sync_directory},
        [IO_LIST_DIRECTORY] = {NAME_NS, false, false, job_list_directory},
        [IO_FILE_SIZE] = {LOOK_NS, true, false, job_file_size},
        [IO_FREE_SPACE] = {LOOK_NS, false, false, job_free_space},
    };
    assert(is_file_kind(kind));
    return &kinds[kind];
}

/* --- A request from beginning to end ---------------------------------------------------------- */

static void job_fail(struct file_job *job)
{
    if (job->is_syncing || job->request->kind == IO_SYNC)
        file_sync_failed(&job->file->file, job->mark);
    else if (job->request->kind == IO_WRITE)
        job_write_torn(job);
}

static int32_t job_execute(struct file_job *job)
{
    if (job->is_refused)
        return STATUS_FAILED;
    enum status error = job_draw_error(job);
    if (error != STATUS_OK) {
        job_fail(job);
        return error;
    }
    if (!job->is_syncing)
        return job_kind(job->request->kind)->execute(job);
    job_sync(job);
    return job->written;
}

static void job_destroy(struct file_job *job)
{
    struct node *node = job->core->node;
    event_cancel(&node->world->queue, &job->event);
    list_remove(&job->node);
    disk_release(&node->disk, job->file);
    free(job->gathered);
    free(job);
}

/* Counts the operation for what is planned, and remembers what a sync will cover. */
static void job_ask(struct file_job *job, enum io_kind kind)
{
    assert(!event_is_queued(&job->event));
    assert(!job->is_refused);
    struct node *node = job->core->node;
    job->effect = node_count_operation(node, kind);
    job->is_refused = node_is_doomed(node);
    if (kind == IO_SYNC)
        job->mark = file_sync_mark(&job->file->file);
    if (kind == IO_SYNC_DIRECTORY)
        job->mark = disk_name_mark(&node->disk);
    job_schedule(job);
}

/* The second half of a durable write. A process that has died since asks for nothing more: what it
 * has written stays as open as any other write. */
static bool job_begins_sync(struct file_job *job, int32_t *result)
{
    if (node_is_doomed(job->core->node)) {
        *result = STATUS_FAILED;
        return false;
    }
    job->is_syncing = true;
    job->written = *result;
    job_ask(job, IO_SYNC);
    return true;
}

/* Whether all of a durable write is written, so that its sync comes next. */
static bool job_comes_to_sync(const struct file_job *job, int32_t result)
{
    const struct io_request *request = job->request;
    return request->kind == IO_WRITE && (request->flags & IO_FLAG_SYNC) && !job->is_syncing &&
           result >= 0 &&
           request->transfer.done_bytes + (uint32_t)result == request->transfer.size_bytes;
}

static void job_fire(struct event *event)
{
    struct file_job *job = container_of(event, struct file_job, event);
    struct core *core = job->core;
    struct io_request *request = job->request;
    int32_t result = job_execute(job);
    if (job_comes_to_sync(job, result) && job_begins_sync(job, &result))
        return;
    if (job_kind(request->kind)->by_handle && !job->is_refused)
        core->node->handles[request->handle].in_flight_count--;
    job_destroy(job);
    core_landed(core, request, result);
}

/* A file stays alive while something is in flight on it; a socket has only its close here. */
static void job_hold_handle(struct file_job *job)
{
    struct node *node = job->core->node;
    int32_t number = job->request->handle;
    assert(number >= 0);
    assert((uint32_t)number < node->handle_count);
    struct handle *handle = &node->handles[number];
    assert(handle->kind == HANDLE_FILE ||
           (handle->kind == HANDLE_ENDPOINT && job->request->kind == IO_CLOSE));
    handle->in_flight_count++;
    if (handle->kind == HANDLE_FILE)
        job->file = disk_hold(handle->file);
}

void file_job_submit(struct core *core, struct io_request *request)
{
    assert(is_file_kind(request->kind));
    struct file_job *job = must_allocate(1, sizeof *job);
    event_init(&job->event, job_fire);
    job->core = core;
    job->request = request;
    list_node_init(&job->node);
    list_push_back(&core->jobs, &job->node);
    if (node_is_doomed(core->node)) {
        job->is_refused = true;
        job_schedule(job);
        return;
    }
    if (job_kind(request->kind)->by_handle)
        job_hold_handle(job);
    if (request->kind == IO_WRITE)
        job->content_hash = job_hash(job);
    job_ask(job, request->kind);
}

void file_job_hurry(struct core *core)
{
    struct list_node *node = list_first(&core->jobs);
    assert(node != NULL);
    struct file_job *job = container_of(node, struct file_job, node);
    core->node->start_cost_ns += job->event.at_ns - world_now_ns(core->node->world);
    event_cancel(&core->node->world->queue, &job->event);
    job_fire(&job->event);
}

/* Requests are read here, for the last time, and not written to. */
static void job_abandon(struct file_job *job)
{
    struct node *node = job->core->node;
    const struct job_kind *kind = job_kind(job->request->kind);
    bool happens = kind->changes_disk && !job->is_refused && prng_chance(&node->prng, 1, 2);
    if (job->request->kind == IO_WRITE && !job->is_syncing && !job->is_refused)
        job_write_torn(job);
    else if (happens && job->is_syncing)
        job_sync(job);
    else if (happens)
        kind->execute(job);
    job_destroy(job);
}

void file_jobs_abandon(struct core *core)
{
    struct list_node *node;
    while ((node = list_first(&core->jobs)) != NULL)
        job_abandon(container_of(node, struct file_job, node));
}
