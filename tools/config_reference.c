/* Prints the reference page of all settings, as Markdown, from the rows that the broker itself
 * uses: the page cannot say anything else than what the broker does. */
#include "cluster/config.h"

#include <stdio.h>

static const char *type_word(enum config_type type)
{
    static const char *const words[] = {"",     "boolean", "string", "int",   "short",
                                        "long", "double",  "list",   "class", "password"};
    return words[type];
}

static void print_bound(int64_t bound, const char *word)
{
    if (bound != INT64_MAX && bound != INT32_MAX && bound != INT16_MAX)
        printf(", %s %lld", word, (long long)bound);
}

static void print_row(const struct config_row *row)
{
    printf("### %s\n\n%s\n\nType: %s", row->name, row->doc, type_word(row->type));
    if (row->default_text == NULL)
        printf(", no default");
    else
        printf(", default: `%s`", row->default_text);
    if (row->min != 0 || row->max != 0) {
        print_bound(row->min, "at least");
        print_bound(row->max, "at most");
    }
    if (row->allowed != NULL)
        printf(", one of: `%s`", row->allowed);
    printf("\n\n");
}

int main(void)
{
    printf(
        "# Settings\n\n"
        "Names, defaults and meanings are Kafka's. Those that begin with `tailrace.` are ours.\n\n"
        "## Of the broker\n\n"
        "From the file, the environment (`KAFKA_NUM_PARTITIONS`), or `--set name=value`.\n\n");
    for (uint32_t key = 0; key < CONFIG_KEY_COUNT; key++)
        print_row(config_row((enum config_key)key));
    printf("## Of a topic\n\n");
    for (uint32_t key = 0; key < TOPIC_CONFIG_KEY_COUNT; key++) {
        const struct config_row *row = topic_config_row((enum topic_config_key)key);
        enum config_key fallback = topic_config_fallback((enum topic_config_key)key);
        print_row(row);
        if (fallback != CONFIG_KEY_COUNT)
            printf("If not set on the topic: the broker's `%s`.\n\n", config_row(fallback)->name);
    }
    printf("## Of a group\n\n"
           "Altered while the broker runs: `kafka-configs --entity-type groups`.\n\n");
    for (uint32_t key = 0; key < GROUP_CONFIG_KEY_COUNT; key++) {
        enum config_key fallback = group_config_fallback((enum group_config_key)key);
        print_row(group_config_row((enum group_config_key)key));
        if (fallback != CONFIG_KEY_COUNT)
            printf("If not set on the group: the broker's `%s`.\n\n", config_row(fallback)->name);
    }
    return 0;
}
