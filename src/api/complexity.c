/* How heavy a policy's extensions are, in the frozen shape of get_pipeline_complexity. */
#include "policy/complexity.h"

#include "api/handler_private.h"
#include "json/writer.h"

static void write_number(struct bl_json_writer *writer, struct bl_str key, int64_t value) {
    bl_json_write_key(writer, key);
    bl_json_write_int64(writer, value);
}

static void write_remarks(struct bl_json_writer *writer, struct bl_str key,
                          const char *const *remarks, unsigned count) {
    bl_json_write_key(writer, key);
    bl_json_write_array_begin(writer);
    for (unsigned i = 0; i < count; i++) {
        bl_json_write_string(writer, bl_str_from_c(remarks[i]));
    }
    bl_json_write_array_end(writer);
}

static void write_recommended_limits(struct bl_json_writer *writer) {
    bl_json_write_key(writer, BL_STR("recommended_limits"));
    bl_json_write_object_begin(writer);
    write_number(writer, BL_STR("max_total"), BL_PIPELINE_RECOMMENDED_TOTAL);
    write_number(writer, BL_STR("max_pre"), BL_PIPELINE_RECOMMENDED_PER_KIND);
    write_number(writer, BL_STR("max_validators"), BL_PIPELINE_RECOMMENDED_PER_KIND);
    write_number(writer, BL_STR("max_post"), BL_PIPELINE_RECOMMENDED_PER_KIND);
    bl_json_write_object_end(writer);
}

static void write_complexity(struct bl_json_writer *writer, const struct bl_complexity *it) {
    bl_json_write_object_begin(writer);
    write_number(writer, BL_STR("total_extensions"), it->total);
    write_number(writer, BL_STR("pre_count"), it->pre);
    write_number(writer, BL_STR("validators_count"), it->validators);
    write_number(writer, BL_STR("post_count"), it->post);
    write_number(writer, BL_STR("complexity_score"), it->score);
    bl_json_write_member(writer, BL_STR("complexity_level"),
                         bl_str_from_c(bl_complexity_level_word(it->level)));
    write_number(writer, BL_STR("estimated_latency_ms"), it->estimated_latency_ms);
    write_recommended_limits(writer);
    write_remarks(writer, BL_STR("warnings"), it->warnings, it->warning_count);
    write_remarks(writer, BL_STR("recommendations"), it->recommendations, it->recommendation_count);
    bl_json_write_object_end(writer);
}

bl_result bl_api_complexity(struct bl_api_exchange *exchange) {
    struct bl_api *api = exchange->api;
    struct bl_request *request = &api->work.decoded.request;
    const struct bl_policy *policy;
    struct bl_json_writer writer;
    struct bl_json body;

    BL_TRY(bl_api_begin_read(exchange, &body));
    BL_TRY(bl_api_read_names(exchange, body));
    policy = bl_catalog_find(api->flow.catalog, request->tenant_id, request->policy_id);
    if (policy == NULL) {
        return bl_flow_refuse_policy(request->tenant_id, request->policy_id, &api->work.refusal);
    }
    struct bl_complexity complexity = bl_pipeline_complexity(policy);
    bl_json_writer_init(&writer, exchange->reply);
    write_complexity(&writer, &complexity);
    return BL_OK;
}
