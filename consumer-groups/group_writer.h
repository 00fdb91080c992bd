/* The records that turns have put and that no append carries yet, in their order. They are copies
 * in one arena, which goes when the batches that were made of them have landed. What one turn has
 * put is one whole: it goes into one batch, or none of it does. */
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
    bool ends_turn;     /* the last one of its turn */
};

/* What a record takes in a batch beside its key and value, at most: seven numbers. */
enum { GROUP_RECORD_OVERHEAD = 40 };

size_t group_record_size_bytes(const struct group_record *record);

struct group_writer {
    struct arena arena;
    struct arena scratch; /* of one record that is being written */
    struct list records;  /* struct group_record */
    uint32_t count;
    size_t size_bytes;      /* in batches, at most */
    size_t turn_size_bytes; /* of the present turn's */
    enum status status;     /* sticky: STATUS_NO_MEMORY, or what a codec said */
};

void group_writer_init(struct group_writer *writer, size_t limit_bytes);
void group_writer_deinit(struct group_writer *writer);

/* Forgets all records and the error. */
void group_writer_reset(struct group_writer *writer);

void group_writer_put(struct group_writer *writer, struct bytes key, struct bytes value);

/* The same for a record that is written in place: key and value are written between the two calls;
 * without a value it is a tombstone. A writer's failure becomes this one's. */
void group_writer_begin(struct group_writer *writer, struct writer *key, struct writer *value);
void group_writer_end(struct group_writer *writer, const struct writer *key,
                      const struct writer *value);

/* What comes now is another turn's. Answers what the last one's records take in a batch. */
size_t group_writer_end_turn(struct group_writer *writer);

/* The records go one after the other; NULL: there are no more. They stay until the reset. */
struct group_record *group_writer_first(struct group_writer *writer);
void group_writer_take(struct group_writer *writer, struct group_record *record);

#endif
