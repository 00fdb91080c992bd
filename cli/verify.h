/* log verify: all of it that more than one file needs. The parts:
 *
 *   log_verify.c      the command: the lock, which directories, the summary
 *   verify_cluster.c  whose the directory is, and the metadata
 *   verify_catalog.c  the catalog: is it whole, and what it says about each log
 *   verify_journal.c  the journals: are they whole, and what they promise about each log
 *   verify_log.c      one partition: its segments against themselves, its state and the journals
 *   verify_report.c   what was found, and how far it is */
#ifndef TAILRACE_CLI_VERIFY_H
#define TAILRACE_CLI_VERIFY_H

#include "cli/log_place.h"
#include "cli/table.h"
#include "cli/tool.h"
#include "storage/store_states.h"

/* Something that is not as it was written. Borrows its texts. */
struct finding {
    const char *topic; /* NULL: of no topic, and so without partition and offsets */
    int32_t partition;
    int64_t from_offset; /* -1: not of certain offsets */
    int64_t to_offset;   /* the first one behind it */
    const char *file;    /* below the store's directory */
    uint64_t position;
    const char *what;
};

/* A batch, or the word that a log was durable up to somewhere, as a journal has it. */
struct journal_promise {
    struct uuid topic_id;
    int32_t partition;
    int64_t base_offset; /* -1: no batch */
    int64_t end_offset;
    int64_t durable_offset;
};

struct verify {
    struct tool *tool;
    char store[PATH_SIZE];            /* log.dirs */
    struct journal_promise *promises; /* by topic id, partition and base offset */
    size_t promise_count;
    size_t promise_capacity;
    bool is_clean; /* the broker was stopped in order: all promises are kept by segments alone */

    struct store_states states; /* the newest of each log */

    uint64_t log_count;
    uint64_t segment_count;
    uint64_t torn_bytes; /* behind what was durable; the next start cuts them */
    uint64_t rest_bytes; /* of former segments, in files that were used again; the same */
    uint64_t checked_bytes;
    uint64_t total_bytes; /* of what there is to check */
    int64_t start_ns;
    int64_t shown_ns;
    bool has_progress; /* a line stands on the terminal */

    uint64_t finding_count;
    struct table table;
    json_t *list;
    bool is_broken; /* the work itself failed, and a reason was said */
};

void verify_report_init(struct verify *verify, struct tool *tool);
void verify_found(struct verify *verify, const struct finding *finding);

/* The same for a whole file of no topic. */
void verify_file_damaged(struct verify *verify, const char *path, uint64_t position,
                         const char *what);

/* Counts what was read; now and then shows it. */
void verify_progress(struct verify *verify, uint64_t bytes);

/* Prints all; the command's answer. */
enum exit_code verify_report_show(struct verify *verify);

/* Reads meta.properties, and what lies under cluster/ if it is in this directory. */
void verify_cluster(struct verify *verify);

/* Reads the catalog, and keeps what it says. After the journals. */
void verify_catalog(struct verify *verify);
void verify_catalog_forget(struct verify *verify);

/* Reads the journals, and keeps what they promise. */
void verify_journals(struct verify *verify);
void verify_journals_forget(struct verify *verify);

/* The promises about one log, in the order of their offsets. */
const struct journal_promise *verify_promises(const struct verify *verify, struct uuid topic_id,
                                              int32_t partition, size_t *count);

/* The partition in this directory. */
void verify_log(struct verify *verify, const char *directory, const struct log_place *place);

#endif
