#include "observe/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/ring.h"

#define LINE_BYTES BL_LOG_ITEM_MAX
#define BATCH_LINES 64
#define IDLE_MS 100 /* how long a line waits at most when its wake-up was missed */

struct bl_log_channel {
    struct bl_log *log;
    struct bl_ring ring;
    void *ring_storage;
    struct bl_buf line;
    struct bl_log_record record;
    bool has_line;
    char storage[LINE_BYTES];
};

struct bl_log {
    pthread_t writer;
    int wake_fd;
    int fd;
    char *path; /* NULL = standard output */
    size_t ring_bytes;
    _Atomic int level;
    _Atomic bool stopping;
    _Atomic bool reopen;
    _Atomic uint64_t failed; /* lines that the file did not take */
    uint64_t max_bytes;      /* 0 = no bound */
    uint64_t written;        /* into the file that is open; the writer's */
    _Atomic size_t channel_count;
    _Atomic(struct bl_log_channel *) channels[BL_LOG_CHANNELS_MAX];
};

static void wake(const struct bl_log *log) {
    uint64_t one = 1;
    ssize_t written = write(log->wake_fd, &one, sizeof(one));
    (void)written; /* a full counter is a wake-up, too */
}

static int open_file(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

static void reopen_file(struct bl_log *log) {
    int fd = log->path == NULL ? -1 : open_file(log->path);

    if (fd >= 0) {
        (void)close(log->fd);
        log->fd = fd;
    }
}

/* Half of the bound is reached: what is full becomes PATH.1. */
static void rotate(struct bl_log *log) {
    char older[4096];

    if (snprintf(older, sizeof(older), "%s.1", log->path) < (int)sizeof(older)) {
        (void)rename(log->path, older);
    }
    reopen_file(log);
    log->written = 0;
}

/* Writes it all, or gives the rest up: a log that cannot be written must not stop its writer. */
static void write_lines(struct bl_log *log, const char *data, size_t len, size_t lines) {
    while (len > 0) {
        ssize_t written = write(log->fd, data, len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            atomic_fetch_add(&log->failed, lines);
            return;
        }
        data += written;
        len -= (size_t)written;
        log->written += (uint64_t)written;
    }
    if (log->max_bytes > 0 && log->written >= log->max_bytes / 2) {
        rotate(log);
    }
}

/* Takes what a channel holds, at most a batch; returns whether there was anything. */
static bool drain_channel(struct bl_log *log, struct bl_log_channel *channel, char *batch) {
    struct bl_str line;
    size_t lines = 0;
    size_t len = 0;

    uint64_t room = log->max_bytes == 0                 ? UINT64_MAX
                    : log->written < log->max_bytes / 2 ? log->max_bytes / 2 - log->written
                                                        : 1;

    while (lines < BATCH_LINES && len < room && bl_ring_peek(&channel->ring, &line)) {
        memcpy(batch + len, line.data, line.len);
        len += line.len;
        lines++;
        bl_ring_release(&channel->ring);
    }
    write_lines(log, batch, len, lines);
    return lines > 0;
}

static bool drain_all(struct bl_log *log, char *batch) {
    size_t count = atomic_load(&log->channel_count);
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        struct bl_log_channel *channel = atomic_load(&log->channels[i]);
        any = (channel != NULL && drain_channel(log, channel, batch)) || any;
    }
    return any;
}

static void wait_for_lines(struct bl_log *log) {
    struct timespec idle = {0, IDLE_MS * 1000000L};
    uint64_t count;
    fd_set readable;

    FD_ZERO(&readable);
    FD_SET(log->wake_fd, &readable);
    if (pselect(log->wake_fd + 1, &readable, NULL, NULL, &idle, NULL) > 0) {
        ssize_t got = read(log->wake_fd, &count, sizeof(count));
        (void)got;
    }
}

static void *run_writer(void *argument) {
    static _Thread_local char batch[BATCH_LINES * LINE_BYTES];
    struct bl_log *log = argument;

    for (;;) {
        bool stopping = atomic_load(&log->stopping);
        if (atomic_exchange(&log->reopen, false)) {
            reopen_file(log);
        }
        bool any = drain_all(log, batch);
        if (!any && stopping) {
            return NULL;
        }
        if (!any) {
            wait_for_lines(log);
        }
    }
}

static bl_result start(struct bl_log *log, struct bl_diag *diag) {
    if (log->fd < 0) {
        bl_diag_message(diag, "cannot write the log %s: %s", log->path, strerror(errno));
        bl_diag_hint(diag, "check the folder and its permissions, or leave logs.file empty");
        return BL_FAIL(INVALID_REQUEST);
    }
    log->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (log->wake_fd < 0 || pthread_create(&log->writer, NULL, run_writer, log) != 0) {
        bl_diag_message(diag, "cannot start the log writer: %s", strerror(errno));
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    return BL_OK;
}

static void free_log(struct bl_log *log) {
    size_t count = atomic_load(&log->channel_count);

    for (size_t i = 0; i < count; i++) {
        struct bl_log_channel *channel = atomic_load(&log->channels[i]);
        if (channel != NULL) {
            free(channel->ring_storage);
            free(channel);
        }
    }
    if (log->wake_fd >= 0) {
        (void)close(log->wake_fd);
    }
    if (log->path != NULL && log->fd >= 0) {
        (void)close(log->fd);
    }
    free(log->path);
    free(log);
}

bl_result bl_log_create(const char *path, enum bl_log_level level, size_t ring_bytes,
                        struct bl_log **out, struct bl_diag *diag) {
    struct bl_log *log = calloc(1, sizeof(*log));

    if (log == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    log->wake_fd = -1;
    log->ring_bytes = 4096;
    while (log->ring_bytes < ring_bytes) {
        log->ring_bytes *= 2;
    }
    atomic_store(&log->level, (int)level);
    log->path = path == NULL ? NULL : strdup(path);
    log->fd = path == NULL ? STDOUT_FILENO : open_file(path);
    bl_result result = start(log, diag);
    if (bl_is_error(result)) {
        free_log(log);
        return result;
    }
    *out = log;
    return BL_OK;
}

void bl_log_destroy(struct bl_log *log) {
    if (log == NULL) {
        return;
    }
    atomic_store(&log->stopping, true);
    wake(log);
    (void)pthread_join(log->writer, NULL);
    free_log(log);
}

struct bl_log_channel *bl_log_channel(struct bl_log *log) {
    struct bl_log_channel *channel = calloc(1, sizeof(*channel));

    if (channel == NULL) {
        return NULL;
    }
    channel->log = log;
    channel->ring_storage = malloc(log->ring_bytes);
    size_t index = atomic_fetch_add(&log->channel_count, 1);
    if (channel->ring_storage == NULL || index >= BL_LOG_CHANNELS_MAX) {
        if (index >= BL_LOG_CHANNELS_MAX) {
            atomic_fetch_sub(&log->channel_count, 1);
        }
        free(channel->ring_storage);
        free(channel);
        return NULL;
    }
    bl_ring_init(&channel->ring, channel->ring_storage, log->ring_bytes);
    bl_buf_init(&channel->line, channel->storage, sizeof(channel->storage));
    atomic_store(&log->channels[index], channel);
    return channel;
}

void bl_log_bound(struct bl_log *log, uint64_t max_bytes) {
    struct stat status;

    log->max_bytes = log->path == NULL ? 0 : max_bytes;
    log->written = fstat(log->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

void bl_log_set_level(struct bl_log *log, enum bl_log_level level) {
    atomic_store(&log->level, (int)level);
}

void bl_log_reopen(struct bl_log *log) {
    atomic_store(&log->reopen, true);
    wake(log);
}

uint64_t bl_log_dropped(const struct bl_log *log) {
    size_t count = atomic_load(&log->channel_count);
    uint64_t dropped = atomic_load(&log->failed);

    for (size_t i = 0; i < count; i++) {
        const struct bl_log_channel *channel = atomic_load(&log->channels[i]);
        dropped += channel == NULL ? 0 : bl_ring_dropped(&channel->ring);
    }
    return dropped;
}

bool bl_log_wants(const struct bl_log_channel *channel, enum bl_log_level level) {
    return channel != NULL &&
           (int)level >= atomic_load_explicit(&channel->log->level, memory_order_relaxed);
}

struct bl_log_record *bl_log_start(struct bl_log_channel *channel, enum bl_log_level level,
                                   const char *component, const char *message) {
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    bl_buf_reset(&channel->line);
    channel->has_line = bl_log_wants(channel, level);
    bl_log_begin(&channel->record, &channel->line, sizeof(channel->storage), level,
                 (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, bl_str_from_c(component),
                 bl_str_from_c(message));
    return &channel->record;
}

void bl_log_finish(struct bl_log_channel *channel) {
    bool was_empty = bl_ring_used(&channel->ring) == 0;

    if (bl_log_end(&channel->record) && channel->has_line) {
        (void)bl_ring_push(&channel->ring, bl_buf_view(&channel->line));
        if (was_empty) {
            wake(channel->log);
        }
    }
}

bool bl_log_put(struct bl_log_channel *channel, struct bl_str bytes) {
    bool was_empty = bl_ring_used(&channel->ring) == 0;

    if (bytes.len > BL_LOG_ITEM_MAX) {
        atomic_fetch_add(&channel->log->failed, 1);
        return false;
    }
    bool taken = bl_ring_push(&channel->ring, bytes);
    if (was_empty) {
        wake(channel->log);
    }
    return taken;
}

void bl_log_line(struct bl_log_channel *channel, enum bl_log_level level, const char *component,
                 const char *message) {
    if (bl_log_wants(channel, level)) {
        (void)bl_log_start(channel, level, component, message);
        bl_log_finish(channel);
    }
}

void bl_log_diag(struct bl_log_channel *channel, enum bl_log_level level, const char *component,
                 const char *message, const char *file, const struct bl_diag *diag) {
    if (!bl_log_wants(channel, level)) {
        return;
    }
    struct bl_log_record *record = bl_log_start(channel, level, component, message);
    if (file != NULL) {
        bl_log_str(record, "file", bl_str_from_c(file));
    }
    if (diag->line != 0) {
        bl_log_u64(record, "line", diag->line);
        bl_log_u64(record, "column", diag->column);
    }
    if (diag->path[0] != '\0') {
        bl_log_str(record, "path", bl_str_from_c(diag->path));
    }
    bl_log_str(record, "problem", bl_str_from_c(diag->message));
    if (diag->hint[0] != '\0') {
        bl_log_str(record, "hint", bl_str_from_c(diag->hint));
    }
    bl_log_finish(channel);
}
