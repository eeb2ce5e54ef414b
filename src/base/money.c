#include "base/money.h"

#include <math.h>

bool bl_money_from_double(double units, int64_t *out) {
    double nano = units * (double)BL_NANO_PER_UNIT;

    /* 2^63 is exact; INT64_MIN is kept for "unknown". */
    if (!(nano > -9223372036854775808.0 && nano < 9223372036854775808.0)) {
        return false;
    }
    *out = (int64_t)rint(nano);
    return *out != BL_MONEY_UNKNOWN;
}

void bl_money_write(struct bl_buf *buf, int64_t nano) {
    uint64_t amount = nano < 0 ? UINT64_C(0) - (uint64_t)nano : (uint64_t)nano;
    uint64_t fraction = amount % (uint64_t)BL_NANO_PER_UNIT;

    if (nano < 0) {
        bl_buf_char(buf, '-');
    }
    bl_buf_u64(buf, amount / (uint64_t)BL_NANO_PER_UNIT);
    if (fraction != 0) {
        char digits[10] = {'.'};
        size_t len = sizeof(digits);
        for (int i = 9; i > 0; i--) {
            digits[i] = (char)('0' + fraction % 10);
            fraction /= 10;
        }
        while (digits[len - 1] == '0') {
            len--;
        }
        bl_buf_bytes(buf, digits, len);
    }
}
