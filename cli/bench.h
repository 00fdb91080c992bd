/* What the commands of `tailrace bench` share. */
#ifndef TAILRACE_CLI_BENCH_H
#define TAILRACE_CLI_BENCH_H

#include "bench/load.h"
#include "bench/start.h"
#include "cli/tool.h"

/* Takes the flags of these rows, all of which are a load's, and settles it. False after saying
 * what is wrong. */
bool bench_take_load(struct tool *tool, struct option_table rows, struct load *load);

/* The command behind the flags, --folder and --verbose. */
struct start_options bench_take_start(const struct tool *tool);

/* Prints a flat object of figures, and takes it over. */
enum exit_code bench_print(const struct tool *tool, json_t *figures);

#endif
