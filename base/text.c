/* Sizes and durations share one parser: a sum of numbers with units, from a table of units. The
 * same tables, largest unit first, drive the formatting. */
#include "base/text.h"

#include "base/assert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static struct bytes text_from(struct bytes text, size_t position)
{
    assert(position <= text.size);
    return bytes_of(text.data + position, text.size - position);
}

struct bytes text_trim(struct bytes text)
{
    assert(text.data != NULL || text.size == 0);
    size_t start = 0;
    while (start < text.size && is_blank(text.data[start]))
        start++;
    size_t end = text.size;
    while (end > start && is_blank(text.data[end - 1]))
        end--;
    return text.data == NULL ? text : bytes_of(text.data + start, end - start);
}

bool text_next_item(struct bytes *rest, char separator, struct bytes *item)
{
    assert(rest != NULL);
    assert(item != NULL);
    if (rest->data == NULL || rest->size == 0)
        return false;
    const uint8_t *found = memchr(rest->data, separator, rest->size);
    if (found == NULL) {
        *item = text_trim(*rest);
        *rest = (struct bytes){0};
        return true;
    }
    size_t size = (size_t)(found - rest->data);
    assert(size < rest->size);
    *item = text_trim(bytes_of(rest->data, size));
    *rest = text_from(*rest, size + 1);
    return true;
}

static uint8_t to_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

bool text_equal_ignoring_case(struct bytes text, const char *other)
{
    assert(other != NULL);
    if (text.data == NULL || text.size != strlen(other))
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (to_lower(text.data[i]) != to_lower((uint8_t)other[i]))
            return false;
    return true;
}

/* The digits at the start of `text`, as a number that may grow past any range: it stays at
 * UINT64_MAX then. Answers how many there are. */
static size_t leading_digits(struct bytes text, uint64_t *number)
{
    assert(number != NULL);
    size_t count = 0;
    uint64_t result = 0;
    bool overflows = false;
    for (; count < text.size && is_digit(text.data[count]); count++) {
        uint64_t digit = text.data[count] - (uint64_t)'0';
        overflows |= __builtin_mul_overflow(result, 10, &result);
        overflows |= __builtin_add_overflow(result, digit, &result);
    }
    assert(count <= text.size);
    *number = overflows ? UINT64_MAX : result;
    return count;
}

enum status text_parse_i64(struct bytes text, int64_t min, int64_t max, int64_t *value)
{
    assert(value != NULL);
    assert(min <= max);
    bool is_negative = text.size > 0 && text.data[0] == '-';
    struct bytes digits = is_negative ? text_from(text, 1) : text;
    uint64_t number;
    size_t count = leading_digits(digits, &number);
    if (count == 0 || count != digits.size)
        return STATUS_INVALID;
    if (number > (uint64_t)INT64_MAX + (is_negative ? 1 : 0))
        return STATUS_OUT_OF_RANGE;
    int64_t result = is_negative ? (int64_t)(0 - number) : (int64_t)number;
    if (result < min || result > max)
        return STATUS_OUT_OF_RANGE;
    *value = result;
    return STATUS_OK;
}

/* strtod reads spaces, hexadecimal, "inf" and "nan" too, which are no numbers in a configuration;
 * so only digits, signs, point and exponent get that far. */
enum status text_parse_f64(struct bytes text, double min, double max, double *value)
{
    assert(value != NULL);
    assert(min <= max);
    char copy[64];
    if (text.size == 0 || text.size >= sizeof copy)
        return STATUS_INVALID;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == 0 || strchr("0123456789+-.eE", text.data[i]) == NULL)
            return STATUS_INVALID;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    char *end;
    double result = strtod(copy, &end);
    if (end != copy + text.size)
        return STATUS_INVALID;
    if (!isfinite(result) || result < min || result > max)
        return STATUS_OUT_OF_RANGE;
    *value = result;
    return STATUS_OK;
}

enum status text_parse_bool(struct bytes text, bool *value)
{
    assert(value != NULL);
    bool is_true = text_equal_ignoring_case(text, "true");
    if (!is_true && !text_equal_ignoring_case(text, "false"))
        return STATUS_INVALID;
    *value = is_true;
    return STATUS_OK;
}

struct unit {
    const char *name;
    int64_t factor;
};

/* From the largest to the smallest, which has factor 1. */
static const struct unit size_units[] = {
    {"TiB", 1ll << 40}, {"GiB", 1ll << 30}, {"MiB", 1ll << 20}, {"KiB", 1ll << 10}, {"B", 1},
};
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
enum {
    SIZE_UNIT_COUNT = sizeof size_units / sizeof size_units[0],
    DURATION_UNIT_COUNT = sizeof duration_units / sizeof duration_units[0],
};

/* One number with its unit, taken off the front of `rest`; a number that ends the text needs none.
 * Adds to `total`. */
static enum status take_quantity(struct bytes *rest, const struct unit *units, size_t unit_count,
                                 int64_t *total)
{
    assert(unit_count > 0);
    assert(*total >= 0);
    uint64_t number;
    size_t digit_count = leading_digits(*rest, &number);
    if (digit_count == 0)
        return STATUS_INVALID;
    *rest = text_from(*rest, digit_count);
    size_t name_size = 0;
    while (name_size < rest->size && !is_digit(rest->data[name_size]))
        name_size++;
    struct bytes name = bytes_of(rest->data, name_size);
    *rest = text_from(*rest, name_size);

    assert(units[unit_count - 1].factor == 1);
    int64_t factor = name_size == 0 ? 1 : 0;
    for (size_t i = 0; i < unit_count; i++)
        if (bytes_equal_text(name, units[i].name))
            factor = units[i].factor;
    if (factor == 0)
        return STATUS_INVALID;
    int64_t part;
    if (number > INT64_MAX || __builtin_mul_overflow((int64_t)number, factor, &part) ||
        __builtin_add_overflow(*total, part, total))
        return STATUS_OUT_OF_RANGE;
    return STATUS_OK;
}

enum status text_parse_size(struct bytes text, int64_t *value)
{
    assert(value != NULL);
    int64_t total = 0;
    enum status status = take_quantity(&text, size_units, SIZE_UNIT_COUNT, &total);
    if (status == STATUS_OK && text.size > 0)
        status = STATUS_INVALID;
    if (status == STATUS_OK)
        *value = total;
    return status;
}

enum status text_parse_duration_ms(struct bytes text, int64_t *value)
{
    assert(value != NULL);
    if (text.size == 0)
        return STATUS_INVALID;
    bool is_plain = true;
    for (size_t i = 0; i < text.size; i++)
        is_plain &= is_digit(text.data[i]);
    /* "1h30" would be a guess: the last part needs its unit unless it is the only one. */
    if (!is_plain && is_digit(text.data[text.size - 1]))
        return STATUS_INVALID;
    int64_t total = 0;
    while (text.size > 0) {
        enum status status = take_quantity(&text, duration_units, DURATION_UNIT_COUNT, &total);
        if (status != STATUS_OK)
            return status;
    }
    *value = total;
    return STATUS_OK;
}

void text_format_size(int64_t value, char text[static TEXT_FORMAT_SIZE])
{
    assert(value >= 0);
    const struct unit *unit = size_units;
    while (unit->factor > 1 && (value < unit->factor || value % unit->factor != 0))
        unit++;
    snprintf(text, TEXT_FORMAT_SIZE, "%lld%s", (long long)(value / unit->factor), unit->name);
}

void text_format_duration_ms(int64_t value, char text[static TEXT_FORMAT_SIZE])
{
    assert(value >= 0);
    size_t size = 0;
    for (size_t i = 0; i < DURATION_UNIT_COUNT; i++) {
        const struct unit *unit = &duration_units[i];
        int64_t part = value / unit->factor;
        bool is_last = i == DURATION_UNIT_COUNT - 1;
        if (part > 0 || (is_last && size == 0))
            size += (size_t)snprintf(text + size, TEXT_FORMAT_SIZE - size, "%lld%s",
                                     (long long)part, unit->name);
        value %= unit->factor;
        assert(size < TEXT_FORMAT_SIZE);
    }
}

/* Days since 1970 to a date of the Gregorian calendar (Hinnant's civil_from_days): years begin in
 * March, so that the leap day is the last of its year. */
static void date_of_day(int64_t day, int *year, int *month, int *day_of_month)
{
    day += 719468;
    assert(day >= 0);
    int64_t era = day / 146097;
    int64_t day_of_era = day % 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day_of_month = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    assert(*month >= 1 && *month <= 12);
    assert(*day_of_month >= 1 && *day_of_month <= 31);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

void text_format_time_ms(int64_t time_ms, char text[static TEXT_FORMAT_SIZE])
{
    const int64_t day_ms = 86400000;
    const int64_t first_ms = -719468 * day_ms + 306 * day_ms; /* the first day of the year 1 */
    const int64_t last_ms = 253402300799999;
    if (time_ms < first_ms)
        time_ms = first_ms;
    if (time_ms > last_ms)
        time_ms = last_ms;
    int64_t day = time_ms / day_ms;
    int64_t rest = time_ms % day_ms;
    if (rest < 0) {
        rest += day_ms;
        day--;
    }
    int year;
    int month;
    int day_of_month;
    date_of_day(day, &year, &month, &day_of_month);
    int size = snprintf(text, TEXT_FORMAT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month,
                        day_of_month, (int)(rest / 3600000), (int)(rest / 60000 % 60),
                        (int)(rest / 1000 % 60), (int)(rest % 1000));
    assert(size == 24);
}

int text_hex_digit(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Sizes and smallest code points by the number of leading one bits of the first byte. */
size_t text_utf8_character(struct bytes text, uint32_t *code_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    assert(code_point != NULL);
    if (text.size == 0)
        return 0;
    assert(text.data != NULL);
    uint8_t first = text.data[0];
    if (first < 0x80) {
        *code_point = first;
        return 1;
    }
    uint32_t size = (uint32_t)__builtin_clz(~((uint32_t)first << 24));
    if (size < 2 || size > 4 || size > text.size)
        return 0;
    uint32_t value = first & (0x7fu >> size);
    for (uint32_t i = 1; i < size; i++) {
        if ((text.data[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (text.data[i] & 0x3f);
    }
    if (value < smallest[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code_point = value;
    return size;
}
