#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "bus/request_table.h"

static struct bl_request_table *new_table(size_t capacity) {
    struct bl_request_table *table = NULL;
    assert_true(bl_is_ok(bl_request_table_create(capacity, &table)));
    return table;
}

static uint64_t add(struct bl_request_table *table, uint64_t deadline_ns, void *user) {
    uint64_t token = 0;
    struct bl_request request = {NULL, user};
    assert_true(bl_is_ok(bl_request_table_add(table, deadline_ns, request, &token)));
    assert_true(token != 0);
    return token;
}

static void test_capacity_at_the_limit(void **state) {
    (void)state;
    struct bl_request_table *table = new_table(3);
    struct bl_request request = {NULL, NULL};
    uint64_t token = 0;
    add(table, 1, NULL);
    add(table, 2, NULL);
    uint64_t third = add(table, 3, NULL);
    assert_int_equal(bl_request_table_add(table, 4, request, &token).error,
                     BL_E_SERVICE_OVERLOADED);
    assert_true(bl_request_table_take(table, third, &request));
    add(table, 4, NULL);
    assert_int_equal(bl_request_table_count(table), 3);
    bl_request_table_destroy(table);
    bl_request_table_destroy(NULL);
}

static void test_a_token_is_good_once_and_never_for_another(void **state) {
    (void)state;
    int first_user = 0;
    int second_user = 0;
    struct bl_request request = {NULL, NULL};
    struct bl_request_table *table = new_table(1);
    uint64_t first = add(table, 10, &first_user);
    assert_true(bl_request_table_take(table, first, &request));
    assert_ptr_equal(request.user, &first_user);
    assert_false(bl_request_table_take(table, first, &request));
    uint64_t second = add(table, 10, &second_user); /* the same slot */
    assert_true(second >> BL_REQUEST_SLOT_BITS > first >> BL_REQUEST_SLOT_BITS);
    assert_false(bl_request_table_take(table, first, &request));
    assert_false(bl_request_table_take(table, 0, &request));
    assert_false(bl_request_table_take(table, UINT64_MAX, &request));
    assert_false(bl_request_table_take(table, second + 1, &request)); /* slot out of range */
    assert_true(bl_request_table_take(table, second, &request));
    assert_ptr_equal(request.user, &second_user);
    bl_request_table_destroy(table);
}

static void test_expiry_is_in_order_and_not_early(void **state) {
    (void)state;
    const uint64_t deadlines[] = {50, 10, 40, 20, 30, 10};
    struct bl_request request = {NULL, NULL};
    struct bl_request_table *table = new_table(8);
    assert_true(bl_request_table_next_deadline(table) == UINT64_MAX);
    for (size_t i = 0; i < 6; i++) {
        add(table, deadlines[i], (void *)(uintptr_t)&deadlines[i]);
    }
    assert_true(bl_request_table_next_deadline(table) == 10);
    assert_false(bl_request_table_expire(table, 9, &request));
    uint64_t last = 0;
    for (int i = 0; i < 6; i++) {
        assert_true(bl_request_table_expire(table, 50, &request));
        uint64_t deadline = *(const uint64_t *)request.user;
        assert_true(deadline >= last);
        last = deadline;
    }
    assert_false(bl_request_table_expire(table, UINT64_MAX, &request));
    bl_request_table_destroy(table);
}

/* Against a plain list, over many random steps. */
#define MODEL 64

static void test_agrees_with_a_list(void **state) {
    (void)state;
    const char *from_environment = getenv("BL_TEST_SEED");
    unsigned seed = from_environment != NULL ? (unsigned)strtoul(from_environment, NULL, 10) : 42;
    print_message("seed %u\n", seed);
    struct bl_request_table *table = new_table(MODEL);
    uint64_t tokens[MODEL] = {0};
    uint64_t deadlines[MODEL] = {0};
    size_t count = 0;
    for (int step = 0; step < 200000; step++) {
        size_t at = (size_t)rand_r(&seed) % MODEL;
        struct bl_request request = {NULL, NULL};
        if (tokens[at] == 0) {
            deadlines[at] = (uint64_t)rand_r(&seed) % 1000;
            tokens[at] = add(table, deadlines[at], &tokens[at]);
            count++;
        } else if (rand_r(&seed) % 2 == 0) {
            assert_true(bl_request_table_take(table, tokens[at], &request));
            assert_ptr_equal(request.user, &tokens[at]);
            tokens[at] = 0;
            count--;
        } else {
            uint64_t least = UINT64_MAX;
            for (size_t i = 0; i < MODEL; i++) {
                least = tokens[i] != 0 && deadlines[i] < least ? deadlines[i] : least;
            }
            assert_true(bl_request_table_next_deadline(table) == least);
            assert_true(bl_request_table_expire(table, least, &request));
            size_t expired = (size_t)((uint64_t *)request.user - tokens);
            assert_true(deadlines[expired] == least);
            tokens[expired] = 0;
            count--;
        }
        assert_int_equal(bl_request_table_count(table), count);
    }
    bl_request_table_destroy(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity_at_the_limit),
        cmocka_unit_test(test_a_token_is_good_once_and_never_for_another),
        cmocka_unit_test(test_expiry_is_in_order_and_not_early),
        cmocka_unit_test(test_agrees_with_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
