/*
 * What may stand in a subject, a queue group or a header, before it gets anywhere near the protocol.
 *
 * The NATS protocol is lines of words, so a blank or a line end in a subject would become part of
 * a command. Reply subjects and templates come from outside; nothing is sent unchecked. Pure.
 */
#ifndef BL_BUS_SUBJECT_H
#define BL_BUS_SUBJECT_H

#include <stdbool.h>

#include "base/str.h"

/* Tokens separated by single dots, none empty; no byte ≤ 0x20, no 0x7f; at most
 * BL_BUS_SUBJECT_MAX bytes. Wildcards (`*` as a whole token, `>` as the whole last one) only if
 * allowed; a `*` or `>` within a longer token is an ordinary byte to the server. */
bool bl_subject_is_valid(struct bl_str subject, bool allow_wildcards);

/* 1..256 bytes, none ≤ 0x20, no 0x7f. */
bool bl_queue_group_is_valid(struct bl_str group);

/* Name: 1..BL_BUS_HEADER_NAME_MAX bytes, printable ASCII without blank and colon. */
bool bl_header_name_is_valid(struct bl_str name);

/* Value: at most BL_BUS_HEADER_VALUE_MAX bytes, no NUL, CR or LF. */
bool bl_header_value_is_valid(struct bl_str value);

#endif
