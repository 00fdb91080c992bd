/* Loading: what the metadata log holds becomes a library that runs on it. Blocking; before the
 * loops run.
 *
 * Bytes from the disk are checked here and not by the library, which takes terms, kinds and
 * configurations as they come. */
#include "cluster/quorum_parts.h"

static bool configure(struct raft_configuration *configuration, int32_t node_id)
{
    raft_configuration_init(configuration);
    return raft_configuration_add(configuration, quorum_server_id(node_id), "self", RAFT_VOTER) ==
           0;
}

/* A log without entries gets the configuration, as its first. */
static enum status bootstrap(struct quorum *quorum, struct metadata_loaded *loaded,
                             struct arena *arena)
{
    assert(!loaded->is_new || loaded->entry_count == 0);
    if (loaded->is_new)
        loaded->state.term = 1;
    if (metadata_log_stored_index(quorum->log) > 0)
        return STATUS_OK;
    struct raft_buffer configuration;
    if (raft_configuration_encode(&quorum->configuration, &configuration) != 0)
        return STATUS_NO_MEMORY;
    struct metadata_entry *entry = arena_allocate_array(arena, 1, sizeof *entry);
    char *data = arena_copy_text(arena, configuration.base, configuration.len);
    size_t size = configuration.len;
    raft_free(configuration.base);
    if (entry == NULL || data == NULL)
        return STATUS_NO_MEMORY;
    *entry = (struct metadata_entry){
        .term = loaded->state.term, .kind = METADATA_ENTRY_CHANGE, .data = bytes_of(data, size)};
    loaded->entries = entry;
    loaded->entry_count = 1;
    loaded->first_index = 1;
    return metadata_log_begin(quorum->log, entry);
}

/* The configuration must name this node, and as the only voter. Checked here, because the library
 * decodes without looking at the size. */
static bool configuration_is_ours(struct bytes data, int32_t node_id)
{
    struct raft_configuration ours;
    struct raft_buffer encoded = {0};
    bool is_equal = configure(&ours, node_id) && raft_configuration_encode(&ours, &encoded) == 0 &&
                    bytes_equal(data, bytes_of(encoded.base, encoded.len));
    raft_configuration_close(&ours);
    raft_free(encoded.base);
    return is_equal;
}

static bool loaded_is_ours(const struct quorum *quorum, const struct metadata_loaded *loaded,
                           int32_t node_id)
{
    bool has_configuration = false;
    if (loaded->has_snapshot) {
        has_configuration = true;
        if (!configuration_is_ours(loaded->snapshot.configuration, node_id))
            return false;
    }
    for (uint32_t i = 0; i < loaded->entry_count; i++) {
        const struct metadata_entry *entry = &loaded->entries[i];
        if (entry->term > loaded->state.term)
            return false;
        if (entry->kind != METADATA_ENTRY_CHANGE)
            continue;
        if (has_configuration || i > 0 || !configuration_is_ours(entry->data, node_id))
            return false;
        has_configuration = true;
    }
    return has_configuration && loaded->state.term > 0;
}

/* Entries as the library wants them. It looks only at terms, kinds and configurations, and keeps
 * nothing once the step is done. */
static struct raft_entry *raft_entries(const struct metadata_loaded *loaded)
{
    struct raft_entry *entries = raft_calloc(loaded->entry_count + 1, sizeof *entries);
    if (entries == NULL)
        return NULL;
    for (uint32_t i = 0; i < loaded->entry_count; i++)
        entries[i] = (struct raft_entry){.term = loaded->entries[i].term,
                                         .type = (enum raft_entry_type)loaded->entries[i].kind,
                                         .buf = {.base = (void *)loaded->entries[i].data.data,
                                                 .len = loaded->entries[i].data.size}};
    return entries;
}

static enum status begin(struct quorum *quorum, const struct metadata_loaded *loaded)
{
    assert(quorum->commit_index == 0);
    assert(quorum->handler == NULL);
    struct raft_snapshot_metadata metadata = {.index = loaded->snapshot.index,
                                              .term = loaded->snapshot.term,
                                              .configuration_index =
                                                  loaded->snapshot.configuration_index};
    struct raft_event event = {.type = RAFT_START};
    struct raft_entry *entries = raft_entries(loaded);
    bool has_memory = entries != NULL;
    if (loaded->has_snapshot && has_memory)
        has_memory = quorum_copy_configuration(&quorum->configuration, &metadata.configuration);
    if (!has_memory) {
        raft_free(entries);
        return STATUS_NO_MEMORY;
    }
    event.start.term = loaded->state.term;
    event.start.voted_for = loaded->state.vote;
    event.start.metadata = loaded->has_snapshot ? &metadata : NULL;
    event.start.start_index = loaded->first_index;
    event.start.entries = entries;
    event.start.n_entries = loaded->entry_count;
    quorum->last_index = metadata_log_stored_index(quorum->log);
    quorum->snapshot_index = loaded->snapshot.index;
    /* A step that fails has freed the entries itself. */
    if (!quorum_step(quorum, &event, "start"))
        return quorum->failed;
    raft_free(entries);
    /* The only voter elects itself at once, and what it has is committed. */
    assert(quorum->role == QUORUM_LEADER);
    assert(quorum->commit_index == quorum->last_index);
    quorum->told_index = quorum->commit_index;
    return STATUS_OK;
}

/* Nothing is believed before the log says that this node wrote it: starting on another's entries
 * would make its history ours. */
enum status quorum_load(struct quorum *quorum, const struct quorum_options *options,
                        struct arena *arena, struct metadata_loaded *loaded)
{
    enum status status =
        metadata_log_open(quorum->io, options->directory, quorum_server_id(options->node_id),
                          quorum->logger, arena, loaded, &quorum->log);
    if (status != STATUS_OK)
        return status;
    if (!configure(&quorum->configuration, options->node_id))
        return STATUS_NO_MEMORY;
    status = bootstrap(quorum, loaded, arena);
    if (status != STATUS_OK)
        return status;
    if (!loaded_is_ours(quorum, loaded, options->node_id)) {
        log_error(quorum->logger,
                  "the metadata was written by a quorum that this release cannot join",
                  field_text("directory", options->directory));
        return STATUS_CORRUPT;
    }
    return begin(quorum, loaded);
}
