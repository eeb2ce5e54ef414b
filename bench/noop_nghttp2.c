/*
 * The yardstick of the gRPC benchmark: a server over nghttp2 that reads each request whole and answers
 * it with the same message, and does nothing else. One thread, epoll, no delay; what is to be sent of
 * all that one read brought leaves in one write, as the router does it.
 *
 *   bench_noop_nghttp2 --port 9100 --bytes 190
 *
 * Prints "ready"; ends at SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 65536
#define OUT_BYTES (1 << 20)
#define MESSAGE_MAX 65536
#define EVENTS 64

struct connection {
    int fd;
    nghttp2_session *session;
    size_t out_len;
    char out[OUT_BYTES];
};

struct reply {
    size_t sent;
};

static char message[5 + MESSAGE_MAX];
static size_t message_len;
static volatile sig_atomic_t is_over;

static void on_signal(int number) {
    (void)number;
    is_over = 1;
}

static nghttp2_nv pair(const char *name, const char *value) {
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static ssize_t read_message(nghttp2_session *session, int32_t id, uint8_t *buf, size_t capacity,
                            uint32_t *flags, nghttp2_data_source *source, void *user) {
    struct reply *reply = source->ptr;
    size_t left = message_len - reply->sent;
    size_t take = left < capacity ? left : capacity;

    (void)user;
    memcpy(buf, message + reply->sent, take);
    reply->sent += take;
    if (reply->sent == message_len) {
        const nghttp2_nv trailer = pair("grpc-status", "0");
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, id, &trailer, 1) != 0) {
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    }
    return (ssize_t)take;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    (void)user;
    return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id,
                                                calloc(1, sizeof(struct reply)));
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    const nghttp2_nv headers[] = {pair(":status", "200"), pair("content-type", "application/grpc")};
    nghttp2_data_provider provider = {.read_callback = read_message};

    (void)user;
    if ((frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) ||
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
        return 0;
    }
    provider.source.ptr = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    return nghttp2_submit_response(session, frame->hd.stream_id, headers, 2, &provider);
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user) {
    (void)error;
    (void)user;
    free(nghttp2_session_get_stream_user_data(session, id));
    return 0;
}

static void close_connection(struct connection *connection) {
    nghttp2_session_del(connection->session);
    (void)close(connection->fd);
    free(connection);
}

/* False: the connection is over. */
static bool send_all(struct connection *connection) {
    const uint8_t *data;
    ssize_t len;

    while ((len = nghttp2_session_mem_send(connection->session, &data)) > 0) {
        if (connection->out_len + (size_t)len > OUT_BYTES) {
            return false;
        }
        memcpy(connection->out + connection->out_len, data, (size_t)len);
        connection->out_len += (size_t)len;
    }
    for (size_t sent = 0; sent < connection->out_len;) {
        ssize_t some =
            send(connection->fd, connection->out + sent, connection->out_len - sent, MSG_NOSIGNAL);
        if (some < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        sent += some > 0 ? (size_t)some : 0;
    }
    connection->out_len = 0;
    return len == 0;
}

static bool receive(struct connection *connection) {
    static uint8_t storage[READ_BYTES];
    ssize_t len = recv(connection->fd, storage, sizeof(storage), 0);

    if (len <= 0) {
        return len < 0 && errno == EAGAIN;
    }
    return nghttp2_session_mem_recv(connection->session, storage, (size_t)len) == len &&
           send_all(connection);
}

static void accept_one(int epoll, int listening, const nghttp2_session_callbacks *calls) {
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 128},
                                               {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 262144}};
    struct connection *connection = calloc(1, sizeof(*connection));
    int one = 1;

    if (connection == NULL) {
        return;
    }
    connection->fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection->fd < 0) {
        free(connection);
        return;
    }
    (void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (nghttp2_session_server_new(&connection->session, calls, connection) != 0) {
        (void)close(connection->fd);
        free(connection);
        return;
    }
    (void)nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 2);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event);
}

static int listen_on(unsigned port) {
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr = {htonl(INADDR_LOOPBACK)},
                                        .sin_port = htons((uint16_t)port)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 128) != 0) {
        perror("noop_nghttp2");
        exit(1);
    }
    return fd;
}

static void serve(int listening) {
    nghttp2_session_callbacks *calls;
    struct epoll_event events[EVENTS];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0 || nghttp2_session_callbacks_new(&calls) != 0) {
        exit(1);
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin_headers);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_stream_close);
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event);
    puts("ready");
    (void)fflush(stdout);
    while (!is_over) {
        int count = epoll_wait(epoll, events, EVENTS, 1000);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL) {
                accept_one(epoll, listening, calls);
            } else if (!receive(events[i].data.ptr)) {
                close_connection(events[i].data.ptr);
            }
        }
    }
    nghttp2_session_callbacks_del(calls);
    (void)close(epoll);
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'}, {"bytes", required_argument, NULL, 'b'}, {0}};
    unsigned long port = 9100, bytes = 190;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'p') {
            port = strtoul(optarg, NULL, 10);
        } else if (option == 'b') {
            bytes = strtoul(optarg, NULL, 10);
        } else {
            return 2;
        }
    }
    if (bytes > MESSAGE_MAX) {
        return 2;
    }
    message[3] = (char)(bytes >> 8);
    message[4] = (char)bytes;
    memset(message + 5, 'x', bytes);
    message_len = 5 + bytes;
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    serve(listen_on((unsigned)port));
    return 0;
}
