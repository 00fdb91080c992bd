/* A format is taken apart once and then walked for every record, since consuming prints millions.
 * The parts of %h{...} follow their field in the same array, so there is no tree and nothing to
 * free. */
#include "cli/record_format.h"

#include "base/assert.h"
#include "base/text.h"
#include "cli/base64.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum field_kind { KIND_BYTES, KIND_NUMBER, KIND_TIME, KIND_HEADERS };

enum modifier {
    MODIFIER_NONE,
    MODIFIER_HEX,
    MODIFIER_BASE64,
    MODIFIER_BIG,
    MODIFIER_LITTLE,
    MODIFIER_RFC3339,
    MODIFIER_STRFTIME,
};

/* A run of plain text, or one field. The parts of %h{...} follow it. */
struct format_part {
    char letter; /* 0: plain text */
    enum field_kind kind;
    enum modifier modifier;
    uint32_t width_bytes; /* of a raw number */
    uint32_t inner_count; /* of %h{...}: how many parts it repeats */
    const char *text;     /* plain text, or the pattern of strftime */
    size_t text_size;
};

struct modifier_row {
    const char *name;
    enum field_kind kind;
    enum modifier modifier;
    uint32_t width_bytes;
};

static const struct modifier_row modifier_rows[] = {
    {"hex", KIND_BYTES, MODIFIER_HEX, 0},          {"base64", KIND_BYTES, MODIFIER_BASE64, 0},
    {"hex", KIND_NUMBER, MODIFIER_HEX, 0},         {"ascii", KIND_NUMBER, MODIFIER_NONE, 0},
    {"big8", KIND_NUMBER, MODIFIER_BIG, 1},        {"big16", KIND_NUMBER, MODIFIER_BIG, 2},
    {"big32", KIND_NUMBER, MODIFIER_BIG, 4},       {"big64", KIND_NUMBER, MODIFIER_BIG, 8},
    {"little8", KIND_NUMBER, MODIFIER_LITTLE, 1},  {"little16", KIND_NUMBER, MODIFIER_LITTLE, 2},
    {"little32", KIND_NUMBER, MODIFIER_LITTLE, 4}, {"little64", KIND_NUMBER, MODIFIER_LITTLE, 8},
    {"rfc3339", KIND_TIME, MODIFIER_RFC3339, 0},
};

/* What is being taken apart, and where the parts go. */
struct parse {
    struct record_format *format;
    struct format_part *parts;
    uint32_t part_count;
    uint32_t part_capacity;
    uint32_t closed_count; /* parts that plain text may not be added to */
    char *text;            /* unescaped plain text, growing */
    const char *at;
};

static bool fail(struct parse *parse, const char *what)
{
    assert(what != NULL);
    snprintf(parse->format->problem, sizeof parse->format->problem, "%s at '%.20s'", what,
             parse->at);
    return false;
}

static struct format_part *add_part(struct parse *parse, char letter)
{
    assert(parse->part_count < parse->part_capacity);
    struct format_part *part = &parse->parts[parse->part_count++];
    *part = (struct format_part){.letter = letter};
    return part;
}

/* Neighbouring characters become one part, so that printing writes them with one call. */
static void add_character(struct parse *parse, char c)
{
    assert(parse->closed_count <= parse->part_count);
    struct format_part *last = NULL;
    if (parse->part_count > parse->closed_count)
        last = &parse->parts[parse->part_count - 1];
    if (last == NULL || last->letter != 0) {
        last = add_part(parse, 0);
        last->text = parse->text;
    }
    *parse->text++ = c;
    last->text_size++;
}

uint32_t format_escape(const char *text, char *byte)
{
    assert(text != NULL);
    assert(byte != NULL);
    static const char names[] = "tnr\\";
    static const char bytes[] = "\t\n\r\\";
    if (text[0] != '\\' || text[1] == 0)
        return 0;
    const char *place = strchr(names, text[1]);
    if (place != NULL) {
        *byte = bytes[place - names];
        return 2;
    }
    if (text[1] != 'x' || text_hex_digit((uint8_t)text[2]) < 0 ||
        text_hex_digit((uint8_t)text[3]) < 0)
        return 0;
    *byte = (char)(text_hex_digit((uint8_t)text[2]) << 4 | text_hex_digit((uint8_t)text[3]));
    return 4;
}

/* The kind decides which words may stand in the braces. */
static bool field_kind_of(char letter, enum field_kind *kind)
{
    assert(kind != NULL);
    if (letter != 0 && strchr("tkv", letter) != NULL)
        *kind = KIND_BYTES;
    else if (letter != 0 && strchr("TKVHpoei", letter) != NULL)
        *kind = KIND_NUMBER;
    else if (letter == 'd')
        *kind = KIND_TIME;
    else if (letter == 'h')
        *kind = KIND_HEADERS;
    else
        return false;
    return true;
}

/* {strftime[PATTERN]}, from behind the opening brace. */
static bool parse_strftime(struct parse *parse, struct format_part *part)
{
    assert(part->kind == KIND_TIME);
    const char *pattern = parse->at + sizeof "strftime[" - 1;
    const char *end = strstr(pattern, "]}");
    if (end == NULL)
        return fail(parse, "no end of the pattern");
    part->modifier = MODIFIER_STRFTIME;
    part->text = pattern;
    part->text_size = (size_t)(end - pattern);
    parse->at = end + 2;
    return true;
}

static bool parse_modifier(struct parse *parse, struct format_part *part)
{
    assert(part->kind != KIND_HEADERS);
    if (*parse->at != '{')
        return true;
    parse->at++;
    if (part->kind == KIND_TIME && strncmp(parse->at, "strftime[", 9) == 0)
        return parse_strftime(parse, part);
    size_t size = strcspn(parse->at, "}");
    for (size_t i = 0; i < sizeof modifier_rows / sizeof modifier_rows[0]; i++) {
        const struct modifier_row *row = &modifier_rows[i];
        if (row->kind != part->kind || strlen(row->name) != size ||
            memcmp(row->name, parse->at, size) != 0)
            continue;
        part->modifier = row->modifier;
        part->width_bytes = row->width_bytes;
        parse->at += size + (parse->at[size] == '}');
        return true;
    }
    return fail(parse, "unknown way to write the field");
}

static bool parse_parts(struct parse *parse, bool is_inside_headers);

static bool parse_headers(struct parse *parse, struct format_part *part)
{
    assert(part->kind == KIND_HEADERS);
    if (*parse->at != '{')
        return fail(parse, "%h needs {...} with what to print for each header");
    parse->at++;
    uint32_t first = parse->part_count;
    if (!parse_parts(parse, true))
        return false;
    part->inner_count = parse->part_count - first;
    parse->closed_count = parse->part_count; /* what follows is not repeated */
    return true;
}

/* Inside %h{...} the letters mean the header's own key and value; others would be the record's,
 * printed again for each header. */
static bool parse_field(struct parse *parse, bool is_inside_headers)
{
    assert(*parse->at == '%');
    enum field_kind kind;
    char letter = parse->at[1];
    if (letter != 0 && strchr("%{}", letter) != NULL) {
        add_character(parse, letter);
        parse->at += 2;
        return true;
    }
    if (!field_kind_of(letter, &kind))
        return fail(parse, "unknown field");
    if (is_inside_headers && strchr("kvKV", letter) == NULL)
        return fail(parse, "a header has only %k %v %K %V");
    struct format_part *part = add_part(parse, letter);
    part->kind = kind;
    parse->at += 2;
    return kind == KIND_HEADERS ? parse_headers(parse, part) : parse_modifier(parse, part);
}

static bool parse_parts(struct parse *parse, bool is_inside_headers)
{
    while (*parse->at != 0) {
        char byte;
        uint32_t escaped = format_escape(parse->at, &byte);
        if (is_inside_headers && *parse->at == '}') {
            parse->at++;
            return true;
        }
        if (escaped > 0) {
            add_character(parse, byte);
            parse->at += escaped;
        } else if (*parse->at == '%') {
            if (!parse_field(parse, is_inside_headers))
                return false;
        } else {
            add_character(parse, *parse->at++);
        }
    }
    return is_inside_headers ? fail(parse, "no end of %h{...}") : true;
}

bool record_format_parse(struct record_format *format, const char *text, struct arena *arena)
{
    assert(arena != NULL);
    assert(text != NULL);
    uint32_t capacity = (uint32_t)strlen(text) + 1;
    struct parse parse = {.format = format, .part_capacity = capacity, .at = text};
    parse.parts = arena_allocate_array(arena, capacity, sizeof *parse.parts);
    parse.text = arena_allocate(arena, capacity);
    if (parse.parts == NULL || parse.text == NULL)
        return fail(&parse, "out of memory");
    if (!parse_parts(&parse, false))
        return false;
    format->parts = parse.parts;
    format->part_count = parse.part_count;
    return true;
}

static void print_bytes(const struct format_part *part, struct bytes bytes, FILE *out)
{
    assert(part->kind == KIND_BYTES);
    if (part->modifier == MODIFIER_HEX) {
        for (size_t i = 0; i < bytes.size; i++)
            fprintf(out, "%02x", bytes.data[i]);
    } else if (part->modifier == MODIFIER_BASE64) {
        char *text = malloc(base64_size(bytes.size));
        assert(text != NULL);
        base64_encode(bytes, text);
        fputs(text, out);
        free(text);
    } else if (bytes.size > 0) {
        fwrite_unlocked(bytes.data, 1, bytes.size, out);
    }
}

static void print_number(const struct format_part *part, int64_t number, FILE *out)
{
    assert(part->kind == KIND_NUMBER);
    assert(part->width_bytes <= sizeof number);
    if (part->modifier == MODIFIER_NONE) {
        fprintf(out, "%lld", (long long)number);
        return;
    }
    if (part->modifier == MODIFIER_HEX) {
        fprintf(out, "%llx", (unsigned long long)number);
        return;
    }
    bool is_big = part->modifier == MODIFIER_BIG;
    for (uint32_t i = 0; i < part->width_bytes; i++) {
        uint32_t place = is_big ? part->width_bytes - 1 - i : i;
        putc_unlocked((int)((uint64_t)number >> (8 * place) & 0xff), out);
    }
}

/* UTC, on every machine: what a script reads must not depend on where it runs. */
static void print_time(const struct format_part *part, int64_t time_ms, FILE *out)
{
    assert(part->kind == KIND_TIME);
    char text[256];
    if (part->modifier == MODIFIER_RFC3339) {
        text_format_time_ms(time_ms, text);
        fputs(text, out);
    } else if (part->modifier == MODIFIER_STRFTIME) {
        char pattern[128];
        snprintf(pattern, sizeof pattern, "%.*s", (int)part->text_size, part->text);
        time_t seconds = time_ms / 1000;
        struct tm parts;
        if (gmtime_r(&seconds, &parts) != NULL && strftime(text, sizeof text, pattern, &parts) > 0)
            fputs(text, out);
    } else {
        fprintf(out, "%lld", (long long)time_ms);
    }
}

/* Null is -1, as on the wire, and so differs from empty. */
static int64_t size_of(struct bytes bytes)
{
    return bytes_are_null(bytes) ? -1 : (int64_t)bytes.size;
}

static int64_t number_of(char letter, const struct record *record)
{
    switch (letter) {
    case 'T': return size_of(record->topic);
    case 'K': return size_of(record->key);
    case 'V': return size_of(record->value);
    case 'H': return record->header_count;
    case 'p': return record->partition;
    case 'o': return record->offset;
    case 'e': return record->leader_epoch;
    case 'i': return record->index;
    }
    unreachable();
}

static struct bytes bytes_of_field(char letter, const struct record *record)
{
    if (letter == 't')
        return record->topic;
    return letter == 'k' ? record->key : record->value;
}

static void print_part(const struct format_part *part, const struct record *record, FILE *out)
{
    assert(part->letter == 0 || part->kind != KIND_HEADERS);
    if (part->letter == 0)
        fwrite_unlocked(part->text, 1, part->text_size, out);
    else if (part->kind == KIND_BYTES)
        print_bytes(part, bytes_of_field(part->letter, record), out);
    else if (part->kind == KIND_NUMBER)
        print_number(part, number_of(part->letter, record), out);
    else
        print_time(part, record->time_ms, out);
}

static void print_headers(const struct format_part *part, const struct record *record, FILE *out)
{
    assert(part->kind == KIND_HEADERS);
    for (uint32_t h = 0; h < record->header_count; h++) {
        struct record header = {.key = record->headers[h].key, .value = record->headers[h].value};
        for (uint32_t i = 1; i <= part->inner_count; i++)
            print_part(&part[i], &header, out);
    }
}

void record_format_print(const struct record_format *format, const struct record *record, FILE *out)
{
    assert(out != NULL);
    assert(record != NULL);
    for (uint32_t i = 0; i < format->part_count; i++) {
        const struct format_part *part = &format->parts[i];
        if (part->letter != 0 && part->kind == KIND_HEADERS) {
            print_headers(part, record, out);
            i += part->inner_count;
        } else {
            print_part(part, record, out);
        }
    }
}
