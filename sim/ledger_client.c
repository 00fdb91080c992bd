#include "sim/ledger_client.h"

#include "base/assert.h"
#include "sim/ledger_server.h"
#include "sim/memory.h"

static const uint64_t patience_ns = 1000ull * 1000 * 1000;
static const uint64_t retry_ns = 20ull * 1000 * 1000;

struct client {
    struct process process;
    struct io *io;
    struct ledger_client_program *program;
    struct timer retry;
    struct timer patience; /* with the present connection's answer */
    struct io_request request;
    int32_t socket;
    uint64_t number;
    uint64_t answer;
    uint32_t answer_size;
    struct bytes piece;
};

static struct client *client_of(struct completion *completion)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    return container_of(request, struct client, request);
}

static void client_receive(struct client *client);

/* --- One connection after the other ----------------------------------------------------------- */

static void client_retry(struct client *client)
{
    io_timer_start(client->io, &client->retry, io_now_ns(client->io) + retry_ns);
}

static void closed(struct completion *completion, int32_t result)
{
    client_retry(client_of(completion));
}

static void client_hang_up(struct client *client)
{
    io_timer_cancel(client->io, &client->patience);
    completion_init(&client->request.completion, closed);
    io_close(client->io, &client->request, client->socket);
}

/* What is in flight lands soon, and then the connection is closed. */
static void patience_ended(struct timer *timer)
{
    struct client *client = container_of(timer, struct client, patience);
    io_shutdown(client->io, client->socket);
}

/* --- One number after the other --------------------------------------------------------------- */

static void sent(struct completion *completion, int32_t result)
{
    struct client *client = client_of(completion);
    if (result < 0)
        client_hang_up(client);
    else
        client_receive(client);
}

static void client_send(struct client *client)
{
    assert(client->socket >= 0);
    client->number = client->program->answered + 1;
    client->answer_size = 0;
    client->piece = bytes_of(&client->number, LEDGER_NUMBER_SIZE);
    io_timer_start(client->io, &client->patience, io_now_ns(client->io) + patience_ns);
    completion_init(&client->request.completion, sent);
    io_send(client->io, &client->request, client->socket, &client->piece, 1);
}

static void received(struct completion *completion, int32_t result)
{
    struct client *client = client_of(completion);
    if (result <= 0) {
        client_hang_up(client);
        return;
    }
    assert(client->answer_size < LEDGER_NUMBER_SIZE);
    client->answer_size += (uint32_t)result;
    if (client->answer_size < LEDGER_NUMBER_SIZE) {
        client_receive(client);
        return;
    }
    assert(client->answer == client->number);
    io_timer_cancel(client->io, &client->patience);
    client->program->answered = client->number;
    client_send(client);
}

static void client_receive(struct client *client)
{
    completion_init(&client->request.completion, received);
    io_receive(client->io, &client->request, client->socket,
               (uint8_t *)&client->answer + client->answer_size,
               LEDGER_NUMBER_SIZE - client->answer_size);
}

static void connected(struct completion *completion, int32_t result)
{
    struct client *client = client_of(completion);
    client->socket = result;
    if (result < 0)
        client_retry(client);
    else
        client_send(client);
}

static void retry_fired(struct timer *timer)
{
    struct client *client = container_of(timer, struct client, retry);
    completion_init(&client->request.completion, connected);
    io_connect(client->io, &client->request, &client->program->server);
}

/* --- Life ------------------------------------------------------------------------------------- */

static struct process *client_start(const struct program *program, struct node *node,
                                    struct io *const *cores, uint32_t core_count)
{
    assert(core_count == 1);
    struct client *client = must_allocate(1, sizeof *client);
    client->process = (struct process){.program = program, .node = node};
    client->io = cores[0];
    client->program = container_of(program, struct ledger_client_program, program);
    timer_init(&client->retry, retry_fired);
    timer_init(&client->patience, patience_ended);
    client_retry(client);
    return &client->process;
}

static void client_destroy(struct process *process)
{
    free(container_of(process, struct client, process));
}

void ledger_client_program_init(struct ledger_client_program *program, struct io_address server)
{
    *program = (struct ledger_client_program){
        .program = {.start = client_start, .destroy = client_destroy}, .server = server};
}
