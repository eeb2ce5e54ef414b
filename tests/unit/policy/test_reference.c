#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/keys.h"
#include "policy/schema.h"
#include "support/generated_page.h"

static char page_storage[BL_POLICY_PAGE_BYTES];

static struct bl_str reference_page(void) {
    struct bl_buf buf;

    bl_buf_init(&buf, page_storage, sizeof(page_storage));
    bl_policy_reference_write(&buf);
    assert_false(buf.overflowed);
    return bl_buf_view(&buf);
}

static void the_committed_reference_is_current(void **state) {
    (void)state;
    expect_page(BL_SOURCE_DIR "/docs/policy-reference.md", reference_page());
}

/* A row of the table under its heading. */
static void check_rows(struct bl_str page, const struct bl_key_table *table) {
    char row[128];

    for (size_t i = 0; i < table->count; i++) {
        (void)snprintf(row, sizeof(row), "\n| `%s` | ", table->keys[i].name);
        assert_non_null(memmem(page.data, page.len, row, strlen(row)));
        if (table->keys[i].table != NULL) {
            (void)snprintf(row, sizeof(row), "\n## %s\n", table->keys[i].name);
            /* pre and post are the same table, met first as pre of extensions or of the policy */
            if (table->keys[i].table != &bl_extension_keys) {
                assert_non_null(memmem(page.data, page.len, row, strlen(row)));
            }
            check_rows(page, table->keys[i].table);
        }
    }
}

static void the_reference_holds_every_key(void **state) {
    (void)state;
    check_rows(reference_page(), &bl_document_keys);
}

static void a_short_buffer_is_reported(void **state) {
    char storage[100];
    struct bl_buf buf;
    (void)state;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_policy_reference_write(&buf);
    assert_true(buf.overflowed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_reference_is_current),
        cmocka_unit_test(the_reference_holds_every_key),
        cmocka_unit_test(a_short_buffer_is_reported),
    };
    return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
