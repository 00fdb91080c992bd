/* What stands in the catalog, and what waits to get there: records, removals, and the places of the
 * newest entries, by which a file that has grown large is left. Memory only; catalog_op.c writes.
 */
#include "storage/catalog_parts.h"

#include "base/assert.h"

#include <stdlib.h>

/* A log that is no more; of one that the base has it is said again in each new file. */
struct catalog_removal {
    struct catalog_record record;
    struct list_node node; /* catalog->removals */
    struct catalog *catalog;
    struct completion *done; /* NULL: he has been told */
    bool is_in_base;
    char topic_name[];
};

/* --- Waiting ---------------------------------------------------------------------------------- */

struct catalog_record *catalog_first_record(const struct list *list)
{
    struct list_node *node = list_first(list);
    return node == NULL ? NULL : container_of(node, struct catalog_record, node);
}

bool catalog_has_state(const struct list *records)
{
    const struct catalog_record *record;
    list_for_each_entry (record, records, node) {
        if (record->kind == COMMIT_STATE)
            return true;
    }
    return false;
}

bool catalog_has_next(const struct catalog *catalog)
{
    bool is_held = catalog->is_sparing && !catalog->is_hurried && catalog->failure == STATUS_OK;
    return !list_is_empty(&catalog->waiting) && (!is_held || catalog_has_state(&catalog->waiting));
}

static void put_again(struct catalog *catalog, struct catalog_record *record)
{
    list_node_init(&record->node);
    list_push_back(&catalog->waiting, &record->node);
    if (catalog_has_next(catalog))
        catalog_kick(catalog);
}

void catalog_put(struct catalog *catalog, struct catalog_record *record)
{
    assert(record->kind == COMMIT_STATE || record->kind == COMMIT_REMOVED);
    assert(record->payload.size > 0);
    record->version = ++catalog->last_version;
    put_again(catalog, record);
}

/* --- Removals --------------------------------------------------------------------------------- */

static void removal_landed(struct completion *completion, int32_t result)
{
    struct catalog_removal *removal =
        container_of(completion, struct catalog_removal, record.completion);
    struct catalog *catalog = removal->catalog;
    bool is_first = removal->done != NULL;
    assert(!list_node_is_linked(&removal->record.node));
    assert(is_first || removal->is_in_base);
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
    if (catalog_has_next(catalog))
        catalog_kick(catalog);
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
    assert(id->topic_name.size > 0);
    assert(done->landed != NULL);
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

/* --- Leaving a file --------------------------------------------------------------------------- */

bool catalog_should_roll(const struct catalog *catalog)
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
    assert(catalog->former_file != 0);
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
        catalog_kick(catalog);
}

void catalog_note_live(struct catalog *catalog, struct catalog_place *place,
                       const struct catalog_record *record)
{
    assert(!list_node_is_linked(&record->node));
    assert(record->kind == COMMIT_STATE);
    assert(!place->is_live || catalog->live_bytes >= place->size_bytes);
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
    assert(!place->is_live || catalog->live_bytes >= place->size_bytes);
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

void catalog_begin_next_file(struct catalog *catalog)
{
    struct list_node *node;
    /* Only one file is left at a time, and all that it had to give has been said again. */
    assert(catalog->former_file == 0);
    assert(list_is_empty(&catalog->former));
    assert(list_is_empty(&catalog->unsaid));
    while ((node = list_pop_front(&catalog->live)) != NULL) {
        container_of(node, struct catalog_place, node)->is_live = false;
        list_push_back(&catalog->former, node);
    }
    struct catalog_removal *removal;
    list_for_each_entry (removal, &catalog->removals, node) {
        if (!removal->is_in_base || removal->done != NULL)
            continue;
        assert(!list_node_is_linked(&removal->record.node));
        put_again(catalog, &removal->record);
    }
    catalog->live_bytes = 0;
    catalog->former_file = catalog->file;
    catalog->position = 0;
    catalog->allocated_bytes = 0;
    renew_some(catalog);
}

/* --- The end ---------------------------------------------------------------------------------- */

void catalog_deinit(struct catalog *catalog)
{
    struct list_node *node;
    free(catalog->buffer);
    catalog->buffer = NULL;
    while ((node = list_pop_front(&catalog->removals)) != NULL)
        free(container_of(node, struct catalog_removal, node));
}
