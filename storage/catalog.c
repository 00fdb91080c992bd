/* Writing the catalog: one operation that runs while there is something to write, and asks itself
 * after every landing what comes next. */
#include "storage/catalog.h"

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

/* A log that is no more; of one that the base has it is said again in each new file. */
struct catalog_removal {
    struct catalog_record record;
    struct list_node node; /* catalog->removals */
    struct catalog *catalog;
    struct completion *done; /* NULL: he has been told */
    bool is_in_base;
    char topic_name[];
};

static struct catalog_record *first_record(const struct list *list)
{
    struct list_node *node = list_first(list);
    return node == NULL ? NULL : container_of(node, struct catalog_record, node);
}

static void land_all(struct catalog *catalog, struct list *records, enum status status)
{
    struct catalog_record *record;
    while ((record = first_record(records)) != NULL) {
        list_remove(&record->node);
        io_land(catalog->io, &record->completion, (int32_t)status);
    }
}

/* --- Starting ---------------------------------------------------------------------------------
 */

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

static void kick(struct catalog *catalog)
{
    if (catalog->kick_is_pending || catalog->is_running)
        return;
    catalog->kick_is_pending = true;
    completion_init(&catalog->kick, kick_landed);
    io_land(catalog->io, &catalog->kick, STATUS_OK);
}

static bool has_state(const struct list *records)
{
    const struct catalog_record *record;
    list_for_each_entry (record, records, node) {
        if (record->kind == COMMIT_STATE)
            return true;
    }
    return false;
}

/* Something waits that may go now. What the reserve is spent on waits for company. */
static bool has_next(const struct catalog *catalog)
{
    bool is_held = catalog->is_sparing && !catalog->is_hurried && catalog->failure == STATUS_OK;
    return !list_is_empty(&catalog->waiting) && (!is_held || has_state(&catalog->waiting));
}

static void put_again(struct catalog *catalog, struct catalog_record *record)
{
    list_node_init(&record->node);
    list_push_back(&catalog->waiting, &record->node);
    if (has_next(catalog))
        kick(catalog);
}

void catalog_put(struct catalog *catalog, struct catalog_record *record)
{
    assert(record->kind == COMMIT_STATE || record->kind == COMMIT_REMOVED);
    assert(record->payload.size > 0);
    record->version = ++catalog->last_version;
    put_again(catalog, record);
}

/* --- Removals ---------------------------------------------------------------------------------
 */

static void removal_landed(struct completion *completion, int32_t result)
{
    struct catalog_removal *removal =
        container_of(completion, struct catalog_removal, record.completion);
    struct catalog *catalog = removal->catalog;
    bool is_first = removal->done != NULL;
    if (is_first)
        io_land(catalog->io, removal->done, result);
    removal->done = NULL;
    if (!is_first && result != STATUS_OK) {
        list_push_back(&catalog->unsaid, &removal->record.node);
    } else if (!removal->is_in_base || result != STATUS_OK) {
        list_remove(&removal->node);
        free(removal);
    }
}

void catalog_retry(struct catalog *catalog)
{
    list_append(&catalog->waiting, &catalog->unsaid);
    catalog->is_sparing = false;
    if (has_next(catalog))
        kick(catalog);
}

bool catalog_is_sparing(const struct catalog *catalog)
{
    return catalog->is_sparing;
}

void catalog_hurry(struct catalog *catalog)
{
    assert(!catalog->is_hurried);
    catalog->is_hurried = true;
    catalog_retry(catalog);
}

void catalog_remove(struct catalog *catalog, const struct catalog_place *place,
                    const struct log_id *id, struct completion *done)
{
    struct catalog_removal *removal = calloc(1, sizeof *removal + id->topic_name.size);
    if (removal == NULL) {
        io_land(catalog->io, done, STATUS_NO_MEMORY);
        return;
    }
    memcpy(removal->topic_name, id->topic_name.data, id->topic_name.size);
    removal->catalog = catalog;
    removal->done = done;
    removal->is_in_base = place->is_in_base;
    removal->record = (struct catalog_record){
        .kind = COMMIT_REMOVED,
        .topic_id = id->topic_id,
        .partition = id->partition,
        .payload = bytes_of((uint8_t *)removal->topic_name, id->topic_name.size),
    };
    list_push_back(&catalog->removals, &removal->node);
    completion_init(&removal->record.completion, removal_landed);
    catalog_put(catalog, &removal->record);
}

/* --- Leaving a file ---------------------------------------------------------------------------
 */

static bool should_roll(const struct catalog *catalog)
{
    uint64_t enough =
        4 * catalog->live_bytes; /* twice what is live, of which there are two copies */
    return catalog->former_file == 0 && catalog->failure == STATUS_OK && !catalog->is_sparing &&
           catalog->position >= (enough < CATALOG_ROLL_BYTES ? CATALOG_ROLL_BYTES : enough);
}

static void renew_some(struct catalog *catalog)
{
    struct list_node *node;
    uint32_t count = 0;
    if (!list_is_empty(&catalog->renewing))
        return;
    while (count++ < CATALOG_RENEWALS_MAX && (node = list_pop_front(&catalog->former)) != NULL) {
        list_push_back(&catalog->renewing, node);
        catalog->owner->renew(catalog->owner, container_of(node, struct catalog_place, node));
    }
}

/* The former file goes when nothing in it is the newest of its log. */
static void go_on_leaving(struct catalog *catalog)
{
    if (catalog->former_file == 0 || catalog->failure != STATUS_OK)
        return;
    renew_some(catalog);
    if (list_is_empty(&catalog->renewing))
        kick(catalog);
}

void catalog_note_live(struct catalog *catalog, struct catalog_place *place,
                       const struct catalog_record *record)
{
    assert(!list_node_is_linked(&record->node));
    if (list_node_is_linked(&place->node) && place->is_live)
        catalog->live_bytes -= place->size_bytes;
    list_remove(&place->node);
    list_push_back(&catalog->live, &place->node);
    place->is_live = true;
    place->size_bytes = (uint32_t)commit_entry_stored_size((uint32_t)record->payload.size);
    catalog->live_bytes += place->size_bytes;
    go_on_leaving(catalog);
}

void catalog_forget(struct catalog *catalog, struct catalog_place *place)
{
    if (place->is_live)
        catalog->live_bytes -= place->size_bytes;
    place->is_live = false;
    list_remove(&place->node);
    go_on_leaving(catalog);
}

void catalog_abandon(struct catalog *catalog)
{
    if (catalog->failure == STATUS_OK)
        catalog->failure = STATUS_CANCELLED;
}

static void begin_next_file(struct catalog *catalog)
{
    struct list_node *node;
    while ((node = list_pop_front(&catalog->live)) != NULL) {
        container_of(node, struct catalog_place, node)->is_live = false;
        list_push_back(&catalog->former, node);
    }
    struct catalog_removal *removal;
    list_for_each_entry (removal, &catalog->removals, node) {
        if (removal->is_in_base && removal->done == NULL)
            put_again(catalog, &removal->record);
    }
    catalog->live_bytes = 0;
    catalog->former_file = catalog->file;
    catalog->position = 0;
    catalog->allocated_bytes = 0;
    renew_some(catalog);
}

/* --- Asking -----------------------------------------------------------------------------------
 */

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
    if (!should_roll(catalog))
        return move_to(catalog, CATALOG_PICK);
    int32_t handle = catalog_take_handle(catalog);
    assert(handle >= 0);
    begin_next_file(catalog);
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
    path_catalog(catalog->store_directory, io_core_index(catalog->io), catalog->former_file,
                 catalog->path);
    io_unlink(catalog->io, expect(catalog), catalog->path);
    return wait_in(catalog, CATALOG_UNLINKED);
}

/* --- Picking ----------------------------------------------------------------------------------
 */

/* As many of those who wait as make a group of a good size. */
static uint64_t gather(struct catalog *catalog)
{
    uint64_t size = COMMIT_HEADER_SIZE;
    struct catalog_record *record;
    assert(list_is_empty(&catalog->group));
    catalog->entry_count = 0;
    while ((record = first_record(&catalog->waiting)) != NULL) {
        uint64_t entry_size = commit_entry_stored_size((uint32_t)record->payload.size);
        if (catalog->entry_count > 0 && size + entry_size > CATALOG_GROUP_SIZE)
            break;
        list_remove(&record->node);
        list_push_back(&catalog->group, &record->node);
        size += entry_size;
        catalog->entry_count++;
    }
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
    return catalog->is_sparing && !has_state(&catalog->group) &&
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
    if (should_roll(catalog))
        return move_to(catalog, CATALOG_END);
    if (has_next(catalog))
        return form_group(catalog);
    bool is_left = list_is_empty(&catalog->former) && list_is_empty(&catalog->renewing) &&
                   list_is_empty(&catalog->unsaid);
    if (catalog->former_file != 0 && is_left && list_is_empty(&catalog->waiting))
        return ask_unlink(catalog);
    return move_to(catalog, CATALOG_END);
}

/* --- Taking in --------------------------------------------------------------------------------
 */

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
    bool had_state = has_state(&catalog->group);
    list_init(&removals);
    while ((record = first_record(&catalog->group)) != NULL) {
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
        !has_state(&catalog->group) && group_end(catalog) <= catalog->allocated_bytes;
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
    if (has_next(catalog) || should_roll(catalog))
        kick(catalog);
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

/* --- Life -------------------------------------------------------------------------------------
 */

void catalog_init(struct catalog *catalog, struct io *io, struct catalog_owner *owner,
                  const struct catalog_options *options)
{
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

void catalog_deinit(struct catalog *catalog)
{
    struct list_node *node;
    drop_buffer(catalog);
    while ((node = list_pop_front(&catalog->removals)) != NULL)
        free(container_of(node, struct catalog_removal, node));
}
