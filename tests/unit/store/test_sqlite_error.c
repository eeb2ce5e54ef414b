/* Each failure has its words, its error and a hint. */
#include "support/store_fixture.h"

#include <errno.h>

#include "store/sqlite_private.h"

static bl_result fail_with(int code, int system_errno) {
    bl_diag_clear(&store_diag);
    return bl_sqlite_error(code, system_errno, "/srv/p.db", 2000, &store_diag);
}

static void each_code_has_its_meaning(void **state) {
    (void)state;
    static const struct {
        int code;
        enum bl_error error;
        const char *says;
    } cases[] = {
        {SQLITE_BUSY, BL_E_UNAVAILABLE, "locked by another process, waited 2000 ms: /srv/p.db"},
        {SQLITE_BUSY_RECOVERY, BL_E_UNAVAILABLE, "locked by another process"},
        {SQLITE_LOCKED, BL_E_UNAVAILABLE, "locked"},
        {SQLITE_PROTOCOL, BL_E_UNAVAILABLE, "locked"},
        {SQLITE_READONLY_DBMOVED, BL_E_FORBIDDEN, "read-only"},
        {SQLITE_PERM, BL_E_FORBIDDEN, "denied"},
        {SQLITE_FULL, BL_E_RESOURCE_EXHAUSTED, "the disk is full"},
        {SQLITE_TOOBIG, BL_E_RESOURCE_EXHAUSTED, "larger"},
        {SQLITE_NOMEM, BL_E_RESOURCE_EXHAUSTED, "out of memory"},
        {SQLITE_CORRUPT_INDEX, BL_E_INTERNAL, "damaged"},
        {SQLITE_NOTADB, BL_E_INVALID_REQUEST, "not a SQLite database"},
        {SQLITE_CANTOPEN, BL_E_UNAVAILABLE, "cannot be opened"},
        {SQLITE_IOERR_FSYNC, BL_E_UNAVAILABLE, "fails to read or write"},
        {SQLITE_MISUSE, BL_E_INTERNAL, "SQLite 21"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(fail_with(cases[i].code, 0).error, cases[i].error);
        assert_says(cases[i].says);
        assert_says("/srv/p.db");
    }
}

static void the_systems_word_is_added_where_it_counts(void **state) {
    (void)state;
    (void)fail_with(SQLITE_IOERR_WRITE, EIO);
    assert_says("(Input/output error)");
    (void)fail_with(SQLITE_FULL, ENOSPC);
    assert_says("(No space left on device)");
    (void)fail_with(SQLITE_BUSY, EAGAIN); /* how locks are tried says nothing */
    assert_null(strstr(store_diag.message, "Resource"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_has_its_meaning),
        cmocka_unit_test(the_systems_word_is_added_where_it_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
