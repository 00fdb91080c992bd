/* log verify: reads everything under a directory of log.dirs and says what is not as it was
 * written. Nothing is changed. The broker must not run: what is being written would look torn. */
#include "base/assert.h"
#include "cli/verify.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 100, LOCK_PAUSE_NS = 10 * 1000 * 1000 };

/* What of the store is asked for: names of directories, "" for all. */
struct scope {
    char topic[NAME_MAX + 1];
    char partition[NAME_MAX + 1];
};

/* Names that nobody made here may be longer than any of ours. */
static bool is_joinable(const char *directory, const char *name)
{
    return strlen(directory) + 1 + strlen(name) < PATH_SIZE;
}

static bool is_directory(const char *parent, const char *name)
{
    char path[PATH_SIZE];
    struct stat facts;
    path_join(parent, name, path);
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static bool is_store(const char *directory)
{
    return is_directory(directory, "topics") || is_directory(directory, "journal");
}

/* Goes up from `path` to the directory that is a store: at most two names and `topics` lie between.
 */
static bool find_store(char path[static PATH_SIZE], struct scope *scope)
{
    *scope = (struct scope){0};
    for (uint32_t level = 0; level < 4; level++) {
        if (is_store(path))
            return true;
        char *slash = strrchr(path, '/');
        if (slash == NULL)
            return false;
        const char *name = slash + 1;
        if (strcmp(name, "topics") != 0) {
            memcpy(scope->partition, scope->topic, sizeof scope->partition);
            memcpy(scope->topic, name, strlen(name) + 1);
        }
        *slash = '\0';
    }
    return false;
}

/* Held until the program ends. The kernel finishes the last writes of a killed broker in its own
 * time, and the lock is free only then. */
static bool take_lock(const struct verify *verify)
{
    char path[PATH_SIZE];
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    path_join(verify->store, ".lock", path);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return true;
    for (uint32_t i = 0; i < LOCK_TRIES; i++) {
        if (flock(file, LOCK_EX | LOCK_NB) == 0)
            return true;
        nanosleep(&pause, NULL);
    }
    close(file);
    tool_error(verify->tool, "%s is in use by a broker; stop it first", verify->store);
    return false;
}

/* --- Directories ------------------------------------------------------------------------------ */

struct walk {
    struct verify *verify;
    const struct scope *scope;
    void (*visit)(struct verify *verify, const char *directory, const struct log_place *place);
};

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Calls `take` with each name in the directory that `only` does not exclude. */
static void each_entry(struct walk *walk, const char *directory, const char *only,
                       struct log_place *place,
                       void (*take)(struct walk *walk, const char *path, const char *name,
                                    struct log_place *place))
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_shown, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        bool is_wanted = only[0] == '\0' || strcmp(only, entries[i]->d_name) == 0;
        if (is_wanted && is_joinable(directory, entries[i]->d_name)) {
            path_join(directory, entries[i]->d_name, path);
            take(walk, path, entries[i]->d_name, place);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    else
        verify_file_damaged(walk->verify, directory, 0, "cannot be listed");
}

/* What is going away is nobody's any more. */
static void take_partition(struct walk *walk, const char *path, const char *name,
                           struct log_place *place)
{
    if (path_parse_partition(name, &place->frame.partition))
        walk->visit(walk->verify, path, place);
}

static void take_topic(struct walk *walk, const char *path, const char *name,
                       struct log_place *place)
{
    struct bytes topic_name;
    if (!path_parse_topic(name, &topic_name, &place->frame.topic_id))
        return;
    memcpy(place->topic_name, topic_name.data, topic_name.size);
    place->topic_name[topic_name.size] = '\0';
    each_entry(walk, path, walk->scope->partition, place, take_partition);
}

static void each_partition(struct walk *walk)
{
    char path[PATH_SIZE];
    struct log_place place = {0};
    path_topics(walk->verify->store, path);
    if (is_directory(walk->verify->store, "topics"))
        each_entry(walk, path, walk->scope->topic, &place, take_topic);
}

/* --- How much there is ------------------------------------------------------------------------ */

static void count_files(struct verify *verify, const char *directory)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_shown, NULL);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        struct stat facts;
        if (is_joinable(directory, entries[i]->d_name)) {
            path_join(directory, entries[i]->d_name, path);
            bool is_file = stat(path, &facts) == 0 && S_ISREG(facts.st_mode);
            verify->total_bytes += is_file ? (uint64_t)facts.st_size : 0;
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void count_partition(struct verify *verify, const char *directory,
                            const struct log_place *place)
{
    (void)place;
    count_files(verify, directory);
}

static void count_all(struct verify *verify, const struct scope *scope)
{
    char path[PATH_SIZE];
    struct walk walk = {verify, scope, count_partition};
    path_journals(verify->store, path);
    count_files(verify, path);
    path_catalogs(verify->store, path);
    count_files(verify, path);
    path_join(verify->store, "cluster", path);
    count_files(verify, path);
    each_partition(&walk);
}

static enum exit_code verify_store(struct verify *verify, const struct scope *scope)
{
    struct walk walk = {verify, scope, verify_log};
    if (!take_lock(verify))
        return EXIT_CODE_FAILED;
    count_all(verify, scope);
    verify_cluster(verify);
    verify_journals(verify);
    verify_catalog(verify);
    each_partition(&walk);
    verify_catalog_forget(verify);
    verify_journals_forget(verify);
    if (scope->topic[0] != '\0' && verify->log_count == 0)
        return tool_error(verify->tool, "no partition of a topic there");
    return verify_report_show(verify);
}

static enum exit_code run_log_verify(struct tool *tool)
{
    struct scope scope;
    const char *directory = tool->options.arguments[0];
    char *path = realpath(directory, NULL);
    if (path == NULL || strlen(path) >= PATH_STORE_SIZE_MAX) {
        free(path);
        return tool_error(tool, "%s: there is no such directory", directory);
    }
    struct verify *verify = arena_allocate_array(&tool->arena, 1, sizeof *verify);
    assert(verify != NULL);
    verify_report_init(verify, tool);
    path_copy(path, verify->store);
    free(path);
    if (!find_store(verify->store, &scope)) {
        json_decref(verify->list);
        return tool_error(tool, "%s: not a directory of log.dirs, nor one of a topic in it",
                          directory);
    }
    return verify_store(verify, &scope);
}

const struct command command_log_verify = {
    .name = "log verify",
    .arguments = "DIR",
    .argument_count_min = 1,
    .argument_count_max = 1,
    .summary = "check the files of a stopped broker for damage",
    .description =
        "Reads the metadata, the catalog, all journals and segments in a directory of log.dirs, "
        "or\n"
        "only the segments of one topic or partition in it beside what is common to all, and\n"
        "checks every checksum, that everything is in its place, that offsets\n"
        "and leader epochs follow each other, and that no acknowledged record is missing. Changes\n"
        "nothing. Damaged ranges are listed, and the exit status is 1 if there are any. A crash\n"
        "may leave bytes behind the end of a log that nobody was told of; that is no damage.\n",
    .example = "tailrace log verify /var/lib/tailrace\n"
               "tailrace log verify data/topics/orders-9mSj2kKCT6mHkpBU5VtNLQ/0\n",
    .json_shape = "{\"logs\": number, \"segments\": number, \"bytes\": number,\n"
                  "  \"torn_bytes\": number, \"damaged_ranges\": number,\n"
                  "  \"damage\": [{\"topic\": string or null, \"partition\": number or null,\n"
                  "    \"first_offset\": number or null, \"last_offset\": number or null,\n"
                  "    \"file\": string, \"position\": number, \"what\": string}, ...]}\n",
    .run = run_log_verify,
};
