/*
 * Reading and writing JSON, in process, on one thread: a request of 600 bytes, a document of 64 KiB
 * with objects, numbers, escapes and lists, and one of 64 KiB whose texts are not ASCII.
 *
 * A document is read in batches, because one reading takes less than the clock can tell; p50 and
 * p99 are over the batches. Batches of all rows take turns, so that a machine that is busy for a
 * while slows all of them alike. `memchr` over the same bytes shows what the machine can do now.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json/json.h"
#include "json/writer.h"

#define BATCHES 2000
#define BATCH_BYTES 131072 /* of text per batch */
#define TEXT_BYTES 65536
#define GOAL_REQUEST_NS 600
#define GOAL_MB_PER_S 700

struct row {
    const char *name;
    double (*work)(struct row *row); /* does it once; what it returns is kept from being left out */
    char text[TEXT_BYTES + 1];
    size_t len;
    uint32_t repeats;
    struct bl_json_doc doc; /* what is written */
    struct bl_arena doc_arena;
    int64_t samples[BATCHES];
};

static const struct bl_json_limits limits = {
    .max_bytes = 1024 * 1024, .max_depth = 64, .max_nodes = 64 * 1024};
static struct bl_arena arena;
static char out[(size_t)4 * TEXT_BYTES];

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

static double read_once(struct row *row) {
    struct bl_json_doc doc;
    struct bl_diag diag;

    bl_arena_reset(&arena);
    if (bl_is_error(
            bl_json_read((struct bl_str){row->text, row->len}, &limits, &arena, &doc, &diag))) {
        fprintf(stderr, "bench-json: %s, line %u, column %u: %s\n", row->name, diag.line,
                diag.column, diag.message);
        exit(1);
    }
    return doc.count;
}

static double write_once(struct row *row) {
    struct bl_json_writer writer;
    struct bl_buf buf;

    bl_buf_init(&buf, out, sizeof(out));
    bl_json_writer_init(&writer, &buf);
    bl_json_write_value(&writer, bl_json_root(&row->doc));
    if (!bl_json_writer_ok(&writer)) {
        fprintf(stderr, "bench-json: %s does not fit\n", row->name);
        exit(1);
    }
    return (double)buf.len;
}

static double touch_once(struct row *row) {
    return memchr(row->text, '\x01', row->len) == NULL ? 1 : 0;
}

static size_t request_text(char *text) {
    static const char head[] =
        "{\"version\":\"1\",\"request_id\":\"4c1c3a3e-6f0a-4d9e-9a53-0f5d6f1b2c3d\","
        "\"tenant_id\":\"acme\",\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\","
        "\"policy_id\":\"default\",\"constraints\":{\"max_latency_ms\":3000,\"max_cost\":0.05},"
        "\"metadata\":{\"tier\":\"gold\",\"region\":\"us\",\"team\":\"search\"},"
        "\"context\":{\"user_id\":\"user-00000000\"},"
        "\"task\":{\"type\":\"text.generate\",\"payload\":{\"model\":\"large\",\"temperature\":0.7,"
        "\"max_tokens\":512,\"prompt\":\"";
    static const char words[] =
        "Summarise the \\\"Q3\\\" report for the caf\xC3\xA9 team in three short points.\\n";
    static const char tail[] = "\"}}}";
    size_t len = sizeof(head) - 1;

    memcpy(text, head, len);
    while (len + sizeof(words) - 1 + sizeof(tail) - 1 <= 600) {
        memcpy(text + len, words, sizeof(words) - 1);
        len += sizeof(words) - 1;
    }
    while (len + sizeof(tail) - 1 < 600) {
        text[len++] = 'x';
    }
    memcpy(text + len, tail, sizeof(tail));
    return len + sizeof(tail) - 1;
}

static size_t mixed_text(char *text) {
    size_t len = 0;

    text[len++] = '[';
    for (unsigned i = 0; len + 200 < TEXT_BYTES; i++) {
        len += (size_t)snprintf(text + len, 200,
                                "%s{\"id\":%u,\"name\":\"provider-%u\",\"ok\":true,"
                                "\"cost\":0.0%u,\"latency_ms\":%u.5,"
                                "\"tags\":[\"a\",\"region-eu\",null],\"note\":\"line\\nnext %u\"}",
                                i > 0 ? "," : "", i * 7919, i, i * 31 % 9973, i % 5000, i * i);
    }
    text[len++] = ']';
    return len;
}

static size_t cyrillic_text(char *text) {
    static const char item[] =
        "\"\xD0\x97\xD0\xB0\xD0\xBF\xD1\x80\xD0\xBE\xD1\x81 \xD0\xBD\xD0\xB0 "
        "\xD1\x80\xD1\x83\xD1\x81\xD1\x81\xD0\xBA\xD0\xBE\xD0\xBC\",";
    size_t len = 0;

    text[len++] = '[';
    while (len + sizeof(item) < TEXT_BYTES) {
        memcpy(text + len, item, sizeof(item) - 1);
        len += sizeof(item) - 1;
    }
    text[len - 1] = ']';
    return len;
}

static void prepare(struct row *row, const char *name, size_t (*text)(char *),
                    double (*work)(struct row *)) {
    struct bl_diag diag;

    row->name = name;
    row->work = work;
    row->len = text(row->text);
    row->repeats = (uint32_t)(BATCH_BYTES / row->len);
    bl_arena_init(&row->doc_arena, (size_t)64 * 1024, (size_t)16 * 1024 * 1024);
    if (bl_is_error(bl_json_read((struct bl_str){row->text, row->len}, &limits, &row->doc_arena,
                                 &row->doc, &diag))) {
        fprintf(stderr, "bench-json: %s: %s\n", name, diag.message);
        exit(1);
    }
}

/* Time of one repeat at `share` of all batches. */
static double percentile_ns(const struct row *row, double share) {
    return (double)row->samples[(size_t)(share * (BATCHES - 1))] / row->repeats;
}

static double mb_per_s(const struct row *row) {
    return (double)row->len * 1e3 / percentile_ns(row, 0.5);
}

int main(void) {
    static struct row rows[6];
    const size_t count = sizeof(rows) / sizeof(rows[0]);
    volatile double kept = 0;

    bl_arena_init(&arena, (size_t)1024 * 1024, (size_t)16 * 1024 * 1024);
    prepare(&rows[0], "read request", request_text, read_once);
    prepare(&rows[1], "read 64 KiB mixed", mixed_text, read_once);
    prepare(&rows[2], "read 64 KiB cyrillic", cyrillic_text, read_once);
    prepare(&rows[3], "write request", request_text, write_once);
    prepare(&rows[4], "write 64 KiB mixed", mixed_text, write_once);
    prepare(&rows[5], "memchr 64 KiB", mixed_text, touch_once);
    for (int batch = 0; batch < BATCHES; batch++) {
        for (size_t r = 0; r < count; r++) {
            int64_t begin = now_ns();
            for (uint32_t i = 0; i < rows[r].repeats; i++) {
                kept = kept + rows[r].work(&rows[r]);
            }
            rows[r].samples[batch] = now_ns() - begin;
        }
    }
    printf("%-22s %7s %12s %12s %10s\n", "", "bytes", "p50 ns", "p99 ns", "p50 MB/s");
    for (size_t r = 0; r < count; r++) {
        qsort(rows[r].samples, BATCHES, sizeof(rows[r].samples[0]), by_value);
        printf("%-22s %7zu %12.1f %12.1f %10.0f\n", rows[r].name, rows[r].len,
               percentile_ns(&rows[r], 0.5), percentile_ns(&rows[r], 0.99), mb_per_s(&rows[r]));
    }
    double request_ns = percentile_ns(&rows[0], 0.5);
    bool pass = request_ns <= GOAL_REQUEST_NS && mb_per_s(&rows[0]) >= GOAL_MB_PER_S;
    printf("goal: a request in %d ns, %d MB/s\n", GOAL_REQUEST_NS, GOAL_MB_PER_S);
    printf("RESULT {\"name\":\"bench-json\",\"figures\":{\"request_bytes\":%zu,"
           "\"request_p50_ns\":%.1f,\"request_mb_per_s\":%.0f,\"mixed_64k_mb_per_s\":%.0f,"
           "\"cyrillic_64k_mb_per_s\":%.0f,\"write_request_p50_ns\":%.1f},\"verdict\":\"%s\"}\n",
           rows[0].len, request_ns, mb_per_s(&rows[0]), mb_per_s(&rows[1]), mb_per_s(&rows[2]),
           percentile_ns(&rows[3], 0.5), pass ? "pass" : "fail");
    return pass ? 0 : 1;
}
