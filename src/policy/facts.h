/* Facts of a policy in the making: what its conditions read of a request. Private to this folder. */
#ifndef BL_POLICY_FACTS_H
#define BL_POLICY_FACTS_H

#include "policy/draft.h"

/* The slot of the fact at `path`, added if it is new. Two paths of the same meaning (tenant_id,
 * tenant.id) share one. BL_OPERAND_NONE after a problem, which is reported at `value`. */
uint16_t bl_draft_fact(struct bl_draft *draft, struct bl_json value, struct bl_str path);

/* What expressions may read: bl_fact_type and the slots of the draft. The last problem is reported by
 * whoever compiles the expression. */
struct bl_expression_scope bl_draft_scope(struct bl_draft *draft);

/* Whether it is attempt.status, whose values are the words of BL_STATUS_MAP. */
bool bl_fact_is_status(const struct bl_fact *fact);

#endif
