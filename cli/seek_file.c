#include "cli/seek_file.h"

#include "base/assert.h"
#include "base/text.h"

#include <string.h>

enum { FIELDS_WITHOUT_GROUP = 3, FIELDS_WITH_GROUP = 4 };

static struct bytes take_line(struct bytes *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    size_t size = end != NULL ? (size_t)(end - rest->data) : rest->size;
    struct bytes line = bytes_of(rest->data, size);
    size_t taken = size + (end != NULL);
    *rest = bytes_of(rest->data + taken, rest->size - taken);
    return text_trim(line);
}

static struct bytes unquoted(struct bytes field)
{
    bool is_quoted = field.size >= 2 && field.data[0] == '"' && field.data[field.size - 1] == '"';
    return is_quoted ? bytes_of(field.data + 1, field.size - 2) : field;
}

/* The number of fields; FIELDS_WITH_GROUP + 1 for more than there may be. */
static uint32_t split(struct bytes line, struct bytes fields[static FIELDS_WITH_GROUP])
{
    uint32_t count = 0;
    struct bytes item;
    while (text_next_item(&line, ',', &item)) {
        if (count == FIELDS_WITH_GROUP)
            return FIELDS_WITH_GROUP + 1;
        fields[count++] = unquoted(item);
    }
    return count;
}

enum seek_line_kind seek_file_next(struct bytes *rest, struct bytes group, struct seek_line *line)
{
    assert(line != NULL);
    if (rest->size == 0)
        return SEEK_LINES_END;
    struct bytes text = take_line(rest);
    struct bytes fields[FIELDS_WITH_GROUP];
    if (text.size == 0)
        return SEEK_LINE_OTHER;
    uint32_t count = split(text, fields);
    if (count != FIELDS_WITHOUT_GROUP && count != FIELDS_WITH_GROUP)
        return SEEK_LINE_BROKEN;
    const struct bytes *field = fields;
    bool is_other = count == FIELDS_WITH_GROUP && !bytes_equal(*field++, group);
    int64_t partition;
    line->topic = field[0];
    if (line->topic.size == 0 || text_parse_i64(field[1], 0, INT32_MAX, &partition) != STATUS_OK ||
        text_parse_i64(field[2], 0, INT64_MAX, &line->offset) != STATUS_OK)
        return SEEK_LINE_BROKEN;
    line->partition = (int32_t)partition;
    return is_other ? SEEK_LINE_OTHER : SEEK_LINE;
}
