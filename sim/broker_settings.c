#include "sim/broker_settings.h"

/* Sizes and times are small beside what the story writes and how long it takes, or large. */
static const struct topic_setting settings[] = {
    {.topic = "orders", .name = "segment.bytes", .value = "1048576"},
    {.topic = "orders", .name = "segment.bytes", .value = "3000000"},
    {.topic = "growing", .name = "segment.ms", .value = "50"},
    {.topic = "growing", .name = "segment.ms", .value = "100000"},
    {.topic = "bounded", .name = "retention.ms", .value = "300", .freedoms = CHECK_SHRINKS},
    {.topic = "bounded", .name = "retention.ms", .value = "1500", .freedoms = CHECK_SHRINKS},
    {.topic = "bounded", .name = "retention.ms", .value = "-1"},
    {.topic = "bounded", .name = "retention.bytes", .value = "1", .freedoms = CHECK_SHRINKS},
    {.topic = "bounded", .name = "retention.bytes", .value = "200000", .freedoms = CHECK_SHRINKS},
    {.topic = "bounded", .name = "retention.bytes", .value = "-1"},
    {.topic = "bounded", .name = "file.delete.delay.ms", .value = "0"},
    {.topic = "table", .name = "cleanup.policy", .value = "compact", .freedoms = CHECK_COMPACTS},
    {.topic = "table", .name = "cleanup.policy", .value = "compact", .freedoms = CHECK_COMPACTS},
    {.topic = "table",
     .name = "cleanup.policy",
     .value = "compact,delete",
     .freedoms = CHECK_COMPACTS},
    {.topic = "table", .name = "cleanup.policy", .value = "delete"},
    {.topic = "table", .name = "min.cleanable.dirty.ratio", .value = "0"},
    {.topic = "table", .name = "min.cleanable.dirty.ratio", .value = "0.5"},
    {.topic = "table", .name = "delete.retention.ms", .value = "500", .freedoms = CHECK_FORGETS},
    {.topic = "table", .name = "delete.retention.ms", .value = "86400000"},
    {.topic = "loose",
     .name = "flush.messages",
     .value = "1000000",
     .freedoms = CHECK_LOSES_UNFLUSHED},
    {.topic = "loose", .name = "flush.messages", .value = "5", .freedoms = CHECK_LOSES_UNFLUSHED},
    {.topic = "loose", .name = "flush.messages", .value = "1", .forbids_to_loosen = true},
};

enum { SETTING_COUNT = sizeof settings / sizeof settings[0] };

const struct topic_setting *topic_setting_draw(struct prng *prng)
{
    return &settings[prng_below(prng, SETTING_COUNT)];
}

void topic_setting_asked(const struct topic_setting *setting, struct check *check,
                         struct uuid topic_id)
{
    if (setting->freedoms & CHECK_LOSES_UNFLUSHED)
        check_loosen(check, topic_id);
    else if (setting->freedoms != 0)
        check_allow(check, topic_id, setting->freedoms);
}

void topic_setting_answered(const struct topic_setting *setting, struct check *check,
                            struct uuid topic_id)
{
    if (setting->freedoms & CHECK_LOSES_UNFLUSHED)
        check_loosened(check, topic_id);
}

void topic_setting_taken(const struct topic_setting *setting, struct check *check,
                         struct uuid topic_id)
{
    if (setting->forbids_to_loosen)
        check_tighten(check, topic_id);
}
