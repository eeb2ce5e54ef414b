#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/err.h>
#include <time.h>

#include "support/tls_talk.h"

/* --- contexts -------------------------------------------------------------------------------- */

static void contexts_refused(void **state) {
    static const struct {
        const char *certificate, *key, *client_ca;
        enum bl_tls_clients clients;
        const char *message, *hint; /* what they have to name */
    } cases[] = {
        {"none.pem", "server.key", NULL, BL_TLS_CLIENTS_NONE, "none.pem", "tls_certificate_file"},
        {"text.pem", "server.key", NULL, BL_TLS_CLIENTS_NONE, "text.pem", "tls_certificate_file"},
        {"empty.pem", "server.key", NULL, BL_TLS_CLIENTS_NONE, "empty.pem", "tls_certificate_file"},
        {"server.key", "server.key", NULL, BL_TLS_CLIENTS_NONE, "server.key", "certificate_file"},
        {".", "server.key", NULL, BL_TLS_CLIENTS_NONE, "", "tls_certificate_file"},
        {"server.pem", "none.key", NULL, BL_TLS_CLIENTS_NONE, "none.key", "tls_key_file"},
        {"server.pem", "text.pem", NULL, BL_TLS_CLIENTS_NONE, "text.pem", "tls_key_file"},
        {"server.pem", "server.pem", NULL, BL_TLS_CLIENTS_NONE, "server.pem", "tls_key_file"},
        {"server.pem", "client.key", NULL, BL_TLS_CLIENTS_NONE, "client.key", "tls_key_file"},
        {"server.pem", "stranger.key", NULL, BL_TLS_CLIENTS_NONE, "stranger.key", "tls_key_file"},
        {"server.pem", "locked.key", NULL, BL_TLS_CLIENTS_NONE, "locked.key", "passphrase"},
        {"server.pem", "server.key", NULL, BL_TLS_CLIENTS_REQUIRED, "", "tls_client_ca_file"},
        {"server.pem", "server.key", NULL, BL_TLS_CLIENTS_OPTIONAL, "", "tls_client_ca_file"},
        {"server.pem", "server.key", "none.pem", BL_TLS_CLIENTS_REQUIRED, "none.pem", "client_ca"},
        {"server.pem", "server.key", "empty.pem", BL_TLS_CLIENTS_OPTIONAL, "empty.pem",
         "client_ca"},
        {"server.pem", "server.key", "server.key", BL_TLS_CLIENTS_OPTIONAL, "server.key",
         "client_"},
    };
    (void)state;
    size_t held_before = held_bytes;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_tls_context *context = NULL;
        struct bl_diag diag;
        struct bl_tls_config config = {
            .certificate_file = certificate_path(cases[i].certificate),
            .key_file = certificate_path(cases[i].key),
            .client_ca_file =
                cases[i].client_ca == NULL ? NULL : certificate_path(cases[i].client_ca),
            .clients = cases[i].clients,
        };
        bl_diag_clear(&diag);
        bl_result result = bl_tls_context_create(&config, &context, &diag);
        assert_int_equal(result.error, BL_E_INVALID_REQUEST);
        assert_null(context);
        assert_non_null(strstr(diag.message, cases[i].message));
        assert_non_null(strstr(diag.hint, cases[i].hint));
        assert_int_equal(ERR_peek_error(),
                         0); /* nothing that a later call could take for its own */
        if (i == 0) {
            held_before = held_bytes; /* what OpenSSL made once is there by now */
        }
    }
    assert_true(held_bytes <= held_before + 16384);
}

static void context_of_a_certificate(void **state) {
    static struct talk talk;
    (void)state;
    setup(&talk, BL_TLS_CLIENTS_NONE);
    int64_t left_s = bl_tls_context_ends_s(talk.context) - (int64_t)time(NULL);
    assert_in_range(left_s, CERTIFICATE_LIFE_S - 3600, CERTIFICATE_LIFE_S);
    /* Whoever speaks holds it; the others may leave. */
    assert_ptr_equal(bl_tls_context_hold(talk.context), talk.context);
    bl_tls_context_release(talk.context);
    bl_tls_context_release(talk.context);
    talk.context = NULL;
    start(&talk);
    assert_true(shake_hands(&talk, SIZE_MAX));
    teardown(&talk);
}

/* --- handshakes ------------------------------------------------------------------------------ */

static void handshakes(void **state) {
    static const struct {
        int version;
        const char *offered, *agreed;
        size_t piece;
    } cases[] = {
        {TLS1_3_VERSION, "\2h2\10http/1.1", "h2", 1},
        {TLS1_2_VERSION, "\2h2\10http/1.1", "h2", 1},
        {TLS1_3_VERSION, "\10http/1.1\2h2", "h2", 7}, /* the server's wish counts */
        {TLS1_2_VERSION, "\10http/1.1", "http/1.1", SIZE_MAX},
        {TLS1_3_VERSION, "", "", SIZE_MAX},
    };
    static struct talk talk;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const unsigned char *agreed = NULL;
        unsigned agreed_len = 0;
        setup(&talk, BL_TLS_CLIENTS_NONE);
        assert_int_equal(SSL_CTX_set_min_proto_version(talk.client_context, cases[i].version), 1);
        assert_int_equal(SSL_CTX_set_max_proto_version(talk.client_context, cases[i].version), 1);
        assert_int_equal(SSL_CTX_set_alpn_protos(talk.client_context,
                                                 (const unsigned char *)cases[i].offered,
                                                 (unsigned)strlen(cases[i].offered)),
                         0);
        start(&talk);
        assert_false(bl_tls_is_established(talk.tls));
        assert_true(shake_hands(&talk, cases[i].piece));
        assert_int_equal(SSL_version(talk.client), cases[i].version);
        SSL_get0_alpn_selected(talk.client, &agreed, &agreed_len);
        assert_int_equal(agreed_len, strlen(cases[i].agreed));
        assert_true(agreed_len == 0 || memcmp(agreed, cases[i].agreed, agreed_len) == 0);
        assert_true(bl_tls_write(talk.tls, BL_STR("answer")));
        to_client(&talk);
        client_hears(&talk, BL_STR("answer"));
        teardown(&talk);
    }
}

/* Whatever the client is set to, it is told why and gets nothing else. */
static void handshakes_refused(void **state) {
    static const struct {
        const char *name; /* of the server's certificate and key */
        int max_version;
        const char *ciphers, *offered;
    } cases[] = {
        {"server", TLS1_1_VERSION, "ALL", ""},
        {"server", TLS1_2_VERSION, "ECDHE+AES+SHA1:ECDHE+AES+SHA384", ""},
        {"stranger", TLS1_2_VERSION, "kRSA+AESGCM", ""}, /* no forward secrecy */
        {"server", TLS1_2_VERSION, "ALL", "\6spdy/3"},
    };
    static struct talk talk;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        setup_as(&talk, cases[i].name, BL_TLS_CLIENTS_NONE);
        SSL_CTX_set_verify(talk.client_context, SSL_VERIFY_NONE, NULL);
        SSL_CTX_set_security_level(talk.client_context, 0);
        (void)SSL_CTX_set_min_proto_version(talk.client_context, TLS1_VERSION);
        (void)SSL_CTX_set_max_proto_version(talk.client_context, cases[i].max_version);
        assert_int_equal(SSL_CTX_set_cipher_list(talk.client_context, cases[i].ciphers), 1);
        assert_int_equal(SSL_CTX_set_alpn_protos(talk.client_context,
                                                 (const unsigned char *)cases[i].offered,
                                                 (unsigned)strlen(cases[i].offered)),
                         0);
        start(&talk);
        assert_false(shake_hands(&talk, SIZE_MAX));
        assert_int_equal(talk.state, BL_TLS_FAILED);
        assert_false(bl_tls_is_established(talk.tls));
        assert_false(bl_tls_write(talk.tls, BL_STR("answer")));
        bl_tls_finish(talk.tls);
        assert_int_equal(bl_buf_view(&talk.to_client).len, 0); /* the alert went out before */
        teardown(&talk);
    }
}

static void clients(void **state) {
    static const struct {
        enum bl_tls_clients clients;
        const struct identity *shown;
        bool is_let_in;
    } cases[] = {
        {BL_TLS_CLIENTS_NONE, &stranger, true}, /* nobody asks */
        {BL_TLS_CLIENTS_OPTIONAL, NULL, true},
        {BL_TLS_CLIENTS_OPTIONAL, &client_identity, true},
        {BL_TLS_CLIENTS_OPTIONAL, &stranger, false},
        {BL_TLS_CLIENTS_REQUIRED, NULL, false},
        {BL_TLS_CLIENTS_REQUIRED, &client_identity, true},
        {BL_TLS_CLIENTS_REQUIRED, &stranger, false},
    };
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static struct talk talk;
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        const struct identity *shown = cases[i / 2].shown;
        setup(&talk, cases[i / 2].clients);
        (void)SSL_CTX_set_max_proto_version(talk.client_context, versions[i % 2]);
        if (shown != NULL) {
            assert_int_equal(SSL_CTX_use_certificate(talk.client_context, shown->certificate), 1);
            assert_int_equal(SSL_CTX_use_PrivateKey(talk.client_context, shown->key), 1);
        }
        start(&talk);
        assert_int_equal(shake_hands(&talk, SIZE_MAX), cases[i / 2].is_let_in);
        assert_int_equal(bl_tls_is_established(talk.tls), cases[i / 2].is_let_in);
        teardown(&talk);
    }
}

/* --- records --------------------------------------------------------------------------------- */

static void records_of_all_sizes(void **state) {
    static const size_t sizes[] = {1, 2, 1000, 16383, 16384};
    static const size_t pieces[] = {1, 5, 4096, 65536, SIZE_MAX};
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static struct talk talk;
    static char said[65536];
    (void)state;
    for (size_t i = 0; i < 50; i++) {
        size_t size = sizes[i % 5];
        size_t total = size == 1 ? 1000 : 40000;
        setup_established(&talk, versions[i / 25]);
        for (size_t at = 0; at < total; at += size) {
            client_says(&talk, noise + at, size < total - at ? size : total - at);
        }
        assert_int_equal(to_server(&talk, pieces[i / 5 % 5], said, sizeof(said)), total);
        assert_memory_equal(said, noise, total);
        assert_int_equal(talk.state, BL_TLS_GOOD);
        teardown(&talk);
    }
}

/* The most that one read can turn into: a record but for its last byte, then 64 KiB. */
static void fullest_read(void **state) {
    static struct talk talk;
    static char said[200000];
    (void)state;
    setup_established(&talk, TLS1_3_VERSION);
    for (size_t at = 0; at < 8 * 16384; at += 16384) {
        client_says(&talk, noise + at, 16384);
    }
    char *wire;
    long len = BIO_get_mem_data(SSL_get_wbio(talk.client), &wire);
    size_t first = 16384 + 5 + 17 - 1;
    assert_true((size_t)len > first + 65536);
    server_reads(&talk, (struct bl_str){wire, first});
    assert_int_equal(talk.plain_len, 0);
    server_reads(&talk, (struct bl_str){wire + first, 65536});
    assert_int_equal(talk.state, BL_TLS_GOOD);
    assert_int_equal(talk.plain_len, 4 * 16384);
    memcpy(said, talk.plain, talk.plain_len);
    size_t said_len = talk.plain_len;
    server_reads(&talk, (struct bl_str){wire + first + 65536, (size_t)len - first - 65536});
    memcpy(said + said_len, talk.plain, talk.plain_len);
    assert_int_equal(said_len + talk.plain_len, 8 * 16384);
    assert_memory_equal(said, noise, 8 * 16384);
    teardown(&talk);
}

static void answers(void **state) {
    static struct talk talk;
    (void)state;
    setup_established(&talk, TLS1_3_VERSION);
    for (size_t i = 0; i < 3000; i++) { /* many small ones */
        assert_true(bl_tls_write(talk.tls, (struct bl_str){noise + i, 1}));
    }
    to_client(&talk);
    client_hears(&talk, (struct bl_str){noise, 3000});
    assert_true(bl_tls_write(talk.tls, (struct bl_str){noise, sizeof(noise)})); /* a large one */
    to_client(&talk);
    client_hears(&talk, (struct bl_str){noise, sizeof(noise)});
    assert_true(bl_tls_write(talk.tls, BL_STR(""))); /* none at all */
    assert_int_equal(bl_buf_view(&talk.to_client).len, 0);
    talk.is_broken = true;
    assert_false(bl_tls_write(talk.tls, BL_STR("lost")));
    bl_tls_finish(talk.tls);
    teardown(&talk);
}

static void ends(void **state) {
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static struct talk talk;
    char said[64];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        setup_established(&talk, versions[i]);
        client_says(&talk, "last", 4);
        assert_int_equal(SSL_shutdown(talk.client), 0);
        char *wire;
        long len = BIO_get_mem_data(SSL_get_wbio(talk.client), &wire);
        char more[1024]; /* and what nobody may take for a message */
        memcpy(more, wire, (size_t)len);
        memset(more + len, 'x', 100);
        server_reads(&talk, (struct bl_str){more, (size_t)len + 100});
        assert_int_equal(talk.state, BL_TLS_ENDED);
        assert_true(bl_str_equal_c((struct bl_str){talk.plain, talk.plain_len}, "last"));
        (void)BIO_reset(SSL_get_wbio(talk.client));
        server_reads(&talk, (struct bl_str){noise, 100});
        assert_int_equal(talk.state, BL_TLS_ENDED);
        assert_int_equal(talk.plain_len, 0);
        /* It sends no more, and still hears the answer, then that it was the last. */
        assert_true(bl_tls_write(talk.tls, BL_STR("answer")));
        bl_tls_finish(talk.tls);
        bl_tls_finish(talk.tls);
        to_client(&talk);
        assert_int_equal(SSL_read(talk.client, said, sizeof(said)), 6);
        assert_memory_equal(said, "answer", 6);
        assert_int_equal(SSL_read(talk.client, said, sizeof(said)), 0);
        assert_int_equal(SSL_get_shutdown(talk.client), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        teardown(&talk);
    }
}

static void ends_before_the_handshake(void **state) {
    static struct talk talk;
    (void)state;
    setup(&talk, BL_TLS_CLIENTS_NONE);
    start(&talk);
    bl_tls_finish(talk.tls);
    assert_int_equal(bl_buf_view(&talk.to_client).len, 0);
    assert_false(bl_tls_write(talk.tls, BL_STR("early")));
    teardown(&talk);
}

/* --- hostile --------------------------------------------------------------------------------- */

static void not_tls(void **state) {
    static const struct bl_str cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24},
        {"\x16\x03\x01\xff\xff\x01\x00\x00\x00", 9}, /* longer than a record may be */
        {"\x16\x03\x01\x00\x04\x0e\x00\x00\x00", 9}, /* a message that comes later */
        {"\x17\x03\x03\x00\x01x", 6},                /* data before the handshake */
        {"\x15\x03\x01\x00\x02\x02\x28", 7},         /* a fatal alert */
        {"\x80\x05\x01\x00\x02\x00\x15", 7},         /* SSL 2, too short */
    };
    static struct talk talk;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t piece = 1; piece <= cases[i].len; piece += cases[i].len - 1) {
            setup(&talk, BL_TLS_CLIENTS_NONE);
            for (size_t at = 0; at < cases[i].len; at += piece) {
                server_reads(&talk, (struct bl_str){cases[i].data + at, piece < cases[i].len - at
                                                                            ? piece
                                                                            : cases[i].len - at});
                assert_int_equal(talk.plain_len, 0);
            }
            assert_int_equal(talk.state, BL_TLS_FAILED);
            assert_false(bl_tls_is_established(talk.tls));
            assert_int_equal(ERR_peek_error(), 0);
            bl_tls_finish(talk.tls);
            teardown(&talk);
        }
    }
}

/* Each byte of a record, changed: what came before is read, the record is not, nor what follows. */
static void changed_records(void **state) {
    static struct talk talk;
    (void)state;
    for (size_t at = 0; at < 5 + 17 + 6; at++) {
        setup_established(&talk, TLS1_3_VERSION);
        char *wire;
        client_says(&talk, "before", 6);
        long before = BIO_get_mem_data(SSL_get_wbio(talk.client), &wire);
        client_says(&talk, "change", 6);
        client_says(&talk, "behind", 6);
        long len = BIO_get_mem_data(SSL_get_wbio(talk.client), &wire);
        wire[(size_t)before + at] ^= 0x40;
        server_reads(&talk, (struct bl_str){wire, (size_t)len});
        assert_true(bl_str_equal_c((struct bl_str){talk.plain, talk.plain_len}, "before"));
        if (at != 3 && at != 4) { /* a longer record waits for its rest */
            assert_int_equal(talk.state, BL_TLS_FAILED);
            server_reads(&talk, (struct bl_str){wire, (size_t)before});
            assert_int_equal(talk.state, BL_TLS_FAILED);
            assert_int_equal(talk.plain_len, 0);
            assert_false(bl_tls_write(talk.tls, BL_STR("answer")));
        }
        bl_tls_finish(talk.tls);
        teardown(&talk);
    }
}

/* It is refused with a warning, and the connection goes on. */
static void renegotiation(void **state) {
    static struct talk talk;
    char said[64];
    (void)state;
    setup_established(&talk, TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(talk.client), 1);
    assert_int_not_equal(SSL_do_handshake(talk.client), 1);
    assert_int_equal(to_server(&talk, SIZE_MAX, said, sizeof(said)), 0);
    assert_int_equal(talk.state, BL_TLS_GOOD);
    assert_true(bl_tls_is_established(talk.tls));
    struct bl_str alert = bl_buf_view(&talk.to_client);
    assert_int_equal(alert.data[0], 21); /* one record, an alert */
    assert_int_equal(alert.len, 5 + 8 + 2 + 16);
    assert_true(bl_tls_write(talk.tls, BL_STR("answer")));
    teardown(&talk);
}

/* A client that changes its keys again and again is followed for a while, without growth. */
static void key_updates(void **state) {
    static struct talk talk;
    char said[64];
    size_t held = 0;
    (void)state;
    setup_established(&talk, TLS1_3_VERSION);
    for (size_t i = 0; i < 2000; i++) {
        assert_int_equal(SSL_key_update(talk.client, SSL_KEY_UPDATE_REQUESTED), 1);
        client_says(&talk, "ping", 4);
        assert_int_equal(to_server(&talk, SIZE_MAX, said, sizeof(said)), 4);
        assert_true(bl_tls_write(talk.tls, BL_STR("pong")));
        to_client(&talk);
        client_hears(&talk, BL_STR("pong"));
        held = i == 100 ? held_bytes : held;
    }
    assert_true(held_bytes <= held + 1024);
    teardown(&talk);
}

static void holds_no_more_with_time(void **state) {
    static struct talk talk;
    static char said[16384];
    size_t held = 0;
    (void)state;
    setup_established(&talk, TLS1_3_VERSION);
    for (size_t i = 0; i < 3000; i++) {
        size_t size = i % 3 == 0 ? 16384 : 1 + i % 100;
        client_says(&talk, noise, size);
        assert_int_equal(to_server(&talk, SIZE_MAX, said, sizeof(said)), size);
        assert_true(bl_tls_write(talk.tls, (struct bl_str){noise, size}));
        to_client(&talk);
        client_hears(&talk, (struct bl_str){noise, size});
        held = i == 300 ? held_bytes : held;
    }
    assert_true(held_bytes <= held + 1024);
    teardown(&talk);
    for (size_t i = 0; i < 40; i++) { /* connections that fail half way leave nothing */
        held = i == 10 ? held_bytes : held;
        setup(&talk, BL_TLS_CLIENTS_REQUIRED);
        start(&talk);
        assert_false(shake_hands(&talk, i % 2 == 0 ? 1 : SIZE_MAX));
        teardown(&talk);
    }
    assert_true(held_bytes <= held + 1024);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_refused),
        cmocka_unit_test(context_of_a_certificate),
        cmocka_unit_test(handshakes),
        cmocka_unit_test(handshakes_refused),
        cmocka_unit_test(clients),
        cmocka_unit_test(records_of_all_sizes),
        cmocka_unit_test(fullest_read),
        cmocka_unit_test(answers),
        cmocka_unit_test(ends),
        cmocka_unit_test(ends_before_the_handshake),
        cmocka_unit_test(not_tls),
        cmocka_unit_test(changed_records),
        cmocka_unit_test(renegotiation),
        cmocka_unit_test(key_updates),
        cmocka_unit_test(holds_no_more_with_time),
    };
    if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) != 1) {
        return 1;
    }
    return cmocka_run_group_tests_name("net/tls", tests, make_files, remove_files);
}
