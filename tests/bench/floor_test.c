/* The plainest server must do what a broker's limit is taken from: all of it, and no more. */
#include "bench/floor_pace.h"
#include "bench/floor_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void send_bytes(int handle, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(handle, bytes, size, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* Each request has one answer, however its bytes arrive; half of one has none. */
static void test_answers(void **state)
{
    static const size_t parts[] = {1, 1022, 1, 2 * FLOOR_REQUEST_BYTES, 1500, 36, 500};
    enum { WHOLE = 4 };
    static const uint8_t bytes[2 * FLOOR_REQUEST_BYTES];
    uint8_t answers[WHOLE * FLOOR_ANSWER_BYTES];
    struct floor_server server;
    floor_server_start(&server, 2, true, NULL);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        send_bytes(server.clients[0], bytes, parts[i]);
    send_bytes(server.clients[1], bytes, FLOOR_REQUEST_BYTES);
    assert_int_equal(recv(server.clients[0], answers, sizeof answers, MSG_WAITALL), sizeof answers);
    assert_int_equal(recv(server.clients[1], answers, FLOOR_ANSWER_BYTES, MSG_WAITALL),
                     FLOOR_ANSWER_BYTES);
    floor_server_finish(&server);
    assert_int_equal(server.request_count, WHOLE + 1);
    assert_true(server.cpu_ns > 0);
}

static uint8_t byte_at(uint32_t position)
{
    return (uint8_t)(position / FLOOR_PIECE_BYTES * 13 + position / FLOOR_BLOCK_BYTES +
                     position * 7);
}

/* Who stores has written every piece that came whole, in the order of arrival, when it ends. */
static void test_store(void **state)
{
    enum { PIECES = 11, MORE = 1000, BYTES = PIECES * FLOOR_PIECE_BYTES + MORE };
    struct floor_file file;
    struct floor_store store;
    struct floor_server server;
    uint8_t *bytes = malloc(BYTES);
    assert_non_null(bytes);
    for (uint32_t i = 0; i < BYTES; i++)
        bytes[i] = byte_at(i);
    floor_file_open(&file, ".", 1);
    floor_store_start(&store, &file);
    floor_server_start(&server, 1, false, &store);
    send_bytes(server.clients[0], bytes, BYTES);
    floor_server_finish(&server);
    floor_store_finish(&store);
    uint32_t place_count = file.size_bytes / FLOOR_PIECE_BYTES;
    for (uint32_t i = PIECES - 1; i < PIECES && i + place_count >= PIECES; i--) {
        off_t offset = (off_t)(i % place_count) * FLOOR_PIECE_BYTES;
        assert_int_equal(pread(file.handle, file.piece, FLOOR_PIECE_BYTES, offset),
                         FLOOR_PIECE_BYTES);
        assert_memory_equal(file.piece, bytes + (size_t)i * FLOOR_PIECE_BYTES, FLOOR_PIECE_BYTES);
    }
    floor_file_close(&file);
    free(bytes);
}

/* Every request that is due in the time is sent and answered, some at the least; and what was
 * answered is on the disk. */
static void test_pace(void **state)
{
    struct floor_file file;
    struct floor_pace pace;
    floor_file_open(&file, ".", 1);
    floor_pace_measure(&file, 1, 1000, &pace);
    assert_int_equal(pace.request_count, 20);
    assert_true(pace.p50_us > 0 && pace.p99_us >= pace.p50_us);
    floor_pace_measure(&file, 30 * 1000 * 1000, 10000, &pace);
    assert_int_equal(pace.request_count, 300);
    uint8_t stored[FLOOR_BLOCK_BYTES] __attribute__((aligned(FLOOR_BLOCK_BYTES)));
    assert_int_equal(pread(file.handle, stored, sizeof stored, 0), sizeof stored);
    assert_memory_equal(stored, file.piece, sizeof stored);
    floor_file_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
