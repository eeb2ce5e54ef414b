#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "route/frame.h"

static char storage[200000];
static struct bl_buf file;

static int setup(void **state) {
    (void)state;
    bl_buf_init(&file, storage, sizeof(storage));
    return 0;
}

static bool put(const char *record) {
    size_t began = bl_frame_begin(&file);
    bl_buf_str(&file, bl_str_from_c(record));
    return bl_frame_end(&file, began);
}

/* The records that a reader finds in exactly these bytes, joined by commas. */
static const char *read_all(struct bl_str bytes, struct bl_frame_reader *reader) {
    static char found[1024];
    struct bl_buf out;
    struct bl_str record;
    char *copy = malloc(bytes.len + 1); /* reading past the end is seen */

    memcpy(copy, bytes.data, bytes.len);
    *reader = bl_frame_reader((struct bl_str){copy, bytes.len});
    bl_buf_init(&out, found, sizeof(found) - 1);
    while (bl_frame_next(reader, &record)) {
        bl_buf_str(&out, record);
        bl_buf_char(&out, ',');
    }
    found[out.len] = '\0';
    free(copy);
    return found;
}

static void what_is_written_is_read(void **state) {
    struct bl_frame_reader reader;
    (void)state;
    assert_true(put("one") && put("") && put("three"));
    assert_string_equal(read_all(bl_buf_view(&file), &reader), "one,,three,");
    assert_int_equal(reader.skipped_bytes, 0);
    assert_int_equal(reader.damaged, 0);
    assert_string_equal(read_all(BL_STR(""), &reader), "");
}

static void a_cut_end_is_passed_over(void **state) {
    struct bl_frame_reader reader;
    (void)state;
    assert_true(put("one"));
    size_t whole = file.len;
    assert_true(put("two"));
    for (size_t len = whole; len < file.len; len++) {
        assert_string_equal(read_all((struct bl_str){storage, len}, &reader), "one,");
        assert_int_equal(reader.skipped_bytes, len - whole);
        assert_int_equal(reader.damaged, len > whole ? 1 : 0);
    }
}

static void damage_costs_one_record(void **state) {
    struct bl_frame_reader reader;
    (void)state;
    assert_true(put("first") && put("second") && put("third"));
    for (size_t i = 0; i < file.len; i++) {
        storage[i] ^= 0x20;
        const char *found = read_all(bl_buf_view(&file), &reader);
        unsigned commas = 0;
        for (const char *at = found; *at != '\0'; at++) {
            commas += *at == ',' ? 1 : 0;
        }
        assert_int_equal(commas, 2);
        assert_int_equal(reader.damaged, 1);
        storage[i] ^= 0x20;
    }
}

static void what_does_not_fit_leaves_nothing(void **state) {
    static char large[BL_FRAME_RECORD_MAX + 2];
    struct bl_frame_reader reader;
    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    assert_true(put("one"));
    size_t before = file.len;
    assert_false(put(large));
    assert_int_equal(file.len, before);
    file.capacity = before + BL_FRAME_HEAD_BYTES + 2;
    assert_false(put("abc"));
    assert_int_equal(file.len, before);
    assert_false(file.overflowed);
    assert_true(put("ab"));
    assert_string_equal(read_all(bl_buf_view(&file), &reader), "one,ab,");
}

static void a_length_that_lies_is_no_frame(void **state) {
    struct bl_frame_reader reader;
    (void)state;
    assert_true(put("one"));
    memset(storage + 4, 0xFF, 4);
    assert_string_equal(read_all(bl_buf_view(&file), &reader), "");
    assert_int_equal(reader.skipped_bytes, file.len);
}

static void the_beginning_of_a_recording_is_known(void **state) {
    (void)state;
    assert_true(put("one"));
    assert_true(bl_frame_begins(bl_buf_view(&file)));
    assert_true(bl_frame_begins(BL_STR("BLF1")));
    assert_true(bl_frame_begins(BL_STR("BL")));
    assert_false(bl_frame_begins(BL_STR("")));
    assert_false(bl_frame_begins(BL_STR("BLF2")));
    assert_false(bl_frame_begins(BL_STR("x")));
    assert_false(bl_frame_begins(BL_STR("{\"level\":1}")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_written_is_read, setup),
        cmocka_unit_test_setup(the_beginning_of_a_recording_is_known, setup),
        cmocka_unit_test_setup(a_cut_end_is_passed_over, setup),
        cmocka_unit_test_setup(damage_costs_one_record, setup),
        cmocka_unit_test_setup(what_does_not_fit_leaves_nothing, setup),
        cmocka_unit_test_setup(a_length_that_lies_is_no_frame, setup),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
