/* Two levels, as in Java: letters, which hide escapes and continued lines, and above them names and
 * values, which look only at letters. That an escaped = belongs to a name, and a plain one ends it,
 * is known because a letter remembers that it was escaped. */
#include "cluster/properties.h"

#include "base/assert.h"
#include "base/text.h"

/* One character of a logical line, after continuation lines and escapes. */
struct letter {
    uint32_t code; /* a byte, or with is_unicode the code point of a \u escape */
    bool is_escaped;
    bool is_unicode;
    bool is_end; /* of the logical line */
};

void properties_init(struct properties *properties, struct bytes text)
{
    assert(properties != NULL);
    *properties = (struct properties){.text = text, .line = 1};
}

static bool at_end(const struct properties *p)
{
    assert(p->position <= p->text.size);
    return p->position == p->text.size;
}

static uint8_t peek(const struct properties *p)
{
    assert(!at_end(p));
    return p->text.data[p->position];
}

static bool is_blank(uint32_t code)
{
    return code == ' ' || code == '\t' || code == '\f';
}

static bool is_line_end(uint32_t code)
{
    return code == '\n' || code == '\r';
}

/* \n, \r and \r\n each end one line. */
static void take_line_end(struct properties *p)
{
    assert(is_line_end(peek(p)));
    bool is_return = peek(p) == '\r';
    p->position++;
    if (is_return && !at_end(p) && peek(p) == '\n')
        p->position++;
    p->line++;
}

static void skip_blanks(struct properties *p)
{
    while (!at_end(p) && is_blank(peek(p)))
        p->position++;
}

/* Goes to the first character of the next entry; false if there is none. */
static bool skip_to_entry(struct properties *p)
{
    for (skip_blanks(p); !at_end(p); skip_blanks(p)) {
        if (peek(p) == '#' || peek(p) == '!')
            while (!at_end(p) && !is_line_end(peek(p)))
                p->position++;
        else if (!is_line_end(peek(p)))
            return true;
        if (!at_end(p))
            take_line_end(p);
    }
    return false;
}

/* Halves of surrogate pairs are refused: together they would be one character, and writing it as
 * such is shorter and safer. */
static uint32_t take_unicode(struct properties *p, const char **problem)
{
    assert(problem != NULL);
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = at_end(p) ? -1 : text_hex_digit(peek(p));
        if (digit < 0) {
            *problem = "\\u is followed by fewer than four hexadecimal digits";
            return '?';
        }
        code = code * 16 + (uint32_t)digit;
        p->position++;
    }
    if (code == 0 || (code >= 0xd800 && code <= 0xdfff)) {
        *problem = "\\u stands for half a character; write the character itself, in UTF-8";
        return '?';
    }
    return code;
}

static struct letter take_escape(struct properties *p, const char **problem)
{
    struct letter letter = {.code = peek(p), .is_escaped = true};
    p->position++;
    switch (letter.code) {
    case 't': letter.code = '\t'; return letter;
    case 'n': letter.code = '\n'; return letter;
    case 'r': letter.code = '\r'; return letter;
    case 'f': letter.code = '\f'; return letter;
    case 'u':
        letter.code = take_unicode(p, problem);
        letter.is_unicode = true;
        return letter;
    default: return letter;
    }
}

/* Continued lines are folded here, so that nobody above knows that they exist. */
static struct letter take_letter(struct properties *p, const char **problem)
{
    assert(problem != NULL);
    while (!at_end(p) && peek(p) == '\\') {
        p->position++;
        if (at_end(p))
            return (struct letter){.is_end = true};
        if (!is_line_end(peek(p)))
            return take_escape(p, problem);
        take_line_end(p);
        skip_blanks(p);
    }
    if (at_end(p))
        return (struct letter){.is_end = true};
    if (is_line_end(peek(p))) {
        take_line_end(p);
        return (struct letter){.is_end = true};
    }
    uint8_t code = peek(p);
    p->position++;
    if (code == '\0')
        *problem = "a zero byte stands in the file";
    return (struct letter){.code = code == '\0' ? '?' : code};
}

/* Escapes become UTF-8; all other bytes pass as they are, in whatever encoding the file is. */
static void write_letter(struct writer *writer, struct letter letter)
{
    assert(!letter.is_end);
    assert(letter.code <= 0xffff);
    if (!letter.is_unicode || letter.code < 0x80)
        writer_u8(writer, (uint8_t)letter.code);
    else if (letter.code < 0x800) {
        writer_u8(writer, (uint8_t)(0xc0 | letter.code >> 6));
        writer_u8(writer, (uint8_t)(0x80 | (letter.code & 0x3f)));
    } else {
        writer_u8(writer, (uint8_t)(0xe0 | letter.code >> 12));
        writer_u8(writer, (uint8_t)(0x80 | (letter.code >> 6 & 0x3f)));
        writer_u8(writer, (uint8_t)(0x80 | (letter.code & 0x3f)));
    }
}

static const char *finish_text(struct writer *writer, const char **problem)
{
    assert(problem != NULL);
    writer_u8(writer, '\0');
    if (writer->status == STATUS_OK)
        return (const char *)writer->data;
    *problem = "the file is too large";
    return "";
}

/* The name ends at the first blank, = or :, which is answered (or the end of the line). */
static struct letter read_name(struct properties *p, struct arena *arena, struct property *property)
{
    struct writer writer;
    writer_init(&writer, arena);
    struct letter letter = take_letter(p, &property->problem);
    while (!letter.is_end && (letter.is_escaped || !(is_blank(letter.code) || letter.code == '=' ||
                                                     letter.code == ':'))) {
        write_letter(&writer, letter);
        letter = take_letter(p, &property->problem);
    }
    property->name = finish_text(&writer, &property->problem);
    return letter;
}

static void read_value(struct properties *p, struct letter separator, struct arena *arena,
                       struct property *property)
{
    struct writer writer;
    writer_init(&writer, arena);
    struct letter letter = separator;
    bool has_sign = false; /* = or : may come once, with blanks around it */
    while (!letter.is_end && !letter.is_escaped &&
           (is_blank(letter.code) || (!has_sign && (letter.code == '=' || letter.code == ':')))) {
        has_sign |= !is_blank(letter.code);
        letter = take_letter(p, &property->problem);
    }
    for (; !letter.is_end; letter = take_letter(p, &property->problem))
        write_letter(&writer, letter);
    property->value = finish_text(&writer, &property->problem);
}

bool properties_next(struct properties *properties, struct arena *arena, struct property *property)
{
    assert(arena != NULL);
    assert(property != NULL);
    if (bytes_are_null(properties->text) || !skip_to_entry(properties))
        return false;
    *property = (struct property){.line = properties->line};
    struct letter separator = read_name(properties, arena, property);
    read_value(properties, separator, arena, property);
    assert(property->name != NULL);
    assert(property->value != NULL);
    return true;
}
