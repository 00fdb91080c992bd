#include "bench/floor.h"

#include "base/assert.h"
#include "bench/floor_crowd.h"
#include "bench/floor_disk.h"
#include "bench/floor_loopback.h"
#include "bench/floor_pace.h"
#include "bench/machine_time.h"
#include "bench/system.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* More than the caches next to a core hold. */
enum { COPY_BYTES = 16 << 20, SPINNERS_MAX = 256 };

/* --- Memory ----------------------------------------------------------------------------------- */

static uint8_t *touched(int value)
{
    uint8_t *bytes = malloc(COPY_BYTES);
    if (bytes == NULL)
        fail("no memory to be copied");
    memset(bytes, value, COPY_BYTES);
    return bytes;
}

static double measure_copying(int64_t time_ns)
{
    uint8_t *from = touched(1);
    uint8_t *to = touched(2);
    int64_t begin_ns = now_ns();
    double bytes = 0;
    do {
        memcpy(to, from, COPY_BYTES);
        /* Nobody reads the copy, but the compiler must not know. */
        __asm__ volatile("" : : "r"(to) : "memory");
        bytes += COPY_BYTES;
    } while (now_ns() < begin_ns + time_ns);
    int64_t passed_ns = now_ns() - begin_ns;
    free(from);
    free(to);
    return bytes / (double)passed_ns;
}

/* --- Stolen time ------------------------------------------------------------------------------ */

static double stolen_since(const struct machine_time *before)
{
    struct machine_time now;
    if (!machine_time_read(&now))
        return 0;
    return machine_time_stolen_percent(&now, before);
}

static double measure_resting(int64_t time_ns)
{
    struct machine_time before;
    struct timespec rest = {.tv_sec = time_ns / SECOND_NS, .tv_nsec = time_ns % SECOND_NS};
    (void)machine_time_read(&before);
    nanosleep(&rest, NULL);
    return stolen_since(&before);
}

static void *spin(void *context)
{
    const int64_t *end_ns = context;
    while (now_ns() < *end_ns) {
    }
    return NULL;
}

/* Only who asks for all of the processors learns how much of them there is. */
static double measure_busy(int64_t time_ns)
{
    pthread_t threads[SPINNERS_MAX];
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t count = cpus < 1 ? 1 : cpus < SPINNERS_MAX ? (uint32_t)cpus : SPINNERS_MAX;
    struct machine_time before;
    (void)machine_time_read(&before);
    int64_t end_ns = now_ns() + time_ns;
    for (uint32_t i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, spin, &end_ns) != 0)
            fail("cannot start a thread");
    for (uint32_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return stolen_since(&before);
}

/* --- All of it -------------------------------------------------------------------------------- */

static void add(json_t *figures, const char *name, double value)
{
    json_object_set_new(figures, name, json_real((double)(int64_t)(value * 1000 + 0.5) / 1000));
}

static void add_disk(json_t *figures, const struct floor_disk *disk)
{
    add(figures, "sync_4k_p50_us", disk->small.p50_us);
    add(figures, "sync_4k_p99_us", disk->small.p99_us);
    add(figures, "sync_64k_p50_us", disk->large.p50_us);
    add(figures, "sync_64k_p99_us", disk->large.p99_us);
    add(figures, "write_mb_per_s", disk->write_mb_per_s);
    add(figures, "read_mb_per_s", disk->read_mb_per_s);
}

static void add_loopback(json_t *figures, const struct floor_loopback *loopback)
{
    add(figures, "round_trip_p50_us", loopback->round_trip_p50_us);
    add(figures, "round_trip_p99_us", loopback->round_trip_p99_us);
    add(figures, "round_trip_cpu_us", loopback->round_trip_cpu_us);
    add(figures, "loopback_gb_per_s", loopback->gb_per_s);
    add(figures, "send_cpu_s_per_gb", loopback->send_cpu_s_per_gb);
    add(figures, "receive_cpu_s_per_gb", loopback->receive_cpu_s_per_gb);
}

static void add_crowd(json_t *figures, const struct floor_crowd *crowd)
{
    add(figures, "echo_per_s", crowd->echo.requests_per_s);
    add(figures, "echo_cpu_us", crowd->echo.cpu_us);
    add(figures, "echo_pipelined_per_s", crowd->echo_pipelined.requests_per_s);
    add(figures, "echo_pipelined_cpu_us", crowd->echo_pipelined.cpu_us);
    add(figures, "intake_mb_per_s", crowd->intake.mb_per_s);
    add(figures, "intake_cpu_s_per_gb", crowd->intake.cpu_s_per_gb);
    add(figures, "store_mb_per_s", crowd->store.mb_per_s);
    add(figures, "store_cpu_s_per_gb", crowd->store.cpu_s_per_gb);
}

static void add_paces(json_t *figures, const struct floor_file *file, int64_t time_ns)
{
    struct floor_pace slow;
    struct floor_pace fast;
    floor_pace_measure(file, time_ns / 2, 1000, &slow);
    floor_pace_measure(file, time_ns / 2, 10000, &fast);
    add(figures, "durable_1000_p50_us", slow.p50_us);
    add(figures, "durable_1000_p99_us", slow.p99_us);
    add(figures, "durable_10000_p50_us", fast.p50_us);
    add(figures, "durable_10000_p99_us", fast.p99_us);
}

json_t *bench_floor(const struct floor_options *options)
{
    struct floor_file file;
    struct floor_disk disk;
    struct floor_loopback loopback;
    struct floor_crowd crowd;
    struct machine_time before;
    assert(options->time_ms >= FLOOR_TIME_MS_MIN);
    assert(options->time_ms <= FLOOR_TIME_MS_MAX);
    /* Shares of the time; the last tenth is for what runs over. */
    int64_t percent_ns = options->time_ms * 1000 * 10;
    json_t *figures = json_pack("{s:s}", "mode", "floor");
    (void)machine_time_read(&before);
    floor_file_open(&file, options->folder, percent_ns * 6);
    json_object_set_new(figures, "direct", json_boolean(file.is_direct));
    floor_disk_measure(&file, percent_ns * 20, &disk);
    add_disk(figures, &disk);
    floor_loopback_measure(percent_ns * 10, &loopback);
    add_loopback(figures, &loopback);
    floor_crowd_measure(&file, percent_ns * 30, &crowd);
    add_crowd(figures, &crowd);
    add_paces(figures, &file, percent_ns * 10);
    floor_file_close(&file);
    add(figures, "memcpy_gb_per_s", measure_copying(percent_ns * 2));
    add(figures, "stolen_idle_percent", measure_resting(percent_ns * 4));
    add(figures, "stolen_busy_percent", measure_busy(percent_ns * 8));
    add(figures, "stolen_percent", stolen_since(&before));
    return figures;
}
