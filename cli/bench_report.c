/* bench report: JSON results as a page, or as one picture. */
#include "base/assert.h"
#include "bench/report.h"
#include "cli/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REPORT_FILES_MAX = 1000, LABEL_SIZE = 128 };

/* NULL after saying what is wrong. */
static json_t *load_document(const struct tool *tool, const char *path)
{
    json_error_t error;
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        tool_error(tool, "%s: %s", path, strerror(errno));
        return NULL;
    }
    json_t *document = json_loadf(in, JSON_REJECT_DUPLICATES, &error);
    fclose(in);
    if (document == NULL)
        tool_error(tool, "%s, line %d: %s", path, error.line, error.text);
    return document;
}

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
    char label[LABEL_SIZE];
    char problem[REPORT_PROBLEM_SIZE];
    json_t *document = load_document(tool, path);
    if (document == NULL)
        return false;
    label_of(path, label);
    if (report_add(report, document, label, problem))
        return true;
    tool_error(tool, "%s: %s", path, problem);
    return false;
}

/* To the file, or to stdout. */
static enum exit_code write_text(const struct tool *tool, const char *text, size_t size)
{
    const char *path = options_text(&tool->options, "output");
    FILE *out = path != NULL ? fopen(path, "w") : stdout;
    if (out == NULL)
        return tool_error(tool, "%s: %s", path, strerror(errno));
    fwrite(text, 1, size, out);
    return out != stdout ? bench_close_file(tool, out, path) : EXIT_CODE_OK;
}

/* No file is opened for what there is not. */
static enum exit_code write(const struct tool *tool, const struct report *report)
{
    const char *bars = options_text(&tool->options, "bars");
    char *text = NULL;
    size_t size = 0;
    FILE *drawing = open_memstream(&text, &size);
    assert(drawing != NULL);
    bool is_drawn = bars == NULL || report_write_bars(report, bars, drawing);
    if (bars == NULL)
        report_write(report, drawing);
    fclose(drawing);
    enum exit_code code = is_drawn ? write_text(tool, text, size)
                                   : tool_error(tool, "no comparison has a figure '%s'", bars);
    free(text);
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
        "FILE is what bench produce, fetch, e2e, mixed, partitions or compare has printed with\n"
        "--format json. The page is one HTML file with latency curves, throughput over time and\n"
        "tables, and loads nothing from elsewhere.\n"
        "Single results are shown side by side, each comparison in a section of its own.\n",
    .example = "tailrace bench compare --closed a=127.0.0.1:9092 b=127.0.0.1:9192 --format json > "
               "ab.json\n"
               "tailrace bench report ab.json -o ab.html\n"
               "tailrace bench report ab.json --bars mb_per_s -o ab.svg\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run,
};
