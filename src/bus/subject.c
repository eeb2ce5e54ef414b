#include "bus/subject.h"

#include "bus/bus.h"

#define QUEUE_GROUP_MAX 256

static bool is_word(struct bl_str word) {
    for (size_t i = 0; i < word.len; i++) {
        unsigned char byte = (unsigned char)word.data[i];
        if (byte <= 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_token(const char *token, size_t len, bool is_last, bool allow_wildcards) {
    if (len == 0) {
        return false;
    }
    if (len == 1 && token[0] == '*') {
        return allow_wildcards;
    }
    if (len == 1 && token[0] == '>') {
        return allow_wildcards && is_last;
    }
    return true;
}

bool bl_subject_is_valid(struct bl_str subject, bool allow_wildcards) {
    if (subject.len == 0 || subject.len > BL_BUS_SUBJECT_MAX || !is_word(subject)) {
        return false;
    }
    size_t start = 0;
    for (size_t i = 0; i <= subject.len; i++) {
        bool is_last = i == subject.len;
        if (is_last || subject.data[i] == '.') {
            if (!is_token(subject.data + start, i - start, is_last, allow_wildcards)) {
                return false;
            }
            start = i + 1;
        }
    }
    return true;
}

bool bl_queue_group_is_valid(struct bl_str group) {
    return group.len != 0 && group.len <= QUEUE_GROUP_MAX && is_word(group);
}

bool bl_header_name_is_valid(struct bl_str name) {
    if (name.len == 0 || name.len > BL_BUS_HEADER_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        unsigned char byte = (unsigned char)name.data[i];
        if (byte <= 0x20 || byte >= 0x7f || byte == ':') {
            return false;
        }
    }
    return true;
}

bool bl_header_value_is_valid(struct bl_str value) {
    if (value.len > BL_BUS_HEADER_VALUE_MAX) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.data[i];
        if (byte == '\0' || byte == '\r' || byte == '\n') {
            return false;
        }
    }
    return true;
}
