/* Cases of the seam: sends of which parts lie in files. */
#include "tests/io/seam_pair.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A file with known content, open for sending from it. */
struct sent_file {
    uint8_t *content;
    uint32_t size;
    int32_t handle;
};

/* `is_direct`: written past the page cache, so that nothing of it lies there. */
static void sent_file_make(struct seam *seam, struct sent_file *file, const char *name,
                           uint32_t size, bool is_direct)
{
    assert_int_equal(size % IO_BLOCK_SIZE, 0);
    file->size = size;
    file->content = aligned_alloc(IO_BLOCK_SIZE, size);
    assert_non_null(file->content);
    seam_fill(file->content, size, size);
    int32_t handle = seam_open(seam, name, IO_OPEN_CREATE | (is_direct ? IO_OPEN_DIRECT : 0));
    seam_write(seam, handle, file->content, size, 0);
    seam_close(seam, handle);
    file->handle = seam_open(seam, name, IO_OPEN_READ_ONLY | IO_OPEN_CACHED);
}

static void sent_file_end(struct seam *seam, struct sent_file *file)
{
    seam_close(seam, file->handle);
    free(file->content);
}

static struct bytes in_file(size_t size)
{
    return (struct bytes){NULL, size};
}

/* What a send of pieces puts together. */
struct expected {
    uint8_t *bytes;
    uint32_t size;
};

static void expect(struct expected *expected, const void *bytes, size_t size)
{
    memcpy(expected->bytes + expected->size, bytes, size);
    expected->size += (uint32_t)size;
}

static void files_and_memory_arrive_in_order(void **state)
{
    /* Pieces from memory and from two files, whether the page cache has them or not, arrive whole
     * and in order, though they are much larger than the buffers of a socket. */
    struct seam *seam = *state;
    enum { ROUNDS = 60, FILE_SIZE = 512 * 1024, PIECES_MAX = 5 * ROUNDS };
    struct sent_file files[2];
    sent_file_make(seam, &files[0], "cached", FILE_SIZE, false);
    sent_file_make(seam, &files[1], "direct", FILE_SIZE, true);
    struct bytes pieces[PIECES_MAX];
    struct io_file_range ranges[2 * ROUNDS];
    uint32_t piece_count = 0;
    uint32_t range_count = 0;
    struct expected expected = {.bytes = malloc((size_t)2 * ROUNDS * FILE_SIZE)};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        for (uint32_t j = 0; j < 2; j++) {
            const struct sent_file *file = &files[(i + j) % 2];
            uint32_t offset = i * 7919 % (FILE_SIZE / 2);
            uint32_t size = 1 + i * i * 101 % (FILE_SIZE / 2);
            pieces[piece_count++] = in_file(size);
            ranges[range_count++] = (struct io_file_range){file->handle, offset};
            expect(&expected, file->content + offset, size);
        }
        pieces[piece_count++] = bytes_of(files[0].content + i, 1 + i * 17);
        expect(&expected, files[0].content + i, 1 + i * 17);
        pieces[piece_count++] = bytes_of_text("");
        if (i % 3 == 0)
            continue;
        pieces[piece_count++] = bytes_of_text("between");
        expect(&expected, "between", 7);
    }

    struct seam_pair pair = seam_connect(seam);
    struct seam_request sent;
    struct seam_sink sink = {.seam = seam,
                             .handle = pair.client,
                             .bytes = malloc(expected.size),
                             .wanted = expected.size};
    io_sendfile(seam->io, seam_ask(&sent), pair.server, pieces, piece_count, ranges);
    assert_int_equal(sent.landed_count, 0);
    seam_sink_run(&sink);
    assert_int_equal(seam_wait(seam, &sent), expected.size);
    assert_memory_equal(sink.bytes, expected.bytes, expected.size);

    /* The connection is one like any other before and after. */
    struct bytes text = bytes_of_text("more");
    char more[4];
    io_send(seam->io, seam_ask(&sent), pair.server, &text, 1);
    assert_int_equal(seam_wait(seam, &sent), 4);
    struct seam_sink rest = {
        .seam = seam, .handle = pair.client, .bytes = (uint8_t *)more, .wanted = 4};
    seam_sink_run(&rest);
    assert_memory_equal(more, "more", 4);
    seam_close_pair(seam, pair);
    free(sink.bytes);
    free(expected.bytes);
    sent_file_end(seam, &files[0]);
    sent_file_end(seam, &files[1]);
}

/* What is no socket, as in the simulator, is never. */
static bool is_corked(int32_t handle)
{
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(handle, IPPROTO_TCP, TCP_CORK, &value, &size) == 0 && value != 0;
}

static void a_run_with_holes_arrives(void **state)
{
    /* Ranges that lie one behind the other, of which the page cache has some and not others, arrive
     * as they are, with what lies between them left out; and nothing is held back behind them. */
    struct seam *seam = *state;
    enum { COUNT = 32, STEP = 17 * IO_BLOCK_SIZE, HEAD = 64, SIZE = 16 * IO_BLOCK_SIZE + 153 };
    struct sent_file file;
    sent_file_make(seam, &file, "run", COUNT * STEP, true);
    struct bytes pieces[COUNT + 1] = {bytes_of_text("head")};
    struct io_file_range ranges[COUNT];
    struct expected expected = {.bytes = malloc(HEAD + (size_t)COUNT * SIZE)};
    uint8_t *read = malloc(SIZE);
    expect(&expected, "head", 4);
    for (uint32_t i = 0; i < COUNT; i++) {
        ranges[i] = (struct io_file_range){file.handle, (uint64_t)i * STEP + HEAD};
        pieces[i + 1] = in_file(SIZE);
        expect(&expected, file.content + ranges[i].offset, SIZE);
        if (i % 4 != 3)
            assert_int_equal(seam_read(seam, file.handle, read, SIZE, ranges[i].offset), SIZE);
    }

    struct seam_pair pair = seam_connect(seam);
    struct seam_request sent;
    struct seam_sink sink = {.seam = seam,
                             .handle = pair.client,
                             .bytes = malloc(expected.size),
                             .wanted = expected.size};
    io_sendfile(seam->io, seam_ask(&sent), pair.server, pieces, COUNT + 1, ranges);
    seam_sink_run(&sink);
    assert_int_equal(seam_wait(seam, &sent), expected.size);
    assert_memory_equal(sink.bytes, expected.bytes, expected.size);
    assert_false(is_corked(pair.server));
    seam_close_pair(seam, pair);
    free(read);
    free(sink.bytes);
    free(expected.bytes);
    sent_file_end(seam, &file);
}

static void a_file_that_is_too_short_is_an_error(void **state)
{
    /* A range that its file does not have ends the send with STATUS_IO, whether the beginning of it
     * is there or nothing. */
    struct seam *seam = *state;
    enum { SIZE = IO_BLOCK_SIZE, THERE = 1000 };
    struct sent_file file;
    sent_file_make(seam, &file, "short", SIZE, true);
    for (uint32_t offset = SIZE - THERE; offset <= SIZE; offset += THERE) {
        struct seam_pair pair = seam_connect(seam);
        struct bytes pieces[2] = {bytes_of_text("head"), in_file(2 * THERE)};
        struct io_file_range range = {file.handle, offset};
        struct seam_request sent;
        io_sendfile(seam->io, seam_ask(&sent), pair.server, pieces, 2, &range);
        assert_int_equal(seam_wait(seam, &sent), STATUS_IO);
        seam_close_pair(seam, pair);
    }
    sent_file_end(seam, &file);
}

static void shutdown_ends_a_send_from_a_file(void **state)
{
    /* A send from a file to somebody who does not receive waits, and lands soon after the shutdown
     * of the connection, with an error. */
    struct seam *seam = *state;
    enum { SIZE = 1024 * 1024, PIECE_COUNT = 32 };
    struct sent_file file;
    sent_file_make(seam, &file, "long", SIZE, false);
    struct seam_pair pair = seam_connect(seam);
    struct bytes pieces[PIECE_COUNT];
    struct io_file_range ranges[PIECE_COUNT];
    for (uint32_t i = 0; i < PIECE_COUNT; i++) {
        pieces[i] = in_file(SIZE);
        ranges[i] = (struct io_file_range){file.handle, 0};
    }
    struct seam_request sent;
    io_sendfile(seam->io, seam_ask(&sent), pair.server, pieces, PIECE_COUNT, ranges);
    char byte;
    assert_int_equal(seam_receive(seam, pair.client, &byte, 1), 1);
    assert_int_equal(sent.landed_count, 0);
    io_shutdown(seam->io, pair.server);
    assert_true(seam_wait(seam, &sent) < 0);
    seam_close_pair(seam, pair);
    sent_file_end(seam, &file);
}

static void nobody_left_is_an_error(void **state)
{
    /* Sending from a file to a connection that the other side has closed ends with an error, and
     * ends nothing else. */
    struct seam *seam = *state;
    enum { SIZE = 64 * 1024 };
    struct sent_file file;
    sent_file_make(seam, &file, "unwanted", SIZE, false);
    struct seam_pair pair = seam_connect(seam);
    seam_close(seam, pair.client);
    struct bytes piece = in_file(SIZE);
    struct io_file_range range = {file.handle, 0};
    struct seam_request sent;
    int32_t result = 0;
    for (uint32_t i = 0; i < 1000 && result >= 0; i++) {
        io_sendfile(seam->io, seam_ask(&sent), pair.server, &piece, 1, &range);
        result = seam_wait(seam, &sent);
    }
    assert_true(result < 0);
    seam_close(seam, pair.server);
    sent_file_end(seam, &file);
}

uint32_t seam_sendfile_cases(struct CMUnitTest *tests, struct seam_harness *harness)
{
    static const struct CMUnitTest cases[] = {
        SEAM_CASE(files_and_memory_arrive_in_order),
        SEAM_CASE(a_run_with_holes_arrives),
        SEAM_CASE(a_file_that_is_too_short_is_an_error),
        SEAM_CASE(shutdown_ends_a_send_from_a_file),
        SEAM_CASE(nobody_left_is_an_error),
    };
    memcpy(tests, cases, sizeof cases);
    return sizeof cases / sizeof cases[0];
}
