/* What a router tells the outside about itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/router_private.h"
#include "base/metric_text.h"
#include "build_info.h"
#include "observe/metrics.h"

static double resident_bytes(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    char line[128] = "";
    unsigned long resident = 0;

    /* "total resident shared …", in pages */
    if (file != NULL) {
        if (fgets(line, sizeof(line), file) != NULL) {
            const char *second = strchr(line, ' ');
            resident = second == NULL ? 0 : strtoul(second, NULL, 10);
        }
        (void)fclose(file);
    }
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void set(struct bl_router *router, enum bl_metric_id metric, double value) {
    bl_gauge_set(bl_metric_gauge(&router->metrics, metric, NULL), value);
}

static void refresh(struct bl_router *router) {
    struct bl_pins_stats pins = bl_pins_stats(router->pins);
    struct bl_str build[2] = {bl_str_from_c(bl_version()), bl_str_from_c(bl_source_hash())};

    bl_router_count_ops(router);
    set(router, BL_METRIC_READY, router->ready ? 1 : 0);
    set(router, BL_METRIC_PINS_CAPACITY, (double)pins.capacity);
    set(router, BL_METRIC_PINS_USED, (double)pins.live);
    set(router, BL_METRIC_PINS_EVICTED, (double)pins.evictions);
    set(router, BL_METRIC_LOG_DROPPED, (double)bl_log_dropped(router->log));
    set(router, BL_METRIC_RESIDENT, resident_bytes());
    bl_gauge_set(bl_metric_gauge(&router->metrics, BL_METRIC_BUILD, build), 1);
}

/* Replaces the file whole: a reader sees the old text or the new one. */
static bool replace_file(const char *path, struct bl_str text) {
    char temporary[4200];
    int fd;

    (void)snprintf(temporary, sizeof(temporary), "%s.new", path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return false;
    }
    bool written = write(fd, text.data, text.len) == (ssize_t)text.len;
    return close(fd) == 0 && written && rename(temporary, path) == 0;
}

bool bl_router_metrics_text(struct bl_router *router, struct bl_buf *buf) {
    const struct bl_metric_shard *shards[BL_WORKERS_MAX + 2] = {&router->metrics};
    unsigned count = 1;

    refresh(router);
    for (unsigned i = 0; i < router->worker_count; i++) {
        shards[count++] = bl_worker_metrics(router->workers[i]);
    }
    if (router->dispatcher != NULL) {
        shards[count++] = bl_dispatcher_metrics(router->dispatcher);
    }
    return bl_is_ok(bl_metric_text_write(buf, shards, count, BL_METRIC_BACKPRESSURE));
}

/* A problem is told when it begins, when it becomes another one and when it ends: not with each
 * interval. `error` 0 = written. */
static void tell_writing(struct bl_router *router, const char *path, int error) {
    if (error == router->metrics_error) {
        return;
    }
    router->metrics_error = error;
    struct bl_log_record *record =
        error != 0
            ? bl_log_start(router->channel, BL_LOG_WARN, "metrics", "metrics were not written")
            : bl_log_start(router->channel, BL_LOG_INFO, "metrics", "metrics are written again");
    bl_log_str(record, "file", bl_str_from_c(path));
    if (error != 0) {
        bl_log_str(record, "problem", bl_str_from_c(strerror(error)));
    }
    bl_log_finish(router->channel);
}

void bl_router_write_metrics(void *user) {
    struct bl_router *router = user;
    const char *path = bl_router_config(router)->metrics.file.data;
    struct bl_buf buf;

    if (path == NULL) {
        return;
    }
    char *storage = malloc(BL_METRICS_TEXT_BYTES);
    if (storage == NULL) {
        return;
    }
    bl_buf_init(&buf, storage, BL_METRICS_TEXT_BYTES);
    errno = 0;
    bool good = bl_router_metrics_text(router, &buf) && replace_file(path, bl_buf_view(&buf));
    tell_writing(router, path, good ? 0 : errno != 0 ? errno : ENOSPC);
    free(storage);
}

/* The protocol of sd_notify(3): one datagram to the socket in $NOTIFY_SOCKET. */
void bl_router_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (path == NULL || strlen(path) >= sizeof(address.sun_path)) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (address.sun_path[0] == '@') { /* an abstract name */
        address.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        ssize_t sent =
            sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, len);
        (void)sent;
        (void)close(fd);
    }
}
