#include "wire/decision_id.h"

#include <endian.h>
#include <string.h>

#include "base/siphash.h"
#include "base/text.h"

/*
 * Bytes of an id, before base64url; numbers are little-endian:
 *
 *   1  format, 1
 *   4  key id: which router key signed it
 *   8  time in ms      8  nonce      8  policy content hash      8  reserve in nano-units
 *   1+n tenant id      1+n provider id      1+n policy id
 *  16  SipHash-2-4-128 of all before, under the router key
 */
#define FORMAT 1
#define NUMBERS 4
#define SIGNATURE_BYTES 16
#define TEXT_MAX 255
#define RAW_MAX (1 + 4 + NUMBERS * 8 + 3 * (1 + TEXT_MAX) + SIGNATURE_BYTES)

_Static_assert((RAW_MAX * 4 + 2) / 3 <= BL_DECISION_ID_MAX, "the longest id fits its bound");

static uint32_t key_id(const uint8_t key[16]) {
    static const char label[] = "decision-id-key";

    return (uint32_t)bl_siphash64(key, label, sizeof(label) - 1);
}

static void put_u64(struct bl_buf *raw, uint64_t value) {
    uint64_t bytes = htole64(value);

    bl_buf_bytes(raw, &bytes, sizeof(bytes));
}

static uint64_t get_u64(const char *bytes) {
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return le64toh(value);
}

static void put_u32(struct bl_buf *raw, uint32_t value) {
    uint32_t bytes = htole32(value);

    bl_buf_bytes(raw, &bytes, sizeof(bytes));
}

static uint32_t get_u32(const char *bytes) {
    uint32_t value;

    memcpy(&value, bytes, sizeof(value));
    return le32toh(value);
}

static void put_text(struct bl_buf *raw, struct bl_str text) {
    size_t len = text.len < TEXT_MAX ? text.len : TEXT_MAX;

    bl_buf_char(raw, (char)len);
    bl_buf_bytes(raw, text.data, len);
}

void bl_decision_id_write(const struct bl_decision_facts *facts, const uint8_t key[16],
                          struct bl_buf *buf) {
    char storage[RAW_MAX];
    struct bl_buf raw;
    uint64_t signature[2];

    bl_buf_init(&raw, storage, sizeof(storage));
    bl_buf_char(&raw, FORMAT);
    put_u32(&raw, key_id(key));
    put_u64(&raw, (uint64_t)facts->time_ms);
    put_u64(&raw, facts->nonce);
    put_u64(&raw, facts->policy_content_hash);
    put_u64(&raw, (uint64_t)facts->reserve_nano);
    put_text(&raw, facts->tenant_id);
    put_text(&raw, facts->provider_id);
    put_text(&raw, facts->policy_id);
    bl_siphash128(key, raw.data, raw.len, signature);
    put_u64(&raw, signature[0]);
    put_u64(&raw, signature[1]);
    bl_base64url_write(buf, raw.data, raw.len);
}

static bool take_text(struct bl_str *rest, struct bl_str *out) {
    size_t len = rest->len > 0 ? (uint8_t)rest->data[0] : 0;

    if (rest->len < 1 + len) {
        return false;
    }
    *out = (struct bl_str){rest->data + 1, len};
    *rest = (struct bl_str){rest->data + 1 + len, rest->len - 1 - len};
    return true;
}

/* All differences are looked at, so that the time taken says nothing of where the first one is. */
static bool same_signature(const char *bytes, const uint64_t signature[2]) {
    return ((get_u64(bytes) ^ signature[0]) | (get_u64(bytes + 8) ^ signature[1])) == 0;
}

bl_result bl_decision_id_read(struct bl_str text, const uint8_t key[16], char *scratch,
                              struct bl_decision_facts *out) {
    const size_t head = 1 + 4 + NUMBERS * 8;
    uint64_t signature[2];
    size_t len;

    if (!bl_base64url_read(text, scratch, RAW_MAX, &len) || len < head + 3 + SIGNATURE_BYTES ||
        scratch[0] != FORMAT || get_u32(scratch + 1) != key_id(key)) {
        return BL_FAIL(INVALID_REQUEST);
    }
    len -= SIGNATURE_BYTES;
    bl_siphash128(key, scratch, len, signature);
    if (!same_signature(scratch + len, signature)) {
        return BL_FAIL(INVALID_REQUEST);
    }
    struct bl_str rest = {scratch + head, len - head};
    const char *numbers = scratch + 5;
    out->time_ms = (int64_t)get_u64(numbers);
    out->nonce = get_u64(numbers + 8);
    out->policy_content_hash = get_u64(numbers + 16);
    out->reserve_nano = (int64_t)get_u64(numbers + 24);
    if (!take_text(&rest, &out->tenant_id) || !take_text(&rest, &out->provider_id) ||
        !take_text(&rest, &out->policy_id) || rest.len != 0) {
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}
