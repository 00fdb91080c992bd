#include "bench/start.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "bench/launch.h"
#include "bench/system.h"
#include "bench/template.h"
#include "bench/topic.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SETTLE_MS = 2000 };

/* --- First answers ---------------------------------------------------------------------------- */

static const char topic[] = "bench";

enum first_figure {
    FRESH_ANSWER,
    FRESH_PRODUCE,
    FRESH_STOP,
    AGAIN_ANSWER,
    AGAIN_PRODUCE,
    FIGURE_COUNT
};

struct figures {
    int64_t *values_ns[FIGURE_COUNT]; /* one value for each run */
};

static int64_t first_produce(struct launch *broker, bool is_fresh, struct bytes frame)
{
    if (is_fresh)
        topic_create(&broker->control, topic, 1, NULL);
    if (!control_produce(&broker->control, frame))
        fail("the first record was refused");
    return now_ns() - broker->process.started_ns;
}

/* One broker on an empty folder, then another on what the first one left. */
static void run_once(const struct start_options *options, struct bytes frame,
                     struct figures *figures, uint32_t run)
{
    struct launch broker;
    char *folder = folder_create(options->folder);
    launch_prepare(&broker, options->command, options->word_count, folder);
    broker.is_verbose = options->is_verbose;
    launch_start(&broker);
    figures->values_ns[FRESH_ANSWER][run] = broker.answered_ns;
    figures->values_ns[FRESH_PRODUCE][run] = first_produce(&broker, true, frame);
    figures->values_ns[FRESH_STOP][run] = launch_stop(&broker);
    launch_start(&broker);
    figures->values_ns[AGAIN_ANSWER][run] = broker.answered_ns;
    figures->values_ns[AGAIN_PRODUCE][run] = first_produce(&broker, false, frame);
    launch_stop(&broker);
    launch_forget(&broker);
    folder_remove(folder);
    free(folder);
}

static int compare_i64(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Two decimals of a millisecond. */
static json_t *ms(int64_t ns)
{
    return json_real((double)(ns / 10000) / 100);
}

/* The median, and the range under names of their own. */
static void add_figure(json_t *object, const char *const names[3], int64_t *values_ns,
                       uint32_t count)
{
    assert(count > 0);
    qsort(values_ns, count, sizeof *values_ns, compare_i64);
    json_object_set_new(object, names[0], ms(values_ns[count / 2]));
    json_object_set_new(object, names[1], ms(values_ns[0]));
    json_object_set_new(object, names[2], ms(values_ns[count - 1]));
}

/* One record of 1 KiB for partition 0. */
static struct bytes make_frame(struct templates *templates)
{
    struct load load;
    load_init(&load, LOAD_PRODUCE, "");
    load.topic = topic;
    templates_init(templates, &load, (struct bytes){0});
    const struct template *template = &templates->variants[0];
    return bytes_of(template->head.data,
                    template->head.size + template->batch.size + template->tail.size);
}

json_t *bench_start(const struct start_options *options)
{
    static const char *const names[FIGURE_COUNT][3] = {
        [FRESH_ANSWER] = {"fresh_answer_ms", "fresh_answer_min_ms", "fresh_answer_max_ms"},
        [FRESH_PRODUCE] = {"fresh_produce_ms", "fresh_produce_min_ms", "fresh_produce_max_ms"},
        [FRESH_STOP] = {"stop_ms", "stop_min_ms", "stop_max_ms"},
        [AGAIN_ANSWER] = {"again_answer_ms", "again_answer_min_ms", "again_answer_max_ms"},
        [AGAIN_PRODUCE] = {"again_produce_ms", "again_produce_min_ms", "again_produce_max_ms"},
    };
    struct figures figures;
    struct templates templates;
    struct bytes frame = make_frame(&templates);
    assert(options->runs > 0);
    for (int i = 0; i < FIGURE_COUNT; i++) {
        figures.values_ns[i] = calloc(options->runs, sizeof(int64_t));
        assert(figures.values_ns[i] != NULL);
    }
    for (uint32_t run = 0; run < options->runs; run++)
        run_once(options, frame, &figures, run);
    json_t *object = json_pack("{s:s, s:I}", "mode", "start", "runs", (json_int_t)options->runs);
    for (int i = 0; i < FIGURE_COUNT; i++) {
        add_figure(object, names[i], figures.values_ns[i], options->runs);
        free(figures.values_ns[i]);
    }
    templates_deinit(&templates);
    return object;
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* Two decimals of a MiB. */
static json_t *mib(int64_t kib)
{
    return json_real((double)(kib * 100 / 1024) / 100);
}

static json_t *memory_json(pid_t pid)
{
    struct process_memory memory = process_memory(pid);
    return json_pack("{s:s, s:o, s:o, s:o, s:I}", "mode", "idle", "resident_mib",
                     mib(memory.resident_kib), "proportional_mib", mib(memory.proportional_kib),
                     "anonymous_mib", mib(memory.anonymous_kib), "threads",
                     (json_int_t)memory.thread_count);
}

json_t *bench_idle(const struct start_options *options)
{
    struct launch broker;
    if (options->word_count == 0)
        return memory_json((pid_t)options->pid);
    char *folder = folder_create(options->folder);
    launch_prepare(&broker, options->command, options->word_count, folder);
    broker.is_verbose = options->is_verbose;
    launch_start(&broker);
    poll(NULL, 0, SETTLE_MS);
    json_t *object = memory_json(broker.process.pid);
    launch_stop(&broker);
    launch_forget(&broker);
    folder_remove(folder);
    free(folder);
    return object;
}
