#include "sim/ledger_server.h"

#include "base/assert.h"
#include "sim/memory.h"

struct block {
    uint64_t index;
    uint64_t value;
    uint64_t check;
    uint8_t zeros[IO_BLOCK_SIZE - 24];
};

static_assert(sizeof(struct block) == IO_BLOCK_SIZE, "a block is what the disk writes at once");

static const char ledger_path[] = "/data/ledger";

struct server {
    struct process process;
    struct io *io;
    enum ledger_mistake mistake;
    int32_t file;
    int32_t listener;
    int32_t socket;
    struct io_request request; /* of the connection: accept, receive, send, close */
    struct io_request commit;
    struct block *block;
    uint64_t block_count;
    uint64_t last_value;
    uint64_t number; /* being received, or being answered */
    uint32_t number_size;
    struct bytes answer;
};

static uint64_t block_check(const struct block *block)
{
    return (block->index * 0x9e3779b97f4a7c15u ^ block->value) * 0xbf58476d1ce4e5b9u + 1;
}

static bool block_is_whole(const struct block *block, uint64_t index)
{
    return block->index == index && block->check == block_check(block);
}

bool ledger_block_read(struct disk *disk, uint64_t index, uint64_t *value)
{
    struct inode *file;
    struct block block;
    if (disk_open(disk, ledger_path, IO_OPEN_READ_ONLY, &file) != STATUS_OK)
        return false;
    size_t size = file_read(&file->file, index * IO_BLOCK_SIZE, (uint8_t *)&block, sizeof block);
    disk_release(disk, file);
    *value = block.value;
    return size == sizeof block && block_is_whole(&block, index);
}

/* --- Start ------------------------------------------------------------------------------------ */

/* Finds the end of the ledger; the last whole block is left in server->block. */
static enum status server_scan(struct server *server)
{
    for (;;) {
        struct block *block = server->block;
        io_read(server->io, &server->commit, server->file, block, IO_BLOCK_SIZE,
                server->block_count * IO_BLOCK_SIZE);
        int32_t result = io_await(server->io, &server->commit);
        if (result < 0)
            return result;
        if (result < IO_BLOCK_SIZE || !block_is_whole(block, server->block_count))
            return STATUS_OK;
        server->last_value = block->value;
        server->block_count++;
    }
}

static void block_fill(struct block *block, uint64_t index, uint64_t value)
{
    *block = (struct block){.index = index, .value = value};
    block->check = block_check(block);
}

static enum status server_make_durable(struct server *server)
{
    if (server->mistake != LEDGER_TRUST_CACHE && server->block_count > 0) {
        block_fill(server->block, server->block_count - 1, server->last_value);
        io_write_durable(server->io, &server->commit, server->file, server->block, IO_BLOCK_SIZE,
                         (server->block_count - 1) * IO_BLOCK_SIZE);
        int32_t result = io_await(server->io, &server->commit);
        if (result < 0)
            return result;
    }
    if (server->mistake == LEDGER_NO_NAME_SYNC)
        return STATUS_OK;
    io_sync_directory(server->io, &server->commit, "/data");
    return io_await(server->io, &server->commit);
}

static enum status server_open(struct server *server)
{
    io_open(server->io, &server->commit, ledger_path, IO_OPEN_CREATE | IO_OPEN_DIRECT);
    server->file = io_await(server->io, &server->commit);
    if (server->file < 0)
        return server->file;
    enum status status = server_scan(server);
    if (status == STATUS_OK)
        status = server_make_durable(server);
    if (status != STATUS_OK)
        return status;
    struct io_address address = {.port = LEDGER_PORT, .text = "0.0.0.0:9000"};
    return io_listen(server->io, &address, &server->listener);
}

/* --- Serving ---------------------------------------------------------------------------------- */

static void server_accept(struct server *server);
static void server_receive(struct server *server);
static void server_append(struct server *server);

static struct server *server_of(struct completion *completion)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    return container_of(request, struct server, request);
}

static void closed(struct completion *completion, int32_t result)
{
    server_accept(server_of(completion));
}

static void server_hang_up(struct server *server)
{
    completion_init(&server->request.completion, closed);
    io_close(server->io, &server->request, server->socket);
}

static void answered(struct completion *completion, int32_t result)
{
    struct server *server = server_of(completion);
    if (result < 0)
        server_hang_up(server);
    else if (server->mistake == LEDGER_EARLY_ANSWER && server->number > server->last_value)
        server_append(server);
    else
        server_receive(server);
}

static void server_answer(struct server *server)
{
    server->answer = bytes_of(&server->number, LEDGER_NUMBER_SIZE);
    completion_init(&server->request.completion, answered);
    io_send(server->io, &server->request, server->socket, &server->answer, 1);
}

/* An error of the log is final. */
static void committed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    struct server *server = container_of(request, struct server, commit);
    if (result < 0) {
        log_error(io_logger(server->io), "the ledger failed", field_status("error", result));
        io_stop(server->io);
        return;
    }
    server->block_count++;
    server->last_value = server->block->value;
    if (server->mistake == LEDGER_EARLY_ANSWER)
        server_receive(server);
    else
        server_answer(server);
}

static void server_append(struct server *server)
{
    assert(server->number_size == LEDGER_NUMBER_SIZE);
    assert(server->number > server->last_value);
    uint64_t offset = server->block_count * IO_BLOCK_SIZE;
    block_fill(server->block, server->block_count, server->number);
    completion_init(&server->commit.completion, committed);
    if (server->mistake == LEDGER_NO_SYNC)
        io_write(server->io, &server->commit, server->file, server->block, IO_BLOCK_SIZE, offset);
    else
        io_write_durable(server->io, &server->commit, server->file, server->block, IO_BLOCK_SIZE,
                         offset);
}

static void received(struct completion *completion, int32_t result)
{
    struct server *server = server_of(completion);
    if (result <= 0) {
        server_hang_up(server);
        return;
    }
    server->number_size += (uint32_t)result;
    if (server->number_size < LEDGER_NUMBER_SIZE)
        server_receive(server);
    else if (server->number <= server->last_value || server->mistake == LEDGER_EARLY_ANSWER)
        server_answer(server);
    else
        server_append(server);
}

static void server_receive(struct server *server)
{
    server->number_size %= LEDGER_NUMBER_SIZE;
    completion_init(&server->request.completion, received);
    io_receive(server->io, &server->request, server->socket,
               (uint8_t *)&server->number + server->number_size,
               LEDGER_NUMBER_SIZE - server->number_size);
}

static void accepted(struct completion *completion, int32_t result)
{
    struct server *server = server_of(completion);
    if (result < 0)
        return;
    server->socket = result;
    server->number_size = 0;
    server_receive(server);
}

static void server_accept(struct server *server)
{
    completion_init(&server->request.completion, accepted);
    io_accept(server->io, &server->request, server->listener);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void server_destroy(struct process *process)
{
    struct server *server = container_of(process, struct server, process);
    free(server->block);
    free(server);
}

static struct process *server_start(const struct program *program, struct node *node,
                                    struct io *const *cores, uint32_t core_count)
{
    assert(core_count == 1);
    struct server *server = must_allocate(1, sizeof *server);
    server->process = (struct process){.program = program, .node = node};
    server->io = cores[0];
    server->mistake = container_of(program, struct ledger_server_program, program)->mistake;
    server->block = aligned_alloc(IO_BLOCK_SIZE, sizeof *server->block);
    assert(server->block != NULL);
    enum status status = server_open(server);
    if (status != STATUS_OK) {
        server_destroy(&server->process);
        return NULL;
    }
    log_info(io_logger(server->io), "the ledger is open",
             field_u64("block_count", server->block_count));
    server_accept(server);
    return &server->process;
}

void ledger_server_program_init(struct ledger_server_program *program, enum ledger_mistake mistake)
{
    program->program = (struct program){.start = server_start, .destroy = server_destroy};
    program->mistake = mistake;
}
