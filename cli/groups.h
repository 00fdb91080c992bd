/* What the group commands share: finding a group's coordinator and talking to it, the groups that
 * there are, and how far a group has come. Results lie in the tool's arena. Functions that fail
 * have said why. */
#ifndef TAILRACE_CLI_GROUPS_H
#define TAILRACE_CLI_GROUPS_H

#include "cli/client.h"

/* A connection to any broker, and one to the coordinator that was asked last: groups that stand
 * beside each other often share it. */
struct coordinators {
    struct tool *tool;
    struct connection any;
    struct connection current;
    int32_t node_id; /* of `current`; -1: not connected */
};

bool coordinators_open(struct coordinators *coordinators, struct tool *tool);
void coordinators_close(struct coordinators *coordinators);

/* The connection to the group's coordinator, valid until the next call; NULL on failure. */
struct connection *coordinators_find(struct coordinators *coordinators, struct bytes group);

/* True, after a pause, for an error that passes: the coordinator has moved, or still loads what it
 * knows. Then find it again and ask again. `tries` begins with 0. */
bool coordinators_try_again(struct coordinators *coordinators, int16_t error_code, uint32_t *tries);

/* Says why a group could not be asked or changed, and, where a person can do something about it,
 * what. */
enum exit_code group_error(struct tool *tool, struct bytes group, int16_t error_code);

struct listed_group {
    struct bytes id;
    struct bytes protocol_type; /* "consumer", "connect"; empty for one that never had members */
    struct bytes state;         /* empty if the broker is too old to say */
    struct bytes type;          /* "classic", "consumer"; empty if the broker is too old to say */
    int32_t coordinator_id;
};

/* All groups of all brokers in the order of their ids. Empty filters let all pass. */
struct group_filter {
    struct bytes *states;
    uint32_t state_count;
    struct bytes *types;
    uint32_t type_count;
};
bool groups_listed(struct coordinators *coordinators, const struct group_filter *filter,
                   struct listed_group **groups, uint32_t *count);

/* Keeps those whose ids the tool's arguments name, or with `is_regex` match; all without arguments.
 * False if an argument is no expression. */
bool groups_match(const struct tool *tool, bool is_regex, struct listed_group *groups,
                  uint32_t *count);

/* The ids that the tool's arguments name, or, with `is_regex`, those of the groups that match one
 * of them; all if there are none. */
bool groups_chosen(struct coordinators *coordinators, bool is_regex, struct bytes **ids,
                   uint32_t *count);

struct committed_offset {
    struct bytes topic;
    int32_t partition;
    int64_t offset;
    int32_t leader_epoch; /* -1 if unknown */
    struct bytes metadata;
};

/* All offsets that a group has committed, by topic and partition; none for an unknown group. */
bool group_offsets_fetch(struct coordinators *coordinators, struct bytes group,
                         struct committed_offset **offsets, uint32_t *count);

#endif
