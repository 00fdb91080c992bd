#include "bench/load.h"

#include "base/assert.h"
#include "base/text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum load_value_kind {
    VALUE_TEXT,
    VALUE_COUNT,
    VALUE_SIZE,
    VALUE_DECIMAL,
    VALUE_SWITCH,
    VALUE_SIZES,
    VALUE_LIST,
    VALUE_ACKS,
    VALUE_CODEC,
    VALUE_PAYLOAD,
    VALUE_OVER,
    VALUE_CONFIGS,
};

struct load_row {
    const char *name;
    size_t at; /* of the field in struct load */
    enum load_value_kind kind;
    const char *preset; /* NULL: zero */
    double min;
    double max;
    const char *takes; /* how help calls the value; NULL: a switch */
};

static const struct load_row rows[] = {
#define X(name, field, kind, preset, min, max, value, help)                                        \
    {name, offsetof(struct load, field), VALUE_##kind, preset, min, max, value},
#define Y(name, field, kind, min, max, value, help)                                                \
    {name, offsetof(struct load, field), VALUE_##kind, NULL, min, max, value},
    LOAD_ALL_ROWS(X, Y)
#undef X
#undef Y
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static const char *const payload_names[] = {"random", "text"};
static const char *const over_names[] = {"partitions", "connections"};

const char *load_mode_name(enum load_mode mode)
{
    switch (mode) {
    case LOAD_PRODUCE: return "produce";
    case LOAD_FETCH: return "fetch";
    case LOAD_E2E: return "e2e";
    case LOAD_MIXED: return "mixed";
    case LOAD_PARTITIONS: return "partitions";
    case LOAD_GROUPS_HEARTBEAT: return "groups-heartbeat";
    case LOAD_GROUPS_COMMIT: return "groups-commit";
    case LOAD_GROUPS_JOIN: return "groups-join";
    case LOAD_GROUPS_LIST: return "groups-list";
    case LOAD_GROUPS_RESTART: return "groups-restart";
    }
    unreachable();
}

/* --- Values ----------------------------------------------------------------------------------- */

static enum status parse_word(struct bytes text, const char *const words[2], int *value)
{
    for (int i = 0; i < 2; i++)
        if (bytes_equal_text(text, words[i])) {
            *value = i;
            return STATUS_OK;
        }
    return STATUS_INVALID;
}

static enum status parse_acks(struct bytes text, int16_t *acks)
{
    int64_t number = -1;
    if (!bytes_equal_text(text, "all") && text_parse_i64(text, -1, 1, &number) != STATUS_OK)
        return STATUS_INVALID;
    *acks = (int16_t)number;
    return STATUS_OK;
}

static enum status parse_list(struct bytes text, const struct load_row *row,
                              struct load_steps *steps)
{
    struct bytes item;
    int64_t value;
    *steps = (struct load_steps){0};
    while (text_next_item(&text, ',', &item)) {
        if (steps->count == LOAD_STEPS_MAX)
            return STATUS_OUT_OF_RANGE;
        enum status status = text_parse_i64(item, (int64_t)row->min, (int64_t)row->max, &value);
        if (status != STATUS_OK)
            return status;
        steps->values[steps->count++] = (uint32_t)value;
    }
    return steps->count > 0 ? STATUS_OK : STATUS_INVALID;
}

static enum status parse_number(struct bytes text, const struct load_row *row, uint32_t *into)
{
    assert(row->max <= UINT32_MAX);
    int64_t value = 0;
    enum status status = row->kind == VALUE_SIZE ? text_parse_size(text, &value)
                                                 : text_parse_i64(text, 0, UINT32_MAX, &value);
    if (status == STATUS_OK && ((double)value < row->min || (double)value > row->max))
        status = STATUS_OUT_OF_RANGE;
    if (status == STATUS_OK)
        *into = (uint32_t)value;
    return status;
}

static enum status parse_payload(struct bytes text, enum load_payload *payload)
{
    int choice = 0;
    enum status status = parse_word(text, payload_names, &choice);
    *payload = choice == 0 ? PAYLOAD_RANDOM : PAYLOAD_TEXT;
    return status;
}

static enum status parse_over(struct bytes text, enum load_over *over)
{
    int choice = 0;
    enum status status = parse_word(text, over_names, &choice);
    *over = choice == 0 ? OVER_PARTITIONS : OVER_CONNECTIONS;
    return status;
}

static enum status parse_config(const char *word, struct topic_configs *configs)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL || equals == word || configs->count == TOPIC_CONFIGS_MAX)
        return STATUS_INVALID;
    configs->words[configs->count++] = word;
    return STATUS_OK;
}

static enum status parse_value(const char *words, const struct load_row *row, void *field)
{
    struct bytes text = bytes_of_text(words);
    switch (row->kind) {
    case VALUE_TEXT: *(const char **)field = words; return STATUS_OK;
    case VALUE_SWITCH: *(bool *)field = true; return STATUS_OK;
    case VALUE_COUNT:
    case VALUE_SIZE: return parse_number(text, row, field);
    case VALUE_DECIMAL: return text_parse_f64(text, row->min, row->max, field);
    case VALUE_SIZES:
        return distribution_parse(text, (uint32_t)row->min, (uint32_t)row->max, field);
    case VALUE_LIST: return parse_list(text, row, field);
    case VALUE_ACKS: return parse_acks(text, field);
    case VALUE_CODEC: return compression_parse(text, field) ? STATUS_OK : STATUS_INVALID;
    case VALUE_PAYLOAD: return parse_payload(text, field);
    case VALUE_OVER: return parse_over(text, field);
    case VALUE_CONFIGS: return parse_config(words, field);
    }
    unreachable();
}

static const struct load_row *find_row(const char *name)
{
    for (uint32_t i = 0; i < ROW_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    unreachable(); /* The words of the command line were parsed by the same rows. */
}

static void *field_of(struct load *load, const struct load_row *row)
{
    return (char *)load + row->at;
}

void load_init(struct load *load, enum load_mode mode, const char *brokers)
{
    assert(brokers != NULL);
    *load = (struct load){.mode = mode, .brokers = brokers};
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].preset == NULL)
            continue;
        enum status status = parse_value(rows[i].preset, &rows[i], field_of(load, &rows[i]));
        assert(status == STATUS_OK);
    }
}

bool load_set(struct load *load, const char *name, const char *text,
              char problem[static LOAD_PROBLEM_SIZE])
{
    assert(text != NULL);
    const struct load_row *row = find_row(name);
    enum status status = parse_value(text, row, field_of(load, row));
    if (status == STATUS_OUT_OF_RANGE)
        snprintf(problem, LOAD_PROBLEM_SIZE, "--%s goes from %.15g to %.15g, not '%s'", name,
                 row->min, row->max, text);
    else if (status != STATUS_OK)
        snprintf(problem, LOAD_PROBLEM_SIZE, "--%s takes %s, not '%s'", name, row->takes, text);
    return status == STATUS_OK;
}

/* --- All together ----------------------------------------------------------------------------- */

static bool refuse(char problem[static LOAD_PROBLEM_SIZE], const char *sentence)
{
    snprintf(problem, LOAD_PROBLEM_SIZE, "%s", sentence);
    return false;
}

static bool check_producers(struct load *load, char problem[static LOAD_PROBLEM_SIZE])
{
    enum { OPEN_IN_FLIGHT = 5 };
    bool is_tail = load->mode == LOAD_E2E || load->mode == LOAD_MIXED;
    if (load->closed == (load->rate > 0))
        return refuse(problem, load->closed ? "--rate and --closed exclude each other"
                                            : "say how much: --rate N, or --closed for all it can");
    if (load->in_flight == 0)
        load->in_flight = load->closed ? 1 : OPEN_IN_FLIGHT;
    if (load->idempotent && load->acks != -1)
        return refuse(problem, "--idempotent needs --acks all");
    if (load->idempotent && load->in_flight > OPEN_IN_FLIGHT)
        return refuse(problem, "--idempotent allows 5 requests in flight");
    if (is_tail && load->compression != COMPRESSION_NONE)
        return refuse(problem, "each batch carries its time, so it cannot be compressed here");
    if (is_tail && distribution_min(&load->record_bytes) < LOAD_TAIL_RECORD_BYTES_MIN)
        return refuse(problem, "each batch carries its time: --record-bytes 16 at least");
    if (load->acks == 0 && is_tail)
        return refuse(problem, "this mode needs to know what was taken: --acks 1 or all");
    return true;
}

static bool check_groups(const struct load *load, char problem[static LOAD_PROBLEM_SIZE])
{
    uint64_t members = load->members > 0 ? load->members : 1;
    uint64_t partitions = members * load->group_partitions;
    if (load->members == 0 && load->mode != LOAD_GROUPS_LIST)
        return refuse(problem, "--members 0 is for groups that are only listed");
    if (partitions > LOAD_PARTITIONS_MAX)
        return refuse(problem, "--members by --group-partitions is more than a topic may have");
    if (partitions * load->groups > LOAD_GROUP_SHARES_MAX)
        return refuse(problem, "--groups by --members by --group-partitions goes to 10000000");
    if (!load->is_consumer && load->group_connections < load->members)
        return refuse(problem, "joins of a classic group wait for each other, so that each member "
                               "needs a connection: --group-connections as many as --members");
    return true;
}

bool load_check(struct load *load, char problem[static LOAD_PROBLEM_SIZE])
{
    if (load->topic[0] == '\0')
        return refuse(problem, "--topic is empty");
    if (load_has_groups(load))
        return check_groups(load, problem);
    if (load_has_producers(load) && !check_producers(load, problem))
        return false;
    if (load->threads > load->connections && load->mode != LOAD_PARTITIONS)
        return refuse(problem, "there are more --threads than --connections");
    for (uint32_t i = 0; load->over == OVER_CONNECTIONS && i < load->steps.count; i++)
        if (load->steps.values[i] > LOAD_CONNECTIONS_MAX)
            return refuse(problem, "--steps over connections go to 1000");
    return true;
}

/* --- As JSON ---------------------------------------------------------------------------------- */

static void format_sizes(const struct distribution *sizes, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < sizes->part_count && used < size; i++) {
        const struct distribution_part *part = &sizes->parts[i];
        used += (size_t)snprintf(text + used, size - used, "%s%u-%u:%u", i > 0 ? "," : "",
                                 part->low, part->high, part->weight);
    }
}

static json_t *sizes_json(const struct distribution *sizes)
{
    char text[DISTRIBUTION_PARTS_MAX * 36];
    if (distribution_is_fixed(sizes))
        return json_integer(sizes->parts[0].low);
    format_sizes(sizes, text, sizeof text);
    return json_string(text);
}

static json_t *list_json(const struct load_steps *steps)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < steps->count; i++)
        json_array_append_new(list, json_integer(steps->values[i]));
    return list;
}

static json_t *configs_json(const struct topic_configs *configs)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < configs->count; i++) {
        const char *word = configs->words[i];
        size_t name_size = strcspn(word, "=");
        json_object_setn_new(object, word, name_size, json_string(word + name_size + 1));
    }
    return object;
}

static json_t *value_json(const struct load_row *row, const void *field)
{
    switch (row->kind) {
    case VALUE_TEXT: return json_string(*(const char *const *)field);
    case VALUE_SWITCH: return json_boolean(*(const bool *)field);
    case VALUE_COUNT:
    case VALUE_SIZE: return json_integer(*(const uint32_t *)field);
    case VALUE_DECIMAL: return json_real(*(const double *)field);
    case VALUE_SIZES: return sizes_json(field);
    case VALUE_LIST: return list_json(field);
    case VALUE_ACKS:
        return *(const int16_t *)field < 0 ? json_string("all")
                                           : json_integer(*(const int16_t *)field);
    case VALUE_CODEC: return json_string(compression_name(*(const enum compression *)field));
    case VALUE_PAYLOAD: return json_string(payload_names[*(const enum load_payload *)field]);
    case VALUE_OVER: return json_string(over_names[*(const enum load_over *)field]);
    case VALUE_CONFIGS: return configs_json(field);
    }
    unreachable();
}

json_t *load_json(const struct load *load)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < ROW_COUNT; i++)
        json_object_set_new(object, rows[i].name,
                            value_json(&rows[i], (const char *)load + rows[i].at));
    return object;
}
