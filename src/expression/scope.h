/*
 * What an expression may read: the variables of its surroundings.
 *
 * Reading is by path, `metadata.tier`: the surroundings number each path once (its slot), and fill
 * the slots before the expression runs. Two forms need less than the value, so that the value
 * itself need not be kept: its size, and whether it is there.
 */
#ifndef BL_EXPRESSION_SCOPE_H
#define BL_EXPRESSION_SCOPE_H

#include "base/diag.h"
#include "expression/functions.h"
#include "expression/program.h"

enum bl_projection {
    BL_PROJECTION_VALUE,
    BL_PROJECTION_SIZE, /* size(path): an int, or an error value */
    BL_PROJECTION_HAS,  /* has(path): a bool; absent if what should hold the member is no map */
};

#define BL_PATH_MAX_BYTES 255

struct bl_expression_scope {
    /* The type of what stands at `path`. False: there can be nothing, and `diag` has message and
     * hint. */
    bool (*type_of)(void *user, struct bl_str path, struct bl_type *type, struct bl_diag *diag);
    /* The slot of a fact; BL_OPERAND_NONE if there is no room, with `diag` filled. */
    uint16_t (*slot_of)(void *user, struct bl_str path, enum bl_projection projection,
                        struct bl_diag *diag);
    void *user;
};

/* What a projection makes of the value at a path. `parent` is the value that holds it, NULL for a
 * variable itself or a member of one: variables are always there, and what they were not sent with
 * is empty. Only the last member of has(a.b.c) may be missing (cel-spec, "Field Selection"). */
struct bl_value bl_project(enum bl_projection projection, const struct bl_value *value,
                           const struct bl_value *parent);

#endif
