/* The suite of the seam: what io/io.h promises, as cases that any backend must pass.
 *
 * A backend is presented by a harness. The cases drive the doors by io_turn on the calling thread,
 * one door after the other, so they run as well where all cores are simulated. */
#ifndef TAILRACE_TESTS_IO_SEAM_SUITE_H
#define TAILRACE_TESTS_IO_SEAM_SUITE_H

#include "io/io.h"

/* Embedded in whatever a backend needs to make doors. */
struct seam_harness {
    const char *name;
    /* Exists, empty and writable, once the doors are open. Each case makes a folder in it. */
    const char *directory;
    /* The doors of one process with `core_count` cores, fresh for each case. */
    struct io **(*open)(struct seam_harness *harness, uint32_t core_count);
    void (*close)(struct seam_harness *harness, struct io **doors, uint32_t core_count);
    uint32_t case_count; /* the suite's own */
};

/* Runs all cases; answers how many failed. */
int seam_suite_run(struct seam_harness *harness);

#endif
