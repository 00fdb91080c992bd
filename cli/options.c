/* Tables are searched from the last to the first, so a command may give a letter a meaning of its
 * own that goes before the common one. */
#include "cli/options.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

void options_init(struct options *options)
{
    assert(options != NULL);
    memset(options, 0, sizeof *options);
}

void options_add_table(struct options *options, struct option_table table)
{
    assert(options->table_count < OPTIONS_TABLE_MAX);
    assert(table.rows != NULL || table.row_count == 0);
    options->tables[options->table_count++] = table;
}

static const struct option_row *find_letter(const struct options *options, char letter)
{
    assert(letter != 0);
    /* A command's own meaning of a letter goes before the common one. */
    for (uint32_t t = options->table_count; t-- > 0;) {
        const struct option_table *table = &options->tables[t];
        for (uint32_t i = 0; i < table->row_count; i++)
            if (table->rows[i].letter == letter)
                return &table->rows[i];
    }
    return NULL;
}

static const struct option_row *find_name(const struct options *options, const char *name,
                                          size_t size)
{
    assert(name != NULL);
    for (uint32_t t = options->table_count; t-- > 0;) {
        const struct option_table *table = &options->tables[t];
        for (uint32_t i = 0; i < table->row_count; i++) {
            const char *known = table->rows[i].name;
            if (strlen(known) == size && memcmp(known, name, size) == 0)
                return &table->rows[i];
        }
    }
    return NULL;
}

/* Values are kept in the order of the command line: of those given twice the last counts, or all
 * do. */
static bool add_value(struct options *options, const struct option_row *row, const char *text)
{
    assert(row != NULL);
    assert(text != NULL);
    if (options->value_count == OPTIONS_VALUE_MAX) {
        snprintf(options->problem, sizeof options->problem, "more than %d flags",
                 OPTIONS_VALUE_MAX);
        return false;
    }
    options->values[options->value_count++] = (struct option_value){row, text};
    return true;
}

static bool add_argument(struct options *options, const char *word)
{
    assert(word != NULL);
    if (options->argument_count == OPTIONS_ARGUMENT_MAX) {
        snprintf(options->problem, sizeof options->problem, "more than %d arguments",
                 OPTIONS_ARGUMENT_MAX);
        return false;
    }
    options->arguments[options->argument_count++] = word;
    return true;
}

static bool lacks_value(struct options *options, const struct option_row *row)
{
    assert(row->value != NULL);
    snprintf(options->problem, sizeof options->problem, "--%s needs a value: %s", row->name,
             row->value);
    return false;
}

/* `--name`, `--name=value` or `--name value`. */
static bool parse_long(struct options *options, const char *word, const char *next, bool *took_next)
{
    assert(word != NULL);
    assert(!*took_next);
    const char *equals = strchr(word, '=');
    size_t size = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const struct option_row *row = find_name(options, word, size);
    if (row == NULL) {
        snprintf(options->problem, sizeof options->problem, "no such flag: --%.*s", (int)size,
                 word);
        return false;
    }
    if (row->value == NULL) {
        if (equals == NULL)
            return add_value(options, row, "");
        snprintf(options->problem, sizeof options->problem, "--%s takes no value", row->name);
        return false;
    }
    if (equals != NULL)
        return add_value(options, row, equals + 1);
    if (next == NULL)
        return lacks_value(options, row);
    *took_next = true;
    return add_value(options, row, next);
}

/* `-y`, `-yq`, `-p3` or `-p 3`. */
static bool parse_letters(struct options *options, const char *letters, const char *next,
                          bool *took_next)
{
    assert(*letters != 0);
    assert(!*took_next);
    for (; *letters != 0; letters++) {
        const struct option_row *row = find_letter(options, *letters);
        if (row == NULL) {
            snprintf(options->problem, sizeof options->problem, "no such flag: -%c", *letters);
            return false;
        }
        if (row->value != NULL) {
            *took_next = letters[1] == 0;
            const char *value = *took_next ? next : letters + 1;
            return value == NULL ? lacks_value(options, row) : add_value(options, row, value);
        }
        if (!add_value(options, row, ""))
            return false;
    }
    return true;
}

/* After `--` everything is an argument, also what begins with a dash, such as the name of a topic.
 */
bool options_parse(struct options *options, const char *const *words, uint32_t count,
                   bool stop_at_argument, uint32_t *taken)
{
    assert(words != NULL || count == 0);
    assert(taken != NULL);
    assert(options->table_count > 0);
    bool flags_ended = false;
    uint32_t i = 0;
    while (i < count) {
        const char *word = words[i];
        const char *next = i + 1 < count ? words[i + 1] : NULL;
        bool took_next = false;
        bool is_flag = !flags_ended && word[0] == '-' && word[1] != 0;
        if (!is_flag && stop_at_argument)
            break;
        bool ok = true;
        if (!is_flag)
            ok = add_argument(options, word);
        else if (strcmp(word, "--") == 0)
            flags_ended = true;
        else if (word[1] == '-')
            ok = parse_long(options, word + 2, next, &took_next);
        else
            ok = parse_letters(options, word + 1, next, &took_next);
        if (!ok)
            return false;
        i += took_next ? 2 : 1;
    }
    *taken = i;
    return true;
}

const char *options_text(const struct options *options, const char *name)
{
    const char *last = NULL;
    uint32_t position = 0;
    for (;;) {
        const char *text = options_next(options, name, &position);
        if (text == NULL)
            return last;
        last = text;
    }
}

bool options_has(const struct options *options, const char *name)
{
    return options_text(options, name) != NULL;
}

/* The caller keeps the position, so that reading does not change what was parsed. */
const char *options_next(const struct options *options, const char *name, uint32_t *position)
{
    assert(position != NULL);
    assert(find_name(options, name, strlen(name)) != NULL);
    while (*position < options->value_count) {
        const struct option_value *value = &options->values[(*position)++];
        if (strcmp(value->row->name, name) == 0)
            return value->text;
    }
    return NULL;
}
