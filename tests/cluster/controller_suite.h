/* The suite of the controller: what cluster/controller.h promises, on any door. */
#ifndef TAILRACE_TESTS_CLUSTER_CONTROLLER_SUITE_H
#define TAILRACE_TESTS_CLUSTER_CONTROLLER_SUITE_H

#include "tests/io/seam_suite.h"

/* Runs all cases; answers how many failed. */
int controller_suite_run(struct seam_harness *harness);

#endif
