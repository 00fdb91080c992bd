/* Where things lie under the store's directory:
 *
 *   journal/epoch                                which commits of the journals are of this run
 *   journal/<core>-<n>.journal                   the ring of one core
 *   journal/<core>.clean                         that core was stopped in order
 *   journal/<core>.reserve                       space that is held for when the disk is full
 *   catalog/base                                 the states of all logs when the run began
 *   catalog/<core>-<n>.catalog                   those that one core has recorded since
 *   topics/<topic name>-<topic id>/              the id is Kafka's 22-character text form; with
 *                                                `.stray` behind it when nobody knows the topic
 *     <partition>/                               renamed to <partition>.<16 hex>.deleted at its end
 *       <base offset, 20 digits>.log             a segment as it was appended, generation 0
 *       <base offset>-<generation>.log           what compaction has made of one or more
 *       <base offset>[-<generation>].index       where to begin to read it
 *
 * Names are kept in buffers of PATH_SIZE; the length of the store's directory and of topic names
 * (249, Kafka's limit) is checked once, so nothing here can be cut. */
#ifndef TAILRACE_STORAGE_PATH_H
#define TAILRACE_STORAGE_PATH_H

#include "storage/log.h"

enum { PATH_SIZE = 1024, PATH_STORE_SIZE_MAX = 640, TOPIC_NAME_SIZE_MAX = 249 };

void path_topics(const char *store, char path[static PATH_SIZE]);
void path_topic(const char *store, const struct log_id *id, char path[static PATH_SIZE]);
void path_partition(const char *store, const struct log_id *id, char path[static PATH_SIZE]);
void path_journals(const char *store, char path[static PATH_SIZE]);
void path_epoch(const char *store, char path[static PATH_SIZE]);
void path_journal(const char *store, uint32_t core, uint32_t file, char path[static PATH_SIZE]);
void path_clean(const char *store, uint32_t core, char path[static PATH_SIZE]);
void path_reserve(const char *store, uint32_t core, char path[static PATH_SIZE]);
void path_catalogs(const char *store, char path[static PATH_SIZE]);
void path_catalog_base(const char *store, char path[static PATH_SIZE]);
void path_catalog(const char *store, uint32_t core, uint32_t file, char path[static PATH_SIZE]);

/* Of a partition's directory. */
void path_segment(const char *partition, int64_t base_offset, uint32_t generation,
                  char path[static PATH_SIZE]);
void path_index(const char *partition, int64_t base_offset, uint32_t generation,
                char path[static PATH_SIZE]);

void path_copy(const char *path, char copy[static PATH_SIZE]);

/* `path` with `suffix` behind it. */
void path_with_suffix(const char *path, const char *suffix, char result[static PATH_SIZE]);

/* `directory`/`name`. */
void path_join(const char *directory, const char *name, char path[static PATH_SIZE]);

/* The directory that holds `path`. */
void path_parent(const char *path, char parent[static PATH_SIZE]);

/* The other way round; false for names of another form. `topic_name` borrows from `name`. */
bool path_parse_topic(const char *name, struct bytes *topic_name, struct uuid *topic_id);
bool path_parse_partition(const char *name, int32_t *partition);
bool path_parse_segment(const char *name, int64_t *base_offset, uint32_t *generation);
bool path_parse_index(const char *name, int64_t *base_offset, uint32_t *generation);
bool path_parse_journal(const char *name, uint32_t *core, uint32_t *file);
bool path_parse_catalog(const char *name, uint32_t *core, uint32_t *file);
bool path_is_reserve(const char *name);
bool path_is_deleted(const char *name);

/* The name that a partition's directory takes when it goes; `number` tells it from an earlier
 * directory of the same partition. */
void path_deleted(const char *partition, uint64_t number, char path[static PATH_SIZE]);

#endif
