#include "bench/result.h"

#include "base/assert.h"
#include "protocol/errors.h"

#include <stdio.h>
#include <stdlib.h>

struct quantile {
    const char *name;
    double fraction;
};

static const struct quantile quantiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"p9999", 0.9999},
};

enum { QUANTILE_COUNT = sizeof quantiles / sizeof quantiles[0] };

void result_deinit(struct result *result)
{
    assert(result != NULL);
    free(result->series);
    json_decref(result->steps);
}

bool result_is_good(const struct result *result)
{
    assert(result->main_role < result->role_count);
    return result->roles[result->main_role].tally.records > 0;
}

static double per_second(uint64_t count, double seconds)
{
    return seconds > 0 ? (double)count / seconds : 0;
}

/* Three decimals: what lies behind them is noise, and longer numbers are hard to read. */
static json_t *decimal(double value)
{
    return json_real((double)(int64_t)(value * 1000 + 0.5) / 1000);
}

static json_t *us(uint64_t ns)
{
    return decimal((double)ns / 1e3);
}

/* --- Figures ---------------------------------------------------------------------------------- */

static json_t *latency_json(const struct histogram *latencies)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < QUANTILE_COUNT; i++)
        json_object_set_new(object, quantiles[i].name,
                            us(histogram_percentile(latencies, quantiles[i].fraction)));
    json_object_set_new(object, "max", us(latencies->max));
    json_object_set_new(object, "mean", decimal(histogram_mean(latencies) / 1e3));
    return object;
}

static json_t *errors_json(const struct tally *tally)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < TALLY_ERRORS_COUNT; i++)
        if (tally->errors[i] > 0)
            json_object_set_new(object, kafka_error_name((int16_t)((int32_t)i + KAFKA_ERROR_MIN)),
                                json_integer((json_int_t)tally->errors[i]));
    return object;
}

static json_t *figures_json(const struct result_role *role)
{
    const struct tally *tally = &role->tally;
    json_t *rate = role->intended_rate > 0 ? decimal(role->intended_rate) : json_null();
    return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o}", "seconds",
                     decimal(role->seconds), "requests", (json_int_t)tally->requests, "records",
                     (json_int_t)tally->records, "bytes", (json_int_t)tally->bytes,
                     "requests_per_s", decimal(per_second(tally->requests, role->seconds)),
                     "records_per_s", decimal(per_second(tally->records, role->seconds)),
                     "mb_per_s", decimal(per_second(tally->bytes, role->seconds) / 1e6), "errors",
                     (json_int_t)tally_errors(tally), "unanswered", (json_int_t)tally->unanswered,
                     "intended_rate", rate, "errors_by_code", errors_json(tally), "latency_us",
                     latency_json(&tally->latencies_ns));
}

static double server_cpu_seconds(const struct result *result)
{
    return (double)(result->server.cpu_user_ns + result->server.cpu_system_ns) / 1e9;
}

static double cpu_us_per_request(const struct result *result)
{
    uint64_t requests = result->roles[result->cost_role].tally.requests;
    return requests > 0 ? server_cpu_seconds(result) * 1e6 / (double)requests : 0;
}

static double cpu_s_per_gb(const struct result *result)
{
    uint64_t bytes = result->roles[result->cost_role].tally.bytes;
    return bytes > 0 ? server_cpu_seconds(result) * 1e9 / (double)bytes : 0;
}

static json_t *server_json(const struct result *result)
{
    const struct server_use *use = &result->server;
    if (!result->has_server)
        return json_null();
    json_t *written = use->has_disk_bytes ? json_integer(use->written_bytes) : json_null();
    json_t *read = use->has_disk_bytes ? json_integer(use->read_bytes) : json_null();
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "cpu_user_s",
        decimal((double)use->cpu_user_ns / 1e9), "cpu_system_s",
        decimal((double)use->cpu_system_ns / 1e9), "cpu_us_per_request",
        decimal(cpu_us_per_request(result)), "cpu_s_per_gb", decimal(cpu_s_per_gb(result)),
        "memory_bytes_max", (json_int_t)result->memory_bytes_max, "context_switches",
        (json_int_t)server_use_switches(use), "written_bytes", written, "read_bytes", read);
}

/* How late the generator itself was; null in a closed loop, which has no intended moments. */
static json_t *send_delay_json(const struct histogram *delays)
{
    if (histogram_count(delays) == 0)
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "p50", us(histogram_percentile(delays, 0.5)), "p99",
                     us(histogram_percentile(delays, 0.99)), "max", us(delays->max));
}

static json_t *client_json(const struct result *result)
{
    return json_pack("{s:o, s:o, s:o}", "cpu_s", decimal(result->client_cpu_seconds),
                     "busiest_thread_percent", decimal(result->busiest_thread * 100),
                     "send_delay_us", send_delay_json(&result->send_delays_ns));
}

/* Buckets as whole microseconds, which several of the finest share. */
static json_t *histogram_json(const struct histogram *latencies)
{
    json_t *list = json_array();
    uint64_t upper_us = 0;
    uint64_t count = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKET_COUNT; i++) {
        if (latencies->counts[i] == 0)
            continue;
        uint64_t top_us = (histogram_bucket_top(i) + 999) / 1000;
        if (count > 0 && top_us != upper_us) {
            json_array_append_new(list,
                                  json_pack("[I, I]", (json_int_t)upper_us, (json_int_t)count));
            count = 0;
        }
        upper_us = top_us;
        count += latencies->counts[i];
    }
    if (count > 0)
        json_array_append_new(list, json_pack("[I, I]", (json_int_t)upper_us, (json_int_t)count));
    return list;
}

static json_t *series_json(const struct result *result)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < result->series_count; i++) {
        const struct result_second *second = &result->series[i];
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "second", (json_int_t)i + 1,
                            "records", (json_int_t)second->records, "bytes",
                            (json_int_t)second->bytes, "p50_us", us(second->p50_ns), "p99_us",
                            us(second->p99_ns), "max_us", us(second->max_ns)));
    }
    return list;
}

static json_t *roles_json(const struct result *result)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < result->role_count; i++)
        json_object_set_new(object, result->roles[i].name, figures_json(&result->roles[i]));
    return object;
}

json_t *result_step_json(const struct result *result)
{
    return json_pack("{s:I, s:I, s:o, s:o}", "partitions", (json_int_t)result->load->partitions,
                     "connections", (json_int_t)result->load->connections, "figures",
                     figures_json(&result->roles[result->main_role]), "server",
                     server_json(result));
}

json_t *result_json(const struct result *result, const char *version)
{
    const struct result_role *role = &result->roles[result->main_role];
    assert(result->role_count > 0);
    json_t *document = json_pack(
        "{s:{s:s, s:s}, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "tool", "version", version, "mode",
        load_mode_name(result->load->mode), "conditions", conditions_json(&result->conditions),
        "load", load_json(result->load), "figures", figures_json(role), "server",
        server_json(result), "client", client_json(result), "histogram",
        histogram_json(&role->tally.latencies_ns), "series", series_json(result));
    if (result->role_count > 1)
        json_object_set_new(document, "roles", roles_json(result));
    if (result->steps != NULL)
        json_object_set(document, "steps", result->steps);
    return document;
}

/* --- Text ------------------------------------------------------------------------------------- */

/* Errors are answers, too: a broker that refuses is fast enough. So is one whose last answer alone
 * was a moment late, which much of a short run may be. */
bool result_role_keeps_up(const struct result_role *role)
{
    static const double enough = 0.98;
    static const double moment = 0.1;
    uint64_t answers = role->tally.requests + tally_errors(&role->tally);
    return answers > 0 &&
           (double)answers >= role->intended_rate * enough * (role->seconds - moment);
}

static void print_latencies(const struct histogram *latencies)
{
    printf("  latency ");
    for (uint32_t i = 0; i < QUANTILE_COUNT; i++)
        printf(" %s %.0f us ", quantiles[i].name,
               (double)histogram_percentile(latencies, quantiles[i].fraction) / 1e3);
    printf(" max %.0f us\n", (double)latencies->max / 1e3);
}

static void print_role(const struct result_role *role)
{
    const struct tally *tally = &role->tally;
    printf("%-10s  %.0f requests/s, %.0f records/s, %.1f MB/s in %.1f s\n", role->name,
           per_second(tally->requests, role->seconds), per_second(tally->records, role->seconds),
           per_second(tally->bytes, role->seconds) / 1e6, role->seconds);
    if (role->intended_rate > 0)
        printf("  intended  %.10g requests/s%s\n", role->intended_rate,
               result_role_keeps_up(role) ? "" : ": the broker does not keep up");
    if (histogram_count(&tally->latencies_ns) > 0)
        print_latencies(&tally->latencies_ns);
    for (uint32_t i = 0; i < TALLY_ERRORS_COUNT; i++)
        if (tally->errors[i] > 0)
            printf("  errors    %s %llu\n",
                   kafka_error_name((int16_t)((int32_t)i + KAFKA_ERROR_MIN)),
                   (unsigned long long)tally->errors[i]);
    if (tally->unanswered > 0)
        printf("  unanswered %llu\n", (unsigned long long)tally->unanswered);
}

static void print_server(const struct result *result)
{
    const struct server_use *use = &result->server;
    printf("server      %.2f us of processor a request, %.3f s/GB (user %.2f s, system %.2f s)\n",
           cpu_us_per_request(result), cpu_s_per_gb(result), (double)use->cpu_user_ns / 1e9,
           (double)use->cpu_system_ns / 1e9);
    printf("            %.1f MiB of memory, %lld context switches",
           (double)result->memory_bytes_max / (1 << 20), (long long)server_use_switches(use));
    if (use->has_disk_bytes)
        printf(", %.1f MB written to disk, %.1f MB read", (double)use->written_bytes / 1e6,
               (double)use->read_bytes / 1e6);
    printf("\n");
}

static void print_client(const struct result *result)
{
    const struct histogram *delays = &result->send_delays_ns;
    printf("generator   %.2f s of processor, busiest thread %.0f %%", result->client_cpu_seconds,
           result->busiest_thread * 100);
    if (histogram_count(delays) > 0)
        printf(", itself late by p50 %.0f us, p99 %.0f us",
               (double)histogram_percentile(delays, 0.5) / 1e3,
               (double)histogram_percentile(delays, 0.99) / 1e3);
    printf("\n");
}

static void warn(const struct result *result)
{
    static const double busy = 0.9;
    if (result->load->is_quiet)
        return;
    if (result->busiest_thread > busy)
        fprintf(stderr,
                "The generator is the limit: its busiest thread worked %.0f %% of the time; "
                "--threads gives it more.\n",
                result->busiest_thread * 100);
}

/* One line for each step. */
static void print_steps(json_t *steps)
{
    size_t i;
    json_t *step;
    printf("PARTITIONS  CONNECTIONS  REQUESTS/S  P50 US     P99 US     CPU US/REQUEST  ERRORS\n");
    json_array_foreach(steps, i, step)
    {
        json_int_t partitions;
        json_int_t connections;
        double rate;
        double p50;
        double p99;
        double cpu = 0;
        json_int_t errors;
        char cpu_text[32] = "-";
        int error =
            json_unpack(step, "{s:I, s:I, s:{s:F, s:I, s:{s:F, s:F}}}", "partitions", &partitions,
                        "connections", &connections, "figures", "requests_per_s", &rate, "errors",
                        &errors, "latency_us", "p50", &p50, "p99", &p99);
        assert(error == 0);
        (void)json_unpack(step, "{s:{s:F}}", "server", "cpu_us_per_request", &cpu);
        printf("%-10lld  %-11lld  %-10.0f  %-9.0f  %-9.0f  ", (long long)partitions,
               (long long)connections, rate, p50, p99);
        if (cpu > 0)
            snprintf(cpu_text, sizeof cpu_text, "%.2f", cpu);
        printf("%-14s  %lld\n", cpu_text, (long long)errors);
    }
}

void result_print(const struct result *result)
{
    assert(result->role_count > 0);
    conditions_print(&result->conditions);
    if (result->steps != NULL) {
        print_steps(result->steps);
        return;
    }
    for (uint32_t i = 0; i < result->role_count; i++)
        print_role(&result->roles[i]);
    if (result->has_server)
        print_server(result);
    print_client(result);
    warn(result);
}

void result_print_second(const struct result_second *second, uint32_t number, uint64_t errors)
{
    fprintf(stderr,
            "\r%4u s  %9llu records/s  %8.1f MB/s  p50 %llu us  p99 %llu us  max %llu us%s\033[K",
            number, (unsigned long long)second->records, (double)second->bytes / 1e6,
            (unsigned long long)second->p50_ns / 1000, (unsigned long long)second->p99_ns / 1000,
            (unsigned long long)second->max_ns / 1000, errors > 0 ? "  with errors" : "");
}
