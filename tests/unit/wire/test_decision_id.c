#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "wire/decision_id.h"

static const uint8_t key[16] = {1, 2, 3, 4};
static const uint8_t other_key[16] = {1, 2, 3, 5};

static char storage[BL_DECISION_ID_MAX];
static char scratch[BL_DECISION_ID_MAX];

static struct bl_str write_id(const struct bl_decision_facts *facts) {
    struct bl_buf buf;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_decision_id_write(facts, key, &buf);
    assert_false(buf.overflowed);
    return bl_buf_view(&buf);
}

static const struct bl_decision_facts sample = {
    .time_ms = 1764000000123,
    .nonce = 0xfedcba9876543210,
    .policy_content_hash = 0x0123456789abcdef,
    .reserve_nano = 12000000,
    .tenant_id = {"acme", 4},
    .provider_id = {"openai/gpt-4o", 13},
    .policy_id = {"default", 7},
};

static void what_is_written_is_read(void **state) {
    struct bl_decision_facts read;
    (void)state;
    assert_true(bl_is_ok(bl_decision_id_read(write_id(&sample), key, scratch, &read)));
    assert_true(read.time_ms == sample.time_ms && read.nonce == sample.nonce);
    assert_true(read.policy_content_hash == sample.policy_content_hash);
    assert_true(read.reserve_nano == sample.reserve_nano);
    assert_true(bl_str_equal(read.tenant_id, sample.tenant_id));
    assert_true(bl_str_equal(read.provider_id, sample.provider_id));
    assert_true(bl_str_equal(read.policy_id, sample.policy_id));
}

static void the_longest_ids_fit(void **state) {
    char longest[255];
    struct bl_decision_facts facts = sample, read;
    (void)state;
    memset(longest, 'x', sizeof(longest));
    facts.tenant_id = facts.provider_id = facts.policy_id = (struct bl_str){longest, 255};
    facts.reserve_nano = INT64_MIN;
    struct bl_str id = write_id(&facts);
    assert_true(id.len <= BL_DECISION_ID_MAX);
    assert_true(bl_is_ok(bl_decision_id_read(id, key, scratch, &read)));
    assert_true(bl_str_equal(read.policy_id, facts.policy_id));
    assert_true(read.reserve_nano == INT64_MIN);
}

static void another_key_does_not_read_it(void **state) {
    struct bl_decision_facts read;
    (void)state;
    assert_int_equal(bl_decision_id_read(write_id(&sample), other_key, scratch, &read).error,
                     BL_E_INVALID_REQUEST);
}

static void every_changed_bit_is_noticed(void **state) {
    char raw[BL_DECISION_ID_MAX];
    char changed[BL_DECISION_ID_MAX];
    struct bl_decision_facts read;
    size_t len;
    (void)state;
    assert_true(bl_base64url_read(write_id(&sample), raw, sizeof(raw), &len));
    for (size_t bit = 0; bit < len * 8; bit++) {
        struct bl_buf buf;
        raw[bit / 8] = (char)(raw[bit / 8] ^ (1 << (bit % 8)));
        bl_buf_init(&buf, changed, sizeof(changed));
        bl_base64url_write(&buf, raw, len);
        assert_int_equal(bl_decision_id_read(bl_buf_view(&buf), key, scratch, &read).error,
                         BL_E_INVALID_REQUEST);
        raw[bit / 8] = (char)(raw[bit / 8] ^ (1 << (bit % 8)));
    }
}

static void every_cut_is_noticed(void **state) {
    struct bl_decision_facts read;
    (void)state;
    struct bl_str id = write_id(&sample);
    for (size_t len = 0; len < id.len; len++) {
        assert_int_equal(
            bl_decision_id_read((struct bl_str){id.data, len}, key, scratch, &read).error,
            BL_E_INVALID_REQUEST);
    }
}

static void what_is_no_id_is_refused(void **state) {
    static char longer[4 * BL_DECISION_ID_MAX];
    struct bl_decision_facts read;
    (void)state;
    memset(longer, 'A', sizeof(longer));
    assert_true(bl_is_error(bl_decision_id_read(BL_STR("hello world!"), key, scratch, &read)));
    assert_true(bl_is_error(bl_decision_id_read(BL_STR_ABSENT, key, scratch, &read)));
    assert_true(bl_is_error(
        bl_decision_id_read((struct bl_str){longer, sizeof(longer)}, key, scratch, &read)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_longest_ids_fit),
        cmocka_unit_test(another_key_does_not_read_it),
        cmocka_unit_test(every_changed_bit_is_noticed),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(what_is_no_id_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
