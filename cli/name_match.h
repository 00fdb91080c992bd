/* Names given on the command line: taken as they are, or as regular expressions that must cover a
 * whole name. */
#ifndef TAILRACE_CLI_NAME_MATCH_H
#define TAILRACE_CLI_NAME_MATCH_H

#include "cli/tool.h"

#include <regex.h>

struct name_match {
    const char *name;
    bool is_regex;
    bool is_open;
    regex_t regex;
};

/* False after an error was said; then too name_match_close may be called. */
bool name_match_open(struct name_match *match, const struct tool *tool, const char *name,
                     bool is_regex);
bool name_match_has(const struct name_match *match, struct bytes name);
void name_match_close(struct name_match *match);

#endif
