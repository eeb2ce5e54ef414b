/* What must hold for whatever is drawn: proportion, zero weights, sessions, filters, replay. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/seed.h"
#include "base/siphash.h"
#include "route/record.h"
#include "support/route_case.h"

#define DRAWS 1000000

static struct route_case c;
static struct bl_seed random_state;

static void begin_weights(const double *weights, int count, const char *more) {
    char yaml[8192];
    size_t len = (size_t)snprintf(yaml, sizeof(yaml), "%sproviders:\n", more);
    for (int p = 0; p < count; p++) {
        len += (size_t)snprintf(yaml + len, sizeof(yaml) - len, "  - {name: p%d, weight: %.17g}\n",
                                p, weights[p]);
    }
    case_begin(&c, yaml);
}

/* Chi-square of the counts against the weights; the limit is that of p = 1e-6, by the
 * approximation of Wilson and Hilferty (1931). */
static void assert_proportional(const double *weights, const int *counts, int count, int draws) {
    double total = 0, chi = 0;
    int cells = 0;
    for (int p = 0; p < count; p++) {
        total += weights[p];
    }
    for (int p = 0; p < count; p++) {
        double expected = draws * weights[p] / total;
        if (weights[p] == 0) {
            assert_int_equal(counts[p], 0);
        } else if (expected >= 5) {
            chi += (counts[p] - expected) * (counts[p] - expected) / expected;
            cells++;
        }
    }
    double k = cells - 1;
    double z = 4.753; /* of the normal distribution at 1 - 1e-6 */
    double limit = k * pow(1 - 2 / (9 * k) + z * sqrt(2 / (9 * k)), 3);
    if (k > 0 && chi > limit) {
        fail_msg("chi-square %.2f above %.2f for %d cells", chi, limit, cells);
    }
}

static const double weight_sets[][8] = {
    {1, 1, 1, 1, 1, 1, 1, 1},
    {70, 30, 0, 0, 0, 0, 0, 0},
    {0, 5, 0, 3, 0, 2, 0, 1},
    {1, 1000, 1, 1000, 7, 0, 13, 999},
    {0.1, 0.2, 0.3, 0.4, 0, 0.05, 0.01, 0.001},
};

static void draws_are_proportional(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof(weight_sets) / sizeof(weight_sets[0]); s++) {
        int counts[8] = {0};
        begin_weights(weight_sets[s], 8, "");
        for (int i = 0; i < DRAWS; i++) {
            c.input.seed = bl_seed_next(&random_state);
            assert_true(bl_is_ok(bl_decide(&c.input, &c.decision)));
            counts[c.decision.provider]++;
        }
        assert_proportional(weight_sets[s], counts, 8, DRAWS);
        case_end(&c);
    }
}

static void sessions_are_proportional(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof(weight_sets) / sizeof(weight_sets[0]); s++) {
        int counts[8] = {0};
        begin_weights(weight_sets[s], 8, "sticky: {enabled: true}\n");
        for (int i = 0; i < DRAWS / 4; i++) {
            c.input.has_session = true;
            c.input.session[0] = bl_seed_next(&random_state);
            c.input.session[1] = bl_seed_next(&random_state);
            assert_true(bl_is_ok(bl_decide(&c.input, &c.decision)));
            assert_int_equal(c.decision.pin_action, BL_PIN_NONE);
            counts[c.decision.provider]++;
        }
        assert_proportional(weight_sets[s], counts, 8, DRAWS / 4);
        case_end(&c);
    }
}

static void tiny_weights_are_drawn(void **state) {
    (void)state;
    const double weights[] = {0.5, 5e-5, 0};
    int tiny = 0;
    begin_weights(weights, 3, "");
    for (int i = 0; i < DRAWS; i++) {
        c.input.seed = bl_seed_next(&random_state);
        assert_true(bl_is_ok(bl_decide(&c.input, &c.decision)));
        tiny += c.decision.provider == 1;
    }
    assert_in_range(tiny, 50, 160); /* 100 expected; five standard deviations */
    case_end(&c);
}

/* Adding one of n moves about 1/n of the sessions, all of them to the new one; taking it away
 * moves only its own. */
static void adding_moves_only_to_the_new_one(void **state) {
    (void)state;
    for (int n = 2; n <= 9; n++) {
        static struct route_case larger;
        double weights[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
        int moved = 0;
        begin_weights(weights, n, "sticky: {enabled: true}\n");
        larger = c;
        memset(&c, 0, sizeof(c));
        begin_weights(weights, n - 1, "sticky: {enabled: true}\n");
        for (uint64_t i = 0; i < 20000; i++) {
            set_session(&c, i);
            larger.input.facts = larger.facts;
            larger.input.states = larger.states;
            larger.input.limits = &larger.limits;
            set_session(&larger, i);
            assert_true(bl_is_ok(bl_decide(&c.input, &c.decision)));
            assert_true(bl_is_ok(bl_decide(&larger.input, &larger.decision)));
            if (larger.decision.provider != c.decision.provider) {
                assert_int_equal(larger.decision.provider, n - 1);
                moved++;
            }
        }
        double share = moved / 20000.0;
        assert_true(fabs(share - 1.0 / n) < 0.02);
        case_end(&c);
        case_end(&larger);
    }
}

static void random_states(void) {
    for (int p = 0; p < c.policy->provider_count; p++) {
        struct bl_provider_state *s = &c.states[p];
        uint64_t bits = bl_seed_next(&random_state);
        *s = BL_PROVIDER_STATE_UNKNOWN;
        s->breaker = (uint8_t)(bits % 3);
        s->half_open_in_use = (uint32_t)(bits >> 2 & 3);
        s->breaker_retry_at_ms = CASE_NOW_MS + (int64_t)(bits >> 4 & 3) - 1;
        s->cooldown_until_ms = (bits >> 6 & 7) == 0 ? CASE_NOW_MS + 1 : 0;
        s->inflight = (uint32_t)(bits >> 9 & 3);
        s->rate_refused = (bits >> 11 & 15) == 0;
        s->latency_p50_ms = (bits >> 15 & 1) != 0 ? (int64_t)(bits >> 16 & 1023) : -1;
        s->cost_mean_nano =
            (bits >> 26 & 1) != 0 ? (int64_t)(bits >> 27 & 0xffff) : BL_MONEY_UNKNOWN;
        s->error_rate = (float)(bits >> 43 & 255) / 255;
    }
}

static void random_input(void) {
    static const char *const values[] = {"x", "y", "z"};
    uint64_t bits = bl_seed_next(&random_state);
    random_states();
    set_fact(&c, "k", values[bits % 3]);
    set_fact(&c, "metadata.m", values[(bits >> 2) % 3]);
    c.input.seed = bl_seed_next(&random_state);
    c.input.has_session = (bits >> 8 & 1) != 0;
    c.input.session[0] = c.input.has_session ? bl_seed_next(&random_state) : 0;
    c.input.session[1] = c.input.has_session ? bl_seed_next(&random_state) : 0;
    bool pinned = c.input.has_session && (bits >> 9 & 1) != 0;
    c.input.pin = pinned ? (bl_provider_index)(bits >> 10 & 3) : BL_PROVIDER_NONE;
    c.input.pin_expires_ms = pinned ? CASE_NOW_MS + 1000 : 0;
    c.input.max_latency_ms = (bits >> 12 & 3) == 0 ? (int64_t)(bits >> 14 & 1023) : -1;
}

static const char busy[] = "providers:\n"
                           "  - {name: a, weight: 5, max_inflight: 3}\n"
                           "  - {name: b, weight: 3, tags: {t: v}}\n"
                           "  - {name: d, weight: 2}\n"
                           "  - {name: z, weight: 0, last_resort: true}\n"
                           "rules:\n"
                           "  - {when: {k: x}, deny: [a]}\n"
                           "  - {when: {k: y}, require_tags: {t: v}}\n"
                           "  - {when: {metadata.m: y}, prefer: [d, a]}\n"
                           "sticky: {enabled: true}\n"
                           "circuit_breaker: {enabled: true}\n";

static void what_is_excluded_is_never_chosen(void **state) {
    (void)state;
    int served = 0;
    case_begin(&c, busy);
    for (int i = 0; i < 200000; i++) {
        random_input();
        if (bl_is_error(bl_decide(&c.input, &c.decision))) {
            continue;
        }
        int p = c.decision.provider;
        served++;
        assert_int_equal(c.decision.drops[p], BL_DROP_NONE);
        assert_true(c.states[p].cooldown_until_ms == 0 && !c.states[p].rate_refused);
        assert_true(c.policy->providers[p].max_inflight == 0 || c.states[p].inflight < 3);
        const struct bl_value *k = &c.facts[0];
        bool is_x = k->type == BL_VALUE_STRING && k->as.string[0] == 'x';
        bool is_y = k->type == BL_VALUE_STRING && k->as.string[0] == 'y';
        assert_false(is_x && p == 0);
        assert_false(is_y && p != 1);
    }
    assert_true(served > 100000);
    case_end(&c);
}

static void a_record_replays_to_the_byte(void **state) {
    (void)state;
    static char first[65536], second[65536];
    struct bl_arena arena;
    int mismatches = 0;
    bl_arena_init(&arena, 65536, 1 << 20);
    case_begin(&c, busy);
    for (int i = 0; i < 20000; i++) {
        struct bl_decision_input replayed;
        struct bl_decision again;
        struct bl_buf a, b;
        struct bl_diag diag;
        random_input();
        bl_arena_reset(&arena);
        bl_buf_init(&a, first, sizeof(first));
        bl_buf_init(&b, second, sizeof(second));
        bl_record_encode(&c.input, NULL, &a);
        assert_true(
            bl_is_ok(bl_record_decode(bl_buf_view(&a), c.policy, false, &arena, &replayed, &diag)));
        bl_record_encode(&replayed, NULL, &b);
        assert_true(bl_str_equal(bl_buf_view(&a), bl_buf_view(&b)));
        bl_result one = bl_decide(&c.input, &c.decision);
        bl_result two = bl_decide(&replayed, &again);
        mismatches += one.error != two.error || c.decision.provider != again.provider ||
                      c.decision.reason != again.reason ||
                      c.decision.draw_value != again.draw_value ||
                      c.decision.pin_action != again.pin_action ||
                      memcmp(c.decision.drops, again.drops, c.policy->provider_count) != 0;
    }
    assert_int_equal(mismatches, 0);
    printf("FIGURE F1 replays 20000\nFIGURE F1 replay_mismatches %d\n", mismatches);
    case_end(&c);
    bl_arena_fini(&arena);
}

/* The hash of 100 000 decisions: the same from every compiler, at every optimisation, in every
 * process. It changes only with a decision to decide otherwise. */
static void decisions_are_the_same_everywhere(void **state) {
    (void)state;
    static const uint8_t key[16] = {0};
    struct bl_siphash hash;
    struct bl_seed own = random_state;
    bl_seed_init(&random_state, 20260101);
    bl_siphash_begin(&hash, key);
    case_begin(&c, busy);
    for (int i = 0; i < 100000; i++) {
        random_input();
        (void)!bl_is_ok(bl_decide(&c.input, &c.decision));
        int32_t told[4] = {c.decision.provider, (int32_t)c.decision.reason,
                           (int32_t)c.decision.pin_action, (int32_t)c.decision.error};
        bl_siphash_add(&hash, told, sizeof(told));
        bl_siphash_add(&hash, &c.decision.draw_value, sizeof(double));
    }
    random_state = own;
    case_end(&c);
    assert_int_equal(bl_siphash_end(&hash), UINT64_C(0x7ec82ecbc5400512));
}

int main(void) {
    const char *given = getenv("BL_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20261123;
    printf("seed: BL_TEST_SEED=%llu\n", (unsigned long long)seed);
    bl_seed_init(&random_state, seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_proportional),
        cmocka_unit_test(sessions_are_proportional),
        cmocka_unit_test(tiny_weights_are_drawn),
        cmocka_unit_test(adding_moves_only_to_the_new_one),
        cmocka_unit_test(what_is_excluded_is_never_chosen),
        cmocka_unit_test(a_record_replays_to_the_byte),
        cmocka_unit_test(decisions_are_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
