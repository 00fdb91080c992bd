/* How `topic consume` prints a record: by a format of the user's, or as JSON. */
#ifndef TAILRACE_CLI_CONSUME_PRINT_H
#define TAILRACE_CLI_CONSUME_PRINT_H

#include "cli/progress.h"
#include "cli/record_format.h"

#include <librdkafka/rdkafka.h>

enum { HEADERS_SHOWN_MAX = 256 };

struct consume_print {
    struct record_format format;
    bool is_json;
    bool is_pretty;
    bool is_meta_only;
    struct progress progress; /* what has been printed; the caller starts and finishes it */
    struct record_header headers[HEADERS_SHOWN_MAX];
};

/* Reads the flags. False after saying what is wrong. */
bool consume_print_parse(struct consume_print *print, struct tool *tool);

/* To stdout, which the caller flushes. */
void consume_print_record(struct consume_print *print, const rd_kafka_message_t *message);

#endif
