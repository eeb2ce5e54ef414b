#include "support/generated_page.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES (1024 * 1024)

void expect_page(const char *path, struct bl_str page) {
    bool is_written = getenv("BL_WRITE_PAGES") != NULL;
    static char file_storage[FILE_BYTES + 1];
    FILE *file = fopen(path, is_written ? "w" : "r");

    if (file == NULL) {
        fail_msg("%s cannot be opened; write it with BL_WRITE_PAGES=1", path);
    }
    if (is_written) {
        assert_int_equal(fwrite(page.data, 1, page.len, file), page.len);
        assert_int_equal(fclose(file), 0);
        return;
    }
    size_t len = fread(file_storage, 1, sizeof(file_storage), file);
    assert_int_equal(fclose(file), 0);
    if (len != page.len || memcmp(file_storage, page.data, len) != 0) {
        fail_msg("%s is not what the code gives; write it anew with BL_WRITE_PAGES=1", path);
    }
}
