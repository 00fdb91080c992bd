/* What the commands of bench share. */
#ifndef TAILRACE_CLI_BENCH_H
#define TAILRACE_CLI_BENCH_H

#include "bench/load.h"
#include "bench/start.h"
#include "cli/tool.h"

#include <stdio.h>

/* Takes the flags of these rows, which are rows of a load, into the load and settles it. False
 * after saying what makes no sense. */
bool bench_take_flags(struct tool *tool, const struct option_row *rows, uint32_t row_count,
                      struct load *load);

/* The command behind the flags, --folder and --verbose. */
struct start_options bench_take_start(const struct tool *tool);

/* Says it if not all of the file could be written. */
enum exit_code bench_close_file(const struct tool *tool, FILE *file, const char *path);

/* Prints a flat object of figures, and takes it over. */
enum exit_code bench_print(const struct tool *tool, json_t *figures);

#endif
