/* The inside of a node: its cores with their doors, its open handles, its clocks, what is planned
 * to happen to it. sim/node.h is the outside. */
#ifndef TAILRACE_SIM_MACHINE_H
#define TAILRACE_SIM_MACHINE_H

#include "io/io_backend.h"
#include "sim/disk.h"
#include "sim/heap.h"
#include "sim/listener.h"
#include "sim/program.h"
#include "sim/stream.h"
#include "sim/world.h"

/* A turn takes this long, up to twice. */
enum { TURN_NS = 2000 };

enum { MACHINE_PLAN_COUNT_MAX = 8 };

enum handle_kind { HANDLE_CLOSED, HANDLE_FILE, HANDLE_ENDPOINT, HANDLE_LISTENER };

/* Numbers of handles are not used again in the same life, so that a stale one is found out. */
struct handle {
    enum handle_kind kind;
    bool is_direct;
    bool is_read_only;
    uint32_t in_flight_count; /* file requests */
    union {
        struct inode *file;
        struct endpoint *endpoint;
        struct listener *listener;
    };
};

struct core {
    struct io io;
    struct node *node;
    struct logger logger;
    struct event turn;
    struct list jobs; /* file requests in flight, oldest first */
    bool is_turning;  /* the world lets it take a turn */
    bool is_polled;   /* a test turns it by hand */
};

struct plan {
    struct planned_fault fault;
    uint64_t seen_count;
};

struct node {
    struct inhabitant inhabitant;
    struct world *world;
    const char *name;
    const struct program *program;
    struct process *process; /* NULL when down */
    struct heap heap;        /* of this life */
    size_t heap_peak_bytes;  /* of all lives */
    uint32_t host;
    bool is_running;
    enum death last_death; /* is being carried out while !is_running and there are cores */
    uint32_t death_count;
    struct core *cores; /* of this life */
    struct io **doors;
    uint32_t core_count;
    uint32_t next_core_count; /* of the next life */
    struct disk disk;
    struct prng prng;

    struct handle *handles;
    uint32_t handle_count; /* ever opened in this life */
    uint32_t handle_capacity;
    uint32_t open_count;

    struct list mails;      /* under way between cores */
    uint64_t *mail_last_ns; /* when the last mail from core i to core j arrives: [i * count + j] */

    struct plan plans[MACHINE_PLAN_COUNT_MAX];
    uint32_t plan_count;
    uint64_t file_operation_count;

    uint64_t stalled_until_ns; /* the disk */
    uint64_t paused_until_ns;  /* the process */
    uint64_t start_cost_ns;    /* what io_await has taken during start */
    uint64_t restart_after_ns;

    uint64_t clock_base_ns; /* monotonic clock = base + time * (1 + drift) */
    int64_t clock_drift_ppm;
    int64_t wall_base_ms;

    struct log_sink log_sink;
    struct event start;
    struct event burial; /* what follows when death has struck */
    struct event signal;
    struct core *signal_core; /* who asked for signals, or NULL */
    struct io_request *signal_request;
    int32_t signal_number;
};

/* Death has struck: nothing that this life asks for from here on has any effect. */
static inline bool node_is_doomed(const struct node *node)
{
    return !node->is_running;
}

/* The node's monotonic clock now, and the world's time at which it will show `clock_ns`. */
uint64_t node_clock_ns(const struct node *node);
uint64_t node_time_of_clock(const struct node *node, uint64_t clock_ns);

/* Death strikes, unless it has already; it is carried out before anything else happens. */
void node_doom(struct node *node, enum death death);

/* Counts an operation and answers what is planned for it; death, if planned, has struck already. */
enum planned_effect node_count_operation(struct node *node, enum io_kind kind);

/* A new handle, or STATUS_NO_FILES. */
int32_t node_open_handle(struct node *node, struct handle handle);

/* The handle must be open. */
struct handle *node_handle(struct node *node, int32_t handle, enum handle_kind kind);

/* The core takes a turn at that time or before. */
void core_wake(struct core *core, uint64_t at_ns);

/* The result of a request; the core lands it in its next turn. */
void core_landed(struct core *core, struct io_request *request, int32_t result);

/* One line of the trace. */
void node_note(struct node *node, const char *event, int64_t number);

/* Whether a chance in a million comes up. */
bool node_draw(struct node *node, uint32_t chance);

#endif
