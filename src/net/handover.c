#include "net/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#define HELLO "beamline-handover 1"
#define END "end"
#define READY "ready"
#define WAIT_S 10 /* for each packet of the old process */

struct bl_handover {
    uv_poll_t listening;
    uv_poll_t talking;
    int listening_fd;
    int talking_fd;  /* -1 = no successor */
    bool is_talking; /* until the handle is closed */
    unsigned open_handles;
    long pid; /* of the successor */
    const struct bl_socket_set *const *sets;
    unsigned count;
    const struct bl_handover_calls *calls;
    void *user;
    bool is_destroyed;
};

/* --- packets --------------------------------------------------------------------------------- */

static bool send_packet(int fd, const char *text, const int *fds, unsigned count) {
    union {
        struct cmsghdr head; /* for its alignment */
        char bytes[CMSG_SPACE(BL_SOCKETS_MAX * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (count > 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)part.iov_len;
}

/* Fills text and sockets; false at the end or on an error. */
static bool receive_packet(int fd, struct bl_socket_set *out) {
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(BL_SOCKETS_MAX * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = out->address, .iov_len = sizeof(out->address) - 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t len = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

    out->count = 0;
    if (len <= 0) {
        return false;
    }
    out->address[len] = '\0';
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS) {
            size_t bytes = at->cmsg_len - CMSG_LEN(0);
            memcpy(out->fds, CMSG_DATA(at), bytes);
            out->count = (unsigned)(bytes / sizeof(int));
        }
    }
    return (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
}

static bool address_of(const char *path, struct sockaddr_un *out) {
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(out->sun_path)) {
        return false;
    }
    memcpy(out->sun_path, path, strlen(path));
    return true;
}

/* --- the old process ------------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle) {
    struct bl_handover *handover = handle->data;

    if (--handover->open_handles == 0 && handover->is_destroyed) {
        free(handover);
    }
}

/* Only now may the handle be used for the next one. */
static void on_talk_closed(uv_handle_t *handle) {
    struct bl_handover *handover = handle->data;

    handover->is_talking = false;
    on_handle_closed(handle);
}

static void hang_up(struct bl_handover *handover) {
    if (handover->talking_fd >= 0) {
        uv_close((uv_handle_t *)&handover->talking, on_talk_closed);
        (void)close(handover->talking_fd);
        handover->talking_fd = -1;
    }
}

static bool give_all(struct bl_handover *handover) {
    bool good = true;

    for (unsigned i = 0; i < handover->count && good; i++) {
        const struct bl_socket_set *set = handover->sets[i];
        good = send_packet(handover->talking_fd, set->address, set->fds, set->count);
    }
    return good && send_packet(handover->talking_fd, END, NULL, 0);
}

static void on_packet(uv_poll_t *poll, int status, int events) {
    struct bl_handover *handover = poll->data;
    struct bl_socket_set packet;

    (void)events;
    bool came = status == 0 && receive_packet(handover->talking_fd, &packet);
    if (came) {
        bl_socket_set_close(&packet); /* nothing is taken from a successor */
    }
    if (came && strcmp(packet.address, HELLO) == 0 && give_all(handover)) {
        handover->calls->on_asked(handover->user, handover->pid);
    } else if (came && strcmp(packet.address, READY) == 0) {
        hang_up(handover);
        handover->calls->on_ready(handover->user, handover->pid);
    } else {
        hang_up(handover);
        handover->calls->on_failed(handover->user, handover->pid);
    }
}

/* The same user, or root: whoever could end this process anyway. */
static bool may_ask(int fd, long *pid) {
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        return false;
    }
    *pid = (long)peer.pid;
    return peer.uid == geteuid() || peer.uid == 0;
}

static void on_successor(uv_poll_t *poll, int status, int events) {
    struct bl_handover *handover = poll->data;
    int fd = accept4(handover->listening_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    long pid;

    (void)status;
    (void)events;
    if (fd < 0) {
        return;
    }
    if (handover->is_talking || !may_ask(fd, &pid) ||
        uv_poll_init(poll->loop, &handover->talking, fd) != 0) {
        (void)close(fd); /* one at a time */
        return;
    }
    handover->talking_fd = fd;
    handover->is_talking = true;
    handover->pid = pid;
    handover->talking.data = handover;
    handover->open_handles++;
    (void)uv_poll_start(&handover->talking, UV_READABLE, on_packet);
}

/* The file's mode is the socket's before it is bound. */
static int listen_at(const char *path, struct bl_diag *diag) {
    struct sockaddr_un address;
    int fd = -1;

    if (address_of(path, &address)) {
        (void)unlink(path);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    } else {
        errno = ENAMETOOLONG;
    }
    if (fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0) {
        return fd;
    }
    bl_diag_message(diag, "cannot wait for a successor at %s: %s", path, strerror(errno));
    bl_diag_hint(diag,
                 "http.upgrade_socket has to be a path in a folder that the router may write");
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

bl_result bl_handover_serve(struct bl_loop *loop, const char *path,
                            const struct bl_socket_set *const *sets, unsigned count,
                            const struct bl_handover_calls *calls, void *user,
                            struct bl_handover **out, struct bl_diag *diag) {
    struct bl_handover *handover = calloc(1, sizeof(*handover));

    if (handover == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    handover->listening_fd = listen_at(path, diag);
    if (handover->listening_fd < 0 ||
        uv_poll_init(bl_loop_uv(loop), &handover->listening, handover->listening_fd) != 0) {
        free(handover);
        return BL_FAIL(INVALID_REQUEST);
    }
    handover->talking_fd = -1;
    handover->open_handles = 1;
    handover->sets = sets;
    handover->count = count;
    handover->calls = calls;
    handover->user = user;
    handover->listening.data = handover;
    (void)uv_poll_start(&handover->listening, UV_READABLE, on_successor);
    *out = handover;
    return BL_OK;
}

void bl_handover_destroy(struct bl_handover *handover) {
    if (handover == NULL) {
        return;
    }
    hang_up(handover);
    handover->is_destroyed = true;
    uv_close((uv_handle_t *)&handover->listening, on_handle_closed);
    (void)close(handover->listening_fd); /* the path may be a successor's by now: it stays */
}

/* --- the new process ------------------------------------------------------------------------- */

static bl_result fail(struct bl_inheritance *inheritance, const char *path, const char *what,
                      struct bl_diag *diag) {
    bl_inheritance_close(inheritance);
    bl_diag_message(diag, "the router at %s does not hand its sockets over: %s", path, what);
    bl_diag_hint(diag, "wait for an upgrade that is under way, or stop that router first");
    return BL_FAIL(UNAVAILABLE);
}

static int connect_to(const char *path) {
    const struct timeval wait = {.tv_sec = WAIT_S};
    struct sockaddr_un address;
    int fd = -1;

    if (address_of(path, &address)) {
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    }
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
                    connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

bl_result bl_handover_ask(const char *path, struct bl_inheritance *out, struct bl_diag *diag) {
    struct bl_socket_set packet;

    *out = (struct bl_inheritance){.connection = connect_to(path)};
    if (out->connection < 0) {
        return BL_OK;
    }
    if (!send_packet(out->connection, HELLO, NULL, 0)) {
        return fail(out, path, strerror(errno), diag);
    }
    for (;;) {
        if (!receive_packet(out->connection, &packet)) {
            return fail(out, path, "it does not answer", diag);
        }
        if (packet.count == 0) {
            break; /* "end" */
        }
        if (out->count == BL_HANDOVER_SETS_MAX) {
            bl_socket_set_close(&packet);
            return fail(out, path, "it has too many addresses", diag);
        }
        out->sets[out->count++] = packet;
    }
    return BL_OK;
}

bool bl_inheritance_take(struct bl_inheritance *inheritance, const char *address,
                         struct bl_socket_set *out) {
    for (unsigned i = 0; i < inheritance->count; i++) {
        if (strcmp(inheritance->sets[i].address, address) == 0) {
            *out = inheritance->sets[i];
            inheritance->sets[i] = inheritance->sets[--inheritance->count];
            return true;
        }
    }
    return false;
}

void bl_inheritance_ready(struct bl_inheritance *inheritance) {
    if (inheritance->connection >= 0) {
        (void)send_packet(inheritance->connection, READY, NULL, 0);
    }
    bl_inheritance_close(inheritance);
}

void bl_inheritance_close(struct bl_inheritance *inheritance) {
    for (unsigned i = 0; i < inheritance->count; i++) {
        bl_socket_set_close(&inheritance->sets[i]);
    }
    inheritance->count = 0;
    if (inheritance->connection >= 0) {
        (void)close(inheritance->connection);
        inheritance->connection = -1;
    }
}
