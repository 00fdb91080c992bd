/* Prints the reference page of /metrics, as Markdown, from the rows that the broker itself uses. */
#include "base/metrics.h"

#include <stdio.h>

static const char *type_word(enum metric_type type)
{
    static const char *const words[] = {
        [METRIC_COUNTER] = "counter",         [METRIC_GAUGE] = "gauge",
        [METRIC_COUNTER_SECONDS] = "counter", [METRIC_GAUGE_SECONDS] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",     [METRIC_GAUGE_MAX] = "gauge",
    };
    return words[type];
}

static void print_rows(const struct metric_row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        printf("| `%s` | %s | %s | %s |\n", rows[i].name, type_word(rows[i].type), rows[i].labels,
               rows[i].help);
}

int main(void)
{
    printf(
        "# Metrics\n\n"
        "`GET /metrics` on `tailrace.admin.listener`, in Prometheus' text format. Names that begin "
        "with `kafka_` are those of Kafka's own metrics.\n\n"
        "| name | type | labels | meaning |\n|---|---|---|---|\n");
    print_rows(metric_rows, METRIC_COUNT);
    print_rows(metric_histogram_rows, METRIC_HISTOGRAM_COUNT);
    print_rows(metric_labelled_rows, METRIC_LABELLED_COUNT);
    printf("\nTopics and partitions are shown one by one as long as there are not more than 2,000 "
           "partitions.\n");
    return 0;
}
