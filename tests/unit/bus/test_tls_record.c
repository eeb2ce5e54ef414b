#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/tls_record.h"

static void test_length_from_the_header(void **state) {
    (void)state;
    const unsigned char header[5] = {23, 3, 3, 0x01, 0x02};
    for (size_t known = 0; known < 5; known++) {
        assert_int_equal(bl_tls_record_bytes(header, known), 5);
    }
    assert_int_equal(bl_tls_record_bytes(header, 5), 5 + 0x102);
}

/* Two ends of a TCP connection: the low-water mark does not work on other kinds of socket. */
static void connect_pair(int pair[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(pair[0], (struct sockaddr *)&address, len), 0);
    pair[1] = accept(listener, NULL, NULL);
    assert_true(pair[1] >= 0);
    close(listener);
}

static bool is_readable(int fd, int timeout_ms) {
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    return poll(&entry, 1, timeout_ms) == 1;
}

static void test_a_part_of_a_record_is_waited_for(void **state) {
    (void)state;
    int pair[2];
    connect_pair(pair);
    const unsigned char record[15] = {23, 3, 3, 0, 10};
    assert_int_equal(write(pair[0], record, 3), 3);
    assert_true(is_readable(pair[1], 5000));
    assert_false(bl_tls_record_is_complete(pair[1]));
    assert_false(is_readable(pair[1], 0)); /* a level-triggered loop does not spin */
    assert_int_equal(write(pair[0], record + 3, 2), 2);
    assert_true(is_readable(pair[1], 5000));
    assert_false(bl_tls_record_is_complete(pair[1]));
    assert_false(is_readable(pair[1], 0));
    assert_int_equal(write(pair[0], record + 5, 10), 10);
    assert_true(is_readable(pair[1], 5000));
    assert_true(bl_tls_record_is_complete(pair[1]));
    close(pair[0]);
    close(pair[1]);
}

static void test_the_end_of_the_connection_is_not_waited_for(void **state) {
    (void)state;
    int pair[2];
    connect_pair(pair);
    const unsigned char record[7] = {23, 3, 3, 0, 10};
    assert_int_equal(write(pair[0], record, 7), 7);
    assert_true(is_readable(pair[1], 5000));
    assert_false(bl_tls_record_is_complete(pair[1]));
    close(pair[0]);
    assert_true(is_readable(pair[1], 5000));
    assert_true(bl_tls_record_is_complete(pair[1]));
    close(pair[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length_from_the_header),
        cmocka_unit_test(test_a_part_of_a_record_is_waited_for),
        cmocka_unit_test(test_the_end_of_the_connection_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
