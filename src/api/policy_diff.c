/* What changes between two revisions of a policy, or from one to a document. */
#include "flow/diff.h"

#include "api/administration.h"
#include "json/document.h"

/* The document of a revision; 0 = what the source holds now. */
static bl_result read_text(struct bl_api_exchange *exchange, uint64_t revision,
                           struct bl_str *text) {
    struct bl_policy_listing listing;
    struct bl_store_entry entry;

    if (revision != 0) {
        BL_TRY(bl_api_read_revision(exchange, revision, &entry));
        *text = entry.value;
        return BL_OK;
    }
    if (!bl_api_find_listing(exchange, &listing)) {
        return bl_api_refuse_absent(exchange);
    }
    return bl_api_read_current(exchange, &listing, &entry, text);
}

/* Compiled, it is a document that can be read. */
static bl_result read_side(struct bl_api_exchange *exchange, struct bl_str text,
                           struct bl_json_doc *doc, struct bl_diff_side *side) {
    struct bl_diag diag;

    BL_TRY(bl_api_compile(exchange, text, &side->policy));
    bl_diag_clear(&diag);
    bl_result result =
        bl_document_read(text, &bl_policy_document_limits, exchange->api->arena, doc, &diag);
    if (bl_is_error(result)) {
        return bl_api_refuse_with(exchange, result, &diag);
    }
    side->document = bl_json_root(doc);
    return BL_OK;
}

static void write_change(void *user, const struct bl_diff_change *change) {
    struct bl_json_writer *writer = user;

    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("kind"), bl_str_from_c(bl_diff_kind_word(change->kind)));
    bl_json_write_member(writer, BL_STR("name"), change->name);
    if (bl_str_is_present(change->before)) {
        bl_json_write_key(writer, BL_STR("before"));
        bl_json_write_raw(writer, change->before);
    }
    if (bl_str_is_present(change->after)) {
        bl_json_write_key(writer, BL_STR("after"));
        bl_json_write_raw(writer, change->after);
    }
    bl_json_write_object_end(writer);
}

static bl_result read_sides(struct bl_api_exchange *exchange, struct bl_str texts[2]) {
    bool has_body = bl_str_equal_c(exchange->api->call->method, "POST");
    uint64_t from = 0;
    uint64_t to = 0;

    BL_TRY(bl_api_query_number(exchange, BL_QUERY_FROM, 1, BL_REVISION_MAX, &from));
    BL_TRY(bl_api_query_number(exchange, BL_QUERY_TO, 1, BL_REVISION_MAX, &to));
    if (has_body && to != 0) {
        return bl_api_refuse_field(exchange, "to", "stands beside a document to compare with",
                                   "leave one of them out");
    }
    if (!has_body && from == 0) {
        return bl_api_refuse_field(exchange, "from", "is missing",
                                   "name a revision, ?from=3, or send a document with POST");
    }
    BL_TRY(read_text(exchange, from, &texts[0]));
    return has_body ? bl_api_read_document(exchange, &texts[1])
                    : read_text(exchange, to, &texts[1]);
}

bl_result bl_api_policy_diff(struct bl_api_exchange *exchange) {
    struct bl_diff_side sides[2];
    struct bl_json_doc docs[2];
    struct bl_str texts[2] = {BL_STR_ABSENT, BL_STR_ABSENT};
    struct bl_json_writer writer;

    BL_TRY(bl_api_begin_administration(exchange));
    BL_TRY(read_sides(exchange, texts));
    BL_TRY(read_side(exchange, texts[0], &docs[0], &sides[0]));
    BL_TRY(read_side(exchange, texts[1], &docs[1], &sides[1]));
    bl_api_begin_reply(exchange, &writer);
    bl_api_write_names(exchange, &writer);
    bl_json_write_key(&writer, BL_STR("changes"));
    bl_json_write_array_begin(&writer);
    if (bl_is_error(
            bl_diff_policies(&sides[0], &sides[1], exchange->api->arena, write_change, &writer))) {
        return bl_api_refuse_memory(exchange);
    }
    bl_json_write_array_end(&writer);
    return bl_api_end_reply(exchange, &writer);
}
