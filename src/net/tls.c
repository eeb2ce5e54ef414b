#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/tls_private.h"

#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"
#define SESSIONS_MAX 4096 /* that clients may take up again; tickets need none */

struct bl_tls {
    SSL *ssl;
    bool (*put)(void *user, struct bl_str bytes);
    void *user;
    struct bl_str in; /* read from the socket and not yet taken by OpenSSL */
};

/* --- contexts: an SSL_CTX, which counts its holders itself ----------------------------------- */

static SSL_CTX *native(const struct bl_tls_context *context) {
    return (SSL_CTX *)(uintptr_t)context;
}

static const char *reason(void) {
    unsigned long error = ERR_peek_error();
    const char *text = error == 0 ? NULL : ERR_reason_error_string(error);

    return text == NULL ? "OpenSSL refuses it" : text;
}

static bl_result refuse(struct bl_diag *diag, const char *file, const char *hint) {
    bl_diag_message(diag, "%s: %s", file, reason());
    bl_diag_hint(diag, "%s", hint);
    ERR_clear_error();
    return BL_FAIL(INVALID_REQUEST);
}

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *user) {
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)user;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void set_protocol(SSL_CTX *context) {
    static const unsigned char session_context[] = "beamline";

    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    (void)SSL_CTX_set_cipher_list(context, CIPHERS_12);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE |
                                           SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_sess_set_cache_size(context, SESSIONS_MAX);
    (void)SSL_CTX_set_session_id_context(context, session_context, sizeof(session_context) - 1);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
}

static bl_result load_clients(SSL_CTX *context, const struct bl_tls_config *config,
                              struct bl_diag *diag) {
    if (config->clients == BL_TLS_CLIENTS_NONE) {
        return BL_OK;
    }
    if (config->client_ca_file == NULL) {
        bl_diag_message(diag, "clients are to show certificates, and no authority is named");
        bl_diag_hint(diag, "set http.tls_client_ca_file");
        return BL_FAIL(INVALID_REQUEST);
    }
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(config->client_ca_file);
    if (names == NULL ||
        SSL_CTX_load_verify_locations(context, config->client_ca_file, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return refuse(diag, config->client_ca_file,
                      "http.tls_client_ca_file has to be a readable PEM file of certificates");
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(
        context,
        SSL_VERIFY_PEER |
            (config->clients == BL_TLS_CLIENTS_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        NULL);
    return BL_OK;
}

static bl_result load(SSL_CTX *context, const struct bl_tls_config *config, struct bl_diag *diag) {
    set_protocol(context);
    if (SSL_CTX_use_certificate_chain_file(context, config->certificate_file) != 1) {
        return refuse(diag, config->certificate_file,
                      "http.tls_certificate_file has to be a readable PEM file: the server's "
                      "certificate, then those that lead to its authority");
    }
    if (SSL_CTX_use_PrivateKey_file(context, config->key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return refuse(diag, config->key_file,
                      "http.tls_key_file has to be the PEM key of the certificate, readable for "
                      "the router, without a passphrase");
    }
    return load_clients(context, config, diag);
}

/* A key with a passphrase is refused, not asked for at a terminal. */
static int no_passphrase(char *buf, int size, int is_writing, void *user) {
    (void)buf;
    (void)size;
    (void)is_writing;
    (void)user;
    return -1;
}

bl_result bl_tls_context_create(const struct bl_tls_config *config, struct bl_tls_context **out,
                                struct bl_diag *diag) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    ERR_clear_error();
    if (context == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    bl_result result = load(context, config, diag);
    if (bl_is_error(result)) {
        SSL_CTX_free(context);
        return result;
    }
    *out = (struct bl_tls_context *)context;
    return BL_OK;
}

struct bl_tls_context *bl_tls_context_hold(struct bl_tls_context *context) {
    (void)SSL_CTX_up_ref(native(context));
    return context;
}

void bl_tls_context_release(struct bl_tls_context *context) {
    SSL_CTX_free(native(context));
}

int64_t bl_tls_context_ends_s(const struct bl_tls_context *context) {
    const X509 *certificate = SSL_CTX_get0_certificate(native(context));
    struct tm at;

    memset(&at, 0, sizeof(at));
    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &at) == 1 ? (int64_t)timegm(&at) : 0;
}

/* --- streams --------------------------------------------------------------------------------- */

/* OpenSSL reads from what the socket gave and writes to what it takes: no buffer in between holds
 * memory while a connection is idle. */
static int bio_read(BIO *bio, char *out, int len) {
    struct bl_tls *tls = BIO_get_data(bio);
    size_t take = tls->in.len < (size_t)len ? tls->in.len : (size_t)len;

    BIO_clear_retry_flags(bio);
    if (take == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, tls->in.data, take);
    tls->in.data += take;
    tls->in.len -= take;
    return (int)take;
}

static int bio_write(BIO *bio, const char *bytes, int len) {
    struct bl_tls *tls = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    return tls->put(tls->user, (struct bl_str){bytes, (size_t)len}) ? len : -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void) {
    method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "stream");
    if (method != NULL) {
        (void)BIO_meth_set_read(method, bio_read);
        (void)BIO_meth_set_write(method, bio_write);
        (void)BIO_meth_set_ctrl(method, bio_control);
    }
}

struct bl_tls *bl_tls_create(struct bl_tls_context *context,
                             bool (*put)(void *user, struct bl_str bytes), void *user) {
    struct bl_tls *tls = calloc(1, sizeof(*tls));

    (void)pthread_once(&method_once, make_method);
    SSL *ssl = tls == NULL || method == NULL ? NULL : SSL_new(native(context));
    BIO *bio = ssl == NULL ? NULL : BIO_new(method);
    if (bio == NULL) {
        SSL_free(ssl);
        free(tls);
        return NULL;
    }
    tls->ssl = ssl;
    tls->put = put;
    tls->user = user;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    return tls;
}

void bl_tls_destroy(struct bl_tls *tls) {
    if (tls != NULL) {
        SSL_free(tls->ssl);
        free(tls);
    }
}

bool bl_tls_is_established(const struct bl_tls *tls) {
    return SSL_is_init_finished(tls->ssl) == 1;
}

enum bl_tls_state bl_tls_read(struct bl_tls *tls, struct bl_str bytes, char *plain,
                              size_t *plain_len) {
    size_t len = 0;
    int error;

    tls->in = bytes;
    *plain_len = 0;
    ERR_clear_error();
    do {
        size_t got = 0;
        int done = SSL_read_ex(tls->ssl, plain + len, BL_TLS_PLAIN_BYTES - len, &got);
        len += got;
        error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(tls->ssl, done);
    } while (error == SSL_ERROR_NONE && len < BL_TLS_PLAIN_BYTES);
    *plain_len = len;
    if (error == SSL_ERROR_WANT_READ) {
        return BL_TLS_GOOD;
    }
    ERR_clear_error();
    return error == SSL_ERROR_ZERO_RETURN ? BL_TLS_ENDED : BL_TLS_FAILED;
}

bool bl_tls_write(struct bl_tls *tls, struct bl_str bytes) {
    ERR_clear_error();
    while (bytes.len > 0) {
        size_t written = 0;
        if (SSL_write_ex(tls->ssl, bytes.data, bytes.len, &written) != 1) {
            ERR_clear_error();
            return false;
        }
        bytes.data += written;
        bytes.len -= written;
    }
    return true;
}

void bl_tls_finish(struct bl_tls *tls) {
    if (bl_tls_is_established(tls)) {
        (void)SSL_shutdown(tls->ssl);
    }
    ERR_clear_error();
}
