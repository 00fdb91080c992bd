/* What the settings of groups must be to each other. The sentences are Kafka's. */
#include "cluster/config_load.h"

#include "base/assert.h"
#include "base/text.h"

/* One setting of the consumer protocol and what it must lie between. */
struct bounded {
    enum config_key key;
    enum config_key min;
    enum config_key max;
};

static const struct bounded bounded[] = {
    {CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS, CONFIG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS,
     CONFIG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS},
    {CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, CONFIG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS,
     CONFIG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS},
    {CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, CONFIG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS,
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
