#include "cli/command.h"

#include "base/assert.h"

#include <string.h>

static const struct command *const commands[] = {
#define X(name) &command_##name,
    COMMANDS(X)
#undef X
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static const struct option_row common_rows[] = {
    {'b', "brokers", "HOST:PORT,...", "where to connect first (TAILRACE_BROKERS; 127.0.0.1:9092)"},
    {0, "bootstrap-server", "HOST:PORT,...", "the same, by Kafka's name"},
    {'X', "property", "KEY=VALUE", "a client setting by librdkafka's name; may be repeated"},
    {0, "format", "text|json|help", "how to print; help describes the JSON"},
    {0, "color", "auto|always|never", "colours (auto: on a terminal, unless NO_COLOR is set)"},
    {'q', "quiet", NULL, "no progress and no summary on stderr"},
    {'h', "help", NULL, "help for the command"},
};

struct option_table command_common_options(void)
{
    return (struct option_table){common_rows, sizeof common_rows / sizeof common_rows[0]};
}

const struct command *command_at(uint32_t index)
{
    return index < COMMAND_COUNT ? commands[index] : NULL;
}

/* The size of the first word of a command's name. */
static size_t first_word_size(const struct command *command)
{
    return strcspn(command->name, " ");
}

static bool starts_with_word(const struct command *command, const char *word)
{
    size_t size = first_word_size(command);
    return strlen(word) == size && memcmp(command->name, word, size) == 0;
}

/* The second word of a command's name, NULL if it has one only. */
static const char *second_word(const struct command *command)
{
    const char *space = strchr(command->name, ' ');
    return space != NULL ? space + 1 : NULL;
}

const struct command *command_find(const char *const *words, uint32_t count, uint32_t *used)
{
    assert(words != NULL || count == 0);
    assert(used != NULL);
    for (uint32_t i = 0; i < COMMAND_COUNT && count > 0; i++) {
        if (!starts_with_word(commands[i], words[0]))
            continue;
        const char *second = second_word(commands[i]);
        if (second != NULL && (count < 2 || strcmp(words[1], second) != 0))
            continue;
        *used = second != NULL ? 2 : 1;
        return commands[i];
    }
    return NULL;
}

bool command_is_group(const char *word)
{
    assert(word != NULL);
    for (uint32_t i = 0; i < COMMAND_COUNT; i++)
        if (second_word(commands[i]) != NULL && starts_with_word(commands[i], word))
            return true;
    return false;
}

enum { WORD_SIZE_MAX = 32 };

/* The number of letters to insert, remove or change to come from one word to the other. */
static uint32_t edit_distance(const char *from, size_t from_size, const char *to, size_t to_size)
{
    assert(to_size <= WORD_SIZE_MAX);
    uint32_t row[WORD_SIZE_MAX + 1];
    for (uint32_t j = 0; j <= to_size; j++)
        row[j] = j;
    for (uint32_t i = 1; i <= from_size; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= to_size; j++) {
            uint32_t change = diagonal + (from[i - 1] != to[j - 1]);
            uint32_t insert_or_remove = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < insert_or_remove ? change : insert_or_remove;
        }
    }
    return row[to_size];
}

/* A guess is offered only when it is near; a far one would be worse than none. */
const char *command_suggestion(const char *group, const char *word)
{
    assert(word != NULL);
    const char *best = NULL;
    uint32_t best_distance = 3; /* three letters off is another word */
    for (uint32_t i = 0; i < COMMAND_COUNT && strlen(word) <= WORD_SIZE_MAX; i++) {
        if (group != NULL && !(starts_with_word(commands[i], group) && second_word(commands[i])))
            continue;
        const char *known = group != NULL ? second_word(commands[i]) : commands[i]->name;
        uint32_t distance = edit_distance(word, strlen(word), known, strcspn(known, " "));
        if (distance < best_distance) {
            best_distance = distance;
            best = known;
        }
    }
    return best;
}
