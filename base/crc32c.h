/* CRC-32C (Castagnoli), the checksum of Kafka's record batches and of our journal and logs.
 *
 * Three methods give the same numbers; crc32c() takes the fastest that the processor has. Pure
 * functions without state: any core may call them. */
#ifndef TAILRACE_BASE_CRC32C_H
#define TAILRACE_BASE_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checksum of `size` bytes at `data`, which may be NULL if there are none. `crc` is 0 to start,
 * or the checksum of the bytes that come before: crc32c(crc32c(0, a), b) is the checksum of a and b
 * in a row. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);

enum crc32c_method {
    CRC32C_TABLE,     /* sixteen tables of sixteen, eight bytes a step; everywhere */
    CRC32C_SSE42,     /* the crc32 instruction on three streams at once */
    CRC32C_VPCLMULQDQ /* folding of 256 bytes a step with 512-bit carry-less products */
};

#define CRC32C_METHOD_COUNT (CRC32C_VPCLMULQDQ + 1)

/* True if this processor can run the method. */
bool crc32c_has(enum crc32c_method method);

/* As crc32c, by one method, which the processor must have. For tests and measurements. */
uint32_t crc32c_by(enum crc32c_method method, uint32_t crc, const void *data, size_t size);

#endif
