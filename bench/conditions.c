#include "bench/conditions.h"

#include "base/assert.h"
#include "base/text.h"
#include "protocol/messages/describe_configs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static const char unknown[] = "unknown";

static void set(char field[static CONDITION_SIZE], struct bytes text)
{
    text = text_trim(text);
    snprintf(field, CONDITION_SIZE, "%.*s", (int)text.size, (const char *)text.data);
}

/* --- The machine ------------------------------------------------------------------------------ */

static void find_cpu(char field[static CONDITION_SIZE])
{
    char line[512];
    FILE *file = fopen("/proc/cpuinfo", "r");
    set(field, bytes_of_text(unknown));
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (colon == NULL || strncmp(line, "model name", 10) != 0)
            continue;
        set(field, bytes_of_text(colon + 1));
        break;
    }
    if (file != NULL)
        fclose(file);
}

static void find_congestion_control(char field[static CONDITION_SIZE])
{
    char line[CONDITION_SIZE];
    FILE *file = fopen("/proc/sys/net/ipv4/tcp_congestion_control", "r");
    set(field, bytes_of_text(unknown));
    if (file == NULL)
        return;
    if (fgets(line, sizeof line, file) != NULL)
        set(field, bytes_of_text(line));
    fclose(file);
}

static void find_machine(struct conditions *conditions)
{
    struct utsname system;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    conditions->time_ms = now.tv_sec * 1000ll + now.tv_nsec / (1000 * 1000);
    set(conditions->kernel, bytes_of_text(uname(&system) == 0 ? system.release : unknown));
    find_cpu(conditions->cpu);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    conditions->cpu_count = cpus > 0 ? (uint32_t)cpus : 1;
    find_congestion_control(conditions->congestion_control);
    if (getloadavg(conditions->load_average, 3) != 3)
        memset(conditions->load_average, 0, sizeof conditions->load_average);
}

/* --- The broker ------------------------------------------------------------------------------- */

static struct bytes find_setting(const struct describe_configs_response_result *settings,
                                 const char *name)
{
    for (uint32_t i = 0; i < settings->configs_count; i++)
        if (bytes_equal_text(settings->configs[i].name, name))
            return settings->configs[i].value;
    return (struct bytes){0};
}

/* Kafka keeps records in the page cache unless it is told to flush; Tailrace flushes before it
 * answers unless it is told not to. */
static void find_durability(struct conditions *conditions, bool is_ours,
                            const struct describe_configs_response_result *settings)
{
    struct bytes count = find_setting(settings, "log.flush.interval.messages");
    struct bytes age = find_setting(settings, "log.flush.interval.ms");
    int64_t messages;
    int64_t ms = INT64_MAX;
    if (text_parse_i64(count, 1, INT64_MAX, &messages) != STATUS_OK)
        return;
    if (!bytes_are_null(age))
        (void)text_parse_i64(age, 0, INT64_MAX, &ms);
    bool is_each = messages == 1 || ms == 0;
    bool is_never = messages == INT64_MAX && ms == INT64_MAX;
    if (is_each || (is_ours && is_never))
        set(conditions->durability, bytes_of_text("flushed before it is acknowledged"));
    else if (is_never)
        set(conditions->durability, bytes_of_text("page cache"));
    else
        set(conditions->durability, bytes_of_text("flushed now and then"));
}

/* Which backend "auto" became: a process with rings has them among its files. */
static bool has_ring(uint32_t pid)
{
    char path[64];
    char target[64];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%u/fd", pid);
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
        ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        target[size > 0 ? size : 0] = '\0';
        found = strcmp(target, "anon_inode:[io_uring]") == 0;
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

static void find_backend(struct conditions *conditions, struct bytes setting)
{
    if (!bytes_equal_text(setting, "auto") || conditions->pid == 0)
        set(conditions->io_backend, setting);
    else
        set(conditions->io_backend, bytes_of_text(has_ring(conditions->pid) ? "uring" : "posix"));
}

static void find_broker(struct conditions *conditions, struct control *control)
{
    set(conditions->broker, bytes_of_text(unknown));
    set(conditions->io_backend, bytes_of_text(unknown));
    set(conditions->durability, bytes_of_text(unknown));
    const struct describe_configs_response_result *settings = control_describe_broker(control);
    if (settings == NULL)
        return;
    struct bytes backend = find_setting(settings, "tailrace.io");
    bool is_ours = !bytes_are_null(backend);
    /* Of the settings that others copy from Kafka this is not one. */
    bool is_kafka = !bytes_are_null(find_setting(settings, "log.cleaner.dedupe.buffer.size"));
    if (is_ours)
        set(conditions->broker, bytes_of_text("Tailrace"));
    else
        set(conditions->broker, bytes_of_text(is_kafka ? "Kafka" : unknown));
    if (is_ours)
        find_backend(conditions, backend);
    find_durability(conditions, is_ours, settings);
}

void conditions_find(struct conditions *conditions, uint32_t pid, struct control *control)
{
    *conditions = (struct conditions){.pid = pid, .stolen_percent = -1};
    find_machine(conditions);
    find_broker(conditions, control);
}

/* --- Output ----------------------------------------------------------------------------------- */

json_t *conditions_json(const struct conditions *conditions)
{
    char time[TEXT_FORMAT_SIZE];
    text_format_time_ms(conditions->time_ms, time);
    json_t *pid = conditions->pid != 0 ? json_integer(conditions->pid) : json_null();
    json_t *stolen =
        conditions->stolen_percent >= 0 ? json_real(conditions->stolen_percent) : json_null();
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:[fff], s:o, s:{s:s, s:s, s:s, s:o}}", "time",
                     time, "kernel", conditions->kernel, "cpu", conditions->cpu, "cpu_count",
                     (int)conditions->cpu_count, "congestion_control",
                     conditions->congestion_control, "load_average", conditions->load_average[0],
                     conditions->load_average[1], conditions->load_average[2], "stolen_percent",
                     stolen, "broker", "name", conditions->broker, "io_backend",
                     conditions->io_backend, "durability", conditions->durability, "pid", pid);
}

void conditions_print(const struct conditions *conditions)
{
    assert(conditions->cpu_count > 0);
    printf("broker      %s, io %s, %s\n", conditions->broker, conditions->io_backend,
           conditions->durability);
    printf("machine     %s, %u cores, Linux %s, %s, load average %.2f", conditions->cpu,
           conditions->cpu_count, conditions->kernel, conditions->congestion_control,
           conditions->load_average[0]);
    if (conditions->stolen_percent >= 0)
        printf(", %.1f %% of its processors stolen", conditions->stolen_percent);
    printf("\n");
}
