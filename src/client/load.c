#include "client/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "client/link.h"
#include "net/clock.h"
#include "net/fine_timer.h"

#define TICK_US 100 /* how finely an open loop paces: bursts of rate × 100 µs */
#define CONNECT_MS 5000
#define REQUEST_BYTES_MAX (1024 * 1024)

struct run;

/* A request in flight, or a free slot. */
struct slot {
    struct run *run;
    uint64_t due_ns; /* when it should have left */
    bool counted;    /* after the warm-up */
    struct slot *next_free;
};

struct run {
    const struct bl_load_config *config;
    struct bl_load_result *result;
    struct bl_link link;
    struct bl_fine_timer *pacer;
    struct bl_timer *second;
    struct slot *slots;
    struct slot *free_slots;
    uint32_t in_flight;
    uint64_t sent; /* since the begin, for pacing and for ids */
    uint64_t began_ns, counted_from_ns, ends_ns;
    bool draining;
    struct bl_buf request;
    char *padding;
    size_t padding_len;
};

static void stop_if_drained(struct run *run) {
    if (run->draining && run->in_flight == 0) {
        bl_loop_stop(run->link.loop);
    }
}

static void write_request(struct run *run) {
    const struct bl_load_config *config = run->config;
    struct bl_buf *buf = &run->request;

    bl_buf_reset(buf);
    bl_buf_literal(buf, "{\"version\":\"1\",\"request_id\":\"load-");
    bl_buf_u64(buf, run->sent);
    bl_buf_literal(buf, "\",\"tenant_id\":\"");
    bl_buf_str(buf, config->tenant_id);
    bl_buf_literal(buf, "\",\"task\":{\"type\":\"text.generate\",\"payload\":{\"prompt\":\"");
    bl_buf_bytes(buf, run->padding, run->padding_len);
    bl_buf_literal(buf, "\",\"max_tokens\":256}},\"constraints\":{\"max_latency_ms\":5000},"
                        "\"metadata\":{\"tier\":\"silver\",\"region\":\"us\"}");
    if (config->sessions > 0) {
        bl_buf_literal(buf, ",\"context\":{\"user_id\":\"u-");
        bl_buf_u64(buf, run->sent % config->sessions);
        bl_buf_literal(buf, "\"}");
    }
    if (config->pushes) {
        bl_buf_literal(buf, ",\"push_assignment\":true");
    }
    bl_buf_char(buf, '}');
}

/* Pads the prompt so that the first request has the wanted size; later ones differ by the digits
 * of their ids. */
static bool size_requests(struct run *run) {
    size_t wanted = run->config->request_bytes;
    char *storage = malloc(wanted + 1024);

    run->padding = malloc(wanted + 1);
    if (storage == NULL || run->padding == NULL) {
        free(storage);
        return false;
    }
    bl_buf_init(&run->request, storage, wanted + 1024);
    write_request(run);
    run->padding_len = wanted > run->request.len ? wanted - run->request.len : 0;
    memset(run->padding, 'x', run->padding_len);
    return true;
}

static void note_error(struct bl_load_result *result, struct bl_str reply) {
    result->errors++;
    if (result->first_error[0] == '\0') {
        (void)snprintf(result->first_error, sizeof(result->first_error), "%.*s",
                       (int)(reply.len < 200 ? reply.len : 200), reply.data);
    }
}

static void send_one(struct run *run, uint64_t due_ns, uint64_t now_ns);

static void on_reply(void *user, bl_result status, struct bl_bus_message *reply) {
    struct slot *slot = user;
    struct run *run = slot->run;
    struct bl_load_result *result = run->result;
    uint64_t now_ns = bl_clock_monotonic_ns();

    if (slot->counted) {
        if (bl_is_error(status)) {
            result->timeouts++;
        } else {
            result->answered++;
            bl_histogram_record(&result->latency_ns, now_ns - slot->due_ns);
            if (bl_str_starts_with(reply->content.data, BL_STR("{\"ok\":true"))) {
                result->ok++;
            } else {
                note_error(result, reply->content.data);
            }
        }
    }
    slot->next_free = run->free_slots;
    run->free_slots = slot;
    run->in_flight--;
    if (run->config->rate == 0 && now_ns < run->ends_ns) {
        send_one(run, now_ns, now_ns);
    }
    stop_if_drained(run);
}

/* Sends the request that was due at `due_ns`, or counts it as unsent. */
static void send_one(struct run *run, uint64_t due_ns, uint64_t now_ns) {
    struct bl_load_result *result = run->result;
    bool counted = due_ns >= run->counted_from_ns;
    struct slot *slot = run->free_slots;
    struct bl_diag diag;

    write_request(run);
    run->sent++;
    if (counted) {
        result->offered++;
    }
    const struct bl_bus_outgoing outgoing = {.subject = run->config->subject,
                                             .data = bl_buf_view(&run->request)};
    if (slot == NULL ||
        bl_is_error(bl_bus_request(run->link.bus, &outgoing, run->config->timeout_ms, on_reply,
                                   slot, NULL, &diag))) {
        result->unsent += counted ? 1 : 0;
        return;
    }
    run->free_slots = slot->next_free;
    run->in_flight++;
    slot->due_ns = due_ns;
    slot->counted = counted;
    if (counted && run->config->rate > 0) {
        bl_histogram_record(&result->lag_ns, now_ns - due_ns);
    }
}

/* Open loop: sends all that is due. Closed loop: sends again what could not be sent. */
static void on_tick(void *user) {
    struct run *run = user;
    uint64_t now_ns = bl_clock_monotonic_ns();

    if (run->draining) {
        return;
    }
    if (run->config->rate > 0) {
        uint64_t until_ns = now_ns < run->ends_ns ? now_ns : run->ends_ns;
        for (;;) {
            uint64_t due_ns = run->began_ns + run->sent * UINT64_C(1000000000) / run->config->rate;
            if (due_ns >= until_ns) {
                break;
            }
            send_one(run, due_ns, now_ns);
        }
    } else if (now_ns < run->ends_ns) {
        for (uint32_t i = run->in_flight; i < run->config->outstanding; i++) {
            send_one(run, now_ns, now_ns);
        }
    }
    if (now_ns >= run->ends_ns) {
        run->draining = true;
        stop_if_drained(run);
    }
}

static void on_second(void *user) {
    struct run *run = user;
    uint64_t now_ns = bl_clock_monotonic_ns();

    if (run->config->on_progress != NULL && now_ns < run->ends_ns) {
        run->result->seconds =
            now_ns > run->counted_from_ns ? (double)(now_ns - run->counted_from_ns) / 1e9 : 0.0;
        run->config->on_progress(run->config->user, run->result,
                                 (uint32_t)((now_ns - run->began_ns) / 1000000));
    }
}

static bl_result prepare(struct run *run, struct bl_diag *diag) {
    uint32_t count = run->config->outstanding;

    run->slots = calloc(count, sizeof(*run->slots));
    if (run->slots == NULL || !size_requests(run)) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (uint32_t i = 0; i < count; i++) {
        run->slots[i].run = run;
        run->slots[i].next_free = run->free_slots;
        run->free_slots = &run->slots[i];
    }
    return bl_timer_create(run->link.loop, on_second, run, &run->second);
}

static bl_result drive(struct run *run) {
    const struct bl_load_config *config = run->config;

    run->began_ns = bl_clock_monotonic_ns();
    run->counted_from_ns = run->began_ns + (uint64_t)config->warmup_ms * 1000000;
    run->ends_ns = run->counted_from_ns + (uint64_t)config->duration_ms * 1000000;
    BL_TRY(bl_fine_timer_start(run->link.loop, config->rate > 0 ? TICK_US : 1000, on_tick, run,
                               &run->pacer));
    bl_timer_start(run->second, 1000, 1000);
    bl_loop_run(run->link.loop);
    bl_timer_stop(run->second);
    bl_fine_timer_stop(run->pacer);
    run->result->seconds = (double)config->duration_ms / 1e3;
    return BL_OK;
}

static bl_result check(const struct bl_load_config *config, struct bl_diag *diag) {
    if (config->outstanding < 1 || config->outstanding > BL_LOAD_OUTSTANDING_MAX) {
        bl_diag_message(diag, "outstanding must be 1 to %d", BL_LOAD_OUTSTANDING_MAX);
        return BL_FAIL(INVALID_REQUEST);
    }
    if (config->duration_ms < 1 || config->request_bytes > REQUEST_BYTES_MAX) {
        bl_diag_message(diag, "the duration must be positive, a request at most %d bytes",
                        REQUEST_BYTES_MAX);
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

bl_result bl_load_run(const struct bl_load_config *config, struct bl_load_result *result,
                      struct bl_diag *diag) {
    struct run run = {.config = config, .result = result};

    BL_TRY(check(config, diag));
    memset(result, 0, sizeof(*result));
    bl_histogram_init(&result->latency_ns);
    bl_histogram_init(&result->lag_ns);
    BL_TRY(bl_link_open(&run.link, &config->target, CONNECT_MS, config->outstanding + 1, diag));
    bl_result status = prepare(&run, diag);
    if (bl_is_ok(status)) {
        status = drive(&run);
    }
    bl_timer_destroy(run.second);
    bl_link_close(&run.link);
    bl_bus_library_close();
    free(run.request.data);
    free(run.padding);
    free(run.slots);
    if (bl_is_ok(status) && result->answered == 0) {
        bl_diag_message(diag, "none of %" PRIu64 " requests on %.*s was answered", result->offered,
                        BL_STR_ARG(config->subject));
        bl_diag_hint(diag, "start a router: beamline serve, or beamline dev to try it");
        return BL_FAIL(UNAVAILABLE);
    }
    return status;
}
