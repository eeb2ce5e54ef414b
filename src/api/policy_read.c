/* Reading policies: one, an earlier revision, the history, the list. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/administration.h"
#include "json/document.h"
#include "store/policy_key.h"

/* --- one ------------------------------------------------------------------------------------- */

static bool wants_text(const struct bl_api_exchange *exchange) {
    struct bl_str accept = bl_headers_get(&exchange->message->headers, "accept");
    bool found = false;

    for (size_t i = 0; !found && i + 4 <= accept.len; i++) {
        found = strncasecmp(accept.data + i, "yaml", 4) == 0;
    }
    return found;
}

static void set_etag(struct bl_api_exchange *exchange, uint64_t revision, struct bl_str content) {
    struct bl_buf buf;

    bl_buf_init(&buf, exchange->api->work.etag, sizeof(exchange->api->work.etag));
    if (revision != 0) {
        bl_buf_printf(&buf, "\"%llu\"", (unsigned long long)revision);
    } else if (bl_str_is_present(content)) {
        bl_buf_printf(&buf, "\"file-%.*s\"", BL_STR_ARG(content));
    }
    exchange->etag = buf.len > 0 ? bl_buf_view(&buf) : BL_STR_ABSENT;
}

/* The document as a value; as a text where it cannot be read as one. */
static void write_document(struct bl_api_exchange *exchange, struct bl_str text,
                           struct bl_json_writer *writer) {
    struct bl_json_doc doc;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (bl_is_ok(bl_document_read(text, &bl_policy_document_limits, exchange->api->arena, &doc,
                                  &diag))) {
        bl_json_write_key(writer, BL_STR("document"));
        bl_json_write_value(writer, bl_json_root(&doc));
    } else {
        bl_json_write_member(writer, BL_STR("text"), text);
    }
}

static bl_result reply_text(struct bl_api_exchange *exchange, struct bl_str text) {
    bl_buf_str(exchange->reply, text);
    exchange->content_type = BL_STR("application/yaml");
    return BL_OK;
}

bl_result bl_api_policy_get(struct bl_api_exchange *exchange) {
    struct bl_policy_listing listing;
    struct bl_store_entry entry;
    struct bl_json_writer writer;
    struct bl_str text;

    BL_TRY(bl_api_begin_administration(exchange));
    if (!bl_api_find_listing(exchange, &listing)) {
        return bl_api_refuse_absent(exchange);
    }
    BL_TRY(bl_api_read_current(exchange, &listing, &entry, &text));
    struct bl_str content = listing.policy != NULL ? listing.policy->revision : BL_STR_ABSENT;
    set_etag(exchange, entry.revision, content);
    if (wants_text(exchange)) {
        return reply_text(exchange, text);
    }
    bl_api_begin_reply(exchange, &writer);
    bl_api_write_names(exchange, &writer);
    bl_api_write_source(&listing, &writer);
    if (entry.revision != 0) {
        bl_api_write_entry(&entry, &writer);
    }
    write_document(exchange, text, &writer);
    return bl_api_end_reply(exchange, &writer);
}

bl_result bl_api_policy_revision(struct bl_api_exchange *exchange) {
    struct bl_store_entry entry;
    struct bl_json_writer writer;
    uint64_t revision = 0;

    BL_TRY(bl_api_begin_administration(exchange));
    BL_TRY(bl_api_path_revision(exchange, &revision));
    BL_TRY(bl_api_read_revision(exchange, revision, &entry));
    set_etag(exchange, entry.revision, BL_STR_ABSENT);
    if (wants_text(exchange)) {
        return reply_text(exchange, entry.value);
    }
    bl_api_begin_reply(exchange, &writer);
    bl_api_write_names(exchange, &writer);
    bl_api_write_entry(&entry, &writer);
    write_document(exchange, entry.value, &writer);
    return bl_api_end_reply(exchange, &writer);
}

/* --- history --------------------------------------------------------------------------------- */

struct page {
    struct bl_json_writer *writer;
    uint64_t limit;
    size_t count;
    uint64_t last;
    bool has_more;
};

static bool write_revision(void *user, const struct bl_store_entry *entry) {
    struct page *page = user;

    if (page->count == page->limit) {
        page->has_more = true;
        return false;
    }
    bl_json_write_object_begin(page->writer);
    bl_api_write_entry(entry, page->writer);
    bl_json_write_object_end(page->writer);
    page->last = entry->revision;
    page->count++;
    return true;
}

bl_result bl_api_policy_history(struct bl_api_exchange *exchange) {
    const struct bl_policy_admin *policies = exchange->api->policies;
    struct bl_json_writer writer;
    struct page page = {.writer = &writer, .limit = BL_PAGE_DEFAULT};
    uint64_t before = BL_STORE_NEWEST;
    struct bl_store *store = NULL;
    struct bl_policy_key key;
    struct bl_diag diag;

    BL_TRY(bl_api_begin_administration(exchange));
    BL_TRY(bl_api_query_number(exchange, BL_QUERY_LIMIT, 1, BL_PAGE_MAX, &page.limit));
    BL_TRY(bl_api_query_number(exchange, BL_QUERY_BEFORE, 1, BL_REVISION_MAX, &before));
    bl_diag_clear(&diag);
    bl_api_begin_reply(exchange, &writer);
    bl_api_write_names(exchange, &writer);
    bl_json_write_key(&writer, BL_STR("revisions"));
    bl_json_write_array_begin(&writer);
    bl_result result = policies->store(policies->user, BL_STORE_READ, &store, &diag);
    if (bl_is_ok(result) && store != NULL) {
        result = bl_store_history(
            store, bl_policy_key_make(&key, exchange->tenant_id, exchange->policy_id), before,
            page.limit + 1, write_revision, &page, &diag);
    }
    if (bl_is_error(result)) {
        return bl_api_refuse_with(exchange, result, &diag);
    }
    if (page.count == 0 && before == BL_STORE_NEWEST) {
        return bl_api_refuse_absent(exchange);
    }
    bl_json_write_array_end(&writer);
    if (page.has_more) {
        bl_json_write_key(&writer, BL_STR("next"));
        bl_json_write_uint64(&writer, page.last);
    }
    return bl_api_end_reply(exchange, &writer);
}
