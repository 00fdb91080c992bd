#include "cli/topic_choice.h"

#include "base/assert.h"

#include <string.h>

/* The name of a topic holds no colon. */
static bool parse_choice(struct tool *tool, struct bytes text, struct topic_choice *choice)
{
    const uint8_t *colon = text.size > 0 ? memchr(text.data, ':', text.size) : NULL;
    *choice = (struct topic_choice){.topic = text};
    if (colon != NULL)
        choice->topic.size = (size_t)(colon - text.data);
    if (choice->topic.size == 0) {
        tool_usage_error(tool, "--topic takes TOPIC or TOPIC:0,2,5-7, not '%.*s'", (int)text.size,
                         (const char *)text.data);
        return false;
    }
    if (colon == NULL)
        return true;
    struct bytes list = bytes_of(colon + 1, text.size - choice->topic.size - 1);
    if (!tool_parse_partitions(tool, "topic", list, &choice->partitions, &choice->partition_count))
        return false;
    if (choice->partition_count > 0)
        return true;
    tool_usage_error(tool, "--topic %.*s names no partition", (int)text.size,
                     (const char *)text.data);
    return false;
}

bool topic_choices_parse(struct tool *tool, struct topic_choice **choices, uint32_t *count)
{
    assert(choices != NULL);
    assert(count != NULL);
    *choices = arena_allocate_array(&tool->arena, OPTIONS_VALUE_MAX, sizeof **choices);
    *count = 0;
    assert(*choices != NULL);
    uint32_t position = 0;
    const char *text;
    while ((text = options_next(&tool->options, "topic", &position)) != NULL)
        if (!parse_choice(tool, bytes_of_text(text), &(*choices)[(*count)++]))
            return false;
    return true;
}
