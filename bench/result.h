/* What came out of a run, as a fixed form of JSON and as text for people.
 *
 *   {"tool": {"version", "mode"},
 *    "conditions": {"time", "kernel", "cpu", "cpu_count", "congestion_control",
 *                   "load_average": [3], "stolen_percent" or null,
 *                   "broker": {"name", "io_backend", "durability", "pid"}},
 *    "load": {every option by its name},
 *    "figures": {"seconds", "requests", "records", "bytes", "requests_per_s", "records_per_s",
 *                "mb_per_s", "errors", "unanswered", "intended_rate", "errors_by_code": {},
 *                "latency_us": {"p50", "p90", "p99", "p999", "p9999", "max", "mean"}},
 *    "roles": {name: figures}      of each role, where there are several
 *    "server": {"cpu_user_s", "cpu_system_s", "cpu_us_per_request", "cpu_s_per_gb",
 *               "memory_bytes_max", "context_switches", "written_bytes", "read_bytes"} or null
 *    "client": {"cpu_s", "busiest_thread_percent", "send_delay_us": {"p50", "p99", "max"} or null},
 *    "histogram": [[upper_us, count], ...],
 *    "series": [{"second", "records", "bytes", "p50_us", "p99_us", "max_us"}, ...],
 *    "steps": [{"partitions", "connections", "figures", "server"}, ...]}   of mode partitions
 *
 * Those who compare results rely on it: members may be added, not changed. */
#ifndef TAILRACE_BENCH_RESULT_H
#define TAILRACE_BENCH_RESULT_H

#include "bench/conditions.h"
#include "bench/load.h"
#include "bench/server.h"
#include "bench/tally.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { RESULT_ROLES_MAX = 3 };

struct result_role {
    const char *name;
    struct tally tally;
    double seconds;       /* from the beginning of the window to the last answer */
    double intended_rate; /* 0: closed loop */
};

struct result_second {
    uint64_t records;
    uint64_t bytes;
    uint64_t p50_ns;
    uint64_t p99_ns;
    uint64_t max_ns;
};

/* All zero is an empty one. It is large: the caller allocates it. */
struct result {
    const struct load *load;
    struct conditions conditions;
    struct result_role roles[RESULT_ROLES_MAX];
    uint32_t role_count;
    uint32_t main_role; /* the one that is measured */
    uint32_t cost_role; /* whose requests and bytes the server's use is divided by */

    bool has_server;
    struct server_use server; /* of the window */
    int64_t memory_bytes_max;

    double client_cpu_seconds;
    double busiest_thread;           /* its processor time by the time that passed, 0 to 1 */
    struct histogram send_delays_ns; /* of the generator, which latencies have in them */

    struct result_second *series; /* the result's to free */
    uint32_t series_count;
    json_t *steps; /* NULL: there are none */
};

void result_deinit(struct result *result);

/* Of a role in an open loop: whether the broker answered as fast as was meant. */
bool result_role_keeps_up(const struct result_role *role);

/* One step of mode partitions. */
json_t *result_step_json(const struct result *result);

/* Of the tool's version. The caller owns the document. */
json_t *result_json(const struct result *result, const char *version);

/* To stdout, with warnings to stderr. */
void result_print(const struct result *result);

/* The line of one second, without its end, to stderr. */
void result_print_second(const struct result_second *second, uint32_t number, uint64_t errors);

/* False if nothing was acknowledged or received: then there is nothing to be compared. */
bool result_is_good(const struct result *result);

#endif
