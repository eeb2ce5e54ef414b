/* Finding, reading and compiling the policy that a path names. */
#include <inttypes.h>
#include <strings.h>

#include "api/administration.h"
#include "policy/compile.h"
#include "store/policy_key.h"

struct search {
    const struct bl_api_exchange *exchange;
    struct bl_policy_listing *out;
    bool found;
};

static bool try_listing(void *user, const struct bl_policy_listing *listing) {
    struct search *search = user;

    search->found = bl_str_equal(listing->tenant_id, search->exchange->tenant_id) &&
                    bl_str_equal(listing->policy_id, search->exchange->policy_id);
    if (search->found) {
        *search->out = *listing;
    }
    return !search->found;
}

bool bl_api_find_listing(struct bl_api_exchange *exchange, struct bl_policy_listing *out) {
    const struct bl_policy_admin *policies = exchange->api->policies;
    struct search search = {.exchange = exchange, .out = out};

    policies->each(policies->user, try_listing, &search);
    return search.found;
}

bl_result bl_api_refuse_absent(struct bl_api_exchange *exchange) {
    struct bl_diag *diag =
        bl_refusal_begin(&exchange->api->work.refusal, BL_E_POLICY_NOT_FOUND, BL_INTAKE_NONE);

    bl_diag_message(diag, "tenant %.*s has no policy '%.*s'", BL_STR_ARG(exchange->tenant_id),
                    BL_STR_ARG(exchange->policy_id));
    bl_diag_hint(diag, "GET /api/v1/policies lists what there is");
    return BL_FAIL(POLICY_NOT_FOUND);
}

static bl_result refuse_revision(struct bl_api_exchange *exchange, uint64_t revision,
                                 const struct bl_store_entry *entry, bool found) {
    struct bl_diag *diag;

    if (revision == BL_STORE_NEWEST && !found) {
        return bl_api_refuse_absent(exchange);
    }
    diag = bl_refusal_begin(&exchange->api->work.refusal, BL_E_POLICY_NOT_FOUND, BL_INTAKE_NONE);
    if (found && entry->deleted && (revision == BL_STORE_NEWEST || entry->revision == revision)) {
        bl_diag_message(diag, "revision %" PRIu64 " of '%.*s' is its deletion", entry->revision,
                        BL_STR_ARG(exchange->policy_id));
    } else {
        bl_diag_message(diag, "'%.*s' has no revision %" PRIu64 ", or no more",
                        BL_STR_ARG(exchange->policy_id), revision);
    }
    bl_diag_hint(diag, "its history shows the revisions; a rollback brings one back");
    return BL_FAIL(POLICY_NOT_FOUND);
}

bl_result bl_api_read_revision(struct bl_api_exchange *exchange, uint64_t revision,
                               struct bl_store_entry *entry) {
    const struct bl_policy_admin *policies = exchange->api->policies;
    struct bl_store *store = NULL;
    struct bl_policy_key key;
    struct bl_diag diag;
    bool found = false;

    bl_diag_clear(&diag);
    bl_result result = policies->store(policies->user, BL_STORE_READ, &store, &diag);
    if (bl_is_ok(result) && store != NULL) {
        result =
            bl_store_get(store, bl_policy_key_make(&key, exchange->tenant_id, exchange->policy_id),
                         revision, exchange->api->arena, entry, &found, &diag);
    }
    if (bl_is_error(result)) {
        return bl_api_refuse_with(exchange, result, &diag);
    }
    bool is_other = found && revision != BL_STORE_NEWEST && entry->revision != revision;
    if (!found || is_other || entry->deleted) {
        return refuse_revision(exchange, revision, entry, found);
    }
    return BL_OK;
}

bl_result bl_api_read_current(struct bl_api_exchange *exchange,
                              const struct bl_policy_listing *listing, struct bl_store_entry *entry,
                              struct bl_str *text) {
    const struct bl_policy_admin *policies = exchange->api->policies;
    struct bl_diag diag;

    *entry = (struct bl_store_entry){0};
    if (!bl_str_is_present(listing->file)) {
        BL_TRY(bl_api_read_revision(exchange, BL_STORE_NEWEST, entry));
        *text = entry->value;
        return BL_OK;
    }
    bl_diag_clear(&diag);
    bl_result result =
        policies->read_file(policies->user, listing->file, exchange->api->arena, text, &diag);
    return bl_is_ok(result) ? BL_OK : bl_api_refuse_with(exchange, result, &diag);
}

static bl_result refuse_policy(struct bl_api_exchange *exchange) {
    const struct bl_findings *findings = exchange->findings;
    struct bl_diag *diag =
        bl_refusal_begin(&exchange->api->work.refusal, BL_E_INVALID_POLICY, BL_INTAKE_NONE);
    size_t first = 0;

    while (first + 1 < findings->count && findings->items[first].severity != BL_SEVERITY_ERROR) {
        first++;
    }
    *diag = findings->items[first];
    if (findings->errors > 1) {
        bl_diag_hint(diag, "and %zu more; details list them all", findings->errors - 1);
    }
    return BL_FAIL(INVALID_POLICY);
}

bl_result bl_api_compile(struct bl_api_exchange *exchange, struct bl_str text,
                         const struct bl_policy **out) {
    const struct bl_policy_options options = {.warn_unknown_keys =
                                                  exchange->api->policies->warn_unknown_keys};
    struct bl_policy **slot = &exchange->compiled[exchange->compiled[0] == NULL ? 0 : 1];

    if (exchange->findings == NULL) {
        exchange->findings = bl_arena_alloc(exchange->api->arena, sizeof(*exchange->findings));
    }
    if (exchange->findings == NULL) {
        return bl_api_refuse_memory(exchange);
    }
    bl_result result = bl_policy_compile(text, exchange->tenant_id, exchange->policy_id, &options,
                                         slot, exchange->findings);
    if (bl_is_error(result)) {
        *slot = NULL;
        return result.error == BL_E_INVALID_POLICY ? refuse_policy(exchange)
                                                   : bl_api_refuse_memory(exchange);
    }
    *out = *slot;
    return BL_OK;
}

bl_result bl_api_read_document(struct bl_api_exchange *exchange, struct bl_str *text) {
    struct bl_str type = bl_headers_get(&exchange->message->headers, "content-type");
    struct bl_str body = bl_str_trim(exchange->message->data);
    static const char json[] = "application/json";

    *text = exchange->message->data;
    if (body.len == 0) {
        return bl_api_refuse_field(exchange, "", "the body is empty", "send the policy's document");
    }
    bool says_json =
        type.len >= sizeof(json) - 1 && strncasecmp(type.data, json, sizeof(json) - 1) == 0;
    if (says_json && body.data[0] != '{') {
        return bl_api_refuse_field(exchange, "", "the body is no JSON object",
                                   "for YAML say Content-Type: application/yaml");
    }
    return BL_OK;
}
