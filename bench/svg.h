/* Pictures of measurements, as SVG: lines over two axes, and bars with ranges. Colours follow the
 * reader's light or dark mode; a picture needs svg_style, in the page or in itself. All text that
 * is handed in may come from anywhere: it is escaped. */
#ifndef TAILRACE_BENCH_SVG_H
#define TAILRACE_BENCH_SVG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    SVG_COLORS = 8, /* classes f0 to f7 fill, s0 to s7 stroke */
    SVG_TICKS_MAX = 32,
    SVG_TICK_SIZE = 24,
    SVG_LINE_POINTS_MAX = 2000,
    SVG_BARS_WIDTH = 560,
};

extern const char svg_style[];

/* Text for HTML and XML. */
void svg_escape(FILE *out, const char *text);

struct svg_tick {
    double at;
    char text[SVG_TICK_SIZE];
};

struct svg_axis {
    double min;
    double max; /* above min */
    struct svg_tick ticks[SVG_TICKS_MAX];
    uint32_t tick_count;
};

struct svg_point {
    double x;
    double y;
};

/* From 0 to at least `max`, with round ticks. */
void svg_axis_linear(struct svg_axis *axis, double max);

/* Of whole seconds from 1 to `last`, which is more. */
void svg_axis_seconds(struct svg_axis *axis, double last);

/* Of log10 of microseconds, with ticks at 1, 2 and 5 of each power. */
void svg_axis_latency(struct svg_axis *axis, double min_us, double max_us);

/* Of the number of nines of a fraction, log10(1 / (1 - fraction)): 50 %, 90 %, 99 % and so on. */
void svg_axis_nines(struct svg_axis *axis, double max);

/* A picture of lines: begin, lines, end. Points outside the axes are drawn at their edge. */
void svg_plot_begin(FILE *out, const struct svg_axis *x, const struct svg_axis *y,
                    const char *title);
void svg_plot_line(FILE *out, const struct svg_axis *x, const struct svg_axis *y,
                   const struct svg_point *points, uint32_t count, uint32_t color);
void svg_plot_end(FILE *out);

struct svg_bar {
    const char *name;
    const char *text; /* what stands behind it */
    double value;
    double min; /* of a thin line over it */
    double max;
};

/* The bars below a heading, which takes as many lines as it needs, from `y` on; answers where they
 * end. Long names are cut. */
uint32_t svg_bars(FILE *out, uint32_t y, const char *heading, const struct svg_bar *bars,
                  uint32_t count);

#endif
