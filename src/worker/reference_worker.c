#include "worker/reference_worker.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/money.h"
#include "bus/jetstream.h"
#include "json/writer.h"
#include "net/clock.h"
#include "net/signal_watch.h"
#include "net/timer.h"

#define ARENA_CHUNK_BYTES ((size_t)256 * 1024)
#define ARENA_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define OUT_BYTES ((size_t)2 * 1024 * 1024)
#define ACK_WAIT_MS 30000
#define PUBLISH_TIMEOUT_MS 5000
#define AGAIN_MS 1000
#define STOP_MS 10000
#define HEARTBEAT_S 5

struct worker {
    const struct bl_reference_worker_options *options;
    struct bl_loop *loop;
    struct bl_bus *bus;
    struct bl_jetstream *jetstream;
    struct bl_pull *pull;
    struct bl_signal_watch *signals[2];
    struct bl_timer *second;
    struct bl_arena arena;
    char *out;
    uint64_t done, failed, seconds;
    uint32_t under_way;
    uint64_t random;
    bool is_stopping;
};

/* One assignment that was begun. */
struct job {
    struct worker *worker;
    struct bl_bus_message *message;
    struct bl_timer *timer; /* NULL = no delay */
    uint64_t began_ns;
};

struct assignment {
    struct bl_str assignment_id, request_id, tenant_id, provider_id;
    struct bl_json payload;
    int64_t expires_at_ms;
};

static void end_job(struct job *job) {
    struct worker *worker = job->worker;

    bl_bus_message_release(worker->bus, job->message);
    bl_timer_destroy(job->timer);
    free(job);
    worker->under_way--;
}

static bool read_assignment(struct worker *worker, const struct bl_bus_message *message,
                            struct bl_json_doc *doc, struct assignment *out) {
    struct bl_diag diag;

    bl_arena_reset(&worker->arena);
    *out = (struct assignment){.expires_at_ms = INT64_MAX};
    if (bl_is_error(bl_json_read(message->content.data, &bl_json_request_limits, &worker->arena,
                                 doc, &diag))) {
        return false;
    }
    struct bl_json root = bl_json_root(doc);
    struct bl_json executor = bl_json_get(root, BL_STR("executor"));
    (void)bl_json_string(bl_json_get(root, BL_STR("request_id")), &out->request_id);
    (void)bl_json_string(bl_json_get(root, BL_STR("tenant_id")), &out->tenant_id);
    (void)bl_json_string(bl_json_get(executor, BL_STR("provider_id")), &out->provider_id);
    (void)bl_json_int64(bl_json_get(root, BL_STR("expires_at_ms")), &out->expires_at_ms);
    out->payload = bl_json_path(root, BL_STR("job.payload"));
    return bl_json_string(bl_json_get(root, BL_STR("assignment_id")), &out->assignment_id);
}

/* --- reporting ------------------------------------------------------------------------------- */

static void on_reported(void *user, const struct bl_jetstream_ack *ack) {
    struct job *job = user;

    bl_delivery_settle(job->worker->pull, job->message,
                       bl_is_ok(ack->result) ? BL_DELIVERY_ACK : BL_DELIVERY_NAK, AGAIN_MS);
    end_job(job);
}

static void write_result(const struct job *job, const struct assignment *assignment,
                         const char *error_code, struct bl_json_writer *writer) {
    const struct bl_reference_worker_options *options = job->worker->options;
    bool is_error = error_code != NULL;
    char storage[32];
    struct bl_buf cost;

    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("version"), BL_STR("1"));
    bl_json_write_member(writer, BL_STR("assignment_id"), assignment->assignment_id);
    bl_json_write_member(writer, BL_STR("request_id"), assignment->request_id);
    bl_json_write_member(writer, BL_STR("provider_id"), assignment->provider_id);
    bl_json_write_member(writer, BL_STR("status"), is_error ? BL_STR("error") : BL_STR("success"));
    bl_json_write_key(writer, BL_STR("latency_ms"));
    bl_json_write_uint64(writer, (bl_clock_monotonic_ns() - job->began_ns) / 1000000);
    if (options->cost_nano != BL_MONEY_UNKNOWN) {
        bl_buf_init(&cost, storage, sizeof(storage));
        bl_money_write(&cost, options->cost_nano);
        bl_json_write_key(writer, BL_STR("cost"));
        bl_json_write_raw(writer, bl_buf_view(&cost));
    }
    if (is_error) {
        bl_json_write_member(writer, BL_STR("error_code"), bl_str_from_c(error_code));
    } else if (!bl_json_is(assignment->payload, BL_JSON_ABSENT)) {
        bl_json_write_key(writer, BL_STR("payload"));
        bl_json_write_value(writer, assignment->payload);
    }
    bl_json_write_object_end(writer);
}

static void report(struct job *job, const struct assignment *assignment, const char *error_code) {
    struct worker *worker = job->worker;
    const struct bl_bus_header headers[] = {{BL_STR("tenant_id"), assignment->tenant_id}};
    struct bl_json_writer writer;
    struct bl_diag diag;
    struct bl_buf data;

    bl_diag_clear(&diag);
    bl_buf_init(&data, worker->out, OUT_BYTES);
    bl_json_writer_init(&writer, &data);
    write_result(job, assignment, error_code, &writer);
    const struct bl_bus_outgoing message = {.subject = worker->options->result_subject,
                                            .headers = headers,
                                            .header_count = 1,
                                            .data = bl_buf_view(&data)};
    worker->done += error_code == NULL ? 1 : 0;
    worker->failed += error_code == NULL ? 0 : 1;
    if (!bl_json_writer_ok(&writer) ||
        bl_is_error(bl_jetstream_publish(worker->jetstream, &message, PUBLISH_TIMEOUT_MS,
                                         on_reported, job, &diag))) {
        bl_delivery_settle(worker->pull, job->message, BL_DELIVERY_NAK, AGAIN_MS);
        end_job(job);
    }
}

/* xorshift64: which executions fail. */
static double draw(struct worker *worker) {
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    worker->random ^= worker->random << 17;
    return (double)(worker->random >> 11) / (double)(UINT64_C(1) << 53);
}

static void execute(void *user) {
    struct job *job = user;
    struct worker *worker = job->worker;
    struct assignment assignment;
    struct bl_json_doc doc;

    (void)read_assignment(worker, job->message, &doc, &assignment); /* it was read before */
    bool fails = worker->options->fail_share > 0 && draw(worker) < worker->options->fail_share;
    report(job, &assignment, fails ? worker->options->error_code : NULL);
}

/* --- taking ---------------------------------------------------------------------------------- */

static bool is_for_us(const struct worker *worker, struct bl_str provider_id) {
    for (size_t i = 0; i < worker->options->provider_count; i++) {
        if (bl_str_equal_c(provider_id, worker->options->providers[i])) {
            return true;
        }
    }
    return worker->options->provider_count == 0;
}

static void accept_it(struct worker *worker, const struct assignment *assignment) {
    char text[512];
    struct bl_json_writer writer;
    struct bl_buf data;
    struct bl_diag diag;

    bl_buf_init(&data, text, sizeof(text));
    bl_json_writer_init(&writer, &data);
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("assignment_id"), assignment->assignment_id);
    bl_json_write_member(&writer, BL_STR("status"), BL_STR("accepted"));
    bl_json_write_object_end(&writer);
    const struct bl_bus_outgoing message = {.subject = worker->options->ack_subject,
                                            .data = bl_buf_view(&data)};
    bl_diag_clear(&diag);
    if (bl_json_writer_ok(&writer) && bl_is_error(bl_bus_publish(worker->bus, &message, &diag))) {
        return; /* it says nothing that the result does not say */
    }
}

static struct job *begin_job(struct worker *worker, struct bl_bus_message *message) {
    struct job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        return NULL;
    }
    *job = (struct job){.worker = worker, .message = message, .began_ns = bl_clock_monotonic_ns()};
    if (worker->options->delay_ms > 0 &&
        bl_is_error(bl_timer_create(worker->loop, execute, job, &job->timer))) {
        free(job);
        return NULL;
    }
    bl_bus_message_hold(worker->bus, message);
    worker->under_way++;
    return job;
}

static void on_delivery(void *user, const struct bl_delivery *delivery) {
    struct worker *worker = user;
    struct assignment assignment;
    struct bl_json_doc doc;

    if (!read_assignment(worker, delivery->message, &doc, &assignment)) {
        bl_delivery_settle(worker->pull, delivery->message, BL_DELIVERY_TERM, 0);
        return;
    }
    bool is_full = worker->is_stopping || worker->under_way >= worker->options->capacity;
    struct job *job = is_full || !is_for_us(worker, assignment.provider_id)
                          ? NULL
                          : begin_job(worker, delivery->message);
    if (job == NULL) {
        bl_delivery_settle(worker->pull, delivery->message, BL_DELIVERY_NAK, AGAIN_MS);
        return;
    }
    if ((int64_t)(bl_clock_wall_ns() / 1000000) >= assignment.expires_at_ms) {
        report(job, &assignment, "EXPIRED");
        return;
    }
    if (worker->options->accepts) {
        accept_it(worker, &assignment);
    }
    if (job->timer != NULL) {
        bl_timer_start(job->timer, worker->options->delay_ms, 0);
    } else {
        execute(job);
    }
}

static void on_consumer(void *user, bl_result result, struct bl_str problem) {
    (void)user;
    if (bl_is_error(result)) {
        fprintf(stderr, "beamline worker: no assignments yet: %.*s\n", BL_STR_ARG(problem));
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static void heartbeat(struct worker *worker) {
    char text[256];
    int len = snprintf(text, sizeof(text),
                       "{\"worker_id\":\"%s-%d\",\"inflight\":%" PRIu32 ",\"capacity\":%" PRIu32
                       ",\"ts\":%" PRIu64 "}",
                       worker->options->durable, (int)getpid(), worker->under_way,
                       worker->options->capacity, bl_clock_wall_ns() / 1000000);
    const struct bl_bus_outgoing message = {.subject = worker->options->heartbeat_subject,
                                            .data = {text, (size_t)len}};
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (bl_is_error(bl_bus_publish(worker->bus, &message, &diag))) {
        return; /* not connected: that is heard, too */
    }
}

static void tell(struct worker *worker) {
    if (worker->options->on_progress != NULL) {
        worker->options->on_progress(worker->options->user, worker->done, worker->failed,
                                     worker->under_way);
    }
}

static void on_second(void *user) {
    struct worker *worker = user;

    if (worker->seconds++ % HEARTBEAT_S == 0) {
        heartbeat(worker);
    }
    tell(worker);
}

static void on_state(void *user, enum bl_bus_state state, struct bl_str reason) {
    struct worker *worker = user;

    if (state == BL_BUS_CONNECTED && !worker->is_stopping) {
        bl_pull_connect(worker->pull);
    } else if (state == BL_BUS_CLOSED) {
        bl_loop_stop(worker->loop);
    } else if (!bl_str_is_blank(reason)) {
        fprintf(stderr, "beamline worker: %.*s\n", BL_STR_ARG(reason));
    }
}

static void on_signal(void *user, int signal_number) {
    struct worker *worker = user;

    if (worker->is_stopping) {
        _exit(128 + signal_number);
    }
    worker->is_stopping = true;
    bl_pull_stop(worker->pull);
    bl_bus_close(worker->bus, STOP_MS); /* waits for the messages that jobs hold */
}

static bl_result set_up(struct worker *worker, struct bl_diag *diag) {
    static const int signals[] = {SIGTERM, SIGINT};
    static const struct bl_bus_callbacks callbacks = {on_state, NULL, NULL};
    static const struct bl_pull_events events = {on_delivery, on_consumer, NULL};
    const struct bl_reference_worker_options *options = worker->options;
    const struct bl_pull_config pull = {
        .stream = options->stream,
        .durable = options->durable,
        .filter = options->filter,
        .batch = options->capacity / 2 > 0 ? options->capacity / 2 : 1,
        .ack_wait_ms = ACK_WAIT_MS + options->delay_ms,
        .ack_pending = options->capacity * 16,
    };

    bl_arena_init(&worker->arena, ARENA_CHUNK_BYTES, ARENA_MAX_BYTES);
    worker->out = malloc(OUT_BYTES);
    worker->random = bl_clock_monotonic_ns() | 1;
    if (worker->out == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    BL_TRY(bl_loop_create(64, &worker->loop, diag));
    for (size_t i = 0; i < 2; i++) {
        BL_TRY(bl_signal_watch_create(worker->loop, signals[i], on_signal, worker,
                                      &worker->signals[i], diag));
    }
    BL_TRY(bl_timer_create(worker->loop, on_second, worker, &worker->second));
    BL_TRY(bl_bus_create(worker->loop, &options->bus, &callbacks, worker, &worker->bus, diag));
    BL_TRY(bl_jetstream_create(worker->bus, &worker->jetstream));
    return bl_pull_create(worker->jetstream, &pull, &events, worker, &worker->pull, diag);
}

static void tear_down(struct worker *worker) {
    if (worker->bus != NULL) {
        bl_bus_close(worker->bus, 0);
        while (bl_bus_current_state(worker->bus) != BL_BUS_CLOSED) {
            bl_loop_run(worker->loop);
        }
    }
    bl_pull_destroy(worker->pull);
    bl_jetstream_destroy(worker->jetstream);
    bl_timer_destroy(worker->second);
    for (size_t i = 0; i < 2; i++) {
        bl_signal_watch_destroy(worker->signals[i]);
    }
    bl_bus_destroy(worker->bus);
    if (worker->loop != NULL) {
        bl_loop_destroy(worker->loop);
    }
    bl_arena_fini(&worker->arena);
    free(worker->out);
    bl_bus_library_close();
}

bl_result bl_reference_worker_run(const struct bl_reference_worker_options *options,
                                  struct bl_diag *diag) {
    struct worker worker = {.options = options};
    bl_result result = set_up(&worker, diag);

    if (bl_is_ok(result)) {
        bl_timer_start(worker.second, 1000, 1000);
        while (bl_bus_current_state(worker.bus) != BL_BUS_CLOSED) {
            bl_loop_run(worker.loop);
        }
        tell(&worker);
    }
    tear_down(&worker);
    return result;
}
