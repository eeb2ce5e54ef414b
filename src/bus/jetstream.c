#include "bus/jetstream.h"

#include <stdlib.h>
#include <string.h>

#include "bus/jetstream_private.h"

#define SCRATCH_BYTES ((size_t)16 * 1024 * 1024)
#define CHUNK_BYTES ((size_t)64 * 1024)

#define ERROR_WRONG_SEQUENCE 10071 /* of nats-server's errors.json */
#define ERROR_STREAM_NOT_FOUND 10059
#define ERROR_NO_MESSAGE 10037
#define ERROR_MAX_BYTES 10054
#define ERROR_STORE_FAILED 10077

bl_result bl_jetstream_create(struct bl_bus *bus, struct bl_jetstream **out) {
    struct bl_jetstream *jetstream = calloc(1, sizeof(*jetstream));

    if (jetstream == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    jetstream->bus = bus;
    bl_arena_init(&jetstream->scratch, CHUNK_BYTES, SCRATCH_BYTES);
    *out = jetstream;
    return BL_OK;
}

void bl_jetstream_destroy(struct bl_jetstream *jetstream) {
    if (jetstream == NULL) {
        return;
    }
    while (jetstream->spare != NULL) {
        struct bl_jetstream_call *call = jetstream->spare;
        jetstream->spare = call->next;
        free(call);
    }
    bl_arena_fini(&jetstream->scratch);
    free(jetstream);
}

/* --- calls ----------------------------------------------------------------------------------- */

static struct bl_jetstream_call *take_call(struct bl_jetstream *jetstream) {
    struct bl_jetstream_call *call = jetstream->spare;

    if (call == NULL) {
        call = malloc(sizeof(*call));
    } else {
        jetstream->spare = call->next;
    }
    return call;
}

static void give_call(struct bl_jetstream_call *call) {
    call->next = call->jetstream->spare;
    call->jetstream->spare = call;
}

static bl_result result_of(int64_t error_code, int64_t code) {
    switch (error_code) {
    case ERROR_WRONG_SEQUENCE:
        return BL_FAIL(PRECONDITION_FAILED);
    case ERROR_STREAM_NOT_FOUND:
    case ERROR_NO_MESSAGE:
        return BL_FAIL(DECISION_NOT_FOUND);
    case ERROR_MAX_BYTES:
    case ERROR_STORE_FAILED:
        return BL_FAIL(RESOURCE_EXHAUSTED);
    default:
        return code == 400 ? BL_FAIL(INVALID_REQUEST) : BL_FAIL(UNAVAILABLE);
    }
}

/* The answer as JSON; its error, if it is one, as a result. */
static bl_result read_answer(struct bl_jetstream *jetstream, struct bl_str text,
                             struct bl_json_doc *doc, struct bl_str *error) {
    static const struct bl_json_limits limits = {SCRATCH_BYTES, 32, 65536};
    struct bl_diag diag;
    int64_t error_code = 0;
    int64_t code = 0;

    bl_arena_reset(&jetstream->scratch);
    if (bl_is_error(bl_json_read(text, &limits, &jetstream->scratch, doc, &diag))) {
        *error = BL_STR("an answer that is no JSON");
        return BL_FAIL(UNAVAILABLE);
    }
    struct bl_json told = bl_json_get(bl_json_root(doc), BL_STR("error"));
    if (!bl_json_is(told, BL_JSON_OBJECT)) {
        return BL_OK;
    }
    *error = BL_STR("an error without a description");
    (void)bl_json_string(bl_json_get(told, BL_STR("description")), error);
    (void)bl_json_int64(bl_json_get(told, BL_STR("err_code")), &error_code);
    (void)bl_json_int64(bl_json_get(told, BL_STR("code")), &code);
    return result_of(error_code, code);
}

static void on_answer(void *user, bl_result result, struct bl_bus_message *reply) {
    struct bl_jetstream_call *call = user;
    struct bl_jetstream_answer answer = {.result = result, .error = BL_STR_ABSENT};
    struct bl_json_doc doc = {.count = 0};

    if (bl_is_ok(result)) {
        answer.result = read_answer(call->jetstream, reply->content.data, &doc, &answer.error);
        answer.body = bl_json_root(&doc);
    } else {
        answer.error = result.error == BL_E_DEADLINE_EXCEEDED
                           ? BL_STR("no answer in time")
                           : BL_STR("nobody answers: JetStream is off, or no stream takes it");
    }
    bl_jetstream_answer_fn on_answer_fn = call->on_answer;
    void *owner = call->user;
    give_call(call);
    on_answer_fn(owner, &answer);
}

bl_result bl_jetstream_call(struct bl_jetstream *jetstream, const struct bl_bus_outgoing *message,
                            uint32_t timeout_ms, bl_jetstream_answer_fn on_answer_fn, void *user,
                            struct bl_diag *diag) {
    struct bl_jetstream_call *call = take_call(jetstream);

    if (call == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    *call = (struct bl_jetstream_call){jetstream, on_answer_fn, NULL, user, NULL};
    bl_result result =
        bl_bus_request(jetstream->bus, message, timeout_ms, on_answer, call, NULL, diag);
    if (bl_is_error(result)) {
        give_call(call);
    }
    return result;
}

/* --- storing --------------------------------------------------------------------------------- */

/* {"stream":"NAME", "seq":7} is what nearly all are. */
static bool read_ack(struct bl_str text, uint64_t *sequence) {
    static const char key[] = "\"seq\":";
    const char *at = memmem(text.data, text.len, key, sizeof(key) - 1);
    uint64_t value = 0;

    if (at == NULL || memmem(text.data, text.len, "\"error\"", 7) != NULL) {
        return false;
    }
    const char *digit = at + sizeof(key) - 1;
    for (; digit < text.data + text.len && *digit >= '0' && *digit <= '9'; digit++) {
        value = value * 10 + (uint64_t)(*digit - '0');
    }
    *sequence = value;
    return value > 0;
}

static void on_stored(void *user, bl_result result, struct bl_bus_message *reply) {
    struct bl_jetstream_call *call = user;
    struct bl_jetstream_ack ack = {.result = result, .error = BL_STR_ABSENT};

    if (bl_is_error(result)) {
        ack.error = result.error == BL_E_DEADLINE_EXCEEDED
                        ? BL_STR("the broker did not acknowledge in time")
                        : BL_STR("no stream takes this subject, or JetStream is off");
    } else if (read_ack(reply->content.data, &ack.sequence)) {
        ack.is_duplicate =
            memmem(reply->content.data.data, reply->content.data.len, "\"duplicate\"", 11) != NULL;
    } else {
        struct bl_json_doc doc = {.count = 0};
        ack.result = read_answer(call->jetstream, reply->content.data, &doc, &ack.error);
        if (bl_is_ok(ack.result)) {
            ack.result = BL_FAIL(UNAVAILABLE);
            ack.error = BL_STR("an answer that is no acknowledgement");
        }
    }
    bl_jetstream_ack_fn on_ack = call->on_ack;
    void *owner = call->user;
    give_call(call);
    on_ack(owner, &ack);
}

bl_result bl_jetstream_publish(struct bl_jetstream *jetstream,
                               const struct bl_bus_outgoing *message, uint32_t timeout_ms,
                               bl_jetstream_ack_fn on_ack, void *user, struct bl_diag *diag) {
    struct bl_jetstream_call *call = take_call(jetstream);

    if (call == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    *call = (struct bl_jetstream_call){jetstream, NULL, on_ack, user, NULL};
    bl_result result =
        bl_bus_request(jetstream->bus, message, timeout_ms, on_stored, call, NULL, diag);
    if (bl_is_error(result)) {
        give_call(call);
    }
    return result;
}

/* --- reading --------------------------------------------------------------------------------- */

struct get {
    struct bl_jetstream *jetstream;
    bl_jetstream_get_fn on_found;
    void *user;
};

static int value_of(char digit) {
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

/* Base64 with padding, as Go writes it; in the arena. */
static bool decode(struct bl_arena *arena, struct bl_str text, struct bl_str *out) {
    char *bytes = bl_arena_alloc(arena, text.len / 4 * 3 + 3);
    uint32_t bits = 0;
    unsigned held = 0;
    size_t len = 0;

    for (size_t i = 0; bytes != NULL && i < text.len && text.data[i] != '='; i++) {
        int value = value_of(text.data[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes[len++] = (char)(bits >> held & 0xff);
        }
    }
    *out = (struct bl_str){bytes, len};
    return bytes != NULL;
}

static void on_got(void *user, const struct bl_jetstream_answer *answer) {
    struct get *get = user;
    struct bl_stored stored = {BL_STR_ABSENT, 0, BL_STR_ABSENT};
    struct bl_str encoded = BL_STR("");
    int64_t sequence = 0;
    bl_result result = answer->result;

    if (bl_is_ok(result)) {
        struct bl_json message = bl_json_get(answer->body, BL_STR("message"));
        (void)bl_json_string(bl_json_get(message, BL_STR("data")), &encoded);
        bool is_good = bl_json_string(bl_json_get(message, BL_STR("subject")), &stored.subject) &&
                       bl_json_int64(bl_json_get(message, BL_STR("seq")), &sequence) &&
                       decode(&get->jetstream->scratch, encoded, &stored.data);
        stored.sequence = (uint64_t)sequence;
        result = is_good ? BL_OK : BL_FAIL(UNAVAILABLE);
    }
    bool is_none = result.error == BL_E_DECISION_NOT_FOUND;
    get->on_found(get->user, is_none ? BL_OK : result, bl_is_ok(result) ? &stored : NULL);
    free(get);
}

bl_result bl_jetstream_get(struct bl_jetstream *jetstream, const char *stream,
                           struct bl_str subject, uint32_t timeout_ms, bl_jetstream_get_fn on_found,
                           void *user, struct bl_diag *diag) {
    char api[BL_STREAM_NAME_MAX + 32];
    char storage[2 * BL_BUS_SUBJECT_MAX];
    struct bl_json_writer writer;
    struct bl_buf body;
    struct get *get = malloc(sizeof(*get));

    if (get == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    *get = (struct get){jetstream, on_found, user};
    bl_buf_init(&body, storage, sizeof(storage));
    bl_json_writer_init(&writer, &body);
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("last_by_subj"), subject);
    bl_json_write_object_end(&writer);
    const struct bl_bus_outgoing request = {
        .subject = bl_jetstream_subject(api, sizeof(api), "STREAM.MSG.GET", stream, NULL),
        .data = bl_buf_view(&body)};
    bl_result result = bl_jetstream_call(jetstream, &request, timeout_ms, on_got, get, diag);
    if (bl_is_error(result)) {
        free(get);
    }
    return result;
}

struct bl_str bl_jetstream_subject(char *storage, size_t capacity, const char *verb,
                                   const char *stream, const char *consumer) {
    struct bl_buf buf;

    bl_buf_init(&buf, storage, capacity);
    bl_buf_literal(&buf, "$JS.API.");
    bl_buf_str(&buf, bl_str_from_c(verb));
    bl_buf_char(&buf, '.');
    bl_buf_str(&buf, bl_str_from_c(stream));
    if (consumer != NULL) {
        bl_buf_char(&buf, '.');
        bl_buf_str(&buf, bl_str_from_c(consumer));
    }
    return bl_buf_view(&buf);
}
