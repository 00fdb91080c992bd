/* The whole server under requests that are nearly right: for every API and version that is served,
 * the encoding of a plausible request with some bytes changed, in a frame that is whole. The broker
 * lives in the simulator; it may answer or close, and must still serve an honest client after every
 * few inputs. A run is a fixed number of inputs from a seed: server_fuzz [SEED [COUNT]]. */
#include "base/prng.h"
#include "tests/broker/fuzz_requests.h"
#include "tests/broker/sim_harness.h"

#include <stdlib.h>

enum { DEFAULT_SEED = 1, DEFAULT_COUNT = 4000, CHECK_EVERY = 50, MUTATIONS_MAX = 4 };
enum { NOISE_SIZE_MAX = 200 };

struct fuzz {
    struct server *server;
    struct prng prng;
    struct client *client;
    struct client *honest;
    struct client_partition topic;
};

/* A body that has something to change: bytes that decode as small counts and names now and then. */
static struct bytes draw_body(struct fuzz *fuzz)
{
    static const uint8_t likely[] = {0, 0, 0, 0, 1, 2, 't', 0xff};
    size_t size = prng_below(&fuzz->prng, NOISE_SIZE_MAX);
    uint8_t *body = arena_allocate(&fuzz->server->arena, size);
    assert_non_null(body);
    for (size_t i = 0; i < size; i++)
        body[i] = prng_chance(&fuzz->prng, 9, 10) ? likely[prng_below(&fuzz->prng, sizeof likely)]
                                                  : (uint8_t)prng_u64(&fuzz->prng);
    return bytes_of(body, size);
}

static const struct api *draw_api(struct fuzz *fuzz, int16_t *version)
{
    const struct api *api = api_at((uint32_t)prng_below(&fuzz->prng, API_COUNT));
    *version =
        (int16_t)prng_between(&fuzz->prng, (uint64_t)api->version_min, (uint64_t)api->version_max);
    return api;
}

/* Requests that are right, to begin with. */
static struct asked *draw_honest(struct fuzz *fuzz)
{
    int16_t version;
    const struct api *api = draw_api(fuzz, &version);
    struct client_partition at = fuzz->topic;
    at.index = (int32_t)prng_below(&fuzz->prng, 3);
    return fuzz_request_send(fuzz->server, fuzz->client, api, version, at);
}

/* Changes bytes behind the frame's size, in the request that the door does not have yet. */
static void mutate(struct fuzz *fuzz, struct client_call *call)
{
    uint64_t count = 1 + prng_below(&fuzz->prng, MUTATIONS_MAX);
    for (uint64_t i = 0; i < count; i++) {
        struct bytes piece = call->pieces[prng_below(&fuzz->prng, call->piece_count)];
        size_t from = piece.data == call->pieces[0].data ? CLIENT_SIZE_FIELD_BYTES : 0;
        if (piece.size <= from)
            continue;
        size_t at = prng_between(&fuzz->prng, from, piece.size - 1);
        ((uint8_t *)(uintptr_t)piece.data)[at] = (uint8_t)prng_u64(&fuzz->prng);
    }
}

static struct asked *draw_noise(struct fuzz *fuzz)
{
    int16_t version;
    const struct api *api = draw_api(fuzz, &version);
    struct asked *asked = server_ask(fuzz->server);
    client_call_begin(fuzz->client, &asked->call, (enum api_key)api->key, version);
    writer_bytes(&asked->call.request, draw_body(fuzz));
    client_call_send(fuzz->client, &asked->call);
    return asked;
}

/* An input that the broker takes for good may never be answered: acks that became 0, a wait that
 * became an hour. So nobody waits for answers for long. */
static void try_one(struct fuzz *fuzz)
{
    if (prng_chance(&fuzz->prng, 1, 2))
        draw_noise(fuzz);
    else
        mutate(fuzz, &draw_honest(fuzz)->call);
    server_linger_sent(fuzz->server, fuzz->client);
    client_disconnect(fuzz->client);
}

static void check_lives(struct fuzz *fuzz)
{
    struct server *server = fuzz->server;
    struct client_partition at = fuzz->topic;
    int64_t offset = server_put(server, fuzz->honest, at, &(struct server_batch){0});
    struct client_fetched fetched =
        server_fetched(server, server_fetch(server, fuzz->honest, at, offset, 0));
    assert_true(server_count(fetched.records) >= 1);
}

/* What the arguments say, behind the harness that a case is given. */
struct fuzz_run {
    struct sim_harness sim;
    uint64_t seed;
    uint64_t input_count;
};

/* What the inputs are made of is right: every API answers it, in every version. */
static void plausible_requests_are_answered(void **state)
{
    struct server *server = *state;
    server_start(server, NULL);
    struct client *client = server_client(server);
    struct client_partition topic = server_topic(server, client, 3);
    for (uint32_t i = 0; i < API_COUNT; i++) {
        const struct api *api = api_at(i);
        for (int16_t version = api->version_min; version <= api->version_max; version++)
            server_answered(server, fuzz_request_send(server, client, api, version, topic));
    }
    assert_int_equal(client->connect_count, 1);
}

static void lives_through_anything(void **state)
{
    struct fuzz fuzz = {.server = *state};
    struct server_harness *harness = fuzz.server->harness;
    struct sim_harness *sim = container_of(harness, struct sim_harness, harness);
    const struct fuzz_run *run = container_of(sim, struct fuzz_run, sim);
    prng_init(&fuzz.prng, run->seed);
    server_start(fuzz.server, &(struct server_shape){.core_count = 2});
    fuzz.client = server_client(fuzz.server);
    fuzz.honest = server_client(fuzz.server);
    fuzz.topic = server_topic(fuzz.server, fuzz.honest, 3);
    for (uint64_t i = 1; i <= run->input_count; i++) {
        try_one(&fuzz);
        if (i % CHECK_EVERY == 0)
            check_lives(&fuzz);
    }
    assert_int_equal(fuzz.client->connect_count, run->input_count);
}

int main(int argument_count, char **arguments)
{
    const struct faults quiet = {0};
    struct fuzz_run run = {
        .seed = argument_count > 1 ? strtoull(arguments[1], NULL, 10) : DEFAULT_SEED,
        .input_count = argument_count > 2 ? strtoull(arguments[2], NULL, 10) : DEFAULT_COUNT,
    };
    sim_harness_init(&run.sim, "server fuzz", run.seed, &quiet);
    struct CMUnitTest tests[] = {
        SERVER_CASE(plausible_requests_are_answered),
        SERVER_CASE(lives_through_anything),
    };
    tests[0].initial_state = &run.sim.harness;
    tests[1].initial_state = &run.sim.harness;
    int failed_count = _cmocka_run_group_tests("server fuzz", tests, 2, NULL, NULL);
    sim_harness_deinit(&run.sim);
    return failed_count;
}
