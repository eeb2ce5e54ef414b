#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <zlib.h>

#include "net/grpc.h"

static void content_types(void **state) {
    static const char *const spoken[] = {"application/grpc", "application/grpc+proto",
                                         "Application/GRPC", "application/grpc;v=1",
                                         "application/grpc+proto; a=b"};
    static const char *const others[] = {"application/grpc+json", "application/grpc-web",
                                         "application/grpcx", "application/json", ""};
    (void)state;
    for (size_t i = 0; i < sizeof(spoken) / sizeof(spoken[0]); i++) {
        assert_true(bl_grpc_is_spoken(bl_str_from_c(spoken[i])));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(bl_grpc_is_spoken(bl_str_from_c(others[i])));
    }
    assert_false(bl_grpc_is_spoken(BL_STR_ABSENT));
}

static enum bl_grpc_read read_text(const char *bytes, size_t len, size_t max,
                                   struct bl_str *message, bool *is_compressed, size_t *taken) {
    return bl_grpc_read_message((struct bl_str){bytes, len}, max, message, is_compressed, taken);
}

static void messages(void **state) {
    struct bl_str message;
    bool is_compressed;
    size_t taken;
    (void)state;
    const char two[] = "\0\0\0\0\3abc\1\0\0\0\1x";
    assert_int_equal(read_text(two, 14, 3, &message, &is_compressed, &taken), BL_GRPC_READ);
    assert_true(bl_str_equal_c(message, "abc") && !is_compressed && taken == 8);
    assert_int_equal(read_text(two + 8, 6, 3, &message, &is_compressed, &taken), BL_GRPC_READ);
    assert_true(bl_str_equal_c(message, "x") && is_compressed && taken == 6);
    for (size_t len = 0; len < 8; len++) {
        assert_int_equal(read_text(two, len, 3, &message, &is_compressed, &taken),
                         BL_GRPC_INCOMPLETE);
    }
    assert_int_equal(read_text(two, 14, 2, &message, &is_compressed, &taken), BL_GRPC_TOO_LARGE);
    assert_int_equal(read_text("\2", 1, 2, &message, &is_compressed, &taken), BL_GRPC_MALFORMED);
    assert_int_equal(read_text("\0\xff\xff\xff\xff", 5, 1 << 20, &message, &is_compressed, &taken),
                     BL_GRPC_TOO_LARGE);
    uint8_t prefix[BL_GRPC_PREFIX_BYTES];
    bl_grpc_write_prefix(prefix, 0x01020304);
    assert_memory_equal(prefix, "\0\1\2\3\4", 5);
}

static void timeouts(void **state) {
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {{"1n", 1},          {"250m", 250000000},      {"99999999u", 99999999000},
                {"5S", 5000000000}, {"2M", 120000000000},     {"1H", 3600000000000},
                {"0m", 0},          {"99999999H", UINT64_MAX}};
    static const char *const bad[] = {"",     "m",          "1",   "1x", "-1S",
                                      "1.5S", "123456789m", " 1S", "1 S"};
    uint64_t ns;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(bl_grpc_read_timeout(bl_str_from_c(good[i].text), &ns));
        assert_true(ns == good[i].ns);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(bl_grpc_read_timeout(bl_str_from_c(bad[i]), &ns));
    }
}

static void texts_and_bytes(void **state) {
    char storage[64];
    struct bl_buf buf;
    (void)state;
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_grpc_write_message(BL_STR("50% \n\xc3\xa9~"), &buf);
    assert_true(bl_str_equal_c(bl_buf_view(&buf), "50%25 %0A%C3%A9~"));
    bl_buf_init(&buf, storage, 4);
    bl_grpc_write_message(BL_STR("ab\n\n"), &buf); /* an escape is whole or not there */
    assert_true(bl_str_equal_c(bl_buf_view(&buf), "ab") && !buf.overflowed);
    static const char *const pairs[][2] = {{"", ""},           {"f", "Zg"},
                                           {"fo", "Zm8"},      {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg"}, {"\xff\xff", "//8"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        bl_buf_init(&buf, storage, sizeof(storage));
        bl_grpc_write_binary(bl_str_from_c(pairs[i][0]), &buf);
        assert_true(bl_str_equal_c(bl_buf_view(&buf), pairs[i][1]));
    }
}

static size_t pack(const void *bytes, size_t len, int window_bits, char *out, size_t capacity) {
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes,
                       .avail_in = (uInt)len,
                       .next_out = (Bytef *)out,
                       .avail_out = (uInt)capacity};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&stream);
    return stream.total_out;
}

static void gzip_is_unpacked_within_its_bound(void **state) {
    static char zeros[100000], packed[2000], out[100000];
    struct bl_buf buf;
    (void)state;
    size_t len = pack(zeros, sizeof(zeros), 15 + 16, packed, sizeof(packed));
    bl_buf_init(&buf, out, sizeof(out));
    assert_true(bl_grpc_gunzip((struct bl_str){packed, len}, &buf) && buf.len == sizeof(zeros));
    bl_buf_init(&buf, out, sizeof(out) - 1); /* a bomb */
    assert_false(bl_grpc_gunzip((struct bl_str){packed, len}, &buf));
    bl_buf_init(&buf, out, sizeof(out));
    assert_false(bl_grpc_gunzip((struct bl_str){packed, len - 1}, &buf));
    packed[len] = 'x';
    assert_false(bl_grpc_gunzip((struct bl_str){packed, len + 1}, &buf));
    assert_false(bl_grpc_gunzip(BL_STR("not gzip"), &buf));
    assert_false(bl_grpc_gunzip(BL_STR(""), &buf));
    len = pack("zlib", 4, 15, packed, sizeof(packed));
    assert_false(bl_grpc_gunzip((struct bl_str){packed, len}, &buf));
    assert_int_equal(buf.len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_types),
        cmocka_unit_test(messages),
        cmocka_unit_test(timeouts),
        cmocka_unit_test(texts_and_bytes),
        cmocka_unit_test(gzip_is_unpacked_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
