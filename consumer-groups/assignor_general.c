/* Members want different topics. Topic by topic, the partitions are handed out like water that is
 * poured over members standing at different heights (what each owns of other topics): it finds the
 * most even level. First only what nobody owns is handed out, from the topic with the fewest
 * subscribers on. Then every topic is poured anew, as long as that makes the loads more even: the
 * sum of their squares falls with every change, so it comes to an end; the rounds are bounded
 * besides.
 *
 * If two members who share a topic differ by two or more, and the richer owns some of it, pouring
 * that topic helps: so what remains cannot be bettered by moving one partition. */
#include "base/assert.h"
#include "consumer-groups/assignor_work.h"

#include <stdlib.h>

enum { ROUNDS_MAX = 16 };

/* A subscriber of the topic that is being poured. */
struct vessel {
    uint32_t member;
    uint32_t other; /* partitions that it owns of other topics */
    uint32_t had;   /* of this topic, before */
    uint32_t gets;  /* of this topic, after */
};

struct general {
    struct assignor_work *work;
    struct vessel *all;    /* of all topics, topic after topic */
    uint32_t *first;       /* of each topic, and one more: its first vessel */
    uint32_t *topic_order; /* by number of subscribers */
    uint32_t *vessel_of;   /* of each member, while a topic is poured */
    struct vessel **heap;
    uint32_t *open; /* vessels that get more than they have, while a topic is handed out */
};

/* --- The lowest vessel ------------------------------------------------------------------------ */

/* Among equally high ones he who only gets back what he had, so that it need not move. */
static bool is_lower(const struct vessel *a, const struct vessel *b)
{
    uint32_t a_height = a->other + a->gets;
    uint32_t b_height = b->other + b->gets;
    if (a_height != b_height)
        return a_height < b_height;
    bool a_had = a->gets < a->had;
    bool b_had = b->gets < b->had;
    return a_had != b_had ? a_had : a < b; /* they stand in the order of the members */
}

static void heap_sink(struct vessel **heap, uint32_t count, uint32_t at)
{
    assert(at < count);
    for (;;) {
        uint32_t lowest = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (is_lower(heap[child], heap[lowest]))
                lowest = child;
        if (lowest == at)
            return;
        struct vessel *sinking = heap[at];
        heap[at] = heap[lowest];
        heap[lowest] = sinking;
        at = lowest;
    }
}

static void pour(struct general *general, struct vessel *vessels, uint32_t count, uint32_t amount)
{
    struct vessel **heap = general->heap;
    for (uint32_t i = 0; i < count; i++)
        heap[i] = &vessels[i];
    for (uint32_t i = count / 2; i-- > 0;)
        heap_sink(heap, count, i);
    for (; amount > 0; amount--) {
        heap[0]->gets++;
        heap_sink(heap, count, 0);
    }
}

/* --- One topic -------------------------------------------------------------------------------- */

static uint32_t topic_size(const struct general *general, uint32_t topic)
{
    return general->work->input->topics[topic].partition_count;
}

/* How many of the topic's partitions nobody owns. */
static uint32_t vessels_measure(struct general *general, uint32_t topic)
{
    struct assignor_work *work = general->work;
    struct vessel *vessels = general->all + general->first[topic];
    uint32_t count = general->first[topic + 1] - general->first[topic];
    for (uint32_t i = 0; i < count; i++) {
        vessels[i].had = 0;
        vessels[i].gets = 0;
        general->vessel_of[vessels[i].member] = i;
    }
    uint32_t free_count = 0;
    for (uint32_t p = 0; p < topic_size(general, topic); p++) {
        uint32_t owner = work->owner[work->topic_first[topic] + p];
        if (owner == ASSIGNOR_NOBODY) {
            free_count++;
            continue;
        }
        assert(general->vessel_of[owner] < count); /* Whoever owns some of it is subscribed. */
        assert(vessels[general->vessel_of[owner]].member == owner);
        vessels[general->vessel_of[owner]].had++;
    }
    for (uint32_t i = 0; i < count; i++) {
        assert(work->load[vessels[i].member] >= vessels[i].had);
        vessels[i].other = work->load[vessels[i].member] - vessels[i].had;
    }
    return free_count;
}

static bool is_in_rack(const struct assignor_work *work, uint32_t topic, uint32_t partition,
                       uint32_t member)
{
    const struct assignor_topic *t = &work->input->topics[topic];
    struct bytes rack = work->input->members[member].rack;
    for (uint32_t i = 0; i < t->racks_per_partition && t->racks != NULL; i++)
        if (!bytes_are_null(rack) &&
            bytes_equal(t->racks[(size_t)partition * t->racks_per_partition + i], rack))
            return true;
    return false;
}

/* Whoever owns more of the topic than he gets gives up the last of it. */
static void give_up(struct general *general, uint32_t topic, struct vessel *vessels)
{
    struct assignor_work *work = general->work;
    for (uint32_t p = topic_size(general, topic); p-- > 0;) {
        uint32_t *owner = &work->owner[work->topic_first[topic] + p];
        if (*owner == ASSIGNOR_NOBODY)
            continue;
        struct vessel *vessel = &vessels[general->vessel_of[*owner]];
        if (vessel->had <= vessel->gets)
            continue;
        assert(vessel->member == *owner);
        assert(work->load[*owner] > 0);
        vessel->had--;
        work->load[*owner]--;
        *owner = ASSIGNOR_NOBODY;
    }
}

/* Takes the next open vessel behind the cursor that fits; count, when none does. */
static uint32_t open_find(const struct general *general, uint32_t topic, uint32_t partition,
                          const struct vessel *vessels, uint32_t count, uint32_t cursor,
                          bool in_rack)
{
    assert(cursor < count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (cursor + i) % count;
        uint32_t member = vessels[general->open[at]].member;
        if (!in_rack || is_in_rack(general->work, topic, partition, member))
            return at;
    }
    return count;
}

/* The free partitions go to those who get more than they have: `in_rack` only where the rack fits.
 * The cursor goes round, so that a topic's partitions spread. */
static void hand_out(struct general *general, uint32_t topic, struct vessel *vessels,
                     uint32_t vessel_count, bool in_rack)
{
    struct assignor_work *work = general->work;
    uint32_t open_count = 0;
    for (uint32_t i = 0; i < vessel_count; i++)
        if (vessels[i].had < vessels[i].gets)
            general->open[open_count++] = i;
    uint32_t cursor = 0;
    for (uint32_t p = 0; p < topic_size(general, topic) && open_count > 0; p++) {
        uint32_t *owner = &work->owner[work->topic_first[topic] + p];
        if (*owner != ASSIGNOR_NOBODY)
            continue;
        uint32_t at = open_find(general, topic, p, vessels, open_count, cursor, in_rack);
        if (at == open_count)
            continue;
        struct vessel *vessel = &vessels[general->open[at]];
        *owner = vessel->member;
        work->load[vessel->member]++;
        cursor = at + 1;
        if (++vessel->had == vessel->gets) {
            general->open[at] = general->open[--open_count];
            cursor = at;
        }
        if (cursor >= open_count)
            cursor = 0;
    }
    assert(in_rack || open_count == 0); /* As much is free as they are to get. */
}

static void move(struct general *general, uint32_t topic)
{
    struct vessel *vessels = general->all + general->first[topic];
    uint32_t count = general->first[topic + 1] - general->first[topic];
    give_up(general, topic, vessels);
    if (general->work->input->topics[topic].racks != NULL)
        hand_out(general, topic, vessels, count, true);
    hand_out(general, topic, vessels, count, false);
}

/* What nobody owns goes to the least loaded; nobody gives anything up. */
static void top_up(struct general *general, uint32_t topic)
{
    struct vessel *vessels = general->all + general->first[topic];
    uint32_t count = general->first[topic + 1] - general->first[topic];
    uint32_t free_count = vessels_measure(general, topic);
    if (count == 0 || free_count == 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        vessels[i].gets = vessels[i].had;
    pour(general, vessels, count, free_count);
    move(general, topic);
}

static uint64_t square(uint64_t number)
{
    return number * number;
}

/* Pours the whole topic anew, if the loads become more even by it. */
static bool level(struct general *general, uint32_t topic)
{
    struct vessel *vessels = general->all + general->first[topic];
    uint32_t count = general->first[topic + 1] - general->first[topic];
    if (count == 0)
        return false;
    uint32_t free_count = vessels_measure(general, topic);
    assert(free_count == 0);
    pour(general, vessels, count, topic_size(general, topic));
    uint64_t before = 0;
    uint64_t after = 0;
    for (uint32_t i = 0; i < count; i++) {
        before += square(vessels[i].other + vessels[i].had);
        after += square(vessels[i].other + vessels[i].gets);
    }
    assert(after <= before);
    if (after == before)
        return false;
    move(general, topic);
    return true;
}

/* --- All topics ------------------------------------------------------------------------------- */

static enum status vessels_fill(struct general *general)
{
    struct assignor_work *work = general->work;
    struct assignor_subscribers subscribers;
    enum status status = assignor_work_subscribers(work, &subscribers);
    if (status != STATUS_OK)
        return status;
    uint32_t count = subscribers.first[work->input->topic_count];
    general->first = subscribers.first;
    general->all = arena_allocate_array(work->arena, count, sizeof *general->all);
    if (general->all == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        general->all[i].member = subscribers.members[i];
    return STATUS_OK;
}

struct topic_rank {
    uint32_t subscriber_count;
    uint32_t topic;
};

static int compare_topics(const void *left, const void *right)
{
    const struct topic_rank *a = left;
    const struct topic_rank *b = right;
    if (a->subscriber_count != b->subscriber_count)
        return a->subscriber_count < b->subscriber_count ? -1 : 1;
    return (a->topic > b->topic) - (a->topic < b->topic);
}

static enum status topics_sort(struct general *general)
{
    struct assignor_work *work = general->work;
    uint32_t count = work->input->topic_count;
    struct topic_rank *ranks = arena_allocate_array(work->arena, count, sizeof *ranks);
    general->topic_order = arena_allocate_array(work->arena, count, sizeof(uint32_t));
    if (ranks == NULL || general->topic_order == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t t = 0; t < count; t++)
        ranks[t] = (struct topic_rank){general->first[t + 1] - general->first[t], t};
    if (count > 0)
        qsort(ranks, count, sizeof *ranks, compare_topics);
    for (uint32_t t = 0; t < count; t++)
        general->topic_order[t] = ranks[t].topic;
    return STATUS_OK;
}

enum status assignor_general_run(struct assignor_work *work)
{
    struct general general = {.work = work};
    uint32_t member_count = work->input->member_count;
    assert(member_count > 0);
    general.vessel_of = arena_allocate_array(work->arena, member_count, sizeof(uint32_t));
    general.heap = arena_allocate_array(work->arena, member_count, sizeof(struct vessel *));
    general.open = arena_allocate_array(work->arena, member_count, sizeof(uint32_t));
    if (general.vessel_of == NULL || general.heap == NULL || general.open == NULL)
        return STATUS_NO_MEMORY;
    enum status status = vessels_fill(&general);
    if (status == STATUS_OK)
        status = topics_sort(&general);
    if (status != STATUS_OK)
        return status;
    uint32_t topic_count = work->input->topic_count;
    for (uint32_t i = 0; i < topic_count; i++)
        top_up(&general, general.topic_order[i]);
    bool has_changed = true;
    for (uint32_t round = 0; round < ROUNDS_MAX && has_changed; round++) {
        has_changed = false;
        for (uint32_t i = 0; i < topic_count; i++)
            has_changed |= level(&general, general.topic_order[i]);
    }
    return STATUS_OK;
}
