/* The words of a command line: flags described by rows, and what is left over.
 *
 * A row is all there is to say about a flag; parsing, help and shell completion read the same rows.
 * Flags may stand before, between and after the arguments; `--` ends them. A value follows its
 * flag as the next word, after `=` (--brokers=a:1) or, for a letter, at once (-p3). Switches may
 * be joined (-yq). */
#ifndef TAILRACE_CLI_OPTIONS_H
#define TAILRACE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option_row {
    char letter;       /* 0: none */
    const char *name;  /* without dashes */
    const char *value; /* what help calls it; NULL: a switch */
    const char *help;
};

struct option_table {
    const struct option_row *rows;
    uint32_t row_count;
};

enum {
    OPTIONS_TABLE_MAX = 2, /* those of every command, those of one */
    OPTIONS_VALUE_MAX = 256,
    OPTIONS_ARGUMENT_MAX = 4096,
};

struct option_value {
    const struct option_row *row;
    const char *text; /* "" for a switch */
};

/* Borrows the words and the rows. */
struct options {
    struct option_table tables[OPTIONS_TABLE_MAX];
    uint32_t table_count;
    struct option_value values[OPTIONS_VALUE_MAX];
    uint32_t value_count;
    const char *arguments[OPTIONS_ARGUMENT_MAX];
    uint32_t argument_count;
    char problem[256]; /* why options_parse answered false */
};

void options_init(struct options *options);
void options_add_table(struct options *options, struct option_table table);

/* Takes words up to `count`, or, when `stop_at_argument`, up to the first that is not a flag; adds
 * to what was taken before. `taken` is the number of words used. False with `problem` set. */
bool options_parse(struct options *options, const char *const *words, uint32_t count,
                   bool stop_at_argument, uint32_t *taken);

/* The last value given for the flag, NULL if there is none. The name must be in a table. */
const char *options_text(const struct options *options, const char *name);

bool options_has(const struct options *options, const char *name);

/* The next value at or after `*position` of a flag that may be repeated; NULL at the end. */
const char *options_next(const struct options *options, const char *name, uint32_t *position);

#endif
