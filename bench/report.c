#include "bench/report.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

void report_init(struct report *report, const char *title)
{
    assert(title != NULL);
    *report = (struct report){.title = title};
}

void report_add(struct report *report, const char *name, double value, int decimals)
{
    assert(report->row_count < REPORT_ROWS_MAX);
    assert(name != NULL);
    report->rows[report->row_count++] =
        (struct report_row){.name = name, .value = value, .decimals = decimals};
}

static void print_text(const struct report *report)
{
    int width = 0;
    for (uint32_t i = 0; i < report->row_count; i++) {
        int size = (int)strlen(report->rows[i].name);
        width = size > width ? size : width;
    }
    printf("%s\n", report->title);
    for (uint32_t i = 0; i < report->row_count; i++)
        printf("  %-*s  %14.*f\n", width, report->rows[i].name, report->rows[i].decimals,
               report->rows[i].value);
}

/* Titles and names are constants of ours, so nothing in them needs to be escaped. */
static void print_json(const struct report *report)
{
    printf("{\"mode\":\"%s\"", report->title);
    for (uint32_t i = 0; i < report->row_count; i++)
        printf(",\"%s\":%.*f", report->rows[i].name, report->rows[i].decimals,
               report->rows[i].value);
    puts("}");
}

void report_print(const struct report *report, bool is_json)
{
    if (is_json)
        print_json(report);
    else
        print_text(report);
}
