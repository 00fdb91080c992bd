/* Writing the catalog: one operation that runs while there is something to write, and asks itself
 * after every landing what comes next. */
#include "storage/catalog_parts.h"

#include "base/assert.h"

#include <stdlib.h>

/*   START (leaves a file that has grown large) ──▶ PICK ◀──▶ what PICK asks for
 *                                                   └──▶ END, and again if there is more
 *
 * A file is left at START only: by then everybody has taken in what was recorded before. */
enum catalog_stage {
    CATALOG_START,
    CATALOG_PICK,
    CATALOG_OPENED,
    CATALOG_NAMED,
    CATALOG_ALLOCATED,
    CATALOG_WRITTEN,
    CATALOG_CLOSED,
    CATALOG_UNLINKED,
    CATALOG_UNNAMED,
    CATALOG_END
};

enum {
    AFTER_ANY_LANDED = AFTER(CATALOG_OPENED) | AFTER(CATALOG_NAMED) | AFTER(CATALOG_ALLOCATED) |
                       AFTER(CATALOG_WRITTEN) | AFTER(CATALOG_CLOSED) | AFTER(CATALOG_UNNAMED)
};

static const struct op_stage catalog_stages[] = {
    [CATALOG_START] = {"start", 0},
    [CATALOG_PICK] = {"pick", AFTER(CATALOG_START) | AFTER(CATALOG_PICK) | AFTER_ANY_LANDED},
    [CATALOG_OPENED] = {"opened", AFTER(CATALOG_PICK)},
    [CATALOG_NAMED] = {"named", AFTER(CATALOG_OPENED)},
    [CATALOG_ALLOCATED] = {"allocated", AFTER(CATALOG_PICK)},
    [CATALOG_WRITTEN] = {"written", AFTER(CATALOG_PICK)},
    [CATALOG_CLOSED] = {"closed", AFTER(CATALOG_START)},
    [CATALOG_UNLINKED] = {"unlinked", AFTER(CATALOG_PICK)},
    [CATALOG_UNNAMED] = {"unnamed", AFTER(CATALOG_UNLINKED)},
    [CATALOG_END] = {"end", AFTER(CATALOG_PICK)},
};

static void land_all(struct catalog *catalog, struct list *records, enum status status)
{
    struct catalog_record *record;
    while ((record = catalog_first_record(records)) != NULL) {
        list_remove(&record->node);
        io_land(catalog->io, &record->completion, (int32_t)status);
    }
}

/* --- Starting --------------------------------------------------------------------------------- */

static const struct op_kind catalog_kind;

static void kick_landed(struct completion *completion, int32_t result)
{
    struct catalog *catalog = container_of(completion, struct catalog, kick);
    (void)result;
    assert(catalog->kick_is_pending);
    assert(!catalog->is_running);
    catalog->kick_is_pending = false;
    catalog->is_running = true;
    op_start(&catalog->op, &catalog_kind, io_ops(catalog->io));
}

void catalog_kick(struct catalog *catalog)
{
    if (catalog->kick_is_pending || catalog->is_running)
        return;
    catalog->kick_is_pending = true;
    completion_init(&catalog->kick, kick_landed);
    io_land(catalog->io, &catalog->kick, STATUS_OK);
}

/* --- Asking ----------------------------------------------------------------------------------- */

static void request_landed(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct catalog, request.completion)->op, result);
}

static struct io_request *expect(struct catalog *catalog)
{
    completion_init(&catalog->request.completion, request_landed);
    op_expect(&catalog->op);
    return &catalog->request;
}

static enum op_progress wait_in(struct catalog *catalog, enum catalog_stage stage)
{
    op_move(&catalog->op, stage);
    return OP_WAIT;
}

static enum op_progress move_to(struct catalog *catalog, enum catalog_stage stage)
{
    op_move(&catalog->op, stage);
    return OP_AGAIN;
}

static enum op_progress catalog_start(struct catalog *catalog)
{
    if (!catalog_should_roll(catalog))
        return move_to(catalog, CATALOG_PICK);
    int32_t handle = catalog_take_handle(catalog);
    assert(handle >= 0);
    catalog_begin_next_file(catalog);
    io_close(catalog->io, expect(catalog), handle);
    return wait_in(catalog, CATALOG_CLOSED);
}

static enum op_progress ask_open(struct catalog *catalog)
{
    assert(catalog->handle < 0);
    assert(catalog->position == 0);
    path_catalog(catalog->store_directory, io_core_index(catalog->io), catalog->file + 1,
                 catalog->path);
    io_open(catalog->io, expect(catalog), catalog->path,
            IO_OPEN_CREATE | IO_OPEN_TRUNCATE | IO_OPEN_DIRECT);
    return wait_in(catalog, CATALOG_OPENED);
}

static enum op_progress ask_allocate(struct catalog *catalog, uint64_t needed_bytes)
{
    assert(catalog->handle >= 0);
    assert(needed_bytes > 0);
    bool is_small = needed_bytes < CATALOG_STEP_BYTES && !catalog->is_tight;
    catalog->step_bytes = is_small ? CATALOG_STEP_BYTES : needed_bytes;
    io_allocate(catalog->io, expect(catalog), catalog->handle, catalog->allocated_bytes,
                catalog->step_bytes);
    return wait_in(catalog, CATALOG_ALLOCATED);
}

static enum op_progress ask_write(struct catalog *catalog)
{
    uint32_t size = 2 * catalog->copy_size;
    assert(catalog->position + size <= catalog->allocated_bytes);
    assert(catalog->position % COMMIT_ALIGNMENT == 0);
    assert(catalog->buffer != NULL);
    if (catalog->skips_sync)
        io_write(catalog->io, expect(catalog), catalog->handle, catalog->buffer, size,
                 catalog->position);
    else
        io_write_durable(catalog->io, expect(catalog), catalog->handle, catalog->buffer, size,
                         catalog->position);
    return wait_in(catalog, CATALOG_WRITTEN);
}

static enum op_progress ask_unlink(struct catalog *catalog)
{
    assert(list_is_empty(&catalog->waiting));
    assert(catalog->former_file != 0);
    assert(catalog->former_file < catalog->file);
    path_catalog(catalog->store_directory, io_core_index(catalog->io), catalog->former_file,
                 catalog->path);
    io_unlink(catalog->io, expect(catalog), catalog->path);
    return wait_in(catalog, CATALOG_UNLINKED);
}

/* --- Picking ---------------------------------------------------------------------------------- */

/* As many of those who wait as make a group of a good size. */
static uint64_t gather(struct catalog *catalog)
{
    uint64_t size = COMMIT_HEADER_SIZE;
    struct catalog_record *record;
    assert(list_is_empty(&catalog->group));
    catalog->entry_count = 0;
    while ((record = catalog_first_record(&catalog->waiting)) != NULL) {
        uint64_t entry_size = commit_entry_stored_size((uint32_t)record->payload.size);
        if (catalog->entry_count > 0 && size + entry_size > CATALOG_GROUP_SIZE)
            break;
        list_remove(&record->node);
        list_push_back(&catalog->group, &record->node);
        size += entry_size;
        catalog->entry_count++;
    }
    assert(catalog->entry_count > 0);
    return size;
}

static void encode(struct catalog *catalog)
{
    uint32_t size = COMMIT_HEADER_SIZE;
    const struct catalog_record *record;
    list_for_each_entry (record, &catalog->group, node) {
        struct commit_entry entry = {
            .kind = record->kind,
            .partition = record->partition,
            .topic_id = record->topic_id,
            .version = record->version,
            .payload_size = (uint32_t)record->payload.size,
            .life = record->life,
        };
        size = commit_put(catalog->buffer, size, &entry, record->payload.data);
    }
    commit_seal(catalog->buffer, (struct commit_header){
                                     .epoch = catalog->epoch,
                                     .sequence = catalog->sequence + 1,
                                     .size_bytes = size,
                                     .entry_count = catalog->entry_count,
                                     .core = io_core_index(catalog->io),
                                 });
    assert(commit_stored_size(size) == catalog->copy_size);
    memcpy(catalog->buffer + catalog->copy_size, catalog->buffer, catalog->copy_size);
}

static enum op_progress form_group(struct catalog *catalog)
{
    assert(catalog->buffer == NULL);
    uint64_t copy_size = commit_stored_size(gather(catalog));
    catalog->buffer =
        copy_size > CATALOG_COMMIT_SIZE_MAX ? NULL : aligned_alloc(COMMIT_ALIGNMENT, 2 * copy_size);
    if (catalog->buffer == NULL) {
        land_all(catalog, &catalog->group, STATUS_NO_MEMORY);
        return move_to(catalog, CATALOG_PICK);
    }
    catalog->copy_size = (uint32_t)copy_size;
    return move_to(catalog, CATALOG_PICK);
}

static uint64_t group_end(const struct catalog *catalog)
{
    return catalog->position + 2ull * catalog->copy_size;
}

static bool may_spend_reserve(const struct catalog *catalog)
{
    return catalog->is_sparing && !catalog_has_state(&catalog->group) &&
           group_end(catalog) <= catalog->allocated_bytes;
}

/* Space for the reserve comes before the commit. Without any, removals go into the reserve. */
static enum op_progress pick_write(struct catalog *catalog)
{
    if (catalog->handle < 0)
        return ask_open(catalog);
    uint64_t wanted = group_end(catalog) + CATALOG_RESERVE_BYTES;
    if (wanted > catalog->allocated_bytes && !may_spend_reserve(catalog))
        return ask_allocate(catalog, wanted - catalog->allocated_bytes);
    encode(catalog);
    return ask_write(catalog);
}

static enum op_progress catalog_pick(struct catalog *catalog)
{
    if (catalog->failure != STATUS_OK) {
        land_all(catalog, &catalog->group, STATUS_FAILED);
        land_all(catalog, &catalog->waiting, STATUS_FAILED);
        return move_to(catalog, CATALOG_END);
    }
    if (!list_is_empty(&catalog->group))
        return pick_write(catalog);
    if (catalog_should_roll(catalog))
        return move_to(catalog, CATALOG_END);
    if (catalog_has_next(catalog))
        return form_group(catalog);
    bool is_left = list_is_empty(&catalog->former) && list_is_empty(&catalog->renewing) &&
                   list_is_empty(&catalog->unsaid);
    if (catalog->former_file != 0 && is_left && list_is_empty(&catalog->waiting))
        return ask_unlink(catalog);
    return move_to(catalog, CATALOG_END);
}

/* --- Taking in -------------------------------------------------------------------------------- */

static void drop_buffer(struct catalog *catalog)
{
    free(catalog->buffer);
    catalog->buffer = NULL;
}

static void run_short(struct catalog *catalog)
{
    catalog->is_sparing = true;
    catalog->owner->ran_short(catalog->owner);
}

/* States are refused; removals have the reserve, and try it without them. */
static void refuse_group(struct catalog *catalog)
{
    struct list removals;
    struct catalog_record *record;
    bool had_state = catalog_has_state(&catalog->group);
    list_init(&removals);
    while ((record = catalog_first_record(&catalog->group)) != NULL) {
        list_remove(&record->node);
        if (record->kind == COMMIT_REMOVED && had_state)
            list_push_back(&removals, &record->node);
        else
            io_land(catalog->io, &record->completion, STATUS_NO_SPACE);
    }
    list_append(&removals, &catalog->waiting);
    list_append(&catalog->waiting, &removals);
    drop_buffer(catalog);
    run_short(catalog);
}

/* Answers whether all is well. A lack of space or of handles found while reserving them passes;
 * every other error is final. */
static bool is_well(struct catalog *catalog, bool may_be_short)
{
    enum status status = (enum status)catalog->op.error;
    if (status == STATUS_OK)
        return true;
    catalog->op.error = STATUS_OK;
    if (may_be_short && (status == STATUS_NO_SPACE || status == STATUS_NO_FILES)) {
        refuse_group(catalog);
        return false;
    }
    drop_buffer(catalog);
    catalog->failure = status;
    catalog->owner->failed(catalog->owner, status);
    return false;
}

static enum op_progress catalog_opened(struct catalog *catalog)
{
    assert(catalog->handle < 0);
    if (!is_well(catalog, true))
        return move_to(catalog, CATALOG_PICK);
    catalog->handle = catalog->request.completion.result;
    catalog->file++;
    catalog->sequence = 0;
    path_catalogs(catalog->store_directory, catalog->path);
    io_sync_directory(catalog->io, expect(catalog), catalog->path);
    return wait_in(catalog, CATALOG_NAMED);
}

/* A whole step, else what is needed, else the reserve. */
static enum op_progress catalog_allocated(struct catalog *catalog)
{
    bool is_full = catalog->op.error == STATUS_NO_SPACE;
    bool has_reserve =
        !catalog_has_state(&catalog->group) && group_end(catalog) <= catalog->allocated_bytes;
    if (is_full && !catalog->is_tight) {
        catalog->op.error = STATUS_OK;
        catalog->is_tight = true;
    } else if (is_full && has_reserve) {
        catalog->op.error = STATUS_OK;
        run_short(catalog);
    } else if (is_well(catalog, true)) {
        catalog->allocated_bytes += catalog->step_bytes;
    }
    return move_to(catalog, CATALOG_PICK);
}

static enum op_progress catalog_written(struct catalog *catalog)
{
    if (is_well(catalog, false)) {
        catalog->position += 2ull * catalog->copy_size;
        catalog->sequence++;
        catalog->is_tight = false;
        drop_buffer(catalog);
        land_all(catalog, &catalog->group, STATUS_OK);
    }
    return move_to(catalog, CATALOG_PICK);
}

/* Of a name or a handle. */
static enum op_progress catalog_settled(struct catalog *catalog)
{
    is_well(catalog, false);
    return move_to(catalog, CATALOG_PICK);
}

static enum op_progress catalog_unlinked(struct catalog *catalog)
{
    path_catalogs(catalog->store_directory, catalog->path);
    io_sync_directory(catalog->io, expect(catalog), catalog->path);
    return wait_in(catalog, CATALOG_UNNAMED);
}

static enum op_progress catalog_unnamed(struct catalog *catalog)
{
    if (is_well(catalog, false))
        catalog->former_file = 0;
    return move_to(catalog, CATALOG_PICK);
}

static enum op_progress catalog_end(struct catalog *catalog)
{
    assert(catalog->is_running);
    assert(list_is_empty(&catalog->group));
    catalog->is_running = false;
    if (catalog_has_next(catalog) || catalog_should_roll(catalog))
        catalog_kick(catalog);
    catalog->owner->progressed(catalog->owner);
    return OP_DONE;
}

static enum op_progress catalog_step(struct op *op)
{
    struct catalog *catalog = container_of(op, struct catalog, op);
    switch ((enum catalog_stage)op->stage) {
    case CATALOG_START: return catalog_start(catalog);
    case CATALOG_PICK: return catalog_pick(catalog);
    case CATALOG_OPENED: return catalog_opened(catalog);
    case CATALOG_NAMED: return catalog_settled(catalog);
    case CATALOG_ALLOCATED: return catalog_allocated(catalog);
    case CATALOG_WRITTEN: return catalog_written(catalog);
    case CATALOG_CLOSED: return catalog_settled(catalog);
    case CATALOG_UNLINKED: return catalog_unlinked(catalog);
    case CATALOG_UNNAMED: return catalog_unnamed(catalog);
    case CATALOG_END: return catalog_end(catalog);
    }
    unreachable();
}

static const struct op_kind catalog_kind = {"catalog", catalog_step, catalog_stages};

/* --- Life ------------------------------------------------------------------------------------- */

void catalog_init(struct catalog *catalog, struct io *io, struct catalog_owner *owner,
                  const struct catalog_options *options)
{
    assert(owner->renew != NULL);
    assert(owner->failed != NULL);
    assert(options->epoch > 0);
    *catalog = (struct catalog){
        .io = io,
        .owner = owner,
        .store_directory = options->store_directory,
        .epoch = options->epoch,
        .last_version = options->last_version,
        .skips_sync = options->skips_sync,
        .handle = -1,
    };
    list_init(&catalog->waiting);
    list_init(&catalog->group);
    list_init(&catalog->live);
    list_init(&catalog->former);
    list_init(&catalog->renewing);
    list_init(&catalog->removals);
    list_init(&catalog->unsaid);
}

bool catalog_is_idle(const struct catalog *catalog)
{
    return !catalog->is_running && !catalog->kick_is_pending;
}

int32_t catalog_take_handle(struct catalog *catalog)
{
    int32_t handle = catalog->handle;
    catalog->handle = -1;
    return handle;
}
