/* A RouteRequest says to the router what it said to whoever wrote it, in whatever order its fields come. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/seed.h"
#include "base/text.h"
#include "support/header_list.h"
#include "wire/decide_request.h"
#include "wire/pb_field.h"
#include "wire/protobuf.h"

#define REQUESTS 20000
#define TEXT_MAX 120 /* bytes */
#define ENTRIES_MAX 6
#define PIECES_MAX 64

static struct bl_arena arena;
static struct bl_seed seed;
static char texts[64 * 1024]; /* of one request */
static size_t texts_len;

/* From BL_TEST_SEED, or a fixed one; printed, so that a failure can be run again. */
static int set_up(void **state) {
    const char *text = getenv("BL_TEST_SEED");
    uint64_t value = text != NULL ? strtoull(text, NULL, 0) : UINT64_C(20261123);
    (void)state;
    print_message("BL_TEST_SEED=%" PRIu64 "\n", value);
    bl_seed_init(&seed, value);
    bl_arena_init(&arena, 64 * 1024, (size_t)8 * 1024 * 1024);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

static uint32_t below(uint32_t bound) {
    return (uint32_t)bl_seed_below(&seed, bound);
}

/* --- values ---------------------------------------------------------------------------------- */

static struct bl_str keep(const char *bytes, size_t len) {
    char *at = texts + texts_len;
    assert_true(len <= sizeof(texts) - texts_len);
    memcpy(at, bytes, len);
    texts_len += len;
    return (struct bl_str){at, len};
}

/* Begins with a letter, so that it is neither blank nor JSON; of each length in UTF-8. */
static struct bl_str random_text(uint32_t max_bytes) {
    static const char *const characters[] = {"a",
                                             "Z",
                                             "0",
                                             ".",
                                             "\"",
                                             "\\",
                                             "\n",
                                             "\t",
                                             "\x7f",
                                             "/",
                                             "\xc3\xa9",
                                             "\xe2\x82\xac",
                                             " ",
                                             "{",
                                             "}",
                                             "\x01",
                                             "\xf0\x9f\x98\x80"};
    char text[TEXT_MAX] = "t";
    uint32_t wanted = 1 + below(max_bytes - 4);
    size_t len = 1;

    while (len < wanted) {
        const char *one = characters[below(sizeof(characters) / sizeof(characters[0]))];
        memcpy(text + len, one, strlen(one));
        len += strlen(one);
    }
    return keep(text, len);
}

static struct bl_str random_json(void) {
    char text[TEXT_MAX];
    int len = snprintf(text, sizeof(text),
                       "{\"a\" :[%" PRIu32 ", null,{\"b\":\"\\u00e9%" PRIu32 "\"}],\"c\":%s}",
                       below(1000000), below(1000), below(2) == 0 ? "-1.50e3" : "[]");
    return keep(text, (size_t)len);
}

struct entry {
    struct bl_str key, value;
    bool is_json;
};

struct map {
    struct entry entries[ENTRIES_MAX];
    uint32_t count;
};

enum payload { PAYLOAD_NONE, PAYLOAD_JSON, PAYLOAD_TEXT, PAYLOAD_BYTES, PAYLOAD_COUNT };

struct wanted {
    struct bl_str message_id, tenant_id, trace_id, message_type, payload, payload_ref;
    struct bl_str policy_id, request_id, assignment_subject, notify_subject, idempotency_key;
    struct bl_str run_id, flow_id, step_id;
    struct map message_metadata, context, metadata;
    enum payload payload_kind;
    bool push_assignment, explain, dry_run;
    int64_t max_latency_ms; /* 0 = no limit */
    double max_cost;
};

static void random_map(struct map *map) {
    map->count = below(ENTRIES_MAX + 1);
    for (uint32_t i = 0; i < map->count; i++) {
        struct entry *entry = &map->entries[i];
        size_t before = texts_len;
        char prefix[2] = {'k', (char)('0' + i)}; /* no key twice */
        (void)keep(prefix, 2);
        (void)random_text(20);
        entry->key = (struct bl_str){texts + before, texts_len - before};
        entry->is_json = below(3) == 0;
        entry->value = entry->is_json ? random_json() : random_text(TEXT_MAX);
    }
}

static struct bl_str maybe_text(uint32_t max_bytes) {
    return below(2) == 0 ? BL_STR_ABSENT : random_text(max_bytes);
}

static void random_payload(struct wanted *wanted) {
    wanted->payload_kind = (enum payload)below(PAYLOAD_COUNT);
    wanted->payload = BL_STR_ABSENT;
    if (wanted->payload_kind == PAYLOAD_JSON) {
        wanted->payload = random_json();
    } else if (wanted->payload_kind == PAYLOAD_TEXT) {
        wanted->payload = random_text(TEXT_MAX);
    } else if (wanted->payload_kind == PAYLOAD_BYTES) {
        char bytes[TEXT_MAX] = "\xff";
        uint32_t len = 1 + below(TEXT_MAX - 1);
        for (uint32_t i = 1; i < len; i++) {
            bytes[i] = (char)below(256);
        }
        wanted->payload = keep(bytes, len);
    }
}

static void random_request(struct wanted *wanted) {
    texts_len = 0;
    *wanted = (struct wanted){
        .message_id = maybe_text(TEXT_MAX),
        .tenant_id = maybe_text(TEXT_MAX),
        .trace_id = maybe_text(TEXT_MAX),
        .message_type = maybe_text(TEXT_MAX),
        .payload_ref = maybe_text(TEXT_MAX),
        .policy_id = below(2) == 0 ? BL_STR_ABSENT : keep("Policy-1.x:y_z", 1 + below(14)),
        .request_id = maybe_text(TEXT_MAX),
        .assignment_subject = maybe_text(TEXT_MAX),
        .notify_subject = maybe_text(TEXT_MAX),
        .idempotency_key = maybe_text(TEXT_MAX),
        .run_id = maybe_text(TEXT_MAX),
        .flow_id = maybe_text(TEXT_MAX),
        .step_id = maybe_text(TEXT_MAX),
        .push_assignment = below(2) == 0,
        .explain = below(2) == 0,
        .dry_run = below(2) == 0,
        .max_latency_ms = below(3) == 0 ? 0 : (int64_t)below(UINT32_MAX),
        .max_cost = below(3) == 0 ? 0 : (double)below(1000000) / 1024,
    };
    random_map(&wanted->message_metadata);
    random_map(&wanted->context);
    random_map(&wanted->metadata);
    random_payload(wanted);
}

/* --- writing --------------------------------------------------------------------------------- */

/* Fields of one message, in an order of their own. */
struct pieces {
    struct bl_buf bytes;
    char storage[32 * 1024];
    size_t begins[PIECES_MAX];
    size_t count;
};

static struct bl_buf *next_piece(struct pieces *pieces) {
    assert_true(pieces->count < PIECES_MAX);
    pieces->begins[pieces->count++] = pieces->bytes.len;
    return &pieces->bytes;
}

static void begin_pieces(struct pieces *pieces) {
    bl_buf_init(&pieces->bytes, pieces->storage, sizeof(pieces->storage));
    pieces->count = 0;
}

static void shuffle(const struct pieces *pieces, struct bl_buf *out) {
    size_t order[PIECES_MAX];

    for (size_t i = 0; i < pieces->count; i++) {
        size_t other = below((uint32_t)i + 1);
        order[i] = order[other];
        order[other] = i;
    }
    for (size_t i = 0; i < pieces->count; i++) {
        size_t at = order[i], begin = pieces->begins[at];
        size_t end = at + 1 < pieces->count ? pieces->begins[at + 1] : pieces->bytes.len;
        bl_buf_bytes(out, pieces->bytes.data + begin, end - begin);
    }
}

static void put_text(struct pieces *pieces, uint32_t number, struct bl_str text) {
    if (bl_str_is_present(text)) {
        bl_pb_write_bytes(next_piece(pieces), number, text);
    }
}

/* What is false or 0 is left out, or written: both mean the same. */
static void put_number(struct pieces *pieces, uint32_t number, uint64_t value) {
    if (value != 0 || below(2) == 0) {
        bl_pb_write_number(next_piece(pieces), number, value);
    }
}

static void put_map(struct pieces *pieces, uint32_t number, const struct map *map) {
    for (uint32_t i = 0; i < map->count; i++) {
        struct bl_buf *buf = next_piece(pieces);
        size_t begin = buf->len;
        bool value_first = below(2) == 0;
        if (value_first) {
            bl_pb_write_bytes(buf, 2, map->entries[i].value);
        }
        bl_pb_write_bytes(buf, 1, map->entries[i].key);
        if (!value_first) {
            bl_pb_write_bytes(buf, 2, map->entries[i].value);
        }
        bl_pb_wrap(buf, number, begin);
    }
}

static void put_message(const struct wanted *wanted, struct bl_buf *out) {
    static struct pieces pieces;

    begin_pieces(&pieces);
    put_text(&pieces, 1, wanted->message_id);
    put_text(&pieces, 2, wanted->tenant_id);
    put_text(&pieces, 3, wanted->trace_id);
    put_text(&pieces, 4, wanted->message_type);
    put_text(&pieces, 5, wanted->payload);
    put_map(&pieces, 6, &wanted->message_metadata);
    put_number(&pieces, 7, bl_seed_next(&seed) >> 1);
    put_text(&pieces, 10, wanted->payload_ref);
    shuffle(&pieces, out);
}

static void put_constraints(const struct wanted *wanted, struct pieces *pieces) {
    struct bl_buf *buf = next_piece(pieces);
    size_t begin = buf->len;

    if (wanted->max_cost != 0 || below(2) == 0) {
        bl_pb_write_double(buf, 2, wanted->max_cost);
    }
    if (wanted->max_latency_ms != 0 || below(2) == 0) {
        bl_pb_write_number(buf, 1, (uint64_t)wanted->max_latency_ms);
    }
    bl_pb_wrap(buf, 20, begin);
}

static void put_request(const struct wanted *wanted, struct bl_buf *out) {
    static struct pieces pieces;

    begin_pieces(&pieces);
    struct bl_buf *buf = next_piece(&pieces);
    size_t begin = buf->len;
    put_message(wanted, buf);
    bl_pb_wrap(buf, 1, begin);
    put_text(&pieces, 2, wanted->policy_id);
    put_map(&pieces, 3, &wanted->context);
    put_text(&pieces, 10, wanted->request_id);
    put_number(&pieces, 11, wanted->push_assignment);
    put_text(&pieces, 12, wanted->assignment_subject);
    put_text(&pieces, 13, wanted->notify_subject);
    put_text(&pieces, 14, wanted->idempotency_key);
    put_text(&pieces, 15, wanted->run_id);
    put_text(&pieces, 16, wanted->flow_id);
    put_text(&pieces, 17, wanted->step_id);
    put_number(&pieces, 18, wanted->explain);
    put_number(&pieces, 19, wanted->dry_run);
    put_constraints(wanted, &pieces);
    put_map(&pieces, 22, &wanted->metadata);
    put_text(&pieces, 1000 + below(100000), BL_STR("of a later version"));
    shuffle(&pieces, out);
    assert_false(out->overflowed || pieces.bytes.overflowed);
}

/* --- reading --------------------------------------------------------------------------------- */

static void check_text(const char *name, struct bl_str found, struct bl_str text) {
    if (bl_str_is_present(found) != bl_str_is_present(text) ||
        (bl_str_is_present(text) && !bl_str_equal(found, text))) {
        fail_msg("%s is \"%.*s\", not \"%.*s\"", name, BL_STR_ARG(found), BL_STR_ARG(text));
    }
}

static void check_value(const char *name, struct bl_json value, struct bl_str text, bool is_json) {
    struct bl_str found = BL_STR_ABSENT;

    if (is_json) {
        found = bl_json_source(value);
    } else {
        (void)bl_json_string(value, &found);
    }
    check_text(name, found, text);
}

static void check_map(const char *name, struct bl_json object, const struct map *map) {
    uint32_t count = 0;

    for (struct bl_json_iter iter = bl_json_iter(object); bl_json_next(&iter);) {
        count++;
    }
    assert_int_equal(count, map->count);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct entry *entry = &map->entries[i];
        check_value(name, bl_json_get(object, entry->key), entry->value, entry->is_json);
    }
}

static void check_payload(const struct wanted *wanted, struct bl_json payload) {
    char storage[2 * TEXT_MAX];
    struct bl_buf buf;

    if (wanted->payload_kind == PAYLOAD_NONE) {
        assert_int_equal(bl_json_type(payload), BL_JSON_ABSENT);
    } else if (wanted->payload_kind == PAYLOAD_BYTES) {
        bl_buf_init(&buf, storage, sizeof(storage));
        bl_base64url_write(&buf, wanted->payload.data, wanted->payload.len);
        check_value("payload", payload, bl_buf_view(&buf), false);
    } else {
        check_value("payload", payload, wanted->payload, wanted->payload_kind == PAYLOAD_JSON);
    }
}

static void check(const struct wanted *wanted, const struct bl_request *found) {
    struct bl_str id = bl_str_is_present(wanted->request_id)   ? wanted->request_id
                       : bl_str_is_present(wanted->message_id) ? wanted->message_id
                                                               : BL_STR("generated");

    assert_int_equal(found->dialect, BL_DIALECT_GATEWAY);
    check_text("request_id", found->request_id, id);
    check_text("message_id", found->message_id, wanted->message_id);
    check_text("tenant_id", found->tenant_id, wanted->tenant_id);
    check_text("trace_id", found->trace_id, wanted->trace_id);
    check_text("task_type", found->task_type,
               bl_str_is_present(wanted->message_type) ? wanted->message_type : BL_STR("unknown"));
    check_text("payload_ref", found->payload_ref, wanted->payload_ref);
    check_text("policy_id", found->policy_id, wanted->policy_id);
    check_text("assignment_subject", found->assignment_subject, wanted->assignment_subject);
    check_text("notify_subject", found->notify_subject, wanted->notify_subject);
    check_text("idempotency_key", found->idempotency_key, wanted->idempotency_key);
    check_text("run_id", found->run_id, wanted->run_id);
    check_text("flow_id", found->flow_id, wanted->flow_id);
    check_text("step_id", found->step_id, wanted->step_id);
    assert_int_equal(found->push_assignment, wanted->push_assignment);
    assert_int_equal(found->explain, wanted->explain);
    assert_int_equal(found->dry_run, wanted->dry_run);
    assert_int_equal(found->max_latency_ms,
                     wanted->max_latency_ms == 0 ? -1 : wanted->max_latency_ms);
    if (wanted->max_cost == 0) {
        assert_true(found->max_cost_nano == BL_MONEY_UNKNOWN);
    } else {
        double nano = wanted->max_cost * 1e9;
        assert_true((double)found->max_cost_nano >= nano - 1 &&
                    (double)found->max_cost_nano <= nano + 1);
    }
    check_payload(wanted, found->payload);
    check_map("message.metadata", found->message_metadata, &wanted->message_metadata);
    check_map("context", found->context, &wanted->context);
    check_map("metadata", found->metadata, &wanted->metadata);
}

static void a_request_is_what_was_said(void **state) {
    static char storage[32 * 1024];
    static struct bl_decide_request found;
    static struct wanted wanted;
    struct bl_refusal refusal;
    struct bl_buf out;
    (void)state;
    for (int i = 0; i < REQUESTS; i++) {
        bl_arena_reset(&arena);
        bl_buf_init(&out, storage, sizeof(storage));
        random_request(&wanted);
        put_request(&wanted, &out);
        struct bl_message message = message_of(bl_buf_view(&out), NULL);
        bl_proto_detect(&message, &arena);
        assert_int_equal(message.codec, BL_CODEC_PROTOBUF);
        bl_result result = bl_proto_to_json(BL_PROTO_ROUTE_REQUEST, bl_buf_view(&out), &arena,
                                            &message.data, &refusal);
        if (bl_is_ok(result)) {
            result = bl_wire_decode_decide(&message, BL_STR("generated"), &bl_json_request_limits,
                                           &arena, &found, &refusal);
        }
        if (bl_is_error(result)) {
            fail_msg("request %d: %s %s", i, refusal.diag.path, refusal.diag.message);
        }
        check(&wanted, &found.request);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_is_what_was_said, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("wire/protobuf", tests, NULL, NULL);
}
