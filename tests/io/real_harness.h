/* Doors of this machine for tests: made by io_cores, with a folder of their own to work in. */
#ifndef TAILRACE_TESTS_IO_REAL_HARNESS_H
#define TAILRACE_TESTS_IO_REAL_HARNESS_H

#include "io/cores.h"
#include "tests/io/seam_suite.h"

/* Log lines of a test, kept to be looked at. */
struct log_keeper {
    struct log_sink sink;
    struct logger logger;
    size_t size;
    char text[16 * 1024];
};

void log_keeper_init(struct log_keeper *keeper);

struct real_harness {
    struct seam_harness harness;
    enum io_backend_choice backend;
    struct io_cores *cores;
    struct log_keeper log;
    char directory[64];
};

/* Makes a folder below the working directory. */
void real_harness_init(struct real_harness *real, const char *name, enum io_backend_choice backend);

/* Removes the folder and all that is in it. */
void real_harness_deinit(struct real_harness *real);

#endif
