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

#include "base/seed.h"
#include "base/text.h"
#include "json/canonical.h"
#include "json/json.h"
#include "json/writer.h"
#include "json/yaml.h"

#define DOCUMENTS 20000
#define DOUBLES 1000000
#define INTEGERS 200000
#define OUT_BYTES ((size_t)256 * 1024)

static const struct bl_json_limits limits = {
    .max_bytes = OUT_BYTES, .max_depth = 16, .max_nodes = 65536};

static struct bl_arena arena;
static struct bl_seed seed;
static char storage[4][OUT_BYTES];

/* From BL_TEST_SEED, or a fixed one; printed, so that a failure can be run again. */
static int set_up(void **state) {
    const char *text = getenv("BL_TEST_SEED");
    uint64_t value = text != NULL ? strtoull(text, NULL, 0) : UINT64_C(20261123);
    (void)state;
    print_message("BL_TEST_SEED=%" PRIu64 "\n", value);
    bl_seed_init(&seed, value);
    bl_arena_init(&arena, 64 * 1024, (size_t)64 * 1024 * 1024);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

static uint32_t below(uint32_t bound) {
    return (uint32_t)bl_seed_below(&seed, bound);
}

/* Any character: mostly ASCII, often one that has to be escaped, of each length in UTF-8. */
static size_t random_character(char *out) {
    static const char special[] = "\"\\/\b\f\n\r\t";
    uint32_t code;

    switch (below(8)) {
    case 0:
        out[0] = special[below(sizeof(special) - 1)];
        return 1;
    case 1:
        out[0] = (char)below(0x80);
        return 1;
    case 2:
        code = 0x80 + below(0x780);
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    case 3:
        code = 0x800 + below(0xD000);
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    case 4:
        code = 0x10000 + below(0x100000);
        out[0] = (char)(0xF0 | code >> 18);
        out[1] = (char)(0x80 | (code >> 12 & 0x3F));
        out[2] = (char)(0x80 | (code >> 6 & 0x3F));
        out[3] = (char)(0x80 | (code & 0x3F));
        return 4;
    default:
        out[0] = (char)(' ' + below(95));
        return 1;
    }
}

static struct bl_str random_string(char *out, uint32_t max_characters) {
    uint32_t count = below(4) == 0 ? below(max_characters) : below(12);
    size_t len = 0;

    for (uint32_t i = 0; i < count; i++) {
        len += random_character(out + len);
    }
    return (struct bl_str){out, len};
}

static double random_double(void) {
    double value;

    do {
        uint64_t bits = bl_seed_next(&seed);
        memcpy(&value, &bits, sizeof(value));
    } while (!isfinite(value));
    return value;
}

static void write_random(struct bl_json_writer *writer, uint32_t depth) {
    char text[256];
    uint32_t count = below(depth == 0 ? 12 : 6);

    switch (below(depth < 6 ? 10 : 7)) {
    case 0:
        bl_json_write_null(writer);
        break;
    case 1:
        bl_json_write_bool(writer, below(2) == 0);
        break;
    case 2:
        bl_json_write_int64(writer, (int64_t)(bl_seed_next(&seed) >> below(64)));
        break;
    case 3:
        bl_json_write_uint64(writer, bl_seed_next(&seed));
        break;
    case 4:
        bl_json_write_double(writer, random_double());
        break;
    case 5:
    case 6:
        bl_json_write_string(writer, random_string(text, 60));
        break;
    case 7:
        bl_json_write_array_begin(writer);
        for (uint32_t i = 0; i < count; i++) {
            write_random(writer, depth + 1);
        }
        bl_json_write_array_end(writer);
        break;
    default:
        /* A number in front keeps the keys apart. */
        count = below(20) == 0 ? 100 : count;
        bl_json_write_object_begin(writer);
        for (uint32_t i = 0; i < count; i++) {
            text[0] = (char)('0' + i / 10);
            text[1] = (char)('0' + i % 10);
            struct bl_str tail = random_string(text + 2, 10);
            bl_json_write_key(writer, (struct bl_str){text, tail.len + 2});
            write_random(writer, depth + (count > 20 ? 6 : 1));
        }
        bl_json_write_object_end(writer);
    }
}

/* Whether two values are the same, to the bits of doubles. */
static bool same(struct bl_json a, struct bl_json b) {
    const struct bl_json_node *x = &a.doc->nodes[a.index];
    const struct bl_json_node *y = &b.doc->nodes[b.index];

    if (x->type != y->type || x->length != y->length) {
        return false;
    }
    if (x->type == BL_JSON_STRING) {
        return memcmp(x->value.string, y->value.string, x->length) == 0;
    }
    if (x->type != BL_JSON_ARRAY && x->type != BL_JSON_OBJECT) {
        return x->value.unsigned_integer == y->value.unsigned_integer;
    }
    struct bl_json_iter i = bl_json_iter(a);
    struct bl_json_iter j = bl_json_iter(b);
    while (bl_json_next(&i)) {
        if (!bl_json_next(&j) || !bl_str_equal(i.key, j.key) || !same(i.value, j.value)) {
            return false;
        }
    }
    return !bl_json_next(&j);
}

static struct bl_str write_into(char *out, struct bl_json value, bool canonical) {
    struct bl_json_writer writer;
    struct bl_buf buf;

    bl_buf_init(&buf, out, OUT_BYTES);
    bl_json_writer_init(&writer, &buf);
    if (canonical) {
        assert_true(bl_is_ok(bl_json_write_canonical(&writer, value, &arena)));
    } else {
        bl_json_write_value(&writer, value);
    }
    assert_true(bl_json_writer_ok(&writer));
    return bl_buf_view(&buf);
}

static void read(struct bl_str text, struct bl_json_doc *doc) {
    struct bl_diag diag;

    if (bl_is_error(bl_json_read(text, &limits, &arena, doc, &diag))) {
        print_error("line %u, column %u: %s\n%.*s\n", diag.line, diag.column, diag.message,
                    (int)text.len, text.data);
        fail();
    }
}

static void test_documents(void **state) {
    (void)state;
    for (uint32_t i = 0; i < DOCUMENTS; i++) {
        struct bl_json_writer writer;
        struct bl_json_doc first;
        struct bl_json_doc second;
        struct bl_buf buf;
        bl_arena_reset(&arena);
        bl_buf_init(&buf, storage[0], OUT_BYTES);
        bl_json_writer_init(&writer, &buf);
        write_random(&writer, 0);
        assert_true(bl_json_writer_ok(&writer));
        assert_true(bl_utf8_valid(bl_buf_view(&buf)));
        read(bl_buf_view(&buf), &first);
        struct bl_str written = write_into(storage[1], bl_json_root(&first), false);
        read(written, &second);
        assert_true(same(bl_json_root(&first), bl_json_root(&second)));
        /* What was read and written once stays as it is. */
        assert_true(bl_str_equal(write_into(storage[2], bl_json_root(&second), false), written));
        struct bl_str canonical = write_into(storage[2], bl_json_root(&first), true);
        read(canonical, &second);
        assert_true(bl_str_equal(write_into(storage[3], bl_json_root(&second), true), canonical));
    }
}

/* Random bits as a double, written by us or by the C library with 17 digits, read back the same. */
static void test_doubles(void **state) {
    char text[64];
    (void)state;
    for (uint32_t i = 0; i < DOUBLES; i++) {
        double value =
            i % 4 == 0 ? bl_seed_unit(&seed) * pow(10, (double)below(40) - 20) : random_double();
        struct bl_json_doc doc;
        struct bl_buf buf;
        double back = 0;
        bl_arena_reset(&arena);
        bl_buf_init(&buf, text, sizeof(text));
        if (i % 2 == 0) {
            bl_buf_double(&buf, value);
        } else {
            buf.len = (size_t)snprintf(text, sizeof(text), "%.17g", value);
        }
        read(bl_buf_view(&buf), &doc);
        assert_true(bl_json_double(bl_json_root(&doc), &back));
        if (memcmp(&back, &value, sizeof(value)) != 0) {
            print_error("%.*s read as %a, not %a\n", (int)buf.len, text, back, value);
        }
        assert_memory_equal(&back, &value, sizeof(value));
    }
}

/* Decimal texts of any length and exponent read as the C library reads them, which is correctly
 * rounded; its locale is "C", as nothing here sets another. */
static void test_decimal_texts(void **state) {
    char text[128];
    (void)state;
    for (uint32_t i = 0; i < DOUBLES / 2; i++) {
        uint32_t digits = 1 + below(i % 16 == 0 ? 60 : 24);
        uint32_t point = below(digits + 1);
        struct bl_json_doc doc;
        size_t len = 0;
        double value = 0;
        bl_arena_reset(&arena);
        if (below(2) == 0) {
            text[len++] = '-';
        }
        if (point == 0) {
            text[len++] = '0';
            text[len++] = '.';
        }
        for (uint32_t d = 0; d < digits; d++) {
            text[len++] = (char)('0' + (d == 0 ? 1 + below(9) : below(10)));
            if (d + 1 == point && d + 1 < digits) {
                text[len++] = '.';
            }
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len, "e%d", (int)below(60) - 30);
        read((struct bl_str){text, len}, &doc);
        assert_true(bl_json_double(bl_json_root(&doc), &value));
        double expected = strtod(text, NULL);
        if (memcmp(&value, &expected, sizeof(value)) != 0) {
            print_error("%s read as %a, not %a\n", text, value, expected);
        }
        assert_memory_equal(&value, &expected, sizeof(value));
    }
}

static void test_integers(void **state) {
    char text[32];
    (void)state;
    for (uint32_t i = 0; i < INTEGERS; i++) {
        uint64_t bits = bl_seed_next(&seed) >> below(64);
        bits = i % 8 == 0   ? UINT64_MAX - below(3)
               : i % 8 == 1 ? (UINT64_C(1) << 63) - 1 + below(3)
                            : bits;
        bool negative = below(2) == 0 && bits != 0;
        struct bl_json_doc doc;
        struct bl_buf buf;
        bl_arena_reset(&arena);
        bl_buf_init(&buf, text, sizeof(text));
        if (negative) {
            bl_buf_char(&buf, '-');
        }
        bl_buf_u64(&buf, bits);
        read(bl_buf_view(&buf), &doc);
        const struct bl_json_node *node = &doc.nodes[0];
        if (negative && bits > UINT64_C(1) << 63) {
            assert_int_equal(node->type, BL_JSON_DOUBLE);
            assert_true(node->value.number == -(double)bits);
        } else if (negative || bits <= INT64_MAX) {
            assert_int_equal(node->type, BL_JSON_INT);
            assert_true((uint64_t)node->value.integer == (negative ? UINT64_C(0) - bits : bits));
        } else {
            assert_int_equal(node->type, BL_JSON_UINT);
            assert_true(node->value.unsigned_integer == bits);
        }
    }
}

/* What the reader takes is never read otherwise as YAML: equal, or refused. JSON written here has
 * characters that YAML folds or refuses, and a few that it takes. */
static void test_yaml_reads_json(void **state) {
    uint32_t agreed = 0;
    (void)state;
    for (uint32_t i = 0; i < DOCUMENTS / 4; i++) {
        struct bl_json_writer writer;
        struct bl_json_doc json;
        struct bl_json_doc yaml;
        struct bl_diag diag;
        struct bl_buf buf;
        bl_arena_reset(&arena);
        bl_buf_init(&buf, storage[0], OUT_BYTES);
        bl_json_writer_init(&writer, &buf);
        write_random(&writer, 0);
        struct bl_str text = bl_buf_view(&buf);
        read(text, &json);
        if (bl_is_ok(bl_yaml_read(text, &limits, &arena, &yaml, &diag))) {
            assert_true(same(bl_json_root(&json), bl_json_root(&yaml)));
            agreed++;
        }
    }
    print_message("%u of %u were read as YAML, too\n", agreed, DOCUMENTS / 4);
    assert_true(agreed > DOCUMENTS / 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),       cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_decimal_texts),   cmocka_unit_test(test_integers),
        cmocka_unit_test(test_yaml_reads_json),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
