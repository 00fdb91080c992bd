/* Mail between two cores, there and back. */
#include "base/assert.h"
#include "base/list.h"
#include "io/cores.h"
#include "tests/micro/micro.h"

#include <stdlib.h>

enum { MAIL_CORES = 2 };

/* A ball that flies to core 1 and back; at home it is counted. */
struct ball {
    struct completion mail;
    struct io_cores *cores;
    uint32_t at;
    uint64_t left;
};

static void sink_write(struct log_sink *sink, struct bytes line)
{
}

static int64_t sink_now_ms(struct log_sink *sink)
{
    return 0;
}

static void ball_landed(struct completion *mail, int32_t result)
{
    struct ball *ball = container_of(mail, struct ball, mail);
    uint32_t from = ball->at;
    if (from == 0 && ball->left-- == 0) {
        io_cores_stop(ball->cores);
        return;
    }
    ball->at = 1 - from;
    io_post(io_cores_at(ball->cores, from), ball->at, mail, 0);
}

/* The cores live for one call: making them is divided by many throws. */
static void run_mail(void *context, uint64_t count)
{
    struct log_sink sink = {sink_write, sink_now_ms};
    struct logger logger = {.sink = &sink, .level = LOG_ERROR, .core = -1};
    const struct io_cores_options options = {.core_count = MAIL_CORES};
    struct ball ball = {.left = count};
    enum status status = io_cores_create(&options, &logger, &ball.cores);
    assert(status == STATUS_OK);
    completion_init(&ball.mail, ball_landed);
    io_land(io_cores_at(ball.cores, 0), &ball.mail, 0);
    io_cores_run(ball.cores);
    io_cores_destroy(ball.cores);
}

struct micro_table micro_io(void)
{
    static const struct micro rows[] = {
        {"mail: to another core and back", NULL, run_mail, NULL, 0},
    };
    return (struct micro_table){rows, sizeof rows / sizeof rows[0]};
}
