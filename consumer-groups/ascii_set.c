#include "consumer-groups/ascii_set.h"

void ascii_set_add_range(struct ascii_set *set, uint32_t first, uint32_t last)
{
    for (uint32_t c = first; c <= last && c < ASCII_COUNT; c++)
        set->words[c / 64] |= UINT64_C(1) << (c % 64);
}

void ascii_set_add(struct ascii_set *set, const struct ascii_set *other)
{
    set->words[0] |= other->words[0];
    set->words[1] |= other->words[1];
}

void ascii_set_negate(struct ascii_set *set)
{
    set->words[0] = ~set->words[0];
    set->words[1] = ~set->words[1];
}

/* Letters stand in the upper word, their two cases 32 bits apart. */
void ascii_set_ignore_case(struct ascii_set *set)
{
    const uint64_t upper = UINT64_C(0x07fffffe);
    const uint64_t letters = (set->words[1] | set->words[1] >> 32) & upper;
    set->words[1] |= letters | letters << 32;
}

static void set_add_ranges(struct ascii_set *set, const char *ranges)
{
    for (; *ranges != 0; ranges += 2)
        ascii_set_add_range(set, (uint8_t)ranges[0], (uint8_t)ranges[1]);
}

struct named_set {
    const char *name;
    const char *ranges; /* pairs: first, last */
};

static const struct named_set posix_sets[] = {
    {"alnum", "09AZaz"},   {"alpha", "AZaz"},
    {"blank", "\t\t  "},   {"digit", "09"},
    {"graph", "!~"},       {"lower", "az"},
    {"print", " ~"},       {"punct", "!/:@[`{~"},
    {"space", "\t\r  "},   {"upper", "AZ"},
    {"word", "09AZaz__"},  {"xdigit", "09AFaf"},
    {"ascii", "\001\177"}, {"cntrl", "\001\037\177\177"},
};

bool ascii_set_posix(struct bytes name, struct ascii_set *set)
{
    *set = (struct ascii_set){{0, 0}};
    for (size_t i = 0; i < sizeof posix_sets / sizeof *posix_sets; i++) {
        if (!bytes_equal_text(name, posix_sets[i].name))
            continue;
        set_add_ranges(set, posix_sets[i].ranges);
        return true;
    }
    return false;
}

bool ascii_set_perl(uint8_t letter, struct ascii_set *set)
{
    static const struct {
        uint8_t letter;
        const char *ranges;
    } rows[] = {{'d', "09"}, {'s', "\t\n\f\r  "}, {'w', "09AZaz__"}};
    *set = (struct ascii_set){{0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if ((letter | 0x20) != rows[i].letter)
            continue;
        set_add_ranges(set, rows[i].ranges);
        if (letter != rows[i].letter)
            ascii_set_negate(set);
        return true;
    }
    return false;
}
