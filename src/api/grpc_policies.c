#include "api/grpc_policies.h"

#include <inttypes.h>
#include <strings.h>

#include "wire/pb_field.h"

/* Numbers of fields, as in proto/beamline/flow/v1/flow.proto. */
enum {
    TENANT_ID = 1,     /* of every request */
    POLICY_ID = 2,     /* of Get and Delete */
    UPSERT_POLICY = 2, /* AdminPolicy */
    IF_REVISION = 10,  /* of Upsert and Delete */
    ADMIN_POLICY_ID = 1,
    ADMIN_DOCUMENT = 10,
    LIST_AFTER = 10,
};

static struct bl_str find_header(const void *source, const char *name, size_t index) {
    const struct bl_api_grpc_policy *policy = source;

    if (strcasecmp(name, "if-match") == 0) {
        return index == 0 && policy->if_match[0] != '\0' ? bl_str_from_c(policy->if_match)
                                                         : BL_STR_ABSENT;
    }
    if (strcasecmp(name, "if-none-match") == 0) {
        return index == 0 && policy->creates ? BL_STR("*") : BL_STR_ABSENT;
    }
    if (strcasecmp(name, "content-type") == 0) {
        return index == 0 ? BL_STR("application/json") : BL_STR_ABSENT;
    }
    if (strcasecmp(name, "accept") == 0) {
        return BL_STR_ABSENT;
    }
    return policy->metadata.get(policy->metadata.source, name, index);
}

/* 0 is any revision, -1 none yet. */
static void read_precondition(struct bl_str message, struct bl_api_grpc_policy *out) {
    struct bl_pb_field field;
    struct bl_buf buf;

    while (bl_pb_next(&message, &field)) {
        if (field.number != IF_REVISION || field.type != BL_PB_VARINT) {
            continue;
        }
        int64_t revision = (int64_t)field.value;
        out->creates = revision < 0;
        if (revision > 0) {
            bl_buf_init(&buf, out->if_match, sizeof(out->if_match) - 1);
            bl_buf_printf(&buf, "\"%" PRId64 "\"", revision);
            out->if_match[buf.len] = '\0';
        }
    }
}

/* "name=value", with what could end it escaped. */
static void add_parameter(struct bl_buf *query, const char *name, struct bl_str value) {
    static const char digits[] = "0123456789ABCDEF";

    if (!bl_str_is_present(value) || value.len == 0) {
        return;
    }
    if (query->len > 0) {
        bl_buf_char(query, '&');
    }
    bl_buf_str(query, bl_str_from_c(name));
    bl_buf_char(query, '=');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (is_plain) {
            bl_buf_char(query, (char)c);
        } else {
            bl_buf_char(query, '%');
            bl_buf_char(query, digits[c >> 4]);
            bl_buf_char(query, digits[c & 15]);
        }
    }
}

/* What is too long for the query is no tenant: an overlong one is refused like any other that is none. */
static struct bl_str list_query(struct bl_str message, struct bl_api_grpc_policy *out) {
    struct bl_buf query;

    bl_buf_init(&query, out->query, sizeof(out->query));
    bl_buf_literal(&query, "limit=1000");
    add_parameter(&query, "tenant", bl_str_head(bl_pb_find(message, TENANT_ID), 256));
    add_parameter(&query, "after", bl_str_head(bl_pb_find(message, LIST_AFTER), 64));
    return bl_buf_view(&query);
}

/* Absent counts as empty: whoever checks the grammar says that it is missing. */
static struct bl_str named(struct bl_str message, uint32_t number) {
    struct bl_str text = bl_pb_find(message, number);
    return bl_str_is_present(text) ? text : BL_STR("");
}

bool bl_api_grpc_policy_read(const struct bl_api_grpc_call *call,
                             const struct bl_http_request *request,
                             struct bl_api_grpc_policy *out) {
    struct bl_str body = BL_STR("");
    struct bl_str query = BL_STR_ABSENT;
    const char *method = "GET";

    *out = (struct bl_api_grpc_policy){.metadata = request->headers};
    out->match.operation = call->operation;
    out->match.tenant_id = BL_STR_ABSENT;
    out->match.policy_id = BL_STR_ABSENT;
    out->match.revision = BL_STR_ABSENT;
    switch (call->operation) {
    case BL_OPERATION_POLICY_LIST:
        query = list_query(call->message, out);
        break;
    case BL_OPERATION_POLICY_PUT: {
        struct bl_str policy = bl_pb_find(call->message, UPSERT_POLICY);
        method = "PUT";
        out->match.policy_id = named(policy, ADMIN_POLICY_ID);
        body = named(policy, ADMIN_DOCUMENT);
        read_precondition(call->message, out);
        break;
    }
    case BL_OPERATION_POLICY_DELETE:
        method = "DELETE";
        read_precondition(call->message, out);
        out->match.policy_id = named(call->message, POLICY_ID);
        break;
    case BL_OPERATION_POLICY_GET:
        out->match.policy_id = named(call->message, POLICY_ID);
        break;
    default:
        return false;
    }
    if (call->operation != BL_OPERATION_POLICY_LIST) {
        out->match.tenant_id = named(call->message, TENANT_ID);
    }
    out->call = (struct bl_api_call){&out->match, bl_str_from_c(method), query};
    out->message = (struct bl_message){.subject = request->path,
                                       .data = body,
                                       .headers = {find_header, out},
                                       .codec = BL_CODEC_JSON,
                                       .reply_codec = BL_CODEC_PROTOBUF};
    return true;
}
