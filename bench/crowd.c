#include "bench/crowd.h"

#include "base/assert.h"
#include "bench/system.h"
#include "protocol/headers.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    TURN_NS_MAX = 100 * 1000 * 1000,
    NS_PER_MS = 1000 * 1000,
    ARENA_BYTES_MAX = 64 << 20,
    ANSWER_BYTES_MAX = 64 << 20,
    RECEIVE_BYTES = 4096,
};

/* --- Buffers ---------------------------------------------------------------------------------- */

/* Makes room behind what the buffer holds. */
static uint8_t *buffer_reserve(struct crowd_buffer *buffer, size_t size)
{
    size_t held = buffer->end_bytes - buffer->begin_bytes;
    if (buffer->begin_bytes > 0)
        memmove(buffer->data, buffer->data + buffer->begin_bytes, held);
    buffer->begin_bytes = 0;
    buffer->end_bytes = held;
    if (held + size > buffer->capacity) {
        buffer->capacity = 2 * (held + size);
        buffer->data = realloc(buffer->data, buffer->capacity);
        assert(buffer->data != NULL);
    }
    return buffer->data + held;
}

static struct bytes buffer_content(const struct crowd_buffer *buffer)
{
    return bytes_of(buffer->data + buffer->begin_bytes, buffer->end_bytes - buffer->begin_bytes);
}

/* --- Asking ----------------------------------------------------------------------------------- */

static void watch(struct crowd *crowd, struct crowd_line *line, bool is_blocked)
{
    if (line->is_blocked == is_blocked)
        return;
    struct epoll_event event = {.events = EPOLLIN | (is_blocked ? EPOLLOUT : 0),
                                .data.u32 = (uint32_t)(line - crowd->lines)};
    line->is_blocked = is_blocked;
    if (epoll_ctl(crowd->poll_file, EPOLL_CTL_MOD, line->file, &event) != 0)
        fail("epoll: %s", strerror(errno));
}

static void send_output(struct crowd *crowd, struct crowd_line *line)
{
    struct bytes rest = buffer_content(&line->output);
    while (rest.size > 0) {
        ssize_t sent = send(line->file, rest.data, rest.size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0)
            fail("a connection: %s", strerror(errno));
        line->output.begin_bytes += (size_t)sent;
        rest = buffer_content(&line->output);
    }
    watch(crowd, line, rest.size > 0);
}

static bool may_ask(const struct crowd *crowd, uint32_t line)
{
    assert(line < crowd->line_count);
    return crowd->lines[line].asked_count - crowd->lines[line].answered_count < CROWD_PIPELINE_MAX;
}

struct writer *crowd_ask(struct crowd *crowd, uint32_t line_index, uint32_t asker, enum api_key key,
                         int16_t version)
{
    assert(crowd->asked == NULL);
    assert(may_ask(crowd, line_index));
    struct crowd_line *line = &crowd->lines[line_index];
    line->questions[line->asked_count % CROWD_PIPELINE_MAX] =
        (struct crowd_question){.asker = asker, .key = key, .version = version};
    crowd->asked = line;
    arena_reset(&crowd->request_arena);
    writer_init(&crowd->writer, &crowd->request_arena);
    request_begin(&crowd->writer, key, version, (int32_t)line->asked_count);
    return &crowd->writer;
}

void crowd_send(struct crowd *crowd)
{
    struct crowd_line *line = crowd->asked;
    assert(line != NULL);
    frame_end(&crowd->writer);
    struct bytes frame = writer_result(&crowd->writer);
    if (crowd->writer.status != STATUS_OK)
        fail("a request: %s", status_text(crowd->writer.status));
    memcpy(buffer_reserve(&line->output, frame.size), frame.data, frame.size);
    line->output.end_bytes += frame.size;
    line->questions[line->asked_count % CROWD_PIPELINE_MAX].asked_ns = now_ns();
    line->asked_count++;
    crowd->in_flight++;
    crowd->asked = NULL;
    send_output(crowd, line);
}

/* --- Answers ---------------------------------------------------------------------------------- */

static void take_answer(struct crowd *crowd, struct crowd_line *line, struct bytes frame)
{
    struct reader reader;
    if (line->answered_count == line->asked_count)
        fail("an answer that nobody asked for");
    uint32_t id = line->answered_count++;
    struct crowd_question question = line->questions[id % CROWD_PIPELINE_MAX];
    crowd->in_flight--;
    crowd->answered_ns = now_ns();
    reader_init(&reader, frame);
    arena_reset(&crowd->answer_arena);
    if (!response_begin(&reader, question.key, question.version, (int32_t)id, &crowd->answer_arena))
        fail("an answer is not the one to request %u", id);
    const struct crowd_answer answer = {
        .asker = question.asker,
        .key = question.key,
        .version = question.version,
        .latency_ns = crowd->answered_ns - question.asked_ns,
        .reader = &reader,
        .arena = &crowd->answer_arena,
    };
    crowd->answered(crowd, &answer);
}

/* The next whole answer of the line; false if there is none yet. `missing` is what to read. */
static bool next_frame(struct crowd_line *line, struct bytes *frame, size_t *missing)
{
    struct bytes held = buffer_content(&line->input);
    *missing = RECEIVE_BYTES;
    if (held.size < FRAME_PREFIX_SIZE)
        return false;
    size_t size = FRAME_PREFIX_SIZE + (size_t)load_u32_be(held.data);
    if (size > ANSWER_BYTES_MAX)
        fail("an answer of %zu bytes", size);
    if (held.size < size) {
        *missing = size - held.size;
        return false;
    }
    *frame = bytes_of(held.data + FRAME_PREFIX_SIZE, size - FRAME_PREFIX_SIZE);
    line->input.begin_bytes += size;
    return true;
}

static void receive(struct crowd *crowd, struct crowd_line *line)
{
    struct bytes frame;
    size_t missing;
    (void)next_frame(line, &frame, &missing);
    size_t room = missing < RECEIVE_BYTES ? RECEIVE_BYTES : missing;
    ssize_t count = recv(line->file, buffer_reserve(&line->input, room), room, 0);
    if (count < 0 && errno == EAGAIN)
        return;
    if (count <= 0)
        fail("a connection: %s", count == 0 ? "the broker closed it" : strerror(errno));
    line->input.end_bytes += (size_t)count;
    while (next_frame(line, &frame, &missing))
        take_answer(crowd, line, frame);
}

/* --- Turns ------------------------------------------------------------------------------------ */

static int turn_timeout_ms(const struct crowd *crowd)
{
    uint64_t due_ns;
    uint64_t now = (uint64_t)now_ns();
    if (!timer_wheel_next(&crowd->wheel, &due_ns) || due_ns > now + TURN_NS_MAX)
        return TURN_NS_MAX / NS_PER_MS;
    return due_ns <= now ? 0 : (int)((due_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

void crowd_turn(struct crowd *crowd)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(crowd->poll_file, events, EVENTS_MAX, turn_timeout_ms(crowd));
    for (int i = 0; i < count; i++) {
        struct crowd_line *line = &crowd->lines[events[i].data.u32];
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0)
            receive(crowd, line);
        if (line->is_blocked)
            send_output(crowd, line);
    }
    int64_t now = now_ns();
    timer_wheel_advance(&crowd->wheel, (uint64_t)now);
    if (crowd->in_flight > 0 && now - crowd->answered_ns > CROWD_SILENCE_SECONDS * SECOND_NS)
        fail("no answer for %d s with %u requests in flight", CROWD_SILENCE_SECONDS,
             crowd->in_flight);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void open_line(struct crowd *crowd, uint32_t index, const struct address *address)
{
    struct crowd_line *line = &crowd->lines[index];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    int on = 1;
    line->file = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line->file < 0 ||
        connect(line->file, (const struct sockaddr *)&address->socket, address->socket_size) != 0)
        fail("connection %u: %s", index, strerror(errno));
    setsockopt(line->file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fcntl(line->file, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(crowd->poll_file, EPOLL_CTL_ADD, line->file, &event) != 0)
        fail("connection %u: %s", index, strerror(errno));
}

void crowd_init(struct crowd *crowd, const struct address *address, uint32_t line_count,
                void (*answered)(struct crowd *, const struct crowd_answer *))
{
    assert(line_count > 0);
    *crowd = (struct crowd){.line_count = line_count, .answered = answered};
    crowd->poll_file = epoll_create1(EPOLL_CLOEXEC);
    crowd->lines = calloc(line_count, sizeof *crowd->lines);
    if (crowd->poll_file < 0 || crowd->lines == NULL)
        fail("cannot begin: %s", strerror(errno));
    arena_init(&crowd->request_arena, ARENA_BYTES_MAX);
    arena_init(&crowd->answer_arena, ARENA_BYTES_MAX);
    for (uint32_t i = 0; i < line_count; i++)
        open_line(crowd, i, address);
    crowd->answered_ns = now_ns();
    timer_wheel_init(&crowd->wheel, (uint64_t)crowd->answered_ns);
}

void crowd_deinit(struct crowd *crowd)
{
    for (uint32_t i = 0; i < crowd->line_count; i++) {
        close(crowd->lines[i].file);
        free(crowd->lines[i].output.data);
        free(crowd->lines[i].input.data);
    }
    free(crowd->lines);
    close(crowd->poll_file);
    arena_deinit(&crowd->request_arena);
    arena_deinit(&crowd->answer_arena);
}
