#include "app/worker.h"

#include <stdlib.h>
#include <sys/random.h>

#include "app/worker_later.h"
#include "net/clock.h"

#define MAILBOX 64
#define ARENA_CHUNK_BYTES ((size_t)64 * 1024)
#define LEAVE_LOOK_MS 20
#define SETTLE_MS 20    /* from the server's answer to its refusals having come through libnats */
#define REQUESTS_MAX 64 /* of our own: the capture check */

static void give_back(struct bl_worker *worker, struct bl_snapshot *snapshot) {
    if (snapshot != NULL) {
        atomic_fetch_sub(&snapshot->holders, 1);
        bl_waker_ring(worker->parts.changed);
    }
}

static void serve_with(struct bl_worker *worker, struct bl_snapshot *snapshot) {
    struct bl_snapshot *old = worker->snapshot;

    worker->snapshot = snapshot;
    worker->api.flow.catalog = snapshot->catalog;
    worker->api.flow.min_payload_bytes = snapshot->min_payload_bytes;
    worker->api.flow.attributes = snapshot->attributes;
    worker->api.tenants = snapshot->tenants;
    worker->api.limits = snapshot->limits;
    worker->api.anonymous_reads = snapshot->anonymous_reads;
    worker->api.flow.can_push = worker->parts.dispatcher != NULL;
    worker->api.notify_subjects = snapshot->shared->config->push.notify_subjects.items;
    worker->api.notify_subject_count = snapshot->shared->config->push.notify_subjects.count;
    bl_worker_configure_http(worker);
    bl_recorder_init(&worker->recorder, snapshot->shared->config, worker->recording,
                     worker->parts.key);
    give_back(worker, old);
}

void bl_worker_take_over(struct bl_worker *worker) {
    if (atomic_load(&worker->next) == NULL) {
        return;
    }
    struct bl_snapshot *next = atomic_exchange(&worker->next, NULL);
    if (next != NULL) {
        serve_with(worker, next);
    }
}

static void on_switch(void *user) {
    bl_worker_take_over(user);
}

static void log_state(struct bl_worker *worker, enum bl_bus_state state, struct bl_str reason) {
    enum bl_log_level level = state == BL_BUS_RECONNECTING ? BL_LOG_WARN : BL_LOG_INFO;

    if (bl_log_wants(worker->log, level)) {
        struct bl_log_record *record = bl_log_start(worker->log, level, "nats", "connection state");
        bl_log_str(record, "state", bl_str_from_c(bl_bus_state_text(state)));
        bl_log_u64(record, "worker", worker->parts.number);
        if (!bl_str_is_blank(reason)) {
            bl_log_str(record, "reason", reason);
        }
        bl_log_finish(worker->log);
    }
}

static void set_listening(struct bl_worker *worker, bool listening) {
    if (atomic_exchange(&worker->listening, listening) != listening) {
        bl_waker_ring(worker->parts.changed);
    }
}

static void on_settled(void *user) {
    struct bl_worker *worker = user;

    set_listening(worker, atomic_load(&worker->connected) && !worker->is_refused);
}

void bl_worker_subscriptions_known(struct bl_worker *worker) {
    bl_timer_start(worker->settle, SETTLE_MS, 0);
}

/* Requests whose bodies still come, replies that still go: until the deadline. */
static bool http_is_over(const struct bl_worker *worker) {
    return worker->http == NULL || bl_http_server_counts(worker->http).open == 0 ||
           bl_clock_monotonic_ns() >= atomic_load(&worker->drain_until_ns);
}

/* What the dispatcher holds of it comes back within push.publish_timeout_ms. */
static bool has_finished(const struct bl_worker *worker) {
    return bl_bus_current_state(worker->bus) == BL_BUS_CLOSED && worker->later_count == 0 &&
           http_is_over(worker);
}

static void leave_if_over(void *user) {
    struct bl_worker *worker = user;

    if (has_finished(worker)) {
        bl_loop_stop(worker->loop);
    }
}

static void on_state(void *user, enum bl_bus_state state, struct bl_str reason) {
    struct bl_worker *worker = user;
    bool connected = state == BL_BUS_CONNECTED;

    log_state(worker, state, reason);
    atomic_store(&worker->connected, connected);
    if (connected) {
        worker->api.reply_max_bytes = bl_bus_max_payload(worker->bus);
        worker->is_refused = false;
        bl_worker_check_capture(worker);
    } else {
        bl_timer_stop(worker->settle);
        set_listening(worker, false);
    }
    if (state == BL_BUS_CLOSED) {
        leave_if_over(worker);
    }
}

static void on_error(void *user, struct bl_str text) {
    struct bl_worker *worker = user;

    if (bl_log_wants(worker->log, BL_LOG_WARN)) {
        struct bl_log_record *record = bl_log_start(worker->log, BL_LOG_WARN, "nats", "fault");
        bl_log_str(record, "problem", text);
        bl_log_finish(worker->log);
    }
}

static void on_refused(void *user, struct bl_str subject) {
    struct bl_worker *worker = user;
    const struct bl_nats_settings *nats = &worker->parts.config->nats;
    bool is_decide = bl_str_equal(subject, nats->decide_subject) ||
                     (bl_str_is_present(nats->tenant_decide_subject) &&
                      bl_str_equal(subject, nats->tenant_decide_subject));
    struct bl_log_record *record =
        bl_log_start(worker->log, BL_LOG_ERROR, "nats",
                     is_decide ? "the NATS server refuses a subscription; not ready"
                               : "the NATS server refuses a subscription");

    bl_log_str(record, "subject", subject);
    bl_log_u64(record, "worker", worker->parts.number);
    bl_log_str(record, "hint",
               BL_STR("allow the router's NATS user to subscribe to this subject, also in its "
                      "queue group; it is tried again once a minute"));
    bl_log_finish(worker->log);
    if (is_decide) {
        worker->is_refused = true;
        set_listening(worker, false);
    }
}

static bl_result subscribe(struct bl_worker *worker, struct bl_intake *intake,
                           struct bl_str subject, struct bl_diag *diag) {
    const struct bl_nats_settings *nats = &worker->parts.config->nats;
    const struct bl_bus_subscription_config config = {
        .subject = subject.data,
        .queue_group = nats->queue_group.data,
        .high_water_messages = nats->high_water_messages,
    };

    if (!bl_str_is_present(subject)) {
        return BL_OK;
    }
    intake->subject = subject;
    return bl_bus_subscribe(worker->bus, &config, bl_worker_on_message, intake, NULL, diag);
}

static bl_result subscribe_all(struct bl_worker *worker, struct bl_diag *diag) {
    const struct bl_nats_settings *nats = &worker->parts.config->nats;
    const struct bl_str subjects[BL_OPERATION_WORKER_COUNT] = {
        [BL_OPERATION_DECIDE] = nats->decide_subject,
        [BL_OPERATION_GET_DECISION] = nats->get_decision_subject,
        [BL_OPERATION_EXTENSION_HEALTH] = nats->extension_health_subject,
        [BL_OPERATION_CIRCUIT_BREAKERS] = nats->circuit_breakers_subject,
        [BL_OPERATION_DRY_RUN] = nats->dry_run_subject,
        [BL_OPERATION_COMPLEXITY] = nats->complexity_subject,
    };

    for (int o = 0; o < BL_OPERATION_WORKER_COUNT; o++) {
        worker->intakes[o] =
            (struct bl_intake){.worker = worker, .operation = (enum bl_operation)o};
        BL_TRY(subscribe(worker, &worker->intakes[o], subjects[o], diag));
    }
    struct bl_intake *scoped = &worker->intakes[BL_OPERATION_WORKER_COUNT];
    *scoped = (struct bl_intake){
        .worker = worker, .operation = BL_OPERATION_DECIDE, .pattern = nats->tenant_decide_subject};
    return subscribe(worker, scoped, scoped->pattern, diag);
}

static void on_stop(void *user) {
    struct bl_worker *worker = user;

    bl_worker_close_http(worker);
    bl_timer_start(worker->leaving, LEAVE_LOOK_MS, LEAVE_LOOK_MS);
}

static bl_result set_up(struct bl_worker *worker, struct bl_diag *diag) {
    static const struct bl_bus_callbacks callbacks = {on_state, on_error, on_refused};
    struct bl_bus_config bus = *worker->parts.bus;

    if (getrandom(worker->random, sizeof(worker->random), 0) != (ssize_t)sizeof(worker->random)) {
        bl_diag_message(diag, "the kernel gives no random bytes");
        return BL_FAIL(UNAVAILABLE);
    }
    BL_TRY(bl_worker_metrics_init(worker));
    BL_TRY(bl_loop_create(MAILBOX, &worker->loop, diag));
    bl_waker_init(&worker->switcher, worker->loop, on_switch, worker);
    bl_waker_init(&worker->stopper, worker->loop, on_stop, worker);
    bl_mailbox_init(&worker->home, worker->loop, bl_worker_on_later, worker);
    BL_TRY(bl_timer_create(worker->loop, bl_worker_on_second, worker, &worker->second));
    BL_TRY(bl_timer_create(worker->loop, on_settled, worker, &worker->settle));
    BL_TRY(bl_timer_create(worker->loop, leave_if_over, worker, &worker->leaving));
    bus.requests_max = REQUESTS_MAX;
    BL_TRY(bl_bus_create(worker->loop, &bus, &callbacks, worker, &worker->bus, diag));
    BL_TRY(subscribe_all(worker, diag));
    return bl_worker_open_http(worker, diag);
}

static void close_bus(struct bl_worker *worker) {
    if (worker->bus != NULL) {
        bl_bus_close(worker->bus, 0);
        while (bl_bus_current_state(worker->bus) != BL_BUS_CLOSED) {
            bl_loop_run(worker->loop);
        }
    }
}

/* After the thread has ended: until then the control thread may ring its wakers. */
static void tear_down(struct bl_worker *worker) {
    bl_timer_destroy(worker->second);
    bl_timer_destroy(worker->settle);
    bl_timer_destroy(worker->leaving);
    if (worker->bus != NULL) {
        bl_bus_destroy(worker->bus);
    }
    if (worker->loop != NULL) {
        bl_waker_fini(&worker->switcher);
        bl_waker_fini(&worker->stopper);
        bl_mailbox_fini(&worker->home);
        bl_worker_close_http(worker);
        bl_http_server_destroy(worker->http);
        bl_grpc_services_destroy(worker->grpc);
        free(worker->unpacked.data);
        bl_loop_destroy(worker->loop);
    }
    on_switch(worker); /* what was handed over last */
    give_back(worker, worker->snapshot);
    worker->snapshot = NULL;
}

static void *run(void *argument) {
    struct bl_worker *worker = argument;

    worker->start_result = set_up(worker, worker->start_diag);
    bool good = bl_is_ok(worker->start_result);
    (void)sem_post(&worker->started);
    if (good) {
        bl_timer_start(worker->second, 1000, 1000);
        while (!has_finished(worker)) {
            bl_loop_run(worker->loop);
        }
    }
    close_bus(worker);
    atomic_store(&worker->stopped, true);
    bl_waker_ring(worker->parts.changed);
    return NULL;
}

bl_result bl_worker_start(const struct bl_worker_parts *parts, struct bl_snapshot *snapshot,
                          struct bl_worker **out, struct bl_diag *diag) {
    struct bl_worker *worker = calloc(1, sizeof(*worker));

    if (worker == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    worker->parts = *parts;
    worker->start_diag = diag;
    worker->log = bl_log_channel(parts->log);
    worker->recording = parts->recording == NULL ? NULL : bl_log_channel(parts->recording);
    if (worker->log == NULL || (parts->recording != NULL && worker->recording == NULL)) {
        bl_diag_message(diag, "no memory for the log of a worker");
        free(worker); /* channels end with their log */
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_arena_init(&worker->arena, ARENA_CHUNK_BYTES, parts->config->workers.arena_cap_bytes);
    bl_buf_init(&worker->reply, worker->reply_storage + BL_GRPC_PREFIX_BYTES,
                sizeof(worker->reply_storage) - BL_GRPC_PREFIX_BYTES);
    worker->api.arena = &worker->arena;
    worker->api.flow.pins = parts->pins;
    memcpy(worker->api.flow.key, parts->key, sizeof(parts->key));
    atomic_fetch_add(&snapshot->holders, 1);
    serve_with(worker, snapshot);
    (void)sem_init(&worker->started, 0, 0);
    if (pthread_create(&worker->thread, NULL, run, worker) != 0) {
        bl_diag_message(diag, "the system gives no more threads");
        atomic_fetch_sub(&snapshot->holders, 1);
        bl_arena_fini(&worker->arena);
        (void)sem_destroy(&worker->started);
        free(worker);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    while (sem_wait(&worker->started) != 0) {
    }
    bl_result result = worker->start_result;
    if (bl_is_error(result)) {
        bl_worker_destroy(worker);
        return result;
    }
    *out = worker;
    return BL_OK;
}

void bl_worker_switch(struct bl_worker *worker, struct bl_snapshot *snapshot) {
    atomic_fetch_add(&snapshot->holders, 1);
    struct bl_snapshot *skipped = atomic_exchange(&worker->next, snapshot);
    if (skipped != NULL) {
        atomic_fetch_sub(&skipped->holders, 1);
    }
    bl_waker_ring(&worker->switcher);
}

void bl_worker_stop(struct bl_worker *worker, uint32_t drain_ms) {
    atomic_store(&worker->drain_until_ns, bl_clock_monotonic_ns() + (uint64_t)drain_ms * 1000000);
    bl_waker_ring(&worker->stopper);
    bl_bus_close(worker->bus, drain_ms);
}

void bl_worker_destroy(struct bl_worker *worker) {
    (void)pthread_join(worker->thread, NULL);
    tear_down(worker);
    bl_metric_shard_fini(&worker->metrics);
    bl_arena_fini(&worker->arena);
    (void)sem_destroy(&worker->started);
    free(worker);
}

struct bl_worker_status bl_worker_status(const struct bl_worker *worker) {
    return (struct bl_worker_status){.listening = atomic_load(&worker->listening),
                                     .captured = atomic_load(&worker->captured),
                                     .stopped = atomic_load(&worker->stopped)};
}

const struct bl_metric_shard *bl_worker_metrics(const struct bl_worker *worker) {
    return &worker->metrics;
}
