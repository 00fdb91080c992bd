#include "bench/report.h"

#include "base/assert.h"
#include "bench/comparison.h"
#include "bench/figure.h"
#include "bench/report_plots.h"
#include "bench/svg.h"

#include <stdlib.h>
#include <string.h>

enum { TITLE_SIZE = 128 };

static const char page_style[] =
    ":root{color-scheme:light "
    "dark;--back:#fff;--card:#f7f8fa;--ink:#1c1e21;--soft:#667;--rule:#dde}"
    "@media(prefers-color-scheme:dark){:root{--back:#15171a;--card:#1d2024;--ink:#e6e6e6;"
    "--soft:#9aa;--rule:#333}}"
    "body{margin:0 auto;max-width:1180px;padding:28px 24px 60px;background:var(--back);"
    "color:var(--ink);font:15px/1.5 system-ui,sans-serif}"
    "h1{font-size:26px;margin:0 0 2px}h2{font-size:20px;margin:44px 0 10px}"
    "p,.soft{color:var(--soft)}p{margin:2px 0 14px}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr));"
    "gap:16px;margin-bottom:16px}"
    ".card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 12px}"
    "svg{display:block;width:100%;height:auto}.wide{overflow-x:auto;margin:18px 0}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}"
    "th,td{padding:4px 12px;border-bottom:1px solid var(--rule);text-align:right;"
    "white-space:nowrap}th:first-child,td:first-child{text-align:left;padding-left:0}"
    "th{font-weight:600}td b{font-weight:600}td i{font-style:normal;color:var(--soft)}"
    ".key{display:flex;flex-wrap:wrap;gap:4px 20px;margin:6px 0 14px;padding:0;list-style:none}"
    ".key svg{display:inline-block;width:12px;height:12px;margin-right:6px}"
    "summary{cursor:pointer;color:var(--soft)}";

/* --- Taking documents ------------------------------------------------------------------------- */

void report_init(struct report *report)
{
    report->sections = json_array();
    report->singles = json_object();
}

void report_deinit(struct report *report)
{
    json_decref(report->sections);
    json_decref(report->singles);
}

static bool refuse(char problem[static REPORT_PROBLEM_SIZE], const char *sentence)
{
    snprintf(problem, REPORT_PROBLEM_SIZE, "%s", sentence);
    return false;
}

static bool is_result(const json_t *document)
{
    return json_is_object(json_object_get(document, "figures")) &&
           json_is_array(json_object_get(document, "histogram"));
}

static bool is_comparison(const json_t *document)
{
    size_t i;
    json_t *figure;
    json_t *figures = json_object_get(document, "figures");
    if (!json_is_array(figures) || !json_is_array(json_object_get(document, "contenders")))
        return false;
    json_array_foreach(figures, i,
                       figure) if (!json_is_string(json_object_get(figure, "title")) ||
                                   !json_is_object(json_object_get(figure, "values"))) return false;
    return true;
}

/* Two files of one name are two results. */
static void add_single(struct report *report, json_t *document, const char *label)
{
    char name[TITLE_SIZE];
    snprintf(name, sizeof name, "%s", label);
    for (int i = 2; json_object_get(report->singles, name) != NULL; i++)
        snprintf(name, sizeof name, "%.100s (%d)", label, i);
    json_object_set_new(report->singles, name, json_pack("[o]", document));
}

bool report_add(struct report *report, json_t *document, const char *label,
                char problem[static REPORT_PROBLEM_SIZE])
{
    if (is_result(document)) {
        if (json_object_size(report->singles) < COMPARE_CONTENDERS_MAX) {
            add_single(report, document, label);
            return true;
        }
        json_decref(document);
        return refuse(problem, "more than eight single results cannot be told apart");
    }
    if (is_comparison(document)) {
        json_array_append_new(report->sections, document);
        return true;
    }
    json_decref(document);
    return refuse(problem,
                  "no JSON result of bench produce, fetch, e2e, mixed, partitions or compare");
}

/* --- Parts of a section ----------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

/* The first result there is, for what holds for all of them. */
static json_t *any_result(const json_t *section)
{
    void *first = json_object_iter(json_object_get(section, "results"));
    return first != NULL ? json_array_get(json_object_iter_value(first), 0) : NULL;
}

/* The first result of one of the names. */
static json_t *result_of(const json_t *section, const json_t *name)
{
    const char *text = json_is_string(name) ? json_string_value(name) : "?";
    return json_array_get(json_object_get(json_object_get(section, "results"), text), 0);
}

static const char *mode_of(const json_t *section, const json_t *name)
{
    return text_of(json_object_get(result_of(section, name), "tool"), "mode");
}

/* Of all the results, each mode once. */
static void write_modes(FILE *out, json_t *section)
{
    json_t *names = json_object_get(section, "contenders");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *mode = mode_of(section, json_array_get(names, i));
        size_t before = 0;
        while (strcmp(mode, mode_of(section, json_array_get(names, before))) != 0)
            before++;
        if (before == i && i > 0)
            fputs(", ", out);
        if (before == i)
            svg_escape(out, mode);
    }
}

static void write_key(FILE *out, json_t *names)
{
    size_t i;
    json_t *name;
    fputs("<ul class=\"key\">", out);
    json_array_foreach(names, i, name)
    {
        fprintf(out,
                "<li><svg viewBox=\"0 0 12 12\"><rect class=\"f%zu\" width=\"12\" height=\"12\" "
                "rx=\"2\"/></svg>",
                i % SVG_COLORS);
        svg_escape(out, json_is_string(name) ? json_string_value(name) : "?");
        fputs("</li>", out);
    }
    fputs("</ul>\n", out);
}

static void write_cell(FILE *out, const json_t *range, const char *before, const char *after)
{
    char text[FIGURE_RANGE_SIZE];
    figure_format_range(range, text);
    char *space = strchr(text, ' ');
    if (space != NULL)
        *space = '\0';
    fprintf(out, "<td>%s<b>%s</b>%s", before, text, after);
    bool is_point = json_number_value(json_object_get(range, "min")) ==
                    json_number_value(json_object_get(range, "max"));
    if (space != NULL && !is_point)
        fprintf(out, " <i>%s</i>", space + 1);
    fputs("</td>", out);
}

static void write_row(FILE *out, json_t *figure, json_t *names)
{
    size_t i;
    json_t *name;
    json_t *values = json_object_get(figure, "values");
    json_t *ratios = json_object_get(figure, "ratios");
    fputs("<tr><td>", out);
    svg_escape(out, text_of(figure, "title"));
    fputs("</td>", out);
    json_array_foreach(names, i, name)
    {
        json_t *value = json_object_get(values, json_string_value(name));
        if (value != NULL)
            write_cell(out, value, "", "");
        else
            fputs("<td>–</td>", out);
    }
    json_array_foreach(names, i, name)
    {
        json_t *ratio = json_object_get(ratios, json_string_value(name));
        bool is_decided = json_is_true(json_object_get(ratio, "is_decided"));
        if (i > 0 && ratio != NULL)
            write_cell(out, ratio, "× ", is_decided ? "" : " ?");
        else if (i > 0)
            fputs("<td>–</td>", out);
    }
    fputs("</tr>\n", out);
}

static void write_names(FILE *out, json_t *names)
{
    size_t i;
    json_t *name;
    fputs("<tr><th></th>", out);
    json_array_foreach(names, i, name)
    {
        fputs("<th>", out);
        svg_escape(out, json_is_string(name) ? json_string_value(name) : "?");
        fputs("</th>", out);
    }
}

static void write_table(FILE *out, json_t *section)
{
    size_t i;
    json_t *name;
    json_t *figure;
    json_t *names = json_object_get(section, "contenders");
    fputs("<div class=\"wide\"><table>", out);
    write_names(out, names);
    json_array_foreach(names, i, name) if (i > 0)
    {
        fputs("<th>to ", out);
        svg_escape(out, json_is_string(name) ? json_string_value(name) : "?");
        fputs("</th>", out);
    }
    fputs("</tr>\n", out);
    json_array_foreach(json_object_get(section, "figures"), i, figure)
        write_row(out, figure, names);
    fputs("</table></div>\n", out);
    if (json_array_size(names) > 1)
        fputs("<p>× says how many times the first one's figure is the other's: the median of the "
              "rounds and their range; ? where rounds contradict each other.</p>\n",
              out);
}

/* Every value of a part of the results, as rows with a cell for each contender. */
static void write_values(FILE *out, json_t *section, const char *part)
{
    size_t i;
    json_t *name;
    const char *key;
    json_t *any;
    json_object_foreach(json_object_get(any_result(section), part), key, any)
    {
        fputs("<tr><td>", out);
        svg_escape(out, key);
        fputs("</td>", out);
        json_array_foreach(json_object_get(section, "contenders"), i, name)
        {
            json_t *value = json_object_get(json_object_get(result_of(section, name), part), key);
            char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
            fputs("<td>", out);
            svg_escape(out, text != NULL ? text : "");
            fputs("</td>", out);
            free(text);
        }
        fputs("</tr>\n", out);
    }
}

static void write_number(FILE *out, const json_t *value)
{
    char text[FIGURE_RANGE_SIZE];
    if (!json_is_number(value)) {
        fputs("<td>–</td>", out);
        return;
    }
    figure_format(json_number_value(value), text);
    fprintf(out, "<td>%s</td>", text);
}

static void write_count(FILE *out, const json_t *value)
{
    fprintf(out, "<td>%lld</td>", (long long)json_integer_value(value));
}

static void write_step(FILE *out, const char *name, const json_t *step)
{
    const json_t *figures = json_object_get(step, "figures");
    const json_t *latency = json_object_get(figures, "latency_us");
    fputs("<tr><td>", out);
    svg_escape(out, name);
    fputs("</td>", out);
    write_count(out, json_object_get(step, "partitions"));
    write_count(out, json_object_get(step, "connections"));
    write_number(out, json_object_get(figures, "requests_per_s"));
    write_number(out, json_object_get(latency, "p50"));
    write_number(out, json_object_get(latency, "p99"));
    write_number(out, json_object_get(json_object_get(step, "server"), "cpu_us_per_request"));
    fputs("</tr>\n", out);
}

/* Of 'bench partitions', whose other figures are those of its last step. */
static void write_steps(FILE *out, const json_t *section)
{
    size_t i;
    size_t j;
    json_t *name;
    json_t *step;
    bool has_any = false;
    json_array_foreach(json_object_get(section, "contenders"), i, name)
    {
        json_array_foreach(json_object_get(result_of(section, name), "steps"), j, step)
        {
            if (!has_any)
                fputs("<div class=\"wide\"><table><tr><th>step</th><th>partitions</th>"
                      "<th>connections</th><th>requests/s</th><th>p50 (µs)</th><th>p99 (µs)</th>"
                      "<th>CPU µs/request</th></tr>\n",
                      out);
            has_any = true;
            write_step(out, json_is_string(name) ? json_string_value(name) : "?", step);
        }
    }
    if (has_any)
        fputs("</table></div><p>All else here is of the last step.</p>\n", out);
}

static void write_conditions(FILE *out, json_t *section)
{
    if (any_result(section) == NULL)
        return;
    fputs("<details><summary>Conditions and load</summary><div class=\"wide\"><table>", out);
    write_names(out, json_object_get(section, "contenders"));
    fputs("</tr>\n", out);
    write_values(out, section, "conditions");
    write_values(out, section, "load");
    fputs("</table></div></details>\n", out);
}

/* --- Bars ------------------------------------------------------------------------------------- */

/* Those who have the figure, in the order of the names; colours are by place. */
static uint32_t find_bars(json_t *section, json_t *figure,
                          struct svg_bar bars[static COMPARE_CONTENDERS_MAX],
                          char texts[static COMPARE_CONTENDERS_MAX][FIGURE_RANGE_SIZE])
{
    size_t i;
    json_t *name;
    uint32_t count = 0;
    json_array_foreach(json_object_get(section, "contenders"), i, name)
    {
        json_t *value = json_object_get(json_object_get(figure, "values"), json_string_value(name));
        if (value == NULL || count == COMPARE_CONTENDERS_MAX)
            continue;
        bars[count] = (struct svg_bar){
            .name = json_string_value(name),
            .text = texts[count],
            .value = json_number_value(json_object_get(value, "median")),
            .min = json_number_value(json_object_get(value, "min")),
            .max = json_number_value(json_object_get(value, "max")),
        };
        figure_format(bars[count].value, texts[count]);
        count++;
    }
    return count;
}

static void head_figure(const json_t *figure, char heading[static TITLE_SIZE])
{
    snprintf(heading, TITLE_SIZE, "%.90s, %s is better", text_of(figure, "title"),
             json_is_true(json_object_get(figure, "more_is_better")) ? "more" : "less");
}

static uint32_t draw_figure(FILE *out, uint32_t y, json_t *section, json_t *figure,
                            const char *heading)
{
    struct svg_bar bars[COMPARE_CONTENDERS_MAX];
    char texts[COMPARE_CONTENDERS_MAX][FIGURE_RANGE_SIZE];
    uint32_t count = find_bars(section, figure, bars, texts);
    return svg_bars(out, y, heading, bars, count);
}

/* Puts what was drawn into a picture of its height; the text is the caller's to free. */
static void write_picture(FILE *out, const char *drawn, uint32_t height, bool has_style)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"%d\" "
            "role=\"img\">",
            SVG_BARS_WIDTH, height, SVG_BARS_WIDTH);
    if (has_style)
        fprintf(out, "<style>%s</style>\n", svg_style);
    fprintf(out, "%s</svg>\n", drawn);
}

static void write_bars_card(FILE *out, json_t *section, json_t *figure)
{
    char *drawn = NULL;
    size_t size = 0;
    char heading[TITLE_SIZE];
    FILE *drawing = open_memstream(&drawn, &size);
    assert(drawing != NULL);
    head_figure(figure, heading);
    uint32_t height = draw_figure(drawing, 0, section, figure, heading);
    fclose(drawing);
    fputs("<div class=\"card\">", out);
    write_picture(out, drawn, height, false);
    fputs("</div>\n", out);
    free(drawn);
}

bool report_write_bars(const struct report *report, const char *name, FILE *out)
{
    size_t i;
    size_t j;
    json_t *section;
    json_t *figure;
    char *drawn = NULL;
    size_t size = 0;
    uint32_t y = 4;
    FILE *drawing = open_memstream(&drawn, &size);
    assert(drawing != NULL);
    json_array_foreach(report->sections, i, section)
        json_array_foreach(json_object_get(section, "figures"), j, figure)
    {
        if (strcmp(text_of(figure, "name"), name) != 0)
            continue;
        char heading[TITLE_SIZE];
        const char *title = text_of(section, "title");
        head_figure(figure, heading);
        y = draw_figure(drawing, y, section, figure, title[0] != '\0' ? title : heading);
    }
    fclose(drawing);
    bool has_any = size > 0;
    if (has_any)
        write_picture(out, drawn, y, true);
    free(drawn);
    return has_any;
}

/* --- The page --------------------------------------------------------------------------------- */

/* Worth a picture: not those that say the same as another, nor quantiles that curves show better.
 */
static bool is_pictured(const json_t *figure)
{
    static const char *const left_out[] = {"records_per_s",    "p999_us",         "max_us",
                                           "context_switches", "machine_sync_us", "stolen_percent",
                                           "written_mb",       "deleted_mb_per_s"};
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        if (strcmp(text_of(figure, "name"), left_out[i]) == 0)
            return false;
    return true;
}

static void write_section(FILE *out, json_t *section)
{
    size_t i;
    json_t *figure;
    json_t *names = json_object_get(section, "contenders");
    const char *title = text_of(section, "title");
    fputs("<section><h2>", out);
    if (title[0] != '\0')
        svg_escape(out, title);
    else
        write_modes(out, section);
    fputs("</h2>\n", out);
    write_key(out, names);
    fputs("<div class=\"cards\">\n", out);
    report_plots_write(out, json_object_get(section, "results"), names);
    fputs("</div><div class=\"cards\">\n", out);
    if (json_array_size(names) > 1)
        json_array_foreach(json_object_get(section, "figures"), i, figure) if (is_pictured(figure))
            write_bars_card(out, section, figure);
    fputs("</div>\n", out);
    write_table(out, section);
    write_steps(out, section);
    write_conditions(out, section);
    fputs("</section>\n", out);
}

/* The single results as one section; NULL if there are none. The caller owns it. */
static json_t *section_of_singles(const struct report *report)
{
    const char *name;
    json_t *results;
    if (json_object_size(report->singles) == 0)
        return NULL;
    json_t *names = json_array();
    json_object_foreach(report->singles, name, results)
        json_array_append_new(names, json_string(name));
    return json_pack("{s:o, s:o, s:O}", "contenders", names, "figures",
                     comparison_figures(report->singles), "results", report->singles);
}

static void write_head(FILE *out, const json_t *section)
{
    const json_t *conditions = json_object_get(any_result(section), "conditions");
    fprintf(out,
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
            "<meta name=\"viewport\" content=\"width=device-width\"><title>tailrace bench</title>"
            "<style>%s%s</style>\n<h1>tailrace bench</h1>\n<p>",
            svg_style, page_style);
    svg_escape(out, text_of(conditions, "time"));
    fputs(" · ", out);
    svg_escape(out, text_of(conditions, "cpu"));
    fputs(" · Linux ", out);
    svg_escape(out, text_of(conditions, "kernel"));
    fputs(" · ", out);
    svg_escape(out, text_of(conditions, "congestion_control"));
    fputs("</p>\n", out);
}

void report_write(const struct report *report, FILE *out)
{
    size_t i;
    json_t *section;
    json_t *singles = section_of_singles(report);
    write_head(out, singles != NULL ? singles : json_array_get(report->sections, 0));
    if (singles != NULL)
        write_section(out, singles);
    json_array_foreach(report->sections, i, section) write_section(out, section);
    json_decref(singles);
    fputs("</html>\n", out);
}
