/*
 * From bytes to bytes, whatever the bytes: each operation gets the input as its message.
 *
 * An input may begin with headers: lines "@name value", before the message. What has to hold for
 * every one: exactly one JSON object within the bound, the same for the same input; a decide is
 * answered with ok true or false and a request id; a refusal has a code and a message, and in the
 * gateway's form always an intake_error_code and the exact code.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/handler.h"
#include "policy/compile.h"
#include "wire/decide_reply.h"

#define HEADERS_MAX 8

static const char policy_text[] =
    "{\"providers\":["
    "{\"name\":\"openai/gpt-4o\",\"label\":\"GPT \\\"4o\\\"\",\"weight\":70,"
    "\"tags\":{\"region\":\"us\"},\"expect\":{\"latency_ms\":850,\"cost\":0.012}},"
    "{\"name\":\"b\",\"weight\":30,\"tags\":{\"region\":\"eu\"}},"
    "{\"name\":\"c\",\"weight\":0,\"last_resort\":true}],"
    "\"rules\":[{\"when\":{\"metadata.region\":\"eu\"},\"require_tags\":{\"region\":\"eu\"}},"
    "{\"when\":{\"task.type\":\"none\"},\"deny\":[\"openai/gpt-4o\",\"b\",\"c\"]},"
    "{\"when\":{\"task.payload.n\":3},\"prefer\":[\"c\"]}],"
    "\"sticky\":{\"enabled\":true,\"session_key\":\"user_id\",\"ttl\":\"10m\"},"
    "\"pre\":[{\"id\":\"p\",\"mode\":\"required\",\"when\":{\"tier\":\"x\"}},"
    "{\"id\":\"q\",\"mode\":\"optional\"}],"
    "\"validators\":[{\"id\":\"v\",\"on_fail\":\"warn\"}]}";

static struct bl_api api;
static struct bl_pins *pins;
static struct bl_arena arena;
static char storage[3][BL_WIRE_REPLY_MAX_BYTES];

static void require(bool holds, const char *what, const struct bl_buf *reply) {
    if (!holds) {
        fprintf(stderr, "broken: %s\nreply: %.*s\n", what, (int)reply->len, reply->data);
        abort();
    }
}

static void start(void) {
    static struct bl_findings findings;
    struct bl_policy *policy = NULL;
    struct bl_catalog *catalog = NULL;
    struct bl_buf none = {0};

    require(bl_is_ok(bl_policy_compile(bl_str_from_c(policy_text), BL_STR("acme"),
                                       BL_STR("default"), NULL, &policy, &findings)) &&
                bl_is_ok(bl_catalog_create(&policy, 1, 1, &catalog)) &&
                bl_is_ok(bl_pins_create(64, &pins)),
            "the policy compiles", &none);
    bl_arena_init(&arena, 64 * 1024, 4 * 1024 * 1024);
    api.flow = (struct bl_flow){.catalog = catalog, .min_payload_bytes = 2};
    api.tenants.believe_all = true;
    api.anonymous_reads = true;
    api.limits = bl_json_request_limits;
    api.arena = &arena;
}

struct header_list {
    struct bl_str names[HEADERS_MAX];
    struct bl_str values[HEADERS_MAX];
    size_t count;
};

static struct bl_str find_header(const void *source, const char *name, size_t index) {
    const struct header_list *list = source;

    for (size_t i = 0; i < list->count; i++) {
        if (list->names[i].len == strlen(name) &&
            strncasecmp(list->names[i].data, name, list->names[i].len) == 0 && index-- == 0) {
            return list->values[i];
        }
    }
    return BL_STR_ABSENT;
}

/* Takes the header lines off the front of `text`. */
static struct bl_str take_headers(struct bl_str text, struct header_list *list) {
    while (text.len > 0 && text.data[0] == '@' && list->count < HEADERS_MAX) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t line = end == NULL ? text.len : (size_t)(end - text.data);
        const char *space = memchr(text.data, ' ', line);
        size_t name = space == NULL ? line : (size_t)(space - text.data);
        size_t value = name < line ? name + 1 : line;
        size_t next = line < text.len ? line + 1 : line;
        list->names[list->count] = (struct bl_str){text.data + 1, name - 1};
        list->values[list->count++] = (struct bl_str){text.data + value, line - value};
        text = (struct bl_str){text.data + next, text.len - next};
    }
    return text;
}

static bool is_text(struct bl_json value) {
    struct bl_str text;

    return bl_json_string(value, &text) && text.len > 0;
}

static void check_refusal(struct bl_json root, const struct bl_api_report *report, bool gateway,
                          const struct bl_buf *reply) {
    struct bl_json error = bl_json_get(root, BL_STR("error"));

    require(is_text(bl_json_get(error, BL_STR("code"))), "an error has a code", reply);
    require(is_text(bl_json_get(error, BL_STR("message"))), "an error has a message", reply);
    require(is_text(bl_json_path(root, BL_STR("context.request_id"))), "a request id", reply);
    if (gateway) {
        require(is_text(bl_json_get(error, BL_STR("intake_error_code"))), "an intake code", reply);
        require(is_text(bl_json_path(error, BL_STR("details.code"))), "the exact code", reply);
    }
    require(report->message != NULL, "a report of the error", reply);
}

static void check_reply(enum bl_operation operation, const struct bl_api_report *report,
                        const struct bl_buf *reply) {
    static struct bl_arena scratch;
    struct bl_json_doc doc;
    struct bl_diag diag;
    bool ok = false;

    if (scratch.chunk_bytes == 0) {
        bl_arena_init(&scratch, 256 * 1024, 16 * 1024 * 1024);
    }
    bl_arena_reset(&scratch);
    require(!reply->overflowed && reply->len <= BL_WIRE_REPLY_MAX_BYTES, "the bound", reply);
    require(
        bl_is_ok(bl_json_read(bl_buf_view(reply), &bl_json_request_limits, &scratch, &doc, &diag)),
        "the reply is JSON", reply);
    struct bl_json root = bl_json_root(&doc);
    require(bl_json_is(root, BL_JSON_OBJECT), "the reply is an object", reply);
    bool has_ok = bl_json_bool(bl_json_get(root, BL_STR("ok")), &ok);
    if (report->error == BL_E_NONE) {
        require(operation != BL_OPERATION_DECIDE || (has_ok && ok), "ok is true", reply);
        require(operation != BL_OPERATION_DECIDE ||
                    is_text(bl_json_path(root, BL_STR("decision.provider_id"))),
                "a decision names a provider", reply);
        return;
    }
    require(has_ok && !ok, "ok is false", reply);
    check_refusal(root, report,
                  operation != BL_OPERATION_DECIDE || report->dialect == BL_DIALECT_GATEWAY ||
                      report->dialect == BL_DIALECT_CONTRACT,
                  reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct header_list list = {.count = 0};
    struct bl_str text = take_headers((struct bl_str){(const char *)data, size}, &list);
    struct bl_message message = {.subject = BL_STR("beamline.router.v1.decide"),
                                 .data = text,
                                 .headers = {find_header, &list}};
    struct bl_flow_moment moment = {.now_ns = INT64_C(1764000000000000000), .admission_id = {7}};

    if (api.arena == NULL) {
        start();
    }
    for (int operation = 0; operation < BL_OPERATION_OPENAPI; operation++) {
        struct bl_buf replies[3];
        struct bl_api_report report;
        for (int i = 0; i < 3; i++) {
            /* Pins make the later of two equal requests sticky, so only the first has any. */
            api.flow.pins = i == 0 ? pins : NULL;
            bl_buf_init(&replies[i], storage[i], sizeof(storage[i]));
            bl_api_handle(&api, (enum bl_operation)operation, &message, BL_STR_ABSENT, &moment,
                          &replies[i], &report);
            check_reply((enum bl_operation)operation, &report, &replies[i]);
        }
        require(bl_str_equal(bl_buf_view(&replies[1]), bl_buf_view(&replies[2])),
                "equal inputs are answered alike", &replies[2]);
        report.error = BL_E_SERVICE_OVERLOADED;
        report.message = "";
        bl_api_refuse((enum bl_operation)operation, &message, report.error, 100, &replies[0]);
        report.dialect = BL_DIALECT_CANONICAL;
        check_reply((enum bl_operation)operation, &report, &replies[0]);
    }
    return 0;
}
