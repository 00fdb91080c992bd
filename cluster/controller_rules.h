/* The rules that several commands share; only the files controller_*core.c include this. */
#ifndef TAILRACE_CLUSTER_CONTROLLER_RULES_H
#define TAILRACE_CLUSTER_CONTROLLER_RULES_H

#include "cluster/controller_core.h"

#include "base/map.h"

/* --- Answers and records ---------------------------------------------------------------------- */

/* Sets a topic's answer; answers false, so that a check can end in it. The format is printf's. */
__attribute__((format(printf, 3, 4))) bool topic_refuse(struct controller_topic *topic,
                                                        int16_t error, const char *format, ...);

/* A new record of this kind at the end; NULL when the arena is used up. */
struct metadata_record *decision_add(struct controller_decision *decision,
                                     enum metadata_record_kind kind);

/* --- Names that stand in a command ------------------------------------------------------------ */

/* The names of a command's topics, to find those that come twice. */
struct command_names {
    struct map map;
};

/* Of its topics, or of its groups. False when the arena is used up. Deinit in any case. */
bool command_names_init(struct command_names *table, const struct controller_command *command,
                        bool of_groups, struct arena *arena);
void command_names_deinit(struct command_names *table);

/* How often this name stands in the command. */
uint32_t command_names_count(const struct command_names *table, struct bytes name);

/* --- Names and settings of one topic ---------------------------------------------------------- */

/* Whether a topic may be called so; refuses it if not. */
bool topic_name_is_legal(struct controller_topic *topic);

/* Whether a topic may have this setting with this value; refuses the topic if not. */
bool setting_is_valid(struct controller_topic *topic, struct bytes name, struct bytes value);

/* Whether valid settings may stand beside each other, those that are null as the broker has them;
 * refuses the topic if not. */
bool settings_agree(const struct controller_facts *facts, struct controller_topic *topic,
                    const struct bytes values[static TOPIC_CONFIG_KEY_COUNT]);

/* --- Replicas --------------------------------------------------------------------------------- */

/* Checks a manual assignment; `replica_count` is what it must have, 0: any. */
bool assignment_is_valid(const struct controller_facts *facts, struct controller_topic *topic,
                         const struct controller_assignment *assignment, uint32_t replica_count);

/* Adds the record of a new partition with these replicas: all that are not fenced are in sync, the
 * first of them leads. False when the arena is used up. */
bool decision_add_partition(const struct controller_facts *facts,
                            struct controller_decision *decision, struct uuid topic_id,
                            int32_t partition, const int32_t *replicas, uint32_t replica_count);

/* Whether every broker has space for new partitions; refuses the topic if not. */
bool space_is_left(const struct controller_facts *facts, struct controller_topic *topic);

/* The directory for one more replica of this broker: of those that are online and have space the
 * one with the fewest, the first of equals; zero if the broker has named none. False when the arena
 * is used up. */
bool choose_directory(const struct controller_facts *facts, struct controller_decision *decision,
                      int32_t broker_id, struct uuid *directory);

/* Whether so many replicas can be placed; refuses the topic if not. */
bool replication_is_possible(const struct controller_facts *facts, struct controller_topic *topic,
                             int32_t replication_factor);

/* Chooses the replicas of one new partition: brokers in turn, beginning at one that the topic's id
 * chooses. The caller has asked replication_is_possible. NULL when the arena is used up. */
const int32_t *place_replicas(const struct controller_facts *facts, struct arena *arena,
                              struct uuid topic_id, int32_t partition, int32_t replication_factor);

/* --- One command each ------------------------------------------------------------------------- */

enum status create_topics_decide(const struct controller_facts *facts,
                                 struct controller_command *command,
                                 struct controller_decision *decision);
enum status create_partitions_decide(const struct controller_facts *facts,
                                     struct controller_command *command,
                                     struct controller_decision *decision);
/* One group of a command that alters settings. False when the arena is used up. */
bool alter_group(const struct controller_facts *facts, struct controller_topic *group,
                 bool keeps_others, struct controller_decision *decision);
enum status configs_decide(const struct controller_facts *facts, struct controller_command *command,
                           struct controller_decision *decision);

#endif
