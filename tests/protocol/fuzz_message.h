/* What the generated fuzz targets share: any bytes are read as any version of a message, and what
 * was understood must survive being written and read again.
 *
 * The first byte chooses the message, the second the version, the rest is its body. Built with
 * clang a target is a libFuzzer program; with fuzz_main.c it is a plain test, which draws a fixed
 * number of inputs from the golden vectors. */
#ifndef TAILRACE_TESTS_PROTOCOL_FUZZ_MESSAGE_H
#define TAILRACE_TESTS_PROTOCOL_FUZZ_MESSAGE_H

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

struct fuzz_message {
    const char *title; /* Kafka's name: "Produce" */
    const char *kind;  /* "request", "response", "data" or "record" */
    int16_t version_min;
    int16_t version_max;
    /* Decodes, and encodes what was understood into `writer`. */
    enum status (*recode)(struct reader *reader, int16_t version, struct arena *arena,
                          struct writer *writer);
    /* Encodes a message that holds all defaults. */
    void (*encode_default)(struct writer *writer, int16_t version);
};

/* Bytes before the body in an input. */
enum { FUZZ_PREFIX_SIZE = 2 };

/* The messages of this target. */
const struct fuzz_message *fuzz_target(size_t *count);

/* Ends the program where a decoder or encoder breaks its word. Answers 0. */
int fuzz_one(const struct fuzz_message *messages, size_t count, const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_MESSAGE(type)                                                                         \
    static enum status type##_recode(struct reader *reader, int16_t version, struct arena *arena,  \
                                     struct writer *writer)                                        \
    {                                                                                              \
        struct type message;                                                                       \
        enum status status = type##_decode(reader, version, arena, &message);                      \
        if (status == STATUS_OK)                                                                   \
            type##_encode(writer, version, &message);                                              \
        return status;                                                                             \
    }                                                                                              \
                                                                                                   \
    static void type##_encode_default(struct writer *writer, int16_t version)                      \
    {                                                                                              \
        struct type message;                                                                       \
        type##_init(&message);                                                                     \
        type##_encode(writer, version, &message);                                                  \
    }

#define FUZZ_TARGET(messages)                                                                      \
    const struct fuzz_message *fuzz_target(size_t *count)                                          \
    {                                                                                              \
        *count = sizeof(messages) / sizeof *(messages);                                            \
        return (messages);                                                                         \
    }                                                                                              \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                                   \
    {                                                                                              \
        return fuzz_one((messages), sizeof(messages) / sizeof *(messages), data, size);            \
    }

#endif
