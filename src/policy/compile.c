#include "policy/compile.h"

#include <stdio.h>
#include <string.h>

#include "base/siphash.h"
#include "json/canonical.h"
#include "json/document.h"
#include "policy/draft.h"
#include "policy/keys.h"

#define CHUNK_BYTES 16384
#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define QUOTE_BYTES 80

/* Contents hash the same on every router: the key is public. */
static const uint8_t content_key[BL_SIPHASH_KEY_BYTES] = "beamline.docs.v1";

static const struct bl_json_limits limits = {
    .max_bytes = BL_POLICY_MAX_BYTES, .max_depth = 64, .max_nodes = 128 * 1024};

static bool is_id(struct bl_str id) {
    if (id.len < 1 || id.len > 255 || bl_str_equal(id, BL_STR(".")) ||
        bl_str_equal(id, BL_STR(".."))) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        char c = id.data[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '.' || c == ':' || c == '-';
        if (!good) {
            return false;
        }
    }
    return true;
}

bool bl_policy_id_is_valid(struct bl_str id) {
    return is_id(id);
}

bool bl_tenant_id_is_valid(struct bl_str id, bool shared) {
    return is_id(id) || (shared && bl_str_equal(id, BL_STR("*")));
}

/* The document may repeat under which name it is stored, but not contradict it. */
static void check_name(struct bl_draft *draft, struct bl_json value, const char *key,
                       struct bl_str stored) {
    size_t mark = bl_draft_enter(draft, bl_str_from_c(key));
    struct bl_str text;

    if (value.doc != NULL && !bl_json_string(value, &text)) {
        bl_draft_wrong_type(draft, value, "a text");
    } else if (value.doc != NULL && !bl_str_equal(text, stored)) {
        struct bl_diag *diag = bl_draft_error(draft, value);
        struct bl_str said = bl_draft_quote(text, QUOTE_BYTES);
        struct bl_str kept = bl_draft_quote(stored, QUOTE_BYTES);
        bl_diag_message(diag, "says \"%.*s\", but the policy is stored as \"%.*s\"",
                        BL_STR_ARG(said), BL_STR_ARG(kept));
        bl_diag_hint(diag, "remove %s, or store the policy under that name", key);
    }
    bl_draft_leave(draft, mark);
}

static bl_result hash_contents(struct bl_draft *draft, struct bl_json root, size_t text_len) {
    /* What canonical text can have more of than its source: escapes (a control byte becomes six),
     * and values that YAML leaves out (two bytes become five). */
    size_t capacity = text_len * 6 + 64;
    char *storage = bl_arena_alloc(draft->scratch, capacity);
    struct bl_json_writer writer;
    struct bl_buf buf;
    char revision[17];

    if (storage == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_buf_init(&buf, storage, capacity);
    bl_json_writer_init(&writer, &buf);
    BL_TRY(bl_json_write_canonical(&writer, root, draft->scratch));
    if (!bl_json_writer_ok(&writer)) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    draft->policy->content_hash = bl_siphash64(content_key, buf.data, buf.len);
    (void)snprintf(revision, sizeof(revision), "%016llx",
                   (unsigned long long)draft->policy->content_hash);
    draft->policy->revision = bl_draft_copy(draft, (struct bl_str){revision, 12});
    return BL_OK;
}

/* Each op stems from a value of the document, or from a byte of an expression in it. */
static bl_result allocate_tables(struct bl_draft *draft, uint32_t node_count, size_t text_len) {
    uint32_t capacity = node_count + (uint32_t)text_len + 16;
    struct bl_code *code = &draft->code;

    code->arena = draft->arena;
    code->op_capacity = capacity;
    code->constant_capacity = (uint16_t)(capacity < BL_CONSTANTS_MAX ? capacity : BL_CONSTANTS_MAX);
    code->pattern_capacity = BL_POLICY_MAX_PATTERNS;
    draft->providers =
        bl_arena_calloc(draft->scratch, BL_POLICY_MAX_PROVIDERS, sizeof(*draft->providers));
    draft->provider_sources =
        bl_arena_calloc(draft->scratch, BL_POLICY_MAX_PROVIDERS, sizeof(*draft->provider_sources));
    draft->facts = bl_arena_calloc(draft->scratch, BL_POLICY_MAX_FACTS, sizeof(*draft->facts));
    code->ops = bl_arena_alloc(draft->scratch, capacity * sizeof(*code->ops));
    code->constants =
        bl_arena_alloc(draft->scratch, code->constant_capacity * sizeof(*code->constants));
    code->patterns =
        bl_arena_calloc(draft->scratch, code->pattern_capacity, sizeof(const struct bl_pattern *));
    return draft->providers == NULL || draft->provider_sources == NULL || draft->facts == NULL ||
                   code->ops == NULL || code->constants == NULL || code->patterns == NULL
               ? BL_FAIL(RESOURCE_EXHAUSTED)
               : BL_OK;
}

static void read_document(struct bl_draft *draft, struct bl_json root) {
    struct bl_draft_notes *notes = draft->notes;

    draft->policy->limits.budget.reserve_max_nano = BL_MONEY_UNKNOWN;
    bl_keys_set_defaults(draft, &bl_document_keys, &draft->document);
    bl_keys_read(draft, root, &bl_document_keys, &draft->document);
    if (!bl_json_is(root, BL_JSON_OBJECT)) {
        return;
    }
    draft->policy->sticky.sliding = notes->ttl_mode == 1;
    draft->policy->limits.allow_on_store_outage = notes->on_outage == 1;
    check_name(draft, notes->tenant_id, "tenant_id", draft->policy->tenant_id);
    check_name(draft, notes->policy_id, "policy_id", draft->policy->policy_id);
    bl_compile_providers(draft);
    bl_compile_fallbacks(draft); /* before rules: what it names can be narrowed, too */
    bl_compile_rules(draft);
    bl_compile_strategy(draft);
    bl_compile_steps(draft);
    bl_compile_metadata(draft);
    bl_lint(draft, root);
}

/* Moves the tables from scratch memory into the policy's. */
static void keep_tables(struct bl_draft *draft) {
    struct bl_policy *policy = draft->policy;
    const struct {
        const void *from;
        size_t count, size;
        const void **to;
    } tables[] = {
        {draft->providers, policy->provider_count, sizeof(struct bl_provider),
         (const void **)&policy->providers},
        {draft->code.ops, draft->code.op_count, sizeof(struct bl_op),
         (const void **)&policy->program.ops},
        {draft->code.constants, draft->code.constant_count, sizeof(struct bl_value),
         (const void **)&policy->program.constants},
        {draft->code.patterns, draft->code.pattern_count, sizeof(const struct bl_pattern *),
         (const void **)&policy->program.patterns},
        {draft->facts, policy->fact_count, sizeof(struct bl_fact), (const void **)&policy->facts},
    };

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        void *kept = bl_draft_alloc(draft, tables[i].count, tables[i].size);
        if (kept != NULL) {
            memcpy(kept, tables[i].from, tables[i].count * tables[i].size);
        }
        *tables[i].to = kept;
    }
    policy->program.op_count = draft->code.op_count;
    policy->program.constant_count = draft->code.constant_count;
    policy->program.pattern_count = draft->code.pattern_count;
    for (int i = 0; i < policy->provider_count; i++) {
        const struct bl_provider *provider = &draft->providers[i];
        bl_provider_set_add(&policy->all, i);
        if (provider->listed && provider->weight > 0) {
            bl_provider_set_add(&policy->weighted, i);
        }
        if (provider->last_resort) {
            bl_provider_set_add(&policy->last_resort, i);
        }
    }
}

/* Puts the finished policy into its own arena. */
static bl_result finish(struct bl_draft *draft, struct bl_arena *arena, struct bl_policy **out) {
    keep_tables(draft);
    struct bl_policy *policy = bl_draft_alloc(draft, 1, sizeof(*policy));
    if (draft->out_of_memory) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    BL_TRY(bl_rule_index_build(draft->policy->rules, draft->policy->rule_count,
                               &draft->policy->program, draft->policy->fact_count, draft->arena,
                               &draft->policy->rule_index));
    *policy = *draft->policy;
    policy->arena = *arena;
    policy->references = 1;
    *out = policy;
    return BL_OK;
}

/* In the order of the document, for whoever goes through it from top to bottom. */
static void sort_findings(struct bl_findings *findings) {
    for (size_t i = 1; i < findings->count; i++) {
        struct bl_diag diag = findings->items[i];
        size_t j = i;
        for (; j > 0 && (findings->items[j - 1].line > diag.line ||
                         (findings->items[j - 1].line == diag.line &&
                          findings->items[j - 1].column > diag.column));
             j--) {
            findings->items[j] = findings->items[j - 1];
        }
        findings->items[j] = diag;
    }
}

static bl_result compile(struct bl_draft *draft, struct bl_str text, struct bl_arena *arena,
                         struct bl_policy **out) {
    struct bl_json_doc doc;
    struct bl_diag diag;

    bl_result result = bl_document_read(text, &limits, draft->scratch, &doc, &diag);
    if (bl_is_error(result)) {
        *bl_findings_add(draft->findings, BL_SEVERITY_ERROR) = diag;
        return result.error == BL_E_RESOURCE_EXHAUSTED ? result : BL_FAIL(INVALID_POLICY);
    }
    BL_TRY(allocate_tables(draft, doc.count, text.len));
    read_document(draft, bl_json_root(&doc));
    sort_findings(draft->findings);
    if (draft->out_of_memory) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    if (draft->findings->errors > 0) {
        return BL_FAIL(INVALID_POLICY);
    }
    BL_TRY(hash_contents(draft, bl_json_root(&doc), text.len));
    return finish(draft, arena, out);
}

bl_result bl_policy_compile(struct bl_str text, struct bl_str tenant_id, struct bl_str policy_id,
                            const struct bl_policy_options *options, struct bl_policy **out,
                            struct bl_findings *findings) {
    struct bl_arena arena, scratch;
    struct bl_draft draft = {.arena = &arena, .scratch = &scratch, .findings = findings};

    bl_findings_clear(findings);
    bl_arena_init(&arena, CHUNK_BYTES, ARENA_BYTES);
    bl_arena_init(&scratch, 4 * (size_t)CHUNK_BYTES, ARENA_BYTES);
    if (options != NULL) {
        draft.options = *options;
    }
    draft.policy = &draft.document.policy;
    draft.notes = &draft.document.notes;
    draft.policy->tenant_id = bl_draft_copy(&draft, tenant_id);
    draft.policy->policy_id = bl_draft_copy(&draft, policy_id);
    bl_result result = compile(&draft, text, &arena, out);
    bl_arena_fini(&scratch);
    if (bl_is_error(result)) {
        bl_arena_fini(&arena);
    }
    return result;
}
