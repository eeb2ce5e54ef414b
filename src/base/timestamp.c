#include "base/timestamp.h"

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar, and back. Years are counted
 * from March, so that the leap day is the last of its year; an era is 400 years, 146097 days.
 * Source: H. Hinnant, "chrono-compatible low-level date algorithms". `year` ≥ 0. */
static int64_t days_from_date(int64_t year, int month, int day) {
    if (month <= 2) {
        year--;
    }
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int *month, int *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

void bl_calendar_of(int64_t epoch_s, struct bl_calendar *out) {
    int64_t days = epoch_s / 86400 - (epoch_s % 86400 < 0);
    int64_t in_day = epoch_s - days * 86400;

    date_from_days(days, &out->year, &out->month, &out->day);
    out->hour = (int)(in_day / 3600);
    out->minute = (int)(in_day / 60 % 60);
    out->second = (int)(in_day % 60);
    out->day_of_year = (int)(days - days_from_date(out->year, 1, 1));
    out->day_of_week = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

/* The `width` decimal digits of `value`. */
static void put(char *out, int64_t value, int width) {
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void bl_timestamp_write(struct bl_buf *buf, int64_t epoch_ms) {
    char text[BL_TIMESTAMP_BYTES + 1] = "0000-00-00T00:00:00.000Z";
    struct bl_calendar at;

    epoch_ms = epoch_ms < BL_TIMESTAMP_MIN_MS ? BL_TIMESTAMP_MIN_MS : epoch_ms;
    epoch_ms = epoch_ms > BL_TIMESTAMP_MAX_MS ? BL_TIMESTAMP_MAX_MS : epoch_ms;
    int64_t epoch_s = epoch_ms / BL_MS_PER_S - (epoch_ms % BL_MS_PER_S < 0);
    bl_calendar_of(epoch_s, &at);
    put(text, at.year, 4);
    put(text + 5, at.month, 2);
    put(text + 8, at.day, 2);
    put(text + 11, at.hour, 2);
    put(text + 14, at.minute, 2);
    put(text + 17, at.second, 2);
    put(text + 20, epoch_ms - epoch_s * BL_MS_PER_S, 3);
    bl_buf_bytes(buf, text, BL_TIMESTAMP_BYTES);
}

/* Takes `width` digits off the front of `*text`: their value, or -1. */
static int take(struct bl_str *text, size_t width) {
    int value = 0;

    if (text->len < width) {
        return -1;
    }
    for (size_t i = 0; i < width; i++) {
        char c = text->data[i];
        if (c < '0' || c > '9') {
            return -1;
        }
        value = value * 10 + (c - '0');
    }
    text->data += width;
    text->len -= width;
    return value;
}

/* Takes one byte off the front if it is one of `accepted`; else '\0'. */
static char take_one(struct bl_str *text, const char *accepted) {
    if (text->len == 0 || text->data[0] == '\0' || strchr(accepted, text->data[0]) == NULL) {
        return '\0';
    }
    text->len--;
    return *text->data++;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* ".123456789" → nanoseconds; nothing there is 0; -1 if malformed. */
static int take_fraction(struct bl_str *text) {
    int ns = 0;
    int digits = 0;
    int digit;

    if (take_one(text, ".") == '\0') {
        return 0;
    }
    while ((digit = take(text, 1)) >= 0) {
        if (digits < 9) {
            ns = ns * 10 + digit;
        }
        digits++;
    }
    for (int i = digits; i < 9; i++) {
        ns *= 10;
    }
    return digits >= 1 && digits <= 9 ? ns : -1;
}

/* "Z" or "+02:00" up to the end of the text, in minutes; false if malformed. */
static bool take_offset(struct bl_str *text, int *minutes) {
    char sign = take_one(text, "Zz+-");

    if (sign == '+' || sign == '-') {
        int hour = take(text, 2);
        bool colon = take_one(text, ":") != '\0';
        int minute = take(text, 2);
        if (hour < 0 || hour > 23 || !colon || minute < 0 || minute > 59) {
            return false;
        }
        *minutes = (sign == '-' ? -1 : 1) * (hour * 60 + minute);
    } else {
        *minutes = 0;
    }
    return sign != '\0' && text->len == 0;
}

bool bl_timestamp_read_exact(struct bl_str text, int64_t *epoch_s, uint32_t *ns) {
    static const char *const before[] = {"", "-", "-", "Tt ", ":", ":"};
    static const int most[] = {9999, 12, 31, 23, 59, 60};
    int field[6];
    int offset_minutes;

    for (int i = 0; i < 6; i++) {
        if (i > 0 && take_one(&text, before[i]) == '\0') {
            return false;
        }
        field[i] = take(&text, i == 0 ? 4 : 2);
        if (field[i] < 0 || field[i] > most[i]) {
            return false;
        }
    }
    int fraction_ns = take_fraction(&text);
    if (fraction_ns < 0 || !take_offset(&text, &offset_minutes)) {
        return false;
    }
    if (field[1] < 1 || field[2] < 1 || field[2] > days_in_month(field[0], field[1])) {
        return false;
    }
    int64_t days = days_from_date(field[0], field[1], field[2]);
    int64_t minutes = (days * 24 + field[3]) * 60 + field[4] - offset_minutes;
    *epoch_s = minutes * 60 + field[5];
    *ns = (uint32_t)fraction_ns;
    return true;
}

bool bl_timestamp_read(struct bl_str text, int64_t *epoch_ms) {
    int64_t epoch_s;
    uint32_t ns;

    if (!bl_timestamp_read_exact(text, &epoch_s, &ns)) {
        return false;
    }
    *epoch_ms = epoch_s * BL_MS_PER_S + ns / BL_NS_PER_MS;
    return true;
}
