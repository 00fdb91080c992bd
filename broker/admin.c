#include "broker/admin.h"

#include "base/assert.h"
#include "base/text.h"
#include "broker/exposition.h"
#include "broker/http_core.h"
#include "broker/scrape.h"
#include "io/process.h"

#include <stdio.h>
#include <stdlib.h>

enum { ACCEPT_PAUSE_NS = 100 * 1000 * 1000, HOST_SIZE_MAX = 256 };

/*   BEGIN ──▶ RECEIVE (again while more is to come) ──▶ GATHER ──▶ SEND ──▶ CLOSE
 *                ├───────────── no numbers needed ────────────────▶ │         ▲
 *                └───────────── gone ─────────────────────────────────────────┘ */
enum admin_stage { ADMIN_BEGIN, ADMIN_RECEIVE, ADMIN_GATHER, ADMIN_SEND, ADMIN_CLOSE };

static const struct op_stage admin_stages[] = {
    [ADMIN_BEGIN] = {"begin", 0},
    [ADMIN_RECEIVE] = {"receive", AFTER(ADMIN_BEGIN)},
    [ADMIN_GATHER] = {"gather", AFTER(ADMIN_RECEIVE)},
    [ADMIN_SEND] = {"send", AFTER(ADMIN_RECEIVE) | AFTER(ADMIN_GATHER)},
    [ADMIN_CLOSE] = {"close", AFTER(ADMIN_RECEIVE) | AFTER(ADMIN_SEND)},
};

struct admin_connection {
    struct op op;
    struct list_node node;
    struct admin *admin;
    int32_t handle;
    struct io_request request;
    int32_t received; /* what the last receive has landed with */
    struct timer deadline;
    struct completion gathered;
    struct scrape scrape;
    struct arena arena;
    struct bytes pieces[2];
    bool is_head;
    uint32_t input_size;
    uint8_t input[HTTP_REQUEST_BYTES_MAX];
    char head[HTTP_HEAD_BYTES_MAX];
};

/* --- Answering -------------------------------------------------------------------------------- */

static void request_landed(struct completion *completion, int32_t result)
{
    struct admin_connection *connection =
        container_of(completion, struct admin_connection, request.completion);
    connection->received = result;
    op_landed(&connection->op, STATUS_OK); /* what it means, the stage knows */
}

static enum op_progress receive_more(struct admin_connection *connection)
{
    assert(connection->input_size < HTTP_REQUEST_BYTES_MAX);
    assert(connection->op.stage == ADMIN_RECEIVE);
    op_expect(&connection->op);
    completion_init(&connection->request.completion, request_landed);
    io_receive(connection->admin->io, &connection->request, connection->handle,
               connection->input + connection->input_size,
               HTTP_REQUEST_BYTES_MAX - connection->input_size);
    return OP_WAIT;
}

static enum op_progress answer(struct admin_connection *connection, enum http_status status,
                               const char *content_type, struct bytes body)
{
    size_t head_size = http_response_head(status, content_type, body.size, connection->head);
    assert(head_size > 0);
    assert(head_size <= HTTP_HEAD_BYTES_MAX);
    connection->pieces[0] = bytes_of(connection->head, head_size);
    connection->pieces[1] = body;
    uint32_t piece_count = connection->is_head || body.size == 0 ? 1 : 2;
    op_move(&connection->op, ADMIN_SEND);
    op_expect(&connection->op);
    completion_init(&connection->request.completion, request_landed);
    io_send(connection->admin->io, &connection->request, connection->handle, connection->pieces,
            piece_count);
    return OP_WAIT;
}

static enum op_progress answer_status(struct admin_connection *connection, enum http_status status)
{
    char *text = arena_allocate(&connection->arena, HTTP_HEAD_BYTES_MAX);
    if (text == NULL)
        return answer(connection, HTTP_UNAVAILABLE, "application/json", bytes_of_text("{}\n"));
    int size = snprintf(text, HTTP_HEAD_BYTES_MAX, "{\"status\":\"%s\"}\n",
                        status == HTTP_OK ? "ok" : http_status_text(status));
    assert(size > 0);
    assert(size < HTTP_HEAD_BYTES_MAX);
    return answer(connection, status, "application/json", bytes_of(text, (size_t)size));
}

static void gathered(struct completion *completion, int32_t result)
{
    op_landed(&container_of(completion, struct admin_connection, gathered)->op, result);
}

static enum op_progress gather(struct admin_connection *connection)
{
    op_move(&connection->op, ADMIN_GATHER);
    op_expect(&connection->op);
    completion_init(&connection->gathered, gathered);
    scrape_start(&connection->scrape, connection->admin->roster, &connection->gathered);
    return OP_WAIT;
}

static void add_process(const struct admin *admin, struct metrics *metrics)
{
    assert(io_now_ns(admin->io) >= admin->started_ns);
    struct process_facts facts;
    process_describe(&facts);
    metrics_add(metrics, METRIC_PROCESS_RESIDENT_MEMORY_BYTES, facts.resident_bytes);
    metrics_add(metrics, METRIC_PROCESS_OPEN_FDS, facts.open_file_count);
    metrics_add(metrics, METRIC_PROCESS_CPU_MICROSECONDS, facts.cpu_us);
    metrics_add(metrics, METRIC_UPTIME_MICROSECONDS,
                (int64_t)((io_now_ns(admin->io) - admin->started_ns) / 1000));
}

static enum op_progress answer_metrics(struct admin_connection *connection)
{
    const struct admin *admin = connection->admin;
    const struct image *image = core_image(roster_core(admin->roster, 0));
    struct writer writer;
    if (connection->op.error != STATUS_OK || image == NULL)
        return answer_status(connection, HTTP_UNAVAILABLE);
    struct core_sample *sum = scrape_sum(&connection->scrape);
    add_process(admin, &sum->metrics);
    metrics_add(&sum->metrics, METRIC_TOPIC_COUNT, image_topic_count(image));
    writer_init(&writer, &connection->arena);
    exposition_write(&writer, sum, image);
    if (writer.status != STATUS_OK)
        return answer_status(connection, HTTP_UNAVAILABLE);
    return answer(connection, HTTP_OK, EXPOSITION_CONTENT_TYPE, writer_result(&writer));
}

static enum op_progress route(struct admin_connection *connection, struct bytes path)
{
    bool is_serving = !roster_core(connection->admin->roster, 0)->is_draining;
    if (bytes_equal_text(path, "/metrics"))
        return gather(connection);
    if (bytes_equal_text(path, "/healthz"))
        return answer_status(connection, HTTP_OK);
    if (bytes_equal_text(path, "/readyz"))
        return answer_status(connection, is_serving ? HTTP_OK : HTTP_UNAVAILABLE);
    return answer_status(connection, HTTP_NOT_FOUND);
}

static enum op_progress close_connection(struct admin_connection *connection)
{
    assert(connection->handle >= 0);
    op_move(&connection->op, ADMIN_CLOSE);
    op_expect(&connection->op);
    completion_init(&connection->request.completion, request_landed);
    io_close(connection->admin->io, &connection->request, connection->handle);
    return OP_WAIT;
}

static enum op_progress look_at_input(struct admin_connection *connection)
{
    struct http_request request;
    if (connection->received <= 0)
        return close_connection(connection);
    connection->input_size += (uint32_t)connection->received;
    assert(connection->input_size <= HTTP_REQUEST_BYTES_MAX);
    enum http_status status =
        http_request_read(bytes_of(connection->input, connection->input_size), &request);
    connection->is_head = request.is_head;
    if (status == HTTP_INCOMPLETE)
        return receive_more(connection);
    return status == HTTP_OK ? route(connection, request.path) : answer_status(connection, status);
}

/* --- Connections ------------------------------------------------------------------------------ */

static void accept_next(struct admin *admin);

static void check_stopped(struct admin *admin)
{
    if (admin->stopped == NULL || admin->is_accepting || admin->connection_count > 0)
        return;
    io_land(admin->io, admin->stopped, STATUS_OK);
    admin->stopped = NULL;
}

static void connection_free(struct admin_connection *connection)
{
    assert(connection->admin->connection_count > 0);
    list_remove(&connection->node);
    connection->admin->connection_count--;
    scrape_deinit(&connection->scrape);
    arena_deinit(&connection->arena);
    free(connection);
}

static enum op_progress end_connection(struct admin_connection *connection)
{
    struct admin *admin = connection->admin;
    io_timer_cancel(admin->io, &connection->deadline);
    connection_free(connection);
    accept_next(admin);
    check_stopped(admin);
    return OP_DONE;
}

static enum op_progress admin_step(struct op *op)
{
    struct admin_connection *connection = container_of(op, struct admin_connection, op);
    switch ((enum admin_stage)op->stage) {
    case ADMIN_BEGIN: op_move(op, ADMIN_RECEIVE); return receive_more(connection);
    case ADMIN_RECEIVE: return look_at_input(connection);
    case ADMIN_GATHER: return answer_metrics(connection);
    case ADMIN_SEND: return close_connection(connection);
    case ADMIN_CLOSE: return end_connection(connection);
    }
    unreachable();
}

static const struct op_kind admin_kind = {
    .name = "admin_connection",
    .step = admin_step,
    .stages = admin_stages,
};

/* Whatever is in flight lands soon then. While the handle is being closed nothing may touch it. */
static void deadline_fired(struct timer *timer)
{
    struct admin_connection *connection = container_of(timer, struct admin_connection, deadline);
    if (connection->op.stage != ADMIN_CLOSE)
        io_shutdown(connection->admin->io, connection->handle);
}

static void connection_start(struct admin *admin, int32_t handle)
{
    assert(handle >= 0);
    assert(admin->connection_count < LIMIT_ADMIN_CONNECTIONS);
    struct admin_connection *connection = calloc(1, sizeof *connection);
    assert(connection != NULL);
    connection->admin = admin;
    connection->handle = handle;
    arena_init(&connection->arena, LIMIT_ADMIN_RESPONSE_BYTES);
    list_node_init(&connection->node);
    list_push_back(&admin->connections, &connection->node);
    admin->connection_count++;
    timer_init(&connection->deadline, deadline_fired);
    io_timer_start(admin->io, &connection->deadline,
                   io_now_ns(admin->io) + LIMIT_ADMIN_SECONDS * 1000ull * 1000 * 1000);
    op_start(&connection->op, &admin_kind, io_ops(admin->io));
}

/* --- The listener ----------------------------------------------------------------------------- */

static void pause_is_over(struct timer *timer)
{
    accept_next(container_of(timer, struct admin, pause));
}

static void accepted(struct completion *completion, int32_t result)
{
    struct admin *admin = container_of(completion, struct admin, accept.completion);
    assert(admin->is_accepting);
    admin->is_accepting = false;
    if (result >= 0)
        connection_start(admin, result);
    if (result < 0 && admin->stopped == NULL)
        io_timer_start(admin->io, &admin->pause, io_now_ns(admin->io) + ACCEPT_PAUSE_NS);
    else
        accept_next(admin);
    check_stopped(admin);
}

/* Does nothing when the listener is busy, full, pausing or being stopped. */
static void accept_next(struct admin *admin)
{
    if (admin->is_accepting || admin->stopped != NULL || timer_is_running(&admin->pause) ||
        admin->connection_count >= LIMIT_ADMIN_CONNECTIONS)
        return;
    admin->is_accepting = true;
    completion_init(&admin->accept.completion, accepted);
    io_accept(admin->io, &admin->accept, admin->listener);
}

/* "host:port", the host perhaps in brackets. */
static enum status parse_address(const char *text, struct io_address *address)
{
    char host[HOST_SIZE_MAX];
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (colon == NULL || (size_t)(colon - text) >= sizeof host ||
        text_parse_i64(bytes_of_text(colon + 1), 0, UINT16_MAX, &port) != STATUS_OK)
        return STATUS_INVALID;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    return io_address_parse(host, (uint16_t)port, address);
}

void admin_init(struct admin *admin, const struct roster *roster)
{
    assert(roster != NULL);
    *admin = (struct admin){.roster = roster, .listener = -1};
    timer_init(&admin->pause, pause_is_over);
    list_init(&admin->connections);
}

void admin_start(struct admin *admin, const struct config *config, struct logger *logger)
{
    assert(config != NULL);
    assert(admin->listener < 0);
    const char *text = config_text(config, CONFIG_TAILRACE_ADMIN_LISTENER);
    admin->io = roster_core(admin->roster, 0)->io;
    admin->started_ns = io_now_ns(admin->io);
    if (text == NULL || text[0] == '\0')
        return;
    enum status status = parse_address(text, &admin->address);
    if (status == STATUS_OK)
        status = io_listen(admin->io, &admin->address, &admin->listener);
    if (status == STATUS_OK) {
        accept_next(admin);
        return;
    }
    admin->listener = -1;
    log_warn(logger, "no metrics: cannot listen on tailrace.admin.listener",
             field_text("address", text), field_status("status", status));
}

/* Those that are in the middle of something are cut off: what they would get is of no use now. */
void admin_stop(struct admin *admin, struct completion *stopped)
{
    assert(stopped != NULL);
    assert(admin->stopped == NULL);
    struct admin_connection *connection;
    if (admin->listener < 0) {
        io_land(roster_core(admin->roster, 0)->io, stopped, STATUS_OK);
        return;
    }
    admin->stopped = stopped;
    io_timer_cancel(admin->io, &admin->pause);
    io_close_listener(admin->io, admin->listener);
    list_for_each_entry (connection, &admin->connections, node)
        deadline_fired(&connection->deadline);
    check_stopped(admin);
}

void admin_deinit(struct admin *admin)
{
    struct admin_connection *connection, *following;
    list_for_each_entry_safe (connection, following, &admin->connections, node)
        connection_free(connection);
}
