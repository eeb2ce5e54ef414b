/* Heads of HTTP/1.1 that can be read in two ways: what one side takes for the end of a header or of a
 * request, and another not, is how requests are smuggled past whoever guards the way here. */
#include <string.h>

#include "net/http_private.h"

/* Two spaces and no more: where a target ends is nobody's guess. */
static bool is_request_line(struct bl_str head) {
    unsigned spaces = 0;

    for (size_t i = 0; i < head.len && head.data[i] != '\r' && head.data[i] != '\n'; i++) {
        if (head.data[i] == '\t') {
            return false;
        }
        spaces += head.data[i] == ' ' ? 1 : 0;
    }
    return spaces == 2;
}

/* What llhttp lets through and intermediaries read in other ways. NULL = nothing. */
const char *bl_http1_find_ambiguity(struct bl_str head) {
    if (!is_request_line(head)) {
        return "the first line is not a method, a target and a version";
    }
    for (size_t i = 0; i < head.len; i++) {
        char c = head.data[i];
        if (c == '\0') {
            return "a header holds a NUL";
        }
        if (c == '\n' && (i == 0 || head.data[i - 1] != '\r')) {
            return "a line ends without a carriage return";
        }
        if (c == '\r' && (i + 1 == head.len || head.data[i + 1] != '\n')) {
            return "a carriage return stands within a line";
        }
        bool starts_line = i > 0 && head.data[i - 1] == '\n';
        if (starts_line && (c == ' ' || c == '\t')) {
            return "a header is folded over two lines";
        }
        bool is_space = c == ' ' || c == '\t';
        if (is_space && i + 1 < head.len && head.data[i + 1] == ':') {
            const char *line = memrchr(head.data, '\n', i);
            bool in_name =
                line != NULL && memchr(line, ':', (size_t)(head.data + i - line)) == NULL;
            if (in_name) {
                return "a space stands before a colon";
            }
        }
    }
    return NULL;
}
