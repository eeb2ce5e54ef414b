#include "unit/json/json_fixture.h"

#include <math.h>
#include <stdio.h>

#include "json/number.h"

/* Reads `text`, which is a number and nothing else. */
static struct bl_json_node read_all(const char *text) {
    struct bl_json_node node = {0};
    const char *problem = NULL;
    size_t len = strlen(text);
    char *copy = malloc(len);

    assert_non_null(copy);
    memcpy(copy, text, len);
    size_t taken = bl_json_number_read(copy, copy + len, &node, &problem);
    if (taken != len) {
        print_error("%s: %s\n", text, problem != NULL ? problem : "taken in part");
    }
    assert_int_equal(taken, len);
    free(copy);
    return node;
}

static void assert_double(const char *text, double expected) {
    struct bl_json_node node = read_all(text);

    assert_int_equal(node.type, BL_JSON_DOUBLE);
    if (memcmp(&node.value.number, &expected, sizeof(expected)) != 0) {
        print_error("%.60s: got %a, expected %a\n", text, node.value.number, expected);
    }
    assert_memory_equal(&node.value.number, &expected, sizeof(expected));
}

static void test_integers_at_their_limits(void **state) {
    (void)state;
    assert_int_equal(read_all("9223372036854775807").type, BL_JSON_INT);
    assert_true(read_all("9223372036854775807").value.integer == INT64_MAX);
    assert_int_equal(read_all("9223372036854775808").type, BL_JSON_UINT);
    assert_true(read_all("9223372036854775808").value.unsigned_integer == UINT64_C(1) << 63);
    assert_int_equal(read_all("-9223372036854775808").type, BL_JSON_INT);
    assert_true(read_all("-9223372036854775808").value.integer == INT64_MIN);
    assert_double("-9223372036854775809", -0x1p63);
    assert_true(read_all("-9223372036854775807").value.integer == INT64_MIN + 1);
    assert_int_equal(read_all("18446744073709551615").type, BL_JSON_UINT);
    assert_true(read_all("18446744073709551615").value.unsigned_integer == UINT64_MAX);
    assert_double("18446744073709551616", 0x1p64);
    assert_double("19999999999999999999", 2e19);
    assert_double("20000000000000000000", 2e19);
    assert_double("99999999999999999999", 1e20);
    assert_double("-18446744073709551615", -0x1p64);
    assert_double("-19446744073709551616", -19446744073709551616.0);
    assert_double("184467440737095516150", 184467440737095516150.0);
    assert_int_equal(read_all("0").type, BL_JSON_INT);
    assert_double("-0", -0.0);
}

/* Doubles that are known to be hard: half way between two others, the ends of the range, and long
 * ones. The compiler reads the same literals by exact arithmetic. */
static void test_doubles_are_nearest(void **state) {
    (void)state;
    assert_double("0.1", 0.1);
    assert_double("0.3", 0.3);
    assert_double("9007199254740993.0", 9007199254740992.0);
    assert_double("9007199254740995.0", 9007199254740996.0);
    assert_double("9007199254740993.00000000000000000000000001", 9007199254740994.0);
    assert_double("9007199254740992.5", 9007199254740992.0);
    assert_double("900719925474099.35", 900719925474099.35);
    assert_double("1e22", 1e22);
    assert_double("1e23", 1e23);
    assert_double("9e22", 9e22);
    assert_double("8.5e22", 8.5e22);
    assert_double("7.2057594037927933e16", 7.2057594037927933e16);
    assert_double("72057594037927940.0", 72057594037927940.0);
    assert_double("72057594037927944.0", 72057594037927944.0);
    assert_double("0.12345678901234567", 0.12345678901234567);
    assert_double("0.9999999999999999999", 1.0);
    assert_double("0.1234567890123456789", 0.1234567890123456789);
    assert_double("1.234567890123456789", 1.234567890123456789);
    assert_double("9999999999999999999e0", 9999999999999999999.0);
    assert_double("9999999999999999999e19", 9999999999999999999e19);
    assert_double("9999999999999999999e-19", 9999999999999999999e-19);
    assert_double("9007199254740993e19", 9007199254740993e19);
    assert_double("9007199254740993e20", 9007199254740993e20);
    assert_double("9007199254740993e-19", 9007199254740993e-19);
    assert_double("9007199254740993e-20", 9007199254740993e-20);
    assert_double("9007199254740992e22", 9007199254740992e22);
    assert_double("9007199254740992e-22", 9007199254740992e-22);
    assert_double("9007199254740992e23", 9007199254740992e23);
    assert_double("9007199254740992e-23", 9007199254740992e-23);
    assert_double("6.631236846766476e-316", 6.631236846766476e-316);
    assert_double("2.2250738585072011e-308", 2.2250738585072011e-308);
    assert_double("2.2250738585072014e-308", 2.2250738585072014e-308);
    assert_double("4.9406564584124654e-324", 5e-324);
    assert_double("2.4703282292062328e-324", 5e-324);
    assert_double("2.4703282292062327e-324", 0.0);
    assert_double("1.7976931348623157e308", 0x1.fffffffffffffp1023);
    assert_double("1.7976931348623158e308", 0x1.fffffffffffffp1023);
    assert_double("17976931348623157e292", 0x1.fffffffffffffp1023);
    assert_double("-1.5", -1.5);
    assert_double("0.000001", 1e-6);
    assert_double("0.00000000000000000000000000000000000001", 1e-38);
    assert_double("100000000000000000000000000000000000000.0", 1e38);
}

/* 1 + 2^-53 lies half way between 1 and the next double: to even, and up with any digit more, be
 * it the 760th or the 100000th. */
static void test_ties_of_many_digits(void **state) {
    static const char half[] = "1.00000000000000011102230246251565404236316680908203125";
    static char text[120000];
    (void)state;
    assert_double(half, 1.0);
    for (size_t zeros = 1; zeros < 100000; zeros = zeros < 1000 ? zeros + 1 : zeros * 3) {
        memcpy(text, half, sizeof(half) - 1);
        memset(text + sizeof(half) - 1, '0', zeros);
        text[sizeof(half) - 1 + zeros] = '\0';
        assert_double(text, 1.0);
        text[sizeof(half) - 2 + zeros] = '1';
        assert_double(text, 0x1.0000000000001p0);
    }
}

/* Zeros in front and behind shift the exponent, and cost no digits. */
static void test_long_zeros(void **state) {
    static char text[100100];
    (void)state;
    memcpy(text, "0.", 2);
    memset(text + 2, '0', 100000);
    memcpy(text + 100002, "15e100001", 10);
    assert_double(text, 1.5);
    text[0] = '1';
    memset(text + 1, '0', 100000);
    memcpy(text + 100001, "e-100001", 9);
    assert_double(text, 0.1);
    memcpy(text + 100001, ".5e-100000", 11);
    assert_double(text, 1.0);
    memcpy(text + 100001, "e-100400", 9);
    assert_double(text, 0.0);
    memset(text, '9', 400);
    memcpy(text + 400, "e-200", 6);
    assert_double(text, 1e200);
    assert_double("0.0000000000000000000000000000001e-99999999999999999999", 0.0);
}

static void test_too_large(void **state) {
    static const char *const texts[] = {
        "1e309",         "-1e309", "1.7976931348623159e308", "2e308", "179769313486231580793e289",
        "1e400000000000"};
    char digits[400];
    struct bl_json_node node;
    const char *problem;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        problem = NULL;
        assert_int_equal(
            bl_json_number_read(texts[i], texts[i] + strlen(texts[i]), &node, &problem), 0);
        assert_string_equal(problem, BL_JSON_NUMBER_TOO_LARGE);
    }
    memset(digits, '9', sizeof(digits));
    assert_int_equal(bl_json_number_read(digits, digits + 308, &node, &problem), 308);
    assert_int_equal(bl_json_number_read(digits, digits + 309, &node, &problem), 0);
}

/* What follows a number is not looked at; what would make it one may be missing. */
static void test_stops_at_its_end(void **state) {
    static const char text[] = "12.5e3,7";
    static const size_t lengths[] = {1, 2, 0, 4, 0, 6, 6, 6};
    struct bl_json_node node;
    const char *problem;
    (void)state;
    for (size_t len = 1; len < sizeof(text); len++) {
        assert_int_equal(bl_json_number_read(text, text + len, &node, &problem), lengths[len - 1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_at_their_limits),
        cmocka_unit_test(test_doubles_are_nearest),
        cmocka_unit_test(test_ties_of_many_digits),
        cmocka_unit_test(test_long_zeros),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_stops_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
