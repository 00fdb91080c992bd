/* One decoder, which turns what is no UTF-8 into the same characters as Java does, under both. */
#include "consumer-groups/java_text.h"

#include "base/assert.h"

enum {
    REPLACEMENT = 0xfffd,
    SUPPLEMENTARY_FIRST = 0x10000,
    HIGH_SURROGATE = 0xd800,
    LOW_SURROGATE = 0xdc00,
    SURROGATE_LAST = 0xdfff,
    CODE_POINT_LAST = 0x10ffff,
    HASH_FACTOR = 31,
};

/* How many bytes begin with this one; 0: none do. */
static size_t sequence_size(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

static bool is_code_point(uint32_t point, size_t size)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, SUPPLEMENTARY_FIRST};
    return point >= smallest[size] && point <= CODE_POINT_LAST &&
           (point < HIGH_SURROGATE || point > SURROGATE_LAST);
}

/* Takes a code point off the front. */
static uint32_t next_point(struct bytes *rest)
{
    assert(rest->size > 0);
    size_t size = sequence_size(rest->data[0]);
    uint32_t point = size <= 1 ? rest->data[0] : rest->data[0] & (0x7fu >> size);
    bool is_whole = size > 0 && size <= rest->size;
    for (size_t i = 1; is_whole && i < size; i++) {
        is_whole = (rest->data[i] & 0xc0) == 0x80;
        point = point << 6 | (rest->data[i] & 0x3fu);
    }
    if (!is_whole || !is_code_point(point, size)) {
        size = 1;
        point = REPLACEMENT;
    }
    *rest = bytes_of(rest->data + size, rest->size - size);
    return point;
}

size_t java_text_length(struct bytes text)
{
    size_t length = 0;
    while (text.size > 0)
        length += next_point(&text) >= SUPPLEMENTARY_FIRST ? 2 : 1;
    return length;
}

int32_t java_text_hash(struct bytes text)
{
    uint32_t hash = 0;
    while (text.size > 0) {
        uint32_t point = next_point(&text);
        if (point >= SUPPLEMENTARY_FIRST) {
            point -= SUPPLEMENTARY_FIRST;
            hash = hash * HASH_FACTOR + (HIGH_SURROGATE | point >> 10);
            point = LOW_SURROGATE | (point & 0x3ffu);
        }
        hash = hash * HASH_FACTOR + point;
    }
    return (int32_t)hash;
}
