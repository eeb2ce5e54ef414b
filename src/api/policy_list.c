/* Lists: policies, and the providers that they name. Pages are in the order of tenant and id. */
#include <stdlib.h>
#include <string.h>

#include "api/administration.h"

/* A page of providers ends with the policy that brings it here; one policy's are less than the rest
 * of the largest reply. */
#define PROVIDERS_PAGE_BYTES ((size_t)1024 * 1024)

struct item {
    struct bl_policy_listing listing;
    bool shadowed; /* in the store, and a file wins */
};

/* Listings on their way into a page. */
struct gathering {
    struct bl_str tenant, policy;             /* absent = all */
    struct bl_str after_tenant, after_policy; /* absent = from the start */
    struct item *items;                       /* NULL while they are counted */
    size_t count;
};

static int compare_ids(struct bl_str tenant_a, struct bl_str policy_a, struct bl_str tenant_b,
                       struct bl_str policy_b) {
    int order = bl_str_compare(tenant_a, tenant_b);

    return order != 0 ? order : bl_str_compare(policy_a, policy_b);
}

static bool gather(void *user, const struct bl_policy_listing *listing) {
    struct gathering *gathering = user;
    bool is_behind = !bl_str_is_present(gathering->after_tenant) ||
                     compare_ids(listing->tenant_id, listing->policy_id, gathering->after_tenant,
                                 gathering->after_policy) > 0;
    bool is_meant = (!bl_str_is_present(gathering->tenant) ||
                     bl_str_equal(listing->tenant_id, gathering->tenant)) &&
                    (!bl_str_is_present(gathering->policy) ||
                     bl_str_equal(listing->policy_id, gathering->policy));

    if (is_behind && is_meant) {
        if (gathering->items != NULL) {
            gathering->items[gathering->count].listing = *listing;
        }
        gathering->count++;
    }
    return true;
}

/* Files before the store's policies of the same name. */
static int by_ids(const void *a, const void *b) {
    const struct bl_policy_listing *x = &((const struct item *)a)->listing;
    const struct bl_policy_listing *y = &((const struct item *)b)->listing;
    int order = compare_ids(x->tenant_id, x->policy_id, y->tenant_id, y->policy_id);

    return order != 0 ? order : (int)bl_str_is_present(y->file) - (int)bl_str_is_present(x->file);
}

static bool is_same(const struct item *a, const struct item *b) {
    return compare_ids(a->listing.tenant_id, a->listing.policy_id, b->listing.tenant_id,
                       b->listing.policy_id) == 0;
}

static bl_result read_after(struct bl_api_exchange *exchange, struct gathering *gathering) {
    struct bl_str after = exchange->query[BL_QUERY_AFTER];

    if (!bl_str_is_present(after)) {
        return BL_OK;
    }
    const char *slash = memchr(after.data, '/', after.len);
    if (slash == NULL) {
        return bl_api_refuse_field(exchange, "after", "must be tenant/policy",
                                   "give back `next` of the page before");
    }
    gathering->after_tenant = (struct bl_str){after.data, (size_t)(slash - after.data)};
    gathering->after_policy =
        (struct bl_str){slash + 1, after.len - gathering->after_tenant.len - 1};
    return BL_OK;
}

/* What the query asks for, sorted. Takes some 30 ms for 100 000 policies. */
static bl_result read_items(struct bl_api_exchange *exchange, struct gathering *gathering) {
    const struct bl_policy_admin *policies = exchange->api->policies;

    gathering->tenant = exchange->query[BL_QUERY_TENANT];
    gathering->policy = exchange->query[BL_QUERY_POLICY];
    BL_TRY(read_after(exchange, gathering));
    policies->each(policies->user, gather, gathering);
    gathering->items =
        bl_arena_calloc(exchange->api->arena, gathering->count + 1, sizeof(struct item));
    if (gathering->items == NULL) {
        return bl_api_refuse_memory(exchange);
    }
    gathering->count = 0;
    policies->each(policies->user, gather, gathering);
    qsort(gathering->items, gathering->count, sizeof(struct item), by_ids);
    for (size_t i = 1; i < gathering->count; i++) {
        gathering->items[i].shadowed = is_same(&gathering->items[i - 1], &gathering->items[i]);
    }
    return BL_OK;
}

static void write_next(const struct item *last, struct bl_json_writer *writer) {
    char storage[520];
    struct bl_buf buf;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_buf_printf(&buf, "%.*s/%.*s", BL_STR_ARG(last->listing.tenant_id),
                  BL_STR_ARG(last->listing.policy_id));
    bl_json_write_member(writer, BL_STR("next"), bl_buf_view(&buf));
}

static void write_ids(const struct item *item, struct bl_json_writer *writer) {
    bl_json_write_member(writer, BL_STR("tenant_id"), item->listing.tenant_id);
    bl_json_write_member(writer, BL_STR("policy_id"), item->listing.policy_id);
}

static void write_policy(const struct item *item, struct bl_json_writer *writer) {
    const struct bl_policy_listing *listing = &item->listing;

    bl_json_write_object_begin(writer);
    write_ids(item, writer);
    bl_api_write_source(listing, writer);
    if (listing->revision != 0) {
        bl_json_write_key(writer, BL_STR("revision"));
        bl_json_write_uint64(writer, listing->revision);
    }
    if (item->shadowed) {
        bl_json_write_key(writer, BL_STR("shadowed"));
        bl_json_write_bool(writer, true);
    }
    if (listing->policy != NULL) {
        bl_json_write_key(writer, BL_STR("providers"));
        bl_json_write_int64(writer, listing->policy->provider_count);
        bl_json_write_key(writer, BL_STR("rules"));
        bl_json_write_int64(writer, listing->policy->rule_count);
    }
    bl_json_write_object_end(writer);
}

bl_result bl_api_policy_list(struct bl_api_exchange *exchange) {
    struct gathering gathering = {0};
    struct bl_json_writer writer;
    uint64_t limit = BL_PAGE_DEFAULT;
    size_t i = 0;

    BL_TRY(bl_api_begin_administration(exchange));
    BL_TRY(bl_api_query_number(exchange, BL_QUERY_LIMIT, 1, BL_PAGE_MAX, &limit));
    BL_TRY(read_items(exchange, &gathering));
    bl_api_begin_reply(exchange, &writer);
    bl_json_write_key(&writer, BL_STR("policies"));
    bl_json_write_array_begin(&writer);
    /* A page does not end between a file and the store's policy of that name. */
    while (i < gathering.count && (i < limit || gathering.items[i].shadowed)) {
        write_policy(&gathering.items[i++], &writer);
    }
    bl_json_write_array_end(&writer);
    if (i < gathering.count) {
        write_next(&gathering.items[i - 1], &writer);
    }
    return bl_api_end_reply(exchange, &writer);
}

static void write_tags(const struct bl_provider *provider, struct bl_json_writer *writer) {
    if (provider->tag_count == 0) {
        return;
    }
    bl_json_write_key(writer, BL_STR("tags"));
    bl_json_write_object_begin(writer);
    for (uint16_t i = 0; i < provider->tag_count; i++) {
        bl_json_write_member(writer, provider->tags[i].name, provider->tags[i].value);
    }
    bl_json_write_object_end(writer);
}

static void write_provider(const struct item *item, const struct bl_provider *provider,
                           struct bl_json_writer *writer) {
    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("provider_id"), provider->id);
    write_ids(item, writer);
    if (bl_str_is_present(provider->label)) {
        bl_json_write_member(writer, BL_STR("label"), provider->label);
    }
    bl_json_write_key(writer, BL_STR("listed"));
    bl_json_write_bool(writer, provider->listed);
    if (provider->listed) {
        bl_json_write_key(writer, BL_STR("weight"));
        bl_json_write_double(writer, provider->weight);
    }
    if (provider->last_resort) {
        bl_json_write_key(writer, BL_STR("last_resort"));
        bl_json_write_bool(writer, true);
    }
    write_tags(provider, writer);
    bl_json_write_object_end(writer);
}

bl_result bl_api_providers(struct bl_api_exchange *exchange) {
    struct gathering gathering = {0};
    struct bl_json_writer writer;
    uint64_t limit = BL_PAGE_DEFAULT;
    uint64_t shown = 0;
    size_t i = 0;

    BL_TRY(bl_api_begin_administration(exchange));
    BL_TRY(bl_api_query_number(exchange, BL_QUERY_LIMIT, 1, BL_PAGE_MAX, &limit));
    BL_TRY(read_items(exchange, &gathering));
    bl_api_begin_reply(exchange, &writer);
    bl_json_write_key(&writer, BL_STR("providers"));
    bl_json_write_array_begin(&writer);
    for (; i < gathering.count && shown < limit && exchange->reply->len < PROVIDERS_PAGE_BYTES;
         i++) {
        const struct item *item = &gathering.items[i];
        const struct bl_policy *policy = item->shadowed ? NULL : item->listing.policy;
        for (uint16_t p = 0; policy != NULL && p < policy->provider_count; p++, shown++) {
            write_provider(item, &policy->providers[p], &writer);
        }
    }
    bl_json_write_array_end(&writer);
    if (i < gathering.count) {
        write_next(&gathering.items[i - 1], &writer);
    }
    return bl_api_end_reply(exchange, &writer);
}
