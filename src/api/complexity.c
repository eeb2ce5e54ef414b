/*
 * How heavy a policy's extensions are, in the frozen shape of get_pipeline_complexity.
 *
 * Each extension is a round trip before the reply can leave. The score, 0 to 100, grows with their
 * number and with kinds that hold more than is recommended; its formula is kept from the router
 * that clients know, so that their thresholds mean the same.
 */
#include "api/handler_private.h"
#include "json/writer.h"

#define RECOMMENDED_TOTAL 4
#define RECOMMENDED_PER_KIND 2
#define STEP_LATENCY_MS 30
#define SLOW_LATENCY_MS 150
#define HIGH_SCORE 60

struct complexity {
    int pre, validators, post, total;
    int score;
    int latency_ms;
};

static int at_most(int value, int limit) {
    return value < limit ? value : limit;
}

static struct complexity measure(const struct bl_policy *policy) {
    struct complexity c = {.pre = policy->pre_count,
                           .validators = policy->validator_count,
                           .post = policy->post_count};
    int over;

    c.total = c.pre + c.validators + c.post;
    over = c.total - RECOMMENDED_TOTAL;
    c.latency_ms = c.total * STEP_LATENCY_MS;
    c.score = over <= 0 ? c.total * 60 / RECOMMENDED_TOTAL
                        : 60 + at_most(20, 5 * over) + at_most(20, 4 * over);
    c.score += c.pre > RECOMMENDED_PER_KIND ? 5 : 0;
    c.score += c.validators > RECOMMENDED_PER_KIND ? 5 : 0;
    c.score += c.post > RECOMMENDED_PER_KIND ? 5 : 0;
    c.score = at_most(c.score, 100);
    return c;
}

static struct bl_str level_of(int score) {
    if (score < 30) {
        return BL_STR("low");
    }
    if (score < HIGH_SCORE) {
        return BL_STR("medium");
    }
    return score < 80 ? BL_STR("high") : BL_STR("very_high");
}

static void write_number(struct bl_json_writer *writer, struct bl_str key, int value) {
    bl_json_write_key(writer, key);
    bl_json_write_int64(writer, value);
}

static void write_text_if(struct bl_json_writer *writer, bool holds, const char *text) {
    if (holds) {
        bl_json_write_string(writer, bl_str_from_c(text));
    }
}

static void write_limits(struct bl_json_writer *writer) {
    bl_json_write_key(writer, BL_STR("recommended_limits"));
    bl_json_write_object_begin(writer);
    write_number(writer, BL_STR("max_total"), RECOMMENDED_TOTAL);
    write_number(writer, BL_STR("max_pre"), RECOMMENDED_PER_KIND);
    write_number(writer, BL_STR("max_validators"), RECOMMENDED_PER_KIND);
    write_number(writer, BL_STR("max_post"), RECOMMENDED_PER_KIND);
    bl_json_write_object_end(writer);
}

static void write_advice(const struct complexity *c, struct bl_json_writer *writer) {
    bl_json_write_key(writer, BL_STR("warnings"));
    bl_json_write_array_begin(writer);
    write_text_if(writer, c->total > RECOMMENDED_TOTAL, "more than 4 extensions in all");
    write_text_if(writer, c->pre > RECOMMENDED_PER_KIND, "more than 2 pre-processors");
    write_text_if(writer, c->validators > RECOMMENDED_PER_KIND, "more than 2 validators");
    write_text_if(writer, c->post > RECOMMENDED_PER_KIND, "more than 2 post-processors");
    write_text_if(writer, c->latency_ms > SLOW_LATENCY_MS, "they may take more than 150 ms");
    bl_json_write_array_end(writer);
    bl_json_write_key(writer, BL_STR("recommendations"));
    bl_json_write_array_begin(writer);
    write_text_if(writer, c->score >= HIGH_SCORE,
                  "merge extensions, or give them conditions so that fewer run per request");
    bl_json_write_array_end(writer);
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
    struct complexity c = measure(policy);
    bl_json_writer_init(&writer, exchange->reply);
    bl_json_write_object_begin(&writer);
    write_number(&writer, BL_STR("total_extensions"), c.total);
    write_number(&writer, BL_STR("pre_count"), c.pre);
    write_number(&writer, BL_STR("validators_count"), c.validators);
    write_number(&writer, BL_STR("post_count"), c.post);
    write_number(&writer, BL_STR("complexity_score"), c.score);
    bl_json_write_member(&writer, BL_STR("complexity_level"), level_of(c.score));
    write_number(&writer, BL_STR("estimated_latency_ms"), c.latency_ms);
    write_limits(&writer);
    write_advice(&c, &writer);
    bl_json_write_object_end(&writer);
    return BL_OK;
}
