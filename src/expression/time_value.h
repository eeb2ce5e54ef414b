/*
 * Timestamps and durations of expressions: seconds, rounded down, and nanoseconds.
 *
 * Ranges are those of CEL (cel-spec, "Overflow"): the years 1 to 9999, and as many nanoseconds as an
 * int64 holds, some ± 292 years. Pure, any thread.
 */
#ifndef BL_EXPRESSION_TIME_VALUE_H
#define BL_EXPRESSION_TIME_VALUE_H

#include "expression/value.h"

#define BL_TIMESTAMP_FIRST_S INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define BL_TIMESTAMP_LAST_S INT64_C(253402300799)  /* 9999-12-31T23:59:59Z */

/* `a` + `sign` × `b`, as a value of `type` (TIMESTAMP or DURATION); false if out of range. `sign` is
 * 1 or -1. */
bool bl_time_sum(enum bl_value_type type, const struct bl_value *a, const struct bl_value *b,
                 int sign, struct bl_value *out);

/* Whether a timestamp or duration from outside is in range. */
bool bl_time_is_valid(const struct bl_value *value);

/* Whole seconds as a timestamp; false if out of range. */
bool bl_timestamp_from_seconds(int64_t epoch_s, struct bl_value *out);
/* Nanoseconds of the epoch. */
struct bl_value bl_timestamp_from_ns(int64_t epoch_ns);

/* RFC 3339 (base/timestamp.h); false if malformed or out of range. */
bool bl_timestamp_parse(struct bl_str text, struct bl_value *out);
/* "1h30m", "-1.5s", "250ms", "10us", "7ns", "0": decimal numbers with units, largest to smallest or
 * not, as Go and CEL have it; false if malformed or out of range. */
bool bl_duration_parse(struct bl_str text, struct bl_value *out);

/* RFC 3339 with as many digits of the second as needed; seconds with `s`: "1.5s". */
void bl_timestamp_text(const struct bl_value *timestamp, struct bl_buf *buf);
void bl_duration_text(const struct bl_value *duration, struct bl_buf *buf);

/* Offset of a zone from UTC in minutes: "UTC", "Z", "+02:00", "02:00", "-05:30". Names of places are not
 * known here: the pure core has no table of them. */
bool bl_zone_parse(struct bl_str text, int *minutes);

#endif
