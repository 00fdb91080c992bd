/* Which data directories of this broker have no space for new partitions: looked at for each
 * command that makes some, because others write to the same disks. */
#ifndef TAILRACE_CLUSTER_DIRECTORY_SURVEY_H
#define TAILRACE_CLUSTER_DIRECTORY_SURVEY_H

#include "base/op.h"
#include "cluster/config.h"
#include "cluster/metadata_record.h"
#include "io/io.h"

struct directory_survey {
    struct op op;
    struct io *io;
    struct io_request request;
    const struct broker_record *broker;
    uint64_t free_bytes_min;
    uint32_t next; /* of the broker's directories */
    struct uuid asked;
    char path[CONFIG_LOG_DIR_BYTES_MAX + 1];
    struct completion *done;
    struct uuid full[CONFIG_LOG_DIRS_MAX]; /* the answer */
    uint32_t full_count;
};

/* Looks at the directories that the broker has at the time; `broker` must outlive the survey. One
 * that cannot be looked at does not count as full: its store knows more about it. */
void directory_survey_start(struct directory_survey *survey, struct io *io,
                            const struct broker_record *broker, uint64_t free_bytes_min,
                            struct completion *done);

#endif
