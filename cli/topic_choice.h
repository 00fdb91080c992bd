/* Topics and partitions as `--topic` names them: TOPIC for all of its partitions, or
 * TOPIC:0,2,5-7. The flag may be repeated. */
#ifndef TAILRACE_CLI_TOPIC_CHOICE_H
#define TAILRACE_CLI_TOPIC_CHOICE_H

#include "cli/tool.h"

struct topic_choice {
    struct bytes topic;
    int32_t *partitions;
    uint32_t partition_count; /* 0: all */
};

/* All values of --topic, in the tool's arena. False after saying what is wrong. */
bool topic_choices_parse(struct tool *tool, struct topic_choice **choices, uint32_t *count);

#endif
