#include "secret/reference.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bl_result fail(struct bl_diag *diag, const char *what, const char *path) {
    bl_diag_message(diag, "cannot read the secret in %s: %s", path, what);
    bl_diag_hint(diag, "the file must exist and be readable by the router's user alone");
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result read_file(const char *path, struct bl_secret *out, struct bl_diag *diag) {
    static _Thread_local char bytes[BL_SECRET_MAX_BYTES];
    size_t len = 0;
    ssize_t got;
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &status) != 0) {
        int error = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return fail(diag, strerror(error), path);
    }
    if (!S_ISREG(status.st_mode)) { /* a pipe waits for its writer, a device may have no end */
        (void)close(fd);
        return fail(diag, "it is no regular file", path);
    }
    while ((got = read(fd, bytes + len, sizeof(bytes) - len)) > 0) {
        len += (size_t)got;
    }
    int error = errno;
    (void)close(fd);
    bl_result result = got < 0                ? fail(diag, strerror(error), path)
                       : len == 0             ? fail(diag, "it is empty", path)
                       : len == sizeof(bytes) ? fail(diag, "it is too large", path)
                                              : BL_OK;
    if (bl_is_ok(result)) {
        while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r')) {
            len--;
        }
        result = bl_secret_init(out, (struct bl_str){bytes, len});
    }
    bl_wipe(bytes, sizeof(bytes));
    return result;
}

static bl_result read_credential(struct bl_str name, struct bl_secret *out, struct bl_diag *diag) {
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char path[1024];

    if (folder == NULL) {
        bl_diag_message(diag, "there are no credentials: $CREDENTIALS_DIRECTORY is not set");
        bl_diag_hint(diag, "add LoadCredential=%.*s:/path to the systemd unit", BL_STR_ARG(name));
        return BL_FAIL(INVALID_REQUEST);
    }
    if (name.len == 0 || memchr(name.data, '/', name.len) != NULL) {
        bl_diag_message(diag, "a credential's name is not empty and has no slash");
        return BL_FAIL(INVALID_REQUEST);
    }
    (void)snprintf(path, sizeof(path), "%s/%.*s", folder, BL_STR_ARG(name));
    return read_file(path, out, diag);
}

static bl_result read_variable(struct bl_str name, bool allowed, struct bl_secret *out,
                               struct bl_diag *diag) {
    char copy[128];
    (void)snprintf(copy, sizeof(copy), "%.*s", BL_STR_ARG(name));
    const char *value = allowed ? getenv(copy) : NULL;

    if (value == NULL || value[0] == '\0') {
        bl_diag_message(
            diag, allowed ? "the variable %s is not set" : "%s: the environment is refused", copy);
        bl_diag_hint(diag, "write file:/path or credential:NAME");
        return BL_FAIL(INVALID_REQUEST);
    }
    return bl_secret_init(out, bl_str_from_c(value));
}

/* What follows the prefix, NUL-terminated in `rest` if it is a path. */
static bool strip(struct bl_str reference, struct bl_str prefix, struct bl_str *rest) {
    if (!bl_str_starts_with(reference, prefix)) {
        return false;
    }
    *rest = (struct bl_str){reference.data + prefix.len, reference.len - prefix.len};
    return true;
}

bl_result bl_secret_resolve(struct bl_str reference, bool allow_environment, struct bl_secret *out,
                            struct bl_diag *diag) {
    struct bl_str rest;
    char path[4096];

    if (bl_str_is_blank(reference)) {
        return BL_OK;
    }
    if (strip(reference, BL_STR("file:"), &rest)) {
        (void)snprintf(path, sizeof(path), "%.*s", BL_STR_ARG(rest));
        return read_file(path, out, diag);
    }
    if (strip(reference, BL_STR("credential:"), &rest)) {
        return read_credential(rest, out, diag);
    }
    if (strip(reference, BL_STR("env:"), &rest)) {
        return read_variable(rest, allow_environment, out, diag);
    }
    bl_diag_message(diag, "a secret is named by file:, credential: or env:");
    return BL_FAIL(INVALID_REQUEST);
}
