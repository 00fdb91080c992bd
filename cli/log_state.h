/* What a log's state in the catalog says (storage/state_file.h), with the memory it is in. */
#ifndef TAILRACE_CLI_LOG_STATE_H
#define TAILRACE_CLI_LOG_STATE_H

#include "storage/state_file.h"

struct log_state {
    struct state state;
    struct epoch_core epochs;
    struct producer_core producers;
    struct damage_core damages;
};

/* STATUS_CORRUPT, STATUS_UNSUPPORTED, STATUS_NO_MEMORY; log_state_close in any case. The topic's
 * name is borrowed from the content. */
enum status log_state_open(struct log_state *state, struct bytes content);
void log_state_close(struct log_state *state);

#endif
