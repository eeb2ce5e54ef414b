#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "bus/bus_private.h"

#define FREE_MESSAGES_MAX 256

struct bl_incoming {
    struct bl_bus_message view; /* first, so that one is the other */
    natsMsg *native;
    struct bl_incoming *next;
    unsigned holds;
    bool is_in_handler;
    bool is_indexed;
    size_t header_count;
    struct bl_bus_header headers[BL_BUS_HEADERS_MAX]; /* filled at the first look */
};

/* All values of one spelling of a name, in their order. */
static void index_values(struct bl_incoming *incoming, const char *name) {
    const char **values = NULL;
    int count = 0;
    if (natsMsgHeader_Values(incoming->native, name, &values, &count) != NATS_OK) {
        return;
    }
    for (int i = 0; i < count && incoming->header_count < BL_BUS_HEADERS_MAX; i++) {
        incoming->headers[incoming->header_count++] = (struct bl_bus_header){
            bl_str_from_c(name), values[i] != NULL ? bl_str_from_c(values[i]) : BL_STR("")};
    }
    free(values);
}

/* libnats finds a header only by its exact name, and listing the names allocates; so they are
 * listed once. */
static void index_headers(struct bl_incoming *incoming) {
    const char **names = NULL;
    int count = 0;
    incoming->is_indexed = true;
    incoming->header_count = 0;
    if (natsMsgHeader_Keys(incoming->native, &names, &count) != NATS_OK) {
        return;
    }
    for (int i = 0; i < count; i++) {
        index_values(incoming, names[i]);
    }
    free(names);
}

static struct bl_str get_header(const void *source, const char *name, size_t index) {
    struct bl_incoming *incoming = (struct bl_incoming *)(uintptr_t)source;
    if (!incoming->is_indexed) {
        index_headers(incoming);
    }
    size_t len = strlen(name);
    for (size_t i = 0; i < incoming->header_count; i++) {
        const struct bl_bus_header *header = &incoming->headers[i];
        if (header->name.len == len && strncasecmp(header->name.data, name, len) == 0 &&
            index-- == 0) {
            return header->value;
        }
    }
    return BL_STR_ABSENT;
}

bool bl_bus_message_header(const struct bl_bus_message *message, size_t index, struct bl_str *name,
                           struct bl_str *value) {
    struct bl_incoming *incoming = (struct bl_incoming *)(uintptr_t)message;
    if (!incoming->is_indexed) {
        index_headers(incoming);
    }
    if (index >= incoming->header_count) {
        return false;
    }
    *name = incoming->headers[index].name;
    *value = incoming->headers[index].value;
    return true;
}

/* Takes `native` over; NULL, and `native` destroyed, when the heap is exhausted. */
struct bl_bus_message *bl_bus_message_take(struct bl_bus *bus, natsMsg *native) {
    struct bl_incoming *incoming = bus->free_messages;
    if (incoming != NULL) {
        bus->free_messages = incoming->next;
        bus->free_message_count--;
    } else {
        incoming = malloc(sizeof(*incoming));
        if (incoming == NULL) {
            natsMsg_Destroy(native);
            return NULL;
        }
    }
    incoming->native = native;
    incoming->holds = 0;
    incoming->is_in_handler = true;
    incoming->is_indexed = false;
    incoming->header_count = 0;
    incoming->next = NULL;
    const char *data = natsMsg_GetData(native);
    incoming->view = (struct bl_bus_message){
        .content =
            {
                .subject = bl_str_from_c(natsMsg_GetSubject(native)),
                .data = {data != NULL ? data : "", (size_t)natsMsg_GetDataLength(native)},
                .headers = {get_header, incoming},
            },
        .reply = bl_str_from_c(natsMsg_GetReply(native)),
    };
    return &incoming->view;
}

static void recycle(struct bl_bus *bus, struct bl_incoming *incoming) {
    natsMsg_Destroy(incoming->native);
    if (bus->free_message_count >= FREE_MESSAGES_MAX) {
        free(incoming);
        return;
    }
    incoming->next = bus->free_messages;
    bus->free_messages = incoming;
    bus->free_message_count++;
}

/* After the handler has returned. */
void bl_bus_message_done(struct bl_bus *bus, struct bl_bus_message *message) {
    struct bl_incoming *incoming = (struct bl_incoming *)message;
    incoming->is_in_handler = false;
    if (incoming->holds == 0) {
        recycle(bus, incoming);
    }
}

void bl_bus_message_hold(struct bl_bus *bus, struct bl_bus_message *message) {
    struct bl_incoming *incoming = (struct bl_incoming *)message;
    bus->stats.messages_held += incoming->holds++ == 0 ? 1 : 0;
}

void bl_bus_message_release(struct bl_bus *bus, struct bl_bus_message *message) {
    struct bl_incoming *incoming = (struct bl_incoming *)message;
    assert(incoming->holds > 0 && bus->stats.messages_held > 0);
    if (--incoming->holds > 0) {
        return;
    }
    bus->stats.messages_held--;
    if (!incoming->is_in_handler) {
        recycle(bus, incoming);
    }
}

void bl_bus_free_messages(struct bl_bus *bus) {
    while (bus->free_messages != NULL) {
        struct bl_incoming *incoming = bus->free_messages;
        bus->free_messages = incoming->next;
        free(incoming);
    }
    bus->free_message_count = 0;
}
