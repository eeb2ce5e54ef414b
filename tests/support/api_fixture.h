/* One worker's request path with policies of the test's, and a look into its replies. */
#ifndef BL_TESTS_API_FIXTURE_H
#define BL_TESTS_API_FIXTURE_H

#include "api/handler.h"
#include "support/header_list.h"
#include "support/policy_fixture.h"
#include "wire/decide_reply.h"

struct api_fixture {
    struct bl_api api;
    struct bl_arena arena;   /* the worker's */
    struct bl_arena scratch; /* the test's, for parsed replies */
    struct bl_catalog *catalog;
    struct bl_pins *pins;
    struct bl_policy *policies[4];
    size_t policy_count;
    struct bl_flow_moment moment;
    struct bl_api_report report;
    struct bl_buf reply;
    char reply_storage[BL_WIRE_REPLY_MAX_BYTES];
    struct bl_json root; /* of the last reply */
};

/* Tenants are believed and reads are open, as in the dev profile. */
static inline void api_fixture_init(struct api_fixture *fixture) {
    memset(fixture, 0, sizeof(*fixture));
    bl_arena_init(&fixture->arena, 64 * 1024, 8 * 1024 * 1024);
    bl_arena_init(&fixture->scratch, 64 * 1024, 32 * 1024 * 1024);
    bl_buf_init(&fixture->reply, fixture->reply_storage, sizeof(fixture->reply_storage));
    fixture->moment = (struct bl_flow_moment){.now_ns = INT64_C(1764000000123000000),
                                              .admission_id = {0xab, 0xcd}};
    assert(bl_is_ok(bl_pins_create(64, &fixture->pins)));
    fixture->api.flow = (struct bl_flow){.pins = fixture->pins, .key = {5}};
    fixture->api.tenants.believe_all = true;
    fixture->api.anonymous_reads = true;
    fixture->api.limits = bl_json_request_limits;
    fixture->api.arena = &fixture->arena;
}

/* Adds the policy (json_text form) and puts a new catalog in place. */
static inline void api_fixture_policy(struct api_fixture *fixture, const char *tenant_id,
                                      const char *policy_id, const char *quoted) {
    assert(fixture->policy_count < 4);
    fixture->policies[fixture->policy_count++] = fixture_policy(tenant_id, policy_id, quoted);
    bl_catalog_destroy(fixture->catalog);
    assert(bl_is_ok(
        bl_catalog_create(fixture->policies, fixture->policy_count, 1, &fixture->catalog)));
    fixture->api.flow.catalog = fixture->catalog;
}

static inline void api_fixture_fini(struct api_fixture *fixture) {
    bl_catalog_destroy(fixture->catalog);
    for (size_t i = 0; i < fixture->policy_count; i++) {
        bl_policy_unref(fixture->policies[i]);
    }
    bl_pins_destroy(fixture->pins);
    bl_arena_fini(&fixture->arena);
    bl_arena_fini(&fixture->scratch);
}

/* Handles `message` and reads the reply, which has to be one JSON object within the bound. */
static inline void api_fixture_send(struct api_fixture *fixture, enum bl_operation operation,
                                    const struct bl_message *message,
                                    struct bl_str subject_tenant) {
    struct bl_json_doc *doc;
    struct bl_diag diag;

    bl_api_handle(&fixture->api, operation, message, subject_tenant, &fixture->moment,
                  &fixture->reply, &fixture->report);
    assert(!fixture->reply.overflowed && fixture->reply.len <= BL_WIRE_REPLY_MAX_BYTES);
    bl_arena_reset(&fixture->scratch);
    doc = bl_arena_alloc(&fixture->scratch, sizeof(*doc));
    assert(doc != NULL &&
           bl_is_ok(bl_json_read(bl_buf_view(&fixture->reply), &bl_json_request_limits,
                                 &fixture->scratch, doc, &diag)));
    fixture->root = bl_json_root(doc);
    assert(bl_json_is(fixture->root, BL_JSON_OBJECT));
}

/* The same for a text in json_text form, without headers, on the shared subject. */
static inline enum bl_error api_fixture_ask(struct api_fixture *fixture,
                                            enum bl_operation operation, const char *quoted) {
    struct bl_message message = message_of(json_text(quoted), NULL);

    api_fixture_send(fixture, operation, &message, BL_STR_ABSENT);
    return fixture->report.error;
}

/* The source text of the reply's value at `path`, as a C string; "" if there is none. Lives until
 * the fourth call after this one. */
static inline const char *api_fixture_at(const struct api_fixture *fixture, const char *path) {
    static char storage[4][2048];
    static unsigned turn;
    struct bl_str source = bl_json_source(bl_json_path(fixture->root, bl_str_from_c(path)));
    char *text = storage[turn++ % 4];

    assert(source.len < sizeof(storage[0]));
    if (source.len > 0) {
        memcpy(text, source.data, source.len);
    }
    text[source.len] = '\0';
    return text;
}

#endif
