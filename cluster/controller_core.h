/* What the controller decides: a command and the newest image in, metadata records and answers out.
 * Pure: no input, no output, no clock, no chance; new ids are given with the facts.
 *
 * The rules, error numbers and sentences are those of Kafka's controller, since clients match on
 * the numbers and people read the sentences. */
#ifndef TAILRACE_CLUSTER_CONTROLLER_CORE_H
#define TAILRACE_CLUSTER_CONTROLLER_CORE_H

#include "cluster/controller.h"
#include "cluster/metadata_record.h"

/* The most partitions that one command may make, as in Kafka: a command is one entry of the log. */
enum { CONTROLLER_PARTITIONS_MAX = 10000 };

struct controller_facts {
    const struct image *image;           /* the newest, committed or not */
    const struct config *config;         /* this broker's */
    const struct uuid *topic_ids;        /* new ones, as many as the command has topics */
    const struct uuid *full_directories; /* that have no space for new partitions */
    uint32_t full_directory_count;
};

/* The records that carry the decision out, in order; texts are views of the command and the image,
 * the rest lies in the arena. No records: nothing is to be written. */
struct controller_decision {
    struct arena *arena;
    struct metadata_record *records;
    uint32_t record_count;
    uint32_t record_capacity;
    struct directory_load *loads; /* of all online directories, once the first was chosen */
    uint32_t load_count;
    bool loads_are_counted;
    uint32_t new_group_count; /* groups that had no settings and get some */
};

/* Fills in every topic's answer (or the first producer id) and the decision's records; none for a
 * topic that was refused, none at all if only validation was asked for. Names in answers come from
 * the command's arena. STATUS_NO_MEMORY if one of the arenas is used up: nothing may be written. */
enum status controller_core_decide(const struct controller_facts *facts,
                                   struct controller_command *command, struct arena *arena,
                                   struct controller_decision *decision);

/* What has to be written when a broker wants to be known like this, with those of its directories
 * that are online: its own record, and those of its partitions that lose their leader with their
 * directory or get it back. No records when it is known so already. */
enum status controller_core_register(const struct controller_facts *facts,
                                     const struct broker_record *wanted, struct arena *arena,
                                     struct controller_decision *decision);

/* Known as it wants to be; its epoch does not count. */
bool broker_is_registered(const struct image *image, const struct broker_record *wanted);

#endif
