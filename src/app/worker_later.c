/*
 * Requests that are answered later: a push when its intent is stored, a look-up when its record is
 * read. What the reply needs is copied, since the message and the arena are gone by then.
 */
#include "app/worker_later.h"

#include <stdlib.h>
#include <string.h>

#include "api/http.h"
#include "net/clock.h"

#define LATER_MAX 8192 /* waited for at a time, per worker */

struct later {
    struct bl_errand errand; /* first */
    struct bl_worker *worker;
    enum bl_operation operation;
    enum bl_codec reply_codec;
    struct bl_request request; /* its ids */
    struct bl_life life;
    const struct bl_policy *policy; /* NULL; reports do not outlive their snapshot */
    uint8_t span_id[8];
    uint64_t began_ns;
    bool is_http;
    bool is_grpc;
    struct bl_http_exchange *exchange; /* NULL: its peer is gone */
    struct bl_http_request http;
    struct bl_api_grpc_call call;
    char texts[]; /* what the views above point to */
};

/* --- copies ---------------------------------------------------------------------------------- */

struct copier {
    char *at;
    size_t len;
};

/* With no memory yet it only counts. */
static void copy(struct copier *copier, struct bl_str *text) {
    if (!bl_str_is_present(*text)) {
        return;
    }
    if (copier->at != NULL) {
        memcpy(copier->at + copier->len, text->data, text->len);
        text->data = copier->at + copier->len;
    }
    copier->len += text->len;
}

static void copy_all(struct copier *copier, struct bl_life *life, struct bl_request *request,
                     struct bl_str *subject, struct bl_str *reply) {
    struct bl_str *const texts[] = {&life->tenant_id,
                                    &life->request_id,
                                    &life->message_id,
                                    &life->trace_id,
                                    &life->policy_id,
                                    &life->policy_version,
                                    &life->decision,
                                    &life->request,
                                    &life->notify,
                                    &request->request_id,
                                    &request->trace_id,
                                    subject,
                                    reply};

    copier->len = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        copy(copier, texts[i]);
    }
    for (unsigned i = 0; i < life->attempt_count; i++) {
        copy(copier, &life->attempts[i].provider_id);
    }
}

static struct later *create(struct bl_worker *worker, const struct bl_life *life,
                            const struct bl_later_reply *to, struct bl_str reply) {
    struct bl_life kept = *life;
    struct bl_request request = worker->api.work.decoded.request;
    struct bl_str subject = to->subject;
    struct copier copier = {NULL, 0};

    copy_all(&copier, &kept, &request, &subject, &reply);
    struct later *later = malloc(sizeof(*later) + copier.len);
    if (later == NULL) {
        return NULL;
    }
    copier.at = later->texts;
    copy_all(&copier, &kept, &request, &subject, &reply);
    *later = (struct later){
        .errand = {.home = &worker->home, .reply_subject = subject, .reply = reply},
        .worker = worker,
        .life = kept,
        .is_http = to->exchange != NULL,
        .is_grpc = to->call != NULL,
        .exchange = to->exchange,
    };
    bl_request_init(&later->request);
    later->request.request_id = request.request_id;
    later->request.trace_id = request.trace_id;
    later->request.dialect = request.dialect;
    if (to->request != NULL) {
        later->http = *to->request;
    }
    if (to->call != NULL) {
        later->call = *to->call;
    }
    later->errand.life = &later->life;
    return later;
}

/* --- beginning ------------------------------------------------------------------------------- */

static void on_gone(void *user) {
    struct later *later = user;
    later->exchange = NULL;
}

static void refuse_now(struct bl_worker *worker, enum bl_operation operation,
                       enum bl_codec reply_codec, struct bl_api_report *report) {
    struct bl_request request = worker->api.work.decoded.request;
    struct bl_str tenant_id = report->tenant_id;
    struct bl_diag diag;
    char ids[2][256];
    struct bl_str *const kept[] = {&request.request_id, &request.trace_id};

    for (size_t i = 0; i < 2; i++) { /* they stand in the arena, which is used anew */
        if (bl_str_is_present(*kept[i])) {
            *kept[i] = bl_str_head(*kept[i], sizeof(ids[0]));
            memcpy(ids[i], kept[i]->data, kept[i]->len);
            kept[i]->data = ids[i];
        }
    }
    bl_diag_clear(&diag);
    bl_diag_message(&diag, "too many requests wait for JetStream");
    bl_diag_hint(&diag, "ask again in a moment");
    bl_api_conclude(&worker->api, operation, &request, tenant_id, reply_codec,
                    BL_FAIL(SERVICE_OVERLOADED), &diag, BL_STR_ABSENT, &worker->reply, report);
}

bool bl_worker_begin_later(struct bl_worker *worker, enum bl_operation operation,
                           enum bl_codec reply_codec, const struct bl_later_reply *to,
                           uint64_t began_ns, struct bl_api_report *report) {
    const struct bl_life *life = report->push != NULL ? report->push : report->find;
    struct later *later = NULL;

    if (worker->later_count < LATER_MAX && worker->parts.dispatcher != NULL) {
        struct bl_str reply = report->push != NULL ? bl_buf_view(&worker->reply) : BL_STR_ABSENT;
        later = create(worker, life, to, reply);
    }
    if (later == NULL) {
        refuse_now(worker, operation, reply_codec, report);
        return false;
    }
    later->operation = operation;
    later->reply_codec = reply_codec;
    later->began_ns = began_ns;
    memcpy(later->span_id, report->span_id, sizeof(later->span_id));
    later->errand.kind = report->push != NULL ? BL_ERRAND_PUSH : BL_ERRAND_FIND;
    later->errand.found = BL_STR_ABSENT;
    if (later->exchange != NULL) {
        bl_http_on_gone(later->exchange, on_gone, later);
    }
    worker->later_count++;
    bl_dispatcher_send(worker->parts.dispatcher, &later->errand);
    return true;
}

/* --- coming back ----------------------------------------------------------------------------- */

static void answer_http(struct bl_worker *worker, struct later *later,
                        struct bl_api_report *report) {
    struct bl_http_response response = {.status = 200, .content_type = BL_STR("application/json")};
    char traceparent[BL_TRACEPARENT_BYTES];

    if (later->exchange == NULL) {
        return;
    }
    if (later->is_grpc) {
        const struct bl_str framed = {worker->reply_storage,
                                      BL_GRPC_PREFIX_BYTES + worker->reply.len};
        bl_api_grpc_finish(&later->call, &worker->api, report, framed, &response);
    } else {
        bl_api_http_finish(report, &worker->reply, &response);
    }
    bl_api_http_trace(&later->http, report, traceparent, &response);
    bl_http_respond(later->exchange, &response);
}

static void answer_nats(struct bl_worker *worker, const struct later *later) {
    const struct bl_bus_outgoing message = {.subject = later->errand.reply_subject,
                                            .data = bl_buf_view(&worker->reply)};
    struct bl_diag diag;
    bool is_answered = later->errand.kind == BL_ERRAND_PUSH && bl_is_ok(later->errand.result);

    bl_diag_clear(&diag);
    if (!is_answered && bl_str_is_present(message.subject) &&
        bl_is_error(bl_bus_publish(worker->bus, &message, &diag))) {
        bl_counter_add(worker->cells.replies_failed, 1);
    }
}

static void conclude(struct bl_worker *worker, struct later *later) {
    struct bl_str outcome =
        later->errand.kind == BL_ERRAND_PUSH ? later->errand.reply : later->errand.found;
    struct bl_api_report report;

    bl_api_conclude(&worker->api, later->operation, &later->request, later->life.tenant_id,
                    later->reply_codec, later->errand.result, &later->errand.diag, outcome,
                    &worker->reply, &report);
    memcpy(report.span_id, later->span_id, sizeof(report.span_id));
    bl_counter_add(worker->cells.bytes_out, worker->reply.len);
    bl_worker_finish(worker, later->operation, &report, bl_clock_monotonic_ns() - later->began_ns);
    if (later->is_http) {
        answer_http(worker, later, &report);
    } else {
        answer_nats(worker, later);
    }
}

void bl_worker_on_later(void *user) {
    struct bl_worker *worker = user;
    struct bl_mail *next;

    for (struct bl_mail *mail = bl_mailbox_take(&worker->home); mail != NULL; mail = next) {
        struct later *later = (struct later *)(void *)mail;
        next = mail->next;
        bl_worker_take_over(worker);
        conclude(worker, later);
        free((char *)(uintptr_t)later->errand.found.data);
        free(later);
        worker->later_count--;
    }
}
