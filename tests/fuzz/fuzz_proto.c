/*
 * Any bytes as any message of proto/: they are refused with a text, or become JSON that is JSON, whose
 * message can be written and read again. The first byte chooses the message.
 */
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "wire/protobuf.h"

#define ARENA_BYTES (4u << 20)
#define OUT_BYTES (1u << 20)

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Absent if it is refused. */
static struct bl_str json_of(enum bl_proto type, struct bl_str bytes, struct bl_arena *arena) {
    struct bl_refusal refusal = {.retry_after_ms = 0};
    struct bl_str json = BL_STR_ABSENT;
    bl_result result = bl_proto_to_json(type, bytes, arena, &json, &refusal);

    if (bl_is_error(result)) {
        require(refusal.diag.message[0] != '\0');
        return BL_STR_ABSENT;
    }
    return json;
}

static void check(enum bl_proto type, struct bl_str bytes, struct bl_arena *arena) {
    static const struct bl_json_limits limits = {ARENA_BYTES, 64, 1u << 18};
    static char storage[OUT_BYTES];
    struct bl_json_doc doc;
    struct bl_diag diag;
    struct bl_buf out;

    struct bl_str json = json_of(type, bytes, arena);
    if (!bl_str_is_present(json)) {
        return;
    }
    bl_result result = bl_json_read(json, &limits, arena, &doc, &diag);
    if (bl_is_error(result)) {
        /* payloads may be nested deeper, and maps may have a key twice */
        require(strstr(diag.message, "limit") != NULL || strstr(diag.message, "twice") != NULL);
        return;
    }
    struct bl_json root = bl_json_root(&doc);
    bl_buf_init(&out, storage, sizeof(storage));
    bl_proto_from_json(type, &root, 1, &out);
    if (!out.overflowed) {
        require(bl_str_is_present(json_of(type, bl_buf_view(&out), arena)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct bl_arena arena;
    static bool is_made;

    if (!is_made) {
        bl_arena_init(&arena, 65536, ARENA_BYTES);
        is_made = true;
    }
    bl_arena_reset(&arena);
    if (size > 0 && size < 65536) {
        check((enum bl_proto)(data[0] % BL_PROTO_COUNT),
              (struct bl_str){(const char *)data + 1, size - 1}, &arena);
    }
    return 0;
}
