/* The log of the broker: one line per event, for people and for machines.
 *
 *   ts=2026-11-22T06:40:00.123Z level=info core=0 msg="broker started" port=9092 topic=orders
 *   {"ts":"2026-11-22T06:40:00.123Z","level":"info","core":0,"msg":"broker started","port":9092}
 *
 * There is no global logger. Each core has its own `struct logger`, which is handed around; time
 * and the place where lines go come from its sink, so the simulator logs in simulated time.
 *
 * The message is a constant sentence; everything that varies is a field. Values may come from
 * clients: they are cut to LOG_VALUE_SIZE_MAX bytes, quoted where needed, and whatever could break
 * the line or steer a terminal is escaped. A line never exceeds LOG_LINE_SIZE_MAX: fields that do
 * not fit any more are left out, and `cut=true` says so. */
#ifndef TAILRACE_BASE_LOG_H
#define TAILRACE_BASE_LOG_H

#include "base/bytes.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { LOG_LINE_SIZE_MAX = 4096, LOG_VALUE_SIZE_MAX = 512 };

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Where lines go and what time it is; embedded in whoever provides both. */
struct log_sink {
    /* One line with its final newline, borrowed for the call; must not log. */
    void (*write)(struct log_sink *sink, struct bytes line);
    /* Milliseconds since 1970. */
    int64_t (*now_ms)(struct log_sink *sink);
};

struct logger {
    struct log_sink *sink;
    enum log_level level; /* lower ones are not written */
    enum log_format format;
    int32_t core; /* negative: not of one core, left out */
};

enum log_field_kind {
    LOG_FIELD_END,
    LOG_FIELD_TEXT,
    LOG_FIELD_I64,
    LOG_FIELD_U64,
    LOG_FIELD_BOOL,
    LOG_FIELD_UUID
};

/* A name and a value, made by the field_ functions. Names are constants of lower-case letters,
 * digits and underscores. */
struct log_field {
    const char *name;
    enum log_field_kind kind;
    union {
        struct bytes text;
        int64_t i64;
        uint64_t u64;
        bool boolean;
        struct uuid uuid;
    };
};

static inline struct log_field field_bytes(const char *name, struct bytes value)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_TEXT, .text = value};
}

/* NULL is written as null. */
static inline struct log_field field_text(const char *name, const char *value)
{
    return field_bytes(name, value == NULL ? (struct bytes){0} : bytes_of_text(value));
}

static inline struct log_field field_i64(const char *name, int64_t value)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_I64, .i64 = value};
}

static inline struct log_field field_u64(const char *name, uint64_t value)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_U64, .u64 = value};
}

static inline struct log_field field_bool(const char *name, bool value)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_BOOL, .boolean = value};
}

static inline struct log_field field_uuid(const char *name, struct uuid value)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_UUID, .uuid = value};
}

/* The text of a status. */
static inline struct log_field field_status(const char *name, enum status value)
{
    return field_text(name, status_text(value));
}

static inline bool log_is_enabled(const struct logger *logger, enum log_level level)
{
    return level >= logger->level;
}

/* log_info(logger, "partition opened", field_text("topic", name), field_i64("end_offset", end));
 * The fields are evaluated only if the level is written. */
#define log_debug(logger, ...) log_at(logger, LOG_DEBUG, __VA_ARGS__)
#define log_info(logger, ...)  log_at(logger, LOG_INFO, __VA_ARGS__)
#define log_warn(logger, ...)  log_at(logger, LOG_WARN, __VA_ARGS__)
#define log_error(logger, ...) log_at(logger, LOG_ERROR, __VA_ARGS__)

#define log_at(logger, level, message, ...)                                                        \
    (log_is_enabled(logger, level)                                                                 \
         ? log_line(logger, level, message,                                                        \
                    (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.kind = LOG_FIELD_END}}) \
         : (void)0)

/* Writes one line; `fields` ends with one of kind LOG_FIELD_END. For the macros above. */
void log_line(const struct logger *logger, enum log_level level, const char *message,
              const struct log_field *fields);

/* debug, info, warn or error, in any case. */
enum status log_level_parse(struct bytes text, enum log_level *level);

#endif
