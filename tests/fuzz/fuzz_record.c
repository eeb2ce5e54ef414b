/* Decision records: hostile bytes are refused whole, and what is accepted encodes to itself. */
#include <stdlib.h>

#include "policy/compile.h"
#include "route/record.h"

static struct bl_policy *policy;
static struct bl_arena arena;

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void begin(void) {
    static struct bl_findings findings;
    static const char text[] = "providers: [{name: a}, {name: b}]\n"
                               "rules: [{when: {k: x, n: [1, 2.5, true]}, prefer: [b]}]\n"
                               "sticky: {enabled: true}\n";

    require(bl_is_ok(bl_policy_compile(bl_str_from_c(text), BL_STR("t"), BL_STR("p"), NULL, &policy,
                                       &findings)));
    bl_arena_init(&arena, 65536, 16 * 1024 * 1024);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char storage[1 << 20];
    const struct bl_str bytes = {(const char *)data, size};
    struct bl_decision_input input;
    struct bl_decision decision;
    struct bl_diag diag;
    struct bl_buf buf;

    if (policy == NULL) {
        begin();
    }
    bl_arena_reset(&arena);
    /* Any revision: facts and providers are matched by name. */
    if (bl_is_error(bl_record_decode(bytes, policy, true, &arena, &input, &diag))) {
        require(diag.message[0] != '\0');
        return 0;
    }
    bl_result first = bl_decide(&input, &decision);
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_record_encode(&input, NULL, &buf);
    if (!buf.overflowed) {
        struct bl_decision again;
        struct bl_decision_input replayed;
        require(
            bl_is_ok(bl_record_decode(bl_buf_view(&buf), policy, false, &arena, &replayed, &diag)));
        bl_result second = bl_decide(&replayed, &again);
        require(first.error == second.error && decision.provider == again.provider &&
                decision.reason == again.reason);
    }
    return 0;
}
