/* bench compare: the same load on several brokers in turns, and what one is to the others. */
#include "base/assert.h"
#include "base/bytes.h"
#include "base/text.h"
#include "bench/compare.h"
#include "bench/report.h"
#include "cli/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char shape[] =
    "{\"tool\": {\"version\": string, \"mode\": \"compare\"},\n"
    " \"rounds\": number, \"load\": {every flag by its name}, \"contenders\": [name, ...],\n"
    " \"figures\": [{\"name\": string, \"title\": string, \"more_is_better\": boolean,\n"
    "   \"values\": {name: {\"median\": number, \"min\": number, \"max\": number}, ...},\n"
    "   \"ratios\": {name: {\"median\": number, \"min\": number, \"max\": number,\n"
    "     \"is_decided\": boolean}, ...}}, ...],\n"
    " \"results\": {name: [what 'bench produce' and its like give, of each round], ...}}\n";

#define X(name, field, kind, preset, min, max, value, help) {0, name, value, help " (" preset ")"},
#define Y(name, field, kind, min, max, value, help)         {0, name, value, help},

enum { OWN_ROW_COUNT = 6 };

static const struct option_row rows[] = {
    {0, "load", "MODE", "produce, fetch, e2e or mixed (produce)"},
    {0, "rounds", "N", "how often each broker gets the load (5)"},
    {0, "fill-bytes", "SIZE", "put into the topic before it is fetched (256MiB)"},
    {0, "folder", "DIR", "under which brokers that are started keep their data meanwhile (.)"},
    {0, "verbose", NULL, "show what such brokers say"},
    {0, "html", "FILE", "write a page as well, like that of bench report"},
    /* What follows are the load's. */
    LOAD_TOPIC_ROWS(X, Y) LOAD_COMMON_ROWS(X, Y) LOAD_PRODUCE_ROWS(X, Y) LOAD_READ_ROWS(X, Y)
        LOAD_COLD_ROWS(X, Y) LOAD_PASS_ROWS(X, Y) LOAD_TAIL_ROWS(X, Y) LOAD_MIXED_ROWS(X, Y)};

#undef X
#undef Y

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

/* Modes whose figures can be compared as one number each. */
static bool parse_mode(const struct tool *tool, enum load_mode *mode)
{
    const char *text = options_text(&tool->options, "load");
    if (text == NULL)
        return true;
    for (enum load_mode each = LOAD_PRODUCE; each <= LOAD_MIXED; each++)
        if (strcmp(text, load_mode_name(each)) == 0) {
            *mode = each;
            return true;
        }
    tool_usage_error(tool, "--load takes produce, fetch, e2e or mixed, not '%s'", text);
    return false;
}

static bool parse_fill(const struct tool *tool, uint64_t *bytes)
{
    const char *text = options_text(&tool->options, "fill-bytes");
    int64_t value = (int64_t)*bytes;
    if (text != NULL && text_parse_size(bytes_of_text(text), &value) != STATUS_OK) {
        tool_usage_error(tool, "--fill-bytes takes a size, not '%s'", text);
        return false;
    }
    *bytes = (uint64_t)value;
    return true;
}

static bool take_options(struct tool *tool, struct compare_options *options)
{
    enum load_mode mode = LOAD_PRODUCE;
    int64_t rounds = 5;
    const char *folder = options_text(&tool->options, "folder");
    if (!parse_mode(tool, &mode) || !parse_fill(tool, &options->fill_bytes) ||
        !tool_number(tool, "rounds", 1, COMPARE_ROUNDS_MAX, &rounds))
        return false;
    options->rounds = (uint32_t)rounds;
    options->folder = folder != NULL ? folder : ".";
    options->is_verbose = options_has(&tool->options, "verbose");
    load_init(&options->load, mode, tool->brokers);
    options->load.is_live = tool->error_is_terminal && !tool->is_quiet;
    options->load.is_quiet = tool->is_quiet;
    return bench_take_flags(tool, rows + OWN_ROW_COUNT, ROW_COUNT - OWN_ROW_COUNT, &options->load);
}

/* A page that cannot be written is said before an hour has been measured for it. NULL, or why. */
static const char *page_problem(const char *path)
{
    char folder[PATH_MAX];
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file >= 0)
        close(file);
    if (file >= 0 || errno != ENOENT)
        return file >= 0 ? NULL : strerror(errno);
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
             slash != NULL ? path : ".");
    return access(folder, W_OK | X_OK) == 0 ? NULL : strerror(errno);
}

static enum exit_code write_page(const struct tool *tool, json_t *document, const char *path)
{
    char problem[REPORT_PROBLEM_SIZE];
    struct report report;
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return tool_error(tool, "%s: %s", path, strerror(errno));
    report_init(&report);
    bool is_added = report_add(&report, json_incref(document), path, problem);
    assert(is_added);
    report_write(&report, out);
    report_deinit(&report);
    return bench_close_file(tool, out, path);
}

static enum exit_code print(const struct tool *tool, json_t *document)
{
    const char *page = options_text(&tool->options, "html");
    enum exit_code code = page != NULL ? write_page(tool, document, page) : EXIT_CODE_OK;
    if (tool->format == FORMAT_JSON) {
        tool_print_json(tool, document);
        return code;
    }
    compare_print(document);
    json_decref(document);
    return code;
}

static enum exit_code run(struct tool *tool)
{
    struct compare_options options = {
        .contenders = tool->options.arguments,
        .contender_count = tool->options.argument_count,
        .fill_bytes = 256 << 20,
    };
    const char *problem = compare_problem(&options);
    if (problem != NULL)
        return tool_usage_error(tool, "%s", problem);
    if (!take_options(tool, &options))
        return EXIT_CODE_USAGE;
    const char *page = options_text(&tool->options, "html");
    problem = page != NULL ? page_problem(page) : NULL;
    if (problem != NULL)
        return tool_error(tool, "%s: %s", page, problem);
    return print(tool, bench_compare(&options, TAILRACE_VERSION));
}

const struct command command_bench_compare = {
    .name = "bench compare",
    .arguments = "NAME=BROKER...",
    .argument_count_min = 1,
    .argument_count_max = COMPARE_CONTENDERS_MAX,
    .summary = "measure several brokers in turns",
    .description =
        "Puts the same load on each broker in turn, in the next round backwards, and says how "
        "many\n"
        "times the first one's figures are those of the others, with the range over the rounds.\n"
        "Ratios that the range does not decide have a question mark. BROKER is HOST:PORT,PID of "
        "one\n"
        "that runs, or a command that starts one, in which {port} and {data} stand for a free "
        "port\n"
        "and an empty folder; without PID nothing is known of its processor time and memory.\n",
    .example =
        "tailrace bench compare --closed --connections 16 ours=127.0.0.1:9092,4711 \\\n"
        "    theirs=127.0.0.1:9192,4712\n"
        "tailrace bench compare --load fetch \\\n"
        "    'a=tailraced --set listeners=PLAINTEXT://127.0.0.1:{port} --set log.dirs={data}' \\\n"
        "    'b=tailraced --io posix --set listeners=PLAINTEXT://127.0.0.1:{port} \\\n"
        "       --set log.dirs={data}'\n",
    .json_shape = shape,
    .options = {rows, ROW_COUNT},
    .run = run,
};
