/* Facts of a policy in the making: what its conditions read of a request. Private to this folder. */
#ifndef BL_POLICY_FACTS_H
#define BL_POLICY_FACTS_H

#include "policy/draft.h"

#define BL_NO_OPERAND UINT16_MAX

/* The slot of the fact at `path`, added if it is new. Two paths of the same meaning (tenant_id,
 * tenant.id) share one. BL_NO_OPERAND after a problem, which is reported at `value`. */
uint16_t bl_draft_fact(struct bl_draft *draft, struct bl_json value, struct bl_str path);

/* Whether it is attempt.status, whose values are the words of BL_STATUS_MAP. */
bool bl_fact_is_status(const struct bl_fact *fact);

#endif
