/* All ends of a record are found before any of its fields is looked at: the search may read more,
 * reading more may move the buffer, and views taken earlier would then point into what is gone. */
#include "cli/record_input.h"

#include "base/assert.h"
#include "base/text.h"
#include "cli/base64.h"
#include "cli/record_format.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES_FIRST = 1 << 20, SHOWN_SIZE_MAX = 40 };

static bool fail(struct record_input *input, const char *what, const char *where)
{
    assert(what != NULL);
    snprintf(input->problem, sizeof input->problem, "%s at '%.20s'", what, where);
    return false;
}

/* Takes plain text off the front of `*format` into `text`, which has room; the rest starts with a
 * field or is empty. */
static struct bytes take_text(const char **format, char *text)
{
    assert(text != NULL);
    size_t size = 0;
    while (**format != 0) {
        char byte = **format;
        uint32_t taken = format_escape(*format, &byte);
        if (taken == 0 && byte == '%') {
            if ((*format)[1] == 0 || strchr("%{}", (*format)[1]) == NULL)
                break;
            byte = (*format)[1];
            taken = 2;
        }
        text[size++] = byte;
        *format += taken > 0 ? taken : 1;
    }
    return bytes_of(text, size);
}

/* A field without text behind it could not end, so two fields in a row are refused by the caller.
 */
static bool take_field(struct record_input *input, const char **format)
{
    assert(**format == '%');
    char letter = (*format)[1];
    if (letter == 0 || strchr("vktp", letter) == NULL)
        return fail(input, "input has only %v %k %t %p", *format);
    if (input->field_count == INPUT_FIELD_MAX)
        return fail(input, "too many fields", *format);
    struct input_field *field = &input->fields[input->field_count++];
    *field = (struct input_field){.letter = letter};
    *format += 2;
    if (**format != '{')
        return true;
    field->is_hex = strncmp(*format, "{hex}", 5) == 0;
    field->is_base64 = strncmp(*format, "{base64}", 8) == 0;
    if (!field->is_hex && !field->is_base64)
        return fail(input, "unknown way to write the field", *format);
    *format += field->is_hex ? 5 : 8;
    return true;
}

static bool parse_format(struct record_input *input, const char *format, struct arena *arena)
{
    assert(input->field_count == 0);
    char *text = arena_allocate(arena, strlen(format) + 2);
    if (text == NULL)
        return fail(input, "out of memory", format);
    input->start = take_text(&format, text);
    text += input->start.size;
    while (*format != 0) {
        if (!take_field(input, &format))
            return false;
        struct input_field *field = &input->fields[input->field_count - 1];
        field->end = take_text(&format, text);
        text += field->end.size;
        if (field->end.size == 0 && *format != 0)
            return fail(input, "two fields need some text between them", format);
        if (field->end.size == 0) /* a format without a line end means lines */
            field->end = bytes_of_text("\n");
    }
    return input->field_count > 0 || fail(input, "no field", format);
}

bool record_input_open(struct record_input *input, const char *format, int file, int interrupt,
                       struct arena *arena)
{
    assert(file >= 0);
    assert(format != NULL);
    *input = (struct record_input){.file = file, .interrupt = interrupt};
    if (!parse_format(input, format, arena))
        return false;
    input->buffer = malloc(BUFFER_BYTES_FIRST);
    input->buffer_capacity = BUFFER_BYTES_FIRST;
    return input->buffer != NULL || fail(input, "out of memory", format);
}

void record_input_close(struct record_input *input)
{
    free(input->buffer);
    input->buffer = NULL;
}

/* Makes room behind what is held: moves it to the front, or takes a larger buffer. */
static bool make_room(struct record_input *input)
{
    assert(input->begin <= input->end);
    assert(input->end <= input->buffer_capacity);
    if (input->begin > 0 && input->begin >= input->buffer_capacity / 2) {
        memmove(input->buffer, input->buffer + input->begin, input->end - input->begin);
        input->end -= input->begin;
        input->begin = 0;
    }
    if (input->end < input->buffer_capacity)
        return true;
    if (input->buffer_capacity >= INPUT_RECORD_SIZE_MAX)
        return false;
    uint8_t *larger = realloc(input->buffer, input->buffer_capacity * 2);
    if (larger == NULL)
        return false;
    input->buffer = larger;
    input->buffer_capacity *= 2;
    return true;
}

/* Waits for input or for the wish to stop; true if there is input. */
static bool wait_for_input(struct record_input *input)
{
    assert(!input->at_end);
    struct pollfd waits[2] = {{.fd = input->file, .events = POLLIN},
                              {.fd = input->interrupt, .events = POLLIN}};
    while (poll(waits, 2, -1) < 0 && errno == EINTR) {
    }
    input->is_interrupted = (waits[1].revents & POLLIN) != 0;
    return !input->is_interrupted;
}

/* Reads more; false at the end of input, on interruption, or with `problem` set. */
static bool read_more(struct record_input *input)
{
    if (input->at_end || input->is_interrupted)
        return false;
    if (!make_room(input)) {
        snprintf(input->problem, sizeof input->problem, "a record is larger than %d MiB",
                 INPUT_RECORD_SIZE_MAX >> 20);
        return false;
    }
    if (!wait_for_input(input))
        return false;
    ssize_t count =
        read(input->file, input->buffer + input->end, input->buffer_capacity - input->end);
    if (count < 0)
        snprintf(input->problem, sizeof input->problem, "cannot read input: %s", strerror(errno));
    input->at_end = count <= 0;
    input->end += count > 0 ? (size_t)count : 0;
    return count > 0;
}

/* The size of the field that starts `from` bytes behind input->begin, and how much its end text
 * takes. False if input ended before that text. */
static bool find_field_end(struct record_input *input, size_t from, struct bytes end, size_t *size)
{
    assert(end.size > 0);
    assert(input->begin + from <= input->end);
    input->searched = from;
    for (;;) {
        const uint8_t *start = input->buffer + input->begin + input->searched;
        size_t held = input->end - input->begin - input->searched;
        const uint8_t *found = end.size == 1 ? memchr(start, end.data[0], held)
                                             : memmem(start, held, end.data, end.size);
        if (found != NULL) {
            *size = (size_t)(found - input->buffer) - input->begin - from;
            return true;
        }
        if (held >= end.size) /* its first letters may be the last that we have */
            input->searched += held - (end.size - 1);
        if (!read_more(input)) {
            *size = input->end - input->begin - from;
            return false;
        }
    }
}

/* The text in front of a record; false at the end of input or if it is not there. */
static bool skip_start(struct record_input *input)
{
    while (input->end - input->begin < input->start.size || input->end == input->begin)
        if (!read_more(input))
            return false;
    if (memcmp(input->buffer + input->begin, input->start.data, input->start.size) == 0)
        return true;
    snprintf(input->problem, sizeof input->problem, "record %llu does not start as the format says",
             (unsigned long long)input->record_count + 1);
    return false;
}

/* Two digits become one byte, in place. */
static bool decode_hex(uint8_t *data, size_t *size)
{
    assert(size != NULL);
    for (size_t i = 0; i + 1 < *size; i += 2) {
        int high = text_hex_digit(data[i]);
        int low = text_hex_digit(data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        data[i / 2] = (uint8_t)(high << 4 | low);
    }
    bool is_even = *size % 2 == 0;
    *size /= 2;
    return is_even;
}

/* Decodes the field in place and puts it where it belongs. */
static bool place_field(struct record_input *input, const struct input_field *field, size_t from,
                        size_t size, struct input_record *record)
{
    assert(from + size <= input->end - input->begin);
    uint8_t *data = input->buffer + input->begin + from;
    size_t shown_size = size < SHOWN_SIZE_MAX ? size : SHOWN_SIZE_MAX;
    int64_t number = -1;
    bool ok = true;
    if (field->is_hex)
        ok = decode_hex(data, &size);
    else if (field->is_base64)
        ok = base64_decode(bytes_of(data, size), data, &size);
    struct bytes bytes = bytes_of(data, size);
    switch (field->letter) {
    case 'v': record->value = bytes; break;
    case 'k': record->key = bytes; break;
    case 't': record->topic = bytes; break;
    case 'p':
        ok = text_parse_i64(bytes, 0, INT32_MAX, &number) == STATUS_OK;
        record->partition = (int32_t)number;
        break;
    }
    if (!ok)
        snprintf(input->problem, sizeof input->problem, "record %llu: %%%c cannot be '%.*s'",
                 (unsigned long long)input->record_count + 1, field->letter, (int)shown_size, data);
    return ok;
}

enum input_result record_input_next(struct record_input *input, struct input_record *record)
{
    assert(input->field_count > 0);
    assert(record != NULL);
    size_t sizes[INPUT_FIELD_MAX];
    size_t position = input->start.size;
    *record = (struct input_record){.partition = -1};
    if (!skip_start(input))
        return input->problem[0] != 0 ? INPUT_BROKEN : INPUT_END;
    /* All ends first: the buffer moves while more is read. */
    for (uint32_t i = 0; i < input->field_count; i++) {
        const struct input_field *field = &input->fields[i];
        bool is_last = i + 1 == input->field_count;
        bool found = find_field_end(input, position, field->end, &sizes[i]);
        if (input->is_interrupted)
            return INPUT_END;
        if (!found && !is_last && input->problem[0] == 0)
            snprintf(input->problem, sizeof input->problem,
                     "record %llu ends before all fields were there",
                     (unsigned long long)input->record_count + 1);
        if (input->problem[0] != 0)
            return INPUT_BROKEN;
        position += sizes[i] + (found ? field->end.size : 0);
    }
    size_t from = input->start.size;
    for (uint32_t i = 0; i < input->field_count; i++) {
        if (!place_field(input, &input->fields[i], from, sizes[i], record))
            return INPUT_BROKEN;
        from += sizes[i] + input->fields[i].end.size;
    }
    input->begin += position;
    input->record_count++;
    return INPUT_RECORD;
}

/* Looks for the end of the last field only: if that is there, the rest is, too, or the record is
 * broken. */
bool record_input_must_wait(const struct record_input *input)
{
    assert(input->field_count > 0);
    assert(input->begin <= input->end);
    if (input->at_end)
        return false;
    struct bytes end = input->fields[input->field_count - 1].end;
    return memmem(input->buffer + input->begin, input->end - input->begin, end.data, end.size) ==
           NULL;
}
