/* What may go wrong in a world, and how often.
 *
 * Chances are in a million. All zero is a quiet world: nothing fails, everything takes the usual
 * time, and only the order of what is independent is left to the seed. */
#ifndef TAILRACE_SIM_FAULTS_H
#define TAILRACE_SIM_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

enum { CHANCE_ALWAYS = 1000000 };

struct disk_faults {
    uint32_t read_error;  /* STATUS_IO; nothing is read */
    uint32_t write_error; /* STATUS_IO; some sectors arrive, others do not */
    uint32_t sync_error;  /* STATUS_IO; what it covered will never be durable */
    uint32_t name_error;  /* STATUS_IO from open, rename, unlink and their like; no effect */
    uint32_t no_space;    /* STATUS_NO_SPACE from what may need a block more, this once */
    uint32_t short_count; /* a read or write is done in part, which the door goes on from */
    uint32_t evict;       /* at an open: the cache forgets what a failed sync lost */
    uint32_t stall;       /* the disk stands still for up to stall_ns_max */
    uint64_t stall_ns_max;
    uint32_t slow_factor; /* everything takes so many times as long; 0 means 1 */
    /* The medium lies. Off unless a story is about it: a single copy cannot survive these. */
    uint32_t misdirected_read;  /* the bytes of another block */
    uint32_t misdirected_write; /* the bytes come to lie at another block of the file */
    uint32_t rotten_read;       /* one bit of the medium flips just before a read */
    uint64_t capacity_bytes;    /* 0: without limit */
    uint32_t handle_count_max;  /* files and sockets of one process; 0: without limit */
};

struct network_faults {
    uint32_t window_bytes; /* sent and not yet received; 0: 256 KiB */
    uint32_t split;        /* a transfer is cut into small pieces, or taken in part */
    uint32_t slow;         /* a piece takes up to slow_ns_max longer, and all behind it */
    uint64_t slow_ns_max;
    uint32_t reset;  /* for each piece: the connection breaks within it */
    uint32_t refuse; /* a connect fails although somebody listens */
};

struct node_faults {
    uint32_t pause; /* for each turn of a core: the whole process stands still */
    uint64_t pause_ns_max;
    uint64_t wall_error_ms_max; /* how wrong the wall clock of a node may be at its start */
    uint32_t clock_drift_ppm;   /* how much faster or slower its monotonic clock may run */
};

struct faults {
    struct disk_faults disk;
    struct network_faults network;
    struct node_faults node;
};

/* A fault that strikes once: at the `nth` operation of a node, counted from 1 when it is planned
 * and on through all its lives, among those whose kind is in `kinds`. The sync of a durable write
 * counts as an IO_SYNC of its own. */
enum planned_effect {
    PLAN_NONE,
    PLAN_POWER_CUT, /* as it is asked for: it and everything after it never happens */
    PLAN_KILL,      /* the same, but the page cache survives */
    PLAN_IO_ERROR,
    PLAN_NO_SPACE,
    PLAN_SHORT,
};

struct planned_fault {
    enum planned_effect effect;
    uint32_t kinds; /* a set of 1 << enum io_kind; PLAN_ANY_FILE for all that concern files */
    uint64_t nth;
};

enum { PLAN_ANY_FILE = ~0 };

#endif
