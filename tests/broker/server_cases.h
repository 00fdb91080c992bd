/* The cases of the server suite by subject: each function appends its own at `tests` and answers
 * how many. */
#ifndef TAILRACE_TESTS_BROKER_SERVER_CASES_H
#define TAILRACE_TESTS_BROKER_SERVER_CASES_H

#include "tests/broker/server.h"

enum { SERVER_CASES_MAX = 96 };

uint32_t server_life_cases(struct CMUnitTest *tests);
uint32_t server_produce_cases(struct CMUnitTest *tests);
uint32_t server_fetch_cases(struct CMUnitTest *tests);
uint32_t server_sessions_cases(struct CMUnitTest *tests);
uint32_t server_topics_cases(struct CMUnitTest *tests);
uint32_t server_transactions_cases(struct CMUnitTest *tests);
uint32_t server_retention_cases(struct CMUnitTest *tests);
uint32_t server_configs_cases(struct CMUnitTest *tests);
uint32_t server_malformed_cases(struct CMUnitTest *tests);
uint32_t server_limits_cases(struct CMUnitTest *tests);
uint32_t server_epochs_cases(struct CMUnitTest *tests);
uint32_t server_deadlines_cases(struct CMUnitTest *tests);
uint32_t server_paged_cases(struct CMUnitTest *tests);

/* The body of these functions. */
#define SERVER_CASES_ANSWER(tests, cases)                                                          \
    (memcpy(tests, cases, sizeof(cases)), (uint32_t)(sizeof(cases) / sizeof((cases)[0])))

#endif
