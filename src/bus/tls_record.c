#include "bus/tls_record.h"

#include <linux/sock_diag.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define HEADER_BYTES 5U

size_t bl_tls_record_bytes(const unsigned char *header, size_t len) {
    if (len < HEADER_BYTES) {
        return HEADER_BYTES;
    }
    return HEADER_BYTES + ((size_t)header[3] << 8) + header[4];
}

/* Packets take more memory than their payload, so a socket can be full with less than a record in
 * it. */
static bool is_half_full(int fd) {
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof(memory);
    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len) == 0 &&
           memory[SK_MEMINFO_RMEM_ALLOC] > memory[SK_MEMINFO_RCVBUF] / 2;
}

bool bl_tls_record_is_complete(int fd) {
    unsigned char header[HEADER_BYTES];
    int waiting = 0;
    ssize_t peeked = recv(fd, header, sizeof(header), MSG_PEEK | MSG_DONTWAIT);
    if (peeked <= 0 || ioctl(fd, FIONREAD, &waiting) != 0) {
        return true; /* the end or an error: the read will say which */
    }
    size_t needed = bl_tls_record_bytes(header, (size_t)peeked);
    struct pollfd peer = {.fd = fd, .events = POLLRDHUP};
    bool is_over = poll(&peer, 1, 0) > 0; /* what is missing will not come */
    bool is_complete = is_over || (size_t)waiting >= needed || is_half_full(fd);
    int low_water = is_complete ? 1 : (int)needed;
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof(low_water));
    return is_complete;
}
