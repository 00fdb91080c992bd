#include "cli/log_state.h"

#include <stdlib.h>

enum status log_state_open(struct log_state *state, struct bytes content)
{
    const struct state_cores cores = {&state->epochs, &state->producers, &state->damages};
    *state = (struct log_state){0};
    epoch_core_init(&state->epochs);
    producer_core_init(&state->producers, INT64_MAX, NULL);
    return state_decode(content, &state->state, &cores);
}

void log_state_close(struct log_state *state)
{
    free(state->state.segments);
    epoch_core_deinit(&state->epochs);
    producer_core_deinit(&state->producers);
    damage_core_deinit(&state->damages);
}
