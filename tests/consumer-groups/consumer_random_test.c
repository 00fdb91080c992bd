/* Random clients of a consumer group, of both protocols: they join, leave, die, come back late,
 * lose answers and take their time to give partitions up, while topics come and go. After every
 * step no partition is owned by two members, and what the records say is what the group is; in the
 * end everybody has what he is to have. */
#include "base/prng.h"
#include "protocol/errors.h"
#include "tests/consumer-groups/check.h"
#include "tests/consumer-groups/classic_guest.h"
#include "tests/consumer-groups/consumer_rig.h"

#include <stdio.h>
#include <string.h>

enum { CLIENTS = 6, STEPS = 300, SEEDS = 200, ROUNDS_TO_REST = 12, STEPS_TO_SETTLE = 3 };

/* What an honest client knows of itself. */
struct client {
    char id[16];
    char instance[16]; /* empty: dynamic */
    uint32_t lives;    /* how often it has begun anew */
    bool is_member;    /* as far as it knows */
    int32_t epoch;
    struct partition_item owned_items[RIG_OWNED_MAX];
    struct partition_set owned;
    struct partition_item wanted_items[RIG_OWNED_MAX];
    struct partition_set wanted; /* what it was told last */
    bool must_tell;              /* what it owns has changed since it told */
    bool must_tell_all;          /* an answer did not come: everything is said again */
    const char *topics;          /* what it subscribes to */
    bool is_classic;             /* speaks the classic protocol, by this: */
    struct classic_guest guest;
};

struct crowd {
    struct consumer_rig rig;
    struct prng prng;
    struct client clients[CLIENTS];
    struct heard heard;
};

/* They grow, and never shrink; the first is only how it begins. */
static const char *const topics[] = {
    "orders:5 audit:3 mail:1",  "orders:8 audit:3 mail:1", "orders:8 mail:1",
    "orders:8 audit:3! mail:1", "audit:3 mail:1",
};
static const char subscription_of_all[] = "orders mail";
static const char *const subscriptions[] = {"orders audit", "orders", "mail audit orders", ""};

static void client_forget(struct client *client)
{
    client->is_member = false;
    client->epoch = MEMBER_EPOCH_JOIN;
    client->owned = (struct partition_set){client->owned_items, 0, RIG_OWNED_MAX};
    client->wanted = (struct partition_set){client->wanted_items, 0, RIG_OWNED_MAX};
    client->must_tell = false;
    client->must_tell_all = false;
    client->guest = (struct classic_guest){.id = client->id, .owned = &client->owned};
    classic_guest_forget(&client->guest);
}

/* A new process: another member id, perhaps the same instance, perhaps the other protocol. */
static void client_restart(struct crowd *crowd, struct client *client, uint32_t number)
{
    client->lives++;
    client->is_classic = client->instance[0] == 0 && prng_chance(&crowd->prng, 1, 2);
    client->topics = subscriptions[prng_below(&crowd->prng, 4)];
    snprintf(client->id, sizeof client->id, "c%u-%u", number, client->lives);
    client_forget(client);
}

static void set_assign(struct partition_set *to, const struct partition_set *from)
{
    memcpy(to->items, from->items, from->count * sizeof *from->items);
    to->count = from->count;
}

/* It stops using what it is not to use any more, and uses the rest. */
static void client_obey(struct client *client)
{
    if (partition_set_equal(&client->owned, &client->wanted))
        return;
    set_assign(&client->owned, &client->wanted);
    client->must_tell = true;
}

static void client_hear(struct client *client, const struct heard *heard)
{
    if (heard->error_code == KAFKA_FENCED_MEMBER_EPOCH ||
        heard->error_code == KAFKA_UNKNOWN_MEMBER_ID) {
        client_forget(client);
        return;
    }
    if (heard->error_code != KAFKA_NONE)
        return;
    client->is_member = true;
    client->epoch = heard->epoch;
    if (heard->has_assignment)
        set_assign(&client->wanted, &heard->assigned);
}

/* The core hears of them only while the group has members; an empty one would be a classic one. */
static void classic_beat(struct crowd *crowd, struct client *client, bool is_lost)
{
    if (prng_chance(&crowd->prng, 1, 20)) {
        client->topics = subscriptions[prng_below(&crowd->prng, 4)];
        client->guest.must_join = client->guest.generation >= 0;
    }
    if (!consumer_is_empty(&crowd->rig.group))
        classic_guest_step(&client->guest, &crowd->rig, client->topics, is_lost);
    client->is_member = client->guest.generation >= 0;
}

static void client_beat(struct crowd *crowd, struct client *client, bool is_lost)
{
    if (client->is_classic) {
        classic_beat(crowd, client, is_lost);
        return;
    }
    struct beat beat = {.member = client->id, .epoch = client->epoch, .owned = client->owned};
    bool is_settled = partition_set_equal(&client->owned, &client->wanted);
    bool changes_mind = prng_chance(&crowd->prng, 1, 20);
    if (client->instance[0] != 0)
        beat.instance = client->instance;
    if (!client->is_member || changes_mind)
        client->topics = subscriptions[prng_below(&crowd->prng, 4)];
    if (!client->is_member || changes_mind || client->must_tell_all)
        beat.topics = client->topics;
    if (prng_chance(&crowd->prng, 1, 10))
        beat.pattern = prng_chance(&crowd->prng, 1, 2) ? ".*i.*" : "";
    /* Not halfway: what it was given and does not use yet would count as given up. */
    beat.tells_owned = is_settled && (client->must_tell || prng_chance(&crowd->prng, 1, 4));
    if (client->must_tell_all && is_settled) {
        beat.tells_owned = true;
        beat.rebalance_timeout_ms = 60 * 1000;
    }
    consumer_rig_beat(&crowd->rig, &beat, &crowd->heard);
    if (is_lost) {
        client->must_tell = true;
        client->must_tell_all = true;
        return;
    }
    if (beat.tells_owned) {
        client->must_tell = false;
        client->must_tell_all = false;
    }
    client_hear(client, &crowd->heard);
}

static void classic_leave(struct crowd *crowd, struct client *client, uint32_t number)
{
    if (!consumer_is_empty(&crowd->rig.group))
        classic_guest_leave(&client->guest, &crowd->rig);
    client_restart(crowd, client, number);
}

static void client_leave(struct crowd *crowd, struct client *client, uint32_t number)
{
    if (client->is_classic) {
        classic_leave(crowd, client, number);
        return;
    }
    struct beat beat = {.member = client->id, .epoch = MEMBER_EPOCH_LEAVE};
    if (client->instance[0] != 0) {
        beat.instance = client->instance;
        beat.epoch = prng_chance(&crowd->prng, 1, 2) ? MEMBER_EPOCH_AWAY : MEMBER_EPOCH_LEAVE;
    }
    consumer_rig_beat(&crowd->rig, &beat, &crowd->heard);
    client_restart(crowd, client, number);
}

/* A client that the group still counts among its members, at the epoch that the client knows. */
static bool is_believed(const struct crowd *crowd, const struct client *client)
{
    const struct consumer_member *member =
        consumer_member_find(&crowd->rig.group, bytes_of_text(client->id));
    return client->is_member && member != NULL;
}

/* Of topics that are there: of one that was deleted, nobody reads, and a classic member cannot even
 * say that it has some of it. */
static bool do_overlap(const struct crowd *crowd, const struct client *a, const struct client *b)
{
    for (uint32_t i = 0; i < a->owned.count; i++) {
        const struct partition_item *item = &a->owned.items[i];
        if (image_topic_by_id(crowd->rig.image, item->topic_id) != NULL &&
            partition_set_find(&b->owned, item->topic_id, item->partition) != NULL)
            return true;
    }
    return false;
}

/* What clients use, not what the group thinks that they use. */
static void check_use(const struct crowd *crowd)
{
    for (uint32_t a = 0; a < CLIENTS; a++)
        for (uint32_t b = a + 1; b < CLIENTS; b++)
            if (is_believed(crowd, &crowd->clients[a]) && is_believed(crowd, &crowd->clients[b]))
                assert_false(do_overlap(crowd, &crowd->clients[a], &crowd->clients[b]));
}

static void step(struct crowd *crowd)
{
    uint32_t number = (uint32_t)prng_below(&crowd->prng, CLIENTS);
    struct client *client = &crowd->clients[number];
    uint64_t what = prng_below(&crowd->prng, 100);
    if (what < 50)
        client_beat(crowd, client, false);
    else if (what < 60)
        client_beat(crowd, client, true);
    else if (what < 85 && client->is_classic)
        client_beat(crowd, client, false);
    else if (what < 85)
        client_obey(client);
    else if (what < 92)
        consumer_rig_pass(&crowd->rig, (int64_t)prng_below(&crowd->prng, 20 * 1000));
    else if (what < 95)
        client_restart(crowd, client, number); /* died */
    else if (what < 97 && client->is_member)
        client_leave(crowd, client, number);
    else if (what < 99)
        consumer_rig_topics(&crowd->rig, topics[prng_between(&crowd->prng, 1, 4)]);
    check_use(crowd);
}

static void rest_classic(struct crowd *crowd, struct client *client)
{
    bool has_others = !consumer_is_empty(&crowd->rig.group);
    client->guest.must_join |=
        client->guest.generation >= 0 && client->topics != subscription_of_all;
    client->topics = subscription_of_all;
    for (uint32_t i = 0; has_others && i < STEPS_TO_SETTLE; i++) {
        classic_guest_step(&client->guest, &crowd->rig, client->topics, false);
        check_use(crowd);
    }
}

/* Everybody behaves. */
static void rest(struct crowd *crowd)
{
    for (uint32_t round = 0; round < ROUNDS_TO_REST; round++) {
        consumer_rig_pass(&crowd->rig, 44 * 1000);
        for (uint32_t c = 0; c < CLIENTS; c++) {
            struct client *client = &crowd->clients[c];
            if (client->is_classic) {
                rest_classic(crowd, client);
                continue;
            }
            struct beat beat = {.member = client->id,
                                .epoch = client->epoch,
                                .topics = subscription_of_all,
                                .pattern = "",
                                .rebalance_timeout_ms = 60 * 1000,
                                .tells_owned = true,
                                .owned = client->owned};
            if (client->instance[0] != 0)
                beat.instance = client->instance;
            consumer_rig_beat(&crowd->rig, &beat, &crowd->heard);
            client_hear(client, &crowd->heard);
            client_obey(client);
            check_use(crowd);
        }
    }
    assert_int_equal(consumer_state(&crowd->rig.group), CONSUMER_GROUP_STABLE);
    uint32_t owned_count = 0;
    for (uint32_t c = 0; c < CLIENTS; c++)
        owned_count += crowd->clients[c].owned.count;
    uint32_t there_count = 0;
    for (uint32_t t = 0; t < image_topic_count(crowd->rig.image); t++) {
        const struct image_topic *topic = image_topic_at(crowd->rig.image, t);
        if (!bytes_equal_text(topic->name, "audit"))
            there_count += topic->partition_count;
    }
    assert_int_equal(owned_count, there_count);
}

static void play(uint64_t seed)
{
    static struct crowd crowd;
    memset(&crowd, 0, sizeof crowd);
    prng_init(&crowd.prng, seed);
    consumer_rig_init(&crowd.rig, topics[0]);
    crowd.rig.settings.session_timeout_ms_max = 60 * 1000;
    crowd.rig.settings.consumer_assignment_interval_ms = seed % 2 == 0 ? 1000 : 0;
    for (uint32_t c = 0; c < CLIENTS; c++) {
        if (c % 3 == 0)
            snprintf(crowd.clients[c].instance, sizeof crowd.clients[c].instance, "i%u", c);
        client_restart(&crowd, &crowd.clients[c], c);
    }
    for (uint32_t i = 0; i < STEPS; i++)
        step(&crowd);
    consumer_rig_check_restored(&crowd.rig);
    rest(&crowd);
    consumer_rig_check_restored(&crowd.rig);
    consumer_rig_deinit(&crowd.rig);
}

static void random_clients(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        play(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_clients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
