#include <stdlib.h>

#include "bus/bus_private.h"
#include "bus/subject.h"

#define DEFAULT_HIGH_WATER_MESSAGES 8192U
#define DEFAULT_HIGH_WATER_BYTES (32U << 20)

/* Reading pauses at twice the high-water mark, and one read of 256 KiB brings at most 20 000 of the
 * smallest messages. Default limits above both are never reached. */
#define LIMIT_MESSAGES_MORE 32768U
#define LIMIT_BYTES_MORE (128U << 20) /* a server takes payloads of at most 64 MiB */
#define LIMIT_FACTOR 4U

static int limit_of(uint32_t limit, uint32_t high_water, uint32_t more) {
    uint64_t value = limit != 0 ? limit : (uint64_t)high_water * LIMIT_FACTOR + more;
    return value > INT32_MAX ? INT32_MAX : (int)value;
}

/* Subscribes over the present connection. A failure is reported, not returned: it can only be a
 * connection that just closed, and the next one subscribes again. */
static void attach(struct bl_bus_subscription *subscription) {
    natsConnection *handle = bl_connection_handle(subscription->bus->connection);
    natsSubscription *native = NULL;
    natsStatus status = subscription->queue_group != NULL
                            ? natsConnection_QueueSubscribeSync(
                                  &native, handle, subscription->subject, subscription->queue_group)
                            : natsConnection_SubscribeSync(&native, handle, subscription->subject);
    if (status == NATS_OK) {
        status = natsSubscription_SetPendingLimits(native, subscription->limit_messages,
                                                   subscription->limit_bytes);
    }
    if (status != NATS_OK) {
        bl_bus_report(subscription->bus, "cannot subscribe to '%s': %s", subscription->subject,
                      natsStatus_GetText(status));
        natsSubscription_Destroy(native);
        return;
    }
    subscription->native = native;
}

static void count_dropped(struct bl_bus_subscription *subscription) {
    int64_t dropped = 0;
    if (subscription->native == NULL ||
        natsSubscription_GetDropped(subscription->native, &dropped) != NATS_OK ||
        dropped <= subscription->dropped) {
        return;
    }
    int64_t more = dropped - subscription->dropped;
    subscription->dropped = dropped;
    subscription->bus->stats.messages_dropped += (uint64_t)more;
    bl_bus_report(subscription->bus,
                  "dropped %lld messages on '%s': more than %d messages or %d bytes were waiting",
                  (long long)more, subscription->subject, subscription->limit_messages,
                  subscription->limit_bytes);
}

static void detach(struct bl_bus_subscription *subscription) {
    subscription->bus->stats.messages_lost += subscription->backlog;
    subscription->backlog = 0;
    subscription->is_congested = false;
    subscription->is_refused = false;
    subscription->dropped = 0;
    natsSubscription_Destroy(subscription->native);
    subscription->native = NULL;
}

void bl_bus_attach_subscriptions(struct bl_bus *bus) {
    for (struct bl_bus_subscription *at = bus->first; at != NULL; at = at->next) {
        attach(at);
    }
}

void bl_bus_detach_subscriptions(struct bl_bus *bus) {
    for (struct bl_bus_subscription *at = bus->first; at != NULL; at = at->next) {
        detach(at);
    }
}

void bl_bus_count_dropped(struct bl_bus *bus) {
    for (struct bl_bus_subscription *at = bus->first; at != NULL; at = at->next) {
        count_dropped(at);
    }
}

/* The inbox stays: replies are still wanted, also by what is being worked on. */
void bl_bus_start_draining(struct bl_bus *bus, uint32_t timeout_ms) {
    for (struct bl_bus_subscription *at = bus->first; at != NULL; at = at->next) {
        if (!at->is_inbox && at->native != NULL) {
            (void)natsSubscription_DrainTimeout(at->native, timeout_ms > 0 ? timeout_ms : 1);
        }
    }
}

bool bl_bus_is_drained(const struct bl_bus *bus) {
    for (const struct bl_bus_subscription *at = bus->first; at != NULL; at = at->next) {
        /* The state that is illegal to ask in is "not complete yet". */
        if (!at->is_inbox && at->native != NULL &&
            natsSubscription_DrainCompletionStatus(at->native) == NATS_ILLEGAL_STATE) {
            return false;
        }
    }
    return bus->stats.messages_held == 0;
}

/* Whether `text` is the server's refusal of a subscription of ours; then its owner is told. The
 * server names the subject in quotes, before what else it says. */
bool bl_bus_tell_refused(struct bl_bus *bus, struct bl_str text) {
    static const char words[] = "Permissions Violation for Subscription to \"";
    const char *found = memmem(text.data, text.len, words, sizeof(words) - 1);
    if (found == NULL || bus->callbacks.on_refused == NULL) {
        return false;
    }
    const char *subject = found + sizeof(words) - 1;
    const char *quote = memchr(subject, '"', (size_t)(text.data + text.len - subject));
    if (quote == NULL) {
        return false;
    }
    struct bl_str refused = {subject, (size_t)(quote - subject)};
    for (struct bl_bus_subscription *at = bus->first; at != NULL; at = at->next) {
        if (!at->is_inbox && bl_str_equal_c(refused, at->subject)) {
            at->is_refused = true;
            bus->callbacks.on_refused(bus->user, bl_str_from_c(at->subject));
            return true;
        }
    }
    return false;
}

void bl_bus_retry_refused(struct bl_bus *bus) {
    for (struct bl_bus_subscription *at = bus->first; at != NULL; at = at->next) {
        if (at->is_refused && bus->connection != NULL && bus->close_phase == BL_BUS_CLOSE_NONE) {
            (void)natsSubscription_Unsubscribe(at->native);
            detach(at);
            attach(at);
        }
    }
}

static bl_result check(const struct bl_bus_subscription_config *config, struct bl_diag *diag) {
    struct bl_str subject = bl_str_from_c(config->subject);
    if (!bl_subject_is_valid(subject, true)) {
        bl_diag_message(diag, "'%.100s' is no subject to subscribe to",
                        config->subject != NULL ? config->subject : "");
        bl_diag_hint(diag, "words separated by single dots, without blanks, at most %d bytes",
                     BL_BUS_SUBJECT_MAX);
        return BL_FAIL(INVALID_REQUEST);
    }
    if (config->queue_group != NULL &&
        !bl_queue_group_is_valid(bl_str_from_c(config->queue_group))) {
        bl_diag_message(diag, "'%.100s' is no queue group", config->queue_group);
        bl_diag_hint(diag, "one word without blanks, at most 256 bytes");
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

static struct bl_bus_subscription *
new_subscription(const struct bl_bus_subscription_config *config) {
    size_t subject = strlen(config->subject) + 1;
    size_t group = config->queue_group != NULL ? strlen(config->queue_group) + 1 : 0;
    struct bl_bus_subscription *subscription = calloc(1, sizeof(*subscription) + subject + group);
    if (subscription == NULL) {
        return NULL;
    }
    memcpy(subscription->subject, config->subject, subject);
    if (group != 0) {
        subscription->queue_group = subscription->subject + subject;
        memcpy(subscription->queue_group, config->queue_group, group);
    }
    uint32_t messages = config->high_water_messages;
    uint32_t bytes = config->high_water_bytes;
    subscription->high_water_messages = messages != 0 ? messages : DEFAULT_HIGH_WATER_MESSAGES;
    subscription->high_water_bytes = bytes != 0 ? bytes : DEFAULT_HIGH_WATER_BYTES;
    subscription->limit_messages = limit_of(config->pending_limit_messages,
                                            subscription->high_water_messages, LIMIT_MESSAGES_MORE);
    subscription->limit_bytes =
        limit_of(config->pending_limit_bytes, subscription->high_water_bytes, LIMIT_BYTES_MORE);
    return subscription;
}

bl_result bl_bus_subscribe(struct bl_bus *bus, const struct bl_bus_subscription_config *config,
                           bl_bus_message_fn handler, void *user, struct bl_bus_subscription **out,
                           struct bl_diag *diag) {
    BL_TRY(check(config, diag));
    if (bus->close_phase != BL_BUS_CLOSE_NONE) {
        bl_diag_message(diag, "the bus is closing");
        return BL_FAIL(UNAVAILABLE);
    }
    struct bl_bus_subscription *subscription = new_subscription(config);
    if (subscription == NULL) {
        bl_diag_message(diag, "no memory for a subscription");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    subscription->bus = bus;
    subscription->handler = handler;
    subscription->user = user;
    subscription->previous = bus->last;
    if (bus->last != NULL) {
        bus->last->next = subscription;
    } else {
        bus->first = subscription;
    }
    bus->last = subscription;
    if (bus->connection != NULL) {
        attach(subscription);
    }
    if (out != NULL) {
        *out = subscription;
    }
    return BL_OK;
}

void bl_bus_free_subscription(struct bl_bus_subscription *subscription) {
    struct bl_bus *bus = subscription->bus;
    if (subscription->previous != NULL) {
        subscription->previous->next = subscription->next;
    } else {
        bus->first = subscription->next;
    }
    if (subscription->next != NULL) {
        subscription->next->previous = subscription->previous;
    } else {
        bus->last = subscription->previous;
    }
    free(subscription);
}

void bl_bus_unsubscribe(struct bl_bus_subscription *subscription) {
    int waiting = 0;
    if (subscription->native != NULL) {
        count_dropped(subscription);
        if (natsSubscription_GetPending(subscription->native, &waiting, NULL) == NATS_OK &&
            waiting > 0) {
            subscription->backlog = (size_t)waiting;
        }
        (void)natsSubscription_Unsubscribe(subscription->native);
    }
    detach(subscription);
    subscription->is_removed = true;
    if (!subscription->bus->is_in_pass) {
        bl_bus_free_subscription(subscription);
    }
}
