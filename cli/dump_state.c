#include "cli/dump_state.h"

#include "base/assert.h"
#include "cli/dump_line.h"
#include "cli/log_state.h"

static json_t *segments_of(const struct log_state *state)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < state->state.segment_count; i++) {
        const struct state_segment *segment = &state->state.segments[i];
        json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:I}", "base_offset",
                                              (json_int_t)segment->base_offset, "generation",
                                              (json_int_t)segment->generation, "size",
                                              (json_int_t)segment->size_bytes, "max_timestamp",
                                              (json_int_t)segment->max_timestamp_ms));
    }
    return list;
}

static json_t *epochs_of(const struct log_state *state)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < state->epochs.count; i++)
        json_array_append_new(list, json_pack("{s:i, s:I}", "leader_epoch",
                                              (int)state->epochs.entries[i].epoch, "start_offset",
                                              (json_int_t)state->epochs.entries[i].start_offset));
    return list;
}

static json_t *damages_of(const struct log_state *state)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < state->damages.count; i++)
        json_array_append_new(list, json_pack("{s:I, s:I}", "from",
                                              (json_int_t)state->damages.ranges[i].from, "to",
                                              (json_int_t)state->damages.ranges[i].to));
    return list;
}

void dump_state(const struct tool *tool, uint32_t depth, struct bytes content)
{
    struct log_state state;
    assert(tool != NULL);
    if (log_state_open(&state, content) == STATUS_OK)
        dump_line(tool, depth, "state",
                  json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "topic",
                            tool_json_bytes(state.state.topic_name), "start_offset",
                            (json_int_t)state.state.start_offset, "recovery_offset",
                            (json_int_t)state.state.recovery_offset, "cleaned_offset",
                            (json_int_t)state.state.cleaned_offset, "producers",
                            (json_int_t)state.producers.producers.count, "segments",
                            segments_of(&state), "leader_epochs", epochs_of(&state), "damage",
                            damages_of(&state)));
    else
        dump_line(tool, depth, "damage", json_pack("{s:s}", "what", "not the state of a log"));
    log_state_close(&state);
}
