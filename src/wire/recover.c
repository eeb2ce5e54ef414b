#include "wire/recover.h"

#include "wire/fields.h"
#include "wire/trace_context.h"

static struct bl_str scan(struct bl_str text, const char *key, size_t max_bytes) {
    struct bl_str found =
        bl_json_scan_string(text, bl_str_from_c(key), BL_WIRE_RECOVER_BYTES, max_bytes);

    return bl_str_is_blank(found) ? BL_STR_ABSENT : found;
}

/* The end of the string that begins at `at` (its opening quote), or the end of the text. */
static size_t string_end(struct bl_str text, size_t at) {
    for (at++; at < text.len && text.data[at] != '"'; at++) {
        if (text.data[at] == '\\') {
            at++;
        }
    }
    return at < text.len ? at : text.len;
}

static bool colon_follows(struct bl_str text, size_t at) {
    while (at < text.len && (text.data[at] == ' ' || text.data[at] == '\t' ||
                             text.data[at] == '\n' || text.data[at] == '\r')) {
        at++;
    }
    return at < text.len && text.data[at] == ':';
}

/* The gateway's form is the one with `message` and no `task` among the outermost keys. */
static enum bl_dialect guess_dialect(struct bl_str text) {
    enum bl_dialect guess = BL_DIALECT_CANONICAL;
    int depth = 0;

    if (text.len > BL_WIRE_RECOVER_BYTES) {
        text.len = BL_WIRE_RECOVER_BYTES;
    }
    for (size_t at = 0; at < text.len; at++) {
        char c = text.data[at];
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == '"') {
            size_t end = string_end(text, at);
            struct bl_str word = {text.data + at + 1, end - at - 1};
            if (depth == 1 && colon_follows(text, end + 1)) {
                if (bl_str_equal_c(word, "task")) {
                    return BL_DIALECT_CANONICAL;
                }
                if (bl_str_equal_c(word, "message")) {
                    guess = BL_DIALECT_GATEWAY;
                }
            }
            at = end;
        }
    }
    return guess;
}

static struct bl_str bounded(struct bl_str id, size_t max_bytes) {
    return bl_str_is_blank(id) || id.len > max_bytes ? BL_STR_ABSENT : id;
}

static struct bl_str first_of(struct bl_str a, struct bl_str b) {
    return bl_str_is_present(a) ? a : b;
}

void bl_wire_recover(const struct bl_message *message, struct bl_str generated_id,
                     struct bl_request *request) {
    const struct bl_headers *headers = &message->headers;

    bl_request_init(request);
    request->dialect = guess_dialect(message->data);
    request->request_id = scan(message->data, "request_id", BL_WIRE_ID_MAX);
    if (!bl_str_is_present(request->request_id)) {
        request->request_id = bounded(bl_headers_get(headers, "X-Request-ID"), BL_WIRE_ID_MAX);
    }
    if (!bl_str_is_present(request->request_id)) {
        request->request_id =
            first_of(scan(message->data, "message_id", BL_WIRE_ID_MAX), generated_id);
    }
    request->trace_id =
        bl_wire_trace_id(headers, scan(message->data, "trace_id", BL_WIRE_TRACE_ID_MAX));
}
