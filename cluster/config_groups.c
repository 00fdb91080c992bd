/* What the settings of groups must be to each other, the broker's and a group's own. The sentences
 * are Kafka's. */
#include "cluster/config_load.h"

#include "base/assert.h"
#include "base/text.h"

#include <stdio.h>

/* One setting of the consumer protocol and what it must lie between. */
struct bounded {
    enum config_key key;
    enum group_config_key group_key;
    enum config_key min;
    enum config_key max;
};

static const struct bounded bounded[] = {
    {CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS, GROUP_CONFIG_CONSUMER_SESSION_TIMEOUT_MS,
     CONFIG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS, CONFIG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS},
    {CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, GROUP_CONFIG_CONSUMER_HEARTBEAT_INTERVAL_MS,
     CONFIG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS,
     CONFIG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS},
    {CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, GROUP_CONFIG_CONSUMER_ASSIGNMENT_INTERVAL_MS,
     CONFIG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS,
     CONFIG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS},
};

static int64_t number(const struct config_loader *loader, enum config_key key)
{
    return loader->config->entries[key].number;
}

/* `key` must not be less than `than`. */
static void want_at_least(struct config_loader *loader, enum config_key key, enum config_key than)
{
    assert(key != than);
    if (number(loader, key) < number(loader, than))
        config_fail(loader, config_where(loader->config, key),
                    "%s must be greater than or equal to %s", config_row(key)->name,
                    config_row(than)->name);
}

static void want_at_most(struct config_loader *loader, enum config_key key, enum config_key than)
{
    assert(key != than);
    if (number(loader, key) > number(loader, than))
        config_fail(loader, config_where(loader->config, key),
                    "%s must be less than or equal to %s", config_row(key)->name,
                    config_row(than)->name);
}

static bool list_names(const char *list, const char *word)
{
    struct bytes rest = bytes_of_text(list);
    struct bytes item;
    while (text_next_item(&rest, ',', &item))
        if (bytes_equal_text(item, word))
            return true;
    return false;
}

void config_check_groups(struct config_loader *loader)
{
    const struct config *config = loader->config;
    for (size_t i = 0; i < sizeof bounded / sizeof *bounded; i++) {
        want_at_least(loader, bounded[i].max, bounded[i].min);
        want_at_least(loader, bounded[i].key, bounded[i].min);
        want_at_most(loader, bounded[i].key, bounded[i].max);
    }
    want_at_least(loader, CONFIG_GROUP_MAX_SESSION_TIMEOUT_MS, CONFIG_GROUP_MIN_SESSION_TIMEOUT_MS);
    if (number(loader, CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS) >=
        number(loader, CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS))
        config_fail(loader, config_where(config, CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS),
                    "group.consumer.heartbeat.interval.ms must be less than "
                    "group.consumer.session.timeout.ms");
    if (!list_names(config->entries[CONFIG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS].text, "classic"))
        config_fail(loader, config_where(config, CONFIG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS),
                    "Disabling the 'classic' protocol is not supported.");
    if (text_trim(bytes_of_text(config->entries[CONFIG_GROUP_CONSUMER_ASSIGNORS].text)).size == 0)
        config_fail(loader, config_where(config, CONFIG_GROUP_CONSUMER_ASSIGNORS),
                    "group.consumer.assignors must name at least one assignor");
}

/* --- A group's own ---------------------------------------------------------------------------- */

int64_t group_config_i64(const struct group_config *group, enum group_config_key key,
                         int64_t otherwise)
{
    assert(key < GROUP_CONFIG_KEY_COUNT);
    int64_t number = otherwise;
    if (group != NULL && group->texts[key] != NULL)
        (void)text_parse_i64(bytes_of_text(group->texts[key]), INT64_MIN, INT64_MAX, &number);
    return number;
}

const char *group_config_text(const struct group_config *group, const struct config *broker,
                              enum group_config_key key, enum config_source *source)
{
    assert(key < GROUP_CONFIG_KEY_COUNT);
    enum config_key fallback = group_config_fallback(key);
    *source = CONFIG_SOURCE_GROUP;
    if (group != NULL && group->texts[key] != NULL)
        return group->texts[key];
    *source =
        fallback == CONFIG_KEY_COUNT ? CONFIG_SOURCE_DEFAULT : config_source(broker, fallback);
    return fallback == CONFIG_KEY_COUNT ? group_config_row(key)->default_text
                                        : config_text(broker, fallback);
}

static int64_t number_or(struct bytes value, int64_t otherwise)
{
    int64_t number = otherwise;
    if (!bytes_are_null(value) &&
        text_parse_i64(text_trim(value), INT64_MIN, INT64_MAX, &number) != STATUS_OK)
        return otherwise;
    return number;
}

static bool lies_between(const struct config *broker, const struct bounded *bound,
                         struct bytes value, char message[static CONFIG_MESSAGE_SIZE])
{
    int64_t number = number_or(value, config_i64(broker, bound->key));
    const char *name = group_config_row(bound->group_key)->name;
    if (bytes_are_null(value))
        return true;
    if (number < config_i64(broker, bound->min))
        snprintf(message, CONFIG_MESSAGE_SIZE, "%s must be greater than or equal to %s", name,
                 config_row(bound->min)->name);
    else if (number > config_i64(broker, bound->max))
        snprintf(message, CONFIG_MESSAGE_SIZE, "%s must be less than or equal to %s", name,
                 config_row(bound->max)->name);
    else
        return true;
    return false;
}

bool group_config_agree(const struct config *broker,
                        const struct bytes values[static GROUP_CONFIG_KEY_COUNT],
                        char message[static CONFIG_MESSAGE_SIZE])
{
    for (size_t i = 0; i < sizeof bounded / sizeof *bounded; i++)
        if (!lies_between(broker, &bounded[i], values[bounded[i].group_key], message))
            return false;
    int64_t session_ms = number_or(values[GROUP_CONFIG_CONSUMER_SESSION_TIMEOUT_MS],
                                   config_i64(broker, CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS));
    int64_t heartbeat_ms =
        number_or(values[GROUP_CONFIG_CONSUMER_HEARTBEAT_INTERVAL_MS],
                  config_i64(broker, CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS));
    if (session_ms > heartbeat_ms)
        return true;
    snprintf(message, CONFIG_MESSAGE_SIZE, "%s must be greater than %s",
             group_config_row(GROUP_CONFIG_CONSUMER_SESSION_TIMEOUT_MS)->name,
             group_config_row(GROUP_CONFIG_CONSUMER_HEARTBEAT_INTERVAL_MS)->name);
    return false;
}
