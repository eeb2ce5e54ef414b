/*
 * Requests over one wildcard inbox: `<prefix>.<unguessable>.<token in 16 hex digits>`. The inbox
 * stays the same over reconnects, so a reply that comes after one still finds its request.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/publish.h"
#include "net/clock.h"

#define TOKEN_DIGITS 16U
#define MARKERS ((1U << BL_REQUEST_SLOT_BITS) - 1U)

/*
 * After a request was given up nobody knows how many of the counted "nobody listens" were its own,
 * nor whether one is still to come. The server answers in order; so a marker to the own inbox says,
 * when it is back, that all there was to be told of what went before has been told. Counting begins
 * anew with what is sent after it. Should the marker be lost, deadlines still end every request.
 */
static void begin_counting(struct bl_bus *bus) {
    char subject[BL_BUS_INBOX_MAX + TOKEN_DIGITS + 1];
    struct bl_diag diag;
    bl_bus_carry_requests(bus);
    bus->marker = bus->marker % MARKERS + 1; /* no token of a request is as small */
    int len = snprintf(subject, sizeof(subject), "%s%016" PRIx64, bus->inbox_prefix, bus->marker);
    const struct bl_bus_outgoing message = {.subject = {subject, (size_t)len}};
    bl_diag_clear(&diag);
    /* Without a connection there is nothing to wait for: the next one counts from its start. */
    bus->marker_awaited = bl_is_ok(bl_bus_publish(bus, &message, &diag)) ? bus->marker : 0;
}

static void set_timer(struct bl_bus *bus) {
    uint64_t next_ns = bl_request_table_next_deadline(bus->requests);
    if (next_ns >= bus->request_timer_ns) {
        return; /* it looks again when it fires */
    }
    uint64_t now_ns = bl_clock_monotonic_ns();
    uint64_t delay_ms = next_ns > now_ns ? (next_ns - now_ns) / 1000000U + 1 : 0;
    bus->request_timer_ns = next_ns;
    bl_timer_start(bus->request_timer, delay_ms, 0);
}

static void on_timer(void *user) {
    struct bl_bus *bus = user;
    struct bl_request request;
    uint64_t now_ns = bl_clock_monotonic_ns();
    uint64_t expired = bus->stats.requests_expired;
    bus->request_timer_ns = UINT64_MAX;
    while (bl_request_table_expire(bus->requests, now_ns, &request)) {
        if (bus->stats.requests_expired++ == expired) {
            begin_counting(bus); /* before the calls, which may send more */
        }
        request.on_reply(request.user, BL_FAIL(DEADLINE_EXCEEDED), NULL);
    }
    set_timer(bus);
}

static bool token_of(const struct bl_bus *bus, struct bl_str subject, uint64_t *token) {
    if (subject.len != bus->inbox_prefix_len + TOKEN_DIGITS) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = bus->inbox_prefix_len; i < subject.len; i++) {
        char digit = subject.data[i];
        if (digit >= '0' && digit <= '9') {
            value = value << 4 | (uint64_t)(digit - '0');
        } else if (digit >= 'a' && digit <= 'f') {
            value = value << 4 | (uint64_t)(digit - 'a' + 10);
        } else {
            return false;
        }
    }
    *token = value;
    return true;
}

static void on_reply(void *user, struct bl_bus_message *message) {
    struct bl_bus *bus = user;
    struct bl_request request;
    uint64_t token = 0;
    bool is_ours = token_of(bus, message->content.subject, &token);
    if (is_ours && token != 0 && token == bus->marker_awaited) {
        bus->marker_awaited = 0;
        return;
    }
    if (!is_ours || !bl_request_table_take(bus->requests, token, &request)) {
        bus->stats.replies_unknown++;
        return;
    }
    /* Tokens grow: an earlier one was sent over an earlier connection. */
    if (bus->first_token != 0 &&
        token >> BL_REQUEST_SLOT_BITS >= bus->first_token >> BL_REQUEST_SLOT_BITS) {
        bus->unanswered--;
    }
    request.on_reply(request.user, BL_OK, message);
}

/* Takes all requests out before the first call, so that what the calls add is not among them.
 * Without memory for that they end by their deadlines. */
static void fail_present_requests(struct bl_bus *bus) {
    size_t count = bl_request_table_count(bus->requests);
    struct bl_request *present = count > 0 ? calloc(count, sizeof(*present)) : NULL;
    if (present == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        (void)bl_request_table_expire(bus->requests, UINT64_MAX, &present[i]);
    }
    for (size_t i = 0; i < count; i++) {
        present[i].on_reply(present[i].user, BL_FAIL(UNAVAILABLE), NULL);
    }
    free(present);
}

/* libnats tells that some request found nobody, not which one. When as many were told as are
 * unanswered, it is all of them. Requests that came over from an earlier connection may still be
 * answered; with such in the table nothing can be said. */
void bl_bus_no_responders(struct bl_bus *bus) {
    if (bus->marker_awaited != 0) {
        return; /* of a request that was sent before the marker */
    }
    bus->nobody_told++;
    if (bus->nobody_told == bus->unanswered && !bus->has_carried) {
        bus->nobody_told = 0;
        bus->unanswered = 0;
        fail_present_requests(bus);
    }
}

void bl_bus_carry_requests(struct bl_bus *bus) {
    bus->has_carried = bl_request_table_count(bus->requests) > 0;
    bus->first_token = 0;
    bus->marker_awaited = 0;
    bus->nobody_told = 0;
    bus->unanswered = 0;
}

bl_result bl_bus_requests_init(struct bl_bus *bus, struct bl_diag *diag) {
    natsInbox *inbox = NULL;
    bus->request_timer_ns = UINT64_MAX;
    if (bl_is_error(bl_request_table_create(bus->config.requests_max, &bus->requests)) ||
        bl_is_error(bl_timer_create(bus->loop, on_timer, bus, &bus->request_timer)) ||
        natsInbox_Create(&inbox) != NATS_OK) {
        bl_diag_message(diag, "no memory for requests over the bus");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    const char *dot = strrchr((const char *)inbox, '.');
    int len = snprintf(bus->inbox_prefix, sizeof(bus->inbox_prefix), "%s%s.",
                       bus->config.inbox_prefix, dot != NULL ? dot : ".");
    bus->inbox_prefix_len = (size_t)len;
    natsInbox_Destroy(inbox);

    char subject[BL_BUS_INBOX_MAX + 2];
    snprintf(subject, sizeof(subject), "%s*", bus->inbox_prefix);
    struct bl_bus_subscription_config config = {
        .subject = subject, .pending_limit_messages = INT32_MAX, .pending_limit_bytes = INT32_MAX};
    BL_TRY(bl_bus_subscribe(bus, &config, on_reply, bus, &bus->inbox, diag));
    bus->inbox->is_inbox = true;
    return BL_OK;
}

void bl_bus_requests_fini(struct bl_bus *bus) {
    bl_request_table_destroy(bus->requests);
    bl_timer_destroy(bus->request_timer);
}

/* When closing: no request can be added any more. */
void bl_bus_fail_requests(struct bl_bus *bus) {
    struct bl_request request;
    while (bl_request_table_expire(bus->requests, UINT64_MAX, &request)) {
        request.on_reply(request.user, BL_FAIL(UNAVAILABLE), NULL);
    }
}

bl_result bl_bus_request(struct bl_bus *bus, const struct bl_bus_outgoing *message,
                         uint32_t timeout_ms, bl_bus_reply_fn on_reply_fn, void *user,
                         uint64_t *out_id, struct bl_diag *diag) {
    if (bus->close_phase >= BL_BUS_CLOSE_CLOSING) {
        bl_diag_message(diag, "the bus is closing");
        return BL_FAIL(UNAVAILABLE);
    }
    uint64_t token = 0;
    bus->has_carried = bus->has_carried && bl_request_table_count(bus->requests) > 0;
    uint64_t deadline_ns = bl_clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000U;
    struct bl_request request = {on_reply_fn, user};
    bl_result added = bl_request_table_add(bus->requests, deadline_ns, request, &token);
    if (bl_is_error(added)) {
        bl_diag_message(diag, "%u requests are in flight, the most that are allowed",
                        bus->config.requests_max);
        return added;
    }
    char reply[BL_BUS_INBOX_MAX + TOKEN_DIGITS + 1];
    int len = snprintf(reply, sizeof(reply), "%s%016" PRIx64, bus->inbox_prefix, token);
    bl_result sent = bl_bus_publish_as(bus, message, (struct bl_str){reply, (size_t)len}, diag);
    if (bl_is_error(sent)) {
        (void)bl_request_table_take(bus->requests, token, &request);
        return sent;
    }
    bus->first_token = bus->first_token != 0 ? bus->first_token : token;
    bus->unanswered++;
    set_timer(bus);
    if (out_id != NULL) {
        *out_id = token;
    }
    return BL_OK;
}

bool bl_bus_request_cancel(struct bl_bus *bus, uint64_t id) {
    struct bl_request request;
    bool was_there = bl_request_table_take(bus->requests, id, &request);
    if (was_there) {
        begin_counting(bus);
    }
    return was_there;
}
