/* The library decides and this file does: it hands over one event at a time and carries out what
 * the answer asks for. Memory follows one rule: the bytes of a proposal live in the proposal until
 * its index is committed, because the library and the disk both read them.
 *
 * The handler is told from a completion of its own and never inside a call, so a caller that
 * proposes is not surprised by a commit before it has noted what it proposed. */
#include "cluster/quorum_parts.h"

#include <stdlib.h>

/* Who owns which memory after a step changed in later versions of the library. */
static_assert(RAFT_VERSION_NUMBER == 2201, "quorum_*.c is written for libraft 0.22.1");
static_assert((int)METADATA_ENTRY_COMMAND == (int)RAFT_COMMAND, "kinds of entries");
static_assert((int)METADATA_ENTRY_BARRIER == (int)RAFT_BARRIER, "kinds of entries");
static_assert((int)METADATA_ENTRY_CHANGE == (int)RAFT_CHANGE, "kinds of entries");

enum { ELECTION_TIMEOUT_MS = 1000, HEARTBEAT_TIMEOUT_MS = 100, NS_PER_MS = 1000 * 1000 };
enum { SNAPSHOT_RECORDS_MAX = 1024 * 1024 * 1024 };

/* An entry on its way: given to the library, then to the disk, until it is committed. */
struct proposal {
    struct list_node node;
    struct quorum *quorum;
    struct metadata_append append;
    struct metadata_entry entry;
    uint64_t index;
    uint8_t data[];
};

/* --- Telling the owner ------------------------------------------------------------------------ */

/* Told at the next turn: a commit that came up inside the handler's own call would reach it before
 * it knows the index it proposed. */
static void tell_soon(struct quorum *quorum)
{
    if (quorum->is_telling || quorum->handler == NULL || quorum->is_stopping)
        return;
    quorum->is_telling = true;
    io_land(quorum->io, &quorum->telling, 0);
}

/* Memory of a proposal may go when its index is committed: neither the library nor the disk reads
 * it from then on. */
static void drop_proposals(struct quorum *quorum, uint64_t to_index)
{
    while (!list_is_empty(&quorum->proposals)) {
        struct proposal *proposal =
            container_of(list_first(&quorum->proposals), struct proposal, node);
        if (proposal->index > to_index)
            return;
        assert(quorum->proposal_count > 0);
        list_remove(&proposal->node);
        quorum->proposal_count--;
        free(proposal);
    }
    assert(quorum->proposal_count == 0);
}

static void begin_snapshot(struct quorum *quorum);

static void tell(struct completion *completion, int32_t result)
{
    struct quorum *quorum = container_of(completion, struct quorum, telling);
    assert(quorum->is_telling);
    assert(quorum->handler != NULL);
    quorum->is_telling = false;
    if (!quorum->role_is_told && !quorum->is_stopping) {
        quorum->role_is_told = true;
        quorum->handler->role_changed(quorum->handler, quorum->role);
    }
    if (quorum->failed != STATUS_OK && !quorum->failure_is_told) {
        quorum->failure_is_told = true;
        quorum->handler->failed(quorum->handler, quorum->failed);
    }
    if (quorum->failed != STATUS_OK || quorum->is_stopping)
        return;
    if (quorum->told_index < quorum->commit_index) {
        quorum->told_index = quorum->commit_index;
        quorum->handler->committed(quorum->handler, quorum->told_index);
    }
    begin_snapshot(quorum);
}

/* The first failure ends the quorum. What is uncommitted stays unanswered here; the owner knows
 * best what to tell those who wait. */
static void fail(struct quorum *quorum, enum status status, const char *what, int code)
{
    assert(status != STATUS_OK);
    if (quorum->failed != STATUS_OK)
        return;
    quorum->failed = status;
    log_error(quorum->logger, "the metadata quorum failed", field_text("what", what),
              field_status("error", status),
              field_text("reason", code == 0 ? "" : raft_strerror(code)));
    io_timer_cancel(quorum->io, &quorum->timer);
    tell_soon(quorum);
}

/* --- Steps ------------------------------------------------------------------------------------ */

static enum quorum_role role_of(const struct raft *raft)
{
    switch (raft->state) {
    case RAFT_LEADER: return QUORUM_LEADER;
    case RAFT_CANDIDATE: return QUORUM_CANDIDATE;
    default: return QUORUM_FOLLOWER;
    }
}

/* The package has no checks of its own; these hold after every step. */
static void check_invariants(const struct quorum *quorum)
{
    assert(raft_current_term(&quorum->raft) >= quorum->term);
    assert(raft_commit_index(&quorum->raft) >= quorum->commit_index);
    assert(raft_commit_index(&quorum->raft) <= quorum->last_index);
    assert(raft_commit_index(&quorum->raft) <= metadata_log_stored_index(quorum->log));
    assert(quorum->told_index <= quorum->commit_index);
    assert(quorum->snapshot_index <= quorum->commit_index || quorum->commit_index == 0);
}

/* What a quorum of one is never asked to do: no other votes, so the term stays; nobody is there to
 * send to or to get a snapshot from. */
static bool is_of_one(unsigned flags)
{
    const unsigned others = RAFT_UPDATE_CURRENT_TERM | RAFT_UPDATE_VOTED_FOR;
    const unsigned peers = RAFT_UPDATE_SNAPSHOT | RAFT_UPDATE_MESSAGES;
    return (flags & (others | peers)) == 0;
}

static void start_timer(struct quorum *quorum)
{
    io_timer_cancel(quorum->io, &quorum->timer);
    if (quorum->handler != NULL && !quorum->is_stopping)
        io_timer_start(quorum->io, &quorum->timer, raft_timeout(&quorum->raft) * NS_PER_MS);
}

bool quorum_step(struct quorum *quorum, struct raft_event *event, const char *what)
{
    assert(event != NULL);
    struct raft_update update = {0};
    assert(quorum->failed == STATUS_OK);
    event->time = io_now_ns(quorum->io) / NS_PER_MS;
    int code = raft_step(&quorum->raft, event, &update);
    if (code != 0) {
        fail(quorum, code == RAFT_NOMEM ? STATUS_NO_MEMORY : STATUS_FAILED, what, code);
        return false;
    }
    if (!is_of_one(update.flags)) {
        fail(quorum, STATUS_UNSUPPORTED, "a duty that a quorum of one does not have", 0);
        return false;
    }
    check_invariants(quorum);
    quorum->term = raft_current_term(&quorum->raft);
    if (update.flags & RAFT_UPDATE_COMMIT_INDEX) {
        quorum->commit_index = raft_commit_index(&quorum->raft);
        tell_soon(quorum);
    }
    if (update.flags & RAFT_UPDATE_STATE) {
        quorum->role = role_of(&quorum->raft);
        quorum->role_is_told = false;
        tell_soon(quorum);
    }
    if (update.flags & RAFT_UPDATE_TIMEOUT)
        start_timer(quorum);
    return true;
}

static void timer_fired(struct timer *timer)
{
    struct quorum *quorum = container_of(timer, struct quorum, timer);
    assert(quorum->handler != NULL);
    struct raft_event event = {.type = RAFT_TIMEOUT};
    if (quorum->failed != STATUS_OK || quorum->is_stopping)
        return;
    if (quorum_step(quorum, &event, "timeout") && !timer_is_running(&quorum->timer))
        start_timer(quorum);
}

/* --- Proposing -------------------------------------------------------------------------------- */

static void proposal_stored(struct completion *completion, int32_t result)
{
    struct metadata_append *append = container_of(completion, struct metadata_append, completion);
    struct proposal *proposal = container_of(append, struct proposal, append);
    assert(result <= 0);
    struct quorum *quorum = proposal->quorum;
    if (quorum->failed != STATUS_OK)
        return;
    if (result < 0 && quorum->is_stopping)
        return;
    if (result < 0) {
        fail(quorum, (enum status)result, "the disk", 0);
        return;
    }
    struct raft_event event = {.type = RAFT_PERSISTED_ENTRIES,
                               .persisted_entries = {.index = proposal->index}};
    assert(proposal->index <= metadata_log_stored_index(quorum->log));
    if (quorum_step(quorum, &event, "persisted"))
        drop_proposals(quorum, quorum->commit_index);
}

static struct proposal *proposal_create(struct quorum *quorum, enum metadata_entry_kind kind,
                                        struct bytes data)
{
    assert(quorum->role == QUORUM_LEADER);
    assert(quorum->term > 0);
    assert(data.size <= METADATA_ENTRY_BYTES_MAX);
    struct proposal *proposal = malloc(sizeof *proposal + data.size);
    if (proposal == NULL)
        return NULL;
    *proposal = (struct proposal){.quorum = quorum, .index = quorum->last_index + 1};
    if (data.size > 0)
        memcpy(proposal->data, data.data, data.size);
    proposal->entry = (struct metadata_entry){
        .term = quorum->term, .kind = kind, .data = bytes_of(proposal->data, data.size)};
    proposal->append.entries = &proposal->entry;
    proposal->append.entry_count = 1;
    completion_init(&proposal->append.completion, proposal_stored);
    list_node_init(&proposal->node);
    return proposal;
}

/* The library counts the entry as soon as it is submitted, so our own count moves before the step
 * and the invariants compare like with like. */
static bool submit(struct quorum *quorum, struct proposal *proposal)
{
    assert(proposal->index == quorum->last_index + 1);
    assert(proposal->entry.term == quorum->term);
    struct raft_entry entry = {.term = proposal->entry.term,
                               .type = (enum raft_entry_type)proposal->entry.kind,
                               .buf = {.base = proposal->data, .len = proposal->entry.data.size},
                               .batch = proposal->data};
    struct raft_event event = {.type = RAFT_SUBMIT, .submit = {.entries = &entry, .n = 1}};
    quorum->last_index = proposal->index;
    return quorum_step(quorum, &event, "submit");
}

/* As far as is known: where a disk turns out to be full later, the entry waits. */
static bool has_space(struct quorum *quorum, struct bytes data)
{
    const struct metadata_entry entry = {.kind = METADATA_ENTRY_COMMAND, .data = data};
    return !metadata_log_is_short(quorum->log) ||
           metadata_batch_size(&entry, 1) <= metadata_log_room_bytes(quorum->log);
}

static enum status propose(struct quorum *quorum, enum metadata_entry_kind kind, struct bytes data,
                           uint64_t *index)
{
    assert(index != NULL);
    assert(quorum->proposal_count <= QUORUM_UNCOMMITTED_MAX);
    if (quorum->failed != STATUS_OK || quorum->is_stopping || quorum->role != QUORUM_LEADER)
        return STATUS_FAILED;
    if (quorum->proposal_count == QUORUM_UNCOMMITTED_MAX)
        return STATUS_BUSY;
    if (data.size > METADATA_ENTRY_BYTES_MAX)
        return STATUS_TOO_LARGE;
    if (!has_space(quorum, data))
        return STATUS_NO_SPACE;
    struct proposal *proposal = proposal_create(quorum, kind, data);
    if (proposal == NULL)
        return STATUS_NO_MEMORY;
    if (!submit(quorum, proposal)) {
        free(proposal);
        return STATUS_FAILED;
    }
    *index = proposal->index;
    list_push_back(&quorum->proposals, &proposal->node);
    quorum->proposal_count++;
    metadata_log_append(quorum->log, &proposal->append);
    return STATUS_OK;
}

enum status quorum_propose(struct quorum *quorum, struct bytes data, uint64_t *index)
{
    assert(data.size > 0);
    return propose(quorum, METADATA_ENTRY_COMMAND, data, index);
}

enum status quorum_barrier(struct quorum *quorum, uint64_t *index)
{
    return propose(quorum, METADATA_ENTRY_BARRIER, bytes_of("", 0), index);
}

/* --- Snapshots -------------------------------------------------------------------------------- */

bool quorum_copy_configuration(const struct raft_configuration *from, struct raft_configuration *to)
{
    assert(from != to);
    raft_configuration_init(to);
    for (unsigned i = 0; i < from->n; i++)
        if (raft_configuration_add(to, from->servers[i].id, from->servers[i].address,
                                   from->servers[i].role) != 0) {
            raft_configuration_close(to);
            return false;
        }
    return true;
}

static void snapshot_saved(struct completion *completion, int32_t result)
{
    struct quorum *quorum = container_of(completion, struct quorum, snapshot_done);
    assert(quorum->is_saving_snapshot);
    assert(quorum->snapshot.index > quorum->snapshot_index);
    assert(result <= 0);
    struct raft_event event = {.type = RAFT_SNAPSHOT};
    struct raft_snapshot_metadata *metadata = &event.snapshot.metadata;
    uint64_t index = quorum->snapshot.index;
    arena_reset(&quorum->snapshot_arena);
    quorum->is_saving_snapshot = false;
    if (quorum->failed != STATUS_OK)
        return;
    if (result == STATUS_NO_SPACE)
        return;
    if (result < 0) {
        fail(quorum, (enum status)result, "the disk, writing a snapshot", 0);
        return;
    }
    metadata->index = index;
    metadata->term = quorum->snapshot.term;
    metadata->configuration_index = quorum->configuration_index;
    if (!quorum_copy_configuration(&quorum->configuration, &metadata->configuration)) {
        fail(quorum, STATUS_NO_MEMORY, "snapshot", 0);
        return;
    }
    if (quorum_step(quorum, &event, "snapshot"))
        quorum->snapshot_index = index;
}

/* Takes a snapshot if the log has grown enough. Only what is stored may go into it: after a crash
 * the log must not know less, or other, than the snapshot does. */
static void begin_snapshot(struct quorum *quorum)
{
    assert(quorum->handler != NULL);
    assert(quorum->told_index >= quorum->snapshot_index);
    if (quorum->failed != STATUS_OK || quorum->is_saving_snapshot ||
        quorum->told_index == quorum->snapshot_index ||
        metadata_log_grown_bytes(quorum->log) < quorum->snapshot_bytes)
        return;
    struct writer writer;
    struct raft_buffer configuration;
    writer_init(&writer, &quorum->snapshot_arena);
    uint64_t index = quorum->handler->snapshot(quorum->handler, &writer);
    if (index <= quorum->snapshot_index) {
        arena_reset(&quorum->snapshot_arena);
        return;
    }
    assert(index <= quorum->told_index);
    assert(index <= metadata_log_stored_index(quorum->log));
    if (writer.status != STATUS_OK ||
        raft_configuration_encode(&quorum->configuration, &configuration) != 0) {
        fail(quorum, STATUS_NO_MEMORY, "snapshot", 0);
        return;
    }
    quorum->snapshot =
        (struct metadata_snapshot){.index = index,
                                   .term = quorum->term,
                                   .configuration_index = quorum->configuration_index,
                                   .configuration = bytes_of(configuration.base, configuration.len),
                                   .records = writer_result(&writer)};
    quorum->is_saving_snapshot = true;
    metadata_log_snapshot(quorum->log, &quorum->snapshot, &quorum->snapshot_done);
    raft_free(configuration.base); /* The log has its own copy of the whole content. */
}

/* --- Starting --------------------------------------------------------------------------------- */

static struct quorum *quorum_allocate(struct io *io, const struct quorum_options *options,
                                      struct logger *logger)
{
    struct quorum *quorum = calloc(1, sizeof *quorum);
    if (quorum == NULL)
        return NULL;
    quorum->io = io;
    quorum->logger = logger;
    quorum->snapshot_bytes = options->snapshot_bytes;
    quorum->configuration_index = 1; /* It never changes while there is one voter. */
    list_init(&quorum->proposals);
    timer_init(&quorum->timer, timer_fired);
    completion_init(&quorum->telling, tell);
    completion_init(&quorum->snapshot_done, snapshot_saved);
    arena_init(&quorum->snapshot_arena, SNAPSHOT_RECORDS_MAX);
    if (raft_init(&quorum->raft, NULL, NULL, quorum_server_id(options->node_id), "self") != 0) {
        free(quorum);
        return NULL;
    }
    quorum->raft.tracer = NULL; /* It would format every message, and share a buffer. */
    raft_seed(&quorum->raft, (unsigned)io_random_u64(io));
    raft_set_election_timeout(&quorum->raft, ELECTION_TIMEOUT_MS);
    raft_set_heartbeat_timeout(&quorum->raft, HEARTBEAT_TIMEOUT_MS);
    raft_set_max_inflight_entries(&quorum->raft, QUORUM_UNCOMMITTED_MAX);
    return quorum;
}

enum status quorum_create(struct io *io, const struct quorum_options *options,
                          struct logger *logger, struct arena *arena,
                          struct quorum_recovered *recovered, struct quorum **quorum)
{
    assert(io_core_index(io) == 0);
    assert(options->node_id >= 0);
    assert(options->directory != NULL);
    assert(recovered != NULL);
    assert(quorum != NULL);
    struct metadata_loaded loaded;
    assert(options->snapshot_bytes > 0);
    *quorum = NULL;
    struct quorum *created = quorum_allocate(io, options, logger);
    if (created == NULL)
        return STATUS_NO_MEMORY;
    enum status status = quorum_load(created, options, arena, &loaded);
    if (status != STATUS_OK) {
        quorum_destroy(created);
        return status;
    }
    *recovered = (struct quorum_recovered){.has_snapshot = loaded.has_snapshot,
                                           .records = loaded.snapshot.records,
                                           .snapshot_index = loaded.snapshot.index,
                                           .entries = loaded.entries,
                                           .entry_count = loaded.entry_count,
                                           .first_index = loaded.first_index};
    *quorum = created;
    return STATUS_OK;
}

/* The first telling is of the role, which was won while the log was being read and nobody listened.
 */
void quorum_start(struct quorum *quorum, struct quorum_handler *handler)
{
    assert(handler != NULL);
    assert(!quorum->is_stopping);
    assert(quorum->handler == NULL);
    quorum->handler = handler;
    start_timer(quorum);
    tell_soon(quorum);
}

bool quorum_is_short_of_space(struct quorum *quorum)
{
    return metadata_log_is_short(quorum->log);
}

uint64_t quorum_room_bytes(const struct quorum *quorum)
{
    return metadata_log_room_bytes(quorum->log);
}

struct quorum_description quorum_describe(const struct quorum *quorum)
{
    assert(quorum->snapshot_index <= quorum->last_index);
    bool is_leader = quorum->role == QUORUM_LEADER && quorum->failed == STATUS_OK;
    return (struct quorum_description){.role = quorum->role,
                                       .term = quorum->term,
                                       .commit_index = quorum->commit_index,
                                       .stored_index = metadata_log_stored_index(quorum->log),
                                       .last_index = quorum->last_index,
                                       .snapshot_index = quorum->snapshot_index,
                                       .leader_id =
                                           is_leader ? (int32_t)(quorum->raft.id - 1) : -1};
}

/* Nothing is told from here on, so what still lands from the disk goes unheard; the log waits for
 * it before it closes. */
void quorum_stop(struct quorum *quorum, struct completion *stopped)
{
    assert(stopped->landed != NULL);
    assert(!quorum->is_stopping);
    quorum->is_stopping = true;
    io_timer_cancel(quorum->io, &quorum->timer);
    metadata_log_close(quorum->log, stopped);
}

void quorum_destroy(struct quorum *quorum)
{
    if (quorum == NULL)
        return;
    io_timer_cancel(quorum->io, &quorum->timer);
    drop_proposals(quorum, UINT64_MAX);
    metadata_log_destroy(quorum->log);
    arena_deinit(&quorum->snapshot_arena);
    raft_configuration_close(&quorum->configuration);
    raft_close(&quorum->raft, NULL);
    free(quorum);
}
