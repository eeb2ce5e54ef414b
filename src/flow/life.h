/*
 * The life of a pushed request.
 *
 *                 ┌────────────── result: success ──────────────▶ done
 *                 │
 *   (created) ──▶ working ── attempt failed, another follows ──▶ waiting ── due ──▶ working
 *                 │   ▲                                             │
 *                 │   └──────────── no delay: at once ──────────────┘
 *                 ├── attempt failed, none follows ─────────────▶ failed ◀── out of time ─┐
 *                 └── cancel ───────────────────────────────────▶ cancelled               │
 *                                                                        (working, waiting)
 *
 * The record is the state and this code a step function: an event and the time go in, the changed
 * record and what has to be done come out. Nothing here does it. A step is committed by
 * compare-and-set; who loses reads again and steps again, so any router may apply any event. What is
 * done after a commit (an assignment published) is repeated by whoever takes the record over, under
 * the same id, so it takes effect once.
 *
 * done, failed and cancelled are the end: later results are metered, and change nothing.
 */
#ifndef BL_FLOW_LIFE_H
#define BL_FLOW_LIFE_H

#include "flow/next_attempt.h"

#define BL_ASSIGNMENT_ID_CHARS 36 /* of a UUID */
#define BL_ASSIGNMENT_FAMILY_CHARS 32

enum bl_life_state {
    BL_LIFE_WORKING, /* an attempt is with a worker, or on its way to one */
    BL_LIFE_WAITING, /* the next attempt begins at not_before_ms */
    BL_LIFE_DONE,
    BL_LIFE_FAILED,
    BL_LIFE_CANCELLED,
};
#define BL_LIFE_STATE_COUNT 5
const char *bl_life_state_word(enum bl_life_state state);
static inline bool bl_life_has_ended(enum bl_life_state state) {
    return state >= BL_LIFE_DONE;
}

enum bl_attempt_status {
    BL_ATTEMPT_PENDING,
    BL_ATTEMPT_SUCCESS,
    BL_ATTEMPT_ERROR,     /* a worker said so */
    BL_ATTEMPT_REJECTED,  /* a worker would not take it */
    BL_ATTEMPT_TIMED_OUT, /* nobody said anything in time */
    BL_ATTEMPT_CANCELLED,
};
#define BL_ATTEMPT_STATUS_COUNT 6
const char *bl_attempt_status_word(enum bl_attempt_status status);

struct bl_attempt {
    struct bl_str provider_id;
    char assignment_id[BL_ASSIGNMENT_ID_CHARS + 1];
    enum bl_reason reason;
    int16_t fallback; /* that led here; -1 = none */
    enum bl_attempt_status status;
    struct bl_str error_code; /* absent = none */
    int64_t latency_ms;       /* as its worker said; -1 = not known */
    int64_t cost_nano;        /* BL_MONEY_UNKNOWN = not known */
    bool is_metered;          /* its result was counted: no other will be */
    uint64_t result_digest;   /* of that result */
};

/* Texts are views into the record that it was read from, or into what changed it. */
struct bl_life {
    uint8_t admission_id[16];
    enum bl_life_state state;
    struct bl_str owner; /* the router that cares for it */
    int64_t created_ms, updated_ms;
    int64_t not_before_ms;   /* WAITING */
    int64_t attempt_time_ms; /* from its assignment's acknowledgement to its end */
    int64_t ends_at_ms;      /* of the whole */

    struct bl_str tenant_id, request_id, message_id, trace_id;
    struct bl_str policy_id, policy_version;
    struct bl_str decision; /* JSON, as it was replied */
    struct bl_str request;  /* JSON, canonical form, without credentials */
    struct bl_str subject;  /* of its assignments; absent = the configured one */
    struct bl_str notify;   /* absent = nobody */
    struct bl_str result;   /* JSON, of the attempt that ended it; absent = none */

    struct bl_attempt attempts[BL_ATTEMPTS_MAX];
    unsigned attempt_count; /* ≥ 1 */
};

/* Deterministic: a repeat gives the same id, and nobody without the key can. UUID version 4 in form;
 * SipHash-2-4-128 under the router key, of the admission id for the first BL_ASSIGNMENT_FAMILY_CHARS,
 * of admission id and attempt for the rest: so the record of any attempt is found by its family. No
 * two attempts of a request have the same; `attempt` is from 1, BL_ATTEMPTS_MAX at most. */
void bl_assignment_id(const uint8_t key[16], const uint8_t admission_id[16], unsigned attempt,
                      char out[BL_ASSIGNMENT_ID_CHARS + 1]);

/* --- events ---------------------------------------------------------------------------------- */

struct bl_worker_result {
    enum bl_result_status status;
    struct bl_str error_code, error_type;
    int64_t latency_ms; /* -1 = not given */
    int64_t cost_nano;  /* BL_MONEY_UNKNOWN = not given */
    struct bl_str text; /* JSON: what is kept of it */
    uint64_t digest;    /* of what it says */
};

enum bl_life_event_kind {
    BL_EVENT_RESULT,   /* of `attempt` */
    BL_EVENT_REJECTED, /* a worker would not take `attempt`; `result` has its error */
    BL_EVENT_TIMEOUT,  /* of `attempt` */
    BL_EVENT_DUE,      /* the wait is over */
    BL_EVENT_CANCEL,
};

struct bl_life_event {
    enum bl_life_event_kind kind;
    unsigned attempt; /* index */
    const struct bl_worker_result *result;
};

/* What follows a failed attempt, asked only if it matters: bl_flow_next_attempt with what it needs. */
struct bl_life_policy {
    struct bl_next_attempt (*next)(void *user, const struct bl_life *life,
                                   const struct bl_error_class *error);
    struct bl_str (*provider_id)(void *user, bl_provider_index provider);
    void *user;
};

/* What a step comes to. */
enum bl_life_verdict {
    BL_LIFE_MOVED,     /* the record changed: commit it */
    BL_LIFE_STALE,     /* the event is about something that is over: nothing changes */
    BL_LIFE_DUPLICATE, /* the same result again */
    BL_LIFE_CONFLICT,  /* another result of an attempt that has one: the first counts */
};

struct bl_life_effects {
    bool publish;     /* the last attempt's assignment, after the commit */
    bool meter;       /* before the commit: the result of `metered` */
    unsigned metered; /* index of the attempt */
    bool is_late;     /* its attempt was over before its result came */
    bool ended;       /* tell who waits for the end, after the commit */
    bool cancel;      /* tell workers that the last assignment is not wanted any more */
};

/* Applies one event at `now_ms`. `key` makes the ids of further attempts. With any verdict but MOVED
 * the record is as it was, and `effects` are none. */
enum bl_life_verdict bl_life_step(struct bl_life *life, const struct bl_life_event *event,
                                  int64_t now_ms, const uint8_t key[16],
                                  const struct bl_life_policy *policy,
                                  struct bl_life_effects *effects);

/* The attempt of that assignment, or -1. */
int bl_life_find_attempt(const struct bl_life *life, struct bl_str assignment_id);

#endif
