/* The fuzz target for record batches, for libFuzzer and for the plain test alike. */
#ifndef TAILRACE_TESTS_PROTOCOL_BATCH_FUZZ_H
#define TAILRACE_TESTS_PROTOCOL_BATCH_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Reads any bytes as a batch; aborts if what must hold does not. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
