#include "bench/report_plots.h"

#include "base/assert.h"
#include "bench/comparison.h"
#include "bench/svg.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct line {
    struct svg_point *points; /* NULL: none */
    uint32_t count;
};

struct lines {
    struct line all[COMPARE_CONTENDERS_MAX];
    uint32_t count;
    struct svg_point max;
    struct svg_point min;
};

static void line_add(struct line *line, double x, double y)
{
    assert(line->count < SVG_LINE_POINTS_MAX);
    line->points[line->count++] = (struct svg_point){x, y};
}

static void line_begin(struct line *line)
{
    line->points = calloc(SVG_LINE_POINTS_MAX, sizeof *line->points);
    assert(line->points != NULL);
}

static void lines_measure(struct lines *lines)
{
    lines->min = (struct svg_point){INFINITY, INFINITY};
    lines->max = (struct svg_point){0, 0};
    for (uint32_t i = 0; i < lines->count; i++)
        for (uint32_t j = 0; j < lines->all[i].count; j++) {
            const struct svg_point *point = &lines->all[i].points[j];
            lines->max.x = fmax(lines->max.x, point->x);
            lines->max.y = fmax(lines->max.y, point->y);
            lines->min.y = fmin(lines->min.y, point->y);
        }
}

static void lines_free(struct lines *lines)
{
    for (uint32_t i = 0; i < lines->count; i++)
        free(lines->all[i].points);
}

/* One for each name, filled by what makes a line of all its results. */
static void lines_find(struct lines *lines, json_t *results, json_t *names,
                       void (*make)(json_t *list, struct line *line))
{
    size_t i;
    json_t *name;
    *lines = (struct lines){0};
    json_array_foreach(names, i, name)
    {
        if (lines->count == COMPARE_CONTENDERS_MAX)
            break;
        struct line *line = &lines->all[lines->count++];
        line_begin(line);
        if (json_is_string(name))
            make(json_object_get(results, json_string_value(name)), line);
    }
    lines_measure(lines);
}

static void lines_draw(FILE *out, const struct lines *lines, const struct svg_axis *x,
                       const struct svg_axis *y, const char *title)
{
    fputs("<div class=\"card\">", out);
    svg_plot_begin(out, x, y, title);
    for (uint32_t i = 0; i < lines->count; i++)
        svg_plot_line(out, x, y, lines->all[i].points, lines->all[i].count, i);
    svg_plot_end(out);
    fputs("</div>\n", out);
}

/* --- Latency by percentile -------------------------------------------------------------------- */

struct bucket {
    double upper_us;
    double count;
};

struct buckets {
    struct bucket *all;
    size_t count;
    double total;
};

static int compare_buckets(const void *a, const void *b)
{
    const struct bucket *left = a;
    const struct bucket *right = b;
    return (left->upper_us > right->upper_us) - (left->upper_us < right->upper_us);
}

static void add_histogram(struct buckets *buckets, json_t *histogram)
{
    size_t i;
    json_t *pair;
    json_array_foreach(histogram, i, pair)
    {
        struct bucket bucket = {json_number_value(json_array_get(pair, 0)),
                                json_number_value(json_array_get(pair, 1))};
        if (bucket.count <= 0)
            continue;
        buckets->all[buckets->count++] = bucket;
        buckets->total += bucket.count;
    }
}

/* Of all rounds together, in rising order. */
static void buckets_find(struct buckets *buckets, json_t *list)
{
    size_t i;
    json_t *result;
    size_t room = 0;
    json_array_foreach(list, i, result) room +=
        json_array_size(json_object_get(result, "histogram"));
    *buckets = (struct buckets){.all = calloc(room + 1, sizeof *buckets->all)};
    assert(buckets->all != NULL);
    json_array_foreach(list, i, result)
        add_histogram(buckets, json_object_get(result, "histogram"));
    qsort(buckets->all, buckets->count, sizeof *buckets->all, compare_buckets);
}

/* A curve of latencies over nines, without points that nobody could tell from the one before. */
static void make_latency(json_t *list, struct line *line)
{
    static const double least_step = 1.0 / 100;
    struct buckets buckets;
    buckets_find(&buckets, list);
    double below = 0;
    double last = -1;
    for (size_t i = 0; i < buckets.count && line->count < SVG_LINE_POINTS_MAX; i++) {
        double nines = -log10(1 - below / buckets.total);
        below += buckets.all[i].count;
        if (nines < last + least_step && i + 1 < buckets.count)
            continue;
        line_add(line, nines, log10(fmax(buckets.all[i].upper_us, 1)));
        last = nines;
    }
    free(buckets.all);
}

static void write_latency(FILE *out, json_t *results, json_t *names)
{
    struct lines lines;
    struct svg_axis x;
    struct svg_axis y;
    lines_find(&lines, results, names, make_latency);
    if (lines.max.x > 0) {
        svg_axis_nines(&x, lines.max.x);
        svg_axis_latency(&y, pow(10, lines.min.y), pow(10, lines.max.y));
        lines_draw(out, &lines, &x, &y, "Latency by percentile, all rounds");
    }
    lines_free(&lines);
}

/* --- Over time -------------------------------------------------------------------------------- */

/* Of the last round: earlier ones may have been colder. */
static void make_series(json_t *list, struct line *line, const char *name, bool is_log)
{
    size_t i;
    json_t *second;
    json_t *last = json_array_get(list, json_array_size(list) - 1);
    json_array_foreach(json_object_get(last, "series"), i, second)
    {
        double value = json_number_value(json_object_get(second, name));
        if (line->count == SVG_LINE_POINTS_MAX)
            return;
        line_add(line, (double)i + 1, is_log ? log10(fmax(value, 1)) : value);
    }
}

static void make_records(json_t *list, struct line *line)
{
    make_series(list, line, "records", false);
}

static void make_p99(json_t *list, struct line *line)
{
    make_series(list, line, "p99_us", true);
}

/* One second alone is no line. */
static void write_over_time(FILE *out, json_t *results, json_t *names)
{
    struct lines records;
    struct lines latency;
    struct svg_axis x;
    struct svg_axis y;
    lines_find(&records, results, names, make_records);
    lines_find(&latency, results, names, make_p99);
    if (records.max.x > 1) {
        svg_axis_seconds(&x, records.max.x);
        svg_axis_linear(&y, records.max.y);
        lines_draw(out, &records, &x, &y, "Records a second, by seconds of the last round");
        svg_axis_latency(&y, pow(10, latency.min.y), pow(10, latency.max.y));
        lines_draw(out, &latency, &x, &y, "p99 of each second");
    }
    lines_free(&records);
    lines_free(&latency);
}

void report_plots_write(FILE *out, json_t *results, json_t *names)
{
    if (!json_is_object(results))
        return;
    write_latency(out, results, names);
    write_over_time(out, results, names);
}
