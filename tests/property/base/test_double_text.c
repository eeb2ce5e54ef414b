#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/seed.h"

/* From BL_TEST_SEED, or a fixed one; printed, so that a failure can be run again. */
static uint64_t test_seed(void) {
    const char *text = getenv("BL_TEST_SEED");
    uint64_t value = text != NULL ? strtoull(text, NULL, 0) : UINT64_C(20261123);
    print_message("BL_TEST_SEED=%" PRIu64 "\n", value);
    return value;
}

/* Doubles of all kinds: any bits, shares, prices, powers of two and their neighbours. */
static double random_double(struct bl_seed *seed) {
    uint64_t bits = bl_seed_next(seed);
    double value;
    switch (bl_seed_below(seed, 6)) {
    case 0:
        return bl_unit_from_bits(bits);
    case 1:
        return (double)(bits >> 34) / 1e6;
    case 2:
        return (double)(int64_t)bits;
    case 3:
        return (double)(bits >> 44) * pow(10, (double)bl_seed_below(seed, 40) - 20);
    case 4:
        bits = (bits >> 52 << 52) + bl_seed_below(seed, 3) - 1;
        break;
    default:
        break;
    }
    memcpy(&value, &bits, sizeof(value));
    return isfinite(value) ? value : 0.5;
}

/* The significant digits themselves. */
static void significant(const char *text, char *out) {
    size_t len = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && (len > 0 || *text != '0')) {
            out[len++] = *text;
        }
    }
    while (len > 0 && out[len - 1] == '0') {
        len--;
    }
    out[len] = '\0';
}

static int digits_of(const char *text) {
    char digits[40];
    significant(text, digits);
    return (int)strlen(digits);
}

/* The fewest digits with which printf's text reads back. */
static int fewest_digits(double value, char *text, size_t size) {
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, size, "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value) {
            return digits_of(text);
        }
    }
    return 99;
}

static void test_reads_back_and_is_shortest(void **state) {
    (void)state;
    struct bl_seed seed;
    bl_seed_init(&seed, test_seed());
    for (int i = 0; i < 300000; i++) {
        char text[40];
        char reference[40];
        struct bl_buf buf;
        double value = random_double(&seed);
        bl_buf_init(&buf, text, sizeof(text) - 1);
        bl_buf_double(&buf, value);
        text[buf.len] = '\0';
        char *end;
        double back = strtod(text, &end);
        if (*end != '\0' || memcmp(&back, &value, sizeof(value)) != 0) {
            fail_msg("%a was written as %s", value, text);
        }
        int fewest = fewest_digits(value, reference, sizeof(reference));
        if (value != 0 && digits_of(text) > fewest) {
            fail_msg("%a was written as %s, %s is shorter", value, text, reference);
        }
        /* With as many digits it is the nearest text, as printf's is. */
        if (value != 0 && digits_of(text) == fewest) {
            char ours[40];
            char theirs[40];
            significant(text, ours);
            significant(reference, theirs);
            assert_string_equal(ours, theirs);
        }
        assert_true(buf.len <= 25);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_back_and_is_shortest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
