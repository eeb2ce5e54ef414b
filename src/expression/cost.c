/* What comparing costs. */
#include "expression/builtin.h"

/* Values within a container. */
static uint64_t parts_of(const struct bl_value *value) {
    if (value->type == BL_VALUE_JSON) {
        return value->as.document->nodes[value->count].next - value->count;
    }
    return bl_is_container(value) ? value->count : 1;
}

/* Members of maps are looked up one by one, so two containers may cost the product. */
static uint64_t cost_of_pair(const struct bl_value *left, const struct bl_value *right) {
    uint64_t parts = parts_of(right);
    return bl_is_container(left) ? parts + parts_of(left) * parts / 16 : parts;
}

/* What going through the texts of a value costs. */
static uint64_t cost_of_texts(const struct bl_value *value) {
    uint64_t cost = value->type == BL_VALUE_STRING ? bl_cost_of_text(value->count) : 0;

    if (value->type == BL_VALUE_JSON) {
        const struct bl_json_node *nodes = value->as.document->nodes;
        for (uint32_t i = value->count; i < nodes[value->count].next; i++) {
            cost += nodes[i].type == BL_JSON_STRING ? bl_cost_of_text(nodes[i].length) : 0;
        }
    } else if (bl_is_container(value)) {
        uint32_t count = value->count * (value->type == BL_VALUE_MAP ? 2 : 1);
        for (uint32_t i = 0; i < count; i++) {
            cost += cost_of_texts(&value->as.items[i]);
        }
    }
    return cost;
}

bool bl_charge_long_comparison(struct bl_evaluation *evaluation, const struct bl_value *left,
                               const struct bl_value *right) {
    bool is_text = left->type == BL_VALUE_STRING && left->count >= BL_LONG_TEXT_BYTES;

    if (!bl_is_container(right)) {
        uint32_t shorter = left->count < right->count ? left->count : right->count;
        return right->type != BL_VALUE_STRING || shorter < BL_LONG_TEXT_BYTES ||
               bl_evaluation_charge(evaluation, bl_cost_of_text(shorter));
    }
    return bl_evaluation_charge(evaluation, cost_of_pair(left, right)) &&
           ((!is_text && !bl_is_container(left)) ||
            bl_evaluation_charge(evaluation, cost_of_texts(right)));
}
