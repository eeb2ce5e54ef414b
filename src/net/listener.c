#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "net/stream_private.h"

struct bl_listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    bool is_unix;
    bl_accept_fn accept;
    void *user;
    char address[128];
};

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void on_connection(uv_stream_t *server, int status) {
    struct bl_listener *listener = server->data;

    if (status == 0) {
        struct bl_stream *stream = bl_stream_accept(server, listener->is_unix);
        if (stream != NULL) {
            listener->accept(listener->user, stream);
        }
    }
}

/* --- sockets --------------------------------------------------------------------------------- */

static int fail(struct bl_diag *diag, const char *address, const char *what) {
    bl_diag_message(diag, "cannot listen on %s: %s", address, what);
    return -1;
}

/* host:port, with brackets around an IPv6 address. */
static bool split(const char *address, char *host, size_t host_size, char *port, size_t port_size) {
    const char *colon = strrchr(address, ':');

    if (colon == NULL || colon[1] == '\0') {
        return false;
    }
    size_t len = (size_t)(colon - address);
    const char *from = address;
    if (len >= 2 && from[0] == '[' && from[len - 1] == ']') {
        from++;
        len -= 2;
    }
    return snprintf(host, host_size, "%.*s", (int)len, from) < (int)host_size &&
           snprintf(port, port_size, "%s", colon + 1) < (int)port_size;
}

static int bind_tcp(const char *address, struct bl_diag *diag) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[256], port[16];
    int one = 1;

    if (!split(address, host, sizeof(host), port, sizeof(port))) {
        bl_diag_hint(diag, "for example 127.0.0.1:9000, [::]:9000 or unix:/run/beamline.sock");
        return fail(diag, address, "it has no port");
    }
    int error = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, &found);
    if (error != 0) {
        return fail(diag, address, gai_strerror(error));
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
                setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0 &&
                bind(fd, found->ai_addr, found->ai_addrlen) == 0;
    int reason = errno;
    freeaddrinfo(found);
    if (good) {
        return fd;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (reason == EADDRINUSE) {
        bl_diag_hint(diag, "another program listens there; ss -ltnp tells which");
    } else if (reason == EACCES) {
        bl_diag_hint(diag, "ports below 1024 need CAP_NET_BIND_SERVICE");
    }
    return fail(diag, address, strerror(reason));
}

static int bind_unix(const char *path, struct bl_diag *diag) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;

    if (strlen(path) >= sizeof(address.sun_path)) {
        return fail(diag, path, "the path is too long");
    }
    memcpy(address.sun_path, path, strlen(path));
    if (stat(path, &status) == 0 && S_ISSOCK(status.st_mode)) {
        (void)unlink(path); /* left by a process that was killed */
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        return fd;
    }
    int reason = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return fail(diag, path, strerror(reason));
}

/* A socket that was handed over. */
static int take_fd(const char *number, struct bl_diag *diag) {
    char *end;
    long fd = strtol(number, &end, 10);
    int listening = 0;
    socklen_t len = sizeof(listening);

    if (*number == '\0' || *end != '\0' || fd < 0 || fd > INT32_MAX ||
        getsockopt((int)fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0) {
        return fail(diag, number, "that descriptor is no socket");
    }
    return (int)fd;
}

static int open_socket(const char *address, struct bl_diag *diag) {
    if (strncmp(address, "unix:", 5) == 0) {
        return bind_unix(address + 5, diag);
    }
    if (strncmp(address, "fd:", 3) == 0) {
        return take_fd(address + 3, diag);
    }
    return bind_tcp(address, diag);
}

static void name(struct bl_listener *listener, const char *address) {
    struct sockaddr_storage bound;
    int len = sizeof(bound);
    char host[INET6_ADDRSTRLEN] = "";

    (void)snprintf(listener->address, sizeof(listener->address), "%s", address);
    if (listener->is_unix ||
        uv_tcp_getsockname(&listener->uv.tcp, (struct sockaddr *)&bound, &len) != 0) {
        return;
    }
    if (bound.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&bound;
        (void)inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
        (void)snprintf(listener->address, sizeof(listener->address), "[%s]:%u", host,
                       ntohs(six->sin6_port));
    } else {
        const struct sockaddr_in *four = (const struct sockaddr_in *)&bound;
        (void)inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
        (void)snprintf(listener->address, sizeof(listener->address), "%s:%u", host,
                       ntohs(four->sin_port));
    }
}

static bool is_unix_socket(int fd) {
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(bound);

    return getsockname(fd, (struct sockaddr *)&bound, &len) == 0 && bound.ss_family == AF_UNIX;
}

bl_result bl_listener_create(struct bl_loop *loop, const char *address, bl_accept_fn accept,
                             void *user, struct bl_listener **out, struct bl_diag *diag) {
    int fd = open_socket(address, diag);

    if (fd < 0) {
        return BL_FAIL(INVALID_REQUEST);
    }
    struct bl_listener *listener = calloc(1, sizeof(*listener));
    if (listener == NULL) {
        (void)close(fd);
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    listener->is_unix = is_unix_socket(fd);
    listener->accept = accept;
    listener->user = user;
    int error;
    if (listener->is_unix) {
        (void)uv_pipe_init(bl_loop_uv(loop), &listener->uv.pipe, 0);
        error = uv_pipe_open(&listener->uv.pipe, fd);
    } else {
        (void)uv_tcp_init(bl_loop_uv(loop), &listener->uv.tcp);
        error = uv_tcp_open(&listener->uv.tcp, fd);
    }
    listener->uv.handle.data = listener;
    if (error == 0) {
        error = uv_listen(&listener->uv.stream, BL_LISTEN_BACKLOG, on_connection);
    }
    if (error != 0) {
        (void)fail(diag, address, uv_strerror(error));
        uv_close(&listener->uv.handle, on_closed);
        return BL_FAIL(INVALID_REQUEST);
    }
    name(listener, address);
    *out = listener;
    return BL_OK;
}

void bl_listener_destroy(struct bl_listener *listener) {
    if (listener != NULL) {
        uv_close(&listener->uv.handle, on_closed);
    }
}

bool bl_listener_is_local(const struct bl_listener *listener) {
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    int len = sizeof(bound);

    if (listener->is_unix) {
        return true;
    }
    if (uv_tcp_getsockname(&listener->uv.tcp, (struct sockaddr *)&bound, &len) != 0) {
        return false;
    }
    if (bound.ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)&bound;
        return ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&bound;
    return bound.ss_family == AF_INET6 && (IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
                                           (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) &&
                                            six->sin6_addr.s6_addr[12] == IN_LOOPBACKNET));
}

const char *bl_listener_address(const struct bl_listener *listener) {
    return listener->address;
}
