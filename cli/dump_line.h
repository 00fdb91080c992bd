/* A line of a dump: what it is about, and fields by name. As text `frame position=0 size=4096`,
 * indented by its depth; with --format json one object a line, with the word as "type". */
#ifndef TAILRACE_CLI_DUMP_LINE_H
#define TAILRACE_CLI_DUMP_LINE_H

#include "cli/tool.h"

/* Takes the fields over. In text, null fields and empty lists are left out, and numbers of
 * milliseconds, which are those whose name ends in "timestamp", are written as times. */
void dump_line(const struct tool *tool, uint32_t depth, const char *type, json_t *fields);

#endif
