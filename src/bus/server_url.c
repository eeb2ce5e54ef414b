#include "bus/server_url.h"

#define URL_MAX 512

static bl_result refuse(struct bl_diag *diag, struct bl_str url, const char *what) {
    bl_diag_message(diag, "'%.*s' is no URL of a NATS server: %s",
                    (int)(url.len < 120 ? url.len : 120), url.data != NULL ? url.data : "", what);
    bl_diag_hint(diag, "write it as nats://host:4222 or tls://host:4222");
    return BL_FAIL(INVALID_REQUEST);
}

static bool is_name_byte(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '.' || byte == '-' || byte == '_';
}

static bool is_address_byte(char byte) {
    return (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F') ||
           (byte >= '0' && byte <= '9') || byte == ':' || byte == '.';
}

static bool is_port(struct bl_str text) {
    unsigned port = 0;
    if (text.len == 0 || text.len > 5) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        port = port * 10 + (unsigned)(text.data[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

/* Bytes of the host at the start of `rest`, brackets included; 0 if there is none. */
static size_t host_length(struct bl_str rest) {
    size_t len = 0;
    if (rest.len != 0 && rest.data[0] == '[') {
        for (len = 1; len < rest.len && is_address_byte(rest.data[len]); len++) {
        }
        return len > 1 && len < rest.len && rest.data[len] == ']' ? len + 1 : 0;
    }
    while (len < rest.len && is_name_byte(rest.data[len])) {
        len++;
    }
    return len;
}

bl_result bl_server_url_check(struct bl_str url, bool *out_is_tls, struct bl_diag *diag) {
    const struct bl_str nats = BL_STR("nats://");
    const struct bl_str tls = BL_STR("tls://");
    bool is_tls = bl_str_starts_with(url, tls);
    struct bl_str rest = url;
    if (url.len > URL_MAX) {
        return refuse(diag, url, "it is longer than 512 bytes");
    }
    if (is_tls || bl_str_starts_with(url, nats)) {
        size_t skip = is_tls ? tls.len : nats.len;
        rest = (struct bl_str){url.data + skip, url.len - skip};
    } else if (url.len != 0 && memmem(url.data, url.len, "://", 3) != NULL) {
        return refuse(diag, url, "the scheme is neither nats nor tls");
    }
    if (rest.len != 0 && memchr(rest.data, '@', rest.len) != NULL) {
        /* Not echoed: it holds a secret. */
        bl_diag_message(diag, "a URL of a NATS server holds a user or password");
        bl_diag_hint(diag, "set user and password, token or credentials by reference instead");
        return BL_FAIL(INVALID_REQUEST);
    }
    size_t host = host_length(rest);
    if (host == 0) {
        return refuse(diag, url, "the host is missing");
    }
    if (host < rest.len) {
        if (rest.data[host] != ':') {
            return refuse(diag, url, "after the host comes only a port");
        }
        struct bl_str port = {rest.data + host + 1, rest.len - host - 1};
        if (!is_port(port)) {
            return refuse(diag, url, "the port is not a number from 1 to 65535");
        }
    }
    if (out_is_tls != NULL) {
        *out_is_tls = is_tls;
    }
    return BL_OK;
}
