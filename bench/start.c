#include "bench/start.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "bench/control.h"
#include "bench/system.h"
#include "bench/template.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    START_TIMEOUT_SECONDS = 60,
    RETRY_NS = 100 * 1000,
    SETTLE_MS = 2000,
};

/* --- A broker of our own ----------------------------------------------------------------------
 */

struct broker {
    const struct start_options *options;
    char *words[START_WORDS_MAX + 1]; /* the command with its places filled in */
    uint32_t word_count;
    struct address address;
    struct process process;
    struct control control; /* open while the broker runs */
    int64_t answered_ns;    /* from exec to the first ApiVersions answer */
};

/* A copy of the word with {port} and {data} replaced; the caller's to free. */
static char *fill_in(const char *word, const char *port, const char *data)
{
    char *filled = NULL;
    size_t filled_size = 0;
    FILE *out = open_memstream(&filled, &filled_size);
    assert(out != NULL);
    while (*word != '\0') {
        const char *value = strncmp(word, "{port}", 6) == 0   ? port
                            : strncmp(word, "{data}", 6) == 0 ? data
                                                              : NULL;
        if (value != NULL)
            fputs(value, out);
        else
            fputc(*word, out);
        word += value != NULL ? 6 : 1;
    }
    fclose(out);
    return filled;
}

static void broker_prepare(struct broker *broker, const struct start_options *options,
                           const char *folder)
{
    char port_text[8];
    uint16_t port = port_find_free();
    *broker = (struct broker){.options = options, .address = address_loopback(port)};
    snprintf(port_text, sizeof port_text, "%u", port);
    if (options->word_count > START_WORDS_MAX)
        fail("the command has more than %d words", START_WORDS_MAX);
    for (uint32_t i = 0; i < options->word_count; i++) {
        broker->words[i] = fill_in(options->command[i], port_text, folder);
        broker->word_count++;
    }
}

static void broker_forget(struct broker *broker)
{
    for (uint32_t i = 0; i < broker->word_count; i++)
        free(broker->words[i]);
}

static bool broker_answers(struct broker *broker)
{
    if (!control_open(&broker->control, &broker->address))
        return false;
    if (control_is_answered(&broker->control))
        return true;
    control_close(&broker->control);
    return false;
}

/* Starts it and knocks until it answers. */
static void broker_start(struct broker *broker)
{
    broker->process = process_start(broker->words, broker->options->is_verbose);
    int64_t give_up_ns = broker->process.started_ns + START_TIMEOUT_SECONDS * SECOND_NS;
    while (!broker_answers(broker)) {
        if (!process_is_alive(&broker->process))
            fail("%s ended before it answered; --verbose shows why", broker->words[0]);
        if (now_ns() > give_up_ns)
            fail("%s does not answer for %d s", broker->words[0], START_TIMEOUT_SECONDS);
        nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    }
    broker->answered_ns = now_ns() - broker->process.started_ns;
}

static int64_t broker_stop(struct broker *broker)
{
    control_close(&broker->control);
    return process_stop(&broker->process);
}

/* --- First answers ----------------------------------------------------------------------------
 */

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

static int64_t first_produce(struct broker *broker, bool is_fresh, struct bytes frame)
{
    if (is_fresh)
        control_create_topic(&broker->control, topic, 1);
    if (!control_produce(&broker->control, frame))
        fail("the first record was refused");
    return now_ns() - broker->process.started_ns;
}

/* One broker on an empty folder, then another on what the first one left. */
static void run_once(const struct start_options *options, struct bytes frame,
                     struct figures *figures, uint32_t run)
{
    struct broker broker;
    char *folder = folder_create(options->folder);
    broker_prepare(&broker, options, folder);
    broker_start(&broker);
    figures->values_ns[FRESH_ANSWER][run] = broker.answered_ns;
    figures->values_ns[FRESH_PRODUCE][run] = first_produce(&broker, true, frame);
    figures->values_ns[FRESH_STOP][run] = broker_stop(&broker);
    broker_start(&broker);
    figures->values_ns[AGAIN_ANSWER][run] = broker.answered_ns;
    figures->values_ns[AGAIN_PRODUCE][run] = first_produce(&broker, false, frame);
    broker_stop(&broker);
    broker_forget(&broker);
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

/* --- Memory -----------------------------------------------------------------------------------
 */

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
    struct broker broker;
    if (options->word_count == 0)
        return memory_json((pid_t)options->pid);
    char *folder = folder_create(options->folder);
    broker_prepare(&broker, options, folder);
    broker_start(&broker);
    poll(NULL, 0, SETTLE_MS);
    json_t *object = memory_json(broker.process.pid);
    broker_stop(&broker);
    broker_forget(&broker);
    folder_remove(folder);
    free(folder);
    return object;
}
