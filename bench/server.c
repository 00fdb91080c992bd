#include "bench/server.h"

#include "base/assert.h"
#include "base/text.h"
#include "bench/system.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_SIZE = 8192, PATH_SIZE = 64, TREE_MAX = 256 };

/* --- Texts of /proc --------------------------------------------------------------------------- */

static bool read_text(const char *path, char text[static TEXT_SIZE])
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t size = fread(text, 1, TEXT_SIZE - 1, file);
    text[size] = '\0';
    fclose(file);
    return size > 0;
}

struct process_stat {
    int64_t parent;
    int64_t user_ticks;
    int64_t system_ticks;
};

static bool read_stat(int64_t pid, struct process_stat *stat)
{
    enum { FIELD_AFTER_NAME = 3, FIELD_PARENT = 4, FIELD_USER = 14, FIELD_SYSTEM = 15 };
    char path[PATH_SIZE];
    char text[TEXT_SIZE];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    *stat = (struct process_stat){0};
    /* The program's name stands in brackets and may hold anything, brackets too. */
    char *name_end = read_text(path, text) ? strrchr(text, ')') : NULL;
    if (name_end == NULL)
        return false;
    struct bytes rest = text_trim(bytes_of_text(name_end + 1));
    struct bytes item;
    for (int field = FIELD_AFTER_NAME; text_next_item(&rest, ' ', &item); field++) {
        int64_t *into = field == FIELD_PARENT   ? &stat->parent
                        : field == FIELD_USER   ? &stat->user_ticks
                        : field == FIELD_SYSTEM ? &stat->system_ticks
                                                : NULL;
        if (into != NULL)
            (void)text_parse_i64(item, 0, INT64_MAX, into);
    }
    return true;
}

/* --- Families --------------------------------------------------------------------------------- */

struct family {
    int64_t pids[TREE_MAX];
    uint32_t count;
};

static bool family_has(const struct family *family, int64_t pid)
{
    for (uint32_t i = 0; i < family->count; i++)
        if (family->pids[i] == pid)
            return true;
    return false;
}

/* Adds the children of those that are in it; false if there was none. */
static bool family_grow(struct family *family)
{
    uint32_t count_before = family->count;
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    if (folder == NULL)
        return false;
    while ((entry = readdir(folder)) != NULL && family->count < TREE_MAX) {
        int64_t pid;
        struct process_stat stat;
        if (text_parse_i64(bytes_of_text(entry->d_name), 1, INT32_MAX, &pid) == STATUS_OK &&
            !family_has(family, pid) && read_stat(pid, &stat) && family_has(family, stat.parent))
            family->pids[family->count++] = pid;
    }
    closedir(folder);
    return family->count > count_before;
}

/* --- Use -------------------------------------------------------------------------------------- */

static void add_tasks(int64_t pid, struct server_use *use)
{
    char path[PATH_SIZE];
    char text[TEXT_SIZE];
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%lld/task", (long long)pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    while (use->task_count < SERVER_TASKS_MAX && (entry = readdir(folder)) != NULL) {
        int64_t task;
        if (text_parse_i64(bytes_of_text(entry->d_name), 1, INT32_MAX, &task) != STATUS_OK)
            continue;
        snprintf(path, sizeof path, "/proc/%lld/task/%lld/status", (long long)pid, (long long)task);
        if (read_text(path, text))
            use->tasks[use->task_count++] = (struct server_task){
                (uint32_t)task, proc_number(text, "voluntary_ctxt_switches:") +
                                    proc_number(text, "nonvoluntary_ctxt_switches:")};
    }
    closedir(folder);
}

static bool add_process(int64_t pid, struct server_use *use)
{
    char path[PATH_SIZE];
    char text[TEXT_SIZE];
    struct process_stat stat;
    int64_t tick_ns = SECOND_NS / sysconf(_SC_CLK_TCK);
    if (!read_stat(pid, &stat))
        return false;
    use->cpu_user_ns += stat.user_ticks * tick_ns;
    use->cpu_system_ns += stat.system_ticks * tick_ns;
    add_tasks(pid, use);
    snprintf(path, sizeof path, "/proc/%lld/status", (long long)pid);
    if (read_text(path, text))
        use->memory_bytes += proc_number(text, "VmRSS:") * 1024;
    snprintf(path, sizeof path, "/proc/%lld/io", (long long)pid);
    if (read_text(path, text)) {
        use->has_disk_bytes = true;
        use->written_bytes += proc_number(text, "write_bytes:");
        use->read_bytes += proc_number(text, "read_bytes:");
    }
    return true;
}

bool server_use_read(uint32_t pid, struct server_use *use)
{
    assert(pid > 0);
    struct family family = {.pids = {pid}, .count = 1};
    *use = (struct server_use){0};
    while (family_grow(&family)) {
    }
    bool is_there = add_process(pid, use);
    /* Children may end meanwhile; that is no reason to know nothing. */
    for (uint32_t i = 1; i < family.count; i++)
        (void)add_process(family.pids[i], use);
    return is_there;
}

static int64_t switches_of(const struct server_use *use, uint32_t task)
{
    for (uint32_t i = 0; i < use->task_count; i++)
        if (use->tasks[i].id == task)
            return use->tasks[i].context_switches;
    return 0;
}

void server_use_subtract(struct server_use *use, const struct server_use *before)
{
    assert(use != before);
    use->cpu_user_ns -= before->cpu_user_ns;
    use->cpu_system_ns -= before->cpu_system_ns;
    for (uint32_t i = 0; i < use->task_count; i++)
        use->tasks[i].context_switches -= switches_of(before, use->tasks[i].id);
    use->has_disk_bytes = use->has_disk_bytes && before->has_disk_bytes;
    use->written_bytes -= before->written_bytes;
    use->read_bytes -= before->read_bytes;
}

int64_t server_use_switches(const struct server_use *use)
{
    int64_t switches = 0;
    assert(use->task_count <= SERVER_TASKS_MAX);
    for (uint32_t i = 0; i < use->task_count; i++)
        switches += use->tasks[i].context_switches;
    return switches;
}
