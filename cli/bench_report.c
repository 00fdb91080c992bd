/* bench report: JSON results as a page, or as one picture. */
#include "bench/report.h"
#include "cli/tool.h"

#include <errno.h>
#include <string.h>

enum { REPORT_FILES_MAX = 1000, LABEL_SIZE = 128 };

/* The name of the file, without its folder and ending. */
static void label_of(const char *path, char label[static LABEL_SIZE])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t size = dot != NULL && dot > name ? (size_t)(dot - name) : strlen(name);
    snprintf(label, LABEL_SIZE, "%.*s", (int)size, name);
}

static bool add_file(const struct tool *tool, struct report *report, const char *path)
{
    json_error_t error;
    char label[LABEL_SIZE];
    char problem[REPORT_PROBLEM_SIZE];
    json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL) {
        tool_error(tool, "%s: %s", path, error.text);
        return false;
    }
    label_of(path, label);
    if (report_add(report, document, label, problem))
        return true;
    tool_error(tool, "%s", problem);
    return false;
}

/* To the file, or to stdout. */
static enum exit_code write(const struct tool *tool, const struct report *report)
{
    const char *path = options_text(&tool->options, "output");
    const char *bars = options_text(&tool->options, "bars");
    FILE *out = path != NULL ? fopen(path, "w") : stdout;
    enum exit_code code = EXIT_CODE_OK;
    if (out == NULL)
        return tool_error(tool, "%s: %s", path, strerror(errno));
    if (bars == NULL)
        report_write(report, out);
    else if (!report_write_bars(report, bars, out))
        code = tool_error(tool, "no comparison has a figure '%s'", bars);
    if (out != stdout && fclose(out) != 0)
        code = tool_error(tool, "%s: %s", path, strerror(errno));
    return code;
}

static enum exit_code run(struct tool *tool)
{
    struct report report;
    enum exit_code code = EXIT_CODE_OK;
    report_init(&report);
    for (uint32_t i = 0; i < tool->options.argument_count && code == EXIT_CODE_OK; i++)
        if (!add_file(tool, &report, tool->options.arguments[i]))
            code = EXIT_CODE_FAILED;
    if (code == EXIT_CODE_OK)
        code = write(tool, &report);
    report_deinit(&report);
    return code;
}

static const struct option_row rows[] = {
    {'o', "output", "FILE", "where to write (stdout)"},
    {0, "bars", "FIGURE", "only the bars of this figure of comparisons, as an SVG picture"},
};

const struct command command_bench_report = {
    .name = "bench report",
    .arguments = "FILE...",
    .argument_count_min = 1,
    .argument_count_max = REPORT_FILES_MAX,
    .summary = "make a page of measurements",
    .description =
        "FILE is what another bench command has printed with --format json. The page is one HTML "
        "file\n"
        "with latency curves, throughput over time and tables, and loads nothing from elsewhere.\n"
        "Single results are shown side by side, each comparison in a section of its own.\n",
    .example = "tailrace bench compare --closed a=127.0.0.1:9092 b=127.0.0.1:9192 --format json > "
               "ab.json\n"
               "tailrace bench report ab.json -o ab.html\n"
               "tailrace bench report ab.json --bars mb_per_s -o ab.svg\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run,
};
