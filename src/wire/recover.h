/*
 * What can be told of a message that is broken, or that is refused unread: whose reply it is, and
 * which codes its sender understands. Bounded and best-effort; never for deciding anything.
 */
#ifndef BL_WIRE_RECOVER_H
#define BL_WIRE_RECOVER_H

#include "flow/request.h"
#include "wire/message.h"

/* How far into the text is looked. */
#define BL_WIRE_RECOVER_BYTES 16384

/* Fills request_id (body, header X-Request-ID, message_id, else `generated_id`), trace_id and
 * dialect of `request`, which it initialises. Views into `message`. */
void bl_wire_recover(const struct bl_message *message, struct bl_str generated_id,
                     struct bl_request *request);

#endif
