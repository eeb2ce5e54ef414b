#include "policy/rule_index.h"

#include <string.h>

#include "policy/policy.h"

#define WORTH_INDEXING 4 /* rules that test one fact; fewer are evaluated as fast */
#define ENTRIES_MAX 4096
#define NONE UINT32_MAX

/* Texts of policies: nobody outside chooses what stands in the table. Head, tail and length mixed as
 * in D. Knuth's multiplicative hashing. */
static uint32_t hash_of(struct bl_str text) {
    uint64_t head = 0;
    uint64_t tail = 0;
    size_t bytes = text.len < sizeof(head) ? text.len : sizeof(head);

    if (bytes > 0) {
        memcpy(&head, text.data, bytes);
        memcpy(&tail, text.data + text.len - bytes, bytes);
    }
    uint64_t mixed = (head ^ (tail << 1 | tail >> 63) ^ text.len) * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(mixed >> 32);
}

static inline void set_bit(uint64_t *words, uint32_t bit) {
    words[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* --- guards -------------------------------------------------------------------------------- */

static bool is_list_of_texts(const struct bl_value *value) {
    if (value->type != BL_VALUE_LIST) {
        return false;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        if (value->as.items[i].type != BL_VALUE_STRING) {
            return false;
        }
    }
    return true;
}

/* fact == "text", or fact in ["text", …] */
static bool is_guard(const struct bl_program *program, uint32_t index) {
    const struct bl_op *op = &program->ops[index];
    const struct bl_value *constant = bl_operand_constant(program, op->right);

    if (constant == NULL || op->left >= BL_OPERAND_LOCAL) {
        return false;
    }
    return (op->op == BL_OP_EQUAL && constant->type == BL_VALUE_STRING) ||
           (op->op == BL_OP_IN && is_list_of_texts(constant));
}

/* Of the tests that `condition` must pass, the one on `slot` (NONE = any); NONE if there is none. */
static uint32_t find_guard(const struct bl_program *program, uint32_t condition, uint32_t slot) {
    if (condition == BL_CONDITION_ALWAYS) {
        return NONE;
    }
    bool is_and = program->ops[condition].op == BL_OP_AND;
    uint32_t first = is_and ? condition + 1 : condition;
    for (uint32_t i = first; i < program->ops[condition].end; i = program->ops[i].end) {
        if (is_guard(program, i) && (slot == NONE || program->ops[i].left == slot)) {
            return i;
        }
    }
    return NONE;
}

/* How many rules each fact guards; a rule counts for each of its guards. */
static void count_guards(const struct bl_rule *rules, uint16_t rule_count,
                         const struct bl_program *program, uint16_t *counts) {
    for (uint16_t r = 0; r < rule_count; r++) {
        uint32_t condition = rules[r].condition;
        if (find_guard(program, condition, NONE) == NONE) {
            continue;
        }
        bool is_and = program->ops[condition].op == BL_OP_AND;
        uint32_t first = is_and ? condition + 1 : condition;
        for (uint32_t i = first; i < program->ops[condition].end; i = program->ops[i].end) {
            if (is_guard(program, i)) {
                counts[program->ops[i].left]++;
            }
        }
    }
}

/* The guard by which a rule is listed: that on the fact which most rules test. */
static uint32_t choose_guard(const struct bl_program *program, uint32_t condition,
                             const uint16_t *counts, uint16_t fact_count) {
    uint32_t best = NONE;

    for (uint16_t slot = 0; slot < fact_count; slot++) {
        uint32_t guard =
            counts[slot] < WORTH_INDEXING ? NONE : find_guard(program, condition, slot);
        if (guard != NONE && (best == NONE || counts[slot] > counts[program->ops[best].left])) {
            best = guard;
        }
    }
    return best;
}

/* --- building ------------------------------------------------------------------------------ */

struct build {
    const struct bl_program *program;
    struct bl_arena *arena;
    uint32_t words;
    const uint32_t *guards; /* per rule; NONE = evaluated always */
    uint16_t rule_count;
};

static uint32_t texts_of(const struct bl_value *constant) {
    return constant->type == BL_VALUE_LIST ? constant->count : 1;
}

static struct bl_str text_of(const struct bl_value *constant, uint32_t i) {
    return bl_value_str(constant->type == BL_VALUE_LIST ? &constant->as.items[i] : constant);
}

static bl_result list_under(struct build *build, struct bl_rule_index_fact *fact,
                            struct bl_rule_index_entry *entries, struct bl_str text,
                            uint16_t rule) {
    uint32_t place = hash_of(text) & fact->mask;

    while (bl_str_is_present(entries[place].text) && !bl_str_equal(entries[place].text, text)) {
        place = (place + 1) & fact->mask;
    }
    if (!bl_str_is_present(entries[place].text)) {
        uint64_t *rules = bl_arena_calloc(build->arena, build->words, sizeof(*rules));
        if (rules == NULL) {
            return BL_FAIL(RESOURCE_EXHAUSTED);
        }
        entries[place] = (struct bl_rule_index_entry){text, rules};
    }
    set_bit((uint64_t *)entries[place].rules, rule); /* made by us, just now or before */
    return BL_OK;
}

static bool is_listed(const struct build *build, uint16_t rule, uint16_t slot) {
    return build->guards[rule] != NONE && build->program->ops[build->guards[rule]].left == slot;
}

static bl_result build_fact(struct build *build, uint16_t slot, struct bl_rule_index_fact *fact) {
    uint64_t *when_absent = bl_arena_calloc(build->arena, build->words, sizeof(*when_absent));
    uint32_t texts = 0;

    for (uint16_t r = 0; r < build->rule_count; r++) {
        if (is_listed(build, r, slot)) {
            texts += texts_of(
                bl_operand_constant(build->program, build->program->ops[build->guards[r]].right));
        }
    }
    fact->slot = slot;
    fact->mask = 1;
    while (fact->mask < 2 * texts) {
        fact->mask = fact->mask * 2 + 1;
    }
    struct bl_rule_index_entry *entries =
        bl_arena_calloc(build->arena, (size_t)fact->mask + 1, sizeof(*entries));
    if (when_absent == NULL || entries == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (uint16_t r = 0; r < build->rule_count; r++) {
        if (!is_listed(build, r, slot)) {
            continue;
        }
        const struct bl_op *guard = &build->program->ops[build->guards[r]];
        const struct bl_value *constant = bl_operand_constant(build->program, guard->right);
        for (uint32_t i = 0; i < texts_of(constant); i++) {
            BL_TRY(list_under(build, fact, entries, text_of(constant, i), r));
        }
        if (guard->is_strict) {
            set_bit(when_absent, r);
        }
    }
    fact->entries = entries;
    fact->when_absent = when_absent;
    return BL_OK;
}

/* Chooses the guard of each rule; returns how many texts they name. */
static uint32_t choose_guards(const struct bl_rule *rules, uint16_t rule_count,
                              const struct bl_program *program, const uint16_t *counts,
                              uint16_t fact_count, uint32_t *guards) {
    uint32_t texts = 0;

    for (uint16_t r = 0; r < rule_count; r++) {
        guards[r] = choose_guard(program, rules[r].condition, counts, fact_count);
        if (guards[r] != NONE) {
            texts += texts_of(bl_operand_constant(program, program->ops[guards[r]].right));
        }
    }
    return texts;
}

bl_result bl_rule_index_build(const struct bl_rule *rules, uint16_t rule_count,
                              const struct bl_program *program, uint16_t fact_count,
                              struct bl_arena *arena, struct bl_rule_index *out) {
    uint16_t counts[BL_POLICY_MAX_FACTS] = {0};
    uint32_t guards[BL_POLICY_MAX_RULES];
    struct build build = {.program = program,
                          .arena = arena,
                          .words = BL_RULE_WORDS(rule_count),
                          .guards = guards,
                          .rule_count = rule_count};
    uint64_t *always = bl_arena_calloc(arena, build.words + 1, sizeof(*always));
    struct bl_rule_index_fact *facts =
        bl_arena_calloc(arena, (size_t)fact_count + 1, sizeof(*facts));

    if (always == NULL || facts == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    count_guards(rules, rule_count, program, counts);
    bool is_too_large =
        choose_guards(rules, rule_count, program, counts, fact_count, guards) > ENTRIES_MAX;
    for (uint16_t r = 0; r < rule_count; r++) {
        guards[r] = is_too_large ? NONE : guards[r];
        if (guards[r] == NONE) {
            set_bit(always, r);
        }
    }
    *out = (struct bl_rule_index){.always = always, .facts = facts};
    for (uint16_t slot = 0; slot < fact_count; slot++) {
        bool is_used = false;
        for (uint16_t r = 0; r < rule_count && !is_used; r++) {
            is_used = is_listed(&build, r, slot);
        }
        if (is_used) {
            BL_TRY(build_fact(&build, slot, &facts[out->fact_count]));
            out->fact_count++;
        }
    }
    return BL_OK;
}

/* --- finding ------------------------------------------------------------------------------- */

static const uint64_t *find_text(const struct bl_rule_index_fact *fact, struct bl_str text) {
    for (uint32_t place = hash_of(text) & fact->mask;; place = (place + 1) & fact->mask) {
        const struct bl_rule_index_entry *entry = &fact->entries[place];
        if (!bl_str_is_present(entry->text)) {
            return NULL;
        }
        if (entry->text.len == text.len && memcmp(entry->text.data, text.data, text.len) == 0) {
            return entry->rules;
        }
    }
}

void bl_rule_index_find(const struct bl_rule_index *index, uint16_t rule_count,
                        const struct bl_value *facts, uint64_t *rules) {
    uint32_t words = BL_RULE_WORDS(rule_count);

    memcpy(rules, index->always, words * sizeof(*rules));
    for (uint16_t i = 0; i < index->fact_count; i++) {
        const struct bl_rule_index_fact *fact = &index->facts[i];
        const struct bl_value *value = &facts[fact->slot];
        const uint64_t *found = NULL;
        if (value->type == BL_VALUE_STRING) {
            found = find_text(fact, bl_value_str(value));
        } else if (value->type == BL_VALUE_ABSENT) {
            found = fact->when_absent;
        }
        for (uint32_t w = 0; found != NULL && w < words; w++) {
            rules[w] |= found[w];
        }
    }
}
