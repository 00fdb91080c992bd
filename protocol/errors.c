/* The table of Kafka's error codes. */
#include "protocol/errors.h"

#include "base/assert.h"

#include <stddef.h>

struct error_row {
    const char *name;
    const char *text;
    bool is_retriable;
};

static const struct error_row rows[] = {
#define X(name, code, is_retriable, text)                                                          \
    [(code)-KAFKA_ERROR_MIN] = {#name, (text), (is_retriable)},
    KAFKA_ERROR_LIST(X)
#undef X
};

static_assert(sizeof rows / sizeof *rows == KAFKA_ERROR_MAX - KAFKA_ERROR_MIN + 1,
              "the table reaches from the first code to the last");

static const struct error_row *error_row(int16_t code)
{
    if (code < KAFKA_ERROR_MIN || code > KAFKA_ERROR_MAX)
        code = KAFKA_UNKNOWN_SERVER_ERROR;
    const struct error_row *row = &rows[code - KAFKA_ERROR_MIN];
    assert(row->name != NULL);
    return row;
}

const char *kafka_error_name(int16_t code)
{
    return error_row(code)->name;
}

const char *kafka_error_text(int16_t code)
{
    return error_row(code)->text;
}

bool kafka_error_is_retriable(int16_t code)
{
    return error_row(code)->is_retriable;
}
