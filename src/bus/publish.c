#include "bus/publish.h"

#include "bus/subject.h"

/* More than the protocol adds to a message, for the estimate of the write buffer. */
#define PROTOCOL_BYTES 64U

static bl_result refuse(struct bl_diag *diag, const char *what, struct bl_str value) {
    bl_diag_message(diag, "%s '%.*s' cannot be sent over NATS", what,
                    (int)(value.len < 100 ? value.len : 100), value.data != NULL ? value.data : "");
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result check_headers(const struct bl_bus_outgoing *message, size_t *bytes, size_t *sent,
                               struct bl_diag *diag) {
    if (message->header_count > BL_BUS_HEADERS_MAX) {
        bl_diag_message(diag, "a message has at most %d headers, not %zu", BL_BUS_HEADERS_MAX,
                        message->header_count);
        return BL_FAIL(INVALID_REQUEST);
    }
    for (size_t i = 0; i < message->header_count; i++) {
        const struct bl_bus_header *header = &message->headers[i];
        if (!bl_header_name_is_valid(header->name)) {
            return refuse(diag, "the header name", header->name);
        }
        if (!bl_header_value_is_valid(header->value)) {
            return refuse(diag, "the header value", header->value);
        }
        if (!bl_str_is_blank(header->value)) {
            *bytes += header->name.len + header->value.len + 4; /* ": " and the line end */
            *sent += 1;
        }
    }
    *bytes += *sent > 0 ? 12 : 0; /* first line and the empty last one */
    return BL_OK;
}

static bl_result check(const struct bl_bus *bus, const struct bl_bus_outgoing *message,
                       struct bl_str reply, size_t *bytes, size_t *headers, struct bl_diag *diag) {
    if (!bl_subject_is_valid(message->subject, false)) {
        return refuse(diag, "the subject", message->subject);
    }
    if (!bl_str_is_blank(reply) && !bl_subject_is_valid(reply, false)) {
        return refuse(diag, "the reply subject", reply);
    }
    *bytes = message->data.len;
    BL_TRY(check_headers(message, bytes, headers, diag));
    if (*bytes > bus->max_payload) {
        bl_diag_message(diag, "the message of %zu bytes is larger than the %zu the server takes",
                        *bytes, bus->max_payload);
        bl_diag_hint(diag, "send less, or raise max_payload of nats-server");
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

static bl_result check_connection(struct bl_bus *bus, struct bl_diag *diag) {
    if (bus->connection == NULL) {
        bus->stats.publishes_refused++;
        bl_diag_message(diag, "not connected to NATS%s%.150s", bus->reason[0] != '\0' ? ": " : "",
                        bus->reason);
        return BL_FAIL(UNAVAILABLE);
    }
    if (bus->buffered > bus->config.hard_cap_bytes) {
        bus->stats.publishes_refused++;
        bl_diag_message(diag, "the NATS server does not read: %zu bytes wait for it",
                        bus->buffered);
        return BL_FAIL(UNAVAILABLE);
    }
    return BL_OK;
}

/* NUL-terminates a checked view in caller storage. */
static const char *terminate(struct bl_str text, char *storage) {
    memcpy(storage, text.data, text.len);
    storage[text.len] = '\0';
    return storage;
}

static natsStatus publish_with_headers(natsConnection *handle, const char *subject,
                                       const char *reply, const struct bl_bus_outgoing *message) {
    natsMsg *native = NULL;
    natsStatus status =
        natsMsg_Create(&native, subject, reply, message->data.data, (int)message->data.len);
    for (size_t i = 0; status == NATS_OK && i < message->header_count; i++) {
        char name[BL_BUS_HEADER_NAME_MAX + 1];
        char value[BL_BUS_HEADER_VALUE_MAX + 1];
        const struct bl_bus_header *header = &message->headers[i];
        if (!bl_str_is_blank(header->value)) {
            status = natsMsgHeader_Add(native, terminate(header->name, name),
                                       terminate(header->value, value));
        }
    }
    if (status == NATS_OK) {
        status = natsConnection_PublishMsg(handle, native);
    }
    natsMsg_Destroy(native);
    return status;
}

static bl_result result_of(struct bl_bus *bus, natsStatus status, struct bl_diag *diag) {
    switch (status) {
    case NATS_OK:
        return BL_OK;
    case NATS_CONNECTION_CLOSED:
    case NATS_CONNECTION_DISCONNECTED:
    case NATS_DRAINING:
        bus->stats.publishes_refused++;
        bl_diag_message(diag, "not connected to NATS: %s", natsStatus_GetText(status));
        return BL_FAIL(UNAVAILABLE);
    case NATS_NO_MEMORY:
        bl_diag_message(diag, "no memory to send a message");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    case NATS_NO_SERVER_SUPPORT:
        bl_diag_message(diag, "the NATS server does not know headers");
        bl_diag_hint(diag, "use nats-server 2.2 or later, without no_header_support");
        return BL_FAIL(INTERNAL);
    default:
        bl_diag_message(diag, "libnats: %s", natsStatus_GetText(status));
        return BL_FAIL(INTERNAL);
    }
}

bl_result bl_bus_publish_as(struct bl_bus *bus, const struct bl_bus_outgoing *message,
                            struct bl_str reply, struct bl_diag *diag) {
    size_t bytes = 0;
    size_t headers = 0;
    BL_TRY(check(bus, message, reply, &bytes, &headers, diag));
    BL_TRY(check_connection(bus, diag));

    char subject_storage[BL_BUS_SUBJECT_MAX + 1];
    char reply_storage[BL_BUS_SUBJECT_MAX + 1];
    const char *subject = terminate(message->subject, subject_storage);
    const char *reply_subject = bl_str_is_blank(reply) ? NULL : terminate(reply, reply_storage);
    natsConnection *handle = bl_connection_handle(bus->connection);
    natsStatus status;
    if (headers > 0) {
        status = publish_with_headers(handle, subject, reply_subject, message);
    } else if (reply_subject != NULL) {
        status = natsConnection_PublishRequest(handle, subject, reply_subject, message->data.data,
                                               (int)message->data.len);
    } else {
        status =
            natsConnection_Publish(handle, subject, message->data.data, (int)message->data.len);
    }
    BL_TRY(result_of(bus, status, diag));
    bus->buffered += bytes + message->subject.len + reply.len + PROTOCOL_BYTES;
    bus->stats.messages_out++;
    bus->stats.bytes_out += bytes;
    return BL_OK;
}

bl_result bl_bus_publish(struct bl_bus *bus, const struct bl_bus_outgoing *message,
                         struct bl_diag *diag) {
    return bl_bus_publish_as(bus, message, message->reply, diag);
}
