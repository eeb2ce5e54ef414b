#include "net/listener.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "net/socket.h"
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

bl_result bl_listener_create(struct bl_loop *loop, int fd, const char *address, bl_accept_fn accept,
                             void *user, struct bl_listener **out, struct bl_diag *diag) {
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
    } else {
        (void)close(fd);
    }
    if (error != 0) {
        bl_diag_message(diag, "cannot listen on %s: %s", address, uv_strerror(error));
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
