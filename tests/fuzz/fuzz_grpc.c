/*
 * gRPC's framing and what stands in headers: a call is read or refused with a status, compressed
 * messages stay within their bound, reflection answers any request or says that it is none.
 */
#include <stdlib.h>
#include <string.h>

#include "api/grpc.h"
#include "wire/protobuf.h"
#include "wire/reflection.h"

#define MESSAGE_MAX 4096

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

struct header {
    struct bl_str name, value;
};

struct headers {
    struct header list[4];
    size_t count;
};

static struct bl_str find_header(const void *source, const char *name, size_t index) {
    const struct headers *headers = source;
    for (size_t i = 0; i < headers->count; i++) {
        if (bl_str_equal_c(headers->list[i].name, name) && index-- == 0) {
            return headers->list[i].value;
        }
    }
    return BL_STR_ABSENT;
}

/* Up to the next line end. */
static struct bl_str take_line(struct bl_str *rest) {
    const char *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    struct bl_str line = *rest;
    if (end != NULL) {
        line.len = (size_t)(end - rest->data);
        rest->data += line.len + 1;
        rest->len -= line.len + 1;
    } else {
        rest->len = 0;
    }
    return line;
}

static void check_texts(struct bl_str text) {
    char encoded[600];
    struct bl_buf buf;
    uint64_t ns;

    bl_buf_init(&buf, encoded, sizeof(encoded));
    bl_grpc_write_message(text, &buf);
    require(!buf.overflowed);
    for (size_t i = 0; i < buf.len; i++) {
        require(buf.data[i] >= ' ' && buf.data[i] <= '~');
    }
    if (bl_grpc_read_timeout(text, &ns)) {
        require(text.len >= 2 && text.len <= 9);
    }
}

static void reflect(struct bl_str message) {
    static const char *const services[] = {"beamline.flow.v1.Router", NULL};
    static char storage[1 << 18];
    const struct bl_reflection reflection = {bl_proto_descriptors(), services};
    struct bl_buf reply;

    bl_buf_init(&reply, storage, sizeof(storage));
    if (bl_reflection_answer(&reflection, message, &reply)) {
        require(reply.len > 0 && !reply.overflowed);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct bl_api_grpc_call call;
    static char unpacked_storage[MESSAGE_MAX];
    struct bl_str rest = {(const char *)data, size};
    struct bl_http_response response = {.status = 0};
    struct bl_buf unpacked;

    struct bl_str timeout = take_line(&rest), encoding = take_line(&rest);
    check_texts(timeout);
    const struct headers headers = {{{BL_STR("content-type"), BL_STR("application/grpc")},
                                     {BL_STR("grpc-timeout"), timeout},
                                     {BL_STR("grpc-encoding"), encoding}},
                                    3};
    const struct bl_http_request request = {
        .method = BL_STR("POST"),
        .path = BL_STR("/beamline.flow.v1.Router/Decide"),
        .query = BL_STR_ABSENT,
        .headers = {find_header, &headers},
        .body = rest,
        .peer = "fuzzer",
        .protocol = "HTTP/2",
        .is_http2 = true,
        .began_ns = 1,
    };
    bl_buf_init(&unpacked, unpacked_storage, sizeof(unpacked_storage));
    if (bl_api_grpc_read(&request, BL_DOOR_TENANTS, MESSAGE_MAX, &unpacked, &call, &response)) {
        require(call.message.len <= MESSAGE_MAX && call.deadline_ns > 0);
        reflect(call.message);
    } else {
        require(response.status == 200 && response.trailer_count >= 2 && response.body.len == 0);
    }
    return 0;
}
