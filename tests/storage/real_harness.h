/* The rig on a real backend, in a folder of its own below the current one. */
#ifndef TAILRACE_TESTS_STORAGE_REAL_HARNESS_H
#define TAILRACE_TESTS_STORAGE_REAL_HARNESS_H

#include "io/cores.h"
#include "tests/storage/rig.h"

struct real_harness {
    struct rig_harness harness;
    enum io_backend_choice backend;
    struct io_cores *cores;
    struct io **doors;
    struct log_sink sink;
    struct logger logger;
};

/* `name` must outlive it. */
void real_harness_init(struct real_harness *real, enum io_backend_choice backend, const char *name);

/* Removes the folder. */
void real_harness_deinit(struct real_harness *real);

#endif
