/* The server of the story "ledger": it answers a number when the number's block is on disk.
 *
 *   block n at n * 4096:  n u64 | value u64 | check u64 | zeros
 *
 * The first block that is not whole ends the ledger. A number is 8 bytes on the wire, and so is its
 * answer. Any error of a write or sync is final: the process ends, and the next one starts over
 * from what it finds. What it finds may be readable and yet not durable (the one before may have
 * died between write and sync, or of a failed sync), so it writes the last block again, as it is,
 * before it answers anything. */
#ifndef TAILRACE_SIM_LEDGER_SERVER_H
#define TAILRACE_SIM_LEDGER_SERVER_H

#include "sim/disk.h"
#include "sim/program.h"

enum { LEDGER_PORT = 9000, LEDGER_NUMBER_SIZE = 8 };

/* What the server can be told to do wrong; in the order of the story's bites. */
enum ledger_mistake {
    LEDGER_RIGHT,
    LEDGER_NO_SYNC,
    LEDGER_EARLY_ANSWER,
    LEDGER_TRUST_CACHE,
    LEDGER_NO_NAME_SYNC,
};

struct ledger_server_program {
    struct program program;
    enum ledger_mistake mistake;
};

void ledger_server_program_init(struct ledger_server_program *program, enum ledger_mistake mistake);

/* The value of a block on this disk, as a reader sees it; false when there is no whole block. */
bool ledger_block_read(struct disk *disk, uint64_t index, uint64_t *value);

#endif
