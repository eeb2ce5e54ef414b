/*
 * The pass after each wait of the loop: what has arrived is handed over, at most a batch.
 *
 *   backlog above the high-water mark, or unsent bytes above the soft cap → marked `overloaded`
 *   unsent bytes half-way between the soft and the hard cap                → nothing is handed over
 *   backlog above twice the high-water mark                                → reading pauses
 *
 * The excess over the high-water mark is refused from the front, so what is worked on has waited
 * least; it is what still has a caller. A refusal costs a quarter of what work costs, so a backlog
 * is refused faster than it is worked off. While reading pauses, the rest waits in the kernel and in
 * the server; that is why libnats never gets to drop anything at its pending limit.
 */
#include "bus/bus_private.h"

#define WORK_COST 4U
#define REFUSAL_COST 1U

static bool is_halted(const struct bl_bus *bus) {
    const struct bl_bus_config *config = &bus->config;
    return bus->buffered >
           config->soft_cap_bytes + (config->hard_cap_bytes - config->soft_cap_bytes) / 2;
}

/* The next message; NULL if libnats has none to give. It hides messages that look like its own
 * "no responders", which count as handed over. */
static natsMsg *next_message(struct bl_bus_subscription *subscription) {
    for (int tries = 0; tries < 2; tries++) {
        natsMsg *native = NULL;
        natsStatus status = natsSubscription_NextMsg(&native, subscription->native, 0);
        if (status == NATS_OK) {
            return native;
        }
        if (status == NATS_NO_RESPONDERS && subscription->is_inbox) {
            bl_bus_no_responders(subscription->bus);
        }
        if (status != NATS_SLOW_CONSUMER) { /* said once, before the messages that were kept */
            return NULL;
        }
    }
    return NULL;
}

static void hand_over(struct bl_bus_subscription *subscription, natsMsg *native, bool overloaded) {
    struct bl_bus *bus = subscription->bus;
    bus->stats.messages_in++;
    bus->stats.bytes_in += (uint64_t)natsMsg_GetDataLength(native);
    bus->stats.messages_marked += overloaded ? 1 : 0;
    struct bl_bus_message *message = bl_bus_message_take(bus, native);
    if (message == NULL) {
        bus->stats.messages_lost++;
        return;
    }
    message->overloaded = overloaded;
    subscription->handler(subscription->user, message);
    bl_bus_message_done(bus, message);
}

/* Spends at most `budget`; returns what is left of it. */
static size_t drain_one(struct bl_bus_subscription *subscription, size_t budget) {
    struct bl_bus *bus = subscription->bus;
    int messages = 0;
    int bytes = 0;
    if (natsSubscription_GetPending(subscription->native, &messages, &bytes) != NATS_OK) {
        messages = 0; /* unsubscribed, or the connection has closed */
    }
    size_t waiting = messages > 0 ? (size_t)messages : 0;
    size_t waiting_bytes = bytes > 0 ? (size_t)bytes : 0;
    while (waiting > 0 && budget > 0 && !subscription->is_removed &&
           (subscription->is_inbox || !is_halted(bus))) {
        natsMsg *native = next_message(subscription);
        waiting--;
        if (native == NULL) {
            continue;
        }
        bool overloaded =
            !subscription->is_inbox && (waiting >= subscription->high_water_messages ||
                                        waiting_bytes > subscription->high_water_bytes ||
                                        bus->buffered > bus->config.soft_cap_bytes);
        size_t taken = (size_t)natsMsg_GetDataLength(native);
        waiting_bytes -= taken < waiting_bytes ? taken : waiting_bytes;
        size_t cost = overloaded ? REFUSAL_COST : WORK_COST;
        budget -= cost < budget ? cost : budget;
        hand_over(subscription, native, overloaded);
    }
    if (!subscription->is_removed) {
        subscription->backlog = waiting;
        subscription->is_congested = waiting >= 2 * (size_t)subscription->high_water_messages ||
                                     waiting_bytes >= 2 * (size_t)subscription->high_water_bytes;
    }
    return budget;
}

static void free_removed(struct bl_bus *bus) {
    struct bl_bus_subscription *at = bus->first;
    while (at != NULL) {
        struct bl_bus_subscription *next = at->next;
        if (at->is_removed) {
            bl_bus_free_subscription(at);
        }
        at = next;
    }
}

/* Makes the subscription after the last one served the first, so that none starves the others. */
static void rotate(struct bl_bus *bus) {
    struct bl_bus_subscription *first = bus->first;
    if (first == NULL || first->next == NULL) {
        return;
    }
    bus->first = first->next;
    bus->first->previous = NULL;
    first->previous = bus->last;
    first->next = NULL;
    bus->last->next = first;
    bus->last = first;
}

void bl_bus_pass(void *user) {
    struct bl_bus *bus = user;
    if (bus->connection == NULL) {
        return;
    }
    if (!bl_connection_take_has_read(bus->connection) && !bus->has_backlog) {
        return; /* only reading brings messages */
    }
    bus->is_in_pass = true;
    bool has_backlog = false;
    bool is_congested = false;
    if (bus->inbox->native != NULL) {
        drain_one(bus->inbox, (size_t)bus->config.drain_batch * WORK_COST);
        has_backlog = bus->inbox->backlog > 0;
    }
    size_t budget = (size_t)bus->config.drain_batch * WORK_COST;
    for (struct bl_bus_subscription *at = bus->first; at != NULL; at = at->next) {
        if (!at->is_inbox && !at->is_removed && at->native != NULL) {
            budget = drain_one(at, budget);
            has_backlog |= at->backlog > 0;
            is_congested |= at->is_congested;
        }
    }
    bus->is_in_pass = false;
    free_removed(bus);
    rotate(bus);
    bus->has_backlog = has_backlog;
    bl_connection_pause(bus->connection, is_congested);
    if (has_backlog && !is_halted(bus)) {
        bl_loop_again(bus->loop);
    }
}
