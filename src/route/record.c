#include "route/record.h"

#include <string.h>

#include "base/siphash.h"
#include "base/text.h"
#include "expression/time_value.h"

/*
 * Layout, all integers little-endian, a piece is a u32 length and its bytes:
 *   "BLR1"  u8 flags  policy: piece tenant, piece id, u64 content hash
 *   i64 now_ns  u64 seed  u32 attempt  i64 max_latency_ms  i64 max_cost_nano  u64 tokens
 *   session: u64 u64, piece pinned provider, i64 expiry       if HAS_SESSION
 *   limits:  i64 i64 u64 i64 i64 i64                          if HAS_LIMITS
 *   facts:   u16 count, each piece path, value
 *   states:  u16 count, each piece provider id, fields        if HAS_STATES
 */
static const char magic[4] = {'B', 'L', 'R', '1'};

/* As deep as a request can be set to be. */
#define VALUE_DEPTH_MAX 1024

enum { HAS_SESSION = 1, HAS_LIMITS = 2, HAS_STATES = 4, KNOWN_FLAGS = 7 };

/* --- writing ------------------------------------------------------------------------------- */

static void put(struct bl_buf *buf, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) {
        bl_buf_char(buf, (char)(value >> (8 * i)));
    }
}

static void put_i64(struct bl_buf *buf, int64_t value) {
    put(buf, (uint64_t)value, 8);
}

static void put_piece(struct bl_buf *buf, struct bl_str bytes) {
    put(buf, bytes.len, 4);
    bl_buf_str(buf, bytes);
}

static void put_string(struct bl_buf *buf, struct bl_str text, const uint8_t *redact_key) {
    char hidden[17] = {'~'};
    struct bl_buf digits;

    if (redact_key != NULL) {
        uint64_t hash = bl_siphash64(redact_key, text.data, text.len);
        bl_buf_init(&digits, hidden + 1, sizeof(hidden) - 1);
        bl_hex_write(&digits, &hash, sizeof(hash));
        text = (struct bl_str){hidden, sizeof(hidden)};
    }
    put_piece(buf, text);
}

static void put_value(struct bl_buf *buf, const struct bl_value *value, const uint8_t *redact_key);

/* Keys are names, not values: they are kept. */
static void put_items(struct bl_buf *buf, const struct bl_value *value, const uint8_t *redact_key) {
    struct bl_value_iter iter = bl_value_iter(value);
    bool is_map = bl_value_kind(value) == BL_VALUE_MAP;

    put(buf, (uint64_t)bl_value_size(value), 4);
    while (bl_value_next(&iter)) {
        if (is_map) {
            put_value(buf, &iter.key, NULL);
        }
        put_value(buf, &iter.value, redact_key);
    }
}

static void put_value(struct bl_buf *buf, const struct bl_value *value, const uint8_t *redact_key) {
    enum bl_value_type kind = bl_value_kind(value); /* what is a view of JSON here is none there */
    uint64_t bits;

    put(buf, kind, 1);
    switch (kind) {
    case BL_VALUE_BOOL:
        put(buf, value->as.boolean ? 1 : 0, 1);
        break;
    case BL_VALUE_INT:
        put_i64(buf, value->as.integer);
        break;
    case BL_VALUE_UINT:
        put(buf, value->as.unsigned_integer, 8);
        break;
    case BL_VALUE_DOUBLE:
        memcpy(&bits, &value->as.number, sizeof(bits));
        put(buf, bits, 8);
        break;
    case BL_VALUE_STRING:
        put_string(buf, (struct bl_str){value->as.string, value->count}, redact_key);
        break;
    case BL_VALUE_LIST:
    case BL_VALUE_MAP:
        put_items(buf, value, redact_key);
        break;
    case BL_VALUE_TIMESTAMP:
    case BL_VALUE_DURATION:
        put_i64(buf, value->as.integer);
        put(buf, value->count, 4);
        break;
    case BL_VALUE_ERROR:
        put_i64(buf, value->as.integer);
        break;
    default:
        break;
    }
}

static void put_state(struct bl_buf *buf, const struct bl_provider_state *state) {
    uint32_t error_rate;

    memcpy(&error_rate, &state->error_rate, sizeof(error_rate));
    put(buf, state->breaker, 1);
    put(buf, state->workers, 1);
    put(buf, state->rate_refused ? 1 : 0, 1);
    put(buf, state->half_open_in_use, 4);
    put(buf, state->inflight, 4);
    put(buf, error_rate, 4);
    put_i64(buf, state->breaker_retry_at_ms);
    put_i64(buf, state->cooldown_until_ms);
    put_i64(buf, state->latency_p50_ms);
    put_i64(buf, state->cost_mean_nano);
    put_i64(buf, state->cost_p95_nano);
}

static void put_limits(struct bl_buf *buf, const struct bl_limit_levels *levels) {
    put_i64(buf, levels->rate_tat_ns);
    put_i64(buf, levels->tokens_tat_ns);
    put(buf, levels->quota_used, 8);
    put_i64(buf, levels->quota_resets_ms);
    put_i64(buf, levels->budget_used_nano);
    put_i64(buf, levels->budget_resets_ms);
}

static void put_fact(struct bl_buf *buf, struct bl_str path, const struct bl_value *value,
                     const struct bl_record_options *options) {
    bool is_clear = options->is_clear != NULL && options->is_clear(options->user, path);

    put_piece(buf, path);
    put_value(buf, value, is_clear ? NULL : options->redact_key);
}

void bl_record_encode(const struct bl_decision_input *input, const uint8_t *redact_key,
                      struct bl_buf *buf) {
    const struct bl_record_options options = {.redact_key = redact_key};

    bl_record_encode_with(input, &options, buf);
}

bool bl_record_is_redacted(const struct bl_value *value) {
    uint64_t hash;

    return value->type == BL_VALUE_STRING && value->count == 1 + 2 * sizeof(hash) &&
           value->as.string[0] == '~' &&
           bl_hex_read((struct bl_str){value->as.string + 1, 2 * sizeof(hash)}, &hash,
                       sizeof(hash));
}

void bl_record_encode_with(const struct bl_decision_input *input,
                           const struct bl_record_options *options, struct bl_buf *buf) {
    const struct bl_policy *policy = input->policy;
    int flags = (input->has_session ? HAS_SESSION : 0) | (input->limits != NULL ? HAS_LIMITS : 0) |
                (input->states != NULL ? HAS_STATES : 0);

    bl_buf_bytes(buf, magic, sizeof(magic));
    put(buf, (uint64_t)flags, 1);
    put_piece(buf, bl_str_is_present(input->tenant_id) ? input->tenant_id : policy->tenant_id);
    put_piece(buf, policy->policy_id);
    put(buf, policy->content_hash, 8);
    put_i64(buf, input->now_ns);
    put(buf, input->seed, 8);
    put(buf, input->attempt, 4);
    put_i64(buf, input->max_latency_ms);
    put_i64(buf, input->max_cost_nano);
    put(buf, input->estimated_tokens, 8);
    if (input->has_session) {
        put(buf, input->session[0], 8);
        put(buf, input->session[1], 8);
        put_piece(buf,
                  input->pin == BL_PROVIDER_NONE ? BL_STR("") : policy->providers[input->pin].id);
        put_i64(buf, input->pin_expires_ms);
    }
    if (input->limits != NULL) {
        put_limits(buf, input->limits);
    }
    put(buf, (uint64_t)policy->fact_count + options->extra_count, 2);
    for (uint16_t i = 0; i < policy->fact_count; i++) {
        put_fact(buf, policy->facts[i].path, &input->facts[i], options);
    }
    for (uint16_t i = 0; i < options->extra_count; i++) {
        put_fact(buf, options->extras[i].path, &options->extras[i].value, options);
    }
    if (input->states != NULL) {
        put(buf, policy->provider_count, 2);
        for (uint16_t i = 0; i < policy->provider_count; i++) {
            put_piece(buf, policy->providers[i].id);
            put_state(buf, &input->states[i]);
        }
    }
}

/* --- reading ------------------------------------------------------------------------------- */

/* A cursor over hostile bytes: past the end it gives zeroes and remembers that it failed. */
struct cursor {
    const unsigned char *at;
    size_t left;
    bool failed;
};

static uint64_t take(struct cursor *cursor, int bytes) {
    uint64_t value = 0;

    if (cursor->left < (size_t)bytes) {
        cursor->failed = true;
        cursor->left = 0;
        return 0;
    }
    for (int i = 0; i < bytes; i++) {
        value |= (uint64_t)cursor->at[i] << (8 * i);
    }
    cursor->at += bytes;
    cursor->left -= (size_t)bytes;
    return value;
}

static int64_t take_i64(struct cursor *cursor) {
    return (int64_t)take(cursor, 8);
}

static struct bl_str take_piece(struct cursor *cursor) {
    size_t len = (size_t)take(cursor, 4);
    struct bl_str piece = {(const char *)cursor->at, len};

    if (cursor->failed || len > cursor->left) {
        cursor->failed = true;
        return BL_STR("");
    }
    cursor->at += len;
    cursor->left -= len;
    return piece;
}

static bl_result damaged(struct bl_diag *diag) {
    bl_diag_message(diag, "the record is damaged or cut off");
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result take_head(struct cursor *cursor, int *flags, struct bl_record_policy *policy,
                           struct bl_diag *diag) {
    char version[4];

    for (size_t i = 0; i < sizeof(version); i++) {
        version[i] = (char)take(cursor, 1);
    }
    if (cursor->failed || memcmp(version, magic, sizeof(magic)) != 0) {
        bl_diag_message(diag, "this is no decision record of a version that can be read");
        return BL_FAIL(INVALID_REQUEST);
    }
    *flags = (int)take(cursor, 1);
    policy->tenant_id = take_piece(cursor);
    policy->policy_id = take_piece(cursor);
    policy->content_hash = take(cursor, 8);
    return cursor->failed || (*flags & ~KNOWN_FLAGS) != 0 ? damaged(diag) : BL_OK;
}

bl_result bl_record_policy(struct bl_str bytes, struct bl_record_policy *out,
                           struct bl_diag *diag) {
    struct cursor cursor = {(const unsigned char *)bytes.data, bytes.len, false};
    int flags;

    bl_diag_clear(diag);
    return take_head(&cursor, &flags, out, diag);
}

static struct bl_value take_value(struct cursor *cursor, struct bl_arena *arena, unsigned depth,
                                  bool *no_memory);

static struct bl_value take_items(struct cursor *cursor, struct bl_arena *arena,
                                  enum bl_value_type type, unsigned depth, bool *no_memory) {
    uint32_t count = (uint32_t)take(cursor, 4);
    size_t values = (size_t)count * (type == BL_VALUE_MAP ? 2 : 1);
    struct bl_value *items = NULL;

    if (values > cursor->left || depth > VALUE_DEPTH_MAX) { /* each value takes a byte at least */
        cursor->failed = true;
        values = 0;
    } else {
        items = bl_arena_calloc(arena, values + 1, sizeof(*items));
        *no_memory = *no_memory || items == NULL;
    }
    for (size_t i = 0; items != NULL && i < values && !cursor->failed; i++) {
        items[i] = take_value(cursor, arena, depth + 1, no_memory);
    }
    return (struct bl_value){
        .type = (uint8_t)type, .count = items == NULL ? 0 : count, .as.items = items};
}

static struct bl_value take_value(struct cursor *cursor, struct bl_arena *arena, unsigned depth,
                                  bool *no_memory) {
    struct bl_value value = {.type = (uint8_t)take(cursor, 1)};
    struct bl_str text;
    uint64_t bits;

    switch ((enum bl_value_type)value.type) {
    case BL_VALUE_BOOL:
        bits = take(cursor, 1);
        cursor->failed = cursor->failed || bits > 1;
        value.as.boolean = bits == 1;
        break;
    case BL_VALUE_INT:
        value.as.integer = take_i64(cursor);
        break;
    case BL_VALUE_UINT:
        value.as.unsigned_integer = take(cursor, 8);
        break;
    case BL_VALUE_DOUBLE:
        bits = take(cursor, 8);
        memcpy(&value.as.number, &bits, sizeof(bits));
        break;
    case BL_VALUE_STRING:
        text = take_piece(cursor);
        value.count = (uint32_t)text.len;
        value.as.string = text.data;
        break;
    case BL_VALUE_LIST:
    case BL_VALUE_MAP:
        return take_items(cursor, arena, (enum bl_value_type)value.type, depth, no_memory);
    case BL_VALUE_TIMESTAMP:
    case BL_VALUE_DURATION:
        value.as.integer = take_i64(cursor);
        value.count = (uint32_t)take(cursor, 4);
        cursor->failed = cursor->failed || !bl_time_is_valid(&value);
        break;
    case BL_VALUE_ERROR:
        value.as.integer = take_i64(cursor);
        cursor->failed =
            cursor->failed || value.as.integer < 0 || value.as.integer >= BL_EVALUATION_ERROR_COUNT;
        break;
    case BL_VALUE_ABSENT:
    case BL_VALUE_NULL:
        break;
    default:
        cursor->failed = true;
    }
    return value;
}

static struct bl_provider_state take_state(struct cursor *cursor) {
    struct bl_provider_state state = {0};

    state.breaker = (uint8_t)take(cursor, 1);
    state.workers = (uint8_t)take(cursor, 1);
    uint64_t refused = take(cursor, 1);
    state.rate_refused = refused == 1;
    state.half_open_in_use = (uint32_t)take(cursor, 4);
    state.inflight = (uint32_t)take(cursor, 4);
    uint32_t error_rate = (uint32_t)take(cursor, 4);
    memcpy(&state.error_rate, &error_rate, sizeof(error_rate));
    state.breaker_retry_at_ms = take_i64(cursor);
    state.cooldown_until_ms = take_i64(cursor);
    state.latency_p50_ms = take_i64(cursor);
    state.cost_mean_nano = take_i64(cursor);
    state.cost_p95_nano = take_i64(cursor);
    cursor->failed = cursor->failed || state.breaker > BL_BREAKER_HALF_OPEN ||
                     state.workers > BL_WORKERS_GONE || refused > 1;
    return state;
}

/* The fact of that path. Records of one policy have the same paths in the same order: it is mostly
 * the next one. */
static int find_fact(const struct bl_policy *policy, struct bl_str path, uint32_t likely) {
    if (likely < policy->fact_count && bl_str_equal(policy->facts[likely].path, path)) {
        return (int)likely;
    }
    for (uint16_t f = 0; f < policy->fact_count; f++) {
        if (bl_str_equal(policy->facts[f].path, path)) {
            return f;
        }
    }
    return -1;
}

static bl_result take_facts(struct cursor *cursor, const struct bl_policy *policy,
                            bool other_revision, struct bl_arena *arena,
                            struct bl_decision_input *out) {
    struct bl_value *facts = bl_arena_calloc(arena, policy->fact_count + 1u, sizeof(*facts));
    uint32_t count = (uint32_t)take(cursor, 2);
    bool no_memory = facts == NULL;
    uint32_t likely = 0;

    for (uint16_t f = 0; other_revision && !no_memory && f < policy->fact_count; f++) {
        facts[f] = bl_error_value(BL_EVALUATION_NOT_RECORDED, 0);
    }
    for (uint32_t i = 0; i < count && !cursor->failed && !no_memory; i++) {
        struct bl_str path = take_piece(cursor);
        struct bl_value value = take_value(cursor, arena, 0, &no_memory);
        int fact = find_fact(policy, path, likely);
        if (fact >= 0) {
            facts[fact] = value;
            likely = (uint32_t)fact + 1;
        }
    }
    out->facts = facts;
    return no_memory ? BL_FAIL(RESOURCE_EXHAUSTED) : BL_OK;
}

static bl_provider_index find_provider(const struct bl_policy *policy, struct bl_str id,
                                       uint32_t likely) {
    return likely < policy->provider_count && bl_str_equal(policy->providers[likely].id, id)
               ? (bl_provider_index)likely
               : bl_policy_find_provider(policy, id);
}

static bl_result take_states(struct cursor *cursor, const struct bl_policy *policy,
                             struct bl_arena *arena, struct bl_decision_input *out) {
    struct bl_provider_state *states =
        bl_arena_calloc(arena, policy->provider_count + 1u, sizeof(*states));
    uint32_t count = (uint32_t)take(cursor, 2);

    if (states == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (uint16_t p = 0; p < policy->provider_count; p++) {
        states[p] = BL_PROVIDER_STATE_UNKNOWN;
    }
    for (uint32_t i = 0; i < count && !cursor->failed; i++) {
        bl_provider_index provider = find_provider(policy, take_piece(cursor), i);
        struct bl_provider_state state = take_state(cursor);
        if (provider != BL_PROVIDER_NONE) {
            states[provider] = state;
        }
    }
    out->states = states;
    return BL_OK;
}

static bl_result take_limits(struct cursor *cursor, struct bl_arena *arena,
                             struct bl_decision_input *out) {
    struct bl_limit_levels *levels = bl_arena_calloc(arena, 1, sizeof(*levels));

    if (levels == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    levels->rate_tat_ns = take_i64(cursor);
    levels->tokens_tat_ns = take_i64(cursor);
    levels->quota_used = take(cursor, 8);
    levels->quota_resets_ms = take_i64(cursor);
    levels->budget_used_nano = take_i64(cursor);
    levels->budget_resets_ms = take_i64(cursor);
    out->limits = levels;
    return BL_OK;
}

static void take_session(struct cursor *cursor, const struct bl_policy *policy,
                         struct bl_decision_input *out) {
    out->has_session = true;
    out->session[0] = take(cursor, 8);
    out->session[1] = take(cursor, 8);
    struct bl_str pinned = take_piece(cursor);
    out->pin = pinned.len == 0 ? BL_PROVIDER_NONE : bl_policy_find_provider(policy, pinned);
    out->pin_expires_ms = take_i64(cursor);
}

bl_result bl_record_decode(struct bl_str bytes, const struct bl_policy *policy, bool other_revision,
                           struct bl_arena *arena, struct bl_decision_input *out,
                           struct bl_diag *diag) {
    struct cursor cursor = {(const unsigned char *)bytes.data, bytes.len, false};
    struct bl_record_policy recorded;
    int flags;

    bl_diag_clear(diag);
    BL_TRY(take_head(&cursor, &flags, &recorded, diag));
    if (!other_revision && recorded.content_hash != policy->content_hash) {
        bl_diag_message(diag, "the record was made with another revision of policy \"%.*s\"",
                        BL_STR_ARG(recorded.policy_id));
        return BL_FAIL(INVALID_REQUEST);
    }
    *out = (struct bl_decision_input){
        .policy = policy, .tenant_id = recorded.tenant_id, .pin = BL_PROVIDER_NONE};
    out->now_ns = take_i64(&cursor);
    out->seed = take(&cursor, 8);
    out->attempt = (uint32_t)take(&cursor, 4);
    out->max_latency_ms = take_i64(&cursor);
    out->max_cost_nano = take_i64(&cursor);
    out->estimated_tokens = take(&cursor, 8);
    if ((flags & HAS_SESSION) != 0) {
        take_session(&cursor, policy, out);
    }
    if ((flags & HAS_LIMITS) != 0) {
        BL_TRY(take_limits(&cursor, arena, out));
    }
    BL_TRY(take_facts(&cursor, policy, other_revision, arena, out));
    if ((flags & HAS_STATES) != 0) {
        BL_TRY(take_states(&cursor, policy, arena, out));
    }
    return cursor.failed || cursor.left != 0 ? damaged(diag) : BL_OK;
}
