#include "flow/example.h"

#include "flow/decide.h"
#include "json/writer.h"
#include "policy/compile.h"

#define CANDIDATES_MAX 24
#define SLOTS_MAX 12
#define SIZE_MAX_SHOWN 400 /* longer texts make no example that anybody reads */

struct candidates {
    uint16_t slot;
    struct bl_value values[CANDIDATES_MAX];
    unsigned count;
    unsigned at;
};

struct search {
    const struct bl_example_query *query;
    struct bl_arena *arena;
    struct candidates slots[SLOTS_MAX];
    unsigned slot_count;
    bool is_complete; /* the candidates are all the cases there are */
    struct bl_value facts[BL_POLICY_MAX_FACTS];
};

/* --- which values make a difference ---------------------------------------------------------- */

static struct candidates *candidates_of(struct search *search, uint16_t slot) {
    for (unsigned i = 0; i < search->slot_count; i++) {
        if (search->slots[i].slot == slot) {
            return &search->slots[i];
        }
    }
    if (search->slot_count == SLOTS_MAX) {
        search->is_complete = false;
        return NULL;
    }
    struct candidates *made = &search->slots[search->slot_count++];
    *made = (struct candidates){.slot = slot};
    return made;
}

static void add_value(struct search *search, struct candidates *slot, struct bl_value value) {
    if (slot == NULL) {
        return;
    }
    for (unsigned i = 0; i < slot->count; i++) {
        if (slot->values[i].type == value.type &&
            (value.type == BL_VALUE_ABSENT || bl_value_equal(&slot->values[i], &value))) {
            return;
        }
    }
    if (slot->count == CANDIDATES_MAX) {
        search->is_complete = false;
        return;
    }
    slot->values[slot->count++] = value;
}

/* A text between `text` and whatever follows it. */
static struct bl_value text_behind(struct search *search, const struct bl_value *text) {
    char *longer = bl_arena_alloc(search->arena, text->count + 2);

    if (longer == NULL) {
        return (struct bl_value){.type = BL_VALUE_ABSENT};
    }
    memcpy(longer, text->as.string, text->count);
    longer[text->count] = '~';
    return bl_value_text((struct bl_str){longer, text->count + 1});
}

/* The constant, and where order counts its neighbours. */
static void add_around(struct search *search, struct candidates *slot,
                       const struct bl_value *constant, bool is_order) {
    bool is_list = constant->type == BL_VALUE_LIST;

    for (uint32_t i = 0; is_list && i < constant->count; i++) {
        add_value(search, slot, constant->as.items[i]);
    }
    if (is_list) {
        return;
    }
    add_value(search, slot, *constant);
    if (!is_order) {
        return;
    }
    if (constant->type == BL_VALUE_INT && constant->as.integer > INT64_MIN &&
        constant->as.integer < INT64_MAX) {
        add_value(search, slot, bl_value_int(constant->as.integer - 1));
        add_value(search, slot, bl_value_int(constant->as.integer + 1));
    } else if (constant->type == BL_VALUE_DOUBLE) {
        for (int step = -1; step <= 1; step += 2) {
            struct bl_value near = *constant;
            near.as.number += step * (constant->as.number == 0 ? 1 : constant->as.number / 2);
            add_value(search, slot, near);
        }
    } else if (constant->type == BL_VALUE_STRING) {
        add_value(search, slot, text_behind(search, constant));
    }
}

/* Facts that no request says. */
static bool is_out_of_reach(const struct bl_fact *fact) {
    bool is_user = fact->root == BL_FACT_REQUEST && bl_str_equal_c(fact->rest, "user");
    bool is_attribute =
        fact->root == BL_FACT_TENANT && !bl_str_equal_c(fact->rest, "id") && fact->rest.len > 0;
    return fact->root == BL_FACT_NOW || fact->root == BL_FACT_ATTEMPT || is_user || is_attribute;
}

static bool is_order(const struct bl_op *op) {
    return op->op >= BL_OP_LESS && op->op <= BL_OP_GREATER_EQUAL;
}

/* Whether the values around the constant are all the cases of this op. Between two texts there is
 * always another, and a list can hold anything. */
static bool is_case_by_case(const struct bl_op *op, uint16_t operand,
                            const struct bl_value *constant) {
    if (op->op == BL_OP_OPERAND) {
        return true;
    }
    if (op->op < BL_OP_EQUAL || op->op > BL_OP_IN || constant == NULL) {
        return false;
    }
    if (op->op == BL_OP_IN) {
        return operand == op->left;
    }
    return constant->type != BL_VALUE_LIST && constant->type != BL_VALUE_MAP &&
           !(is_order(op) && constant->type == BL_VALUE_STRING);
}

static void add_operand(struct search *search, const struct bl_op *op, uint16_t operand,
                        uint16_t other) {
    const struct bl_program *program = &search->query->policy->program;

    if (operand >= BL_OPERAND_NONE) {
        return;
    }
    struct candidates *slot = candidates_of(search, operand);
    const struct bl_value *constant = bl_operand_constant(program, other);
    search->is_complete = search->is_complete && is_case_by_case(op, operand, constant);
    if (constant != NULL) {
        add_around(search, slot, constant, is_order(op));
    }
}

static void collect(struct search *search, uint32_t condition) {
    const struct bl_op *ops = search->query->policy->program.ops;

    for (uint32_t i = condition; condition != BL_CONDITION_ALWAYS && i < ops[condition].end; i++) {
        add_operand(search, &ops[i], ops[i].left, ops[i].right);
        add_operand(search, &ops[i], ops[i].right, ops[i].left);
        if (ops[i].op > BL_OP_OPERAND) {
            search->is_complete = false;
        }
    }
}

/* Numbers between those that conditions name: 1.5 for x > 1 && x < 2. */
static void add_between(struct search *search, struct candidates *slot) {
    double numbers[CANDIDATES_MAX];
    unsigned count = 0;

    for (unsigned i = 0; i < slot->count; i++) {
        const struct bl_value *value = &slot->values[i];
        bool is_int = value->type == BL_VALUE_INT;
        if (!is_int && value->type != BL_VALUE_DOUBLE) {
            continue;
        }
        double number = is_int ? (double)value->as.integer : value->as.number;
        if (!(number > -9e15 && number < 9e15)) { /* where doubles skip integers */
            search->is_complete = false;
            continue;
        }
        unsigned at = count++;
        for (; at > 0 && numbers[at - 1] > number; at--) {
            numbers[at] = numbers[at - 1];
        }
        numbers[at] = number;
    }
    for (unsigned i = 0; i + 1 < count; i++) {
        struct bl_value between = {.type = BL_VALUE_DOUBLE,
                                   .as.number = (numbers[i] + numbers[i + 1]) / 2};
        add_value(search, slot, between);
    }
}

/* What every fact may be besides: nothing, or something that no constant is. */
static void add_others(struct search *search) {
    const struct bl_policy *policy = search->query->policy;

    for (unsigned i = 0; i < search->slot_count; i++) {
        struct candidates *slot = &search->slots[i];
        const struct bl_fact *fact = &policy->facts[slot->slot];
        if (is_out_of_reach(fact)) {
            search->is_complete = false;
            slot->count = 0;
            add_value(search, slot,
                      fact->root == BL_FACT_ATTEMPT && bl_str_equal_c(fact->rest, "number")
                          ? bl_value_int(1)
                          : (struct bl_value){.type = BL_VALUE_ABSENT});
            continue;
        }
        if (fact->projection == BL_PROJECTION_HAS) {
            slot->count = 0;
            add_value(search, slot, bl_value_bool(true));
            add_value(search, slot, bl_value_bool(false));
            continue;
        }
        if (fact->projection == BL_PROJECTION_SIZE) {
            add_value(search, slot, bl_value_int(0));
        } else {
            add_between(search, slot);
            add_value(search, slot, bl_value_text(BL_STR("other")));
            add_value(search, slot, bl_value_bool(true));
        }
        add_value(search, slot, (struct bl_value){.type = BL_VALUE_ABSENT});
    }
}

/* --- as a request ---------------------------------------------------------------------------- */

/* One value of the request. */
struct entry {
    struct bl_str path;
    struct bl_value value;
    int64_t size; /* ≥ 0: a text of so many characters instead */
};

struct entries {
    struct entry items[SLOTS_MAX];
    unsigned count;
};

static bool has_path(const struct entries *entries, struct bl_str path) {
    for (unsigned i = 0; i < entries->count; i++) {
        if (bl_str_equal(entries->items[i].path, path)) {
            return true;
        }
    }
    return false;
}

static bool belongs(enum bl_fact_root fact, enum bl_fact_root wanted) {
    return fact == wanted || (fact == BL_FACT_PLAIN && wanted == BL_FACT_CONTEXT);
}

/* Values first: a size or a presence beside them follows from them. */
static struct entries entries_of(const struct search *search, enum bl_fact_root root) {
    struct entries entries = {.count = 0};

    for (int projection = BL_PROJECTION_VALUE; projection <= BL_PROJECTION_HAS; projection++) {
        for (unsigned i = 0; i < search->slot_count; i++) {
            const struct bl_fact *fact = &search->query->policy->facts[search->slots[i].slot];
            struct bl_value value = search->facts[search->slots[i].slot];
            bool is_said = value.type != BL_VALUE_ABSENT &&
                           !(value.type == BL_VALUE_BOOL && !value.as.boolean &&
                             projection == BL_PROJECTION_HAS);
            if ((int)fact->projection != projection || !belongs(fact->root, root) || !is_said ||
                fact->rest.len == 0 || has_path(&entries, fact->rest)) {
                continue;
            }
            entries.items[entries.count++] = (struct entry){
                fact->rest, value, projection == BL_PROJECTION_SIZE ? value.as.integer : -1};
        }
    }
    return entries;
}

static void write_plain(struct bl_json_writer *writer, const struct bl_value *value) {
    switch ((enum bl_value_type)value->type) {
    case BL_VALUE_BOOL:
        bl_json_write_bool(writer, value->as.boolean);
        break;
    case BL_VALUE_INT:
        bl_json_write_int64(writer, value->as.integer);
        break;
    case BL_VALUE_UINT:
        bl_json_write_uint64(writer, value->as.unsigned_integer);
        break;
    case BL_VALUE_DOUBLE:
        bl_json_write_double(writer, value->as.number);
        break;
    case BL_VALUE_STRING:
        bl_json_write_string(writer, bl_value_str(value));
        break;
    default:
        bl_json_write_null(writer);
        break;
    }
}

static void write_entry(struct bl_json_writer *writer, const struct entry *entry) {
    char filler[SIZE_MAX_SHOWN];

    if (entry->size < 0) {
        write_plain(writer, &entry->value);
        return;
    }
    size_t len = entry->size > SIZE_MAX_SHOWN ? SIZE_MAX_SHOWN : (size_t)entry->size;
    memset(filler, 'x', sizeof(filler));
    bl_json_write_string(writer, (struct bl_str){filler, len});
}

/* The members below `prefix`, which ends with a dot or is empty. */
static void write_members(struct bl_json_writer *writer, const struct entries *entries,
                          struct bl_str prefix) {
    for (unsigned i = 0; i < entries->count; i++) {
        struct bl_str path = entries->items[i].path;
        if (!bl_str_starts_with(path, prefix) || path.len == prefix.len) {
            continue;
        }
        const char *start = path.data + prefix.len;
        const char *dot = memchr(start, '.', path.len - prefix.len);
        struct bl_str name = {start, dot == NULL ? path.len - prefix.len : (size_t)(dot - start)};
        struct bl_str whole = {path.data, prefix.len + name.len};
        bool is_written = false; /* by an entry before this one */
        for (unsigned j = 0; j < i && !is_written; j++) {
            struct bl_str other = entries->items[j].path;
            is_written = bl_str_starts_with(other, whole) &&
                         (other.len == whole.len || other.data[whole.len] == '.');
        }
        if (is_written) {
            continue;
        }
        bl_json_write_key(writer, name);
        if (dot == NULL) {
            write_entry(writer, &entries->items[i]);
        } else {
            bl_json_write_object_begin(writer);
            write_members(writer, entries, (struct bl_str){path.data, whole.len + 1});
            bl_json_write_object_end(writer);
        }
    }
}

static void write_root(struct bl_json_writer *writer, const struct search *search,
                       enum bl_fact_root root, const char *key) {
    struct entries entries = entries_of(search, root);

    if (entries.count > 0) {
        bl_json_write_key(writer, bl_str_from_c(key));
        bl_json_write_object_begin(writer);
        write_members(writer, &entries, BL_STR(""));
        bl_json_write_object_end(writer);
    }
}

static void write_task(struct bl_json_writer *writer, const struct search *search) {
    struct entries entries = entries_of(search, BL_FACT_TASK);
    bool has_payload = false;

    bl_json_write_key(writer, BL_STR("task"));
    bl_json_write_object_begin(writer);
    for (unsigned i = 0; i < entries.count; i++) {
        has_payload = has_payload || bl_str_starts_with(entries.items[i].path, BL_STR("payload"));
    }
    if (!has_path(&entries, BL_STR("type"))) {
        bl_json_write_member(writer, BL_STR("type"), BL_STR("text.generate"));
    }
    write_members(writer, &entries, BL_STR(""));
    if (!has_payload) {
        bl_json_write_key(writer, BL_STR("payload"));
        bl_json_write_object_begin(writer);
        bl_json_write_object_end(writer);
    }
    bl_json_write_object_end(writer);
}

/* Names of the request stand at its top, request.id as request_id. */
static void write_names(struct bl_json_writer *writer, const struct search *search) {
    struct entries entries = entries_of(search, BL_FACT_REQUEST);

    for (unsigned i = 0; i < entries.count; i++) {
        struct bl_str name = entries.items[i].path;
        bl_json_write_key(writer, bl_str_equal_c(name, "id") ? BL_STR("request_id") : name);
        write_plain(writer, &entries.items[i].value);
    }
}

static struct bl_str tenant_of(const struct search *search) {
    for (unsigned i = 0; i < search->slot_count; i++) {
        const struct bl_fact *fact = &search->query->policy->facts[search->slots[i].slot];
        const struct bl_value *value = &search->facts[search->slots[i].slot];
        if (fact->root == BL_FACT_TENANT && value->type == BL_VALUE_STRING) {
            return bl_value_str(value);
        }
    }
    return BL_STR("demo");
}

static bool write_request(struct search *search, struct bl_str *out) {
    char *storage = bl_arena_alloc(search->arena, BL_EXAMPLE_MAX_BYTES);
    struct bl_json_writer writer;
    struct bl_buf buf;

    if (storage == NULL) {
        return false;
    }
    bl_buf_init(&buf, storage, BL_EXAMPLE_MAX_BYTES);
    bl_json_writer_init(&writer, &buf);
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("tenant_id"), tenant_of(search));
    write_names(&writer, search);
    write_task(&writer, search);
    write_root(&writer, search, BL_FACT_METADATA, "metadata");
    write_root(&writer, search, BL_FACT_CONTEXT, "context");
    write_root(&writer, search, BL_FACT_CONSTRAINTS, "constraints");
    bl_json_write_object_end(&writer);
    *out = bl_buf_view(&buf);
    return bl_json_writer_ok(&writer);
}

bool bl_example_read(struct bl_str text, struct bl_arena *arena, struct bl_json_doc *doc,
                     struct bl_request *request) {
    const struct {
        const char *key;
        struct bl_str *field;
    } names[] = {
        {"request_id", &request->request_id}, {"run_id", &request->run_id},
        {"flow_id", &request->flow_id},       {"step_id", &request->step_id},
        {"tenant_id", &request->tenant_id},
    };
    struct bl_diag diag;

    bl_request_init(request);
    if (bl_is_error(bl_json_read(text, &bl_json_request_limits, arena, doc, &diag))) {
        return false;
    }
    struct bl_json root = bl_json_root(doc);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct bl_json value = bl_json_get(root, bl_str_from_c(names[i].key));
        if (value.doc != NULL && !bl_json_string(value, names[i].field)) {
            return false;
        }
    }
    request->task = bl_json_get(root, BL_STR("task"));
    request->payload = bl_json_get(request->task, BL_STR("payload"));
    (void)bl_json_string(bl_json_get(request->task, BL_STR("payload_ref")), &request->payload_ref);
    request->metadata = bl_json_get(root, BL_STR("metadata"));
    request->context = bl_json_get(root, BL_STR("context"));
    request->constraints = bl_json_get(root, BL_STR("constraints"));
    return bl_json_string(bl_json_get(request->task, BL_STR("type")), &request->task_type);
}

/* --- the search ------------------------------------------------------------------------------ */

static bool is_wanted(const struct bl_example_query *query, const struct bl_value *facts) {
    struct bl_evaluation evaluation;
    bool wanted = true;

    bl_conditions_begin(query->policy, facts, &evaluation);
    for (size_t i = 0; wanted && i < query->holding_count; i++) {
        wanted = bl_condition_truth(&evaluation, query->holding[i]) == BL_TRUTH_TRUE;
    }
    for (size_t i = 0; wanted && i < query->failing_count; i++) {
        wanted = bl_condition_truth(&evaluation, query->failing[i]) != BL_TRUTH_TRUE;
    }
    if (query->cost_left != NULL) { /* short comparisons are not charged, but take time, too */
        uint64_t cost = 100u + (BL_EVALUATION_COST_MAX - evaluation.cost_left);
        *query->cost_left -= cost < *query->cost_left ? cost : *query->cost_left;
    }
    return wanted;
}

/* The request, read as one that was sent. */
static bool holds_as_sent(const struct search *search, struct bl_str text) {
    struct bl_json_doc doc;
    struct bl_request request;
    const struct bl_value *facts;

    if (!bl_example_read(text, search->arena, &doc, &request) ||
        !bl_tenant_id_is_valid(request.tenant_id, false)) {
        return false;
    }
    const struct bl_fact_source source = {
        .request = &request, .tenant_id = request.tenant_id, .attempt = 1};
    return bl_is_ok(bl_flow_facts(search->query->policy, &source, search->arena, &facts)) &&
           is_wanted(search->query, facts);
}

/* The next combination, like the next number of a clock. */
static bool advance(struct search *search) {
    for (unsigned i = 0; i < search->slot_count; i++) {
        struct candidates *slot = &search->slots[i];
        if (++slot->at < slot->count) {
            search->facts[slot->slot] = slot->values[slot->at];
            return true;
        }
        slot->at = 0;
        search->facts[slot->slot] = slot->values[0];
    }
    return false;
}

enum bl_search bl_example_search(const struct bl_example_query *query, struct bl_arena *arena,
                                 struct bl_str *request) {
    struct search *search = bl_arena_calloc(arena, 1, sizeof(*search));

    if (search == NULL) {
        return BL_SEARCH_UNKNOWN;
    }
    search->query = query;
    search->arena = arena;
    search->is_complete = true;
    for (size_t i = 0; i < query->holding_count; i++) {
        collect(search, query->holding[i]);
    }
    for (size_t i = 0; i < query->failing_count; i++) {
        collect(search, query->failing[i]);
    }
    add_others(search);
    for (unsigned i = 0; i < search->slot_count; i++) {
        search->facts[search->slots[i].slot] = search->slots[i].values[0];
    }
    bool any_held = false;
    for (int tries = 0; tries < BL_EXAMPLE_TRIES; tries++) {
        if (query->cost_left != NULL && *query->cost_left == 0) {
            return BL_SEARCH_UNKNOWN;
        }
        if (is_wanted(query, search->facts)) {
            any_held = true;
            if (write_request(search, request) && holds_as_sent(search, *request)) {
                return BL_SEARCH_FOUND;
            }
        }
        if (!advance(search)) {
            return search->is_complete && !any_held ? BL_SEARCH_NONE : BL_SEARCH_UNKNOWN;
        }
    }
    return BL_SEARCH_UNKNOWN;
}
