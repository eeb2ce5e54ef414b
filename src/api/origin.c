#include "api/origin.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 128

/* The host without its port and brackets. False: too long to be one of an address. */
static bool host_of(struct bl_str authority, char *storage, bool *is_bracketed) {
    const char *end = NULL;

    *is_bracketed = authority.len > 0 && authority.data[0] == '[';
    if (*is_bracketed) {
        authority.data++;
        authority.len--;
        end = memchr(authority.data, ']', authority.len);
        if (end == NULL) {
            return false;
        }
    } else {
        end = authority.len == 0 ? NULL : memchr(authority.data, ':', authority.len);
    }
    size_t len = end == NULL ? authority.len : (size_t)(end - authority.data);
    if (len == 0 || len >= HOST_MAX) {
        return false;
    }
    memcpy(storage, authority.data, len);
    storage[len] = '\0';
    return strlen(storage) == len;
}

static bool is_address(struct bl_str authority) {
    unsigned char address[sizeof(struct in6_addr)];
    char host[HOST_MAX];
    bool is_bracketed;

    if (!host_of(authority, host, &is_bracketed)) {
        return false;
    }
    if (is_bracketed) {
        return inet_pton(AF_INET6, host, address) == 1;
    }
    return strcasecmp(host, "localhost") == 0 || inet_pton(AF_INET, host, address) == 1;
}

/* A scheme and the host, exactly. */
static bool is_origin_of(struct bl_str origin, struct bl_str host) {
    static const struct bl_str schemes[] = {{"http://", 7}, {"https://", 8}};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = schemes[i].len;
        if (origin.len == len + host.len && strncasecmp(origin.data, schemes[i].data, len) == 0 &&
            strncasecmp(origin.data + len, host.data, host.len) == 0) {
            return true;
        }
    }
    return false;
}

const char *bl_api_check_origin(const struct bl_headers *headers, bool is_unix) {
    struct bl_str host = bl_headers_get(headers, "host");
    struct bl_str origin = bl_headers_get(headers, "origin");
    struct bl_str site = bl_headers_get(headers, "sec-fetch-site");

    if (!is_unix && !is_address(host)) {
        return "the Host must be an address or localhost: under any other name a page could reach "
               "this router through a browser";
    }
    if (bl_str_is_present(origin) && !is_origin_of(origin, host)) {
        return "a page of another origin asks; administration takes requests of its own only";
    }
    if (bl_str_is_present(site) && !bl_str_equal_c(site, "same-origin") &&
        !bl_str_equal_c(site, "none")) {
        return "a page of another site asks; administration takes requests of its own only";
    }
    return NULL;
}
