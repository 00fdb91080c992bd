/* Where a group is put in one partition. The rules are those of Kafka's own tool
 * (kafka-consumer-groups --reset-offsets). Pure. */
#ifndef TAILRACE_CLI_SEEK_CORE_H
#define TAILRACE_CLI_SEEK_CORE_H

#include <stdbool.h>
#include <stdint.h>

enum seek_mode {
    SEEK_EARLIEST, /* the log's start */
    SEEK_LATEST,   /* its end */
    SEEK_OFFSET,   /* that offset, or the start or end if it lies outside */
    SEEK_TIME,     /* the first record at or after a time; the end if none is so young */
    SEEK_SHIFT,    /* so many records from where it is; no further than the start or the end */
    SEEK_CURRENT,  /* where it is; the end where nothing is committed */
};

struct seek_facts {
    int64_t committed; /* -1: nothing */
    int64_t log_start;
    int64_t log_end;
    int64_t by_time; /* -1: no record is so young; with SEEK_TIME only */
};

/* `number` is the offset of SEEK_OFFSET or the distance of SEEK_SHIFT. False if the group has
 * committed nothing from which it could be shifted. */
bool seek_resolve(enum seek_mode mode, int64_t number, const struct seek_facts *facts,
                  int64_t *offset);

#endif
