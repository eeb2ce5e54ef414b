/* Changing policies of the store: put, delete, rollback. A change is live before it is acknowledged. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/administration.h"
#include "store/policy_key.h"

#define NANOSECONDS_PER_MILLISECOND 1000000

/* A change under way. */
struct change {
    struct bl_store *store;
    struct bl_policy_key key;
    struct bl_store_change change;
    struct bl_store_entry head; /* zeroed = there was none */
    bool is_there;              /* the head is no deletion */
};

/* What is reviewed and deployed as files shall not be changed behind its back. */
static bl_result refuse_file(struct bl_api_exchange *exchange) {
    struct bl_policy_listing listing;
    struct bl_diag *diag;

    if (!bl_api_find_listing(exchange, &listing) || !bl_str_is_present(listing.file)) {
        return BL_OK;
    }
    diag = bl_refusal_begin(&exchange->api->work.refusal, BL_E_FORBIDDEN, BL_INTAKE_NONE);
    bl_diag_message(diag, "it comes from a file, %.*s", BL_STR_ARG(listing.file));
    bl_diag_hint(diag, "change the file; or move it out of policies.directory, and put it here");
    return BL_FAIL(FORBIDDEN);
}

static bl_result refuse_precondition(struct bl_api_exchange *exchange,
                                     const struct change *change) {
    struct bl_diag *diag =
        bl_refusal_begin(&exchange->api->work.refusal, BL_E_PRECONDITION_FAILED, BL_INTAKE_NONE);

    if (change->is_there) {
        bl_diag_message(diag, "the policy is there, at revision %" PRIu64, change->head.revision);
        bl_diag_hint(diag, "get it, bring your change into it, and send If-Match: \"%" PRIu64 "\"",
                     change->head.revision);
    } else {
        bl_diag_message(diag, "the policy is not there");
        bl_diag_hint(diag, "If-None-Match: * creates it");
    }
    return BL_FAIL(PRECONDITION_FAILED);
}

/* Whether the list of If-Match names the revision. Weak tags never match. */
static bool names_revision(struct bl_str list, uint64_t revision) {
    char storage[24];
    int len = snprintf(storage, sizeof(storage), "\"%" PRIu64 "\"", revision);

    while (list.len > 0) {
        const char *comma = memchr(list.data, ',', list.len);
        size_t item_len = comma == NULL ? list.len : (size_t)(comma - list.data);
        struct bl_str item = bl_str_trim((struct bl_str){list.data, item_len});
        if (bl_str_equal(item, (struct bl_str){storage, (size_t)len})) {
            return true;
        }
        list.data += comma == NULL ? item_len : item_len + 1;
        list.len -= comma == NULL ? item_len : item_len + 1;
    }
    return false;
}

static bl_result check_preconditions(struct bl_api_exchange *exchange, struct change *change) {
    const struct bl_headers *headers = &exchange->message->headers;
    struct bl_str match = bl_headers_get(headers, "if-match");
    struct bl_str none = bl_headers_get(headers, "if-none-match");

    if (bl_headers_conflict(headers, "if-match") || bl_headers_conflict(headers, "if-none-match")) {
        return bl_api_refuse_field(exchange, "If-Match", "stands twice, with different values",
                                   "send one, with a list");
    }
    if (bl_str_is_present(none)) {
        if (!bl_str_equal_c(bl_str_trim(none), "*")) {
            return bl_api_refuse_field(exchange, "If-None-Match", "must be *",
                                       "If-Match: \"<revision>\" guards a change");
        }
        if (change->is_there) {
            return refuse_precondition(exchange, change);
        }
        change->change.expect = BL_STORE_EXPECT_ABSENT;
    }
    if (bl_str_is_present(match)) {
        bool is_any = bl_str_equal_c(bl_str_trim(match), "*");
        if (!change->is_there || (!is_any && !names_revision(match, change->head.revision))) {
            return refuse_precondition(exchange, change);
        }
        change->change.expect = BL_STORE_EXPECT_REVISION;
        change->change.expected_revision = change->head.revision;
    }
    return BL_OK;
}

/* The store, and the policy's newest revision there. */
static bl_result begin(struct bl_api_exchange *exchange, enum bl_store_use use,
                       struct change *change) {
    const struct bl_policy_admin *policies = exchange->api->policies;
    struct bl_diag diag;
    bool found = false;

    *change = (struct change){0};
    change->change.key = bl_policy_key_make(&change->key, exchange->tenant_id, exchange->policy_id);
    bl_diag_clear(&diag);
    bl_result result = policies->store(policies->user, use, &change->store, &diag);
    if (bl_is_ok(result) && change->store != NULL) {
        result = bl_store_get(change->store, change->change.key, BL_STORE_NEWEST,
                              exchange->api->arena, &change->head, &found, &diag);
        if (change->head.damaged) { /* a damaged revision can be replaced */
            found = true;
            result = BL_OK;
        }
    }
    if (bl_is_error(result)) {
        return bl_api_refuse_with(exchange, result, &diag);
    }
    change->is_there = found && !change->head.deleted;
    return BL_OK;
}

static bl_result read_author(struct bl_api_exchange *exchange, struct bl_str *author) {
    struct bl_str given = bl_headers_get(&exchange->message->headers, "X-User-ID");

    *author = bl_str_is_blank(given) ? BL_STR("http") : given;
    if (author->len > BL_STORE_AUTHOR_MAX) {
        return bl_api_refuse_field(exchange, "X-User-ID", "is longer than 256 bytes", "");
    }
    return BL_OK;
}

static void write_outcome(struct bl_api_exchange *exchange, const struct change *change, bool live,
                          struct bl_json_writer *writer) {
    bl_api_begin_reply(exchange, writer);
    bl_api_write_names(exchange, writer);
    bl_json_write_key(writer, BL_STR("revision"));
    bl_json_write_uint64(writer, change->change.revision);
    if (change->head.revision != 0) {
        bl_json_write_key(writer, BL_STR("previous_revision"));
        bl_json_write_uint64(writer, change->head.revision);
    }
    bl_json_write_key(writer, BL_STR("live"));
    bl_json_write_bool(writer, live);
    if (!live) {
        bl_json_write_member(
            writer, BL_STR("goes_live"),
            BL_STR("once this router reads the store again, and no file has its name"));
    }
    if (exchange->findings != NULL && exchange->findings->warnings > 0) {
        bl_json_write_key(writer, BL_STR("warnings"));
        bl_api_write_findings(exchange->findings, BL_SEVERITY_WARNING, writer);
    }
}

static void set_headers(struct bl_api_exchange *exchange, const struct change *change) {
    struct bl_api_work *work = &exchange->api->work;
    struct bl_buf buf;

    if (!bl_str_is_present(change->change.value)) {
        return;
    }
    bl_buf_init(&buf, work->etag, sizeof(work->etag));
    bl_buf_printf(&buf, "\"%" PRIu64 "\"", change->change.revision);
    exchange->etag = bl_buf_view(&buf);
    if (!change->is_there) {
        bl_buf_init(&buf, work->location, sizeof(work->location));
        bl_buf_printf(&buf, "/api/v1/policies/%.*s/%.*s", BL_STR_ARG(exchange->tenant_id),
                      BL_STR_ARG(exchange->policy_id));
        exchange->location = bl_buf_view(&buf);
    }
}

/* Writes the change, takes it over, and tells. */
static bl_result apply(struct bl_api_exchange *exchange, struct change *change,
                       struct bl_str message) {
    const struct bl_policy_admin *policies = exchange->api->policies;
    struct bl_str given = exchange->query[BL_QUERY_MESSAGE];
    struct bl_store_note note = {.message = bl_str_is_present(given) ? given : message,
                                 .time_ms = exchange->moment->now_ns / NANOSECONDS_PER_MILLISECOND};
    struct bl_json_writer writer;
    struct bl_diag diag;

    BL_TRY(read_author(exchange, &note.author));
    bl_diag_clear(&diag);
    bl_result result = bl_store_apply(change->store, &change->change, 1, &note, &diag);
    if (bl_is_error(result)) {
        return bl_api_refuse_with(exchange, result, &diag);
    }
    bool live = policies->go_live(policies->user, change->change.revision);
    live = live && bl_is_ok(refuse_file(exchange)); /* one that came in the meantime wins */
    set_headers(exchange, change);
    write_outcome(exchange, change, live, &writer);
    return bl_api_end_reply(exchange, &writer);
}

bl_result bl_api_policy_put(struct bl_api_exchange *exchange) {
    const struct bl_policy *policy;
    struct change change;
    struct bl_str text;

    BL_TRY(bl_api_begin_administration(exchange));
    BL_TRY(refuse_file(exchange));
    BL_TRY(bl_api_read_document(exchange, &text));
    BL_TRY(bl_api_compile(exchange, text, &policy));
    BL_TRY(begin(exchange, BL_STORE_PUT, &change));
    BL_TRY(check_preconditions(exchange, &change));
    change.change.value = text;
    return apply(exchange, &change, BL_STR(""));
}

bl_result bl_api_policy_delete(struct bl_api_exchange *exchange) {
    struct change change;

    BL_TRY(bl_api_begin_administration(exchange));
    BL_TRY(refuse_file(exchange));
    BL_TRY(begin(exchange, BL_STORE_CHANGE, &change));
    BL_TRY(check_preconditions(exchange, &change));
    if (!change.is_there) {
        return bl_api_refuse_absent(exchange);
    }
    change.change.value = BL_STR_ABSENT;
    return apply(exchange, &change, BL_STR(""));
}

bl_result bl_api_policy_rollback(struct bl_api_exchange *exchange) {
    const struct bl_policy *policy;
    struct bl_store_entry old;
    struct change change;
    char message[64];
    uint64_t to = 0;

    BL_TRY(bl_api_begin_administration(exchange));
    BL_TRY(bl_api_query_number(exchange, BL_QUERY_TO, 1, BL_REVISION_MAX, &to));
    if (to == 0) {
        return bl_api_refuse_field(exchange, "to", "is missing",
                                   "name the revision to go back to: ?to=3");
    }
    BL_TRY(refuse_file(exchange));
    BL_TRY(bl_api_read_revision(exchange, to, &old));
    BL_TRY(bl_api_compile(exchange, old.value, &policy));
    BL_TRY(begin(exchange, BL_STORE_CHANGE, &change));
    BL_TRY(check_preconditions(exchange, &change));
    change.change.value = old.value;
    int len = snprintf(message, sizeof(message), "rollback to %" PRIu64, to);
    return apply(exchange, &change, (struct bl_str){message, (size_t)len});
}
