#include "bench/compare.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/text.h"
#include "bench/bench.h"
#include "bench/comparison.h"
#include "bench/figure.h"
#include "bench/launch.h"
#include "bench/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKERS_SIZE = 256, NAME_SIZE = 64 };

struct contender {
    char name[NAME_SIZE];
    char brokers[BROKERS_SIZE];
    uint32_t pid; /* 0: unknown */
    bool is_ours; /* started here */
    struct launch launch;
    char *folder;
    json_t *results; /* of the document */
};

/* --- Who is compared -------------------------------------------------------------------------- */

/* A command has its port filled in; an address has not. */
static bool is_command(const char *text)
{
    return strstr(text, "{port}") != NULL;
}

static bool has_name(const char *words, const char *other)
{
    size_t size = strcspn(words, "=");
    return strcspn(other, "=") == size && memcmp(words, other, size) == 0;
}

const char *compare_problem(const struct compare_options *options)
{
    if (options->contender_count < 2)
        return "name two brokers at least, as NAME=HOST:PORT,PID or NAME=COMMAND with {port}";
    if (options->contender_count > COMPARE_CONTENDERS_MAX)
        return "eight brokers are the most that can be compared";
    for (uint32_t i = 0; i < options->contender_count; i++) {
        size_t size = strcspn(options->contenders[i], "=");
        if (size == 0 || size >= NAME_SIZE || options->contenders[i][size] == '\0')
            return "a broker is NAME=HOST:PORT,PID or NAME=COMMAND, with a name of 1 to 63 bytes";
        for (uint32_t before = 0; before < i; before++)
            if (has_name(options->contenders[before], options->contenders[i]))
                return "each broker needs a name of its own";
    }
    return NULL;
}

/* Before anybody is measured: what is found missing in the second turn has cost the first. */
static void contender_check(const struct contender *contender)
{
    struct control control;
    struct address address;
    struct server_use use;
    const char *problem;
    if (contender->pid != 0 && !server_use_read(contender->pid, &use))
        fail("%s: there is no process %u", contender->name, contender->pid);
    if (!control_open_any(&control, contender->brokers, &address, &problem))
        fail("%s: no broker answers at %s: %s", contender->name, contender->brokers, problem);
    control_close(&control);
}

static void contender_find(struct contender *contender, const char *where)
{
    struct bytes rest = bytes_of_text(where);
    struct bytes address;
    struct bytes pid_text;
    int64_t pid = 0;
    if (!text_next_item(&rest, ',', &address) || address.size >= sizeof contender->brokers)
        fail("%s: '%s' is no address", contender->name, where);
    memcpy(contender->brokers, address.data, address.size);
    bool has_pid = text_next_item(&rest, ',', &pid_text);
    if (has_pid && text_parse_i64(pid_text, 1, INT32_MAX, &pid) != STATUS_OK)
        fail("%s: '%.*s' is no process", contender->name, (int)pid_text.size,
             (const char *)pid_text.data);
    contender->pid = (uint32_t)pid;
    contender_check(contender);
}

/* By the shell, which cuts it into words as people expect; exec, so that the process is the
 * broker's own. */
static void contender_start(struct contender *contender, const struct compare_options *options,
                            const char *command)
{
    char *line = NULL;
    if (asprintf(&line, "exec %s", command) < 0)
        fail("no memory for a command");
    const char *const words[] = {"sh", "-c", line};
    contender->folder = folder_create(options->folder);
    launch_prepare(&contender->launch, words, 3, contender->folder);
    free(line);
    contender->launch.name = contender->name;
    contender->launch.is_verbose = options->is_verbose;
    launch_start(&contender->launch);
    contender->is_ours = true;
    contender->pid = (uint32_t)contender->launch.process.pid;
    snprintf(contender->brokers, sizeof contender->brokers, "127.0.0.1:%u", contender->launch.port);
}

static void contender_open(struct contender *contender, const struct compare_options *options,
                           const char *words)
{
    size_t name_size = strcspn(words, "=");
    const char *where = words + name_size + 1;
    assert(name_size < NAME_SIZE);
    memcpy(contender->name, words, name_size);
    if (is_command(where))
        contender_start(contender, options, where);
    else
        contender_find(contender, where);
}

static void contender_fill(const struct contender *contender, const struct compare_options *options)
{
    if (options->load.mode == LOAD_FETCH)
        bench_fill(contender->brokers, options->load.topic, options->load.partitions,
                   &options->load.topic_configs, options->fill_bytes);
}

static void contender_close(struct contender *contender)
{
    if (!contender->is_ours)
        return;
    launch_stop(&contender->launch);
    launch_forget(&contender->launch);
    folder_remove(contender->folder);
    free(contender->folder);
}

/* --- Rounds ----------------------------------------------------------------------------------- */

static void run_one(struct contender *contender, const struct compare_options *options,
                    const char *version)
{
    struct load load = options->load;
    load.brokers = contender->brokers;
    load.pid = contender->pid;
    if (load.is_live)
        fprintf(stderr, "%s\n", contender->name);
    struct result *result = bench_run(&load);
    if (!result_is_good(result))
        fail("%s acknowledged nothing", contender->name);
    json_array_append_new(contender->results, result_json(result, version));
    bench_free(result);
}

/* In the next round backwards: who comes first in one comes last in the other. */
static void run_rounds(struct contender *contenders, const struct compare_options *options,
                       const char *version)
{
    uint32_t count = options->contender_count;
    for (uint32_t round = 0; round < options->rounds; round++)
        for (uint32_t i = 0; i < count; i++)
            run_one(&contenders[round % 2 == 0 ? i : count - 1 - i], options, version);
}

static json_t *document_of(const struct contender *contenders,
                           const struct compare_options *options, const char *version)
{
    json_t *names = json_array();
    json_t *results = json_object();
    for (uint32_t i = 0; i < options->contender_count; i++) {
        json_array_append_new(names, json_string(contenders[i].name));
        json_object_set_new(results, contenders[i].name, contenders[i].results);
    }
    return json_pack("{s:{s:s, s:s}, s:I, s:o, s:o, s:o, s:o}", "tool", "version", version, "mode",
                     "compare", "rounds", (json_int_t)options->rounds, "load",
                     load_json(&options->load), "contenders", names, "figures",
                     comparison_figures(results), "results", results);
}

json_t *bench_compare(const struct compare_options *options, const char *version)
{
    struct contender *contenders = calloc(options->contender_count, sizeof *contenders);
    assert(compare_problem(options) == NULL);
    assert(options->rounds > 0 && options->rounds <= COMPARE_ROUNDS_MAX);
    if (contenders == NULL)
        fail("no memory for the brokers");
    for (uint32_t i = 0; i < options->contender_count; i++) {
        contenders[i].results = json_array();
        contender_open(&contenders[i], options, options->contenders[i]);
    }
    for (uint32_t i = 0; i < options->contender_count; i++)
        contender_fill(&contenders[i], options);
    run_rounds(contenders, options, version);
    json_t *document = document_of(contenders, options, version);
    for (uint32_t i = 0; i < options->contender_count; i++)
        contender_close(&contenders[i]);
    free(contenders);
    return document;
}

/* --- Text ------------------------------------------------------------------------------------- */

static void print_value(json_t *value)
{
    char text[FIGURE_RANGE_SIZE];
    figure_format_range(value, text);
    printf("  %-26s", text);
}

/* What the range does not decide has a question mark. */
static void print_ratio(json_t *ratio)
{
    char text[FIGURE_RANGE_SIZE];
    figure_format_range(ratio, text);
    printf("  x %s%s", text, json_is_true(json_object_get(ratio, "is_decided")) ? "" : " ?");
}

void compare_print(json_t *document)
{
    size_t i;
    json_t *figure;
    json_t *name;
    const char *key;
    json_t *value;
    printf("%-22s", "FIGURE");
    json_array_foreach(json_object_get(document, "contenders"), i, name)
        printf("  %-26s", json_string_value(name));
    printf("  FIRST TO OTHERS\n");
    json_array_foreach(json_object_get(document, "figures"), i, figure)
    {
        printf("%-22s", json_string_value(json_object_get(figure, "title")));
        json_object_foreach(json_object_get(figure, "values"), key, value) print_value(value);
        json_object_foreach(json_object_get(figure, "ratios"), key, value) print_ratio(value);
        printf("\n");
    }
}
