/* Cases of the seam: at-once writes of which the second follows the first. */
#include "tests/io/seam.h"

#include <string.h>

enum { CREATE = IO_OPEN_CREATE, SIZE = 6 };

static uint64_t size_of_file(struct seam *seam, int32_t handle)
{
    struct seam_request asked;
    io_file_size(seam->io, seam_ask(&asked), handle);
    assert_int_equal(seam_wait(seam, &asked), STATUS_OK);
    return asked.request.range.size_bytes;
}

static void ask_first(struct seam *seam, struct seam_request *first, int32_t handle, uint64_t at)
{
    io_write_durable_at_once(seam->io, seam_ask(first), handle, "first.", SIZE, at);
    assert_int_equal(first->landed_count, 0);
}

static void ask_next(struct seam *seam, struct seam_request *next, struct seam_request *first,
                     int32_t handle, uint64_t at)
{
    io_write_durable_next(seam->io, seam_ask(next), &first->request, handle, "second", SIZE, at);
    assert_int_equal(next->landed_count, 0);
}

static void seconds_land_behind_firsts(void **state)
{
    /* Both of a pair land, the first one first, asleep and awake; and both are in the file. */
    struct seam *seam = *state;
    enum { COUNT = 50 };
    struct seam_request first, next;
    int32_t handle = seam_open(seam, "file", CREATE);
    for (uint32_t i = 0; i < COUNT; i++) {
        ask_first(seam, &first, handle, 2 * SIZE * i);
        ask_next(seam, &next, &first, handle, 2 * SIZE * i + SIZE);
        if (i % 2 == 0)
            seam_rotate_until(seam, &first.landed_count, 1);
        else
            assert_int_equal(seam_wait(seam, &first), SIZE);
        assert_int_equal(first.result, SIZE);
        assert_int_equal(seam_wait(seam, &next), SIZE);
    }
    char read[2 * SIZE + 1] = {0};
    assert_int_equal(seam_read(seam, handle, read, 2 * SIZE, 2 * SIZE * (COUNT - 1)), 2 * SIZE);
    assert_string_equal(read, "first.second");
    seam_close(seam, handle);
}

static void withdrawn_seconds_are_never_written(void **state)
{
    /* A second that could be withdrawn neither lands nor writes, and there may be another in its
     * place; one that could not, does both. Turns in between let it be too late now and then. */
    struct seam *seam = *state;
    enum { COUNT = 100 };
    struct seam_request first, next;
    uint32_t withdrawn_count = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        int32_t handle = seam_open(seam, "file", CREATE | IO_OPEN_TRUNCATE);
        ask_first(seam, &first, handle, 0);
        ask_next(seam, &next, &first, handle, SIZE);
        bool is_withdrawn = io_withdraw_next(seam->io, &first.request);
        if (is_withdrawn && i % 2 == 0) {
            ask_next(seam, &next, &first, handle, SIZE);
            is_withdrawn = io_withdraw_next(seam->io, &first.request);
        }
        assert_int_equal(seam_wait(seam, &first), SIZE);
        if (!is_withdrawn)
            assert_int_equal(seam_wait(seam, &next), SIZE);
        assert_int_equal(size_of_file(seam, handle), is_withdrawn ? SIZE : 2 * SIZE);
        assert_int_equal(next.landed_count, !is_withdrawn);
        withdrawn_count += is_withdrawn;
        seam_close(seam, handle);
    }
    assert_true(withdrawn_count > 0);
}

static void seconds_of_failed_firsts_are_cancelled(void **state)
{
    /* When the first fails, nothing of the second is written, and it lands behind the first. */
    struct seam *seam = *state;
    struct seam_request first, next;
    int32_t good = seam_open(seam, "good", CREATE);
    seam_close(seam, seam_open(seam, "bad", CREATE));
    int32_t bad = seam_open(seam, "bad", IO_OPEN_READ_ONLY);
    for (uint32_t i = 0; i < 20; i++) {
        ask_first(seam, &first, bad, 0);
        ask_next(seam, &next, &first, good, 0);
        assert_true(seam_wait(seam, &first) < 0);
        assert_int_equal(seam_wait(seam, &next), STATUS_CANCELLED);
        assert_int_equal(size_of_file(seam, good), 0);
    }
    seam_close(seam, bad);
    seam_close(seam, good);
}

/* One of a chain: with each landing the next but one is offered. */
struct link {
    struct io_request request;
    struct chain *chain;
};

struct chain {
    struct seam *seam;
    struct link links[2];
    int32_t handle;
    uint32_t asked_count;
    uint32_t landed_count;
    uint32_t wanted_count;
};

static void link_landed(struct completion *completion, int32_t result);

static void chain_ask(struct chain *chain)
{
    struct link *link = &chain->links[chain->asked_count % 2];
    struct link *first = &chain->links[(chain->asked_count + 1) % 2];
    uint64_t at = SIZE * (uint64_t)chain->asked_count;
    completion_init(&link->request.completion, link_landed);
    link->chain = chain;
    if (chain->asked_count == 0)
        io_write_durable_at_once(chain->seam->io, &link->request, chain->handle, "first.", SIZE,
                                 at);
    else
        io_write_durable_next(chain->seam->io, &link->request, &first->request, chain->handle,
                              "second", SIZE, at);
    chain->asked_count++;
}

static void link_landed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    struct link *link = container_of(request, struct link, request);
    struct chain *chain = link->chain;
    assert_int_equal(result, SIZE);
    assert_ptr_equal(link, &chain->links[chain->landed_count % 2]);
    chain->landed_count++;
    if (chain->asked_count < chain->wanted_count)
        chain_ask(chain);
}

static void seconds_become_firsts(void **state)
{
    /* A chain in which each second is the first of the next lands in order, to its end; a second
     * that is offered when its first is over and has not landed begins all the same. */
    struct seam *seam = *state;
    struct chain chain = {.seam = seam, .wanted_count = 300};
    chain.handle = seam_open(seam, "file", CREATE);
    chain_ask(&chain);
    chain_ask(&chain);
    seam_rotate_until(seam, &chain.landed_count, 300);
    assert_int_equal(size_of_file(seam, chain.handle), 300 * SIZE);
    seam_close(seam, chain.handle);
}

/* What offers a second in the landing of its first. */
struct late {
    struct seam *seam;
    struct io_request first;
    struct seam_request next;
    int32_t handle;
    int32_t result;
};

static void late_landed(struct completion *completion, int32_t result)
{
    struct io_request *first = container_of(completion, struct io_request, completion);
    struct late *late = container_of(first, struct late, first);
    late->result = result;
    io_write_durable_next(late->seam->io, seam_ask(&late->next), first, late->handle, "second",
                          SIZE, 0);
    assert_int_equal(late->next.landed_count, 0);
    assert_false(io_withdraw_next(late->seam->io, first));
}

static void seconds_may_come_late(void **state)
{
    /* Offered while the first lands, a second begins at once, or is cancelled at once; it cannot be
     * withdrawn. */
    struct seam *seam = *state;
    struct late late = {.seam = seam};
    late.handle = seam_open(seam, "good", CREATE);
    completion_init(&late.first.completion, late_landed);
    io_write_durable_at_once(seam->io, &late.first, late.handle, "first.", SIZE, SIZE);
    assert_int_equal(seam_wait(seam, &late.next), SIZE);
    assert_int_equal(late.result, SIZE);

    int32_t bad = seam_open(seam, "good", IO_OPEN_READ_ONLY);
    late.next.landed_count = 0;
    completion_init(&late.first.completion, late_landed);
    io_write_durable_at_once(seam->io, &late.first, bad, "first.", SIZE, 0);
    assert_int_equal(seam_wait(seam, &late.next), STATUS_CANCELLED);
    assert_true(late.result < 0);
    seam_close(seam, bad);
    seam_close(seam, late.handle);
}

uint32_t seam_next_cases(struct CMUnitTest *tests, struct seam_harness *harness)
{
    static const struct CMUnitTest cases[] = {
        SEAM_CASE(seconds_land_behind_firsts),
        SEAM_CASE(withdrawn_seconds_are_never_written),
        SEAM_CASE(seconds_of_failed_firsts_are_cancelled),
        SEAM_CASE(seconds_become_firsts),
        SEAM_CASE(seconds_may_come_late),
    };
    memcpy(tests, cases, sizeof cases);
    return sizeof cases / sizeof cases[0];
}
