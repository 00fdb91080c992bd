/* What all members can do is counted as they come and go: a choice knows how many support it, so
 * whether a newcomer fits is a look-up for each of its protocols, however many members there are.
 */
#include "consumer-groups/classic_protocols.h"

#include "base/assert.h"
#include "base/list.h"

/* --- Offers ----------------------------------------------------------------------------------- */

static bool is_repeated(const struct join_group_request_protocol *protocols, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (bytes_equal(protocols[i].name, protocols[index].name))
            return true;
    }
    return false;
}

static struct bytes move_in(uint8_t **room, struct bytes from)
{
    struct bytes copy = bytes_of(*room, from.size);
    if (from.size > 0)
        memcpy(*room, from.data, from.size);
    *room += from.size;
    return copy;
}

struct classic_offer *classic_offer_copy(struct group_memory *memory,
                                         const struct join_group_request_protocol *protocols,
                                         uint32_t count)
{
    assert(count <= CLASSIC_PROTOCOLS_MAX);
    assert(protocols != NULL || count == 0);
    size_t size_bytes = sizeof(struct classic_offer) + count * sizeof protocols[0];
    for (uint32_t i = 0; i < count; i++)
        size_bytes += protocols[i].name.size + protocols[i].metadata.size;
    struct classic_offer *offer = group_memory_allocate(memory, size_bytes);
    if (offer == NULL)
        return NULL;

    uint8_t *room = (uint8_t *)(offer->protocols + count);
    offer->size_bytes = size_bytes;
    for (uint32_t i = 0; i < count; i++) {
        if (is_repeated(protocols, i))
            continue;
        offer->protocols[offer->count++] = (struct join_group_request_protocol){
            .name = move_in(&room, protocols[i].name),
            .metadata = move_in(&room, protocols[i].metadata),
        };
    }
    assert(room <= (uint8_t *)offer + size_bytes);
    assert(offer->count <= count);
    return offer;
}

void classic_offer_free(struct group_memory *memory, struct classic_offer *offer)
{
    if (offer != NULL)
        group_memory_free(memory, offer, offer->size_bytes);
}

bool classic_offer_matches(const struct classic_offer *offer,
                           const struct join_group_request_protocol *protocols, uint32_t count)
{
    uint32_t matched = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (is_repeated(protocols, i))
            continue;
        if (matched == offer->count ||
            !bytes_equal(offer->protocols[matched].name, protocols[i].name) ||
            !bytes_equal(offer->protocols[matched].metadata, protocols[i].metadata))
            return false;
        matched++;
    }
    return matched == offer->count;
}

struct bytes classic_offer_metadata(const struct classic_offer *offer, struct bytes name)
{
    for (uint32_t i = 0; i < offer->count; i++) {
        if (bytes_equal(offer->protocols[i].name, name))
            return offer->protocols[i].metadata;
    }
    return (struct bytes){NULL, 0};
}

/* --- Votes ------------------------------------------------------------------------------------ */

static bool choice_has_name(const struct map_node *node, const void *name)
{
    return bytes_equal(container_of(node, const struct classic_choice, node)->name,
                       *(const struct bytes *)name);
}

void classic_votes_init(struct classic_votes *votes, struct hash_seed seed)
{
    map_init(&votes->choices, choice_has_name);
    votes->seed = seed;
    votes->chosen = NULL;
}

void classic_votes_deinit(struct classic_votes *votes)
{
    assert(votes->choices.count == 0);
    assert(votes->chosen == NULL);
    map_deinit(&votes->choices);
}

struct classic_choice *classic_votes_find(const struct classic_votes *votes, struct bytes name)
{
    struct map_node *node = map_find(&votes->choices, hash_bytes(votes->seed, name), &name);
    return node == NULL ? NULL : container_of(node, struct classic_choice, node);
}

static struct classic_choice *find_or_create(struct classic_votes *votes,
                                             struct group_memory *memory, struct bytes name)
{
    struct classic_choice *choice = classic_votes_find(votes, name);
    if (choice != NULL)
        return choice;
    choice = group_memory_allocate(memory, sizeof *choice + name.size);
    if (choice == NULL)
        return NULL;
    uint8_t *room = (uint8_t *)(choice + 1);
    choice->name = move_in(&room, name);
    map_insert(&votes->choices, &choice->node, hash_bytes(votes->seed, name));
    return choice;
}

static void drop_if_unused(struct classic_votes *votes, struct group_memory *memory,
                           struct classic_choice *choice)
{
    assert(votes->choices.count > 0);
    if (choice->supporters > 0 || choice == votes->chosen)
        return;
    map_remove(&votes->choices, &choice->node);
    group_memory_free(memory, choice, sizeof *choice + choice->name.size);
}

static void take_back(struct classic_votes *votes, struct group_memory *memory,
                      const struct classic_offer *offer, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct classic_choice *choice = classic_votes_find(votes, offer->protocols[i].name);
        assert(choice != NULL);
        assert(choice->supporters > 0);
        choice->supporters--;
        drop_if_unused(votes, memory, choice);
    }
}

bool classic_votes_add(struct classic_votes *votes, struct group_memory *memory,
                       const struct classic_offer *offer)
{
    for (uint32_t i = 0; i < offer->count; i++) {
        struct classic_choice *choice = find_or_create(votes, memory, offer->protocols[i].name);
        if (choice == NULL) {
            take_back(votes, memory, offer, i);
            return false;
        }
        choice->supporters++;
    }
    return true;
}

void classic_votes_remove(struct classic_votes *votes, struct group_memory *memory,
                          const struct classic_offer *offer)
{
    take_back(votes, memory, offer, offer->count);
}

bool classic_votes_agree(const struct classic_votes *votes,
                         const struct join_group_request_protocol *protocols, uint32_t count,
                         uint32_t offer_count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct classic_choice *choice = classic_votes_find(votes, protocols[i].name);
        assert(choice == NULL || choice->supporters <= offer_count);
        if ((choice == NULL ? 0 : choice->supporters) == offer_count)
            return true;
    }
    return false;
}

void classic_votes_clear(struct classic_votes *votes, const struct classic_offer *first)
{
    for (uint32_t i = 0; i < first->count; i++)
        classic_votes_find(votes, first->protocols[i].name)->votes = 0;
}

void classic_votes_cast(struct classic_votes *votes, const struct classic_offer *offer,
                        uint32_t offer_count)
{
    for (uint32_t i = 0; i < offer->count; i++) {
        struct classic_choice *choice = classic_votes_find(votes, offer->protocols[i].name);
        assert(choice != NULL);
        assert(choice->supporters <= offer_count);
        if (choice->supporters == offer_count) {
            choice->votes++;
            return;
        }
    }
}

struct classic_choice *classic_votes_winner(const struct classic_votes *votes,
                                            const struct classic_offer *first)
{
    struct classic_choice *winner = NULL;
    for (uint32_t i = 0; i < first->count; i++) {
        struct classic_choice *choice = classic_votes_find(votes, first->protocols[i].name);
        assert(choice != NULL);
        assert(choice->votes <= choice->supporters);
        if (choice->votes > (winner == NULL ? 0 : winner->votes))
            winner = choice;
    }
    return winner;
}

void classic_votes_choose(struct classic_votes *votes, struct group_memory *memory,
                          struct classic_choice *choice)
{
    assert(choice == NULL || classic_votes_find(votes, choice->name) == choice);
    struct classic_choice *former = votes->chosen;
    votes->chosen = choice;
    if (former != NULL)
        drop_if_unused(votes, memory, former);
    assert(choice == NULL || votes->choices.count > 0);
}
