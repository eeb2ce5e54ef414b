/*
 * Certificates and keys of a test, made anew in a folder of its own and removed with it. Included by
 * one file of a program.
 */
#ifndef BL_TESTS_CERTIFICATES_H
#define BL_TESTS_CERTIFICATES_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CERTIFICATE_LIFE_S 86400

struct identity {
    X509 *certificate;
    EVP_PKEY *key;
};

static char certificate_folder[] = "/tmp/bl-certificates-XXXXXX";

/* In the folder; the text lives until the fourth call after. */
static const char *certificate_path(const char *name) {
    static char paths[4][96];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", certificate_folder, name);
    return path;
}

static FILE *certificate_file(const char *name, const char *mode) {
    FILE *file = fopen(certificate_path(name), mode);
    assert_non_null(file);
    return file;
}

/* Signed by `authority`; NULL: by itself. */
static struct identity identity_make(EVP_PKEY *key, const char *name,
                                     const struct identity *authority) {
    static long serial = 1;
    struct identity made = {X509_new(), key};
    X509_NAME *subject = X509_get_subject_name(made.certificate);
    X509 *issuer = authority == NULL ? made.certificate : authority->certificate;

    assert_non_null(key);
    assert_int_equal(X509_set_version(made.certificate, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(made.certificate), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(made.certificate), CERTIFICATE_LIFE_S));
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer)), 1);
    assert_int_equal(X509_set_pubkey(made.certificate, key), 1);
    if (authority == NULL) {
        X509_EXTENSION *may_sign =
            X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:TRUE");
        assert_int_equal(X509_add_ext(made.certificate, may_sign, -1), 1);
        X509_EXTENSION_free(may_sign);
    }
    assert_true(
        X509_sign(made.certificate, authority == NULL ? key : authority->key, EVP_sha256()) > 0);
    return made;
}

static void identity_free(struct identity *identity) {
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

static void certificate_save(const char *name, const struct identity *identity) {
    FILE *file = certificate_file(name, "w");
    assert_int_equal(PEM_write_X509(file, identity->certificate), 1);
    assert_int_equal(fclose(file), 0);
}

/* `passphrase` NULL: in the clear. */
static void key_save(const char *name, const struct identity *identity, char *passphrase) {
    FILE *file = certificate_file(name, "w");
    assert_int_equal(PEM_write_PrivateKey(file, identity->key,
                                          passphrase == NULL ? NULL : EVP_aes_128_cbc(), NULL, 0,
                                          NULL, passphrase),
                     1);
    assert_int_equal(fclose(file), 0);
}

static void text_save(const char *name, const char *text) {
    FILE *file = certificate_file(name, "w");
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

#endif
