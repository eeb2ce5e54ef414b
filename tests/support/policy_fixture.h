/* Policies and requests for tests of what stands on them. */
#ifndef BL_TESTS_POLICY_FIXTURE_H
#define BL_TESTS_POLICY_FIXTURE_H

#include <stdio.h>

#include "json/json.h"
#include "policy/compile.h"
#include "support/json_text.h"

/* The policy of that text (json_text form), with one reference; ends the test with the findings if
 * it does not compile. */
static inline struct bl_policy *fixture_policy(const char *tenant_id, const char *policy_id,
                                               const char *quoted) {
    static struct bl_findings findings;
    struct bl_policy *policy = NULL;
    bl_result result =
        bl_policy_compile(json_text(quoted), bl_str_from_c(tenant_id), bl_str_from_c(policy_id),
                          &(struct bl_policy_options){0}, &policy, &findings);

    for (size_t i = 0; bl_is_error(result) && i < findings.count; i++) {
        fprintf(stderr, "%s: %s\n", findings.items[i].path, findings.items[i].message);
    }
    assert(bl_is_ok(result));
    return policy;
}

/* A document of that text (json_text form), whose memory comes from `arena`. */
static inline struct bl_json fixture_json(const char *quoted, struct bl_arena *arena) {
    struct bl_json_doc *doc = bl_arena_alloc(arena, sizeof(*doc));
    struct bl_str text;
    struct bl_diag diag;

    assert(doc != NULL && bl_is_ok(bl_arena_copy(arena, json_text(quoted), &text)));
    assert(bl_is_ok(bl_json_read(text, &bl_json_request_limits, arena, doc, &diag)));
    return bl_json_root(doc);
}

#endif
