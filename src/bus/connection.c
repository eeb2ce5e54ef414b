#include "bus/connection.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/bus.h"
#include "bus/poller.h"
#include "bus/tls_record.h"
#include "net/clock.h"
#include "net/timer.h"

#define REASON_MAX 256
#define ERRORS_MAX 16 /* a server may refuse each subscription of a connection at once */
#define TLS_RECHECK_MS 5

enum phase { PHASE_OPENING, PHASE_OPEN, PHASE_CLOSING };

/* What other threads leave for the loop. Guarded by the mutex. */
struct shared {
    bool helper_is_done;
    natsConnection *opened;
    int fd; /* the dup() for the poller; -1 = none, or taken */
    bool is_attached;
    bool is_polling_over;
    bool is_detached;
    bool is_closed;
    char reason[REASON_MAX];
    char errors[ERRORS_MAX][REASON_MAX]; /* those above the bound are counted */
    size_t error_count;
};

struct bl_connection {
    struct bl_loop *loop;
    struct bl_connection_events events;
    void *owner;
    natsOptions *options;
    uint32_t flush_timeout_ms;

    enum phase phase;
    natsConnection *handle;
    struct bl_poller *poller;
    int poller_fd;                /* the poller's, borrowed */
    struct bl_timer *tls_recheck; /* NULL without TLS */
    pthread_t helper;
    bool helper_runs;
    bool is_closed_told;
    bool has_read;
    bool is_paused;
    size_t buffered;
    uint64_t progress_ns; /* when a byte last left, or the first one began to wait */

    struct bl_waker waker;
    atomic_bool wants_write;
    pthread_mutex_t mutex;
    struct shared shared;
};

/* What follows the "(file.c:123): " of libnats' own source lines, which mean nothing to a reader. */
static const char *without_place(const char *text) {
    const char *end = text[0] == '(' ? strstr(text, "): ") : NULL;
    return end != NULL && memmem(text, (size_t)(end - text), ".c:", 3) != NULL ? end + 3 : text;
}

static void reason_of(char out[static REASON_MAX], natsStatus status, const char *text) {
    if (text == NULL || text[0] == '\0') {
        text = status == NATS_OK ? "" : natsStatus_GetText(status);
    }
    text = without_place(text);
    if (status == NATS_NO_SERVER) {
        text = "no server answers there";
    }
    bool is_login = status == NATS_CONNECTION_AUTH_FAILED ||
                    strcasestr(text, "authorization violation") != NULL;
    snprintf(out, REASON_MAX, is_login ? BL_BUS_LOGIN_REFUSED " (%s)" : "%s", text);
}

/* --- Called by libnats, on any thread, partly under its lock ------------------------------- */

static natsStatus on_attach(void **user_data, void *loop, natsConnection *handle, natsSock socket) {
    struct bl_connection *connection = loop;
    (void)handle;
    int fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return NATS_IO_ERROR;
    }
    pthread_mutex_lock(&connection->mutex);
    connection->shared.fd = fd;
    connection->shared.is_attached = true;
    pthread_mutex_unlock(&connection->mutex);
    *user_data = connection;
    return NATS_OK;
}

/* Sets a flag and rings, both inside the lock: once the loop sees the last flag it frees. */
static natsStatus tell(struct bl_connection *connection, bool *flag) {
    pthread_mutex_lock(&connection->mutex);
    *flag = true;
    bl_waker_ring(&connection->waker);
    pthread_mutex_unlock(&connection->mutex);
    return NATS_OK;
}

/* Reading is wanted from the start to the end; libnats calls this only to end it. */
static natsStatus on_read_wanted(void *user_data, bool is_wanted) {
    struct bl_connection *connection = user_data;
    return is_wanted ? NATS_OK : tell(connection, &connection->shared.is_polling_over);
}

static natsStatus on_write_wanted(void *user_data, bool is_wanted) {
    struct bl_connection *connection = user_data;
    atomic_store(&connection->wants_write, is_wanted);
    if (!is_wanted) {
        return NATS_OK;
    }
    if (!bl_loop_is_current(connection->loop)) {
        bl_waker_ring(&connection->waker);
    } else if (bl_loop_is_before_poll(connection->loop)) {
        bl_loop_again(connection->loop); /* this turn's flush may be over */
    }
    return NATS_OK;
}

static natsStatus on_detach(void *user_data) {
    struct bl_connection *connection = user_data;
    return tell(connection, &connection->shared.is_detached);
}

static void on_closed(natsConnection *handle, void *closure) {
    struct bl_connection *connection = closure;
    const char *text = NULL;
    natsStatus status = natsConnection_GetLastError(handle, &text);
    pthread_mutex_lock(&connection->mutex);
    reason_of(connection->shared.reason, status, text);
    connection->shared.is_closed = true;
    bl_waker_ring(&connection->waker);
    pthread_mutex_unlock(&connection->mutex);
}

static void on_error(natsConnection *handle, natsSubscription *subscription, natsStatus status,
                     void *closure) {
    struct bl_connection *connection = closure;
    natsStatus told = NATS_OK;
    const char *text = nats_GetLastError(&told); /* of this call; the connection's may be newer */
    (void)subscription;
    if (told != status) {
        text = NULL;
    }
    if (text == NULL && status != NATS_SLOW_CONSUMER) {
        (void)natsConnection_GetLastError(handle, &text);
    }
    pthread_mutex_lock(&connection->mutex);
    struct shared *shared = &connection->shared;
    if (shared->error_count < ERRORS_MAX) {
        reason_of(shared->errors[shared->error_count], status, text);
    }
    shared->error_count++;
    bl_waker_ring(&connection->waker);
    pthread_mutex_unlock(&connection->mutex);
}

/* --- The helper thread: what libnats can only do by blocking ------------------------------- */

static void helper_done(struct bl_connection *connection) {
    nats_ReleaseThreadMemory();
    (void)tell(connection, &connection->shared.helper_is_done);
}

static void *open_blocking(void *user) {
    struct bl_connection *connection = user;
    natsConnection *handle = NULL;
    natsStatus status = natsConnection_Connect(&handle, connection->options);
    pthread_mutex_lock(&connection->mutex);
    if (status == NATS_OK) {
        connection->shared.opened = handle;
    } else {
        reason_of(connection->shared.reason, status, nats_GetLastError(NULL));
    }
    pthread_mutex_unlock(&connection->mutex);
    helper_done(connection);
    return NULL;
}

static void *close_blocking(void *user) {
    struct bl_connection *connection = user;
    if (connection->flush_timeout_ms > 0) {
        /* Failing to flush is no reason not to close; the peer is gone or too slow. */
        (void)natsConnection_FlushTimeout(connection->handle, connection->flush_timeout_ms);
    }
    natsConnection_Close(connection->handle);
    helper_done(connection);
    return NULL;
}

/* Signals are for the threads that watch them. */
static bool start_helper(struct bl_connection *connection, void *(*run)(void *)) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    connection->helper_runs = pthread_create(&connection->helper, NULL, run, connection) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return connection->helper_runs;
}

/* --- On the loop's thread ------------------------------------------------------------------ */

static void free_connection(struct bl_connection *connection) {
    assert(!connection->helper_runs);
    bl_poller_destroy(connection->poller);
    bl_timer_destroy(connection->tls_recheck);
    if (connection->shared.fd >= 0) {
        close(connection->shared.fd);
    }
    natsConnection_Destroy(connection->handle);
    natsOptions_Destroy(connection->options);
    bl_waker_fini(&connection->waker);
    pthread_mutex_destroy(&connection->mutex);
    free(connection);
}

static bool may_read(struct bl_connection *connection) {
    if (connection->tls_recheck == NULL || bl_tls_record_is_complete(connection->poller_fd)) {
        return true;
    }
    bl_timer_start(connection->tls_recheck, TLS_RECHECK_MS, 0);
    return false;
}

static void on_tls_recheck(void *user) {
    struct bl_connection *connection = user;
    if (connection->poller != NULL && !connection->is_paused && may_read(connection)) {
        connection->has_read = true;
        natsConnection_ProcessReadEvent(connection->handle);
    }
}

static void on_poll(void *user, bool is_readable, bool is_writable) {
    struct bl_connection *connection = user;
    if (is_readable && may_read(connection)) {
        connection->has_read = true;
        natsConnection_ProcessReadEvent(connection->handle);
    }
    if (is_writable) {
        bl_connection_flush(connection);
    }
}

/* False: opening failed, and the connection is freed. */
static bool take_opened(struct bl_connection *connection, const struct shared *shared) {
    if (shared->opened == NULL) {
        connection->events.on_failed(connection->owner, connection, bl_str_from_c(shared->reason));
        free_connection(connection);
        return false;
    }
    connection->handle = shared->opened;
    connection->phase = PHASE_OPEN;
    int fd = connection->shared.fd;
    connection->shared.fd = -1;
    connection->poller_fd = fd;
    bl_result polled =
        bl_poller_create(connection->loop, fd, on_poll, connection, &connection->poller);
    if (bl_is_ok(polled)) {
        bl_poller_want(connection->poller, true, false);
    }
    connection->events.on_open(connection->owner, connection);
    if (bl_is_error(polled) && connection->phase == PHASE_OPEN) {
        bl_connection_close(connection, 0);
    }
    return true;
}

static void tell_errors(struct bl_connection *connection, const struct shared *shared) {
    for (size_t i = 0; i < shared->error_count && i < ERRORS_MAX; i++) {
        connection->events.on_error(connection->owner, bl_str_from_c(shared->errors[i]));
    }
    if (shared->error_count > ERRORS_MAX) {
        char text[64];
        snprintf(text, sizeof(text), "and %zu more faults of the connection",
                 shared->error_count - ERRORS_MAX);
        connection->events.on_error(connection->owner, bl_str_from_c(text));
    }
}

/* Acts on what other threads have left. May free the connection. */
static void on_wake(void *user) {
    struct bl_connection *connection = user;
    pthread_mutex_lock(&connection->mutex);
    struct shared shared = connection->shared;
    connection->shared.helper_is_done = false;
    connection->shared.error_count = 0;
    pthread_mutex_unlock(&connection->mutex);

    tell_errors(connection, &shared); /* also of an attempt that is under way or has failed */
    if (shared.helper_is_done) {
        pthread_join(connection->helper, NULL);
        connection->helper_runs = false;
        if (connection->phase == PHASE_OPENING) {
            if (!take_opened(connection, &shared)) {
                return;
            }
        }
    }
    if (connection->phase == PHASE_OPENING) {
        return;
    }
    if (connection->phase == PHASE_CLOSING) {
        bl_connection_flush(connection);
    }
    if (shared.is_polling_over && connection->poller != NULL) {
        bl_poller_destroy(connection->poller);
        connection->poller = NULL;
    }
    if (!shared.is_closed) {
        return;
    }
    if (!connection->is_closed_told) {
        connection->is_closed_told = true;
        connection->events.on_closed(connection->owner, connection, bl_str_from_c(shared.reason));
    }
    /* libnats detaches after it has posted the closed callback, from another thread. */
    if ((shared.is_detached || !shared.is_attached) && !connection->helper_runs) {
        connection->events.on_ended(connection->owner, connection);
        free_connection(connection);
    }
}

static natsStatus set_callbacks(struct bl_connection *connection) {
    natsOptions *options = connection->options;
    natsStatus status = natsOptions_SetEventLoop(options, connection, on_attach, on_read_wanted,
                                                 on_write_wanted, on_detach);
    if (status == NATS_OK) {
        status = natsOptions_SetClosedCB(options, on_closed, connection);
    }
    if (status == NATS_OK) {
        status = natsOptions_SetErrorHandler(options, on_error, connection);
    }
    return status;
}

bl_result bl_connection_open(struct bl_loop *loop, natsOptions *options, bool is_tls,
                             const struct bl_connection_events *events, void *owner,
                             struct bl_connection **out) {
    struct bl_connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        natsOptions_Destroy(options);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    connection->loop = loop;
    connection->options = options;
    connection->events = *events;
    connection->owner = owner;
    connection->shared.fd = -1;
    pthread_mutex_init(&connection->mutex, NULL);
    bl_waker_init(&connection->waker, loop, on_wake, connection);
    if ((is_tls && bl_is_error(bl_timer_create(loop, on_tls_recheck, connection,
                                               &connection->tls_recheck))) ||
        set_callbacks(connection) != NATS_OK || !start_helper(connection, open_blocking)) {
        free_connection(connection);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    *out = connection;
    return BL_OK;
}

void bl_connection_close(struct bl_connection *connection, uint32_t flush_timeout_ms) {
    assert(connection->phase == PHASE_OPEN);
    connection->phase = PHASE_CLOSING;
    connection->flush_timeout_ms = flush_timeout_ms;
    if (!start_helper(connection, close_blocking)) {
        /* No thread to be had: closing here blocks for at most 500 ms, which beats never. */
        natsConnection_Close(connection->handle);
    }
}

natsConnection *bl_connection_handle(const struct bl_connection *connection) {
    return connection->handle;
}

void bl_connection_flush(struct bl_connection *connection) {
    if (!atomic_load(&connection->wants_write) || connection->poller == NULL) {
        return;
    }
    int before = natsConnection_Buffered(connection->handle);
    if (before > 0) { /* libnats takes an empty write for a closed connection */
        natsConnection_ProcessWriteEvent(connection->handle);
    }
    int after = natsConnection_Buffered(connection->handle);
    size_t left = after > 0 ? (size_t)after : 0;
    if (connection->buffered == 0 || after < before) {
        connection->progress_ns = bl_clock_monotonic_ns();
    }
    connection->buffered = left;
    bl_poller_want(connection->poller, !connection->is_paused, left > 0);
}

size_t bl_connection_buffered(const struct bl_connection *connection) {
    return connection->buffered;
}

uint64_t bl_connection_stalled_ms(const struct bl_connection *connection) {
    if (connection->buffered == 0) {
        return 0;
    }
    return (bl_clock_monotonic_ns() - connection->progress_ns) / 1000000U;
}

void bl_connection_pause(struct bl_connection *connection, bool is_paused) {
    connection->is_paused = is_paused;
    if (connection->poller != NULL) {
        bl_poller_want(connection->poller, !is_paused, connection->buffered > 0);
    }
}

bool bl_connection_take_has_read(struct bl_connection *connection) {
    bool has_read = connection->has_read;
    connection->has_read = false;
    return has_read;
}
