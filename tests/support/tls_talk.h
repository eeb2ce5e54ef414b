/*
 * The TLS of one stream and an OpenSSL client, with no socket in between, and a count of what OpenSSL
 * holds. Included by one file of a program, after cmocka.
 */
#ifndef BL_TESTS_TLS_TALK_H
#define BL_TESTS_TLS_TALK_H

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/tls_private.h"
#include "support/certificates.h"

/* --- what OpenSSL holds ---------------------------------------------------------------------- */

static size_t held_bytes;

/* Each piece is preceded by its size, in the space of the strictest alignment. */
static void counted_free(void *piece, const char *file, int line) {
    (void)file;
    (void)line;
    if (piece != NULL) {
        char *start = (char *)piece - sizeof(max_align_t);
        size_t bytes;
        memcpy(&bytes, start, sizeof(bytes));
        held_bytes -= bytes;
        free(start);
    }
}

static void *counted_realloc(void *piece, size_t bytes, const char *file, int line) {
    if (bytes == 0) {
        counted_free(piece, file, line);
        return NULL;
    }
    char *old = piece == NULL ? NULL : (char *)piece - sizeof(max_align_t);
    size_t old_bytes = 0;

    if (old != NULL) {
        memcpy(&old_bytes, old, sizeof(old_bytes));
    }
    char *now = realloc(old, bytes + sizeof(max_align_t));
    if (now == NULL) {
        return NULL;
    }
    held_bytes += bytes - old_bytes;
    memcpy(now, &bytes, sizeof(bytes));
    return now + sizeof(max_align_t);
}

static void *counted_malloc(size_t bytes, const char *file, int line) {
    return bytes == 0 ? NULL : counted_realloc(NULL, bytes, file, line);
}

/* --- one server and one client, with no socket in between ------------------------------------ */

static struct identity authority, server_identity, client_identity, stranger;

struct talk {
    struct bl_tls_context *context;
    struct bl_tls *tls;
    SSL_CTX *client_context;
    SSL *client;
    struct bl_buf to_client;
    char wire[4u << 20];
    char plain[BL_TLS_PLAIN_BYTES];
    size_t plain_len;
    enum bl_tls_state state;
    bool is_broken; /* the socket takes no more */
};

static bool put(void *user, struct bl_str bytes) {
    struct talk *talk = user;

    if (!talk->is_broken) {
        bl_buf_str(&talk->to_client, bytes);
    }
    return !talk->is_broken;
}

/* The server shows the certificate of that name. */
static void setup_as(struct talk *talk, const char *name, enum bl_tls_clients clients) {
    char certificate[64], key[64];
    struct bl_diag diag;

    snprintf(certificate, sizeof(certificate), "%s.pem", name);
    snprintf(key, sizeof(key), "%s.key", name);
    struct bl_tls_config config = {
        .certificate_file = certificate_path(certificate),
        .key_file = certificate_path(key),
        .client_ca_file = clients == BL_TLS_CLIENTS_NONE ? NULL : certificate_path("ca.pem"),
        .clients = clients,
    };
    bl_diag_clear(&diag);
    talk->state = BL_TLS_GOOD;
    talk->is_broken = false;
    bl_buf_init(&talk->to_client, talk->wire, sizeof(talk->wire));
    assert_true(bl_is_ok(bl_tls_context_create(&config, &talk->context, &diag)));
    talk->tls = bl_tls_create(talk->context, put, talk);
    assert_non_null(talk->tls);
    talk->client_context = SSL_CTX_new(TLS_client_method());
    assert_int_equal(
        SSL_CTX_load_verify_locations(talk->client_context, certificate_path("ca.pem"), NULL), 1);
    SSL_CTX_set_verify(talk->client_context, SSL_VERIFY_PEER, NULL);
}

static void setup(struct talk *talk, enum bl_tls_clients clients) {
    setup_as(talk, "server", clients);
}

/* After the client's context is as the test wants it. */
static void start(struct talk *talk) {
    talk->client = SSL_new(talk->client_context);
    assert_non_null(talk->client);
    SSL_set_bio(talk->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(talk->client);
}

static void teardown(struct talk *talk) {
    bl_tls_destroy(talk->tls);
    bl_tls_context_release(talk->context);
    SSL_free(talk->client);
    SSL_CTX_free(talk->client_context);
    ERR_clear_error();
}

/* The server reads from a copy that is gone right after: a view that is kept is found. */
static void server_reads(struct talk *talk, struct bl_str bytes) {
    char *copy = malloc(bytes.len + 1);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    talk->state =
        bl_tls_read(talk->tls, (struct bl_str){copy, bytes.len}, talk->plain, &talk->plain_len);
    assert_true(talk->plain_len <= sizeof(talk->plain));
    free(copy);
}

static void to_client(struct talk *talk) {
    struct bl_str bytes = bl_buf_view(&talk->to_client);
    if (bytes.len > 0) {
        assert_int_equal(BIO_write(SSL_get_rbio(talk->client), bytes.data, (int)bytes.len),
                         bytes.len);
    }
    bl_buf_reset(&talk->to_client);
}

/* What the client wrote, in pieces; what they said follows each other in talk->plain's last piece. */
static size_t to_server(struct talk *talk, size_t piece, char *said, size_t said_max) {
    char *wire;
    long len = BIO_get_mem_data(SSL_get_wbio(talk->client), &wire);
    struct bl_str rest = {wire, (size_t)len};
    size_t said_len = 0;

    while (rest.len > 0) {
        struct bl_str some = bl_str_head(rest, piece);
        server_reads(talk, some);
        assert_true(said_len + talk->plain_len <= said_max);
        if (talk->plain_len > 0) {
            memcpy(said + said_len, talk->plain, talk->plain_len);
        }
        said_len += talk->plain_len;
        rest.data += some.len;
        rest.len -= some.len;
    }
    (void)BIO_reset(SSL_get_wbio(talk->client));
    return said_len;
}

/* Until neither has more to say; whether both hold the handshake for done. */
static bool shake_hands(struct talk *talk, size_t piece) {
    for (int round = 0; round < 8; round++) {
        int done = SSL_do_handshake(talk->client);
        int error = done == 1 ? SSL_ERROR_WANT_READ : SSL_get_error(talk->client, done);
        assert_int_equal(to_server(talk, piece, NULL, 0), 0);
        to_client(talk);
        if (talk->state != BL_TLS_GOOD || error != SSL_ERROR_WANT_READ) {
            ERR_clear_error();
            return false;
        }
    }
    return SSL_is_init_finished(talk->client) == 1 && bl_tls_is_established(talk->tls);
}

static void client_says(struct talk *talk, const void *bytes, size_t len) {
    size_t written = 0;
    assert_int_equal(SSL_write_ex(talk->client, bytes, len, &written), 1);
    assert_int_equal(written, len);
}

static void client_hears(struct talk *talk, struct bl_str wanted) {
    char got[4096];
    while (wanted.len > 0) {
        int len = SSL_read(talk->client, got, sizeof(got));
        assert_true(len > 0 && (size_t)len <= wanted.len);
        assert_memory_equal(got, wanted.data, (size_t)len);
        wanted.data += len;
        wanted.len -= (size_t)len;
    }
    assert_true(SSL_read(talk->client, got, sizeof(got)) <= 0);
}

static char noise[1u << 20];

static void make_noise(void) {
    uint32_t word = 1;
    for (size_t i = 0; i < sizeof(noise); i++) {
        word = word * 1664525u + 1013904223u;
        noise[i] = (char)(word >> 24);
    }
}

static void setup_established(struct talk *talk, int version) {
    setup(talk, BL_TLS_CLIENTS_NONE);
    (void)SSL_CTX_set_max_proto_version(talk->client_context, version);
    start(talk);
    assert_true(shake_hands(talk, SIZE_MAX));
}

/* --- files of all tests ----------------------------------------------------------------------- */

static int make_files(void **state) {
    char passphrase[] = "secret";
    (void)state;
    if (mkdtemp(certificate_folder) == NULL) {
        return -1;
    }
    make_noise();
    authority = identity_make(EVP_EC_gen("P-256"), "authority", NULL);
    server_identity = identity_make(EVP_EC_gen("P-256"), "server", &authority);
    client_identity = identity_make(EVP_EC_gen("P-256"), "client", &authority);
    stranger = identity_make(EVP_RSA_gen(2048), "stranger", NULL);
    certificate_save("ca.pem", &authority);
    certificate_save("server.pem", &server_identity);
    key_save("server.key", &server_identity, NULL);
    key_save("client.key", &client_identity, NULL);
    certificate_save("stranger.pem", &stranger);
    key_save("stranger.key", &stranger, NULL);
    key_save("locked.key", &server_identity, passphrase);
    text_save("text.pem", "-----BEGIN CERTIFICATE-----\nnot that\n-----END CERTIFICATE-----\n");
    text_save("empty.pem", "");
    return 0;
}

static int remove_files(void **state) {
    static const char *const files[] = {"ca.pem",     "server.pem",   "server.key",
                                        "client.key", "stranger.pem", "stranger.key",
                                        "locked.key", "text.pem",     "empty.pem"};
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        (void)unlink(certificate_path(files[i]));
    }
    identity_free(&authority);
    identity_free(&server_identity);
    identity_free(&client_identity);
    identity_free(&stranger);
    return rmdir(certificate_folder);
}

#endif
