/* Written out instead of left to strptime, which takes the machine's locale and time zone for
 * granted and stops at what it does not understand without a word. */
#include "cli/time_text.h"

#include "base/assert.h"
#include "base/text.h"

#include <time.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000 };

/* Takes exactly `digits` digits off the front. */
static bool take_digits(struct bytes *text, uint32_t digits, int64_t *value)
{
    assert(digits > 0);
    assert(value != NULL);
    *value = 0;
    if (text->size < digits)
        return false;
    for (uint32_t i = 0; i < digits; i++) {
        uint8_t c = text->data[i];
        if (c < '0' || c > '9')
            return false;
        *value = *value * 10 + (c - '0');
    }
    *text = bytes_of(text->data + digits, text->size - digits);
    return true;
}

static bool take_character(struct bytes *text, char c)
{
    if (text->size == 0 || text->data[0] != (uint8_t)c)
        return false;
    *text = bytes_of(text->data + 1, text->size - 1);
    return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, by counting years from March, so that
 * the leap day is the last of its year. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    assert(day >= 1);
    assert(month >= 1 && month <= 12);
    year -= month <= 2;
    int64_t era = year / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool take_date(struct bytes *text, int64_t *time_ms)
{
    int64_t year;
    int64_t month;
    int64_t day;
    if (!take_digits(text, 4, &year) || !take_character(text, '-') ||
        !take_digits(text, 2, &month) || !take_character(text, '-') || !take_digits(text, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    *time_ms = days_since_1970(year, month, day) * DAY_MS;
    return true;
}

/* .5 is 500 ms; digits beyond milliseconds are dropped. */
static bool take_fraction(struct bytes *text, int64_t *time_ms)
{
    if (!take_character(text, '.'))
        return true;
    int64_t digit;
    int64_t worth_ms = 100;
    bool has_digit = false;
    while (take_digits(text, 1, &digit)) {
        *time_ms += digit * worth_ms;
        worth_ms /= 10;
        has_digit = true;
    }
    return has_digit;
}

static bool take_clock(struct bytes *text, int64_t *time_ms)
{
    int64_t hour;
    int64_t minute;
    int64_t second = 0;
    if (!take_digits(text, 2, &hour) || !take_character(text, ':') ||
        !take_digits(text, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *time_ms += hour * HOUR_MS + minute * MINUTE_MS;
    if (!take_character(text, ':'))
        return true;
    if (!take_digits(text, 2, &second) || second > 60)
        return false;
    *time_ms += second * SECOND_MS;
    return take_fraction(text, time_ms);
}

/* Z, +02:00, -0530, or nothing, which is Z. */
static bool take_zone(struct bytes *text, int64_t *time_ms)
{
    if (text->size == 0 || take_character(text, 'Z') || take_character(text, 'z'))
        return true;
    int64_t sign = take_character(text, '+') ? -1 : 1;
    int64_t hour;
    int64_t minute;
    if ((sign > 0 && !take_character(text, '-')) || !take_digits(text, 2, &hour))
        return false;
    take_character(text, ':');
    if (!take_digits(text, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *time_ms += sign * (hour * HOUR_MS + minute * MINUTE_MS);
    return true;
}

static bool parse_calendar(struct bytes text, int64_t *time_ms)
{
    int64_t result;
    if (!take_date(&text, &result))
        return false;
    if (text.size > 0) {
        if (!take_character(&text, 'T') && !take_character(&text, 't') &&
            !take_character(&text, ' '))
            return false;
        if (!take_clock(&text, &result) || !take_zone(&text, &result) || text.size > 0)
            return false;
    }
    *time_ms = result;
    return true;
}

bool time_text_parse(struct bytes text, int64_t now_ms, int64_t *time_ms)
{
    assert(time_ms != NULL);
    int64_t number;
    if (bytes_equal_text(text, "now")) {
        *time_ms = now_ms;
        return true;
    }
    if (text.size > 1 && text.data[0] == '-') {
        if (text_parse_duration_ms(bytes_of(text.data + 1, text.size - 1), &number) != STATUS_OK)
            return false;
        *time_ms = now_ms - number;
        return true;
    }
    if (text_parse_i64(text, 0, INT64_MAX / SECOND_MS, &number) == STATUS_OK) {
        *time_ms = text.size == 10 ? number * SECOND_MS : number;
        return true;
    }
    return parse_calendar(text, time_ms);
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

int64_t time_now_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t time_steady_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}
