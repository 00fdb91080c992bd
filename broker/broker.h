/* The server: one struct per node, many of which can live in one process (the simulator's nodes).
 *
 * A life:
 *
 *   broker_create   blocking, on core 0's door before the loops run: locks the directory, binds the
 *                   listeners, recovers the storage, loads the metadata
 *   broker_start    on core 0: every core makes its store, the controller becomes active, the
 *                   partitions open, clients are let in
 *   broker_stop     on core 0: clients collect their answers and go, everything is written down
 *   broker_destroy  gives back the memory; in the simulator also instead of broker_stop */
#ifndef TAILRACE_BROKER_BROKER_H
#define TAILRACE_BROKER_BROKER_H

#include "base/log.h"
#include "cluster/config.h"
#include "io/io.h"

struct broker;
struct io_cores;

struct broker_options {
    struct io **doors; /* one per core; they outlive the broker */
    uint32_t core_count;
    struct io_cores *cores; /* that the doors are of; NULL in the simulator, where a directory has
                               one user by nature and needs no lock */
    const struct config *config; /* outlives the broker */
    struct logger *logger;
    const char *host_name; /* told to clients of listeners on all interfaces that have no advertised
                              address; outlives the broker */
    uint64_t open_files_max; /* of the process, sockets among them; 0: not known */
    size_t memory_bytes;     /* over all cores, for requests and for the data being served */
    /* Lands on core 0 when the broker cannot go on, as the log says: the metadata cannot be
     * written, or no data directory is left. May be NULL: then it answers with errors. */
    struct completion *halted;
    uint64_t journal_file_bytes; /* 0: as usual (storage/store.h); the simulator takes less */
    uint64_t recycle_bytes_min;  /* the same */
    /* In the simulator only, to show that its checkers notice (store.h). */
    bool unsafe_skip_sync;
};

/* STATUS_IN_USE: a listener's port or the directory is taken. Anything else is of the storage or
 * the metadata, and has been explained in the log. */
enum status broker_create(const struct broker_options *options, struct broker **broker);

/* `started` lands with STATUS_OK when requests are served, or with why the broker cannot. */
void broker_start(struct broker *broker, struct completion *started);

/* `stopped` lands when everything has been written down; nothing of the broker is in flight then,
 * and the loops may end. */
void broker_stop(struct broker *broker, struct completion *stopped);

void broker_destroy(struct broker *broker);

const char *broker_listener_name(const struct broker *broker, uint32_t listener_index);

/* The port that a listener was bound to. */
uint16_t broker_listener_port(const struct broker *broker, uint32_t listener_index);

#endif
