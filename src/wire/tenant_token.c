#include "wire/tenant_token.h"

static bool is_plain(char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
}

/* The digit's value; -1 for what is none, small letters included. */
static int digit_of(char digit) {
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

bool bl_tenant_token_read(struct bl_str token, struct bl_buf *out) {
    for (size_t i = 0; i < token.len; i++) {
        char byte = token.data[i];
        if (byte == '=' && token.len - i >= 3) {
            int high = digit_of(token.data[i + 1]);
            int low = digit_of(token.data[i + 2]);
            byte = (char)(high * 16 + low);
            if (high < 0 || low < 0 || is_plain(byte)) {
                return false;
            }
            i += 2;
        } else if (!is_plain(byte)) {
            return false;
        }
        bl_buf_char(out, byte);
    }
    return token.len > 0 && !out->overflowed;
}

void bl_tenant_token_write(struct bl_str id, struct bl_buf *out) {
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < id.len; i++) {
        unsigned char byte = (unsigned char)id.data[i];
        if (is_plain(id.data[i])) {
            bl_buf_char(out, id.data[i]);
        } else {
            const char escaped[] = {'=', digits[byte >> 4], digits[byte & 15]};
            bl_buf_bytes(out, escaped, sizeof(escaped));
        }
    }
}
