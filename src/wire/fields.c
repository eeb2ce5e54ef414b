#include "wire/fields.h"

#include <math.h>

struct bl_json bl_wire_member(struct bl_json object, struct bl_str key) {
    struct bl_json value = bl_json_get(object, key);

    return bl_json_is(value, BL_JSON_NULL) ? BL_JSON_NOTHING : value;
}

static bool is_absent(struct bl_json value) {
    enum bl_json_type type = bl_json_type(value);

    return type == BL_JSON_ABSENT || type == BL_JSON_NULL;
}

bl_result bl_wire_refuse_type(struct bl_refusal *refusal, struct bl_json value, const char *path,
                              const char *wanted) {
    struct bl_diag *diag =
        bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_SCHEMA_VALIDATION_FAILED);

    bl_json_locate(value, diag);
    bl_diag_path(diag, "%s", path);
    bl_diag_message(diag, "must be %s, found %s", wanted, bl_json_type_name(bl_json_type(value)));
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result refuse_number(struct bl_refusal *refusal, struct bl_json value, const char *path) {
    struct bl_diag *diag =
        bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_SCHEMA_VALIDATION_FAILED);

    bl_json_locate(value, diag);
    bl_diag_path(diag, "%s", path);
    bl_diag_message(diag, "must not be negative");
    return BL_FAIL(INVALID_REQUEST);
}

bl_result bl_wire_string(struct bl_refusal *refusal, struct bl_json value, const char *path,
                         struct bl_str *out) {
    if (is_absent(value) || bl_json_string(value, out)) {
        return BL_OK;
    }
    return bl_wire_refuse_type(refusal, value, path, "a string");
}

bl_result bl_wire_bool(struct bl_refusal *refusal, struct bl_json value, const char *path,
                       bool *out) {
    if (is_absent(value) || bl_json_bool(value, out)) {
        return BL_OK;
    }
    return bl_wire_refuse_type(refusal, value, path, "true or false");
}

bl_result bl_wire_object(struct bl_refusal *refusal, struct bl_json value, const char *path,
                         struct bl_json *out) {
    if (is_absent(value)) {
        return BL_OK;
    }
    if (!bl_json_is(value, BL_JSON_OBJECT)) {
        return bl_wire_refuse_type(refusal, value, path, "an object");
    }
    *out = value;
    return BL_OK;
}

bl_result bl_wire_metadata(struct bl_refusal *refusal, struct bl_json value, const char *path,
                           struct bl_json *out) {
    size_t bytes = bl_json_source(value).len;

    BL_TRY(bl_wire_object(refusal, value, path, out));
    if (bytes <= BL_WIRE_METADATA_MAX) {
        return BL_OK;
    }
    struct bl_diag *diag =
        bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_PAYLOAD_TOO_LARGE);
    bl_diag_path(diag, "%s", path);
    bl_diag_message(diag, "has %zu bytes, at most %d are allowed", bytes, BL_WIRE_METADATA_MAX);
    bl_diag_hint(diag, "large data belongs into the payload, or behind payload_ref");
    return BL_FAIL(INVALID_REQUEST);
}

bl_result bl_wire_check_id(struct bl_refusal *refusal, struct bl_str id, const char *path,
                           size_t max_bytes) {
    if (id.len <= max_bytes) {
        return BL_OK;
    }
    struct bl_diag *diag =
        bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID);
    bl_diag_path(diag, "%s", path);
    bl_diag_message(diag, "has %zu bytes, at most %zu are allowed", id.len, max_bytes);
    return BL_FAIL(INVALID_REQUEST);
}

bl_result bl_wire_id(struct bl_refusal *refusal, struct bl_json value, const char *path,
                     size_t max_bytes, struct bl_str *out) {
    struct bl_str id = BL_STR_ABSENT;

    BL_TRY(bl_wire_string(refusal, value, path, &id));
    BL_TRY(bl_wire_check_id(refusal, id, path, max_bytes));
    if (!bl_str_is_blank(id)) {
        *out = id;
    }
    return BL_OK;
}

bl_result bl_wire_loose_bool(struct bl_refusal *refusal, struct bl_json value, const char *path,
                             bool *out) {
    struct bl_str text = BL_STR_ABSENT;
    int64_t number = -1;

    if (is_absent(value) || bl_json_bool(value, out)) {
        return BL_OK;
    }
    (void)bl_json_string(value, &text);
    (void)bl_json_int64(value, &number);
    if (bl_str_equal_c(text, "true") || number == 1) {
        *out = true;
        return BL_OK;
    }
    if (bl_str_equal_c(text, "false") || number == 0) {
        *out = false;
        return BL_OK;
    }
    return bl_wire_refuse_type(refusal, value, path,
                               "true or false (or \"true\", \"false\", 1, 0)");
}

static bl_result amount(struct bl_refusal *refusal, struct bl_json value, const char *path,
                        double *out) {
    if (!bl_json_double(value, out) || !isfinite(*out)) {
        return bl_wire_refuse_type(refusal, value, path, "a number");
    }
    return *out < 0 ? refuse_number(refusal, value, path) : BL_OK;
}

bl_result bl_wire_duration_ms(struct bl_refusal *refusal, struct bl_json value, const char *path,
                              int64_t *out) {
    double number;

    if (is_absent(value)) {
        return BL_OK;
    }
    BL_TRY(amount(refusal, value, path, &number));
    if (!bl_json_int64(value, out)) {
        *out = number < 0x1p63 ? (int64_t)number : INT64_MAX;
    }
    return BL_OK;
}

bl_result bl_wire_money(struct bl_refusal *refusal, struct bl_json value, const char *path,
                        int64_t *out) {
    double number;

    if (is_absent(value)) {
        return BL_OK;
    }
    BL_TRY(amount(refusal, value, path, &number));
    if (!bl_money_from_double(number, out)) {
        *out = INT64_MAX;
    }
    return BL_OK;
}

struct bl_str bl_wire_peek_id(struct bl_json value, size_t max_bytes) {
    struct bl_str id = BL_STR_ABSENT;

    if (!bl_json_string(value, &id) || bl_str_is_blank(id) || id.len > max_bytes) {
        return BL_STR_ABSENT;
    }
    return id;
}
