/* The policies that are shown to users compile, without an error, and with no warning but that this
 * router counts no usage. What they promise is held by tests/property/flow/test_gallery.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "support/compiled_policy.h"

#define FOLDER BL_SOURCE_DIR "/examples/policies"

static struct compiled compiled;

static void compile_file(const char *path) {
    static char text[BL_POLICY_MAX_BYTES];
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text), file);
    assert_int_equal(fclose(file), 0);
    compile_text(&compiled, (struct bl_str){text, len});
    for (size_t i = 0; i < compiled.findings.count; i++) {
        const struct bl_diag *diag = &compiled.findings.items[i];
        bool is_of_state = strstr(diag->message, "does not count usage") != NULL;
        if (!is_of_state) { /* what a policy may ask for, and a router alone cannot give */
            fail_msg("%s:%u: %s", path, diag->line, diag->message);
        }
    }
}

static void every_example_compiles(void **state) {
    DIR *folder = opendir(FOLDER);
    const struct dirent *entry;
    char path[1024];
    unsigned count = 0;
    (void)state;

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (strstr(entry->d_name, ".yaml") != NULL || strstr(entry->d_name, ".json") != NULL) {
            (void)snprintf(path, sizeof(path), "%s/%s", FOLDER, entry->d_name);
            compile_file(path);
            count++;
        }
    }
    assert_int_equal(closedir(folder), 0);
    assert_true(count >= 8);
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_example_compiles)};
    return cmocka_run_group_tests_name("examples", tests, NULL, teardown);
}
