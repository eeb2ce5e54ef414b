#include "expression/time_value.h"

#include "base/timestamp.h"

#define NS_PER_S INT64_C(1000000000)

static bool in_range(enum bl_value_type type, int64_t seconds, int64_t ns) {
    if (type == BL_VALUE_TIMESTAMP) {
        return seconds >= BL_TIMESTAMP_FIRST_S && seconds <= BL_TIMESTAMP_LAST_S;
    }
    __int128 length = (__int128)seconds * NS_PER_S + ns;
    return length >= INT64_MIN && length <= INT64_MAX;
}

bool bl_time_sum(enum bl_value_type type, const struct bl_value *a, const struct bl_value *b,
                 int sign, struct bl_value *out) {
    /* Both are in range, so nothing here comes near the ends of int64. */
    int64_t seconds = a->as.integer + sign * b->as.integer;
    int64_t ns = (int64_t)a->count + sign * (int64_t)b->count;

    if (ns < 0) {
        ns += NS_PER_S;
        seconds--;
    } else if (ns >= NS_PER_S) {
        ns -= NS_PER_S;
        seconds++;
    }
    if (!in_range(type, seconds, ns)) {
        return false;
    }
    *out = (struct bl_value){.type = (uint8_t)type, .count = (uint32_t)ns, .as.integer = seconds};
    return true;
}

bool bl_time_is_valid(const struct bl_value *value) {
    return value->count < NS_PER_S &&
           in_range((enum bl_value_type)value->type, value->as.integer, value->count);
}

bool bl_timestamp_from_seconds(int64_t epoch_s, struct bl_value *out) {
    *out = (struct bl_value){.type = BL_VALUE_TIMESTAMP, .as.integer = epoch_s};
    return in_range(BL_VALUE_TIMESTAMP, epoch_s, 0);
}

struct bl_value bl_timestamp_from_ns(int64_t epoch_ns) {
    int64_t seconds = epoch_ns / NS_PER_S - (epoch_ns % NS_PER_S < 0);

    return (struct bl_value){.type = BL_VALUE_TIMESTAMP,
                             .count = (uint32_t)(epoch_ns - seconds * NS_PER_S),
                             .as.integer = seconds};
}

bool bl_timestamp_parse(struct bl_str text, struct bl_value *out) {
    int64_t seconds;
    uint32_t ns;

    if (!bl_timestamp_read_exact(text, &seconds, &ns) ||
        !in_range(BL_VALUE_TIMESTAMP, seconds, ns)) {
        return false;
    }
    *out = (struct bl_value){.type = BL_VALUE_TIMESTAMP, .count = ns, .as.integer = seconds};
    return true;
}

static bool is_digit(struct bl_str text) {
    return text.len > 0 && text.data[0] >= '0' && text.data[0] <= '9';
}

static void skip(struct bl_str *text, size_t bytes) {
    text->data += bytes;
    text->len -= bytes;
}

/* The unit at the start of the text in nanoseconds, 0 if there is none. */
static int64_t take_unit(struct bl_str *text) {
    static const struct {
        struct bl_str name;
        int64_t ns;
    } units[] = {
        {BL_STR("ns"), 1},
        {BL_STR("us"), 1000},
        {BL_STR("µs"), 1000},
        {BL_STR("ms"), 1000000},
        {BL_STR("s"), NS_PER_S},
        {BL_STR("m"), 60 * NS_PER_S},
        {BL_STR("h"), 3600 * NS_PER_S},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (bl_str_starts_with(*text, units[i].name)) {
            skip(text, units[i].name.len);
            return units[i].ns;
        }
    }
    return 0;
}

/* "12.5h" in nanoseconds; false if malformed or far out of range. Parts of a nanosecond are cut. */
static bool take_part(struct bl_str *text, __int128 *ns) {
    __int128 whole = 0;
    int64_t fraction = 0;
    int64_t scale = 1; /* of the fraction */
    bool any = false;

    for (; is_digit(*text); skip(text, 1), any = true) {
        whole = whole * 10 + (text->data[0] - '0');
        if (whole > UINT64_MAX) {
            return false;
        }
    }
    if (text->len > 0 && text->data[0] == '.') {
        skip(text, 1);
        for (; is_digit(*text); skip(text, 1), any = true) {
            if (scale < INT64_C(100000000000000)) { /* an hour to the nanosecond */
                fraction = fraction * 10 + (text->data[0] - '0');
                scale *= 10;
            }
        }
    }
    int64_t unit = any ? take_unit(text) : 0;
    *ns = whole * unit + (__int128)fraction * unit / scale;
    return unit != 0;
}

bool bl_duration_parse(struct bl_str text, struct bl_value *out) {
    __int128 total = 0;
    bool negative = text.len > 0 && text.data[0] == '-';
    bool is_zero;

    if (text.len > 0 && (negative || text.data[0] == '+')) {
        skip(&text, 1);
    }
    is_zero = bl_str_equal(text, BL_STR("0")); /* the one number that needs no unit */
    if (text.len == 0) {
        return false;
    }
    while (!is_zero && text.len > 0) {
        __int128 ns;
        if (!take_part(&text, &ns) || total > UINT64_MAX) {
            return false;
        }
        total += ns;
    }
    total = negative ? -total : total;
    if (total < INT64_MIN || total > INT64_MAX) {
        return false;
    }
    int64_t seconds = (int64_t)(total / NS_PER_S) - (total % NS_PER_S < 0);
    *out = (struct bl_value){.type = BL_VALUE_DURATION,
                             .count = (uint32_t)(total - (__int128)seconds * NS_PER_S),
                             .as.integer = seconds};
    return true;
}

/* ".5" for 500000000: no trailing zeros; nothing for 0. */
static void put_fraction(uint32_t ns, struct bl_buf *buf) {
    char digits[10];
    int len = 9;

    if (ns == 0) {
        return;
    }
    for (int i = 8; i >= 0; i--) {
        digits[i] = (char)('0' + ns % 10);
        ns /= 10;
    }
    while (digits[len - 1] == '0') {
        len--;
    }
    bl_buf_char(buf, '.');
    bl_buf_bytes(buf, digits, (size_t)len);
}

void bl_timestamp_text(const struct bl_value *timestamp, struct bl_buf *buf) {
    struct bl_calendar at;

    bl_calendar_of(timestamp->as.integer, &at);
    bl_buf_printf(buf, "%04d-%02d-%02dT%02d:%02d:%02d", (int)at.year, at.month, at.day, at.hour,
                  at.minute, at.second);
    put_fraction(timestamp->count, buf);
    bl_buf_char(buf, 'Z');
}

void bl_duration_text(const struct bl_value *duration, struct bl_buf *buf) {
    int64_t seconds = duration->as.integer;
    uint32_t ns = duration->count;

    if (seconds < 0) {
        bl_buf_char(buf, '-');
        seconds = ns > 0 ? -(seconds + 1) : -seconds;
        ns = ns > 0 ? (uint32_t)(NS_PER_S - ns) : 0;
    }
    bl_buf_i64(buf, seconds);
    put_fraction(ns, buf);
    bl_buf_char(buf, 's');
}

bool bl_zone_parse(struct bl_str text, int *minutes) {
    char moment[32];
    struct bl_buf buf;
    int64_t at_zone, at_utc;

    if (bl_str_equal(text, BL_STR("UTC"))) {
        text = BL_STR("Z");
    }
    bl_buf_init(&buf, moment, sizeof(moment));
    bl_buf_literal(&buf, "2000-01-01T00:00:00");
    if (is_digit(text)) {
        bl_buf_char(&buf, '+');
    }
    bl_buf_str(&buf, text);
    if (buf.overflowed || text.len == 0 || text.data[0] == '.' ||
        !bl_timestamp_read(bl_buf_view(&buf), &at_zone)) {
        return false;
    }
    (void)bl_timestamp_read(BL_STR("2000-01-01T00:00:00Z"), &at_utc);
    *minutes = (int)((at_utc - at_zone) / 60000);
    return true;
}
