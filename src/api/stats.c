/* A few figures of the router, for people; programs read the metrics. */
#include "api/administration.h"

static void write_count(struct bl_json_writer *writer, struct bl_str key, uint64_t value) {
    bl_json_write_key(writer, key);
    bl_json_write_uint64(writer, value);
}

bl_result bl_api_stats(struct bl_api_exchange *exchange) {
    const struct bl_policy_admin *policies = exchange->api->policies;
    struct bl_admin_stats stats = {0};
    struct bl_json_writer writer;

    BL_TRY(bl_api_begin_administration(exchange));
    policies->stats(policies->user, &stats);
    bl_api_begin_reply(exchange, &writer);
    bl_json_write_key(&writer, BL_STR("ready"));
    bl_json_write_bool(&writer, stats.ready);
    bl_json_write_key(&writer, BL_STR("started_ms"));
    bl_json_write_int64(&writer, stats.started_ms);
    write_count(&writer, BL_STR("workers"), stats.workers);
    bl_json_write_key(&writer, BL_STR("policies"));
    bl_json_write_object_begin(&writer);
    write_count(&writer, BL_STR("files"), stats.files);
    write_count(&writer, BL_STR("stored"), stats.stored);
    write_count(&writer, BL_STR("shadowed"), stats.shadowed);
    write_count(&writer, BL_STR("broken"), stats.broken);
    bl_json_write_object_end(&writer);
    if (stats.has_store) {
        bl_json_write_key(&writer, BL_STR("store"));
        bl_json_write_object_begin(&writer);
        write_count(&writer, BL_STR("revision"), stats.store_revision);
        bl_json_write_key(&writer, BL_STR("readable"));
        bl_json_write_bool(&writer, !stats.store_unreadable);
        bl_json_write_object_end(&writer);
    }
    return bl_api_end_reply(exchange, &writer);
}
