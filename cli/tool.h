/* What a running command knows: its words, its settings, and where its output goes.
 *
 * Data goes to stdout; everything else (errors, progress, summaries) to stderr. A command answers
 * with an exit code; what went wrong has then been said already, by tool_error or
 * tool_usage_error, which answer the code to return. */
#ifndef TAILRACE_CLI_TOOL_H
#define TAILRACE_CLI_TOOL_H

#include "base/arena.h"
#include "base/bytes.h"
#include "cli/command.h"

#include <jansson.h>

enum output_format { FORMAT_TEXT, FORMAT_JSON };

/* A setting given by -X, or by the environment as TAILRACE_X_SOCKET_TIMEOUT_MS. */
struct setting {
    const char *name;
    const char *value;
};

enum { TOOL_SETTING_MAX = 128 };

struct tool {
    const struct command *command;
    struct options options;
    struct arena arena; /* lives as long as the program */
    enum output_format format;
    bool is_color;
    bool is_quiet;
    bool out_is_terminal;
    bool error_is_terminal;
    const char *brokers; /* "host:port,..." */
    struct setting settings[TOOL_SETTING_MAX];
    uint32_t setting_count;
};

/* Starts with no command and nothing parsed. */
void tool_init(struct tool *tool);
void tool_deinit(struct tool *tool);

/* After options_parse: works out format, colours, brokers and settings (flags, then environment,
 * then defaults). EXIT_CODE_USAGE if one of them makes no sense. */
enum exit_code tool_settle(struct tool *tool, char *const *environment);

/* Says what was wrong and answers EXIT_CODE_FAILED. No final full stop or line end. */
enum exit_code tool_error(const struct tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says what was wrong with the words, where to read more, and answers EXIT_CODE_USAGE. */
enum exit_code tool_usage_error(const struct tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reads a number given to a flag into `value`, which keeps its content if the flag is absent.
 * False after saying that it is not a number from min to max. */
bool tool_number(const struct tool *tool, const char *name, int64_t min, int64_t max,
                 int64_t *value);

/* Reads a list of partitions ("0,2,5-7") into an array of the tool's arena; `count` is 0 if the
 * flag is absent. False after saying what is wrong. */
bool tool_partitions(struct tool *tool, const char *name, int32_t **partitions, uint32_t *count);

/* The same of a text that was given to the flag `name`, which is for the error. */
bool tool_parse_partitions(struct tool *tool, const char *name, struct bytes text,
                           int32_t **partitions, uint32_t *count);

/* Is the partition in such a list? An empty one means all. */
bool tool_wants_partition(const int32_t *partitions, uint32_t count, int32_t partition);

/* Asks a question on the terminal; true for yes. Without a terminal: false after an error that
 * names the flag to use. */
bool tool_confirm(const struct tool *tool, const char *question);

/* The setting's value, NULL if it was not given. */
const char *tool_setting(const struct tool *tool, const char *name);

/* How long one answer of a broker is waited for: socket.timeout.ms, or ten seconds. */
int tool_timeout_ms(const struct tool *tool);

/* The same for what a broker may have to do much for: socket.timeout.ms, or forty seconds. */
int tool_change_timeout_ms(const struct tool *tool);

/* Between the parts of a text that has several: an empty line before all but the first. The count
 * of parts begins at 0 and is the caller's. */
void tool_begin_part(uint32_t *part_count);

/* Prints a document, or in a stream one object a line, and takes it over. */
void tool_print_json(const struct tool *tool, json_t *document);

/* A JSON string; text that is not UTF-8 becomes an object {"base64": "..."}. Null is null. */
json_t *tool_json_bytes(struct bytes bytes);

/* A zero-ended copy of borrowed bytes, "" for null, in the tool's arena. */
const char *tool_text(struct tool *tool, struct bytes bytes);

/* The same for a cell of a table: "-" for what is null or empty. */
const char *tool_text_or_dash(struct tool *tool, struct bytes bytes);

#endif
