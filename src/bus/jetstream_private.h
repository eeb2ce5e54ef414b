/* Calls of JetStream's API. Private to this folder. */
#ifndef BL_BUS_JETSTREAM_PRIVATE_H
#define BL_BUS_JETSTREAM_PRIVATE_H

#include "base/arena.h"
#include "bus/jetstream.h"
#include "json/json.h"
#include "json/writer.h"

#define BL_JETSTREAM_TIMEOUT_MS 5000

struct bl_jetstream_answer {
    bl_result result;    /* DECISION_NOT_FOUND: there is no such stream, or message */
    struct bl_json body; /* absent without an answer */
    struct bl_str error; /* absent = none */
};
/* Views live during the call. */
typedef void (*bl_jetstream_answer_fn)(void *user, const struct bl_jetstream_answer *answer);

struct bl_jetstream_call {
    struct bl_jetstream *jetstream;
    bl_jetstream_answer_fn on_answer; /* or: */
    bl_jetstream_ack_fn on_ack;
    void *user;
    struct bl_jetstream_call *next; /* among the spare ones */
};

struct bl_jetstream {
    struct bl_bus *bus;
    struct bl_arena scratch; /* of the answer that is read */
    struct bl_jetstream_call *spare;
    unsigned pulls; /* made so far */
};

/* Fails like bl_bus_request; else on_answer is called exactly once. */
BL_MUST_USE bl_result bl_jetstream_call(struct bl_jetstream *jetstream,
                                        const struct bl_bus_outgoing *message, uint32_t timeout_ms,
                                        bl_jetstream_answer_fn on_answer, void *user,
                                        struct bl_diag *diag);

/* "$JS.API.<verb>.<stream>[.<consumer>]" */
struct bl_str bl_jetstream_subject(char *storage, size_t capacity, const char *verb,
                                   const char *stream, const char *consumer);

#endif
