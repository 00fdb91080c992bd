/* The client of the story "ledger": it sends 1, 2, 3, ..., each until it is answered, over as many
 * connections as that takes. */
#ifndef TAILRACE_SIM_LEDGER_CLIENT_H
#define TAILRACE_SIM_LEDGER_CLIENT_H

#include "sim/program.h"

struct ledger_client_program {
    struct program program;
    struct io_address server;
    uint64_t answered; /* the last number that was; 0 for none */
};

void ledger_client_program_init(struct ledger_client_program *program, struct io_address server);

#endif
