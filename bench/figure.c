#include "bench/figure.h"

#include <stdio.h>
#include <string.h>

static const struct figure figures[] = {
    {"requests_per_s", "requests/s", {"figures", "requests_per_s"}, 1, true},
    {"records_per_s", "records/s", {"figures", "records_per_s"}, 1, true},
    {"mb_per_s", "MB/s", {"figures", "mb_per_s"}, 1, true},
    {"p50_us", "p50 (us)", {"figures", "latency_us", "p50"}, 1, false},
    {"p99_us", "p99 (us)", {"figures", "latency_us", "p99"}, 1, false},
    {"p999_us", "p99.9 (us)", {"figures", "latency_us", "p999"}, 1, false},
    {"max_us", "max (us)", {"figures", "latency_us", "max"}, 1, false},
    {"cpu_us_per_request", "CPU us/request", {"server", "cpu_us_per_request"}, 1, false},
    {"cpu_s_per_gb", "CPU s/GB", {"server", "cpu_s_per_gb"}, 1, false},
    {"memory_mib", "memory (MiB)", {"server", "memory_bytes_max"}, 1.0 / (1 << 20), false},
    {"context_switches", "context switches", {"server", "context_switches"}, 1, false},
    {"stolen_percent", "CPU stolen (%)", {"conditions", "stolen_percent"}, 1, false},
    {"written_mb", "written (MB)", {"server", "written_bytes"}, 1e-6, false},
};

const struct figure *figure_all(uint32_t *count)
{
    *count = sizeof figures / sizeof figures[0];
    return figures;
}

bool figure_find(const struct figure *figure, const json_t *result, double *value)
{
    const json_t *at = result;
    for (uint32_t i = 0; i < 3 && figure->parts[i] != NULL; i++)
        at = json_object_get(at, figure->parts[i]);
    if (!json_is_number(at))
        return false;
    *value = json_number_value(at) * figure->scale;
    return true;
}

/* Commas between thousands, in place. */
static void part_thousands(char text[static FIGURE_TEXT_SIZE])
{
    size_t size = strlen(text);
    for (size_t at = size; at > 3; at -= 3) {
        if (size + 1 >= FIGURE_TEXT_SIZE)
            return;
        memmove(text + at - 2, text + at - 3, size - (at - 3) + 1);
        text[at - 3] = ',';
        size++;
    }
}

void figure_format(double value, char text[static FIGURE_TEXT_SIZE])
{
    /* What rounding makes a digit longer is cut like those that are as long. */
    int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(text, FIGURE_TEXT_SIZE, "%.*f", decimals, value);
    if (decimals == 0)
        part_thousands(text);
}

void figure_format_range(const json_t *range, char text[static FIGURE_RANGE_SIZE])
{
    static const char *const names[] = {"median", "min", "max"};
    char parts[3][FIGURE_TEXT_SIZE];
    for (int i = 0; i < 3; i++)
        figure_format(json_number_value(json_object_get(range, names[i])), parts[i]);
    snprintf(text, FIGURE_RANGE_SIZE, "%s (%s-%s)", parts[0], parts[1], parts[2]);
}
