/*
 * Extensions that a policy names. Private to this folder.
 *
 * This router has no extension registered, so a step that must run refuses the request by name,
 * and one that may fail is listed with the status that its policy gives to failures.
 */
#ifndef BL_FLOW_STEPS_H
#define BL_FLOW_STEPS_H

#include "flow/decide.h"

enum bl_step_phase { BL_STEPS_BEFORE_DECISION, BL_STEPS_AFTER_DECISION };

/* Goes through the policy's pre-processors and validators, or its post-processors, and lists them
 * in `outcome`. In a dry run all are listed and none is called.
 * Errors: EXTENSION_NOT_FOUND, with `refusal` filled. */
BL_MUST_USE bl_result bl_flow_steps(enum bl_step_phase phase, bool dry_run,
                                    struct bl_outcome *outcome, struct bl_refusal *refusal);

#endif
