#include "broker/exposition.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { LINE_SIZE_MAX = 1024, EXPORTED_POWER_MIN = 4 }; /* buckets from 16 microseconds on */

__attribute__((format(printf, 2, 3))) static void print(struct writer *writer, const char *format,
                                                        ...)
{
    char line[LINE_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert(size > 0);
    assert(size < LINE_SIZE_MAX);
    writer_bytes(writer, bytes_of(line, (size_t)size));
}

static const char *type_name(enum metric_type type)
{
    switch (type) {
    case METRIC_COUNTER:
    case METRIC_COUNTER_SECONDS: return "counter";
    case METRIC_GAUGE:
    case METRIC_GAUGE_MAX:
    case METRIC_GAUGE_SECONDS: return "gauge";
    case METRIC_HISTOGRAM: return "histogram";
    }
    unreachable();
}

static void begin_family(struct writer *writer, const struct metric_row *row)
{
    print(writer, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
          type_name(row->type));
}

static void write_values(struct writer *writer, const struct metrics *metrics)
{
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &metric_rows[i];
        bool is_seconds = row->type == METRIC_COUNTER_SECONDS || row->type == METRIC_GAUGE_SECONDS;
        begin_family(writer, row);
        if (is_seconds)
            print(writer, "%s %.6f\n", row->name, (double)metrics->values[i] / 1e6);
        else
            print(writer, "%s %" PRId64 "\n", row->name, metrics->values[i]);
    }
}

/* `label` is empty or ends in a comma. Bounds are powers of two of microseconds, which is fine
 * enough to draw and does not flood whoever collects it. */
static void write_histogram(struct writer *writer, const char *name, const char *label,
                            const struct metric_histogram *histogram)
{
    uint64_t count = metric_histogram_count(histogram);
    for (uint32_t power = EXPORTED_POWER_MIN; power < METRIC_POWER_MAX; power++)
        print(writer, "%s_bucket{%sle=\"%.6f\"} %" PRIu64 "\n", name, label,
              (double)(1ull << power) / 1e6, metric_histogram_count_below(histogram, power));
    print(writer, "%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, label, count);
    int label_size = (int)strlen(label) - (label[0] != '\0'); /* without its comma */
    const char *open = label_size > 0 ? "{" : "";
    const char *close = label_size > 0 ? "}" : "";
    print(writer, "%s_sum%s%.*s%s %.6f\n", name, open, label_size, label, close,
          (double)histogram->sum_us / 1e6);
    print(writer, "%s_count%s%.*s%s %" PRIu64 "\n", name, open, label_size, label, close, count);
}

static void write_histograms(struct writer *writer, const struct metrics *metrics)
{
    for (uint32_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++) {
        begin_family(writer, &metric_histogram_rows[i]);
        write_histogram(writer, metric_histogram_rows[i].name, "", &metrics->histograms[i]);
    }
}

/* Requests that nobody has made yet are not shown. */
static void write_requests(struct writer *writer, const struct core_sample *sum)
{
    const struct metric_row *counts = &metric_labelled_rows[METRIC_LABELLED_REQUESTS];
    const struct metric_row *times = &metric_labelled_rows[METRIC_LABELLED_REQUEST_TIME];
    begin_family(writer, counts);
    for (uint32_t i = 0; i < API_COUNT; i++) {
        uint64_t count = metric_histogram_count(&sum->request_times[i]);
        if (count > 0)
            print(writer, "%s{request=\"%s\"} %" PRIu64 "\n", counts->name, api_at(i)->name, count);
    }
    begin_family(writer, times);
    for (uint32_t i = 0; i < API_COUNT; i++) {
        char label[LINE_SIZE_MAX / 4];
        snprintf(label, sizeof label, "request=\"%s\",", api_at(i)->name);
        if (metric_histogram_count(&sum->request_times[i]) > 0)
            write_histogram(writer, times->name, label, &sum->request_times[i]);
    }
}

/* --- Topics and partitions -------------------------------------------------------------------- */

static uint64_t log_value(const struct partition_sample *sample, enum metric_labelled key)
{
    switch (key) {
    case METRIC_LABELLED_TOPIC_MESSAGES_IN: return sample->traffic.records_in;
    case METRIC_LABELLED_TOPIC_BYTES_IN: return sample->traffic.bytes_in;
    case METRIC_LABELLED_TOPIC_BYTES_OUT: return sample->traffic.bytes_out;
    case METRIC_LABELLED_LOG_SIZE: return sample->log.size_bytes;
    case METRIC_LABELLED_LOG_START_OFFSET: return (uint64_t)sample->log.start_offset;
    case METRIC_LABELLED_LOG_END_OFFSET: return (uint64_t)sample->log.end_offset;
    case METRIC_LABELLED_LOG_SEGMENTS: return sample->log.segment_count;
    case METRIC_LABELLED_REQUESTS:
    case METRIC_LABELLED_REQUEST_TIME:
    case METRIC_LABELLED_COUNT: break;
    }
    unreachable();
}

static void write_by_partition(struct writer *writer, const struct core_sample *sum,
                               const struct image *image, enum metric_labelled key)
{
    const struct metric_row *row = &metric_labelled_rows[key];
    begin_family(writer, row);
    for (uint32_t i = 0; i < sum->partition_count; i++) {
        const struct partition_sample *sample = &sum->partitions[i];
        const struct image_topic *topic = image_topic_by_id(image, sample->topic_id);
        if (topic != NULL)
            print(writer, "%s{topic=\"%.*s\",partition=\"%" PRId32 "\"} %" PRIu64 "\n", row->name,
                  (int)topic->name.size, (const char *)topic->name.data, sample->index,
                  log_value(sample, key));
    }
}

/* The sums of a topic's partitions, which stand together. */
static void write_by_topic(struct writer *writer, const struct core_sample *sum,
                           const struct image *image, enum metric_labelled key)
{
    const struct metric_row *row = &metric_labelled_rows[key];
    begin_family(writer, row);
    uint64_t total = 0;
    for (uint32_t i = 0; i < sum->partition_count; i++) {
        const struct partition_sample *sample = &sum->partitions[i];
        bool is_last = i + 1 == sum->partition_count ||
                       !uuid_equal(sample->topic_id, sum->partitions[i + 1].topic_id);
        total += log_value(sample, key);
        if (!is_last)
            continue;
        const struct image_topic *topic = image_topic_by_id(image, sample->topic_id);
        if (topic != NULL)
            print(writer, "%s{topic=\"%.*s\"} %" PRIu64 "\n", row->name, (int)topic->name.size,
                  (const char *)topic->name.data, total);
        total = 0;
    }
}

void exposition_write(struct writer *writer, const struct core_sample *sum,
                      const struct image *image)
{
    write_values(writer, &sum->metrics);
    write_histograms(writer, &sum->metrics);
    write_requests(writer, sum);
    for (enum metric_labelled key = METRIC_LABELLED_TOPIC_MESSAGES_IN;
         key <= METRIC_LABELLED_TOPIC_BYTES_OUT; key++)
        write_by_topic(writer, sum, image, key);
    for (enum metric_labelled key = METRIC_LABELLED_LOG_SIZE; key <= METRIC_LABELLED_LOG_SEGMENTS;
         key++)
        write_by_partition(writer, sum, image, key);
}
