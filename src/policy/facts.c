/* What conditions may read of a request. */
#include "policy/facts.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TOO_MANY_FACTS "the conditions read more than %d different values of the request"
#define QUOTE_BYTES 60

static const char *const request_facts[] = {"id", "run_id", "flow_id", "step_id", "user", NULL};
static const char *const attempt_facts[] = {"number", "status", "provider", NULL};

static const struct {
    const char *name;
    enum bl_fact_root root;
    const char *const *members; /* all there are; NULL = any */
} roots[] = {
    {"context", BL_FACT_CONTEXT, NULL},
    {"metadata", BL_FACT_METADATA, NULL},
    {"constraints", BL_FACT_CONSTRAINTS, NULL},
    {"task", BL_FACT_TASK, NULL},
    {"tenant", BL_FACT_TENANT, NULL},
    {"request", BL_FACT_REQUEST, request_facts},
    {"attempt", BL_FACT_ATTEMPT, attempt_facts},
};

/* Plain names that always meant something else than a key of the context. */
static const struct {
    const char *name;
    enum bl_fact_root root;
    const char *rest;
} aliases[] = {
    {"status", BL_FACT_ATTEMPT, "status"},
    {"message_type", BL_FACT_TASK, "type"},
    {"tenant_id", BL_FACT_TENANT, "id"},
    {"tenant", BL_FACT_TENANT, "id"},
};

static struct bl_fact parse_path(struct bl_str path) {
    struct bl_fact fact = {.path = path, .rest = path, .root = BL_FACT_PLAIN};
    const char *dot = memchr(path.data, '.', path.len);
    struct bl_str first = {path.data, dot == NULL ? path.len : (size_t)(dot - path.data)};

    for (size_t i = 0; i < COUNT(aliases); i++) {
        if (bl_str_equal_c(path, aliases[i].name)) {
            fact.root = aliases[i].root;
            fact.rest = bl_str_from_c(aliases[i].rest);
            return fact;
        }
    }
    for (size_t i = 0; i < COUNT(roots); i++) {
        if (bl_str_equal_c(first, roots[i].name)) {
            fact.root = roots[i].root;
            fact.rest =
                dot == NULL ? BL_STR("") : (struct bl_str){dot + 1, path.len - first.len - 1};
            return fact;
        }
    }
    return fact;
}

/* A name that its root does not have would be absent for ever. */
static void check_members(struct bl_draft *draft, struct bl_json value,
                          const struct bl_fact *fact) {
    struct bl_str names[8];
    size_t count = 0;
    const char *const *members = NULL;
    const char *root = NULL;

    for (size_t i = 0; i < COUNT(roots); i++) {
        if (roots[i].root == fact->root) {
            members = roots[i].members;
            root = roots[i].name;
        }
    }
    for (; members != NULL && members[count] != NULL; count++) {
        names[count] = bl_str_from_c(members[count]);
        if (bl_str_equal(names[count], fact->rest)) {
            return;
        }
    }
    if (members == NULL) {
        return;
    }
    struct bl_str nearest = bl_nearest(fact->rest, names, count);
    struct bl_str shown = bl_draft_quote(fact->path, QUOTE_BYTES);
    struct bl_diag *diag = bl_draft_warning(draft, value);
    bl_diag_message(diag, "there is no %.*s, so comparing it never holds", BL_STR_ARG(shown));
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %s.%.*s?", root, BL_STR_ARG(nearest));
    }
}

static bool is_path(struct bl_str path) {
    return path.len >= 1 && path.len <= BL_PATH_MAX_BYTES && path.data[0] != '.' &&
           path.data[path.len - 1] != '.' && memmem(path.data, path.len, "..", 2) == NULL;
}

/* The slot of a fact that is there already, or BL_OPERAND_NONE. */
static uint16_t find_fact(const struct bl_draft *draft, const struct bl_fact *fact) {
    for (uint16_t i = 0; i < draft->policy->fact_count; i++) {
        const struct bl_fact *known = &draft->facts[i];
        if (known->root == fact->root && known->projection == fact->projection &&
            bl_str_equal(known->rest, fact->rest)) {
            return i;
        }
    }
    return BL_OPERAND_NONE;
}

/* The fact with its projection around the path: "size(task.payload.prompt)". */
static uint16_t add_fact(struct bl_draft *draft, struct bl_str path,
                         struct bl_fact (*parse)(struct bl_str), enum bl_projection projection) {
    static const char *const before[] = {"", "size(", "has("};
    char storage[BL_PATH_MAX_BYTES + 8];
    struct bl_buf buf;
    uint16_t slot = draft->policy->fact_count;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_buf_str(&buf, bl_str_from_c(before[projection]));
    size_t open = buf.len;
    bl_buf_str(&buf, path);
    bl_buf_str(&buf, projection == BL_PROJECTION_VALUE ? BL_STR("") : BL_STR(")"));
    struct bl_str kept = bl_draft_copy(draft, bl_buf_view(&buf));
    if (!bl_str_is_present(kept)) {
        return BL_OPERAND_NONE; /* out of memory, which is noted */
    }
    draft->facts[slot] = parse((struct bl_str){kept.data + open, path.len});
    draft->facts[slot].path = kept;
    draft->facts[slot].projection = projection;
    draft->policy->fact_count++;
    return slot;
}

uint16_t bl_draft_fact(struct bl_draft *draft, struct bl_json value, struct bl_str path) {
    if (!is_path(path)) {
        bl_diag_message(bl_draft_error(draft, value),
                        "a path has 1 to %d bytes: names with single dots between them",
                        BL_PATH_MAX_BYTES);
        return BL_OPERAND_NONE;
    }
    struct bl_fact fact = parse_path(path);
    uint16_t slot = find_fact(draft, &fact);
    if (slot != BL_OPERAND_NONE) {
        return slot;
    }
    if (draft->policy->fact_count == BL_POLICY_MAX_FACTS) {
        if (!draft->too_many_facts) {
            bl_diag_message(bl_draft_error(draft, value), TOO_MANY_FACTS, BL_POLICY_MAX_FACTS);
        }
        draft->too_many_facts = true;
        return BL_OPERAND_NONE;
    }
    check_members(draft, value, &fact);
    return add_fact(draft, path, parse_path, BL_PROJECTION_VALUE);
}

/* --- what expressions read ------------------------------------------------------------------- */

static bool refuse_variable(struct bl_str path, struct bl_diag *diag) {
    const char *dot = memchr(path.data, '.', path.len);
    struct bl_str first = {path.data, dot == NULL ? path.len : (size_t)(dot - path.data)};
    struct bl_str names[COUNT(roots)];

    for (size_t i = 0; i < COUNT(roots); i++) {
        names[i] = bl_str_from_c(roots[i].name);
    }
    struct bl_str nearest = bl_nearest(first, names, COUNT(names));
    struct bl_str shown = bl_draft_quote(first, QUOTE_BYTES);
    bl_diag_message(diag, "there is no variable %.*s", BL_STR_ARG(shown));
    if (bl_status_from_word(first) >= 0) {
        bl_diag_hint(diag, "a status is written {status: [%.*s]}, or attempt.status == \"%.*s\"",
                     BL_STR_ARG(first), BL_STR_ARG(first));
    } else if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    } else {
        bl_diag_hint(diag,
                     "metadata.%.*s, context.%.*s or task.payload.%.*s? a text stands in "
                     "quotes",
                     BL_STR_ARG(shown), BL_STR_ARG(shown), BL_STR_ARG(shown));
    }
    return false;
}

/* A member of a variable that has a fixed set of them. */
static bool type_of_member(const char *root, const char *const *members, struct bl_str rest,
                           struct bl_diag *diag) {
    struct bl_str names[8] = {BL_STR_ABSENT};
    size_t count = 0;

    for (; members[count] != NULL; count++) {
        names[count] = bl_str_from_c(members[count]);
        if (bl_str_equal(names[count], rest)) {
            return true;
        }
    }
    struct bl_str nearest = bl_nearest(rest, names, count);
    struct bl_str shown = bl_draft_quote(rest, QUOTE_BYTES);
    if (rest.len == 0) {
        bl_diag_message(diag, "%s is no value by itself", root);
        bl_diag_hint(diag, "name a member: %s.%s", root, members[0]);
        return false;
    }
    bl_diag_message(diag, "%s has no %.*s", root, BL_STR_ARG(shown));
    bl_diag_hint(diag, "did you mean %s.%.*s?", root,
                 BL_STR_ARG(bl_str_is_present(nearest) ? nearest : names[0]));
    return false;
}

bool bl_fact_type(struct bl_str path, struct bl_type *type, struct bl_diag *diag) {
    const char *dot = memchr(path.data, '.', path.len);
    struct bl_str first = {path.data, dot == NULL ? path.len : (size_t)(dot - path.data)};
    struct bl_str rest = {path.data + first.len + (dot != NULL),
                          path.len - first.len - (dot != NULL)};

    *type = BL_TYPE_DYN;
    for (size_t i = 0; i < COUNT(roots); i++) {
        if (!bl_str_equal_c(first, roots[i].name)) {
            continue;
        }
        if (roots[i].members != NULL) {
            bool is_number = bl_str_equal(path, BL_STR("attempt.number"));
            *type = bl_type_of(is_number ? BL_VALUE_INT : BL_VALUE_STRING);
            return type_of_member(roots[i].name, roots[i].members, rest, diag);
        }
        bool is_tenant = roots[i].root == BL_FACT_TENANT;
        if (rest.len == 0 && is_tenant) {
            bl_diag_message(diag, "tenant is no value by itself");
            bl_diag_hint(diag, "its name is tenant.id");
            return false;
        }
        if (rest.len == 0) {
            *type = (struct bl_type){.kind = BL_VALUE_MAP, .key = BL_VALUE_STRING};
        } else if (is_tenant || bl_str_equal(path, BL_STR("task.type")) ||
                   bl_str_equal(path, BL_STR("task.payload_ref"))) {
            *type = bl_type_of(BL_VALUE_STRING);
        }
        return true;
    }
    if (bl_str_equal(first, BL_STR("now"))) {
        *type = bl_type_of(BL_VALUE_TIMESTAMP);
        if (rest.len > 0) {
            bl_diag_message(diag, "now is a timestamp and has no members");
            bl_diag_hint(diag, "for example now.getHours() or now.getDayOfWeek(\"+02:00\")");
        }
        return rest.len == 0;
    }
    return refuse_variable(path, diag);
}

static bool scope_type(void *user, struct bl_str path, struct bl_type *type, struct bl_diag *diag) {
    (void)user;
    return bl_fact_type(path, type, diag);
}

/* Expressions know `now`; in objects it has always been a key of the context. */
struct bl_fact bl_fact_parse(struct bl_str path) {
    struct bl_fact fact = parse_path(path);

    if (bl_str_equal(path, BL_STR("now"))) {
        fact.root = BL_FACT_NOW;
        fact.rest = BL_STR("");
    }
    return fact;
}

bool bl_fact_read(struct bl_str text, struct bl_fact *out) {
    static const struct bl_str before[] = {{"", 0}, {"size(", 5}, {"has(", 4}};
    struct bl_str path = text;
    struct bl_type type;
    struct bl_diag ignored;
    enum bl_projection projection = BL_PROJECTION_VALUE;

    for (int p = BL_PROJECTION_SIZE; p <= BL_PROJECTION_HAS; p++) {
        if (bl_str_starts_with(text, before[p]) && text.data[text.len - 1] == ')') {
            projection = (enum bl_projection)p;
            path = (struct bl_str){text.data + before[p].len, text.len - before[p].len - 1};
        }
    }
    bl_diag_clear(&ignored);
    if (!is_path(path) || !bl_fact_type(path, &type, &ignored)) {
        return false;
    }
    *out = bl_fact_parse(path);
    out->path = text;
    out->projection = projection;
    return true;
}

static uint16_t scope_slot(void *user, struct bl_str path, enum bl_projection projection,
                           struct bl_diag *diag) {
    struct bl_draft *draft = user;
    struct bl_fact fact = bl_fact_parse(path);

    fact.projection = projection;
    uint16_t slot = find_fact(draft, &fact);
    if (slot == BL_OPERAND_NONE && draft->policy->fact_count == BL_POLICY_MAX_FACTS) {
        bl_diag_message(diag, TOO_MANY_FACTS, BL_POLICY_MAX_FACTS);
    } else if (slot == BL_OPERAND_NONE) {
        slot = add_fact(draft, path, bl_fact_parse, projection);
        if (slot == BL_OPERAND_NONE) {
            bl_diag_message(diag, "there is no memory left");
        }
    }
    return slot;
}

struct bl_expression_scope bl_draft_scope(struct bl_draft *draft) {
    return (struct bl_expression_scope){
        .type_of = scope_type, .slot_of = scope_slot, .user = draft};
}

bool bl_fact_is_status(const struct bl_fact *fact) {
    return fact->root == BL_FACT_ATTEMPT && bl_str_equal(fact->rest, BL_STR("status"));
}
