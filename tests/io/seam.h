/* What the cases of the seam share: a fixture, requests that remember their landing, and waiting
 * for them. */
#ifndef TAILRACE_TESTS_IO_SEAM_H
#define TAILRACE_TESTS_IO_SEAM_H

#include "tests/io/seam_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SEAM_CORE_COUNT = 2, SEAM_PATH_SIZE = 512 };

struct seam {
    struct seam_harness *harness;
    struct io **doors;
    struct io *io; /* the first door */
    struct timer watchdog;
    struct completion nudges[SEAM_CORE_COUNT];
    char directory[SEAM_PATH_SIZE]; /* of this case */
};

/* A request that counts its landings. */
struct seam_request {
    struct io_request request;
    uint32_t landed_count;
    int32_t result;
};

/* Makes the request ready for any call of the door. */
struct io_request *seam_ask(struct seam_request *request);

/* Turns the first door until the request has landed; answers the result. */
int32_t seam_wait(struct seam *seam, struct seam_request *request);

/* Turns all doors in rotation until `*count` is `wanted`. */
void seam_rotate_until(struct seam *seam, const uint32_t *count, uint32_t wanted);

/* "<directory of this case>/<name>" */
const char *seam_path(const struct seam *seam, const char *name, char path[static SEAM_PATH_SIZE]);

/* The handle of a file of this case. */
int32_t seam_open(struct seam *seam, const char *name, uint32_t open_flags);
void seam_close(struct seam *seam, int32_t handle);
void seam_write(struct seam *seam, int32_t handle, const void *buffer, uint32_t size,
                uint64_t offset);
int32_t seam_read(struct seam *seam, int32_t handle, void *buffer, uint32_t size, uint64_t offset);

/* Bytes that differ at every offset, for comparing what went through. */
void seam_fill(uint8_t *bytes, size_t size, uint32_t seed);

/* The cases of one file, for the group: appended at `tests`, answered is how many. */
enum { SEAM_CASE_COUNT_MAX = 64 };
uint32_t seam_file_cases(struct CMUnitTest *tests, struct seam_harness *harness);
uint32_t seam_next_cases(struct CMUnitTest *tests, struct seam_harness *harness);
uint32_t seam_socket_cases(struct CMUnitTest *tests, struct seam_harness *harness);
uint32_t seam_sendfile_cases(struct CMUnitTest *tests, struct seam_harness *harness);
uint32_t seam_loop_cases(struct CMUnitTest *tests, struct seam_harness *harness);

int seam_setup(void **state);
int seam_teardown(void **state);

/* Each case gets a fresh fixture made from the harness. */
#define SEAM_CASE(function)                                                                        \
    {                                                                                              \
#function, function, seam_setup, seam_teardown, NULL                                       \
    }

#endif
