#include "expression/scope.h"

#include "expression/evaluate.h"

static struct bl_value size_of(const struct bl_value *value) {
    int64_t size = bl_value_size(value);

    if (value->type == BL_VALUE_ABSENT) {
        return *value;
    }
    return size >= 0 ? bl_value_int(size) : bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, 0);
}

static struct bl_value presence_of(const struct bl_value *value, const struct bl_value *parent) {
    if (value->type != BL_VALUE_ABSENT || parent == NULL) {
        return bl_value_bool(value->type != BL_VALUE_ABSENT);
    }
    if (parent->type == BL_VALUE_ABSENT) {
        return *parent;
    }
    return bl_value_kind(parent) == BL_VALUE_MAP
               ? bl_value_bool(false)
               : bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, 0);
}

struct bl_value bl_project(enum bl_projection projection, const struct bl_value *value,
                           const struct bl_value *parent) {
    switch (projection) {
    case BL_PROJECTION_SIZE:
        return size_of(value);
    case BL_PROJECTION_HAS:
        return presence_of(value, parent);
    case BL_PROJECTION_VALUE:
        break;
    }
    return *value;
}
