#include "app/dispatcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "app/dispatcher_private.h"
#include "base/secret.h"
#include "base/text.h"
#include "net/clock.h"

#define MAILBOX 64
#define SCRATCH_CHUNK_BYTES ((size_t)256 * 1024)
#define SCRATCH_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define OUT_BYTES ((size_t)4 * 1024 * 1024)
#define REQUESTS_MAX 262144
#define INSTANCES_SUBJECT "beamline.router.v1.instances"
#define RETRY_S 5 /* between looks at streams that are not as they have to be */

static int64_t monotonic_ms(void) {
    return (int64_t)(bl_clock_monotonic_ns() / 1000000);
}

/* --- snapshots ------------------------------------------------------------------------------- */

static void give_back(struct bl_dispatcher *dispatcher, struct bl_snapshot *snapshot) {
    if (snapshot != NULL) {
        atomic_fetch_sub(&snapshot->holders, 1);
        bl_waker_ring(dispatcher->parts.changed);
    }
}

static void on_switch(void *user) {
    struct bl_dispatcher *dispatcher = user;
    struct bl_snapshot *next = atomic_exchange(&dispatcher->next, NULL);

    if (next != NULL) {
        give_back(dispatcher, dispatcher->snapshot);
        dispatcher->snapshot = next;
    }
}

void bl_dispatcher_switch(struct bl_dispatcher *dispatcher, struct bl_snapshot *snapshot) {
    atomic_fetch_add(&snapshot->holders, 1);
    struct bl_snapshot *skipped = atomic_exchange(&dispatcher->next, snapshot);
    if (skipped != NULL) {
        atomic_fetch_sub(&skipped->holders, 1);
    }
    bl_waker_ring(&dispatcher->switcher);
}

/* --- routers that live ----------------------------------------------------------------------- */

static void announce(struct bl_dispatcher *dispatcher) {
    const struct bl_bus_outgoing message = {.subject = BL_STR(INSTANCES_SUBJECT),
                                            .data = bl_str_from_c(dispatcher->instance)};
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (bl_is_error(bl_bus_publish(dispatcher->bus, &message, &diag))) {
        return; /* not connected: others will see that */
    }
}

static struct bl_instance *find_instance(struct bl_dispatcher *dispatcher, const char *name) {
    for (unsigned i = 0; i < dispatcher->instance_count; i++) {
        if (strcmp(dispatcher->instances[i].name, name) == 0) {
            return &dispatcher->instances[i];
        }
    }
    return NULL;
}

static void on_announced(void *user, struct bl_bus_message *message) {
    struct bl_dispatcher *dispatcher = user;
    struct bl_str data = message->content.data;
    char name[BL_INSTANCE_CHARS + 1] = "";

    if (data.len != BL_INSTANCE_CHARS) {
        return;
    }
    memcpy(name, data.data, data.len);
    struct bl_instance *instance = find_instance(dispatcher, name);
    if (instance == NULL && dispatcher->instance_count < BL_INSTANCES_MAX) {
        instance = &dispatcher->instances[dispatcher->instance_count++];
        memcpy(instance->name, name, sizeof(name));
    }
    if (instance != NULL) {
        instance->heard_ms = monotonic_ms();
    }
}

/* Nobody can be heard before there is a connection; so all count from when there is one. */
static bool has_gone(struct bl_dispatcher *dispatcher, const char *owner) {
    const struct bl_instance *instance = find_instance(dispatcher, owner);
    int64_t since_ms = dispatcher->listening_since_ms;

    if (instance != NULL && instance->heard_ms > since_ms) {
        since_ms = instance->heard_ms;
    }
    return monotonic_ms() - since_ms > dispatcher->parts.config->push.takeover_ms;
}

static void forget_gone(struct bl_dispatcher *dispatcher) {
    for (unsigned i = 0; i < dispatcher->instance_count;) {
        if (has_gone(dispatcher, dispatcher->instances[i].name)) {
            dispatcher->instances[i] = dispatcher->instances[--dispatcher->instance_count];
        } else {
            i++;
        }
    }
}

static void adopt_orphans(struct bl_dispatcher *dispatcher) {
    const char *known_gone = ""; /* most orphans are of one router */
    const char *known_alive = dispatcher->instance;
    unsigned adopted = 0;

    for (struct bl_live *live = dispatcher->first; live != NULL; live = live->next) {
        if (live->is_busy || live->revision == 0 || strcmp(live->owner, known_alive) == 0) {
            continue;
        }
        if (strcmp(live->owner, known_gone) != 0 && !has_gone(dispatcher, live->owner)) {
            known_alive = live->owner;
            continue;
        }
        known_gone = live->owner;
        bl_arena_reset(&dispatcher->scratch);
        bl_live_adopt(live);
        adopted++;
    }
    if (adopted > 0) {
        struct bl_log_record *record =
            bl_log_start(dispatcher->log, BL_LOG_WARN, "push",
                         "requests of a router that is gone are taken over");
        bl_log_u64(record, "count", adopted);
        bl_log_finish(dispatcher->log);
    }
}

static void on_second(void *user) {
    struct bl_dispatcher *dispatcher = user;

    bl_gauge_set(dispatcher->cells.live, (double)dispatcher->live_count);
    if (bl_bus_current_state(dispatcher->bus) != BL_BUS_CONNECTED) {
        return;
    }
    announce(dispatcher);
    if (!dispatcher->streams_are_good && monotonic_ms() / 1000 % RETRY_S == 0) {
        bl_dispatcher_ensure_streams(dispatcher);
    }
    if (atomic_load(&dispatcher->is_ready)) {
        forget_gone(dispatcher);
        adopt_orphans(dispatcher);
    }
}

/* --- the connection -------------------------------------------------------------------------- */

static void on_state(void *user, enum bl_bus_state state, struct bl_str reason) {
    struct bl_dispatcher *dispatcher = user;

    (void)reason; /* workers tell it */
    if (state == BL_BUS_CONNECTED) {
        dispatcher->listening_since_ms = monotonic_ms();
        atomic_store(&dispatcher->max_payload, bl_bus_max_payload(dispatcher->bus));
        dispatcher->streams_are_good = false;
        bl_dispatcher_ensure_streams(dispatcher);
    }
    bl_dispatcher_settle_ready(dispatcher);
    if (state == BL_BUS_CLOSED) {
        bl_loop_stop(dispatcher->loop);
    }
}

static void on_error(void *user, struct bl_str text) {
    struct bl_dispatcher *dispatcher = user;
    struct bl_log_record *record = bl_log_start(dispatcher->log, BL_LOG_WARN, "push", "fault");

    bl_log_str(record, "problem", text);
    bl_log_finish(dispatcher->log);
}

/* --- life ------------------------------------------------------------------------------------ */

static bl_result find_cells(struct bl_dispatcher *dispatcher) {
    struct bl_metric_shard *metrics = &dispatcher->metrics;

    BL_TRY(bl_metric_shard_init(metrics, bl_metric_catalogue, bl_metric_limits,
                                bl_clock_monotonic_ns()));
    dispatcher->cells = (struct bl_dispatcher_cells){
        .pushed = bl_metric_counter(metrics, BL_METRIC_PUSHED, NULL),
        .results = bl_metric_counter(metrics, BL_METRIC_RESULTS, NULL),
        .usage = bl_metric_counter(metrics, BL_METRIC_USAGE, NULL),
        .dead = bl_metric_counter(metrics, BL_METRIC_DEAD_LETTERS, NULL),
        .writes = bl_metric_counter(metrics, BL_METRIC_JETSTREAM_WRITES, NULL),
        .live = bl_metric_gauge(metrics, BL_METRIC_LIVE, NULL),
        .ready = bl_metric_gauge(metrics, BL_METRIC_PUSH_READY, NULL),
    };
    return BL_OK;
}

static bl_result make_tables(struct bl_dispatcher *dispatcher, struct bl_diag *diag) {
    size_t most = dispatcher->parts.config->push.max_live;
    uint64_t seed[2];

    if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        bl_diag_message(diag, "the kernel gives no random bytes");
        return BL_FAIL(UNAVAILABLE);
    }
    struct bl_buf name;
    bl_buf_init(&name, dispatcher->instance, BL_INSTANCE_CHARS);
    bl_hex_write(&name, &seed[1], sizeof(seed[1]));
    bl_arena_init(&dispatcher->scratch, SCRATCH_CHUNK_BYTES, SCRATCH_MAX_BYTES);
    bl_wheel_init(&dispatcher->wheel, monotonic_ms());
    dispatcher->out_capacity = OUT_BYTES;
    dispatcher->out = malloc(OUT_BYTES);
    dispatcher->record_out = malloc(OUT_BYTES);
    if (dispatcher->out == NULL || dispatcher->record_out == NULL ||
        bl_is_error(bl_map_init(&dispatcher->by_subject, most, seed[0], NULL)) ||
        bl_is_error(bl_map_init(&dispatcher->by_assignment, 2 * most, seed[0], NULL)) ||
        bl_is_error(find_cells(dispatcher))) {
        bl_diag_message(diag, "no memory for pushed requests; push.max_live is %zu", most);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    return BL_OK;
}

static bl_result set_up(struct bl_dispatcher *dispatcher, struct bl_diag *diag) {
    static const struct bl_bus_callbacks callbacks = {on_state, on_error, NULL};
    const struct bl_bus_subscription_config instances = {.subject = INSTANCES_SUBJECT};
    struct bl_bus_config bus = *dispatcher->parts.bus;

    BL_TRY(bl_timer_create(dispatcher->loop, bl_dispatcher_on_tick, dispatcher, &dispatcher->tick));
    BL_TRY(bl_timer_create(dispatcher->loop, on_second, dispatcher, &dispatcher->second));
    bus.requests_max = REQUESTS_MAX;
    bl_dispatcher_describe_streams(dispatcher);
    BL_TRY(bl_bus_create(dispatcher->loop, &bus, &callbacks, dispatcher, &dispatcher->bus, diag));
    BL_TRY(bl_jetstream_create(dispatcher->bus, &dispatcher->jetstream));
    return bl_bus_subscribe(dispatcher->bus, &instances, on_announced, dispatcher, NULL, diag);
}

static void close_bus(struct bl_dispatcher *dispatcher) {
    if (dispatcher->bus != NULL) {
        bl_bus_close(dispatcher->bus, 0);
        while (bl_bus_current_state(dispatcher->bus) != BL_BUS_CLOSED) {
            bl_loop_run(dispatcher->loop);
        }
    }
}

static void *run(void *argument) {
    struct bl_dispatcher *dispatcher = argument;

    dispatcher->start_result = set_up(dispatcher, dispatcher->start_diag);
    bool good = bl_is_ok(dispatcher->start_result);
    (void)sem_post(&dispatcher->started);
    if (good) {
        bl_timer_start(dispatcher->second, 1000, 1000);
        while (bl_bus_current_state(dispatcher->bus) != BL_BUS_CLOSED) {
            bl_loop_run(dispatcher->loop);
        }
    }
    close_bus(dispatcher);
    bl_dispatcher_on_mail(dispatcher); /* what came last is refused */
    atomic_store(&dispatcher->stopped, true);
    bl_waker_ring(dispatcher->parts.changed);
    return NULL;
}

static void drop_all(struct bl_dispatcher *dispatcher) {
    struct bl_live *next;

    for (struct bl_live *live = dispatcher->first; live != NULL; live = next) {
        next = live->next;
        bl_live_drop(live);
    }
}

/* After the thread has ended. */
static void tear_down(struct bl_dispatcher *dispatcher) {
    drop_all(dispatcher);
    bl_pull_destroy(dispatcher->reader);
    bl_pull_destroy(dispatcher->results);
    bl_pull_destroy(dispatcher->acks);
    bl_timer_destroy(dispatcher->tick);
    bl_timer_destroy(dispatcher->second);
    bl_jetstream_destroy(dispatcher->jetstream);
    if (dispatcher->bus != NULL) {
        bl_bus_destroy(dispatcher->bus);
    }
    bl_waker_fini(&dispatcher->switcher);
    bl_mailbox_fini(&dispatcher->mailbox);
    bl_loop_destroy(dispatcher->loop);
    on_switch(dispatcher); /* what was handed over last */
    give_back(dispatcher, dispatcher->snapshot);
    bl_map_fini(&dispatcher->by_subject);
    bl_map_fini(&dispatcher->by_assignment);
    bl_metric_shard_fini(&dispatcher->metrics);
    bl_arena_fini(&dispatcher->scratch);
    free(dispatcher->out);
    free(dispatcher->record_out);
    bl_wipe(dispatcher->parts.key, sizeof(dispatcher->parts.key));
    (void)sem_destroy(&dispatcher->started);
    free(dispatcher);
}

bl_result bl_dispatcher_start(const struct bl_dispatcher_parts *parts, struct bl_snapshot *snapshot,
                              struct bl_dispatcher **out, struct bl_diag *diag) {
    struct bl_dispatcher *dispatcher = calloc(1, sizeof(*dispatcher));

    if (dispatcher == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    dispatcher->parts = *parts;
    dispatcher->start_diag = diag;
    dispatcher->log = bl_log_channel(parts->log);
    bl_result result = dispatcher->log == NULL ? BL_FAIL(RESOURCE_EXHAUSTED)
                                               : bl_loop_create(MAILBOX, &dispatcher->loop, diag);
    if (bl_is_error(result)) {
        free(dispatcher);
        return result;
    }
    bl_mailbox_init(&dispatcher->mailbox, dispatcher->loop, bl_dispatcher_on_mail, dispatcher);
    bl_waker_init(&dispatcher->switcher, dispatcher->loop, on_switch, dispatcher);
    (void)sem_init(&dispatcher->started, 0, 0);
    atomic_fetch_add(&snapshot->holders, 1);
    dispatcher->snapshot = snapshot;
    result = make_tables(dispatcher, diag);
    if (bl_is_ok(result) && pthread_create(&dispatcher->thread, NULL, run, dispatcher) != 0) {
        bl_diag_message(diag, "the system gives no more threads");
        result = BL_FAIL(RESOURCE_EXHAUSTED);
    }
    if (bl_is_error(result)) {
        tear_down(dispatcher);
        return result;
    }
    while (sem_wait(&dispatcher->started) != 0) {
    }
    result = dispatcher->start_result;
    if (bl_is_error(result)) {
        bl_dispatcher_destroy(dispatcher);
        return result;
    }
    *out = dispatcher;
    return BL_OK;
}

void bl_dispatcher_send(struct bl_dispatcher *dispatcher, struct bl_errand *errand) {
    bl_mailbox_put(&dispatcher->mailbox, &errand->mail);
}

void bl_dispatcher_stop(struct bl_dispatcher *dispatcher, uint32_t drain_ms) {
    bl_bus_close(dispatcher->bus, drain_ms);
}

bool bl_dispatcher_has_stopped(const struct bl_dispatcher *dispatcher) {
    return atomic_load(&dispatcher->stopped);
}

void bl_dispatcher_destroy(struct bl_dispatcher *dispatcher) {
    if (dispatcher == NULL) {
        return;
    }
    (void)pthread_join(dispatcher->thread, NULL);
    tear_down(dispatcher);
}

bool bl_dispatcher_is_ready(const struct bl_dispatcher *dispatcher) {
    return atomic_load(&dispatcher->is_ready);
}

const struct bl_metric_shard *bl_dispatcher_metrics(const struct bl_dispatcher *dispatcher) {
    return &dispatcher->metrics;
}

size_t bl_dispatcher_max_payload(const struct bl_dispatcher *dispatcher) {
    return atomic_load(&dispatcher->max_payload);
}
