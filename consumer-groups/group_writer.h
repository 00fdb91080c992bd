/* The records that turns have put and that no append carries yet, in their order. They are copies
 * in one arena, which goes when the batch that was made of them has landed. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_WRITER_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_WRITER_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/list.h"

#include <stdint.h>

struct group_record {
    struct list_node node;
    struct bytes key;
    struct bytes value; /* null: a tombstone */
};

struct group_writer {
    struct arena arena;
    struct list records; /* struct group_record */
    uint32_t count;
    size_t size_bytes;  /* of keys and values */
    enum status status; /* sticky: STATUS_NO_MEMORY */
};

void group_writer_init(struct group_writer *writer, size_t limit_bytes);
void group_writer_deinit(struct group_writer *writer);

/* Forgets all records and the error. */
void group_writer_reset(struct group_writer *writer);

void group_writer_put(struct group_writer *writer, struct bytes key, struct bytes value);

#endif
