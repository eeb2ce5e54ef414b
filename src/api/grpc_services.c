#include "api/grpc_services.h"

#include <stdlib.h>
#include <string.h>

#include "wire/pb_field.h"
#include "wire/protobuf.h"
#include "wire/reflection.h"

#define HEALTH "/grpc.health.v1.Health/"
#define SERVICES_MAX 16
#define MESSAGE_MAX_BYTES 4096 /* what health and reflection are asked with */
#define REPLY_MAX_BYTES ((size_t)128 * 1024)

/* HealthCheckResponse.ServingStatus */
enum health { HEALTH_SERVING = 1, HEALTH_NOT_SERVING = 2, HEALTH_UNKNOWN_SERVICE = 3 };

struct conversation {
    struct bl_grpc_services *services;
    struct conversation *next, **slot;
    struct bl_http_exchange *exchange;
    bool is_watch;
    bool knows_service;
    enum health told; /* a watcher; 0 = nothing yet */
    size_t in_len;
    char in[BL_GRPC_PREFIX_BYTES + MESSAGE_MAX_BYTES];
};

struct bl_grpc_services {
    const char *names[SERVICES_MAX]; /* of the owner, then our own; for reflection */
    const char *const *own;          /* of the owner: they have a health */
    struct bl_reflection reflection;
    bool (*is_serving)(void *user);
    void *user;
    bool has_stopped;
    struct conversation *first;
    unsigned count;
    char check_reply[BL_GRPC_PREFIX_BYTES + 2];
    char *reply; /* REPLY_MAX_BYTES, behind the room for a prefix */
};

/* --- health ---------------------------------------------------------------------------------- */

static bool knows(const struct bl_grpc_services *services, struct bl_str name) {
    bool found = name.len == 0; /* the server as a whole */

    for (const char *const *at = services->own; *at != NULL && !found; at++) {
        found = bl_str_equal_c(name, *at);
    }
    return found;
}

static enum health health_of(const struct bl_grpc_services *services) {
    return !services->has_stopped && services->is_serving(services->user) ? HEALTH_SERVING
                                                                          : HEALTH_NOT_SERVING;
}

/* HealthCheckResponse{1: status} */
static void write_health(char out[BL_GRPC_PREFIX_BYTES + 2], enum health health) {
    bl_grpc_write_prefix((uint8_t *)out, 2);
    out[BL_GRPC_PREFIX_BYTES] = 1 << 3;
    out[BL_GRPC_PREFIX_BYTES + 1] = (char)health;
}

bool bl_grpc_services_answer(struct bl_grpc_services *services,
                             const struct bl_http_request *request, struct bl_api_grpc_call *call,
                             struct bl_http_response *response) {
    struct bl_str message;
    bool is_compressed;
    size_t taken;

    if (!bl_str_equal_c(request->path, HEALTH "Check")) {
        return false;
    }
    if (bl_grpc_read_message(request->body, MESSAGE_MAX_BYTES, &message, &is_compressed, &taken) !=
            BL_GRPC_READ ||
        is_compressed) {
        bl_api_grpc_refuse(call, BL_GRPC_INVALID_ARGUMENT, "this is no HealthCheckRequest",
                           response);
    } else if (!knows(services, bl_pb_find(message, 1))) {
        bl_api_grpc_refuse(call, BL_GRPC_NOT_FOUND, "there is no such service here", response);
    } else {
        write_health(services->check_reply, health_of(services));
        *response = (struct bl_http_response){
            .status = 200,
            .content_type = BL_STR("application/grpc"),
            .body = {services->check_reply, sizeof(services->check_reply)},
            .trailers = {{BL_STR("grpc-status"), BL_STR("0")}},
            .trailer_count = 1,
        };
    }
    return true;
}

/* --- conversations --------------------------------------------------------------------------- */

static void leave(struct conversation *conversation) {
    *conversation->slot = conversation->next;
    if (conversation->next != NULL) {
        conversation->next->slot = conversation->slot;
    }
    conversation->services->count--;
    free(conversation);
}

static void end(struct conversation *conversation, const char *status, const char *text) {
    const struct bl_http_header trailers[] = {
        {BL_STR("grpc-status"), bl_str_from_c(status)},
        {BL_STR("grpc-message"), bl_str_from_c(text)},
    };

    bl_http_end(conversation->exchange, trailers, text[0] == '\0' ? 1 : 2);
    leave(conversation);
}

/* False: the conversation is over. */
static bool tell_health(struct conversation *conversation) {
    char out[BL_GRPC_PREFIX_BYTES + 2];
    enum health health =
        conversation->knows_service ? health_of(conversation->services) : HEALTH_UNKNOWN_SERVICE;

    if (health == conversation->told) {
        return true;
    }
    conversation->told = health;
    write_health(out, health);
    if (!bl_http_send(conversation->exchange, (struct bl_str){out, sizeof(out)})) {
        leave(conversation);
        return false;
    }
    return true;
}

static bool reflect(struct conversation *conversation, struct bl_str message) {
    struct bl_grpc_services *services = conversation->services;
    struct bl_buf reply;

    bl_buf_init(&reply, services->reply + BL_GRPC_PREFIX_BYTES,
                REPLY_MAX_BYTES - BL_GRPC_PREFIX_BYTES);
    if (!bl_reflection_answer(&services->reflection, message, &reply)) {
        end(conversation, "3", "this is no ServerReflectionRequest");
        return false;
    }
    bl_grpc_write_prefix((uint8_t *)services->reply, reply.len);
    struct bl_str framed = {services->reply, BL_GRPC_PREFIX_BYTES + reply.len};
    if (!bl_http_send(conversation->exchange, framed)) {
        leave(conversation);
        return false;
    }
    return true;
}

/* False: the conversation is over. */
static bool take(struct conversation *conversation, struct bl_str message) {
    if (!conversation->is_watch) {
        return reflect(conversation, message);
    }
    if (conversation->told != 0) {
        end(conversation, "3", "Watch takes one message");
        return false;
    }
    conversation->knows_service = knows(conversation->services, bl_pb_find(message, 1));
    return tell_health(conversation);
}

static void on_data(void *user, struct bl_http_exchange *exchange, struct bl_str bytes) {
    struct conversation *conversation = user;

    (void)exchange;
    while (bytes.len > 0) {
        size_t room = sizeof(conversation->in) - conversation->in_len;
        size_t some = bytes.len < room ? bytes.len : room;
        memcpy(conversation->in + conversation->in_len, bytes.data, some);
        conversation->in_len += some;
        bytes.data += some;
        bytes.len -= some;

        struct bl_str whole = {conversation->in, conversation->in_len}, message;
        bool is_compressed;
        size_t taken;
        enum bl_grpc_read state =
            bl_grpc_read_message(whole, MESSAGE_MAX_BYTES, &message, &is_compressed, &taken);
        while (state == BL_GRPC_READ && !is_compressed) {
            if (!take(conversation, message)) {
                return;
            }
            whole.data += taken;
            whole.len -= taken;
            state =
                bl_grpc_read_message(whole, MESSAGE_MAX_BYTES, &message, &is_compressed, &taken);
        }
        if (state != BL_GRPC_INCOMPLETE) {
            end(conversation, "3", "a message is too large, compressed or no message");
            return;
        }
        memmove(conversation->in, whole.data, whole.len);
        conversation->in_len = whole.len;
    }
}

/* A watcher has said all with its message; who reflects is done. */
static void on_end(void *user, struct bl_http_exchange *exchange) {
    struct conversation *conversation = user;

    (void)exchange;
    if (!conversation->is_watch) {
        end(conversation, "0", "");
    } else if (conversation->told == 0) {
        end(conversation, "3", "the call carries no message");
    }
}

static void on_gone(void *user) {
    leave(user);
}

void bl_grpc_services_on_head(struct bl_grpc_services *services, struct bl_http_exchange *exchange,
                              const struct bl_http_request *request) {
    static const struct bl_http_listener listener = {on_data, on_end, on_gone};
    bool is_watch = bl_str_equal_c(request->path, HEALTH "Watch");
    bool reflects =
        bl_str_equal_c(request->path,
                       "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo") ||
        bl_str_equal_c(request->path,
                       "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");

    if ((!is_watch && !reflects) || !bl_api_is_grpc(request)) {
        return;
    }
    struct conversation *conversation =
        services->count < BL_GRPC_CONVERSATIONS_MAX ? calloc(1, sizeof(*conversation)) : NULL;
    if (conversation == NULL) {
        return; /* answered as a call without an operation: there are too many */
    }
    conversation->services = services;
    conversation->exchange = exchange;
    conversation->is_watch = is_watch;
    conversation->next = services->first;
    conversation->slot = &services->first;
    if (services->first != NULL) {
        services->first->slot = &conversation->next;
    }
    services->first = conversation;
    services->count++;
    bl_http_converse(exchange, &listener, conversation);
    bl_http_begin(exchange, BL_STR("application/grpc"));
}

void bl_grpc_services_look(struct bl_grpc_services *services) {
    struct conversation *next;

    for (struct conversation *at = services->first; at != NULL; at = next) {
        next = at->next;
        if (at->is_watch && at->told != 0) {
            (void)tell_health(at);
        }
    }
}

void bl_grpc_services_stop(struct bl_grpc_services *services) {
    struct conversation *next;

    services->has_stopped = true;
    for (struct conversation *at = services->first; at != NULL; at = next) {
        next = at->next;
        if (!at->is_watch || at->told == 0 || tell_health(at)) {
            end(at, "14", "the server is stopping");
        }
    }
}

/* --- making ---------------------------------------------------------------------------------- */

bl_result bl_grpc_services_create(const char *const *own, bool (*is_serving)(void *user),
                                  void *user, struct bl_grpc_services **out) {
    static const char *const common[] = {"grpc.health.v1.Health",
                                         "grpc.reflection.v1.ServerReflection",
                                         "grpc.reflection.v1alpha.ServerReflection", NULL};
    struct bl_grpc_services *services = calloc(1, sizeof(*services));
    size_t count = 0;

    if (services == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    services->reply = malloc(REPLY_MAX_BYTES);
    if (services->reply == NULL) {
        free(services);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (size_t i = 0; own[i] != NULL && count + 4 < SERVICES_MAX; i++) {
        services->names[count++] = own[i];
    }
    memcpy(services->names + count, common, sizeof(common));
    services->own = own;
    services->is_serving = is_serving;
    services->user = user;
    services->reflection =
        (struct bl_reflection){.descriptors = bl_proto_descriptors(), .services = services->names};
    *out = services;
    return BL_OK;
}

void bl_grpc_services_destroy(struct bl_grpc_services *services) {
    if (services != NULL) {
        free(services->reply);
        free(services);
    }
}
