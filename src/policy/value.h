/*
 * Values that conditions compare.
 *
 * A fact read from a request and a constant written in a policy have the same small type: scalars,
 * and lists of scalars. 16 bytes, plain data: an array of them is the recordable part of a
 * decision's input that depends on the request.
 */
#ifndef BL_POLICY_VALUE_H
#define BL_POLICY_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "json/json.h"

enum bl_value_type {
    BL_VALUE_ABSENT, /* the request has no such value */
    BL_VALUE_NULL,
    BL_VALUE_BOOL,
    BL_VALUE_INT,
    BL_VALUE_UINT, /* above INT64_MAX only */
    BL_VALUE_DOUBLE,
    BL_VALUE_STRING,
    BL_VALUE_LIST, /* of scalars */
    BL_VALUE_OPAQUE, /* present, but of a shape conditions do not compare (an object, a list of lists) */
    BL_VALUE_TYPE_COUNT
};

struct bl_value {
    uint8_t type;   /* enum bl_value_type */
    uint32_t count; /* bytes of a string, items of a list */
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double number;
        const char *string;
        const struct bl_value *items;
    } as;
};

/* A JSON value as a fact. Strings stay views into the document; list items are taken from `arena`.
 * Fails with RESOURCE_EXHAUSTED only. */
BL_MUST_USE bl_result bl_value_from_json(struct bl_json json, struct bl_arena *arena,
                                         struct bl_value *out);

/* Equality as in CEL: numbers compare by value across the numeric types (1 == 1.0), every other
 * mix of types is unequal; ABSENT and OPAQUE equal nothing, not even themselves. */
bool bl_value_equal(const struct bl_value *a, const struct bl_value *b);

/* Order of two numbers or two strings (by bytes): sets *order to <0, 0, >0 and returns true; false
 * for every other pair of types and for NaN. */
bool bl_value_order(const struct bl_value *a, const struct bl_value *b, int *order);

/* Whether `list` is a list that holds `item`. */
bool bl_value_in(const struct bl_value *item, const struct bl_value *list);

#endif
