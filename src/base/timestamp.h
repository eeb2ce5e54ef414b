/*
 * How time is written down here.
 *
 * The pure folders are handed the time; they never ask for it. A name says what it holds:
 *
 *   *_ms  int64_t, milliseconds; a moment counts from 1970-01-01T00:00:00Z without leap seconds
 *   *_ns  int64_t, nanoseconds; the same epoch where it is a moment. Reaches the year 2262
 *   now_ms, deadline_ms, expires_ms are moments; timeout_ms, latency_ms, age_ms are lengths
 *   monotonic moments (no epoch, never step back) say so: monotonic_ns
 *
 * Deadlines are compared with sums that cannot overflow: bl_time_add.
 */
#ifndef BL_BASE_TIMESTAMP_H
#define BL_BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define BL_NS_PER_MS INT64_C(1000000)
#define BL_MS_PER_S INT64_C(1000)
#define BL_MS_PER_DAY INT64_C(86400000)

#define BL_TIMESTAMP_BYTES 24 /* "2026-01-31T23:59:59.999Z" */

/* The first and the last moment with a year of four digits. */
#define BL_TIMESTAMP_MIN_MS INT64_C(-62167219200000) /* 0000-01-01T00:00:00.000Z */
#define BL_TIMESTAMP_MAX_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* `moment` + `length`, held at the ends of int64 instead of overflowing. */
static inline int64_t bl_time_add(int64_t moment, int64_t length) {
    int64_t sum;

    if (__builtin_add_overflow(moment, length, &sum)) {
        return length < 0 ? INT64_MIN : INT64_MAX;
    }
    return sum;
}

/* Appends RFC 3339 in UTC with milliseconds, BL_TIMESTAMP_BYTES bytes. A moment outside the range
 * above is written as its nearer end. */
void bl_timestamp_write(struct bl_buf *buf, int64_t epoch_ms);

/* Reads RFC 3339: "2026-01-31T23:59:59Z", with a fraction of 1 to 9 digits (cut to milliseconds)
 * and an offset such as "+02:00"; 't', 'z' and a space for 'T' are accepted, as are leap seconds
 * (:60, taken as the next second). False, and `*epoch_ms` untouched, for anything else. */
bool bl_timestamp_read(struct bl_str text, int64_t *epoch_ms);
/* The same to the nanosecond: seconds of the epoch, rounded down, and 0 … 999999999 ns. */
bool bl_timestamp_read_exact(struct bl_str text, int64_t *epoch_s, uint32_t *ns);

/* A moment on the calendar, in UTC. */
struct bl_calendar {
    int64_t year;
    int month, day; /* from 1 */
    int hour, minute, second;
    int day_of_year; /* from 0 */
    int day_of_week; /* 0 = Sunday */
};
void bl_calendar_of(int64_t epoch_s, struct bl_calendar *out);

#endif
