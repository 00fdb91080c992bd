/* Regular expressions of a consumer group. There may be many topics and hard expressions, so they
 * are matched in slices: each turn visits a bounded number of the machine's instructions, and the
 * next goes on behind the last name, whatever has become of the topics meanwhile. There may be as
 * many expressions as members, so one at a time is matched, the first of the group's list; then it
 * goes behind the others. */
#include "base/assert.h"
#include "consumer-groups/consumer_group.h"
#include "consumer-groups/topic_pattern.h"

#include <stdlib.h>
#include <string.h>

enum {
    MATCHING_LIMIT_BYTES = 32 * 1024 * 1024,
    SLICE_STEPS = 200 * 1000,
    NAME_BYTES_MAX = 255,  /* of a topic */
    REFRESH_MS_MIN = 1000, /* topics come and go: not for each of them */
};

/* An expression that is being matched against all topics, in the order of their names. */
struct consumer_matching {
    struct arena arena; /* holds the program, and what was found */
    size_t noted_bytes; /* of it, as memory of groups */
    struct topic_pattern *program;
    struct found *found; /* newest first */
    uint32_t found_count;
    int64_t image_offset; /* of the image that it began with */
    uint8_t last[NAME_BYTES_MAX];
    size_t last_size; /* 0: not begun */
};

struct found {
    struct found *next;
    struct bytes name;
};

struct consumer_pattern *consumer_pattern_find(const struct consumer_group *group,
                                               struct bytes text)
{
    struct consumer_pattern *pattern;
    if (bytes_are_null(text) || text.size == 0)
        return NULL;
    list_for_each_entry (pattern, &group->patterns, node)
        if (bytes_equal(pattern->text, text))
            return pattern;
    return NULL;
}

/* --- Matching --------------------------------------------------------------------------------- */

static void matching_end(struct consumer_pattern *pattern, struct group_memory *memory)
{
    if (pattern->matching == NULL)
        return;
    group_memory_forget(memory, pattern->matching->noted_bytes);
    arena_deinit(&pattern->matching->arena);
    group_memory_free(memory, pattern->matching, sizeof *pattern->matching);
    pattern->matching = NULL;
}

/* A program is large beside a member. */
static bool note_program(struct consumer_matching *matching, struct group_memory *memory)
{
    assert(matching->noted_bytes == 0);
    if (!group_memory_note(memory, matching->arena.total_bytes))
        return false;
    matching->noted_bytes = matching->arena.total_bytes;
    return true;
}

/* False without memory. */
static bool matching_begin(struct consumer_pattern *pattern, struct group_turn *turn)
{
    assert(pattern->matching == NULL);
    assert(pattern->text.size > 0);
    struct topic_pattern_error error;
    struct consumer_matching *matching = group_memory_allocate(turn->memory, sizeof *matching);
    if (matching == NULL)
        return false;
    pattern->matching = matching;
    arena_init(&matching->arena, MATCHING_LIMIT_BYTES);
    matching->image_offset = image_offset(turn->image);
    if (topic_pattern_compile(pattern->text, &matching->arena, &matching->program, &error) ==
            STATUS_OK &&
        note_program(matching, turn->memory))
        return true;
    matching_end(pattern, turn->memory);
    return false;
}

static bool keep(struct consumer_matching *matching, struct bytes name)
{
    struct found *found = arena_allocate(&matching->arena, sizeof *found + name.size);
    if (found == NULL)
        return false;
    memcpy(found + 1, name.data, name.size);
    found->name = bytes_of(found + 1, name.size);
    found->next = matching->found;
    matching->found = found;
    matching->found_count++;
    return true;
}

static uint32_t index_of_next(const struct consumer_matching *matching, const struct image *image)
{
    struct bytes last = bytes_of(matching->last, matching->last_size);
    uint32_t index = image_topic_lower_bound(image, last);
    bool is_there =
        index < image_topic_count(image) && bytes_equal(image_topic_at(image, index)->name, last);
    return index + (is_there ? 1 : 0);
}

/* True when all topics have been looked at. Internal topics are in no expression, as in Kafka. */
static bool matching_slice(struct consumer_matching *matching, struct group_turn *turn,
                           uint64_t *steps)
{
    assert(matching->program != NULL);
    uint32_t count = image_topic_count(turn->image);
    for (uint32_t i = index_of_next(matching, turn->image); i < count; i++) {
        const struct image_topic *topic = image_topic_at(turn->image, i);
        if (*steps > SLICE_STEPS)
            return false;
        if (!topic->is_internal && topic_pattern_matches(matching->program, topic->name) &&
            !keep(matching, topic->name))
            group_turn_fail(turn);
        *steps += topic_pattern_steps(matching->program) + 1;
        assert(topic->name.size <= NAME_BYTES_MAX);
        memcpy(matching->last, topic->name.data, topic->name.size);
        matching->last_size = topic->name.size;
    }
    return true;
}

/* True if the expression stands for other topics than before. */
static bool take_result(struct consumer_pattern *pattern, struct group_turn *turn)
{
    struct consumer_matching *matching = pattern->matching;
    struct bytes *names =
        arena_allocate_array(&matching->arena, matching->found_count, sizeof *names);
    if (names == NULL) {
        group_turn_fail(turn);
        return false;
    }
    uint32_t count = 0;
    for (const struct found *found = matching->found; found != NULL; found = found->next)
        names[count++] = found->name;
    assert(count == matching->found_count);
    bool is_first = pattern->image_offset < 0;
    bool has_changed = !name_list_is(&pattern->topics, &matching->arena, names, count);
    if (has_changed) {
        name_list_destroy(&pattern->topics, turn->memory);
        if (!name_list_copy(&pattern->topics, turn->memory, names, count))
            group_turn_fail(turn);
    }
    pattern->image_offset = matching->image_offset;
    pattern->resolved_ms = turn->now_ms;
    return has_changed || is_first;
}

static int64_t refresh_due_ms(const struct consumer_pattern *pattern, const struct group_turn *turn)
{
    if (pattern->matching != NULL)
        return turn->now_ms;
    if (pattern->image_offset < 0)
        return pattern->resolved_ms;
    bool is_stale = pattern->image_offset != image_offset(turn->image);
    return pattern->resolved_ms +
           (is_stale ? REFRESH_MS_MIN : turn->settings->consumer_regex_refresh_interval_ms);
}

/* Until others have given back some memory. */
static void postpone(struct consumer_pattern *pattern, const struct group_turn *turn)
{
    assert(pattern->matching == NULL);
    pattern->resolved_ms = turn->now_ms + (pattern->image_offset < 0 ? REFRESH_MS_MIN : 0);
}

static struct consumer_pattern *first_pattern(const struct consumer_group *group)
{
    return container_of(list_first(&group->patterns), struct consumer_pattern, node);
}

static bool is_its_turn(const struct consumer_group *group, const struct consumer_pattern *pattern,
                        const struct group_turn *turn)
{
    const struct consumer_pattern *first = first_pattern(group);
    return turn->now_ms >= refresh_due_ms(pattern, turn) &&
           (first == pattern || first->matching == NULL);
}

/* Begins, or goes on. True if the expression stands for other topics than before. */
static bool match(struct consumer_group *group, struct consumer_pattern *pattern,
                  struct group_turn *turn, uint64_t *steps)
{
    bool has_changed = false;
    list_remove(&pattern->node);
    if (pattern->matching == NULL && !matching_begin(pattern, turn)) {
        postpone(pattern, turn);
        list_push_back(&group->patterns, &pattern->node);
    } else if (matching_slice(pattern->matching, turn, steps)) {
        has_changed = take_result(pattern, turn);
        matching_end(pattern, turn->memory);
        list_push_back(&group->patterns, &pattern->node);
    } else {
        list_push_front(&group->patterns, &pattern->node);
    }
    return has_changed;
}

static bool pattern_advance(struct consumer_group *group, struct consumer_pattern *pattern,
                            struct group_turn *turn, uint64_t *steps)
{
    bool has_changed = *steps <= SLICE_STEPS && is_its_turn(group, pattern, turn) &&
                       match(group, pattern, turn, steps);
    if (has_changed)
        consumer_put_pattern(group, turn, pattern);
    int64_t due_ms = refresh_due_ms(pattern, turn);
    if (group->deadline_ms > due_ms)
        group->deadline_ms = due_ms;
    return has_changed;
}

bool consumer_patterns_advance(struct consumer_group *group, struct group_turn *turn)
{
    bool has_changed = false;
    uint64_t steps = 0;
    struct consumer_pattern *pattern, *following;
    list_for_each_entry_safe (pattern, following, &group->patterns, node)
        has_changed |= pattern_advance(group, pattern, turn, &steps);
    return has_changed;
}

/* --- Which there are -------------------------------------------------------------------------- */

bool consumer_pattern_makes_sense(struct bytes text)
{
    struct arena arena;
    struct topic_pattern *program;
    struct topic_pattern_error error;
    arena_init(&arena, MATCHING_LIMIT_BYTES);
    enum status status = topic_pattern_compile(text, &arena, &program, &error);
    arena_deinit(&arena);
    return status == STATUS_OK;
}

struct consumer_pattern *consumer_pattern_create(struct consumer_group *group,
                                                 struct group_memory *memory, struct bytes text)
{
    assert(text.size > 0);
    assert(consumer_pattern_find(group, text) == NULL);
    struct consumer_pattern *pattern = group_memory_allocate(memory, sizeof *pattern);
    if (pattern == NULL)
        return NULL;
    if (!group_memory_copy(memory, &pattern->text, text)) {
        group_memory_free(memory, pattern, sizeof *pattern);
        return NULL;
    }
    pattern->image_offset = -1;
    list_node_init(&pattern->node);
    list_push_back(&group->patterns, &pattern->node);
    return pattern;
}

void consumer_pattern_destroy(struct consumer_pattern *pattern, struct group_memory *memory)
{
    matching_end(pattern, memory);
    name_list_destroy(&pattern->topics, memory);
    group_memory_free_copy(memory, &pattern->text);
    list_remove(&pattern->node);
    group_memory_free(memory, pattern, sizeof *pattern);
}

bool consumer_pattern_want(struct consumer_group *group, struct group_turn *turn, struct bytes text)
{
    if (bytes_are_null(text) || text.size == 0 || consumer_pattern_find(group, text) != NULL)
        return true;
    struct consumer_pattern *pattern = consumer_pattern_create(group, turn->memory, text);
    if (pattern == NULL)
        return false;
    uint64_t steps = 0;
    pattern_advance(group, pattern, turn, &steps);
    return true;
}

static int compare_texts(const void *left, const void *right)
{
    const struct consumer_pattern *a = *(struct consumer_pattern *const *)left;
    const struct consumer_pattern *b = *(struct consumer_pattern *const *)right;
    return bytes_compare(a->text, b->text);
}

static int compare_text(const void *text, const void *pattern)
{
    return bytes_compare(*(const struct bytes *)text,
                         (*(struct consumer_pattern *const *)pattern)->text);
}

/* Members and expressions may both be many. */
static void mark_wanted(struct consumer_group *group, struct consumer_pattern **sorted,
                        uint32_t count)
{
    uint32_t place = 0;
    struct consumer_pattern *pattern;
    list_for_each_entry (pattern, &group->patterns, node) {
        pattern->is_wanted = false;
        sorted[place++] = pattern;
    }
    assert(place == count);
    qsort(sorted, count, sizeof(*sorted), compare_texts);
    const struct consumer_member *member;
    list_for_each_entry (member, &group->order, order_node) {
        struct consumer_pattern **found =
            bsearch(&member->pattern, sorted, count, sizeof(*sorted), compare_text);
        if (found != NULL)
            (*found)->is_wanted = true;
    }
}

static uint32_t pattern_count(const struct consumer_group *group)
{
    uint32_t count = 0;
    const struct consumer_pattern *pattern;
    list_for_each_entry (pattern, &group->patterns, node)
        count++;
    return count;
}

/* Without memory they stay until the next time. */
void consumer_patterns_sweep(struct consumer_group *group, struct group_turn *turn)
{
    uint32_t count = pattern_count(group);
    size_t size = count * sizeof(struct consumer_pattern *);
    struct consumer_pattern **sorted =
        count == 0 ? NULL : group_memory_allocate(turn->memory, size);
    if (sorted == NULL)
        return;
    mark_wanted(group, sorted, count);
    group_memory_free(turn->memory, sorted, size);
    struct consumer_pattern *pattern, *following;
    list_for_each_entry_safe (pattern, following, &group->patterns, node) {
        if (pattern->is_wanted)
            continue;
        consumer_put_pattern_tombstone(group, turn, pattern->text);
        consumer_pattern_destroy(pattern, turn->memory);
    }
}
