#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "support/header_list.h"
#include "support/json_text.h"
#include "wire/fields.h"
#include "wire/recover.h"

static struct bl_request request;

static void recover(const char *quoted, const char *const *headers) {
    struct bl_message message = message_of(json_text(quoted), headers);
    bl_wire_recover(&message, BL_STR("generated"), &request);
}

static void expect(const char *request_id, const char *trace_id, enum bl_dialect dialect) {
    assert_true(bl_str_equal_c(request.request_id, request_id));
    assert_true(bl_str_equal(request.trace_id, bl_str_from_c(trace_id)));
    assert_int_equal(request.dialect, dialect);
}

static void ids_are_found_in_broken_text(void **state) {
    (void)state;
    recover("{'request_id':'r-1','trace_id':'t-1','task':{'type':", NULL);
    expect("r-1", "t-1", BL_DIALECT_CANONICAL);
    recover("{'message_id':'m-1','message':{", NULL);
    expect("m-1", NULL, BL_DIALECT_GATEWAY);
    recover("not json", NULL);
    expect("generated", NULL, BL_DIALECT_CANONICAL);
    recover("", NULL);
    expect("generated", NULL, BL_DIALECT_CANONICAL);
}

static void headers_fill_what_the_text_lacks(void **state) {
    static const char *const headers[] = {"x-request-id", "h-1", "Trace_Id", "ht", NULL};
    static const char *const legacy[] = {"X-Trace-Id", "xt", "trace_id", "", NULL};
    (void)state;
    recover("{'message_id':'m-1','trace_id':'t-1',", headers);
    expect("h-1", "ht", BL_DIALECT_CANONICAL);
    recover("{'request_id':'r-1',", headers);
    expect("r-1", "ht", BL_DIALECT_CANONICAL);
    recover("{'request_id':'',", legacy);
    expect("generated", "xt", BL_DIALECT_CANONICAL);
}

static void what_is_too_long_is_no_id(void **state) {
    char text[1024];
    (void)state;
    for (int over = -1; over <= 1; over++) {
        size_t len = 0;
        len += (size_t)snprintf(text, sizeof(text), "{'request_id':'");
        memset(text + len, 'r', (size_t)(BL_WIRE_ID_MAX + over));
        len += (size_t)(BL_WIRE_ID_MAX + over);
        snprintf(text + len, sizeof(text) - len, "',");
        recover(text, NULL);
        assert_int_equal(request.request_id.len, over <= 0 ? BL_WIRE_ID_MAX + over : 9);
    }
}

static void only_outermost_keys_tell_the_dialect(void **state) {
    (void)state;
    recover("{'a':{'message':1},'b':['message'],'c':'message',", NULL);
    assert_int_equal(request.dialect, BL_DIALECT_CANONICAL);
    recover("{'a':'{\\'message\\':','message' : {", NULL);
    assert_int_equal(request.dialect, BL_DIALECT_GATEWAY);
    recover("{'message':{},'task':", NULL);
    assert_int_equal(request.dialect, BL_DIALECT_CANONICAL);
    recover("{'message", NULL);
    assert_int_equal(request.dialect, BL_DIALECT_CANONICAL);
    recover("{'message\\", NULL);
    assert_int_equal(request.dialect, BL_DIALECT_CANONICAL);
}

static void looking_ends_at_its_bound(void **state) {
    static char text[BL_WIRE_RECOVER_BYTES + 64];
    const char *key = "\"message\":";
    (void)state;
    memset(text, ' ', sizeof(text));
    text[0] = '{';
    memcpy(text + BL_WIRE_RECOVER_BYTES - strlen(key), key, strlen(key));
    struct bl_message message = message_of((struct bl_str){text, sizeof(text)}, NULL);
    bl_wire_recover(&message, BL_STR("g"), &request);
    assert_int_equal(request.dialect, BL_DIALECT_GATEWAY);
    memset(text + 1, ' ', sizeof(text) - 1);
    memcpy(text + BL_WIRE_RECOVER_BYTES - strlen(key) + 1, key, strlen(key));
    bl_wire_recover(&message, BL_STR("g"), &request);
    assert_int_equal(request.dialect, BL_DIALECT_CANONICAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_found_in_broken_text),
        cmocka_unit_test(headers_fill_what_the_text_lacks),
        cmocka_unit_test(what_is_too_long_is_no_id),
        cmocka_unit_test(only_outermost_keys_tell_the_dialect),
        cmocka_unit_test(looking_ends_at_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
