/* What the admin of the broker's story tells topics while they are in use, and what that allows
 * them to do from then on. */
#ifndef TAILRACE_SIM_BROKER_SETTINGS_H
#define TAILRACE_SIM_BROKER_SETTINGS_H

#include "base/prng.h"
#include "sim/check.h"

struct topic_setting {
    const char *topic;
    const char *name;
    const char *value;
    uint32_t freedoms;      /* of enum check_freedom; 0: none */
    bool forbids_to_loosen; /* every acknowledgement waits for the disk */
};

/* Any of them, of any topic. */
const struct topic_setting *topic_setting_draw(struct prng *prng);

/* The checkers are told: before the request leaves; when it was answered; and that it was answered
 * with success. */
void topic_setting_asked(const struct topic_setting *setting, struct check *check,
                         struct uuid topic_id);
void topic_setting_answered(const struct topic_setting *setting, struct check *check,
                            struct uuid topic_id);
void topic_setting_taken(const struct topic_setting *setting, struct check *check,
                         struct uuid topic_id);

#endif
