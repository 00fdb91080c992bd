/* Checking one partition. Its segments are gone through in the order of their offsets;
 * `next_offset` is where the records go on. A log is whole when
 *
 *   every frame is right, in its place, and none follows one that is not
 *   offsets never go back, and leave no gap but where compaction has made one
 *   leader epochs never go back
 *   it reaches, with what the journals hold, as far as it was durable
 *   every segment that its state lists is there, as long as the state says
 */
#include "base/assert.h"
#include "cli/log_state.h"
#include "cli/segment_scan.h"
#include "cli/verify.h"
#include "cli/verify_index.h"
#include "protocol/batch.h"

#include <dirent.h>
#include <stdlib.h>

struct log_check {
    struct verify *verify;
    struct log_place place;
    const struct log_state *state; /* NULL: the catalog has none */
    const char *directory;
    char path[PATH_SIZE]; /* of the segment at hand */
    int64_t next_offset;  /* -1: nothing has been seen */
    int64_t durable_offset;
    int32_t leader_epoch;
    struct segment_piece damage; /* waits for the offset at which the log goes on */
    bool has_damage;
    const char *damage_text;
    uint64_t torn_bytes;   /* behind the last good frame */
    uint64_t rest_bytes;   /* behind these: of another segment, whose file it was */
    uint64_t end_position; /* of the last good frame */
};

/* The segment's file as it stands below the store's directory. */
static const char *relative(const struct log_check *check)
{
    return check->path + strlen(check->verify->store) + 1;
}

static void report(struct log_check *check, int64_t from_offset, int64_t to_offset,
                   uint64_t position, const char *what)
{
    bool has_offsets = from_offset >= 0 && to_offset > from_offset;
    verify_found(check->verify, &(struct finding){.topic = check->place.topic_name,
                                                  .partition = check->place.frame.partition,
                                                  .from_offset = has_offsets ? from_offset : -1,
                                                  .to_offset = to_offset,
                                                  .file = relative(check),
                                                  .position = position,
                                                  .what = what});
}

/* The broker has found it itself, and gone on behind it. */
static bool is_known_damage(const struct log_check *check, int64_t base_offset)
{
    if (check->state == NULL || check->next_offset < 0 || check->next_offset >= base_offset)
        return false;
    const struct log_damage *damage = damage_core_find(&check->state->damages, check->next_offset);
    return damage != NULL && damage->to >= base_offset;
}

/* Offsets are missing between two good frames. Damage explains them; compaction may. */
static void check_gap(struct log_check *check, const struct segment_piece *piece)
{
    int64_t base_offset = piece->header.base_offset;
    bool is_cleaned = check->place.frame.segment_generation > 0;
    if (check->has_damage)
        report(check, check->next_offset, base_offset, check->damage.position, check->damage_text);
    else if (is_known_damage(check, base_offset))
        report(check, check->next_offset, base_offset, piece->position,
               "lost before, as the catalog says");
    else if (check->next_offset >= 0 && base_offset < check->next_offset)
        report(check, base_offset, check->next_offset, piece->position, "offsets go back");
    else if (check->next_offset >= 0 && base_offset > check->next_offset && !is_cleaned)
        report(check, check->next_offset, base_offset, piece->position, "offsets are missing");
    check->has_damage = false;
}

static void check_epochs(struct log_check *check, const struct segment_piece *piece)
{
    struct bytes rest = piece->payload;
    struct bytes batch;
    struct batch_header header;
    while (batch_next(&rest, &batch) == STATUS_OK &&
           batch_header_read(batch, &header) == STATUS_OK) {
        int64_t base_offset = header.base_offset;
        bool is_recorded = check->state != NULL &&
                           base_offset < check->state->state.recovery_offset &&
                           base_offset >= check->state->state.start_offset;
        if (header.leader_epoch < check->leader_epoch)
            report(check, base_offset, batch_last_offset(&header) + 1, piece->position,
                   "leader epochs go back");
        else if (is_recorded &&
                 epoch_core_at(&check->state->epochs, base_offset) != header.leader_epoch)
            report(check, base_offset, batch_last_offset(&header) + 1, piece->position,
                   "the catalog knows another leader epoch here");
        check->leader_epoch = header.leader_epoch;
    }
}

static void take_frame(struct log_check *check, const struct segment_piece *piece)
{
    check_gap(check, piece);
    check_epochs(check, piece);
    check->next_offset = piece->header.last_offset + 1;
    check->end_position = piece->position + piece->size_bytes;
    if (piece->header.durable_offset > check->durable_offset)
        check->durable_offset = piece->header.durable_offset;
}

static void take_piece(struct log_check *check, const struct segment_piece *piece,
                       bool is_unreadable)
{
    check->torn_bytes = 0;
    check->rest_bytes = piece->rest_size;
    if (piece->kind == PIECE_FRAME) {
        take_frame(check, piece);
    } else if (piece->kind == PIECE_DAMAGE) {
        check->has_damage = true;
        check->damage = *piece;
        check->damage_text = is_unreadable       ? "the disk cannot read it"
                             : piece->has_header ? "a frame's checksum is wrong"
                                                 : "not a frame";
    } else {
        check->torn_bytes = piece->used_size;
    }
}

static void open_index(const struct log_check *check, struct verify_index *index)
{
    char path[PATH_SIZE];
    path_index(check->directory, check->place.frame.segment_base_offset,
               check->place.frame.segment_generation, path);
    verify_index_open(index, path, &check->place.frame);
}

/* An empty segment may be listed before its file is made. */
static void check_segment(struct log_check *check, const struct state_segment *listed)
{
    struct file_window window;
    struct segment_scan scan;
    struct segment_piece piece;
    struct verify_index index;
    enum status status = file_window_open(&window, check->path);
    if (status != STATUS_OK) {
        check->has_damage = listed == NULL || listed->size_bytes > 0;
        check->damage_text = status_text(status);
        check->damage.position = 0;
        return;
    }
    check->verify->segment_count++;
    segment_scan_init(&scan, &window, &check->place.frame);
    open_index(check, &index);
    uint64_t unreadable_count = 0;
    while (segment_scan_next(&scan, &piece)) {
        take_piece(check, &piece, window.unreadable_count > unreadable_count);
        verify_index_take(&index, &piece);
        unreadable_count = window.unreadable_count;
        verify_progress(check->verify, piece.size_bytes);
    }
    if (scan.has_failed)
        report(check, -1, -1, scan.position, "a frame larger than the memory there is");
    if (index.what != NULL)
        report(check, -1, -1, index.position, index.what);
    verify_index_close(&index);
    file_window_close(&window);
}

/* A segment ends with its last good frame; the next one begins there, or compaction has emptied
 * what lay between. What is no frame behind the end of any but the last is damage, and so is what
 * the state says that there is. */
static void finish_segment(struct log_check *check, const struct state_segment *listed,
                           bool is_last)
{
    bool is_short =
        !check->has_damage && listed != NULL && check->end_position < listed->size_bytes;
    if (!is_short && (check->torn_bytes == 0 || is_last))
        return;
    check->has_damage = true;
    check->damage.position = check->end_position;
    check->damage_text = is_short ? "the segment is shorter than the catalog says"
                                  : "not a frame, in a segment that was closed";
}

/* --- How far it must reach -------------------------------------------------------------------- */

/* As a replay would: each batch that follows what is there makes the log longer. */
static int64_t replayed_end(struct log_check *check, const struct journal_promise *promises,
                            size_t count)
{
    int64_t end_offset = check->next_offset;
    for (size_t i = 0; i < count && end_offset < 0; i++) /* all of it is in the journals yet */
        end_offset = promises[i].base_offset;
    for (size_t i = 0; i < count && !check->verify->is_clean; i++)
        if (promises[i].base_offset >= 0 && promises[i].base_offset <= end_offset &&
            promises[i].end_offset > end_offset)
            end_offset = promises[i].end_offset;
    return end_offset;
}

static void check_reach(struct log_check *check)
{
    size_t count;
    const struct journal_promise *promises = verify_promises(
        check->verify, check->place.frame.topic_id, check->place.frame.partition, &count);
    int64_t durable_offset = check->durable_offset;
    if (check->state != NULL && durable_offset < check->state->state.recovery_offset)
        durable_offset = check->state->state.recovery_offset;
    for (size_t i = 0; i < count; i++) {
        bool is_batch = check->verify->is_clean && promises[i].base_offset >= 0;
        int64_t promised = is_batch ? promises[i].end_offset : promises[i].durable_offset;
        durable_offset = promised > durable_offset ? promised : durable_offset;
    }
    int64_t end_offset = replayed_end(check, promises, count);
    if (end_offset < durable_offset)
        report(check, end_offset, durable_offset, check->end_position,
               check->has_damage ? check->damage_text
                                 : "acknowledged records are missing at the end");
    else
        check->verify->torn_bytes += check->torn_bytes;
    check->verify->rest_bytes += check->rest_bytes;
}

/* --- Which segments --------------------------------------------------------------------------- */

struct listing {
    int64_t base_offset;
    uint32_t generation;
    const struct state_segment *listed; /* NULL: begun since the state was recorded */
};

struct listings {
    struct listing *items;
    size_t count;
    size_t capacity;
};

static void add_listing(struct log_check *check, struct listings *listings,
                        const struct listing *listing)
{
    if (listings->count == listings->capacity) {
        size_t capacity = listings->capacity * 2 + 16;
        struct listing *items = realloc(listings->items, capacity * sizeof *items);
        if (items == NULL) {
            check->verify->is_broken = true;
            return;
        }
        listings->items = items;
        listings->capacity = capacity;
    }
    listings->items[listings->count++] = *listing;
}

static int is_segment(const struct dirent *entry)
{
    int64_t base_offset;
    uint32_t generation;
    return path_parse_segment(entry->d_name, &base_offset, &generation);
}

/* Files that are there from `from_offset` on, by offset: names begin with it, in twenty digits.
 * What compaction has written is known to the state or a leftover. */
static void add_files(struct log_check *check, struct listings *listings, int64_t from_offset)
{
    struct dirent **entries;
    int count = scandir(check->directory, &entries, is_segment, alphasort);
    for (int i = 0; i < count; i++) {
        struct listing listing = {0};
        path_parse_segment(entries[i]->d_name, &listing.base_offset, &listing.generation);
        bool is_new = listing.base_offset >= from_offset && listing.generation == 0;
        if (is_new || check->state == NULL)
            add_listing(check, listings, &listing);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

/* What the state lists, and what has been begun since it was recorded; other files are leftovers.
 */
static void add_listed(struct log_check *check, struct listings *listings)
{
    const struct state *state = &check->state->state;
    int64_t from_offset = state->recovery_offset;
    for (uint32_t i = 0; i < state->segment_count; i++) {
        const struct state_segment *segment = &state->segments[i];
        add_listing(check, listings,
                    &(struct listing){segment->base_offset, segment->generation, segment});
        if (segment->base_offset == from_offset)
            from_offset++;
    }
    if (state->segment_count == 0)
        check->next_offset = state->recovery_offset;
    add_files(check, listings, from_offset);
}

static void take_segments(struct log_check *check, const struct listings *listings)
{
    for (size_t i = 0; i < listings->count; i++) {
        const struct listing *listing = &listings->items[i];
        check->place.frame.segment_base_offset = listing->base_offset;
        check->place.frame.segment_generation = listing->generation;
        path_segment(check->directory, listing->base_offset, listing->generation, check->path);
        check->end_position = 0;
        check->torn_bytes = 0;
        check->rest_bytes = 0;
        check_segment(check, listing->listed);
        finish_segment(check, listing->listed, i + 1 == listings->count);
    }
}

static void check_log(struct log_check *check)
{
    struct listings listings = {0};
    check->verify->log_count++;
    if (check->state != NULL)
        add_listed(check, &listings);
    else
        add_files(check, &listings, 0);
    take_segments(check, &listings);
    check_reach(check);
    free(listings.items);
}

void verify_log(struct verify *verify, const char *directory, const struct log_place *place)
{
    struct log_check check = {.verify = verify,
                              .place = *place,
                              .directory = directory,
                              .next_offset = -1,
                              .leader_epoch = -1};
    struct log_state state;
    assert(place->topic_name[0] != '\0');
    const struct store_state *found =
        store_states_find(&verify->states, place->frame.topic_id, place->frame.partition);
    if (found != NULL && found->is_removed)
        return; /* on its way out */
    path_copy(directory, check.path);
    if (found != NULL && log_state_open(&state, found->content) == STATUS_OK)
        check.state = &state;
    else if (found != NULL)
        report(&check, -1, -1, 0, "its state in the catalog makes no sense");
    check_log(&check);
    if (found != NULL)
        log_state_close(&state);
}
