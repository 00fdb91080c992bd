/* bench-micro: runs the rows of micro.h. Each is done as often as takes about a fiftieth of a
 * second, and that several times; median and range of one are printed, as text or as JSON:
 *
 *   {"benchmarks": [{"name", "ns": {"median", "min", "max"}, "count"}]}
 *
 * usage[] has the words.
 */
#include "base/assert.h"
#include "base/prng.h"
#include "bench/range.h"
#include "protocol/batch_build.h"
#include "tests/micro/micro.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLE_NS = 20 * 1000 * 1000, SAMPLES = 11, RECORD_BYTES = 1024, WORD_ROOM = 32 };

static const char usage[] =
    "Usage: bench-micro [--json] [--samples N] [PART OF A NAME]\n"
    "       bench-micro --list\n"
    "\n"
    "Says what single parts cost: the median and the range of some samples of a fiftieth of a "
    "second.\n"
    "\n"
    "      --json       as {\"benchmarks\": [{\"name\", \"ns\": {\"median\", \"min\", \"max\"}, "
    "\"count\"}]}\n"
    "      --samples N  of each row (11)\n"
    "      --list       name the rows\n"
    "  -h, --help       this\n";

struct options {
    bool is_json;
    bool is_list;
    uint32_t samples;
    const char *part;
};

void *micro_allocate(size_t size)
{
    void *memory = calloc(1, size);
    assert(memory != NULL);
    return memory;
}

void micro_use(uint64_t value)
{
    __asm__ volatile("" : : "r"(value) : "memory");
}

struct bytes micro_text(size_t size)
{
    static const char *const words[] = {"offset", "partition", "leader",
                                        "epoch",  "record",    "batch"};
    uint8_t *text = micro_allocate(size + WORD_ROOM);
    struct prng prng;
    prng_init(&prng, 7);
    for (size_t at = 0; at < size;) {
        const char *word = words[prng_below(&prng, 6)];
        at += (size_t)snprintf((char *)text + at, WORD_ROOM, "%s %u ", word,
                               (uint32_t)prng_below(&prng, 1000));
    }
    return bytes_of(text, size);
}

struct bytes micro_batch(struct arena *arena, uint32_t record_count)
{
    struct batch_builder builder;
    struct bytes batch;
    struct bytes value = micro_text(RECORD_BYTES);
    batch_builder_init(&builder, &batch_options_plain, arena);
    for (uint32_t i = 0; i < record_count; i++)
        batch_builder_append_simple(&builder, 1000 + i, bytes_of_text("key"), value);
    enum status status = batch_builder_finish(&builder, &batch);
    assert(status == STATUS_OK);
    free((void *)(uintptr_t)value.data);
    return batch;
}

/* --- Measuring -------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static int64_t timed(const struct micro *micro, void *context, uint64_t count)
{
    int64_t began_ns = now_ns();
    micro->run(context, count);
    return now_ns() - began_ns;
}

/* How many fill a sample. */
static uint64_t find_count(const struct micro *micro, void *context)
{
    uint64_t count = 1;
    int64_t took_ns = timed(micro, context, count);
    while (took_ns < SAMPLE_NS / 4 && count < 1ull << 40) {
        count *= 2;
        took_ns = timed(micro, context, count);
    }
    uint64_t filled = (uint64_t)((double)count * SAMPLE_NS / (double)took_ns);
    return filled > 0 ? filled : 1;
}

static void print(const struct options *options, const char *name, const struct range *range,
                  uint64_t count, bool is_first)
{
    if (options->is_json)
        printf("%s\n {\"name\": \"%s\", \"ns\": {\"median\": %.3f, \"min\": %.3f, \"max\": %.3f}, "
               "\"count\": %llu}",
               is_first ? "" : ",", name, range->median, range->min, range->max,
               (unsigned long long)count);
    else
        printf("%-44s %12.2f ns  (%.2f-%.2f)\n", name, range->median, range->min, range->max);
    fflush(stdout);
}

static void measure(const struct options *options, const struct micro *micro, bool is_first)
{
    double values[RANGE_VALUES_MAX];
    void *context = micro->begin != NULL ? micro->begin(micro->argument) : NULL;
    uint64_t count = find_count(micro, context);
    for (uint32_t i = 0; i < options->samples; i++)
        values[i] = (double)timed(micro, context, count) / (double)count;
    if (micro->end != NULL)
        micro->end(context);
    struct range range = range_of(values, options->samples);
    print(options, micro->name, &range, count, is_first);
}

/* False if no row has that name. */
static bool run_all(const struct options *options)
{
    const struct micro_table tables[] = {micro_base(), micro_protocol(), micro_io(),
                                         micro_storage()};
    bool is_first = true;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (uint32_t j = 0; j < tables[i].count; j++) {
            const struct micro *micro = &tables[i].rows[j];
            if (options->part != NULL && strstr(micro->name, options->part) == NULL)
                continue;
            if (options->is_list)
                printf("%s\n", micro->name);
            else
                measure(options, micro, is_first);
            is_first = false;
        }
    return !is_first;
}

static _Noreturn void refuse(const char *word)
{
    fprintf(stderr, "bench-micro: '%s' makes no sense here\n%s", word, usage);
    exit(2);
}

static struct options parse(int count, char **words)
{
    struct options options = {.samples = SAMPLES};
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0) {
            fputs(usage, stdout);
            exit(0);
        }
        if (strcmp(words[i], "--json") == 0)
            options.is_json = true;
        else if (strcmp(words[i], "--list") == 0)
            options.is_list = true;
        else if (strcmp(words[i], "--samples") == 0 && i + 1 < count)
            options.samples = (uint32_t)strtoul(words[++i], NULL, 10);
        else if (words[i][0] == '-' || options.part != NULL)
            refuse(words[i]);
        else
            options.part = words[i];
    }
    if (options.samples < 1 || options.samples > RANGE_VALUES_MAX) {
        fprintf(stderr, "bench-micro: --samples goes from 1 to %d\n", RANGE_VALUES_MAX);
        exit(2);
    }
    return options;
}

int main(int count, char **words)
{
    struct options options = parse(count, words);
    bool is_json = options.is_json && !options.is_list;
    if (is_json)
        printf("{\"benchmarks\": [");
    bool has_any = run_all(&options);
    if (is_json)
        printf("]}\n");
    if (!has_any)
        fprintf(stderr, "bench-micro: no row has '%s' in its name; --list names them\n",
                options.part);
    return has_any ? 0 : 1;
}
