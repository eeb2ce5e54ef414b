/* Changes of the store, with somebody else writing to it between looking and writing. */
#include "support/store_fixture.h"

#include <strings.h>

#include "api/handler.h"
#include "api/policy_admin.h"
#include "store/policy_key.h"
#include "wire/decide_reply.h"

static struct bl_api api;
static struct bl_arena arena;
static struct bl_buf reply;
static char reply_storage[BL_WIRE_REPLY_MAX_BYTES];
static struct bl_api_report report;
static struct bl_policy_listing filed; /* shown if it has a tenant */
static const char *if_match, *if_none_match, *author;
static const char *rival; /* what another process writes as soon as the head has been looked at */
static bool is_live;
static uint64_t went_live;

static void each(void *user, bl_policy_listing_fn visit, void *visitor) {
    (void)user;
    if (bl_str_is_present(filed.tenant_id)) {
        (void)visit(visitor, &filed);
    }
}

static bl_result give_store(void *user, enum bl_store_use use, struct bl_store **out,
                            struct bl_diag *diag) {
    (void)user;
    (void)use;
    (void)diag;
    *out = store;
    return BL_OK;
}

static bool go_live(void *user, uint64_t revision) {
    (void)user;
    went_live = revision;
    return is_live;
}

static void write_beside(const char *value) {
    const struct bl_store_sqlite_options options = {.create = true};
    const struct bl_store_note note = {.author = BL_STR("rival"), .message = BL_STR("")};
    struct bl_store *other;
    struct bl_policy_key key;
    struct bl_store_change change = {
        .key = bl_policy_key_make(&key, BL_STR("acme"), BL_STR("default")),
        .value = value[0] == '\0' ? BL_STR_ABSENT : bl_str_from_c(value)};

    must(bl_store_sqlite_open(store_path, &options, &other, &store_diag));
    must(bl_store_apply(other, &change, 1, &note, &store_diag));
    bl_store_close(other);
}

/* The author is asked for last, when preconditions have been checked. */
static struct bl_str header(const void *source, const char *name, size_t index) {
    (void)source;
    if (strcasecmp(name, "x-user-id") == 0 && rival != NULL) {
        const char *value = rival;
        rival = NULL;
        write_beside(value);
    }
    const char *value = strcasecmp(name, "if-match") == 0        ? if_match
                        : strcasecmp(name, "if-none-match") == 0 ? if_none_match
                        : strcasecmp(name, "x-user-id") == 0     ? author
                        : strcasecmp(name, "content-type") == 0  ? "application/json"
                                                                 : NULL;
    return index == 0 ? bl_str_from_c(value) : BL_STR_ABSENT;
}

static const struct bl_policy_admin policies = {
    .each = each, .store = give_store, .go_live = go_live};

static int set_up(void **state) {
    (void)set_up_store(state);
    bl_arena_init(&arena, 65536, (size_t)16 * 1024 * 1024);
    bl_buf_init(&reply, reply_storage, sizeof(reply_storage));
    api = (struct bl_api){.arena = &arena, .policies = &policies};
    filed = (struct bl_policy_listing){0};
    if_match = if_none_match = author = rival = NULL;
    is_live = true;
    went_live = 0;
    return 0;
}

static int tear_down(void **state) {
    bl_arena_fini(&arena);
    return tear_down_store(state);
}

static enum bl_error ask(enum bl_operation operation, const char *query, const char *body) {
    struct bl_operation_match match = {
        .operation = operation, .tenant_id = BL_STR("acme"), .policy_id = BL_STR("default")};
    const struct bl_api_call call = {&match, BL_STR("PUT"), bl_str_from_c(query)};
    const struct bl_message message = {
        .subject = BL_STR(""), .data = bl_str_from_c(body), .headers = {header, NULL}};
    const struct bl_flow_moment moment = {.now_ns = INT64_C(1764000000123000000)};

    api.call = &call;
    bl_api_handle(&api, operation, &message, BL_STR_ABSENT, &moment, &reply, &report);
    return report.error;
}

#define DOCUMENT(name) "{\"providers\":[{\"name\":\"" name "\"}]}"

static enum bl_error put_policy(const char *text) {
    return ask(BL_OPERATION_POLICY_PUT, NULL, text);
}

static bool reply_has(const char *part) {
    return memmem(reply.data, reply.len, part, strlen(part)) != NULL;
}

/* What the store holds now, and by whom. */
static void expect_head(const char *text, const char *by, uint64_t revision) {
    struct bl_store_entry entry;
    struct bl_policy_key key;
    struct bl_arena own;
    bool found;

    bl_arena_init(&own, 65536, (size_t)4 * 1024 * 1024);
    must(bl_store_get(store, bl_policy_key_make(&key, BL_STR("acme"), BL_STR("default")),
                      BL_STORE_NEWEST, &own, &entry, &found, &store_diag));
    assert_true(found);
    assert_true(bl_str_equal_c(entry.value, text));
    assert_true(bl_str_equal_c(entry.author, by));
    assert_int_equal(entry.revision, revision);
    bl_arena_fini(&own);
}

static void a_put_is_written_taken_over_and_told(void **state) {
    (void)state;
    author = "ada";
    assert_int_equal(put_policy(DOCUMENT("a")), BL_E_NONE);
    expect_head(DOCUMENT("a"), "ada", 1);
    assert_int_equal(went_live, 1);
    assert_true(bl_str_equal_c(report.etag, "\"1\""));
    assert_true(bl_str_equal_c(report.location, "/api/v1/policies/acme/default"));
    assert_true(reply_has("\"live\":true"));
    author = NULL;
    is_live = false;
    assert_int_equal(put_policy(DOCUMENT("b")), BL_E_NONE);
    expect_head(DOCUMENT("b"), "http", 2);
    assert_false(bl_str_is_present(report.location));
    assert_true(reply_has("\"live\":false,\"goes_live\":") && reply_has("\"previous_revision\":1"));
}

static void who_writes_in_between_is_not_overwritten(void **state) {
    (void)state;
    rival = DOCUMENT("theirs");
    if_none_match = "*";
    assert_int_equal(put_policy(DOCUMENT("ours")), BL_E_PRECONDITION_FAILED);
    expect_head(DOCUMENT("theirs"), "rival", 1);
    if_none_match = NULL;
    for (int any = 0; any < 2; any++) {
        rival = any == 0 ? DOCUMENT("second") : DOCUMENT("third");
        if_match = any == 0 ? "\"1\"" : "*";
        assert_int_equal(put_policy(DOCUMENT("ours")), BL_E_PRECONDITION_FAILED);
        assert_int_equal(went_live, 0);
        expect_head(any == 0 ? DOCUMENT("second") : DOCUMENT("third"), "rival", (uint64_t)any + 2);
    }
    if_match = "\"3\"";
    rival = DOCUMENT("fourth");
    assert_int_equal(ask(BL_OPERATION_POLICY_DELETE, NULL, ""), BL_E_PRECONDITION_FAILED);
    if_match = "\"4\"";
    rival = DOCUMENT("fifth");
    assert_int_equal(ask(BL_OPERATION_POLICY_ROLLBACK, "to=1", ""), BL_E_PRECONDITION_FAILED);
    expect_head(DOCUMENT("fifth"), "rival", 5);
    if_match = NULL; /* who does not ask for it takes what comes */
    rival = DOCUMENT("sixth");
    assert_int_equal(put_policy(DOCUMENT("ours")), BL_E_NONE);
    expect_head(DOCUMENT("ours"), "http", 7);
}

static void etags_are_compared_whole(void **state) {
    static const char *const wrong[] = {"\"11\"",      "\"\"", "1",      "W/\"1\"", "\"1",
                                        "\"2\",\"3\"", ",",    "\" 1\"", "\"1\"x",  "\"01\""};
    static const char *const right[] = {"\"%d\"", " \"%d\" ", "\"99\", \"%d\"", "\"%d\",", "*"};
    (void)state;
    assert_int_equal(put_policy(DOCUMENT("a")), BL_E_NONE);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if_match = wrong[i];
        if (put_policy(DOCUMENT("b")) != BL_E_PRECONDITION_FAILED) {
            fail_msg("%s", wrong[i]);
        }
    }
    expect_head(DOCUMENT("a"), "http", 1);
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        char text[64];
        struct bl_str form = bl_str_from_c(right[i]);
        const char *at = strstr(right[i], "%d");
        size_t before = at == NULL ? form.len : (size_t)(at - right[i]);
        (void)snprintf(text, sizeof(text), "%.*s", (int)before, right[i]);
        if (at != NULL) {
            (void)snprintf(text + before, sizeof(text) - before, "%zu%s", i + 1, at + 2);
        }
        if_match = text;
        assert_int_equal(put_policy(DOCUMENT("b")), BL_E_NONE);
    }
}

static void a_deleted_policy_matches_nothing(void **state) {
    (void)state;
    assert_int_equal(put_policy(DOCUMENT("a")), BL_E_NONE);
    assert_int_equal(ask(BL_OPERATION_POLICY_DELETE, NULL, ""), BL_E_NONE);
    assert_false(bl_str_is_present(report.etag));
    for (int i = 0; i < 2; i++) {
        if_match = i == 0 ? "\"2\"" : "*";
        assert_int_equal(put_policy(DOCUMENT("b")), BL_E_PRECONDITION_FAILED);
    }
    if_match = NULL;
    assert_int_equal(ask(BL_OPERATION_POLICY_DELETE, NULL, ""), BL_E_POLICY_NOT_FOUND);
    if_none_match = "*";
    assert_int_equal(ask(BL_OPERATION_POLICY_ROLLBACK, "to=1", ""), BL_E_NONE);
    expect_head(DOCUMENT("a"), "http", 3);
}

static void limits_hold(void **state) {
    static char longest[BL_STORE_AUTHOR_MAX + 2];
    static char query[BL_STORE_MESSAGE_MAX + 20] = "message=";
    (void)state;
    memset(longest, 'a', BL_STORE_AUTHOR_MAX);
    author = longest;
    assert_int_equal(put_policy(DOCUMENT("a")), BL_E_NONE);
    longest[BL_STORE_AUTHOR_MAX] = 'a';
    assert_int_equal(put_policy(DOCUMENT("a")), BL_E_INVALID_REQUEST);
    author = NULL;
    memset(query + 8, 'm', BL_STORE_MESSAGE_MAX);
    assert_int_equal(ask(BL_OPERATION_POLICY_PUT, query, DOCUMENT("a")), BL_E_NONE);
    query[8 + BL_STORE_MESSAGE_MAX] = 'm';
    assert_int_equal(ask(BL_OPERATION_POLICY_PUT, query, DOCUMENT("a")), BL_E_INVALID_REQUEST);
    expect_head(DOCUMENT("a"), "http", 2);
}

static void files_are_not_written(void **state) {
    (void)state;
    filed = (struct bl_policy_listing){.tenant_id = BL_STR("acme"),
                                       .policy_id = BL_STR("default"),
                                       .file = BL_STR("/p/acme/default.yaml")};
    assert_int_equal(put_policy(DOCUMENT("a")), BL_E_FORBIDDEN);
    assert_true(reply_has("\"code\":\"forbidden\"") && reply_has("/p/acme/default.yaml"));
    assert_int_equal(ask(BL_OPERATION_POLICY_DELETE, NULL, ""), BL_E_FORBIDDEN);
    assert_int_equal(ask(BL_OPERATION_POLICY_ROLLBACK, "to=1", ""), BL_E_FORBIDDEN);
    assert_int_equal(went_live, 0);
}

static void where_none_is_done_it_is_refused(void **state) {
    (void)state;
    api.policies = NULL;
    for (int o = BL_OPERATION_WORKER_COUNT; o < BL_OPERATION_COUNT; o++) {
        assert_int_equal(ask((enum bl_operation)o, NULL, DOCUMENT("a")), BL_E_FORBIDDEN);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_put_is_written_taken_over_and_told),
        TEST(who_writes_in_between_is_not_overwritten),
        TEST(etags_are_compared_whole),
        TEST(a_deleted_policy_matches_nothing),
        TEST(limits_hold),
        TEST(files_are_not_written),
        TEST(where_none_is_done_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
