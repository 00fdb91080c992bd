/* tailraced: the broker as a program, in the foreground. It reads its settings, serves, and stops
 * cleanly on SIGTERM or SIGINT. Exit codes: 0 stopped as asked, 1 could not start or failed,
 * 2 wrong usage. */
#include "base/assert.h"
#include "base/text.h"
#include "broker/broker.h"
#include "io/cores.h"
#include "io/scheduling.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_STOPPED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, SETS_MAX = 256 };

struct arguments {
    const char *config_file; /* NULL: none */
    const char *sets[SETS_MAX];
    uint32_t set_count;
};

struct server {
    struct io_cores *cores;
    struct broker *broker;
    struct logger *logger;
    struct io_request signal;
    struct completion started;
    struct completion stopped;
    struct completion halted;
    int64_t began_ms;
    int exit_code;
};

static const char usage[] =
    "Usage: tailraced [--config FILE] [--set NAME=VALUE]... [--io auto|uring|posix]\n"
    "\n"
    "The Tailrace broker, in the foreground. SIGTERM or Ctrl-C stops it cleanly.\n"
    "\n"
    "  --config FILE     settings in the form of Kafka's server.properties\n"
    "  --set NAME=VALUE  one setting; weighs more than the file and the environment\n"
    "  --io BACKEND      how to reach disk and network; short for --set tailrace.io=BACKEND\n"
    "  --version         print the version and exit\n"
    "  --help            print this and exit\n"
    "\n"
    "Settings also come from the environment: KAFKA_LISTENERS sets listeners, and so on.\n"
    "Example: tailraced --set log.dirs=/var/lib/tailrace --set listeners=PLAINTEXT://:9092\n";

/* --- Logging ---------------------------------------------------------------------------------- */

/* Lines go out in one write each, so those of several cores do not mix. */
static void write_line(struct log_sink *sink, struct bytes line)
{
    ssize_t written = write(STDERR_FILENO, line.data, line.size);
    (void)written; /* There is nowhere left to complain. */
}

static int64_t wall_now_ms(struct log_sink *sink)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000ll + now.tv_nsec / (1000 * 1000);
}

/* --- Settings --------------------------------------------------------------------------------- */

static void print_warning(struct config_reporter *reporter, const char *where, const char *message)
{
    fprintf(stderr, "tailraced: warning: %s: %s\n", where, message);
}

static void print_failure(struct config_reporter *reporter, const char *where, const char *message)
{
    fprintf(stderr, "tailraced: error: %s: %s\n", where, message);
}

/* The whole file, with a final zero; NULL and a message when it cannot be read. */
static char *read_file(const char *path, size_t *size)
{
    enum { CONFIG_FILE_BYTES_MAX = 1024 * 1024 };
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "tailraced: error: cannot read %s: %s\n", path, strerror(errno));
        return NULL;
    }
    char *text = malloc(CONFIG_FILE_BYTES_MAX + 1);
    assert(text != NULL);
    *size = fread(text, 1, CONFIG_FILE_BYTES_MAX + 1, file);
    bool is_whole = feof(file) && !ferror(file);
    fclose(file);
    if (is_whole) {
        text[*size] = '\0';
        return text;
    }
    fprintf(stderr,
            "tailraced: error: cannot read %s as a settings file: not a file of text, or "
            "larger than 1 MiB\n",
            path);
    free(text);
    return NULL;
}

static struct config *load_config(const struct arguments *arguments)
{
    struct config_reporter reporter = {.warn = print_warning, .fail = print_failure};
    struct bytes file_text = {0};
    char *text = NULL;
    if (arguments->config_file != NULL) {
        size_t size;
        text = read_file(arguments->config_file, &size);
        if (text == NULL)
            return NULL;
        file_text = bytes_of(text, size);
    }
    struct config *config =
        config_load(arguments->config_file, file_text, (const char *const *)environ,
                    arguments->sets, arguments->set_count, &reporter);
    free(text);
    return config;
}

/* --- Arguments -------------------------------------------------------------------------------- */

static int fail_usage(const char *what, const char *argument)
{
    fprintf(stderr, "tailraced: %s: %s\n\n%s", what, argument, usage);
    return EXIT_USAGE;
}

/* The value of `--name value` or `--name=value`; NULL when this argument is another one. */
static const char *option_value(const char *name, int count, char **texts, int *index)
{
    size_t size = strlen(name);
    const char *text = texts[*index];
    if (strncmp(text, name, size) != 0)
        return NULL;
    if (text[size] == '=')
        return text + size + 1;
    if (text[size] != '\0' || *index + 1 >= count)
        return NULL;
    return texts[++*index];
}

/* Answers -1 to go on, else an exit code. `io_setting` is where --io is spelled out as a setting.
 */
static int parse_arguments(int count, char **texts, struct arguments *arguments,
                           char io_setting[static 64])
{
    for (int i = 1; i < count; i++) {
        const char *value;
        if (strcmp(texts[i], "--help") == 0 || strcmp(texts[i], "-h") == 0) {
            fputs(usage, stdout);
            return EXIT_STOPPED;
        }
        if (strcmp(texts[i], "--version") == 0) {
            puts("tailraced " TAILRACE_VERSION);
            return EXIT_STOPPED;
        }
        if (arguments->set_count == SETS_MAX)
            return fail_usage("too many settings; use a file", texts[i]);
        if ((value = option_value("--config", count, texts, &i)) != NULL) {
            arguments->config_file = value;
        } else if ((value = option_value("--set", count, texts, &i)) != NULL) {
            arguments->sets[arguments->set_count++] = value;
        } else if ((value = option_value("--io", count, texts, &i)) != NULL) {
            snprintf(io_setting, 64, "tailrace.io=%s", value);
            arguments->sets[arguments->set_count++] = io_setting;
        } else {
            return fail_usage("not an option, or its value is missing", texts[i]);
        }
    }
    return -1;
}

/* --- Serving ---------------------------------------------------------------------------------- */

static void server_stopped(struct completion *completion, int32_t result)
{
    struct server *server = container_of(completion, struct server, stopped);
    if (result < 0) {
        log_error(server->logger, "stopped, but not everything could be written",
                  field_status("status", (enum status)result));
        server->exit_code = EXIT_FAILED;
    } else {
        log_info(server->logger, "stopped");
    }
    io_cores_stop(server->cores);
}

/* The process ends at once, as Kafka's does: nothing that is in flight could still be acknowledged,
 * and what was is on disk. */
static void server_halted(struct completion *completion, int32_t result)
{
    struct server *server = container_of(completion, struct server, halted);
    log_error(server->logger, "the broker ends here; repair its disks and start it again",
              field_status("error", (enum status)result));
    _exit(EXIT_FAILED);
}

static void signal_landed(struct completion *completion, int32_t result)
{
    struct server *server = container_of(completion, struct server, signal.completion);
    log_info(server->logger, "stopping", field_i64("signal", result));
    completion_init(&server->stopped, server_stopped);
    broker_stop(server->broker, &server->stopped);
}

static void server_started(struct completion *completion, int32_t result)
{
    struct server *server = container_of(completion, struct server, started);
    struct io *io = io_cores_at(server->cores, 0);
    if (result < 0) {
        log_error(server->logger, "cannot start", field_status("status", (enum status)result));
        server->exit_code = EXIT_FAILED;
        io_cores_stop(server->cores);
        return;
    }
    completion_init(&server->signal.completion, signal_landed);
    io_signal(io, &server->signal); /* before anybody reads the next line and asks to stop */
    log_info(server->logger, "serving", field_text("version", TAILRACE_VERSION),
             field_text("listener", broker_listener_name(server->broker, 0)),
             field_i64("port", broker_listener_port(server->broker, 0)),
             field_text("io", io_backend_name(io)), field_i64("cores", io_core_count(io)),
             field_i64("start_ms", wall_now_ms(NULL) - server->began_ms));
}

static enum io_backend_choice backend_choice(const struct config *config)
{
    const char *text = config_text(config, CONFIG_TAILRACE_IO);
    if (strcmp(text, "uring") == 0)
        return IO_BACKEND_URING;
    return strcmp(text, "posix") == 0 ? IO_BACKEND_POSIX : IO_BACKEND_AUTO;
}

/* tailrace.memory.bytes. It is a limit, not what is taken at once. */
static size_t memory_bytes(const struct config *config)
{
    enum { MEMORY_BYTES_DEFAULT = 256 * 1024 * 1024 };
    int64_t set = config_i64(config, CONFIG_TAILRACE_MEMORY_BYTES);
    return set > 0 ? (size_t)set : MEMORY_BYTES_DEFAULT;
}

/* How many files and sockets the process may hold open; as many as it is allowed to ask for. */
static uint64_t raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return before;
    return limit.rlim_cur;
}

static void serve_on(struct server *server, const struct config *config)
{
    uint32_t core_count = io_cores_count(server->cores);
    struct io **doors = calloc(core_count, sizeof(struct io *));
    assert(doors != NULL);
    for (uint32_t i = 0; i < core_count; i++)
        doors[i] = io_cores_at(server->cores, i);
    char host_name[HOST_NAME_MAX + 1] = "localhost";
    gethostname(host_name, sizeof host_name - 1);
    struct broker_options options = {
        .doors = doors,
        .core_count = core_count,
        .cores = server->cores,
        .config = config,
        .logger = server->logger,
        .host_name = host_name,
        .memory_bytes = memory_bytes(config),
        .open_files_max = raise_open_files(),
        .halted = &server->halted,
    };
    completion_init(&server->halted, server_halted);
    server->exit_code = EXIT_FAILED;
    if (broker_create(&options, &server->broker) == STATUS_OK) {
        server->exit_code = EXIT_STOPPED;
        completion_init(&server->started, server_started);
        broker_start(server->broker, &server->started);
        io_cores_run(server->cores);
        broker_destroy(server->broker);
    }
    free(doors);
}

/* Before any thread is started, for they take after this one. */
static void wake_soon(struct logger *logger)
{
    enum status status = scheduling_shorten_slices();
    if (status != STATUS_OK)
        log_info(logger, "the system gives no short slices: tail latency depends on its tick",
                 field_text("reason", status_text(status)));
}

static int serve(const struct config *config, int64_t began_ms)
{
    struct log_sink sink = {.write = write_line, .now_ms = wall_now_ms};
    struct logger logger = {.sink = &sink, .level = LOG_INFO, .core = -1};
    struct server server = {.logger = &logger, .began_ms = began_ms, .exit_code = EXIT_FAILED};
    struct io_cores_options options = {
        .backend = backend_choice(config),
        .core_count = (uint32_t)config_i64(config, CONFIG_TAILRACE_CORES),
        .pin = true,
    };
    wake_soon(&logger);
    if (io_cores_create(&options, &logger, &server.cores) != STATUS_OK)
        return EXIT_FAILED;
    serve_on(&server, config);
    io_cores_destroy(server.cores);
    return server.exit_code;
}

int main(int count, char **texts)
{
    int64_t began_ms = wall_now_ms(NULL);
    struct arguments arguments = {0};
    char io_setting[64];
    int exit_code = parse_arguments(count, texts, &arguments, io_setting);
    if (exit_code >= 0)
        return exit_code;
    struct config *config = load_config(&arguments);
    if (config == NULL)
        return EXIT_FAILED;
    exit_code = serve(config, began_ms);
    config_destroy(config);
    return exit_code;
}
