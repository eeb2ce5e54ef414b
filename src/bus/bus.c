#include "bus/bus_private.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "bus/backoff.h"
#include "bus/bus_config.h"
#include "net/clock.h"

/* More connections than this being taken down at once: wait with the next one. */
#define RETIRED_MAX 4U
#define CLOSE_POLL_MS 5U
#define FLUSH_TIMEOUT_MIN_MS 100U
#define DEFAULT_MAX_PAYLOAD (1U << 20)
#define LIBRARY_CLOSE_TIMEOUT_MS 10000

static void begin_attempt(void *user);
static void finish_close(struct bl_bus *bus);

const char *bl_bus_state_text(enum bl_bus_state state) {
    static const char *const texts[] = {"connecting", "connected", "reconnecting", "closed"};
    assert(state <= BL_BUS_CLOSED);
    return texts[state];
}

static void tell_state(struct bl_bus *bus, enum bl_bus_state state, const char *reason) {
    bus->state = state;
    if (bus->callbacks.on_state != NULL) {
        bus->callbacks.on_state(bus->user, state, bl_str_from_c(reason));
    }
}

void bl_bus_report(struct bl_bus *bus, const char *format, ...) {
    char text[BL_BUS_REASON_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (bus->callbacks.on_error != NULL) {
        bus->callbacks.on_error(bus->user, bl_str_from_c(text));
    }
}

/* splitmix64 (Vigna, https://prng.di.unimi.it/splitmix64.c, public domain): spreads attempts. */
static uint64_t next_random(struct bl_bus *bus) {
    uint64_t z = bus->random += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* --- Connecting and reconnecting ----------------------------------------------------------- */

static void schedule_attempt(struct bl_bus *bus) {
    if (bus->close_phase != BL_BUS_CLOSE_NONE) {
        finish_close(bus);
        return;
    }
    /* All servers are tried before the wait gets longer. */
    uint32_t round = bus->attempt / (uint32_t)bus->config.server_count;
    uint32_t delay_ms = bl_backoff_ms(round, bus->config.reconnect_base_ms,
                                      bus->config.reconnect_max_ms, next_random(bus));
    bus->attempt += bus->attempt < UINT32_MAX ? 1 : 0;
    bl_timer_start(bus->retry, delay_ms, 0);
}

static void lose(struct bl_bus *bus, const char *reason) {
    uint64_t lived_ms = (bl_clock_monotonic_ns() - bus->connected_at_ns) / 1000000U;
    if (lived_ms >= bus->config.reconnect_max_ms) {
        bus->attempt = 0; /* one that never lasts keeps backing off */
    }
    bus->stats.disconnects += bus->close_phase == BL_BUS_CLOSE_NONE ? 1 : 0;
    bl_bus_count_dropped(bus);
    bl_bus_detach_subscriptions(bus);
    bus->connection = NULL;
    bus->has_backlog = false;
    bus->buffered = 0;
    bl_bus_carry_requests(bus);
    bl_timer_stop(bus->stall);
    snprintf(bus->reason, sizeof(bus->reason), "%s", reason);
    if (bus->close_phase == BL_BUS_CLOSE_NONE) {
        tell_state(bus, BL_BUS_RECONNECTING, bus->reason);
        schedule_attempt(bus);
    }
}

static void remake(struct bl_bus *bus, const char *reason) {
    struct bl_connection *connection = bus->connection;
    bus->stats.remakes++;
    lose(bus, reason);
    bl_connection_close(connection, 0);
}

static void on_open(void *owner, struct bl_connection *connection) {
    struct bl_bus *bus = owner;
    bus->opening = NULL;
    bus->retired++; /* until it has ended */
    if (bus->close_phase != BL_BUS_CLOSE_NONE) {
        bl_connection_close(connection, 0);
        return;
    }
    int64_t max_payload = natsConnection_GetMaxPayload(bl_connection_handle(connection));
    bus->max_payload = max_payload > 0 ? (size_t)max_payload : DEFAULT_MAX_PAYLOAD;
    bus->connection = connection;
    bus->connected_at_ns = bl_clock_monotonic_ns();
    bus->reason[0] = '\0';
    bus->stats.connects++;
    bl_bus_attach_subscriptions(bus);
    tell_state(bus, BL_BUS_CONNECTED, "");
}

static void fail_attempt(struct bl_bus *bus, const char *reason) {
    bus->stats.connect_failures++;
    snprintf(bus->reason, sizeof(bus->reason), "%s: %s", bus->config.servers[bus->next_server],
             reason);
    bus->next_server = (bus->next_server + 1) % bus->config.server_count;
    if (bus->close_phase == BL_BUS_CLOSE_NONE) {
        tell_state(bus, bus->state, bus->reason);
    }
    schedule_attempt(bus);
}

static void on_failed(void *owner, struct bl_connection *connection, struct bl_str reason) {
    struct bl_bus *bus = owner;
    (void)connection;
    bus->opening = NULL;
    fail_attempt(bus, reason.data);
}

static void on_connection_error(void *owner, struct bl_str text) {
    struct bl_bus *bus = owner;
    if (bus->connection != NULL) {
        bl_bus_count_dropped(bus);
    }
    if (bl_bus_tell_refused(bus, text)) {
        return;
    }
    bl_bus_report(bus, "%.*s", BL_STR_ARG(text));
}

static void on_closed(void *owner, struct bl_connection *connection, struct bl_str reason) {
    struct bl_bus *bus = owner;
    if (connection == bus->connection) {
        char text[BL_BUS_REASON_MAX];
        snprintf(text, sizeof(text), "%s: %s", bus->config.servers[bus->next_server], reason.data);
        lose(bus, text);
    }
}

static void on_ended(void *owner, struct bl_connection *connection) {
    struct bl_bus *bus = owner;
    (void)connection;
    bus->retired--;
    if (bus->close_phase != BL_BUS_CLOSE_NONE) {
        finish_close(bus);
    }
}

static const struct bl_connection_events connection_events = {
    .on_open = on_open,
    .on_failed = on_failed,
    .on_error = on_connection_error,
    .on_closed = on_closed,
    .on_ended = on_ended,
};

static void begin_attempt(void *user) {
    struct bl_bus *bus = user;
    natsOptions *options = NULL;
    struct bl_diag diag;
    bl_diag_clear(&diag);
    if (bus->retired >= RETIRED_MAX) {
        fail_attempt(bus, "earlier connections are still being closed");
        return;
    }
    if (bl_is_error(bl_bus_config_options(&bus->config, bus->next_server, &options, &diag))) {
        fail_attempt(bus, diag.message);
        return;
    }
    bool is_tls = bl_bus_config_is_tls(&bus->config, bus->next_server);
    if (bl_is_error(bl_connection_open(bus->loop, options, is_tls, &connection_events, bus,
                                       &bus->opening))) {
        bus->opening = NULL;
        fail_attempt(bus, "no thread or memory to connect with");
    }
}

/* --- Each turn ----------------------------------------------------------------------------- */

static void on_stall_timer(void *user) {
    struct bl_bus *bus = user;
    if (bus->connection != NULL && bus->close_phase == BL_BUS_CLOSE_NONE &&
        bl_connection_stalled_ms(bus->connection) > bus->config.write_stall_ms) {
        remake(bus, "the server has stopped reading");
    }
}

static void on_before_poll(void *user) {
    struct bl_bus *bus = user;
    if (bus->connection == NULL) {
        return;
    }
    bl_connection_flush(bus->connection);
    bus->buffered = bl_connection_buffered(bus->connection);
    bool is_waiting = bus->buffered > 0;
    if (is_waiting != bl_timer_is_running(bus->stall)) {
        uint32_t every_ms = bus->config.write_stall_ms / 4 + 1;
        if (is_waiting) {
            bl_timer_start(bus->stall, every_ms, every_ms);
        } else {
            bl_timer_stop(bus->stall);
        }
    }
    if (bus->buffered > bus->config.hard_cap_bytes && bus->close_phase == BL_BUS_CLOSE_NONE) {
        remake(bus, "more bytes wait for the server than the hard cap allows");
    }
}

/* --- Closing ------------------------------------------------------------------------------- */

static uint32_t close_time_left_ms(const struct bl_bus *bus) {
    uint64_t now_ns = bl_clock_monotonic_ns();
    uint64_t left_ns = bus->close_deadline_ns > now_ns ? bus->close_deadline_ns - now_ns : 0;
    return (uint32_t)(left_ns / 1000000U);
}

static void finish_close(struct bl_bus *bus) {
    if (bus->close_phase == BL_BUS_CLOSE_DRAINING && bus->connection == NULL &&
        bus->opening == NULL) {
        bus->close_phase = BL_BUS_CLOSE_CLOSING; /* the connection was lost meanwhile */
        bl_timer_stop(bus->close_poll);
        bl_bus_fail_requests(bus);
    }
    if (bus->close_phase != BL_BUS_CLOSE_CLOSING || bus->opening != NULL || bus->retired != 0) {
        return;
    }
    bus->close_phase = BL_BUS_CLOSE_DONE;
    bl_timer_stop(bus->retry);
    bl_timer_stop(bus->request_timer);
    tell_state(bus, BL_BUS_CLOSED, "");
}

static void on_close_poll(void *user) {
    struct bl_bus *bus = user;
    uint32_t left_ms = close_time_left_ms(bus);
    if (bus->connection == NULL || (left_ms > 0 && !bl_bus_is_drained(bus))) {
        return;
    }
    bl_timer_stop(bus->close_poll);
    bus->close_phase = BL_BUS_CLOSE_CLOSING;
    bl_bus_fail_requests(bus);
    bl_connection_close(bus->connection,
                        left_ms > FLUSH_TIMEOUT_MIN_MS ? left_ms : FLUSH_TIMEOUT_MIN_MS);
}

static void on_close_requested(void *user) {
    struct bl_bus *bus = user;
    if (bus->close_phase != BL_BUS_CLOSE_NONE) {
        return;
    }
    pthread_mutex_lock(&bus->close_mutex);
    uint32_t timeout_ms = bus->close_timeout_ms;
    pthread_mutex_unlock(&bus->close_mutex);
    bus->close_phase = BL_BUS_CLOSE_DRAINING;
    bus->close_deadline_ns = bl_clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000U;
    bl_timer_stop(bus->retry);
    if (bus->connection == NULL) {
        finish_close(bus);
        return;
    }
    bl_bus_start_draining(bus, timeout_ms);
    bl_timer_start(bus->close_poll, 0, CLOSE_POLL_MS);
}

void bl_bus_close(struct bl_bus *bus, uint32_t timeout_ms) {
    pthread_mutex_lock(&bus->close_mutex);
    if (!bus->close_requested) {
        bus->close_requested = true;
        bus->close_timeout_ms = timeout_ms;
        bl_waker_ring(&bus->close_waker);
    }
    pthread_mutex_unlock(&bus->close_mutex);
}

/* --- Making and freeing -------------------------------------------------------------------- */

static void free_bus(struct bl_bus *bus) {
    while (bus->first != NULL) {
        bl_bus_free_subscription(bus->first);
    }
    bl_bus_requests_fini(bus);
    bl_bus_free_messages(bus);
    bl_timer_destroy(bus->retry);
    bl_timer_destroy(bus->stall);
    bl_timer_destroy(bus->close_poll);
    bl_waker_fini(&bus->close_waker);
    pthread_mutex_destroy(&bus->close_mutex);
    bl_bus_config_free(&bus->config);
    free(bus);
    nats_ReleaseThreadMemory();
}

static bl_result make_timers(struct bl_bus *bus) {
    BL_TRY(bl_timer_create(bus->loop, begin_attempt, bus, &bus->retry));
    BL_TRY(bl_timer_create(bus->loop, on_stall_timer, bus, &bus->stall));
    return bl_timer_create(bus->loop, on_close_poll, bus, &bus->close_poll);
}

static bl_result init(struct bl_bus *bus, struct bl_diag *diag) {
    /* The files of TLS and credentials are read once here, so that a fault is told at the start. */
    for (size_t i = 0; i < bus->config.server_count; i++) {
        natsOptions *options = NULL;
        BL_TRY(bl_bus_config_options(&bus->config, i, &options, diag));
        natsOptions_Destroy(options);
    }
    if (getrandom(&bus->random, sizeof(bus->random), 0) != sizeof(bus->random)) {
        bus->random = bl_clock_monotonic_ns(); /* only spreads attempts; no secret */
    }
    bus->next_server = (size_t)(next_random(bus) % bus->config.server_count);
    bl_result made = make_timers(bus);
    if (bl_is_error(made)) {
        bl_diag_message(diag, "no memory for the timers of a bus");
        return made;
    }
    return bl_bus_requests_init(bus, diag);
}

bl_result bl_bus_create(struct bl_loop *loop, const struct bl_bus_config *config,
                        const struct bl_bus_callbacks *callbacks, void *user, struct bl_bus **out,
                        struct bl_diag *diag) {
    struct bl_bus *bus = calloc(1, sizeof(*bus));
    if (bus == NULL) {
        bl_diag_message(diag, "no memory for a bus");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_result copied = bl_bus_config_copy(config, &bus->config, diag);
    if (bl_is_error(copied)) {
        free(bus);
        return copied;
    }
    bus->loop = loop;
    bus->callbacks = *callbacks;
    bus->user = user;
    bus->max_payload = DEFAULT_MAX_PAYLOAD;
    pthread_mutex_init(&bus->close_mutex, NULL);
    bl_waker_init(&bus->close_waker, loop, on_close_requested, bus);
    bl_result made = init(bus, diag);
    if (bl_is_error(made)) {
        free_bus(bus);
        return made;
    }
    bl_loop_add_hook(loop, BL_TURN_BEFORE_POLL, &bus->before_poll, on_before_poll, bus);
    bl_loop_add_hook(loop, BL_TURN_AFTER_POLL, &bus->after_poll, bl_bus_pass, bus);
    bl_timer_start(bus->retry, 0, 0);
    *out = bus;
    return BL_OK;
}

void bl_bus_destroy(struct bl_bus *bus) {
    if (bus == NULL) {
        return;
    }
    assert(bus->close_phase == BL_BUS_CLOSE_DONE && bus->stats.messages_held == 0);
    bl_loop_remove_hook(bus->loop, BL_TURN_BEFORE_POLL, &bus->before_poll);
    bl_loop_remove_hook(bus->loop, BL_TURN_AFTER_POLL, &bus->after_poll);
    free_bus(bus);
}

void bl_bus_library_close(void) {
    nats_ReleaseThreadMemory();
    (void)nats_CloseAndWait(LIBRARY_CLOSE_TIMEOUT_MS);
}

enum bl_bus_state bl_bus_current_state(const struct bl_bus *bus) {
    return bus->state;
}

size_t bl_bus_max_payload(const struct bl_bus *bus) {
    return bus->max_payload;
}

struct bl_bus_stats bl_bus_stats(const struct bl_bus *bus) {
    struct bl_bus_stats stats = bus->stats;
    stats.buffered_bytes = bus->buffered;
    stats.requests_in_flight = bl_request_table_count(bus->requests);
    return stats;
}
