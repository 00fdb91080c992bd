/* How many connections may be open, over all listeners, and on which core the next one goes. Each
 * core has its share; when all are taken, clients wait in the listener's backlog, where nothing is
 * closed that was open, until a connection has gone.
 *
 * The gate lives on core 0. Other cores tell it by mail which connections have gone, several at a
 * time: so it knows of a place later than it is free, and never of one that is not. */
#ifndef TAILRACE_BROKER_GATE_H
#define TAILRACE_BROKER_GATE_H

#include "base/list.h"
#include "broker/roster.h"

/* Someone who wants to take a connection in; embedded in the acceptor. */
struct gate_wish {
    struct list_node node; /* on none: does not wait */
    void (*granted)(struct gate_wish *wish, uint32_t core_index);
};

struct gate {
    const struct roster *roster;
    uint32_t *taken; /* places for each core */
    uint32_t next_core;
    struct list wishes;
    bool is_told; /* that clients wait */
};

void gate_init(struct gate *gate, const struct roster *roster);
void gate_deinit(struct gate *gate);

/* A place on some core, at once or when there is one; `granted` may be called from within. */
void gate_enter(struct gate *gate, struct gate_wish *wish);

/* It does not want any more; it need not wait. */
void gate_forget(struct gate_wish *wish);

/* The place is free again; on core 0. */
void gate_leave(struct gate *gate, uint32_t core_index, uint32_t count);

/* Somebody waits for a place. */
bool gate_is_full(const struct gate *gate);

/* On any core: one of its connections has gone, or was not taken. */
void gate_note_departure(struct broker_core *core);

#endif
