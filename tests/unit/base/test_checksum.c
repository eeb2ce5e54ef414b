#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/checksum.h"

/* Files that were written stay readable: the values never change. */
static void values_stay_the_same(void **state) {
    (void)state;
    assert_int_equal(bl_checksum("", 0),
                     0x38d394c2); /* XXH3 of nothing, as its authors publish it */
    assert_int_equal(bl_checksum("beamline", 8), bl_checksum("beamline", 8));
}

static void every_bit_counts(void **state) {
    unsigned char bytes[300];
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)(i * 7);
    }
    uint32_t whole = bl_checksum(bytes, sizeof(bytes));
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        assert_int_not_equal(bl_checksum(bytes, sizeof(bytes)), whole);
        bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
    }
    assert_int_not_equal(bl_checksum(bytes, sizeof(bytes) - 1), whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stay_the_same),
        cmocka_unit_test(every_bit_counts),
    };
    return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
