/* tailrace-bench: measures a broker that speaks Kafka's protocol. Exit codes: 0 measured, 1 it went
 * wrong, 2 wrong usage. */
#include "base/assert.h"
#include "bench/modes.h"

#include <stdlib.h>

static void run(const struct options *options)
{
    switch (options->mode) {
    case MODE_PRODUCE: produce_run(options); return;
    case MODE_FETCH: fetch_run(options); return;
    case MODE_FIRST_ANSWER: first_answer_run(options); return;
    case MODE_IDLE: idle_run(options); return;
    case MODE_GROUPS_HEARTBEAT: groups_heartbeat_run(options); return;
    case MODE_GROUPS_COMMIT: groups_commit_run(options); return;
    case MODE_GROUPS_JOIN: groups_join_run(options); return;
    case MODE_GROUPS_LIST: groups_list_run(options); return;
    case MODE_GROUPS_RESTART: groups_restart_run(options); return;
    }
    unreachable();
}

int main(int count, char **words)
{
    struct options options;
    int exit_code = options_parse(&options, count, words);
    if (exit_code >= 0)
        return exit_code;
    run(&options);
    return EXIT_SUCCESS;
}
