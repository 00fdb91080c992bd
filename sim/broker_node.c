#include "sim/broker_node.h"

#include "base/assert.h"
#include "broker/broker.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    MEMORY_BYTES = 24 << 20,
    JOURNAL_FILE_BYTES = 512 << 10,
    RECYCLE_BYTES_MIN = 4 << 10,
};

struct broker_process {
    struct process process;
    struct broker_program *program;
    struct io *io; /* of core 0 */
    struct config *config;
    struct broker *broker;
    struct completion started;
    struct completion stopped;
    struct completion halted;
    struct io_request signal;
};

static void complain(struct config_reporter *reporter, const char *where, const char *message)
{
    fprintf(stderr, "broker node: %s: %s\n", where, message);
}

static void has_stopped(struct completion *completion, int32_t result)
{
    struct broker_process *process = container_of(completion, struct broker_process, stopped);
    log_info(io_logger(process->io), "stopped", field_status("status", (enum status)result));
    io_stop(process->io);
}

static void signal_landed(struct completion *completion, int32_t result)
{
    struct broker_process *process =
        container_of(completion, struct broker_process, signal.completion);
    completion_init(&process->stopped, has_stopped);
    broker_stop(process->broker, &process->stopped);
}

static void has_started(struct completion *completion, int32_t result)
{
    struct broker_process *process = container_of(completion, struct broker_process, started);
    if (result < 0) {
        log_error(io_logger(process->io), "cannot start",
                  field_status("status", (enum status)result));
        io_stop(process->io);
        return;
    }
    process->program->serve_count++;
    log_info(io_logger(process->io), "serving");
    completion_init(&process->signal.completion, signal_landed);
    io_signal(process->io, &process->signal);
}

/* It cannot go on, as the log says: whoever repairs the disk starts it again. */
static void has_halted(struct completion *completion, int32_t result)
{
    struct broker_process *process = container_of(completion, struct broker_process, halted);
    log_error(io_logger(process->io), "halted", field_status("status", (enum status)result));
    process->program->halt_count++;
    io_stop(process->io);
}

/* The doors' array is the node's and outlives this life. */
static struct broker_options options_of(struct broker_process *process, struct io *const *cores,
                                        uint32_t core_count)
{
    struct io **doors = calloc(core_count, sizeof *doors);
    assert(doors != NULL);
    memcpy(doors, cores, core_count * sizeof *doors);
    return (struct broker_options){
        .doors = doors,
        .core_count = core_count,
        .config = process->config,
        .logger = io_logger(process->io),
        .memory_bytes = process->program->memory_bytes,
        .halted = &process->halted,
        .journal_file_bytes = process->program->journal_file_bytes,
        .recycle_bytes_min = RECYCLE_BYTES_MIN,
        .unsafe_skip_sync = process->program->skips_sync,
    };
}

static struct process *broker_node_start(const struct program *program, struct node *node,
                                         struct io *const *cores, uint32_t core_count)
{
    struct config_reporter reporter = {.warn = complain, .fail = complain};
    struct broker_process *process = calloc(1, sizeof *process);
    assert(process != NULL);
    process->process = (struct process){.program = program, .node = node};
    process->program =
        container_of((struct program *)(uintptr_t)program, struct broker_program, program);
    process->io = cores[0];
    process->config = config_load("settings", bytes_of_text(process->program->settings), NULL, NULL,
                                  0, &reporter);
    assert(process->config != NULL);
    completion_init(&process->halted, has_halted);
    struct broker_options options = options_of(process, cores, core_count);
    enum status status = broker_create(&options, &process->broker);
    if (status != STATUS_OK) {
        log_error(io_logger(process->io), "cannot be created", field_status("status", status));
        return NULL;
    }
    completion_init(&process->started, has_started);
    broker_start(process->broker, &process->started);
    return &process->process;
}

void broker_program_init(struct broker_program *program, const char *settings)
{
    *program = (struct broker_program){
        .program = {.start = broker_node_start},
        .settings = settings,
        .memory_bytes = MEMORY_BYTES,
        .journal_file_bytes = JOURNAL_FILE_BYTES,
    };
}
