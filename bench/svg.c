#include "bench/svg.h"

#include "base/assert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLOT_WIDTH = 560,
    PLOT_HEIGHT = 300,
    PLOT_LEFT = 64,
    PLOT_RIGHT = 540,
    PLOT_TOP = 34,
    PLOT_BOTTOM = 268,
    BAR_LEFT = 130,
    BAR_RIGHT = 480,
    BAR_HEIGHT = 20,
    HEADING_LINE_HEIGHT = 16,
    HEADING_CHARACTERS_MAX = 56, /* of a line, which begins where the bars do */
    NAME_CHARACTERS_MAX = 19,    /* left of the bars */
    GAP = 10,
};

/* The same names in both modes; those who know no media queries get the light ones. */
const char svg_style[] =
    "text{font:12px system-ui,sans-serif;fill:#333}"
    ".head{font-weight:600;font-size:13px}"
    ".grid{stroke:#ddd}.axis{stroke:#999}.range{stroke:#222;stroke-width:1.4}"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}"
    ".f0{fill:#2563a8}.f1{fill:#7aa6d6}.f2{fill:#1f9d8f}.f3{fill:#c9722c}.f4{fill:#8f4a14}"
    ".f5{fill:#7b5ea7}.f6{fill:#777}.f7{fill:#b8487e}"
    ".s0{stroke:#2563a8}.s1{stroke:#7aa6d6}.s2{stroke:#1f9d8f}.s3{stroke:#c9722c}.s4{stroke:#"
    "8f4a14}"
    ".s5{stroke:#7b5ea7}.s6{stroke:#777}.s7{stroke:#b8487e}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#333}.axis{stroke:#777}"
    ".range{stroke:#eee}"
    ".f0{fill:#4f8fd9}.f1{fill:#a3c4e8}.f2{fill:#3bb8a9}.f3{fill:#e08c48}.f4{fill:#b87740}"
    ".f5{fill:#a58ad0}.f6{fill:#999}.f7{fill:#d9709f}"
    ".s0{stroke:#4f8fd9}.s1{stroke:#a3c4e8}.s2{stroke:#3bb8a9}.s3{stroke:#e08c48}.s4{stroke:#"
    "b87740}"
    ".s5{stroke:#a58ad0}.s6{stroke:#999}.s7{stroke:#d9709f}}";

void svg_escape(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        default: fputc(*text, out); break;
        }
    }
}

/* --- Axes ------------------------------------------------------------------------------------- */

static struct svg_tick *add_tick(struct svg_axis *axis, double at)
{
    assert(axis->tick_count < SVG_TICKS_MAX);
    struct svg_tick *tick = &axis->ticks[axis->tick_count++];
    tick->at = at;
    return tick;
}

/* 1, 2 or 5 of a power of ten, so that about five of them reach `max`. */
static double round_step(double max)
{
    double power = pow(10, floor(log10(max / 5)));
    double times = max / 5 / power;
    return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

static void format_count(double value, char text[static SVG_TICK_SIZE])
{
    if (value >= 1e6)
        snprintf(text, SVG_TICK_SIZE, "%.3g M", value / 1e6);
    else if (value >= 1e4)
        snprintf(text, SVG_TICK_SIZE, "%.3g k", value / 1e3);
    else
        snprintf(text, SVG_TICK_SIZE, "%.4g", value);
}

void svg_axis_linear(struct svg_axis *axis, double max)
{
    *axis = (struct svg_axis){0};
    double step = round_step(max > 0 ? max : 1);
    double end = max > 0 ? max : 1;
    double at = 0;
    while (axis->tick_count < SVG_TICKS_MAX) {
        format_count(at, add_tick(axis, at)->text);
        if (at >= end)
            break;
        at += step;
    }
    axis->max = at;
}

void svg_axis_seconds(struct svg_axis *axis, double last)
{
    assert(last > 1);
    *axis = (struct svg_axis){.min = 1, .max = last};
    double step = fmax(round_step(last), 1);
    for (double at = step; at <= last && axis->tick_count < SVG_TICKS_MAX; at += step)
        snprintf(add_tick(axis, at)->text, SVG_TICK_SIZE, "%.0f s", at);
}

static void format_us(double us, char text[static SVG_TICK_SIZE])
{
    if (us >= 1e6)
        snprintf(text, SVG_TICK_SIZE, "%.3g s", us / 1e6);
    else if (us >= 1e3)
        snprintf(text, SVG_TICK_SIZE, "%.3g ms", us / 1e3);
    else
        snprintf(text, SVG_TICK_SIZE, "%.3g µs", us);
}

/* The largest of 1, 2 and 5 times a power of ten that does not exceed `us`, or the next one. */
static double round_us(double us, bool is_up)
{
    static const double steps[] = {1, 2, 5, 10};
    double power = pow(10, floor(log10(us)));
    int step = 0;
    while (step < 3 && power * steps[step + 1] <= us)
        step++;
    return is_up && power * steps[step] < us ? power * steps[step + 1] : power * steps[step];
}

void svg_axis_latency(struct svg_axis *axis, double min_us, double max_us)
{
    static const double steps[] = {1, 2, 5};
    double low = round_us(min_us >= 1 ? min_us : 1, false);
    double high = round_us(max_us > low ? max_us : low * 2, true);
    bool is_coarse = high / low > 1e3; /* too many for 1, 2 and 5 */
    *axis = (struct svg_axis){.min = log10(low), .max = log10(high)};
    for (double power = pow(10, floor(axis->min)); power <= high; power *= 10)
        for (int i = 0; i < (is_coarse ? 1 : 3); i++) {
            double us = power * steps[i];
            if (us >= low && us <= high && axis->tick_count < SVG_TICKS_MAX)
                format_us(us, add_tick(axis, log10(us))->text);
        }
}

void svg_axis_nines(struct svg_axis *axis, double max)
{
    static const char *const texts[] = {"90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"};
    *axis = (struct svg_axis){.max = max > 1 ? max : 1};
    snprintf(add_tick(axis, 0)->text, SVG_TICK_SIZE, "0");
    snprintf(add_tick(axis, log10(2))->text, SVG_TICK_SIZE, "50 %%");
    /* 99 of 100 are two nines but for what is lost in arithmetic. */
    for (int nines = 1; nines <= 5 && nines <= axis->max + 1e-6; nines++)
        snprintf(add_tick(axis, nines)->text, SVG_TICK_SIZE, "%s", texts[nines - 1]);
}

/* --- Lines ------------------------------------------------------------------------------------ */

static double place(const struct svg_axis *axis, double value, double from, double to)
{
    double bounded = value < axis->min ? axis->min : value > axis->max ? axis->max : value;
    assert(axis->max > axis->min);
    return from + (to - from) * (bounded - axis->min) / (axis->max - axis->min);
}

void svg_plot_begin(FILE *out, const struct svg_axis *x, const struct svg_axis *y,
                    const char *title)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\">"
            "<text class=\"head\" x=\"%d\" y=\"18\">",
            PLOT_WIDTH, PLOT_HEIGHT, PLOT_LEFT);
    svg_escape(out, title);
    fprintf(out, "</text>\n");
    for (uint32_t i = 0; i < y->tick_count; i++) {
        double at = place(y, y->ticks[i].at, PLOT_BOTTOM, PLOT_TOP);
        fprintf(out,
                "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                PLOT_LEFT, PLOT_RIGHT, at, at, PLOT_LEFT - 8, at + 4, y->ticks[i].text);
    }
    for (uint32_t i = 0; i < x->tick_count; i++) {
        double at = place(x, x->ticks[i].at, PLOT_LEFT, PLOT_RIGHT);
        fprintf(out,
                "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
                "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                at, at, PLOT_TOP, PLOT_BOTTOM, at, PLOT_BOTTOM + 18, x->ticks[i].text);
    }
    fprintf(out, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n", PLOT_LEFT,
            PLOT_RIGHT, PLOT_BOTTOM, PLOT_BOTTOM);
}

void svg_plot_line(FILE *out, const struct svg_axis *x, const struct svg_axis *y,
                   const struct svg_point *points, uint32_t count, uint32_t color)
{
    if (count == 0)
        return;
    fprintf(out, "<polyline class=\"line s%u\" points=\"", color % SVG_COLORS);
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, "%.1f,%.1f ", place(x, points[i].x, PLOT_LEFT, PLOT_RIGHT),
                place(y, points[i].y, PLOT_BOTTOM, PLOT_TOP));
    fprintf(out, "\"/>\n");
}

void svg_plot_end(FILE *out)
{
    fprintf(out, "</svg>\n");
}

/* --- Bars ------------------------------------------------------------------------------------- */

/* The bytes of at most so many characters, which nothing cuts in two. */
static size_t fitting_bytes(const char *text, uint32_t characters_max)
{
    uint32_t characters = 0;
    size_t size = 0;
    for (; text[size] != '\0'; size++) {
        bool begins_one = ((uint8_t)text[size] & 0xc0) != 0x80;
        if (begins_one && characters++ == characters_max)
            break;
    }
    return size;
}

static void escape_part(FILE *out, const char *text, size_t size)
{
    char *part = strndup(text, size);
    assert(part != NULL);
    svg_escape(out, part);
    free(part);
}

static void write_name(FILE *out, const char *name)
{
    size_t size = fitting_bytes(name, NAME_CHARACTERS_MAX);
    if (name[size] == '\0') {
        svg_escape(out, name);
        return;
    }
    escape_part(out, name, fitting_bytes(name, NAME_CHARACTERS_MAX - 1));
    fputs("…", out);
}

/* In lines that end between words where they can. */
static uint32_t draw_heading(FILE *out, uint32_t y, const char *heading)
{
    do {
        size_t size = fitting_bytes(heading, HEADING_CHARACTERS_MAX);
        const char *space = heading[size] == '\0' ? NULL : memrchr(heading, ' ', size + 1);
        if (space != NULL && space > heading)
            size = (size_t)(space - heading);
        fprintf(out, "<text class=\"head\" x=\"%d\" y=\"%u\">", BAR_LEFT, y + 16);
        escape_part(out, heading, size);
        fprintf(out, "</text>\n");
        heading += size + strspn(heading + size, " ");
        y += HEADING_LINE_HEIGHT;
    } while (*heading != '\0');
    return y + 8;
}

static double bar_end(double value, double max)
{
    return BAR_LEFT + (max > 0 ? value / max : 0) * (BAR_RIGHT - BAR_LEFT);
}

static void draw_bar(FILE *out, uint32_t y, const struct svg_bar *bar, double max, uint32_t color)
{
    double end = bar_end(bar->value, max);
    double middle = y + (BAR_HEIGHT - 4) / 2.0;
    double behind = bar_end(bar->max > bar->value ? bar->max : bar->value, max) + 8;
    fprintf(out, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">", BAR_LEFT - 8, y + 13);
    write_name(out, bar->name);
    fprintf(
        out, "</text><rect class=\"f%u\" x=\"%d\" y=\"%u\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>",
        color % SVG_COLORS, BAR_LEFT, y, end - BAR_LEFT > 1 ? end - BAR_LEFT : 1, BAR_HEIGHT - 4);
    if (bar->max > bar->min)
        fprintf(out, "<line class=\"range\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
                bar_end(bar->min, max), bar_end(bar->max, max), middle, middle);
    fprintf(out, "<text x=\"%.1f\" y=\"%u\">", behind, y + 13);
    svg_escape(out, bar->text);
    fprintf(out, "</text>\n");
}

uint32_t svg_bars(FILE *out, uint32_t y, const char *heading, const struct svg_bar *bars,
                  uint32_t count)
{
    double max = 0;
    for (uint32_t i = 0; i < count; i++) {
        max = fmax(max, bars[i].value);
        max = fmax(max, bars[i].max);
    }
    y = draw_heading(out, y, heading);
    for (uint32_t i = 0; i < count; i++, y += BAR_HEIGHT)
        draw_bar(out, y, &bars[i], max, i);
    return y + GAP;
}
