/* Extensions that the policy asks for. */
#include "json/writer.h"
#include "policy/draft.h"
#include "policy/keys.h"

#define CONFIG_BYTES 16384
#define METADATA_BYTES 65536

/* JSON text of an object, which may come from YAML. */
static struct bl_str json_text(struct bl_draft *draft, struct bl_json value, size_t max_bytes) {
    struct bl_json_writer writer;
    struct bl_buf buf;

    if (!bl_json_is(value, BL_JSON_OBJECT)) {
        bl_draft_wrong_type(draft, value, "an object");
        return BL_STR_ABSENT;
    }
    char *storage = bl_arena_alloc(draft->scratch, max_bytes);
    if (storage == NULL) {
        draft->out_of_memory = true;
        return BL_STR_ABSENT;
    }
    bl_buf_init(&buf, storage, max_bytes);
    bl_json_writer_init(&writer, &buf);
    bl_json_write_value(&writer, value);
    if (!bl_json_writer_ok(&writer)) {
        bl_diag_message(bl_draft_error(draft, value), "is larger than %zu bytes", max_bytes);
        return BL_STR_ABSENT;
    }
    return bl_draft_copy(draft, bl_buf_view(&buf));
}

static void compile_id(struct bl_draft *draft, struct bl_json value, struct bl_json given,
                       struct bl_step *out) {
    struct bl_str id;

    if (given.doc == NULL) {
        if (bl_json_is(value, BL_JSON_OBJECT)) {
            struct bl_diag *diag = bl_draft_error(draft, value);
            bl_diag_message(diag, "an extension needs an id");
            bl_diag_hint(diag, "write {id: pii_guard}");
        }
        return;
    }
    size_t mark = bl_draft_enter(draft, BL_STR("id"));
    if (!bl_json_string(given, &id) || !bl_policy_id_is_valid(id)) {
        bl_diag_message(bl_draft_error(draft, given),
                        "an extension's id has 1 to 255 of A-Z a-z 0-9 _ . : -");
    } else {
        out->id = bl_draft_copy(draft, id);
        bl_draft_leave(draft, mark);
        struct bl_diag *diag = bl_draft_warning(draft, value);
        struct bl_str shown = bl_draft_quote(id, 100);
        bool refuses = out->kind == BL_STEP_VALIDATOR ? out->on_fail == BL_STEP_BLOCK
                                                      : out->mode == BL_STEP_REQUIRED;
        bl_diag_message(diag, "the extension %.*s is not registered", BL_STR_ARG(shown));
        bl_diag_hint(diag, "%s",
                     refuses ? "until it is, requests of this policy are refused"
                             : "until it is, the step is skipped");
    }
    bl_draft_leave(draft, mark);
}

static void compile_step(struct bl_draft *draft, struct bl_json value, enum bl_step_kind kind,
                         struct bl_step *out) {
    const struct bl_key_table *table =
        kind == BL_STEP_VALIDATOR ? &bl_validator_keys : &bl_extension_keys;
    struct bl_step_item item = {.step = {.kind = kind}};

    bl_keys_set_defaults(draft, table, &item);
    bl_keys_read(draft, value, table, &item);
    *out = item.step;
    compile_id(draft, value, item.id, out);
    out->condition = bl_compile_condition(draft, item.when);
    if (item.config.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("config"));
        out->config = json_text(draft, item.config, CONFIG_BYTES);
        bl_draft_leave(draft, mark);
    }
}

static uint8_t compile_list(struct bl_draft *draft, struct bl_json list, enum bl_step_kind kind,
                            struct bl_step *out) {
    struct bl_json_iter it = bl_json_iter(list);
    uint32_t count = bl_json_count(list);

    if (!bl_json_is(list, BL_JSON_ARRAY)) {
        bl_draft_wrong_type(draft, list, "a list of extensions");
        return 0;
    }
    if (count > BL_POLICY_MAX_STEPS) {
        bl_diag_message(bl_draft_error(draft, list), "has %u extensions, more than %d",
                        (unsigned)count, BL_POLICY_MAX_STEPS);
        return 0;
    }
    for (uint32_t i = 0; bl_json_next(&it); i++) {
        size_t mark = bl_draft_enter_item(draft, i);
        compile_step(draft, it.value, kind, &out[i]);
        bl_draft_leave(draft, mark);
    }
    return (uint8_t)count;
}

/* One of the three lists, from whichever of its two places. In both it would have to be guessed
 * which was meant, and a validator must not be lost. */
static uint8_t compile_either(struct bl_draft *draft, const char *key, struct bl_json list,
                              struct bl_json nested, enum bl_step_kind kind, struct bl_step *out) {
    uint8_t count = 0;
    size_t nested_mark = draft->path_len;

    if (list.doc != NULL && nested.doc != NULL) {
        struct bl_diag *diag = bl_draft_error(draft, bl_draft_key_of(nested));
        bl_diag_path(diag, "extensions.%s", key);
        bl_diag_message(diag, "%s stands here and at the top of the policy", key);
        bl_diag_hint(diag, "join the two lists at the top");
    }
    if (list.doc == NULL && nested.doc != NULL) {
        nested_mark = bl_draft_enter(draft, BL_STR("extensions"));
        list = nested;
    }
    if (list.doc != NULL) {
        size_t mark = bl_draft_enter(draft, bl_str_from_c(key));
        count = compile_list(draft, list, kind, out);
        bl_draft_leave(draft, mark);
    }
    bl_draft_leave(draft, nested_mark);
    return count;
}

void bl_compile_steps(struct bl_draft *draft) {
    const struct bl_step_notes *top = &draft->notes->steps;
    const struct bl_step_notes *nested = &draft->notes->nested_steps;
    struct bl_policy *policy = draft->policy;
    struct bl_step *steps = bl_draft_alloc(draft, (size_t)3 * BL_POLICY_MAX_STEPS, sizeof(*steps));

    if (steps == NULL) {
        return;
    }
    policy->steps = steps;
    policy->pre_count = compile_either(draft, "pre", top->pre, nested->pre, BL_STEP_PRE, steps);
    steps += policy->pre_count;
    policy->validator_count = compile_either(draft, "validators", top->validators,
                                             nested->validators, BL_STEP_VALIDATOR, steps);
    steps += policy->validator_count;
    policy->post_count =
        compile_either(draft, "post", top->post, nested->post, BL_STEP_POST, steps);
}

void bl_compile_metadata(struct bl_draft *draft) {
    if (draft->notes->metadata.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("metadata"));
        draft->policy->metadata = json_text(draft, draft->notes->metadata, METADATA_BYTES);
        bl_draft_leave(draft, mark);
    }
}
