/* Settings gather from the weakest source to the strongest, and the last of a name wins; so there
 * is no table of priorities, only the order of the calls in tool_settle. */
#include "cli/tool.h"

#include "base/assert.h"
#include "base/text.h"
#include "cli/base64.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOOL_ARENA_BYTES = 1 << 30, TIMEOUT_MS_DEFAULT = 10000, CHANGE_TIMEOUT_MS_DEFAULT = 40000 };

static const char environment_prefix[] = "TAILRACE_X_";
static const char brokers_default[] = "127.0.0.1:9092";

void tool_init(struct tool *tool)
{
    memset(tool, 0, sizeof *tool);
    options_init(&tool->options);
    options_add_table(&tool->options, command_common_options());
    arena_init(&tool->arena, TOOL_ARENA_BYTES);
    tool->out_is_terminal = isatty(STDOUT_FILENO) == 1;
    tool->error_is_terminal = isatty(STDERR_FILENO) == 1;
    tool->is_color = tool->error_is_terminal && getenv("NO_COLOR") == NULL;
    tool->brokers = brokers_default;
}

void tool_deinit(struct tool *tool)
{
    arena_deinit(&tool->arena);
}

static void print_problem(const struct tool *tool, const char *format, va_list arguments)
{
    assert(format != NULL);
    const char *red = tool->is_color ? "\033[31m" : "";
    const char *plain = tool->is_color ? "\033[0m" : "";
    fflush(stdout); /* keeps what was printed before the error in front of it */
    fprintf(stderr, "%stailrace%s%s:%s ", red, tool->command != NULL ? " " : "",
            tool->command != NULL ? tool->command->name : "", plain);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

enum exit_code tool_error(const struct tool *tool, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_problem(tool, format, arguments);
    va_end(arguments);
    return EXIT_CODE_FAILED;
}

/* Ends with the way to the help, since whoever made the mistake is about to look for it. */
enum exit_code tool_usage_error(const struct tool *tool, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_problem(tool, format, arguments);
    va_end(arguments);
    bool has_help = tool->command != NULL && tool->command != &command_help;
    fprintf(stderr, "Run 'tailrace help%s%s' to see how it is used.\n", has_help ? " " : "",
            has_help ? tool->command->name : "");
    return EXIT_CODE_USAGE;
}

static bool settle_format(struct tool *tool)
{
    const char *format = options_text(&tool->options, "format");
    if (format == NULL || strcmp(format, "text") == 0)
        return true;
    if (strcmp(format, "json") == 0) {
        tool->format = FORMAT_JSON;
        return true;
    }
    tool_usage_error(tool, "--format is text, json or help, not '%s'", format);
    return false;
}

static bool settle_color(struct tool *tool)
{
    const char *color = options_text(&tool->options, "color");
    if (color == NULL || strcmp(color, "auto") == 0)
        return true;
    if (strcmp(color, "always") == 0 || strcmp(color, "never") == 0) {
        tool->is_color = color[0] == 'a';
        return true;
    }
    tool_usage_error(tool, "--color is auto, always or never, not '%s'", color);
    return false;
}

/* Names are not checked here; librdkafka knows which there are. */
static bool add_setting(struct tool *tool, const char *name, const char *value)
{
    assert(tool->setting_count <= TOOL_SETTING_MAX);
    if (tool->setting_count == TOOL_SETTING_MAX) {
        tool_usage_error(tool, "more than %d settings", TOOL_SETTING_MAX);
        return false;
    }
    if (name == NULL || value == NULL) {
        tool_error(tool, "out of memory");
        return false;
    }
    tool->settings[tool->setting_count++] = (struct setting){name, value};
    return true;
}

/* TAILRACE_X_SOCKET_TIMEOUT_MS=500 is socket.timeout.ms=500. */
static bool settle_environment(struct tool *tool, char *const *environment)
{
    assert(environment != NULL);
    size_t prefix_size = sizeof environment_prefix - 1;
    for (; *environment != NULL; environment++) {
        const char *equals = strchr(*environment, '=');
        if (equals == NULL || strncmp(*environment, environment_prefix, prefix_size) != 0)
            continue;
        const char *start = *environment + prefix_size;
        char *name = arena_copy_text(&tool->arena, start, (size_t)(equals - start));
        for (char *c = name; c != NULL && *c != 0; c++)
            *c = *c == '_' ? '.' : (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
        if (!add_setting(tool, name, equals + 1))
            return false;
    }
    return true;
}

static bool settle_flags(struct tool *tool)
{
    uint32_t position = 0;
    for (;;) {
        const char *text = options_next(&tool->options, "property", &position);
        if (text == NULL)
            return true;
        const char *equals = strchr(text, '=');
        if (equals == NULL || equals == text) {
            tool_usage_error(tool, "-X takes KEY=VALUE, not '%s'", text);
            return false;
        }
        char *name = arena_copy_text(&tool->arena, text, (size_t)(equals - text));
        if (!add_setting(tool, name, equals + 1))
            return false;
    }
}

/* Flags, then -X, then the environment, then the default. */
static void settle_brokers(struct tool *tool)
{
    const char *candidates[] = {
        options_text(&tool->options, "brokers"),
        options_text(&tool->options, "bootstrap-server"),
        tool_setting(tool, "bootstrap.servers"),
        tool_setting(tool, "metadata.broker.list"),
        getenv("TAILRACE_BROKERS"),
    };
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        if (candidates[i] != NULL && candidates[i][0] != 0) {
            tool->brokers = candidates[i];
            return;
        }
    }
}

enum exit_code tool_settle(struct tool *tool, char *const *environment)
{
    assert(tool->setting_count == 0);
    tool->is_quiet = options_has(&tool->options, "quiet");
    /* The last setting of a name wins: the environment comes first, so flags override it. */
    if (!settle_color(tool) || !settle_format(tool) || !settle_environment(tool, environment) ||
        !settle_flags(tool))
        return EXIT_CODE_USAGE;
    settle_brokers(tool);
    return EXIT_CODE_OK;
}

bool tool_number(const struct tool *tool, const char *name, int64_t min, int64_t max,
                 int64_t *value)
{
    assert(min <= max);
    assert(value != NULL);
    const char *text = options_text(&tool->options, name);
    if (text == NULL)
        return true;
    if (text_parse_i64(bytes_of_text(text), min, max, value) == STATUS_OK)
        return true;
    tool_usage_error(tool, "--%s is a number from %lld to %lld, not '%s'", name, (long long)min,
                     (long long)max, text);
    return false;
}

/* One item of a list: "4" or "4-7". */
static bool parse_partition_range(struct bytes item, int64_t *first, int64_t *last)
{
    assert(first != NULL);
    assert(last != NULL);
    struct bytes from = item;
    const uint8_t *dash = item.size > 0 ? memchr(item.data, '-', item.size) : NULL;
    if (dash != NULL)
        from.size = (size_t)(dash - item.data);
    if (text_parse_i64(from, 0, INT32_MAX, first) != STATUS_OK)
        return false;
    *last = *first;
    if (dash == NULL)
        return true;
    struct bytes to = bytes_of(dash + 1, item.size - from.size - 1);
    return text_parse_i64(to, *first, INT32_MAX, last) == STATUS_OK;
}

bool tool_parse_partitions(struct tool *tool, const char *name, struct bytes text,
                           int32_t **partitions, uint32_t *count)
{
    assert(partitions != NULL);
    assert(count != NULL);
    enum { PARTITIONS_MAX = 100000 };
    int32_t *list = arena_allocate_array(&tool->arena, PARTITIONS_MAX, sizeof *list);
    struct bytes rest = text;
    struct bytes item;
    *count = 0;
    while (list != NULL && text_next_item(&rest, ',', &item)) {
        int64_t first;
        int64_t last;
        if (!parse_partition_range(item, &first, &last) ||
            last - first >= PARTITIONS_MAX - *count) {
            tool_usage_error(tool, "--%s takes partitions such as 0,2,5-7, not '%.*s'", name,
                             (int)text.size, (const char *)text.data);
            return false;
        }
        for (int64_t partition = first; partition <= last; partition++)
            list[(*count)++] = (int32_t)partition;
    }
    *partitions = list;
    return list != NULL;
}

bool tool_partitions(struct tool *tool, const char *name, int32_t **partitions, uint32_t *count)
{
    assert(partitions != NULL);
    assert(count != NULL);
    *partitions = NULL;
    *count = 0;
    const char *text = options_text(&tool->options, name);
    return text == NULL ||
           tool_parse_partitions(tool, name, bytes_of_text(text), partitions, count);
}

bool tool_wants_partition(const int32_t *partitions, uint32_t count, int32_t partition)
{
    assert(partitions != NULL || count == 0);
    for (uint32_t i = 0; i < count; i++)
        if (partitions[i] == partition)
            return true;
    return count == 0;
}

/* Without a person the answer is no: a script that means yes says so with a flag. */
bool tool_confirm(const struct tool *tool, const char *question)
{
    assert(question != NULL);
    if (isatty(STDIN_FILENO) != 1 || !tool->error_is_terminal) {
        tool_usage_error(tool, "not on a terminal, so nobody can be asked; use -y to go ahead");
        return false;
    }
    fprintf(stderr, "%s [y/N] ", question);
    char answer[16];
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

/* From the last to the first: the strongest source comes last. */
const char *tool_setting(const struct tool *tool, const char *name)
{
    assert(name != NULL);
    for (uint32_t i = tool->setting_count; i-- > 0;)
        if (strcmp(tool->settings[i].name, name) == 0)
            return tool->settings[i].value;
    return NULL;
}

static int timeout_or_ms(const struct tool *tool, int64_t default_ms)
{
    int64_t timeout_ms = default_ms;
    const char *text = tool_setting(tool, "socket.timeout.ms");
    if (text != NULL)
        text_parse_i64(bytes_of_text(text), 1, INT32_MAX, &timeout_ms);
    return (int)timeout_ms;
}

int tool_timeout_ms(const struct tool *tool)
{
    return timeout_or_ms(tool, TIMEOUT_MS_DEFAULT);
}

int tool_change_timeout_ms(const struct tool *tool)
{
    return timeout_or_ms(tool, CHANGE_TIMEOUT_MS_DEFAULT);
}

void tool_begin_part(uint32_t *part_count)
{
    if ((*part_count)++ > 0)
        putchar('\n');
}

/* Keys stay in the order of the documentation, so that outputs can be compared by eye. */
void tool_print_json(const struct tool *tool, json_t *document)
{
    assert(document != NULL);
    assert(tool->format == FORMAT_JSON);
    json_dumpf(document, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
    fputc('\n', stdout);
    json_decref(document);
}

/* JSON has no bytes: what is not UTF-8 becomes an object, so that it cannot be taken for text. */
json_t *tool_json_bytes(struct bytes bytes)
{
    if (bytes_are_null(bytes))
        return json_null();
    json_t *text = json_stringn((const char *)bytes.data, bytes.size);
    if (text != NULL)
        return text;
    char *encoded = malloc(base64_size(bytes.size));
    if (encoded == NULL)
        return json_null();
    base64_encode(bytes, encoded);
    json_t *object = json_pack("{s:s}", "base64", encoded);
    free(encoded);
    return object;
}

const char *tool_text(struct tool *tool, struct bytes bytes)
{
    const char *text = arena_copy_text(&tool->arena, bytes.data, bytes.size);
    return text != NULL ? text : "";
}

const char *tool_text_or_dash(struct tool *tool, struct bytes bytes)
{
    return bytes.size > 0 ? tool_text(tool, bytes) : "-";
}
