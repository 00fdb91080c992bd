#include "tests/broker/server_suite.h"

#include "base/assert.h"
#include "tests/broker/server_cases.h"

int server_suite_run(struct server_harness *harness)
{
    struct CMUnitTest tests[SERVER_CASES_MAX];
    uint32_t count = 0;
    count += server_life_cases(tests + count);
    count += server_produce_cases(tests + count);
    count += server_fetch_cases(tests + count);
    count += server_sessions_cases(tests + count);
    count += server_topics_cases(tests + count);
    count += server_transactions_cases(tests + count);
    count += server_retention_cases(tests + count);
    count += server_configs_cases(tests + count);
    count += server_epochs_cases(tests + count);
    count += server_malformed_cases(tests + count);
    count += server_limits_cases(tests + count);
    count += server_paged_cases(tests + count);
    if (harness->time_is_simulated)
        count += server_deadlines_cases(tests + count);
    assert(count <= SERVER_CASES_MAX);
    for (uint32_t i = 0; i < count; i++)
        tests[i].initial_state = harness;
    return _cmocka_run_group_tests(harness->name, tests, count, NULL, NULL);
}
