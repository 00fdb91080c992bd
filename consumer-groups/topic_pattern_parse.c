/* The syntax of RE2, read by descending:
 *
 *   either  = both { "|" both }
 *   both    = { repeat }
 *   repeat  = atom [ ("*" | "+" | "?" | "{n}" | "{n,}" | "{n,m}") [ "?" ] ]
 *   atom    = "(" [ "?:" | "?flags:" | "?P<name>" ] either ")" | "(?flags)" | "[" class "]" | "."
 *           | "^" | "$" | "\" escape | character
 *
 * The depth is bounded because the parser, and the compiler behind it, call themselves. What only
 * changes which of several matches is found (lazy forms, the flags m, s and U) changes nothing
 * here: it is the whole name that matches or does not. */
#include "base/assert.h"
#include "base/text.h"
#include "consumer-groups/topic_pattern_tree.h"

#include <string.h>

enum { DEPTH_MAX = 200 };

struct parser {
    const uint8_t *text;
    uint32_t size;
    uint32_t position;
    uint32_t depth;
    bool ignores_case;
    bool is_quoting; /* between \Q and \E */
    struct arena *arena;
    enum status status;
    struct topic_pattern_error error;
};

static const struct pattern_node *parse_either(struct parser *p);

static const struct pattern_node *fail(struct parser *p, uint32_t at, const char *reason)
{
    if (p->status == STATUS_OK) {
        p->status = STATUS_INVALID;
        p->error = (struct topic_pattern_error){.reason = reason, .offset_bytes = at};
    }
    return NULL;
}

static bool at_end(const struct parser *p)
{
    assert(p->position <= p->size);
    return p->position == p->size;
}

/* 0 at the end: no expression contains it. */
static uint8_t peek(const struct parser *p)
{
    return at_end(p) ? 0 : p->text[p->position];
}

static bool looking_at(const struct parser *p, const char *text)
{
    size_t size = strlen(text);
    return p->size - p->position >= size && memcmp(p->text + p->position, text, size) == 0;
}

static bool take(struct parser *p, const char *text)
{
    if (!looking_at(p, text))
        return false;
    p->position += (uint32_t)strlen(text);
    return true;
}

/* --- Nodes ------------------------------------------------------------------------------------ */

static uint32_t size_capped(uint64_t size)
{
    return size > TOPIC_PATTERN_INSTRUCTIONS_MAX ? TOPIC_PATTERN_INSTRUCTIONS_MAX + 1
                                                 : (uint32_t)size;
}

static struct pattern_node *node_new(struct parser *p, enum pattern_kind kind, uint64_t size)
{
    struct pattern_node *node = arena_allocate_array(p->arena, 1, sizeof *node);
    if (node == NULL) {
        if (p->status == STATUS_OK)
            p->status = STATUS_NO_MEMORY;
        return NULL;
    }
    node->kind = kind;
    node->size = size_capped(size);
    return node;
}

static const struct pattern_node *node_pair(struct parser *p, enum pattern_kind kind,
                                            const struct pattern_node *first,
                                            const struct pattern_node *second)
{
    if (first == NULL || second == NULL)
        return NULL;
    if (kind == PATTERN_BOTH && (first->size == 0 || second->size == 0))
        return first->size == 0 ? second : first;
    uint32_t own = kind == PATTERN_EITHER ? 2 : 0; /* a fork, and a jump behind the first */
    struct pattern_node *node = node_new(p, kind, (uint64_t)first->size + second->size + own);
    if (node == NULL)
        return NULL;
    node->first = first;
    node->second = second;
    return node;
}

static const struct pattern_node *node_place(struct parser *p, enum pattern_place place)
{
    struct pattern_node *node = node_new(p, PATTERN_PLACE, 1);
    if (node != NULL)
        node->place = place;
    return node;
}

static const struct pattern_node *node_set(struct parser *p, struct ascii_set set)
{
    struct pattern_node *node = node_new(p, PATTERN_SET, 1);
    if (node != NULL)
        node->set = set;
    return node;
}

static const struct pattern_node *node_character(struct parser *p, uint32_t character)
{
    struct ascii_set set = {{0, 0}};
    ascii_set_add_range(&set, character, character);
    if (p->ignores_case)
        ascii_set_ignore_case(&set);
    return node_set(p, set);
}

/* --- Escapes ---------------------------------------------------------------------------------- */

/* Behind "\x": two digits, or any number of them in braces. */
static bool parse_hex(struct parser *p, uint32_t *character)
{
    bool is_braced = take(p, "{");
    uint32_t digits = 0;
    *character = 0;
    while (text_hex_digit(peek(p)) >= 0 && digits < (is_braced ? 6 : 2)) {
        *character = *character * 16 + (uint32_t)text_hex_digit(peek(p));
        p->position++;
        digits++;
    }
    return is_braced ? digits > 0 && take(p, "}") : digits == 2;
}

/* Behind a backslash: an escape that stands for one character. */
static bool parse_escaped_character(struct parser *p, uint32_t *character)
{
    static const char letters[] = "afnrtv";
    static const char meanings[] = "\a\f\n\r\t\v";
    uint8_t c = peek(p);
    p->position++;
    const char *letter = c == 0 ? NULL : strchr(letters, c);
    *character = c;
    if (letter != NULL)
        *character = (uint8_t)meanings[letter - letters];
    else if (c == 'x')
        return parse_hex(p, character);
    else if (c == '0')
        for (*character = 0; peek(p) >= '0' && peek(p) <= '7' && *character < 64; p->position++)
            *character = *character * 8 + (peek(p) - '0');
    else if (ascii_is_word(c) && c != '_')
        return false; /* letters that mean nothing, and back references */
    return c != 0;
}

static const struct pattern_node *parse_escape(struct parser *p)
{
    uint32_t at = p->position;
    p->position++;
    if (at_end(p))
        return fail(p, at, "trailing \\");
    switch (peek(p)) {
    case 'A': p->position++; return node_place(p, PLACE_BEGIN);
    case 'z': p->position++; return node_place(p, PLACE_END);
    case 'b': p->position++; return node_place(p, PLACE_WORD_EDGE);
    case 'B': p->position++; return node_place(p, PLACE_NO_WORD_EDGE);
    default: break;
    }
    struct ascii_set set;
    if (ascii_set_perl(peek(p), &set)) {
        p->position++;
        return node_set(p, set);
    }
    uint32_t character;
    if (!parse_escaped_character(p, &character))
        return fail(p, at, "invalid escape sequence");
    return node_character(p, character);
}

/* --- Classes ---------------------------------------------------------------------------------- */

/* "[:alpha:]" or "[:^alpha:]" inside of a class. */
static bool take_posix_set(struct parser *p, struct ascii_set *set)
{
    uint32_t start = p->position;
    if (!take(p, "[:"))
        return false;
    bool is_negated = take(p, "^");
    uint32_t name = p->position;
    while (peek(p) >= 'a' && peek(p) <= 'z')
        p->position++;
    if (ascii_set_posix(bytes_of(p->text + name, p->position - name), set) && take(p, ":]")) {
        if (is_negated)
            ascii_set_negate(set);
        return true;
    }
    p->position = start;
    return false;
}

static bool parse_class_character(struct parser *p, uint32_t *character)
{
    uint32_t at = p->position;
    *character = peek(p);
    p->position++;
    if (*character != '\\')
        return true;
    if (at_end(p) || !parse_escaped_character(p, character)) {
        fail(p, at, at_end(p) ? "trailing \\" : "invalid escape sequence");
        return false;
    }
    return true;
}

/* One member: a kind, a character or a range. */
static bool parse_class_member(struct parser *p, struct ascii_set *set)
{
    struct ascii_set named;
    if (take_posix_set(p, &named)) {
        ascii_set_add(set, &named);
        return true;
    }
    if (looking_at(p, "[:")) {
        fail(p, p->position, "invalid character class range");
        return false;
    }
    if (peek(p) == '\\' && p->position + 1 < p->size &&
        ascii_set_perl(p->text[p->position + 1], &named)) {
        p->position += 2;
        ascii_set_add(set, &named);
        return true;
    }
    uint32_t at = p->position;
    uint32_t first;
    if (!parse_class_character(p, &first))
        return false;
    uint32_t last = first;
    bool is_range = looking_at(p, "-") && !looking_at(p, "-]") && p->position + 1 < p->size;
    if (is_range) {
        p->position++;
        if (!parse_class_character(p, &last))
            return false;
    }
    if (last < first) {
        fail(p, at, "invalid character class range");
        return false;
    }
    ascii_set_add_range(set, first, last);
    return true;
}

static const struct pattern_node *parse_class(struct parser *p)
{
    uint32_t at = p->position;
    struct ascii_set set = {{0, 0}};
    p->position++;
    bool is_negated = take(p, "^");
    bool is_first = true; /* a bracket that comes first is a character */
    while (is_first || peek(p) != ']') {
        if (at_end(p))
            return fail(p, at, "missing ]");
        if (!parse_class_member(p, &set))
            return NULL;
        is_first = false;
    }
    p->position++;
    if (p->ignores_case)
        ascii_set_ignore_case(&set);
    if (is_negated)
        ascii_set_negate(&set);
    return node_set(p, set);
}

/* --- Repetition ------------------------------------------------------------------------------- */

static bool parse_count(struct parser *p, uint32_t *count)
{
    uint32_t start = p->position;
    for (*count = 0; peek(p) >= '0' && peek(p) <= '9'; p->position++)
        if (*count <= PATTERN_COUNT_MAX)
            *count = *count * 10 + (peek(p) - '0');
    return p->position > start;
}

/* "{n}", "{n,}", "{n,m}". What is no such thing is a brace. */
static bool take_counts(struct parser *p, uint32_t *min, uint32_t *max)
{
    uint32_t start = p->position;
    bool is_one = take(p, "{") && parse_count(p, min);
    *max = *min;
    if (is_one && take(p, ",") && !parse_count(p, max))
        *max = PATTERN_UNBOUNDED;
    if (is_one && take(p, "}"))
        return true;
    p->position = start;
    return false;
}

static bool take_repetition(struct parser *p, uint32_t *min, uint32_t *max)
{
    *min = 0;
    *max = PATTERN_UNBOUNDED;
    if (take(p, "*"))
        return true;
    if (take(p, "+")) {
        *min = 1;
        return true;
    }
    if (take(p, "?")) {
        *max = 1;
        return true;
    }
    return take_counts(p, min, max);
}

/* --- Groups ----------------------------------------------------------------------------------- */

/* "P<name>" or "<name>". */
static bool take_group_name(struct parser *p)
{
    uint32_t start = p->position;
    if (!take(p, "P<") && !take(p, "<"))
        return false;
    uint32_t name = p->position;
    while (ascii_is_word(peek(p)))
        p->position++;
    if (p->position > name && take(p, ">"))
        return true;
    p->position = start;
    return false;
}

/* Letters of "(?i-s:" up to the colon or the bracket. */
static bool parse_flags(struct parser *p, bool *ignores_case)
{
    bool is_on = true;
    uint32_t start = p->position;
    for (; peek(p) != ':' && peek(p) != ')'; p->position++) {
        uint8_t c = peek(p);
        if (c == '-' && is_on)
            is_on = false;
        else if (c == 'i')
            *ignores_case = is_on;
        else if (c != 'm' && c != 's' && c != 'U')
            return false;
    }
    bool is_empty = p->position == start && peek(p) == ')';
    return !is_empty && p->text[p->position - 1] != '-';
}

/* Flags alone are nothing that could be repeated. */
static const struct pattern_node *parse_after_flags(struct parser *p)
{
    uint32_t at = p->position;
    uint32_t ignored[2];
    if (take_repetition(p, &ignored[0], &ignored[1]))
        return fail(p, at, "no argument for repetition operator");
    return node_new(p, PATTERN_NOTHING, 0);
}

static const struct pattern_node *parse_group(struct parser *p)
{
    uint32_t at = p->position;
    bool outer_ignores_case = p->ignores_case;
    p->position++;
    if (p->depth == DEPTH_MAX)
        return fail(p, at, "expression nests too deeply");
    if (take(p, "?") && !take_group_name(p)) {
        bool ignores_case = p->ignores_case;
        if (looking_at(p, "P") || looking_at(p, "<"))
            return fail(p, at, "invalid named capture group");
        if (!parse_flags(p, &ignores_case))
            return fail(p, at, "invalid group syntax");
        p->ignores_case = ignores_case;
        if (take(p, ")")) /* to the end of the group around it */
            return parse_after_flags(p);
        p->position++;
    }
    p->depth++;
    const struct pattern_node *node = parse_either(p);
    p->depth--;
    if (node != NULL && !take(p, ")"))
        return fail(p, at, "missing )");
    p->ignores_case = outer_ignores_case;
    return node;
}

/* --- Atoms and what they are made into -------------------------------------------------------- */

/* Each round is the program anew, with a fork where it may be the last (topic_pattern_match.c). */
static uint64_t repeat_size(const struct pattern_node *what, uint32_t min, uint32_t max)
{
    uint64_t size = (uint64_t)what->size * min;
    if (max == PATTERN_UNBOUNDED)
        return size + what->size + 2;
    return size + (uint64_t)(what->size + 1) * (max - min);
}

static const struct pattern_node *parse_repeated(struct parser *p, const struct pattern_node *what)
{
    uint32_t at = p->position;
    uint32_t min;
    uint32_t max;
    if (what == NULL || !take_repetition(p, &min, &max))
        return what;
    if (min > PATTERN_COUNT_MAX ||
        (max != PATTERN_UNBOUNDED && (max > PATTERN_COUNT_MAX || max < min)))
        return fail(p, at, "invalid repetition size");
    take(p, "?");
    uint32_t again = p->position;
    uint32_t ignored[2];
    if (take_repetition(p, &ignored[0], &ignored[1]))
        return fail(p, again, "bad repetition operator");
    struct pattern_node *node = node_new(p, PATTERN_REPEAT, repeat_size(what, min, max));
    if (node == NULL)
        return NULL;
    node->first = what;
    node->count_min = (uint16_t)min;
    node->count_max = (uint16_t)max;
    return node;
}

/* --- The rest --------------------------------------------------------------------------------- */

static const struct pattern_node *parse_any(struct parser *p)
{
    struct ascii_set all = {{UINT64_MAX, UINT64_MAX}};
    p->position++;
    return node_set(p, all);
}

static const struct pattern_node *parse_atom(struct parser *p)
{
    uint32_t min;
    uint32_t max;
    uint32_t at = p->position;
    if (take_repetition(p, &min, &max))
        return fail(p, at, "no argument for repetition operator");
    switch (peek(p)) {
    case '(': return parse_group(p);
    case '[': return parse_class(p);
    case '.': return parse_any(p);
    case '^': p->position++; return node_place(p, PLACE_BEGIN);
    case '$': p->position++; return node_place(p, PLACE_END);
    case '\\': return parse_escape(p);
    default: break;
    }
    assert(!at_end(p));
    return node_character(p, p->text[p->position++]);
}

/* Between \Q and \E every character stands for itself. */
static const struct pattern_node *parse_quoted(struct parser *p)
{
    assert(!at_end(p));
    return node_character(p, p->text[p->position++]);
}

static bool both_goes_on(struct parser *p)
{
    if (!p->is_quoting && take(p, "\\Q"))
        p->is_quoting = true;
    while (p->is_quoting && take(p, "\\E")) {
        p->is_quoting = false;
        if (take(p, "\\Q"))
            p->is_quoting = true;
    }
    return !at_end(p) && (p->is_quoting || (peek(p) != '|' && peek(p) != ')'));
}

static const struct pattern_node *parse_both(struct parser *p)
{
    const struct pattern_node *all = node_new(p, PATTERN_NOTHING, 0);
    while (all != NULL && both_goes_on(p)) {
        const struct pattern_node *one =
            p->is_quoting ? parse_quoted(p) : parse_repeated(p, parse_atom(p));
        all = node_pair(p, PATTERN_BOTH, all, one);
    }
    return all;
}

static const struct pattern_node *parse_either(struct parser *p)
{
    const struct pattern_node *all = parse_both(p);
    while (all != NULL && take(p, "|"))
        all = node_pair(p, PATTERN_EITHER, all, parse_both(p));
    return all;
}

enum status pattern_parse(struct bytes expression, struct arena *arena,
                          const struct pattern_node **tree, struct topic_pattern_error *error)
{
    assert(expression.size <= TOPIC_PATTERN_BYTES_MAX);
    struct parser p = {
        .text = expression.data,
        .size = (uint32_t)expression.size,
        .arena = arena,
    };
    if (expression.size > 0 && memchr(expression.data, 0, expression.size) != NULL)
        fail(&p, 0, "a character of value zero");
    else
        *tree = parse_either(&p);
    if (p.status == STATUS_OK && !at_end(&p))
        fail(&p, p.position, "unexpected )");
    *error = p.error;
    return p.status;
}
