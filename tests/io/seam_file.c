/* Cases of the seam: files and directories. */
#include "tests/io/seam.h"

#include <stdlib.h>
#include <string.h>

enum { CREATE = IO_OPEN_CREATE, CREATE_NEW = IO_OPEN_CREATE | IO_OPEN_EXCLUSIVE };

static int32_t open_result(struct seam *seam, const char *name, uint32_t open_flags)
{
    char path[SEAM_PATH_SIZE];
    struct seam_request opened;
    io_open(seam->io, seam_ask(&opened), seam_path(seam, name, path), open_flags);
    return seam_wait(seam, &opened);
}

static uint64_t file_size(struct seam *seam, int32_t handle)
{
    struct seam_request asked;
    io_file_size(seam->io, seam_ask(&asked), handle);
    assert_int_equal(seam_wait(seam, &asked), STATUS_OK);
    return asked.request.range.size_bytes;
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static uint8_t *aligned_bytes(size_t size)
{
    uint8_t *bytes = aligned_alloc(IO_BLOCK_SIZE, size);
    assert_non_null(bytes);
    return bytes;
}

static void open_says_why_it_fails(void **state)
{
    /* A file that is not there is NOT_FOUND, one that must be new and is not is EXISTS. */
    struct seam *seam = *state;
    assert_int_equal(open_result(seam, "none", 0), STATUS_NOT_FOUND);
    assert_int_equal(open_result(seam, "none", IO_OPEN_READ_ONLY), STATUS_NOT_FOUND);
    assert_int_equal(open_result(seam, "none/below", CREATE), STATUS_NOT_FOUND);

    seam_close(seam, seam_open(seam, "file", CREATE_NEW));
    assert_int_equal(open_result(seam, "file", CREATE_NEW), STATUS_EXISTS);
    assert_int_equal(open_result(seam, "file", CREATE_NEW | IO_OPEN_DIRECT), STATUS_EXISTS);
    seam_close(seam, seam_open(seam, "file", CREATE));
    seam_close(seam, seam_open(seam, "file", 0));
}

static void open_truncates_only_when_asked(void **state)
{
    /* TRUNCATE empties a file; opening with CREATE alone leaves it as it is. */
    struct seam *seam = *state;
    int32_t handle = seam_open(seam, "file", CREATE);
    seam_write(seam, handle, "content", 7, 0);
    seam_close(seam, handle);

    handle = seam_open(seam, "file", CREATE);
    assert_int_equal(file_size(seam, handle), 7);
    seam_close(seam, handle);
    handle = seam_open(seam, "file", IO_OPEN_TRUNCATE);
    assert_int_equal(file_size(seam, handle), 0);
    seam_close(seam, handle);
}

static void read_only_files_refuse_writes(void **state)
{
    /* A write to a file that was opened READ_ONLY lands with an error and changes nothing. */
    struct seam *seam = *state;
    int32_t handle = seam_open(seam, "file", CREATE);
    seam_write(seam, handle, "content", 7, 0);
    seam_close(seam, handle);

    handle = seam_open(seam, "file", IO_OPEN_READ_ONLY);
    struct seam_request written;
    io_write(seam->io, seam_ask(&written), handle, "changed", 7, 0);
    assert_true(seam_wait(seam, &written) < 0);
    char content[8] = {0};
    assert_int_equal(seam_read(seam, handle, content, 7, 0), 7);
    assert_string_equal(content, "content");
    seam_close(seam, handle);
}

static void what_is_written_is_read(void **state)
{
    /* Bytes come back as they were written; reads are short only at the end of the file. */
    struct seam *seam = *state;
    int32_t handle = seam_open(seam, "file", CREATE);
    uint8_t content[5000];
    seam_fill(content, sizeof content, 1);
    seam_write(seam, handle, content, sizeof content, 0);

    uint8_t read[8192];
    assert_int_equal(seam_read(seam, handle, read, 5000, 0), 5000);
    assert_memory_equal(read, content, 5000);
    assert_int_equal(seam_read(seam, handle, read, 8192, 0), 5000);
    assert_int_equal(seam_read(seam, handle, read, 100, 4950), 50);
    assert_memory_equal(read, content + 4950, 50);
    assert_int_equal(seam_read(seam, handle, read, 100, 5000), 0);
    assert_int_equal(seam_read(seam, handle, read, 100, 1 << 20), 0);
    assert_int_equal(seam_read(seam, handle, read, 0, 0), 0);
    seam_close(seam, handle);
}

static void a_hole_reads_as_zeros(void **state)
{
    /* What lies between the old end and a later write is zeros. */
    struct seam *seam = *state;
    int32_t handle = seam_open(seam, "file", CREATE);
    seam_write(seam, handle, "end", 3, 10000);
    uint8_t read[10003];
    assert_int_equal(seam_read(seam, handle, read, sizeof read, 0), 10003);
    assert_true(all_zero(read, 10000));
    assert_memory_equal(read + 10000, "end", 3);
    seam_close(seam, handle);
}

static void large_transfers_are_whole(void **state)
{
    /* However large, a write lands with all its bytes written and a read with all of them read. */
    struct seam *seam = *state;
    const uint32_t size = 24 * 1024 * 1024 + 123;
    uint8_t *content = malloc(size);
    uint8_t *read = malloc(size);
    assert_non_null(content);
    assert_non_null(read);
    seam_fill(content, size, 2);
    int32_t handle = seam_open(seam, "file", CREATE);
    seam_write(seam, handle, content, size, 77);
    assert_int_equal(seam_read(seam, handle, read, size, 77), size);
    assert_memory_equal(read, content, size);
    seam_close(seam, handle);
    free(read);
    free(content);
}

static void direct_files_work_like_others(void **state)
{
    /* Aligned transfers of a DIRECT file, and reads over an end that is off the block grid. */
    struct seam *seam = *state;
    const uint32_t size = 1024 * 1024;
    uint8_t *content = aligned_bytes(size);
    uint8_t *read = aligned_bytes(size);
    seam_fill(content, size, 3);
    int32_t handle = seam_open(seam, "file", CREATE_NEW | IO_OPEN_DIRECT);
    seam_write(seam, handle, content, size, 0);
    assert_int_equal(seam_read(seam, handle, read, size, 0), size);
    assert_memory_equal(read, content, size);

    struct seam_request cut;
    io_truncate(seam->io, seam_ask(&cut), handle, 5000);
    assert_int_equal(seam_wait(seam, &cut), STATUS_OK);
    assert_int_equal(seam_read(seam, handle, read, 8192, 0), 5000);
    assert_memory_equal(read, content, 5000);
    assert_int_equal(seam_read(seam, handle, read, 8192, 8192), 0);
    seam_close(seam, handle);
    free(read);
    free(content);
}

static void durable_writes_land_with_their_size(void **state)
{
    /* io_write_durable lands once, with the count of a write, and its bytes can be read; so does
     * io_write_durable_at_once. */
    struct seam *seam = *state;
    enum { SIZE = 3 * IO_BLOCK_SIZE };
    uint8_t *content = aligned_bytes(2 * SIZE);
    seam_fill(content, 2 * SIZE, 4);
    int32_t handle = seam_open(seam, "file", CREATE | IO_OPEN_DIRECT);
    struct seam_request written;
    io_write_durable(seam->io, seam_ask(&written), handle, content, SIZE, 0);
    assert_int_equal(seam_wait(seam, &written), SIZE);
    io_write_durable_at_once(seam->io, seam_ask(&written), handle, content + SIZE, SIZE, SIZE);
    assert_int_equal(written.landed_count, 0);
    assert_int_equal(seam_wait(seam, &written), SIZE);

    struct seam_request synced;
    io_sync(seam->io, seam_ask(&synced), handle);
    assert_int_equal(seam_wait(seam, &synced), STATUS_OK);
    uint8_t *read = aligned_bytes(2 * SIZE);
    assert_int_equal(seam_read(seam, handle, read, 2 * SIZE, 0), 2 * SIZE);
    assert_memory_equal(read, content, 2 * SIZE);
    seam_close(seam, handle);
    free(read);
    free(content);
}

static void commits_land_asleep_and_awake(void **state)
{
    /* Each of many commits that are asked for one by one lands, whether the door sleeps meanwhile
     * or never does. */
    struct seam *seam = *state;
    enum { COUNT = 100 };
    struct seam_request written;
    int32_t handle = seam_open(seam, "file", CREATE);
    for (uint32_t i = 0; i < COUNT; i++) {
        io_write_durable_at_once(seam->io, seam_ask(&written), handle, "commit", 6, 6 * i);
        assert_int_equal(written.landed_count, 0);
        if (i % 2 == 0)
            seam_rotate_until(seam, &written.landed_count, 1);
        assert_int_equal(seam_wait(seam, &written), 6);
    }
    assert_int_equal(file_size(seam, handle), 6 * COUNT);
    seam_close(seam, handle);
}

/* Cuts the bytes into `count` pieces whose sizes differ by one `step` each. */
static void cut_up(struct bytes *pieces, uint32_t count, const uint8_t *content, size_t step)
{
    for (uint32_t i = 0; i < count; i++) {
        pieces[i] = bytes_of(content, (i + 1) * step);
        content += pieces[i].size;
    }
}

static void durable_writes_report_errors(void **state)
{
    /* A durable write that cannot be written lands once, with the error and not with a sync. */
    struct seam *seam = *state;
    seam_close(seam, seam_open(seam, "file", CREATE));
    int32_t handle = seam_open(seam, "file", IO_OPEN_READ_ONLY);
    struct seam_request written;
    io_write_durable(seam->io, seam_ask(&written), handle, "x", 1, 0);
    assert_true(seam_wait(seam, &written) < 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(seam_read(seam, handle, (uint8_t[1]){0}, 1, 0), 0);
    assert_int_equal(written.landed_count, 1);
    io_write_durable_at_once(seam->io, seam_ask(&written), handle, "x", 1, 0);
    assert_true(seam_wait(seam, &written) < 0);

    struct bytes pieces[2];
    cut_up(pieces, 2, (const uint8_t *)"xyz", 1);
    io_write_pieces(seam->io, seam_ask(&written), handle, pieces, 2, 0);
    assert_true(seam_wait(seam, &written) < 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(seam_read(seam, handle, (uint8_t[1]){0}, 1, 0), 0);
    assert_int_equal(written.landed_count, 1);
    seam_close(seam, handle);
}

static void pieces_lie_one_behind_the_other(void **state)
{
    /* What is written from several buffers lies in the file as if it had been one; also from one
     * buffer, and from as many as there may be. */
    struct seam *seam = *state;
    enum { STEP = 777, STEP_COUNT = IO_WRITE_PIECE_COUNT_MAX * (IO_WRITE_PIECE_COUNT_MAX + 1) / 2 };
    static uint8_t content[STEP * STEP_COUNT];
    static uint8_t read[STEP * STEP_COUNT];
    static const uint32_t counts[] = {1, 2, 3, IO_WRITE_PIECE_COUNT_MAX};
    seam_fill(content, sizeof content, 6);
    int32_t handle = seam_open(seam, "file", CREATE);
    for (uint32_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct bytes pieces[IO_WRITE_PIECE_COUNT_MAX];
        uint32_t size = STEP * counts[i] * (counts[i] + 1) / 2;
        struct seam_request written;
        cut_up(pieces, counts[i], content, STEP);
        io_write_pieces(seam->io, seam_ask(&written), handle, pieces, counts[i], 77 + i);
        assert_int_equal(written.landed_count, 0);
        assert_int_equal(seam_wait(seam, &written), size);
        assert_int_equal(file_size(seam, handle), 77 + i + size);
        assert_int_equal(seam_read(seam, handle, read, size, 77 + i), size);
        assert_memory_equal(read, content, size);
    }
    seam_close(seam, handle);
}

static void direct_pieces_may_be_one_buffer_again_and_again(void **state)
{
    /* A write to a DIRECT file of several MiB, all from the same aligned buffer. */
    struct seam *seam = *state;
    enum { COUNT = IO_WRITE_PIECE_COUNT_MAX, SIZE = 64 * IO_BLOCK_SIZE };
    uint8_t *content = aligned_bytes(SIZE);
    uint8_t *read = aligned_bytes(SIZE);
    struct bytes pieces[COUNT];
    seam_fill(content, SIZE, 7);
    for (uint32_t i = 0; i < COUNT; i++)
        pieces[i] = bytes_of(content, SIZE);
    int32_t handle = seam_open(seam, "file", CREATE | IO_OPEN_DIRECT);
    struct seam_request written;
    io_write_pieces(seam->io, seam_ask(&written), handle, pieces, COUNT, IO_BLOCK_SIZE);
    assert_int_equal(seam_wait(seam, &written), COUNT * SIZE);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(seam_read(seam, handle, read, SIZE, IO_BLOCK_SIZE + i * SIZE), SIZE);
        assert_memory_equal(read, content, SIZE);
    }
    seam_close(seam, handle);
    free(read);
    free(content);
}

static void allocated_ranges_read_as_zeros(void **state)
{
    /* After io_allocate the range is part of the file; what was written before stays. */
    struct seam *seam = *state;
    const uint32_t size = 256 * 1024;
    int32_t handle = seam_open(seam, "file", CREATE);
    seam_write(seam, handle, "before", 6, 0);
    struct seam_request allocated;
    io_allocate(seam->io, seam_ask(&allocated), handle, 0, size);
    assert_int_equal(seam_wait(seam, &allocated), STATUS_OK);

    assert_int_equal(file_size(seam, handle), size);
    uint8_t *read = malloc(size);
    assert_non_null(read);
    assert_int_equal(seam_read(seam, handle, read, size, 0), size);
    assert_memory_equal(read, "before", 6);
    assert_true(all_zero(read + 6, size - 6));
    free(read);

    io_allocate(seam->io, seam_ask(&allocated), handle, 2 * size, size);
    assert_int_equal(seam_wait(seam, &allocated), STATUS_OK);
    assert_int_equal(file_size(seam, handle), 3 * size);
    seam_close(seam, handle);
}

static void truncate_cuts_and_grows(void **state)
{
    /* io_truncate sets the size; what is cut off is gone, what is added is zeros. */
    struct seam *seam = *state;
    int32_t handle = seam_open(seam, "file", CREATE);
    seam_write(seam, handle, "0123456789", 10, 0);
    struct seam_request cut;
    io_truncate(seam->io, seam_ask(&cut), handle, 4);
    assert_int_equal(seam_wait(seam, &cut), STATUS_OK);
    assert_int_equal(file_size(seam, handle), 4);
    io_truncate(seam->io, seam_ask(&cut), handle, 10);
    assert_int_equal(seam_wait(seam, &cut), STATUS_OK);
    uint8_t read[10];
    assert_int_equal(seam_read(seam, handle, read, 10, 0), 10);
    assert_memory_equal(read, "0123\0\0\0\0\0\0", 10);
    seam_close(seam, handle);
}

static int32_t rename_result(struct seam *seam, const char *from, const char *to)
{
    char from_path[SEAM_PATH_SIZE];
    char to_path[SEAM_PATH_SIZE];
    struct seam_request renamed;
    io_rename(seam->io, seam_ask(&renamed), seam_path(seam, from, from_path),
              seam_path(seam, to, to_path));
    return seam_wait(seam, &renamed);
}

static int32_t unlink_result(struct seam *seam, const char *name)
{
    char path[SEAM_PATH_SIZE];
    struct seam_request unlinked;
    io_unlink(seam->io, seam_ask(&unlinked), seam_path(seam, name, path));
    return seam_wait(seam, &unlinked);
}

static void rename_replaces(void **state)
{
    /* A rename takes the place of what was there, and open handles follow the file. */
    struct seam *seam = *state;
    int32_t handle = seam_open(seam, "new", CREATE);
    seam_write(seam, handle, "new", 3, 0);
    int32_t old_handle = seam_open(seam, "old", CREATE);
    seam_write(seam, old_handle, "older", 5, 0);
    seam_close(seam, old_handle);

    assert_int_equal(rename_result(seam, "new", "old"), STATUS_OK);
    assert_int_equal(rename_result(seam, "new", "other"), STATUS_NOT_FOUND);
    assert_int_equal(open_result(seam, "new", 0), STATUS_NOT_FOUND);
    struct seam_request synced;
    io_sync_directory(seam->io, seam_ask(&synced), seam->directory);
    assert_int_equal(seam_wait(seam, &synced), STATUS_OK);

    seam_write(seam, handle, "!", 1, 3);
    old_handle = seam_open(seam, "old", IO_OPEN_READ_ONLY);
    char read[8] = {0};
    assert_int_equal(seam_read(seam, old_handle, read, 8, 0), 4);
    assert_string_equal(read, "new!");
    seam_close(seam, old_handle);
    seam_close(seam, handle);
}

static void unlink_removes_the_name(void **state)
{
    /* An unlinked file is not found any more; who has it open goes on reading it. */
    struct seam *seam = *state;
    int32_t handle = seam_open(seam, "file", CREATE);
    seam_write(seam, handle, "content", 7, 0);
    assert_int_equal(unlink_result(seam, "file"), STATUS_OK);
    assert_int_equal(unlink_result(seam, "file"), STATUS_NOT_FOUND);
    assert_int_equal(open_result(seam, "file", 0), STATUS_NOT_FOUND);
    char read[7];
    assert_int_equal(seam_read(seam, handle, read, 7, 0), 7);
    seam_close(seam, handle);
}

static int32_t make_result(struct seam *seam, const char *name)
{
    char path[SEAM_PATH_SIZE];
    struct seam_request made;
    io_make_directory(seam->io, seam_ask(&made), seam_path(seam, name, path));
    return seam_wait(seam, &made);
}

static int32_t remove_result(struct seam *seam, const char *name)
{
    char path[SEAM_PATH_SIZE];
    struct seam_request removed;
    io_remove_directory(seam->io, seam_ask(&removed), seam_path(seam, name, path));
    return seam_wait(seam, &removed);
}

static void directories_are_made_and_removed(void **state)
{
    /* A directory is made once, and removed only when it is empty. */
    struct seam *seam = *state;
    assert_int_equal(make_result(seam, "folder"), STATUS_OK);
    assert_int_equal(make_result(seam, "folder"), STATUS_EXISTS);
    assert_int_equal(make_result(seam, "none/folder"), STATUS_NOT_FOUND);
    seam_close(seam, seam_open(seam, "folder/file", CREATE));
    assert_int_equal(remove_result(seam, "folder"), STATUS_EXISTS);
    assert_int_equal(unlink_result(seam, "folder/file"), STATUS_OK);
    assert_int_equal(remove_result(seam, "folder"), STATUS_OK);
    assert_int_equal(remove_result(seam, "folder"), STATUS_NOT_FOUND);

    char path[SEAM_PATH_SIZE];
    struct seam_request synced;
    io_sync_directory(seam->io, seam_ask(&synced), seam_path(seam, "folder", path));
    assert_int_equal(seam_wait(seam, &synced), STATUS_NOT_FOUND);
}

static void listings_are_in_byte_order(void **state)
{
    /* A listing has every name but "." and "..", sorted by bytes, and knows directories. */
    struct seam *seam = *state;
    const char *names[] = {"b", "a10", "a2", "A", "\xc3\xa4", "z"};
    for (uint32_t i = 0; i < 6; i++)
        seam_close(seam, seam_open(seam, names[i], CREATE));
    assert_int_equal(make_result(seam, "m"), STATUS_OK);

    struct arena arena;
    arena_init(&arena, 64 * 1024);
    struct seam_request listed;
    io_list_directory(seam->io, seam_ask(&listed), seam->directory, &arena);
    assert_int_equal(seam_wait(seam, &listed), STATUS_OK);
    const char *expected[] = {"A", "a10", "a2", "b", "m", "z", "\xc3\xa4"};
    assert_int_equal(listed.request.listing.entry_count, 7);
    for (uint32_t i = 0; i < 7; i++) {
        assert_string_equal(listed.request.listing.entries[i].name, expected[i]);
        assert_int_equal(listed.request.listing.entries[i].is_directory, i == 4);
    }
    arena_deinit(&arena);
}

static void listings_have_edges(void **state)
{
    /* An empty directory lists nothing; a missing one is NOT_FOUND; a small arena is NO_MEMORY. */
    struct seam *seam = *state;
    char path[SEAM_PATH_SIZE];
    struct arena arena;
    struct seam_request listed;
    arena_init(&arena, 512);
    io_list_directory(seam->io, seam_ask(&listed), seam->directory, &arena);
    assert_int_equal(seam_wait(seam, &listed), STATUS_OK);
    assert_int_equal(listed.request.listing.entry_count, 0);

    io_list_directory(seam->io, seam_ask(&listed), seam_path(seam, "none", path), &arena);
    assert_int_equal(seam_wait(seam, &listed), STATUS_NOT_FOUND);

    for (uint32_t i = 0; i < 26; i++) {
        char name[] = "a-name-that-is-not-so-short-0";
        name[28] = (char)('a' + i);
        seam_close(seam, seam_open(seam, name, CREATE));
    }
    io_list_directory(seam->io, seam_ask(&listed), seam->directory, &arena);
    assert_int_equal(seam_wait(seam, &listed), STATUS_NO_MEMORY);
    arena_deinit(&arena);
}

static void free_space_is_known(void **state)
{
    /* A file system tells its free space; a path that is not there is NOT_FOUND. */
    struct seam *seam = *state;
    char path[SEAM_PATH_SIZE];
    struct seam_request asked;
    io_free_space(seam->io, seam_ask(&asked), seam->directory);
    assert_int_equal(seam_wait(seam, &asked), STATUS_OK);
    assert_true(asked.request.space.usable_bytes > 0);
    assert_true(asked.request.space.usable_bytes <= asked.request.space.total_bytes);
    io_free_space(seam->io, seam_ask(&asked), seam_path(seam, "none", path));
    assert_int_equal(seam_wait(seam, &asked), STATUS_NOT_FOUND);
}

static void many_requests_land_once_each(void **state)
{
    /* Far more requests in flight than any queue of the backend has room for all land, once. */
    struct seam *seam = *state;
    enum { COUNT = 1500, SIZE = 512 };
    struct seam_request *requests = calloc(COUNT, sizeof *requests);
    struct bytes(*halves)[2] = calloc(COUNT, sizeof *halves);
    uint8_t *content = malloc(COUNT * SIZE);
    uint8_t *read = malloc(COUNT * SIZE);
    assert_true(requests != NULL && halves != NULL && content != NULL && read != NULL);
    seam_fill(content, COUNT * SIZE, 5);
    int32_t handle = seam_open(seam, "file", CREATE);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct io_request *request = seam_ask(&requests[i]);
        halves[i][0] = bytes_of(content + i * SIZE, SIZE / 2);
        halves[i][1] = bytes_of(content + i * SIZE + SIZE / 2, SIZE / 2);
        if (i % 6 == 0)
            io_write_durable(seam->io, request, handle, content + i * SIZE, SIZE, i * SIZE);
        else if (i % 6 <= 2)
            io_write_pieces(seam->io, request, handle, halves[i], 2, i * SIZE);
        else if (i % 6 == 3)
            io_write_durable_at_once(seam->io, request, handle, content + i * SIZE, SIZE, i * SIZE);
        else
            io_write(seam->io, request, handle, content + i * SIZE, SIZE, i * SIZE);
        assert_int_equal(requests[i].landed_count, 0);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(seam_wait(seam, &requests[i]), SIZE);
    assert_int_equal(seam_read(seam, handle, read, COUNT * SIZE, 0), COUNT * SIZE);
    assert_memory_equal(read, content, COUNT * SIZE);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(requests[i].landed_count, 1);
    seam_close(seam, handle);
    free(read);
    free(content);
    free(halves);
    free(requests);
}

static void nothing_lands_inside_the_call(void **state)
{
    /* Whatever is asked for, and however fast it is, it lands in a later turn. */
    struct seam *seam = *state;
    int32_t handle = seam_open(seam, "file", CREATE);
    uint8_t byte = 0;
    struct seam_request read;
    io_read(seam->io, seam_ask(&read), handle, &byte, 1, 0);
    assert_int_equal(read.landed_count, 0);
    struct seam_request empty;
    io_read(seam->io, seam_ask(&empty), handle, &byte, 0, 0);
    assert_int_equal(empty.landed_count, 0);
    struct seam_request missing;
    io_unlink(seam->io, seam_ask(&missing), "");
    assert_int_equal(missing.landed_count, 0);
    assert_int_equal(seam_wait(seam, &read), 0);
    assert_int_equal(seam_wait(seam, &empty), 0);
    assert_int_equal(seam_wait(seam, &missing), STATUS_NOT_FOUND);

    struct seam_request closed;
    io_close(seam->io, seam_ask(&closed), handle);
    assert_int_equal(closed.landed_count, 0);
    assert_int_equal(seam_wait(seam, &closed), STATUS_OK);
}

static void await_waits_for_one_request(void **state)
{
    /* io_await answers the result of a request without any code of its own to land it. */
    struct seam *seam = *state;
    char path[SEAM_PATH_SIZE];
    struct io_request request;
    io_open(seam->io, &request, seam_path(seam, "file", path), CREATE);
    int32_t handle = io_await(seam->io, &request);
    assert_true(handle >= 0);
    io_write_durable(seam->io, &request, handle, "content", 7, 0);
    assert_int_equal(io_await(seam->io, &request), 7);
    io_file_size(seam->io, &request, handle);
    assert_int_equal(io_await(seam->io, &request), STATUS_OK);
    assert_int_equal(request.range.size_bytes, 7);
    io_close(seam->io, &request, handle);
    assert_int_equal(io_await(seam->io, &request), STATUS_OK);
    io_open(seam->io, &request, seam_path(seam, "none", path), 0);
    assert_int_equal(io_await(seam->io, &request), STATUS_NOT_FOUND);
}

uint32_t seam_file_cases(struct CMUnitTest *tests, struct seam_harness *harness)
{
    static const struct CMUnitTest cases[] = {
        SEAM_CASE(open_says_why_it_fails),
        SEAM_CASE(open_truncates_only_when_asked),
        SEAM_CASE(read_only_files_refuse_writes),
        SEAM_CASE(what_is_written_is_read),
        SEAM_CASE(a_hole_reads_as_zeros),
        SEAM_CASE(large_transfers_are_whole),
        SEAM_CASE(direct_files_work_like_others),
        SEAM_CASE(durable_writes_land_with_their_size),
        SEAM_CASE(commits_land_asleep_and_awake),
        SEAM_CASE(durable_writes_report_errors),
        SEAM_CASE(pieces_lie_one_behind_the_other),
        SEAM_CASE(direct_pieces_may_be_one_buffer_again_and_again),
        SEAM_CASE(allocated_ranges_read_as_zeros),
        SEAM_CASE(truncate_cuts_and_grows),
        SEAM_CASE(rename_replaces),
        SEAM_CASE(unlink_removes_the_name),
        SEAM_CASE(directories_are_made_and_removed),
        SEAM_CASE(listings_are_in_byte_order),
        SEAM_CASE(listings_have_edges),
        SEAM_CASE(free_space_is_known),
        SEAM_CASE(many_requests_land_once_each),
        SEAM_CASE(nothing_lands_inside_the_call),
        SEAM_CASE(await_waits_for_one_request),
    };
    memcpy(tests, cases, sizeof cases);
    return sizeof cases / sizeof cases[0];
}
