/* One message: taken over, answered once, counted, logged. */
#include <sys/random.h>

#include "app/worker_later.h"
#include "net/clock.h"
#include "wire/tenant_token.h"

#define OVERLOAD_RETRY_MS 1000

/* No tenant id, and so refused as one. */
#define NO_TENANT BL_STR("=")

/* The tenant of a tenant-scoped subject: what stands at the pattern's `*`. */
static struct bl_str tenant_of(struct bl_str pattern, struct bl_str subject, char *storage,
                               size_t capacity) {
    const char *star = memchr(pattern.data, '*', pattern.len);
    size_t before = (size_t)(star - pattern.data);
    struct bl_buf out;

    if (subject.len < pattern.len) {
        return NO_TENANT;
    }
    struct bl_str token = {subject.data + before, subject.len - pattern.len + 1};
    bl_buf_init(&out, storage, capacity);
    return bl_tenant_token_read(token, &out) ? bl_buf_view(&out) : NO_TENANT;
}

/* 16 bytes from the kernel's generator, fetched for many requests at a time. */
static void take_admission_id(struct bl_worker *worker, uint8_t out[16]) {
    if (worker->random_left < 16) {
        size_t filled = 0;
        while (filled < sizeof(worker->random)) {
            ssize_t got = getrandom(worker->random + filled, sizeof(worker->random) - filled, 0);
            filled += got > 0 ? (size_t)got : 0;
        }
        worker->random_left = sizeof(worker->random);
    }
    worker->random_left -= 16;
    memcpy(out, worker->random + worker->random_left, 16);
}

/* The inbox, else, for decide, `<subject>.reply`. */
static struct bl_str reply_subject(const struct bl_intake *intake,
                                   const struct bl_bus_message *message, char *storage,
                                   size_t capacity) {
    struct bl_buf out;

    if (!bl_str_is_blank(message->reply) || intake->operation != BL_OPERATION_DECIDE) {
        return message->reply;
    }
    bl_buf_init(&out, storage, capacity);
    bl_buf_str(&out, message->content.subject);
    bl_buf_literal(&out, ".reply");
    return out.overflowed ? BL_STR_ABSENT : bl_buf_view(&out);
}

/* Warnings about requests are logged so many a second; the others are counted. */
static bool may_log(struct bl_worker *worker, enum bl_log_level level) {
    if (!bl_log_wants(worker->log, level)) {
        return false;
    }
    if (level == BL_LOG_WARN &&
        worker->refusals_logged++ >= worker->snapshot->refusals_per_second) {
        worker->refusals_unlogged++;
        return false;
    }
    return true;
}

static void send_reply(struct bl_worker *worker, const struct bl_intake *intake,
                       const struct bl_bus_message *message) {
    char storage[BL_BUS_SUBJECT_MAX];
    struct bl_diag diag;
    const struct bl_bus_outgoing outgoing = {
        .subject = reply_subject(intake, message, storage, sizeof(storage)),
        .data = bl_buf_view(&worker->reply)};

    if (bl_str_is_blank(outgoing.subject)) {
        return;
    }
    bl_diag_clear(&diag);
    if (bl_is_error(bl_bus_publish(worker->bus, &outgoing, &diag))) {
        bl_counter_add(worker->cells.replies_failed, 1);
        if (may_log(worker, BL_LOG_WARN)) {
            bl_log_diag(worker->log, BL_LOG_WARN, "nats", "a reply could not be sent", NULL, &diag);
        }
        return;
    }
    bl_counter_add(worker->cells.bytes_out, worker->reply.len);
}

void bl_worker_log_fields(struct bl_log_record *record, enum bl_operation operation,
                          const struct bl_api_report *report, uint64_t took_ns) {
    bl_log_str(record, "operation", bl_str_from_c(bl_operation_info(operation)->name));
    bl_log_str(record, "code", bl_str_from_c(bl_error_info(report->error)->code));
    bl_log_str(record, "request_id", report->request_id);
    if (bl_str_is_present(report->trace_id)) {
        bl_log_str(record, "trace_id", report->trace_id);
    }
    if (bl_str_is_present(report->tenant_id)) {
        bl_log_str(record, "tenant_id", report->tenant_id);
    }
    if (report->policy != NULL) {
        bl_log_str(record, "policy_id", report->policy->policy_id);
    }
    if (report->policy != NULL && report->decision != NULL &&
        report->decision->provider != BL_PROVIDER_NONE) {
        bl_log_str(record, "provider_id", report->policy->providers[report->decision->provider].id);
    }
    if (report->message != NULL) {
        bl_log_str(record, "problem", bl_str_from_c(report->message));
    }
    bl_log_u64(record, "took_us", took_ns / 1000);
}

/* Every request at debug; refusals at warn, so many a second. */
static void log_request(struct bl_worker *worker, enum bl_operation operation,
                        const struct bl_api_report *report, uint64_t took_ns) {
    enum bl_log_level level = report->error == BL_E_NONE ? BL_LOG_DEBUG : BL_LOG_WARN;

    if (!may_log(worker, level)) {
        return;
    }
    bl_worker_log_fields(
        bl_log_start(worker->log, level, "api",
                     level == BL_LOG_DEBUG ? "request answered" : "request refused"),
        operation, report, took_ns);
    bl_log_finish(worker->log);
}

static void log_divergence(struct bl_worker *worker, const struct bl_decision *shadow,
                           enum bl_shadow_outcome outcome) {
    const struct bl_outcome *live = &worker->api.work.outcome;

    if (outcome == BL_SHADOW_SAME || !bl_log_wants(worker->log, BL_LOG_DEBUG)) {
        return;
    }
    struct bl_log_record *record =
        bl_log_start(worker->log, BL_LOG_DEBUG, "shadow", "a shadow policy decides otherwise");
    bl_log_str(record, "outcome", bl_str_from_c(bl_shadow_outcome_word(outcome)));
    bl_log_str(record, "tenant_id", live->tenant_id);
    bl_log_str(record, "policy_id", live->policy->policy_id);
    bl_log_str(record, "shadow_policy_id", live->policy->shadow.policy_id);
    if (live->decision.provider != BL_PROVIDER_NONE) {
        bl_log_str(record, "provider_id", live->policy->providers[live->decision.provider].id);
    }
    if (outcome == BL_SHADOW_OTHER_PROVIDER || outcome == BL_SHADOW_ADMITTED) {
        const struct bl_policy *policy = bl_catalog_find(worker->api.flow.catalog, live->tenant_id,
                                                         live->policy->shadow.policy_id);
        bl_log_str(record, "shadow_provider_id", policy->providers[shadow->provider].id);
    }
    bl_log_finish(worker->log);
}

/* After the reply has left: the record, and what the shadow would have done. */
static void keep_decision(struct bl_worker *worker, const struct bl_flow_moment *moment) {
    struct bl_decision shadow;

    enum bl_recorded recorded = bl_record_decision(&worker->recorder, &worker->api, moment);
    if (recorded != BL_RECORDED_NOT) {
        bl_counter_add(recorded == BL_RECORDED_YES ? worker->cells.recorded
                                                   : worker->cells.records_dropped,
                       1);
    }
    enum bl_shadow_outcome outcome = bl_shadow_decide(&worker->api, moment, &shadow);
    if (outcome != BL_SHADOW_NONE) {
        bl_counter_add(worker->cells.shadow[outcome], 1);
        log_divergence(worker, &shadow, outcome);
    }
}

void bl_worker_finish(struct bl_worker *worker, enum bl_operation operation,
                      const struct bl_api_report *report, uint64_t took_ns) {
    bl_worker_count(worker, operation, report, took_ns);
    log_request(worker, operation, report, took_ns);
}

/* Counts, keeps and logs what was done with a request. False: its reply comes later. */
static bool finish(struct bl_worker *worker, enum bl_operation operation,
                   const struct bl_message *message, const struct bl_flow_moment *moment,
                   const struct bl_later_reply *to, uint64_t began_ns,
                   struct bl_api_report *report) {
    bool is_kept = operation == BL_OPERATION_DECIDE && report->decision != NULL &&
                   !worker->api.work.decoded.request.dry_run;
    bool waits = report->push != NULL || report->find != NULL;

    if (waits && is_kept) {
        keep_decision(worker, moment);
    }
    if (waits &&
        bl_worker_begin_later(worker, operation, message->reply_codec, to, began_ns, report)) {
        return false;
    }
    bl_worker_count(worker, operation, report, bl_clock_monotonic_ns() - began_ns);
    if (!waits && is_kept) {
        keep_decision(worker, moment);
    }
    log_request(worker, operation, report, bl_clock_monotonic_ns() - began_ns);
    return true;
}

bool bl_worker_handle(struct bl_worker *worker, enum bl_operation operation,
                      const struct bl_message *message, struct bl_str tenant,
                      const struct bl_later_reply *to, struct bl_api_report *report) {
    uint64_t began_ns = bl_clock_monotonic_ns();
    struct bl_flow_moment moment = {.now_ns = (int64_t)bl_clock_wall_ns()};

    bl_worker_take_over(worker);
    bl_counter_add(worker->cells.bytes_in, message->data.len);
    take_admission_id(worker, moment.admission_id);
    bl_api_handle(&worker->api, operation, message, tenant, &moment, &worker->reply, report);
    if (!finish(worker, operation, message, &moment, to, began_ns, report)) {
        return false;
    }
    bl_counter_add(worker->cells.bytes_out, worker->reply.len);
    return true;
}

void bl_worker_on_message(void *user, struct bl_bus_message *message) {
    const struct bl_intake *intake = user;
    struct bl_worker *worker = intake->worker;
    uint64_t began_ns = bl_clock_monotonic_ns();
    struct bl_flow_moment moment = {.now_ns = (int64_t)bl_clock_wall_ns()};
    struct bl_str tenant = BL_STR_ABSENT;
    struct bl_api_report report;
    char storage[BL_BUS_SUBJECT_MAX];

    bl_worker_take_over(worker);
    bl_counter_add(worker->cells.bytes_in, message->content.data.len);
    if (message->overloaded) {
        bl_api_refuse(intake->operation, &message->content, BL_E_SERVICE_OVERLOADED,
                      OVERLOAD_RETRY_MS, &worker->reply);
        bl_counter_add(worker->cells.refused, 1);
        worker->refused_this_second++;
        send_reply(worker, intake, message);
        return;
    }
    if (bl_str_is_present(intake->pattern)) {
        tenant = tenant_of(intake->pattern, message->content.subject, storage, sizeof(storage));
    }
    if (intake->operation == BL_OPERATION_DECIDE) {
        bl_arena_reset(&worker->arena);
        bl_proto_detect(&message->content, &worker->arena);
    }
    take_admission_id(worker, moment.admission_id);
    bl_api_handle(&worker->api, intake->operation, &message->content, tenant, &moment,
                  &worker->reply, &report);
    bl_counter_add(worker->cells.replies_failed, report.reply_was_too_large ? 1 : 0);
    if (report.push == NULL && report.find == NULL) {
        send_reply(worker, intake, message); /* before it is counted: it waits for nothing */
    }
    char subject[BL_BUS_SUBJECT_MAX];
    const struct bl_later_reply to = {.subject =
                                          reply_subject(intake, message, subject, sizeof(subject))};
    bool waited = report.push != NULL || report.find != NULL;
    bool is_answered =
        finish(worker, intake->operation, &message->content, &moment, &to, began_ns, &report);
    if (waited && is_answered) {
        send_reply(worker, intake, message); /* a refusal after all */
    }
}
