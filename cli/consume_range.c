/* A time contains colons and dashes, and so does a range of times. Each colon is tried as the one
 * that separates, and the first that leaves two times that make sense is it. */
#include "cli/consume_range.h"

#include "base/assert.h"
#include "base/text.h"
#include "cli/time_text.h"

static bool parse_relative(struct range_point *point, struct bytes text)
{
    int64_t number;
    if (text.size < 2 || (text.data[0] != '+' && text.data[0] != '-'))
        return false;
    struct bytes digits = bytes_of(text.data + 1, text.size - 1);
    if (text_parse_i64(digits, 0, INT64_MAX, &number) != STATUS_OK)
        return false;
    bool is_after_start = text.data[0] == '+';
    *point = (struct range_point){is_after_start ? POINT_START : POINT_END,
                                  is_after_start ? number : -number};
    return true;
}

static bool parse_point(struct range_point *point, struct bytes text, bool is_time, int64_t now_ms)
{
    assert(point != NULL);
    int64_t number;
    if (bytes_equal_text(text, "end"))
        *point = (struct range_point){POINT_END, 0};
    else if (bytes_equal_text(text, "start"))
        *point = (struct range_point){POINT_START, 0};
    else if (is_time && time_text_parse(text, now_ms, &number))
        *point = (struct range_point){POINT_TIME, number};
    else if (!is_time && text_parse_i64(text, 0, INT64_MAX, &number) == STATUS_OK)
        *point = (struct range_point){POINT_OFFSET, number};
    else
        return !is_time && parse_relative(point, text);
    return true;
}

/* Both sides of the colon at `place`. */
static bool parse_split(struct consume_range *range, struct bytes text, size_t place, bool is_time,
                        int64_t now_ms)
{
    assert(place < text.size);
    assert(text.data[place] == ':');
    struct bytes from = bytes_of(text.data, place);
    struct bytes to = bytes_of(text.data + place + 1, text.size - place - 1);
    if (from.size == 0)
        range->from = (struct range_point){POINT_START, 0};
    else if (!parse_point(&range->from, from, is_time, now_ms))
        return false;
    range->has_end = true;
    return parse_point(&range->to, to, is_time, now_ms);
}

bool consume_range_parse(struct consume_range *range, const char *text, int64_t now_ms)
{
    assert(range != NULL);
    assert(text != NULL);
    *range = (struct consume_range){0};
    struct bytes rest = bytes_of_text(text);
    bool is_time = rest.size > 0 && rest.data[0] == '@';
    if (is_time)
        rest = bytes_of(rest.data + 1, rest.size - 1);
    if (parse_point(&range->from, rest, is_time, now_ms))
        return true;
    /* A time has colons of its own: the one between two points is where both sides make sense. */
    for (size_t place = 0; place < rest.size; place++)
        if (rest.data[place] == ':' && parse_split(range, rest, place, is_time, now_ms))
            return true;
    return false;
}
