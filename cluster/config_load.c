/* Loading: file, environment and --set in this order over the defaults; then what is derived from
 * several settings together (times given in milliseconds, minutes or hours; what topics inherit).
 *
 * Every value is checked where it is read, so a complaint names its place, and one that is
 * overridden later is still complained about. */
#include "cluster/config_load.h"

#include "cluster/properties.h"

#include "base/assert.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENVIRONMENT_NAME_MAX = 128, WHERE_MAX = 512 };

/* --- Reporting -------------------------------------------------------------------------------- */

/* Loading goes on after a failure: somebody who mends a file wants to hear of all that is wrong
 * with it at once. */
void config_fail(struct config_loader *loader, const char *where, const char *format, ...)
{
    assert(where != NULL);
    char message[CONFIG_MESSAGE_SIZE * 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    loader->has_failed = true;
    loader->reporter->fail(loader->reporter, where, message);
}

void config_warn(struct config_loader *loader, const char *where, const char *format, ...)
{
    assert(where != NULL);
    char message[CONFIG_MESSAGE_SIZE * 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    loader->reporter->warn(loader->reporter, where, message);
}

const char *config_where(const struct config *config, enum config_key key)
{
    assert(key < CONFIG_KEY_COUNT);
    return config->entries[key].where == NULL ? "default" : config->entries[key].where;
}

/* Everything that was loaded lives as long as the configuration does, in one arena. */
static const char *keep(struct config_loader *loader, struct bytes text)
{
    assert(!bytes_are_null(text));
    char *kept = arena_copy_text(&loader->config->arena, text.data, text.size);
    if (kept != NULL)
        return kept;
    config_fail(loader, "configuration", "there is too much of it; the limit is %d bytes",
                CONFIG_ARENA_BYTES_MAX);
    return "";
}

/* --- One setting ------------------------------------------------------------------------------ */

/* The number behind a text that has been checked; 0 for words. */
static int64_t number_of(const struct config_row *row, const char *text)
{
    int64_t number = 0;
    bool boolean = false;
    if (text == NULL)
        return 0;
    if (row->type == CONFIG_BOOLEAN && text_parse_bool(bytes_of_text(text), &boolean) == STATUS_OK)
        return boolean;
    bool is_integer =
        row->type == CONFIG_INT || row->type == CONFIG_SHORT || row->type == CONFIG_LONG;
    if (is_integer)
        (void)text_parse_i64(bytes_of_text(text), INT64_MIN, INT64_MAX, &number);
    return number;
}

/* Defaults are values like others, so asking for a setting never has to know whether it was set. */
static void set_defaults(struct config *config)
{
    for (uint32_t key = 0; key < CONFIG_KEY_COUNT; key++) {
        const struct config_row *row = config_row((enum config_key)key);
        config->entries[key] = (struct config_entry){.text = row->default_text,
                                                     .number = number_of(row, row->default_text)};
    }
}

/* The value is checked also when a stronger source overrides it later: a typing error should not
 * come to light on the day that the override goes away. */
static void set(struct config_loader *loader, const char *where, struct bytes name,
                struct bytes value)
{
    assert(where != NULL);
    assert(!bytes_are_null(name));
    enum config_key key;
    char message[CONFIG_MESSAGE_SIZE];
    if (!config_key_find(name, &key)) {
        config_warn(loader, where, "there is no setting %.*s; it has no effect",
                    name.size > 128 ? 128 : (int)name.size, (const char *)name.data);
        return;
    }
    const struct config_row *row = config_row(key);
    if (!config_check(row, value, message)) {
        config_fail(loader, where, "%s", message);
        return;
    }
    const char *text = keep(loader, text_trim(value));
    loader->config->entries[key] = (struct config_entry){
        .text = text, .where = keep(loader, bytes_of_text(where)), .number = number_of(row, text)};
}

/* --- The three sources ------------------------------------------------------------------------ */

/* The arena holds one entry at a time; what is kept is copied out of it. */
static void load_file(struct config_loader *loader, const char *file_name, struct bytes file_text)
{
    struct properties properties;
    struct property property;
    struct arena arena;
    char where[WHERE_MAX];
    arena_init(&arena, CONFIG_ARENA_BYTES_MAX);
    properties_init(&properties, file_text);
    while (properties_next(&properties, &arena, &property)) {
        snprintf(where, sizeof where, "%s:%u", file_name, property.line);
        if (property.problem != NULL)
            config_fail(loader, where, "%s", property.problem);
        else
            set(loader, where, bytes_of_text(property.name), bytes_of_text(property.value));
        arena_reset(&arena);
    }
    arena_deinit(&arena);
}

/* One underscore is a dot, two are an underscore, three a dash. Answers the name's size, 0 if it
 * does not fit. */
static size_t environment_to_name(struct bytes variable, char name[static ENVIRONMENT_NAME_MAX])
{
    size_t size = 0;
    for (size_t i = 0; i < variable.size;) {
        size_t run = 0;
        while (run < 3 && i + run < variable.size && variable.data[i + run] == '_')
            run++;
        uint8_t letter = variable.data[i];
        bool is_capital = letter >= 'A' && letter <= 'Z';
        if (size == ENVIRONMENT_NAME_MAX)
            return 0;
        name[size++] = run > 0 ? "._-"[run - 1] : (char)(is_capital ? letter - 'A' + 'a' : letter);
        i += run > 0 ? run : 1;
    }
    return size;
}

/* Variables that Kafka's own scripts and images use for the Java machine: nobody who sets them
 * means a setting. */
static bool is_for_scripts(struct bytes variable)
{
    static const char *const prefixes[] = {"HEAP_OPTS", "JVM_",  "OPTS",      "GC_LOG", "LOG4J",
                                           "JMX_",      "DEBUG", "CLASSPATH", "HOME",   "VERSION"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (variable.size >= strlen(prefixes[i]) &&
            memcmp(variable.data, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* CLUSTER_ID without a prefix is what Kafka's own images take. */
static void load_variable(struct config_loader *loader, const char *variable)
{
    assert(variable != NULL);
    static const char prefix[] = "KAFKA_";
    const char *sign = strchr(variable, '=');
    if (sign == NULL)
        return;
    struct bytes name = bytes_of(variable, (size_t)(sign - variable));
    struct bytes value = bytes_of_text(sign + 1);
    char where[WHERE_MAX];
    snprintf(where, sizeof where, "environment %.*s", (int)(name.size > 256 ? 256 : name.size),
             variable);
    if (bytes_equal_text(name, "CLUSTER_ID")) {
        set(loader, where, bytes_of_text(config_row(CONFIG_TAILRACE_CLUSTER_ID)->name), value);
        return;
    }
    size_t prefix_size = sizeof prefix - 1;
    if (name.size <= prefix_size || memcmp(name.data, prefix, prefix_size) != 0)
        return;
    struct bytes rest = bytes_of(name.data + prefix_size, name.size - prefix_size);
    char setting[ENVIRONMENT_NAME_MAX];
    size_t size = is_for_scripts(rest) ? 0 : environment_to_name(rest, setting);
    if (size > 0)
        set(loader, where, bytes_of(setting, size), value);
}

static void load_sets(struct config_loader *loader, const char *const *sets, uint32_t set_count)
{
    for (uint32_t i = 0; i < set_count; i++) {
        const char *sign = strchr(sets[i], '=');
        if (sign == NULL || sign == sets[i])
            config_fail(loader, "--set", "'%.100s' is not name=value", sets[i]);
        else
            set(loader, "--set", bytes_of(sets[i], (size_t)(sign - sets[i])),
                bytes_of_text(sign + 1));
    }
}

/* --- What follows from several settings together ---------------------------------------------- */

static bool is_set(const struct config *config, enum config_key key)
{
    assert(key < CONFIG_KEY_COUNT);
    return config->entries[key].where != NULL;
}

/* The milliseconds of a number of minutes or hours; a negative one means for ever. */
static int64_t to_ms(int64_t number, int64_t unit_ms)
{
    assert(unit_ms > 0);
    assert(number <= INT32_MAX);
    return number < 0 ? -1 : number * unit_ms;
}

/* `ms` if it is set, else `minutes`, else `hours` or its default; keys that do not exist are
 * CONFIG_KEY_COUNT. The number behind `ms` becomes the one in force. */
static void derive_ms(struct config_loader *loader, enum config_key ms, enum config_key minutes,
                      enum config_key hours)
{
    assert(ms < CONFIG_KEY_COUNT);
    assert(hours < CONFIG_KEY_COUNT);
    struct config *config = loader->config;
    struct config_entry *entry = &config->entries[ms];
    if (is_set(config, ms))
        return;
    bool by_minutes = minutes != CONFIG_KEY_COUNT && is_set(config, minutes);
    const struct config_entry *from = &config->entries[by_minutes ? minutes : hours];
    entry->number = to_ms(from->number, by_minutes ? 60000 : 3600000);
    entry->where = from->where;
    entry->is_derived = true;
}

/* log.retention.ms=0 and segment times of 0 cannot be meant: Kafka refuses them too. */
static void check_retention(struct config_loader *loader)
{
    if (loader->config->entries[CONFIG_LOG_RETENTION_MS].number == 0)
        config_fail(loader, config_where(loader->config, CONFIG_LOG_RETENTION_MS),
                    "log.retention.ms must be unlimited (-1) or, equal or greater than 1");
}

/* broker.id is the old name of node.id; two different numbers mean that one of them is a mistake,
 * and guessing which would be a second. */
static void derive_node_id(struct config_loader *loader)
{
    struct config *config = loader->config;
    struct config_entry *node = &config->entries[CONFIG_NODE_ID];
    const struct config_entry *broker = &config->entries[CONFIG_BROKER_ID];
    bool by_broker = broker->number >= 0;
    if (node->where == NULL)
        *node = by_broker ? *broker : (struct config_entry){.text = "1", .number = 1};
    else if (by_broker && broker->number != node->number)
        config_fail(loader, broker->where,
                    "broker.id is %lld but node.id is %lld; set only node.id",
                    (long long)broker->number, (long long)node->number);
}

static uint32_t item_count(const char *list)
{
    struct bytes rest = bytes_of_text(list);
    struct bytes item;
    uint32_t count = 0;
    while (text_next_item(&rest, ',', &item))
        count += item.size > 0;
    return count;
}

/* Said plainly at the start: a configuration for several controllers would otherwise run as a
 * cluster of one, and lose what it was meant to survive. */
static void check_quorum(struct config_loader *loader)
{
    struct config *config = loader->config;
    struct uuid id;
    const char *cluster_id = config->entries[CONFIG_TAILRACE_CLUSTER_ID].text;
    if (item_count(config->entries[CONFIG_CONTROLLER_QUORUM_VOTERS].text) > 1)
        config_fail(loader, config_where(config, CONFIG_CONTROLLER_QUORUM_VOTERS),
                    "controller.quorum.voters names several controllers; this release runs as a "
                    "single node, name one or none");
    if (cluster_id != NULL && (!uuid_parse(bytes_of_text(cluster_id), &id) || uuid_is_zero(id)))
        config_fail(loader, config_where(config, CONFIG_TAILRACE_CLUSTER_ID),
                    "'%.64s' is not a cluster id; it is 22 characters of A-Z a-z 0-9 - _",
                    cluster_id);
}

/* What a topic inherits: the broker setting as text if it was set, in milliseconds where it is a
 * time, and else the topic row's own default. */
static void derive_topic_entry(struct config_loader *loader, enum topic_config_key key)
{
    struct config *config = loader->config;
    const struct config_row *row = topic_config_row(key);
    enum config_key fallback = topic_config_fallback(key);
    struct config_entry *entry = &config->topic_entries[key];
    char number[32];
    *entry = (struct config_entry){.text = row->default_text,
                                   .number = number_of(row, row->default_text)};
    if (fallback == CONFIG_KEY_COUNT || !is_set(config, fallback))
        return;
    *entry = config->entries[fallback];
    if (entry->text == NULL) {
        snprintf(number, sizeof number, "%lld", (long long)entry->number);
        entry->text = keep(loader, bytes_of_text(number));
    }
}

static void derive(struct config_loader *loader)
{
    derive_node_id(loader);
    config_load_log_dirs(loader);
    derive_ms(loader, CONFIG_LOG_RETENTION_MS, CONFIG_LOG_RETENTION_MINUTES,
              CONFIG_LOG_RETENTION_HOURS);
    derive_ms(loader, CONFIG_LOG_ROLL_MS, CONFIG_KEY_COUNT, CONFIG_LOG_ROLL_HOURS);
    derive_ms(loader, CONFIG_LOG_ROLL_JITTER_MS, CONFIG_KEY_COUNT, CONFIG_LOG_ROLL_JITTER_HOURS);
    if (!is_set(loader->config, CONFIG_LOG_FLUSH_INTERVAL_MS)) {
        struct config_entry *flush = &loader->config->entries[CONFIG_LOG_FLUSH_INTERVAL_MS];
        flush->number = INT64_MAX;
    }
    check_retention(loader);
    check_quorum(loader);
    config_check_groups(loader);
    for (uint32_t key = 0; key < TOPIC_CONFIG_KEY_COUNT; key++)
        derive_topic_entry(loader, (enum topic_config_key)key);
}

struct config *config_load(const char *file_name, struct bytes file_text,
                           const char *const *environment, const char *const *sets,
                           uint32_t set_count, struct config_reporter *reporter)
{
    assert(sets != NULL || set_count == 0);
    assert(reporter != NULL);
    assert(file_name != NULL || bytes_are_null(file_text));
    struct config *config = calloc(1, sizeof *config);
    if (config == NULL)
        return NULL;
    struct config_loader loader = {.config = config, .reporter = reporter};
    arena_init(&config->arena, CONFIG_ARENA_BYTES_MAX);
    set_defaults(config);
    load_file(&loader, file_name, file_text);
    for (uint32_t i = 0; environment != NULL && environment[i] != NULL; i++)
        load_variable(&loader, environment[i]);
    load_sets(&loader, sets, set_count);
    derive(&loader);
    config_load_listeners(&loader);
    if (!loader.has_failed)
        return config;
    config_destroy(config);
    return NULL;
}

void config_destroy(struct config *config)
{
    if (config == NULL)
        return;
    arena_deinit(&config->arena);
    free(config);
}

/* --- Asking ----------------------------------------------------------------------------------- */

int64_t config_i64(const struct config *config, enum config_key key)
{
    assert(key < CONFIG_KEY_COUNT);
    return config->entries[key].number;
}

bool config_bool(const struct config *config, enum config_key key)
{
    assert(key < CONFIG_KEY_COUNT);
    assert(config_row(key)->type == CONFIG_BOOLEAN);
    return config->entries[key].number != 0;
}

const char *config_text(const struct config *config, enum config_key key)
{
    assert(key < CONFIG_KEY_COUNT);
    return config->entries[key].text;
}

enum config_source config_source(const struct config *config, enum config_key key)
{
    assert(key < CONFIG_KEY_COUNT);
    bool is_own = is_set(config, key) && !config->entries[key].is_derived;
    return is_own ? CONFIG_SOURCE_STATIC_BROKER : CONFIG_SOURCE_DEFAULT;
}

const char *topic_config_text(const struct topic_config *topic, const struct config *broker,
                              enum topic_config_key key, enum config_source *source)
{
    assert(key < TOPIC_CONFIG_KEY_COUNT);
    bool is_own = topic != NULL && topic->texts[key] != NULL;
    bool is_brokers = broker->topic_entries[key].where != NULL;
    if (source != NULL && is_own)
        *source = CONFIG_SOURCE_TOPIC;
    else if (source != NULL)
        *source = is_brokers ? CONFIG_SOURCE_STATIC_BROKER : CONFIG_SOURCE_DEFAULT;
    return is_own ? topic->texts[key] : broker->topic_entries[key].text;
}

int64_t topic_config_i64(const struct topic_config *topic, const struct config *broker,
                         enum topic_config_key key)
{
    assert(key < TOPIC_CONFIG_KEY_COUNT);
    bool is_own = topic != NULL && topic->texts[key] != NULL;
    return is_own ? number_of(topic_config_row(key), topic->texts[key])
                  : broker->topic_entries[key].number;
}

bool topic_config_bool(const struct topic_config *topic, const struct config *broker,
                       enum topic_config_key key)
{
    assert(key < TOPIC_CONFIG_KEY_COUNT);
    assert(topic_config_row(key)->type == CONFIG_BOOLEAN);
    return topic_config_i64(topic, broker, key) != 0;
}
