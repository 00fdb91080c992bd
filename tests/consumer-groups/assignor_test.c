/* The assignors: tables of small cases, and what must hold in large random ones. */
#include "base/prng.h"
#include "consumer-groups/assignor.h"
#include "tests/consumer-groups/check.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_LIMIT = 1024 * 1024 * 1024, MEMBERS_MAX = 40, TOPICS_MAX = 20, NAME_MAX = 16 };

/* A group that can be assigned again and again. */
struct world {
    struct arena arena;
    struct assignor_topic topics[TOPICS_MAX];
    struct assignor_member members[MEMBERS_MAX];
    struct assignor_input input;
    char names[MEMBERS_MAX][NAME_MAX];
    uint32_t subscriptions[MEMBERS_MAX][TOPICS_MAX];
};

static void world_init(struct world *world)
{
    memset(world, 0, sizeof *world);
    arena_init(&world->arena, ARENA_LIMIT);
    world->input.topics = world->topics;
    world->input.members = world->members;
}

static void add_topic(struct world *world, uint32_t partition_count)
{
    world->topics[world->input.topic_count++].partition_count = partition_count;
}

/* `topics`: a bit for each. */
static struct assignor_member *add_member(struct world *world, uint32_t topics)
{
    uint32_t m = world->input.member_count++;
    struct assignor_member *member = &world->members[m];
    snprintf(world->names[m], NAME_MAX, "m%02u", m);
    *member = (struct assignor_member){
        .id = bytes_of_text(world->names[m]),
        .topics = world->subscriptions[m],
    };
    for (uint32_t t = 0; t < world->input.topic_count; t++)
        if ((topics >> t & 1) != 0)
            world->subscriptions[m][member->topic_count++] = t;
    return member;
}

static void assign(struct world *world, const struct assignor *assignor)
{
    assert_int_equal(assignor->assign(&world->arena, &world->input), STATUS_OK);
}

/* What was assigned is owned from now on. */
static void accept(struct world *world)
{
    for (uint32_t m = 0; m < world->input.member_count; m++) {
        world->members[m].owned = world->members[m].assigned;
        world->members[m].owned_count = world->members[m].assigned_count;
    }
}

/* "m00: 0.0 0.1 | m01: 1.0" */
static const char *drawn(const struct world *world)
{
    static char text[4096];
    size_t size = 0;
    for (uint32_t m = 0; m < world->input.member_count; m++) {
        const struct assignor_member *member = &world->members[m];
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%.*s:", m > 0 ? " | " : "",
                                 (int)member->id.size, (const char *)member->id.data);
        for (uint32_t i = 0; i < member->assigned_count; i++)
            size += (size_t)snprintf(text + size, sizeof text - size, " %u.%u",
                                     member->assigned[i].topic, member->assigned[i].partition);
    }
    return text;
}

/* Runs, the first members get one more, and equal topics come to the same members. */
static void range_in_runs(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    add_topic(&world, 5);
    add_topic(&world, 5);
    add_topic(&world, 1);
    add_member(&world, 7);
    add_member(&world, 7);
    add_member(&world, 3);
    assign(&world, &assignor_range);
    assert_string_equal(drawn(&world),
                        "m00: 0.0 0.1 1.0 1.1 2.0 | m01: 0.2 0.3 1.2 1.3 | m02: 0.4 1.4");
    arena_deinit(&world.arena);
}

/* Static members come first, in the order of their instance ids, whatever their member ids. */
static void range_static_first(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    add_topic(&world, 3);
    add_member(&world, 1);
    add_member(&world, 1)->instance_id = bytes_of_text("z");
    add_member(&world, 1)->instance_id = bytes_of_text("a");
    assign(&world, &assignor_range);
    assert_string_equal(drawn(&world), "m00: 0.2 | m01: 0.1 | m02: 0.0");
    arena_deinit(&world.arena);
}

/* A new member takes from those who have most, and everything else stays. */
static void uniform_newcomer(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    add_topic(&world, 4);
    add_topic(&world, 3);
    add_member(&world, 3);
    add_member(&world, 3);
    assign(&world, &assignor_uniform);
    assert_string_equal(drawn(&world), "m00: 0.0 0.2 1.0 1.2 | m01: 0.1 0.3 1.1");
    accept(&world);
    add_member(&world, 3);
    assign(&world, &assignor_uniform);
    assert_string_equal(drawn(&world), "m00: 0.0 0.2 1.0 | m01: 0.1 0.3 | m02: 1.1 1.2");
    arena_deinit(&world.arena);
}

/* Free partitions go to the rack of one of their replicas, but not at the cost of balance. */
static void uniform_racks(void **state)
{
    (void)state;
    static const char *const subscriptions[] = {"all the same", "different"};
    for (uint32_t is_different = 0; is_different < 2; is_different++) {
        struct world world;
        world_init(&world);
        add_topic(&world, 4);
        add_topic(&world, 1);
        struct bytes racks[4];
        for (uint32_t p = 0; p < 4; p++)
            racks[p] = bytes_of_text(p < 3 ? "east" : "west");
        world.topics[0].racks = racks;
        world.topics[0].racks_per_partition = 1;
        add_member(&world, 1)->rack = bytes_of_text("west");
        add_member(&world, 1)->rack = bytes_of_text("east");
        if (is_different)
            add_member(&world, 2);
        assign(&world, &assignor_uniform);
        const char *wanted =
            is_different ? "m00: 0.2 0.3 | m01: 0.0 0.1 | m02: 1.0" : "m00: 0.2 0.3 | m01: 0.0 0.1";
        if (strcmp(drawn(&world), wanted) != 0)
            fail_msg("%s: %s", subscriptions[is_different], drawn(&world));
        arena_deinit(&world.arena);
    }
}

/* What is gone, foreign or somebody else's is not kept. */
static void uniform_bad_claims(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    add_topic(&world, 2);
    add_topic(&world, 2);
    struct assignor_partition claims[] = {{0, 1}, {0, 9}, {1, 0}};
    for (uint32_t m = 0; m < 2; m++) {
        struct assignor_member *member = add_member(&world, 1);
        member->owned = claims;
        member->owned_count = 3;
    }
    assign(&world, &assignor_uniform);
    assert_string_equal(drawn(&world), "m00: 0.1 | m01: 0.0");
    arena_deinit(&world.arena);
}

/* Nobody, nothing to have, and nobody who wants what there is. */
static void nothing_to_do(void **state)
{
    (void)state;
    const struct assignor *const assignors[] = {&assignor_range, &assignor_uniform};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        world_init(&world);
        assign(&world, assignors[i]);
        add_topic(&world, 3);
        assign(&world, assignors[i]);
        add_member(&world, 0);
        assign(&world, assignors[i]);
        assert_string_equal(drawn(&world), "m00:");
        arena_deinit(&world.arena);
        arena_init(&world.arena, 1);
        assert_int_equal(assignors[i]->assign(&world.arena, &world.input), STATUS_NO_MEMORY);
        arena_deinit(&world.arena);
    }
    assert_ptr_equal(assignor_by_name(bytes_of_text("range")), &assignor_range);
    assert_ptr_equal(assignor_by_name(bytes_of_text("uniform")), &assignor_uniform);
    assert_null(assignor_by_name(bytes_of_text("Range")));
}

/* group.consumer.assignors in its own order, by name or by Kafka's class, each once. */
static void a_list_names_assignors(void **state)
{
    static const struct {
        const char *text;
        uint32_t count;
        const struct assignor *first;
    } rows[] = {
        {"uniform,range", 2, &assignor_uniform},
        {"range, uniform", 2, &assignor_range},
        {"range", 1, &assignor_range},
        {"org.apache.kafka.coordinator.group.assignor.RangeAssignor,range,uniform,uniform", 2,
         &assignor_range},
        {"none,uniform", 1, &assignor_uniform},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct assignor_list list;
        assignor_list_parse(&list, bytes_of_text(rows[i].text));
        assert_int_equal(list.count, rows[i].count);
        assert_ptr_equal(list.items[0], rows[i].first);
        assert_ptr_equal(assignor_list_find(&list, bytes_of_text(rows[i].first->name)),
                         rows[i].first);
    }
    struct assignor_list only;
    assignor_list_parse(&only, bytes_of_text("range"));
    assert_null(assignor_list_find(&only, bytes_of_text("uniform")));
}

/* --- Random groups ---------------------------------------------------------------------------- */

static bool wants(const struct assignor_member *member, uint32_t topic)
{
    for (uint32_t i = 0; i < member->topic_count; i++)
        if (member->topics[i] == topic)
            return true;
    return false;
}

/* Every partition that somebody wants has one owner, who wants it. */
static void check_complete(const struct world *world)
{
    for (uint32_t t = 0; t < world->input.topic_count; t++) {
        bool is_wanted = false;
        uint32_t owned_count = 0;
        for (uint32_t m = 0; m < world->input.member_count; m++) {
            const struct assignor_member *member = &world->members[m];
            is_wanted |= wants(member, t);
            int64_t former = -1;
            for (uint32_t i = 0; i < member->assigned_count; i++) {
                if (member->assigned[i].topic != t)
                    continue;
                assert_true(wants(member, t));
                assert_true((int64_t)member->assigned[i].partition > former);
                former = member->assigned[i].partition;
                owned_count++;
            }
        }
        assert_int_equal(owned_count, is_wanted ? world->topics[t].partition_count : 0);
    }
}

/* Nobody could give a partition to somebody who has fewer by two or more and wants it. */
static void check_balanced(const struct world *world)
{
    for (uint32_t rich = 0; rich < world->input.member_count; rich++) {
        const struct assignor_member *from = &world->members[rich];
        for (uint32_t i = 0; i < from->assigned_count; i++)
            for (uint32_t poor = 0; poor < world->input.member_count; poor++)
                if (wants(&world->members[poor], from->assigned[i].topic))
                    assert_true(from->assigned_count < world->members[poor].assigned_count + 2);
    }
}

static uint32_t moved_count(const struct world *world)
{
    uint32_t moved = 0;
    for (uint32_t m = 0; m < world->input.member_count; m++) {
        const struct assignor_member *member = &world->members[m];
        for (uint32_t i = 0; i < member->assigned_count; i++) {
            bool was_owned = false;
            for (uint32_t o = 0; o < member->owned_count && !was_owned; o++)
                was_owned =
                    memcmp(&member->owned[o], &member->assigned[i], sizeof member->owned[o]) == 0;
            moved += !was_owned;
        }
    }
    return moved;
}

static uint32_t total_count(const struct world *world)
{
    uint32_t count = 0;
    for (uint32_t m = 0; m < world->input.member_count; m++)
        count += world->members[m].assigned_count;
    return count;
}

/* With an id that comes before all others, so that it is first to be asked. */
static void add_random_member(struct world *world, struct prng *prng, bool is_equal)
{
    uint32_t m = world->input.member_count;
    add_member(world, is_equal ? UINT32_MAX : (uint32_t)prng_below(prng, 256));
    snprintf(world->names[m], NAME_MAX, "m%02u", MEMBERS_MAX - m);
}

static void fill(struct world *world, struct prng *prng, bool is_equal)
{
    world_init(world);
    uint32_t topic_count = 1 + (uint32_t)prng_below(prng, 8);
    for (uint32_t t = 0; t < topic_count; t++)
        add_topic(world, (uint32_t)prng_below(prng, 30));
    uint32_t member_count = 1 + (uint32_t)prng_below(prng, 12);
    for (uint32_t m = 0; m < member_count; m++)
        add_random_member(world, prng, is_equal);
}

/* One comes, one goes: complete, balanced, and no more moves than that takes. */
static void random_groups(const struct assignor *assignor, uint64_t seed, bool is_equal)
{
    struct prng prng;
    prng_init(&prng, seed);
    struct world world;
    fill(&world, &prng, is_equal);
    for (uint32_t round = 0; round < 8; round++) {
        assign(&world, assignor);
        check_complete(&world);
        if (assignor == &assignor_uniform)
            check_balanced(&world);
        accept(&world);
        assign(&world, assignor);
        assert_int_equal(moved_count(&world), 0);

        bool grows = prng_below(&prng, 2) == 0 && world.input.member_count < MEMBERS_MAX;
        uint32_t lost = 0;
        if (grows)
            add_random_member(&world, &prng, is_equal);
        else if (world.input.member_count > 1)
            lost = world.members[--world.input.member_count].owned_count;
        assign(&world, assignor);
        if (assignor == &assignor_uniform && is_equal) {
            uint32_t share = total_count(&world) / world.input.member_count;
            assert_true(moved_count(&world) <= (grows ? share : lost));
        }
    }
    arena_deinit(&world.arena);
}

static void random_uniform_equal(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        random_groups(&assignor_uniform, seed, true);
}

static void random_uniform_different(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++)
        random_groups(&assignor_uniform, seed, false);
}

static void random_range(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++)
        random_groups(&assignor_range, seed, seed % 2 == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range_in_runs),
        cmocka_unit_test(a_list_names_assignors),
        cmocka_unit_test(range_static_first),
        cmocka_unit_test(uniform_newcomer),
        cmocka_unit_test(uniform_racks),
        cmocka_unit_test(uniform_bad_claims),
        cmocka_unit_test(nothing_to_do),
        cmocka_unit_test(random_uniform_equal),
        cmocka_unit_test(random_uniform_different),
        cmocka_unit_test(random_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
