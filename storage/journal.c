/* Gathering entries into commits, and committing one after the other: the group is whatever arrived
 * while the commit before was on its way, so no timer decides how long anybody waits. What nobody
 * waits for may gather for longer (linger.h). */
#include "storage/journal.h"

#include "base/assert.h"
#include "storage/growth_core.h"

#include <stdlib.h>

/* A commit that is made ready is sealed again when more has come to it, and a checksum takes time
 * with its size. For a larger one the disk waits little in comparison. */
enum { FOLLOWING_SIZE_MAX = 64 * 1024 };

static struct journal_commit *gathering(const struct journal *journal)
{
    struct list_node *node = list_last(&journal->waiting);
    return node == NULL ? NULL : container_of(node, struct journal_commit, node);
}

static void commit_free(struct journal_commit *commit)
{
    free(commit->tickets);
    free(commit);
}

/* Gives the memory back, but keeps one struct with its tickets for the next commit. */
static void commit_retire(struct journal *journal, struct journal_commit *commit)
{
    chunk_release(commit->chunk, journal->io);
    commit->chunk = NULL;
    if (journal->spare != NULL)
        commit_free(commit);
    else
        journal->spare = commit;
}

void journal_fail(struct journal *journal, enum status status)
{
    assert(status != STATUS_OK);
    if (journal->failure != STATUS_OK)
        return;
    journal->failure = status;
    journal->owner->failed(journal->owner, status);
}

/* --- Gathering -------------------------------------------------------------------------------- */

static bool has_ticket_room(struct journal_commit *commit)
{
    if (commit->ticket_count < commit->ticket_capacity)
        return true;
    uint32_t capacity = commit->ticket_capacity == 0 ? 16 : commit->ticket_capacity * 2;
    struct journal_ticket *tickets = realloc(commit->tickets, capacity * sizeof *tickets);
    if (tickets == NULL)
        return false;
    commit->tickets = tickets;
    commit->ticket_capacity = capacity;
    return true;
}

/* Exchanges the buffer for a larger one when the entry does not fit. Every exchange copies what has
 * been gathered, so under load the first one is as large as the commit is likely to become. */
static bool has_byte_room(struct journal *journal, struct journal_commit *commit,
                          uint64_t size_bytes)
{
    size_t stored_size = commit_stored_size(size_bytes);
    if (commit->chunk != NULL && stored_size <= commit->chunk->capacity_bytes)
        return true;
    if (commit->chunk != NULL)
        stored_size = chunk_size_grown(commit->chunk, stored_size);
    size_t likely_size = commit_stored_size(journal->likely_size_bytes);
    assert(likely_size <= journal->commit_size_max);
    struct chunk *larger = journal->owner->acquire_chunk(journal->owner, stored_size, likely_size);
    if (larger == NULL)
        return false;
    if (commit->chunk != NULL) {
        memcpy(larger->data, commit->chunk->data, commit->size_bytes);
        chunk_release(commit->chunk, journal->io);
    }
    commit->chunk = larger;
    return true;
}

/* An empty commit at the end of the queue; NULL without memory. */
static struct journal_commit *begin_commit(struct journal *journal, uint64_t size_bytes)
{
    struct journal_commit *commit = journal->spare;
    journal->spare = NULL;
    if (commit == NULL)
        commit = calloc(1, sizeof *commit);
    if (commit == NULL)
        return NULL;
    commit->journal = journal;
    commit->chunk = NULL;
    commit->size_bytes = COMMIT_HEADER_SIZE;
    commit->entry_count = 0;
    commit->ticket_count = 0;
    if (!has_ticket_room(commit) || !has_byte_room(journal, commit, size_bytes)) {
        commit_free(commit);
        return NULL;
    }
    commit->sequence = journal->next_sequence++;
    list_push_back(&journal->waiting, &commit->node);
    journal->waiting_count++;
    return commit;
}

/* Where the commit behind the one in flight goes. It is on its way from here on. */
static void leave_waiting(struct journal *journal, struct journal_commit *commit)
{
    uint64_t size = commit_stored_size(commit->size_bytes);
    struct journal_file *file = &journal->files[journal->current];
    assert(journal->waiting_count > 0);
    assert(commit->sequence > file->last_sequence);
    assert(journal->position + size <= journal->file_bytes);
    list_remove(&commit->node);
    journal->waiting_count--;
    file->last_sequence = commit->sequence;
    journal->position += size;
}

/* More comes to a commit that is ready: it gathers again, if it has not begun. One behind which
 * another gathers already stays as it is. */
static void recall_following(struct journal *journal)
{
    struct journal_commit *commit = journal->following;
    if (commit == NULL || !list_is_empty(&journal->waiting) ||
        !io_withdraw_next(journal->io, &journal->in_flight->write))
        return;
    struct journal_file *file = &journal->files[journal->current];
    assert(file->last_sequence == commit->sequence);
    file->last_sequence = commit->sequence - 1;
    journal->position -= commit_stored_size(commit->size_bytes);
    journal->following = NULL;
    list_push_back(&journal->waiting, &commit->node);
    journal->waiting_count++;
}

enum status journal_reserve(struct journal *journal, uint32_t payload_size)
{
    if (journal->failure != STATUS_OK)
        return STATUS_FAILED;
    recall_following(journal);
    uint64_t entry_size = commit_entry_stored_size(payload_size);
    assert(commit_stored_size(COMMIT_HEADER_SIZE + entry_size) <= journal->commit_size_max);

    struct journal_commit *commit = gathering(journal);
    if (commit != NULL && commit->size_bytes + entry_size <= journal->commit_size_max)
        return has_ticket_room(commit) &&
                       has_byte_room(journal, commit, commit->size_bytes + entry_size)
                   ? STATUS_OK
                   : STATUS_NO_MEMORY;
    if (journal->waiting_count >= JOURNAL_QUEUE_MAX)
        return journal->is_short_of_space ? STATUS_NO_SPACE : STATUS_NO_MEMORY;
    return begin_commit(journal, COMMIT_HEADER_SIZE + entry_size) != NULL ? STATUS_OK
                                                                          : STATUS_NO_MEMORY;
}

static void add_ticket(struct journal_commit *commit, struct journal_client *client,
                       int64_t end_offset)
{
    struct journal_ticket *last =
        commit->ticket_count == 0 ? NULL : &commit->tickets[commit->ticket_count - 1];
    if (last != NULL && last->client == client) {
        assert(end_offset >= last->end_offset);
        last->end_offset = end_offset;
        return;
    }
    assert(commit->ticket_count < commit->ticket_capacity);
    commit->tickets[commit->ticket_count++] = (struct journal_ticket){client, end_offset};
}

uint64_t journal_append(struct journal *journal, const struct commit_entry *entry,
                        const uint8_t *payload, struct journal_client *client, int64_t end_offset)
{
    struct journal_commit *commit = gathering(journal);
    assert(commit != NULL);
    assert(journal->failure == STATUS_OK);
    commit->size_bytes = commit_put(commit->chunk->data, commit->size_bytes, entry, payload);
    assert(commit->size_bytes <= commit->chunk->capacity_bytes);
    commit->entry_count++;
    if (end_offset >= 0)
        add_ticket(commit, client, end_offset);
    return commit->sequence;
}

static void forget_in(struct journal_commit *commit, struct journal_client *client)
{
    for (uint32_t i = 0; i < commit->ticket_count; i++)
        if (commit->tickets[i].client == client)
            commit->tickets[i].client = NULL;
}

void journal_forget(struct journal *journal, struct journal_client *client)
{
    struct journal_commit *commit;
    list_for_each_entry (commit, &journal->waiting, node) {
        forget_in(commit, client);
    }
    if (journal->in_flight != NULL)
        forget_in(journal->in_flight, client);
    if (journal->following != NULL)
        forget_in(journal->following, client);
}

/* --- Committing ------------------------------------------------------------------------------- */

static void tell_clients(struct journal_commit *commit)
{
    for (uint32_t i = 0; i < commit->ticket_count; i++) {
        struct journal_ticket *ticket = &commit->tickets[i];
        if (ticket->client != NULL)
            ticket->client->committed(ticket->client, ticket->end_offset);
    }
}

/* It is the only one on its way, or has become the first of two. */
static void set_out(struct journal *journal, struct journal_commit *commit)
{
    journal->in_flight = commit;
    journal->write_began_ns = io_now_ns(journal->io);
    journal->likely_size_bytes = growth_core_likely(journal->likely_size_bytes, commit->size_bytes);
}

static void finish_in_flight(struct journal *journal)
{
    struct journal_commit *commit = journal->in_flight;
    struct journal_commit *following = journal->following;
    journal->in_flight = NULL;
    journal->following = NULL;
    if (following != NULL)
        set_out(journal, following);
    commit_retire(journal, commit);
}

/* After an error what was to follow lands as well, cancelled. */
static void write_landed(struct completion *completion, int32_t result)
{
    struct journal_commit *commit =
        container_of(completion, struct journal_commit, write.completion);
    struct journal *journal = commit->journal;
    assert(commit == journal->in_flight);
    assert(commit->entry_count > 0);
    if (result < 0) {
        finish_in_flight(journal);
        journal_fail(journal, (enum status)result);
        journal->owner->progressed(journal->owner);
        return;
    }
    metrics_add(journal->metrics, METRIC_JOURNAL_BYTES, result);
    metrics_observe_ns(journal->metrics, METRIC_HISTOGRAM_JOURNAL_COMMIT,
                       io_now_ns(journal->io) - journal->write_began_ns);
    tell_clients(commit);
    finish_in_flight(journal);
    journal_submit(journal);
    journal->owner->progressed(journal->owner);
}

static void seal(const struct journal *journal, struct journal_commit *commit)
{
    commit_seal(commit->chunk->data, (struct commit_header){
                                         .epoch = journal->epoch,
                                         .sequence = commit->sequence,
                                         .size_bytes = commit->size_bytes,
                                         .entry_count = commit->entry_count,
                                         .core = io_core_index(journal->io),
                                         .released_sequence = journal->released_sequence,
                                     });
}

/* At once: all that gathers meanwhile waits for this commit, and neither its write nor its sync
 * need wait until this core has made the answers to the one before. */
static void submit_write(struct journal *journal, struct journal_commit *commit, uint64_t position)
{
    int32_t handle = journal->files[journal->current].handle;
    uint32_t size = (uint32_t)commit_stored_size(commit->size_bytes);
    assert(handle >= 0);
    assert(size % COMMIT_ALIGNMENT == 0);
    completion_init(&commit->write.completion, write_landed);
    if (journal->skips_sync)
        io_write(journal->io, &commit->write, handle, commit->chunk->data, size, position);
    else if (commit == journal->following)
        io_write_durable_next(journal->io, &commit->write, &journal->in_flight->write, handle,
                              commit->chunk->data, size, position);
    else
        io_write_durable_at_once(journal->io, &commit->write, handle, commit->chunk->data, size,
                                 position);
}

/* The one that is to go into the next file waits until that is taken. */
static bool may_follow(const struct journal *journal, uint64_t size)
{
    return journal->following == NULL && !journal->skips_sync && size <= FOLLOWING_SIZE_MAX &&
           journal_ring_has_room(journal, size);
}

void journal_submit(struct journal *journal)
{
    struct list_node *node = list_first(&journal->waiting);
    if (node == NULL || journal->failure != STATUS_OK)
        return;
    struct journal_commit *commit = container_of(node, struct journal_commit, node);
    if (commit->entry_count == 0 || commit->sequence > journal->wanted_sequence)
        return;
    uint64_t size = commit_stored_size(commit->size_bytes);
    bool is_first = journal->in_flight == NULL;
    if (is_first ? !journal_ring_advance(journal, size) : !may_follow(journal, size))
        return;
    assert(commit->sequence == journal_landed_sequence(journal) + (is_first ? 1 : 2));
    uint64_t position = journal->position;
    leave_waiting(journal, commit);
    seal(journal, commit);
    if (is_first)
        set_out(journal, commit);
    else
        journal->following = commit;
    submit_write(journal, commit, position);
}

static void kick_landed(struct completion *completion, int32_t result)
{
    struct journal *journal = container_of(completion, struct journal, kick);
    (void)result;
    assert(journal->kick_is_pending);
    journal->kick_is_pending = false;
    journal_submit(journal);
    if (!journal->is_short_of_space)
        journal_ring_prepare(journal);
    journal->owner->progressed(journal->owner);
}

/* Of the newest commit with something in it: one that was begun for an append that was refused then
 * is not wanted before there is. */
static uint64_t newest_sequence(const struct journal *journal)
{
    const struct journal_commit *commit = gathering(journal);
    bool is_empty = commit != NULL && commit->entry_count == 0;
    return journal->next_sequence - 1 - is_empty;
}

void journal_kick(struct journal *journal)
{
    assert(journal->wanted_sequence <= newest_sequence(journal));
    journal->wanted_sequence = newest_sequence(journal);
    if (journal->kick_is_pending)
        return;
    journal->kick_is_pending = true;
    completion_init(&journal->kick, kick_landed);
    io_land(journal->io, &journal->kick, 0);
}

bool journal_is_lingering(const struct journal *journal)
{
    return newest_sequence(journal) > journal->wanted_sequence;
}

uint64_t journal_waiting_bytes(const struct journal *journal)
{
    uint64_t size_bytes = 0;
    const struct journal_commit *commit;
    list_for_each_entry (commit, &journal->waiting, node) {
        size_bytes += commit->size_bytes;
    }
    return size_bytes;
}

uint64_t journal_landed_sequence(const struct journal *journal)
{
    return journal->next_sequence - 1 - journal->waiting_count - (journal->in_flight != NULL) -
           (journal->following != NULL);
}

bool journal_has_waiting(const struct journal *journal)
{
    const struct journal_commit *commit = gathering(journal);
    return commit != NULL && (journal->waiting_count > 1 || commit->entry_count > 0);
}

bool journal_is_idle(const struct journal *journal)
{
    return !journal_has_waiting(journal) && journal_is_still(journal);
}

bool journal_is_still(const struct journal *journal)
{
    assert(journal->in_flight != NULL || journal->following == NULL);
    return journal->in_flight == NULL && !journal->kick_is_pending && !journal->prepare.is_running;
}

static void commit_destroy(struct journal *journal, struct journal_commit *commit)
{
    if (commit == NULL)
        return;
    chunk_release(commit->chunk, journal->io);
    commit_free(commit);
}

void journal_deinit(struct journal *journal)
{
    struct list_node *node;
    while ((node = list_pop_front(&journal->waiting)) != NULL)
        commit_destroy(journal, container_of(node, struct journal_commit, node));
    commit_destroy(journal, journal->in_flight);
    commit_destroy(journal, journal->following);
    if (journal->spare != NULL)
        commit_free(journal->spare);
    if (journal->prepare.zeros != NULL)
        chunk_release(journal->prepare.zeros, journal->io);
}
