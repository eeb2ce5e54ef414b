/*
 * From request bytes to reply bytes, in process, on one thread: a request of 600 bytes with
 * constraints, metadata and a session, decided by a policy of three providers with a rule, sticky
 * sessions and breakers.
 *
 * Every request is timed by itself with the monotonic clock, and the cost of reading that clock
 * twice (its median, measured in the same run) is taken off. The heap is counted by standing in
 * for its functions. Sessions vary from request to request, so that nothing is decided twice.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/handler.h"
#include "policy/compile.h"
#include "wire/decide_reply.h"

#define REQUEST_BYTES 600
#define WARM_UP 20000
#define SAMPLES 300000
#define TIMER_SAMPLES 100000
#define GOAL_P50_NS 2000
#define LIMIT_P50_NS 4000

/* glibc's own, under the names that it keeps for programs that replace the public ones. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

static uint64_t allocations;

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    allocations++;
    return __libc_realloc(block, size);
}

static const char policy_text[] =
    "{\"providers\":["
    "{\"name\":\"openai/gpt-4o\",\"weight\":70,\"tags\":{\"region\":\"us\"},"
    "\"expect\":{\"latency_ms\":850,\"cost\":0.012}},"
    "{\"name\":\"anthropic/sonnet\",\"weight\":30,\"tags\":{\"region\":\"eu\"},"
    "\"expect\":{\"latency_ms\":900,\"cost\":0.01}},"
    "{\"name\":\"local/llama\",\"weight\":0,\"last_resort\":true,"
    "\"expect\":{\"latency_ms\":2000,\"cost\":0.001}}],"
    "\"rules\":[{\"when\":{\"metadata.region\":\"eu\"},\"require_tags\":{\"region\":\"eu\"}}],"
    "\"sticky\":{\"enabled\":true,\"session_key\":\"user_id\",\"ttl\":\"10m\"},"
    "\"circuit_breaker\":{\"enabled\":true}}";

static const char request_head[] =
    "{\"version\":\"1\",\"request_id\":\"4c1c3a3e-6f0a-4d9e-9a53-0f5d6f1b2c3d\","
    "\"tenant_id\":\"acme\",\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\","
    "\"policy_id\":\"default\",\"constraints\":{\"max_latency_ms\":3000,\"max_cost\":0.05},"
    "\"metadata\":{\"tier\":\"gold\",\"region\":\"us\",\"team\":\"search\"},"
    "\"context\":{\"user_id\":\"user-00000000\"},"
    "\"task\":{\"type\":\"text.generate\",\"payload\":{\"model\":\"large\",\"temperature\":0.7,"
    "\"max_tokens\":512,\"prompt\":\"";
static const char request_tail[] = "\"}}}";

static int64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int64_t percentile(const int64_t *sorted, size_t count, double share) {
    return sorted[(size_t)((double)(count - 1) * share)];
}

static int64_t timer_cost(int64_t *samples) {
    for (size_t i = 0; i < TIMER_SAMPLES; i++) {
        int64_t begin = now_ns();
        samples[i] = now_ns() - begin;
    }
    qsort(samples, TIMER_SAMPLES, sizeof(*samples), by_value);
    return percentile(samples, TIMER_SAMPLES, 0.5);
}

/* One request text of REQUEST_BYTES; returns where its session's digits stand. */
static char *build_request(char text[REQUEST_BYTES + 1]) {
    size_t head = sizeof(request_head) - 1;
    size_t tail = sizeof(request_tail) - 1;

    memcpy(text, request_head, head);
    memset(text + head, 'x', REQUEST_BYTES - head - tail);
    for (size_t i = head + 6; i < REQUEST_BYTES - tail; i += 7) {
        text[i] = ' ';
    }
    memcpy(text + REQUEST_BYTES - tail, request_tail, tail + 1);
    return strstr(text, "user-") + 5;
}

static void set_session(char *digits, uint32_t session) {
    for (int i = 7; i >= 0; i--) {
        digits[i] = (char)('0' + session % 10);
        session /= 10;
    }
}

struct rig {
    struct bl_api api;
    struct bl_arena arena;
    struct bl_buf reply;
    char reply_storage[BL_WIRE_REPLY_MAX_BYTES];
    char request[REQUEST_BYTES + 1];
    char *session;
    uint64_t decided;
};

static bool start(struct rig *rig) {
    static struct bl_findings findings;
    struct bl_policy *policy;
    struct bl_catalog *catalog;
    struct bl_pins *pins;

    if (bl_is_error(bl_policy_compile(bl_str_from_c(policy_text), BL_STR("acme"), BL_STR("default"),
                                      NULL, &policy, &findings)) ||
        bl_is_error(bl_catalog_create(&policy, 1, 42, &catalog)) ||
        bl_is_error(bl_pins_create(65536, &pins))) {
        fprintf(stderr, "bench-bytes: the policy or its tables could not be made: %s\n",
                findings.count > 0 ? findings.items[0].message : "no memory");
        return false;
    }
    bl_arena_init(&rig->arena, 64 * 1024, 8 * 1024 * 1024);
    bl_buf_init(&rig->reply, rig->reply_storage, sizeof(rig->reply_storage));
    rig->api.flow = (struct bl_flow){.catalog = catalog, .pins = pins, .key = {1, 2, 3, 4}};
    rig->api.tenants.believe_all = true;
    rig->api.limits = bl_json_request_limits;
    rig->api.arena = &rig->arena;
    rig->session = build_request(rig->request);
    return true;
}

static int64_t handle_one(struct rig *rig, uint32_t number) {
    struct bl_message message = {.subject = BL_STR("beamline.router.v1.decide"),
                                 .data = {rig->request, REQUEST_BYTES}};
    struct bl_flow_moment moment = {.now_ns = INT64_C(1764000000000000000) + number};
    struct bl_api_report report;

    set_session(rig->session, number * 2654435761u % 100000000u);
    memcpy(moment.admission_id, &number, sizeof(number));
    int64_t begin = now_ns();
    bl_api_handle(&rig->api, BL_OPERATION_DECIDE, &message, BL_STR_ABSENT, &moment, &rig->reply,
                  &report);
    int64_t end = now_ns();
    rig->decided += report.error == BL_E_NONE ? 1 : 0;
    return end - begin;
}

int main(void) {
    static struct rig rig;
    int64_t *samples = malloc(SAMPLES * sizeof(*samples));

    if (samples == NULL || !start(&rig)) {
        return 1;
    }
    int64_t timer_ns = timer_cost(samples);
    for (uint32_t i = 0; i < WARM_UP; i++) {
        (void)handle_one(&rig, i);
    }
    rig.decided = 0;
    uint64_t before = allocations;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        int64_t took = handle_one(&rig, WARM_UP + i) - timer_ns;
        samples[i] = took > 0 ? took : 0;
    }
    uint64_t allocated = allocations - before;
    qsort(samples, SAMPLES, sizeof(*samples), by_value);

    int64_t p50 = percentile(samples, SAMPLES, 0.5);
    int64_t p99 = percentile(samples, SAMPLES, 0.99);
    bool pass = p50 <= LIMIT_P50_NS && allocated == 0 && rig.decided == SAMPLES;
    printf("%d requests of %d bytes, %" PRIu64 " decided; replies of %zu bytes\n", SAMPLES,
           REQUEST_BYTES, rig.decided, rig.reply.len);
    printf("p50 %" PRId64 " ns (goal %d, limit %d), p99 %" PRId64 " ns; reading the clock twice, "
           "%" PRId64 " ns, is taken off\n",
           p50, GOAL_P50_NS, LIMIT_P50_NS, p99, timer_ns);
    printf("RESULT {\"name\":\"bench-bytes\",\"figures\":{\"bytes_p50_ns\":%" PRId64
           ",\"bytes_p99_ns\":%" PRId64 ",\"allocations_per_request\":%.6g},\"verdict\":\"%s\"}\n",
           p50, p99, (double)allocated / SAMPLES, pass ? "pass" : "fail");
    return pass ? 0 : 1;
}
