/* Base64 with padding (RFC 4648, section 4): how bytes that are not text are shown. */
#ifndef TAILRACE_CLI_BASE64_H
#define TAILRACE_CLI_BASE64_H

#include "base/bytes.h"

/* Room for the text of `size` bytes with its final zero. */
static inline size_t base64_size(size_t size)
{
    return (size + 2) / 3 * 4 + 1;
}

/* `text` has base64_size(bytes.size) bytes. */
void base64_encode(struct bytes bytes, char *text);

/* Decodes in place or elsewhere: `decoded` has room for text.size bytes. False for what is not
 * base64; padding may be missing. */
bool base64_decode(struct bytes text, uint8_t *decoded, size_t *size);

#endif
