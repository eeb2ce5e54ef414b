#include "base/str.h"

int bl_str_compare(struct bl_str a, struct bl_str b) {
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bl_str bl_str_trim(struct bl_str str) {
    while (str.len > 0 && is_space(str.data[0])) {
        str.data++;
        str.len--;
    }
    while (str.len > 0 && is_space(str.data[str.len - 1])) {
        str.len--;
    }
    return str;
}
