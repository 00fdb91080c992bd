/* What a worker reads for a send from files. */
#include "io/sendfile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    RANGE_COUNT = 9,
    FRAME_BYTES = 8 * IO_BLOCK_SIZE,
    HEAD_BYTES = 64,
    FAR_INDEX = 6, /* from here on, ranges lie elsewhere */
    FAR_BYTES = 32 * IO_BLOCK_SIZE,
    FILE_BYTES = RANGE_COUNT * FRAME_BYTES + FAR_BYTES,
};

static uint64_t offset_of(uint32_t index)
{
    return (uint64_t)index * FRAME_BYTES + HEAD_BYTES + (index < FAR_INDEX ? 0 : FAR_BYTES);
}

static int write_file(size_t size)
{
    char path[] = "sendfile-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    uint8_t *bytes = calloc(1, size);
    assert_non_null(bytes);
    assert_int_equal(write(file, bytes, size), size);
    free(bytes);
    return file;
}

/* A file of which the page cache has nothing; -1 where the file system keeps it there. */
static int make_file(void)
{
    int file = write_file(FILE_BYTES);
    assert_int_equal(fsync(file), 0);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM);
    return file;
}

static bool is_cached(int file, uint64_t offset)
{
    unsigned char found;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    void *mapped = mmap(NULL, page, PROT_READ, MAP_SHARED, file, (off_t)(offset / page * page));
    assert_ptr_not_equal(mapped, MAP_FAILED);
    assert_int_equal(mincore(mapped, page, &found), 0);
    munmap(mapped, page);
    return found & 1;
}

/* Ranges that lie one behind the other are read together; what lies elsewhere is not. */
static void test_a_run_is_read_at_once(void **state)
{
    struct bytes pieces[RANGE_COUNT];
    struct io_file_range ranges[RANGE_COUNT];
    int file = make_file();
    if (is_cached(file, 0))
        skip();
    for (uint32_t i = 0; i < RANGE_COUNT; i++) {
        pieces[i] = (struct bytes){NULL, FRAME_BYTES - HEAD_BYTES - 100};
        ranges[i] = (struct io_file_range){file, offset_of(i)};
    }
    struct io_request request = {.kind = IO_SENDFILE};
    request.send.pieces = pieces;
    request.send.piece_count = RANGE_COUNT;
    request.send.ranges = ranges;
    request.send.piece_index = 1;
    request.send.range_index = 1;
    assert_int_equal(sendfile_load(&request), 0);
    for (uint32_t i = 0; i < RANGE_COUNT; i++)
        assert_int_equal(is_cached(file, ranges[i].offset + IO_BLOCK_SIZE),
                         i >= 1 && i < FAR_INDEX);
    close(file);
}

/* However much the socket takes, an attempt ends after a step, so that the loop can look up. */
static void test_an_attempt_is_a_step(void **state)
{
    enum { STEP_COUNT = 4, SIZE = STEP_COUNT * SENDFILE_STEP_SIZE };
    int file = write_file(SIZE);
    uint8_t *bytes = malloc(SIZE);
    assert_non_null(bytes);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct bytes piece = {NULL, SIZE};
    struct io_file_range range = {file, 0};
    struct io_request request = {.kind = IO_SENDFILE, .handle = pair[0]};
    request.send.pieces = &piece;
    request.send.piece_count = 1;
    request.send.ranges = &range;
    uint32_t known_index = 0;
    for (size_t sent_bytes = 0, i = 1; i < STEP_COUNT; i++) {
        int32_t result = sendfile_attempt(&request, SENDFILE_STEP_SIZE, &known_index);
        if (result == SENDFILE_LOAD)
            skip(); /* the system does not say what it has cached */
        assert_int_equal(result, SENDFILE_LATER);
        assert_int_equal(request.send.sent_bytes, i * SENDFILE_STEP_SIZE);
        while (sent_bytes < request.send.sent_bytes) {
            ssize_t size = read(pair[1], bytes, SIZE);
            assert_true(size > 0);
            sent_bytes += (size_t)size;
        }
    }
    assert_int_equal(sendfile_attempt(&request, SENDFILE_STEP_SIZE, &known_index), SIZE);
    close(pair[0]);
    close(pair[1]);
    close(file);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_is_read_at_once),
        cmocka_unit_test(test_an_attempt_is_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
