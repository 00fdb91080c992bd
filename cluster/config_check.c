/* The rows as tables, and the check of one value against its row. The sentences are Kafka's, since
 * tools show them to people who know them. */
#include "cluster/config.h"

#include "base/assert.h"
#include "base/text.h"

#include <float.h>
#include <stdio.h>

static const struct config_row rows[] = {
#define X(key, row_name, row_type, text, row_min, row_max, words, read_only, row_doc)              \
    [CONFIG_##key] = {.name = (row_name),                                                          \
                      .type = CONFIG_##row_type,                                                   \
                      .default_text = (text),                                                      \
                      .min = (row_min),                                                            \
                      .max = (row_max),                                                            \
                      .allowed = (words),                                                          \
                      .doc = (row_doc),                                                            \
                      .is_read_only = (read_only)},
    CONFIG_ROWS(X)
#undef X
};

static const struct config_row topic_rows[] = {
#define X(key, row_name, row_type, text, row_min, row_max, words, fallback, row_doc)               \
    [TOPIC_CONFIG_##key] = {.name = (row_name),                                                    \
                            .type = CONFIG_##row_type,                                             \
                            .default_text = (text),                                                \
                            .min = (row_min),                                                      \
                            .max = (row_max),                                                      \
                            .allowed = (words),                                                    \
                            .doc = (row_doc)},
    TOPIC_CONFIG_ROWS(X)
#undef X
};

static const struct config_row group_rows[] = {
#define X(key, row_name, row_type, text, row_min, row_max, words, fallback, row_doc)               \
    [GROUP_CONFIG_##key] = {.name = (row_name),                                                    \
                            .type = CONFIG_##row_type,                                             \
                            .default_text = (text),                                                \
                            .min = (row_min),                                                      \
                            .max = (row_max),                                                      \
                            .allowed = (words),                                                    \
                            .doc = (row_doc)},
    GROUP_CONFIG_ROWS(X)
#undef X
};

static const uint16_t group_fallbacks[] = {
#define X(key, name, type, text, min, max, allowed, fallback, doc)                                 \
    [GROUP_CONFIG_##key] = CONFIG_##fallback,
    GROUP_CONFIG_ROWS(X)
#undef X
};

static const uint16_t topic_fallbacks[] = {
#define X(key, name, type, text, min, max, allowed, fallback, doc)                                 \
    [TOPIC_CONFIG_##key] = CONFIG_##fallback,
    TOPIC_CONFIG_ROWS(X)
#undef X
};

const struct config_row *config_row(enum config_key key)
{
    assert(key < CONFIG_KEY_COUNT);
    return &rows[key];
}

const struct config_row *topic_config_row(enum topic_config_key key)
{
    assert(key < TOPIC_CONFIG_KEY_COUNT);
    return &topic_rows[key];
}

const struct config_row *group_config_row(enum group_config_key key)
{
    assert(key < GROUP_CONFIG_KEY_COUNT);
    return &group_rows[key];
}

enum config_key group_config_fallback(enum group_config_key key)
{
    assert(key < GROUP_CONFIG_KEY_COUNT);
    return (enum config_key)group_fallbacks[key];
}

enum config_key topic_config_fallback(enum topic_config_key key)
{
    assert(key < TOPIC_CONFIG_KEY_COUNT);
    return (enum config_key)topic_fallbacks[key];
}

/* A walk over some hundred rows, at start and when somebody alters settings. */
static bool row_find(const struct config_row *table, uint32_t count, struct bytes name,
                     uint32_t *index)
{
    assert(index != NULL);
    for (uint32_t i = 0; i < count; i++)
        if (bytes_equal_text(name, table[i].name)) {
            *index = i;
            return true;
        }
    return false;
}

bool config_key_find(struct bytes name, enum config_key *key)
{
    uint32_t index;
    if (!row_find(rows, CONFIG_KEY_COUNT, name, &index))
        return false;
    *key = (enum config_key)index;
    return true;
}

bool topic_config_key_find(struct bytes name, enum topic_config_key *key)
{
    uint32_t index;
    if (!row_find(topic_rows, TOPIC_CONFIG_KEY_COUNT, name, &index))
        return false;
    *key = (enum topic_config_key)index;
    return true;
}

bool group_config_key_find(struct bytes name, enum group_config_key *key)
{
    uint32_t index;
    if (!row_find(group_rows, GROUP_CONFIG_KEY_COUNT, name, &index))
        return false;
    *key = (enum group_config_key)index;
    return true;
}

/* --- Checking --------------------------------------------------------------------------------- */

/* Long values are cut: they come from strangers and end up in a log line. */
static bool refuse(const struct config_row *row, struct bytes value, const char *reason,
                   char message[static CONFIG_MESSAGE_SIZE])
{
    assert(reason != NULL);
    int shown = value.size > 64 ? 64 : (int)value.size;
    snprintf(message, CONFIG_MESSAGE_SIZE, "Invalid value %.*s%s for configuration %s: %s", shown,
             (const char *)value.data, value.size > 64 ? "..." : "", row->name, reason);
    return false;
}

static const char *type_name(enum config_type type)
{
    switch (type) {
    case CONFIG_BOOLEAN: return "BOOLEAN";
    case CONFIG_STRING: return "STRING";
    case CONFIG_INT: return "INT";
    case CONFIG_SHORT: return "SHORT";
    case CONFIG_LONG: return "LONG";
    case CONFIG_DOUBLE: return "DOUBLE";
    case CONFIG_LIST: return "LIST";
    case CONFIG_CLASS: return "CLASS";
    case CONFIG_PASSWORD: return "PASSWORD";
    }
    unreachable();
}

static bool row_is_bounded(const struct config_row *row)
{
    return row->min != 0 || row->max != 0;
}

static bool refuse_type(const struct config_row *row, struct bytes value,
                        char message[static CONFIG_MESSAGE_SIZE])
{
    char reason[64];
    snprintf(reason, sizeof reason, "Not a number of type %s", type_name(row->type));
    return refuse(row, value, reason, message);
}

/* A number that is no number and one out of range get different sentences, as in Kafka. */
static bool check_integer(const struct config_row *row, struct bytes value, int64_t low,
                          int64_t high, char message[static CONFIG_MESSAGE_SIZE])
{
    assert(low < high);
    int64_t number;
    if (text_parse_i64(value, low, high, &number) != STATUS_OK)
        return refuse_type(row, value, message);
    char reason[64];
    if (row_is_bounded(row) && number < row->min) {
        snprintf(reason, sizeof reason, "Value must be at least %lld", (long long)row->min);
        return refuse(row, value, reason, message);
    }
    if (row_is_bounded(row) && number > row->max) {
        snprintf(reason, sizeof reason, "Value must be no more than %lld", (long long)row->max);
        return refuse(row, value, reason, message);
    }
    return true;
}

/* Bounds are kept as integers in the row; the few settings of this type need no finer ones. */
static bool check_double(const struct config_row *row, struct bytes value,
                         char message[static CONFIG_MESSAGE_SIZE])
{
    assert(row->type == CONFIG_DOUBLE);
    double number;
    if (text_parse_f64(value, -DBL_MAX, DBL_MAX, &number) != STATUS_OK)
        return refuse_type(row, value, message);
    char reason[64];
    if (row_is_bounded(row) && (number < (double)row->min || number > (double)row->max)) {
        snprintf(reason, sizeof reason, "Value must be between %lld and %lld", (long long)row->min,
                 (long long)row->max);
        return refuse(row, value, reason, message);
    }
    return true;
}

static bool word_is_allowed(const char *allowed, struct bytes word)
{
    assert(allowed != NULL);
    struct bytes rest = bytes_of_text(allowed);
    struct bytes item;
    while (text_next_item(&rest, '|', &item))
        if (bytes_equal(item, word))
            return true;
    return false;
}

static bool refuse_word(const struct config_row *row, struct bytes value,
                        char message[static CONFIG_MESSAGE_SIZE])
{
    assert(row->allowed != NULL);
    char reason[192] = "String must be one of: ";
    size_t size = strlen(reason);
    for (const char *from = row->allowed; *from != '\0' && size + 3 < sizeof reason; from++) {
        if (*from == '|')
            reason[size++] = ',';
        reason[size++] = *from == '|' ? ' ' : *from;
        reason[size] = '\0';
    }
    return refuse(row, value, reason, message);
}

/* An empty list passes: what it means is for the setting to say. */
static bool check_list(const struct config_row *row, struct bytes value,
                       char message[static CONFIG_MESSAGE_SIZE])
{
    assert(row->type == CONFIG_LIST);
    struct bytes item;
    while (row->allowed != NULL && text_next_item(&value, ',', &item))
        if (!word_is_allowed(row->allowed, item))
            return refuse_word(row, item, message);
    return true;
}

static bool check_text(const struct config_row *row, struct bytes value,
                       char message[static CONFIG_MESSAGE_SIZE])
{
    if (memchr(value.data, '\0', value.size) != NULL)
        return refuse(row, value, "It must not contain a zero byte", message);
    if (row->allowed != NULL && !word_is_allowed(row->allowed, value))
        return refuse_word(row, value, message);
    return true;
}

bool config_check(const struct config_row *row, struct bytes value,
                  char message[static CONFIG_MESSAGE_SIZE])
{
    assert(row != NULL);
    assert(!bytes_are_null(value));
    value = text_trim(value);
    bool boolean;
    switch (row->type) {
    case CONFIG_BOOLEAN:
        return text_parse_bool(value, &boolean) == STATUS_OK ||
               refuse(row, value, "Expected value to be either true or false", message);
    case CONFIG_INT: return check_integer(row, value, INT32_MIN, INT32_MAX, message);
    case CONFIG_SHORT: return check_integer(row, value, INT16_MIN, INT16_MAX, message);
    case CONFIG_LONG: return check_integer(row, value, INT64_MIN, INT64_MAX, message);
    case CONFIG_DOUBLE: return check_double(row, value, message);
    case CONFIG_LIST: return check_list(row, value, message);
    case CONFIG_STRING:
    case CONFIG_CLASS:
    case CONFIG_PASSWORD: return check_text(row, value, message);
    }
    unreachable();
}
