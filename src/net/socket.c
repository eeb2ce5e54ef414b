#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define INHERITED_FIRST 3 /* SD_LISTEN_FDS_START */

static bl_result fail(struct bl_diag *diag, const char *address, const char *what) {
    bl_diag_message(diag, "cannot listen on %s: %s", address, what);
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result fail_errno(struct bl_diag *diag, const char *address, int error) {
    if (error == EADDRINUSE) {
        bl_diag_hint(diag, "another program listens there; ss -ltnp tells which");
    } else if (error == EACCES) {
        bl_diag_hint(diag, "ports below 1024 need CAP_NET_BIND_SERVICE");
    }
    return fail(diag, address, strerror(error));
}

/* --- TCP ------------------------------------------------------------------------------------- */

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

static bl_result resolve(const char *address, struct sockaddr_storage *out, socklen_t *len,
                         struct bl_diag *diag) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[BL_SOCKET_ADDRESS_MAX], port[16];

    if (!split(address, host, sizeof(host), port, sizeof(port))) {
        bl_diag_hint(diag, "for example 127.0.0.1:9000, [::]:9000 or unix:/run/beamline.sock");
        return fail(diag, address, "it has no port");
    }
    int error = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, &found);
    if (error != 0) {
        return fail(diag, address, gai_strerror(error));
    }
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return BL_OK;
}

static bool set_option(int fd, int option) {
    int one = 1;
    return setsockopt(fd, SOL_SOCKET, option, &one, sizeof(one)) == 0;
}

/* The first one is bound before it may be shared: so it fails if any other program is there, also one
 * that would share. */
static bool bind_one(int fd, const struct sockaddr_storage *at, socklen_t len, bool is_first) {
    const struct sockaddr *address = (const struct sockaddr *)at;

    if (!set_option(fd, SO_REUSEADDR)) {
        return false;
    }
    if (is_first) {
        return bind(fd, address, len) == 0 && set_option(fd, SO_REUSEPORT);
    }
    return set_option(fd, SO_REUSEPORT) && bind(fd, address, len) == 0;
}

static bl_result open_tcp(unsigned wanted, struct bl_socket_set *set, struct bl_diag *diag) {
    struct sockaddr_storage at;
    socklen_t len;

    BL_TRY(resolve(set->address, &at, &len, diag));
    for (unsigned i = 0; i < wanted; i++) {
        int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            return fail_errno(diag, set->address, errno);
        }
        set->fds[set->count++] = fd;
        if (!bind_one(fd, &at, len, i == 0)) {
            return fail_errno(diag, set->address, errno);
        }
        socklen_t bound = sizeof(at); /* the port that was found for 0 is everybody's */
        if (getsockname(fd, (struct sockaddr *)&at, &bound) != 0) {
            return fail_errno(diag, set->address, errno);
        }
    }
    for (unsigned i = 0; i < set->count; i++) {
        if (listen(set->fds[i], BL_LISTEN_BACKLOG) != 0) {
            return fail_errno(diag, set->address, errno);
        }
    }
    return BL_OK;
}

/* --- Unix sockets ---------------------------------------------------------------------------- */

/* Left by a process that was killed: it is there, and nobody answers. */
static bool is_stale(const struct sockaddr_un *address) {
    struct stat status;
    int fd = -1;

    if (stat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_refused = fd >= 0 &&
                      connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
                      errno == ECONNREFUSED;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_refused;
}

static bl_result open_unix(const char *path, struct bl_socket_set *set, struct bl_diag *diag) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        return fail(diag, set->address, "the path is too long");
    }
    memcpy(address.sun_path, path, strlen(path));
    if (is_stale(&address)) {
        (void)unlink(path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail_errno(diag, set->address, errno);
    }
    set->fds[set->count++] = fd;
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, BL_LISTEN_BACKLOG) != 0) {
        return fail_errno(diag, set->address, errno);
    }
    return BL_OK;
}

/* --- inherited sockets ----------------------------------------------------------------------- */

/* What the service manager calls `name`; -1 if it handed nothing of that name over. */
static int inherited(const char *name) {
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    const char *at = getenv("LISTEN_FDNAMES");
    size_t len = strlen(name);

    if (pid == NULL || count == NULL || at == NULL || strtol(pid, NULL, 10) != (long)getpid()) {
        return -1;
    }
    for (long i = 0; i < strtol(count, NULL, 10) && at != NULL; i++) {
        const char *end = strchr(at, ':');
        size_t found = end == NULL ? strlen(at) : (size_t)(end - at);
        if (found == len && memcmp(at, name, len) == 0) {
            return INHERITED_FIRST + (int)i;
        }
        at = end == NULL ? NULL : end + 1;
    }
    return -1;
}

static bl_result take_fd(const char *name, struct bl_socket_set *set, struct bl_diag *diag) {
    char *end;
    long number = strtol(name, &end, 10);
    bool is_number = *name != '\0' && *end == '\0' && number >= 0 && number <= INT32_MAX;
    int fd = is_number ? (int)number : inherited(name);
    int listening = 0;
    socklen_t len = sizeof(listening);

    if (fd < 0) {
        bl_diag_hint(diag, "a socket unit names its sockets with FileDescriptorName=");
        return fail(diag, set->address, "the service manager handed no socket of that name over");
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || listening == 0) {
        return fail(diag, set->address, "that descriptor is no listening socket");
    }
    int flags = fcntl(fd, F_GETFL);
    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    set->fds[set->count++] = fd;
    return BL_OK;
}

/* --- sets ------------------------------------------------------------------------------------ */

bl_result bl_socket_set_open(const char *address, unsigned wanted, struct bl_socket_set *out,
                             struct bl_diag *diag) {
    bl_result result;

    *out = (struct bl_socket_set){.count = 0};
    if (snprintf(out->address, sizeof(out->address), "%s", address) >= (int)sizeof(out->address)) {
        return fail(diag, address, "the address is too long");
    }
    if (strncmp(address, "unix:", 5) == 0) {
        result = open_unix(address + 5, out, diag);
    } else if (strncmp(address, "fd:", 3) == 0) {
        result = take_fd(address + 3, out, diag);
    } else {
        result = open_tcp(wanted < BL_SOCKETS_MAX ? wanted : BL_SOCKETS_MAX, out, diag);
    }
    if (bl_is_error(result)) {
        bl_socket_set_close(out);
    }
    return result;
}

void bl_socket_set_close(struct bl_socket_set *set) {
    for (unsigned i = 0; i < set->count; i++) {
        (void)close(set->fds[i]);
    }
    set->count = 0;
}

int bl_socket_set_take(const struct bl_socket_set *set, unsigned number, unsigned workers,
                       unsigned index) {
    unsigned at = number + index * workers;

    if (set->count == 0 || (at >= set->count && index > 0)) {
        return -1;
    }
    return fcntl(set->fds[at % set->count], F_DUPFD_CLOEXEC, 0);
}
