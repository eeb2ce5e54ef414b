#include "base/shortest.h"

#include <assert.h>
#include <float.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* 2^1076 * 10 and 2^53 * 10^309 are the largest numbers that occur: below 2^1152. */
#define WORDS_MAX 18

/* A natural number, least word first, without leading zero words. */
struct number {
    size_t len;
    uint64_t words[WORDS_MAX];
};

static void append_word(struct number *n, uint64_t word) {
    if (word != 0) {
        assert(n->len < WORDS_MAX);
        n->words[n->len++] = word;
    }
}

static void multiply(struct number *n, uint64_t factor) {
    uint64_t carry = 0;

    for (size_t i = 0; i < n->len; i++) {
        unsigned __int128 product = (unsigned __int128)n->words[i] * factor + carry;
        n->words[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    append_word(n, carry);
}

static void multiply_power_of_10(struct number *n, int exponent) {
    for (; exponent >= 19; exponent -= 19) {
        multiply(n, UINT64_C(10000000000000000000));
    }
    uint64_t rest = 1;
    for (; exponent > 0; exponent--) {
        rest *= 10;
    }
    multiply(n, rest);
}

/* `value` * 2^`bits`. */
static void set_shifted(struct number *n, uint64_t value, int bits) {
    size_t words = (size_t)bits / 64;
    unsigned rest = (unsigned)bits % 64;

    memset(n->words, 0, words * sizeof(n->words[0]));
    n->words[words] = value << rest;
    n->len = words + 1;
    append_word(n, rest == 0 ? 0 : value >> (64 - rest));
}

static int compare(const struct number *a, const struct number *b) {
    if (a->len != b->len) {
        return a->len > b->len ? 1 : -1;
    }
    for (size_t i = a->len; i-- > 0;) {
        if (a->words[i] != b->words[i]) {
            return a->words[i] > b->words[i] ? 1 : -1;
        }
    }
    return 0;
}

/* n * 2^bits; bits < 64. */
static void shift(struct number *n, unsigned bits) {
    uint64_t carry = 0;

    if (bits == 0) {
        return;
    }
    for (size_t i = 0; i < n->len; i++) {
        uint64_t word = n->words[i];
        n->words[i] = word << bits | carry;
        carry = word >> (64 - bits);
    }
    append_word(n, carry);
}

/* a - b * factor, which is not negative; a and b have the same length. */
static void subtract_multiple(struct number *a, const struct number *b, uint64_t factor) {
    uint64_t carry = 0;

    for (size_t i = 0; i < a->len; i++) {
        unsigned __int128 taken = (unsigned __int128)b->words[i] * factor + carry;
        carry = (uint64_t)(taken >> 64) + (a->words[i] < (uint64_t)taken ? 1 : 0);
        a->words[i] -= (uint64_t)taken;
    }
    while (a->len > 0 && a->words[a->len - 1] == 0) {
        a->len--;
    }
}

/* The order of a + b and c. */
static int compare_sum(const struct number *a, const struct number *b, const struct number *c) {
    struct number sum; /* only what is in use is written */
    const struct number *longer = a->len >= b->len ? a : b;
    const struct number *shorter = a->len >= b->len ? b : a;
    uint64_t carry = 0;

    if (longer->len > c->len || longer->len + 1 < c->len) {
        return longer->len > c->len ? 1 : -1;
    }
    sum.len = longer->len;
    for (size_t i = 0; i < longer->len; i++) {
        unsigned __int128 word = (unsigned __int128)longer->words[i] + carry;
        word += i < shorter->len ? shorter->words[i] : 0;
        sum.words[i] = (uint64_t)word;
        carry = (uint64_t)(word >> 64);
    }
    append_word(&sum, carry);
    return compare(&sum, c);
}

/* The value is r / s; the doubles next to it are m_low / s below and m_high / s above it, halved:
 * every text between reads back as the value, the ends too if its last bit is 0. */
struct state {
    struct number r;
    struct number s;
    struct number m_low;
    struct number m_high;
    bool ends_belong;
};

/* Takes `value` = mantissa * 2^exponent apart; returns floor(log2(value)). */
static int set_state(struct state *state, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    int biased = (int)(bits >> 52);
    bool at_power_of_2 = mantissa == 0 && biased > 1; /* the double below is half as far away */

    mantissa |= biased > 0 ? UINT64_C(1) << 52 : 0;
    int exponent = (biased > 0 ? biased : 1) - 1075;
    int extra = at_power_of_2 ? 2 : 1;
    int up = exponent > 0 ? exponent : 0;
    int down = exponent < 0 ? -exponent : 0;
    set_shifted(&state->r, mantissa, up + extra);
    set_shifted(&state->s, 1, down + extra);
    set_shifted(&state->m_low, 1, up);
    set_shifted(&state->m_high, 1, up + extra - 1);
    state->ends_belong = mantissa % 2 == 0;
    return exponent + 63 - __builtin_clzll(mantissa);
}

static bool reaches_above(const struct state *state) {
    int order = compare_sum(&state->r, &state->m_high, &state->s);

    return state->ends_belong ? order >= 0 : order > 0;
}

static bool reaches_below(const struct state *state) {
    int order = compare(&state->r, &state->m_low);

    return state->ends_belong ? order <= 0 : order < 0;
}

static void multiply_all(struct state *state, int power_of_10) {
    multiply_power_of_10(&state->r, power_of_10);
    multiply_power_of_10(&state->m_low, power_of_10);
    multiply_power_of_10(&state->m_high, power_of_10);
}

/* Brings r / s into [0.1, 1), or what rounds to it, and returns the power of ten taken out. */
static int scale(struct state *state, int log2_value) {
    /* ceil(log10(value)), or one less: 0.30102999566 is a little below log10(2). */
    double estimate = (double)log2_value * 0.30102999566;
    int point = (int)estimate;

    if ((double)point < estimate) {
        point++;
    }
    if (point >= 0) {
        multiply_power_of_10(&state->s, point);
    } else {
        multiply_all(state, -point);
    }
    if (reaches_above(state)) {
        multiply_power_of_10(&state->s, 1);
        point++;
    }
    return point;
}

/* Multiplies everything so that the highest word of s lies in [2^59, 2^60): then r * 10 is no
 * longer than s, and a quotient of highest words is the digit or one less. */
static void normalise(struct state *state) {
    unsigned zeros = (unsigned)__builtin_clzll(state->s.words[state->s.len - 1]);
    unsigned bits = (zeros + 60) % 64;

    shift(&state->r, bits);
    shift(&state->s, bits);
    shift(&state->m_low, bits);
    shift(&state->m_high, bits);
}

/* Takes the next digit off: floor(r * 10 / s). */
static uint64_t next_digit(struct state *state) {
    const struct number *s = &state->s;
    uint64_t digit = 0;

    multiply(&state->r, 10);
    multiply(&state->m_low, 10);
    multiply(&state->m_high, 10);
    if (state->r.len == s->len) {
        digit = state->r.words[s->len - 1] / (s->words[s->len - 1] + 1);
        subtract_multiple(&state->r, s, digit);
    }
    if (compare(&state->r, s) >= 0) {
        subtract_multiple(&state->r, s, 1);
        digit++;
    }
    return digit;
}

/* Whether the rest after `digit`, r / s, is nearer to the next digit; the even one on a tie. */
static bool rounds_up(const struct state *state, uint64_t digit) {
    int order = compare_sum(&state->r, &state->r, &state->s);

    return order > 0 || (order == 0 && digit % 2 != 0);
}

size_t bl_shortest_digits(double value, char digits[BL_SHORTEST_DIGITS_MAX], int *point) {
    struct state state;
    size_t len = 0;
    bool below;
    bool above;

    assert(value > 0 && value <= DBL_MAX);
    *point = scale(&state, set_state(&state, value));
    normalise(&state);
    do {
        assert(len < BL_SHORTEST_DIGITS_MAX);
        uint64_t digit = next_digit(&state);
        below = reaches_below(&state);
        above = reaches_above(&state);
        if (above && (!below || rounds_up(&state, digit))) {
            digit++;
        }
        digits[len++] = (char)('0' + (char)digit);
    } while (!below && !above);
    return len;
}
