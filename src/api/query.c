#include "api/query.h"

#include "base/buf.h"
#include "base/text.h"

/* False: a broken escape, or a byte that no text has. */
static bool decode(struct bl_str text, struct bl_buf *out) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = text.data[i] == '+' ? ' ' : (unsigned char)text.data[i];
        if (byte == '%') {
            if (text.len - i < 3 || !bl_hex_read((struct bl_str){text.data + i + 1, 2}, &byte, 1)) {
                return false;
            }
            i += 2;
        }
        if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f) {
            return false;
        }
        bl_buf_char(out, (char)byte);
    }
    return bl_utf8_valid(bl_buf_view(out));
}

static bl_result refuse_unknown(struct bl_str name, unsigned allowed, struct bl_diag *diag) {
    struct bl_str known[BL_QUERY_COUNT];
    size_t count = 0;

    for (int i = 0; i < BL_QUERY_COUNT; i++) {
        if ((allowed & (1u << i)) != 0) {
            known[count++] = bl_str_from_c(bl_query_name((enum bl_query)i));
        }
    }
    struct bl_str nearest = bl_nearest(name, known, count);
    name = bl_utf8_cut(name, 60);
    bl_diag_path(diag, "%.*s", BL_STR_ARG(name));
    bl_diag_message(diag, "is no query parameter of this request");
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    } else if (count > 0) {
        bl_diag_hint(diag, "GET /api/v1/openapi.json lists those that there are");
    }
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result take(struct bl_str pair, unsigned allowed, struct bl_arena *arena,
                      struct bl_str values[BL_QUERY_COUNT], struct bl_diag *diag) {
    const char *equals = memchr(pair.data, '=', pair.len);
    size_t name_len = equals == NULL ? pair.len : (size_t)(equals - pair.data);
    struct bl_str name = {pair.data, name_len};
    struct bl_str text =
        equals == NULL ? BL_STR("") : (struct bl_str){equals + 1, pair.len - name_len - 1};
    char *storage = bl_arena_alloc(arena, text.len + 1);
    struct bl_buf buf;
    int found = 0;

    if (storage == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    while (found < BL_QUERY_COUNT && ((allowed & (1u << found)) == 0 ||
                                      !bl_str_equal_c(name, bl_query_name((enum bl_query)found)))) {
        found++;
    }
    if (found == BL_QUERY_COUNT) {
        return refuse_unknown(name, allowed, diag);
    }
    bl_diag_path(diag, "%s", bl_query_name((enum bl_query)found));
    if (bl_str_is_present(values[found])) {
        bl_diag_message(diag, "stands twice in the query");
        return BL_FAIL(INVALID_REQUEST);
    }
    bl_buf_init(&buf, storage, text.len + 1);
    if (!decode(text, &buf)) {
        bl_diag_message(diag, "is not percent-encoded UTF-8");
        return BL_FAIL(INVALID_REQUEST);
    }
    values[found] = bl_buf_view(&buf);
    return BL_OK;
}

bl_result bl_query_read(struct bl_str query, unsigned allowed, struct bl_arena *arena,
                        struct bl_str values[BL_QUERY_COUNT], struct bl_diag *diag) {
    struct bl_str rest = query;

    bl_diag_clear(diag);
    for (int i = 0; i < BL_QUERY_COUNT; i++) {
        values[i] = BL_STR_ABSENT;
    }
    while (rest.len > 0) {
        const char *end = memchr(rest.data, '&', rest.len);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.data);
        if (len > 0) {
            BL_TRY(take((struct bl_str){rest.data, len}, allowed, arena, values, diag));
        }
        rest.data += end == NULL ? len : len + 1;
        rest.len -= end == NULL ? len : len + 1;
    }
    return BL_OK;
}
