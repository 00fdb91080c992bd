#include "cli/base64.h"

#include "base/assert.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct bytes bytes, char *text)
{
    assert(text != NULL);
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? bytes.data[i + 2] : 0;
        *text++ = alphabet[group >> 18];
        *text++ = alphabet[(group >> 12) & 63];
        *text++ = left > 1 ? alphabet[(group >> 6) & 63] : '=';
        *text++ = left > 2 ? alphabet[group & 63] : '=';
    }
    *text = 0;
}

static int digit_value(uint8_t c)
{
    const char *place = c != 0 ? strchr(alphabet, c) : NULL;
    return place != NULL ? (int)(place - alphabet) : -1;
}

bool base64_decode(struct bytes text, uint8_t *decoded, size_t *size)
{
    assert(size != NULL);
    assert(decoded != NULL);
    while (text.size > 0 && text.data[text.size - 1] == '=')
        text.size--;
    if (text.size % 4 == 1)
        return false;
    uint32_t group = 0;
    uint32_t bits = 0;
    *size = 0;
    for (size_t i = 0; i < text.size; i++) {
        int value = digit_value(text.data[i]);
        if (value < 0)
            return false;
        group = (group << 6 | (uint32_t)value) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            decoded[(*size)++] = (uint8_t)(group >> bits);
        }
    }
    return true;
}
