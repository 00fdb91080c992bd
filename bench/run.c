#include "bench/run.h"

#include "base/assert.h"
#include "bench/machine_time.h"
#include "bench/system.h"
#include "bench/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WATCH_NS = 5 * 1000 * 1000,
    LEAD_NS = 2 * 1000 * 1000, /* from opening all to the first request */
    DRAIN_SECONDS_MIN = 30,
    DRAIN_SECONDS_MAX = 60,
    FOLLOW_SECONDS_MAX = 30, /* for what was acknowledged to arrive */
};

/* What the main thread keeps while it watches. */
struct watch {
    struct run *run;
    struct result *result;
    struct worker *workers;
    int64_t began_ns;
    struct window window;
    int64_t next_second_ns;
    uint32_t series_capacity;
    struct tally *now; /* sums of all threads, for the series */
    struct histogram *before_ns;
    struct histogram *second_ns;
    uint64_t records_before;
    uint64_t bytes_before;
    struct server_use server_before;
    struct machine_time machine_before;
    bool has_machine;
    int64_t cpu_before_ns[LOAD_THREADS_MAX];
    int64_t producers_done_ns; /* 0: not yet */
};

static int64_t worker_cpu_ns(const struct worker *worker)
{
    return __atomic_load_n(&worker->cpu_ns, __ATOMIC_RELAXED);
}

static void *allocate_zeroed(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL)
        fail("no memory for the figures");
    return memory;
}

/* --- Each second ------------------------------------------------------------------------------ */

static void sum_role(const struct watch *watch, uint32_t role, struct tally *sum)
{
    memset(sum, 0, sizeof *sum);
    for (uint32_t i = 0; i < watch->run->load->threads; i++)
        tally_add_all(sum, &watch->workers[i].roles[role].tally);
}

static void note_memory(struct watch *watch)
{
    struct server_use use;
    uint32_t pid = watch->run->load->pid;
    if (pid != 0 && server_use_read(pid, &use) &&
        use.memory_bytes > watch->result->memory_bytes_max)
        watch->result->memory_bytes_max = use.memory_bytes;
}

static void note_second(struct watch *watch)
{
    struct result *result = watch->result;
    struct tally *now = watch->now;
    if (result->series_count == watch->series_capacity)
        return;
    sum_role(watch, watch->run->main_role, now);
    histogram_difference(&now->latencies_ns, watch->before_ns, watch->second_ns);
    struct result_second *second = &result->series[result->series_count++];
    *second = (struct result_second){
        .records = now->records - watch->records_before,
        .bytes = now->bytes - watch->bytes_before,
        .p50_ns = histogram_percentile(watch->second_ns, 0.5),
        .p99_ns = histogram_percentile(watch->second_ns, 0.99),
        .max_ns = watch->second_ns->max,
    };
    *watch->before_ns = now->latencies_ns;
    watch->records_before = now->records;
    watch->bytes_before = now->bytes;
    if (watch->run->load->is_live)
        result_print_second(second, result->series_count, tally_errors(now));
    note_memory(watch);
}

/* Those that are over; the watcher may have slept for more than one. */
static void note_seconds(struct watch *watch, int64_t now)
{
    while (watch->next_second_ns <= now) {
        note_second(watch);
        watch->next_second_ns += SECOND_NS;
    }
}

/* --- Beginning and end ------------------------------------------------------------------------ */

static bool all_idle(const struct watch *watch)
{
    for (uint32_t i = 0; i < watch->run->load->threads; i++)
        if (!__atomic_load_n(&watch->workers[i].is_idle, __ATOMIC_ACQUIRE))
            return false;
    return true;
}

static bool is_over(struct watch *watch, int64_t now)
{
    const struct run *run = watch->run;
    double drain = run->load->seconds + DRAIN_SECONDS_MIN;
    if (drain > DRAIN_SECONDS_MAX)
        drain = DRAIN_SECONDS_MAX;
    if (now > watch->window.end_ns + (int64_t)(drain * SECOND_NS))
        return true;
    if (!all_idle(watch))
        return false;
    if (watch->producers_done_ns == 0)
        watch->producers_done_ns = now;
    return run->is_caught_up == NULL || run->is_caught_up(run) ||
           now - watch->producers_done_ns > FOLLOW_SECONDS_MAX * SECOND_NS;
}

static void begin_window(struct watch *watch)
{
    const struct load *load = watch->run->load;
    if (load->pid != 0 && !server_use_read(load->pid, &watch->server_before))
        fail("there is no process %u", load->pid);
    watch->has_machine = machine_time_read(&watch->machine_before);
    for (uint32_t i = 0; i < load->threads; i++)
        watch->cpu_before_ns[i] = worker_cpu_ns(&watch->workers[i]);
}

static void watch_all(struct watch *watch)
{
    bool has_begun = false;
    int64_t now = now_ns();
    while (!has_begun || !is_over(watch, now)) {
        int64_t next_ns = has_begun ? now + WATCH_NS : watch->window.begin_ns;
        struct timespec until = {.tv_sec = next_ns / SECOND_NS, .tv_nsec = next_ns % SECOND_NS};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        now = now_ns();
        if (!has_begun)
            begin_window(watch);
        has_begun = true;
        if (now < watch->window.end_ns)
            note_seconds(watch, now);
    }
    /* What was asked in the last second may have been answered behind its end. */
    now = now_ns();
    note_seconds(watch, now < watch->window.end_ns ? now : watch->window.end_ns);
}

static void note_machine(struct watch *watch)
{
    struct machine_time now;
    if (watch->has_machine && machine_time_read(&now))
        watch->result->conditions.stolen_percent =
            machine_time_stolen_percent(&now, &watch->machine_before);
}

static void note_use(struct watch *watch, int64_t ended_ns)
{
    struct result *result = watch->result;
    const struct load *load = watch->run->load;
    result->has_server = load->pid != 0 && server_use_read(load->pid, &result->server);
    if (result->has_server)
        server_use_subtract(&result->server, &watch->server_before);
    note_memory(watch);
    note_machine(watch);
    double passed = (double)(ended_ns - watch->window.begin_ns);
    for (uint32_t i = 0; i < load->threads; i++) {
        double used = (double)(worker_cpu_ns(&watch->workers[i]) - watch->cpu_before_ns[i]);
        result->client_cpu_seconds += used / 1e9;
        if (used / passed > result->busiest_thread)
            result->busiest_thread = used / passed;
    }
}

static void note_roles(struct watch *watch)
{
    const struct run *run = watch->run;
    struct result *result = watch->result;
    result->role_count = run->role_count;
    result->main_role = run->main_role;
    result->cost_role = run->cost_role;
    for (uint32_t i = 0; i < run->role_count; i++) {
        struct result_role *role = &result->roles[i];
        role->name = run->roles[i]->kind->name;
        role->intended_rate = run->roles[i]->rate;
        sum_role(watch, i, &role->tally);
        if (role->tally.last_ns > watch->window.begin_ns)
            role->seconds = (double)(role->tally.last_ns - watch->window.begin_ns) / 1e9;
        /* In an open loop the last request may be answered, and arrive, before the time is over. */
        double window = (double)(watch->window.end_ns - watch->window.begin_ns) / 1e9;
        if (run->load->rate > 0 && role->seconds < window)
            role->seconds = window;
    }
}

static void open_workers(struct watch *watch)
{
    struct run *run = watch->run;
    const struct load *load = run->load;
    for (uint32_t i = 0; i < load->threads; i++)
        worker_open(&watch->workers[i], run->roles, run->role_count, i, load->threads,
                    &run->address);
    watch->began_ns = now_ns() + LEAD_NS;
    watch->window.begin_ns = watch->began_ns + (int64_t)(load->warm_up * SECOND_NS);
    watch->window.end_ns = watch->window.begin_ns + (int64_t)(load->seconds * SECOND_NS);
    watch->next_second_ns = watch->window.begin_ns + SECOND_NS;
    for (uint32_t i = 0; i < run->role_count; i++) {
        struct role *role = run->roles[i];
        role->window = watch->window;
        if (role->rate > 0)
            schedule_init(&role->schedule, watch->began_ns, role->rate, role->connection_count);
    }
}

static void close_workers(struct watch *watch)
{
    for (uint32_t i = 0; i < watch->run->load->threads; i++)
        worker_close(&watch->workers[i]);
    free(watch->workers);
    free(watch->now);
    free(watch->before_ns);
    free(watch->second_ns);
}

void run_all(struct run *run, struct result *result)
{
    const struct load *load = run->load;
    assert(run->role_count > 0);
    assert(load->threads <= LOAD_THREADS_MAX);
    struct watch watch = {.run = run, .result = result};
    watch.workers = allocate_zeroed(load->threads * sizeof *watch.workers);
    watch.now = allocate_zeroed(sizeof *watch.now);
    watch.before_ns = allocate_zeroed(sizeof *watch.before_ns);
    watch.second_ns = allocate_zeroed(sizeof *watch.second_ns);
    watch.series_capacity = (uint32_t)load->seconds + 1;
    result->load = load;
    result->series = allocate_zeroed(watch.series_capacity * sizeof *result->series);
    open_workers(&watch);
    for (uint32_t i = 0; i < load->threads; i++)
        worker_start(&watch.workers[i], watch.began_ns);
    watch_all(&watch);
    for (uint32_t i = 0; i < load->threads; i++)
        __atomic_store_n(&watch.workers[i].is_stopped, true, __ATOMIC_RELEASE);
    note_use(&watch, now_ns());
    for (uint32_t i = 0; i < load->threads; i++) {
        worker_join(&watch.workers[i]);
        histogram_add_all(&result->send_delays_ns, &watch.workers[i].send_delays_ns);
    }
    note_roles(&watch);
    close_workers(&watch);
    if (load->is_live)
        fprintf(stderr, "\r\033[K");
}
