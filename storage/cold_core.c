/* One loop over the blocks of a reading. */
#include "storage/cold_core.h"

#include "base/assert.h"
#include "io/chunk.h"

void cold_walk_begin(struct cold_walk *walk)
{
    assert(walk->offset < walk->end_offset);
    assert(walk->offset >= walk->place.segment_base_offset);
    const struct index_entry *entry = frame_index_find(walk->index, walk->offset);
    walk->position = entry == NULL ? 0 : entry->position;
    walk->known_end = entry == NULL ? walk->place.segment_base_offset : entry->base_offset;
    walk->expected_base = entry == NULL ? -1 : entry->base_offset;
    assert(walk->known_end <= walk->offset);
}

void cold_walk_begin_behind(struct cold_walk *walk, uint64_t position, int64_t next_offset)
{
    assert(next_offset <= walk->offset);
    assert(walk->done_bytes == 0);
    assert(position % FRAME_ALIGNMENT == 0);
    if (position <= walk->position)
        return;
    walk->position = position;
    walk->known_end = next_offset;
    walk->expected_base = -1;
}

static bool run_has_offset(const struct cold_walk *walk)
{
    assert(walk->run_bytes == 0 || walk->run_base < walk->run_next);
    return walk->run_bytes > 0 && walk->run_base <= walk->offset && walk->offset < walk->run_next;
}

/* Behind the offset, so that no frame that follows can hold it. */
static bool run_is_beyond(const struct cold_walk *walk)
{
    return walk->run_bytes > 0 && walk->run_base > walk->offset;
}

static void begin_run(struct cold_walk *walk)
{
    assert(walk->run_at + walk->run_bytes <= walk->done_bytes);
    walk->run_at = walk->done_bytes;
    walk->run_bytes = 0;
}

/* A frame whose header is not believed may name any size: none reaches beyond the next entry. */
static bool fits(const struct cold_walk *walk, const struct frame_header *header, uint64_t size)
{
    uint64_t position = walk->position + walk->done_bytes;
    assert(position < walk->end_position);
    return header->base_offset >= walk->known_end && header->last_offset < walk->end_offset &&
           size <= CHUNK_SIZE_MAX &&
           position + size <= frame_index_bound(walk->index, position, walk->end_position);
}

static void take_frame(struct cold_walk *walk, const struct frame_header *header, uint64_t size)
{
    assert(header->base_offset >= walk->known_end);
    assert(header->last_offset < walk->end_offset);
    assert(size % FRAME_ALIGNMENT == 0);
    assert(!walk->is_in_damage);
    if (walk->run_bytes == 0) {
        walk->run_base = header->base_offset;
        walk->run_count = 0;
    }
    walk->run_bytes += size;
    walk->run_count++;
    walk->run_next = header->last_offset + 1;
    walk->known_end = walk->run_next;
    walk->expected_base = -1;
    walk->done_bytes += size;
    /* The run is one piece, up to what has been looked at. */
    assert(walk->run_at + walk->run_bytes == walk->done_bytes);
}

static void take_damage(struct cold_walk *walk)
{
    if (!walk->is_in_damage) {
        walk->is_in_damage = true;
        walk->damage.from = walk->known_end;
        walk->damage_position = walk->position + walk->done_bytes;
    }
    assert(walk->damage.from == walk->known_end);
    walk->done_bytes += FRAME_ALIGNMENT;
    begin_run(walk);
}

/* Good data follows, or the end. An empty range is a gap that something lay in: nothing is lost. */
static bool ends_damage(struct cold_walk *walk, int64_t to)
{
    bool was_in_damage = walk->is_in_damage;
    assert(!was_in_damage || walk->damage.from == walk->known_end);
    assert(to >= walk->known_end);
    walk->is_in_damage = false;
    walk->damage.to = to;
    return was_in_damage && walk->damage.from < to;
}

static enum cold_verdict at_end(struct cold_walk *walk)
{
    begin_run(walk);
    if (ends_damage(walk, walk->end_offset) && walk->damage.from <= walk->offset)
        return WALK_DAMAGED;
    return WALK_GAP;
}

static enum cold_verdict ask_more(struct cold_walk *walk, uint64_t needed_bytes)
{
    /* Or it would ask for the same again, for ever. */
    assert(walk->done_bytes > 0 || needed_bytes > walk->needed_bytes);
    assert(walk->position + walk->done_bytes < walk->end_position);
    walk->position += walk->done_bytes;
    walk->needed_bytes = needed_bytes;
    begin_run(walk);
    walk->done_bytes = 0;
    walk->run_at = 0;
    return WALK_MORE;
}

/* The reading is over. */
static enum cold_verdict conclude(struct cold_walk *walk, bool is_last)
{
    assert(walk->run_at + walk->run_bytes <= walk->done_bytes);
    if (run_has_offset(walk))
        return WALK_FOUND;
    if (run_is_beyond(walk))
        return WALK_GAP;
    bool is_cut_off = is_last && walk->position + walk->done_bytes < walk->end_position;
    if (is_cut_off && !walk->trusts_index)
        return WALK_DOUBTFUL;
    if (is_cut_off)
        take_damage(walk);
    if (is_cut_off || walk->position + walk->done_bytes >= walk->end_position)
        return at_end(walk);
    return ask_more(walk, 0);
}

static bool is_satisfied(const struct cold_walk *walk)
{
    return run_has_offset(walk) || run_is_beyond(walk);
}

/* What comes of one frame, or of one block that is none. */
enum step { STEP_ON, STEP_STOP, STEP_ANSWER };

static enum step take_good(struct cold_walk *walk, const struct frame_header *header, uint64_t size,
                           enum cold_verdict *answer)
{
    if (ends_damage(walk, header->base_offset)) {
        *answer = walk->offset < header->base_offset ? WALK_DAMAGED : WALK_PASSED;
        return STEP_ANSWER;
    }
    take_frame(walk, header, size);
    return STEP_ON;
}

static enum step take_next(struct cold_walk *walk, struct bytes rest, bool is_last,
                           enum cold_verdict *answer)
{
    struct frame_header header;
    uint64_t size;
    enum frame_verdict verdict =
        frame_verify(rest, &walk->place, walk->position + walk->done_bytes, &header, &size);
    bool may_be = (verdict == FRAME_GOOD || verdict == FRAME_SHORT) && fits(walk, &header, size);
    bool is_expected =
        walk->trusts_index || walk->expected_base < 0 || header.base_offset == walk->expected_base;
    if (may_be && is_expected && verdict == FRAME_GOOD)
        return take_good(walk, &header, size, answer);
    if (is_satisfied(walk))
        return STEP_STOP;
    if (may_be && is_expected && !is_last) {
        *answer = ask_more(walk, size);
        return STEP_ANSWER;
    }
    if (!walk->trusts_index) {
        *answer = WALK_DOUBTFUL;
        return STEP_ANSWER;
    }
    take_damage(walk);
    return STEP_ON;
}

enum cold_verdict cold_walk_take(struct cold_walk *walk, struct bytes reading, bool is_last)
{
    assert(reading.size % FRAME_ALIGNMENT == 0);
    assert(walk->position <= walk->end_position);
    enum step step = STEP_ON;
    while (step == STEP_ON && walk->done_bytes < reading.size &&
           walk->position + walk->done_bytes < walk->end_position) {
        enum cold_verdict answer;
        struct bytes rest =
            bytes_of(reading.data + walk->done_bytes, reading.size - walk->done_bytes);
        step = take_next(walk, rest, is_last, &answer);
        if (step == STEP_ANSWER)
            return answer;
    }
    return conclude(walk, is_last);
}
