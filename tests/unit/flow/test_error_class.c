/* The contract's table of error classes, row by row. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "flow/error_class.h"

#define NONE BL_STATUS_COUNT

struct row {
    const char *word;
    enum bl_status status, exact;
    bool ends, fails, limited;
};

static const struct row timeout_row = {"timeout", BL_STATUS_TIMEOUT, NONE, false, true, false};
static const struct row connection = {"connection", BL_STATUS_CONNECTION, NONE, false, true, false};
static const struct row server = {"5xx", BL_STATUS_5XX, NONE, false, true, false};
static const struct row busy = {"5xx", BL_STATUS_5XX, BL_STATUS_503, false, true, false};
static const struct row away = {"unavailable", BL_STATUS_UNAVAILABLE, NONE, false, true, false};
static const struct row limited = {
    "rate_limited", BL_STATUS_RATE_LIMITED, BL_STATUS_429, false, false, true};
static const struct row invalid = {"invalid", NONE, NONE, true, false, false};
static const struct row execution = {"execution", BL_STATUS_EXECUTION, NONE, false, false, false};
static const struct row cancelled = {"cancelled", NONE, NONE, true, false, false};

static void expect(struct bl_error_class class, const struct row *row, const char *of) {
    if (strcmp(class.word, row->word) != 0) {
        fail_msg("%s is %s, not %s", of, class.word, row->word);
    }
    assert_int_equal(class.status, row->status);
    assert_int_equal(class.exact, row->exact);
    assert_int_equal(class.ends_request, row->ends);
    assert_int_equal(class.counts_as_failure, row->fails);
    assert_int_equal(class.is_rate_limited, row->limited);
}

static void expect_code(const char *code, const struct row *row) {
    struct bl_str text = bl_str_from_c(code);
    expect(bl_error_class_of(BL_RESULT_ERROR, text, BL_STR_ABSENT), row, code);
    expect(bl_error_class_of(BL_RESULT_ERROR, BL_STR_ABSENT, text), row, code);
    expect(bl_error_class_of(BL_RESULT_ERROR, BL_STR(""), text), row, code);
}

static void codes_have_the_class_of_the_table(void **state) {
    static const struct {
        const char *code;
        const struct row *row;
    } table[] = {
        {"TIMEOUT", &timeout_row},
        {"EXPIRED", &timeout_row},
        {"CONNECTION_ERROR", &connection},
        {"3001", &connection},
        {"3002", &connection},
        {"3003", &connection},
        {"5XX", &server},
        {"HTTP_5XX", &server},
        {"SERVER_ERROR", &server},
        {"4001", &server},
        {"4002", &server},
        {"HTTP_503", &busy},
        {"PROVIDER_UNAVAILABLE", &away},
        {"RATE_LIMITED", &limited},
        {"HTTP_429", &limited},
        {"HTTP_404", &invalid},
        {"1001", &invalid},
        {"1002", &invalid},
        {"1003", &invalid},
        {"2001", &execution},
        {"2002", &execution},
        {"2003", &execution},
        {"2004", &execution},
        {"5001", &cancelled},
        {"5002", &cancelled},
        {"CANCELLED", &cancelled},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        expect_code(table[i].code, table[i].row);
    }
}

static void three_digits_are_a_status_of_http(void **state) {
    (void)state;
    for (int number = 0; number < 1000; number++) {
        const struct row *row = number == 429       ? &limited
                                : number == 503     ? &busy
                                : number / 100 == 5 ? &server
                                : number / 100 == 4 ? &invalid
                                                    : &execution;
        char code[16];
        (void)snprintf(code, sizeof(code), "%03d", number);
        expect_code(code, row);
        (void)snprintf(code, sizeof(code), "HTTP_%03d", number);
        expect_code(code, row);
    }
}

static void what_is_not_in_the_table_is_execution(void **state) {
    static const char *const codes[] = {"WHAT",
                                        "5",
                                        "50",
                                        "5000",
                                        "0503",
                                        "503 ",
                                        " 503",
                                        "5O3",
                                        "3000",
                                        "3004",
                                        "4000",
                                        "4003",
                                        "1000",
                                        "1004",
                                        "5003",
                                        "TIME",
                                        "HTTP_",
                                        "HTTP_50",
                                        "HTTP_5033",
                                        "-50",
                                        "4xx",
                                        "+50",
                                        "timed out after 503"};
    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        expect_code(codes[i], &execution);
    }
    expect(bl_error_class_of(BL_RESULT_ERROR, BL_STR_ABSENT, BL_STR_ABSENT), &execution, "nothing");
    expect(bl_error_class_of(BL_RESULT_ERROR, BL_STR(""), BL_STR("")), &execution, "nothing");
}

static void letters_may_be_small(void **state) {
    (void)state;
    expect_code("timeout", &timeout_row);
    expect_code("Http_5xx", &server);
    expect_code("http_503", &busy);
    expect_code("rate_limited", &limited);
}

static void the_code_goes_before_its_type(void **state) {
    (void)state;
    expect(bl_error_class_of(BL_RESULT_ERROR, BL_STR("429"), BL_STR("TIMEOUT")), &limited, "429");
    expect(bl_error_class_of(BL_RESULT_ERROR, BL_STR("WHAT"), BL_STR("TIMEOUT")), &execution,
           "WHAT");
}

static void the_status_goes_before_any_code(void **state) {
    (void)state;
    expect(bl_error_class_of(BL_RESULT_TIMEOUT, BL_STR("400"), BL_STR_ABSENT), &timeout_row,
           "status timeout");
    expect(bl_error_class_of(BL_RESULT_CANCELLED, BL_STR("503"), BL_STR_ABSENT), &cancelled,
           "status cancelled");
    expect(bl_error_class_of(BL_RESULT_TIMEOUT, BL_STR_ABSENT, BL_STR_ABSENT), &timeout_row,
           "status timeout");
}

static void statuses_are_read_as_they_are_written(void **state) {
    static const char *const bad[] = {"", "Success", "ok", "errors", "timeout ", "rejected"};
    enum bl_result_status found;
    (void)state;
    for (int i = 0; i < BL_RESULT_STATUS_COUNT; i++) {
        const char *word = bl_result_status_word((enum bl_result_status)i);
        assert_true(bl_result_status_from_word(bl_str_from_c(word), &found));
        assert_int_equal(found, i);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(bl_result_status_from_word(bl_str_from_c(bad[i]), &found));
    }
    assert_false(bl_result_status_from_word(BL_STR_ABSENT, &found));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_the_class_of_the_table),
        cmocka_unit_test(three_digits_are_a_status_of_http),
        cmocka_unit_test(what_is_not_in_the_table_is_execution),
        cmocka_unit_test(letters_may_be_small),
        cmocka_unit_test(the_code_goes_before_its_type),
        cmocka_unit_test(the_status_goes_before_any_code),
        cmocka_unit_test(statuses_are_read_as_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
