/*
 * Pull consumers.
 *
 * Two batches are asked for at a time, so that the next one is on its way while the first is worked
 * on. `wanted` counts what was asked for and has not come; the broker says how much of a request it
 * will not serve (status 408 or 409), and a request that it forgot is asked again by a timer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus_private.h"
#include "bus/jetstream_private.h"
#include "net/clock.h"
#include "net/timer.h"

#define EXPIRES_MS 5000U
#define LOOK_MS 1000U
#define FORGOTTEN_MS (EXPIRES_MS + 2000U)
#define INACTIVE_NS UINT64_C(60000000000) /* after which the broker forgets a reader */
#define NAME_BYTES 24

struct bl_pull {
    struct bl_jetstream *jetstream;
    struct bl_pull_config config;
    struct bl_pull_events events;
    void *user;
    struct bl_timer *timer;
    char inbox[BL_BUS_INBOX_MAX + 32];
    char name[NAME_BYTES]; /* of a reader; drawn anew for each consumer */
    uint64_t wanted;
    uint64_t heard_ms;  /* when something came last */
    uint64_t sequence;  /* of the stream, handed over last; readers go on behind it */
    uint64_t caught_up; /* a reader: messages that were there before it began; 0 = told */
    bool is_there;
    bool is_asked; /* the consumer */
    bool has_stopped;
};

static uint64_t now_ms(void) {
    return bl_clock_monotonic_ns() / 1000000;
}

static const char *consumer_of(const struct bl_pull *pull) {
    return pull->config.durable != NULL ? pull->config.durable : pull->name;
}

/* --- asking ---------------------------------------------------------------------------------- */

static void ask(struct bl_pull *pull) {
    char api[2 * BL_STREAM_NAME_MAX + 32];
    char body[96];
    struct bl_diag diag;

    while (pull->is_there && !pull->has_stopped && pull->wanted <= pull->config.batch) {
        int len = snprintf(body, sizeof(body), "{\"batch\":%u,\"expires\":%u000000}",
                           pull->config.batch, EXPIRES_MS);
        const struct bl_bus_outgoing request = {
            .subject = bl_jetstream_subject(api, sizeof(api), "CONSUMER.MSG.NEXT",
                                            pull->config.stream, consumer_of(pull)),
            .reply = bl_str_from_c(pull->inbox),
            .data = {body, (size_t)len}};
        bl_diag_clear(&diag);
        if (bl_is_error(bl_bus_publish(pull->jetstream->bus, &request, &diag))) {
            return; /* the next connection asks */
        }
        pull->wanted += pull->config.batch;
    }
}

static void on_timer(void *user) {
    struct bl_pull *pull = user;

    if (pull->is_there && now_ms() - pull->heard_ms > FORGOTTEN_MS) {
        pull->heard_ms = now_ms();
        pull->wanted = 0;
        ask(pull);
    }
    if (!pull->is_there && !pull->has_stopped) {
        bl_pull_connect(pull);
    }
}

/* --- the consumer ---------------------------------------------------------------------------- */

static void tell_if_caught_up(struct bl_pull *pull, uint64_t pending) {
    if (pull->caught_up != 0 && pending == 0) {
        pull->caught_up = 0;
        if (pull->events.on_caught_up != NULL) {
            pull->events.on_caught_up(pull->user);
        }
    }
}

static void on_consumer(void *user, const struct bl_jetstream_answer *answer) {
    struct bl_pull *pull = user;
    int64_t pending = 0;

    pull->is_asked = false;
    pull->is_there = bl_is_ok(answer->result);
    pull->wanted = 0;
    pull->heard_ms = now_ms();
    pull->events.on_state(pull->user, answer->result, pull->is_there ? BL_STR("") : answer->error);
    if (pull->is_there) {
        (void)bl_json_int64(bl_json_get(answer->body, BL_STR("num_pending")), &pending);
        ask(pull);
        tell_if_caught_up(pull, (uint64_t)pending);
    }
}

static void write_reader(const struct bl_pull *pull, struct bl_json_writer *writer) {
    bl_json_write_member(writer, BL_STR("name"), bl_str_from_c(pull->name));
    bl_json_write_member(writer, BL_STR("ack_policy"), BL_STR("none"));
    bl_json_write_key(writer, BL_STR("mem_storage"));
    bl_json_write_bool(writer, true);
    bl_json_write_key(writer, BL_STR("inactive_threshold"));
    bl_json_write_uint64(writer, INACTIVE_NS);
    if (pull->sequence == 0) {
        bl_json_write_member(writer, BL_STR("deliver_policy"), BL_STR("last_per_subject"));
        return;
    }
    bl_json_write_member(writer, BL_STR("deliver_policy"), BL_STR("by_start_sequence"));
    bl_json_write_key(writer, BL_STR("opt_start_seq"));
    bl_json_write_uint64(writer, pull->sequence + 1);
}

static void write_durable(const struct bl_pull *pull, struct bl_json_writer *writer) {
    bl_json_write_member(writer, BL_STR("durable_name"), bl_str_from_c(pull->config.durable));
    bl_json_write_member(writer, BL_STR("ack_policy"), BL_STR("explicit"));
    bl_json_write_member(writer, BL_STR("deliver_policy"), BL_STR("all"));
    bl_json_write_key(writer, BL_STR("ack_wait"));
    bl_json_write_uint64(writer, (uint64_t)pull->config.ack_wait_ms * 1000000);
    bl_json_write_key(writer, BL_STR("max_ack_pending"));
    bl_json_write_uint64(writer, pull->config.ack_pending);
    bl_json_write_key(writer, BL_STR("max_deliver"));
    bl_json_write_int64(writer, -1); /* the bound is ours: bus/jetstream.h */
}

static void write_consumer(const struct bl_pull *pull, struct bl_buf *body) {
    struct bl_json_writer writer;

    bl_json_writer_init(&writer, body);
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("stream_name"), bl_str_from_c(pull->config.stream));
    bl_json_write_key(&writer, BL_STR("config"));
    bl_json_write_object_begin(&writer);
    if (pull->config.durable != NULL) {
        write_durable(pull, &writer);
    } else {
        write_reader(pull, &writer);
    }
    if (pull->config.filter != NULL) {
        bl_json_write_member(&writer, BL_STR("filter_subject"), bl_str_from_c(pull->config.filter));
    }
    bl_json_write_object_end(&writer);
    bl_json_write_object_end(&writer);
}

void bl_pull_connect(struct bl_pull *pull) {
    char api[2 * BL_STREAM_NAME_MAX + 32];
    char storage[2 * BL_BUS_SUBJECT_MAX + 1024];
    struct bl_diag diag;
    struct bl_buf body;

    if (pull->is_asked || pull->has_stopped) {
        return;
    }
    pull->is_there = false;
    if (pull->config.durable == NULL) {
        (void)snprintf(pull->name, sizeof(pull->name), "reader-%" PRIx64, bl_clock_monotonic_ns());
    }
    bl_buf_init(&body, storage, sizeof(storage));
    write_consumer(pull, &body);
    const char *verb = pull->config.durable != NULL ? "CONSUMER.DURABLE.CREATE" : "CONSUMER.CREATE";
    const struct bl_bus_outgoing request = {
        .subject =
            bl_jetstream_subject(api, sizeof(api), verb, pull->config.stream, consumer_of(pull)),
        .data = bl_buf_view(&body)};
    bl_diag_clear(&diag);
    pull->is_asked = bl_is_ok(bl_jetstream_call(pull->jetstream, &request, BL_JETSTREAM_TIMEOUT_MS,
                                                on_consumer, pull, &diag));
}

/* --- deliveries ------------------------------------------------------------------------------ */

/* $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>; newer
 * servers put domain and account before the stream, and a token at the end. */
static bool read_origin(struct bl_str reply, struct bl_delivery *delivery) {
    uint64_t numbers[16] = {0};
    unsigned tokens = 0;
    bool begins = true;

    for (size_t i = 0; i < reply.len && tokens < 16; i++) {
        char c = reply.data[i];
        if (c == '.') {
            tokens++;
            begins = true;
            continue;
        }
        numbers[tokens] = begins ? 0 : numbers[tokens];
        begins = false;
        if (c >= '0' && c <= '9') {
            numbers[tokens] = numbers[tokens] * 10 + (uint64_t)(c - '0');
        }
    }
    unsigned first = tokens == 8 ? 4 : tokens >= 10 ? 6 : 0;
    if (first == 0 || reply.len < 8 || memcmp(reply.data, "$JS.ACK.", 8) != 0) {
        return false;
    }
    delivery->deliveries = numbers[first];
    delivery->sequence = numbers[first + 1];
    delivery->stored_ms = (int64_t)(numbers[first + 3] / 1000000);
    delivery->pending = numbers[first + 4];
    return true;
}

/* What the broker will not send of a request; and, where the consumer is gone, that. */
static void on_status(struct bl_pull *pull, const struct bl_bus_message *message) {
    struct bl_str pending = bl_headers_get(&message->content.headers, "Nats-Pending-Messages");
    struct bl_str status = bl_headers_get(&message->content.headers, "Status");
    uint64_t left = pull->wanted;

    if (!bl_str_is_blank(pending)) {
        left = 0;
        for (size_t i = 0; i < pending.len && pending.data[i] >= '0' && pending.data[i] <= '9';
             i++) {
            left = left * 10 + (uint64_t)(pending.data[i] - '0');
        }
    }
    pull->wanted -= left < pull->wanted ? left : pull->wanted;
    if (bl_str_equal_c(status, "409") || bl_str_equal_c(status, "404")) {
        pull->is_there = false; /* deleted, or its leader went: the timer asks for it */
        return;
    }
    ask(pull);
}

static void on_message(void *user, struct bl_bus_message *message) {
    struct bl_pull *pull = user;
    struct bl_delivery delivery = {.message = message};

    pull->heard_ms = now_ms();
    if (!read_origin(message->reply, &delivery)) {
        on_status(pull, message);
        return;
    }
    pull->wanted -= pull->wanted > 0 ? 1 : 0;
    pull->sequence = delivery.sequence;
    pull->events.on_delivery(pull->user, &delivery);
    tell_if_caught_up(pull, delivery.pending);
    ask(pull);
}

void bl_delivery_settle(struct bl_pull *pull, const struct bl_bus_message *message,
                        enum bl_delivery_end end, uint32_t delay_ms) {
    static const char *const words[] = {"+ACK", "-NAK", "+TERM", "+WPI"};
    struct bl_bus_outgoing outgoing = {.subject = message->reply,
                                       .data = bl_str_from_c(words[end])};
    char body[64];
    struct bl_diag diag;

    if (end == BL_DELIVERY_NAK && delay_ms > 0) {
        int len = snprintf(body, sizeof(body), "-NAK {\"delay\": %" PRIu64 "}",
                           (uint64_t)delay_ms * 1000000);
        outgoing.data = (struct bl_str){body, (size_t)len};
    }
    bl_diag_clear(&diag);
    if (bl_is_error(bl_bus_publish(pull->jetstream->bus, &outgoing, &diag))) {
        return; /* not connected: it comes again */
    }
}

/* --- life ------------------------------------------------------------------------------------ */

bl_result bl_pull_create(struct bl_jetstream *jetstream, const struct bl_pull_config *config,
                         const struct bl_pull_events *events, void *user, struct bl_pull **out,
                         struct bl_diag *diag) {
    struct bl_pull *pull = calloc(1, sizeof(*pull));

    if (pull == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    *pull = (struct bl_pull){.jetstream = jetstream,
                             .config = *config,
                             .events = *events,
                             .user = user,
                             .caught_up = config->durable == NULL ? 1 : 0};
    /* Two tokens behind the prefix: the inbox of requests takes one. */
    (void)snprintf(pull->inbox, sizeof(pull->inbox), "%spull.%u", jetstream->bus->inbox_prefix,
                   ++jetstream->pulls);
    const struct bl_bus_subscription_config subscription = {.subject = pull->inbox,
                                                            .pending_limit_messages = INT32_MAX,
                                                            .pending_limit_bytes = INT32_MAX};
    bl_result result = bl_timer_create(jetstream->bus->loop, on_timer, pull, &pull->timer);
    if (bl_is_ok(result)) {
        result = bl_bus_subscribe(jetstream->bus, &subscription, on_message, pull, NULL, diag);
    }
    if (bl_is_error(result)) {
        bl_pull_destroy(pull);
        return result;
    }
    bl_timer_start(pull->timer, LOOK_MS, LOOK_MS);
    *out = pull;
    return BL_OK;
}

void bl_pull_stop(struct bl_pull *pull) {
    pull->has_stopped = true;
}

void bl_pull_destroy(struct bl_pull *pull) {
    if (pull == NULL) {
        return;
    }
    bl_timer_destroy(pull->timer);
    free(pull);
}
